import { describe, expect, it } from 'vitest';
import {
  play,
  press,
  respond,
  setPin,
  tokenFromJson,
  tokenToJson,
  unlock,
  type VirtualToken,
} from '../../../emulator/index.ts';
import {
  initialPin,
  ownPin,
  pinToken,
  rightCode,
  testPorts,
  wrongPin,
} from '../device/pin-support.ts';
import { done, errorOf, profileOf, rfcResponses, rfcSeed, tokenWith } from '../support.ts';

type Json = Record<string, unknown>;

const seed = Buffer.from(rfcSeed).toString('base64');

/** As files were before there were PINs. */
const fob1: Json = {
  format: 'tallystick-virtual-token',
  version: 1,
  revision: 3,
  serial: 'VT00000001',
  model: 'VTGO2',
  hull: { keys: 'one-button', autoOffMs: 30000, pressWhileDisplayed: 'next' },
  clock: { manufacturedAtMs: 0, offsetMs: 0, ratePpm: 0, events: [] },
  pairing: { status: 'stand-alone' },
  applications: [
    {
      name: 'EVENT',
      algorithm: { kind: 'event', hash: 'SHA1', digits: 6 },
      eventCounter: '2',
      seed,
    },
  ],
  screen: { kind: 'response', application: 0, response: '287082', sinceMs: 1000 },
};
const keypad1: Json = {
  ...fob1,
  model: 'VTKP1',
  hull: { keys: 'keypad', autoOffMs: 40000 },
  applications: [
    {
      name: 'CR',
      algorithm: { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:QN08-T30S' },
      eventCounter: '0',
      seed,
    },
  ],
  screen: { kind: 'challenge', application: 0, typed: '1234', sinceMs: 1000 },
};

const read = (json: unknown): VirtualToken => tokenFromJson(JSON.stringify(json)).token;
const written = (token: VirtualToken): Json =>
  JSON.parse(tokenToJson({ token, revision: 3 })) as Json;

describe('a state file of version 1', () => {
  it('is read as the fob it was, and written as version 3', () => {
    const token = read(fob1);
    expect(token.state).toMatchObject({ eventCounters: [2n], pin: null });
    expect(done(press(token, 0)).response).toBe(rfcResponses[2]);
    const third = written(token);
    expect(third['version']).toBe(3);
    expect(written(read(third))).toEqual(third);
  });

  it('is read as the keypad it was, in the middle of a challenge', () => {
    const token = read(keypad1);
    expect(token.applications[0]).toMatchObject({
      mode: 'challenge-response',
      challengeCheckDigit: false,
      responseCheckDigit: false,
    });
    const keys = [{ kind: 'type', text: '5678' }, { kind: 'confirm' }] as const;
    const response = done(play(token, keys, 1000)).response;
    const fresh = tokenWith(profileOf('keypad-cr-time'));
    expect(response).toBe(done(respond(fresh, 1000, '12345678')).response);
  });

  it.each<[string, Json]>([
    ['a PIN state', { ...keypad1, pin: null }],
    ['an initial PIN', { ...keypad1, initialPin: null }],
    ['a PIN policy', { ...keypad1, hull: { keys: 'keypad', autoOffMs: 40000, pin: null } }],
    ['a mode', withApplication(keypad1, { mode: 'challenge-response' })],
    ['a check digit', withApplication(keypad1, { challengeCheckDigit: false })],
    ['the screen of a PIN', { ...keypad1, screen: { kind: 'pin', sinceMs: 0 } }],
    ['version 0', { ...fob1, version: 0 }],
    ['version "1"', { ...fob1, version: '1' }],
  ])('with %s is refused', async (_name, json) => {
    expect((await errorOf(() => read(json))).code).toBe('state-damaged');
  });
});

/** As files were before there were data fields and host codes. */
const keypad2: Json = {
  ...keypad1,
  version: 2,
  hull: { keys: 'keypad', autoOffMs: 40000, pin: null },
  applications: withApplication(keypad1, {
    mode: 'challenge-response',
    challengeCheckDigit: true,
    responseCheckDigit: false,
  })['applications'],
  initialPin: null,
  pin: null,
};

describe('a state file of version 2', () => {
  it('is read as the keypad it was, in the middle of a challenge', () => {
    const token = read(keypad2);
    expect(token.applications[0]).toMatchObject({ challengeCheckDigit: true });
    const keys = [{ kind: 'type', text: '5674' }, { kind: 'confirm' }] as const;
    const response = done(play(token, keys, 1000)).response;
    const other = tokenWith(profileOf('keypad-cr-time'));
    expect(response).toBe(done(respond(other, 1000, '12345674')).response);
  });

  it.each<[string, Json]>([
    ['data fields', withApplication(keypad2, { fields: null })],
    ['a mode that came later', withApplication(keypad2, { mode: 'signature' })],
    ['a body that came later', { ...keypad2, hull: { keys: 'none' } }],
    [
      'a part that came later',
      { ...keypad2, hull: { ...(keypad2['hull'] as Json), countdown: null } },
    ],
    [
      'the screen of a data field',
      { ...keypad2, screen: { kind: 'field', application: 0, entered: [], typed: '', sinceMs: 0 } },
    ],
    [
      'a host code on display',
      {
        ...keypad2,
        screen: {
          kind: 'response',
          application: 0,
          response: '123456',
          hostCode: null,
          sinceMs: 0,
        },
      },
    ],
  ])('with %s is refused', async (_name, json) => {
    expect((await errorOf(() => read(json))).code).toBe('state-damaged');
  });
});

const signing = tokenWith(
  profileOf('keypad-cr-time', { SIGN: 'sign:OCRA-1:HOTP-SHA1-8:QH40/A:N4,B:A4' }),
);
const asked = done(
  play(signing, [{ kind: 'press' }, { kind: 'type', text: '12' }, { kind: 'confirm' }], 0),
).token;

describe('a state file of a token that signs', () => {
  it('is read back as it was, in the middle of a data field', () => {
    expect(written(read(written(asked)))).toEqual(written(asked));
    expect(read(written(asked)).state.screen).toEqual(asked.state.screen);
  });

  it.each<[string, Json]>([
    ['no fields', withApplication(written(asked), { fields: null })],
    [
      'a field of nine letters',
      withApplication(written(asked), {
        fields: [{ name: 'A', alphabet: 'A', charactersMax: 9, upperCase: true }],
      }),
    ],
    [
      'as many entered as there are',
      {
        ...written(asked),
        screen: { kind: 'field', application: 0, entered: ['12', 'AB'], typed: '', sinceMs: 0 },
      },
    ],
    [
      'an empty field entered',
      {
        ...written(asked),
        screen: { kind: 'field', application: 0, entered: [''], typed: '', sinceMs: 0 },
      },
    ],
    [
      'letters among digits',
      {
        ...written(asked),
        screen: { kind: 'field', application: 0, entered: [], typed: 'AB', sinceMs: 0 },
      },
    ],
    [
      'a host code of nobody',
      {
        ...written(asked),
        screen: {
          kind: 'response',
          application: 0,
          response: '12345678',
          hostCode: '123456',
          sinceMs: 0,
        },
      },
    ],
    [
      'a menu that the body does not have',
      { ...written(asked), screen: { kind: 'info', item: 'time', sinceMs: 0 } },
    ],
  ])('with %s is refused', async (_name, json) => {
    expect((await errorOf(() => read(json))).code).toBe('state-damaged');
  });
});

const ports = testPorts();
const fresh = pinToken({ ports });
const ready = done(setPin(fresh, 0, ownPin, { devicePin: initialPin, ports })).token;
const locked = [0, 1, 2, 3, 4].reduce(
  (token) => press(token, 0, { devicePin: wrongPin, ports }).token,
  ready,
);
const confirming = done(
  play(
    fresh,
    [{ kind: 'press' }, { kind: 'pin', devicePin: initialPin }, { kind: 'pin', devicePin: ownPin }],
    0,
    ports,
  ),
).token;

describe('a state file of a token with a PIN', () => {
  it.each<[string, VirtualToken]>([
    ['as it was made', fresh],
    ['with a new PIN that waits for its confirmation', confirming],
    ['with a PIN of its own', ready],
    ['locked', locked],
    ['unlocked', done(unlock(locked, 0, rightCode(locked), { ports })).token],
    ['that bricks', pinToken({ policy: { onLock: 'brick' } })],
    ['without initial PIN', pinToken({ initialPin: null })],
  ])('%s is read back as it was', (_name, token) => {
    const json = written(token);
    expect(written(read(json))).toEqual(json);
    expect(JSON.stringify(json)).not.toMatch(/281946|739155|"00000"/);
  });

  it.each<[string, Json]>([
    ['no PIN state', { ...written(ready), pin: null }],
    ['no policy', withHull(ready, { pin: null })],
    ['a policy of one failure', withPolicy(ready, { failuresMax: 1 })],
    ['a policy of PINs without length', withPolicy(ready, { digitsMin: 0 })],
    ['an unknown rule', withPolicy(ready, { weakRules: ['birthday'] })],
    ['an unknown lock', withPolicy(ready, { onLock: 'explode' })],
    ['a policy that bricks and an unlock application', withPolicy(ready, { onLock: 'brick' })],
    ['a failure too many', withPin(locked, { failures: 6 })],
    ['a negative failure', withPin(ready, { failures: -1 })],
    ['a lock and failures left', withPin(locked, { failures: 4 })],
    ['all failures and no lock', withPin(ready, { failures: 5 })],
    ['another kind of lock', withPin(locked, { lock: { kind: 'brick' } })],
    ['failures before there is a PIN', withPin(ready, { verifier: null, failures: 1 })],
    ['a PIN in the clear', withPin(ready, { verifier: '281946' })],
    ['a salt that is too short', withPin(ready, { verifier: { salt: 'AAAA', hash: 'AAAA' } })],
    [
      'its own PIN to be changed as if it were the initial one',
      withPin(ready, { mustChange: true }),
    ],
    ['a challenge of seven digits', withLock({ challenge: '1234567' })],
    ['a challenge of letters', withLock({ challenge: '1234567a' })],
    ['four wrong codes', withLock({ wrongCodes: 4 })],
    ['three wrong codes and no lockout', withLock({ wrongCodes: 3 })],
    ['a lockout and codes left', withLock({ lockedOutSinceMs: 0 })],
    ['a lockout that never ends', withLock({ wrongCodes: 3, lockedOutSinceMs: 2 ** 53 - 1 })],
    ['a menu while it is locked', { ...written(locked), screen: { kind: 'menu', sinceMs: 0 } }],
    [
      'the screen of a lock while there is none',
      withScreen({ kind: 'locked', typed: '', sinceMs: 0 }),
    ],
    [
      'a code too long on display',
      { ...written(locked), screen: { kind: 'locked', typed: '123456789', sinceMs: 0 } },
    ],
    [
      'a menu before the PIN was changed',
      { ...written(fresh), screen: { kind: 'menu', sinceMs: 0 } },
    ],
    ['a confirmation of nothing', withScreen({ kind: 'confirm-pin', newPin: null, sinceMs: 0 })],
    ['a PIN on display', withScreen({ kind: 'pin', typed: '281946', sinceMs: 0 })],
    [
      'a response of the unlock application',
      withScreen({ kind: 'response', application: 2, response: '12345678', sinceMs: 0 }),
    ],
    ['two unlock applications', { ...written(ready), applications: twoUnlocking() }],
    ['an unlock application that is none', withApplication(written(ready), { mode: 'unlock' })],
    [
      'a mode that its algorithm cannot have',
      withApplication(written(ready), { mode: 'challenge-response' }),
    ],
    ['a check digit that is no flag', withApplication(written(ready), { responseCheckDigit: 1 })],
    [
      'a check digit for no challenge',
      withApplication(written(ready), { challengeCheckDigit: true }),
    ],
  ])('with %s is refused', async (_name, json) => {
    const refused = await errorOf(() => read(json));
    expect(refused.code).toBe('state-damaged');
    expect(refused.message).not.toMatch(/281946|MTIzNDU2Nzg5/);
  });
});

function withApplication(json: Json, members: Json): Json {
  const [first, ...others] = json['applications'] as Json[];
  return { ...json, applications: [{ ...first, ...members }, ...others] };
}

function withHull(token: VirtualToken, members: Json): Json {
  const json = written(token);
  return { ...json, hull: { ...(json['hull'] as Json), ...members } };
}

function withPolicy(token: VirtualToken, members: Json): Json {
  const { pin } = written(token)['hull'] as { pin: Json };
  return withHull(token, { pin: { ...pin, ...members } });
}

function withPin(token: VirtualToken, members: Json): Json {
  const json = written(token);
  return { ...json, screen: { kind: 'off' }, pin: { ...(json['pin'] as Json), ...members } };
}

function withLock(members: Json): Json {
  const { lock } = written(locked)['pin'] as { lock: Json };
  return withPin(locked, { lock: { ...lock, ...members } });
}

function withScreen(screen: Json): Json {
  return { ...written(ready), screen };
}

function twoUnlocking(): Json[] {
  const applications = written(ready)['applications'] as Json[];
  return [...applications, { ...applications[2], name: 'UNLOCK2' }];
}
