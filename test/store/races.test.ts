import { describe, expect, test } from 'vitest';
import { verifyChain } from '../../src/audit/index.ts';
import type { CommitResult, Decision } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aChallenge,
  advanceTo,
  aDecision,
  anAnswer,
  anEntry,
  atMs,
  commitOne,
  install,
  type Installed,
  reloadUser,
} from './support/records.ts';

const committed = { status: 'committed' } as const;
const parallel = 64;

function committedOf(results: readonly CommitResult[]): number {
  return results.filter(({ status }) => status === 'committed').length;
}

eachDatabase((opened) => {
  const times = (attempt: (index: number) => Promise<CommitResult>): Promise<CommitResult[]> =>
    Promise.all(Array.from({ length: parallel }, (_, index) => attempt(index)));
  const lastSequence = async (): Promise<number> =>
    (await opened.store.auditInstances())[0]?.sequence ?? -1;

  describe('64 at once', () => {
    test('of the same step: exactly one is accepted', async () => {
      const { application, user, authenticator } = await install(opened.store);
      const before = await lastSequence();
      const results = await times(() =>
        commitOne(opened.store, {
          user: { kind: 'success', userId: user.id, threshold: 3 },
          authenticator: {
            authenticatorId: authenticator.id,
            userId: user.id,
            assignmentVersion: 1,
          },
          advance: advanceTo(application, 4n),
        }),
      );
      expect(committedOf(results)).toBe(1);
      const others = results.filter(({ status }) => status === 'conflict');
      expect(others).toEqual(
        Array.from({ length: parallel - 1 }, () => ({ status: 'conflict', on: 'application' })),
      );
      expect(await lastSequence()).toBe(before + 1);
    });

    test('of the same challenge, or under the same request key: exactly one', async () => {
      const { user } = await install(opened.store);
      const challenge = aChallenge(user.id);
      await commitOne(opened.store, { issue: challenge });
      const challengeIds = [challenge.id];
      expect(committedOf(await times(() => commitOne(opened.store, { challengeIds })))).toBe(1);
      const storedAnswer = anAnswer();
      expect(committedOf(await times(() => commitOne(opened.store, { storedAnswer })))).toBe(1);
    });

    test('failures never outrun the threshold', async () => {
      const { user } = await install(opened.store);
      const change = { kind: 'failure', userId: user.id, threshold: 3 } as const;
      const results = await times(() => commitOne(opened.store, { user: change }));
      expect(committedOf(results)).toBe(3);
      const after = await reloadUser(opened.store, user);
      expect(after).toMatchObject({ lockCount: 3, lockedBy: 'threshold', lockedAtMs: atMs });
    });

    test('unlock attempts spend one try between them', async () => {
      const { user } = await install(opened.store, {
        user: { lockCount: 3, lockedAtMs: 1, lockedBy: 'threshold', unlockTries: 1 },
      });
      const change = { kind: 'unlock-failure', userId: user.id, expectedTries: 1 } as const;
      expect(committedOf(await times(() => commitOne(opened.store, { user: change })))).toBe(1);
      expect(await reloadUser(opened.store, user)).toMatchObject({ unlockTries: 2 });
    });

    test('successes and failures of one user are counted one after the other', async () => {
      const { user } = await install(opened.store);
      const results = await times((index) => {
        const kind = index % 8 === 7 ? 'success' : 'failure';
        return commitOne(opened.store, { user: { kind, userId: user.id, threshold: 100 } });
      });
      expect(committedOf(results)).toBe(parallel);
      expect((await reloadUser(opened.store, user)).lockCount).toBe(0);
    });
  });

  // SQLite takes all that wait in one transaction, whomever they are about.
  const describeWaiting = opened.kind.name === 'PostgreSQL' ? describe : () => undefined;
  describeWaiting('a name that nobody has', () => {
    /** How many transactions 8 decisions at once take. */
    const transactionsOf = async (
      decision: (index: number) => Partial<Decision>,
    ): Promise<number> => {
      const before = await lastSequence();
      const decisions = Array.from({ length: 8 }, (_, index) => aDecision(decision(index)));
      const results = await opened.store.commit(decisions);
      expect(committedOf(results)).toBe(8);
      const rows = await opened.database.query(
        `select count(distinct xmin::text)::integer as transactions, count(*)::integer as events
          from audit_event where sequence > ${String(before)}`,
      );
      expect(rows[0]?.['events']).toBe(8);
      return Number(rows[0]?.['transactions']);
    };
    const about = (subject: string): Partial<Decision> => ({ audit: { ...anEntry, subject } });

    test('is waited for as a user is, so that many at once look alike', async () => {
      const { user } = await install(opened.store);
      const failure = { kind: 'failure', userId: user.id, threshold: 0 } as const;
      const somebody = about(`master/${user.userName}`);
      const nobody = { user: { kind: 'decoy' } } as const;
      expect(await transactionsOf(() => ({ ...somebody, user: failure }))).toBe(8);
      expect(await transactionsOf(() => ({ ...about('master/Nobody'), ...nobody }))).toBe(8);
      const spelt = (index: number): string =>
        index % 2 === 0 ? 'master/nobody' : 'master/NOBODY';
      expect(await transactionsOf((index) => ({ ...about(spelt(index)), ...nobody }))).toBe(8);
      const issuing = (): Partial<Decision> => ({
        ...somebody,
        issue: aChallenge(user.id),
      });
      expect(await transactionsOf(issuing)).toBe(8);
      const others = (index: number): Partial<Decision> => about(`master/nobody-${String(index)}`);
      expect(await transactionsOf((index) => ({ ...others(index), ...nobody }))).toBe(1);
    });
  });

  describe('a batch', () => {
    test('loses only the decisions that conflict, and the chain has no gap', async () => {
      const installed: Installed[] = [];
      for (let count = 0; count < 6; count += 1) installed.push(await install(opened.store));
      const before = await lastSequence();
      const decisions = installed.map(({ application, user }, index) =>
        aDecision({
          user: { kind: 'success', userId: user.id, threshold: 3 },
          advance: advanceTo(application, index % 2 === 0 ? 5n : -1n),
          audit: { ...anEntry, subject: String(index) },
        }),
      );
      const results = await opened.store.commit(decisions);
      expect(results.map(({ status }) => status)).toEqual(
        [0, 1, 2, 3, 4, 5].map((index) => (index % 2 === 0 ? 'committed' : 'conflict')),
      );
      const events = await opened.store.auditEvents('one', before, 10);
      const subjects = events.map(({ body }) => (JSON.parse(body) as { subject: string }).subject);
      expect(subjects).toEqual(['0', '2', '4']);
      expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3].map((n) => before + n));
    });

    test('loses only the decision that the database refuses, as its own error', async () => {
      const { user } = await install(opened.store);
      const challenge = aChallenge(user.id);
      await commitOne(opened.store, { issue: challenge });
      const before = await lastSequence();
      const taken = { ...challenge, text: '11111111' };
      const settled = await Promise.allSettled([
        commitOne(opened.store, { user: { kind: 'touch', userId: user.id } }),
        commitOne(opened.store, { issue: taken }),
        commitOne(opened.store, { storedAnswer: anAnswer() }),
      ]);
      expect(settled).toMatchObject([
        { status: 'fulfilled', value: committed },
        { status: 'rejected', reason: { code: 'store-contract' } },
        { status: 'fulfilled', value: committed },
      ]);
      expect(await lastSequence()).toBe(before + 2);
    });

    test('refuses a decision that cannot be stored before it meets the others', async () => {
      const { application, user } = await install(opened.store);
      const beyond = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
      const advance = advanceTo(application, 1n);
      const refused = [
        { advance: { ...advance, set: { ...advance.set, lastStep: beyond } } },
        { advance: { ...advance, set: { ...advance.set, driftSeconds: Number.NaN } } },
        { advance: { ...advance, guard: { ...advance.guard, nextEventCounterAtMost: beyond } } },
        {
          advance,
          followers: [{ applicationId: application.id, epoch: 0, driftSeconds: 0, driftAtMs: 0 }],
        },
        { challengeIds: Array.from({ length: 17 }, (_, index) => String(index)) },
        { issue: aChallenge(user.id, { expiresAtMs: 2 ** 53 }) },
        { storedAnswer: anAnswer({ expiresAtMs: Number.POSITIVE_INFINITY }) },
      ];
      for (const more of refused) {
        const refusal = { code: 'store-contract' };
        await expect(commitOne(opened.store, more)).rejects.toMatchObject(refusal);
      }
      const audit = { ...anEntry, details: { ratio: Number.NaN } };
      await expect(commitOne(opened.store, { audit })).rejects.toThrow(RangeError);
    });
  });

  test('a storm of everything leaves a chain without a gap', async () => {
    const installed: Installed[] = [];
    for (let count = 0; count < 8; count += 1) installed.push(await install(opened.store));
    const before = await lastSequence();
    const work = Array.from({ length: 400 }, (_, index) => {
      const { user, application } = installed[index % installed.length]!;
      if (index % 50 === 49) {
        return opened.store.administer([], { ...anEntry, action: 'storm' });
      }
      return commitOne(opened.store, {
        user: { kind: 'success', userId: user.id, threshold: 3 },
        advance: advanceTo(application, BigInt(Math.floor(index / 16))),
      });
    });
    const results = await Promise.all(work);
    const done = results.filter(({ status }) => status === 'committed').length;
    expect(done).toBeGreaterThan(100);
    expect(done).toBeLessThan(400);
    const events = await opened.store.auditEvents('one', 0, 10_000);
    expect(verifyChain(events)).toMatchObject({ intact: true });
    expect(events.length).toBe(before + done);
  });
});
