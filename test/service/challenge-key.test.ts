import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import type { Caller, ChallengeAnswer } from '../../src/service/index.ts';
import { type Bench, ocraBare, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

type Issued = Extract<ChallengeAnswer, { outcome: 'challenge-issued' }>;

/** For a user, or a general one. */
async function issue(caller: Caller, userName: string | null): Promise<Issued> {
  const answer = await bench.service.issueChallenge(caller, {
    userName,
    domainName: null,
    serial: null,
    applicationName: null,
    requestKey: null,
  });
  if (answer.outcome !== 'challenge-issued') throw new Error(answer.code);
  return answer;
}

async function holder(): Promise<{ userName: string; device: TestDevice }> {
  const userName = await bench.user();
  return { userName, device: await bench.device(ocraBare, { userName }) };
}

function serverOnly(settings: PolicySettings = {}): Promise<Caller> {
  return bench.caller({ oneStepChallengeResponse: 'server-challenge', ...settings });
}

describe('the handle of a challenge', () => {
  test('stands for its text, once', async () => {
    const caller = await serverOnly();
    const { userName, device } = await holder();
    const { challenge, challengeKey } = await issue(caller, userName);
    expect(challengeKey).toMatch(/^[0-9]{10}$/);
    const request = asking(userName, { challengeKey, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    expect(await codeOf(bench.service, caller, request)).toBe('challenge-unknown');
  });

  test('is spent by a wrong response', async () => {
    const caller = await serverOnly();
    const { userName, device } = await holder();
    const { challenge, challengeKey } = await issue(caller, userName);
    const wrong = asking(userName, { challengeKey, response: device.wrong({ challenge }) });
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    const right = asking(userName, { challengeKey, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, right)).toBe('challenge-unknown');
  });

  test('means nothing to others: another user, another component, another text', async () => {
    const caller = await serverOnly();
    const { userName, device } = await holder();
    const stranger = await holder();
    const { challenge, challengeKey } = await issue(caller, userName);
    const response = device.response({ challenge });
    for (const [by, who] of [
      [caller, stranger.userName],
      [await serverOnly(), userName],
    ] as const) {
      const request = asking(who, { challengeKey, response });
      expect(await codeOf(bench.service, by, request)).toBe('challenge-expired');
    }
    const request = asking(userName, { challengeKey, response });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });

  test('that is unknown is no guess, also where any challenge may come', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'any-challenge' });
    const { userName, device } = await holder();
    const challengeKey = '0123456789';
    const response = device.response({ challenge: challengeKey.slice(0, 8) });
    const request = asking(userName, { challengeKey, response });
    expect(await codeOf(bench.service, caller, request)).toBe('challenge-expired');
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view.lockCount).toBe(0);
  });

  test.each(['', '012345678', '0'.repeat(11), '0'.repeat(300), 'abcdefghij', ' 123456789'])(
    'that never was one is bad input, whoever it is for: "%s"',
    async (challengeKey) => {
      const caller = await serverOnly();
      const { userName } = await holder();
      const before = (await bench.auditBodies()).length;
      for (const name of [userName, 'nobody-at-all']) {
        const request = asking(name, { challengeKey, response: '123456' });
        await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
          code: 'request-invalid',
          fields: { challengeKey: ['must be the 10 digits of a key that was issued'] },
        });
      }
      expect((await bench.auditBodies()).length).toBe(before);
    },
  );

  test('expires with its challenge', async () => {
    const caller = await serverOnly({ challengeLifetimeSeconds: 60 });
    const { userName, device } = await holder();
    const { challenge, challengeKey } = await issue(caller, userName);
    bench.clock.advance(61);
    const request = asking(userName, { challengeKey, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, request)).toBe('challenge-expired');
  });

  test('does not come beside a text', async () => {
    const caller = await serverOnly();
    const { userName } = await holder();
    const { challenge, challengeKey } = await issue(caller, userName);
    const request = asking(userName, { challengeKey, challenge, response: '123456' });
    await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });

  test('looks alike for whoever can answer none', async () => {
    const caller = await serverOnly();
    const userName = await bench.user();
    await bench.device(totp6, { userName });
    for (const name of [userName, 'nobody-at-all']) {
      expect((await issue(caller, name)).challengeKey).toMatch(/^[0-9]{10}$/);
    }
  });
});

describe('a general challenge', () => {
  test.each([0, 1])('is for whoever answers it first, in check mode %i', async (mode) => {
    const caller = await serverOnly({ challengeCheckMode: mode as 0 | 1 });
    const first = await holder();
    const second = await holder();
    const { challenge, challengeKey } = await issue(caller, null);
    const answerOf = ({ userName, device }: typeof first): Promise<string> =>
      codeOf(
        bench.service,
        caller,
        asking(userName, { challengeKey, response: device.response({ challenge }) }),
      );
    expect(await answerOf(first)).toBe('accepted');
    expect(await answerOf(second)).toBe('challenge-unknown');
    expect((await bench.auditBodies()).some((body) => body.includes('"component '))).toBe(true);
  });

  test('is answered by its text as well', async () => {
    const caller = await serverOnly({ challengeCheckMode: 0 });
    const { userName, device } = await holder();
    const { challenge } = await issue(caller, null);
    const request = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });

  test('stays at its component', async () => {
    const caller = await serverOnly({ challengeCheckMode: 0 });
    const { userName, device } = await holder();
    const { challenge, challengeKey } = await issue(await serverOnly(), null);
    const response = device.response({ challenge });
    for (const given of [{ challenge }, { challengeKey }]) {
      const request = asking(userName, { ...given, response });
      expect(await codeOf(bench.service, caller, request)).toMatch(/^challenge-/);
    }
  });
});

describe('a domain in the name', () => {
  test('is told apart where there is such a domain', async () => {
    const caller = await bench.caller();
    const { administration } = bench.service;
    await administration.createDomain(bench.admin, 'sales');
    const user = { userName: 'jane', organisationalUnit: null, expiresAtMs: null };
    await administration.createUser(bench.admin, 'sales', user);
    const device = await bench.device(totp6);
    await administration.assignAuthenticator(bench.admin, device.serial, 'sales', 'jane');
    for (const [name, code] of [
      ['jane@sales', 'accepted'],
      ['Sales\\jane', 'accepted'],
      ['jane@marketing', 'user-unknown'],
      ['jane', 'user-unknown'],
    ] as const) {
      bench.clock.advance(30);
      const response = device.response({ nowMs: bench.clock.nowMs() });
      const answer = await bench.service.authenticate(caller, asking(name, { response }));
      expect(answer).toMatchObject(
        code === 'accepted'
          ? { outcome: code, userName: 'jane', domainName: 'sales' }
          : { outcome: 'refused', code },
      );
    }
    expect(await bench.lastAudit()).toMatchObject({ subject: 'master/jane' });
  });

  test('is part of the name beside a domain', async () => {
    const caller = await bench.caller();
    const userName = await bench.user('jane@sales');
    const device = await bench.device(totp6, { userName });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const request = { ...asking(userName, { response }), domainName: 'master' };
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });

  test('of another domain is not looked at for a key that is bound to one', async () => {
    const caller = await bench.caller();
    const master = bench.service;
    const domains = await master.administration.domains(bench.admin);
    const own = domains.find(({ name }) => name === 'master')!;
    const { key } = await master.administration.createApiKey(bench.admin, {
      name: 'bound',
      role: 'client',
      componentType: caller.componentType,
      domainName: own.name,
      expiresAtMs: null,
    });
    const bound = (await master.identify(key, '127.0.0.1', 'request'))!;
    const request = asking('bob@sales', { response: '123456' });
    expect(await codeOf(master, bound, request)).toBe('user-unknown');
    expect(await bench.lastAudit()).toMatchObject({ subject: 'master/bob@sales' });
  });
});
