import { describe, expect, it } from 'vitest';
import { accountState, mayAdminister, syncAccountState } from '../../src/domain/account.ts';
import { countsTowardsLock, refusedFor } from '../../src/domain/lock.ts';
import type { User } from '../../src/domain/model.ts';
import type { RefusalCode } from '../../src/domain/outcomes.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { noonMs, policyWith, userWith } from './support.ts';

const minute = 60_000;
const day = 86_400_000;
const unlocking = policyWith({
  autoUnlockMaxTries: 3,
  autoUnlockMinDurationSeconds: 600,
  autoUnlockMultiplier: 2,
});

function locked(set: Partial<User> = {}): User {
  return userWith({
    lockCount: 3,
    lockedAtMs: noonMs - 60 * minute,
    lockedBy: 'threshold',
    lastAttemptAtMs: noonMs - 60 * minute,
    ...set,
  });
}

function refused(code: string, touch = false): unknown {
  return { state: 'refused', code, touch };
}

describe('account states, in their order', () => {
  const everything = { isDisabled: true, expiresAtMs: noonMs, lastSuccessAtMs: 0 };
  const strict = policyWith({ userMaxInactiveDays: 30 });

  it.each<[string, Partial<User>, string]>([
    ['disabled before expired', everything, 'user-disabled'],
    ['expired before inactive', { ...everything, isDisabled: false }, 'user-expired'],
    ['inactive before locked', { lastSuccessAtMs: 0, lockedAtMs: 1 }, 'user-inactive'],
    ['locked', { lockedAtMs: 1, lockedBy: 'administrator' }, 'user-locked'],
  ])('%s', (_, set, code) => {
    expect(accountState(userWith(set), strict, noonMs)).toEqual(refused(code));
    expect(syncAccountState(userWith(set), strict, noonMs)).toEqual(refused(code));
  });

  it('is open otherwise', () => {
    expect(accountState(userWith(), policyWith(), noonMs)).toEqual({ state: 'open' });
    expect(syncAccountState(userWith(), policyWith(), noonMs)).toEqual({ state: 'open' });
  });

  it('expires at the instant itself', () => {
    const user = userWith({ expiresAtMs: noonMs });
    expect(accountState(user, policyWith(), noonMs - 1)).toEqual({ state: 'open' });
    expect(accountState(user, policyWith(), noonMs)).toEqual(refused('user-expired'));
  });

  it('counts inactive days from the last success, or from the beginning', () => {
    const at = (set: Partial<User>): string => accountState(userWith(set), strict, noonMs).state;
    expect(at({ createdAtMs: 0, lastSuccessAtMs: noonMs - 30 * day })).toBe('open');
    expect(at({ createdAtMs: 0, lastSuccessAtMs: noonMs - 30 * day - 1 })).toBe('refused');
    expect(at({ createdAtMs: noonMs - 30 * day })).toBe('open');
    expect(at({ createdAtMs: noonMs - 30 * day - 1 })).toBe('refused');
    expect(accountState(userWith({ createdAtMs: 0 }), policyWith(), noonMs).state).toBe('open');
  });

  it('refuses a count at the threshold, which no success could be committed on', () => {
    const at = (lockCount: number, userLockThreshold: number): string =>
      accountState(userWith({ lockCount }), policyWith({ userLockThreshold }), noonMs).state;
    expect(at(2, 3)).toBe('open');
    expect(at(3, 3)).toBe('refused');
    expect(at(3, 0)).toBe('open');
  });
});

describe('automatic unlock', () => {
  const after = (minutes: number, set: Partial<User>, policy: EffectivePolicy): unknown =>
    accountState(locked({ ...set, lastAttemptAtMs: noonMs - minutes * minute }), policy, noonMs);

  it('waits the minimum, times the multiplier for each try spent', () => {
    expect(after(10, {}, unlocking)).toEqual({ state: 'auto-unlock', expectedTries: 0 });
    expect(after(10, { unlockTries: 1 }, unlocking)).toEqual(refused('user-locked', true));
    expect(after(20, { unlockTries: 1 }, unlocking)).toEqual({
      state: 'auto-unlock',
      expectedTries: 1,
    });
    expect(after(40, { unlockTries: 2 }, unlocking)).toMatchObject({ expectedTries: 2 });
  });

  it('starts the wait again when an attempt comes too early, and says so', () => {
    expect(after(9, {}, unlocking)).toEqual(refused('user-locked', true));
  });

  it('counts from the lock when no attempt is on record', () => {
    const user = locked({ lastAttemptAtMs: null, lockedAtMs: noonMs - 10 * minute });
    expect(accountState(user, unlocking, noonMs)).toMatchObject({ state: 'auto-unlock' });
    expect(accountState(user, unlocking, noonMs - 1)).toEqual(refused('user-locked', true));
  });

  it('ends when the tries are used up', () => {
    expect(after(9999, { unlockTries: 3 }, unlocking)).toEqual(refused('user-locked'));
  });

  it('never undoes what an administrator did, nor happens without the policy', () => {
    expect(after(9999, { lockedBy: 'administrator' }, unlocking)).toEqual(refused('user-locked'));
    expect(after(9999, {}, policyWith())).toEqual(refused('user-locked'));
  });

  it('never happens in a synchronisation', () => {
    const user = locked({ lastAttemptAtMs: 0 });
    expect(accountState(user, unlocking, noonMs).state).toBe('auto-unlock');
    expect(syncAccountState(user, unlocking, noonMs)).toEqual(refused('user-locked'));
  });
});

describe('administering', () => {
  const administrator = { administratorRole: 'admin' } as const;

  it.each<[string, Partial<User>, boolean]>([
    ['nobody without a role', { administratorRole: null }, false],
    ['an administrator', {}, true],
    ['nobody who is disabled', { isDisabled: true }, false],
    ['nobody who has expired', { expiresAtMs: noonMs }, false],
    ['who expires later', { expiresAtMs: noonMs + 1 }, true],
    ['nobody whom an administrator locked', { lockedAtMs: 1, lockedBy: 'administrator' }, false],
    ['whom others locked by guessing', { lockedAtMs: 1, lockedBy: 'threshold' }, true],
  ])('is for %s', (_who, set, expected) => {
    expect(mayAdminister(userWith({ ...administrator, ...set }), noonMs)).toBe(expected);
  });
});

describe('what counts towards the lock', () => {
  it.each<[RefusalCode, boolean]>([
    ['component-unknown', false],
    ['nothing-verifies', false],
    ['user-unknown', false],
    ['user-locked', false],
    ['authenticator-none', false],
    ['authenticator-not-assigned', false],
    ['authenticator-ambiguous', false],
    ['authenticator-not-permitted', false],
    ['challenge-required', false],
    ['challenge-malformed', false],
    ['challenge-expired', false],
    ['challenge-unknown', true],
    ['response-malformed', false],
    ['response-incorrect', true],
    ['response-replayed', true],
    ['sync-nothing', false],
    ['sync-kind-unsupported', false],
    ['sync-incorrect', true],
    ['sync-replayed', true],
    ['sync-ambiguous', true],
    ['sync-backwards', true],
  ])('%s: %s', (code, counts) => {
    expect(countsTowardsLock(code)).toBe(counts);
    expect(refusedFor(code)).toEqual({ code, counts });
  });
});
