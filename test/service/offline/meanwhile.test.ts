import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TallystickError } from '../../../src/errors.ts';
import { hotp6, type TestDevice } from '../../support/builders.ts';
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
  readonly device: TestDevice;
  readonly agent: TestAgent;
  readonly handle: string;
}> {
  const { bench } = offline;
  const { userName, device } = await offline.owner(hotp6);
  const { serial } = device;
  await givePin(bench, serial, pin);
  await givePassword(bench, userName, password);
  const agent = await offline.agent();
  const handle = await handleAfterLogon(agent, userName, device, 0);
  return { userName, serial, device, agent, handle };
}

async function handleAfterLogon(
  agent: TestAgent,
  userName: string,
  device: TestDevice,
  counter: number,
): Promise<string> {
  const text = `${password}${pin}${device.response({ counter })}`;
  const credential = { format: 'combined', text } as const;
  const answer = await offline.logon(agent, { ...asking(userName, {}), credential });
  if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
    throw new Error(answer.outcome);
  }
  return answer.offline.handle;
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

/** Reports each time that a package is signed: that takes the turn of the workstation, and the package is to be made anew. */
function reportWhileMaking(agent: TestAgent): { readonly count: () => number } {
  const { bench } = offline;
  let made = 0;
  let isReporting = false;
  const sign = bench.module.sign.bind(bench.module);
  vi.spyOn(bench.module, 'sign').mockImplementation(async (...given) => {
    if (isReporting) return sign(...given);
    made += 1;
    isReporting = true;
    await offline.report(agent);
    isReporting = false;
    return sign(...given);
  });
  return { count: () => made };
}

it('makes no more packages for a handle than the tries of one request, whoever is in its way', async () => {
  const { bench } = offline;
  const { userName, agent, handle } = await offered();
  const made = reportWhileMaking(agent);
  await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'conflict' });
  expect(made.count()).toBe(64);
  expect(await bench.lastAudit()).toMatchObject({
    action: 'offline.package.issue',
    outcome: 'handle-spent',
  });
  await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'not-found' });
  expect(made.count()).toBe(64);
  const { administration } = bench.service;
  expect(await administration.offlineOfUser(bench.admin, null, userName, null)).toEqual([]);
});

it('nor however often it is shown at once', async () => {
  const { agent, handle } = await offered();
  const made = reportWhileMaking(agent);
  const fetches = Array.from({ length: 6 }, () => offline.fetch(agent, handle));
  const settled = await Promise.allSettled(fetches);
  const reasons = settled.map((each) =>
    each.status === 'rejected' ? (each.reason as TallystickError).fields['reason'] : 'a package',
  );
  expect(reasons.toSorted()).toEqual([...Array<string>(5).fill('handle-in-use'), 'version']);
  expect(made.count()).toBe(64);
  await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'not-found' });
  expect(made.count()).toBe(64);
});

/** Starts a fetch that hangs where its package is signed, until told how it goes on. */
async function hangingFetch(
  agent: TestAgent,
  handle: string,
): Promise<{ readonly fetched: Promise<unknown>; readonly goOn: (failure?: Error) => void }> {
  const { module } = offline.bench;
  const events = new EventEmitter();
  const hanging = once(events, 'hanging');
  const sign = module.sign.bind(module);
  vi.spyOn(module, 'sign').mockImplementationOnce(async (...given) => {
    const going = once(events, 'going');
    events.emit('hanging');
    const [failure] = (await going) as [Error?];
    if (failure !== undefined) throw failure;
    return sign(...given);
  });
  const fetched = offline.fetch(agent, handle);
  await hanging;
  return { fetched, goOn: (failure) => void events.emit('going', failure) };
}

describe('a workstation that lost its connection while its package was made', () => {
  it('is told that it is being made, and then gets one by another logon', async () => {
    const { userName, agent, handle, device } = await offered();
    const { fetched, goOn } = await hangingFetch(agent, handle);
    await expect(offline.fetch(agent, handle)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'handle-in-use' },
    });
    const other = await handleAfterLogon(agent, userName, device, 1);
    goOn();
    await fetched;
    await expect(offline.fetch(agent, handle)).rejects.toMatchObject({ code: 'not-found' });
    expect(await offline.fetch(agent, other)).toMatchObject({ header: { userName } });
  });

  it('gets it by the same handle when it came to nothing', async () => {
    const { userName, agent, handle } = await offered();
    const { fetched, goOn } = await hangingFetch(agent, handle);
    const failed = expect(fetched).rejects.toThrow('the module is away');
    goOn(new Error('the module is away'));
    await failed;
    expect(await offline.fetch(agent, handle)).toMatchObject({ header: { userName } });
  });
});

it('shows nobody else that a handle is in use', async () => {
  const { agent, handle } = await offered();
  const { fetched, goOn } = await hangingFetch(agent, handle);
  const thief = await offline.agent();
  await expect(offline.fetch(thief, handle)).rejects.toMatchObject({ code: 'not-found' });
  goOn();
  await fetched;
});
