import { describe, expect, test } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import type { RecordChange } from '../../src/service/store.ts';
import { parseResponseAlgorithm } from '../../src/oath/index.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aComponent,
  aDomain,
  anApiKey,
  anApplication,
  anAuthenticator,
  anEntry,
  aPolicy,
  atMs,
  aUnit,
  aUser,
  commitOne,
  freshId,
  insertAll,
  install,
} from './support/records.ts';

const committed = { status: 'committed' };

/** Every field other than its default. */
function aFullApplication(authenticatorId: string): Application {
  return anApplication(authenticatorId, {
    name: 'CHALLENGE',
    mode: 'challenge-response',
    algorithm: parseResponseAlgorithm({
      kind: 'challenge-response',
      suite: 'OCRA-1:HOTP-SHA256-8:C-QN08-T1M',
    }),
    seed: {
      seedId: freshId(),
      residency: 'wrapped',
      blob: Buffer.from([0, 1, 255]),
      seedBytes: 32,
      padded: true,
      keyCheckValue: 'ffeeddcc',
      origin: 'imported',
    },
    isDisabled: true,
    epoch: 3,
    nextEventCounter: BigInt(Number.MAX_SAFE_INTEGER),
    lastStep: BigInt(Number.MAX_SAFE_INTEGER),
    floorMs: -30_000,
    spentChallenges: ['1', '2'],
    driftSeconds: -0.1,
    driftAtMs: 5,
    lastUsedAtMs: 6,
  });
}

eachDatabase((opened) => {
  const administer = (...changes: RecordChange[]): Promise<unknown> =>
    opened.store.administer(changes, anEntry);
  const configurationVersion = async (): Promise<number> =>
    (await opened.store.loadConfiguration()).version;

  describe('records', () => {
    test('of every kind come back as they went in', async () => {
      const domain = aDomain({ name: 'Straße' });
      const unit = aUnit(domain.id);
      const child = aUnit(domain.id, { parentId: unit.id });
      const user = aUser(domain.id, {
        organisationalUnitId: child.id,
        isDisabled: true,
        expiresAtMs: atMs + 1,
        lockCount: 4,
        lockedAtMs: atMs,
        lockedBy: 'administrator',
        unlockTries: 3,
        lastAttemptAtMs: 1,
        lastSuccessAtMs: 2,
        version: 7,
      });
      const authenticator = anAuthenticator({
        userId: user.id,
        assignedAtMs: atMs,
        assignmentVersion: 2,
        isVirtual: false,
        isDisabled: true,
        expiresAtMs: 3,
        lastUsedAtMs: 4,
      });
      const wrapped = aFullApplication(authenticator.id);
      const plain = anApplication(authenticator.id);
      await insertAll(opened.store, [
        { change: 'insert', kind: 'domain', record: domain },
        { change: 'insert', kind: 'organisationalUnit', record: unit },
        { change: 'insert', kind: 'organisationalUnit', record: child },
        { change: 'insert', kind: 'user', record: user },
        { change: 'insert', kind: 'authenticator', record: authenticator },
        { change: 'insert', kind: 'application', record: plain },
        { change: 'insert', kind: 'application', record: wrapped },
      ]);
      const expected = { authenticator, applications: [wrapped, plain] };
      const { store } = opened;
      expect(await store.userById(user.id)).toEqual(user);
      expect(await store.organisationalUnits(domain.id)).toEqual(
        [unit, child].sort((a, b) => (a.name < b.name ? -1 : 1)),
      );
      expect(await store.authenticatorBySerial(authenticator.serial.toLowerCase())).toEqual(
        expected,
      );
      expect(await store.authenticatorsOfUser(user.id)).toEqual([expected]);
      const load = await store.loadAttempt(domain.id, user.userName);
      expect(load.found).toEqual({ user, authenticators: [expected] });
      expect(load.configurationVersion).toBe(await configurationVersion());
    });

    test('that snapshots hold come with the version, and raise it', async () => {
      const { store } = opened;
      const domain = aDomain();
      const policy = aPolicy({ settings: { userLockThreshold: 3, applicationNames: ['A'] } });
      const child = aPolicy({ parentId: policy.id });
      const component = aComponent(child.id);
      const key = anApiKey({ domainId: domain.id, role: 'helpdesk', expiresAtMs: 9 });
      const before = await configurationVersion();
      await insertAll(store, [
        { change: 'insert', kind: 'domain', record: domain },
        { change: 'insert', kind: 'policy', record: policy },
        { change: 'insert', kind: 'policy', record: child },
        { change: 'insert', kind: 'component', record: component },
        { change: 'insert', kind: 'apiKey', record: key },
      ]);
      const snapshot = await store.loadConfiguration();
      expect(snapshot.version).toBe(before + 1);
      expect(snapshot.domains).toContainEqual(domain);
      expect(snapshot.policies).toEqual(expect.arrayContaining([policy, child]));
      expect(snapshot.components).toContainEqual(component);
      expect(snapshot.apiKeys).toContainEqual(key);
      const user = aUser(domain.id);
      await insertAll(store, [{ change: 'insert', kind: 'user', record: user }]);
      expect(await configurationVersion()).toBe(before + 1);
      const removal = { change: 'delete', kind: 'apiKey', id: key.id, expectedVersion: 1 } as const;
      expect(await administer(removal)).toEqual(committed);
      expect(await configurationVersion()).toBe(before + 2);
      const load = await store.loadAttempt(domain.id, 'nobody');
      expect(load).toEqual({ configurationVersion: before + 2, found: null });
    });

    test('without authenticators or applications load as empty', async () => {
      const { store } = opened;
      const domain = aDomain();
      const user = aUser(domain.id);
      const bare = anAuthenticator({ userId: user.id });
      await insertAll(store, [
        { change: 'insert', kind: 'domain', record: domain },
        { change: 'insert', kind: 'user', record: user },
      ]);
      const load = async (): Promise<unknown> =>
        (await store.loadAttempt(domain.id, user.userName)).found;
      expect(await load()).toEqual({ user, authenticators: [] });
      await insertAll(store, [{ change: 'insert', kind: 'authenticator', record: bare }]);
      const expected = { authenticator: bare, applications: [] };
      expect(await load()).toEqual({ user, authenticators: [expected] });
      expect(await store.authenticatorBySerial(bare.serial)).toEqual(expected);
      expect(await store.authenticatorBySerial('NOSUCH')).toBeNull();
      expect(await store.userById(freshId())).toBeNull();
    });

    test('are found by names in any case and composition, and keep their spelling', async () => {
      const { store } = opened;
      const domain = aDomain();
      const user = aUser(domain.id, { userName: 'Zoë.Ångström' });
      await insertAll(store, [
        { change: 'insert', kind: 'domain', record: domain },
        { change: 'insert', kind: 'user', record: user },
      ]);
      for (const name of ['zoë.ångström', 'ZOË.ÅNGSTRÖM', 'Zoe\u0308.A\u030angstro\u0308m']) {
        expect((await store.userByName(domain.id, name))?.userName).toBe('Zoë.Ångström');
        expect((await store.loadAttempt(domain.id, name)).found?.user.id).toBe(user.id);
      }
      expect(await store.userByName(freshId(), 'zoë.ångström')).toBeNull();
    });
  });

  describe('administration', () => {
    test('updates by the version seen, raises it, and reports the change that failed', async () => {
      const { store } = opened;
      const { user, domain } = await install(store);
      const rename = (expectedVersion: number, userName: string): RecordChange => ({
        change: 'update',
        kind: 'user',
        id: user.id,
        expectedVersion,
        set: { userName },
      });
      expect(await administer(rename(1, 'Renamed'))).toEqual(committed);
      expect(await store.userByName(domain.id, 'renamed')).toEqual({
        ...user,
        userName: 'Renamed',
        version: 2,
      });
      expect(await administer(rename(1, 'Again'))).toEqual({ status: 'conflict', index: 0 });
      const removal = { change: 'delete', kind: 'user', id: user.id, expectedVersion: 1 } as const;
      expect(await administer(removal)).toEqual({ status: 'conflict', index: 0 });
      const ghost = { ...removal, id: freshId() };
      expect(await administer(rename(2, 'Third'), ghost)).toEqual({ status: 'missing', index: 1 });
      expect((await store.userById(user.id))?.userName).toBe('Renamed');
    });

    test('is not disturbed by attempts: they leave the version alone', async () => {
      const { user } = await install(opened.store);
      const change = { kind: 'failure', userId: user.id, threshold: 3 } as const;
      expect(await commitOne(opened.store, { user: change })).toEqual(committed);
      const set = { isDisabled: true };
      const update = {
        change: 'update',
        kind: 'user',
        id: user.id,
        expectedVersion: 1,
        set,
      } as const;
      expect(await administer(update)).toEqual(committed);
      expect(await opened.store.userById(user.id)).toMatchObject({
        isDisabled: true,
        lockCount: 1,
      });
    });

    test('refuses a taken name, serial, location, seed or key', async () => {
      const { store } = opened;
      const { domain, user, authenticator, application } = await install(store);
      const policy = aPolicy();
      const component = aComponent(policy.id, { componentType: 'Unique' });
      const key = anApiKey();
      const unit = aUnit(domain.id);
      await insertAll(store, [
        { change: 'insert', kind: 'policy', record: policy },
        { change: 'insert', kind: 'component', record: component },
        { change: 'insert', kind: 'apiKey', record: key },
        { change: 'insert', kind: 'organisationalUnit', record: unit },
      ]);
      const upper = (name: string): string => name.toUpperCase();
      const taken: RecordChange[] = [
        { change: 'insert', kind: 'domain', record: aDomain({ name: upper(domain.name) }) },
        {
          change: 'insert',
          kind: 'user',
          record: aUser(domain.id, { userName: upper(user.userName) }),
        },
        { change: 'insert', kind: 'user', record: aUser(domain.id, { id: user.id }) },
        {
          change: 'insert',
          kind: 'authenticator',
          record: anAuthenticator({ serial: authenticator.serial }),
        },
        { change: 'insert', kind: 'application', record: anApplication(authenticator.id) },
        {
          change: 'insert',
          kind: 'application',
          record: anApplication(authenticator.id, { name: 'OTHER', seed: application.seed }),
        },
        { change: 'insert', kind: 'policy', record: aPolicy({ name: upper(policy.name) }) },
        {
          change: 'insert',
          kind: 'component',
          record: aComponent(policy.id, { componentType: 'UNIQUE' }),
        },
        { change: 'insert', kind: 'apiKey', record: anApiKey({ keySha256: key.keySha256 }) },
        {
          change: 'insert',
          kind: 'organisationalUnit',
          record: aUnit(domain.id, { name: upper(unit.name) }),
        },
      ];
      const harmless = { change: 'insert', kind: 'policy', record: aPolicy() } as const;
      for (const change of taken) {
        expect(await administer(harmless, change)).toEqual({ status: 'exists', index: 1 });
      }
      const { policies } = await store.loadConfiguration();
      expect(policies.map(({ id }) => id)).not.toContain(harmless.record.id);
      const elsewhere = aUser((await install(store)).domain.id, { userName: user.userName });
      expect(await administer({ change: 'insert', kind: 'user', record: elsewhere })).toEqual(
        committed,
      );
    });

    test('refuses to delete what is pointed at, and to point at what is not there', async () => {
      const { domain, user, authenticator } = await install(opened.store);
      const policy = aPolicy();
      await insertAll(opened.store, [
        { change: 'insert', kind: 'policy', record: policy },
        { change: 'insert', kind: 'component', record: aComponent(policy.id, { location: '::1' }) },
      ]);
      for (const [kind, id] of [
        ['domain', domain.id],
        ['user', user.id],
        ['authenticator', authenticator.id],
        ['policy', policy.id],
      ] as const) {
        const removal = { change: 'delete', kind, id, expectedVersion: 1 } as const;
        expect(await administer(removal)).toEqual({ status: 'referenced', index: 0 });
      }
      const orphan = { change: 'insert', kind: 'user', record: aUser(freshId()) } as const;
      expect(await administer(orphan)).toEqual({ status: 'missing', index: 0 });
      const unassigned = { userId: freshId() };
      const assign: RecordChange = {
        change: 'update',
        kind: 'authenticator',
        id: authenticator.id,
        expectedVersion: 1,
        set: unassigned,
      };
      expect(await administer(assign)).toEqual({ status: 'missing', index: 0 });
    });

    test('refuses what breaks the contract, and writes nothing of it', async () => {
      const { store } = opened;
      const { user, authenticator } = await install(store);
      const update = (set: object): RecordChange => ({
        change: 'update',
        kind: 'user',
        id: user.id,
        expectedVersion: 1,
        set,
      });
      const beyond = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
      const refused: RecordChange[] = [
        update({ noSuchField: 1 }),
        update({ version: 9 }),
        update({ lockCount: -1 }),
        update({ lockCount: 2 ** 53 }),
        update({ lockCount: Number.NaN }),
        update({ lockedAtMs: 1, lockedBy: null }),
        {
          change: 'insert',
          kind: 'application',
          record: anApplication(authenticator.id, { name: 'X', nextEventCounter: beyond }),
        },
        {
          change: 'insert',
          kind: 'application',
          record: anApplication(authenticator.id, { name: 'X', lastStep: -2n }),
        },
        {
          change: 'insert',
          kind: 'authenticator',
          record: anAuthenticator({ serial: 'lower1234' }),
        },
      ];
      for (const change of refused) {
        await expect(administer(change)).rejects.toMatchObject({ code: 'store-contract' });
      }
      expect(await store.userById(user.id)).toEqual(user);
    });
  });

  test('a number beyond 2^53-1 in the database is refused, not rounded', async () => {
    const { domain, user } = await install(opened.store);
    await opened.database.query(
      `update user_account set last_attempt_at_ms = 9007199254740993 where id = '${user.id}'`,
    );
    const reads = [
      opened.store.userById(user.id),
      opened.store.loadAttempt(domain.id, user.userName),
    ];
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: 'store-contract' });
  });
});
