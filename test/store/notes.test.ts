import { describe, expect, test } from 'vitest';
import { freshId } from './support/records.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  advanceTo,
  anEntry,
  atMs,
  commitOne,
  install,
  reloadApplication,
} from './support/records.ts';

const committed = { status: 'committed' };
const aNote = {
  kind: 'application',
  failures: 1,
  failureCountBelow: null,
  pendingSync: null,
} as const;
const conflict = { status: 'conflict', on: 'application' };

eachDatabase((opened) => {
  describe('a note', () => {
    test('adds its failure and replaces what is remembered', async () => {
      const installed = await install(opened.store);
      const { id: applicationId, epoch } = installed.application;
      const note = { kind: 'application', applicationId, epoch, failureCountBelow: null } as const;
      for (const [failures, pendingSync, count] of [
        [1, '{"a":1}', 1],
        [1, null, 2],
        [0, 'x', 2],
      ] as const) {
        const notes = [{ ...note, failures, pendingSync }];
        expect(await commitOne(opened.store, { notes })).toEqual(committed);
        expect(await reloadApplication(opened.store, installed)).toEqual({
          ...installed.application,
          failureCount: count,
          pendingSync,
        });
      }
    });

    test('conflicts in another epoch, and takes all else back', async () => {
      const installed = await install(opened.store);
      const { user, application } = installed;
      for (const [applicationId, epoch] of [
        [application.id, 1],
        [freshId(), 0],
      ] as const) {
        const change = { kind: 'failure', userId: user.id, threshold: 3 } as const;
        const notes = [{ ...aNote, applicationId, epoch }];
        expect(await commitOne(opened.store, { user: change, notes })).toEqual(conflict);
      }
      expect(await opened.store.userById(user.id)).toEqual(user);
    });

    test('conflicts from its threshold on, so that many at once are no more guesses', async () => {
      const { application } = await install(opened.store, { application: { failureCount: 2 } });
      const { id: applicationId, epoch } = application;
      const notes = [{ ...aNote, applicationId, epoch, failureCountBelow: 3 }];
      expect(await commitOne(opened.store, { notes })).toEqual(committed);
      expect(await commitOne(opened.store, { notes })).toEqual(conflict);
    });

    test('of nobody writes a row of its own beside the decoy failure', async () => {
      const notes = [{ kind: 'decoy' }] as const;
      const result = await commitOne(opened.store, { user: { kind: 'decoy' }, notes });
      expect(result).toEqual(committed);
    });

    test('on what the decision advances is refused', async () => {
      const { application } = await install(opened.store);
      const { id: applicationId, epoch } = application;
      const notes = [{ ...aNote, applicationId, epoch }] as const;
      const decision = commitOne(opened.store, { notes, advance: advanceTo(application, 9n) });
      await expect(decision).rejects.toMatchObject({ code: 'store-contract' });
    });
  });

  describe('an advance', () => {
    test('forgets failures and what was remembered', async () => {
      const before = { failureCount: 2, pendingSync: 'x' };
      const installed = await install(opened.store, { application: before });
      const advance = advanceTo(installed.application, 7n);
      expect(await commitOne(opened.store, { advance })).toEqual(committed);
      const after = await reloadApplication(opened.store, installed);
      expect(after).toMatchObject({ failureCount: 0, pendingSync: null });
    });

    test('that forgives nothing keeps the failures', async () => {
      const before = { failureCount: 2, pendingSync: 'x' };
      const installed = await install(opened.store, { application: before });
      const advance = { ...advanceTo(installed.application, 7n), isForgiving: false };
      expect(await commitOne(opened.store, { advance })).toEqual(committed);
      const after = await reloadApplication(opened.store, installed);
      expect(after).toMatchObject({ lastStep: 7n, failureCount: 2, pendingSync: null });
    });

    test('conflicts from its threshold of failures on', async () => {
      const { application } = await install(opened.store, { application: { failureCount: 3 } });
      const below = (failureCountBelow: number | null): ReturnType<typeof advanceTo> => {
        const advance = advanceTo(application, 7n);
        return { ...advance, guard: { ...advance.guard, failureCountBelow } };
      };
      expect(await commitOne(opened.store, { advance: below(3) })).toEqual(conflict);
      expect(await commitOne(opened.store, { advance: below(4) })).toEqual(committed);
    });

    test('that confirms a remembered response conflicts when it is another', async () => {
      const { application } = await install(opened.store, { application: { pendingSync: 'x' } });
      const confirming = (pendingSync: string): ReturnType<typeof advanceTo> => {
        const advance = advanceTo(application, 7n);
        return { ...advance, guard: { ...advance.guard, pendingSync } };
      };
      expect(await commitOne(opened.store, { advance: confirming('y') })).toEqual(conflict);
      expect(await commitOne(opened.store, { advance: confirming('x') })).toEqual(committed);
    });
  });

  describe('events about a subject', () => {
    test('come newest first, whatever the spelling, and no others', async () => {
      const subject = `Master/Jane-${freshId()}`;
      for (const [later, about] of [
        [1, subject],
        [3, subject.toUpperCase()],
        [2, `${subject}x`],
      ] as const) {
        await commitOne(opened.store, {
          audit: { ...anEntry, subject: about, atMs: atMs + later },
        });
      }
      const found = await opened.store.auditEventsAbout(subject.toLowerCase(), 10);
      expect(found.map((event) => event.atMs - atMs)).toEqual([3, 1]);
      expect(await opened.store.auditEventsAbout(subject, 1)).toHaveLength(1);
    });
  });
});
