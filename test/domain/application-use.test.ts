import { describe, expect, it } from 'vitest';
import {
  applicationTypeOf,
  canSign,
  forgivesApplication,
  forgivesUser,
  serves,
  signaturePolicy,
  takesChallengeOf,
} from '../../src/domain/application-use.ts';
import { keyOf, servingOf } from '../../src/domain/candidate.ts';
import { canAnswer } from '../../src/domain/challenge.ts';
import { eligibleAuthenticators } from '../../src/domain/eligible.ts';
import { judgeChain, lostLinesMax } from '../../src/domain/offline-chain.ts';
import { unsetPassword } from '../../src/domain/static-password.ts';
import { parseAlgorithmText } from '../../src/oath/index.ts';
import { pinOf } from './pins.ts';
import {
  applicationWith,
  authenticatorWith,
  hotp,
  noonMs,
  ocra,
  policyWith,
  userWith,
} from './support.ts';

describe('what an application is used for', () => {
  it.each([
    ['unlock', false, false],
    ['response-only', true, false],
    ['challenge-response', true, false],
    ['signature', false, true],
    ['multi-mode', true, true],
  ] as const)('%s: logons %s, signatures %s', (mode, logon, signature) => {
    expect([serves(mode, 'logon'), serves(mode, 'signature')]).toEqual([logon, signature]);
  });

  it.each([
    ['response-only', hotp, 'response-only'],
    ['challenge-response', ocra('QN08'), 'challenge-response'],
    ['signature', ocra('QH40'), 'signature'],
    ['multi-mode', ocra('QH40'), 'multi-mode'],
  ] as const)('a policy calls %s so', (mode, algorithm, type) => {
    expect(applicationTypeOf({ mode, algorithm })).toBe(type);
  });

  it.each([
    ['OCRA-1:HOTP-SHA1-8:QH40-T30S', true],
    ['OCRA-1:HOTP-SHA1-8:C-QH40', true],
    ['OCRA-1:HOTP-SHA1-8:QH40', false],
    ['OCRA-1:HOTP-SHA1-8:C-QN08', false],
    ['OCRA-1:HOTP-SHA1-8:C-QH40-PSHA1', false],
    ['HOTP-SHA1-6', false],
  ])('%s signs once only: %s', (text, can) => {
    expect(canSign(parseAlgorithmText(text))).toBe(can);
  });

  it('signatures have window, threshold and one-time rule of their own', () => {
    const of = (onlineSignatureLevel: 0 | 1 | 2): unknown =>
      signaturePolicy(
        policyWith({ onlineSignatureLevel, signatureTimeWindowSteps: 7, signatureThreshold: 5 }),
      );
    const own = { identificationTimeWindowSteps: 7, identificationThreshold: 5 };
    expect(of(2)).toMatchObject({ ...own, challengeCheckMode: 3, secondOtpSync: false });
    expect(of(1)).toMatchObject({ ...own, challengeCheckMode: 4 });
  });

  it('an application of that use alone is eligible', () => {
    const authenticators = [
      authenticatorWith([applicationWith(ocra('C-QH40'), { mode: 'signature' })]),
    ];
    const asked = { authenticators, serial: null, applicationName: null };
    const kindFor = (purpose: 'verify' | 'verify-signature'): string =>
      eligibleAuthenticators({ ...asked, purpose }, noonMs, policyWith()).kind;
    expect(kindFor('verify-signature')).toBe('eligible');
    expect(kindFor('verify')).toBe('refused');
  });
});

describe('what a signature forgives', () => {
  const free = applicationWith(ocra('C-QH40'), { mode: 'signature' });
  const user = userWith({ password: unsetPassword });

  it('is all where there is neither PIN nor password', () => {
    expect(forgivesUser({ user, authenticators: [authenticatorWith([free])] })).toBe(true);
    expect(forgivesApplication(free)).toBe(true);
  });

  it('is nothing that somebody could guess at by signing in between', () => {
    const pinned = { ...free, pin: pinOf(free.id, '4711') };
    expect(forgivesUser({ user, authenticators: [authenticatorWith([pinned])] })).toBe(false);
    expect(forgivesApplication(pinned)).toBe(false);
    const verifier = { salt: Buffer.alloc(16), hash: Buffer.alloc(32) };
    const known = { ...user, password: { ...user.password, verifier } } as unknown as typeof user;
    expect(forgivesUser({ user: known, authenticators: [] })).toBe(false);
  });
});

describe('an application in two modes', () => {
  const both = applicationWith(ocra('C-QH40'), { mode: 'multi-mode' });

  it('takes no challenge that could be the digest of data fields', () => {
    expect([16, 17].map((length) => takesChallengeOf('multi-mode', length))).toEqual([true, false]);
    expect(takesChallengeOf('challenge-response', 40)).toBe(true);
    const [serving] = servingOf([authenticatorWith([both])], policyWith());
    expect(keyOf(serving!, 'a'.repeat(16))).not.toBeNull();
    expect(keyOf(serving!, 'a'.repeat(17))).toBeNull();
  });

  it('is issued none either', () => {
    const can = (length: number): boolean =>
      canAnswer([authenticatorWith([both])], { length, hasCheckDigit: false });
    expect([can(16), can(17)]).toEqual([true, false]);
  });
});

describe('lines that were lost', () => {
  const judged = (isGapAccepted: boolean, from: number): ReturnType<typeof judgeChain> =>
    judgeChain(
      { acknowledgedThrough: 0, head: 'a', isGapAccepted },
      { from, headBefore: 'b' },
      [],
      new Map(),
    );

  it('are passed over once an administrator has said so, and not without end', () => {
    expect(judged(false, 2)).toEqual({ kind: 'gap' });
    expect(judged(true, 2)).toEqual({ kind: 'continues', fresh: [], lost: 1 });
    expect(judged(true, lostLinesMax + 2)).toEqual({ kind: 'gap' });
  });
});
