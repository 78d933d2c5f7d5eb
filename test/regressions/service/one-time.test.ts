import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  ocraCounter,
  openBench,
  type TestDevice,
  totp6,
} from '../../support/builders.ts';
import { asking, codeOf, interrupting } from '../../service/support.ts';

/** Regressions of single use over a database file; docs/regressions.md lists them all. */

let bench: Bench;
let interrupt: () => Promise<unknown>;
const hook = interrupting(() => interrupt());

beforeAll(async () => {
  bench = await openBench({ store: hook.wrap });
});

afterAll(async () => {
  await bench.close();
});

const lockless = { userLockThreshold: 0, autoUnlockMaxTries: 0 } as const;
const minutes = 60;

async function aUserWith(
  algorithm: typeof totp6,
): Promise<{ userName: string; device: TestDevice }> {
  const userName = await bench.user();
  return { userName, device: await bench.device(algorithm, { userName }) };
}

function shownAt(device: TestDevice, seconds: number): string {
  return device.response({ nowMs: bench.clock.nowMs() + seconds * 1000 });
}

function logon(
  caller: Caller,
  userName: string,
  response: string,
  challenge: string | null = null,
): Promise<string> {
  return codeOf(bench.service, caller, asking(userName, { response, challenge }));
}

async function expectRefused(
  caller: Caller,
  userName: string,
  responses: readonly string[],
): Promise<void> {
  for (const response of responses) {
    const code = await logon(caller, userName, response);
    expect(['response-replayed', 'response-incorrect']).toContain(code);
  }
}

describe('2: an attempt that was slow to commit puts no older position back', () => {
  test('of a counter', async () => {
    const caller = await bench.caller(lockless);
    const { userName, device } = await aUserWith(hotp6);
    const newer = device.response({ counter: 7 });
    let code = '';
    interrupt = async () => {
      code = await logon(caller, userName, newer);
    };
    hook.arm();
    const older = await logon(caller, userName, device.response({ counter: 5 }));
    expect([code, older]).toEqual(['accepted', 'response-replayed']);
    const found = await bench.store.authenticatorBySerial(device.serial);
    expect(found?.applications[0]?.nextEventCounter).toBe(8n);
    expect(await logon(caller, userName, newer)).toBe('response-replayed');
  });

  test('of a step, nor an older drift', async () => {
    const caller = await bench.caller(lockless);
    const { userName, device } = await aUserWith(totp6);
    const newer = shownAt(device, 60);
    let code = '';
    interrupt = async () => {
      code = await logon(caller, userName, newer);
    };
    hook.arm();
    const older = await logon(caller, userName, shownAt(device, 30));
    expect([code, older]).toEqual(['accepted', 'response-replayed']);
    const found = await bench.store.authenticatorBySerial(device.serial);
    const step = BigInt(Math.floor(bench.clock.nowMs() / 30_000) + 2);
    expect(found?.applications[0]).toMatchObject({ lastStep: step, driftSeconds: 30 });
    expect(await logon(caller, userName, newer)).toBe('response-replayed');
  });
});

describe('4: nothing serves again after a second response brought the clock far back', () => {
  test.each([false, true])('with the host clock as a centre: %s', async (hostClockCentre) => {
    const caller = await bench.caller({
      ...lockless,
      hostClockCentre,
      secondOtpSync: true,
      identificationTimeWindowSteps: 4,
    });
    const { userName, device } = await aUserWith(totp6);
    const behind = -1230;
    const first = shownAt(device, behind);
    expect(await logon(caller, userName, first)).toBe('response-incorrect');
    bench.clock.advance(30);
    const second = shownAt(device, behind);
    expect(await logon(caller, userName, second)).toBe('accepted');
    const shown = [...[-90, -60, -30].map((before) => shownAt(device, behind + before)), first];
    const used = [...shown, second];
    await expectRefused(caller, userName, used);
    // Until the host's clock stands where the device's did, and a while beyond.
    for (let passed = 0; passed < 24 * minutes; passed += 4 * minutes) {
      bench.clock.advance(4 * minutes);
      await expectRefused(caller, userName, used);
    }
    expect(await logon(caller, userName, shownAt(device, behind))).toBe('accepted');
  });
});

describe('5: responses collected from a slow clock serve neither after a newer one nor later', () => {
  test.each([false, true])('with the host clock as a centre: %s', async (hostClockCentre) => {
    const caller = await bench.caller({
      ...lockless,
      hostClockCentre,
      initialTimeWindowSeconds: 3600,
    });
    const { userName, device } = await aUserWith(totp6);
    const behind = -1200;
    expect(await logon(caller, userName, shownAt(device, behind))).toBe('accepted');
    // Shown and collected, not used by anybody.
    const collected: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      bench.clock.advance(30);
      collected.push(shownAt(device, behind));
    }
    bench.clock.advance(30);
    expect(await logon(caller, userName, shownAt(device, behind))).toBe('accepted');
    await expectRefused(caller, userName, collected);
    for (let passed = 0; passed < 24 * minutes; passed += 3 * minutes) {
      bench.clock.advance(3 * minutes);
      await expectRefused(caller, userName, collected);
    }
  });
});

describe('14: a response that was refused where it was wrong still serves where it is right', () => {
  test('typed for somebody else', async () => {
    const caller = await bench.caller();
    const { userName, device } = await aUserWith(totp6);
    const other = await aUserWith(totp6);
    const response = shownAt(device, 0);
    expect(await logon(caller, other.userName, response)).toBe('response-incorrect');
    expect(await logon(caller, 'nobody-at-all', response)).toBe('user-unknown');
    expect(await logon(caller, userName, response)).toBe('accepted');
  });

  test.each([false, true])('before its time, remembered: %s', async (secondOtpSync) => {
    const caller = await bench.caller({ secondOtpSync });
    const { userName, device } = await aUserWith(totp6);
    const early = shownAt(device, 1200);
    expect(await logon(caller, userName, early)).toBe('response-incorrect');
    bench.clock.advance(1200);
    expect(await logon(caller, userName, early)).toBe('accepted');
  });

  test('too far ahead of the counter', async () => {
    const caller = await bench.caller({ eventWindowSteps: 10 });
    const { userName, device } = await aUserWith(hotp6);
    const ahead = device.response({ counter: 12 });
    expect(await logon(caller, userName, ahead)).toBe('response-incorrect');
    expect(await logon(caller, userName, device.response({ counter: 5 }))).toBe('accepted');
    expect(await logon(caller, userName, ahead)).toBe('accepted');
  });

  test('to another challenge, and while the user was locked', async () => {
    const caller = await bench.caller();
    const { userName, device } = await aUserWith(ocraCounter);
    const response = device.response({ counter: 3, challenge: '11111111' });
    expect(await logon(caller, userName, response, '22222222')).toBe('response-incorrect');
    const { administration } = bench.service;
    await administration.lockUser(bench.admin, null, userName);
    expect(await logon(caller, userName, response, '11111111')).toBe('user-locked');
    await administration.unlockUser(bench.admin, null, userName);
    expect(await logon(caller, userName, response, '11111111')).toBe('accepted');
  });
});
