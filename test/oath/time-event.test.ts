import { describe, expect, it } from 'vitest';
import {
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  algorithmToJson,
  parseAlgorithmText,
  parseEventCounter,
  parseResponseAlgorithm,
  parseTimeStep,
  responseCharacters,
} from '../../src/oath/index.ts';
import { refusalOf, respond, vectorFile } from './support.ts';

interface Row {
  readonly suite: string;
  readonly keyHex: string;
  readonly question: string;
  readonly counter?: string | number;
  readonly timestampHex?: string;
  readonly otp: string;
}

const suite = 'OCRA-1:HOTP-SHA1-8:C-QN08-T30S';
const combined = parseResponseAlgorithm({ kind: 'time-event', suite, question: '00000000' });

describe('an algorithm with clock and counter and a fixed question', () => {
  const { vectors } = vectorFile('derived-ocra.json') as { vectors: readonly Row[] };
  const rows = vectors.filter((row) => /:C-QN08-T\d+S$/.test(row.suite));

  it('has vectors', () => {
    expect(rows.length).toBeGreaterThanOrEqual(9);
  });

  it.each(rows)('$suite at counter $counter shows $otp', (row) => {
    const algorithm = parseResponseAlgorithm({
      kind: 'time-event',
      suite: row.suite,
      question: row.question,
    });
    const inputs = {
      eventCounter: parseEventCounter(BigInt(row.counter ?? 0)),
      timeStep: parseTimeStep(BigInt(`0x${row.timestampHex ?? '0'}`)),
    };
    expect(respond(algorithm, inputs, Buffer.from(row.keyHex, 'hex'))).toBe(row.otp);
  });

  it('takes counter and step, and asks nobody anything', () => {
    expect(algorithmInputs(combined)).toEqual({
      eventCounter: true,
      timeStep: true,
      question: false,
      pinHash: false,
      session: false,
    });
    expect(algorithmTimeStepping(combined)).toEqual({ timeStepSeconds: 30, timeOriginSeconds: 0 });
    expect(responseCharacters(combined)).toBe(8);
    const inputs = { eventCounter: parseEventCounter(0n), timeStep: parseTimeStep(0n) };
    const asked = (): string => respond(combined, { ...inputs, question: '1' });
    expect(refusalOf(asked)).toEqual({ code: 'ERR_OATH_INPUT', part: 'question' });
    const unmoved = (): string => respond(combined, { eventCounter: inputs.eventCounter });
    expect(refusalOf(unmoved)).toEqual({ code: 'ERR_OATH_INPUT', part: 'timeStep' });
  });

  it('is its text and its JSON again', () => {
    expect(algorithmText(combined)).toBe(`${suite}/00000000`);
    expect(parseAlgorithmText(`${suite}/00000000`)).toEqual(combined);
    expect(parseResponseAlgorithm(algorithmToJson(combined))).toEqual(combined);
  });

  it.each([
    ['no counter', 'OCRA-1:HOTP-SHA1-8:QN08-T30S'],
    ['no clock', 'OCRA-1:HOTP-SHA1-8:C-QN08'],
    ['a PIN', 'OCRA-1:HOTP-SHA1-8:C-QN08-PSHA1-T30S'],
    ['session data', 'OCRA-1:HOTP-SHA1-8:C-QN08-S064-T30S'],
    ['no truncation', 'OCRA-1:HOTP-SHA1-0:C-QN08-T30S'],
  ])('is refused with %s', (_what, refused) => {
    const json = { kind: 'time-event', suite: refused, question: '00000000' };
    const expected = { code: 'ERR_OATH_ALGORITHM', part: 'suite' };
    expect(refusalOf(() => parseResponseAlgorithm(json))).toEqual(expected);
    expect(refusalOf(() => parseAlgorithmText(`${refused}/00000000`))).toEqual(expected);
  });

  it.each(['', 'x', '123456789'])('is refused with the question "%s"', (question) => {
    const parsed = (): unknown => parseResponseAlgorithm({ kind: 'time-event', suite, question });
    expect(refusalOf(parsed)).toEqual({ code: 'ERR_OATH_INPUT', part: 'question' });
  });
});

describe('the text of an algorithm', () => {
  it.each([
    'HOTP-SHA1-6',
    'HOTP-SHA512-10',
    'TOTP-SHA256-8-60S',
    'TOTP-SHA1-6-30S-T0=1000',
    'OCRA-1:HOTP-SHA1-6:QN08',
    `${suite}/12345678`,
  ])('%s is read and written alike', (text) => {
    expect(algorithmText(parseAlgorithmText(text))).toBe(text);
  });

  it.each(['', 'HOTP-SHA1', 'TOTP-SHA1-6', 'TOTP-SHA1-6-30S-T0=', 'hotp-sha1-6', 'HOTP-SHA1-6/1'])(
    'refuses "%s"',
    (text) => {
      expect(refusalOf(() => parseAlgorithmText(text)).code).toMatch(/^ERR_/);
    },
  );
});
