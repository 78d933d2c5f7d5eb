import { describe, expect, test } from 'vitest';
import type { Authenticator, BackupUse, BackupVirtual } from '../../src/domain/model.ts';
import { eachDatabase } from './support/each-database.ts';
import { anEntry, atMs, commitOne, install, type Installed } from './support/records.ts';

const unused: BackupVirtual = { mode: 'time-limited', endsAtMs: null, usesLeft: 3 };
const used: BackupVirtual = { mode: 'time-limited', endsAtMs: atMs + 1000, usesLeft: 2 };

eachDatabase((opened) => {
  const reload = async ({ authenticator: { serial } }: Installed): Promise<Authenticator> =>
    (await opened.store.authenticatorBySerial(serial))!.authenticator;

  /** An authenticator whose backup was not used yet. */
  async function installed(): Promise<Installed> {
    const made = await install(opened.store);
    const { id, version: expectedVersion } = made.authenticator;
    const set = { backup: unused };
    const change = { change: 'update', kind: 'authenticator', id, expectedVersion, set } as const;
    await opened.store.administer([change], anEntry);
    return { ...made, authenticator: await reload(made) };
  }

  function useOf({ authenticator, user }: Installed): BackupUse {
    const { id: authenticatorId, assignmentVersion, backup: before } = authenticator;
    return { authenticatorId, userId: user.id, assignmentVersion, before, after: used };
  }

  describe('the backup of a device', () => {
    test('is used once under what was seen of it', async () => {
      const made = await installed();
      const user = { kind: 'present', userId: made.user.id } as const;
      const backupUse = useOf(made);
      expect(await commitOne(opened.store, { user, backupUse })).toEqual({ status: 'committed' });
      expect((await reload(made)).backup).toEqual(used);
      expect(await commitOne(opened.store, { user, backupUse })).toEqual({
        status: 'conflict',
        on: 'authenticator',
      });
      expect((await reload(made)).backup).toEqual(used);
    });

    test('is not given back by an edit that was decided before its use', async () => {
      const made = await installed();
      const { id, version: expectedVersion, backup } = made.authenticator;
      const user = { kind: 'present', userId: made.user.id } as const;
      await commitOne(opened.store, { user, backupUse: useOf(made) });
      const set = { backup: { ...backup, mode: 'permitted' } } as const;
      const change = { change: 'update', kind: 'authenticator', id, expectedVersion, set } as const;
      expect(await opened.store.administer([change], anEntry)).toEqual({
        status: 'conflict',
        index: 0,
      });
      expect((await reload(made)).backup).toEqual(used);
    });
  });
});
