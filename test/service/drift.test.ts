import { afterEach, describe, expect, test } from 'vitest';
import type { Administration, ApplicationDriftView } from '../../src/service/index.ts';
import { type Bench, hotp6 } from '../support/builders.ts';
import { drifting, logOn, logOnDaily, noon, openAtNoon } from './drifting.ts';
import { interrupting, membersRefused, syncing, syncCodeOf, threeInOne } from './support.ts';

let bench: Bench;
let administration: Administration;

async function shown(serial: string, policyName?: string): Promise<ApplicationDriftView> {
  const { applications } = await administration.showDrift(bench.admin, serial, policyName ?? null);
  return applications[0]!;
}

async function begin(options: Parameters<typeof openAtNoon>[0] = {}): Promise<void> {
  bench = await openAtNoon(options);
  ({ administration } = bench.service);
}

afterEach(async () => {
  await bench.close();
});

describe('what a clock has shown', () => {
  test.each([
    [25, 3.1],
    [-40, -12],
  ])('over half a year: %d s at first, %d ppm', async (offsetSeconds, ppm) => {
    await begin();
    const caller = await bench.caller();
    const one = await drifting(bench, offsetSeconds, ppm);
    const { serial } = one.device;
    expect(await shown(serial)).toMatchObject({
      name: 'APP',
      timeStepSeconds: 30,
      driftSeconds: 0,
      driftAtMs: null,
      deviceSeconds: null,
      uncertaintySeconds: null,
      rate: null,
      window: { kind: 'ordinary', centreSeconds: 0, halfWidthSteps: 10, halfWidthSeconds: 315 },
      leaving: { expectedAtMs: null, earliestAtMs: null },
      samples: [],
    });
    await logOnDaily(bench, caller, one, 180);
    const { rate, driftAtMs, samples, ...used } = await shown(serial);
    expect(rate!.ratePpmError).toBeLessThan(1.5);
    expect(Math.abs(rate!.ratePpm - ppm)).toBeLessThan(rate!.ratePpmError);
    expect(samples).toHaveLength(32);
    expect(rate).toMatchObject({
      sampleCount: 32,
      fromMs: samples[0]!.atMs,
      toMs: samples.at(-1)!.atMs,
    });
    const truth = (atMs: number): number => (one.clockMs(atMs) - atMs) / 1000;
    expect(Math.abs(used.deviceSeconds! - truth(driftAtMs!))).toBeLessThan(30);
    // Left unused from now on: when it is out, and not earlier than at the earliest, it is refused.
    const { expectedAtMs, earliestAtMs } = used.leaving;
    expect(earliestAtMs).toBeLessThan(expectedAtMs!);
    bench.clock.set(earliestAtMs! - 30 * 86_400_000);
    const idle = await shown(serial);
    expect(Math.abs(idle.deviceSeconds! - truth(bench.clock.nowMs()))).toBeLessThan(
      idle.uncertaintySeconds! + 15,
    );
    bench.clock.set(expectedAtMs! + 120 * 86_400_000);
    expect(await logOn(bench, caller, one)).toBe('response-incorrect');
  });

  test('under the policy that is named', async () => {
    await begin();
    await bench.caller({ identificationTimeWindowSteps: 4 });
    const { device } = await drifting(bench, 0, 0);
    await administration.setDrift(bench.admin, device.serial, null, { action: 'zero' });
    const byDefault = await administration.showDrift(bench.admin, device.serial, null);
    expect(byDefault.policyName).toBe('Local Authentication');
    expect(byDefault.nowMs).toBe(noon);
    const named = await administration.showDrift(bench.admin, device.serial, 'TEST-1');
    expect(named.policyName).toBe('test-1');
    expect(named.applications[0]).toMatchObject({
      window: { halfWidthSeconds: 75 },
      leaving: { expectedAtMs: null, earliestAtMs: noon + 18.75 * 86_400_000 },
    });
    await expect(administration.showDrift(bench.admin, device.serial, 'none')).rejects.toThrow(
      'The policy none does not exist.',
    );
    await expect(administration.showDrift(bench.admin, 'NONE', null)).rejects.toMatchObject({
      code: 'not-found',
    });
    const events = await bench.device(hotp6);
    const nothing = await administration.showDrift(bench.admin, events.serial, null);
    expect(nothing.applications).toEqual([]);
  });
});

describe('an administrator', () => {
  test('sets and zeroes a drift: history and epoch begin anew, what was used stays used', async () => {
    await begin();
    const caller = await bench.caller();
    const one = await drifting(bench, 20, 0);
    await logOnDaily(bench, caller, one, 6);
    const { serial } = one.device;
    expect((await shown(serial)).rate).not.toBeNull();
    const before = (await administration.authenticator(bench.admin, serial)).applications[0]!;
    const set = { action: 'set', driftSeconds: -240 } as const;
    const view = await administration.setDrift(bench.admin, serial, 'app', set);
    expect(view.applications[0]).toEqual({
      ...before,
      driftSeconds: -240,
      driftAtMs: bench.clock.nowMs(),
      epoch: before.epoch + 1,
    });
    expect(await shown(serial)).toMatchObject({ rate: null, samples: [], deviceSeconds: -240 });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.drift-set',
      subject: serial,
      outcome: 'done',
      details: { applications: 'APP', before: String(before.driftSeconds), after: '-240' },
    });
    expect(await logOn(bench, caller, one)).toBe('response-replayed');
    await administration.setDrift(bench.admin, serial, null, { action: 'zero' });
    expect(await shown(serial)).toMatchObject({ driftSeconds: 0 });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.drift-zero',
      details: { before: '-240', after: '0' },
    });
    bench.clock.advance(60);
    expect(await logOn(bench, caller, one)).toBe('accepted');
  });

  test('freezes a drift: nothing moves it, until it is thawed', async () => {
    await begin();
    const caller = await bench.caller();
    const one = await drifting(bench, 100, 11.6);
    const { serial } = one.device;
    await administration.setDrift(bench.admin, serial, null, { action: 'set', driftSeconds: 100 });
    const view = await administration.setDrift(bench.admin, serial, null, { action: 'freeze' });
    expect(view.applications[0]).toMatchObject({ isDriftFrozen: true, driftSeconds: 100 });
    expect((await bench.lastAudit()).details).toMatchObject({
      applications: 'APP',
      before: '100',
      after: '100 frozen',
    });
    await logOnDaily(bench, caller, one, 120);
    const frozen = await shown(serial);
    expect(frozen).toMatchObject({ driftSeconds: 100, isDriftFrozen: true });
    const pair = [-30_000, 0].map((ms) =>
      one.device.response({ nowMs: bench.clock.nowMs() + 3_600_000 + ms }),
    ) as [string, string];
    expect(await syncCodeOf(bench.service, caller, syncing(one.userName, pair))).toBe(
      'sync-frozen',
    );
    // What it shows is noted all the same: by when its own drift carries it out of the window.
    expect(frozen.rate!.ratePpm).toBeCloseTo(11.6, -1);
    expect(frozen.deviceSeconds).toBeGreaterThan(200);
    expect(frozen.leaving.expectedAtMs).toBeLessThan(bench.clock.nowMs() + 300 * 86_400_000);
    const thawed = await administration.setDrift(bench.admin, serial, null, { action: 'thaw' });
    expect(thawed.applications[0]).toMatchObject({ isDriftFrozen: false, driftSeconds: 100 });
    expect((await shown(serial)).samples).toEqual(frozen.samples);
    bench.clock.advance(86_400);
    expect(await logOn(bench, caller, one)).toBe('accepted');
    expect((await shown(serial)).driftSeconds).toBe(130);
  });

  test('changes one application or all with a clock; a frozen one does not follow', async () => {
    await begin();
    const caller = await bench.caller({}, 'helpdesk');
    const userName = await bench.user();
    const device = await threeInOne(bench, userName);
    const { serial } = device;
    const drifts = async (): Promise<unknown> => {
      const { applications: all } = await administration.authenticator(bench.admin, serial);
      return all.map(({ name, driftSeconds, epoch }) => [name, driftSeconds, epoch]);
    };
    await administration.setDrift(caller, serial, null, { action: 'set', driftSeconds: 60 });
    await administration.setDrift(caller, serial, 'two', { action: 'freeze' });
    expect(await drifts()).toEqual([
      ['ONE', 60, 2],
      ['THREE', null, 1],
      ['TWO', 60, 3],
    ]);
    const { applications } = await administration.showDrift(caller, serial, null);
    expect(applications.map(({ name }) => name)).toEqual(['ONE', 'TWO']);
    const pair = (atMs: number): [string, string] => [
      device.response({ nowMs: atMs - 30_000 }),
      device.response({ nowMs: atMs }),
    ];
    const now = bench.clock.nowMs();
    expect(
      await bench.service.synchronise(
        caller,
        syncing(userName, pair(now + 3_600_000), undefined, { serial }),
      ),
    ).toMatchObject({ outcome: 'synchronised', learned: { followers: [] } });
    expect(await drifts()).toEqual([
      ['ONE', 3600, 2],
      ['THREE', null, 1],
      ['TWO', 60, 3],
    ]);
  });

  test('is told what cannot be', async () => {
    await begin();
    const { serial } = await bench.device(hotp6);
    const { device } = await drifting(bench, 0, 0);
    const zero = { action: 'zero' } as const;
    for (const applicationName of [null, 'APP']) {
      await expect(
        administration.setDrift(bench.admin, serial, applicationName, zero),
      ).rejects.toMatchObject({
        code: 'request-invalid',
        fields: {
          applicationName: [
            'must have a clock, which APP has not: only responses of time have a drift',
          ],
        },
      });
    }
    await expect(
      administration.setDrift(bench.admin, device.serial, 'OTHER', zero),
    ).rejects.toMatchObject({ code: 'not-found' });
    for (const driftSeconds of [2_592_001, -2_592_001, 0.5, Number.NaN]) {
      const set = { action: 'set', driftSeconds } as const;
      expect(
        await membersRefused(administration.setDrift(bench.admin, device.serial, null, set)),
      ).toEqual(['driftSeconds']);
    }
    for (const driftSeconds of [2_592_000, -2_592_000]) {
      const set = { action: 'set', driftSeconds } as const;
      const view = await administration.setDrift(bench.admin, device.serial, null, set);
      expect(view.applications[0]!.driftSeconds).toBe(driftSeconds);
    }
  });

  test('loses nothing to a logon that was decided before, nor it to him', async () => {
    let work: () => Promise<unknown> = () => Promise.resolve();
    const hook = interrupting(() => work());
    await begin({ store: hook.wrap });
    const caller = await bench.caller();
    const one = await drifting(bench, 100, 0);
    const { serial } = one.device;
    await administration.setDrift(bench.admin, serial, null, { action: 'set', driftSeconds: 100 });
    work = () => administration.setDrift(bench.admin, serial, null, { action: 'zero' });
    hook.arm();
    expect(await logOn(bench, caller, one)).toBe('accepted');
    // Decided anew: one step towards what it showed, from nothing.
    const after = (await administration.authenticator(bench.admin, serial)).applications[0]!;
    expect(after).toMatchObject({ driftSeconds: 30, epoch: 3 });
    expect(hook.commits.map(({ advance }) => advance?.epoch)).toEqual([2, 3]);
    expect(await logOn(bench, caller, one)).toBe('response-replayed');
  });
});
