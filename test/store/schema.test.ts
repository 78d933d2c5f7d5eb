import { existsSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { databaseStatus, migrateDatabase } from '../../src/store/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { describeLayer } from '../support/layers.ts';
import {
  createMigrated,
  frozenClock,
  type Kind,
  kinds,
  openTestStore,
  postgresKind,
  sqliteKind,
  type TestDatabase,
} from './support/databases.ts';

const needed = migrations.length;

async function withDatabase(
  kind: Kind,
  isMigrated: boolean,
  use: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = isMigrated ? await createMigrated(kind) : await kind.create();
  try {
    await use(database);
  } finally {
    await database.remove();
  }
}

for (const kind of kinds) {
  const define = (): void => {
    test('a schema is created once; a second run changes nothing', async () => {
      await withDatabase(kind, false, async ({ location, query }) => {
        const options = { database: location, clock: frozenClock, isTest: true };
        expect(await migrateDatabase(options)).toEqual({
          created: true,
          applied: migrations.map(({ name }) => name),
          schemaVersion: needed,
          isTest: true,
        });
        const later = { nowMs: () => 9, monotonicMs: () => 9 };
        expect(await migrateDatabase({ database: location, clock: later })).toEqual({
          created: false,
          applied: [],
          schemaVersion: needed,
          isTest: true,
        });
        expect(await databaseStatus(location)).toEqual({
          schemaVersion: needed,
          schemaVersionNeeded: needed,
          pending: [],
          isTest: true,
          createdAtMs: frozenClock.nowMs(),
        });
        expect(await query('select id from database_info')).toHaveLength(1);
      });
    });

    test('a further step is taken on its own, and a failing one leaves nothing', async () => {
      await withDatabase(kind, true, async ({ location, query }) => {
        const further = { name: '9998-more', statements: () => ['create table more (id integer)'] };
        const broken = {
          name: '9999-broken',
          statements: () => ['create table half (id integer)', 'create table half (id integer)'],
        };
        const base = { database: location, clock: frozenClock };
        const failing = migrateDatabase({ ...base, steps: [...migrations, further, broken] });
        await expect(failing).rejects.toMatchObject({ code: 'store-contract' });
        await expect(query('select * from more')).rejects.toThrow(/more/);
        expect((await databaseStatus(location)).schemaVersion).toBe(needed);
        const report = await migrateDatabase({ ...base, steps: [...migrations, further] });
        expect(report.applied).toEqual(['9998-more']);
        expect(await query('select * from more')).toEqual([]);
      });
    });

    test('a database without a schema is not opened, and not given one', async () => {
      await withDatabase(kind, false, async ({ location }) => {
        if (location.kind === 'sqlite') writeFileSync(location.path, '');
        const refusal = { code: 'not-initialised' };
        await expect(openTestStore(location)).rejects.toMatchObject(refusal);
        await expect(openTestStore(location, { lock: false })).rejects.toMatchObject(refusal);
        expect(await databaseStatus(location)).toMatchObject({
          schemaVersion: null,
          pending: migrations.map(({ name }) => name),
        });
      });
    });

    test('a database of another version is refused by number, older and newer', async () => {
      await withDatabase(kind, true, async ({ location, query }) => {
        await query(`update database_info set schema_version = ${String(needed + 1)}`);
        const newer = { code: 'store-contract', fields: { found: needed + 1, needed } };
        await expect(openTestStore(location)).rejects.toMatchObject(newer);
        await expect(
          migrateDatabase({ database: location, clock: frozenClock }),
        ).rejects.toMatchObject(newer);
        const steps = [...migrations, { name: 'next', statements: () => [] }];
        const fewer = migrateDatabase({ database: location, clock: frozenClock, steps: [] });
        await expect(fewer).rejects.toMatchObject({ fields: { found: needed + 1, needed: 0 } });
        const same = await migrateDatabase({ database: location, clock: frozenClock, steps });
        expect(same.applied).toEqual([]);
      });
    });

    test('a schema does not change under a server', async () => {
      await withDatabase(kind, true, async ({ location }) => {
        const store = await openTestStore(location);
        const steps = [...migrations, { name: 'next', statements: () => [] }];
        const change = { database: location, clock: frozenClock, steps };
        await expect(migrateDatabase(change)).rejects.toMatchObject({ code: 'instance-in-use' });
        expect(await migrateDatabase({ ...change, steps: migrations })).toMatchObject({
          applied: [],
        });
        await store.close();
        expect((await migrateDatabase(change)).applied).toEqual(['next']);
      });
    });
  };
  if (kind.layer === null) describe(kind.name, define);
  else describeLayer(kind.layer, kind.name, define);
}

describeLayer('postgresql', 'PostgreSQL', () => {
  test('compares every text by bytes, whatever the locale of the cluster', async () => {
    await withDatabase(postgresKind, true, async ({ query }) => {
      const columns = await query(
        `select column_name, collation_name from information_schema.columns
          where table_schema = 'public' and data_type = 'text'`,
      );
      expect(columns.length).toBeGreaterThan(40);
      expect(columns.filter(({ collation_name: collation }) => collation !== 'C')).toEqual([]);
    });
  });
});

describe('a SQLite file', () => {
  test('and what lies beside it can be read by its owner only', async () => {
    await withDatabase(sqliteKind, true, async ({ location }) => {
      const store = await openTestStore(location);
      const path = location.kind === 'sqlite' ? location.path : '';
      await store.ping();
      for (const end of ['', '-wal', '-shm', '.lock']) {
        expect([end, statSync(path + end).mode & 0o777]).toEqual([end, 0o600]);
      }
      await store.close();
    });
  });

  test('that is missing is named, and not made by opening or looking', async () => {
    await withDatabase(sqliteKind, false, async ({ location }) => {
      const path = location.kind === 'sqlite' ? location.path : '';
      const refusal = { code: 'not-initialised', fields: { path } };
      await expect(openTestStore(location)).rejects.toMatchObject(refusal);
      await expect(databaseStatus(location)).rejects.toMatchObject(refusal);
      expect(existsSync(path)).toBe(false);
    });
  });

  test('that is no database is refused', async () => {
    await withDatabase(sqliteKind, false, async ({ location }) => {
      const path = location.kind === 'sqlite' ? location.path : '';
      writeFileSync(path, 'not a database, and longer than the header of one'.repeat(40));
      const refusal = { code: 'store-contract' };
      await expect(openTestStore(location)).rejects.toMatchObject(refusal);
      const change = { database: location, clock: frozenClock };
      await expect(migrateDatabase(change)).rejects.toMatchObject(refusal);
    });
  });
});

describe('opening', () => {
  test('refuses an instance name or number of connections outside its limits', async () => {
    const refusal = { code: 'config-invalid' };
    const location = { kind: 'sqlite', path: '/nonexistent' } as const;
    for (const instance of ['', 'a b', 'ä', 'x'.repeat(65)]) {
      await expect(openTestStore(location, { instance })).rejects.toMatchObject(refusal);
    }
    for (const maxConnections of [1, 201, 2.5]) {
      const postgres = { kind: 'postgres', connectionString: 'postgresql:///x', maxConnections };
      await expect(openTestStore(postgres as never)).rejects.toMatchObject(refusal);
    }
  });
});
