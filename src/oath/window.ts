import { OathError } from './oath-error.ts';
import {
  type EventCounter,
  movingFactorMax,
  parseEventCounter,
  parseTimeStep,
  type TimeStep,
} from './types.ts';

/** No window reaches further, whatever a policy says: each candidate costs a MAC. */
export const windowStepsMax: number = 65_536;

const chunkSizes: readonly number[] = [1, 4, 16, 64];
const lastChunkSize = 64;

/**
 * The counters next .. next + windowSteps - 1 (RFC 4226 section 7.2), where `next` is the first
 * acceptable one. Counters beyond 2^64-1 are left out.
 *
 * @param windowSteps number of counters, 0 to 65,536
 * @throws OathError ERR_OATH_WINDOW, part `windowSteps`
 */
export function lookAhead(next: EventCounter, windowSteps: number): readonly EventCounter[] {
  checkSteps('windowSteps', windowSteps);
  const counters: EventCounter[] = [];
  for (let ahead = 0; ahead < windowSteps; ahead += 1) {
    const counter = next + BigInt(ahead);
    if (counter > movingFactorMax) break;
    counters.push(parseEventCounter(counter));
  }
  return counters;
}

/**
 * The steps around a centre, nearest first: centre, -1, +1, -2, +2 and so on to `halfWidthSteps`
 * on each side, inclusive (RFC 6238 section 5.2). Steps outside 0..2^64-1 are left out.
 *
 * @param centre may be negative, as a clock before the time origin makes it
 * @param halfWidthSteps 0 to 65,536
 * @throws OathError ERR_OATH_WINDOW, part `halfWidthSteps`
 */
export function nearestFirst(centre: bigint, halfWidthSteps: number): readonly TimeStep[] {
  checkSteps('halfWidthSteps', halfWidthSteps);
  const steps: TimeStep[] = [];
  const add = (step: bigint): void => {
    if (step >= 0n && step <= movingFactorMax) steps.push(parseTimeStep(step));
  };
  add(centre);
  for (let distance = 1; distance <= halfWidthSteps; distance += 1) {
    add(centre - BigInt(distance));
    add(centre + BigInt(distance));
  }
  return steps;
}

/**
 * Cuts candidates into chunks of 1, 4, 16 and then 64, in their order: most logons are decided by
 * the first candidate, and an acceptance may stop after its chunk.
 */
export function chunks<Candidate>(
  candidates: readonly Candidate[],
): readonly (readonly Candidate[])[] {
  const cut: (readonly Candidate[])[] = [];
  for (let start = 0; start < candidates.length;) {
    const size = chunkSizes[cut.length] ?? lastChunkSize;
    cut.push(candidates.slice(start, start + size));
    start += size;
  }
  return cut;
}

function checkSteps(part: string, steps: number): void {
  if (Number.isSafeInteger(steps) && steps >= 0 && steps <= windowStepsMax) return;
  const allowed = `a whole number from 0 to ${String(windowStepsMax)}`;
  throw new OathError('ERR_OATH_WINDOW', part, allowed);
}
