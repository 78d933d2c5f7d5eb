import { describe, expect, test } from 'vitest';
import { otpAnswersMax } from '../../src/domain/virtual-otp.ts';
import type { IssuedOtp } from '../../src/domain/model.ts';
import type { CommitResult } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { aDecision, atMs, commitOne, freshId, install } from './support/records.ts';
import { issueOtp } from './support/sent.ts';

const committed = { status: 'committed' };

eachDatabase((opened) => {
  const miss = (otp: IssuedOtp, at: number = atMs): Promise<CommitResult> =>
    commitOne(opened.store, { atMs: at, missedOtpIds: [otp.id] });
  const stateOf = async ({ userId, handle }: IssuedOtp): Promise<unknown> =>
    await opened.store.findIssuedByHandle(userId, 'Gateway', handle);

  describe('a wrong answer to a one-time password', () => {
    test('counts, and the third consumes it', async () => {
      const otp = await issueOtp(opened.store, await install(opened.store));
      expect(otpAnswersMax).toBe(3);
      for (const missCount of [1, 2]) {
        expect(await miss(otp, atMs + missCount)).toEqual(committed);
        const expected = { ...otp, missCount };
        expect(await stateOf(otp)).toEqual(expected);
        expect(await opened.store.openOtp(otp.userId, 'Gateway', atMs)).toEqual(expected);
      }
      expect(await miss(otp, atMs + 3)).toEqual(committed);
      expect(await stateOf(otp)).toEqual({ ...otp, missCount: 3, consumedAtMs: atMs + 3 });
      expect(await opened.store.openOtp(otp.userId, 'Gateway', atMs)).toBeNull();
    });

    test('changes nothing of one that is consumed or gone, and conflicts with nothing', async () => {
      const otp = await issueOtp(opened.store, await install(opened.store));
      await commitOne(opened.store, { challengeIds: [otp.id] });
      expect(await miss(otp, atMs + 1)).toEqual(committed);
      expect(await stateOf(otp)).toEqual({ ...otp, consumedAtMs: atMs });
      expect(await commitOne(opened.store, { missedOtpIds: [freshId()] })).toEqual(committed);
    });

    test('counts once for each that a decision names, and nothing of others', async () => {
      const [first, second, third] = await Promise.all(
        [0, 1, 2].map(async () => issueOtp(opened.store, await install(opened.store))),
      );
      if (first === undefined || second === undefined || third === undefined) throw new Error();
      const missedOtpIds = [first.id, second.id, first.id];
      expect(await commitOne(opened.store, { missedOtpIds })).toEqual(committed);
      expect(await stateOf(first)).toEqual({ ...first, missCount: 1 });
      expect(await stateOf(second)).toEqual({ ...second, missCount: 1 });
      expect(await stateOf(third)).toEqual(third);
    });

    test('is not counted with a decision that conflicts', async () => {
      const otp = await issueOtp(opened.store, await install(opened.store));
      const conflict = { status: 'conflict', on: 'challenge' };
      const decision = { missedOtpIds: [otp.id], challengeIds: [freshId()] };
      expect(await commitOne(opened.store, decision)).toEqual(conflict);
      expect(await stateOf(otp)).toEqual(otp);
    });

    test('counts beside the use of another, and not beside its own', async () => {
      const [missed, used] = await Promise.all(
        [0, 1].map(async () => issueOtp(opened.store, await install(opened.store))),
      );
      if (missed === undefined || used === undefined) throw new Error();
      const both = { missedOtpIds: [missed.id, used.id], challengeIds: [used.id] };
      expect(await commitOne(opened.store, both)).toEqual(committed);
      expect(await stateOf(missed)).toEqual({ ...missed, missCount: 1 });
      expect(await stateOf(used)).toEqual({ ...used, consumedAtMs: atMs });
    });

    test('counts however many come at once, up to the last', async () => {
      const otp = await issueOtp(opened.store, await install(opened.store));
      expect(await Promise.all([miss(otp), miss(otp)])).toEqual([committed, committed]);
      expect(await stateOf(otp)).toEqual({ ...otp, missCount: 2 });
      const more = Array.from({ length: 16 }, () => aDecision({ missedOtpIds: [otp.id] }));
      const results = await opened.store.commit(more);
      expect(results).toEqual(more.map(() => committed));
      expect(await stateOf(otp)).toEqual({ ...otp, missCount: 3, consumedAtMs: atMs });
    });

    test('is refused beyond what a decision may name', async () => {
      const missedOtpIds = Array.from({ length: 17 }, freshId);
      const contract = { code: 'store-contract' };
      await expect(commitOne(opened.store, { missedOtpIds })).rejects.toMatchObject(contract);
    });
  });
});
