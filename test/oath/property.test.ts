import fc from 'fast-check';
import { generateSync } from 'otplib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  appendLuhn,
  chunks,
  type Digits,
  encodeQuestion,
  type HashName,
  hasLuhn,
  lookAhead,
  nearestFirst,
  OathError,
  type OcraDigits,
  ocraSuiteOf,
  parseEventCounter,
  parseOcraSuite,
  parseOtp,
  parseResponseAlgorithm,
  parseTimeStep,
  responseCharacters,
  stepInterval,
  timeStepAt,
} from '../../src/oath/index.ts';
import { respond } from './support.ts';
import { proofRuns } from '../support/proof.ts';

const hashes = fc.constantFrom<HashName>('SHA1', 'SHA256', 'SHA512');
const otplibHash = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;
const keys = fc.uint8Array({ minLength: 16, maxLength: 64 });
const otplibDigits = fc.constantFrom<6 | 7 | 8>(6, 7, 8);
const questionSpecs = fc.record({
  format: fc.constantFrom('N' as const, 'A' as const, 'H' as const),
  maxLength: fc.integer({ min: 4, max: 64 }),
});
const timeSteps = fc.oneof(
  fc.integer({ min: 1, max: 59 }),
  fc.integer({ min: 1, max: 59 }).map((minutes) => minutes * 60),
  fc.integer({ min: 1, max: 48 }).map((hours) => hours * 3600),
);
const suiteParts = fc.record({
  hash: hashes,
  digits: fc.constantFrom<OcraDigits>(0, 4, 5, 6, 7, 8, 9, 10),
  dataInput: fc.record(
    {
      counter: fc.boolean(),
      question: questionSpecs,
      pinHash: hashes,
      sessionBytes: fc.integer({ min: 1, max: 512 }),
      timeStepSeconds: timeSteps,
    },
    { requiredKeys: ['counter', 'question'] },
  ),
});

describe('OCRA suites', () => {
  it('come back from their text as they went in', () => {
    const law = fc.property(suiteParts, (parts) => {
      const suite = ocraSuiteOf(parts);
      const { text, ...rest } = suite;
      expect(rest).toEqual(parts);
      expect(parseOcraSuite(text)).toEqual(suite);
    });
    fc.assert(law, proofRuns(1000));
  });

  it('make responses of the announced length, for all inputs they ask for', () => {
    const law = fc.property(suiteParts, keys, fc.bigInt(0n, 2n ** 64n - 1n), (parts, key, n) => {
      const suite = ocraSuiteOf(parts);
      const { dataInput } = suite;
      const algorithm = { kind: 'challenge-response', suite } as const;
      const pinBytes = { SHA1: 20, SHA256: 32, SHA512: 64 };
      const otp = respond(
        algorithm,
        {
          question: '1',
          eventCounter: dataInput.counter ? parseEventCounter(n) : undefined,
          pinHash: dataInput.pinHash && new Uint8Array(pinBytes[dataInput.pinHash]),
          session: dataInput.sessionBytes === undefined ? undefined : new Uint8Array(1),
          timeStep: dataInput.timeStepSeconds === undefined ? undefined : parseTimeStep(n),
        },
        key,
      );
      expect(otp).toHaveLength(responseCharacters(algorithm));
      expect(parseOtp(otp)).toBe(otp);
    });
    fc.assert(law, proofRuns(500));
  });
});

describe('against otplib', () => {
  it('shows the same event responses', () => {
    const counters = fc.oneof(fc.nat(), fc.maxSafeNat());
    const law = fc.property(
      keys,
      hashes,
      otplibDigits,
      counters,
      (secret, hash, digits, counter) => {
        const algorithm = parseResponseAlgorithm({ kind: 'event', hash, digits });
        const theirs = generateSync({
          strategy: 'hotp',
          secret,
          algorithm: otplibHash[hash],
          digits,
          counter,
        });
        expect(respond(algorithm, { eventCounter: parseEventCounter(counter) }, secret)).toBe(
          theirs,
        );
      },
    );
    fc.assert(law, proofRuns(1000));
  });

  it('shows the same time responses', () => {
    const law = fc.property(
      keys,
      hashes,
      otplibDigits,
      fc.integer({ min: 1, max: 3600 }),
      fc.integer({ min: 0, max: 2_000_000_000 }),
      fc.integer({ min: 0, max: 20_000_000_000 }),
      (secret, hash, digits, timeStepSeconds, timeOriginSeconds, sinceOriginSeconds) => {
        const stepping = { timeStepSeconds, timeOriginSeconds };
        const epoch = timeOriginSeconds + sinceOriginSeconds;
        const algorithm = parseResponseAlgorithm({ kind: 'time', hash, digits, ...stepping });
        const timeStep = parseTimeStep(timeStepAt(epoch * 1000, stepping));
        const theirs = generateSync({
          strategy: 'totp',
          secret,
          algorithm: otplibHash[hash],
          digits,
          period: timeStepSeconds,
          t0: timeOriginSeconds,
          epoch,
        });
        expect(respond(algorithm, { timeStep }, secret)).toBe(theirs);
      },
    );
    fc.assert(law, proofRuns(1000));
  });
});

/** Random text, and text that is nearly right: a legal one with one character changed. */
function nearly(legal: string): fc.Arbitrary<string> {
  const changed = fc
    .tuple(fc.nat({ max: legal.length }), fc.string({ maxLength: 3, unit: 'binary' }))
    .map(([at, text]) => legal.slice(0, at) + text + legal.slice(at + 1));
  return fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), changed);
}

function onlyOathErrors(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(OathError);
  }
}

describe('whatever text comes in', () => {
  const suites = nearly('OCRA-1:HOTP-SHA256-10:C-QN08-PSHA1-S064-T30S');

  it('only OathErrors come out of the parsers', () => {
    const law = fc.property(suites, nearly('12345678'), (suite, text) => {
      onlyOathErrors(() => parseOcraSuite(suite));
      onlyOathErrors(() => parseOcraSuite(suite, { allowMissingQuestion: true }));
      onlyOathErrors(() => parseOtp(text));
      onlyOathErrors(() => parseEventCounter(text));
      onlyOathErrors(() => appendLuhn(text));
    });
    fc.assert(law, proofRuns(2000));
  });

  it('only OathErrors come out of the algorithm parser', () => {
    const members = fc.constantFrom(
      'kind',
      'hash',
      'digits',
      'suite',
      'timeStepSeconds',
      '__proto__',
    );
    const values = fc.oneof(
      fc.constantFrom('event', 'time', 'challenge-response', 'SHA1', 6, 30),
      fc.jsonValue(),
    );
    const law = fc.property(fc.oneof(fc.dictionary(members, values), fc.jsonValue()), (json) =>
      onlyOathErrors(() => parseResponseAlgorithm(json)),
    );
    fc.assert(law, proofRuns(2000));
  });

  it('a question is 128 bytes or an OathError', () => {
    const law = fc.property(questionSpecs, nearly('12345678'), nearly('abcdef'), (spec, a, b) => {
      onlyOathErrors(() => expect(encodeQuestion(spec, a)).toHaveLength(128));
      onlyOathErrors(() => expect(encodeQuestion(spec, [a, b], 'hex')).toHaveLength(128));
    });
    fc.assert(law, proofRuns(2000));
  });

  it('an accepted suite keeps its text', () => {
    const law = fc.property(suites, (text) =>
      onlyOathErrors(() => expect(parseOcraSuite(text).text).toBe(text)),
    );
    fc.assert(law, proofRuns(2000));
  });
});

describe('laws of windows, steps and check digits', () => {
  it('a window holds each of its steps once, nearest first', () => {
    const law = fc.property(fc.bigInt(-50n, 10n ** 12n), fc.nat({ max: 40 }), (centre, half) => {
      const steps = nearestFirst(centre, half);
      const distances = steps.map((step) => (step < centre ? centre - step : step - centre));
      const sorted = [...distances].sort((a, b) => Number(a - b));
      expect(distances).toEqual(sorted);
      const wanted = Array.from({ length: 2 * half + 1 }, (_, i) => centre - BigInt(half - i));
      const legal = wanted.filter((step) => step >= 0n);
      expect([...steps].sort((a, b) => Number(a - b))).toEqual(legal);
      expect(chunks(steps).flat()).toEqual(steps);
    });
    fc.assert(law, proofRuns(100));
  });

  it('a look-ahead is W consecutive counters', () => {
    const law = fc.property(fc.bigInt(0n, 2n ** 60n), fc.nat({ max: 100 }), (next, window) => {
      const counters = lookAhead(parseEventCounter(next), window);
      expect(counters).toEqual(Array.from({ length: window }, (_, i) => next + BigInt(i)));
    });
    fc.assert(law, proofRuns(100));
  });

  it('an instant lies in the span of its step', () => {
    const law = fc.property(
      fc.maxSafeInteger().map((ms) => Math.trunc(ms / 4)),
      fc.integer({ min: 1, max: 172_800 }),
      fc.integer({ min: 0, max: 2_000_000_000 }),
      (nowMs, timeStepSeconds, timeOriginSeconds) => {
        const stepping = { timeStepSeconds, timeOriginSeconds };
        const { startMs, endMs } = stepInterval(timeStepAt(nowMs, stepping), stepping);
        expect(startMs <= nowMs && nowMs < endMs).toBe(true);
        expect(endMs - startMs).toBe(timeStepSeconds * 1000);
      },
    );
    fc.assert(law, proofRuns(1000));
  });

  it('an appended check digit is right, any other is wrong', () => {
    const numbers = fc.stringMatching(/^[0-9]{1,20}$/);
    const law = fc.property(numbers, fc.integer({ min: 1, max: 9 }), (digits, shift) => {
      const right = appendLuhn(digits);
      expect(hasLuhn(right)).toBe(true);
      expect(hasLuhn(digits + String((Number(right.at(-1)) + shift) % 10))).toBe(false);
    });
    fc.assert(law, proofRuns(100));
  });
});

describe('in another time zone', () => {
  afterEach(() => vi.unstubAllEnvs());

  const nowMs = Date.UTC(2026, 9, 25, 0, 59, 59, 999);
  const shown = (digits: Digits): string => {
    const stepping = { timeStepSeconds: 86_400, timeOriginSeconds: 0 };
    const algorithm = parseResponseAlgorithm({ kind: 'time', hash: 'SHA1', digits, ...stepping });
    const timeStep = parseTimeStep(timeStepAt(nowMs, stepping));
    return `${respond(algorithm, { timeStep })} ${String(stepInterval(timeStep, stepping).startMs)}`;
  };

  it.each(['UTC', 'Pacific/Kiritimati', 'America/St_Johns', 'Europe/Brussels'])('%s', (zone) => {
    const atHome = shown(8);
    vi.stubEnv('TZ', zone);
    expect(new Date(nowMs).getTimezoneOffset() === 0).toBe(zone === 'UTC');
    expect(shown(8)).toBe(atHome);
    expect(atHome.split(' ')[1]).toBe(String(Date.UTC(2026, 9, 25)));
  });
});
