import { describe, expect, test } from 'vitest';
import { eachDatabase } from './support/each-database.ts';
import {
  aChallenge,
  advanceTo,
  anAnswer,
  atMs,
  commitOne,
  freshId,
  install,
  reloadApplication,
  reloadUser,
} from './support/records.ts';

const committed = { status: 'committed' };
const conflict = (on: string): object => ({ status: 'conflict', on });

eachDatabase((opened) => {
  describe('an assignment', () => {
    test('that still holds notes the use', async () => {
      const { authenticator, user } = await install(opened.store);
      const use = { authenticatorId: authenticator.id, userId: user.id, assignmentVersion: 1 };
      expect(await commitOne(opened.store, { authenticator: use })).toEqual(committed);
      const found = await opened.store.authenticatorBySerial(authenticator.serial);
      expect(found?.authenticator).toEqual({ ...authenticator, lastUsedAtMs: atMs });
    });

    test('conflicts when it is another, older or gone, and takes all else back', async () => {
      const { authenticator, user } = await install(opened.store);
      const use = { authenticatorId: authenticator.id, userId: user.id, assignmentVersion: 1 };
      const others = [
        { ...use, userId: freshId() },
        { ...use, assignmentVersion: 0 },
        { ...use, assignmentVersion: 2 },
        { ...use, authenticatorId: freshId() },
      ];
      const change = { kind: 'success', userId: user.id, threshold: 3 } as const;
      for (const other of others) {
        const result = await commitOne(opened.store, { user: change, authenticator: other });
        expect(result).toEqual(conflict('authenticator'));
      }
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });
  });

  describe('an advance', () => {
    test('moves everything it sets', async () => {
      const installed = await install(opened.store);
      const { application } = installed;
      const advance = {
        ...advanceTo(application, 57n),
        set: {
          nextEventCounter: 9n,
          lastStep: 57n,
          floorMs: 1_710_000,
          spentChallenges: ['a"b', 'ü'],
          driftSeconds: -44.25,
          driftAtMs: atMs,
          driftHistory: '1:2',
        },
      };
      expect(await commitOne(opened.store, { advance })).toEqual(committed);
      const after = { ...application, ...advance.set, lastUsedAtMs: atMs };
      expect(await reloadApplication(opened.store, installed)).toEqual(after);
    });

    test('conflicts at or behind the last step, never ahead of it', async () => {
      const installed = await install(opened.store, { application: { lastStep: 10n } });
      for (const step of [9n, 10n]) {
        const advance = advanceTo(installed.application, step);
        expect(await commitOne(opened.store, { advance })).toEqual(conflict('application'));
      }
      expect(await reloadApplication(opened.store, installed)).toEqual(installed.application);
      const advance = advanceTo(installed.application, 11n);
      expect(await commitOne(opened.store, { advance })).toEqual(committed);
    });

    test('conflicts when the stored counter is beyond the accepted one', async () => {
      const { application } = await install(opened.store, {
        application: { nextEventCounter: 7n },
      });
      const at = (counter: bigint): ReturnType<typeof advanceTo> => ({
        ...advanceTo(application, 0n),
        guard: {
          ...advanceTo(application, 0n).guard,
          nextEventCounterAtMost: counter,
        },
        set: { ...advanceTo(application, -1n).set, nextEventCounter: counter + 1n },
      });
      expect(await commitOne(opened.store, { advance: at(6n) })).toEqual(conflict('application'));
      expect(await commitOne(opened.store, { advance: at(7n) })).toEqual(committed);
      expect(await commitOne(opened.store, { advance: at(7n) })).toEqual(conflict('application'));
      expect(await commitOne(opened.store, { advance: at(20n) })).toEqual(committed);
    });

    test('conflicts in another epoch', async () => {
      const { application } = await install(opened.store, { application: { epoch: 2 } });
      for (const epoch of [1, 3]) {
        const advance = { ...advanceTo(application, 5n), epoch };
        expect(await commitOne(opened.store, { advance })).toEqual(conflict('application'));
      }
    });

    test('at the same step passes for exactly the spent challenges it saw', async () => {
      const state = { lastStep: 10n, spentChallenges: ['11111111'] };
      const { application } = await install(opened.store, { application: state });
      const base = advanceTo(application, 10n);
      const seeing = (orSpentChallenges: readonly string[] | null): typeof base => ({
        ...base,
        guard: { ...base.guard, orSpentChallenges },
        set: { ...base.set, spentChallenges: ['11111111', '22222222'] },
      });
      for (const seen of [null, [], ['22222222'], ['11111111', '22222222']]) {
        const result = await commitOne(opened.store, { advance: seeing(seen) });
        expect(result).toEqual(conflict('application'));
      }
      expect(await commitOne(opened.store, { advance: seeing(['11111111']) })).toEqual(committed);
      const again = await commitOne(opened.store, { advance: seeing(['11111111']) });
      expect(again).toEqual(conflict('application'));
    });

    test('carries its followers or fails with them', async () => {
      const first = await install(opened.store);
      const other = await install(opened.store);
      const follower = { applicationId: other.application.id, epoch: 0, driftSeconds: 12.5 };
      const advance = advanceTo(first.application, 3n);
      const stale = { ...follower, epoch: 1, driftAtMs: atMs };
      expect(await commitOne(opened.store, { advance, followers: [stale] })).toEqual(
        conflict('application'),
      );
      expect(await reloadApplication(opened.store, first)).toEqual(first.application);
      const followers = [{ ...follower, driftAtMs: atMs }];
      expect(await commitOne(opened.store, { advance, followers })).toEqual(committed);
      expect(await reloadApplication(opened.store, other)).toEqual({
        ...other.application,
        driftSeconds: 12.5,
        driftAtMs: atMs,
      });
    });
  });

  describe('a challenge', () => {
    test('is issued, found, counted and consumed once', async () => {
      const { user } = await install(opened.store);
      const challenge = aChallenge(user.id, { componentType: 'Web Sign-On' });
      const open = (at: number): Promise<readonly string[]> =>
        opened.store.openChallengeIds(user.id, 'web SIGN-on', at);
      expect(await commitOne(opened.store, { issue: challenge })).toEqual(committed);
      expect(await opened.store.findChallenge(user.id, 'web sign-on', '12345678')).toEqual(
        challenge,
      );
      expect(await opened.store.findChallenge(user.id, 'other', '12345678')).toBeNull();
      expect(await opened.store.findChallenge(freshId(), 'Web Sign-On', '12345678')).toBeNull();
      const newest = (at: number): Promise<unknown> =>
        opened.store.newestOpenChallenge(user.id, 'WEB sign-on', at);
      expect(await newest(atMs)).toEqual(challenge);
      expect(await newest(challenge.expiresAtMs)).toBeNull();
      expect(await opened.store.newestOpenChallenge(user.id, 'other', atMs)).toBeNull();
      expect(await open(atMs)).toEqual([challenge.id]);
      expect(await open(challenge.expiresAtMs)).toEqual([]);
      expect(await opened.store.openChallengeIds(user.id, 'other', atMs)).toEqual([]);
      const challengeIds = [challenge.id];
      expect(await commitOne(opened.store, { challengeIds })).toEqual(committed);
      expect(await commitOne(opened.store, { challengeIds })).toEqual(conflict('challenge'));
      expect(await open(atMs)).toEqual([]);
      expect(await newest(atMs)).toBeNull();
      const spent = { ...challenge, consumedAtMs: atMs };
      expect(await opened.store.findChallenge(user.id, 'Web Sign-On', '12345678')).toEqual(spent);
    });

    test('conflicts from the instant it expires, and when there is none', async () => {
      const { user } = await install(opened.store);
      const challenge = aChallenge(user.id, { expiresAtMs: atMs });
      await commitOne(opened.store, { issue: challenge });
      for (const id of [challenge.id, freshId()]) {
        expect(await commitOne(opened.store, { challengeIds: [id] })).toEqual(
          conflict('challenge'),
        );
      }
      const early = { atMs: atMs - 1, challengeIds: [challenge.id] };
      expect(await commitOne(opened.store, early)).toEqual(committed);
    });

    test('of a pair is consumed with the other or not at all', async () => {
      const { user } = await install(opened.store);
      const [first, second, third] = [1, 2, 3].map(() => aChallenge(user.id));
      for (const issue of [first!, second!, third!]) {
        await commitOne(opened.store, { issue });
      }
      expect(await commitOne(opened.store, { challengeIds: [second!.id] })).toEqual(committed);
      const pair = [first!.id, second!.id];
      expect(await commitOne(opened.store, { challengeIds: pair })).toEqual(conflict('challenge'));
      const good = [first!.id, third!.id];
      expect(await commitOne(opened.store, { challengeIds: good })).toEqual(committed);
      const twice = aChallenge(user.id);
      await commitOne(opened.store, { issue: twice });
      const same = [twice.id, twice.id];
      expect(await commitOne(opened.store, { challengeIds: same })).toEqual(committed);
    });

    test('finds the newest of the same text', async () => {
      const { user } = await install(opened.store);
      const older = aChallenge(user.id, { issuedAtMs: atMs - 10 });
      const newer = aChallenge(user.id);
      await commitOne(opened.store, { issue: newer });
      await commitOne(opened.store, { issue: older });
      expect(await opened.store.findChallenge(user.id, 'Gateway', '12345678')).toEqual(newer);
      expect(await opened.store.openChallengeIds(user.id, 'Gateway', atMs)).toEqual([
        newer.id,
        older.id,
      ]);
    });

    test('for a user who is gone conflicts on the user', async () => {
      const issue = aChallenge(freshId());
      expect(await commitOne(opened.store, { issue })).toEqual(conflict('user'));
    });
  });

  describe('a stored answer', () => {
    test('is found until it expires, and kept once per client and key', async () => {
      const storedAnswer = anAnswer({ answer: '{"outcome":"accepted"}' });
      const { clientId, requestKey, expiresAtMs } = storedAnswer;
      expect(await commitOne(opened.store, { storedAnswer })).toEqual(committed);
      expect(await opened.store.findAnswer(clientId, requestKey, expiresAtMs - 1)).toEqual(
        storedAnswer,
      );
      expect(await opened.store.findAnswer(clientId, requestKey, expiresAtMs)).toBeNull();
      expect(await opened.store.findAnswer('other', requestKey, atMs)).toBeNull();
      const { user } = await install(opened.store);
      const change = { kind: 'success', userId: user.id, threshold: 3 } as const;
      const again = await commitOne(opened.store, { storedAnswer, user: change });
      expect(again).toEqual(conflict('answer'));
      expect(await reloadUser(opened.store, user)).toEqual(user);
    });

    test('takes the place of one that has expired', async () => {
      const old = anAnswer({ expiresAtMs: atMs });
      await commitOne(opened.store, { storedAnswer: old, atMs: atMs - 60_000 });
      const early = { storedAnswer: old, atMs: atMs - 1 };
      expect(await commitOne(opened.store, early)).toEqual(conflict('answer'));
      const storedAnswer = { ...old, fingerprint: 'f1', expiresAtMs: atMs + 60_000 };
      expect(await commitOne(opened.store, { storedAnswer })).toEqual(committed);
      expect(await opened.store.findAnswer(old.clientId, old.requestKey, atMs)).toEqual(
        storedAnswer,
      );
    });
  });

  test('everything together is one decision', async () => {
    const { user, authenticator, application } = await install(opened.store);
    const challenge = aChallenge(user.id);
    await commitOne(opened.store, { issue: challenge });
    const result = await commitOne(opened.store, {
      user: { kind: 'success', userId: user.id, threshold: 3 },
      authenticator: {
        authenticatorId: authenticator.id,
        userId: user.id,
        assignmentVersion: 1,
      },
      advance: advanceTo(application, 3n),
      challengeIds: [challenge.id],
      issue: aChallenge(user.id, { text: '87654321' }),
      storedAnswer: anAnswer(),
    });
    expect(result).toEqual(committed);
  });
});
