import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  nextSerial,
  ocraBare,
  ocraCounter,
  ocraTime,
  openBench,
  type TestDevice,
  totp6,
} from '../support/builders.ts';
import { asking, codeOf, syncing, syncCodeOf, threeInOne } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

function timePair(device: TestDevice, offsetSeconds: number): [string, string] {
  const nowMs = bench.clock.nowMs() + offsetSeconds * 1000;
  return [device.response({ nowMs: nowMs - 30_000 }), device.response({ nowMs })];
}

async function lockCountOf(userName: string): Promise<number> {
  return (await bench.service.administration.user(bench.admin, null, userName)).lockCount;
}

describe('two consecutive responses bring host and device together', () => {
  test('time-based: far off, then synchronised, then the next response verifies', async () => {
    const caller = await bench.caller({ identificationTimeWindowSteps: 2 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const offset = 2 * 3600;
    const late = asking(userName, {
      response: device.response({ nowMs: bench.clock.nowMs() + offset * 1000 }),
    });
    expect(await codeOf(bench.service, caller, late)).toBe('response-incorrect');
    const answer = await bench.service.synchronise(
      caller,
      syncing(userName, timePair(device, offset)),
    );
    expect(answer).toEqual({
      outcome: 'synchronised',
      userName,
      domainName: 'master',
      organisationalUnit: null,
      serial: device.serial,
      applicationName: 'APP',
      learned: null,
    });
    expect(await lockCountOf(userName)).toBe(0);
    bench.clock.advance(30);
    const next = asking(userName, {
      response: device.response({ nowMs: bench.clock.nowMs() + offset * 1000 }),
    });
    expect(await codeOf(bench.service, caller, next)).toBe('accepted');
  });

  test('event-based: the learned counter is the one after the second response', async () => {
    const caller = await bench.caller({ eventWindowSteps: 1 }, 'helpdesk');
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const pair = [device.response({ counter: 700 }), device.response({ counter: 701 })] as const;
    expect(await bench.service.synchronise(caller, syncing(userName, pair))).toMatchObject({
      learned: { driftSeconds: null, nextEventCounter: 702n, followers: [] },
    });
    const next = asking(userName, { response: device.response({ counter: 702 }) });
    expect(await codeOf(bench.service, caller, next)).toBe('accepted');
  });

  test.each([
    ['time', ocraTime],
    ['counter', ocraCounter],
  ])('1-step challenge/response with %s', async (_name, algorithm) => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(algorithm, { userName });
    const [one, two] = ['11111111', '22222222'] as const;
    const nowMs = bench.clock.nowMs() + 3_600_000;
    const pair = [
      device.response({ nowMs, counter: 90, challenge: one }),
      device.response({ nowMs, counter: 91, challenge: two }),
    ] as const;
    const request = syncing(userName, pair, [one, two]);
    expect(await syncCodeOf(bench.service, caller, request)).toBe('synchronised');
    expect(await syncCodeOf(bench.service, caller, request)).toBe('sync-replayed');
  });

  test('issued challenges are answered by it, both', async () => {
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    const userName = await bench.user();
    const device = await bench.device(ocraCounter, { userName });
    const challenges: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      const answer = await bench.service.issueChallenge(caller, {
        userName,
        domainName: null,
        serial: null,
        applicationName: null,
        requestKey: null,
      });
      if (answer.outcome === 'challenge-issued') challenges.push(answer.challenge);
    }
    const [one, two] = challenges as [string, string];
    const pair = [
      device.response({ counter: 40, challenge: one }),
      device.response({ counter: 41, challenge: two }),
    ] as const;
    const made = syncing(userName, pair, [one, '00000000']);
    expect(await syncCodeOf(bench.service, caller, made)).toBe('challenge-unknown');
    const request = syncing(userName, pair, [one, two]);
    expect(await syncCodeOf(bench.service, caller, request)).toBe('synchronised');
    const { id } = await bench.service.administration.user(bench.admin, null, userName);
    const nowMs = bench.clock.nowMs();
    expect(await bench.store.openChallengeIds(id, caller.componentType, nowMs)).toEqual([]);
  });

  test('the other applications with a clock follow', async () => {
    const { administration } = bench.service;
    // The policy permits one application; the device's clock is every application's all the same.
    const caller = await bench.caller({ applicationNames: ['ONE'] }, 'helpdesk');
    const userName = await bench.user();
    const device = await threeInOne(bench, userName);
    const { serial } = device;
    const answer = await bench.service.synchronise(
      caller,
      syncing(userName, timePair(device, -3600), undefined, { serial }),
    );
    expect(answer).toMatchObject({ applicationName: 'ONE', learned: { followers: ['TWO'] } });
    const view = await administration.authenticator(bench.admin, serial);
    const drift = view.applications.map(({ name, driftSeconds }) => [name, driftSeconds]);
    expect(drift).toEqual([
      ['ONE', -3600],
      ['THREE', null],
      ['TWO', -3600],
    ]);
  });
});

describe('failures', () => {
  test('a pair that fits nowhere, in the wrong order, or not consecutive counts', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const at = (counter: number): string => device.response({ counter });
    const pairs = [
      [at(51), at(50)],
      [at(50), at(50)],
      [at(50), at(52)],
    ] as const;
    for (const [index, pair] of pairs.entries()) {
      expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe(
        'sync-incorrect',
      );
      expect(await lockCountOf(userName)).toBe(index + 1);
    }
  });

  test('a used first response is a replay', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const [first, second] = [device.response({ counter: 0 }), device.response({ counter: 1 })];
    await codeOf(bench.service, caller, asking(userName, { response: first }));
    expect(await syncCodeOf(bench.service, caller, syncing(userName, [first, second]))).toBe(
      'sync-replayed',
    );
  });

  test('a locked user stays locked, even when a logon would unlock', async () => {
    const caller = await bench.caller({ userLockThreshold: 1, autoUnlockMaxTries: 5 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    await codeOf(bench.service, caller, asking(userName, { response: device.wrong() }));
    bench.clock.advance(86_400);
    const pair = [device.response({ counter: 5 }), device.response({ counter: 6 })] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe('user-locked');
    const logon = asking(userName, { response: device.response({ counter: 0 }) });
    expect(await codeOf(bench.service, caller, logon)).toBe('accepted');
  });

  test('back in time beyond what idle days explain', async () => {
    const caller = await bench.caller({ syncBackwardMarginSeconds: 60 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    expect(await syncCodeOf(bench.service, caller, syncing(userName, timePair(device, 0)))).toBe(
      'synchronised',
    );
    bench.clock.advance(7200);
    const back = timePair(device, -3600);
    expect(await syncCodeOf(bench.service, caller, syncing(userName, back))).toBe('sync-backwards');
    await bench.service.administration.resetApplication(bench.admin, device.serial, null);
    expect(await syncCodeOf(bench.service, caller, syncing(userName, back))).toBe('synchronised');
  });

  test('nothing to synchronise, ambiguous, not assigned, none: not counted', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const pair = ['12345678', '23456789'] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe(
      'authenticator-none',
    );
    await bench.device(ocraBare, { userName });
    const challenges = ['11111111', '22222222'] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, pair, challenges))).toBe(
      'sync-nothing',
    );
    await bench.device(hotp6, { userName });
    expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe(
      'authenticator-ambiguous',
    );
    const stranger = syncing(userName, pair, undefined, { serial: nextSerial() });
    expect(await syncCodeOf(bench.service, caller, stranger)).toBe('authenticator-not-assigned');
    expect(await lockCountOf(userName)).toBe(0);
  });

  test.each([
    ['component-unknown', {}, '192.0.2.9'],
    ['nothing-verifies', { localAuthentication: 'none' }, '127.0.0.1'],
    ['user-unknown', {}, '127.0.0.1'],
  ] as const)('%s', async (code, settings, peerAddress) => {
    const caller: Caller = { ...(await bench.caller(settings)), peerAddress };
    expect(await syncCodeOf(bench.service, caller, syncing('nobody', ['123456', '234567']))).toBe(
      code,
    );
  });

  test('malformed, or half with a challenge: not counted', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    await bench.device(ocraTime, { userName });
    expect(await syncCodeOf(bench.service, caller, syncing(userName, ['abc', '123456']))).toBe(
      'response-malformed',
    );
    const half = syncing(userName, ['12345678', '23456789'], ['11111111', null]);
    expect(await syncCodeOf(bench.service, caller, half)).toBe('challenge-required');
    expect(await lockCountOf(userName)).toBe(0);
  });

  test('an unknown user costs what a wrong pair costs, and the audit has no response', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const pair = [device.wrong(), device.wrong()] as const;
    const costOf = async (name: string): Promise<number> => {
      const before = bench.module.status().macsComputed;
      await syncCodeOf(bench.service, caller, syncing(name, pair));
      return bench.module.status().macsComputed - before;
    };
    expect(await costOf('nobody')).toBe(await costOf(userName));
    const bodies = (await bench.auditBodies()).join('\n');
    for (const response of timePair(device, 0)) expect(bodies).not.toContain(response);
  });
});
