import { describe, expect, test } from 'vitest';
import type { ApplicationMode } from '../../src/domain/model.ts';
import { migrateDatabase } from '../../src/store/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { describeLayer } from '../support/layers.ts';
import { frozenClock, kinds, openTestStore } from './support/databases.ts';
import { anApplication, insertAll } from './support/records.ts';

const hash = 'a'.repeat(64);

/** What the sixth schema left of all that the seventh to the ninth touch. */
function rowsOfSixth(bytes: string): readonly string[] {
  const application = `insert into application (id, authenticator_id, name, mode, algorithm, seed_id,
    seed_residency, seed_bytes, seed_padded, seed_key_check_value, seed_origin, is_disabled, epoch,
    next_event_counter, last_step, floor_ms, spent_challenges, drift_seconds, created_at_ms, version)`;
  const rest = `'resident', 20, 0, '00112233', 'generated', 0, 3, 41, 17, 7, '[]', 1.5, 1, 4`;
  return [
    `insert into domain (id, name, name_key, created_at_ms, version) values
      ('d1', 'master', 'master', 1, 1)`,
    `insert into user_account (id, domain_id, user_name, user_name_key, is_disabled, lock_count,
      unlock_tries, password_version, created_at_ms, version)
      values ('u1', 'd1', 'Jane', 'jane', 0, 2, 0, 3, 1, 5)`,
    `insert into authenticator (id, serial, licence_serial, model, is_virtual, is_disabled, user_id,
      assigned_at_ms, assignment_version, created_at_ms, version)
      values ('a1', 'VT1', 'VT1', 'M', 0, 0, 'u1', 2, 3, 1, 6)`,
    `${application} values ('x1', 'a1', 'CR', 'challenge-response',
      '{"kind":"challenge-response","suite":"OCRA-1:HOTP-SHA1-8:QH40-T30S"}', 's1', ${rest})`,
    `${application} values ('x2', 'a1', 'UNLOCK', 'unlock',
      '{"kind":"challenge-response","suite":"OCRA-1:HOTP-SHA1-8:QN08"}', 's2', ${rest})`,
    `insert into offline_agent (id, name, component_type, public_key, fingerprint, key_mode,
      counts_failures, state, acknowledged_through, head, enrolled_at_ms, last_seen_at_ms, version)
      values ('g1', 'desk', 'Intranet', ${bytes}, '${hash}', 'hw', 1, 'active', 0, '${hash}', 1, 1, 1)`,
    `insert into offline_package (id, agent_id, user_id, authenticator_id, application_id, sequence,
      kind, first_index, entry_count, not_before_ms, not_after_ms, events_max, events_used,
      policy_hash, assignment_version, pin_version, epoch, state, created_at_ms, version)
      values ('k1', 'g1', 'u1', 'a1', 'x1', 1, 'challenge', 0, 9, 1, 9, 0, 0, '${hash}', 3, 1, 3,
      'issued', 1, 1)`,
  ];
}

for (const kind of kinds) {
  const define = (): void => {
    test('lets nothing sign that did not, and keeps packages and workstations', async () => {
      const database = await kind.create();
      try {
        const base = { database: database.location, clock: frozenClock };
        await migrateDatabase({ ...base, steps: migrations.slice(0, 6) });
        for (const row of rowsOfSixth(kind.layer === null ? "x'01'" : "'\\x01'")) {
          await database.query(row);
        }
        for (const count of [7, 8, 9]) {
          const report = await migrateDatabase({ ...base, steps: migrations.slice(0, count) });
          expect(report.applied).toEqual([migrations[count - 1]?.name]);
        }
        await expect(
          database.query(`update application set signing = 'maybe' where id = 'x1'`),
        ).rejects.toThrow();
        await migrateDatabase(base);
        const store = await openTestStore(database.location);
        expect(await store.offlineAgents({ after: '', limit: 9 })).toMatchObject([{ id: 'g1' }]);
        expect(await store.offlinePackagesOfUser('u1', 9)).toMatchObject([
          { id: 'k1', state: 'issued', passwordVersion: null },
        ]);
        const modesOf = async (): Promise<Record<string, ApplicationMode>> => {
          const found = await store.authenticatorBySerial('VT1');
          return Object.fromEntries((found?.applications ?? []).map((one) => [one.name, one.mode]));
        };
        const before = { CR: 'challenge-response', UNLOCK: 'unlock' };
        expect(await modesOf()).toEqual(before);
        const { algorithm } = (await store.authenticatorBySerial('VT1'))!.applications[0]!;
        const added = { SIGN: 'signature', MULTI: 'multi-mode' } as const;
        for (const [name, mode] of Object.entries(added)) {
          const record = anApplication('a1', { name, mode, algorithm });
          await insertAll(store, [{ change: 'insert', kind: 'application', record }]);
        }
        expect(await modesOf()).toEqual({ ...before, ...added });
        const load = await store.loadAttempt('d1', 'jane');
        const [loaded] = load.found?.authenticators ?? [];
        expect(loaded?.applications.map(({ mode }) => mode).sort()).toEqual(
          Object.values({ ...before, ...added }).sort(),
        );
        await store.close();
      } finally {
        await database.remove();
      }
    });
  };
  const name = `an upgrade from the sixth schema on ${kind.name}`;
  if (kind.layer === null) describe(name, define);
  else describeLayer(kind.layer, name, define);
}
