import { describe, expect, test } from 'vitest';
import { unsetPassword } from '../../src/domain/static-password.ts';
import { unknownContact, unsetBackup } from '../../src/domain/virtual-otp.ts';
import { migrateDatabase } from '../../src/store/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { describeLayer } from '../support/layers.ts';
import { frozenClock, kinds, openTestStore } from './support/databases.ts';
import { atMs } from './support/records.ts';

/** A database as the third schema left it, with one of everything that the fourth touches. */
const rowsOfThird = [
  `insert into domain (id, name, name_key, created_at_ms, version) values
    ('d1', 'master', 'master', 1, 1)`,
  `insert into user_account (id, domain_id, user_name, user_name_key, is_disabled, lock_count,
    unlock_tries, last_success_at_ms, created_at_ms, version)
    values ('u1', 'd1', 'Jane', 'jane', 0, 2, 0, 7, 1, 5)`,
  `insert into authenticator (id, serial, licence_serial, model, is_virtual, is_disabled, user_id,
    assigned_at_ms, assignment_version, last_used_at_ms, created_at_ms, version)
    values ('a1', 'VT1', 'VT1', 'M', 0, 0, 'u1', 2, 3, 4, 1, 6)`,
  `insert into challenge (id, handle, user_id, component_type, component_type_key, kind, text,
    issued_at_ms, expires_at_ms, consumed_at_ms)
    values ('h1', '0123456789', 'u1', 'Gateway', 'gateway', '1-step', '12345678', 1,
      ${String(atMs * 2)}, null)`,
  `insert into policy (id, name, name_key, parent_id, settings, version) values
    ('p1', 'Base Policy', 'base policy', null, '{"userLockThreshold":5}', 3),
    ('p2', 'Other base', 'other base', null, '{}', 1),
    ('p3', 'Child', 'child', 'p1', '{"userLockThreshold":9}', 2)`,
];

const kept = {
  twoStepRequestMethod: 'none',
  primaryVirtualRequestMethod: 'none',
  backupVirtualRequestMethod: 'none',
};

for (const kind of kinds) {
  const define = (): void => {
    test('gives nobody a password, leaves devices devices and policies as they were', async () => {
      const database = await kind.create();
      try {
        const base = { database: database.location, clock: frozenClock };
        await migrateDatabase({ ...base, steps: migrations.slice(0, 3) });
        for (const row of rowsOfThird) await database.query(row);
        const report = await migrateDatabase({ ...base, steps: migrations.slice(0, 4) });
        expect(report.applied).toEqual([migrations[3]?.name]);
        await migrateDatabase(base);
        const store = await openTestStore(database.location);
        const load = await store.loadAttempt('d1', 'jane');
        expect(load.found?.user).toMatchObject({
          id: 'u1',
          contact: unknownContact,
          localAuthentication: null,
          password: unsetPassword,
          lockCount: 2,
          lastSuccessAtMs: 7,
          version: 5,
        });
        expect(await store.passwordHistory('u1', 24)).toEqual([]);
        expect(load.found?.authenticators[0]?.authenticator).toMatchObject({
          id: 'a1',
          kind: 'device',
          graceEndsAtMs: null,
          backup: unsetBackup,
          assignmentVersion: 3,
          lastUsedAtMs: 4,
          version: 6,
        });
        const { policies, gateways } = await store.loadConfiguration();
        expect(policies.map(({ id, settings, version }) => [id, settings, version])).toEqual([
          ['p1', { userLockThreshold: 5, ...kept }, 3],
          ['p3', { userLockThreshold: 9 }, 2],
          ['p2', kept, 1],
        ]);
        expect(gateways).toEqual([]);
        expect(await database.query('select id from challenge')).toEqual([]);
        expect(await store.findIssuedByHandle('u1', 'Gateway', '0123456789')).toBeNull();
        expect(await store.openChallengeIds('u1', 'Gateway', 1)).toEqual([]);
        await store.close();
      } finally {
        await database.remove();
      }
    });
  };
  const name = `an upgrade from the third schema on ${kind.name}`;
  if (kind.layer === null) describe(name, define);
  else describeLayer(kind.layer, name, define);
}
