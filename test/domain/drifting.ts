import { type DriftSample, withSample } from '../../src/domain/drift-history.ts';
import { dayMs } from '../../src/domain/durations.ts';
import { noonMs } from './support.ts';

/** The history of samples in their order. */
export function historyOf(samples: readonly DriftSample[], timeStepSeconds: number): string {
  return samples.reduce((history, each) => withSample(history, each, timeStepSeconds), '');
}

/**
 * What a clock shows from noon on to someone who presses at random: the middle of its step instead
 * of its time, so that each sample is uniform within one step of the truth.
 */
export function shownSamples(clock: {
  readonly seed: number;
  readonly ppm: number;
  readonly offsetSeconds: number;
  readonly days: number;
  readonly perDay: number;
  readonly timeStepSeconds?: number;
}): readonly DriftSample[] {
  const { seed, ppm, offsetSeconds, days, perDay, timeStepSeconds = 30 } = clock;
  const random = randomFrom(seed);
  return Array.from({ length: Math.floor(days * perDay) }, (_, index) => {
    const atMs = noonMs + Math.floor(((index + random()) / perDay) * dayMs);
    const seconds = offsetSeconds + ((atMs - noonMs) * ppm) / 1e9;
    const inStep = (atMs / 1000 + seconds) % timeStepSeconds;
    return { atMs, driftSeconds: Math.round(seconds - inStep + timeStepSeconds / 2) };
  });
}

/** Numbers from 0 to 1 (mulberry32), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
