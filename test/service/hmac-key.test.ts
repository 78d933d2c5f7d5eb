import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import type { Caller } from '../../src/service/index.ts';
import { type Bench, nextSerial, ocraTime, openBench } from '../support/builders.ts';
import { givePin } from '../support/pins.ts';
import { asking, codeOf, syncCodeOf, syncing, tally } from './support.ts';

/** What somebody tries against a key that answers whatever bytes it is handed. */
let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(() => bench.close());

const hex: PolicySettings = {
  oneStepChallengeResponse: 'server-challenge',
  oneStepChallengeFormat: 'hex',
  userLockThreshold: 0,
};

interface Holder {
  readonly userName: string;
  readonly serial: string;
  /** What the key answers in a slot. */
  readonly answer: (challenge: string, slot?: string) => string;
}

async function holder(slots: readonly string[] = ['SLOT1']): Promise<Holder> {
  const userName = await bench.user();
  const serial = nextSerial();
  const seedOf = (slot: string): Buffer =>
    createHash('sha1')
      .update(serial + slot)
      .digest();
  const { administration } = bench.service;
  await administration.createAuthenticator(bench.admin, {
    serial,
    model: 'KEY',
    expiresAtMs: null,
    applications: slots.map((name) => ({
      name,
      mode: 'challenge-response',
      algorithm: { kind: 'hmac-challenge', hash: 'SHA1' },
      seed: { source: 'import', bytes: new Uint8Array(seedOf(name)) },
      eventCounter: 0n,
    })),
  });
  await administration.assignAuthenticator(bench.admin, serial, null, userName);
  const answer = (challenge: string, slot = 'SLOT1'): string =>
    createHmac('sha1', seedOf(slot)).update(Buffer.from(challenge, 'hex')).digest('hex');
  return { userName, serial, answer };
}

async function challengeFor(caller: Caller, userName: string | null): Promise<string> {
  const asked = { userName, domainName: null, serial: null, applicationName: null };
  const answer = await bench.service.issueChallenge(caller, { ...asked, requestKey: null });
  if (answer.outcome !== 'challenge-issued') throw new Error(answer.code);
  return answer.challenge;
}

const shown = (
  caller: Caller,
  userName: string,
  challenge: string,
  response: string,
): Promise<string> => codeOf(bench.service, caller, asking(userName, { challenge, response }));

describe('a key that answers challenges', () => {
  it('is accepted once of 16 at once, and not again', async () => {
    const caller = await bench.caller(hex);
    const { userName, answer } = await holder();
    const challenge = await challengeFor(caller, userName);
    const codes = await Promise.all(
      Array.from({ length: 16 }, () => shown(caller, userName, challenge, answer(challenge))),
    );
    expect(tally(codes)).toEqual({ accepted: 1, 'challenge-unknown': 15 });
  });

  it('answers no challenge by what it made of another, longer, shorter or in other letters', async () => {
    const caller = await bench.caller(hex);
    const { userName, answer } = await holder();
    for (const other of [
      (text: string) => `${text}00`,
      (text: string) => text.slice(0, -2),
      (text: string) => text.toUpperCase(),
      (text: string) => `${text.slice(0, -2)}00`,
    ]) {
      const challenge = await challengeFor(caller, userName);
      const near = other(challenge);
      expect(await shown(caller, userName, near, answer(near))).toMatch(
        /^challenge-(unknown|malformed)$/,
      );
      // What was put forward beside it does not use it up.
      expect(await shown(caller, userName, challenge, answer(challenge))).toBe('accepted');
    }
  });

  it.each([
    ['any-challenge', 0],
    ['any-challenge', 3],
    ['any-challenge', 4],
    ['server-challenge', 0],
    ['server-challenge', 1],
    ['server-challenge', 2],
  ] as const)(
    'answers no challenge that nobody issued, with %s in check mode %s',
    async (oneStepChallengeResponse, challengeCheckMode) => {
      const caller = await bench.caller({ ...hex, oneStepChallengeResponse, challengeCheckMode });
      const { userName, answer } = await holder();
      const challenge = 'ab'.repeat(32);
      expect(await shown(caller, userName, challenge, answer(challenge))).not.toBe('accepted');
    },
  );

  it('answers none of digits: somebody who had it for an hour knows what it makes of many', async () => {
    const caller = await bench.caller({
      oneStepChallengeResponse: 'server-challenge',
      oneStepChallengeLength: 4,
      userLockThreshold: 0,
    });
    const { userName, answer } = await holder();
    const other = await bench.device(ocraTime, { userName });
    const mine = await challengeFor(caller, userName);
    expect(mine).toMatch(/^[0-9]{4}$/);
    expect(await shown(caller, userName, mine, answer(mine))).not.toBe('accepted');
    const anybodys = await challengeFor(caller, null);
    expect(await shown(caller, userName, anybodys, answer(anybodys))).not.toBe('accepted');
    const again = await challengeFor(caller, userName);
    const response = other.response({ nowMs: bench.clock.nowMs(), challenge: again });
    expect(await shown(caller, userName, again, response)).toBe('accepted');
  });

  it('is synchronised by nothing: two of its answers prove no moment', async () => {
    const caller = await bench.caller({ ...hex, oneStepChallengeResponse: 'any-challenge' });
    const { userName, answer } = await holder();
    const [first, second] = ['ab'.repeat(31) + 'cd', 'ef'.repeat(31) + 'ab'] as const;
    const request = syncing(userName, [answer(first), answer(second)], [first, second]);
    expect(await syncCodeOf(bench.service, caller, request)).toMatch(/^sync-(kind|nothing)/);
  });

  it.each([[['SLOT1']], [['SLOT1', 'SLOT2']]])(
    'of %j tells the audit that the PIN was wrong',
    async (slots) => {
      const caller = await bench.caller({ ...hex, userLockThreshold: 3 });
      const { userName, serial, answer } = await holder(slots);
      await givePin(bench, serial, '4711');
      const combined = async (front: string): Promise<string> => {
        const challenge = await challengeFor(caller, userName);
        const credential = { format: 'combined', text: front + answer(challenge) } as const;
        return codeOf(bench.service, caller, asking(userName, { challenge, credential }));
      };
      expect(await combined('4712')).toBe('response-incorrect');
      expect((await bench.lastAudit()).outcome).toBe('pin-incorrect');
      expect(await combined('')).toBe('response-incorrect');
      expect(await combined('4711')).toBe('accepted');
    },
  );
});
