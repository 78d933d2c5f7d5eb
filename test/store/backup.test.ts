import { describe, expect, test } from 'vitest';
import type { Authenticator, BackupUse, BackupVirtual } from '../../src/domain/model.ts';
import { eachDatabase } from './support/each-database.ts';
import { anAuthenticator, atMs, commitOne, insertAll, install } from './support/records.ts';

const committed = { status: 'committed' };
const onAuthenticator = { status: 'conflict', on: 'authenticator' };

eachDatabase((opened) => {
  const owned = async (backup: BackupVirtual): Promise<Authenticator> => {
    const { user } = await install(opened.store);
    const assigned = { userId: user.id, assignedAtMs: atMs, assignmentVersion: 3 };
    const record = anAuthenticator({ ...assigned, backup });
    await insertAll(opened.store, [{ change: 'insert', kind: 'authenticator', record }]);
    return record;
  };
  const useOf = (
    { id, userId, assignmentVersion, backup }: Authenticator,
    after: BackupVirtual,
    more: Partial<BackupUse> = {},
  ): BackupUse => {
    const guard = { authenticatorId: id, userId: userId ?? '', assignmentVersion };
    return { ...guard, before: backup, after, ...more };
  };
  const reload = async ({ serial }: Authenticator): Promise<Authenticator | undefined> =>
    (await opened.store.authenticatorBySerial(serial))?.authenticator;

  const mode = 'time-limited' as const;
  const held: readonly (readonly [BackupVirtual, BackupVirtual])[] = [
    [
      { mode, endsAtMs: null, usesLeft: null },
      { mode, endsAtMs: 9, usesLeft: 2 },
    ],
    [
      { mode, endsAtMs: 9, usesLeft: 2 },
      { mode, endsAtMs: 9, usesLeft: 1 },
    ],
    [
      { mode, endsAtMs: null, usesLeft: 1 },
      { mode, endsAtMs: null, usesLeft: 0 },
    ],
    [
      { mode: null, endsAtMs: 9, usesLeft: null },
      { mode: null, endsAtMs: 9, usesLeft: null },
    ],
  ];

  describe('a one-time password in place of a device', () => {
    test.each(held)('is counted: %j becomes %j', async (before, after) => {
      const authenticator = await owned(before);
      const backupUse = useOf(authenticator, after);
      expect(await commitOne(opened.store, { backupUse })).toEqual(committed);
      expect(await reload(authenticator)).toEqual({
        ...authenticator,
        backup: after,
        version: authenticator.version + 1,
      });
    });

    test('is not counted where anything is other than it was seen', async () => {
      const full = { mode, endsAtMs: 9, usesLeft: 2 };
      const after = { mode, endsAtMs: 9, usesLeft: 1 };
      const authenticator = await owned(full);
      const unset = await owned({ mode, endsAtMs: null, usesLeft: null });
      const other = await owned(full);
      const refused = [
        useOf(authenticator, after, { userId: other.userId ?? '' }),
        useOf(authenticator, after, { assignmentVersion: 2 }),
        useOf(authenticator, after, { assignmentVersion: 4 }),
        useOf(authenticator, after, { before: { ...full, endsAtMs: 8 } }),
        useOf(authenticator, after, { before: { ...full, endsAtMs: null } }),
        useOf(authenticator, after, { before: { ...full, usesLeft: 3 } }),
        useOf(authenticator, after, { before: { ...full, usesLeft: null } }),
        useOf(unset, after, { before: { ...unset.backup, endsAtMs: 0 } }),
        useOf(unset, after, { before: { ...unset.backup, usesLeft: 0 } }),
        useOf({ ...authenticator, id: 'gone' }, after),
      ];
      for (const backupUse of refused) {
        expect(await commitOne(opened.store, { backupUse })).toEqual(onAuthenticator);
      }
      for (const one of [authenticator, unset, other]) expect(await reload(one)).toEqual(one);
    });

    test('is counted once by those who count it at once', async () => {
      const authenticator = await owned({ mode, endsAtMs: 9, usesLeft: 2 });
      const backupUse = useOf(authenticator, { mode, endsAtMs: 9, usesLeft: 1 });
      const results = await Promise.all(
        Array.from({ length: 16 }, () => commitOne(opened.store, { backupUse })),
      );
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect((await reload(authenticator))?.backup.usesLeft).toBe(1);
    });

    test('is counted beside the use of the same authenticator, or of another', async () => {
      const first = await owned({ mode, endsAtMs: 9, usesLeft: 2 });
      const second = await owned({ mode, endsAtMs: null, usesLeft: null });
      const after = { mode, endsAtMs: 10, usesLeft: 1 };
      for (const counted of [first, second]) {
        const { id: authenticatorId, assignmentVersion } = first;
        const userId = first.userId ?? '';
        const authenticator = { authenticatorId, userId, assignmentVersion };
        const backupUse = useOf(counted, after);
        const decision = { atMs: atMs + 7, authenticator, backupUse };
        expect(await commitOne(opened.store, decision)).toEqual(committed);
        expect((await reload(counted))?.backup).toEqual(after);
        expect((await reload(first))?.lastUsedAtMs).toBe(atMs + 7);
      }
      expect((await reload(second))?.lastUsedAtMs).toBeNull();
    });

    test('is refused when nothing could hold what it leaves', async () => {
      const authenticator = await owned({ mode, endsAtMs: 9, usesLeft: 2 });
      for (const more of [{ usesLeft: Number.NaN }, { endsAtMs: 2 ** 53 }, { usesLeft: -1 }]) {
        const backupUse = useOf(authenticator, { ...authenticator.backup, ...more });
        const contract = { code: 'store-contract' };
        await expect(commitOne(opened.store, { backupUse })).rejects.toMatchObject(contract);
      }
      expect(await reload(authenticator)).toEqual(authenticator);
    });
  });
});
