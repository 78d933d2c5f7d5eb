import { describe, expect, test } from 'vitest';
import { passwordHistoryMax, unsetPassword } from '../../src/domain/static-password.ts';
import type { PasswordChange, PasswordVerifier, User } from '../../src/domain/model.ts';
import type { CommitResult, Decision } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { atMs, commitOne, install, insertAll, reloadUser } from './support/records.ts';

const committed = { status: 'committed' };
const onUser = { status: 'conflict', on: 'user' };
const salt = '0a'.repeat(16);
const macOf = (version: number): string => version.toString(16).padStart(64, '0');
const verifierOf = (version: number): PasswordVerifier => ({ salt, mac: macOf(version) });

/** The change of the password of that version to the next. */
function changeOf({ id }: User, version: number): PasswordChange {
  return {
    userId: id,
    passwordVersion: version,
    verifier: verifierOf(version + 1),
    replacedMac: version === 1 ? null : macOf(version),
  };
}

eachDatabase((opened) => {
  const change = (
    user: User,
    version: number,
    more: Partial<Decision> = {},
  ): Promise<CommitResult> =>
    commitOne(opened.store, {
      user: { kind: 'present', userId: user.id },
      passwordChange: changeOf(user, version),
      ...more,
    });
  const history = (user: User, limit: number = passwordHistoryMax): Promise<readonly string[]> =>
    opened.store.passwordHistory(user.id, limit);
  const rowCount = async ({ id }: User): Promise<unknown> => {
    const sql = `select mac from password_history where user_id = '${id}'`;
    return (await opened.database.query(sql)).length;
  };

  describe('a static password', () => {
    test('is set for the first time, and nothing is remembered', async () => {
      const { user } = await install(opened.store);
      expect(user.password).toEqual(unsetPassword);
      expect(await change(user, 1, { atMs: atMs + 5 })).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({
        ...user,
        password: { verifier: verifierOf(2), setAtMs: atMs + 5, version: 2 },
        version: user.version + 1,
      });
      expect(await history(user)).toEqual([]);
    });

    test('is changed with what else happens to the row of its user, and of nobody else', async () => {
      const password = { verifier: verifierOf(7), setAtMs: 1, version: 7 };
      const state = { password, lockCount: 2, version: 4 };
      const { user } = await install(opened.store, { user: state });
      const { user: other } = await install(opened.store, { user: state });
      const success = { kind: 'success', userId: user.id, threshold: 3 } as const;
      expect(await change(user, 7, { user: success })).toEqual(committed);
      expect(await reloadUser(opened.store, user)).toEqual({
        ...user,
        password: { verifier: verifierOf(8), setAtMs: atMs, version: 8 },
        version: 5,
        lockCount: 0,
        lastAttemptAtMs: atMs,
        lastSuccessAtMs: atMs,
      });
      expect(await history(user)).toEqual([macOf(7)]);
      expect(await reloadUser(opened.store, other)).toEqual(other);
      expect(await history(other)).toEqual([]);
    });

    test('that is another by now is not replaced, and nothing else happens', async () => {
      const password = { verifier: verifierOf(7), setAtMs: 1, version: 7 };
      const { user } = await install(opened.store, { user: { password } });
      const touch = { kind: 'touch', userId: user.id } as const;
      for (const version of [6, 8]) {
        expect(await change(user, version, { user: touch })).toEqual(onUser);
      }
      expect(await change(user, 7, { challengeIds: ['gone'] })).toMatchObject({ on: 'challenge' });
      expect(await reloadUser(opened.store, user)).toEqual(user);
      expect(await history(user)).toEqual([]);
    });

    test('is not changed where the user may not log on', async () => {
      const { user } = await install(opened.store, { user: { isDisabled: true } });
      const issue = { kind: 'issue', userId: user.id, threshold: 0 } as const;
      expect(await change(user, 1, { user: issue })).toEqual(onUser);
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });

    test('is changed once by those who change it at once', async () => {
      const { user } = await install(opened.store);
      const results = await Promise.all(Array.from({ length: 16 }, () => change(user, 1)));
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'conflict')).toEqual(
        Array.from({ length: 15 }, () => onUser),
      );
      expect((await reloadUser(opened.store, user)).password.version).toBe(2);
    });

    test('raises the version that guards what administrators saw', async () => {
      const { user } = await install(opened.store);
      await change(user, 1);
      const update = { change: 'update', kind: 'user', id: user.id } as const;
      const result = await opened.store.administer(
        [{ ...update, expectedVersion: user.version, set: { isDisabled: true } }],
        { atMs, action: 't', outcome: '', actor: '', subject: '', requestId: '', details: {} },
      );
      expect(result).toEqual({ status: 'conflict', index: 0 });
    });

    test('without the row of its user is a broken contract', async () => {
      const { user } = await install(opened.store);
      const { user: other } = await install(opened.store);
      const contract = { code: 'store-contract' };
      const strays = [null, { kind: 'decoy' }, { kind: 'touch', userId: other.id }] as const;
      for (const stray of strays) {
        await expect(change(user, 1, { user: stray })).rejects.toMatchObject(contract);
      }
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });
  });

  describe('replaced passwords', () => {
    test('are remembered, the 24 newest, newest first', async () => {
      const { user } = await install(opened.store);
      const { user: other } = await install(opened.store);
      for (const version of [1, 2]) await change(other, version);
      const last = passwordHistoryMax + 3;
      for (let version = 1; version <= last; version += 1) {
        expect(await change(user, version)).toEqual(committed);
      }
      const newest = Array.from({ length: passwordHistoryMax }, (_, index) => macOf(last - index));
      expect(await history(user)).toEqual(newest);
      expect(await history(user, 3)).toEqual(newest.slice(0, 3));
      expect(await rowCount(user)).toBe(24);
      expect(await history(other)).toEqual([macOf(2)]);
    });

    test('are read 1 to 24 at a time', async () => {
      const { user } = await install(opened.store);
      for (const limit of [0, 25, 1.5]) {
        await expect(history(user, limit)).rejects.toMatchObject({ code: 'store-contract' });
      }
    });

    test('go with their user', async () => {
      const { user, authenticator, application } = await install(opened.store);
      for (const version of [1, 2, 3]) await change(user, version);
      expect(await rowCount(user)).toBe(2);
      const { id } = user;
      const removal = { change: 'delete', expectedVersion: 1 } as const;
      await insertAll(opened.store, [
        { ...removal, kind: 'application', id: application.id },
        { ...removal, kind: 'authenticator', id: authenticator.id },
        { ...removal, kind: 'user', id, expectedVersion: 4 },
      ]);
      expect(await rowCount(user)).toBe(0);
      expect(await history(user)).toEqual([]);
    });
  });
});
