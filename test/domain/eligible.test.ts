import { describe, expect, it } from 'vitest';
import { algorithmMode } from '../../src/domain/application.ts';
import { eligibleAuthenticators, type EligibleRequest } from '../../src/domain/eligible.ts';
import type {
  Application,
  Authenticator,
  AuthenticatorWithApplications,
} from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import {
  applicationWith,
  authenticatorWith,
  hotp,
  noonMs,
  ocra,
  policyWith,
  totp,
} from './support.ts';

const time = applicationWith(totp(), { id: 'time', name: 'TIME' });
const event = applicationWith(hotp, { id: 'event', name: 'EVENT' });
const challenged = applicationWith(ocra('QN08-T1M'), { id: 'challenged', name: 'CR' });

function device(
  set: Partial<Authenticator> = {},
  applications: readonly Application[] = [time, event, challenged],
): AuthenticatorWithApplications {
  return authenticatorWith(applications, set);
}

function eligible(
  authenticators: readonly AuthenticatorWithApplications[],
  request: Partial<EligibleRequest> = {},
  settings: Partial<EffectivePolicy> = {},
): string | readonly string[] {
  const found = eligibleAuthenticators(
    { authenticators, serial: null, applicationName: null, purpose: 'verify', ...request },
    noonMs,
    policyWith(settings),
  );
  if (found.kind === 'refused') return found.refused.code;
  return found.authenticators.flatMap(({ authenticator, applications }) =>
    applications.map((application) => `${authenticator.serial}/${application.name}`),
  );
}

const one = 'VT00000001';

describe('what may serve', () => {
  it('is everything that is assigned, unless something says no', () => {
    expect(eligible([device()])).toEqual([`${one}/TIME`, `${one}/EVENT`, `${one}/CR`]);
  });

  it('can be narrowed by serial and application, in any case', () => {
    const two = device({ id: 'authenticator-2', serial: 'VT00000002' });
    expect(eligible([device(), two], { serial: 'vt00000002', applicationName: 'event' })).toEqual([
      'VT00000002/EVENT',
    ]);
  });

  it('is limited by the policy', () => {
    const virtual = device({ isVirtual: true });
    expect(eligible([virtual])).toHaveLength(3);
    expect(eligible([device()], {}, { applicationNames: ['EVENT'] })).toEqual([`${one}/EVENT`]);
    expect(eligible([device()], {}, { applicationType: 'response-only' })).toHaveLength(2);
    expect(eligible([device()], {}, { applicationType: 'challenge-response' })).toEqual([
      `${one}/CR`,
    ]);
    expect(eligible([device()], {}, { authenticatorModels: ['VTGO1'] })).toHaveLength(3);
  });

  it('leaves disabled applications out', () => {
    const application = { ...time, isDisabled: true };
    expect(eligible([device({}, [application, event])])).toEqual([`${one}/EVENT`]);
  });

  it('leaves out applications that need what no request carries', () => {
    const pin = applicationWith(ocra('QN08-PSHA1-T1M'), { name: 'PIN' });
    const session = applicationWith(ocra('QN08-S064-T1M'), { name: 'SESSION' });
    expect(eligible([device({}, [pin, session, time])])).toEqual([`${one}/TIME`]);
  });
});

describe('more applications than one attempt is compared with', () => {
  const owned = (count: number): AuthenticatorWithApplications[] =>
    Array.from({ length: count }, (_, index) => device({ serial: `VT${1000 + index}` }, [time]));

  it('are refused, unless the request or the policy narrows them', () => {
    expect(eligible(owned(64))).toHaveLength(64);
    expect(eligible(owned(65))).toBe('authenticator-ambiguous');
    expect(eligible(owned(65), { serial: 'VT1064' })).toEqual(['VT1064/TIME']);
    expect(eligible([...owned(64), device({ isDisabled: true }, [time])])).toHaveLength(64);
  });

  it('are those that may serve', () => {
    const many = [time, { ...time, id: 'other', name: 'OTHER' }];
    const devices = owned(33).map(({ authenticator }) => authenticatorWith(many, authenticator));
    expect(eligible(devices)).toBe('authenticator-ambiguous');
    expect(eligible(devices, { applicationName: 'OTHER' })).toHaveLength(33);
  });
});

describe('refusals', () => {
  const far = device({ expiresAtMs: noonMs });
  const off = device({ isDisabled: true, expiresAtMs: noonMs });
  const foreign = device({ model: 'OTHER', isDisabled: true });
  const bare = device({}, [{ ...time, isDisabled: true }]);

  it.each<[string, Parameters<typeof eligible>]>([
    ['nothing-verifies', [[device()], {}, { localAuthentication: 'none' }]],
    ['authenticator-none', [[]]],
    ['authenticator-not-assigned', [[device()], { serial: 'VT00000002' }]],
    [
      'authenticator-ambiguous',
      [[device(), device({ serial: 'VT00000002' })], { purpose: 'synchronise' }],
    ],
    [
      'authenticator-not-permitted',
      [[device({ isVirtual: true })], {}, { virtualAuthenticators: 'forbidden' }],
    ],
    ['authenticator-not-permitted', [[foreign], {}, { authenticatorModels: ['VTGO1'] }]],
    ['authenticator-disabled', [[off]]],
    ['authenticator-expired', [[far]]],
    ['authenticator-not-permitted', [[bare]]],
    ['authenticator-not-permitted', [[device()], { applicationName: 'NONE' }]],
  ])('%s', (code, request) => {
    expect(eligible(...request)).toBe(code);
  });

  it('is that of the authenticator which got furthest', () => {
    const models = { authenticatorModels: ['VTGO1'] };
    expect(eligible([off, foreign], {}, models)).toBe('authenticator-disabled');
    expect(eligible([foreign, far, off], {}, models)).toBe('authenticator-expired');
    expect(eligible([far, bare], {}, models)).toBe('authenticator-not-permitted');
  });

  it('expires at the instant itself', () => {
    expect(eligible([device({ expiresAtMs: noonMs + 1 })])).toHaveLength(3);
  });

  it('tells a synchronisation that the kind of application is not supported', () => {
    const pinOnly = device({}, [applicationWith(ocra('QN08-PSHA1-T1M'))]);
    expect(eligible([pinOnly], { purpose: 'synchronise' })).toBe('sync-kind-unsupported');
    expect(eligible([pinOnly])).toBe('authenticator-not-permitted');
  });

  it('tells a synchronisation of what only signs the same, unless the policy does not permit it', () => {
    const signs = {
      ...applicationWith(ocra('QH40-T1M')),
      name: 'SIGN',
      mode: 'signature',
    } as const;
    const synchronising = { purpose: 'synchronise' } as const;
    expect(eligible([device({}, [signs])], synchronising)).toBe('sync-kind-unsupported');
    expect(eligible([device({}, [signs])])).toBe('authenticator-not-permitted');
    for (const forbidding of [
      { applicationType: 'response-only' },
      { applicationNames: ['OTHER'] },
    ] as const) {
      expect(eligible([device({}, [signs])], synchronising, forbidding)).toBe(
        'authenticator-not-permitted',
      );
    }
    const disabled = device({}, [{ ...signs, isDisabled: true }]);
    expect(eligible([disabled], synchronising)).toBe('authenticator-not-permitted');
    expect(eligible([device({}, [signs, time])], synchronising)).toHaveLength(1);
  });

  it('takes one of several authenticators for a synchronisation when its serial is given', () => {
    const two = device({ id: 'authenticator-2', serial: 'VT00000002' });
    expect(eligible([device(), two], { purpose: 'synchronise', serial: one })).toHaveLength(3);
  });
});

describe('the mode of an algorithm', () => {
  it('follows from whether it takes a challenge', () => {
    expect(algorithmMode(hotp)).toBe('response-only');
    expect(algorithmMode(ocra('C-QN08'))).toBe('challenge-response');
    expect(algorithmMode(ocra('C-T1M', { allowMissingQuestion: true }))).toBe('response-only');
  });
});

describe('an application', () => {
  const dayMs = 86_400_000;
  const both = applicationWith(ocra('C-QN08-T30S'), { id: 'both', name: 'BOTH' });

  it('with clock and counter serves only where the policy pays for it', () => {
    expect(eligible([device({}, [both])])).toBe('authenticator-not-permitted');
    const allowed = { timeAndEventApplications: 'allowed' } as const;
    expect(eligible([device({}, [both])], {}, allowed)).toEqual([`${one}/BOTH`]);
  });

  it('that answers locked devices verifies nobody, not even by name', () => {
    const unlock = { ...challenged, name: 'UNLOCK', mode: 'unlock' } as const;
    for (const [purpose, code] of [
      ['verify', 'authenticator-not-permitted'],
      ['synchronise', 'sync-kind-unsupported'],
    ] as const) {
      const request = { applicationName: 'UNLOCK', purpose };
      expect(eligible([device({}, [unlock])], request)).toBe(code);
    }
  });

  it.each<[number, Partial<Application>, string]>([
    [30, { lastUsedAtMs: noonMs - 30 * dayMs }, 'serves'],
    [30, { lastUsedAtMs: noonMs - 30 * dayMs - 1 }, 'application-inactive'],
    [30, { createdAtMs: noonMs - 31 * dayMs }, 'application-inactive'],
    [30, { createdAtMs: noonMs - 29 * dayMs }, 'serves'],
    [30, { lastUsedAtMs: 0, resetAtMs: noonMs - 30 * dayMs }, 'serves'],
    [30, { lastUsedAtMs: 0, resetAtMs: 1 }, 'application-inactive'],
    [0, { lastUsedAtMs: 0 }, 'serves'],
  ])('with a limit of %s days and %o: %s', (applicationMaxInactiveDays, set, outcome) => {
    const found = eligible([device({}, [{ ...time, ...set }])], {}, { applicationMaxInactiveDays });
    expect(found).toEqual(outcome === 'serves' ? [`${one}/TIME`] : outcome);
  });

  it.each([
    [3, 2, 'serves'],
    [3, 3, 'application-locked'],
    [3, 9, 'application-locked'],
    [0, 9, 'serves'],
  ])('with a threshold of %s and %s failures: %s', (threshold, failureCount, outcome) => {
    const settings = { identificationThreshold: threshold };
    const found = eligible([device({}, [{ ...time, failureCount }])], {}, settings);
    expect(found).toEqual(outcome === 'serves' ? [`${one}/TIME`] : outcome);
  });

  it('that may not serve leaves the others of its device alone', () => {
    const closed = { ...time, failureCount: 5 };
    const settings = { identificationThreshold: 5, applicationMaxInactiveDays: 1 };
    const active = { ...event, lastUsedAtMs: noonMs };
    expect(eligible([device({}, [closed, active])], {}, settings)).toEqual([`${one}/EVENT`]);
  });
});
