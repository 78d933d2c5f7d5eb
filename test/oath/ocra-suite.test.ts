import { describe, expect, it } from 'vitest';
import {
  maySign,
  ocraSuiteOf,
  parseEventCounter,
  parseOcraSuite,
  parseResponseAlgorithm,
  parseTimeStep,
} from '../../src/oath/index.ts';
import { errorOf, refusalOf, respond } from './support.ts';

const prefix = 'OCRA-1:HOTP-SHA1-6:';

function suitePart(text: string): string {
  const error = errorOf(() => parseOcraSuite(text));
  expect(error.code).toBe('ERR_OCRA_SUITE');
  return error.part;
}

describe('trap 9: a suite without Q needs a flag', () => {
  it.each(['C', 'C-T30S', 'PSHA1', 'S064', 'T1M'])('%s', (dataInput) => {
    expect(suitePart(prefix + dataInput)).toBe('question');
    const suite = parseOcraSuite(prefix + dataInput, { allowMissingQuestion: true });
    expect(suite.dataInput.question).toBeUndefined();
    expect(maySign(suite)).toBe(false);
  });

  it('passes the flag on from the algorithm and leaves Q out of the message', () => {
    const json = { kind: 'challenge-response', suite: `${prefix}C-T30S` };
    expect(refusalOf(() => parseResponseAlgorithm(json)).part).toBe('question');
    const algorithm = parseResponseAlgorithm(json, { allowMissingQuestion: true });
    const inputs = { eventCounter: parseEventCounter(0), timeStep: parseTimeStep(0) };
    expect(respond(algorithm, inputs)).toMatch(/^[0-9]{6}$/);
    expect(refusalOf(() => respond(algorithm, { ...inputs, question: '0' })).part).toBe('question');
  });

  it('accepts Q with the flag as without', () => {
    const text = `${prefix}QN08`;
    expect(parseOcraSuite(text, { allowMissingQuestion: true })).toEqual(parseOcraSuite(text));
  });
});

describe('trap 10: everything else the grammar forbids', () => {
  it.each([
    // order
    [`${prefix}QN08-C`, 'counter'],
    [`${prefix}PSHA1-QN08`, 'question'],
    [`${prefix}QN08-S064-PSHA1`, 'pinHash'],
    [`${prefix}QN08-T1M-S064`, 'session'],
    // duplicates
    [`${prefix}C-C-QN08`, 'counter'],
    [`${prefix}QN08-QA08`, 'question'],
    [`${prefix}QN08-PSHA1-PSHA256`, 'pinHash'],
    [`${prefix}QN08-S064-S064`, 'session'],
    [`${prefix}QN08-T1M-T1M`, 'timestamp'],
    // counter
    [`${prefix}C8-QN08`, 'counter'],
    // question
    [`${prefix}QN00`, 'question'],
    [`${prefix}QN03`, 'question'],
    [`${prefix}QN65`, 'question'],
    [`${prefix}QN008`, 'question'],
    [`${prefix}QN`, 'question'],
    [`${prefix}Q08`, 'question'],
    [`${prefix}QB08`, 'question'],
    [`${prefix}Qn08`, 'question'],
    // PIN
    [`${prefix}QN08-PMD5`, 'pinHash'],
    [`${prefix}QN08-PSHA384`, 'pinHash'],
    [`${prefix}QN08-Psha1`, 'pinHash'],
    // session
    [`${prefix}QN08-S64`, 'session'],
    [`${prefix}QN08-S000`, 'session'],
    [`${prefix}QN08-S513`, 'session'],
    [`${prefix}QN08-S0064`, 'session'],
    // timestamp
    [`${prefix}QN08-T0S`, 'timestamp'],
    [`${prefix}QN08-T0H`, 'timestamp'],
    [`${prefix}QN08-T60S`, 'timestamp'],
    [`${prefix}QN08-T60M`, 'timestamp'],
    [`${prefix}QN08-T49H`, 'timestamp'],
    [`${prefix}QN08-T01M`, 'timestamp'],
    [`${prefix}QN08-T30`, 'timestamp'],
    [`${prefix}QN08-T1D`, 'timestamp'],
    [`${prefix}QN08-T1m`, 'timestamp'],
    // items
    [`${prefix}qn08`, 'dataInput'],
    [`${prefix}QN08-`, 'dataInput'],
    [`${prefix}-QN08`, 'dataInput'],
    [`${prefix}QN08-X`, 'dataInput'],
    [prefix, 'dataInput'],
    [`${prefix} QN08`, 'dataInput'],
    // crypto function
    ['OCRA-1:HOTP-SHA1-3:QN08', 'digits'],
    ['OCRA-1:HOTP-SHA1-11:QN08', 'digits'],
    ['OCRA-1:HOTP-SHA1-06:QN08', 'digits'],
    ['OCRA-1:HOTP-SHA1-:QN08', 'digits'],
    ['OCRA-1:HOTP-SHA384-6:QN08', 'hash'],
    ['OCRA-1:HOTP-sha1-6:QN08', 'hash'],
    ['OCRA-1:TOTP-SHA1-6:QN08', 'cryptoFunction'],
    ['OCRA-1:HOTP-SHA1:QN08', 'cryptoFunction'],
    ['OCRA-1:HOTP:QN08', 'cryptoFunction'],
    ['OCRA-1:HOTP-SHA1-6-6:QN08', 'cryptoFunction'],
    // the whole
    ['OCRA-2:HOTP-SHA1-6:QN08', 'algorithm'],
    ['ocra-1:HOTP-SHA1-6:QN08', 'algorithm'],
    ['OCRA-1:HOTP-SHA1-6', 'suite'],
    ['OCRA-1', 'suite'],
    ['', 'suite'],
    [`${prefix}QN08:`, 'suite'],
    [`${prefix}QN08${'-C'.repeat(40)}`, 'suite'],
  ])('%s is refused at its %s', (text, part) => {
    expect(suitePart(text)).toBe(part);
  });

  it('says what is allowed and quotes what was found, cut short', () => {
    expect(errorOf(() => parseOcraSuite(`${prefix}QN08-T60S`)).message).toBe(
      'timestamp must be T with 1-59 S, 1-59 M or 1-48 H, not "T60S"',
    );
    const long = errorOf(() => parseOcraSuite('x'.repeat(65)));
    expect(long.message).toBe(
      `suite must be at most 64 characters long, not "${'x'.repeat(32)}"...`,
    );
    expect(long.name).toBe('OathError');
  });

  it('takes the longest legal suite', () => {
    const text = 'OCRA-1:HOTP-SHA512-10:C-QN64-PSHA512-S512-T59M';
    expect(parseOcraSuite(text).text).toBe(text);
  });

  it('gives letters alone their defaults', () => {
    expect(parseOcraSuite(`${prefix}C-Q-P-S-T`).dataInput).toEqual({
      counter: true,
      question: { format: 'N', maxLength: 8 },
      pinHash: 'SHA1',
      sessionBytes: 64,
      timeStepSeconds: 60,
    });
  });

  it('builds no suite from parts that none can express', () => {
    const parts = { hash: 'SHA1', digits: 6 } as const;
    const question = { format: 'N', maxLength: 8 } as const;
    for (const [dataInput, part] of [
      [{ counter: false, question, timeStepSeconds: 90 }, 'timestamp'],
      [{ counter: false, question, timeStepSeconds: 0 }, 'timestamp'],
      [{ counter: false, question, sessionBytes: 513 }, 'session'],
      [{ counter: false, question: { format: 'N', maxLength: 3 } }, 'question'],
      [{ counter: false }, 'dataInput'],
    ] as const) {
      expect(refusalOf(() => ocraSuiteOf({ ...parts, dataInput })).part).toBe(part);
    }
  });

  it('cannot be changed after parsing', () => {
    const suite = parseOcraSuite(`${prefix}QN08`);
    for (const record of [suite, suite.dataInput, suite.dataInput.question]) {
      expect(Object.isFrozen(record)).toBe(true);
    }
  });
});
