import { EmulatorError } from '../errors.ts';
import { changeClock, createDeviceClock } from '../physics/clock.ts';
import { type Operation, refusedAsIs } from './operate.ts';
import { switchedOff } from './screens.ts';
import { checkSeed, type VirtualToken } from './token.ts';

export interface ProgramOptions {
  /** Sets the clock to true time as well; its rate stays what it is. */
  readonly setsClock?: boolean | undefined;
}

/**
 * Writes the seeds of a programmable token anew: counters begin at 0, what is displayed goes. The
 * clock is only ever set together with a seed: one that could be set alone would show the responses
 * of another day to whoever holds the token for a moment.
 *
 * @param seeds one per application, in order, 16 to 128 bytes; owned by the token
 * @throws EmulatorError input-invalid for seeds that do not fit, and what `changeClock` throws
 */
export function program(
  token: VirtualToken,
  trueMs: number,
  seeds: readonly Uint8Array[],
  { setsClock = false }: ProgramOptions = {},
): Operation {
  if (token.hull.isProgrammable !== true) return refusedAsIs(token, { code: 'not-programmable' });
  if (token.pairing.status === 'requested') return refusedAsIs(token, { code: 'pairing-open' });
  const { applications, clock, state } = token;
  if (seeds.length !== applications.length) {
    throw new EmulatorError(
      'input-invalid',
      `one seed per application is needed: ${applications.length}, not ${seeds.length}`,
    );
  }
  const programmed: VirtualToken = {
    ...token,
    clock: setsClock ? changeClock(clock, trueMs, { offsetMs: 0 }) : clock,
    pairing: { status: 'stand-alone' },
    applications: applications.map((application, index) => ({
      ...application,
      seed: checkSeed(seeds[index] ?? new Uint8Array()),
    })),
    state: { ...switchedOff(state), eventCounters: applications.map(() => 0n) },
  };
  return {
    ok: true,
    token: programmed,
    generated: null,
    deviceTimeMs: createDeviceClock(programmed.clock).deviceTimeMs(trueMs),
  };
}
