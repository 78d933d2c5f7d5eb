import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import type { ApplicationRaise } from '../../src/domain/offline.ts';
import type { AdministerResult, Raise, RecordChange, Store } from '../../src/service/store.ts';
import { openTestStore } from './support/databases.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  anAgent,
  anEvent,
  aPackage,
  insertAgent,
  insertEvent,
  insertPackage,
} from './support/offline.ts';
import {
  advanceTo,
  anEntry,
  atMs,
  commitOne,
  freshId,
  insertAll,
  install,
  type Installed,
  reloadApplication,
  reloadUser,
} from './support/records.ts';

const committed = { status: 'committed' };
const contract = { code: 'store-contract' };
const used = {
  nextEventCounter: 10n,
  lastStep: 20n,
  floorMs: 30,
  driftSeconds: 0.5,
  driftAtMs: 50,
  epoch: 3,
} satisfies Partial<Application>;
const lower = { nextEventCounter: 9n, lastStep: 19n, floorMs: 29 };
const higher = { nextEventCounter: 11n, lastStep: 21n, floorMs: 31 };

eachDatabase((opened) => {
  const administer = (...changes: readonly (RecordChange | Raise)[]): Promise<AdministerResult> =>
    opened.store.administer(changes, anEntry);
  const raising = (
    { application }: Installed,
    more: Partial<ApplicationRaise>,
  ): Raise & { readonly change: 'raise-application' } => ({
    change: 'raise-application',
    applicationId: application.id,
    epoch: application.epoch,
    ...lower,
    drift: null,
    ...more,
  });
  const raised = async (
    installed: Installed,
    more: Partial<ApplicationRaise>,
  ): Promise<Application> => {
    expect(await administer(raising(installed, more))).toEqual(committed);
    return await reloadApplication(opened.store, installed);
  };

  describe('an application', () => {
    test('is raised, each number for itself, and never lowered', async () => {
      const installed = await install(opened.store, { application: used });
      const { application } = installed;
      expect(await raised(installed, {})).toEqual(application);
      const counter = { nextEventCounter: 2n ** 53n - 1n };
      expect(await raised(installed, counter)).toEqual({ ...application, ...counter });
      const { lastStep, floorMs } = higher;
      expect(await raised(installed, { lastStep })).toMatchObject({ lastStep, floorMs: 30 });
      const after = { ...application, ...counter, lastStep, floorMs };
      expect(await raised(installed, { floorMs })).toEqual(after);
    });

    test('of another epoch, or that is gone, is left alone, which is no conflict', async () => {
      const installed = await install(opened.store, { application: used });
      const drift = { driftSeconds: 7, driftAtMs: 60 };
      for (const epoch of [2, 4]) {
        expect(await raised(installed, { ...higher, drift, epoch })).toEqual(installed.application);
      }
      const gone = raising(installed, { applicationId: freshId() });
      const before = await opened.store.auditInstances();
      expect(await administer(gone)).toEqual(committed);
      const [was, is] = [before, await opened.store.auditInstances()];
      expect(is[0]?.sequence).toBe((was[0]?.sequence ?? 0) + 1);
    });

    test('learns a drift that is given, is not older and not frozen out', async () => {
      const installed = await install(opened.store, { application: used });
      const { application } = installed;
      const drift = { driftSeconds: -12.25, driftAtMs: 50 };
      expect(await raised(installed, { drift })).toEqual({ ...application, ...drift });
      const older = { driftSeconds: 3, driftAtMs: 49 };
      const after = { ...application, ...drift, ...higher };
      expect(await raised(installed, { ...higher, drift: older })).toEqual(after);
      expect(await raised(installed, {})).toEqual(after);
      const first = await install(opened.store);
      expect(first.application.driftAtMs).toBeNull();
      expect(await raised(first, { drift })).toMatchObject(drift);
      const frozen = await install(opened.store, {
        application: { ...used, isDriftFrozen: true },
      });
      const later = { driftSeconds: 9, driftAtMs: 99 };
      const kept = { ...frozen.application, ...higher };
      expect(await raised(frozen, { ...higher, drift: later })).toEqual(kept);
    });

    test('is raised to nothing that could not be read again', async () => {
      const installed = await install(opened.store);
      const wrong: readonly Partial<ApplicationRaise>[] = [
        { nextEventCounter: 2n ** 53n },
        { lastStep: 2n ** 53n },
        { floorMs: Number.NaN },
        { drift: { driftSeconds: Number.POSITIVE_INFINITY, driftAtMs: 1 } },
      ];
      for (const more of wrong) {
        await expect(administer(raising(installed, more))).rejects.toMatchObject(contract);
      }
    });
  });

  describe('a count of failures', () => {
    const count = async (
      lockCount: number,
      failures: number,
      countMax: number,
    ): Promise<number> => {
      const { user } = await install(opened.store, { user: { lockCount } });
      const raise = { change: 'raise-user', userId: user.id, failures, countMax } as const;
      expect(await administer(raise)).toEqual(committed);
      const after = await reloadUser(opened.store, user);
      expect(after).toEqual({ ...user, lockCount: after.lockCount });
      return after.lockCount;
    };

    test('rises by what was reported, not beyond the most, and never falls', async () => {
      expect(await count(1, 2, 9)).toBe(3);
      expect(await count(1, 2, 3)).toBe(3);
      expect(await count(1, 2, 2)).toBe(2);
      expect(await count(0, 1_000, 2)).toBe(2);
      expect(await count(2, 1, 2)).toBe(2);
      expect(await count(5, 3, 2)).toBe(5);
      expect(await count(5, 0, 9)).toBe(5);
      expect(await count(0, 0, 0)).toBe(0);
    });

    test('of nobody is no conflict; a negative one is a mistake', async () => {
      const raise = { change: 'raise-user', userId: freshId(), failures: 1, countMax: 2 } as const;
      expect(await administer(raise)).toEqual(committed);
      await expect(administer({ ...raise, failures: -1 })).rejects.toMatchObject(contract);
    });
  });

  describe('an event counter', () => {
    const moving = (
      { application }: Installed,
      change: 'reserve' | 'release',
      [from, to]: readonly [bigint, bigint],
      epoch = application.epoch,
    ): Raise => ({ change, applicationId: application.id, epoch, from, to });

    test('is reserved from exactly where it was seen, and released likewise', async () => {
      const installed = await install(opened.store, { application: used });
      const { application } = installed;
      const reserve = moving(installed, 'reserve', [10n, 110n]);
      expect(await administer(reserve)).toEqual(committed);
      const reserved = { ...application, nextEventCounter: 110n };
      expect(await reloadApplication(opened.store, installed)).toEqual(reserved);
      const misses = [
        reserve,
        moving(installed, 'release', [109n, 20n]),
        moving(installed, 'release', [111n, 20n]),
        moving(installed, 'release', [110n, 20n], 2),
        moving({ ...installed, application: { ...application, id: freshId() } }, 'release', [
          110n,
          20n,
        ]),
      ];
      for (const miss of misses) {
        expect(await administer(miss)).toEqual({ status: 'conflict', index: 0 });
      }
      expect(await reloadApplication(opened.store, installed)).toEqual(reserved);
      expect(await administer(moving(installed, 'release', [110n, 20n]))).toEqual(committed);
      expect(await reloadApplication(opened.store, installed)).toEqual({
        ...application,
        nextEventCounter: 20n,
      });
    });

    test('is not given back over what anybody was seen to use', async () => {
      const installed = await install(opened.store, { application: { ...used, epoch: 3 } });
      const agent = anAgent();
      const older = aPackage({ ...installed, agent }, { epoch: 2 });
      const about = { agent, application: installed.application };
      await insertAll(opened.store, [
        insertAgent(agent),
        insertPackage(older),
        insertEvent(anEvent(about, { n: 1, index: 5n })),
        insertEvent(anEvent(about, { n: 2, index: 10n })),
        insertEvent(anEvent(about, { n: 3, index: 8n, packageId: older.id })),
      ]);
      const releasing = (to: bigint): Promise<unknown> =>
        administer(moving(installed, 'release', [10n, to]));
      expect(await releasing(5n)).toEqual({ status: 'conflict', index: 0 });
      // Behind the use, over one of another epoch, and below one of what is not given back.
      expect(await releasing(6n)).toEqual(committed);
      expect((await reloadApplication(opened.store, installed)).nextEventCounter).toBe(6n);
    });

    test('that has moved takes all that went with it back, and says which it was', async () => {
      const installed = await install(opened.store, { application: used });
      const { user, application } = installed;
      const before = await opened.store.auditInstances();
      const result = await administer(
        { change: 'raise-user', userId: user.id, failures: 1, countMax: 9 },
        raising(installed, higher),
        moving(installed, 'reserve', [10n, 110n]),
      );
      expect(result).toEqual({ status: 'conflict', index: 2 });
      expect(await reloadUser(opened.store, user)).toEqual(user);
      expect(await reloadApplication(opened.store, installed)).toEqual(application);
      expect(await opened.store.auditInstances()).toEqual(before);
    });

    test('is reserved upwards and released downwards, and is a number of this world', async () => {
      const installed = await install(opened.store, { application: used });
      const wrong = [
        moving(installed, 'reserve', [10n, 9n]),
        moving(installed, 'release', [10n, 11n]),
        moving(installed, 'reserve', [10n, 2n ** 53n]),
        moving(installed, 'release', [10n, -1n]),
      ];
      for (const one of wrong) await expect(administer(one)).rejects.toMatchObject(contract);
    });
  });

  describe('at once, from two servers where there can be two', () => {
    let stores: readonly [Store, Store];
    beforeAll(async () => {
      const { database, kind, store } = opened;
      const isShared = kind.name === 'PostgreSQL';
      stores = [
        store,
        isShared ? await openTestStore(database.location, { instance: 'two' }) : store,
      ];
    });
    afterAll(async () => {
      if (stores[1] !== opened.store) await stores[1].close();
    });
    /** 64 changes, one after the other to the one and to the other. */
    const race = (change: (index: number) => Raise): Promise<readonly AdministerResult[]> =>
      Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          (index % 2 === 0 ? stores[0] : stores[1]).administer([change(index)], anEntry),
        ),
      );

    test('raises leave the highest of each number', async () => {
      const installed = await install(opened.store);
      const results = await race((index) =>
        raising(installed, {
          nextEventCounter: BigInt((index * 37) % 64),
          lastStep: BigInt((index * 29) % 64),
          floorMs: (index * 23) % 64,
          drift: { driftSeconds: (index * 19) % 64, driftAtMs: (index * 19) % 64 },
        }),
      );
      expect(results).toEqual(results.map(() => committed));
      expect(await reloadApplication(opened.store, installed)).toEqual({
        ...installed.application,
        nextEventCounter: 63n,
        lastStep: 63n,
        floorMs: 63,
        driftSeconds: 63,
        driftAtMs: 63,
      });
    });

    test('a raise and a logon leave the later step, whichever came first', async () => {
      for (let round = 0; round < 16; round += 1) {
        const [online, reported] = round % 2 === 0 ? ([7n, 5n] as const) : ([5n, 7n] as const);
        const installed = await install(opened.store);
        const { application } = installed;
        const logon = (): Promise<unknown> =>
          commitOne(stores[1], { advance: advanceTo(application, online) });
        const numbers = { nextEventCounter: 0n, lastStep: reported };
        const raise = (): Promise<unknown> =>
          stores[0].administer([raising(installed, numbers)], anEntry);
        const [first, second] = round % 4 < 2 ? [logon, raise] : [raise, logon];
        // One by one, then at once.
        if (round < 4) await first();
        await Promise.all(round < 4 ? [second()] : [first(), second()]);
        const { lastStep } = await reloadApplication(opened.store, installed);
        expect(lastStep).toBe(7n);
        const again = await commitOne(stores[0], { advance: advanceTo(application, 7n) });
        expect(again).toEqual({ status: 'conflict', on: 'application' });
      }
    });

    test('failures that were reported are all counted, up to the most', async () => {
      const { user } = await install(opened.store);
      const one = { change: 'raise-user', userId: user.id, failures: 1 } as const;
      await race(() => ({ ...one, countMax: 60 }));
      expect((await reloadUser(opened.store, user)).lockCount).toBe(60);
      await race(() => ({ ...one, countMax: 1_000 }));
      expect(await reloadUser(opened.store, user)).toEqual({ ...user, lockCount: 124 });
    });

    test('what is used while counters are given back stays used', async () => {
      for (let round = 0; round < 24; round += 1) {
        const reserved = { ...used, nextEventCounter: 110n };
        const installed = await install(opened.store, { application: reserved });
        const agent = anAgent();
        await insertAll(opened.store, [insertAgent(agent)]);
        const { application } = installed;
        const using = [
          raising(installed, { nextEventCounter: 51n }),
          insertEvent(anEvent({ agent, application }, { index: 50n })),
        ];
        const { id: applicationId, epoch } = application;
        const releasing = { change: 'release', applicationId, epoch, from: 110n, to: 20n } as const;
        const both = [
          (): Promise<unknown> => stores[0].administer(using, anEntry),
          (): Promise<unknown> => stores[1].administer([releasing], anEntry),
        ];
        if (round % 2 === 1) both.reverse();
        await Promise.all(both.map((each) => each()));
        const { nextEventCounter } = await reloadApplication(opened.store, installed);
        expect(nextEventCounter).toBeGreaterThan(50n);
      }
    });

    test('of all who take the same turn one does', async () => {
      const { authenticator } = await install(opened.store);
      const results = await race(() => ({
        change: 'take-turn',
        of: 'authenticator',
        id: authenticator.id,
        expectedVersion: 1,
        turn: 0,
      }));
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(await opened.store.offlineTurn('authenticator', authenticator.id)).toBe(1);
    });

    test('the same counters are reserved once', async () => {
      const installed = await install(opened.store, { application: used });
      const results = await race((index) => ({
        change: 'reserve',
        applicationId: installed.application.id,
        epoch: 3,
        from: 10n,
        to: BigInt(100 + index),
      }));
      const won = results.findIndex(({ status }) => status === 'committed');
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'conflict')).toHaveLength(63);
      const { nextEventCounter } = await reloadApplication(opened.store, installed);
      expect(nextEventCounter).toBe(BigInt(100 + won));
    });
  });

  test('raising leaves the versions that administrators have seen', async () => {
    const installed = await install(opened.store, { application: used });
    await administer(raising(installed, higher), {
      change: 'raise-user',
      userId: installed.user.id,
      failures: 1,
      countMax: 9,
    });
    const update = { change: 'update', expectedVersion: 1, set: { isDisabled: true } } as const;
    const result = await administer(
      { ...update, kind: 'user', id: installed.user.id },
      { ...update, kind: 'application', id: installed.application.id },
    );
    expect(result).toEqual(committed);
    expect(await reloadUser(opened.store, installed.user)).toMatchObject({
      lockCount: 1,
      lastAttemptAtMs: null,
      createdAtMs: atMs,
    });
  });
});
