import { TallystickError } from '../errors.ts';
import { dayMs } from './durations.ts';

/**
 * What accepted responses have shown of a device's clock: a bounded list of observations, as text in
 * the application's row (`seconds:drift` pairs, oldest first, joined by commas). One response places
 * the clock no better than within its time step, so a rate comes from many over a long time.
 */

/** One accepted response: when, and how far the device was ahead of the host (negative: behind). */
export interface DriftSample {
  readonly atMs: number;
  /** To the middle of the response's step: within half a step of the truth. */
  readonly driftSeconds: number;
}

/** How fast a clock runs, by least squares over its samples. */
export interface DriftEstimate {
  /** Parts per million: positive is fast, 11.6 is a second a day. */
  readonly ratePpm: number;
  /** Half of the 95 % interval around it. */
  readonly ratePpmError: number;
  /** Where the line stands at an instant: device time minus host time, in seconds. */
  driftSecondsAt(atMs: number): number;
  readonly sampleCount: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A clock may gain or lose this much in a day before it is taken to have been set (OAS's allowance). */
export const idleDriftSecondsPerDay: number = 8;

const samplesMax = 32;
/** Two responses of the same hours say nothing more than one. */
const sampleGapMs = dayMs / 2;
const estimateSamplesMin = 4;
const estimateSpanMsMin = 3 * dayMs;
const wellFormed = /^\d{1,12}:-?\d{1,9}(?:,\d{1,12}:-?\d{1,9})*$/;
/** Two-sided 95 % of the normal distribution. */
const z95 = 1.96;

/**
 * The history with one more observation. A sample soon after the last is left out; a full history
 * loses the one whose neighbours stand closest. A clock that moved further than any crystal drifts
 * was set: its history begins anew.
 *
 * @param timeStepSeconds of the application: how far an honest sample may be off
 */
export function withSample(history: string, sample: DriftSample, timeStepSeconds: number): string {
  const samples = parseDriftHistory(history);
  const last = samples.at(-1);
  if (last === undefined || wasSet(last, sample, timeStepSeconds)) return textOf([sample]);
  if (sample.atMs - last.atMs < sampleGapMs) return history;
  const all = [...samples, sample];
  if (all.length > samplesMax) all.splice(mostCrowded(all), 1);
  return textOf(all);
}

/**
 * The observations in a history, oldest first.
 *
 * @throws TallystickError store-contract: only `withSample` writes histories
 */
export function parseDriftHistory(history: string): readonly DriftSample[] {
  if (history === '') return [];
  if (!wellFormed.test(history)) {
    throw new TallystickError('store-contract', 'The database holds a damaged drift history.');
  }
  return history.split(',').map((entry) => {
    const split = entry.indexOf(':');
    return {
      atMs: Number(entry.slice(0, split)) * 1000,
      driftSeconds: Number(entry.slice(split + 1)),
    };
  });
}

/**
 * The rate of a clock with its confidence, or null while there is too little to tell: fewer than
 * four samples, or less than three days between the first and the last.
 *
 * @param timeStepSeconds a sample is uniform within one step, so no residual smaller than a
 *   step / sqrt(12) is believed
 */
export function estimateDrift(history: string, timeStepSeconds: number): DriftEstimate | null {
  const samples = parseDriftHistory(history);
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return null;
  if (samples.length < estimateSamplesMin || last.atMs - first.atMs < estimateSpanMsMin)
    return null;
  const count = samples.length;
  const meanMs = samples.reduce((sum, { atMs }) => sum + atMs, 0) / count;
  const meanDrift = samples.reduce((sum, { driftSeconds }) => sum + driftSeconds, 0) / count;
  let spread = 0;
  let product = 0;
  for (const { atMs, driftSeconds } of samples) {
    const seconds = (atMs - meanMs) / 1000;
    spread += seconds * seconds;
    product += seconds * (driftSeconds - meanDrift);
  }
  const rate = product / spread;
  const driftSecondsAt = (atMs: number): number => meanDrift + (rate * (atMs - meanMs)) / 1000;
  const squares = samples.reduce(
    (sum, { atMs, driftSeconds }) => sum + (driftSeconds - driftSecondsAt(atMs)) ** 2,
    0,
  );
  const variance = Math.max(squares / (count - 2), timeStepSeconds ** 2 / 12);
  return {
    ratePpm: rate * 1e6,
    ratePpmError: z95 * Math.sqrt(variance / spread) * 1e6,
    driftSecondsAt,
    sampleCount: count,
    fromMs: first.atMs,
    toMs: last.atMs,
  };
}

function wasSet(last: DriftSample, next: DriftSample, timeStepSeconds: number): boolean {
  const days = Math.max(0, next.atMs - last.atMs) / dayMs;
  const explained = 2 * timeStepSeconds + idleDriftSecondsPerDay * days;
  return Math.abs(next.driftSeconds - last.driftSeconds) > explained;
}

/** The sample whose neighbours are the closest together; the first and the last span the line. */
function mostCrowded(samples: readonly DriftSample[]): number {
  let crowded = 1;
  let leastMs = Infinity;
  let [beforeMs, ownMs] = [-Infinity, -Infinity];
  for (const [index, { atMs }] of samples.entries()) {
    const gapMs = atMs - beforeMs;
    if (gapMs < leastMs) [crowded, leastMs] = [index - 1, gapMs];
    [beforeMs, ownMs] = [ownMs, atMs];
  }
  return crowded;
}

function textOf(samples: readonly DriftSample[]): string {
  return samples
    .map(({ atMs, driftSeconds }) => `${Math.floor(atMs / 1000)}:${Math.round(driftSeconds)}`)
    .join(',');
}
