import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  pressCounts,
  pressesOnDay,
  pressModel,
  type PressModel,
  type PressPreset,
  pressPresets,
  withBurst,
} from '../../../emulator/index.ts';
import { errorOf } from '../support.ts';

const serialOf = (index: number): string => `VT${String(index).padStart(8, '0')}`;

/** What each of many tokens was pressed between two logins, sorted. */
function gaps(preset: PressPreset, days: number, tokens = 6000): number[] {
  const model = pressModel(preset);
  return Array.from({ length: tokens }, (_, index) =>
    pressCounts(model, 'qa', serialOf(index)).before(days),
  ).sort((left, right) => left - right);
}
const share = (counts: readonly number[], above: number): number =>
  counts.filter((count) => count > above).length / counts.length;

describe('unsent presses of a typical token', () => {
  // Extra events between logins, as simulated for the dossier with 20,000 runs.
  it.each([
    [1, [1, 1]],
    [7, [3, 6]],
    [30, [13, 20]],
    [90, [25, 35]],
  ] as const)('after %i days: p99 within %j', (days, [min, max]) => {
    const counts = gaps('typical', days);
    const p99 = counts[Math.floor(counts.length * 0.99)]!;
    expect(p99).toBeGreaterThanOrEqual(min);
    expect(p99).toBeLessThanOrEqual(max);
  });

  it.each([
    [30, 0.012, 0.03],
    [90, 0.07, 0.13],
  ])('after %i days a look-ahead of ten is not enough for %f to %f', (days, min, max) => {
    const counts = gaps('typical', days);
    expect(share(counts, 10)).toBeGreaterThan(min);
    expect(share(counts, 10)).toBeLessThan(max);
    expect(share(counts, 100)).toBe(0);
  });

  it('most days see none, and few days see most', () => {
    const counts = pressCounts(pressModel('typical'), 'qa', 'VT00000001');
    const days = Array.from({ length: 20_000 }, (_, day) => counts.onDay(day));
    expect(share(days, 0)).toBeLessThan(0.06);
    // 0.05 and 0.002 bursts of nine.
    expect(counts.before(20_000) / 20_000).toBeCloseTo(0.068, 1);
    expect(counts.before(20_000)).toBe(days.reduce((sum, count) => sum + count, 0));
  });
});

it('a count of presses is spread as a gamma-Poisson is', () => {
  for (const [meanPerDay, shape] of [
    [0.5, 0.5],
    [4, 2],
    [900, 1000],
  ] as const) {
    const model = { ...pressModel('none'), meanPerDay, shape };
    const counts = pressCounts(model, 'qa', 'VT00000001');
    const days = Array.from({ length: 20_000 }, (_, day) => counts.onDay(day));
    const mean = days.reduce((sum, count) => sum + count, 0) / days.length;
    const variance = days.reduce((sum, count) => sum + (count - mean) ** 2, 0) / days.length;
    expect(mean / meanPerDay).toBeCloseTo(1, 1);
    expect(variance / (meanPerDay + meanPerDay ** 2 / shape)).toBeCloseTo(1, 1);
  }
});

describe('the other presets', () => {
  it('are a fifth, ten times, and nothing', () => {
    const mean = (preset: PressPreset): number => {
      const counts = gaps(preset, 60, 2000);
      return counts.reduce((sum, count) => sum + count, 0) / counts.length;
    };
    const typical = mean('typical');
    expect(mean('careful') / typical).toBeCloseTo(0.2, 1);
    expect(mean('child-with-token') / typical).toBeGreaterThan(9);
    expect(mean('child-with-token') / typical).toBeLessThan(11);
    expect(mean('none')).toBe(0);
  });

  it('a burst comes on its day and on no other', () => {
    const model = withBurst(pressModel('none'), 12, 37);
    expect([11, 12, 13].map((day) => pressesOnDay(model, 'qa', 'VT00000001', day))).toEqual([
      0, 37, 0,
    ]);
    expect(pressCounts(model, 'qa', 'VT00000001').before(100)).toBe(37);
  });
});

describe('a press count', () => {
  it('is the same in whatever order it is asked for', () => {
    const day = fc.nat({ max: 400 });
    const days = fc.array(day, { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(fc.constantFrom(...pressPresets), days, (preset, asked) => {
        const model = pressModel(preset);
        const counts = pressCounts(model, 'qa', 'VT00000001');
        for (const index of asked) {
          const fresh = pressCounts(model, 'qa', 'VT00000001');
          expect(counts.before(index)).toBe(fresh.before(index));
          expect(counts.onDay(index)).toBe(pressesOnDay(model, 'qa', 'VT00000001', index));
          expect(counts.before(index + 1) - counts.before(index)).toBe(counts.onDay(index));
        }
      }),
    );
  });

  it('leaves the bursts where they were when only the mean is another', () => {
    const onlyBursts: PressModel = { ...pressModel('typical'), burstsPerDay: 0.2, meanPerDay: 0 };
    const busy = pressCounts({ ...onlyBursts, meanPerDay: 0.5 }, 'qa', 'VT00000001');
    const quiet = pressCounts(onlyBursts, 'qa', 'VT00000001');
    for (let day = 0; day < 200; day += 1) {
      expect(busy.onDay(day)).toBeGreaterThanOrEqual(quiet.onDay(day));
    }
    expect(quiet.before(200)).toBeGreaterThan(0);
  });

  const typical = pressModel('typical');
  it.each<[string, () => unknown]>([
    ['an unknown preset', () => pressModel('cat')],
    ['a negative mean', () => pressCounts({ ...typical, meanPerDay: -1 }, 'qa', 'A')],
    ['a shape of 0', () => pressCounts({ ...typical, shape: 0 }, 'qa', 'A')],
    ['more bursts than days', () => pressCounts({ ...typical, burstsPerDay: 1.5 }, 'qa', 'A')],
    ['a NaN', () => pressCounts({ ...typical, burstMean: Number.NaN }, 'qa', 'A')],
    ['a burst of half a press', () => withBurst(typical, 1, 0.5)],
    ['a burst before the first day', () => withBurst(typical, -1, 5)],
    ['day -1', () => pressesOnDay(typical, 'qa', 'A', -1)],
    ['half a day', () => pressCounts(typical, 'qa', 'A').before(0.5)],
  ])('refuses %s', async (_name, work) => {
    expect((await errorOf(work)).code).toBe('input-invalid');
  });
});
