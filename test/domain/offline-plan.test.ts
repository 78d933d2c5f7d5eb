import { describe, expect, it } from 'vitest';
import type { Application, Authenticator, User } from '../../src/domain/model.ts';
import type { OfflinePackage } from '../../src/domain/offline.ts';
import {
  isAgentFull,
  limitRefusal,
  type OfflinePlanning,
  type OfflineSubject,
  type OfflineTerms,
  planOffline,
  policyText,
} from '../../src/domain/offline-plan.ts';
import {
  isCurrent,
  type OfflineCircumstances,
  standsStill,
} from '../../src/domain/offline-standing.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { parseResponseAlgorithm, type ResponseAlgorithm } from '../../src/oath/index.ts';
import { packageWith } from './offline.ts';
import {
  applicationWith,
  authenticatorWith,
  hotp,
  noonMs,
  ocra,
  policyWith,
  totp,
  userWith,
} from './support.ts';

const dayMs = 86_400_000;
const entriesMax = 288_000;
const noonStep = BigInt(noonMs / 30_000);
const totp8 = parseResponseAlgorithm({
  kind: 'time',
  hash: 'SHA1',
  digits: 8,
  timeStepSeconds: 30,
  timeOriginSeconds: 0,
});
const open = { offlineEnabled: true, offlineKeyMode: 'sw', offlinePinless: 'allowed' } as const;

interface Case {
  readonly policy?: Partial<EffectivePolicy>;
  readonly agent?: Partial<OfflineSubject['agent']>;
  readonly user?: Partial<User>;
  readonly authenticator?: Partial<Authenticator>;
  readonly application?: Partial<Application>;
  readonly algorithm?: ResponseAlgorithm;
  readonly passwordVersion?: number;
}

function plan(given: Case = {}): OfflinePlanning {
  const application = applicationWith(given.algorithm ?? totp8, given.application);
  const { authenticator } = authenticatorWith([application], given.authenticator);
  const subject = {
    agent: { id: 'agent-1', keyMode: 'hw', countsFailures: false, ...given.agent } as const,
    user: userWith(given.user),
    authenticator,
    application,
    passwordVersion: given.passwordVersion ?? null,
  };
  return planOffline(subject, noonMs, policyWith({ ...open, ...given.policy }), entriesMax);
}

function terms(given: Case = {}): OfflineTerms {
  const planned = plan(given);
  if (planned.kind === 'refused') throw new Error(planned.reason);
  return planned.terms;
}

const pin = (length: number, set: Partial<Application['pin']> = {}): Partial<Application> => ({
  pin: {
    isEnabled: true,
    isChangeForced: false,
    minimumLength: 4,
    verifier: { length, salt: '', mac: '' },
    version: 1,
    ...set,
  },
});

describe('there is no package', () => {
  it.each<[string, Case]>([
    ['not-enabled', { policy: { offlineEnabled: false } }],
    ['key-mode', { policy: { offlineKeyMode: 'ram' }, agent: { keyMode: 'sw' } }],
    ['key-mode', { policy: { offlineKeyMode: 'hw' }, agent: { keyMode: 'ram' } }],
    ['not-serving', { user: { isDisabled: true } }],
    ['not-serving', { user: { lockedAtMs: noonMs, lockedBy: 'threshold' } }],
    ['not-serving', { user: { expiresAtMs: noonMs } }],
    ['not-serving', { authenticator: { userId: 'user-2' } }],
    ['not-serving', { authenticator: { isDisabled: true } }],
    ['not-serving', { authenticator: { expiresAtMs: noonMs } }],
    ['not-serving', { application: { isDisabled: true } }],
    ['not-serving', { application: { mode: 'unlock' } }],
    ['algorithm', { algorithm: ocra('C-QN08-T30S') }],
    ['algorithm', { algorithm: ocra('QN08-PSHA1') }],
    ['algorithm', { algorithm: { kind: 'hmac-challenge', hash: 'SHA1' } }],
    ['response-too-short', { algorithm: totp(), agent: { keyMode: 'sw' } }],
    [
      'response-too-short',
      {
        algorithm: parseResponseAlgorithm({
          kind: 'challenge-response',
          suite: 'OCRA-1:HOTP-SHA1-5:QN08',
        }),
      },
    ],
    ['pin-none', { policy: { offlinePinless: 'forbidden' } }],
    [
      'pin-none',
      { policy: { offlinePinless: 'forbidden' }, application: pin(4, { verifier: null }) },
    ],
    ['pin-too-short', { application: pin(3) }],
    ['pin-too-short', { application: pin(5), agent: { keyMode: 'sw' } }],
    [
      'pin-too-short',
      { application: pin(7), agent: { keyMode: 'sw' }, policy: { offlineMinPinLength: 8 } },
    ],
    ['pin-change-required', { application: pin(4, { isChangeForced: true }) }],
    ['password-none', { policy: { offlineRequirePassword: true } }],
    ['nothing-left', { algorithm: hotp, application: { nextEventCounter: 2n ** 53n - 1n } }],
    ['nothing-left', { application: { lastStep: noonStep + 90_000n } }],
  ])('%s: %o', (reason, given) => {
    expect(plan(given)).toEqual({ kind: 'refused', reason });
  });
});

describe('a package', () => {
  it.each<[string, Case, Partial<OfflineTerms>]>([
    ['of a PIN', { application: pin(4) }, { pinMode: 'server' }],
    [
      'of six digits of a PIN on a disk',
      { application: pin(6), agent: { keyMode: 'sw' } },
      { pinMode: 'server' },
    ],
    ['without one', {}, { pinMode: 'none', eventMode: null }],
    [
      'with the static password',
      { policy: { offlineRequirePassword: true }, passwordVersion: 1 },
      { isPasswordRequired: true },
    ],
    ['in hardware', {}, { tagBits: 20, eventsMax: 100, notAfterMs: noonMs + 7 * dayMs }],
    ['in hardware that counts', { agent: { countsFailures: true } }, { tagBits: 64 }],
    ['of short responses', { algorithm: totp() }, { tagBits: 64 }],
    [
      'in memory',
      { agent: { keyMode: 'ram', countsFailures: true } },
      { tagBits: 20, eventsMax: 100, notAfterMs: noonMs + 14 * dayMs },
    ],
    [
      'on a disk',
      { agent: { keyMode: 'sw' } },
      { tagBits: 18, eventsMax: 30, notAfterMs: noonMs + 3 * dayMs },
    ],
    [
      'as the policy says, where that is less',
      { policy: { offlineDays: 2, offlineEvents: 9 } },
      { eventsMax: 9, notAfterMs: noonMs + 2 * dayMs },
    ],
    [
      'until the user expires',
      { user: { expiresAtMs: noonMs + 5000 } },
      { notAfterMs: noonMs + 5000 },
    ],
    [
      'until the device expires',
      { authenticator: { expiresAtMs: noonMs + 6000 } },
      { notAfterMs: noonMs + 6000 },
    ],
    [
      'for a clock that is behind',
      { policy: { offlineClockBackMaxSeconds: 60 } },
      { notBeforeMs: noonMs - 60_000 },
    ],
    [
      'of steps, from the window back',
      { policy: { offlineDays: 1, offlineWindowBackSteps: 3 } },
      { kind: 'time', first: noonStep - 3n, count: 2884 },
    ],
    [
      'of steps that are not used',
      { application: { lastStep: noonStep } },
      { first: noonStep + 1n },
    ],
    [
      'by the clock of the device',
      { application: { driftSeconds: 60, driftAtMs: noonMs } },
      { first: noonStep + 1n, driftSeconds: 60 },
    ],
    [
      'of counters',
      { algorithm: hotp, application: { nextEventCounter: 7n } },
      { kind: 'event', first: 7n, count: 110, eventMode: 'shared' },
    ],
    [
      'of reserved counters',
      { algorithm: hotp, policy: { offlineEventMode: 'reserved' } },
      { eventMode: 'reserved' },
    ],
    [
      'of the last counters',
      { algorithm: hotp, application: { nextEventCounter: 2n ** 53n - 6n } },
      { count: 5 },
    ],
    [
      'of challenges',
      { algorithm: ocra('QN08') },
      { kind: 'challenge', first: 0n, count: 100, eventMode: null },
    ],
    ['of challenges and steps', { algorithm: ocra('QN08-T30S') }, { kind: 'time' }],
    ['of challenges and counters', { algorithm: ocra('C-QN08') }, { kind: 'event', first: 0n }],
  ])('%s', (_name, given, expected) => {
    expect(terms(given)).toMatchObject(expected);
  });

  it('of short steps ends when it is full', () => {
    const { count, first, notAfterMs } = terms({ algorithm: totp(1), application: {} });
    expect(count).toBe(entriesMax);
    expect(notAfterMs).toBe(Number(first + BigInt(entriesMax)) * 1000);
  });
});

describe('limits', () => {
  const policy = policyWith({
    offlineAgentsPerAuthenticatorMax: 1,
    offlineAuthenticatorsPerUserMax: 1,
    offlinePackagesPerDayMax: 2,
  });
  const subject = {
    agent: { id: 'agent-1', keyMode: 'hw', countsFailures: false } as const,
    authenticator: authenticatorWith([]).authenticator,
  };
  const of = (...sets: Partial<OfflinePackage>[]): string | null =>
    limitRefusal(sets.map(packageWith), subject, noonMs, policy);

  it.each<[string | null, Partial<OfflinePackage>[]]>([
    [null, []],
    [null, [{}]],
    ['too-many-packages', [{}, { state: 'superseded' }]],
    [null, [{}, { createdAtMs: noonMs - dayMs }]],
    ['too-many-packages', [{}, { agentId: 'agent-2', state: 'wiped' }]],
    [null, [{}, { authenticatorId: 'authenticator-2', state: 'wiped' }]],
    ['too-many-agents', [{ agentId: 'agent-2' }]],
    [null, [{ agentId: 'agent-2', state: 'wiped' }]],
    [null, [{ agentId: 'agent-2', notAfterMs: noonMs }]],
    ['too-many-authenticators', [{ authenticatorId: 'authenticator-2' }]],
    [null, [{ authenticatorId: 'authenticator-2', agentId: 'agent-2' }]],
  ])('%s', (reason, sets) => {
    expect(of(...sets)).toBe(reason);
  });
});

it('is not more at one workstation than an answer can name', () => {
  const others = (count: number, set: Partial<OfflinePackage> = {}): OfflinePackage[] =>
    Array.from({ length: count }, (_, at) =>
      packageWith({ id: `package-${at}`, applicationId: `other-${at}`, ...set }),
    );
  const subject = { application: applicationWith(totp8) };
  const isFull = (...packages: OfflinePackage[]): boolean => isAgentFull(packages, subject, noonMs);
  expect(isFull(...others(64))).toBe(true);
  expect(isFull(...others(63), packageWith())).toBe(false);
  expect(isFull(...others(64, { state: 'wiped' }))).toBe(false);
});

describe('a package stands', () => {
  const policy = policyWith(open);
  const application = applicationWith(totp8);
  const circumstances: OfflineCircumstances = {
    user: userWith(),
    owner: authenticatorWith([application]),
    policy,
    policyHash: 'hash',
    agent: { state: 'active', keyMode: 'hw' },
  };
  const owned = (
    set: Partial<Authenticator>,
    changed: Partial<Application> = {},
  ): Partial<OfflineCircumstances> => ({
    owner: authenticatorWith([applicationWith(totp8, changed)], set),
  });
  const stands = (
    changed: Partial<OfflineCircumstances>,
    set: Partial<OfflinePackage> = {},
  ): boolean => standsStill(packageWith(set), { ...circumstances, ...changed }, noonMs);

  it('while all is as it was', () => {
    expect(stands({})).toBe(true);
    expect(stands({}, { state: 'locked' })).toBe(true);
    expect(stands({}, { state: 'issued' })).toBe(true);
  });

  it.each<[string, Partial<OfflineCircumstances>, Partial<OfflinePackage>]>([
    ['the user is gone', { user: null }, {}],
    ['the device is gone', { owner: null }, {}],
    ['the application is gone', { owner: authenticatorWith([]) }, {}],
    ['it was replaced', {}, { state: 'superseded' }],
    ['its time is over', {}, { notAfterMs: noonMs }],
    ['the agent was revoked', { agent: { state: 'revoked', keyMode: 'hw' } }, {}],
    ['the policy allows none', { policy: policyWith({ ...open, offlineEnabled: false }) }, {}],
    [
      'the policy wants better',
      {
        agent: { state: 'active', keyMode: 'sw' },
        policy: policyWith({ ...open, offlineKeyMode: 'hw' }),
      },
      {},
    ],
    ['the policy is another', { policyHash: 'other' }, {}],
    ['it is of another user', {}, { userId: 'user-2' }],
    ['the user is disabled', { user: userWith({ isDisabled: true }) }, {}],
    ['the device is assigned anew', owned({ assignmentVersion: 2 }), {}],
    ['the PIN is another', {}, { pinVersion: 9 }],
    ['the password that it takes is another', {}, { passwordVersion: 9 }],
    ['it was reset', owned({}, { epoch: 2 }), {}],
    ['the device is disabled', owned({ isDisabled: true }), {}],
  ])('no more: %s', (_name, changed, set) => {
    expect(stands(changed, set)).toBe(false);
  });
});

describe('a package is current', () => {
  it.each<[boolean, Partial<OfflinePackage>]>([
    [true, { createdAtMs: noonMs - dayMs + 1 }],
    [false, { createdAtMs: noonMs - dayMs }],
    [false, { createdAtMs: noonMs + 1 }],
    [false, { kind: 'event' }],
    [false, { state: 'issued' }],
    [true, { eventsUsed: 89 }],
    [false, { eventsUsed: 90 }],
  ])('%s: %o', (expected, set) => {
    const policy = policyWith({ offlineWarnEvents: 10 });
    expect(isCurrent(packageWith(set), noonMs, policy)).toBe(expected);
  });
});

it('is shaped by the settings for logons without a server, and by no other', () => {
  const text = policyText(policyWith());
  expect(policyText(policyWith({ userLockThreshold: 9 }))).toBe(text);
  expect(policyText(policyWith({ offlineWindowBackSteps: 2 }))).not.toBe(text);
});
