import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthenticateRequest, Caller } from '../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  nextSerial,
  ocraBare,
  ocraCounter,
  ocraTime,
  openBench,
  totp6,
} from '../support/builders.ts';
import { asking } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

async function codeOf(caller: Caller, request: AuthenticateRequest): Promise<string> {
  const answer = await bench.service.authenticate(caller, request);
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

describe('a right response', () => {
  test('time-based: accepted once, then replayed', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const answer = await bench.service.authenticate(caller, asking(userName, { response }));
    expect(answer).toEqual({
      outcome: 'accepted',
      userName,
      domainName: 'master',
      organisationalUnit: null,
      serial: device.serial,
      applicationName: 'APP',
      pinChanged: false,
      by: 'response',
      passwordExpiresAtMs: null,
    });
    expect(await codeOf(caller, asking(userName, { response }))).toBe('response-replayed');
  });

  test('event-based: skipped presses are followed, none is accepted again', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const late = asking(userName, { response: device.response({ counter: 7 }) });
    expect(await codeOf(caller, late)).toBe('accepted');
    for (const counter of [7, 4, 3]) {
      const early = asking(userName, { response: device.response({ counter }) });
      expect(await codeOf(caller, early)).toBe('response-replayed');
      await bench.service.administration.unlockUser(bench.admin, null, userName);
    }
    const next = asking(userName, { response: device.response({ counter: 8 }) });
    expect(await codeOf(caller, next)).toBe('accepted');
  });

  test.each([
    ['time', ocraTime],
    ['counter', ocraCounter],
  ])('challenge/response with %s: a challenge of the client', async (_name, algorithm) => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(algorithm, { userName });
    const challenge = '12345678';
    const response = device.response({ challenge, nowMs: bench.clock.nowMs() });
    const request = asking(userName, { response, challenge });
    expect(await codeOf(caller, request)).toBe('accepted');
    expect(await codeOf(caller, request)).toBe('response-replayed');
  });

  test('counters and drift go into the audit, responses and challenges do not', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(ocraCounter, { userName });
    const challenge = '87654321';
    const response = device.response({ challenge, counter: 2 });
    await bench.service.authenticate(caller, asking(userName, { response, challenge }));
    const { action, outcome, details } = await bench.lastAudit();
    expect({ action, outcome }).toEqual({ action: 'authenticate', outcome: 'accepted' });
    expect(details).toMatchObject({ serial: device.serial, eventCounter: '2', timeStep: null });
    const bodies = (await bench.auditBodies()).join('\n');
    expect(bodies).not.toContain(response);
    expect(bodies).not.toContain(challenge);
  });
});

describe('every refusal has its own code', () => {
  test('component-unknown', async () => {
    const caller = { ...(await bench.caller()), peerAddress: '192.0.2.1' };
    expect(await codeOf(caller, asking('anybody', { response: '123456' }))).toBe(
      'component-unknown',
    );
  });

  test('nothing-verifies', async () => {
    const caller = await bench.caller({ localAuthentication: 'none' });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    expect(await codeOf(caller, asking(userName, { response }))).toBe('nothing-verifies');
  });

  test('user-unknown, in a known and in an unknown domain', async () => {
    const caller = await bench.caller();
    const request = asking('nobody', { response: '123456' });
    expect(await codeOf(caller, request)).toBe('user-unknown');
    expect(await codeOf(caller, { ...request, domainName: 'nowhere' })).toBe('user-unknown');
  });

  test('user-disabled, user-expired, user-inactive, user-locked, even with a right response', async () => {
    const { administration } = bench.service;
    const version = { expectedVersion: null };
    const caller = await bench.caller({ userMaxInactiveDays: 2 });
    const [disabled, expired, inactive, locked] = await Promise.all(
      ['', '', '', ''].map(() => bench.user()),
    );
    const devices = new Map(
      await Promise.all(
        [disabled!, expired!, inactive!, locked!].map(
          async (userName) => [userName, await bench.device(totp6, { userName })] as const,
        ),
      ),
    );
    await administration.updateUser(bench.admin, null, disabled!, { isDisabled: true }, version);
    const expiresAtMs = bench.clock.nowMs() + 1000;
    await administration.updateUser(bench.admin, null, expired!, { expiresAtMs }, version);
    await administration.lockUser(bench.admin, null, locked!);
    const before = bench.clock.nowMs();
    bench.clock.advance(3600);
    const rightFor = (userName: string): AuthenticateRequest =>
      asking(userName, {
        response: devices.get(userName)!.response({ nowMs: bench.clock.nowMs() }),
      });
    expect(await codeOf(caller, rightFor(disabled!))).toBe('user-disabled');
    expect(await codeOf(caller, rightFor(expired!))).toBe('user-expired');
    expect(await codeOf(caller, rightFor(locked!))).toBe('user-locked');
    bench.clock.advance(3 * 86_400);
    expect(await codeOf(caller, rightFor(inactive!))).toBe('user-inactive');
    bench.clock.set(before);
  });

  test('the authenticator: none, not assigned, not permitted, disabled, expired', async () => {
    const { administration } = bench.service;
    const caller = await bench.caller();
    const userName = await bench.user();
    const request = asking(userName, { response: '123456' });
    expect(await codeOf(caller, request)).toBe('authenticator-none');
    const { serial } = await bench.device(totp6, { userName });
    expect(await codeOf(caller, { ...request, serial: nextSerial() })).toBe(
      'authenticator-not-assigned',
    );
    const narrow = await bench.caller({ applicationNames: ['OTHER'] });
    expect(await codeOf(narrow, request)).toBe('authenticator-not-permitted');
    const version = { expectedVersion: null };
    const expiresAtMs = bench.clock.nowMs();
    await administration.updateAuthenticator(bench.admin, serial, { expiresAtMs }, version);
    expect(await codeOf(caller, request)).toBe('authenticator-expired');
    await administration.updateAuthenticator(bench.admin, serial, { isDisabled: true }, version);
    expect(await codeOf(caller, request)).toBe('authenticator-disabled');
  });

  test('the challenge: required, not permitted, malformed, unknown, expired', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    const userName = await bench.user();
    const device = await bench.device(ocraTime, { userName });
    const nowMs = bench.clock.nowMs();
    const right = (challenge: string): AuthenticateRequest =>
      asking(userName, { challenge, response: device.response({ challenge, nowMs }) });
    expect(await codeOf(caller, { ...right('11112222'), challenge: null })).toBe(
      'challenge-required',
    );
    const never = await bench.caller({ oneStepChallengeResponse: 'no' });
    expect(await codeOf(never, right('11112222'))).toBe('challenge-not-permitted');
    const request = asking(userName, { response: '12345678' });
    expect(await codeOf(caller, { ...request, challenge: 'letters' })).toBe('challenge-malformed');
    expect(await codeOf(caller, { ...request, challenge: '1'.repeat(1000) })).toBe(
      'challenge-malformed',
    );
    expect(await codeOf(caller, right('11112222'))).toBe('challenge-unknown');
    const issued = await bench.service.issueChallenge(caller, {
      userName,
      domainName: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    });
    if (issued.outcome !== 'challenge-issued') throw new Error('no challenge');
    bench.clock.set(issued.expiresAtMs);
    expect(await codeOf(caller, right(issued.challenge))).toBe('challenge-expired');
    bench.clock.set(nowMs);
    expect(await codeOf(caller, right(issued.challenge))).toBe('accepted');
    expect(await codeOf(caller, right(issued.challenge))).toBe('challenge-unknown');
  });

  test('neither counter nor clock: only an issued challenge makes it one-time', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const challenge = '10203040';
    const response = device.response({ challenge });
    expect(await codeOf(caller, asking(userName, { response, challenge }))).toBe(
      'challenge-unknown',
    );
  });

  test.each(['abcdef', '', '1'.repeat(1000), '12 456', '１２３４５６'])(
    'response-malformed does not count: case %#',
    async (response) => {
      const caller = await bench.caller();
      const userName = await bench.user();
      await bench.device(totp6, { userName });
      expect(await codeOf(caller, asking(userName, { response }))).toBe('response-malformed');
      const view = await bench.service.administration.user(bench.admin, null, userName);
      expect(view.lockCount).toBe(0);
    },
  );

  test('response-incorrect counts, and a success forgets it', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const nowMs = bench.clock.nowMs();
    const { administration } = bench.service;
    expect(await codeOf(caller, asking(userName, { response: device.wrong({ nowMs }) }))).toBe(
      'response-incorrect',
    );
    expect((await administration.user(bench.admin, null, userName)).lockCount).toBe(1);
    const right = asking(userName, { response: device.response({ nowMs }) });
    expect(await codeOf(caller, right)).toBe('accepted');
    expect((await administration.user(bench.admin, null, userName)).lockCount).toBe(0);
  });

  test('with generic answers all of them look alike outside; the audit has the code', async () => {
    const caller = await bench.caller({ genericAnswers: true });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const wrong = device.wrong({ nowMs: bench.clock.nowMs() });
    for (const [name, response, code] of [
      ['nobody', wrong, 'user-unknown'],
      [userName, wrong, 'response-incorrect'],
      [userName, 'abc', 'response-malformed'],
    ] as const) {
      const answer = await bench.service.authenticate(caller, asking(name, { response }));
      expect(answer).toEqual({ outcome: 'refused', code: 'refused' });
      expect((await bench.lastAudit()).outcome).toBe(code);
    }
  });
});

describe('who asks', () => {
  test('a deleted key is refused at its next request, although the edge knew it', async () => {
    const caller = await bench.caller();
    await bench.service.administration.deleteApiKey(bench.admin, caller.keyName);
    await expect(
      bench.service.authenticate(caller, asking('anybody', { response: '123456' })),
    ).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('an auditor may not authenticate', async () => {
    const caller = await bench.caller({}, 'auditor');
    await expect(
      bench.service.authenticate(caller, asking('anybody', { response: '123456' })),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('a policy that was changed rules the next request', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const wrong = asking(userName, { response: device.wrong({ nowMs: bench.clock.nowMs() }) });
    expect(await codeOf(caller, wrong)).toBe('response-incorrect');
    await bench.service.administration.savePolicy(
      bench.admin,
      caller.componentType,
      { parentName: 'Local Authentication', settings: { genericAnswers: true } },
      { expectedVersion: null },
    );
    expect(await codeOf(caller, wrong)).toBe('refused');
  });

  test('a user name with control characters is a bad request', async () => {
    const caller = await bench.caller();
    await expect(
      bench.service.authenticate(caller, asking('a\nb', { response: '123456' })),
    ).rejects.toMatchObject({
      code: 'request-invalid',
      message: expect.stringContaining('user') as string,
    });
  });
});
