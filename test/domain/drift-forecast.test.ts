import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastDrift, type Leaving } from '../../src/domain/drift-forecast.ts';
import { expectedStep } from '../../src/domain/drift.ts';
import { dayMs } from '../../src/domain/durations.ts';
import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { timeWindowOf } from '../../src/domain/window.ts';
import { timeStepAt, type TimeStepping } from '../../src/oath/index.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import { historyOf, shownSamples } from './drifting.ts';
import { applicationWith, noonMs, policyWith, totp } from './support.ts';

const tenYearsDays = 3653;

function steppingOf(timeStepSeconds = 30): TimeStepping {
  return { timeStepSeconds, timeOriginSeconds: 0 };
}

/** A history whose line is exact: the same drift, or the same more each day, seen ten times. */
function lineHistory(secondsPerDay: number, lastSeconds = 0, daysApart = 10): string {
  const samples = Array.from({ length: 10 }, (_, index) => {
    const days = (index - 9) * daysApart;
    return { atMs: noonMs + days * dayMs, driftSeconds: lastSeconds + days * secondsPerDay };
  });
  return historyOf(samples, 30);
}

/** Last used at noon, with a drift of nothing. */
function used(set: Partial<Application> = {}): Application {
  return applicationWith(totp(), { driftAtMs: noonMs, ...set });
}

function leavingDays(
  application: Application,
  settings: Partial<EffectivePolicy> = {},
  nowDays = 0,
): Record<keyof Leaving, number | null> {
  const nowMs = noonMs + nowDays * dayMs;
  const { leaving } = forecastDrift(application, steppingOf(), nowMs, policyWith(settings));
  const days = (atMs: number | null): number | null =>
    atMs === null ? null : Math.round(((atMs - noonMs) / dayMs) * 100) / 100;
  return { expectedAtMs: days(leaving.expectedAtMs), earliestAtMs: days(leaving.earliestAtMs) };
}

describe('where a device is now', () => {
  it('is not known before its first use', () => {
    const application = applicationWith(totp());
    const policy = policyWith({ initialTimeWindowSeconds: 21_600 });
    expect(forecastDrift(application, steppingOf(), noonMs, policy)).toEqual({
      deviceSeconds: 0,
      uncertaintySeconds: null,
      estimate: null,
      window: {
        kind: 'initial',
        centreSeconds: 0,
        halfWidthSteps: 360,
        halfWidthSeconds: 10_815,
      },
      leaving: { expectedAtMs: null, earliestAtMs: null },
    });
  });

  it('is known to half a step when it is used, and by 4 s less for each idle day', () => {
    const application = used({ driftSeconds: 12 });
    const at = (days: number): unknown =>
      forecastDrift(application, steppingOf(), noonMs + days * dayMs, policyWith());
    expect(at(0)).toMatchObject({ deviceSeconds: 12, uncertaintySeconds: 15, estimate: null });
    expect(at(-1)).toMatchObject({ deviceSeconds: 12, uncertaintySeconds: 15 });
    expect(at(10)).toMatchObject({
      deviceSeconds: 12,
      uncertaintySeconds: 55,
      window: { kind: 'ordinary', centreSeconds: 12, halfWidthSteps: 10, halfWidthSeconds: 315 },
    });
  });

  it('moves on by its rate, and its window only where the policy predicts', () => {
    const application = used({ driftSeconds: 90, driftHistory: lineHistory(1, 90) });
    const at = (driftPrediction: boolean): ReturnType<typeof forecastDrift> =>
      forecastDrift(
        application,
        steppingOf(),
        noonMs + 50 * dayMs,
        policyWith({ driftPrediction }),
      );
    const { estimate, ...still } = at(false);
    expect(estimate!.ratePpm).toBeCloseTo(11.574, 3);
    expect(still.deviceSeconds).toBeCloseTo(140, 9);
    expect(still.window.centreSeconds).toBe(90);
    const error = estimate!.ratePpmError * 0.0864;
    expect(still.uncertaintySeconds).toBeCloseTo(15 + 50 * error, 9);
    expect(at(true).window.centreSeconds).toBeCloseTo(140, 9);
  });

  it.each<[string, Partial<Application>, number]>([
    ['learned', { driftHistory: `${noonMs / 1000}:30` }, 0],
    ['held back', { driftHistory: `${noonMs / 1000}:31` }, 31],
    ['moved without a sample', { driftHistory: `${noonMs / 1000 - 1}:31` }, 0],
    ['frozen', { driftHistory: `${noonMs / 1000 - 9}:-20`, isDriftFrozen: true }, -20],
    ['frozen, nothing seen', { isDriftFrozen: true }, 0],
    ['frozen, on its line', { driftHistory: lineHistory(1, 50), isDriftFrozen: true }, 50],
  ])('is where it was seen: %s', (_name, set, deviceSeconds) => {
    const { deviceSeconds: seen } = forecastDrift(used(set), steppingOf(), noonMs, policyWith());
    expect(seen).toBeCloseTo(deviceSeconds, 6);
  });

  it('is no further from the last response than half a step, wherever the line lies', () => {
    const driftHistory = `${lineHistory(0)},${noonMs / 1000 + 86_400}:60`;
    const frozen = used({ driftHistory, driftAtMs: noonMs + dayMs, isDriftFrozen: true });
    const seen = forecastDrift(frozen, steppingOf(), noonMs + dayMs, policyWith());
    expect(seen.deviceSeconds).toBe(45);
  });
});

describe('when it leaves', () => {
  const dynamic = { dynamicTimeWindow: true };

  it.each<[string, Partial<Application>, Partial<EffectivePolicy>, number | null, number | null]>([
    ['without a rate: 315 s at 4 s a day', {}, {}, null, 78.75],
    ['a narrower window', {}, { identificationTimeWindowSteps: 2 }, null, 11.25],
    ['a window of one step', {}, { identificationTimeWindowSteps: 0 }, null, 3.75],
    ['dynamic: the cap at 4 s a day', {}, dynamic, null, 2703.75],
    ['dynamic, lower cap', {}, { ...dynamic, syncTimeWindowSeconds: 1200 }, null, 153.75],
    ['dynamic, cap below the ordinary', {}, { ...dynamic, syncTimeWindowSeconds: 60 }, null, 78.75],
    ['out when it was used', { driftHistory: `${noonMs / 1000}:-316` }, {}, 0, 0],
    ['held back by 280 s', { driftHistory: `${noonMs / 1000}:280` }, {}, null, 8.75],
  ])('%s', (_name, set, settings, expected, earliest) => {
    const days = leavingDays(used(set), settings);
    expect(days).toEqual({ expectedAtMs: expected, earliestAtMs: earliest });
  });

  it('by its rate, and earlier by what that may be off; not at all when it is followed', () => {
    const application = used({ driftHistory: lineHistory(1) });
    const error =
      0.0864 *
      forecastDrift(application, steppingOf(), noonMs, policyWith()).estimate!.ratePpmError;
    expect(error).toBeGreaterThan(0.1);
    const round = (days: number): number => Math.round(days * 100) / 100;
    const still = leavingDays(application);
    expect(still).toEqual({ expectedAtMs: 315, earliestAtMs: round(315 / (1 + error)) });
    const followed = leavingDays(application, { driftPrediction: true });
    expect(followed).toEqual({ expectedAtMs: null, earliestAtMs: round(315 / error) });
    const frozen = leavingDays({ ...application, isDriftFrozen: true }, { driftPrediction: true });
    expect(frozen).toEqual(still);
  });

  it('takes the allowance for what a few days cannot tell', () => {
    const application = used({ driftHistory: lineHistory(2, 0, 0.5) });
    const { estimate } = forecastDrift(application, steppingOf(), noonMs, policyWith());
    expect(estimate!.ratePpmError).toBeGreaterThan(23.2);
    expect(leavingDays(application).earliestAtMs).toBe(78.75);
  });

  it('believes a clock that is surely worse than the allowance', () => {
    for (const secondsPerDay of [6, -6]) {
      const application = used({ driftHistory: lineHistory(secondsPerDay) });
      const { expectedAtMs, earliestAtMs } = leavingDays(application);
      expect(expectedAtMs).toBe(52.5);
      expect(earliestAtMs).toBeLessThan(52.5);
      // Ahead of the window that grows: it overtakes the end of a stair, or has done so before.
      expect(leavingDays(application, dynamic).expectedAtMs).toBe(52.5);
      const behind = {
        ...application,
        driftHistory: lineHistory(secondsPerDay, -40 * secondsPerDay),
      };
      const late = leavingDays({ ...behind, isDriftFrozen: true }, dynamic);
      expect(late.expectedAtMs).toBeGreaterThan(52.5);
    }
  });

  it('is a date, not an idle time: waiting does not move it', () => {
    const application = used({ driftHistory: lineHistory(1) });
    expect(leavingDays(application, {}, 200)).toEqual(leavingDays(application));
    expect(leavingDays(application, {}, 2000)).toEqual(leavingDays(application));
  });

  it('is not told beyond ten years from now', () => {
    const wide = { identificationTimeWindowSteps: 974 };
    expect(leavingDays(used(), wide)).toEqual({ expectedAtMs: null, earliestAtMs: null });
    expect(leavingDays(used(), wide, 5).earliestAtMs).toBe(3656.25);
  });
});

interface Case {
  readonly application: Application;
  readonly stepping: TimeStepping;
  readonly policy: EffectivePolicy;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    timeStepSeconds: fc.constantFrom(10, 30, 60),
    secondsPerDay: fc.double({ min: -9, max: 9, noNaN: true }),
    offsetSeconds: fc.integer({ min: -200, max: 200 }),
    heldBackSeconds: fc.constantFrom(0, 0, -250, -40, 40, 250),
    days: fc.constantFrom(0, 5, 40, 400),
    isDriftFrozen: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    settings: fc.record({
      identificationTimeWindowSteps: fc.integer({ min: 0, max: 40 }),
      dynamicTimeWindow: fc.boolean(),
      syncTimeWindowSeconds: fc.constantFrom(0, 600, 3600, 21_600),
      driftPrediction: fc.boolean(),
    }),
  })
  .map(
    ({ timeStepSeconds, secondsPerDay, offsetSeconds, heldBackSeconds, days, seed, ...rest }) => {
      const ppm = secondsPerDay / 0.0864;
      const clock = { seed, ppm, offsetSeconds, days, perDay: 1, timeStepSeconds };
      const samples = shownSamples(clock);
      const last = samples.at(-1) ?? { atMs: noonMs, driftSeconds: offsetSeconds };
      const application = used({
        driftSeconds: last.driftSeconds - heldBackSeconds,
        driftAtMs: last.atMs,
        driftHistory: historyOf(samples, timeStepSeconds),
        isDriftFrozen: rest.isDriftFrozen,
      });
      return {
        application,
        stepping: steppingOf(timeStepSeconds),
        policy: policyWith(rest.settings),
      };
    },
  );

/** How far the device, where it is expected, is from the edge of its window; negative when outside. */
function insideSeconds({ application, stepping, policy }: Case, atMs: number): number {
  const { deviceSeconds, window } = forecastDrift(application, stepping, atMs, policy);
  const { kind, centres } = timeWindowOf(application, stepping, atMs, policy);
  expect(window).toMatchObject({ kind, halfWidthSteps: centres[0].halfWidthSteps });
  const away = Math.abs(deviceSeconds - window.centreSeconds);
  return (centres[0].halfWidthSteps + 0.5) * stepping.timeStepSeconds - away;
}

describe('the forecast', () => {
  it(
    'is what the window says, day by day',
    () => {
      fc.assert(
        fc.property(cases, (one) => {
          const { application, stepping, policy } = one;
          const fromMs = application.driftAtMs!;
          const { expectedAtMs } = forecastDrift(application, stepping, fromMs, policy).leaving;
          const untilMs = expectedAtMs ?? fromMs + tenYearsDays * dayMs;
          // Each day of the first year, then less often.
          for (
            let atMs = fromMs;
            atMs < untilMs;
            atMs += dayMs * (atMs - fromMs < 365 * dayMs ? 1 : 41)
          ) {
            expect(insideSeconds(one, atMs)).toBeGreaterThan(-1e-6);
          }
          if (expectedAtMs === null) return;
          expect(insideSeconds(one, expectedAtMs)).toBeLessThan(1e-6);
        }),
        proofRuns(60),
      );
    },
    proofTimeoutMs,
  );

  it(
    'leaves where its step does, seen from the middle of the expected one',
    () => {
      fc.assert(
        fc.property(cases, (one) => {
          const { application, stepping, policy } = one;
          const { leaving } = forecastDrift(application, stepping, application.driftAtMs!, policy);
          const atMs = leaving.expectedAtMs;
          if (atMs === null || atMs === application.driftAtMs) return;
          const stepMs = stepping.timeStepSeconds * 1000;
          const distanceAt = (nearMs: number): [number, number] => {
            const { window } = forecastDrift(application, stepping, nearMs, policy);
            const inStep = (nearMs + window.centreSeconds * 1000) % stepMs;
            const middleMs = nearMs - inStep + stepMs / 2;
            const { deviceSeconds } = forecastDrift(application, stepping, middleMs, policy);
            const step = timeStepAt(middleMs + deviceSeconds * 1000, stepping);
            const centre = expectedStep(application, stepping, middleMs, policy);
            return [Math.abs(Number(step - centre)), window.halfWidthSteps];
          };
          const [distance, halfWidthSteps] = distanceAt(atMs - 2 * stepMs - 60_000);
          expect(distance).toBeLessThanOrEqual(halfWidthSteps);
        }),
        proofRuns(60),
      );
    },
    proofTimeoutMs,
  );

  it(
    'is never later at its earliest than expected, nor more certain the longer it lies',
    () => {
      fc.assert(
        fc.property(cases, fc.nat(1000), fc.nat(1000), (one, someDays, moreDays) => {
          const { application, stepping, policy } = one;
          const at = (days: number): ReturnType<typeof forecastDrift> =>
            forecastDrift(application, stepping, application.driftAtMs! + days * dayMs, policy);
          const [sooner, later] = [at(someDays), at(someDays + moreDays)];
          expect(sooner.uncertaintySeconds!).toBeLessThanOrEqual(later.uncertaintySeconds!);
          const { expectedAtMs, earliestAtMs } = sooner.leaving;
          if (expectedAtMs !== null) expect(earliestAtMs!).toBeLessThanOrEqual(expectedAtMs);
        }),
        proofRuns(200),
      );
    },
    proofTimeoutMs,
  );

  it(
    'never lets a wider window be left earlier',
    () => {
      const wider = fc.record({
        steps: fc.nat(20),
        dynamicTimeWindow: fc.boolean(),
        seconds: fc.nat(5000),
      });
      fc.assert(
        fc.property(cases, wider, (one, { steps, dynamicTimeWindow, seconds }) => {
          const { application, stepping, policy } = one;
          const leaving = (settings: EffectivePolicy): number[] => {
            const nowMs = application.driftAtMs!;
            const found = forecastDrift(application, stepping, nowMs, settings).leaving;
            return [found.expectedAtMs ?? Infinity, found.earliestAtMs ?? Infinity];
          };
          const narrow = leaving(policy);
          const wide = leaving({
            ...policy,
            identificationTimeWindowSteps: policy.identificationTimeWindowSteps + steps,
            dynamicTimeWindow: policy.dynamicTimeWindow || dynamicTimeWindow,
            syncTimeWindowSeconds: policy.syncTimeWindowSeconds + seconds,
          });
          expect(wide[0]).toBeGreaterThanOrEqual(narrow[0]!);
          expect(wide[1]).toBeGreaterThanOrEqual(narrow[1]!);
        }),
        proofRuns(300),
      );
    },
    proofTimeoutMs,
  );
});

describe('whatever a clock showed', () => {
  const second = fc.integer({ min: -2_592_000, max: 2_592_000 });
  const sample = fc.record({
    atMs: fc.integer({ min: noonMs - 400 * dayMs, max: noonMs }),
    driftSeconds: second,
  });

  it('property: the forecast is made of numbers, and no date is before the last use or after ten years', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 40 }),
        second,
        fc.option(fc.integer({ min: -400, max: 0 })),
        fc.integer({ min: -400, max: 400 }),
        fc.constantFrom(1, 30, 60, 86_400),
        (samples, driftSeconds, usedDays, nowDays, timeStepSeconds) => {
          const inOrder = samples.toSorted((one, other) => one.atMs - other.atMs);
          const application = applicationWith(totp(timeStepSeconds), {
            driftSeconds,
            driftAtMs: usedDays === null ? null : noonMs + usedDays * dayMs,
            driftHistory: historyOf(inOrder, timeStepSeconds),
          });
          const nowMs = noonMs + nowDays * dayMs;
          const stepping = steppingOf(timeStepSeconds);
          const forecast = forecastDrift(application, stepping, nowMs, policyWith());
          const { deviceSeconds, uncertaintySeconds, estimate, window, leaving } = forecast;
          for (const value of [
            deviceSeconds,
            uncertaintySeconds ?? 0,
            window.centreSeconds,
            window.halfWidthSeconds,
            estimate?.ratePpm ?? 0,
            estimate?.ratePpmError ?? 0,
          ]) {
            expect(value).toSatisfy(Number.isFinite);
          }
          const { expectedAtMs, earliestAtMs } = leaving;
          for (const atMs of [expectedAtMs, earliestAtMs]) {
            if (atMs === null) continue;
            expect(atMs).toSatisfy(Number.isSafeInteger);
            expect(atMs).toBeGreaterThanOrEqual(application.driftAtMs ?? nowMs);
            expect(atMs).toBeLessThanOrEqual(nowMs + tenYearsDays * dayMs);
          }
          if (expectedAtMs !== null) expect(earliestAtMs).toBeLessThanOrEqual(expectedAtMs);
        },
      ),
    );
  });
});
