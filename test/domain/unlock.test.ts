import { describe, expect, it } from 'vitest';
import { canAnswer } from '../../src/domain/challenge.ts';
import { servingOf } from '../../src/domain/candidate.ts';
import { eligibleAuthenticators } from '../../src/domain/eligible.ts';
import { isUnlockChallenge, unlockSuite } from '../../src/domain/unlock.ts';
import { parseAlgorithmText, parseOcraSuite } from '../../src/oath/index.ts';
import { applicationWith, authenticatorWith, noonMs, ocra, policyWith, totp } from './support.ts';

describe('what can unlock a device', () => {
  it.each([
    ['OCRA-1:HOTP-SHA1-8:QN08', true],
    ['OCRA-1:HOTP-SHA256-6:QN04', true],
    ['OCRA-1:HOTP-SHA512-10:QN06', true],
    ['OCRA-1:HOTP-SHA1-5:QN08', false],
    ['OCRA-1:HOTP-SHA1-0:QN08', false],
    ['OCRA-1:HOTP-SHA1-8:QN09', false],
    ['OCRA-1:HOTP-SHA1-8:QH08', false],
    ['OCRA-1:HOTP-SHA1-8:QA08', false],
    ['OCRA-1:HOTP-SHA1-8:C-QN08', false],
    ['OCRA-1:HOTP-SHA1-8:QN08-T30S', false],
    ['OCRA-1:HOTP-SHA1-8:QN08-PSHA1', false],
    ['OCRA-1:HOTP-SHA1-8:QN08-S064', false],
    ['OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000', false],
    ['HOTP-SHA1-6', false],
    ['TOTP-SHA1-6-30S', false],
    ['HMAC-SHA1-CR', false],
  ])('%s: %s', (text, isFit) => {
    expect(unlockSuite(parseAlgorithmText(text)) !== null).toBe(isFit);
  });

  it.each([
    ['QN08', '1234', true],
    ['QN08', '00000000', true],
    ['QN08', '123', false],
    ['QN08', '123456789', false],
    ['QN06', '1234567', false],
    ['QN08', '1234 ', false],
    ['QN08', '-1234', false],
    ['QN08', '12345678\n', false],
    ['QN08', '', false],
  ])('with %s a device shows %j: %s', (question, challenge, shows) => {
    const suite = parseOcraSuite(`OCRA-1:HOTP-SHA1-8:${question}`);
    expect(isUnlockChallenge(suite, challenge)).toBe(shows);
  });

  it('a suite that asks nothing shows none', () => {
    const suite = parseOcraSuite('OCRA-1:HOTP-SHA1-8:QN08');
    const { question, ...rest } = suite.dataInput;
    expect(question).toBeDefined();
    expect(isUnlockChallenge({ ...suite, dataInput: rest }, '1234')).toBe(false);
  });
});

describe('what unlocks a device verifies nobody', () => {
  const unlock = applicationWith(ocra('QN08'), { id: 'unlock', name: 'UNLOCK', mode: 'unlock' });
  const time = applicationWith(totp(), { id: 'time', name: 'TIME' });
  const nameOf = (applicationName: string | null, purpose: 'verify' | 'synchronise'): string => {
    const authenticators = [authenticatorWith([unlock, time])];
    const request = { authenticators, serial: null, applicationName, purpose };
    const found = eligibleAuthenticators(request, noonMs, policyWith());
    if (found.kind === 'refused') return found.refused.code;
    return found.authenticators.flatMap((one) => one.applications.map(({ name }) => name)).join();
  };

  it.each([
    ['verify', 'authenticator-not-permitted'],
    ['synchronise', 'sync-kind-unsupported'],
  ] as const)('to %s', (purpose, code) => {
    expect(nameOf(null, purpose)).toBe('TIME');
    expect(nameOf('UNLOCK', purpose)).toBe(code);
  });

  it('and no candidate is ever of it, whoever asks', () => {
    const serving = servingOf([authenticatorWith([unlock, time])], policyWith());
    expect(serving.map(({ application }) => application.name)).toEqual(['TIME']);
  });

  it('and it gets no challenge issued', () => {
    const form = { length: 8, hasCheckDigit: false };
    expect(canAnswer([authenticatorWith([unlock])], form)).toBe(false);
    const verifying = { ...unlock, mode: 'challenge-response' } as const;
    expect(canAnswer([authenticatorWith([verifying])], form)).toBe(true);
  });
});
