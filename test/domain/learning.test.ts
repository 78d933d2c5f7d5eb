import { describe, expect, it } from 'vitest';
import { resetOf } from '../../src/domain/application.ts';
import { withSample } from '../../src/domain/drift-history.ts';
import { learnedDrift } from '../../src/domain/learning.ts';
import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  inputWith,
  noonMs,
  policyWith,
  responseAt,
  stepAt,
  synchronise,
  partWith,
  totp,
  verify,
} from './support.ts';

const dayMs = 86_400_000;

/** A history of one sample a day for so many days, of a clock with this rate. */
function historyOf(days: number, ratePpm: number): string {
  let history = '';
  for (let day = -days; day <= 0; day += 1) {
    const atMs = noonMs + day * dayMs;
    const driftSeconds = (ratePpm * (days + day) * dayMs) / 1e9;
    history = withSample(history, { atMs, driftSeconds }, 30);
  }
  return history;
}

function accepted(
  application: Application,
  seconds: number,
  settings: Partial<EffectivePolicy> = {},
  nowMs: number = noonMs,
): Application['driftSeconds'] {
  const step = stepAt((nowMs - noonMs) / 1000 + seconds);
  const input = inputWith([authenticatorWith([application])], responseAt(application, { step }));
  const outcome = verify(input, policyWith(settings), nowMs);
  if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
  return outcome.advance.set.driftSeconds;
}

describe('an accepted response', () => {
  const clock = applicationWith(totp(), { driftSeconds: 60, driftAtMs: noonMs - dayMs });

  it.each([
    [60, 60],
    [75, 60],
    [90, 90],
    [150, 90],
    [30, 45],
    [-90, 30],
  ])('%s s away moves the drift of 60 to %s: by one step at the most', (seconds, drift) => {
    expect(accepted(clock, seconds)).toBe(drift);
  });

  it('outside of what is the window now is measured from the expected step', () => {
    const stepping = { timeStepSeconds: 30, timeOriginSeconds: 0 };
    const learned = learnedDrift(clock, stepAt(3600), stepping, noonMs, policyWith());
    expect(learned.driftSeconds).toBe(90);
  });

  it('moves no frozen drift, and is noted all the same', () => {
    const frozen = { ...clock, isDriftFrozen: true };
    const input = inputWith(
      [authenticatorWith([frozen])],
      responseAt(frozen, { step: stepAt(150) }),
    );
    const outcome = verify(input, policyWith());
    expect(outcome).toMatchObject({
      advance: { set: { driftSeconds: 60, driftAtMs: noonMs } },
    });
    if (outcome.kind === 'accepted') expect(outcome.advance.set.driftHistory).toMatch(/:165$/);
  });

  it('advances only below the threshold of failures, where there is one', () => {
    for (const [identificationThreshold, failureCountBelow] of [
      [0, null],
      [3, 3],
    ] as const) {
      const input = inputWith(
        [authenticatorWith([clock])],
        responseAt(clock, { step: stepAt(60) }),
      );
      expect(verify(input, policyWith({ identificationThreshold }))).toMatchObject({
        advance: { guard: { failureCountBelow, pendingSync: null } },
      });
    }
  });
});

describe('a frozen clock', () => {
  const frozen = applicationWith(totp(), { isDriftFrozen: true, driftAtMs: noonMs - dayMs });
  const pair = (application: Application) => ({
    authenticator: authenticatorWith([application]),
    first: partWith(responseAt(application, { step: stepAt(600) })),
    second: partWith(responseAt(application, { step: stepAt(630) })),
    pin: null,
  });

  it('is not synchronised, and a thawed one is', () => {
    expect(codeOf(synchronise(pair(frozen), policyWith()))).toBe('sync-frozen');
    expect(codeOf(synchronise(pair({ ...frozen, isDriftFrozen: false }), policyWith()))).toBe(
      'synchronised',
    );
  });

  it('follows no other application of the device', () => {
    const leader = applicationWith(totp(), { id: 'leader', driftAtMs: noonMs - dayMs });
    const both = authenticatorWith([leader, frozen]);
    const outcome = synchronise({ ...pair(leader), authenticator: both }, policyWith());
    expect(outcome).toMatchObject({ kind: 'synchronised', followers: [] });
  });
});

describe('drift prediction', () => {
  const fast = applicationWith(totp(), {
    driftSeconds: 0,
    driftAtMs: noonMs,
    driftHistory: historyOf(60, 20),
  });
  const later = noonMs + 100 * dayMs;
  const settings = { driftPrediction: true, identificationTimeWindowSteps: 4 };

  it('moves the centre on while an authenticator is idle', () => {
    // 20 ppm are 172.8 s in a hundred days.
    expect(accepted(fast, 173, settings, later)).toBe(173);
    expect(() => accepted(fast, 173, { ...settings, driftPrediction: false }, later)).toThrow(
      'response-incorrect',
    );
    expect(() => accepted(fast, 0, settings, later)).toThrow('response-incorrect');
  });

  it.each([
    ['a rate that may be none', { driftHistory: historyOf(60, 0) }],
    ['too little history', { driftHistory: historyOf(2, 20) }],
    ['a frozen drift', { isDriftFrozen: true }],
    ['a reset', resetOf(fast, noonMs)],
  ])('moves nothing by %s', (_, state) => {
    expect(accepted({ ...fast, ...state }, 0, settings, later)).toBe(0);
  });

  it('moves by 4 s a day at the most', () => {
    const wild = { ...fast, driftHistory: historyOf(60, 90) };
    expect(accepted(wild, 400, settings, later)).toBe(400);
  });
});
