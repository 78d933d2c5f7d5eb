import { describe, expect, test } from 'vitest';
import type { IssuedOtp } from '../../src/domain/model.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aChallenge,
  aDecision,
  anAuthenticator,
  atMs,
  commitOne,
  freshId,
  insertAll,
  install,
  type Installed,
} from './support/records.ts';
import { anOtp, issueOtp, issuing } from './support/sent.ts';

const committed = { status: 'committed' };
const consumed = (otp: IssuedOtp): IssuedOtp => ({ ...otp, consumedAtMs: atMs });

eachDatabase((opened) => {
  const openOf = (
    { user }: Installed,
    componentType = 'Gateway',
    nowMs = atMs,
  ): Promise<IssuedOtp | null> => opened.store.openOtp(user.id, componentType, nowMs);
  const byHandle = ({ userId, handle, componentType }: IssuedOtp): Promise<unknown> =>
    opened.store.findIssuedByHandle(userId, componentType, handle);

  describe('what is issued', () => {
    test('as a challenge keeps how it was asked for and which PINs were proven', async () => {
      const { user, application } = await install(opened.store);
      const provenPins = [
        { applicationId: application.id, pinVersion: 7 },
        { applicationId: freshId(), pinVersion: 1 },
      ];
      const kind = '2-step';
      const challenge = aChallenge(user.id, { kind, method: 'password-keyword', provenPins });
      const change = { kind: 'issue', userId: user.id, threshold: 3 } as const;
      expect(await commitOne(opened.store, { user: change, issue: challenge })).toEqual(committed);
      const { store } = opened;
      const { handle, text } = challenge;
      expect(await store.findIssuedByHandle(user.id, 'Gateway', handle)).toEqual(challenge);
      expect(await store.findChallenge(user.id, 'Gateway', text)).toEqual(challenge);
      expect(await store.newestOpenChallenge(user.id, 'Gateway', atMs)).toEqual(challenge);
    });

    test('as a one-time password comes back as it went in', async () => {
      const installed = await install(opened.store);
      const provenPins = [{ applicationId: installed.application.id, pinVersion: 3 }];
      const more = { kind: 'virtual-backup', otpDigits: 8, method: 'keyword-pin' } as const;
      const otp = await issueOtp(opened.store, installed, { ...more, provenPins });
      expect(await byHandle(otp)).toEqual(otp);
      expect(await openOf(installed, 'GATEWAY')).toEqual(otp);
    });
  });

  describe('a one-time password', () => {
    test('is open to its user and component only, until it expires', async () => {
      const installed = await install(opened.store);
      const other = await install(opened.store);
      const otp = await issueOtp(opened.store, installed);
      expect(await openOf(installed, 'Gateway', otp.expiresAtMs - 1)).toEqual(otp);
      expect(await openOf(installed, 'Gateway', otp.expiresAtMs)).toBeNull();
      expect(await openOf(installed, 'other')).toBeNull();
      expect(await openOf(other)).toBeNull();
      expect(await byHandle({ ...otp, userId: other.user.id })).toBeNull();
      expect(await byHandle({ ...otp, componentType: 'other' })).toBeNull();
    });

    test('is consumed once, and then found by its handle only', async () => {
      const installed = await install(opened.store);
      const otp = await issueOtp(opened.store, installed);
      const late = { atMs: otp.expiresAtMs, challengeIds: [otp.id] };
      const onChallenge = { status: 'conflict', on: 'challenge' };
      expect(await commitOne(opened.store, late)).toEqual(onChallenge);
      const use = { challengeIds: [otp.id] };
      expect(await commitOne(opened.store, use)).toEqual(committed);
      expect(await commitOne(opened.store, use)).toEqual(onChallenge);
      expect(await openOf(installed)).toBeNull();
      expect(await byHandle(otp)).toEqual(consumed(otp));
    });

    test('is no challenge: neither counted, nor newest, nor found by any text', async () => {
      const { store } = opened;
      const installed = await install(store);
      const { user } = installed;
      await issueOtp(store, installed);
      expect(await store.openChallengeIds(user.id, 'Gateway', atMs)).toEqual([]);
      expect(await store.newestOpenChallenge(user.id, 'Gateway', atMs)).toBeNull();
      for (const text of ['', 'null', '5c'.repeat(32)]) {
        expect(await store.findChallenge(user.id, 'Gateway', text)).toBeNull();
      }
      const challenge = aChallenge(user.id, { issuedAtMs: atMs - 1 });
      await commitOne(store, { issue: challenge });
      expect(await store.openChallengeIds(user.id, 'Gateway', atMs)).toEqual([challenge.id]);
      expect(await store.newestOpenChallenge(user.id, 'Gateway', atMs)).toEqual(challenge);
    });

    test('needs its user in the decision, its user and its authenticator in the database', async () => {
      const installed = await install(opened.store);
      const other = await install(opened.store);
      const otp = anOtp(installed);
      const { user } = issuing(anOtp(other));
      const contract = { code: 'store-contract' };
      for (const stray of [null, user, { kind: 'decoy' } as const]) {
        const decision = { user: stray, issue: otp };
        await expect(commitOne(opened.store, decision)).rejects.toMatchObject(contract);
      }
      const nobodys = { ...otp, userId: freshId() };
      const conflict = { status: 'conflict', on: 'user' };
      expect(await commitOne(opened.store, issuing(nobodys))).toEqual(conflict);
      const bare = { ...otp, authenticatorId: freshId() };
      const gone = { status: 'conflict', on: 'authenticator' };
      expect(await commitOne(opened.store, issuing(bare))).toEqual(gone);
      expect(await byHandle(otp)).toBeNull();
    });

    test('goes with its authenticator', async () => {
      const { store } = opened;
      const installed = await install(store);
      const authenticator = anAuthenticator({ kind: 'virtual-mobile', userId: installed.user.id });
      await insertAll(store, [{ change: 'insert', kind: 'authenticator', record: authenticator }]);
      const otp = await issueOtp(store, { ...installed, authenticator });
      const { id } = authenticator;
      await insertAll(store, [{ change: 'delete', kind: 'authenticator', id, expectedVersion: 1 }]);
      expect(await byHandle(otp)).toBeNull();
    });

    test('with times that no database holds is a broken contract', async () => {
      const installed = await install(opened.store);
      for (const more of [{ issuedAtMs: Number.NaN }, { expiresAtMs: 2 ** 53 }]) {
        const decision = issuing(anOtp(installed, more));
        const contract = { code: 'store-contract' };
        await expect(commitOne(opened.store, decision)).rejects.toMatchObject(contract);
      }
    });
  });

  describe('another one-time password', () => {
    test("takes the place of the user's last, whatever its component; and of nothing else", async () => {
      const { store } = opened;
      const [installed, other] = [await install(store), await install(store)];
      const challenge = aChallenge(installed.user.id);
      await commitOne(store, { issue: challenge });
      const others = await issueOtp(store, other);
      const first = await issueOtp(store, installed, { componentType: 'Portal' });
      const second = await issueOtp(store, installed);
      expect(await openOf(installed, 'Portal')).toBeNull();
      expect(await byHandle(first)).toEqual(consumed(first));
      expect(await openOf(installed)).toEqual(second);
      expect(await openOf(other)).toEqual(others);
      const open = await store.openChallengeIds(installed.user.id, 'Gateway', atMs);
      expect(open).toEqual([challenge.id]);
    });

    test('leaves alone when the one before was consumed', async () => {
      const installed = await install(opened.store);
      const first = await issueOtp(opened.store, installed);
      await commitOne(opened.store, { atMs: atMs + 1, challengeIds: [first.id] });
      const second = anOtp(installed);
      await commitOne(opened.store, { atMs: atMs + 2, ...issuing(second) });
      expect(await byHandle(first)).toEqual({ ...first, consumedAtMs: atMs + 1 });
    });

    test('is not superseded by a challenge', async () => {
      const installed = await install(opened.store);
      const otp = await issueOtp(opened.store, installed);
      await commitOne(opened.store, { issue: aChallenge(installed.user.id) });
      expect(await openOf(installed)).toEqual(otp);
    });

    test('that cannot be issued supersedes nothing', async () => {
      const installed = await install(opened.store);
      const otp = await issueOtp(opened.store, installed);
      const next = issuing(anOtp(installed));
      const challengeIds = [freshId()];
      const conflict = { status: 'conflict', on: 'challenge' };
      expect(await commitOne(opened.store, { ...next, challengeIds })).toEqual(conflict);
      expect(await openOf(installed)).toEqual(otp);
    });

    test('may come with the decision that uses or misses the one before', async () => {
      for (const of of ['challengeIds', 'missedOtpIds'] as const) {
        const installed = await install(opened.store);
        const first = await issueOtp(opened.store, installed);
        const second = anOtp(installed);
        const decision = { ...issuing(second), [of]: [first.id] };
        expect(await commitOne(opened.store, decision)).toEqual(committed);
        expect(await openOf(installed)).toEqual(second);
        expect(await byHandle(first)).toMatchObject({ consumedAtMs: atMs });
      }
    });

    test('leaves one live in every batch, of one user or of many', async () => {
      const people: Installed[] = [];
      for (let count = 0; count < 4; count += 1) people.push(await install(opened.store));
      const before = await Promise.all(people.map((one) => issueOtp(opened.store, one)));
      const otps = people.flatMap((one) => [anOtp(one), anOtp(one), anOtp(one)]);
      const decisions = otps.map((otp) => aDecision(issuing(otp)));
      const misses = before.map(({ id }) => aDecision({ missedOtpIds: [id] }));
      const results = await opened.store.commit([...misses, ...decisions]);
      expect(results.every(({ status }) => status === 'committed')).toBe(true);
      for (const { user } of people) {
        const live = await opened.database.query(
          `select id from challenge where user_id = '${user.id}' and consumed_at_ms is null`,
        );
        expect(live).toHaveLength(1);
      }
    });
  });
});
