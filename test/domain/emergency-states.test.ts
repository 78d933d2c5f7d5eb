import { describe, expect, it, test } from 'vitest';
import {
  asksForPin,
  codeForm,
  emergencyMissesMax,
  emergencySealContext,
  endedCode,
  isForOnline,
  isLastMiss,
  isLive,
  isOfServer,
  lifetimeDaysMax,
  mayBeOnline,
  usesLeft,
  usesMaxOf,
} from '../../src/domain/emergency.ts';
import { unusedPin } from '../../src/domain/server-pin.ts';
import { applicationWith, hotp, noonMs } from './support.ts';

const ownPin = {
  ...unusedPin,
  isEnabled: true,
  verifier: { length: 4, salt: 'a5'.repeat(16), mac: 'ff' },
};

describe('the form of a code', () => {
  test.each([
    ['tokencode', true, 'digits', 8],
    ['tokencode', false, 'base-32', 16],
    ['passcode', true, 'base-32', 16],
    ['passcode', false, 'base-32', 16],
    ['fixed', true, 'base-32', 8],
    ['fixed', false, 'base-32', 8],
    ['one-time', true, 'base-32', 8],
    ['one-time', false, 'base-32', 8],
  ] as const)('%s, PIN required: %s', (kind, isPinRequired, characters, length) => {
    expect(codeForm({ kind, isPinRequired })).toEqual({ characters, length });
  });
});

test('what a sealed code is bound to is no other row', () => {
  const text = (id: string, userId: string, serial: string): string =>
    Buffer.from(emergencySealContext({ id, userId }, serial)).toString();
  expect(text('a', 'u', 'S')).toBe('emergency code u a S');
  const all = [text('a', 'u', 'S'), text('b', 'u', 'S'), text('a', 'v', 'S'), text('a', 'u', 'T')];
  expect(new Set(all).size).toBe(all.length);
});

describe('how long a code may last', () => {
  test.each([
    ['tokencode', 7, 7],
    ['tokencode', 1, 1],
    ['fixed', 90, 90],
    ['one-time', 7, 7],
    ['passcode', 7, 3],
    ['passcode', 3, 3],
    ['passcode', 2, 2],
  ] as const)('%s where the policy has %i days: %i', (kind, emergencyLifetimeDays, expected) => {
    expect(lifetimeDaysMax(kind, { emergencyLifetimeDays })).toBe(expected);
  });
});

describe('how often a code may be used', () => {
  test.each([
    ['tokencode', 1, 10, 10],
    ['tokencode', 1, 1, 1],
    ['passcode', 1, 10, 3],
    ['passcode', 1, 2, 2],
    ['fixed', 1, 10, null],
    ['one-time', 20, 10, 20],
    ['one-time', 1, 10, 1],
  ] as const)('%s, a set of %i, the policy has %i: %s', (kind, count, emergencyUses, expected) => {
    expect(usesMaxOf(kind, count, { emergencyUses })).toBe(expected);
  });

  test.each([
    [null, 5, undefined, null],
    [null, 5, 3, null],
    [10, 0, undefined, 10],
    [10, 4, undefined, 6],
    [10, 4, 2, 4],
    [10, 10, undefined, 0],
    [10, 9, 2, 0],
    [10, 12, undefined, 0],
  ] as const)('at most %s, used %i times and %s more: %s left', (usesMax, useCount, more, left) => {
    expect(usesLeft({ usesMax, useCount }, more)).toBe(left);
  });
});

describe('the user of an authenticator has a PIN to put in front', () => {
  const pinless = applicationWith(hotp);
  const pinned = applicationWith(hotp, { pin: ownPin });
  const unlocking = applicationWith(hotp, { pin: ownPin, mode: 'unlock' });
  const unset = applicationWith(hotp, { pin: { ...ownPin, verifier: null } });
  const off = applicationWith(hotp, { pin: { ...ownPin, isEnabled: false } });

  test.each([
    ['no application', [], false],
    ['one without a PIN', [pinless], false],
    ['one with a PIN', [pinned], true],
    ['one of two with a PIN', [pinless, pinned], true],
    ['a PIN for unlocking alone', [unlocking], false],
    ['a PIN that is not set yet', [unset], false],
    ['a PIN that is switched off', [off], false],
  ] as const)('%s', (_what, applications, expected) => {
    expect(asksForPin({ applications })).toBe(expected);
  });
});

describe('a code is good for something', () => {
  test.each([
    ['live', 1, true],
    ['live', 0, false],
    ['live', -1, false],
    ['used-up', 1, false],
    ['expired', 1, false],
    ['locked', 1, false],
    ['replaced', 1, false],
    ['reset', 1, false],
    ['revoked', 1, false],
    ['returned', 1, false],
  ] as const)('%s, %i ms before its end: %s', (state, leftMs, expected) => {
    expect(isLive({ state, notAfterMs: noonMs + leftMs }, noonMs)).toBe(expected);
  });
});

describe('a code at the server', () => {
  test.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
    [true, true, true],
  ] as const)(
    'packages %s, codes of its own %s: any may be good there: %s',
    (emergencyOnlineAllowed, emergencyOnlineCodes, expected) => {
      expect(mayBeOnline({ emergencyOnlineAllowed, emergencyOnlineCodes })).toBe(expected);
    },
  );

  test.each([
    ['tokencode', false],
    ['passcode', false],
    ['fixed', true],
    ['one-time', true],
  ] as const)('%s is for it alone: %s, and good there as the policy says', (kind, isAlone) => {
    expect(isOfServer(kind)).toBe(isAlone);
    const isGood = (emergencyOnlineAllowed: boolean, isOnlineAllowed: boolean): boolean =>
      isForOnline(
        { kind, isOnlineAllowed },
        { emergencyOnlineAllowed, emergencyOnlineCodes: !emergencyOnlineAllowed },
      );
    expect(isGood(true, true)).toBe(!isAlone);
    expect(isGood(false, true)).toBe(isAlone);
    expect(isGood(true, false)).toBe(false);
    expect(isGood(false, false)).toBe(false);
  });
});

describe('wrong tries', () => {
  test.each([
    [0, false],
    [emergencyMissesMax - 2, false],
    [emergencyMissesMax - 1, true],
    [emergencyMissesMax, true],
  ])('after %i, another locks the code: %s', (missCount, expected) => {
    expect(isLastMiss({ missCount })).toBe(expected);
  });
});

describe('a code that has ended', () => {
  it.each(['used-up', 'expired', 'locked', 'replaced', 'reset', 'revoked', 'returned'] as const)(
    'keeps nothing by which it could be found out: %s',
    (state) => {
      expect(endedCode(state)).toEqual({ state, macs: [], sealed: null });
    },
  );
});
