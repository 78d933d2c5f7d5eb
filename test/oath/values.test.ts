import { describe, expect, it } from 'vitest';
import {
  appendLuhn,
  constantTimeEqualText,
  decodeOtp,
  digestBytes,
  dynamicTruncate,
  hasLuhn,
  luhnCheckDigit,
  movingFactor,
  movingFactorMax,
  nextEventCounter,
  parseDigits,
  parseEventCounter,
  parseHashName,
  parseOtp,
  parseTimeStep,
  stepInterval,
  timeStepAt,
} from '../../src/oath/index.ts';
import { errorOf, hexOf, refusalOf } from './support.ts';

describe('counters and steps', () => {
  it.each([
    [0, 0n],
    [0n, 0n],
    ['0', 0n],
    [9_007_199_254_740_991, 9_007_199_254_740_991n],
    ['4294967296', 4_294_967_296n],
    ['18446744073709551615', movingFactorMax],
    [2n ** 64n - 1n, movingFactorMax],
  ])('%s is taken', (value, expected) => {
    expect(parseEventCounter(value)).toBe(expected);
    expect(parseTimeStep(value)).toBe(expected);
  });

  it.each([
    [-1],
    [-1n],
    [2n ** 64n],
    ['18446744073709551616'],
    [1.5],
    [9_007_199_254_740_992],
    [Number.NaN],
    [Infinity],
    ['-1'],
    ['+1'],
    ['01'],
    ['1e3'],
    ['0x10'],
    [' 1'],
    ['1\n'],
    [''],
    ['9'.repeat(1000)],
    [null],
    [undefined],
    [true],
    [{}],
    [[1]],
  ])('%s is refused', (value) => {
    const code = 'ERR_OATH_VALUE';
    expect(refusalOf(() => parseEventCounter(value))).toEqual({ code, part: 'eventCounter' });
    expect(refusalOf(() => parseTimeStep(value))).toEqual({ code, part: 'timeStep' });
  });

  it('ends instead of wrapping', () => {
    expect(nextEventCounter(parseEventCounter(7))).toBe(8n);
    const last = parseEventCounter(movingFactorMax);
    expect(refusalOf(() => nextEventCounter(last)).part).toBe('eventCounter');
  });

  it('are encoded most significant byte first', () => {
    expect(hexOf(movingFactor(parseEventCounter(0x0102030405060708n)))).toBe('0102030405060708');
    expect(hexOf(movingFactor(parseTimeStep(2n ** 32n)))).toBe('0000000100000000');
    for (const forged of [-1n, 2n ** 64n]) {
      const act = (): unknown => movingFactor(forged as ReturnType<typeof parseTimeStep>);
      expect(refusalOf(act).part).toBe('movingFactor');
    }
  });
});

describe('hashes and digits', () => {
  it('knows three hashes by their exact names', () => {
    const hashes = ['SHA1', 'SHA256', 'SHA512'].map(parseHashName);
    expect(hashes.map(digestBytes)).toEqual([20, 32, 64]);
    for (const other of ['sha1', 'SHA-1', 'MD5', '', 'toString', null, 1]) {
      expect(refusalOf(() => parseHashName(other)).part).toBe('hash');
    }
  });

  it.each([6, 7, 8, 9])('takes %i digits without a remark', (digits) => {
    expect(parseDigits(digits)).toEqual({ digits, warnings: [] });
  });

  it('takes 10 digits with a warning', () => {
    const { digits, warnings } = parseDigits(10);
    expect(digits).toBe(10);
    expect(warnings.map((warning) => warning.code)).toEqual(['WARN_TEN_DIGITS']);
  });

  it.each([0, 5, 11, 6.5, -6, '6', null, Number.NaN])('refuses %s digits', (digits) => {
    expect(refusalOf(() => parseDigits(digits)).part).toBe('digits');
  });
});

describe('responses', () => {
  it.each(['0000', '123456', '0123456789'])('takes %s', (text) =>
    expect(parseOtp(text)).toBe(text),
  );

  it.each([40, 64, 128])('takes %i hex digits and lowers their case', (length) => {
    expect(parseOtp('Ab'.repeat(length / 2))).toBe('ab'.repeat(length / 2));
  });

  it.each([
    '',
    '123',
    '12345678901',
    '12345a',
    'abcdef',
    '123456\n',
    ' 123456',
    '１２３４５６',
    '-12345',
    '1'.repeat(41),
    '1'.repeat(129),
    'g'.repeat(40),
    123_456,
    null,
  ])('refuses %j without quoting it', (text) => {
    const error = errorOf(() => parseOtp(text));
    expect([error.code, error.part]).toEqual(['ERR_OATH_VALUE', 'response']);
    expect(error.message).toBe('response must be 4 to 10 digits, or a whole MAC in hex');
  });

  it('compares every character', () => {
    expect(constantTimeEqualText('123456', '123456')).toBe(true);
    for (const other of ['023456', '123457', '123556', '12345', '1234567', '']) {
      expect(constantTimeEqualText('123456', other)).toBe(false);
    }
    expect(constantTimeEqualText('', '')).toBe(true);
  });
});

describe('dynamic truncation', () => {
  it.each([20, 32, 64])('takes the offset from the last of %i bytes', (length) => {
    const mac = new Uint8Array(length).fill(0xff);
    mac[length - 1] = 0xf3;
    mac.set([0x81, 0x02, 0x03, 0x04], 3);
    expect(dynamicTruncate(mac)).toBe(0x01020304);
  });

  it('reads up to the last byte when the offset is 15', () => {
    const mac = new Uint8Array(20);
    mac.set([1, 2, 3, 4, 0x5f], 15);
    expect(dynamicTruncate(mac)).toBe(0x01020304);
  });

  it('reads a MAC that lies inside a larger buffer', () => {
    const buffer = new Uint8Array(40).fill(0xee);
    const mac = buffer.subarray(10, 30).fill(0);
    mac[3] = 5;
    expect(dynamicTruncate(mac)).toBe(5);
  });

  it('pads with zeros on the left', () => {
    const mac = new Uint8Array(20);
    mac[3] = 42;
    expect(decodeOtp(mac, 6)).toBe('000042');
    expect(decodeOtp(mac, 10)).toBe('0000000042');
  });

  it.each([0, 4, 16, 19, 21, 28, 48, 65])('refuses %i bytes', (length) => {
    const expected = { code: 'ERR_OATH_MAC', part: 'mac' };
    expect(refusalOf(() => dynamicTruncate(new Uint8Array(length)))).toEqual(expected);
  });
});

describe('time steps', () => {
  const at = (nowMs: number, timeStepSeconds = 30, timeOriginSeconds = 0): bigint =>
    timeStepAt(nowMs, { timeStepSeconds, timeOriginSeconds });

  it.each([
    [0, 0n],
    [29_999, 0n],
    [29_999.9, 0n],
    [30_000, 1n],
    [59_000, 1n],
    [-1, -1n],
    [-30_000, -1n],
    [-30_001, -2n],
    [20_000_000_000_000, 666_666_666n],
  ])('%d ms is step %d', (nowMs, step) => expect(at(nowMs)).toBe(step));

  it('refuses the step before the origin only when it is parsed', () => {
    const step = at(99_999, 30, 100);
    expect(step).toBe(-1n);
    expect(refusalOf(() => parseTimeStep(step)).part).toBe('timeStep');
    expect(at(100_000, 30, 100)).toBe(0n);
  });

  it.each([1, 36, 60, 86_400, 172_800])('works with a step of %i s', (seconds) => {
    expect(at(seconds * 1000 * 12_345 - 1, seconds)).toBe(12_344n);
    expect(at(seconds * 1000 * 12_345, seconds)).toBe(12_345n);
  });

  it('does not round up into the next step at the far end of time', () => {
    const stepMs = 86_400_000;
    const boundaryMs = Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % stepMs);
    const expected = BigInt(boundaryMs) / BigInt(stepMs);
    expect(at(boundaryMs - 1, 86_400)).toBe(expected - 1n);
    expect(at(boundaryMs, 86_400)).toBe(expected);
  });

  it.each([
    [Number.NaN, 30, 0, 'nowMs'],
    [Infinity, 30, 0, 'nowMs'],
    [2 ** 53, 30, 0, 'nowMs'],
    [0, 0, 0, 'timeStepSeconds'],
    [0, -30, 0, 'timeStepSeconds'],
    [0, 172_801, 0, 'timeStepSeconds'],
    [0, 30.5, 0, 'timeStepSeconds'],
    [0, 30, -1, 'timeOriginSeconds'],
    [0, 30, 0.5, 'timeOriginSeconds'],
    [0, 30, 253_402_300_800, 'timeOriginSeconds'],
  ])('refuses now %d, step %d, origin %d', (nowMs, step, origin, part) => {
    expect(refusalOf(() => at(nowMs, step, origin))).toEqual({ code: 'ERR_OATH_VALUE', part });
  });

  it('know their span', () => {
    const stepping = { timeStepSeconds: 30, timeOriginSeconds: 100 };
    expect(stepInterval(0n, stepping)).toEqual({ startMs: 100_000, endMs: 130_000 });
    expect(stepInterval(-1n, stepping)).toEqual({ startMs: 70_000, endMs: 100_000 });
    const { startMs, endMs } = stepInterval(5n, stepping);
    expect([startMs - 1, startMs, endMs - 1, endMs].map((ms) => timeStepAt(ms, stepping))).toEqual([
      4n,
      5n,
      5n,
      6n,
    ]);
  });

  it('refuse a span that numbers cannot hold', () => {
    const stepping = { timeStepSeconds: 1, timeOriginSeconds: 0 };
    const lastStart = BigInt(Number.MAX_SAFE_INTEGER) / 1000n;
    expect(stepInterval(lastStart - 1n, stepping).startMs).toBe(Number(lastStart - 1n) * 1000);
    for (const step of [lastStart, movingFactorMax, -(10n ** 30n)]) {
      expect(refusalOf(() => stepInterval(step, stepping)).part).toBe('timeStep');
    }
  });
});

describe('Luhn check digits', () => {
  it('reproduces the published value', () => {
    expect(luhnCheckDigit('7992739871')).toBe('3');
    expect(appendLuhn('7992739871')).toBe('79927398713');
    expect(hasLuhn('79927398713')).toBe(true);
  });

  it('gives 0, not 10', () => {
    expect(luhnCheckDigit('0')).toBe('0');
    expect(luhnCheckDigit('18')).toBe('2');
    expect(luhnCheckDigit('62')).toBe('0');
    expect(luhnCheckDigit('91')).toBe('9');
    expect(luhnCheckDigit('5')).toBe('9');
  });

  it('finds every single wrong digit', () => {
    const right = '79927398713';
    for (let index = 0; index < right.length; index += 1) {
      for (let digit = 0; digit < 10; digit += 1) {
        const text = right.slice(0, index) + String(digit) + right.slice(index + 1);
        expect(hasLuhn(text)).toBe(text === right);
      }
    }
  });

  it('is never right for a digit alone', () => expect(hasLuhn('0')).toBe(false));

  it.each(['', '12a', '-1', '１', '1'.repeat(65)])('refuses %j', (digits) => {
    expect(refusalOf(() => luhnCheckDigit(digits)).part).toBe('digits');
    expect(refusalOf(() => hasLuhn(digits)).part).toBe('digits');
  });
});
