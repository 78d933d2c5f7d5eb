import { describe, expect, test } from 'vitest';
import type { Issued, IssuedChallenge } from '../../src/domain/model.ts';
import { eachDatabase } from './support/each-database.ts';
import { aChallenge, atMs, commitOne, freshId, install } from './support/records.ts';

const committed = { status: 'committed' };
const onChallenge = { status: 'conflict', on: 'challenge' };

eachDatabase((opened) => {
  const issue = async (challenge: IssuedChallenge): Promise<IssuedChallenge> => {
    expect(await commitOne(opened.store, { issue: challenge })).toEqual(committed);
    return challenge;
  };
  const byHandle = (userId: string, handle: string, type = 'Gateway'): Promise<Issued | null> =>
    opened.store.findIssuedByHandle(userId, type, handle);
  let handles = 1_000_000_000;
  const nextHandle = (): string => String((handles += 1));

  describe('a challenge with a handle', () => {
    test('is found by it for its user and component, consumed or not', async () => {
      const { user } = await install(opened.store);
      const handle = nextHandle();
      const challenge = await issue(aChallenge(user.id, { handle }));
      expect(await byHandle(user.id, handle, 'GATEWAY')).toEqual(challenge);
      expect(await byHandle(user.id, handle, 'other')).toBeNull();
      expect(await byHandle(freshId(), handle)).toBeNull();
      expect(await byHandle(user.id, challenge.text)).toBeNull();
      await commitOne(opened.store, { challengeIds: [challenge.id] });
      expect(await byHandle(user.id, handle)).toEqual({ ...challenge, consumedAtMs: atMs });
    });

    test('is the newest of that handle', async () => {
      const { user } = await install(opened.store);
      const handle = nextHandle();
      const newer = await issue(aChallenge(user.id, { handle, text: '11111111' }));
      await issue(aChallenge(user.id, { handle, text: '22222222', issuedAtMs: atMs - 9 }));
      expect(await byHandle(user.id, handle)).toEqual(newer);
    });
  });

  describe('a general challenge', () => {
    test("is found for whoever asks, by handle and text, and is nobody's newest", async () => {
      const componentType = freshId();
      const handle = nextHandle();
      const general = await issue(aChallenge(null, { componentType, handle }));
      for (const userId of [(await install(opened.store)).user.id, freshId()]) {
        expect(await byHandle(userId, handle, componentType)).toEqual(general);
        expect(await opened.store.findChallenge(userId, componentType, general.text)).toEqual(
          general,
        );
        expect(await opened.store.newestOpenChallenge(userId, componentType, atMs)).toBeNull();
        expect(await opened.store.openChallengeIds(userId, componentType, atMs)).toEqual([]);
      }
      expect(await byHandle(freshId(), handle, 'other')).toBeNull();
    });

    test('counts among the general ones of its component, and no others do', async () => {
      const componentType = freshId();
      const count = (nowMs: number): Promise<number> =>
        opened.store.countGeneralChallenges(componentType, nowMs);
      const { user } = await install(opened.store);
      await issue(aChallenge(user.id, { componentType }));
      await issue(aChallenge(null, { componentType: freshId() }));
      expect(await count(atMs)).toBe(0);
      const general = await issue(aChallenge(null, { componentType }));
      expect(await count(atMs)).toBe(1);
      expect(await count(general.expiresAtMs)).toBe(0);
      await commitOne(opened.store, { challengeIds: [general.id] });
      expect(await count(atMs)).toBe(0);
    });

    test('is consumed by the first of those who answer at once', async () => {
      const general = await issue(aChallenge(null, { handle: nextHandle() }));
      const results = await Promise.all(
        Array.from({ length: 4 }, () => commitOne(opened.store, { challengeIds: [general.id] })),
      );
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'conflict')).toEqual(
        Array<object>(3).fill(onChallenge),
      );
    });
  });
});
