import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/domain/model.ts';
import {
  type EffectivePolicy,
  policyCatalogue,
  policyDefaults,
  policySettingNames,
} from '../../src/domain/policy-catalogue.ts';
import { policyCost } from '../../src/domain/policy-cost.ts';
import {
  effectivePolicy,
  parsePolicySettings,
  policyOrigins,
  policyConflicts,
  policyProblems,
  predefinedPolicies,
} from '../../src/domain/policy.ts';
import { TallystickError } from '../../src/errors.ts';
import { policyWith } from './support.ts';

function policy(id: string, parentId: string | null, settings: Record<string, unknown>): Policy {
  return { id, name: `Policy ${id}`, parentId, settings, version: 1 };
}

function refusedNames(settings: unknown): readonly string[] {
  const parsed = parsePolicySettings(settings);
  return parsed.ok ? [] : parsed.problems.map((problem) => problem.name);
}

describe('the catalogue', () => {
  it('allows its own defaults and describes every setting', () => {
    expect(parsePolicySettings(policyDefaults)).toEqual({ ok: true, settings: policyDefaults });
    for (const name of policySettingNames) {
      expect(policyCatalogue[name].description).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('has the Base Policy of OAS where OAS has the setting', () => {
    expect(policyDefaults).toMatchObject({
      localAuthentication: 'none',
      userLockThreshold: 3,
      userMaxInactiveDays: 0,
      applicationType: 'no-restriction',
      oneStepChallengeResponse: 'no',
      identificationTimeWindowSteps: 20,
      eventWindowSteps: 20,
      syncTimeWindowSeconds: 21_600,
      syncBackwardMarginSeconds: null,
    });
  });
});

describe('reading settings', () => {
  it('takes one value of each type and upper-cases names', () => {
    const settings = {
      applicationType: 'response-only',
      genericAnswers: true,
      userLockThreshold: 0,
      syncBackwardMarginSeconds: null,
      applicationNames: ['app 1'],
      authenticatorModels: ['vtgo1'],
    };
    expect(parsePolicySettings(settings)).toEqual({
      ok: true,
      settings: { ...settings, applicationNames: ['APP 1'], authenticatorModels: ['VTGO1'] },
    });
  });

  it.each([
    ['userLockTreshold', 3],
    ['toString', 3],
    ['__proto__', 3],
    ['applicationType', 'mobile'],
    ['applicationType', 1],
    ['genericAnswers', 'yes'],
    ['userLockThreshold', -1],
    ['userLockThreshold', 1001],
    ['userLockThreshold', 1.5],
    ['userLockThreshold', '3'],
    ['userLockThreshold', null],
    ['syncMaxGapSteps', 3],
    ['oneStepChallengeLength', 3],
    ['identificationTimeWindowSteps', 1001],
    ['applicationNames', 'APP'],
    ['applicationNames', ['APP', '']],
    ['applicationNames', Array.from({ length: 65 }, () => 'APP')],
    ['authenticatorModels', [1]],
  ])('refuses %s: %j', (name, value) => {
    expect(refusedNames(JSON.parse(`{"${name}":${JSON.stringify(value)}}`))).toEqual([name]);
  });

  it('names every problem and what is allowed', () => {
    const parsed = parsePolicySettings({ eventWindowSteps: 0, syncBackwardMarginSeconds: -1 });
    expect(parsed).toEqual({
      ok: false,
      problems: [
        {
          name: 'eventWindowSteps',
          message: 'eventWindowSteps must be a whole number from 1 to 10000.',
        },
        {
          name: 'syncBackwardMarginSeconds',
          message:
            'syncBackwardMarginSeconds must be a whole number from 0 to 2592000, or null (no limit).',
        },
      ],
    });
  });

  it.each([[null], [[]], ['text'], [7]])('refuses %j instead of settings', (value) => {
    expect(refusedNames(value)).toEqual(['settings']);
  });

  it('refuses windows above the candidate limits, and takes the widest below', () => {
    expect(refusedNames({ eventWindowSteps: 4091 })).toEqual([]);
    expect(refusedNames({ eventWindowSteps: 4092 })).toEqual(['eventWindowSteps']);
    expect(refusedNames({ syncEventWindowSteps: 16_378 })).toEqual([]);
    expect(refusedNames({ syncEventWindowSteps: 16_379 })).toEqual(['syncEventWindowSteps']);
    expect(refusedNames({ syncTimeWindowSeconds: 491_460 })).toEqual([]);
    expect(refusedNames({ syncTimeWindowSeconds: 491_520 })).toEqual(['syncTimeWindowSeconds']);
    expect(policyProblems(policyWith({ identificationTimeWindowSteps: 5000 }))).toHaveLength(1);
  });
});

describe('inheritance', () => {
  const base = policy('base', null, { userLockThreshold: 5, eventWindowSteps: 10 });
  const child = policy('child', 'base', { eventWindowSteps: 30 });
  const grandchild = policy('grandchild', 'child', { userLockThreshold: 0 });

  it('takes each setting from the nearest policy that sets it', () => {
    const effective = effectivePolicy('grandchild', [grandchild, base, child]);
    expect(effective).toEqual({
      ...policyDefaults,
      userLockThreshold: 0,
      eventWindowSteps: 30,
    });
    expect(effectivePolicy('base', [base])).toMatchObject({ eventWindowSteps: 10 });
  });

  it('says where each setting comes from', () => {
    expect(policyOrigins('grandchild', [base, child, grandchild])).toMatchObject({
      userLockThreshold: 'Policy grandchild',
      eventWindowSteps: 'Policy child',
      genericAnswers: '',
    });
  });

  it.each([
    ['an unknown policy', 'nobody', [base]],
    ['an unknown parent', 'child', [child]],
    ['a cycle', 'a', [policy('a', 'b', {}), policy('b', 'a', {})]],
    ['itself as parent', 'a', [policy('a', 'a', {})]],
    ['settings that are not allowed', 'a', [policy('a', null, { eventWindowSteps: 0 })]],
  ])('refuses %s', (_, id, policies) => {
    expect(() => effectivePolicy(id, policies)).toThrow(TallystickError);
    expect(() => effectivePolicy(id, policies)).toThrow(
      expect.objectContaining({ code: 'policy-refused' }),
    );
  });
});

describe('settings that contradict each other', () => {
  const named = (settings: Partial<EffectivePolicy>): readonly string[] =>
    policyConflicts(policyWith(settings)).map(({ name }) => name);

  it.each([
    ['discreteTimeWindowHours', { dynamicTimeWindow: true, discreteTimeWindowHours: 1 }],
    ['dynamicTimeWindow', { dynamicTimeWindow: true, syncTimeWindowSeconds: 599 }],
    ['challengeCheckMode', { challengeCheckMode: 1 }],
    ['challengeCheckMode', { challengeCheckMode: 2 }],
    ['secondOtpSync', { secondOtpSync: true, userLockThreshold: 1 }],
    ['secondOtpSync', { secondOtpSync: true, identificationThreshold: 1 }],
    [
      'secondOtpSync',
      { secondOtpSync: true, syncTimeWindowSeconds: 600, syncEventWindowSteps: 20 },
    ],
    ['offlineWarnDays', { offlineDays: 2 }],
    ['offlineWarnEvents', { offlineEvents: 10 }],
  ] as const)('%s: %o', (name, settings) => {
    expect(named(settings)).toEqual([name]);
  });

  it.each([
    {},
    { dynamicTimeWindow: true, syncTimeWindowSeconds: 600 },
    { discreteTimeWindowHours: 12 },
    { challengeCheckMode: 1, oneStepChallengeResponse: 'server-challenge' },
    { challengeCheckMode: 2, oneStepChallengeResponse: 'no' },
    { secondOtpSync: true, userLockThreshold: 0, identificationThreshold: 2 },
    { secondOtpSync: true, syncTimeWindowSeconds: 600 },
    { offlineDays: 3, offlineEvents: 11 },
  ] as const)('not %o', (settings) => {
    expect(named(settings)).toEqual([]);
  });

  it('are none in what an installation begins with, nor in the defaults', () => {
    expect(policyConflicts(policyDefaults)).toEqual([]);
    for (const { settings } of predefinedPolicies()) {
      expect(policyConflicts({ ...policyDefaults, ...settings })).toEqual([]);
    }
  });
});

describe('predefined policies', () => {
  const predefined = predefinedPolicies();
  const effective = (name: string): EffectivePolicy =>
    effectivePolicy(
      name,
      predefined.map((one) => ({
        id: one.name,
        name: one.name,
        parentId: one.parentName,
        settings: { ...one.settings },
        version: 1,
      })),
    );

  it('has a Base Policy that verifies nothing', () => {
    expect(effective('Base Policy')).toEqual(policyDefaults);
  });

  it('has a Local Authentication that does', () => {
    expect(effective('Local Authentication')).toMatchObject({
      localAuthentication: 'authenticator-only',
      oneStepChallengeResponse: 'any-challenge',
      userLockThreshold: 3,
      genericAnswers: true,
      syncBackwardMarginSeconds: 900,
    });
    expect(effective('Local Authentication').autoUnlockMaxTries).toBeGreaterThan(0);
  });

  it('has an Administration Logon that locks and backs off', () => {
    const administration = effective('Administration Logon');
    expect(administration.localAuthentication).toBe('authenticator-only');
    expect(administration.userLockThreshold).toBeGreaterThan(0);
    expect(administration.autoUnlockMultiplier).toBeGreaterThan(1);
  });
});

describe('cost', () => {
  const shape = { digits: 6, timeStepSeconds: 30 };

  it('counts candidates of the default windows', () => {
    expect(policyCost(policyDefaults, shape)).toMatchObject({
      timeCandidates: 21,
      eventCandidates: 25,
      initialTimeCandidates: 721,
      timeAndEventCandidates: 525,
      candidatesPerAttempt: 721,
      syncTimeCandidates: 722,
      syncEventCandidates: 1006,
      syncCandidates: 1006,
      guessProbabilityPerAttempt: 21e-6,
      guessProbabilityAtFirstUse: 721e-6,
    });
  });

  it.each([
    ['nothing else', {}, 21, 25],
    ['a wider window at first use', { initialTimeWindowSeconds: 7200 }, 21, 241],
    ['a window that grows', { dynamicTimeWindow: true }, 721, 721],
    ['whole hours', { discreteTimeWindowHours: 1 }, 63, 63],
    ['the host clock', { hostClockCentre: true }, 42, 42],
    ['hours and the host clock', { discreteTimeWindowHours: 2, hostClockCentre: true }, 126, 126],
    ['clock and counter', { timeAndEventApplications: 'allowed' }, 21, 525],
    ['a remembered response', { secondOtpSync: true }, 21, 25 + 1006],
  ] as const)('with %s: %o', (_, settings, timeCandidates, candidatesPerAttempt) => {
    const cost = policyCost(policyWith(settings), shape);
    expect(cost).toMatchObject({ timeCandidates, candidatesPerAttempt });
  });

  it('has a limit for the product of windows as well', () => {
    const allowed = { timeAndEventApplications: 'allowed', eventWindowSteps: 190 } as const;
    expect(policyProblems(policyWith(allowed))).toEqual([]);
    const refused = policyProblems(policyWith({ ...allowed, eventWindowSteps: 191 }));
    expect(refused.map(({ name }) => name)).toEqual(['timeAndEventApplications']);
    const drawer = policyProblems(policyWith({ initialTimeWindowSeconds: 122_880 }));
    expect(drawer.map(({ name }) => name)).toEqual(['initialTimeWindowSeconds']);
  });

  it('multiplies windows where clock and counter go together', () => {
    const combined = policyWith({ timeAndEventApplications: 'allowed' });
    expect(policyCost(combined, shape)).toMatchObject({
      guessProbabilityPerAttempt: 420e-6,
      syncTimeAndEventCandidates: 16_384,
      syncCandidates: 16_384,
    });
    const narrow = policyWith({ timeAndEventApplications: 'allowed', syncTimeWindowSeconds: 3600 });
    expect(policyCost(narrow, shape).syncCandidates).toBe(122 * 106);
  });

  it('bounds what is evaluated, whatever the windows', () => {
    const wide = policyWith({
      identificationTimeWindowSteps: 1000,
      eventWindowSteps: 4091,
      syncTimeWindowSeconds: 2_592_000,
    });
    expect(policyCost(wide, { digits: 4, timeStepSeconds: 1 })).toMatchObject({
      candidatesPerAttempt: 4096,
      syncCandidates: 16_384,
    });
  });

  it('counts guesses until the lock, and those that unlocking allows', () => {
    const guesses = (settings: Partial<EffectivePolicy>): number =>
      policyCost(policyWith(settings), shape).guessesPerDay;
    const hour = { autoUnlockMinDurationSeconds: 3600, autoUnlockMultiplier: 2 };
    expect(guesses({ userLockThreshold: 3 })).toBe(3);
    expect(guesses({ userLockThreshold: 3, autoUnlockMaxTries: 2, ...hour })).toBe(5);
    // After 1, 2, 4 and 8 hours; 16 more would be another day.
    expect(guesses({ userLockThreshold: 3, autoUnlockMaxTries: 50, ...hour })).toBe(7);
    expect(guesses({ userLockThreshold: 0 })).toBe(86_400);
  });

  it('sums the chance of a guess up over a day', () => {
    const cost = policyCost(policyWith({ userLockThreshold: 3 }), shape);
    expect(cost.guessProbabilityPerDay).toBeCloseTo(63e-6, 8);
    const open = policyCost(policyWith({ userLockThreshold: 0 }), shape);
    expect(open.guessProbabilityPerDay).toBeGreaterThan(0.8);
  });
});
