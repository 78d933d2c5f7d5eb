import { describe, expect, test } from 'vitest';
import type { User } from '../../src/domain/model.ts';
import type { UserChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { atMs, changeUser, freshId, install, reloadUser } from './support/records.ts';

const committed = { status: 'committed' };
const conflict = (on: string): object => ({ status: 'conflict', on });

eachDatabase((opened) => {
  const userWith = async (more: Partial<User>): Promise<User> =>
    (await install(opened.store, { user: more })).user;
  const eventCount = async (): Promise<number> =>
    (await opened.store.auditInstances()).find(({ instance }) => instance === 'one')?.sequence ??
    -1;

  describe('a success', () => {
    test('clears the counts and notes the time', async () => {
      const user = await userWith({ lockCount: 2, unlockTries: 1 });
      const change = { kind: 'success', userId: user.id, threshold: 3 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({
        ...user,
        lockCount: 0,
        unlockTries: 0,
        lastAttemptAtMs: atMs,
        lastSuccessAtMs: atMs,
      });
    });

    const refused: readonly (readonly [string, Partial<User>, number])[] = [
      ['a disabled user', { isDisabled: true }, 3],
      ['a threshold lock', { lockedAtMs: 1, lockedBy: 'threshold' }, 3],
      ['an administrator lock', { lockedAtMs: 1, lockedBy: 'administrator' }, 0],
      ['a count at the threshold', { lockCount: 3 }, 3],
      ['a count above the threshold', { lockCount: 9 }, 3],
    ];
    for (const [what, state, threshold] of refused) {
      for (const outcome of ['success', 'failure'] as const) {
        test(`and a failure: ${outcome} conflicts on ${what} and writes nothing`, async () => {
          const user = await userWith(state);
          const before = await eventCount();
          const change = { kind: outcome, userId: user.id, threshold };
          expect(await changeUser(opened.store, change)).toEqual(conflict('user'));
          expect(await reloadUser(opened.store, user)).toEqual(user);
          expect(await eventCount()).toBe(before);
        });
      }
    }

    test('needs no count below a threshold of 0', async () => {
      const user = await userWith({ lockCount: 99 });
      const change = { kind: 'success', userId: user.id, threshold: 0 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
    });
  });

  describe('a failure', () => {
    test('adds one and does not lock below the threshold', async () => {
      const user = await userWith({ lockCount: 1 });
      const change = { kind: 'failure', userId: user.id, threshold: 3 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
      const expected = { ...user, lockCount: 2, lastAttemptAtMs: atMs };
      expect(await reloadUser(opened.store, user)).toEqual(expected);
    });

    test('locks when it reaches the threshold', async () => {
      const user = await userWith({ lockCount: 2, unlockTries: 4 });
      const change = { kind: 'failure', userId: user.id, threshold: 3 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({
        ...user,
        lockCount: 3,
        unlockTries: 0,
        lockedAtMs: atMs,
        lockedBy: 'threshold',
        lastAttemptAtMs: atMs,
      });
    });

    test('never locks with a threshold of 0', async () => {
      const user = await userWith({ lockCount: 99 });
      await changeUser(opened.store, { kind: 'failure', userId: user.id, threshold: 0 });
      expect(await reloadUser(opened.store, user)).toMatchObject({
        lockCount: 100,
        lockedAtMs: null,
      });
    });
  });

  describe('an automatic unlock', () => {
    const locked = {
      lockCount: 3,
      lockedAtMs: 5,
      lockedBy: 'threshold',
      unlockTries: 2,
    } as const;

    test('that succeeds lifts the lock', async () => {
      const user = await userWith(locked);
      const change = { kind: 'unlock-success', userId: user.id, expectedTries: 2 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({
        ...user,
        lockCount: 0,
        unlockTries: 0,
        lockedAtMs: null,
        lockedBy: null,
        lastAttemptAtMs: atMs,
        lastSuccessAtMs: atMs,
      });
    });

    test('that fails spends a try and keeps the lock', async () => {
      const user = await userWith(locked);
      const change = { kind: 'unlock-failure', userId: user.id, expectedTries: 2 } as const;
      expect(await changeUser(opened.store, change)).toEqual(committed);
      const after = { ...user, lockCount: 4, unlockTries: 3, lastAttemptAtMs: atMs };
      expect(await reloadUser(opened.store, user)).toEqual(after);
    });

    const refused: readonly (readonly [string, Partial<User>])[] = [
      ['other tries than expected', { ...locked, unlockTries: 1 }],
      ['an administrator lock', { ...locked, lockedBy: 'administrator' }],
      ['no lock', { lockCount: 3, unlockTries: 2 }],
      ['a disabled user', { ...locked, isDisabled: true }],
    ];
    for (const [what, state] of refused) {
      for (const outcome of ['unlock-success', 'unlock-failure'] as const) {
        test(`${outcome} conflicts on ${what}`, async () => {
          const user = await userWith(state);
          const change = { kind: outcome, userId: user.id, expectedTries: 2 };
          expect(await changeUser(opened.store, change)).toEqual(conflict('user'));
          expect(await reloadUser(opened.store, user)).toEqual(user);
        });
      }
    }
  });

  describe('a touch', () => {
    test('notes the attempt on any account', async () => {
      const state = { isDisabled: true, lockedAtMs: 1, lockedBy: 'administrator' } as const;
      const user = await userWith({ ...state, lockCount: 7, unlockTries: 2 });
      expect(await changeUser(opened.store, { kind: 'touch', userId: user.id })).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({ ...user, lastAttemptAtMs: atMs });
    });

    test('and every other change conflicts on a user who is gone', async () => {
      const userId = freshId();
      const changes: UserChange[] = [
        { kind: 'touch', userId },
        { kind: 'success', userId, threshold: 0 },
        { kind: 'unlock-failure', userId, expectedTries: 0 },
      ];
      for (const change of changes) {
        expect(await changeUser(opened.store, change)).toEqual(conflict('user'));
      }
    });
  });

  test('a decoy writes a row that belongs to nobody, and an event', async () => {
    const { user } = await install(opened.store);
    const before = await eventCount();
    const decoys = Array.from({ length: 3 }, () => changeUser(opened.store, { kind: 'decoy' }));
    expect(await Promise.all(decoys)).toEqual([committed, committed, committed]);
    const [row] = await opened.database.query(
      `select cast(sum(lock_count) as integer) as count from decoy where instance = 'one'`,
    );
    expect(row).toEqual({ count: 3 });
    expect(await reloadUser(opened.store, user)).toEqual(user);
    expect(await eventCount()).toBe(before + 3);
  });
});
