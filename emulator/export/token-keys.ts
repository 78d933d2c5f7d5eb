import { type KeyFileKey, type KeyFilePinPolicy, type KeyUsage } from '../../src/formats/index.ts';
import { algorithmInputs, algorithmTimeStepping } from '../../src/oath/index.ts';
import type { ApplicationMode, DeviceApplication } from '../device/application.ts';
import type { VirtualToken } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import { clockErrorMs } from '../physics/clock.ts';

/** What a key file says besides what the token knows of itself. */
export interface KeyLabels {
  readonly manufacturer?: string | undefined;
  readonly issuer?: string | undefined;
  readonly userId?: string | undefined;
}

const usages: Readonly<Record<ApplicationMode, readonly KeyUsage[]>> = {
  'response-only': ['OTP'],
  'challenge-response': ['CR'],
  'multi-mode': ['CR', 'Integrity'],
  signature: ['Integrity'],
  unlock: ['Unlock'],
};

/**
 * The keys of a token for a key file, one per application, as the token stands at `trueMs`: next
 * event counters, and by how many steps the clock is wrong. The secrets are the token's own bytes:
 * write the keys before you wipe it.
 *
 * @throws EmulatorError refused for a token without seeds of its own
 */
export function tokenKeys(
  token: VirtualToken,
  trueMs: number,
  labels: KeyLabels = {},
): readonly KeyFileKey[] {
  const { serial, model, pairing } = token;
  if (pairing.status === 'requested') {
    throw new EmulatorError('refused', `token ${serial} waits for its bundle: it has no seeds yet`);
  }
  if (pairing.status === 'paired') {
    throw new EmulatorError(
      'refused',
      `token ${serial} was paired: its seeds are the server's, and nobody else gets them`,
    );
  }
  const errorMs = clockErrorMs(token.clock, trueMs);
  return token.applications.map((application, index) => ({
    id: `${serial}/${application.name}`,
    device: { serial, model, manufacturer: labels.manufacturer },
    applicationName: application.name,
    algorithm: application.algorithm,
    secret: secretOf(application),
    usages: usages[application.mode],
    issuer: labels.issuer,
    userId: labels.userId,
    eventCounter: token.state.eventCounters[index],
    timeDriftSteps: stepsOf(application, errorMs),
    challengeCheckDigit: application.challengeCheckDigit,
    responseCheckDigit: application.responseCheckDigit,
    pinPolicy: pinPolicyOf(token, application),
  }));
}

function secretOf({ name, seed }: DeviceApplication): Uint8Array {
  if (seed === null) throw new TypeError(`application ${name} of a token with seeds has none`);
  return seed.exposeSecret();
}

function stepsOf({ algorithm }: DeviceApplication, errorMs: number): number | undefined {
  const stepping = algorithmTimeStepping(algorithm);
  return stepping && Math.round(errorMs / 1000 / stepping.timeStepSeconds);
}

function pinPolicyOf(
  { hull }: VirtualToken,
  { mode, algorithm }: DeviceApplication,
): KeyFilePinPolicy | undefined {
  if (mode === 'unlock') return undefined;
  const usageMode = algorithmInputs(algorithm).pinHash ? 'Algorithmic' : 'Local';
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (policy !== null) {
    const { digitsMin, digitsMax, failuresMax } = policy;
    return {
      usageMode,
      maxFailedAttempts: failuresMax,
      minLength: digitsMin,
      maxLength: digitsMax,
      encoding: 'DECIMAL',
    };
  }
  return usageMode === 'Algorithmic' ? { usageMode } : undefined;
}
