import { expect, test } from 'vitest';
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
          'Base Policy': { initialTimeWindowSeconds: 0 },
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
  };
  const name = `an upgrade on ${kind.name}`;
  if (kind.layer === null) describe(name, define);
  else describeLayer(kind.layer, name, define);
}
