import { expect, test } from 'vitest';
import { unusedState } from '../../src/domain/application.ts';
import { migrateDatabase } from '../../src/store/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { describeLayer } from '../support/layers.ts';
import { describe } from 'vitest';
import { frozenClock, kinds, openTestStore } from './support/databases.ts';

const first = `insert into`;

/** A database as the first schema left it, with one of everything that the second touches. */
const oldRows = [
  `${first} policy (id, name, name_key, parent_id, settings, version) values
    ('p1', 'Base Policy', 'base policy', null, '{}', 1),
    ('p2', 'Any', 'any', 'p1', '{"oneStepChallengeResponse":"any-challenge"}', 1),
    ('p3', 'Plain', 'plain', 'p1', '{"userLockThreshold":5}', 1)`,
  `${first} authenticator (id, serial, licence_serial, model, is_virtual, is_disabled,
    assignment_version, created_at_ms, version) values ('a1', 'VT1', 'VT1', 'M', 0, 0, 0, 1, 1)`,
  `${first} application (id, authenticator_id, name, mode, algorithm, seed_id, seed_residency,
    seed_bytes, seed_padded, seed_key_check_value, seed_origin, is_disabled, epoch,
    next_event_counter, last_step, floor_ms, spent_challenges, drift_seconds, drift_at_ms,
    created_at_ms, version) values ('x1', 'a1', 'EVENT', 'response-only',
    '{"kind":"event","hash":"SHA1","digits":6}', 's1', 'resident', 20, 0, '00112233', 'generated',
    0, 3, 41, -1, 7, '[]', 1.5, 9, 1, 4)`,
];

/** What the second schema left of all that the third touches, on top of the rows above. */
const rowsOfSecond = [
  `${first} domain (id, name, name_key, created_at_ms, version) values
    ('d1', 'master', 'master', 1, 1)`,
  `${first} user_account (id, domain_id, user_name, user_name_key, is_disabled, lock_count,
    locked_at_ms, locked_by, unlock_tries, last_success_at_ms, created_at_ms, version)
    values ('u1', 'd1', 'Jane', 'jane', 0, 2, 8, 'administrator', 1, 7, 1, 5)`,
  `${first} component (id, component_type, component_type_key, location, policy_id, version)
    values ('c1', 'Intranet', 'intranet', '10.0.0.0/8', 'p1', 6)`,
  `${first} challenge (id, user_id, component_type, component_type_key, kind, text, issued_at_ms,
    expires_at_ms, consumed_at_ms)
    values ('h1', 'u1', 'Intranet', 'intranet', '1-step', '12345678', 1, 9, null)`,
  `${first} session (id_sha256, api_key_id, user_id, created_at_ms, last_used_at_ms, expires_at_ms)
    values ('${'a'.repeat(64)}', null, 'u1', 1, 2, 9)`,
];

for (const kind of kinds) {
  const define = (): void => {
    test('keeps what was used and what policies did', async () => {
      const database = await kind.create();
      try {
        const base = { database: database.location, clock: frozenClock };
        await migrateDatabase({ ...base, steps: migrations.slice(0, 1) });
        for (const row of oldRows) await database.query(row);
        const report = await migrateDatabase(base);
        expect(report.applied).toEqual(migrations.slice(1).map(({ name }) => name));
        const store = await openTestStore(database.location);
        const { policies } = await store.loadConfiguration();
        const settings = Object.fromEntries(policies.map((one) => [one.name, one.settings]));
        expect(settings).toEqual({
          'Base Policy': {
            initialTimeWindowSeconds: 0,
            twoStepRequestMethod: 'none',
            primaryVirtualRequestMethod: 'none',
            backupVirtualRequestMethod: 'none',
          },
          Any: { oneStepChallengeResponse: 'any-challenge', challengeCheckMode: 4 },
          Plain: { userLockThreshold: 5 },
        });
        const found = await store.authenticatorBySerial('VT1');
        expect(found?.applications).toMatchObject([
          {
            id: 'x1',
            epoch: 3,
            nextEventCounter: 41n,
            floorMs: 7,
            driftSeconds: 1.5,
            driftAtMs: 9,
            version: 4,
            isDriftFrozen: false,
            driftHistory: '',
            failureCount: 0,
            pendingSync: null,
            resetAtMs: null,
          },
        ]);
        await store.close();
      } finally {
        await database.remove();
      }
    });

    test('gives nobody a PIN, a role or an open door that he did not have', async () => {
      const database = await kind.create();
      try {
        const base = { database: database.location, clock: frozenClock };
        await migrateDatabase({ ...base, steps: migrations.slice(0, 1) });
        for (const row of oldRows) await database.query(row);
        await migrateDatabase({ ...base, steps: migrations.slice(0, 2) });
        for (const row of rowsOfSecond) await database.query(row);
        const report = await migrateDatabase(base);
        expect(report.applied).toEqual(migrations.slice(2).map(({ name }) => name));
        const store = await openTestStore(database.location);
        expect(await store.userById('u1')).toMatchObject({
          userName: 'Jane',
          administratorRole: null,
          lockCount: 2,
          lockedBy: 'administrator',
          lastSuccessAtMs: 7,
          version: 5,
        });
        const { components } = await store.loadConfiguration();
        expect(components).toEqual([
          {
            id: 'c1',
            componentType: 'Intranet',
            location: '10.0.0.0/8',
            access: 'api-key',
            policyId: 'p1',
            version: 6,
          },
        ]);
        const found = await store.authenticatorBySerial('VT1');
        const { pin, nextEventCounter, version } = found?.applications[0] ?? {};
        expect({ pin, nextEventCounter, version }).toEqual({
          pin: unusedState.pin,
          nextEventCounter: 41n,
          version: 4,
        });
        // Those live for minutes, and were of another form.
        expect(await store.findChallenge('u1', 'Intranet', '12345678')).toBeNull();
        expect(await store.findSession('a'.repeat(64))).toBeNull();
        await store.close();
      } finally {
        await database.remove();
      }
    });
  };
  const name = `an upgrade on ${kind.name}`;
  if (kind.layer === null) describe(name, define);
  else describeLayer(kind.layer, name, define);
}
