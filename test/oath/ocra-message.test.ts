import { describe, expect, it } from 'vitest';
import {
  algorithmDigits,
  decodeOcra,
  encodeQuestion,
  maySign,
  mutualQuestions,
  ocraMessage,
  type OcraQuestion,
  parseEventCounter,
  parseOcraSuite,
  parseResponseAlgorithm,
  parseTimeStep,
  type ResponseInputs,
  responseCharacters,
  timeStepAt,
} from '../../src/oath/index.ts';
import { errorOf, hashOfPin, hexOf, hmac, refusalOf, respond, rfcKey } from './support.ts';

const prefix = 'OCRA-1:HOTP-SHA1-6:';

function otp(suiteText: string, inputs: ResponseInputs): string {
  const suite = parseOcraSuite(suiteText);
  return decodeOcra(hmac(suite.hash, rfcKey, ocraMessage(suite, inputs)), suite);
}

function questionHex(spec: string, question: OcraQuestion): string {
  const parsed = parseOcraSuite(prefix + spec).dataInput.question;
  if (parsed === undefined) throw new Error('no question');
  return hexOf(encodeQuestion(parsed, question)).replace(/(?:00)+$/, '');
}

describe('trap 1: the suite is authenticated as it is spelt', () => {
  it('keeps QN8 and QN08 apart', () => {
    expect(parseOcraSuite(`${prefix}QN8`).text).toBe(`${prefix}QN8`);
    const question = '12345678';
    expect(otp(`${prefix}QN08`, { question })).toBe('937109');
    expect(otp(`${prefix}QN8`, { question })).not.toBe('937109');
  });

  it('keeps a default and its long form apart', () => {
    const inputs = { question: '12345678', timeStep: parseTimeStep(1) };
    const short = parseOcraSuite(`${prefix}Q-T`);
    const long = parseOcraSuite(`${prefix}QN08-T1M`);
    expect(short.dataInput).toEqual(long.dataInput);
    expect(otp(short.text, inputs)).not.toBe(otp(long.text, inputs));
  });

  it('begins the message with the text and one zero byte', () => {
    const message = ocraMessage(parseOcraSuite(`${prefix}QN08`), { question: '1' });
    expect(Buffer.from(message).toString('latin1', 0, 24)).toBe(`${prefix}QN08\0`);
    expect(message).toHaveLength(24 + 128);
  });
});

describe('trap 2: decimal questions become hex without leading zeros', () => {
  it.each(['1', '01', '00000001'])('%s is the same question', (question) => {
    expect(otp(`${prefix}QN08`, { question })).toBe('012817');
  });

  it('shifts an odd number of half bytes to the left', () => {
    expect(questionHex('QN08', '22222222')).toBe('153158e0');
    expect(questionHex('QN08', '1')).toBe('10');
  });

  it('counts beyond 2^53', () => {
    const question = '9'.repeat(64);
    expect(questionHex('QN64', question)).toBe((10n ** 64n - 1n).toString(16));
  });

  it('encodes zero as zero', () => expect(questionHex('QN08', '00000000')).toBe(''));
});

describe('trap 3: hex and text questions are taken as they are', () => {
  it('keeps leading zeros of hex and pads an odd length by a half byte', () => {
    expect(questionHex('QH08', '00a1')).toBe('00a1');
    expect(questionHex('QH05', 'abcde')).toBe('abcde0');
  });

  it('reads hex in either case alike', () => {
    expect(questionHex('QH08', 'ABCDEF01')).toBe(questionHex('QH08', 'abcdef01'));
  });

  it('encodes text as UTF-8', () => {
    expect(questionHex('QA08', 'Aé€')).toBe('41c3a9e282ac');
    expect(questionHex('QA08', '12345678')).toBe('3132333435363738');
  });

  it.each([
    ['QN08', '1234567a'],
    ['QN08', '１２３４'],
    ['QN08', '-1'],
    ['QN08', '0x12'],
    ['QH08', 'abcdefg'],
    ['QH08', '0x12'],
    ['QA08', 'tab\tbed'],
    ['QA08', 'half\ud83d'],
  ])('%s refuses %j', (spec, question) => {
    const expected = { code: 'ERR_OATH_INPUT', part: 'question' };
    expect(refusalOf(() => questionHex(spec, question))).toEqual(expected);
    expect(errorOf(() => questionHex(spec, question)).message).not.toContain(question);
  });
});

describe('trap 4: mutual questions are measured one by one', () => {
  const questions = { client: 'CLI22220', server: 'SRV11110' };

  it('puts the other side first', () => {
    expect(mutualQuestions('client', questions)).toEqual(['SRV11110', 'CLI22220']);
    expect(mutualQuestions('server', questions)).toEqual(['CLI22220', 'SRV11110']);
  });

  it('allows eight characters each, not nine in one and not sixteen in one', () => {
    expect(questionHex('QA08', ['SRV11110', 'CLI22220'])).toHaveLength(32);
    for (const tooLong of [['SRV111100', 'CLI2222'], 'SRV11110CLI22220'] as const) {
      expect(refusalOf(() => questionHex('QA08', tooLong)).part).toBe('question');
    }
  });

  it('refuses an empty second question', () => {
    expect(refusalOf(() => questionHex('QA08', ['SRV11110', ''])).part).toBe('question');
  });

  it('allows 128 bytes for both together and no more', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    expect(questionHex('QA64', [a, b])).toHaveLength(256);
    const wide = `${'b'.repeat(63)}é`;
    expect(refusalOf(() => questionHex('QA64', [a, wide])).part).toBe('question');
  });

  it('joins decimal questions as text unless told to join their hex', () => {
    const suite = parseOcraSuite(`${prefix}QN08`);
    const question = ['00000016', '00000255'] as const;
    const joined = (numericJoin?: 'text' | 'hex'): string =>
      hexOf(ocraMessage(suite, { question, numericJoin })).slice(48, 58);
    expect(joined()).toBe(`${(1_600_000_255).toString(16)}00`);
    expect(joined('text')).toBe(joined());
    expect(joined('hex')).toBe('10ff000000');
  });
});

describe('trap 5: P is the raw hash of the PIN', () => {
  const suite = `${prefix}QN08-PSHA256`;

  it('gives a plausible other response for a wrong PIN', () => {
    const right = otp(suite, { question: '1', pinHash: hashOfPin('SHA256', '1234') });
    const wrong = otp(suite, { question: '1', pinHash: hashOfPin('SHA256', '1235') });
    expect(wrong).toMatch(/^[0-9]{6}$/);
    expect(wrong).not.toBe(right);
  });

  it('puts the hash in unchanged', () => {
    const pinHash = hashOfPin('SHA256', 'pässwort');
    const message = ocraMessage(parseOcraSuite(suite), { question: '1', pinHash });
    expect(hexOf(message.slice(-32))).toBe(hexOf(pinHash));
  });

  it.each([
    ['PSHA1', 20],
    ['PSHA256', 32],
    ['PSHA512', 64],
  ])('%s takes %i bytes only', (pin, bytes) => {
    const of = (length: number) => () =>
      ocraMessage(parseOcraSuite(`${prefix}QN08-${pin}`), {
        question: '1',
        pinHash: new Uint8Array(length),
      });
    expect(of(bytes)()).toHaveLength(20 + pin.length + 4 + 1 + 128 + bytes);
    for (const length of [0, bytes - 1, bytes + 1, 2 * bytes]) {
      expect(refusalOf(of(length))).toEqual({ code: 'ERR_OATH_INPUT', part: 'pinHash' });
    }
  });
});

describe('trap 6: session data is padded on the left', () => {
  const suite = parseOcraSuite(`${prefix}QN08-S004`);

  it('ends with the data', () => {
    const session = new Uint8Array([1, 2]);
    const message = ocraMessage(suite, { question: '1', session });
    expect(hexOf(message.slice(-4))).toBe('00000102');
  });

  it('takes full and empty data, not more', () => {
    const ends = (length: number): string =>
      hexOf(ocraMessage(suite, { question: '1', session: new Uint8Array(length).fill(9) })).slice(
        -8,
      );
    expect(ends(4)).toBe('09090909');
    expect(ends(0)).toBe('00000000');
    expect(refusalOf(() => ends(5))).toEqual({ code: 'ERR_OATH_INPUT', part: 'session' });
  });
});

describe('trap 7: T counts steps, not seconds', () => {
  it('turns the time of the RFC into its step', () => {
    const nowMs = Date.UTC(2008, 2, 25, 12, 6, 30);
    const step = timeStepAt(nowMs, { timeStepSeconds: 60, timeOriginSeconds: 0 });
    expect(step).toBe(0x132d0b6n);
    const message = ocraMessage(parseOcraSuite(`${prefix}QN08-T1M`), {
      question: '1',
      timeStep: parseTimeStep(step),
    });
    expect(hexOf(message.slice(-8))).toBe('000000000132d0b6');
  });

  it.each([
    ['T', 60],
    ['T1S', 1],
    ['T59S', 59],
    ['T1M', 60],
    ['T59M', 3540],
    ['T1H', 3600],
    ['T48H', 172_800],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseOcraSuite(`${prefix}QN08-${text}`).dataInput.timeStepSeconds).toBe(seconds);
  });
});

describe('trap 8: truncation 0 and 10', () => {
  const mac = hmac('SHA1', rfcKey, new Uint8Array(8));

  it('returns the whole MAC in hex for 0', () => {
    const suite = parseOcraSuite('OCRA-1:HOTP-SHA1-0:QN08');
    expect(decodeOcra(mac, suite)).toBe(hexOf(mac));
    const algorithm = { kind: 'challenge-response', suite } as const;
    expect([algorithmDigits(algorithm), responseCharacters(algorithm)]).toEqual([0, 40]);
  });

  it('pads the 31-bit number to ten digits', () => {
    const suite = parseOcraSuite('OCRA-1:HOTP-SHA1-10:QN08');
    expect(decodeOcra(mac, suite)).toBe('1284755224');
    expect(decodeOcra(new Uint8Array(20), suite)).toBe('0000000000');
  });

  it("reads a MAC of the suite's hash only", () => {
    const suite = parseOcraSuite('OCRA-1:HOTP-SHA256-0:QN08');
    expect(refusalOf(() => decodeOcra(mac, suite))).toEqual({ code: 'ERR_OATH_MAC', part: 'mac' });
  });
});

describe('trap 11: counters end at 2^64-1', () => {
  const suite = parseOcraSuite(`${prefix}C-QN08`);

  it('encodes the last counter in eight bytes', () => {
    const eventCounter = parseEventCounter('18446744073709551615');
    const message = ocraMessage(suite, { eventCounter, question: '1' });
    expect(hexOf(message.slice(26, 34))).toBe('ffffffffffffffff');
  });

  it('refuses 2^64 instead of wrapping to zero', () => {
    expect(refusalOf(() => parseEventCounter('18446744073709551616')).part).toBe('eventCounter');
    const forged = (2n ** 64n) as ReturnType<typeof parseEventCounter>;
    const act = (): unknown => ocraMessage(suite, { eventCounter: forged, question: '1' });
    expect(refusalOf(act)).toEqual({ code: 'ERR_OATH_VALUE', part: 'movingFactor' });
  });
});

describe('trap 12: the length of a question is a maximum', () => {
  it.each(['1', '1234567', '12345678'])('%s fits QN08', (question) => {
    expect(questionHex('QN08', question)).not.toBe('');
  });

  it.each(['', '123456789', '1'.repeat(1000)])('%j does not', (question) => {
    expect(refusalOf(() => questionHex('QN08', question)).part).toBe('question');
  });

  it('counts characters, not code units, of text', () => {
    expect(questionHex('QA04', '😀😀😀😀')).toHaveLength(32);
    expect(refusalOf(() => questionHex('QA04', '😀😀😀😀😀')).part).toBe('question');
  });

  it('takes the recommended 20 bytes', () => {
    expect(questionHex('QH40', 'ab'.repeat(20))).toHaveLength(40);
  });
});

describe("trap 13: keys of any length are the HMAC's business", () => {
  it('agrees with a key hashed by hand when it is longer than the block', () => {
    const key = new Uint8Array(65).fill(7);
    const algorithm = parseResponseAlgorithm({ kind: 'event', hash: 'SHA1', digits: 6 });
    const inputs = { eventCounter: parseEventCounter(1) };
    const hashed = hashOfPin('SHA1', String.fromCharCode(7).repeat(65));
    expect(respond(algorithm, inputs, key)).toBe(respond(algorithm, inputs, hashed));
    expect(respond(algorithm, inputs, key.slice(0, 64))).not.toBe(respond(algorithm, inputs, key));
  });
});

describe('inputs and suite must match', () => {
  const all: ResponseInputs = {
    eventCounter: parseEventCounter(1),
    question: '1',
    pinHash: new Uint8Array(20),
    session: new Uint8Array(1),
    timeStep: parseTimeStep(1),
  };
  const full = parseOcraSuite(`${prefix}C-QN08-PSHA1-S064-T1M`);
  const bare = parseOcraSuite(`${prefix}QN08`);

  it.each(['eventCounter', 'question', 'pinHash', 'session', 'timeStep'] as const)(
    'refuses a missing %s',
    (part) => {
      const act = (): unknown => ocraMessage(full, { ...all, [part]: undefined });
      expect(refusalOf(act)).toEqual({ code: 'ERR_OATH_INPUT', part });
    },
  );

  it.each(['eventCounter', 'pinHash', 'session', 'timeStep'] as const)(
    'refuses a superfluous %s',
    (part) => {
      const act = (): unknown => ocraMessage(bare, { question: '1', [part]: all[part] });
      expect(refusalOf(act)).toEqual({ code: 'ERR_OATH_INPUT', part });
    },
  );

  it('puts all parts in the order C, Q, P, S, T', () => {
    const message = ocraMessage(full, {
      ...all,
      pinHash: new Uint8Array(20).fill(0xaa),
      session: new Uint8Array(64).fill(0xbb),
    });
    const expected = [
      Buffer.from(`${full.text}\0`).toString('hex'),
      '0000000000000001',
      `10${'00'.repeat(127)}`,
      'aa'.repeat(20),
      'bb'.repeat(64),
      '0000000000000001',
    ].join('');
    expect(hexOf(message)).toBe(expected);
  });

  it('lets a suite sign unless it has session data', () => {
    expect(maySign(bare)).toBe(true);
    expect(maySign(full)).toBe(false);
  });
});
