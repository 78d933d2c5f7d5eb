import { describe, expect, test } from 'vitest';
import {
  type EmergencyCode,
  type EmergencyMark,
  emergencyMissesMax,
  endedCode,
} from '../../src/domain/emergency.ts';
import type { CommitResult, RecordChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  anAuthenticator,
  anEntry,
  atMs,
  commitOne,
  freshId,
  insertAll,
  install,
} from './support/records.ts';

const committed = { status: 'committed' };
const onEmergency = { status: 'conflict', on: 'emergency' };
const dayMs = 86_400_000;
const thirtyDaysMs = 30 * dayMs;

eachDatabase((opened) => {
  const inserted = async (more: Partial<EmergencyCode> = {}): Promise<EmergencyCode> => {
    const { user } = await install(opened.store);
    const owner = anAuthenticator({ userId: user.id, assignedAtMs: atMs, assignmentVersion: 3 });
    const record: EmergencyCode = {
      id: freshId(),
      userId: user.id,
      authenticatorId: owner.id,
      assignmentVersion: 3,
      kind: 'tokencode',
      macs: ['aa'],
      sealed: Buffer.of(1, 2, 3),
      isRevealable: true,
      isPinRequired: true,
      isOnlineAllowed: false,
      notAfterMs: atMs + dayMs,
      usesMax: 2,
      useCount: 0,
      missCount: 0,
      state: 'live',
      createdBy: 'test',
      createdAtMs: atMs,
      reveal: null,
      revealedAtMs: null,
      version: 1,
      ...more,
    };
    await insertAll(opened.store, [
      { change: 'insert', kind: 'authenticator', record: owner },
      { change: 'insert', kind: 'emergencyCode', record },
    ]);
    return record;
  };
  const reload = async ({ id }: EmergencyCode): Promise<EmergencyCode> =>
    (await opened.store.emergencyCodeById(id))!;
  const use = (
    { id, macs }: EmergencyCode,
    macsAfter: readonly string[] = macs,
    at: number = atMs,
  ): Promise<CommitResult> =>
    commitOne(opened.store, {
      atMs: at,
      emergencyUse: { codeId: id, macsBefore: macs, macsAfter },
    });
  const mark = ({ id }: EmergencyCode, what: EmergencyMark['mark']): Promise<CommitResult> =>
    commitOne(opened.store, { emergencyMarks: [{ codeId: id, mark: what }] });

  describe('an emergency code', () => {
    test('is read as it was written, and changed by its version', async () => {
      const reveal = { by: 'jane', reason: 'lost', atMs, approvedBy: 'joe' };
      const code = await inserted({ reveal, revealedAtMs: atMs, usesMax: null });
      expect(await reload(code)).toEqual(code);
      const set = { ...endedCode('reset'), reveal: null };
      const change = { change: 'update', kind: 'emergencyCode', id: code.id, set } as const;
      const changed = await opened.store.administer([{ ...change, expectedVersion: 1 }], anEntry);
      expect(changed).toEqual(committed);
      expect(await reload(code)).toEqual({ ...code, ...set, version: 2 });
      const again = await opened.store.administer([{ ...change, expectedVersion: 1 }], anEntry);
      expect(again).toMatchObject({ status: 'conflict' });
    });

    test('is one of its kind that lives for a device', async () => {
      const code = await inserted();
      const record = { ...code, id: freshId() };
      const another: RecordChange = { change: 'insert', kind: 'emergencyCode', record };
      expect(await opened.store.administer([another], anEntry)).toMatchObject({ status: 'exists' });
      const end = {
        change: 'update',
        kind: 'emergencyCode',
        id: code.id,
        expectedVersion: 1,
        set: endedCode('replaced'),
      } as const;
      expect(await opened.store.administer([end, another], anEntry)).toEqual(committed);
      const found = await opened.store.emergencyCodesOfAuthenticator(code.authenticatorId, 10);
      expect(found.map(({ id }) => id)).toEqual([record.id, code.id]);
      const unsettled = await opened.store.emergencyCodesOfUser(code.userId);
      expect(unsettled.map(({ id }) => id)).toEqual([record.id]);
    });

    test('is used as often as it may be, and keeps nothing after the last time', async () => {
      const code = await inserted({ missCount: 4 });
      expect(await use(code)).toEqual(committed);
      expect(await reload(code)).toEqual({ ...code, useCount: 1, missCount: 0, version: 2 });
      expect(await use(code)).toEqual(committed);
      const usedUp = { ...endedCode('used-up'), useCount: 2, missCount: 0, version: 3 };
      expect(await reload(code)).toEqual({ ...code, ...usedUp });
      expect(await use(code)).toEqual(onEmergency);
    });

    test('is raised to the most of its uses by what was reported, and then keeps nothing', async () => {
      const raise = (codeId: string, uses: number): Promise<unknown> =>
        opened.store.administer([{ change: 'raise-emergency', codeId, uses }], anEntry);
      const code = await inserted({ usesMax: 3, missCount: 4 });
      expect(await raise(code.id, 2)).toEqual(committed);
      expect(await reload(code)).toEqual({ ...code, useCount: 2, version: 2 });
      expect(await raise(code.id, 5)).toEqual(committed);
      const usedUp = { ...endedCode('used-up'), useCount: 3, version: 3 };
      expect(await reload(code)).toEqual({ ...code, ...usedUp });
      expect(await raise(code.id, 1)).toEqual(committed);
      expect(await reload(code)).toEqual({ ...code, ...usedUp, version: 4 });
      const ended = await inserted({ ...endedCode('reset') });
      expect(await raise(ended.id, 1)).toEqual(committed);
      expect(await reload(ended)).toEqual({ ...ended, useCount: 1, version: 2 });
      const endless = await inserted({ kind: 'fixed', usesMax: null });
      expect(await raise(endless.id, 9)).toEqual(committed);
      expect(await reload(endless)).toMatchObject({ useCount: 9, state: 'live' });
      expect(await raise(freshId(), 1)).toEqual(committed);
      await expect(raise(code.id, 0)).rejects.toMatchObject({ code: 'store-contract' });
    });

    test('without a limit it is used until it expires', async () => {
      const code = await inserted({ kind: 'fixed', usesMax: null });
      for (let times = 0; times < 3; times += 1) expect(await use(code)).toEqual(committed);
      expect(await reload(code)).toMatchObject({ useCount: 3, state: 'live' });
      expect(await use(code, code.macs, code.notAfterMs - 1)).toEqual(committed);
      expect(await use(code, code.macs, code.notAfterMs)).toEqual(onEmergency);
    });

    test.each([
      'used-up',
      'expired',
      'locked',
      'replaced',
      'reset',
      'revoked',
      'returned',
    ] as const)('that is %s is good for nothing', async (state) => {
      const code = await inserted({ ...endedCode(state) });
      expect(await use(code)).toEqual(onEmergency);
    });

    test('of a set goes, and the others stay', async () => {
      const code = await inserted({ kind: 'one-time', macs: ['aa', 'bb', 'cc'], usesMax: 3 });
      expect(await use(code, ['aa', 'cc'])).toEqual(committed);
      expect(await use(code, ['aa', 'cc'])).toEqual(onEmergency);
      expect(await reload(code)).toMatchObject({ macs: ['aa', 'cc'], state: 'live', useCount: 1 });
    });

    test('of 64 decisions at once one has it', async () => {
      const code = await inserted({ kind: 'one-time', macs: ['aa', 'bb'], usesMax: 2 });
      const results = await Promise.all(Array.from({ length: 64 }, () => use(code, ['bb'])));
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(await reload(code)).toMatchObject({ useCount: 1, macs: ['bb'] });
    });

    test('is locked by wrong tries, which nothing can spoil', async () => {
      const code = await inserted();
      for (let tries = 1; tries < emergencyMissesMax; tries += 1) {
        expect(await mark(code, 'missed')).toEqual(committed);
      }
      const missCount = emergencyMissesMax - 1;
      expect(await reload(code)).toEqual({ ...code, missCount });
      expect(await mark(code, 'missed')).toEqual(committed);
      const locked = { ...code, ...endedCode('locked'), missCount: missCount + 1, version: 2 };
      expect(await reload(code)).toEqual(locked);
      expect(await mark(code, 'missed')).toEqual(committed);
      expect(await mark(code, 'returned')).toEqual(committed);
      expect(await reload(code)).toEqual(locked);
    });

    test('20 wrong tries at once are all counted, until it is locked', async () => {
      const code = await inserted();
      await Promise.all(Array.from({ length: 20 }, () => mark(code, 'missed')));
      expect(await reload(code)).toMatchObject({ state: 'locked', missCount: emergencyMissesMax });
    });

    test('ends when its device is shown', async () => {
      const code = await inserted({ missCount: 2 });
      expect(await mark(code, 'returned')).toEqual(committed);
      expect(await reload(code)).toEqual({ ...code, ...endedCode('returned'), version: 2 });
    });

    test('is not used and marked at once: the caller has a mistake', async () => {
      const { id, macs } = await inserted();
      const decision = {
        emergencyUse: { codeId: id, macsBefore: macs, macsAfter: macs },
        emergencyMarks: [{ codeId: id, mark: 'missed' as const }],
      };
      await expect(commitOne(opened.store, decision)).rejects.toMatchObject({
        code: 'store-contract',
      });
    });

    test('is found when its time is over, and purged a month after if it was looked after', async () => {
      const over = await inserted({ notAfterMs: 5 });
      const ended = await inserted({ ...endedCode('reset'), notAfterMs: 5 });
      const expired = await inserted({ ...endedCode('expired'), notAfterMs: 5 });
      const found = await opened.store.emergencyCodesOver(5, 100);
      expect(found.map(({ id }) => id)).toEqual([over.id]);
      expect(await opened.store.emergencyCodesOver(4, 100)).toEqual([]);
      await opened.store.purge(4 + thirtyDaysMs, 100);
      expect(await opened.store.emergencyCodeById(ended.id)).not.toBeNull();
      await opened.store.purge(5 + thirtyDaysMs, 100);
      expect(await opened.store.emergencyCodeById(ended.id)).toBeNull();
      expect(await opened.store.emergencyCodeById(over.id)).not.toBeNull();
      expect(await opened.store.emergencyCodeById(expired.id)).not.toBeNull();
    });
  });
});
