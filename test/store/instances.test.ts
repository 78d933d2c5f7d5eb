import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyChain } from '../../src/audit/index.ts';
import type { CommitResult, Store } from '../../src/service/store.ts';
import { schemaLock } from '../../src/store/postgres-connection.ts';
import { describeLayer } from '../support/layers.ts';
import {
  createMigrated,
  kinds,
  openTestStore,
  postgresKind,
  sqliteKind,
  type TestDatabase,
} from './support/databases.ts';
import { startStorm } from './support/storm-process.ts';
import {
  aChallenge,
  advanceTo,
  anAnswer,
  aPolicy,
  atMs,
  commitOne,
  insertAll,
  install,
  reloadApplication,
  reloadUser,
} from './support/records.ts';

let database: TestDatabase;
let stores: Store[];

async function aMoment(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

async function open(more: Parameters<typeof openTestStore>[1] = {}): Promise<Store> {
  const store = await openTestStore(database.location, more);
  stores.push(store);
  return store;
}

function setUp(kind: (typeof kinds)[number]): void {
  beforeEach(async () => {
    database = await createMigrated(kind);
    stores = [];
  });
  afterEach(async () => {
    await Promise.allSettled(stores.map((store) => store.close()));
    await database.remove();
  });
}

for (const kind of kinds) {
  const define = (): void => {
    setUp(kind);

    test('the same instance opens once at a time, and again after closing', async () => {
      const first = await open();
      await expect(open()).rejects.toMatchObject({ code: 'instance-in-use' });
      await first.ping();
      await first.close();
      await (await open()).ping();
    });

    test('a store without the lock reads beside a server and refuses to write', async () => {
      const server = await open();
      const installed = await install(server);
      const reader = await open({ lock: false });
      expect(await reloadUser(reader, installed.user)).toEqual(installed.user);
      const policy = aPolicy();
      await insertAll(server, [{ change: 'insert', kind: 'policy', record: policy }]);
      expect((await reader.loadConfiguration()).policies).toContainEqual(policy);
      expect(await reader.auditEvents('one', 0, 10)).toHaveLength(2);
      const refusal = { code: 'store-read-only' };
      const touch = { user: { kind: 'touch', userId: installed.user.id } } as const;
      await expect(commitOne(reader, touch)).rejects.toMatchObject(refusal);
      await expect(insertAll(reader, [])).rejects.toMatchObject(refusal);
      await expect(reader.purge(atMs, 1)).rejects.toMatchObject(refusal);
      await expect(reader.ping()).rejects.toMatchObject(refusal);
    });

    test('closing waits for commits in flight and refuses what comes after', async () => {
      const store = await open();
      const { user } = await install(store);
      const touch = { user: { kind: 'touch', userId: user.id } } as const;
      const inFlight = Promise.all(Array.from({ length: 20 }, () => commitOne(store, touch)));
      const closed = store.close();
      await expect(commitOne(store, touch)).rejects.toMatchObject({ code: 'shutting-down' });
      expect((await inFlight).every(({ status }) => status === 'committed')).toBe(true);
      await closed;
    });

    test('the chain goes on where it stood', async () => {
      const first = await open();
      await install(first);
      await first.close();
      const second = await open();
      await install(second);
      const events = await second.auditEvents('one', 0, 10);
      expect(verifyChain(events)).toMatchObject({ intact: true, position: { sequence: 2 } });
    });
  };
  if (kind.layer === null) describe(kind.name, define);
  else describeLayer(kind.layer, kind.name, define);
}

describe('SQLite', () => {
  setUp(sqliteKind);

  test('has one server, whatever its name and the path it takes', async () => {
    await open();
    const refusal = { code: 'instance-in-use' };
    await expect(open({ instance: 'two' })).rejects.toMatchObject(refusal);
    const path = database.location.kind === 'sqlite' ? database.location.path : '';
    const link = join(dirname(path), 'another-name.db');
    symlinkSync(path, link);
    const around = { kind: 'sqlite', path: link } as const;
    await expect(openTestStore(around)).rejects.toMatchObject(refusal);
  });

  test('is free again when the process that held it was killed', async () => {
    const { location } = database;
    const child = startStorm(location);
    await once(child.stdout, 'data');
    await expect(open()).rejects.toMatchObject({ code: 'instance-in-use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await open()).ping();
  });
});

describeLayer('postgresql', 'PostgreSQL', () => {
  setUp(postgresKind);

  const connect = async (): Promise<pg.Client> => {
    const { location } = database;
    const connectionString = location.kind === 'postgres' ? location.connectionString : '';
    const client = new pg.Client({ connectionString });
    await client.connect();
    return client;
  };

  test('two instances over one database accept one of 128 between them', async () => {
    const [one, two] = [await open(), await open({ instance: 'two' })];
    const { application, user } = await install(one);
    const attempt = (store: Store): Promise<CommitResult> =>
      commitOne(store, {
        user: { kind: 'success', userId: user.id, threshold: 3 },
        advance: advanceTo(application, 9n),
      });
    const results = await Promise.all(
      Array.from({ length: 128 }, (_, index) => attempt(index % 2 === 0 ? one : two)),
    );
    expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
  });

  test('two instances spend a step or a challenge once, even without its user', async () => {
    const [one, two] = [await open(), await open({ instance: 'two' })];
    const { application, user } = await install(one);
    for (let step = 1n; step <= 10n; step += 1n) {
      const challenge = aChallenge(user.id);
      await commitOne(one, { issue: challenge });
      for (const decision of [
        { advance: advanceTo(application, step) },
        { challengeIds: [challenge.id] },
      ]) {
        const results = await Promise.all(
          Array.from({ length: 16 }, (_, index) =>
            commitOne(index % 2 === 0 ? one : two, decision),
          ),
        );
        expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      }
    }
  });

  test('two instances keep one answer under one request key', async () => {
    const [one, two] = [await open(), await open({ instance: 'two' })];
    for (let round = 0; round < 10; round += 1) {
      const storedAnswer = anAnswer();
      const results = await Promise.all(
        Array.from({ length: 16 }, (_, index) =>
          commitOne(index % 2 === 0 ? one : two, { storedAnswer }),
        ),
      );
      const lost = results.filter(({ status }) => status === 'conflict');
      expect(lost).toEqual(
        Array.from({ length: 15 }, () => ({ status: 'conflict', on: 'answer' })),
      );
    }
  });

  test('two instances count failures together, and each keeps its own chain', async () => {
    const [one, two] = [await open(), await open({ instance: 'two' })];
    const { user } = await install(one);
    const change = { kind: 'failure', userId: user.id, threshold: 5 } as const;
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        commitOne(index % 2 === 0 ? one : two, { user: change }),
      ),
    );
    expect(results.filter(({ status }) => status === 'committed')).toHaveLength(5);
    expect(await reloadUser(one, user)).toMatchObject({ lockCount: 5, lockedBy: 'threshold' });
    const instances = await one.auditInstances();
    expect(instances.map(({ instance }) => instance)).toEqual(['one', 'two']);
    expect(instances[0]!.sequence + instances[1]!.sequence).toBe(6);
    for (const { instance, sequence } of instances) {
      const verdict = verifyChain(await one.auditEvents(instance, 0, 100));
      expect(verdict).toMatchObject({ intact: true, position: { sequence } });
    }
  });

  test('a transaction that a deadlock ended is run again', async () => {
    const store = await open();
    const installed = await install(store);
    const other = await connect();
    await other.query(`set deadlock_timeout = '60s'`);
    await other.query('begin');
    await other.query(`update application set drift_seconds = 7 where id = $1`, [
      installed.application.id,
    ]);
    const result = commitOne(store, {
      user: { kind: 'success', userId: installed.user.id, threshold: 3 },
      advance: advanceTo(installed.application, 9n),
    });
    const waits = `select count(*) as count from pg_locks where not granted`;
    while ((await database.query(waits))[0]!['count'] === '0') {
      await aMoment();
    }
    // The store holds the user and waits for the application: now the circle closes, and the
    // store, whose patience ends first, is the one that PostgreSQL ends.
    await other.query(`update user_account set expires_at_ms = 1 where id = $1`, [
      installed.user.id,
    ]);
    await other.query('commit');
    await other.end();
    expect(await result).toEqual({ status: 'committed' });
    expect((await reloadUser(store, installed.user)).expiresAtMs).toBe(1);
    expect((await reloadApplication(store, installed)).lastStep).toBe(9n);
    const events = await store.auditEvents('one', 0, 10);
    expect(verifyChain(events)).toMatchObject({ intact: true, position: { sequence: 2 } });
  });

  test('a lost connection is a technical fault, and the lock is taken again', async () => {
    const store = await open();
    const { user } = await install(store);
    const touch = { user: { kind: 'touch', userId: user.id } } as const;
    const holders = `select pid from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and datname = current_database()`;
    const kill = `select pg_terminate_backend(pid) from (select distinct pid from (${holders}) h) k`;
    const blocker = await connect();
    await blocker.query('begin');
    await blocker.query('select 1 from user_account where id = $1 for update', [user.id]);
    const inFlight = commitOne(store, touch);
    const failed = expect(inFlight).rejects.toMatchObject({ code: 'store-unavailable' });
    const waits = `select count(*) as count from pg_locks where not granted`;
    while ((await database.query(waits))[0]!['count'] === '0') {
      await aMoment();
    }
    await database.query(kill);
    await failed;
    while ((await database.query(holders)).length > 0) await aMoment();
    await blocker.query('rollback');
    await blocker.end();
    expect(await commitOne(store, touch)).toEqual({ status: 'committed' });
    expect(await database.query(holders)).not.toEqual([]);
    await expect(open()).rejects.toMatchObject({ code: 'instance-in-use' });
    const events = await store.auditEvents('one', 0, 10);
    expect(verifyChain(events)).toMatchObject({ intact: true, position: { sequence: 2 } });
  });

  test('a store that lost its lock to another fails closed', async () => {
    const store = await open();
    await install(store);
    const holders = `select distinct pid from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`;
    await database.query(`select pg_terminate_backend(pid) from (${holders}) h`);
    while ((await database.query(holders)).length > 0) {
      await aMoment();
    }
    const usurper = await open();
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(install(store)).rejects.toMatchObject({ code: 'store-unavailable' });
    await usurper.close();
    await store.ping();
  });

  test('a server that is not there is unavailable, and its password in no error', async () => {
    const connectionString = 'postgresql://user:hunter2@localhost:1/none?host=/nonexistent';
    const location = { kind: 'postgres', connectionString, maxConnections: 2 } as const;
    const refusal: unknown = await openTestStore(location).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'store-unavailable' });
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain('hunter2');
  });

  test('nobody opens while the schema changes', async () => {
    const migrating = await connect();
    await migrating.query('select pg_advisory_lock($1)', [schemaLock]);
    await expect(open()).rejects.toMatchObject({
      code: 'instance-in-use',
      message: 'The schema of the database is being changed.',
    });
    await migrating.end();
  });

  test('a read-only database is named as such', async () => {
    await database.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = on',
        current_database()); end $$`,
    );
    await expect(open()).rejects.toMatchObject({ code: 'store-read-only' });
  });
});
