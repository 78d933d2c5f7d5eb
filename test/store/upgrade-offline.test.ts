import { describe, expect, test } from 'vitest';
import { migrateDatabase } from '../../src/store/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { describeLayer } from '../support/layers.ts';
import { frozenClock, kinds, openTestStore } from './support/databases.ts';
import { anAgent, aPackage, insertAgent, insertPackage } from './support/offline.ts';
import { anEntry, insertAll } from './support/records.ts';

const hash = 'c'.repeat(64);

/** A database as the fourth schema left it, with a row in every table that a server fills. */
const rowsOfFourth: Readonly<Record<string, string>> = {
  instance: `(name, first_opened_at_ms, ping_count) values ('one', 1, 7)`,
  domain: `(id, name, name_key, created_at_ms, version) values ('d1', 'master', 'master', 1, 1)`,
  organisational_unit: `(id, domain_id, name, name_key, version)
    values ('o1', 'd1', 'Sales', 'sales', 2)`,
  user_account: `(id, domain_id, organisational_unit_id, user_name, user_name_key, is_disabled,
    lock_count, unlock_tries, password_version, created_at_ms, version)
    values ('u1', 'd1', 'o1', 'Jane', 'jane', 0, 2, 0, 3, 1, 5)`,
  password_history: `(user_id, password_version, mac) values ('u1', 2, 'abcd')`,
  decoy: `(instance, slot, lock_count, last_attempt_at_ms, padding) values ('one', 1, 2, 3, '')`,
  authenticator: `(id, serial, licence_serial, model, is_virtual, is_disabled, user_id,
    assigned_at_ms, assignment_version, created_at_ms, version)
    values ('a1', 'VT1', 'VT1', 'M', 0, 0, 'u1', 2, 3, 1, 6)`,
  application: `(id, authenticator_id, name, mode, algorithm, seed_id, seed_residency, seed_blob,
    seed_bytes, seed_padded, seed_key_check_value, seed_origin, is_disabled, epoch,
    next_event_counter, last_step, floor_ms, spent_challenges, drift_seconds, created_at_ms, version)
    values ('x1', 'a1', 'EVENT', 'response-only', '{"kind":"event","hash":"SHA1","digits":6}', 's1',
    'resident', null, 20, 0, '00112233', 'generated', 0, 3, 41, 17, 7, '[]', 1.5, 1, 4)`,
  policy: `(id, name, name_key, parent_id, settings, version)
    values ('p1', 'Base Policy', 'base policy', null, '{"userLockThreshold":5}', 3)`,
  component: `(id, component_type, component_type_key, location, policy_id, access, version)
    values ('c1', 'Intranet', 'intranet', '10.0.0.0/8', 'p1', 'address', 6)`,
  api_key: `(id, name, key_sha256, role, component_type, created_at_ms, version)
    values ('k1', 'key', '${hash}', 'client', 'Intranet', 1, 1)`,
  challenge: `(id, handle, user_id, component_type, component_type_key, kind, proven_pins, text,
    miss_count, issued_at_ms, expires_at_ms)
    values ('h1', '0123456789', 'u1', 'Intranet', 'intranet', '1-step', '[]', '12345678', 0, 1, 2)`,
  gateway: `(id, name, name_key, channel, position, settings, is_disabled, version)
    values ('g1', 'Mail', 'mail', 'email', 1, '{}', 0, 1)`,
  send_count: `(scope, window_start_ms, message_count) values ('user u1', 0, 2)`,
  stored_answer: `(client_id, request_key, fingerprint, answer, expires_at_ms)
    values ('k1', 'r1', 'f0', '{}', 9)`,
  session: `(id_sha256, user_id, component_type, peer_address, created_at_ms, last_used_at_ms,
    expires_at_ms) values ('${hash}', 'u1', 'Intranet', '10.0.0.1', 1, 2, 9)`,
  audit_event: `(instance, sequence, at_ms, subject_key, body, previous_hash, hash)
    values ('one', 1, 1, 'nobody', '{}', '${'0'.repeat(64)}', '${hash}')`,
};

for (const kind of kinds) {
  const define = (): void => {
    test('keeps every row as it was, and lets what is there be used offline', async () => {
      const database = await kind.create();
      try {
        const base = { database: database.location, clock: frozenClock };
        await migrateDatabase({ ...base, steps: migrations.slice(0, 4) });
        for (const [table, row] of Object.entries(rowsOfFourth)) {
          await database.query(`insert into ${table} ${row}`);
        }
        const everything = async (): Promise<Record<string, unknown>> => {
          const tables: Record<string, unknown> = {};
          for (const table of [...Object.keys(rowsOfFourth), 'configuration_version']) {
            tables[table] = await database.query(`select * from ${table}`);
          }
          return tables;
        };
        const before = await everything();
        const report = await migrateDatabase({ ...base, steps: migrations.slice(0, 5) });
        expect(report.applied).toEqual(['0005-offline']);
        expect(await everything()).toEqual(before);
        await migrateDatabase(base);
        const store = await openTestStore(database.location);
        expect(await store.offlineAgents({ after: '', limit: 9 })).toEqual([]);
        const agent = anAgent();
        const [user, authenticator] = [{ id: 'u1' }, { id: 'a1' }];
        const owner = { agent, user, authenticator, application: { id: 'x1' } };
        const one = aPackage(owner, { kind: 'event', eventMode: 'reserved', first: 41n });
        await insertAll(store, [insertAgent(agent), insertPackage(one)]);
        const counters = { applicationId: 'x1', epoch: 3, from: 41n, to: 71n };
        expect(await store.administer([{ change: 'reserve', ...counters }], anEntry)).toEqual({
          status: 'committed',
        });
        expect(await store.offlinePackagesOfUser('u1', 9)).toEqual([one]);
        const found = await store.authenticatorBySerial('VT1');
        expect(found?.applications[0]).toMatchObject({ nextEventCounter: 71n, lastStep: 17n });
        await store.close();
      } finally {
        await database.remove();
      }
    });
  };
  const name = `an upgrade from the fourth schema on ${kind.name}`;
  if (kind.layer === null) describe(name, define);
  else describeLayer(kind.layer, name, define);
}
