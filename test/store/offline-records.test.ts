import { describe, expect, test } from 'vitest';
import type { OfflineAgent, OfflinePackage, PackageState } from '../../src/domain/offline.ts';
import type { RecordChange, RecordKind } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aHandle,
  anAgent,
  anEvent,
  aPackage,
  aReport,
  freshDigest,
  insertAgent,
  insertEvent,
  insertHandle,
  insertPackage,
  insertReport,
  type Outfitted,
  outfit,
} from './support/offline.ts';
import { anEntry, atMs, freshId, insertAll } from './support/records.ts';

const committed = { status: 'committed' };
const exists = { status: 'exists', index: 0 };
const contract = { code: 'store-contract' };
const states: readonly PackageState[] = [
  'issued',
  'installed',
  'locked',
  'superseded',
  'released',
  'wiped',
  'revoked',
  'expired',
];
const greatest = 2n ** 53n - 1n;

eachDatabase((opened) => {
  const administer = (...changes: RecordChange[]): Promise<unknown> =>
    opened.store.administer(changes, anEntry);
  const remove = (kind: RecordKind, id: string): RecordChange => ({
    change: 'delete',
    kind,
    id,
    expectedVersion: 1,
  });

  describe('a workstation', () => {
    test('comes back as it went in, with the bytes of its key', async () => {
      const other = {
        publicKey: Buffer.from([255, 0, 1]),
        countsFailures: true,
        acknowledgedThrough: 21,
        head: freshDigest(),
        enrolledAtMs: 22,
        lastSeenAtMs: 23,
        version: 24,
      };
      const agents = [
        anAgent(),
        anAgent({ ...other, keyMode: 'hw', state: 'revoked', revokedFor: 'fork' }),
        anAgent({ keyMode: 'ram' }),
      ];
      await insertAll(opened.store, agents.map(insertAgent));
      for (const agent of agents) {
        expect(await opened.store.offlineAgentById(agent.id)).toEqual(agent);
      }
      expect(await opened.store.offlineAgentById(freshId())).toBeNull();
    });

    test('is acknowledged and revoked by the version that was seen', async () => {
      const agent = anAgent();
      await insertAll(opened.store, [insertAgent(agent)]);
      const set = {
        acknowledgedThrough: 9,
        head: freshDigest(),
        lastSeenAtMs: atMs + 1,
        state: 'revoked',
        revokedFor: 'roll-back',
      } as const;
      const change = { change: 'update', kind: 'offlineAgent', id: agent.id, set } as const;
      const conflict = { status: 'conflict', index: 0 };
      expect(await administer({ ...change, expectedVersion: 2 })).toEqual(conflict);
      expect(await administer({ ...change, expectedVersion: 1 })).toEqual(committed);
      const after = { ...agent, ...set, version: 2 };
      expect(await opened.store.offlineAgentById(agent.id)).toEqual(after);
      expect(await administer({ ...change, expectedVersion: 1 })).toEqual(conflict);
    });

    test('has a key of its own', async () => {
      const { fingerprint, id } = anAgent();
      expect(await administer(insertAgent(anAgent({ id, fingerprint })))).toEqual(committed);
      expect(await administer(insertAgent(anAgent({ fingerprint })))).toEqual(exists);
      expect(await administer(insertAgent(anAgent({ id })))).toEqual(exists);
    });

    test('is refused with a word or a number that there is not', async () => {
      const wrong: readonly Partial<OfflineAgent>[] = [
        { keyMode: 'cloud' as OfflineAgent['keyMode'] },
        { state: 'asleep' as OfflineAgent['state'] },
        { state: 'revoked', revokedFor: null },
        { state: 'active', revokedFor: 'fork' },
        { fingerprint: 'd'.repeat(63) },
        { acknowledgedThrough: -1 },
      ];
      for (const more of wrong) {
        await expect(administer(insertAgent(anAgent(more)))).rejects.toMatchObject(contract);
      }
    });
  });

  describe('a package', () => {
    test('comes back as it went in, whatever became of it', async () => {
      const owner = await outfit(opened.store);
      const other = {
        first: greatest,
        count: 31,
        notBeforeMs: 32,
        notAfterMs: 33,
        eventsMax: 34,
        eventsUsed: 35,
        policyHash: freshDigest(),
        assignmentVersion: 36,
        pinVersion: 37,
        epoch: 38,
        emergencyCodeIds: [freshId(), freshId()],
        createdAtMs: 39,
        version: 40,
      };
      const packages = [
        ...states.map((state, sequence) => aPackage(owner, { state, sequence })),
        aPackage(owner, { ...other, kind: 'event', eventMode: 'reserved', sequence: 41 }),
        aPackage(owner, { kind: 'event', eventMode: 'shared', sequence: 42 }),
        aPackage(owner, { kind: 'challenge', first: 0n, sequence: 43 }),
      ];
      await insertAll(opened.store, packages.map(insertPackage));
      for (const one of packages) {
        expect(await opened.store.offlinePackageById(one.id)).toEqual(one);
      }
      expect(await opened.store.offlinePackageById(freshId())).toBeNull();
    });

    test('changes by the version that was seen', async () => {
      const owner = await outfit(opened.store);
      const one = aPackage(owner);
      await insertAll(opened.store, [insertPackage(one)]);
      const set = { state: 'installed', eventsUsed: 3 } as const;
      const change = { change: 'update', kind: 'offlinePackage', id: one.id, set } as const;
      expect(await administer({ ...change, expectedVersion: 1 })).toEqual(committed);
      const conflict = { status: 'conflict', index: 0 };
      expect(await administer({ ...change, expectedVersion: 1 })).toEqual(conflict);
      const after = { ...one, ...set, version: 2 };
      expect(await opened.store.offlinePackageById(one.id)).toEqual(after);
    });

    test('has a number of its own at its workstation, for its application', async () => {
      const [owner, elsewhere] = [await outfit(opened.store), await outfit(opened.store)];
      expect(await administer(insertPackage(aPackage(owner)))).toEqual(committed);
      expect(await administer(insertPackage(aPackage(owner)))).toEqual(exists);
      const others = [
        aPackage(owner, { sequence: 2 }),
        aPackage({ ...owner, agent: elsewhere.agent }),
        aPackage({ ...elsewhere, agent: owner.agent }),
      ];
      expect(await administer(...others.map(insertPackage))).toEqual(committed);
    });

    test('is for somebody, with something, at a workstation that is known', async () => {
      const owner = await outfit(opened.store);
      const missing = { status: 'missing', index: 0 };
      for (const field of ['agentId', 'userId', 'authenticatorId', 'applicationId']) {
        const nowhere = { [field]: freshId() };
        expect(await administer(insertPackage(aPackage(owner, nowhere)))).toEqual(missing);
        expect(await administer(insertHandle(aHandle(owner, nowhere)))).toEqual(missing);
      }
    });

    test('is refused with a word or a number that there is not', async () => {
      const owner = await outfit(opened.store);
      const wrong: readonly Partial<OfflinePackage>[] = [
        { kind: 'pigeon' as OfflinePackage['kind'] },
        { eventMode: 'lent' as 'shared' },
        { state: 'lost' as PackageState },
        { first: greatest + 1n },
        { first: -1n },
        { count: -1 },
        { eventsUsed: -1 },
        { sequence: 0.5 },
      ];
      for (const more of wrong) {
        const change = insertPackage(aPackage(owner, more));
        await expect(administer(change)).rejects.toMatchObject(contract);
      }
    });
  });

  describe('a retrieval handle', () => {
    test('is good once, in the transaction that writes the package', async () => {
      const owner = await outfit(opened.store);
      const handle = aHandle(owner, { expiresAtMs: 51 });
      await insertAll(opened.store, [insertHandle(handle)]);
      expect(await opened.store.retrievalHandleById(handle.id)).toEqual(handle);
      expect(await opened.store.retrievalHandleById(freshDigest())).toBeNull();
      const use = (sequence: number): Promise<unknown> =>
        administer(
          insertPackage(aPackage(owner, { sequence })),
          remove('retrievalHandle', handle.id),
        );
      const results = await Promise.all([use(1), use(2)]);
      expect(results).toEqual([committed, { status: 'missing', index: 1 }]);
      expect(await opened.store.retrievalHandleById(handle.id)).toBeNull();
      const packages = await opened.store.offlinePackagesOfAgent(owner.agent.id, 9);
      expect(packages.map(({ sequence }) => sequence)).toEqual([1]);
    });

    test('is refused when it is no digest, and when it is there', async () => {
      const owner = await outfit(opened.store);
      const bad = insertHandle(aHandle(owner, { id: 'the handle itself' }));
      await expect(administer(bad)).rejects.toMatchObject(contract);
      const { id } = aHandle(owner);
      expect(await administer(insertHandle(aHandle(owner, { id })))).toEqual(committed);
      expect(await administer(insertHandle(aHandle(owner, { id })))).toEqual(exists);
    });
  });

  describe('a report', () => {
    test('is kept with its answer, byte for byte, under an id that is taken once', async () => {
      const { agent } = await outfit(opened.store);
      const report = aReport(agent, { through: 61, receivedAtMs: 62, version: 63 });
      await insertAll(opened.store, [insertReport(report)]);
      expect(await opened.store.offlineReportById(report.id)).toEqual(report);
      expect(await opened.store.offlineReportById(freshId())).toBeNull();
      expect(await administer(insertReport(aReport(agent, { id: report.id })))).toEqual(exists);
      const stray = aReport(anAgent());
      expect(await administer(insertReport(stray))).toEqual({ status: 'missing', index: 0 });
      const digest = 'd'.repeat(65);
      const long = insertReport(aReport(agent, { digest }));
      await expect(administer(long)).rejects.toMatchObject(contract);
    });
  });

  describe('a reported line', () => {
    test('comes back as it went in, and its number is taken once', async () => {
      const owner = await outfit(opened.store);
      const events = [
        anEvent(owner, { n: 1, atMs: 71, index: greatest, isDuplicate: true, version: 72 }),
        anEvent(owner, { n: 2, kind: 'wiped', index: null, packageId: null, applicationId: null }),
        anEvent(owner, { n: 3, index: 0n }),
      ];
      await insertAll(opened.store, events.map(insertEvent));
      expect(await opened.store.offlineEvents(owner.agent.id, 1, 9)).toEqual(events);
      expect(await administer(insertEvent(anEvent(owner, { n: 2 })))).toEqual(exists);
      const elsewhere = anEvent({ ...owner, agent: anAgent() }, { n: 2 });
      expect(await administer(insertEvent(elsewhere))).toEqual(committed);
      for (const more of [{ n: 0 }, { n: 4, index: -1n }, { n: 5, index: greatest + 1n }]) {
        const change = insertEvent(anEvent(owner, more));
        await expect(administer(change)).rejects.toMatchObject(contract);
      }
    });

    test('is never changed, by anybody', async () => {
      const owner = await outfit(opened.store);
      const event = anEvent(owner);
      await insertAll(opened.store, [insertEvent(event)]);
      const { id } = event;
      const change = { kind: 'offlineEvent', id, expectedVersion: 1 } as const;
      const attempts: readonly RecordChange[] = [
        { ...change, change: 'update', set: { isDuplicate: true } },
        { ...change, change: 'delete' },
      ];
      for (const attempt of attempts) {
        await expect(administer(attempt)).rejects.toMatchObject(contract);
      }
      const erase = opened.database.query(`delete from offline_event where id = '${id}'`);
      await expect(erase).rejects.toThrow(/only ever appended/);
      expect(await opened.store.offlineEvents(owner.agent.id, 1, 9)).toEqual([event]);
    });
  });

  describe('with what is deleted', () => {
    /** Has one of everything. */
    const everything = async (): Promise<Outfitted & { reportId: string; handleId: string }> => {
      const owner = await outfit(opened.store);
      const [handle, report] = [aHandle(owner), aReport(owner.agent)];
      await insertAll(opened.store, [
        insertPackage(aPackage(owner)),
        insertHandle(handle),
        insertReport(report),
        insertEvent(anEvent(owner)),
      ]);
      return { ...owner, reportId: report.id, handleId: handle.id };
    };
    const leftOf = async (
      owner: Awaited<ReturnType<typeof everything>>,
    ): Promise<Readonly<Record<string, number>>> => {
      const { store } = opened;
      const { agent, handleId, reportId } = owner;
      return {
        packages: (await store.offlinePackagesOfAgent(agent.id, 9)).length,
        handles: (await store.retrievalHandleById(handleId)) === null ? 0 : 1,
        reports: (await store.offlineReportById(reportId)) === null ? 0 : 1,
        events: (await store.offlineEvents(agent.id, 1, 9)).length,
      };
    };
    const evidence = { packages: 0, handles: 0, reports: 1, events: 1 };
    const unassign = ({ authenticator }: Outfitted): RecordChange => ({
      change: 'update',
      kind: 'authenticator',
      id: authenticator.id,
      expectedVersion: 1,
      set: { userId: null },
    });

    test('go packages and handles of a user; what was reported stays', async () => {
      const owner = await everything();
      expect(await administer(unassign(owner), remove('user', owner.user.id))).toEqual(committed);
      expect(await leftOf(owner)).toEqual(evidence);
    });

    test('go packages and handles of an authenticator and its application', async () => {
      const owner = await everything();
      const { application, authenticator } = owner;
      const changes = [
        remove('application', application.id),
        remove('authenticator', authenticator.id),
      ];
      expect(await administer(...changes)).toEqual(committed);
      expect(await leftOf(owner)).toEqual(evidence);
      expect(await opened.store.offlineEventsAt(application.id, 41n)).toHaveLength(1);
    });

    test('go packages and handles of an authenticator by itself', async () => {
      const [owner, other] = [await outfit(opened.store), await outfit(opened.store)];
      const mixed = { ...owner, application: other.application };
      const handle = aHandle(mixed);
      await insertAll(opened.store, [insertPackage(aPackage(mixed)), insertHandle(handle)]);
      const { application, authenticator } = owner;
      const changes = [
        remove('application', application.id),
        remove('authenticator', authenticator.id),
      ];
      expect(await administer(...changes)).toEqual(committed);
      expect(await opened.store.offlinePackagesOfAgent(owner.agent.id, 9)).toEqual([]);
      expect(await opened.store.retrievalHandleById(handle.id)).toBeNull();
    });

    test('a workstation with packages stays; without them its handles and reports go', async () => {
      const owner = await everything();
      const { agent, application } = owner;
      const referenced = { status: 'referenced', index: 0 };
      expect(await administer(remove('offlineAgent', agent.id))).toEqual(referenced);
      const [one] = await opened.store.offlinePackagesOfApplication(application.id, 1);
      const changes = [remove('offlinePackage', one?.id ?? ''), remove('offlineAgent', agent.id)];
      expect(await administer(...changes)).toEqual(committed);
      expect(await leftOf(owner)).toEqual({ packages: 0, handles: 0, reports: 0, events: 1 });
    });
  });

  test('none of it makes servers load their configuration anew', async () => {
    const before = (await opened.store.loadConfiguration()).version;
    const owner = await outfit(opened.store);
    // Its domain is part of the configuration.
    expect((await opened.store.loadConfiguration()).version).toBe(before + 1);
    await insertAll(opened.store, [
      insertPackage(aPackage(owner)),
      insertHandle(aHandle(owner)),
      insertEvent(anEvent(owner)),
      insertReport(aReport(owner.agent)),
    ]);
    const raise = {
      change: 'raise-user',
      userId: owner.user.id,
      failures: 1,
      countMax: 2,
    } as const;
    expect(await opened.store.administer([raise], anEntry)).toEqual(committed);
    expect((await opened.store.loadConfiguration()).version).toBe(before + 1);
  });
});
