import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  countdownAt,
  countdownOf,
  createToken,
  displayOf,
  idealClock,
  parseApplicationText,
  play,
  press,
  profileNamed,
  program,
  readInfo,
  respond,
  setPin,
  sign,
  stepDevice,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { algorithmDigits } from '../../../src/oath/index.ts';
import { initialPin, ownPin, pinOf, testPorts } from './pin-support.ts';
import {
  done,
  errorOf,
  profileOf,
  readVectors,
  refusalOf,
  rfcSeed,
  tokenWith,
} from '../support.ts';

interface SignatureRow {
  readonly suite: string;
  readonly keyHex: string;
  readonly fields: readonly string[];
  readonly counter: string | null;
  readonly timeStep: string | null;
  readonly signature: string;
}
interface HostCodeRow extends Omit<SignatureRow, 'fields' | 'signature'> {
  readonly algorithm: string;
  readonly response: string;
  readonly challenge: string | null;
  readonly hostCode: string;
}
const vectors = readVectors('emu-conventions') as {
  signatures: SignatureRow[];
  hostCodes: HostCodeRow[];
};
const ports = testPorts();

/** A keypad with one application, at a counter, with the key of a vector. */
function keypad(text: string, keyHex: string, counter: string | null): VirtualToken {
  const seed = new Uint8Array(Buffer.from(keyHex, 'hex'));
  const application = parseApplicationText(text);
  const digits = algorithmDigits(application.algorithm);
  const hostCode =
    digits === 6 || digits === 8 ? ({ scheme: 'mutual', digits } as const) : undefined;
  const base = profileNamed('keypad-cr-time');
  const token = tokenWith({ ...base, applications: [{ ...application, hostCode }] }, seed);
  return { ...token, state: { ...token.state, eventCounters: [BigInt(counter ?? '0')] } };
}

function instantOf(row: { suite: string; timeStep: string | null; algorithm?: string }): number {
  if (row.timeStep === null) return 0;
  const [, count, unit] = /-T?([0-9]+)([SM])$/.exec(row.algorithm ?? row.suite) ?? [];
  return Number(row.timeStep) * Number(count) * (unit === 'M' ? 60_000 : 1000);
}

describe('a device that signs', () => {
  it.each(vectors.signatures)('signs $fields with $suite as $signature', (row) => {
    const fields = row.fields.map((_, index) => `F${index}:${index === 0 ? 'H16' : 'A8'}`);
    const isLong = row.fields.slice(1).some((text) => text.length > 8);
    const texts = isLong ? fields.map((text) => text.replace('A8', 'H16')) : fields;
    const asText = /[G-Zg-z]/.test(row.fields[0]!) ? ['F0:A8', ...texts.slice(1)] : texts;
    const token = keypad(`SIGN=sign:${row.suite}/${asText.join(',')}`, row.keyHex, row.counter);
    const at = instantOf(row);
    expect(done(sign(token, at, row.fields)).response).toBe(row.signature);
    const named = Object.fromEntries(row.fields.map((text, index) => [`F${index}`, text]));
    expect(done(sign(token, at, named)).response).toBe(row.signature);
  });

  const suite = 'OCRA-1:HOTP-SHA1-8:QH40';
  const token = tokenWith(
    profileOf('keypad-cr-time', { SIGN: `sign:${suite}/ACCOUNT:N12,NAME:A8,PLAIN:a8` }),
  );

  it('asks for one field after the other, in capitals where the field says so', () => {
    let { state } = token;
    const shown: unknown[] = [];
    for (const input of [
      { kind: 'press' },
      { kind: 'type', text: '4711' },
      { kind: 'confirm' },
      { kind: 'type', text: 'abc' },
      { kind: 'clear' },
      { kind: 'type', text: 'xyz' },
      { kind: 'confirm' },
      { kind: 'type', text: 'xyz' },
    ] as const) {
      state = stepDevice(token, state, input, 0, ports).state;
      shown.push(displayOf(token, state));
    }
    const field = { kind: 'field', applicationName: 'SIGN', count: 3 };
    expect(shown).toEqual([
      { ...field, fieldName: 'ACCOUNT', number: 1, typed: '' },
      { ...field, fieldName: 'ACCOUNT', number: 1, typed: '4711' },
      { ...field, fieldName: 'NAME', number: 2, typed: '' },
      { ...field, fieldName: 'NAME', number: 2, typed: 'ABC' },
      { ...field, fieldName: 'NAME', number: 2, typed: '' },
      { ...field, fieldName: 'NAME', number: 2, typed: 'XYZ' },
      { ...field, fieldName: 'PLAIN', number: 3, typed: '' },
      { ...field, fieldName: 'PLAIN', number: 3, typed: 'xyz' },
    ]);
  });

  it.each([
    ['a field too few', ['1', 'A'], 'field-names'],
    ['an unknown field', { ACCOUNT: '1', NAME: 'A', OTHER: 'A' }, 'field-names'],
    [
      'a field beside those asked for',
      { ACCOUNT: '1', NAME: 'A', PLAIN: 'A', X: '1' },
      'field-names',
    ],
    ['a letter among digits', ['1a', 'A', 'A'], 'field-character'],
    ['a separator', ['1', 'A|B', 'A'], 'field-character'],
    ['a field too long', ['1234567890123', 'A', 'A'], 'field-length'],
    ['an empty field', ['1', '', 'A'], 'field-length'],
  ])('refuses %s', (_name, values, code) => {
    expect(refusalOf(sign(token, 0, values))).toBe(code);
  });

  it('takes a response for no signature, and the other way round', () => {
    expect(refusalOf(press(token, 0))).toBe('fields-needed');
    expect(refusalOf(respond(token, 0, '1234'))).toBe('fields-needed');
    const cr = tokenWith(profileOf('keypad-cr-time'));
    expect(refusalOf(sign(cr, 0, ['1']))).toBe('fields-superfluous');
  });

  it.each([
    ['a suite of QN', 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QN08'],
    ['a question too short for a digest', 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QH39'],
    ['TOTP', 'SIGN=sign:TOTP-SHA1-6-30S'],
    [
      'nine fields',
      `SIGN=sign:${suite}/${'ABCDEFGHI'
        .split('')
        .map((n) => `${n}:N1`)
        .join(',')}`,
    ],
    ['a field of nine letters', `SIGN=sign:${suite}/X:A9`],
    ['a field of 17 digits', `SIGN=sign:${suite}/X:N17`],
    ['two fields of one name', `SIGN=sign:${suite}/X:N1,X:N2`],
    ['a field without length', `SIGN=sign:${suite}/X`],
  ])('cannot be made with %s', async (_name, text) => {
    expect((await errorOf(() => parseApplicationText(text))).code).toBe('input-invalid');
  });
});

describe('a multi-mode application', () => {
  const fresh = createToken(
    { serial: 'VT00000001', profile: profileNamed('keypad-cr-multi'), clock: idealClock(0) },
    [rfcSeed, rfcSeed, rfcSeed].map((seed) => new Uint8Array(seed)),
    ports,
  );
  const { token } = done(setPin(fresh, 0, ownPin, { devicePin: initialPin, ports }));
  const how = { devicePin: ownPin, ports };

  it('answers a challenge and signs, under one seed', () => {
    const responded = done(respond(token, 0, '12345678', how));
    const signed = done(sign(responded.token, 0, ['1', '2', 'ab'], how));
    expect(responded.response).toMatch(/^[0-9]{8}$/);
    expect(signed.response).not.toBe(responded.response);
  });

  it('takes no challenge as long as a digest, which it would sign otherwise', () => {
    const digest = createHash('sha1').update('emu-sign-1|1|2|AB').digest('hex');
    expect(refusalOf(respond(token, 0, digest, how))).toBe('challenge-length');
    expect(refusalOf(respond(token, 0, digest.slice(0, 17), how))).toBe('challenge-length');
    expect(refusalOf(respond(token, 0, digest.slice(0, 16), how))).toBe('accepted');
  });
});

describe('host codes', () => {
  it.each(vectors.hostCodes)('$algorithm shows $hostCode after $response', (row) => {
    const token = keypad(`APP=${row.algorithm}`, row.keyHex, row.counter);
    const at = instantOf(row);
    const made = row.challenge === null ? press(token, at) : respond(token, at, row.challenge);
    if (!made.ok) throw new Error(made.refusal.code);
    expect(made.generated).toMatchObject({ response: row.response, hostCode: row.hostCode });
    const turned = play(made.token, [{ kind: 'host-code' }], at);
    const shown = { kind: 'host-code', applicationName: 'APP', hostCode: row.hostCode };
    expect(displayOf(turned.token, turned.token.state)).toEqual(shown);
    const back = play(turned.token, [{ kind: 'host-code' }], at);
    expect(displayOf(back.token, back.token.state)).toMatchObject({ response: row.response });
  });

  it('are over the response without its check digit', () => {
    const row = vectors.hostCodes[0]!;
    const token = keypad(`APP=${row.algorithm}`, row.keyHex, null);
    const [application] = token.applications;
    const checked = { ...token, applications: [{ ...application!, responseCheckDigit: true }] };
    const made = respond(checked, instantOf(row), row.challenge!);
    expect(made.ok && made.generated?.hostCode).toBe(row.hostCode);
  });

  it('need a keypad, and a step that OCRA has', async () => {
    const onButton = withHostCode('one-button-time');
    expect((await errorOf(() => tokenWith(onButton))).message).toContain('keypad');
    const long = withHostCode('keypad-cr-time', { TIME: 'TOTP-SHA1-6-90S' });
    expect((await errorOf(() => tokenWith(long))).message).toContain('host code');
  });

  it('are refused where there is none', () => {
    const made = respond(tokenWith(profileOf('keypad-cr-time')), 0, '12345678');
    expect(refusalOf(play(made.token, [{ kind: 'host-code' }], 0))).toBe('host-code-none');
  });
});

function withHostCode(...profile: Parameters<typeof profileOf>) {
  const base = profileOf(...profile);
  const hostCode = { scheme: 'mutual', digits: 6 } as const;
  return { ...base, applications: base.applications.map((one) => ({ ...one, hostCode })) };
}

describe('the menu behind a long press', () => {
  const token = tokenWith(profileOf('one-button-info'));
  const at = 1_000_000_000;

  it('shows time, battery and serial, and goes off', () => {
    let { state } = token;
    const shown: unknown[] = [];
    for (const heldMs of [6000, 100, 100, 100]) {
      state = stepDevice(token, state, { kind: 'press', heldMs }, at, ports).state;
      shown.push(displayOf(token, state));
    }
    expect(shown).toEqual([
      { kind: 'info', item: 'time', deviceTimeMs: at },
      { kind: 'info', item: 'battery' },
      { kind: 'info', item: 'serial' },
      { kind: 'blank' },
    ]);
  });

  it('stays shut for a press that is shorter', () => {
    const { state } = stepDevice(token, token.state, { kind: 'press', heldMs: 5999 }, at, ports);
    expect(state.screen.kind).toBe('response');
  });

  it('tells a help desk how wrong the clock is', () => {
    const slow = { ...token, clock: { ...token.clock, offsetMs: -90_000 } };
    const read = readInfo(slow, at);
    expect(read.info).toEqual({
      deviceTimeMs: at - 90_000,
      chargePercent: 100,
      serial: 'VT00000001',
    });
    expect(read.token.state.screen.kind).toBe('off');
    expect(refusalOf(readInfo(tokenWith(profileOf('one-button-time')), at))).toBe('info-none');
  });
});

describe('a display that is always on', () => {
  const token = tokenWith(profileOf('continuous-60s'));

  it('shows the response of the step without any key', () => {
    const at = (atMs: number): unknown =>
      stepDevice(token, token.state, { kind: 'wait' }, atMs, ports).display;
    const totp = tokenWith(profileOf('one-button-time', { TIME: 'TOTP-SHA1-6-60S' }));
    for (const atMs of [0, 59_999, 60_000, 1e12]) {
      expect(at(atMs)).toMatchObject({ response: done(press(totp, atMs)).response });
      expect(done(press(token, atMs, { submitDelayMs: 90_000 })).response).toBe(
        done(press(totp, atMs)).response,
      );
    }
    expect(at(0)).toEqual(at(59_999));
    expect(at(0)).not.toEqual(at(60_000));
  });

  it('has no key to press', () => {
    expect(refusalOf(play(token, [{ kind: 'press' }], 0))).toBe('keys-none');
  });

  it.each([
    [0, 6],
    [9_999, 6],
    [10_000, 5],
    [50_000, 1],
    [59_999, 1],
    [60_000, 6],
  ])('after %d ms has %d bars', (atMs, bars) => {
    const countdown = countdownOf(token.hull, token.applications[0]!, atMs);
    expect(countdown).toEqual({
      stepMs: 60_000,
      remainingMs: 60_000 - (atMs % 60_000),
      bars,
      barsMax: 6,
    });
  });

  it('counts down beside the response, and beside nothing else', () => {
    const at = (atMs: number): unknown =>
      countdownAt(token, stepDevice(token, token.state, { kind: 'wait' }, atMs, ports).state, atMs);
    expect(at(30_000)).toMatchObject({ remainingMs: 30_000, bars: 3 });
    expect(countdownAt(token, token.state, 30_000)).toBeNull();
    const card = tokenWith(profileOf('programmable-time'));
    const { state } = done(press(card, 20_000)).token;
    expect(countdownAt(card, state, 29_999)).toMatchObject({ remainingMs: 1, bars: null });
    // The response stays on display longer than its step lasts.
    expect(countdownAt(card, state, 30_000)).toBeNull();
    const fob = tokenWith(profileOf('one-button-time'));
    expect(countdownAt(fob, done(press(fob, 20_000)).token.state, 20_000)).toBeNull();
  });

  it('needs TOTP', async () => {
    const event = profileOf('continuous-60s', { EVENT: 'HOTP-SHA1-6' });
    expect((await errorOf(() => tokenWith(event))).code).toBe('input-invalid');
  });
});

describe('a programmable token', () => {
  const at = 1_700_000_000_000;
  const wrong = tokenWith(profileOf('programmable-time'), new Uint8Array(20).fill(7));
  const token = { ...wrong, clock: { ...wrong.clock, offsetMs: 90_000 } };
  const ideal = tokenWith(profileOf('one-button-time'));
  const seeds = (): Uint8Array[] => [new Uint8Array(rfcSeed)];

  it('shows what its new seed shows, at the time that was set with it', () => {
    const set = program(token, at, seeds(), { setsClock: true });
    const response = done(press(ideal, at)).response;
    expect(done(press(set.token, at)).response).toBe(response);
    const unset = program(token, at, seeds());
    expect(done(press(unset.token, at)).response).toBe(done(press(ideal, at + 90_000)).response);
  });

  it('refuses to be one of another kind', () => {
    expect(refusalOf(program(ideal, at, seeds()))).toBe('not-programmable');
  });

  it('refuses seeds that do not fit', async () => {
    expect((await errorOf(() => program(token, at, []))).code).toBe('input-invalid');
    expect((await errorOf(() => program(token, at, [new Uint8Array(15)]))).code).toBe(
      'input-invalid',
    );
  });
});

describe('a card with a PIN of four digits', () => {
  it('goes off after 20 s, and takes no longer PIN', () => {
    const profile = profileNamed('card-keypad');
    const seeds = profile.applications.map(() => new Uint8Array(rfcSeed));
    const card = createToken({ serial: 'VT00000001', profile, clock: idealClock(0) }, seeds, ports);
    expect(refusalOf(setPin(card, 0, pinOf('28194'), { ports }))).toBe('pin-digits');
    const { token } = done(setPin(card, 0, pinOf('2819'), { ports }));
    const how = { devicePin: pinOf('2819'), ports };
    expect(done(respond(token, 0, '12345678', { ...how, submitDelayMs: 19_999 })).response).toMatch(
      /^[0-9]{6}$/,
    );
    const late = respond(token, 0, '12345678', { ...how, submitDelayMs: 20_000 });
    expect(refusalOf(late)).toBe('display-off');
  });
});
