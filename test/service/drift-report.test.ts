import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Administration } from '../../src/service/index.ts';
import { type Bench, hotp6, totp6 } from '../support/builders.ts';
import { type Drifting, drifting, logOn, openAtNoon } from './drifting.ts';
import { membersRefused, threeInOne } from './support.ts';

let bench: Bench;
let administration: Administration;

beforeEach(async () => {
  bench = await openAtNoon();
  ({ administration } = bench.service);
});

afterEach(async () => {
  await bench.close();
});

describe('the report', () => {
  const asked = { after: '', limit: 100, policyName: null, withinDays: 60 };
  const inDays = (atMs: number | null): number | null =>
    atMs === null ? null : Math.round((atMs - bench.clock.nowMs()) / 86_400_000);

  /** Serials in their order; what becomes of each is in the test. */
  async function fleet(): Promise<void> {
    const caller = await bench.caller();
    const [fast, expiring, disabled, frozen] = [
      await drifting(bench, 0, 34),
      await drifting(bench, 0, 0),
      await drifting(bench, 0, 0),
      await drifting(bench, 0, 0),
    ];
    await bench.device(totp6);
    await bench.device(hotp6);
    for (let day = 0; day < 40; day += 1) {
      bench.clock.advance(86_400);
      expect(await logOn(bench, caller, fast)).toBe('accepted');
    }
    for (const { device } of [expiring, disabled, frozen]) {
      await administration.setDrift(bench.admin, device.serial, null, { action: 'zero' });
    }
    const set = async (one: Drifting, changed: object): Promise<unknown> =>
      administration.updateAuthenticator(bench.admin, one.device.serial, changed, {
        expectedVersion: null,
      });
    await set(disabled, { isDisabled: true });
    await set(expiring, { expiresAtMs: bench.clock.nowMs() + 1 });
    await administration.setDrift(bench.admin, frozen.device.serial, null, { action: 'freeze' });
  }

  test('lists those that may leave their window in time, and counts the others', async () => {
    await fleet();
    bench.clock.advance(45 * 86_400);
    const report = await administration.driftReport(bench.admin, asked);
    expect(report.totals).toEqual({
      examined: 6,
      outOfUse: 2,
      withClock: 3,
      withRate: 1,
      frozen: 1,
      neverUsed: 1,
    });
    expect(report).toMatchObject({
      policyName: 'Local Authentication',
      nowMs: bench.clock.nowMs(),
      next: null,
    });
    const [fast, frozen] = report.leaving;
    expect(report.leaving).toHaveLength(2);
    expect(fast).toMatchObject({
      domainName: 'master',
      applicationName: 'APP',
      isDriftFrozen: false,
    });
    expect(fast!.userName).toMatch(/^user-/);
    expect(fast!.rate!.ratePpm).toBeGreaterThan(30);
    expect(inDays(fast!.leaving.earliestAtMs)).toBeLessThan(inDays(fast!.leaving.expectedAtMs)!);
    expect(frozen).toMatchObject({ driftSeconds: 0, isDriftFrozen: true, rate: null });
    // 315 s at 4 s a day, 45 days of which have passed.
    expect(inDays(frozen!.leaving.earliestAtMs)).toBe(34);
    const sooner = await administration.driftReport(bench.admin, { ...asked, withinDays: 33 });
    expect(sooner.leaving.map(({ serial }) => serial)).not.toContain(frozen!.serial);
    const policy = { ...asked, policyName: 'Test-1' };
    expect((await administration.driftReport(bench.admin, policy)).policyName).toBe('test-1');
  });

  test('is made page by page', async () => {
    await fleet();
    bench.clock.advance(45 * 86_400);
    const whole = await administration.driftReport(bench.admin, asked);
    const leaving: object[] = [];
    let examined = 0;
    let after: string | null = '';
    while (after !== null) {
      const part = await administration.driftReport(bench.admin, { ...asked, after, limit: 4 });
      leaving.push(...part.leaving);
      examined += part.totals.examined;
      after = part.next;
    }
    expect(leaving).toEqual(whole.leaving);
    expect(examined).toBe(6);
  });

  test('is as long as the first of several applications says', async () => {
    const userName = await bench.user();
    const { serial } = await threeInOne(bench, userName);
    const set = { action: 'set', driftSeconds: 9 } as const;
    await administration.setDrift(bench.admin, serial, 'TWO', set);
    bench.clock.advance(86_400);
    await administration.setDrift(bench.admin, serial, 'ONE', set);
    const { leaving, totals } = await administration.driftReport(bench.admin, {
      ...asked,
      withinDays: 90,
    });
    expect(leaving).toMatchObject([{ serial, userName, applicationName: 'TWO' }]);
    expect(totals).toMatchObject({ examined: 1, neverUsed: 0 });
  });

  test('takes its turn beside others', async () => {
    for (let count = 0; count < 45; count += 1) await bench.device(totp6);
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await administration.driftReport(bench.admin, asked);
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  test.each([
    ['withinDays', { withinDays: 0 }],
    ['withinDays', { withinDays: 3651 }],
    ['withinDays', { withinDays: 1.5 }],
    ['limit', { limit: 1001 }],
    ['after', { after: 'x'.repeat(256) }],
  ])('refuses a wrong %s', async (member, wrong) => {
    expect(
      await membersRefused(administration.driftReport(bench.admin, { ...asked, ...wrong })),
    ).toEqual([member]);
  });
});
