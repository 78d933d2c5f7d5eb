import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import {
  centreOf,
  type TimeWindow,
  timeWindowOf,
  type WindowCentre,
} from '../../src/domain/window.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  inputWith,
  noonMs,
  ocra,
  planOf,
  policyWith,
  responseAt,
  stepAt,
  totp,
  verify,
} from './support.ts';

const dayMs = 86_400_000;
const used = { driftAtMs: noonMs - 60_000, lastStep: stepAt(-3600) };

function windowOf(
  application: Application,
  settings: Partial<EffectivePolicy>,
  timeStepSeconds = 30,
): TimeWindow {
  const stepping = { timeStepSeconds, timeOriginSeconds: 0 };
  return timeWindowOf(application, stepping, noonMs, policyWith(settings));
}

/** What becomes of the response of a step that many seconds away. */
function outcomeAt(
  application: Application,
  seconds: number,
  settings: Partial<EffectivePolicy>,
): string {
  const step = stepAt(seconds);
  const input = inputWith([authenticatorWith([application])], responseAt(application, { step }));
  return codeOf(verify(input, policyWith(settings)));
}

describe('the ordinary window', () => {
  it.each([
    [20, 10],
    [21, 10],
    [1, 0],
    [0, 0],
  ])('of %s steps reaches %s to each side', (steps, half) => {
    const { kind, centres } = windowOf(applicationWith(totp(), used), {
      identificationTimeWindowSteps: steps,
    });
    expect(kind).toBe('ordinary');
    expect(centres).toEqual([
      { at: 'learned', hours: 0, step: stepAt(), halfWidthSteps: half },
    ] satisfies WindowCentre[]);
  });

  it('stands where the learned drift puts it, and takes its last step on both sides', () => {
    const application = applicationWith(totp(), { ...used, driftSeconds: 90 });
    const settings = { identificationTimeWindowSteps: 4 };
    expect(windowOf(application, settings).centres[0].step).toBe(stepAt(90));
    for (const [seconds, code] of [
      [0, 'response-incorrect'],
      [30, 'accepted'],
      [150, 'accepted'],
      [180, 'response-incorrect'],
    ] as const) {
      expect([seconds, outcomeAt(application, seconds, settings)]).toEqual([seconds, code]);
    }
  });
});

describe('the initial window', () => {
  const settings = { initialTimeWindowSeconds: 3600 };
  const fresh = applicationWith(totp());

  it('reaches half of it to each side, at first use and after a reset', () => {
    expect(windowOf(fresh, settings)).toMatchObject({
      kind: 'initial',
      centres: [{ halfWidthSteps: 60 }],
    });
    for (const seconds of [-1800, 1800]) {
      expect(outcomeAt(fresh, seconds, settings)).toBe('accepted');
      expect(outcomeAt(fresh, seconds + Math.sign(seconds) * 30, settings)).toBe(
        'response-incorrect',
      );
    }
  });

  it('ends with the first accepted response, whose drift is learned as a whole', () => {
    const response = responseAt(fresh, { step: stepAt(1500) });
    const outcome = verify(inputWith([authenticatorWith([fresh])], response), policyWith(settings));
    if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
    const { driftSeconds, driftAtMs } = outcome.advance.set;
    expect(driftSeconds).toBe(1515);
    const after = { ...fresh, ...outcome.advance.set, driftAtMs };
    expect(windowOf(after, settings)).toMatchObject({
      kind: 'ordinary',
      centres: [{ step: stepAt(1500), halfWidthSteps: 10 }],
    });
  });

  it('is never narrower than the ordinary one', () => {
    for (const initialTimeWindowSeconds of [0, 60, 600]) {
      expect(windowOf(fresh, { initialTimeWindowSeconds }).kind).toBe('ordinary');
    }
  });
});

describe('the dynamic window', () => {
  const settings = { identificationTimeWindowSteps: 10, dynamicTimeWindow: true };
  const idleFor = (days: number): Application =>
    applicationWith(totp(36), { driftAtMs: noonMs - days * dayMs });

  // Widths of OneSpan's table for steps of 36 s: flat until 40.5 days, 828 s at 99, 2,956 s at 365.
  it.each([
    [0, 'ordinary', 5],
    [40, 'ordinary', 5],
    [41, 'ordinary', 5],
    [50, 'dynamic', 6],
    [99, 'dynamic', 11],
    [365, 'dynamic', 41],
  ] as const)('after %s idle days is %s, %s steps to each side', (days, kind, halfWidthSteps) => {
    expect(windowOf(idleFor(days), settings, 36)).toMatchObject({
      kind,
      centres: [{ halfWidthSteps }],
    });
  });

  it('grows no further than a synchronisation reaches', () => {
    const capped = { ...settings, syncTimeWindowSeconds: 720 };
    expect(windowOf(idleFor(3650), capped, 36).centres[0].halfWidthSteps).toBe(10);
  });

  it('takes over what idle days explain, so that the next response is in the window again', () => {
    const idle = applicationWith(totp(), { driftAtMs: noonMs - 200 * dayMs });
    const step = stepAt(700);
    const input = inputWith([authenticatorWith([idle])], responseAt(idle, { step }));
    const outcome = verify(input, policyWith({ dynamicTimeWindow: true }));
    if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
    expect(outcome.advance.set.driftSeconds).toBe(705);
    expect(codeOf(verify(input, policyWith()))).toBe('response-incorrect');
  });

  it('property: never shrinks with idle time, and refused responses change nothing of it', () => {
    const days = fc.integer({ min: 0, max: 5000 });
    fc.assert(
      fc.property(days, days, fc.nat(50), (one, other, failureCount) => {
        const half = (idle: number): number =>
          windowOf({ ...idleFor(idle), failureCount }, settings, 36).centres[0].halfWidthSteps;
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(half(less)).toBeLessThanOrEqual(half(more));
        expect(half(less)).toBe(windowOf(idleFor(less), settings, 36).centres[0].halfWidthSteps);
      }),
    );
  });
});

describe('discrete windows', () => {
  const settings = { identificationTimeWindowSteps: 4, discreteTimeWindowHours: 1 };
  const phone = applicationWith(totp(), { ...used, driftSeconds: 30 });

  it.each([
    [30, 'accepted'],
    [30 + 3600, 'accepted'],
    [30 + 3660, 'accepted'],
    [30 + 3690, 'response-incorrect'],
    [30 + 1800, 'response-incorrect'],
    [30 - 3600 - 60, 'response-replayed'],
    [30 + 7200, 'response-incorrect'],
  ])('a response %s s away is %s', (seconds, code) => {
    expect(outcomeAt(phone, seconds, settings)).toBe(code);
  });

  it('leave the centre where it was, and learn what is no hour', () => {
    for (const [hours, away, driftSeconds] of [
      [1, 0, 30],
      [1, 60, 60],
      [-1, -30, 15],
    ] as const) {
      const rested = applicationWith(totp(), { driftSeconds: 30, driftAtMs: noonMs - dayMs });
      const step = stepAt(30 + hours * 3600 + away);
      const input = inputWith([authenticatorWith([rested])], responseAt(rested, { step }));
      const outcome = verify(input, policyWith(settings));
      if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
      expect(outcome.advance.set.driftSeconds).toBe(driftSeconds);
      expect(outcome.advance.set.driftHistory).toMatch(/:(-?\d{1,3})$/);
    }
  });
});

describe('the host clock as a centre', () => {
  const repaired = applicationWith(totp(), { ...used, driftSeconds: 3000 });

  it('admits a device whose clock was put right, and follows it at once', () => {
    expect(outcomeAt(repaired, 0, {})).toBe('response-incorrect');
    const input = inputWith(
      [authenticatorWith([repaired])],
      responseAt(repaired, { step: stepAt(60) }),
    );
    const outcome = verify(input, policyWith({ hostClockCentre: true }));
    if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
    expect(outcome.advance.set.driftSeconds).toBe(75);
  });

  it('admits nothing at or behind the floor', () => {
    const ahead = { ...repaired, lastStep: stepAt(3000), floorMs: noonMs + 3_030_000 };
    expect(outcomeAt(ahead, 0, { hostClockCentre: true })).toBe('response-replayed');
  });

  it('costs each step once where the two overlap', () => {
    const near = applicationWith(totp(), { ...used, driftSeconds: 60 });
    const input = inputWith([authenticatorWith([near])], '000000');
    const policy = policyWith({ hostClockCentre: true, identificationTimeWindowSteps: 4 });
    const steps = planOf(input, policy).candidates.map(({ position }) => position.timeStep);
    const away = steps.map((step) => Number(step! - stepAt()));
    expect(away).toEqual([2, 0, 1, 3, -1, 4, -2]);
  });
});

describe('every window', () => {
  const settings = fc.record({
    identificationTimeWindowSteps: fc.nat(40),
    initialTimeWindowSeconds: fc.nat(7200),
    dynamicTimeWindow: fc.boolean(),
    discreteTimeWindowHours: fc.nat(2),
    hostClockCentre: fc.boolean(),
  });
  const state = fc.record({
    driftSeconds: fc.integer({ min: -9000, max: 9000 }),
    driftAtMs: fc.option(fc.integer({ min: 0, max: 400 }).map((days) => noonMs - days * dayMs)),
  });

  it('property: plans each of its steps once, nearest first, and nothing else', () => {
    fc.assert(
      fc.property(settings, state, (given, where) => {
        const application = applicationWith(totp(), where);
        const window = windowOf(application, given);
        const input = inputWith([authenticatorWith([application])], '000000');
        const { candidates } = planOf(input, policyWith(given));
        const steps = candidates.map(({ position }) => position.timeStep!);
        expect(new Set(steps).size).toBe(steps.length);
        const expected = new Set<bigint>();
        for (const { step, halfWidthSteps } of window.centres) {
          for (let away = -halfWidthSteps; away <= halfWidthSteps; away += 1) {
            expected.add(step + BigInt(away));
          }
        }
        expect(new Set(steps)).toEqual(expected);
        const distances = candidates.map(({ distance }) => distance);
        expect(distances).toEqual([...distances].sort((a, b) => a - b));
        expect(steps.every((step) => centreOf(window, step) !== null)).toBe(true);
      }),
    );
  });

  it('property: never costs more than the policy says a refusal does', () => {
    fc.assert(
      fc.property(settings, state, (given, where) => {
        const application = applicationWith(totp(), where);
        const input = inputWith([authenticatorWith([application])], '000000');
        const { candidates, chunkEnds } = planOf(input, policyWith(given));
        const nobody = planOf(
          inputWith([authenticatorWith([applicationWith(totp(), used)])], '000000'),
          policyWith(given),
        );
        expect(candidates.length).toBeLessThanOrEqual(chunkEnds.at(-1)!);
        expect(chunkEnds.at(-1)).toBe(nobody.chunkEnds.at(-1));
      }),
    );
  });
});

describe('clock and counter together', () => {
  const combined = applicationWith(ocra('C-QN08-T30S'), {
    nextEventCounter: 7n,
    driftAtMs: noonMs - 60_000,
  });
  const challenge = '12345678';

  it('may stand at any counter and step of the two windows, and both move', () => {
    for (const [counter, seconds, code] of [
      [7n, 0, 'accepted'],
      [26n, 300, 'accepted'],
      [26n, -300, 'accepted'],
      [27n, 0, 'response-incorrect'],
      [7n, 330, 'response-incorrect'],
      [6n, 0, 'response-replayed'],
    ] as const) {
      const response = responseAt(combined, { counter, step: stepAt(seconds), challenge });
      const input = inputWith([authenticatorWith([combined])], response, challenge);
      expect([counter, seconds, codeOf(verify(input, policyWith()))]).toEqual([
        counter,
        seconds,
        code,
      ]);
    }
  });
});
