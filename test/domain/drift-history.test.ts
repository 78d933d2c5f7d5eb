import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DriftSample,
  estimateDrift,
  parseDriftHistory,
  withSample,
} from '../../src/domain/drift-history.ts';
import { dayMs } from '../../src/domain/durations.ts';
import { proofRuns } from '../support/proof.ts';
import { historyOf, shownSamples } from './drifting.ts';
import { noonMs } from './support.ts';

const stepSeconds = 30;

function at(days: number, driftSeconds: number): DriftSample {
  return { atMs: noonMs + days * dayMs, driftSeconds };
}

function daysAndDrifts(history: string): (readonly [number, number])[] {
  return parseDriftHistory(history).map(({ atMs, driftSeconds }) => [
    (atMs - noonMs) / dayMs,
    driftSeconds,
  ]);
}

describe('a history', () => {
  it('is text of whole seconds, and comes back from it', () => {
    expect(parseDriftHistory('')).toEqual([]);
    const history = historyOf([at(0, -3), at(0.5, 4.4), at(40, 0)], stepSeconds);
    const noon = noonMs / 1000;
    expect(history).toBe(`${noon}:-3,${noon + 43_200}:4,${noon + 40 * 86_400}:0`);
    expect(daysAndDrifts(history)).toEqual([
      [0, -3],
      [0.5, 4],
      [40, 0],
    ]);
  });

  it.each([',', '1', '1:', ':1', '1:2,', '1:2;3:4', 'x:1', '1:+2', '-1:2', '1:2.5', '1:2 '])(
    'is refused when damaged: %j',
    (text) => {
      expect(() => parseDriftHistory(text)).toThrow(/damaged drift history/);
      expect(() => withSample(text, at(1, 0), stepSeconds)).toThrow(/damaged/);
      expect(() => estimateDrift(text, stepSeconds)).toThrow(/damaged/);
    },
  );

  it('leaves out what comes within half a day of the last, or before it', () => {
    const history = historyOf([at(0, 5)], stepSeconds);
    expect(withSample(history, at(0.499, 9), stepSeconds)).toBe(history);
    expect(withSample(history, at(-3, 9), stepSeconds)).toBe(history);
    expect(daysAndDrifts(withSample(history, at(0.5, 9), stepSeconds))).toEqual([
      [0, 5],
      [0.5, 9],
    ]);
  });

  it.each([
    ['two steps and 8 s for each day are drift', 10, 60 + 80, 2],
    ['backwards as well', 10, -(60 + 80), 2],
    ['more is a clock that was set', 10, 60 + 81, 1],
    ['backwards as well', 10, -(60 + 81), 1],
    ['soon after the last one too', 0.1, 62, 1],
    ['and where the host clock went back', -1, 61, 1],
  ])('%s', (_name, days, driftSeconds, samples) => {
    const history = historyOf([at(0, 0)], stepSeconds);
    const after = daysAndDrifts(withSample(history, at(days, driftSeconds), stepSeconds));
    expect(after).toHaveLength(samples);
    expect(after.at(-1)).toEqual([days, driftSeconds]);
  });

  it('has 32 samples at the most, the first and the newest among them, spread over time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.5, max: 30, noNaN: true }), { minLength: 33, maxLength: 120 }),
        (gapsDays) => {
          let days = 0;
          const samples = gapsDays.map((gap) => at((days += gap), 0));
          const kept = parseDriftHistory(historyOf(samples, stepSeconds));
          const seconds = ({ atMs }: DriftSample): number => Math.floor(atMs / 1000);
          expect(kept).toHaveLength(32);
          expect(seconds(kept[0]!)).toBe(seconds(samples[0]!));
          expect(seconds(kept.at(-1)!)).toBe(seconds(samples.at(-1)!));
          const order = kept.map(seconds);
          expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
        },
      ),
      proofRuns(100),
    );
  });

  it('loses the sample whose neighbours stand closest', () => {
    const samples = Array.from({ length: 32 }, (_, index) => at(10 * index, index));
    const crowd = [...samples, at(311, 0)];
    const kept = daysAndDrifts(historyOf(crowd, stepSeconds)).map(([days]) => days);
    expect(kept).not.toContain(310);
    expect(kept.slice(-2)).toEqual([300, 311]);
  });

  it('survives its own text whatever is noted', () => {
    const noted = fc.record({
      atMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
      driftSeconds: fc.integer({ min: -2_600_000, max: 2_600_000 }),
    });
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 60 }), (samples) => {
        let history = '';
        for (const sample of samples) {
          history = withSample(history, sample, stepSeconds);
          const [last] = parseDriftHistory(history).slice(-1);
          expect(last).toBeDefined();
        }
        expect(parseDriftHistory(history).length).toBeLessThanOrEqual(32);
      }),
      proofRuns(100),
    );
  });
});

describe('the rate', () => {
  it.each([
    ['nothing', []],
    ['one sample', [at(0, 0)]],
    ['three over a year', [at(0, 0), at(100, 0), at(365, 0)]],
    ['four within three days', [at(0, 0), at(0.9, 0), at(1.8, 0), at(2.99, 0)]],
  ])('is not told from %s', (_name, samples) => {
    expect(estimateDrift(historyOf(samples, stepSeconds), stepSeconds)).toBeNull();
  });

  it('is a line through samples without noise, with the interval of one step', () => {
    const samples = [0, 10, 20, 30].map((days) => at(days, 5 + days));
    const estimate = estimateDrift(historyOf(samples, stepSeconds), stepSeconds)!;
    expect(estimate.ratePpm).toBeCloseTo(1e6 / 86_400, 9);
    expect(estimate.driftSecondsAt(noonMs + 40 * dayMs)).toBeCloseTo(45, 9);
    // 1.96 * (30 / sqrt(12)) / sqrt(500 days squared)
    const spreadSeconds = Math.sqrt(500) * 86_400;
    expect(estimate.ratePpmError).toBeCloseTo((1.96 * 8.660_254 * 1e6) / spreadSeconds, 4);
    expect(estimate).toMatchObject({
      sampleCount: 4,
      fromMs: noonMs,
      toMs: noonMs + 30 * dayMs,
    });
  });

  it('is believed less where samples scatter more than one step explains', () => {
    const scattered = [at(0, 0), at(10, 90), at(20, 0), at(30, 90), at(40, 0)];
    const history = historyOf(scattered, stepSeconds);
    expect(parseDriftHistory(history)).toHaveLength(5);
    const { ratePpmError } = estimateDrift(history, stepSeconds)!;
    const calm = estimateDrift(
      historyOf(
        scattered.map(({ atMs }) => ({ atMs, driftSeconds: 0 })),
        30,
      ),
      30,
    )!;
    expect(ratePpmError).toBeGreaterThan(5 * calm.ratePpmError);
  });

  it('lies in its interval for 95 of 100 devices, whatever it is', () => {
    const rates = [-40, -3, 0, 0.7, 12, 40];
    const devices = 600;
    let inside = 0;
    for (let device = 1; device <= devices; device += 1) {
      const ppm = rates[device % rates.length]!;
      const clock = { seed: device * 7919, ppm, offsetSeconds: 17, days: 180, perDay: 0.7 };
      const history = historyOf(shownSamples(clock), stepSeconds);
      const { ratePpm, ratePpmError } = estimateDrift(history, stepSeconds)!;
      expect(ratePpmError).toBeLessThan(1.5);
      if (Math.abs(ratePpm - ppm) <= ratePpmError) inside += 1;
    }
    // Of 600 devices at 95 %, fewer than 93 % are inside once in a hundred.
    expect(inside / devices).toBeGreaterThan(0.93);
    expect(inside).toBeLessThan(devices);
  });
});
