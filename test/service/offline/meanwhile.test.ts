import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { hotp6 } from '../../support/builders.ts';
import { givePassword } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { asking } from '../support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

/** A package takes a while to make, and what it hangs on may change in between. */

const pin = '472193';
const password = 'Sommer-2026';

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench({ offlineRequirePassword: true });
});
afterAll(() => offline.bench.close());

/** Somebody logged on with password and PIN at a workstation, for which there is a package then. */
async function offered(): Promise<{
  readonly userName: string;
  readonly serial: string;
  readonly agent: TestAgent;
  readonly handle: string;
}> {
  const { bench } = offline;
  const { userName, device } = await offline.owner(hotp6);
  const { serial } = device;
  await givePin(bench, serial, pin);
  await givePassword(bench, userName, password);
  const agent = await offline.agent();
  const text = `${password}${pin}${device.response({ counter: 0 })}`;
  const credential = { format: 'combined', text } as const;
  const answer = await offline.logon(agent, { ...asking(userName, {}), credential });
  if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
    throw new Error(answer.outcome);
  }
  return { userName, serial, agent, handle: answer.offline.handle };
}

it.each<[string, (serial: string, userName: string) => Promise<unknown>]>([
  ['a PIN is changed', (serial) => givePin(offline.bench, serial, '918273')],
  ['a password is', (_, userName) => givePassword(offline.bench, userName, 'Winter-2026')],
  [
    'an application is reset',
    (serial) =>
      offline.bench.service.administration.resetApplication(offline.bench.admin, serial, null),
  ],
  [
    'a user is locked',
    (_, userName) =>
      offline.bench.service.administration.lockUser(offline.bench.admin, null, userName),
  ],
])('hands out no package that ended while it was made: %s', async (_of, change) => {
  const { bench } = offline;
  const { userName, serial, agent, handle } = await offered();
  const sign = vi.spyOn(bench.module, 'sign').mockImplementationOnce(async (...given) => {
    await change(serial, userName);
    return bench.module.sign(...given);
  });
  const fetched = offline.fetch(agent, handle).then(() => 'a package');
  await expect(fetched).rejects.toMatchObject({ code: 'not-found' });
  sign.mockRestore();
  expect(await bench.lastAudit()).toMatchObject({ outcome: 'handle-unknown' });
  const { administration } = bench.service;
  expect(await administration.offlineOfUser(bench.admin, null, userName, null)).toEqual([]);
});

it('makes no more packages for a handle than the tries of one request, whoever is in its way', async () => {
  const { bench } = offline;
  const { userName, agent, handle } = await offered();
  let made = 0;
  let isReporting = false;
  const sign = bench.module.sign.bind(bench.module);
  const spied = vi.spyOn(bench.module, 'sign').mockImplementation(async (...given) => {
    if (isReporting) return sign(...given);
    made += 1;
    // Each report takes the turn of the workstation, and its package is to be made anew.
    isReporting = true;
    await offline.report(agent);
    isReporting = false;
    return sign(...given);
  });
  try {
    await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'conflict' });
    expect(made).toBe(64);
    expect(await bench.lastAudit()).toMatchObject({
      action: 'offline.package.issue',
      outcome: 'handle-spent',
    });
    await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'not-found' });
    expect(made).toBe(64);
  } finally {
    spied.mockRestore();
  }
  const { administration } = bench.service;
  expect(await administration.offlineOfUser(bench.admin, null, userName, null)).toEqual([]);
});
