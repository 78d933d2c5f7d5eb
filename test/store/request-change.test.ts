import { describe, expect, test } from 'vitest';
import type { User } from '../../src/domain/model.ts';
import type { UserChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { changeUser, freshId, install, reloadUser } from './support/records.ts';

const committed = { status: 'committed' };
const onUser = { status: 'conflict', on: 'user' };

const times = { lastAttemptAtMs: 11, lastSuccessAtMs: 12 } as const;
const locked = {
  ...times,
  lockCount: 3,
  lockedAtMs: 5,
  lockedBy: 'threshold',
  unlockTries: 2,
} as const;

/** Changes that only have conditions, each in a state that it does and does not go with. */
interface Case {
  readonly what: string;
  readonly state: Partial<User>;
  readonly change: (userId: string) => UserChange;
}

const issue =
  (threshold: number) =>
  (userId: string): UserChange => ({ kind: 'issue', userId, threshold });
const unlockIssue = (userId: string): UserChange => ({
  kind: 'unlock-issue',
  userId,
  expectedTries: 2,
});
const present = (userId: string): UserChange => ({ kind: 'present', userId });

const held: readonly Case[] = [
  { what: 'issue below', state: { ...times, lockCount: 2, unlockTries: 1 }, change: issue(3) },
  { what: 'issue without a threshold', state: { ...times, lockCount: 99 }, change: issue(0) },
  { what: 'unlock-issue', state: locked, change: unlockIssue },
  { what: 'present, of an open user', state: { ...times, lockCount: 2 }, change: present },
  { what: 'present, of a lock', state: locked, change: present },
  {
    what: 'present, of a disabled user whom an administrator locked',
    state: { ...locked, isDisabled: true, lockedBy: 'administrator' },
    change: present,
  },
];

const refused: readonly Case[] = [
  { what: 'issue, disabled', state: { isDisabled: true }, change: issue(3) },
  { what: 'issue, a threshold lock', state: { ...locked, lockCount: 0 }, change: issue(3) },
  {
    what: "issue, an administrator's lock",
    state: { lockedAtMs: 5, lockedBy: 'administrator' },
    change: issue(0),
  },
  { what: 'issue, at the threshold', state: { lockCount: 3 }, change: issue(3) },
  { what: 'issue, above the threshold', state: { lockCount: 4 }, change: issue(3) },
  { what: 'unlock-issue, disabled', state: { ...locked, isDisabled: true }, change: unlockIssue },
  { what: 'unlock-issue, no lock', state: { lockCount: 3, unlockTries: 2 }, change: unlockIssue },
  {
    what: "unlock-issue, an administrator's lock",
    state: { ...locked, lockedBy: 'administrator' },
    change: unlockIssue,
  },
  { what: 'unlock-issue, fewer tries', state: { ...locked, unlockTries: 1 }, change: unlockIssue },
  { what: 'unlock-issue, more tries', state: { ...locked, unlockTries: 3 }, change: unlockIssue },
];

eachDatabase((opened) => {
  describe('a change that is only a condition', () => {
    test.each(held)('holds and changes nothing: $what', async ({ state, change }) => {
      const { user } = await install(opened.store, { user: state });
      expect(await changeUser(opened.store, change(user.id))).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });

    test.each(refused)('conflicts and changes nothing: $what', async ({ state, change }) => {
      const { user } = await install(opened.store, { user: state });
      expect(await changeUser(opened.store, change(user.id))).toEqual(onUser);
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });

    test('conflicts on a user who is gone', async () => {
      for (const change of [issue(0), unlockIssue, present]) {
        expect(await changeUser(opened.store, change(freshId()))).toEqual(onUser);
      }
    });

    test('spends nothing, so that many at once all hold', async () => {
      const { user } = await install(opened.store, { user: locked });
      const results = await Promise.all(
        Array.from({ length: 16 }, () => changeUser(opened.store, unlockIssue(user.id))),
      );
      expect(results).toEqual(Array.from({ length: 16 }, () => committed));
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });
  });
});
