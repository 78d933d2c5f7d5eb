import { OathError } from './oath-error.ts';

/** How time is counted (RFC 6238 section 4.1: X and T0), both in whole seconds. */
export type TimeStepping = {
  readonly timeStepSeconds: number;
  readonly timeOriginSeconds: number;
};

/** The longest step that any algorithm here has: T48H of RFC 6287 section 6.3. */
const timeStepSecondsMax = 172_800;

/** Last second of the year 9999: beyond it an origin is a unit mistaken, not a date. */
export const timeOriginSecondsMax: number = 253_402_300_799;

/**
 * The number of whole steps since the origin (RFC 6238 section 4.2: T), rounded down also before
 * the origin, so that the step just before it is -1 and not a second 0; `parseTimeStep` then
 * refuses it.
 *
 * @param nowMs Unix time in milliseconds
 * @throws OathError ERR_OATH_VALUE, part `nowMs`, `timeStepSeconds` or `timeOriginSeconds`
 */
export function timeStepAt(nowMs: number, stepping: TimeStepping): bigint {
  checkStepping(stepping);
  if (!(Math.abs(nowMs) <= Number.MAX_SAFE_INTEGER)) {
    throw new OathError('ERR_OATH_VALUE', 'nowMs', 'a Unix time in milliseconds below 2^53');
  }
  const stepMs = stepping.timeStepSeconds * 1000;
  const sinceOriginMs = Math.floor(nowMs) - stepping.timeOriginSeconds * 1000;
  // Exact: a quotient of whole numbers below 2^53 never rounds up to a whole number.
  return BigInt(Math.floor(sinceOriginMs / stepMs));
}

/**
 * The span of Unix time in which a step is current.
 *
 * @returns milliseconds, `startMs` inside and `endMs` the first instant of the next step
 * @throws OathError ERR_OATH_VALUE, part `timeStep`, when the span leaves the safe integers
 */
export function stepInterval(
  step: bigint,
  stepping: TimeStepping,
): { readonly startMs: number; readonly endMs: number } {
  checkStepping(stepping);
  const stepMs = BigInt(stepping.timeStepSeconds) * 1000n;
  const startMs = Number(step * stepMs + BigInt(stepping.timeOriginSeconds) * 1000n);
  const endMs = startMs + Number(stepMs);
  if (!Number.isSafeInteger(startMs) || !Number.isSafeInteger(endMs)) {
    throw new OathError('ERR_OATH_VALUE', 'timeStep', 'a step whose times are below 2^53 ms');
  }
  return { startMs, endMs };
}

function checkStepping(stepping: TimeStepping): void {
  checkWhole('timeStepSeconds', stepping.timeStepSeconds, 1, timeStepSecondsMax);
  checkWhole('timeOriginSeconds', stepping.timeOriginSeconds, 0, timeOriginSecondsMax);
}

function checkWhole(part: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new OathError(
    'ERR_OATH_VALUE',
    part,
    `a whole number from ${String(min)} to ${String(max)}`,
  );
}
