import { describe, expect, test } from 'vitest';
import type { Session } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  anEntry,
  aSession,
  atMs,
  commitOne,
  freshId,
  install,
  insertAll,
  reloadUser,
} from './support/records.ts';

const committed = { status: 'committed' };
const conflict = (on: string): object => ({ status: 'conflict', on });

eachDatabase((opened) => {
  const open = async (more: Partial<Session> = {}): Promise<Session> => {
    const { user } = await install(opened.store);
    const session = aSession(user.id, more);
    expect(await commitOne(opened.store, { openSession: session })).toEqual(committed);
    return session;
  };

  describe('a session', () => {
    test('is opened by a decision and found by its digest, as it was given', async () => {
      const session = await open({
        componentType: 'Administration Program',
        peerAddress: '2001:db8::7',
        createdAtMs: atMs - 3,
        lastUsedAtMs: atMs - 2,
      });
      expect(await opened.store.findSession(session.idSha256)).toEqual(session);
      expect(await opened.store.findSession(session.idSha256.toUpperCase())).toBeNull();
      expect(await opened.store.findSession('')).toBeNull();
    });

    test('of a user who is gone conflicts on the user', async () => {
      const { user } = await install(opened.store);
      const change = { kind: 'success', userId: user.id, threshold: 3 } as const;
      const openSession = aSession(freshId());
      expect(await commitOne(opened.store, { openSession })).toEqual(conflict('user'));
      const both = { openSession, user: change };
      expect(await commitOne(opened.store, both)).toEqual(conflict('user'));
      expect(await reloadUser(opened.store, user)).toEqual(user);
      expect(await opened.store.findSession(openSession.idSha256)).toBeNull();
    });

    test('is not opened when the decision conflicts elsewhere', async () => {
      const { user } = await install(opened.store);
      const openSession = aSession(user.id);
      const challengeIds = [freshId()];
      expect(await commitOne(opened.store, { openSession, challengeIds })).toEqual(
        conflict('challenge'),
      );
      expect(await opened.store.findSession(openSession.idSha256)).toBeNull();
    });

    test('ends once; ending it again takes all else back', async () => {
      const { idSha256, userId } = await open();
      const other = await open();
      expect(await commitOne(opened.store, { endSession: idSha256 })).toEqual(committed);
      expect(await opened.store.findSession(idSha256)).toBeNull();
      expect(await opened.store.findSession(other.idSha256)).toEqual(other);
      const user = await opened.store.userById(userId);
      const change = { kind: 'success', userId, threshold: 3 } as const;
      const again = { endSession: idSha256, user: change };
      expect(await commitOne(opened.store, again)).toEqual(conflict('session'));
      expect(await opened.store.userById(userId)).toEqual(user);
    });

    test('is ended by one of those who try at once', async () => {
      const { idSha256 } = await open();
      const results = await Promise.all(
        Array.from({ length: 8 }, () => commitOne(opened.store, { endSession: idSha256 })),
      );
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'conflict')).toHaveLength(7);
    });

    test('is noted as used while it is there', async () => {
      const session = await open();
      const other = await open();
      expect(await opened.store.touchSession(session.idSha256, atMs + 5)).toBe(true);
      const used = { ...session, lastUsedAtMs: atMs + 5 };
      expect(await opened.store.findSession(session.idSha256)).toEqual(used);
      expect(await opened.store.findSession(other.idSha256)).toEqual(other);
      await commitOne(opened.store, { endSession: session.idSha256 });
      expect(await opened.store.touchSession(session.idSha256, atMs + 6)).toBe(false);
    });

    test('counts for its user until it expires or goes unused', async () => {
      const { userId, expiresAtMs } = await open();
      const openSession = aSession(userId, { lastUsedAtMs: atMs + 9 });
      await commitOne(opened.store, { openSession });
      await open();
      const count = (nowMs: number, usedSinceMs = 0): Promise<number> =>
        opened.store.countSessions(userId, nowMs, usedSinceMs);
      expect(await count(expiresAtMs - 1)).toBe(2);
      expect(await count(expiresAtMs)).toBe(0);
      expect(await count(atMs, atMs)).toBe(2);
      expect(await count(atMs, atMs + 1)).toBe(1);
      expect(await count(atMs, atMs + 10)).toBe(0);
      expect(await opened.store.countSessions(freshId(), atMs, 0)).toBe(0);
    });

    test('is purged from the instant it expires', async () => {
      const expiresAtMs = atMs - 1000;
      const { idSha256 } = await open({ expiresAtMs });
      const other = await open();
      await opened.store.purge(expiresAtMs - 1, 1000);
      expect(await opened.store.findSession(idSha256)).not.toBeNull();
      await opened.store.purge(expiresAtMs, 1000);
      expect(await opened.store.findSession(idSha256)).toBeNull();
      expect(await opened.store.findSession(other.idSha256)).toEqual(other);
    });

    test('ends with all others of its user, and with no more', async () => {
      const { userId, idSha256 } = await open();
      const openSession = aSession(userId);
      await commitOne(opened.store, { openSession });
      const other = await open();
      const change = (expectedVersion: number, endsSessions?: boolean) =>
        opened.store.administer(
          [
            {
              change: 'update',
              kind: 'user',
              id: userId,
              expectedVersion,
              set: { isDisabled: true },
              ...(endsSessions === undefined ? {} : { endsSessions }),
            },
          ],
          anEntry,
        );
      const found = async (): Promise<boolean[]> => {
        const ids = [idSha256, openSession.idSha256, other.idSha256];
        const sessions = await Promise.all(ids.map((id) => opened.store.findSession(id)));
        return sessions.map((session) => session !== null);
      };
      expect(await change(1)).toEqual({ status: 'committed' });
      expect(await found()).toEqual([true, true, true]);
      expect(await change(1, true)).toMatchObject({ status: 'conflict' });
      expect(await found()).toEqual([true, true, true]);
      expect(await change(2, true)).toEqual({ status: 'committed' });
      expect(await found()).toEqual([false, false, true]);
    });

    test('goes with its user', async () => {
      const { user, authenticator, application } = await install(opened.store);
      const openSession = aSession(user.id);
      await commitOne(opened.store, { openSession });
      const gone = <Kind extends string>(kind: Kind, id: string) =>
        ({ change: 'delete', kind, id, expectedVersion: 1 }) as const;
      await insertAll(opened.store, [
        gone('application', application.id),
        gone('authenticator', authenticator.id),
        gone('user', user.id),
      ]);
      expect(await opened.store.findSession(openSession.idSha256)).toBeNull();
    });
  });
});
