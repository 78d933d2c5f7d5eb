import { expect, it } from 'vitest';
import { explanationText } from '../../src/cli/explanation-text.ts';
import { explain } from '../../src/domain/explanations.ts';
import type {
  ApplicationNowJson,
  AttemptJson,
  EventJson,
  UserExplanationJson,
} from '../../src/rest/explanation.ts';

const atMs = Date.UTC(2026, 10, 25, 20, 33, 10);
const at = (seconds: number): number => atMs + seconds * 1000;
const bySomebody = { actor: 'intranet (k1)', requestId: 'r1' };

const time: ApplicationNowJson = {
  name: 'TIME',
  mode: 'response-only',
  algorithm: 'TOTP-SHA1-6-30S',
  isDisabled: false,
  pin: 'change-required',
  epoch: 2,
  nextEventCounter: null,
  last: { step: '59856066', beginsAtMs: at(-10) },
  expected: { step: '59856067', beginsAtMs: at(20) },
  window: { kind: 'dynamic', halfWidthSteps: 12, otherCentres: 1 },
  lowest: { step: '59856067', beginsAtMs: at(20) },
  floorMs: at(20),
  driftSeconds: -3,
  driftAtMs: at(-10),
  isDriftFrozen: true,
  driftRate: { ratePpm: 11.57, ratePpmError: 0.44 },
  failureCount: 1,
  isResponseRemembered: true,
  resetAtMs: at(-3600),
  lastUsedAtMs: at(-10),
};

const unlock: ApplicationNowJson = {
  ...time,
  name: 'UNLOCK',
  mode: 'unlock',
  pin: 'off',
  algorithm: 'OCRA-1:HOTP-SHA1-8:QN08',
  isDisabled: true,
  epoch: 1,
  last: null,
  expected: null,
  window: null,
  lowest: null,
  floorMs: null,
  driftSeconds: null,
  driftAtMs: null,
  driftRate: null,
  isResponseRemembered: false,
  resetAtMs: null,
  lastUsedAtMs: null,
};

function attempt(outcome: string, more: Partial<AttemptJson> = {}): AttemptJson {
  return {
    kind: 'attempt',
    atMs,
    action: 'authenticate',
    outcome,
    ...bySomebody,
    component: 'intranet',
    policy: 'Office',
    serial: null,
    application: null,
    facts: { peerAddress: '10.1.0.7' },
    stepsBeginAtMs: {},
    ...explain(outcome),
    ...more,
  };
}

const named = { serial: 'VT00000001', application: 'TIME' };

const explanation: UserExplanationJson = {
  user: 'jane',
  domain: 'master',
  policy: 'Office',
  policyFrom: 'last-attempt',
  atMs: at(60),
  account: {
    state: 'user-locked',
    isDisabled: false,
    expiresAtMs: null,
    lockCount: 3,
    lockThreshold: 3,
    lockedAtMs: atMs,
    lockedBy: 'threshold',
    lockedByActor: 'intranet (k1)',
    unlockTries: 0,
    unlocksItselfAtMs: at(300),
    lastAttemptAtMs: atMs,
    lastSuccessAtMs: null,
    localAuthentication: 'password-in-grace',
    passwordSetAtMs: at(-9000),
    isPasswordPermitted: false,
  },
  authenticators: [
    {
      serial: 'VT00000001',
      model: 'VTGO1',
      isVirtual: true,
      isDisabled: false,
      expiresAtMs: null,
      assignedAtMs: at(-7200),
      lastUsedAtMs: at(-10),
      kind: 'device',
      graceEndsAtMs: null,
      backup: { mode: 'permitted', endsAtMs: null, usesLeft: 2 },
      applications: [time, unlock],
    },
    {
      serial: 'VM00000001',
      model: 'VIR10',
      isVirtual: false,
      isDisabled: false,
      expiresAtMs: null,
      assignedAtMs: at(-7200),
      lastUsedAtMs: null,
      kind: 'virtual-mobile',
      graceEndsAtMs: at(900),
      backup: null,
      applications: [],
    },
  ],
  events: [
    attempt('response-incorrect', {
      ...named,
      facts: {
        peerAddress: '10.1.0.7',
        candidates: 21,
        ofCandidates: 21,
        expectedStep: '59856066',
        lowestStep: '59856067',
        driftSeconds: -3,
        windowKind: 'learned',
        somethingNew: 'yes',
        nothing: null,
      },
      stepsBeginAtMs: { expectedStep: at(-10), lowestStep: at(20) },
    }),
    {
      kind: 'administration',
      atMs: at(-3600),
      action: 'authenticator.reset',
      outcome: 'done',
      subject: 'VT00000001',
      ...bySomebody,
      facts: { applications: 'TIME', peerAddress: '10.1.0.7' },
    },
    attempt('seed-damaged', { ...named, facts: {} }),
  ],
};

const expected = `\
user            jane in domain master
now             2026-11-25 20:34:10Z
judged by       the policy Office, that of the last attempt
state           locked
locked since    2026-11-25 20:33:10Z
locked by       threshold, intranet (k1)
unlocks itself  2026-11-25 20:38:10Z at the earliest
failures        3 of 3
password        set 2026-11-25 18:03:10Z, lets nobody in by itself
expires         -
last attempt    2026-11-25 20:33:10Z
last success    -

VT00000001/TIME  TOTP-SHA1-6-30S
  authenticator  VTGO1, virtual, assigned 2026-11-25 18:33:10Z
  server PIN     set, change required
  backup         permitted, 2 left
  epoch          2
  last step      59856066, begins 2026-11-25 20:33:00Z
  expected step  59856067, begins 2026-11-25 20:33:30Z
  window         12 steps to each side, dynamic; centres besides: 1
  lowest step    59856067, begins 2026-11-25 20:33:30Z
  drift          -3 s, learned 2026-11-25 20:33:00Z, frozen
  clock rate     11.6 ppm, give or take 0.4
  failures       1
  remembered     a response that the next one may confirm
  reset          2026-11-25 19:33:10Z
  last used      2026-11-25 20:33:00Z

VT00000001/UNLOCK  OCRA-1:HOTP-SHA1-8:QN08
  authenticator  VTGO1, virtual, assigned 2026-11-25 18:33:10Z
  mode           unlock: verifies nobody
  state          disabled
  epoch          1
  failures       1
  last used      -

VM00000001  one-time passwords are sent
  authenticator  VIR10, assigned 2026-11-25 18:33:10Z
  last used      -

2026-11-25 20:33:10Z  refused  response-incorrect
  authenticate by the component intranet from 10.1.0.7, policy Office
  compared 21 of 21 candidates of VT00000001/TIME around step 59856066
    (2026-11-25 20:33:00Z)
  drift -3 s; lowest step 59856067 (2026-11-25 20:33:30Z); window learned;
    something new yes
  why: Nothing within the windows was like it: it was mistyped, came from
    another authenticator or for another challenge, or the clock or counter of
    the authenticator has left the windows.
  what helps: Unlock the user if he is locked by now. Try the next response. If
    that is refused as well, synchronise with two in a row.

2026-11-25 19:33:10Z  authenticator.reset of VT00000001
  by intranet (k1) from 10.1.0.7
  applications TIME

2026-11-25 20:33:10Z  technical fault  seed-damaged
  authenticate by the component intranet, policy Office
  about VT00000001/TIME
  request id r1
  why: A technical fault ended the attempt, and nobody knows whether the
    response was right. It counted only if something had been compared before.
  what helps: Mend what the outcome names: the log has the cause under the
    request id. Then repeat.`;

it('reads well on a terminal of 80 columns', () => {
  const shown = explanationText(explanation);
  expect(shown).toBe(expected);
  expect(Math.max(...shown.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
});

it.each([
  ['request', 'as you named it'],
  ['own-key', 'that of your key'],
] as const)('says why it judges by a policy: %s', (policyFrom, why) => {
  const shown = explanationText({ ...explanation, policyFrom });
  expect(shown).toContain(`\njudged by       the policy Office, ${why}\n`);
});

it('says that nobody has the name, and that nothing was attempted', () => {
  const { events } = explanation;
  const nobody = { ...explanation, account: null, authenticators: [], events: events.slice(2) };
  expect(explanationText(nobody)).toMatch(/^state +there is no such user \(any more\)\n\n2026/m);
  expect(explanationText({ ...explanation, events: [] })).toMatch(/\n\nNothing was attempted/);
});

it('says what an administrator took away, and leaves out what nothing is known of', () => {
  const facts = { administratorRole: null, expiresAtMs: null, driftSecondsBefore: null };
  const change = { ...explanation.events[1]!, action: 'user.update', facts } as EventJson;
  const shown = explanationText({ ...explanation, events: [change] });
  expect(shown).toMatch(/administrator role none; expires never$/m);
  expect(shown).not.toContain('drift before');
});

it('holds nothing that a terminal obeys', () => {
  const evil = '\u001b[2J\u009b1m\r\n\u0007';
  const shown = explanationText({
    ...explanation,
    user: evil,
    policy: evil,
    account: { ...explanation.account!, lockedByActor: evil },
    authenticators: explanation.authenticators.map((one) => ({
      ...one,
      serial: evil,
      model: evil,
      applications: [{ ...time, name: evil, algorithm: evil }],
    })),
    events: [
      attempt(evil, { serial: evil, component: evil, facts: { [evil]: evil, followers: evil } }),
      { ...explanation.events[1]!, action: evil, subject: evil, actor: evil } as EventJson,
    ],
  });
  expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(shown.split('\n').filter((line) => line.includes('[2J'))).not.toHaveLength(0);
});
