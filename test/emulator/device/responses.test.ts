import { describe, expect, it } from 'vitest';
import {
  createResponder,
  keyCheckValue,
  parseAlgorithmText,
  press,
  respond,
  responses,
  Secret,
} from '../../../emulator/index.ts';
import { createHmac } from 'node:crypto';
import { algorithmText } from '../../../src/oath/index.ts';
import {
  done,
  errorOf,
  profileOf,
  readVectors,
  rfcResponses,
  rfcSeed,
  tokenWith,
} from '../support.ts';

interface OcraVector {
  readonly suite: string;
  readonly keyHex: string;
  readonly question: string;
  readonly counter?: number;
  readonly pin?: string;
  readonly pinHashHex?: string;
  readonly sessionHex?: string;
  readonly timestampHex?: string;
  readonly otp: string;
  readonly role?: string | null;
}

const stepSeconds: Readonly<Record<string, number>> = { T1M: 60, T30S: 30, T20S: 20 };

function ocraRows(name: string): readonly OcraVector[] {
  return (readVectors(name) as { vectors: OcraVector[] }).vectors;
}

/** One question as long as the suite allows; mutual rows carry two, which no keypad takes. */
const isOneWay = ({ suite, question }: OcraVector): boolean =>
  question.length <= Number(/Q[NAH](\d+)/.exec(suite)?.[1]);

describe('published vectors, pressed on a device', () => {
  it.each(ocraRows('rfc6287').filter(isOneWay))('RFC 6287: $suite $question', answersAsPublished);
  it.each(ocraRows('derived-ocra').filter(isOneWay))(
    'derived: $suite $question',
    answersAsPublished,
  );

  function answersAsPublished(row: OcraVector): void {
    const seed = Buffer.from(row.keyHex, 'hex');
    const made = tokenWith(profileOf('keypad-cr-time', { CR: row.suite }), seed);
    const counter = BigInt(row.counter ?? 0);
    const token = { ...made, state: { ...made.state, eventCounters: [counter] } };
    const step = Number.parseInt(row.timestampHex ?? '0', 16);
    const seconds = step * (stepSeconds[/T\d+[SMH]/.exec(row.suite)?.[0] ?? ''] ?? 0);
    // The one row that names a hash instead holds the SHA-256 of the same PIN.
    const pin = row.pin ?? (row.pinHashHex === undefined ? undefined : '1234');
    const devicePin = pin === undefined ? undefined : new Secret(Buffer.from(pin));
    const session = row.sessionHex === undefined ? undefined : Buffer.from(row.sessionHex, 'hex');
    const answered = done(respond(token, seconds * 1000, row.question, { devicePin, session }));
    expect(answered.response).toBe(row.otp);
    expect(answered.token.state.eventCounters[0]).toBe(
      row.suite.includes('C-Q') ? counter + 1n : counter,
    );
  }

  const totp = readVectors('rfc6238') as {
    keysHex: Record<string, string>;
    vectors: { time: number; algorithm: string; otp8: string }[];
  };
  it.each(totp.vectors)('RFC 6238: $algorithm at $time', ({ time, algorithm, otp8 }) => {
    const seed = Buffer.from(totp.keysHex[algorithm]!, 'hex');
    const profile = profileOf('one-button-time', { TIME: `TOTP-${algorithm}-8-30S` });
    expect(done(press(tokenWith(profile, seed), time * 1000)).response).toBe(otp8);
  });
});

describe('responses by the thousand', () => {
  it('are those of RFC 4226 for consecutive counters', () => {
    const algorithm = parseAlgorithmText('HOTP-SHA1-6');
    expect([...responses(algorithm, rfcSeed, 0n, 10)]).toEqual(rfcResponses);
    expect([...responses(algorithm, rfcSeed, 4n, 2)]).toEqual(rfcResponses.slice(4, 6));
  });

  it.each([
    ['TOTP-SHA256-8-60S', {}],
    ['OCRA-1:HOTP-SHA512-8:C-QN08', { question: '12345678' }],
    ['OCRA-1:HOTP-SHA1-6:QN08-T30S', { question: '12345678' }],
  ])('of %s are those that one call each gives', (text, fixed) => {
    const algorithm = parseAlgorithmText(text);
    const one = [...Array(20).keys()].map(
      (index) => [...responses(algorithm, rfcSeed, BigInt(index), 1, fixed)][0],
    );
    expect([...responses(algorithm, rfcSeed, 0n, 20, fixed)]).toEqual(one);
    expect(new Set(one).size).toBeGreaterThan(18);
  });

  it('stop at the end of the counter', () => {
    const algorithm = parseAlgorithmText('HOTP-SHA1-6');
    const atEnd = responses(algorithm, rfcSeed, 2n ** 64n - 1n, 2);
    expect(atEnd.next().done).toBe(false);
    expect(() => atEnd.next()).toThrow('eventCounter');
  });

  it('need a counter or a clock', async () => {
    const plain = parseAlgorithmText('OCRA-1:HOTP-SHA1-6:QN08');
    const refused = await errorOf(() => [...responses(plain, rfcSeed, 0n, 1, { question: '1' })]);
    expect(refused.code).toBe('input-invalid');
  });

  it('take both questions of a mutual exchange', () => {
    for (const row of ocraRows('rfc6287').filter((each) => !isOneWay(each) && !each.pin)) {
      const seed = Buffer.from(row.keyHex, 'hex');
      const responder = createResponder(parseAlgorithmText(row.suite), seed);
      const question = [row.question.slice(0, 8), row.question.slice(8)] as const;
      expect(responder.respond({ question })).toBe(row.otp);
    }
  });

  it('end when the seed is wiped', () => {
    const responder = createResponder(parseAlgorithmText('OCRA-1:HOTP-SHA1-6:QN08'), rfcSeed);
    responder.wipe();
    expect(() => responder.respond({ question: '1' })).toThrow();
  });
});

describe('algorithm text', () => {
  it.each([
    'HOTP-SHA1-6',
    'HOTP-SHA512-9',
    'TOTP-SHA1-6-30S',
    'TOTP-SHA256-8-60S-T0=1000',
    'OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1',
  ])('%s is read and written alike', (text) => {
    expect(algorithmText(parseAlgorithmText(text))).toBe(text);
  });

  it.each([
    'hotp-sha1-6',
    'HOTP-MD5-6',
    'HOTP-SHA1-5',
    'TOTP-SHA1-6',
    'TOTP-SHA1-6-0S',
    'TOTP-SHA1-6-30',
    'OCRA-1:HOTP-SHA1-6:QX08',
    '',
  ])('%j is refused', async (text) => {
    expect((await errorOf(() => parseAlgorithmText(text))).code).toBe('input-invalid');
  });
});

it('key check value is the start of the HMAC of its label', () => {
  const label = 'tallystick key check value v1';
  for (const [name, hash] of [
    ['sha1', 'SHA1'],
    ['sha256', 'SHA256'],
    ['sha512', 'SHA512'],
  ] as const) {
    const expected = createHmac(name, rfcSeed).update(label).digest('hex').slice(0, 8);
    expect(keyCheckValue(hash, new Secret(new Uint8Array(rfcSeed)))).toBe(expected);
  }
});
