import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasLuhn } from '../../src/oath/index.ts';
import type { Caller, ChallengeAnswer } from '../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  nextSerial,
  ocraBare,
  ocraCounter,
  ocraTime,
  openBench,
} from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

function ask(
  caller: Caller,
  userName: string,
  serial: string | null = null,
): Promise<ChallengeAnswer> {
  return bench.service.issueChallenge(caller, {
    userName,
    domainName: null,
    serial,
    applicationName: null,
    requestKey: null,
  });
}

async function challengeFor(caller: Caller, userName: string): Promise<string> {
  const answer = await ask(caller, userName);
  if (answer.outcome !== 'challenge-issued') throw new Error(answer.code);
  return answer.challenge;
}

describe('an issued challenge', () => {
  test('is answered once, even by a response without counter or clock', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const challenge = await challengeFor(caller, userName);
    expect(challenge).toMatch(/^[0-9]{8}$/);
    const request = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    expect(await codeOf(bench.service, caller, request)).toBe('challenge-unknown');
  });

  test('has the policy length and check digit', async () => {
    const caller = await bench.caller({
      oneStepChallengeLength: 6,
      oneStepChallengeCheckDigit: true,
    });
    const userName = await bench.user();
    await bench.device(ocraTime, { userName });
    const challenge = await challengeFor(caller, userName);
    expect(challenge).toMatch(/^[0-9]{7}$/);
    expect(hasLuhn(challenge)).toBe(true);
  });

  test('is good for one comparison, right or wrong', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const challenge = await challengeFor(caller, userName);
    const wrong = asking(userName, { challenge, response: device.wrong({ challenge }) });
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    const right = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, right)).toBe('challenge-unknown');
  });

  test('belongs to the user and the component: strangers neither use nor spend it', async () => {
    const settings = { oneStepChallengeResponse: 'server-challenge' } as const;
    const [caller, elsewhere] = [await bench.caller(settings), await bench.caller(settings)];
    const [userName, stranger] = [await bench.user(), await bench.user()];
    const device = await bench.device(ocraCounter, { userName });
    const other = await bench.device(ocraCounter, { userName: stranger });
    const challenge = await challengeFor(caller, userName);
    const byStranger = asking(stranger, { challenge, response: other.response({ challenge }) });
    expect(await codeOf(bench.service, caller, byStranger)).toBe('challenge-unknown');
    const request = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, elsewhere, request)).toBe('challenge-unknown');
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });

  test('a locked account spends none', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const challenge = await challengeFor(caller, userName);
    await bench.service.administration.lockUser(bench.admin, null, userName);
    const request = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, request)).toBe('user-locked');
    await bench.service.administration.unlockUser(bench.admin, null, userName);
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });

  test('of 64 answers at once one is accepted', async () => {
    const caller = await bench.caller({
      oneStepChallengeResponse: 'server-challenge',
      userLockThreshold: 0,
    });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const challenge = await challengeFor(caller, userName);
    const request = asking(userName, { challenge, response: device.response({ challenge }) });
    const codes = await Promise.all(
      Array.from({ length: 64 }, () => codeOf(bench.service, caller, request)),
    );
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
  });
});

describe('who cannot answer gets a look-alike', () => {
  test.each([
    ['nobody', () => Promise.resolve('nobody'), 'user-unknown'],
    ['a user without authenticator', () => bench.user(), 'authenticator-none'],
    [
      'a user whose device takes no challenge',
      async () => {
        const userName = await bench.user();
        await bench.device(hotp6, { userName });
        return userName;
      },
      'challenge-not-permitted',
    ],
    [
      'a disabled user',
      async () => {
        const userName = await bench.user();
        await bench.device(ocraTime, { userName });
        const set = { isDisabled: true };
        const version = { expectedVersion: null };
        await bench.service.administration.updateUser(bench.admin, null, userName, set, version);
        return userName;
      },
      'user-disabled',
    ],
  ])('%s', async (_name, somebody, reason) => {
    const caller = await bench.caller();
    const answer = await ask(caller, await somebody());
    expect(answer).toMatchObject({
      outcome: 'challenge-issued',
      expiresAtMs: bench.clock.nowMs() + 300_000,
    });
    expect(answer.outcome === 'challenge-issued' && answer.challenge).toMatch(/^[0-9]{8}$/);
    const audit = await bench.lastAudit();
    expect(audit).toMatchObject({ outcome: reason, details: { isStored: false } });
  });

  test('a serial that is not his', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    await bench.device(ocraTime, { userName });
    expect(await ask(caller, userName, nextSerial())).toMatchObject({
      outcome: 'challenge-issued',
    });
    expect((await bench.lastAudit()).outcome).toBe('authenticator-not-assigned');
  });

  test.each([
    [6, false],
    [8, true],
    [16, false],
  ])('of the same length: %s digits, check digit %s', async (length, hasCheckDigit) => {
    const caller = await bench.caller({
      oneStepChallengeLength: length,
      oneStepChallengeCheckDigit: hasCheckDigit,
    });
    const lengths: number[] = [];
    for (const suite of ['QN08', 'QN10', 'QN64']) {
      const userName = await bench.user();
      const algorithm = {
        kind: 'challenge-response',
        suite: `OCRA-1:HOTP-SHA1-8:${suite}-T30S`,
      } as const;
      await bench.device(algorithm, { userName });
      lengths.push((await challengeFor(caller, userName)).length);
    }
    lengths.push((await challengeFor(caller, 'nobody')).length);
    expect(new Set(lengths)).toEqual(new Set([length + Number(hasCheckDigit)]));
  });
});

describe('a user with as many open challenges as the policy allows', () => {
  test('gets a fresh one, and the oldest is open no more', async () => {
    const caller = await bench.caller({
      oneStepChallengeResponse: 'server-challenge',
      challengesOpenMax: 2,
    });
    const userName = await bench.user();
    const device = await bench.device(ocraTime, { userName });
    const challenges: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      challenges.push(await challengeFor(caller, userName));
      expect((await bench.lastAudit()).outcome).toBe('challenge-issued');
      bench.clock.advance(1);
    }
    expect(new Set(challenges).size).toBe(4);
    const { id } = await bench.service.administration.user(bench.admin, null, userName);
    const nowMs = bench.clock.nowMs();
    expect(await bench.store.openChallengeIds(id, caller.componentType, nowMs)).toHaveLength(2);
    const codes: string[] = [];
    for (const challenge of challenges) {
      const response = device.response({ challenge, nowMs });
      codes.push(await codeOf(bench.service, caller, asking(userName, { challenge, response })));
    }
    expect(codes).toEqual(['challenge-unknown', 'challenge-unknown', 'accepted', 'accepted']);
  });

  test('is not told from anybody else by asking again', async () => {
    const caller = await bench.caller({ challengesOpenMax: 1, genericAnswers: true });
    const able = await bench.user();
    await bench.device(ocraTime, { userName: able });
    const unable = await bench.user();
    await bench.device(hotp6, { userName: unable });
    for (const userName of [able, unable, 'nobody-at-all']) {
      const seen = new Set<string>();
      for (let count = 0; count < 10; count += 1) seen.add(await challengeFor(caller, userName));
      expect(seen.size).toBe(10);
    }
  });

  test('gets one however many ask at once, and has no more than that after the next', async () => {
    const caller = await bench.caller({ challengesOpenMax: 2 });
    const userName = await bench.user();
    await bench.device(ocraTime, { userName });
    const asked = Array.from({ length: 12 }, () => challengeFor(caller, userName));
    expect(new Set(await Promise.all(asked)).size).toBe(12);
    const { id } = await bench.service.administration.user(bench.admin, null, userName);
    const nowMs = bench.clock.nowMs();
    const open = () => bench.store.openChallengeIds(id, caller.componentType, nowMs);
    await challengeFor(caller, userName);
    expect(await open()).toHaveLength(2);
    // And when all of them find the same one to end.
    const again = Array.from({ length: 12 }, () => challengeFor(caller, userName));
    expect(new Set(await Promise.all(again)).size).toBe(12);
    await challengeFor(caller, userName);
    expect(await open()).toHaveLength(2);
  });
});

describe('what has nothing to do with the user is told', () => {
  test.each([
    ['challenge-not-permitted', { oneStepChallengeResponse: 'no' }],
    ['nothing-verifies', { localAuthentication: 'none' }],
  ] as const)('%s', async (code, settings) => {
    const caller = await bench.caller(settings);
    expect(await ask(caller, 'anybody')).toEqual({ outcome: 'refused', code });
  });

  test('component-unknown', async () => {
    const caller = { ...(await bench.caller()), peerAddress: '2001:db8::1' };
    expect(await ask(caller, 'anybody')).toEqual({
      outcome: 'refused',
      code: 'component-unknown',
    });
  });
});
