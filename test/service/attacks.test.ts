import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import type { Decision, Store } from '../../src/service/store.ts';
import {
  type Bench,
  hotp6,
  openBench,
  type TestDevice,
  timeEvent8,
  totp6,
} from '../support/builders.ts';
import { asking, codeOf, syncing, syncCodeOf } from './support.ts';

/** What somebody might try who has collected responses, or can only guess. */

let bench: Bench;
let written: Decision[] = [];

beforeAll(async () => {
  bench = await openBench({ store: recording });
});

afterAll(async () => {
  await bench.close();
});

function recording(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') {
        return (decisions: readonly Decision[]): ReturnType<Store['commit']> => {
          written.push(...decisions);
          return store.commit(decisions);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const remembering = {
  secondOtpSync: true,
  userLockThreshold: 10,
  identificationTimeWindowSteps: 4,
} as const;

async function aUserWith(
  algorithm: typeof totp6,
): Promise<{ userName: string; device: TestDevice }> {
  const userName = await bench.user();
  return { userName, device: await bench.device(algorithm, { userName }) };
}

function shownAt(device: TestDevice, seconds: number): string {
  return device.response({ nowMs: bench.clock.nowMs() + seconds * 1000 });
}

function logon(caller: Caller, userName: string, response: string): Promise<string> {
  return codeOf(bench.service, caller, asking(userName, { response }));
}

describe('a harvested pair of old responses', () => {
  test('moves no clock back beyond what idle days and the margin explain', async () => {
    const caller = await bench.caller({ ...remembering, syncBackwardMarginSeconds: 900 });
    const { userName, device } = await aUserWith(totp6);
    const harvested = [shownAt(device, 0), shownAt(device, 30)] as const;
    bench.clock.advance(2 * 3600);
    // The owner logs on; the collector has responses from two hours ago.
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
    bench.clock.advance(60);
    const sync = syncCodeOf(bench.service, caller, syncing(userName, harvested));
    expect(await sync).toBe('sync-replayed');
    for (const response of harvested) {
      expect(await logon(caller, userName, response)).toBe('response-incorrect');
    }
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
  });

  test('that was never behind the floor still goes no further back', async () => {
    const caller = await bench.caller({ syncBackwardMarginSeconds: 900 });
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
    bench.clock.advance(2 * 3600);
    // Responses that the device showed since the last logon, an hour ago, and nobody used.
    const pair = [shownAt(device, -3600), shownAt(device, -3570)] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe('sync-backwards');
  });
});

describe('a remembered response', () => {
  test('that has gone stale is confirmed by nothing', async () => {
    const caller = await bench.caller({ ...remembering, secondOtpSyncLifetimeSeconds: 60 });
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    bench.clock.advance(61);
    const next = shownAt(device, 1800 - 61 + 30);
    expect(await logon(caller, userName, next)).toBe('response-incorrect');
  });

  test('is confirmed by the next one, and by that alone', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({
      outcome: 'response-incorrect',
      details: { remembered: true, windowKind: 'ordinary', windowHalfWidthSteps: 2 },
    });
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('accepted');
    expect(await bench.lastAudit()).toMatchObject({
      outcome: 'accepted',
      details: { secondOtpSync: true, driftSecondsBefore: 0 },
    });
    // The pair is used up, the one after verifies, and the count began anew.
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-replayed');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('accepted');
    const user = await bench.service.administration.user(bench.admin, null, userName);
    expect(user.lockCount).toBe(0);
  });

  test('is not confirmed when a wrong code came before the right one', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    expect(await logon(caller, userName, device.wrong())).toBe('response-incorrect');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    // That one was out of the window as well, so it is remembered and confirmed in its turn.
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('accepted');
  });

  test('does not burn a right response in the window', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    const right = shownAt(device, 0);
    expect(await logon(caller, userName, device.wrong())).toBe('response-incorrect');
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    expect(await logon(caller, userName, right)).toBe('accepted');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
  });

  test.each([
    [
      'a lock and an unlock',
      async (userName: string) => {
        await bench.service.administration.lockUser(bench.admin, null, userName);
        await bench.service.administration.unlockUser(bench.admin, null, userName);
      },
    ],
    [
      'a reset',
      async (_userName: string, { serial }: TestDevice) => {
        await bench.service.administration.resetApplication(bench.admin, serial, null);
      },
    ],
    [
      'a new assignment',
      async (userName: string, { serial }: TestDevice) => {
        const { administration } = bench.service;
        await administration.unassignAuthenticator(bench.admin, serial);
        await administration.assignAuthenticator(bench.admin, serial, null, userName);
      },
    ],
  ])('is erased by %s', async (_, between) => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    await between(userName, device);
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
  });

  test('is not confirmed after an unlock, even when another device brings the count back', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    const { serial } = await bench.device(totp6, { userName });
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    await bench.service.administration.unlockUser(bench.admin, null, userName);
    const elsewhere = asking(userName, { response: device.wrong(), serial });
    expect(await codeOf(bench.service, caller, elsewhere)).toBe('response-incorrect');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
  });

  test('locks as any other failure does, and confirms nothing after that', async () => {
    const caller = await bench.caller({
      ...remembering,
      userLockThreshold: 2,
      autoUnlockMaxTries: 3,
      autoUnlockMinDurationSeconds: 30,
    });
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, device.wrong())).toBe('response-incorrect');
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    bench.clock.advance(30);
    // Locked by then: the attempt that may unlock him needs a response in the window.
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    bench.clock.advance(60);
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
  });

  test('of clock and counter together is confirmed by the next press', async () => {
    const settings = { ...remembering, timeAndEventApplications: 'allowed' } as const;
    const caller = await bench.caller({ ...settings, syncTimeWindowSeconds: 1800 });
    const userName = await bench.user();
    const device = await bench.device(timeEvent8, { userName });
    const press = (counter: number, seconds: number): string =>
      device.response({ counter, nowMs: bench.clock.nowMs() + seconds * 1000 });
    expect(await logon(caller, userName, press(40, 300))).toBe('response-incorrect');
    expect(await logon(caller, userName, press(41, 300))).toBe('accepted');
    expect(await logon(caller, userName, press(41, 300))).toBe('response-replayed');
    bench.clock.advance(60);
    expect(await logon(caller, userName, press(42, 300))).toBe('accepted');
  });
});

describe('failed attempts', () => {
  test('widen no window', async () => {
    const caller = await bench.caller({
      userLockThreshold: 0,
      dynamicTimeWindow: true,
      initialTimeWindowSeconds: 0,
      identificationTimeWindowSteps: 4,
    });
    const { userName, device } = await aUserWith(totp6);
    expect(await logon(caller, userName, shownAt(device, 0))).toBe('accepted');
    const other = await aUserWith(hotp6);
    for (let round = 0; round < 12; round += 1) {
      bench.clock.advance(60);
      expect(await logon(caller, userName, shownAt(device, 90))).toBe('response-incorrect');
      expect(await logon(caller, userName, shownAt(device, -90))).toBe('response-incorrect');
      const ahead = other.device.response({ counter: 20 });
      expect(await logon(caller, other.userName, ahead)).toBe('response-incorrect');
    }
    bench.clock.advance(60);
    expect(await logon(caller, userName, shownAt(device, 60))).toBe('accepted');
    const last = other.device.response({ counter: 19 });
    expect(await logon(caller, other.userName, last)).toBe('accepted');
  });
});

describe('a look beyond the window', () => {
  /** All that an attempt costs and shows: MACs, rows, and what leaves the server. */
  async function traceOf(
    caller: Caller,
    userName: string,
    response: string,
  ): Promise<Record<string, unknown>> {
    written = [];
    const before = bench.module.status().macsComputed;
    const answer = await bench.service.authenticate(caller, asking(userName, { response }));
    const macs = bench.module.status().macsComputed - before;
    const rows = written.map(({ user, notes, advance, followers }) => ({
      user: user === null ? 0 : 1,
      notes: notes.length,
      others: followers.length + (advance === null ? 0 : 1),
    }));
    return { answer, macs, rows };
  }

  test('is no oracle: wrong, found, unknown and locked look and cost alike, a replay costs as much', async () => {
    const caller = await bench.caller({ ...remembering, genericAnswers: true });
    const { userName, device } = await aUserWith(totp6);
    const used = shownAt(device, 0);
    expect(await logon(caller, userName, used)).toBe('accepted');
    const locked = await aUserWith(totp6);
    await bench.service.administration.lockUser(bench.admin, null, locked.userName);
    const wrong = await traceOf(caller, userName, device.wrong());
    expect(wrong).toMatchObject({ answer: { outcome: 'refused', code: 'refused' } });
    expect(wrong['rows']).toEqual([{ user: 1, notes: 1, others: 0 }]);
    const others: [string, string, string][] = [
      ['found far ahead', userName, shownAt(device, 1800)],
      ['found far behind', userName, shownAt(device, -1800)],
      ['no response at all', userName, 'hello'],
      ['nobody', 'nobody-at-all', '123456'],
      ['locked', locked.userName, shownAt(locked.device, 0)],
    ];
    for (const [what, name, response] of others) {
      expect([what, await traceOf(caller, name, response)]).toEqual([what, wrong]);
    }
    // Only whoever had it before learns that it was right once.
    const replayed = { outcome: 'refused', code: 'response-replayed' };
    expect(await traceOf(caller, userName, used)).toEqual({ ...wrong, answer: replayed });
  });

  test('counts and notes nothing when the module fails before anything is compared', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    bench.module.failNext('unavailable', { method: 'mac' });
    await expect(logon(caller, userName, shownAt(device, 1800))).rejects.toMatchObject({
      code: 'module-unavailable',
    });
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, 1800))).toBe('accepted');
  });

  test('that the module interrupts leaves the refusal as it was, counted', async () => {
    const caller = await bench.caller(remembering);
    const { userName, device } = await aUserWith(totp6);
    const mac = bench.module.mac.bind(bench.module);
    // The window is compared in three calls; the wider search fails.
    let calls = 0;
    bench.module.mac = (jobs, options) => {
      calls += 1;
      if (options.lane === 'sync') bench.module.failNext('unavailable', { method: 'mac' });
      return mac(jobs, options);
    };
    await expect(logon(caller, userName, shownAt(device, 1800))).rejects.toMatchObject({
      code: 'module-unavailable',
    });
    bench.module.mac = mac;
    expect(calls).toBeGreaterThan(1);
    const user = await bench.service.administration.user(bench.admin, null, userName);
    expect(user.lockCount).toBe(1);
  });
});
