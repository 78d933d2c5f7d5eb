import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { dayMs } from '../../../src/domain/durations.ts';
import type { SilentWorkstation } from '../../../src/service/offline-api.ts';
import { type Bench, hotp6, openBench } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { openOfflineBench, type OfflineBench } from './support.ts';

let bench: Bench;
let offline: OfflineBench;
let told: SilentWorkstation[] = [];

beforeAll(async () => {
  bench = await openBench({ onSilent: (silent) => told.push(silent) });
  offline = await openOfflineBench({ offlineDays: 1, offlineWarnDays: 0 }, bench);
});
afterAll(() => bench.close());
beforeEach(() => {
  told = [];
});

async function away(
  from: OfflineBench,
  keyMode: 'hw' | 'ram' = 'hw',
): Promise<{ agent: TestAgent; packageId: string }> {
  const { userName, device } = await from.owner(hotp6);
  const agent = await from.agent(keyMode);
  const { header } = await from.install(agent, userName, device.response({ counter: 0 }));
  return { agent, packageId: header.packageId };
}

async function alarms(): Promise<readonly string[]> {
  const events = (await bench.auditBodies()).map(
    (body) => JSON.parse(body) as { action: string; subject: string },
  );
  return events.filter(({ action }) => action === 'offline.silent').map(({ subject }) => subject);
}

/** Until so long after the end of packages that are made now. */
function passEndBy(days: number): void {
  bench.clock.advance(((1 + days) * dayMs) / 1000);
}

it('raises an alarm once for a package whose workstation never came back', async () => {
  const gone = await away(offline);
  const back = await away(offline);
  passEndBy(6.9);
  await offline.report(back.agent);
  await bench.service.purge();
  expect(told).toEqual([]);
  bench.clock.advance((0.2 * dayMs) / 1000);
  await bench.service.purge();
  await bench.service.purge();
  expect(told.map(({ packageId }) => packageId)).toEqual([gone.packageId]);
  expect(await alarms()).toEqual([expect.stringContaining(gone.agent.id)]);
  const { administration } = bench.service;
  const silent = await administration.offlinePackagesSilent(bench.admin);
  expect(silent).toMatchObject([
    { packageId: gone.packageId, silentAtMs: bench.clock.nowMs(), state: 'issued' },
  ]);
  await offline.report(gone.agent);
  expect(await administration.offlinePackagesSilent(bench.admin)).toEqual([]);
});

it('raises it in one of two instances that look at once', async () => {
  const gone = await away(offline);
  passEndBy(8);
  await Promise.all([bench.service.purge(), bench.service.purge()]);
  const about = (await alarms()).filter((subject) => subject.includes(gone.agent.id));
  expect(about).toHaveLength(1);
  expect(told).toHaveLength(1);
});

it('takes every request that a workstation proves for a word of it', async () => {
  const { agent } = await away(offline, 'ram');
  passEndBy(1);
  const proof = agent.prove(await offline.nonce(), '/v1/offline/shares');
  await bench.service.offline.share(offline.caller, proof);
  passEndBy(8);
  await bench.service.purge();
  expect(told).toEqual([]);
});

it('follows the policy of the component, also where it wants none', async () => {
  const own = { offlineDays: 1, offlineWarnDays: 0 };
  const quiet = await openOfflineBench({ ...own, offlineSilentDays: 0 }, bench);
  const patient = await openOfflineBench({ ...own, offlineSilentDays: 20 }, bench);
  await away(quiet);
  const gone = await away(patient);
  passEndBy(19);
  await bench.service.purge();
  expect(told).toEqual([]);
  passEndBy(1);
  await bench.service.purge();
  expect(told.map(({ packageId }) => packageId)).toEqual([gone.packageId]);
});
