import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  ocraBare,
  ocraCounter,
  ocraTime,
  openBench,
  type TestDevice,
  timeEvent8,
  totp6,
} from '../support/builders.ts';
import { asking, codeOf, membersRefused, syncing, syncCodeOf, tally } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

const dayMs = 86_400_000;

function logon(
  caller: Caller,
  userName: string,
  response: string,
  challenge: string | null = null,
): Promise<string> {
  return codeOf(bench.service, caller, asking(userName, { response, challenge }));
}

function shownAt(device: TestDevice, seconds: number): string {
  return device.response({ nowMs: bench.clock.nowMs() + seconds * 1000 });
}

async function resetOf({ serial }: TestDevice): Promise<void> {
  await bench.service.administration.resetApplication(bench.admin, serial, null);
}

describe('clock and counter together', () => {
  const press = (device: TestDevice, counter: number, seconds = 0): string =>
    device.response({ counter, nowMs: bench.clock.nowMs() + seconds * 1000 });

  test('serve only where the policy pays for the product of their windows', async () => {
    const userName = await bench.user();
    const device = await bench.device(timeEvent8, { userName });
    const forbidding = await bench.caller();
    expect(await logon(forbidding, userName, press(device, 0))).toBe('authenticator-not-permitted');
    const allowing = await bench.caller({ timeAndEventApplications: 'allowed' });
    expect(await logon(allowing, userName, press(device, 0))).toBe('accepted');
  });

  test('are learned together, and two presses in one step are two responses', async () => {
    const caller = await bench.caller({ timeAndEventApplications: 'allowed' }, 'helpdesk');
    const userName = await bench.user();
    const device = await bench.device(timeEvent8, { userName });
    expect(await logon(caller, userName, press(device, 9, 90))).toBe('accepted');
    expect(await logon(caller, userName, press(device, 10, 90))).toBe('accepted');
    expect(await logon(caller, userName, press(device, 10, 90))).toBe('response-replayed');
    const { administration } = bench.service;
    const { applications } = await administration.authenticator(bench.admin, device.serial);
    expect(applications).toMatchObject([{ nextEventCounter: 11n, driftSeconds: 60 }]);
  });

  test('are brought together by two presses, over both at once', async () => {
    const caller = await bench.caller(
      { timeAndEventApplications: 'allowed', syncTimeWindowSeconds: 3600 },
      'helpdesk',
    );
    const userName = await bench.user();
    const device = await bench.device(timeEvent8, { userName });
    const pair = [press(device, 70, 600), press(device, 71, 600)] as const;
    expect(await bench.service.synchronise(caller, syncing(userName, pair))).toMatchObject({
      learned: { nextEventCounter: 72n },
    });
    expect(await logon(caller, userName, press(device, 72, 600))).toBe('accepted');
    const apart = [press(device, 80, 600), press(device, 82, 600)] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, apart))).toBe(
      'sync-incorrect',
    );
  });

  test('cost as much to refuse as nobody costs', async () => {
    const caller = await bench.caller({ timeAndEventApplications: 'allowed' });
    const userName = await bench.user();
    await bench.device(timeEvent8, { userName });
    const costOf = async (name: string): Promise<number> => {
      const before = bench.module.status().macsComputed;
      await logon(caller, name, '00000000');
      return bench.module.status().macsComputed - before;
    };
    expect(await costOf(userName)).toBe(525);
    expect(await costOf('nobody')).toBe(525);
  });
});

describe('the initial window', () => {
  test('holds for the first response, and again for the first after a reset', async () => {
    const caller = await bench.caller({ initialTimeWindowSeconds: 7200 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    expect(await logon(caller, userName, shownAt(device, 3000))).toBe('accepted');
    bench.clock.advance(30);
    // The whole offset was learned, so the device is in the ordinary window around it.
    expect(await logon(caller, userName, shownAt(device, 3000))).toBe('accepted');
    bench.clock.advance(3600);
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('response-incorrect');
    await resetOf(device);
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 3000))).toBe('response-incorrect');
  });
});

describe('the identification threshold', () => {
  test('closes an application until it is reset, whatever the user’s count', async () => {
    const caller = await bench.caller({ identificationThreshold: 2, userLockThreshold: 0 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const other = await bench.device(totp6, { userName });
    expect(await logon(caller, userName, device.wrong())).toBe('response-incorrect');
    expect(await logon(caller, userName, device.response({ counter: 0 }))).toBe('accepted');
    // The success was the event application's: the other's count goes on.
    expect(await logon(caller, userName, device.wrong({ counter: 1 }))).toBe('response-incorrect');
    expect(await logon(caller, userName, shownAt(other, 0))).toBe('response-incorrect');
    const right = device.response({ counter: 1 });
    expect(await logon(caller, userName, right)).toBe('application-locked');
    await resetOf(device);
    expect(await logon(caller, userName, right)).toBe('accepted');
    const closed = asking(userName, { response: shownAt(other, 0), serial: other.serial });
    expect(await codeOf(bench.service, caller, closed)).toBe('application-locked');
    const pair = [shownAt(other, 0), shownAt(other, 30)] as const;
    const sync = syncing(userName, pair, [null, null], { serial: other.serial });
    expect(await syncCodeOf(bench.service, caller, sync)).toBe('application-locked');
  });

  test('counts failed synchronisations, and holds against many at once', async () => {
    const caller = await bench.caller({ identificationThreshold: 3, userLockThreshold: 0 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    expect(await syncCodeOf(bench.service, caller, syncing(userName, ['000000', '111111']))).toBe(
      'sync-incorrect',
    );
    const wrong = device.wrong();
    const codes = await Promise.all(
      Array.from({ length: 12 }, () => logon(caller, userName, wrong)),
    );
    expect(tally(codes)).toEqual({ 'response-incorrect': 2, 'application-locked': 10 });
    const right = device.response({ counter: 0 });
    expect(await logon(caller, userName, right)).toBe('application-locked');
  });
});

describe('the inactivity limit', () => {
  test('closes an application that nobody used, until it is reset', async () => {
    const caller = await bench.caller({ applicationMaxInactiveDays: 30 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    bench.clock.set(bench.clock.nowMs() + 30 * dayMs);
    expect(await logon(caller, userName, device.response({ counter: 0 }))).toBe('accepted');
    bench.clock.set(bench.clock.nowMs() + 30 * dayMs + 1);
    expect(await logon(caller, userName, device.response({ counter: 1 }))).toBe(
      'application-inactive',
    );
    await resetOf(device);
    expect(await logon(caller, userName, device.response({ counter: 1 }))).toBe('accepted');
  });
});

describe('the challenge check mode', () => {
  const server = { oneStepChallengeResponse: 'server-challenge' } as const;

  async function challengeFor(caller: Caller, userName: string): Promise<string> {
    bench.clock.advance(1);
    const answer = await bench.service.issueChallenge(caller, {
      userName,
      domainName: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    });
    if (answer.outcome !== 'challenge-issued') throw new Error(answer.code);
    return answer.challenge;
  }

  test('1 takes the newest challenge only, and counts an older one for nothing', async () => {
    const caller = await bench.caller({ ...server, challengeCheckMode: 1 });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const older = await challengeFor(caller, userName);
    const newest = await challengeFor(caller, userName);
    const answer = (challenge: string): Promise<string> =>
      logon(caller, userName, device.response({ challenge }), challenge);
    expect(await answer(older)).toBe('challenge-superseded');
    expect(await answer(newest)).toBe('accepted');
    expect(await answer(older)).toBe('accepted');
    expect(await answer(older)).toBe('challenge-unknown');
  });

  test('2 uses the newest challenge, whatever came with the response', async () => {
    const caller = await bench.caller({ ...server, challengeCheckMode: 2 });
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    const button = await bench.device(hotp6, { userName });
    for (const given of ['87654321', null]) {
      await challengeFor(caller, userName);
      const newest = await challengeFor(caller, userName);
      const response = device.response({ challenge: newest });
      expect(await logon(caller, userName, response, given)).toBe('accepted');
    }
    // Without a challenge it may be the button's, which leaves the open challenge open.
    const open = await challengeFor(caller, userName);
    expect(await logon(caller, userName, button.response({ counter: 0 }))).toBe('accepted');
    const response = device.response({ challenge: open });
    expect(await logon(caller, userName, response)).toBe('accepted');
  });

  test.each([
    [0, 'accepted'],
    [3, 'response-replayed'],
    [4, 'accepted'],
  ] as const)('%s: a second challenge in one time step is %s', async (challengeCheckMode, code) => {
    const caller = await bench.caller({ challengeCheckMode });
    const userName = await bench.user();
    const device = await bench.device(ocraTime, { userName });
    const nowMs = bench.clock.nowMs();
    const answer = (challenge: string): Promise<string> =>
      logon(caller, userName, device.response({ challenge, nowMs }), challenge);
    expect(await answer('11111111')).toBe('accepted');
    // What was accepted once is a replay in every mode.
    expect(await answer('11111111')).toBe('response-replayed');
    expect(await answer('22222222')).toBe(code);
  });

  test('3 synchronises by two steps, not by two challenges in one', async () => {
    const caller = await bench.caller({ challengeCheckMode: 3 });
    const userName = await bench.user();
    const device = await bench.device(ocraTime, { userName });
    const challenges = ['11111111', '22222222'] as const;
    const pairAt = (gapSeconds: number): [string, string] => [
      device.response({ challenge: challenges[0], nowMs: bench.clock.nowMs() + 600_000 }),
      device.response({
        challenge: challenges[1],
        nowMs: bench.clock.nowMs() + 600_000 + gapSeconds * 1000,
      }),
    ];
    const sync = (gapSeconds: number): Promise<string> =>
      syncCodeOf(bench.service, caller, syncing(userName, pairAt(gapSeconds), challenges));
    expect(await sync(0)).toBe('sync-incorrect');
    expect(await sync(30)).toBe('synchronised');
  });

  test('leaves counters alone', async () => {
    const caller = await bench.caller({ challengeCheckMode: 3 });
    const userName = await bench.user();
    const device = await bench.device(ocraCounter, { userName });
    for (const counter of [0, 1]) {
      const challenge = '12345678';
      const response = device.response({ challenge, counter });
      expect(await logon(caller, userName, response, challenge)).toBe('accepted');
    }
  });
});

describe('a policy that contradicts itself', () => {
  test.each([
    [{ dynamicTimeWindow: true, discreteTimeWindowHours: 1 }, 'settings.discreteTimeWindowHours'],
    [{ challengeCheckMode: 1 }, 'settings.challengeCheckMode'],
    [{ secondOtpSync: true, userLockThreshold: 1 }, 'settings.secondOtpSync'],
    [
      { timeAndEventApplications: 'allowed', eventWindowSteps: 500 },
      'settings.timeAndEventApplications',
    ],
  ])('is refused when saved: %o', async (settings, member) => {
    const save = bench.service.administration.savePolicy(
      bench.admin,
      'contradiction',
      { parentName: 'Local Authentication', settings },
      { expectedVersion: null },
    );
    expect(await membersRefused(save)).toEqual([member]);
  });

  test('is refused where a parent makes it one, naming the child', async () => {
    const { administration } = bench.service;
    const save = (name: string, parentName: string, settings: object): Promise<unknown> =>
      administration.savePolicy(
        bench.admin,
        name,
        { parentName, settings },
        { expectedVersion: null },
      );
    await save('parent', 'Local Authentication', {});
    await save('child', 'parent', { discreteTimeWindowHours: 1 });
    const refused = save('parent', 'Local Authentication', { dynamicTimeWindow: true });
    await expect(refused).rejects.toMatchObject({
      fields: { 'settings.discreteTimeWindowHours': [expect.stringContaining('child')] },
    });
  });
});
