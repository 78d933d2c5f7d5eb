import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeOcra,
  hostCodeMessage,
  hostCodeSuite,
  type Otp,
  parseAlgorithmText,
  parseEventCounter,
  parseOcraSuite,
  parseOtp,
  parseTimeStep,
  responseMessage,
  signatureText,
  signsFields,
} from '../../src/oath/index.ts';
import { bytesOfHex, hmac, respond, vectorFile } from './support.ts';

interface Place {
  readonly counter: string | null;
  readonly timeStep: string | null;
}
interface SignatureRow extends Place {
  readonly suite: string;
  readonly keyHex: string;
  readonly fields: readonly string[];
  readonly text: string;
  readonly question: string;
  readonly signature: string;
}
interface HostCodeRow extends Place {
  readonly algorithm: string;
  readonly suite: string;
  readonly keyHex: string;
  readonly response: string;
  readonly challenge: string | null;
  readonly hostCode: string;
}

const vectors = vectorFile('emu-conventions.json') as {
  signatures: SignatureRow[];
  hostCodes: HostCodeRow[];
};

function placeOf({ counter, timeStep }: Place) {
  return {
    eventCounter: counter === null ? undefined : parseEventCounter(counter),
    timeStep: timeStep === null ? undefined : parseTimeStep(timeStep),
  };
}

describe('signatures by emu-sign-1, as a second implementation makes them', () => {
  it.each(vectors.signatures)('$suite over $fields at $counter $timeStep is $signature', (row) => {
    const text = signatureText(row.fields);
    expect(text).toBe(row.text);
    const question = createHash('sha1').update(text).digest('hex');
    expect(question).toBe(row.question);
    const algorithm = parseAlgorithmText(row.suite);
    const inputs = { ...placeOf(row), question };
    expect(respond(algorithm, inputs, bytesOfHex(row.keyHex))).toBe(row.signature);
  });
});

const field = fc.oneof(
  fc.stringMatching(/^[0-9A-Fa-f]{1,16}$/),
  fc.stringMatching(/^[0-9A-Za-z]{1,8}$/),
);
const fieldList = fc.array(field, { minLength: 1, maxLength: 8 });

describe('signatureText', () => {
  it('gives two lists one text only where they differ in nothing but case', () => {
    fc.assert(
      fc.property(fieldList, fieldList, (left, right) => {
        const isSame = left.join(' ').toUpperCase() === right.join(' ').toUpperCase();
        expect(signatureText(left) === signatureText(right)).toBe(isSame);
      }),
    );
  });

  it('reads back as the fields in capitals', () => {
    fc.assert(
      fc.property(fieldList, (fields) => {
        const [scheme, ...read] = signatureText(fields).split('|');
        expect(scheme).toBe('emu-sign-1');
        expect(read).toEqual(fields.map((one) => one.toUpperCase()));
      }),
    );
  });

  it.each([
    ['no field', []],
    ['nine fields', Array<string>(9).fill('1')],
    ['an empty field', ['1', '']],
    ['a separator', ['1|2']],
    ['17 hex digits', ['1'.repeat(17)]],
    ['nine letters', ['ABCDEFGHI']],
    ['a letter that becomes two in capitals', ['stra\u00dfe']],
    ['a space', ['12 34']],
    ['a letter of another alphabet', ['\u0661']],
  ])('refuses %s without quoting it', (_name, fields) => {
    const refused = (): string => signatureText(fields);
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_OATH_INPUT' }));
    const last = fields.at(-1) ?? '';
    if (last.length > 2) expect(refused).not.toThrow(last);
  });
});

describe('signsFields', () => {
  it.each([
    ['OCRA-1:HOTP-SHA1-8:QH40', true],
    ['OCRA-1:HOTP-SHA256-8:C-QH40', true],
    ['OCRA-1:HOTP-SHA256-8:QH64-T1M', true],
    ['OCRA-1:HOTP-SHA1-8:QH39', false],
    ['OCRA-1:HOTP-SHA1-8:QN40', false],
    ['OCRA-1:HOTP-SHA1-8:QA64', false],
    ['OCRA-1:HOTP-SHA1-8:QH40-S064', false],
  ])('%s: %s', (suite, expected) => expect(signsFields(parseOcraSuite(suite))).toBe(expected));
});

function hostCodeOf(row: Omit<HostCodeRow, 'suite' | 'hostCode'>): string {
  const suite = hostCodeSuite(parseAlgorithmText(row.algorithm))!;
  const message = hostCodeMessage(suite, {
    response: parseOtp(row.response),
    challenge: row.challenge ?? undefined,
    ...placeOf(row),
  });
  return decodeOcra(hmac(suite.hash, bytesOfHex(row.keyHex), message), suite);
}

describe('host codes by emu-host-1, as a second implementation makes them', () => {
  it.each(vectors.hostCodes)('$algorithm after $response is $hostCode', (row) => {
    expect(hostCodeSuite(parseAlgorithmText(row.algorithm))?.text).toBe(row.suite);
    expect(hostCodeOf(row)).toBe(row.hostCode);
  });

  it('depend on the response, the challenge, the counter and the step', () => {
    for (const row of vectors.hostCodes) {
      const others = [
        { ...row, response: row.response.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) },
        ...(row.challenge === null ? [] : [{ ...row, challenge: `${row.challenge.slice(1)}9` }]),
        ...(row.counter === null ? [] : [{ ...row, counter: String(BigInt(row.counter) + 1n) }]),
        ...(row.timeStep === null ? [] : [{ ...row, timeStep: String(BigInt(row.timeStep) + 1n) }]),
      ];
      for (const other of others) expect(hostCodeOf(other)).not.toBe(row.hostCode);
    }
  });

  it('are never made over the bytes of a response, whatever the challenge', () => {
    const algorithm = parseAlgorithmText('OCRA-1:HOTP-SHA1-6:QA64');
    const suite = hostCodeSuite(algorithm)!;
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9]{6}$/),
        fc.stringMatching(/^[0-9A-Z]{1,58}$/),
        (r, c) => {
          const exchange = { eventCounter: undefined, timeStep: undefined };
          const made = hostCodeMessage(suite, { ...exchange, response: r as Otp, challenge: c });
          const question = `${r}${c}`;
          expect(made).not.toEqual(responseMessage(algorithm, { question }));
        },
      ),
    );
  });
});

describe('hostCodeSuite', () => {
  it.each([
    ['TOTP-SHA1-6-90S', 'a step that OCRA does not have'],
    ['OCRA-1:HOTP-SHA512-0:QN08', 'a response longer than a question'],
  ])('has none for %s: %s', (text) => {
    expect(hostCodeSuite(parseAlgorithmText(text))).toBeNull();
  });

  it('takes digits of its own', () => {
    const algorithm = parseAlgorithmText('OCRA-1:HOTP-SHA1-6:C-QN08-T30S/00000000');
    expect(hostCodeSuite(algorithm, 4)?.text).toBe('OCRA-1:HOTP-SHA1-4:C-QA64-S010-T30S');
    const whole = parseAlgorithmText('OCRA-1:HOTP-SHA256-0:QN08');
    expect(hostCodeSuite(whole)?.text).toBe('OCRA-1:HOTP-SHA256-8:QA64-S010');
  });
});
