import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockRange,
  blocksOf,
  countersPerBlock,
  entriesMax,
  hasChallenges,
  type PackageHeader,
  readHeader,
  stepAt,
  writeHeader,
} from '../../src/offline/header.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import { errorOf, headerOf, kinds, uuidOf } from './support.ts';

const textOf = (charactersMax: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', maxLength: charactersMax })
    .filter((t) => t.length <= charactersMax);
const times = fc.integer({ min: 0, max: 2 ** 45 });
const emergencyTerms = fc.record({
  codeId: fc.integer().map(uuidOf),
  kind: fc.constantFrom('tokencode' as const, 'passcode' as const),
  isPinRequired: fc.boolean(),
  notAfterMs: times,
  usesMax: fc.integer({ min: 1, max: 1000 }),
});
const ofKind = fc.constantFrom(...Object.values(kinds));
const headers: fc.Arbitrary<PackageHeader> = fc
  .record({
    base: ofKind,
    own: fc.record({
      userName: textOf(255),
      domainName: textOf(255),
      serial: textOf(64),
      applicationName: textOf(64),
      count: fc.integer({ min: 1, max: 3099 }),
      driftSeconds: fc.integer({ min: -31_536_000, max: 31_536_000 }),
      sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      tagBits: fc.integer({ min: 16, max: 64 }),
      isPasswordRequired: fc.constantFrom(true as const, undefined),
      notAfterMs: times.map((ms) => 1_780_000_000_001 + ms),
      emergency: fc.array(emergencyTerms, { maxLength: 2 }),
    }),
    salt: fc.uint8Array({ maxLength: 64 }),
    logN: fc.integer({ min: 10, max: 20 }),
  })
  .map(({ base, own, salt, logN }) => {
    const kdf = { algorithm: 'scrypt' as const, n: 2 ** logN, r: 8, p: 1, salt: Buffer.from(salt) };
    return headerOf({ ...base, ...own, kdf });
  });

describe('a header', () => {
  it(
    'comes back as it was written, in whatever order its members were given',
    () => {
      const law = fc.property(headers, (header) => {
        const bytes = writeHeader(header);
        expect(readHeader(bytes)).toEqual(header);
        const turned = Object.fromEntries(Object.entries(header).toReversed());
        expect(writeHeader(turned as unknown as PackageHeader)).toEqual(bytes);
      });
      fc.assert(law, proofRuns(200));
    },
    proofTimeoutMs,
  );

  it.each([
    ['v', { v: 2 }],
    ['kid', { kid: 'AB'.repeat(32) }],
    ['kid', { kid: 'ab'.repeat(31) }],
    ['packageId', { packageId: uuidOf(2).toUpperCase() }],
    ['userName', { userName: 'x'.repeat(256) }],
    ['userName', { userName: 'half \ud83d of one' }],
    ['userName', { userName: 7 as unknown as string }],
    ['algorithm', { algorithm: 'HOTP-SHA1-08' }],
    ['algorithm', { algorithm: 'HOTP-MD5-8' }],
    ['algorithm', { algorithm: 8 as unknown as string }],
    ['algorithm', { ...kinds.event, algorithm: 'TOTP-SHA1-8-30S' }],
    ['algorithm', { ...kinds.time, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08' }],
    ['algorithm', { ...kinds.challenge, algorithm: 'HMAC-SHA1-CR' }],
    ['algorithm', { ...kinds.event, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08' }],
    ['algorithm', { ...kinds.challenge, algorithm: 'OCRA-1:HOTP-SHA1-8:C-QN08' }],
    ['algorithm', { ...kinds.challenge, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08-T1M' }],
    ['algorithm', { ...kinds.time, algorithm: 'OCRA-1:HOTP-SHA1-8:C-QN08-T1M' }],
    ['algorithm', { ...kinds.time, algorithm: 'OCRA-1:HOTP-SHA1-8:C-QN08-T1M/12345678' }],
    ['algorithm', { ...kinds.challenge, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08-PSHA1' }],
    ['algorithm', { ...kinds.challenge, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08-S064' }],
    ['kind', { kind: 'constructor' as 'time' }],
    ['first', { first: 2n ** 64n }],
    ['first', { ...kinds.time, first: 2n ** 63n - 3n }],
    ['first', { first: -1n }],
    ['first', { first: 2n ** 32n * 50n - 3n }],
    ['first', { ...kinds.challenge, first: 2n ** 32n - 3n }],
    ['first', { ...kinds.time, first: 2n ** 32n * 2880n - 3n }],
    ['count', { count: 0 }],
    ['count', { count: 3100 }],
    ['count', { ...kinds.challenge, count: 3100 }],
    ['count', { ...kinds.time, count: entriesMax + 1 }],
    ['count', { ...kinds.time, first: 1n, algorithm: 'TOTP-SHA1-8-86400S', count: 3100 }],
    ['count', { count: 1.5 }],
    ['driftSeconds', { driftSeconds: Number.NaN }],
    ['sequence', { sequence: 2 ** 53 }],
    ['eventMode', { eventMode: null }],
    ['eventMode', { ...kinds.time, eventMode: 'shared' }],
    ['notAfterMs', { notAfterMs: 1_780_000_000_000 }],
    ['isPasswordRequired', { isPasswordRequired: false as unknown as true }],
    ['tagBits', { tagBits: 15 }],
    ['tagBits', { tagBits: 65 }],
    ['kdf.n', { kdf: { ...headerOf().kdf, n: 65_535 } }],
    ['kdf.salt', { kdf: { ...headerOf().kdf, salt: Buffer.alloc(65) } }],
    ['kdf', { kdf: null as unknown as PackageHeader['kdf'] }],
    ['kdf', { kdf: [] as unknown as PackageHeader['kdf'] }],
    ['emergency', { emergency: [1, 2, 3] as unknown as PackageHeader['emergency'] }],
    ['emergency', { emergency: {} as unknown as PackageHeader['emergency'] }],
    ['emergency', { emergency: [7] as unknown as PackageHeader['emergency'] }],
    [
      'emergency.isPinRequired',
      {
        emergency: [
          { codeId: uuidOf(1), kind: 'passcode', isPinRequired: 1, notAfterMs: 1, usesMax: 1 },
        ] as unknown as PackageHeader['emergency'],
      },
    ],
  ] satisfies [string, Partial<PackageHeader>][])(
    'without a good %s is not written',
    (name, wrong) => {
      const { code, message } = errorOf(() => writeHeader(headerOf(wrong)));
      expect(code).toBe('malformed');
      expect(message.slice(0, message.indexOf(' '))).toBe(`header.${name}`);
    },
  );

  it.each([
    ['the last block of counters', { first: 2n ** 32n * 50n - 4n }],
    ['the last challenge', { ...kinds.challenge, first: 2n ** 32n - 4n }],
    ['the last day', { ...kinds.time, first: 2n ** 32n * 2880n - 4n }],
    ['as many counters as may be', { count: 3099 }],
    [
      'as many days as may be',
      { ...kinds.time, first: 1n, algorithm: 'TOTP-SHA1-8-86400S', count: 3099 },
    ],
    ['as many steps as may be', { ...kinds.time, count: entriesMax }],
    ['a clock and challenges', { ...kinds.time, algorithm: 'OCRA-1:HOTP-SHA1-8:QN08-T1M' }],
    ['counters and challenges', { algorithm: 'OCRA-1:HOTP-SHA1-8:C-QN08' }],
  ] satisfies [string, Partial<PackageHeader>][])('may have %s', (_, changes) => {
    const header = headerOf(changes);
    expect(readHeader(writeHeader(header))).toEqual(header);
  });

  it.each(['AB', 'A', 'AA==', '+/8', '\u00e9', 7, 'AA\n'])('has no salt spelt %j', (salt) => {
    const written = JSON.parse(writeHeader(headerOf()).toString()) as { kdf: { salt: unknown } };
    written.kdf.salt = salt;
    const { message } = errorOf(() => readHeader(Buffer.from(JSON.stringify(written))));
    expect(message).toBe('header.kdf.salt must be base64url of at most 64 bytes');
  });

  it('has at most 8192 bytes', () => {
    const { message } = errorOf(() => readHeader(Buffer.alloc(8193, 32)));
    expect(message).toBe('the header must be at most 8192 bytes');
    expect(errorOf(() => readHeader(Buffer.alloc(8192, 32))).message).toContain('JSON');
  });
});

describe('blocks', () => {
  it('are days of the device, counted from 1970 whatever the origin', () => {
    const day = (algorithm: string, index: bigint): number =>
      blocksOf({ kind: 'time', algorithm })(index);
    expect(day('TOTP-SHA1-8-30S', 2879n)).toBe(0);
    expect(day('TOTP-SHA1-8-30S', 2880n)).toBe(1);
    expect(day('TOTP-SHA1-8-60S', 1440n)).toBe(1);
    expect(day('TOTP-SHA1-8-30S-T0=60', 2877n)).toBe(0);
    expect(day('TOTP-SHA1-8-30S-T0=60', 2878n)).toBe(1);
    expect(day('TOTP-SHA1-8-30S-T0=1700000000', 0n)).toBe(Math.floor(1_700_000_000 / 86_400));
    expect(day('OCRA-1:HOTP-SHA1-8:QN08-T1M', 1439n)).toBe(0);
    expect(day('OCRA-1:HOTP-SHA1-8:QN08-T1M', 1440n)).toBe(1);
  });

  it('are fifty counters, or one challenge', () => {
    expect(countersPerBlock).toBe(50);
    const counters = blocksOf({ kind: 'event', algorithm: 'HOTP-SHA1-8' });
    expect([0n, 49n, 50n, 2n ** 37n].map(counters)).toEqual([0, 0, 1, 2_748_779_069]);
    const challenges = blocksOf({ kind: 'challenge', algorithm: 'OCRA-1:HOTP-SHA1-8:QN08' });
    expect([0n, 1n, 4_294_967_295n].map(challenges)).toEqual([0, 1, 4_294_967_295]);
  });

  it('of a package are those of its first and its last entry', () => {
    expect(blockRange(headerOf({ first: 148n, count: 2 }))).toEqual({ first: 2, last: 2 });
    expect(blockRange(headerOf({ first: 148n, count: 3 }))).toEqual({ first: 2, last: 3 });
    expect(blockRange(headerOf({ ...kinds.time, first: 2879n, count: 2882 }))).toEqual({
      first: 0,
      last: 2,
    });
  });

  it('by time need an algorithm with a clock', () => {
    expect(() => blocksOf({ kind: 'time', algorithm: 'HOTP-SHA1-8' })).toThrow(RangeError);
  });
});

describe('the step of a device', () => {
  const at = (algorithm: string, driftSeconds: number, nowMs: number): bigint =>
    stepAt({ algorithm, driftSeconds }, nowMs);

  it('is that of its own clock', () => {
    expect(at('TOTP-SHA1-8-30S', 0, 1_780_000_019_999)).toBe(59_333_333n);
    expect(at('TOTP-SHA1-8-30S', 0, 1_780_000_020_000)).toBe(59_333_334n);
    expect(at('TOTP-SHA1-8-30S', 1, 1_780_000_019_000)).toBe(59_333_334n);
    expect(at('TOTP-SHA1-8-30S', -1, 1_780_000_020_999)).toBe(59_333_333n);
    expect(at('TOTP-SHA1-8-60S-T0=1780000000', 0, 1_780_000_059_999)).toBe(0n);
    expect(at('TOTP-SHA1-8-60S-T0=1780000000', 0, 1_780_000_060_000)).toBe(1n);
    expect(at('OCRA-1:HOTP-SHA1-8:QN08-T1M', 0, 60_000)).toBe(1n);
  });

  it('is 0 before there are any', () => {
    expect(at('TOTP-SHA1-8-30S', -60, 1000)).toBe(0n);
    expect(at('TOTP-SHA1-8-60S-T0=1780000000', 0, 1_000_000_000_000)).toBe(0n);
  });
});

describe('challenges', () => {
  it('are shown where the algorithm answers them', () => {
    const shown = Object.values(kinds).map((kind) => hasChallenges(headerOf(kind)));
    expect(shown).toEqual([false, false, true]);
    expect(hasChallenges({ algorithm: 'OCRA-1:HOTP-SHA1-8:QN08-T1M' })).toBe(true);
  });
});
