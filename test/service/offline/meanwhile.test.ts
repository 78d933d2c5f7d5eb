import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { hotp6 } from '../../support/builders.ts';
import { givePassword } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
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
  const { userName, device } = await offline.owner(hotp6);
  await givePin(bench, device.serial, pin);
  await givePassword(bench, userName, password);
  const agent = await offline.agent();
  const text = `${password}${pin}${device.response({ counter: 0 })}`;
  const credential = { format: 'combined', text } as const;
  const answer = await offline.logon(agent, { ...asking(userName, {}), credential });
  if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
    throw new Error(answer.outcome);
  }
  const sign = vi.spyOn(bench.module, 'sign').mockImplementationOnce(async (...given) => {
    await change(device.serial, userName);
    return bench.module.sign(...given);
  });
  const fetched = offline.fetch(agent, answer.offline.handle).then(() => 'a package');
  await expect(fetched).rejects.toMatchObject({ code: 'not-found' });
  sign.mockRestore();
  expect(await bench.lastAudit()).toMatchObject({ outcome: 'handle-unknown' });
  const { administration } = bench.service;
  expect(await administration.offlineOfUser(bench.admin, null, userName, null)).toEqual([]);
});
