import { describe, expect, test } from 'vitest';
import { type OfflinePackage, standingStates } from '../../src/domain/offline.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aHandle,
  anAgent,
  anEvent,
  aPackage,
  aReport,
  insertAgent,
  insertEvent,
  insertHandle,
  insertPackage,
  insertReport,
  outfit,
} from './support/offline.ts';
import { atMs, insertAll } from './support/records.ts';

const contract = { code: 'store-contract' };
const dayMs = 86_400_000;
const idsOf = (records: readonly { readonly id: string }[]): readonly string[] =>
  records.map(({ id }) => id);

eachDatabase((opened) => {
  test('workstations come in order of their ids, a page at a time', async () => {
    const agents = Array.from({ length: 5 }, () => anAgent());
    await insertAll(
      opened.store,
      [3, 0, 4, 1, 2].map((at) => insertAgent(agents[at] ?? anAgent())),
    );
    const [first, , third] = agents;
    const page = (after: string, limit: number): Promise<unknown> =>
      opened.store.offlineAgents({ after, limit });
    expect(await page(first?.id ?? '', 2)).toEqual(agents.slice(1, 3));
    expect(await page(third?.id ?? '', 1_000)).toEqual(agents.slice(3));
    expect(await page('', 1_000)).toEqual(expect.arrayContaining(agents));
    await expect(page('', 1_001)).rejects.toMatchObject(contract);
  });

  describe('packages', () => {
    test('come the newest first, of every state, by workstation, user and application', async () => {
      const [owner, other] = [await outfit(opened.store), await outfit(opened.store)];
      const mixed = [
        aPackage(owner, { sequence: 3, createdAtMs: atMs + 1, state: 'expired' }),
        aPackage(owner, { sequence: 2, createdAtMs: atMs + 1, state: 'superseded' }),
        aPackage(owner, { sequence: 9, createdAtMs: atMs }),
        aPackage({ ...owner, agent: other.agent }, { createdAtMs: atMs - 1, state: 'wiped' }),
        aPackage({ ...other, agent: owner.agent }, { createdAtMs: atMs - 2 }),
        aPackage({ ...owner, user: other.user }, { sequence: 1, createdAtMs: atMs - 3 }),
      ];
      await insertAll(
        opened.store,
        [2, 5, 0, 4, 1, 3].flatMap((at) => mixed.slice(at, at + 1).map(insertPackage)),
      );
      const where = (matches: (one: OfflinePackage) => boolean): unknown => mixed.filter(matches);
      const { store } = opened;
      const { agent, user, application } = owner;
      const ofAgent = where(({ agentId }) => agentId === agent.id);
      expect(await store.offlinePackagesOfAgent(agent.id, 9)).toEqual(ofAgent);
      const ofUser = where(({ userId }) => userId === user.id);
      expect(await store.offlinePackagesOfUser(user.id, 9)).toEqual(ofUser);
      const ofApplication = where(({ applicationId }) => applicationId === application.id);
      expect(await store.offlinePackagesOfApplication(application.id, 9)).toEqual(ofApplication);
      expect(await store.offlinePackagesOfAgent(agent.id, 2)).toEqual(mixed.slice(0, 2));
      expect(await store.offlinePackagesOfUser(agent.id, 2)).toEqual([]);
      await expect(store.offlinePackagesOfUser(user.id, 0)).rejects.toMatchObject(contract);
    });

    test('that stand and end before an instant come the first first', async () => {
      const owner = await outfit(opened.store);
      const long = 900 * dayMs;
      const standing = standingStates.map((state, at) =>
        aPackage(owner, { state, sequence: at, notBeforeMs: 0, notAfterMs: 30 - at }),
      );
      const others = (['superseded', 'released', 'wiped', 'revoked', 'expired'] as const).map(
        (state, at) => aPackage(owner, { state, sequence: 10 + at, notBeforeMs: 0, notAfterMs: 1 }),
      );
      const later = aPackage(owner, { sequence: 20, notAfterMs: long });
      await insertAll(opened.store, [...standing, ...others, later].map(insertPackage));
      const expected = idsOf(standing.toReversed());
      const ending = async (beforeMs: number, limit = 9): Promise<readonly string[]> =>
        idsOf(await opened.store.offlinePackagesEnding(beforeMs, limit));
      expect(await ending(31)).toEqual(expected);
      expect(await ending(30)).toEqual(expected.slice(0, 2));
      expect(await ending(31, 2)).toEqual(expected.slice(0, 2));
      expect(await ending(28)).toEqual([]);
      expect(await ending(long)).not.toContain(later.id);
      expect((await ending(long + 1, 1_000)).at(-1)).toBe(later.id);
    });
  });

  describe('reported lines', () => {
    test('come in order of their numbers, from one on', async () => {
      const [owner, other] = [await outfit(opened.store), await outfit(opened.store)];
      const events = [1, 2, 9, 10, 11].map((n) => anEvent(owner, { n }));
      const foreign = anEvent(other, { n: 9 });
      await insertAll(opened.store, [...events.toReversed(), foreign].map(insertEvent));
      const { id } = owner.agent;
      expect(await opened.store.offlineEvents(id, 2, 3)).toEqual(events.slice(1, 4));
      expect(await opened.store.offlineEvents(id, 10, 9)).toEqual(events.slice(3));
      expect(await opened.store.offlineEvents(id, 12, 9)).toEqual([]);
      await expect(opened.store.offlineEvents(id, 1, 1_001)).rejects.toMatchObject(contract);
    });

    test('are found by what they used up, at whichever workstation', async () => {
      const [owner, other] = [await outfit(opened.store), await outfit(opened.store)];
      const elsewhere = { ...owner, agent: other.agent };
      const [here, there] = [anEvent(owner, { n: 2 }), anEvent(elsewhere, { n: 1 })];
      const changes = [
        here,
        there,
        anEvent(owner, { n: 3, index: 42n }),
        anEvent(owner, { n: 4, kind: 'refused', index: null }),
        anEvent(other, { n: 5 }),
      ].map(insertEvent);
      await insertAll(opened.store, changes);
      const at = (index: bigint): Promise<unknown> =>
        opened.store.offlineEventsAt(owner.application.id, index);
      expect(await at(41n)).toEqual([here, there]);
      expect(await at(43n)).toEqual([]);
      await expect(at(2n ** 53n)).rejects.toMatchObject(contract);
      const below = (index: bigint): Promise<bigint | null> =>
        opened.store.offlineUsedBelow(owner.application.id, 0, index);
      expect([await below(43n), await below(42n), await below(41n)]).toEqual([42n, 41n, null]);
      const earlier = aPackage(owner, { epoch: 7 });
      const late = anEvent(owner, { n: 6, index: 50n, packageId: earlier.id });
      await insertAll(opened.store, [insertPackage(earlier), insertEvent(late)]);
      expect(await below(60n)).toBe(42n);
    });

    test('say whether lines of a workstation were given up since', async () => {
      const [owner, other] = [await outfit(opened.store), await outfit(opened.store)];
      const gap = anEvent(owner, { n: 7, kind: 'gap', index: null, atMs: 100 });
      const changes = [gap, anEvent(owner, { n: 8, atMs: 200 }), anEvent(other, { atMs: 200 })];
      await insertAll(opened.store, changes.map(insertEvent));
      const { store } = opened;
      expect(await store.offlineGapSince(owner.agent.id, 100)).toBe(true);
      expect(await store.offlineGapSince(owner.agent.id, 101)).toBe(false);
      expect(await store.offlineGapSince(other.agent.id, 0)).toBe(false);
    });
  });

  describe('a purge', () => {
    test('takes handles that have expired and reports of 30 days, the oldest first', async () => {
      const owner = await outfit(opened.store);
      const handles = [2, 3, 1].map((expiresAtMs) => aHandle(owner, { expiresAtMs }));
      const reports = [2, 3, 1].map((at) =>
        aReport(owner.agent, { receivedAtMs: at, id: aHandle(owner).id }),
      );
      await insertAll(opened.store, [
        ...handles.map(insertHandle),
        ...reports.map(insertReport),
        insertPackage(aPackage(owner, { notBeforeMs: 0, notAfterMs: 1 })),
        insertEvent(anEvent(owner, { atMs: 1 })),
      ]);
      const { store } = opened;
      const left = async (): Promise<readonly (readonly number[])[]> => {
        const found = await Promise.all(handles.map(({ id }) => store.retrievalHandleById(id)));
        const kept = await Promise.all(reports.map(({ id }) => store.offlineReportById(id)));
        return [
          found.flatMap((handle) => (handle === null ? [] : [handle.expiresAtMs])),
          kept.flatMap((report) => (report === null ? [] : [report.receivedAtMs])),
        ];
      };
      expect(await store.purge(0, 9)).toBe(0);
      expect(await store.purge(2, 1)).toBe(1);
      expect(await left()).toEqual([
        [2, 3],
        [2, 3, 1],
      ]);
      expect(await store.purge(2, 9)).toBe(1);
      expect(await left()).toEqual([[3], [2, 3, 1]]);
      expect(await store.purge(30 * dayMs, 9)).toBe(1);
      expect(await left()).toEqual([[], [2, 3, 1]]);
      expect(await store.purge(30 * dayMs + 2, 1)).toBe(1);
      expect(await left()).toEqual([[], [2, 3]]);
      expect(await store.purge(30 * dayMs + 2, 9)).toBe(1);
      expect(await left()).toEqual([[], [3]]);
      expect(await store.offlinePackagesOfAgent(owner.agent.id, 9)).toHaveLength(1);
      expect(await store.offlineEvents(owner.agent.id, 1, 9)).toHaveLength(1);
    });
  });
});
