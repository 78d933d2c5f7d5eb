import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  canAnswer,
  challengeForm,
  challengeIds,
  challengeKey,
  challengeRandomBytes,
  challengeRefusal,
  newChallenge,
} from '../../src/domain/challenge.ts';
import {
  type ChallengeAlgorithm,
  hasLuhn,
  parseOcraSuite,
  type ResponseAlgorithm,
  survivesPadding,
} from '../../src/oath/index.ts';
import {
  applicationWith,
  authenticatorWith,
  hotp,
  issuedWith,
  noonMs,
  ocra,
  policyWith,
} from './support.ts';
import { proofRuns } from '../support/proof.ts';

const suite = (question: string): ChallengeAlgorithm => ({
  kind: 'challenge-response',
  suite: parseOcraSuite(`OCRA-1:HOTP-SHA1-6:${question}`),
});

describe('challenges of a suite', () => {
  it.each([
    ['QN08', '12345678', true],
    ['QN08', '1', true],
    ['QN08', '123456789', false],
    ['QN08', '', false],
    ['QN08', '12a', false],
    ['QH08', 'C0FFEE', true],
    ['QH08', 'COFFEE', false],
    ['QA10', 'pay 12 EUR', true],
  ])('%s and %j: %s', (question, challenge, matches) => {
    expect(challengeKey(suite(question), challenge) !== null).toBe(matches);
  });

  it('takes none where the suite has no question', () => {
    const without = parseOcraSuite('OCRA-1:HOTP-SHA1-6:C', { allowMissingQuestion: true });
    expect(challengeKey({ kind: 'challenge-response', suite: without }, '1234')).toBeNull();
  });

  it.each([
    ['QN08', '1', '00000001'],
    ['QN08', '1', '16'],
    ['QH08', 'ab', 'AB'],
    ['QH08', 'AB', 'AB00'],
  ])('knows that %s encodes %s and %s alike', (question, one, other) => {
    expect(challengeKey(suite(question), one)).toBe(challengeKey(suite(question), other));
  });

  it('knows bytes for a key by every bit of them', () => {
    const key = { kind: 'hmac-challenge', hash: 'SHA1' } as const;
    const bytes = 'ab'.repeat(31);
    expect(challengeKey(key, `${bytes.toUpperCase()}00`)).toBe(`${bytes}00`);
    expect(challengeKey(key, bytes)).toBeNull();
    expect(challengeKey(key, '123')).toBeNull();
    expect(challengeKey(key, 'pay 12 EUR')).toBeNull();
  });

  it('tells others apart', () => {
    expect(challengeKey(suite('QN08'), '1')).not.toBe(challengeKey(suite('QN08'), '2'));
  });

  it('hides no error but that of the challenge itself', () => {
    const encode = vi.spyOn(TextEncoder.prototype, 'encode').mockImplementation(() => {
      throw new RangeError('out of memory');
    });
    expect(() => challengeKey(suite('QA10'), 'abcd')).toThrow(RangeError);
    encode.mockRestore();
  });
});

describe('new challenges', () => {
  it('are as long as asked for, with a right check digit', () => {
    const bytes = fc.uint8Array({ minLength: 80, maxLength: 80, max: 249 });
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 16 }), bytes, (length, randomBytes) => {
        const plain = newChallenge({ length, hasCheckDigit: false }, randomBytes);
        expect(plain).toMatch(new RegExp(`^[0-9]{${String(length)}}$`));
        const checked = newChallenge({ length, hasCheckDigit: true }, randomBytes);
        expect(checked.slice(0, -1)).toBe(plain);
        expect(hasLuhn(checked)).toBe(true);
      }),
      proofRuns(100),
    );
  });

  it('give every digit the same share of the byte values', () => {
    const shares = new Map<string, number>();
    for (let byte = 0; byte < 256; byte += 1) {
      const form = { length: 1, hasCheckDigit: false };
      const digit = newChallenge(form, Uint8Array.of(byte, 0));
      // From 250 up a byte is dropped and the zero behind it is read.
      const read = byte < 250 ? digit : `dropped, then ${digit}`;
      shares.set(read, (shares.get(read) ?? 0) + 1);
    }
    expect([...shares.values()]).toEqual([...Array.from({ length: 10 }, () => 25), 6]);
    expect(shares.get('dropped, then 0')).toBe(6);
  });

  it('of bytes reach a key whole, whatever a client pads them with', () => {
    const bytes = fc.uint8Array({ minLength: 48, maxLength: 48 });
    fc.assert(
      fc.property(bytes, fc.constantFrom(0, 1, null), (randomBytes, last) => {
        if (last !== null) randomBytes[31] = last;
        // What is drawn for the last place may be of no use itself.
        randomBytes[32] = randomBytes[30] ?? 0;
        randomBytes[47] = ((randomBytes[30] ?? 0) ^ 0x80) | 2;
        const challenge = newChallenge({ bytes: 32 }, randomBytes);
        expect(challenge).toMatch(/^[0-9a-f]{64}$/);
        expect(challenge.slice(0, 62)).toBe(Buffer.from(randomBytes.slice(0, 31)).toString('hex'));
        expect(survivesPadding(Buffer.from(challenge, 'hex'))).toBe(true);
      }),
      proofRuns(100),
    );
    expect(challengeRandomBytes({ bytes: 32 })).toBe(48);
  });

  it.each([47, 31])('of bytes are refused rather than weak: %s bytes, all alike', (length) => {
    const broken = new Uint8Array(length).fill(7);
    const refused = expect.objectContaining({ code: 'internal' }) as Error;
    expect(() => newChallenge({ bytes: 32 }, broken)).toThrow(refused);
  });

  it('are refused rather than short when the generator is broken', () => {
    const form = { length: 8, hasCheckDigit: false };
    const broken = new Uint8Array(challengeRandomBytes(form)).fill(255);
    expect(() => newChallenge(form, broken)).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('the form of a challenge', () => {
  const device = authenticatorWith([
    applicationWith(hotp),
    applicationWith(ocra('C-QN08')),
    applicationWith(ocra('QN06-T1M')),
    applicationWith(ocra('C', { allowMissingQuestion: true })),
  ]);

  it.each([4, 8, 16])('is the policy’s alone: %s digits', (length) => {
    for (const hasCheckDigit of [false, true]) {
      const settings = {
        oneStepChallengeLength: length,
        oneStepChallengeCheckDigit: hasCheckDigit,
      };
      expect(challengeForm(policyWith(settings))).toEqual({ length, hasCheckDigit });
    }
  });

  it.each([
    [8, false, true],
    [7, true, true],
    [8, true, false],
    [9, false, false],
  ])('suits a device that takes 8 and 6: %s digits, check digit %s: %s', (...expected) => {
    const [length, hasCheckDigit, suits] = expected;
    expect(canAnswer([device], { length, hasCheckDigit })).toBe(suits);
  });

  it('in hex suits keys, and suites that take so many characters other than digits', () => {
    const form = challengeForm(policyWith({ oneStepChallengeFormat: 'hex' }));
    expect(form).toEqual({ bytes: 32 });
    const takes = (...algorithms: ResponseAlgorithm[]): boolean =>
      canAnswer([authenticatorWith(algorithms.map((one) => applicationWith(one)))], form);
    expect(takes({ kind: 'hmac-challenge', hash: 'SHA1' })).toBe(true);
    expect(takes(ocra('QH64'))).toBe(true);
    expect(takes(ocra('QA64'))).toBe(true);
    expect(takes(ocra('QN64'), ocra('QH63'), hotp)).toBe(false);
  });

  it('of digits suits no key: it is given bytes', () => {
    const key = applicationWith({ kind: 'hmac-challenge', hash: 'SHA1' });
    expect(canAnswer([authenticatorWith([key])], challengeForm(policyWith()))).toBe(false);
  });

  it('suits no device without challenges', () => {
    const devices = [authenticatorWith([applicationWith(hotp)])];
    expect(canAnswer(devices, challengeForm(policyWith()))).toBe(false);
  });
});

describe('answering an issued challenge', () => {
  const at = (
    issued: ReturnType<typeof issuedWith> | null,
    permitted: 'no' | 'server-challenge' | 'any-challenge',
    nowMs: number = noonMs,
  ): string | null =>
    challengeRefusal(
      '12345678',
      { given: issued, newest: issued },
      'user-1',
      nowMs,
      policyWith({ oneStepChallengeResponse: permitted }),
    );

  it.each([
    ['a fresh one', issuedWith(), null, null],
    ['none', null, 'challenge-unknown', null],
    ['another user’s', issuedWith({ userId: 'user-2' }), 'challenge-unknown', 'challenge-unknown'],
    ['another text', issuedWith({ text: '1' }), 'challenge-unknown', 'challenge-unknown'],
    ['a used one', issuedWith({ consumedAtMs: 1 }), 'challenge-unknown', 'challenge-unknown'],
    ['a late one', issuedWith({ expiresAtMs: noonMs }), 'challenge-expired', 'challenge-expired'],
  ])('%s', (_, issued, withServer, withAny) => {
    expect(at(issued, 'server-challenge')).toBe(withServer);
    expect(at(issued, 'any-challenge')).toBe(withAny);
    expect(at(issued, 'no')).toBe('challenge-not-permitted');
  });

  it('lives until its last millisecond', () => {
    expect(at(issuedWith(), 'server-challenge', issuedWith().expiresAtMs - 1)).toBeNull();
  });

  it('consumes each once', () => {
    const other = issuedWith({ id: 'challenge-2' });
    expect(challengeIds([issuedWith(), null, other, issuedWith()])).toEqual([
      'challenge-1',
      'challenge-2',
    ]);
  });
});
