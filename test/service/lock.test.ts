import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, UserView } from '../../src/service/index.ts';
import { type Bench, hotp6, openBench, type TestDevice } from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

/** Locks at the first failure; may unlock itself twice, after 300 s and then 600 s. */
async function locked(): Promise<{ caller: Caller; userName: string; device: TestDevice }> {
  const caller = await bench.caller({
    userLockThreshold: 1,
    autoUnlockMaxTries: 2,
    autoUnlockMinDurationSeconds: 300,
    autoUnlockMultiplier: 2,
  });
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  await codeOf(bench.service, caller, asking(userName, { response: device.wrong() }));
  return { caller, userName, device };
}

function viewOf(userName: string): Promise<UserView> {
  return bench.service.administration.user(bench.admin, null, userName);
}

describe('automatic unlock', () => {
  test('a right response after the quiet time unlocks', async () => {
    const { caller, userName, device } = await locked();
    const right = asking(userName, { response: device.response({ counter: 0 }) });
    bench.clock.advance(299);
    expect(await codeOf(bench.service, caller, right)).toBe('user-locked');
    // Too early restarts the clock.
    bench.clock.advance(299);
    expect(await codeOf(bench.service, caller, right)).toBe('user-locked');
    bench.clock.advance(300);
    expect(await codeOf(bench.service, caller, right)).toBe('accepted');
    expect((await bench.lastAudit()).details).toMatchObject({ unlocked: true });
    expect(await viewOf(userName)).toMatchObject({ lockCount: 0, lockedAtMs: null });
  });

  test('a wrong one spends a try and lengthens the quiet time; then the lock stays', async () => {
    const { caller, userName, device } = await locked();
    const wrong = asking(userName, { response: device.wrong() });
    bench.clock.advance(300);
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    bench.clock.advance(599);
    expect(await codeOf(bench.service, caller, wrong)).toBe('user-locked');
    bench.clock.advance(600);
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    bench.clock.advance(86_400);
    const right = asking(userName, { response: device.response({ counter: 0 }) });
    expect(await codeOf(bench.service, caller, right)).toBe('user-locked');
  });

  test('of 16 wrong ones at once one spends a try', async () => {
    const { caller, userName, device } = await locked();
    bench.clock.advance(300);
    const wrong = asking(userName, { response: device.wrong() });
    const codes = await Promise.all(
      Array.from({ length: 16 }, () => codeOf(bench.service, caller, wrong)),
    );
    expect(codes.filter((code) => code === 'response-incorrect')).toHaveLength(1);
    expect(codes.filter((code) => code === 'user-locked')).toHaveLength(15);
  });

  test('a malformed response spends none', async () => {
    const { caller, userName, device } = await locked();
    bench.clock.advance(300);
    const malformed = asking(userName, { response: 'letters' });
    expect(await codeOf(bench.service, caller, malformed)).toBe('response-malformed');
    const right = asking(userName, { response: device.response({ counter: 0 }) });
    expect(await codeOf(bench.service, caller, right)).toBe('accepted');
  });

  test("an administrator's lock never unlocks itself", async () => {
    const { caller, userName, device } = await locked();
    await bench.service.administration.lockUser(bench.admin, null, userName);
    bench.clock.advance(86_400);
    const right = asking(userName, { response: device.response({ counter: 0 }) });
    expect(await codeOf(bench.service, caller, right)).toBe('user-locked');
    expect(await viewOf(userName)).toMatchObject({ lockedBy: 'administrator' });
    await bench.service.administration.unlockUser(bench.admin, null, userName);
    expect(await codeOf(bench.service, caller, right)).toBe('accepted');
  });
});
