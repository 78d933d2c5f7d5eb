import { afterEach, beforeEach, expect, test } from 'vitest';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { IssuedOtp } from '../../src/domain/model.ts';
import type { CommitResult, Store } from '../../src/service/store.ts';
import { describeLayer } from '../support/layers.ts';
import {
  createMigrated,
  openTestStore,
  postgresKind,
  type TestDatabase,
} from './support/databases.ts';
import { aDecision, atMs, commitOne, freshId, install, type Installed } from './support/records.ts';
import { anOtp, issueOtp, issuing } from './support/sent.ts';

const rounds = 10;
const committed = { status: 'committed' };

describeLayer('postgresql', 'two instances over one PostgreSQL', () => {
  let database: TestDatabase;
  let one: Store;
  let two: Store;

  beforeEach(async () => {
    database = await createMigrated(postgresKind);
    one = await openTestStore(database.location);
    two = await openTestStore(database.location, { instance: 'two' });
  });
  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await database.remove();
  });

  const stores = (count: number): Store[] =>
    Array.from({ length: count }, (_, index) => (index % 2 === 0 ? one : two));
  const live = async ({ user }: Installed): Promise<readonly unknown[]> =>
    await database.query(
      `select id from challenge where user_id = '${user.id}' and consumed_at_ms is null`,
    );
  const connect = async (): Promise<pg.Client> => {
    const { location } = database;
    const connectionString = location.kind === 'postgres' ? location.connectionString : '';
    const client = new pg.Client({ connectionString });
    await client.connect();
    return client;
  };
  const untilWaiting = async (count: number): Promise<void> => {
    const waits = `select distinct pid from pg_locks where not granted`;
    while ((await database.query(waits)).length < count) await wait(5);
  };

  test('leave one one-time password live', async () => {
    const installed = await install(one);
    for (let round = 0; round < rounds; round += 1) {
      const results = await Promise.all(
        stores(16).map((store) => commitOne(store, issuing(anOtp(installed)))),
      );
      expect(results).toEqual(results.map(() => committed));
      expect(await live(installed)).toHaveLength(1);
    }
  });

  test('leave one live also when both wait for its user at the same moment', async () => {
    const installed = await install(one);
    await issueOtp(one, installed);
    const blocker = await connect();
    await blocker.query('begin');
    await blocker.query('select 1 from user_account where id = $1 for update', [installed.user.id]);
    const issued = [one, two].map((store) => commitOne(store, issuing(anOtp(installed))));
    await untilWaiting(2);
    await blocker.query('commit');
    await blocker.end();
    expect(await Promise.all(issued)).toEqual([committed, committed]);
    expect(await live(installed)).toHaveLength(1);
  });

  test('leave one live where batches of both hold the same users in other orders', async () => {
    const people: Installed[] = [];
    for (let count = 0; count < 8; count += 1) people.push(await install(one));
    for (let round = 0; round < rounds; round += 1) {
      const batch = (of: readonly Installed[]) =>
        of.map((installed) => aDecision(issuing(anOtp(installed))));
      const results = await Promise.all([
        one.commit(batch(people)),
        two.commit(batch([...people].reverse())),
      ]);
      expect(results.flat()).toEqual(Array.from({ length: 16 }, () => committed));
      for (const installed of people) expect(await live(installed)).toHaveLength(1);
    }
  });

  test('count every miss between them, and consume with the third', async () => {
    const miss = (store: Store, otp: IssuedOtp): Promise<CommitResult> =>
      commitOne(store, { missedOtpIds: [otp.id] });
    for (let round = 0; round < rounds; round += 1) {
      const otp = await issueOtp(one, await install(one));
      const find = () => one.findIssuedByHandle(otp.userId, 'Gateway', otp.handle);
      expect(await Promise.all([miss(one, otp), miss(two, otp)])).toEqual([committed, committed]);
      expect(await find()).toEqual({ ...otp, missCount: 2 });
      const more = await Promise.all(stores(8).map((store) => miss(store, otp)));
      expect(more).toEqual(more.map(() => committed));
      expect(await find()).toEqual({ ...otp, missCount: 3, consumedAtMs: atMs });
    }
  });

  test('use a one-time password once, and not when it is superseded meanwhile', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const installed = await install(one);
      const first = await issueOtp(one, installed);
      const next = anOtp(installed);
      const use = { challengeIds: [first.id] };
      const [issued, ...used] = await Promise.all([
        commitOne(one, issuing(next)),
        ...stores(8).map((store) => commitOne(store, use)),
      ]);
      expect(issued).toEqual(committed);
      expect(used.filter(({ status }) => status === 'committed').length).toBeLessThan(2);
      expect(await live(installed)).toEqual([{ id: next.id }]);
    }
  });

  test('change a password once', async () => {
    const { user } = await install(one);
    for (let version = 1; version <= rounds; version += 1) {
      const verifier = { salt: '0a'.repeat(16), mac: '1b'.repeat(32) };
      const replacedMac = String(version).padStart(64, '0');
      const passwordChange = { userId: user.id, passwordVersion: version, verifier, replacedMac };
      const decision = { user: { kind: 'present', userId: user.id }, passwordChange } as const;
      const results = await Promise.all(stores(8).map((store) => commitOne(store, decision)));
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
    }
    expect(await one.passwordHistory(user.id, 24)).toHaveLength(rounds);
  });

  test('count messages together, never beyond the limit', async () => {
    const scope = freshId();
    for (const windowStartMs of [0, 1, 2]) {
      const counted = await Promise.all(
        stores(64).map((store) => store.reserveSend(scope, windowStartMs, 10)),
      );
      expect(counted.filter((isCounted) => isCounted)).toHaveLength(10);
      await Promise.all(stores(4).map((store) => store.refundSend(scope, windowStartMs)));
      const again = await Promise.all(
        stores(64).map((store) => store.reserveSend(scope, windowStartMs, 10)),
      );
      expect(again.filter((isCounted) => isCounted)).toHaveLength(4);
    }
  });
});
