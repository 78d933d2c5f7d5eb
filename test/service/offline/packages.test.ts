import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  hotp6,
  ocraBare,
  ocraCounter,
  ocraTime,
  timeEvent8,
  totp6,
} from '../../support/builders.ts';
import { challengeAt, fits, type TestAgent } from '../../support/offline-agent.ts';
import type { TallystickError } from '../../../src/errors.ts';
import { givePin } from '../../support/pins.ts';
import { asking, codeOf } from '../support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench({ offlineDays: 2, offlineWarnDays: 1, offlineEvents: 40 });
});
afterAll(() => offline.bench.close());

describe('a package holds what the device shows', () => {
  it('of time steps: from the first that is not used to the last day', async () => {
    const { clock } = offline.bench;
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent('hw');
    const nowMs = clock.nowMs();
    const opened = await offline.install(agent, userName, device.response({ nowMs }));
    const { header } = opened;
    const step = BigInt(Math.floor(nowMs / 30_000));
    expect(header).toMatchObject({
      kind: 'time',
      first: step + 1n,
      count: 2 * 2880,
      serial: device.serial,
      userName,
      keyMode: 'hw',
      tagBits: 64,
      pinMode: 'none',
      eventsMax: 40,
      eventMode: null,
    });
    for (let at = 0; at < header.count; at += 1) {
      const index = header.first + BigInt(at);
      const shown = device.response({ nowMs: Number(index) * 30_000 });
      expect(fits(opened, index, shown)).toBe(true);
    }
    expect(fits(opened, header.first, device.response({ nowMs }))).toBe(false);
  });

  it('of event counters, with look-ahead behind the last logon', async () => {
    const { userName, device } = await offline.owner(hotp6);
    const opened = await offline.install(
      await offline.agent(),
      userName,
      device.response({ counter: 0 }),
    );
    expect(opened.header).toMatchObject({
      kind: 'event',
      first: 1n,
      count: 50,
      eventMode: 'shared',
    });
    for (let counter = 1n; counter <= 50n; counter += 1n) {
      expect(fits(opened, counter, device.response({ counter }))).toBe(true);
    }
    expect(await offline.bench.store.authenticatorBySerial(device.serial)).toMatchObject({
      applications: [{ nextEventCounter: 1n }],
    });
  });

  it.each([
    ['no moving factor', ocraBare, 'challenge', 40, 40],
    ['a clock', ocraTime, 'time', 5761, 3],
    ['a counter', ocraCounter, 'event', 50, 2],
  ] as const)(
    'with a challenge for each block, of %s',
    async (_of, algorithm, kind, count, blocks) => {
      const { clock } = offline.bench;
      const { userName, device } = await offline.owner(algorithm);
      const agent = await offline.agent();
      const nowMs = clock.nowMs();
      const asked = { userName, domainName: null, serial: null, applicationName: null };
      const issued = await offline.bench.service.issueChallenge(offline.caller, {
        ...asked,
        requestKey: null,
      });
      const challenge = issued.outcome === 'challenge-issued' ? issued.challenge : '';
      const response = device.response({ nowMs, counter: 0, challenge });
      const answer = await offline.logon(agent, asking(userName, { response, challenge }));
      if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
        throw new Error(JSON.stringify(answer));
      }
      const opened = await offline.fetch(agent, answer.offline.handle);
      const { header, challenges } = opened;
      expect(header).toMatchObject({ kind, count });
      expect(new Set(challenges).size).toBe(blocks);
      for (let at = 0; at < header.count; at += 1) {
        const index = header.first + BigInt(at);
        const shown = device.response({
          nowMs: Number(index) * 30_000,
          counter: index,
          challenge: challengeAt(opened, index),
        });
        expect(fits(opened, index, shown)).toBe(true);
      }
    },
  );

  it('keeps what is reserved for one workstation from being used elsewhere', async () => {
    const reserved = await openOfflineBench(
      { offlineEvents: 40, offlineEventMode: 'reserved' },
      offline.bench,
    );
    const { userName, device } = await reserved.owner(hotp6);
    const agent = await reserved.agent();
    const opened = await reserved.install(agent, userName, device.response({ counter: 0 }));
    const { packageId } = opened.header;
    const { service } = offline.bench;
    const online = (counter: number): Promise<string> =>
      codeOf(
        service,
        reserved.caller,
        asking(userName, { response: device.response({ counter }) }),
      );
    expect(await online(1)).not.toBe('accepted');
    agent.use(packageId, 3n, offline.bench.clock.nowMs());
    agent.note('released', { packageId, atMs: offline.bench.clock.nowMs() });
    agent.held = [];
    expect((await reserved.report(agent)).packageIds).toEqual([]);
    expect(await online(3)).not.toBe('accepted');
    expect(await online(4)).toBe('accepted');
  });
});

it('is made in turns, so that nobody waits for a whole package', async () => {
  const { userName, device } = await offline.owner(totp6);
  const agent = await offline.agent();
  const response = device.response({ nowMs: offline.bench.clock.nowMs() });
  const offered = await offline.status(agent, userName, response);
  if (offered.status !== 'available') throw new Error(offered.status);
  let turns = 0;
  let isOver = false;
  const tick = (): void => {
    turns += 1;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  const { header } = await offline.fetch(agent, offered.handle);
  isOver = true;
  expect(turns).toBeGreaterThan(header.count / 64);
});

describe('no package', () => {
  it('of clock and counter together', async () => {
    const mixed = await openOfflineBench({ timeAndEventApplications: 'allowed' }, offline.bench);
    const { userName, device } = await mixed.owner(timeEvent8);
    const response = device.response({ nowMs: offline.bench.clock.nowMs(), counter: 0 });
    expect(await mixed.status(await mixed.agent(), userName, response)).toEqual({
      status: 'not-permitted',
      reason: 'algorithm',
    });
  });

  it('on a disk, of six digits', async () => {
    const { userName, device } = await offline.owner(totp6);
    const response = device.response({ nowMs: offline.bench.clock.nowMs() });
    expect(await offline.status(await offline.agent('sw'), userName, response)).toEqual({
      status: 'not-permitted',
      reason: 'response-too-short',
    });
  });

  it('for a handle of another, an old one, or the same twice', async () => {
    const { clock } = offline.bench;
    const { userName, device } = await offline.owner(hotp6);
    const [one, other] = [await offline.agent(), await offline.agent()];
    const offered = async (counter: number): Promise<string> => {
      const status = await offline.status(one, userName, device.response({ counter }));
      if (status.status !== 'available') throw new Error(status.status);
      return status.handle;
    };
    const handle = await offered(0);
    await expect(offline.fetch(other, handle)).rejects.toMatchObject({ code: 'not-found' });
    await offline.fetch(one, handle);
    await expect(offline.fetch(one, handle)).rejects.toMatchObject({ code: 'not-found' });
    const late = await offered(1);
    clock.advance(601);
    await expect(offline.fetch(one, late)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each<[string, (serial: string, userName: string) => Promise<unknown>]>([
    ['PIN', (serial) => givePin(offline.bench, serial, '918273')],
    [
      'assignment',
      async (serial, userName) => {
        const { service, admin } = offline.bench;
        await service.administration.unassignAuthenticator(admin, serial);
        await service.administration.assignAuthenticator(admin, serial, null, userName);
        // Whom it is given to anew would have to change it.
        await givePin(offline.bench, serial, '472193', { isChangeForced: false });
      },
    ],
    [
      'epoch',
      (serial) =>
        offline.bench.service.administration.resetApplication(offline.bench.admin, serial, null),
    ],
  ])('by a handle of another %s, also when the logon is asked again', async (_of, change) => {
    const { userName, device } = await offline.owner(hotp6);
    await givePin(offline.bench, device.serial, '472193');
    const agent = await offline.agent();
    const text = `472193${device.response({ counter: 0 })}`;
    const request = {
      ...asking(userName, {}),
      credential: { format: 'combined', text },
      requestKey: `key of ${userName}`.replaceAll(' ', '-'),
    } as const;
    const handle = async (): Promise<string> => {
      const answer = await offline.logon(agent, request);
      if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
        throw new Error(JSON.stringify(answer));
      }
      return answer.offline.handle;
    };
    const before = await handle();
    await change(device.serial, userName);
    for (const each of [before, await handle()]) {
      await expect(offline.fetch(agent, each)).rejects.toMatchObject({ code: 'not-found' });
    }
    expect(await offline.bench.lastAudit()).toMatchObject({ outcome: 'handle-unknown' });
  });

  it('but by the new PIN that came with the logon', async () => {
    const { userName, device } = await offline.owner(hotp6);
    await givePin(offline.bench, device.serial, '472193');
    const agent = await offline.agent();
    const text = `472193${device.response({ counter: 0 })}918273918273`;
    const request = { ...asking(userName, {}), credential: { format: 'combined', text } } as const;
    const answer = await offline.logon(agent, request);
    if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
      throw new Error(JSON.stringify(answer));
    }
    expect(answer.pinChanged).toBe(true);
    expect((await offline.fetch(agent, answer.offline.handle)).header.pinMode).toBe('server');
  });

  it('beyond the number of a day, of workstations and of authenticators', async () => {
    const strict = await openOfflineBench(
      {
        offlinePackagesPerDayMax: 2,
        offlineAgentsPerAuthenticatorMax: 1,
        offlineAuthenticatorsPerUserMax: 1,
      },
      offline.bench,
    );
    const { userName, device } = await strict.owner(hotp6);
    const second = await offline.bench.device(hotp6, { userName });
    const agent = await strict.agent();
    await strict.install(agent, userName, device.response({ counter: 0 }));
    const at = (from: typeof agent, response: string): ReturnType<OfflineBench['status']> =>
      strict.status(from, userName, response);
    expect(await at(await strict.agent(), device.response({ counter: 1 }))).toMatchObject({
      reason: 'too-many-agents',
    });
    expect(await at(agent, second.response({ counter: 0 }))).toMatchObject({
      reason: 'too-many-authenticators',
    });
    await strict.install(agent, userName, device.response({ counter: 2 }));
    expect(await at(agent, device.response({ counter: 3 }))).toMatchObject({
      reason: 'too-many-packages',
    });
    expect(await offline.bench.lastAudit()).toMatchObject({
      action: 'offline.package.issue',
      outcome: 'too-many-packages',
    });
    offline.bench.clock.advance(86_400);
    expect(await at(agent, device.response({ counter: 4 }))).toMatchObject({
      status: 'available',
    });
  });
});

describe('fetched at once', () => {
  const handleFor = async (
    from: OfflineBench,
    agent: TestAgent,
    userName: string,
    response: string,
  ): Promise<string> => {
    const offered = await from.status(agent, userName, response);
    if (offered.status !== 'available') throw new Error(offered.status);
    return offered.handle;
  };
  const outcomesOf = async (fetches: readonly Promise<unknown>[]): Promise<unknown[]> => {
    const settled = await Promise.allSettled(fetches);
    const outcomes = settled.map((each) =>
      each.status === 'fulfilled' ? 'package' : (each.reason as TallystickError).fields['reason'],
    );
    return outcomes.toSorted();
  };

  it('there are no more at workstations than one after another', async () => {
    const { userName, device } = await offline.owner(hotp6);
    const fetches: (() => Promise<unknown>)[] = [];
    for (let counter = 0; counter < 4; counter += 1) {
      const agent = await offline.agent();
      const handle = await handleFor(offline, agent, userName, device.response({ counter }));
      fetches.push(() => offline.fetch(agent, handle));
    }
    expect(await outcomesOf(fetches.map((fetch) => fetch()))).toEqual([
      'package',
      'package',
      'too-many-agents',
      'too-many-agents',
    ]);
  });

  it('all that the limits allow are made, however many they are', async () => {
    const lavish = { offlineAgentsPerAuthenticatorMax: 10, offlinePackagesPerDayMax: 100 };
    const wide = await openOfflineBench(lavish, offline.bench);
    const { userName, device } = await wide.owner(hotp6);
    const fetches: (() => Promise<unknown>)[] = [];
    for (let counter = 0; counter < 8; counter += 1) {
      const agent = await wide.agent();
      const handle = await handleFor(wide, agent, userName, device.response({ counter }));
      fetches.push(() => wide.fetch(agent, handle));
    }
    expect(await outcomesOf(fetches.map((fetch) => fetch()))).toEqual(Array(8).fill('package'));
  });

  it('leave the versions by which others judge as they were', async () => {
    const { userName, device } = await offline.owner(hotp6);
    const { store } = offline.bench;
    const agent = await offline.agent();
    const versions = async (): Promise<unknown> => [
      (await store.authenticatorBySerial(device.serial))?.authenticator.version,
      (await store.offlineAgentById(agent.id))?.version,
    ];
    const before = await versions();
    await offline.install(agent, userName, device.response({ counter: 0 }));
    expect(await versions()).toEqual(before);
  });

  it('there are no more of a user at one workstation either', async () => {
    const strict = await openOfflineBench({ offlineAuthenticatorsPerUserMax: 1 }, offline.bench);
    const { userName, device } = await strict.owner(hotp6);
    const second = await offline.bench.device(hotp6, { userName });
    const agent = await strict.agent();
    const handles: string[] = [];
    for (const each of [device, second]) {
      const response = each.response({ counter: 0 });
      handles.push(await handleFor(strict, agent, userName, response));
    }
    expect(await outcomesOf(handles.map((each) => strict.fetch(agent, each)))).toEqual([
      'package',
      'too-many-authenticators',
    ]);
  });
});

describe('what is there already', () => {
  it('is current for a day, once the workstation has said that it has it', async () => {
    const { clock } = offline.bench;
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    const logon = (): ReturnType<OfflineBench['status']> => {
      clock.advance(60);
      return offline.status(agent, userName, device.response({ nowMs: clock.nowMs() }));
    };
    clock.advance(60);
    await offline.install(agent, userName, device.response({ nowMs: clock.nowMs() }));
    expect(await logon()).toMatchObject({ status: 'available' });
    await offline.report(agent);
    expect(await logon()).toEqual({ status: 'current' });
    clock.advance(86_400);
    expect(await logon()).toMatchObject({ status: 'available' });
  });

  it('is all that an update renews', async () => {
    const { userName, device } = await offline.owner(hotp6);
    const agent = await offline.agent();
    const update = (counter: number): ReturnType<OfflineBench['status']> =>
      offline.status(agent, userName, device.response({ counter }), 'update');
    expect(await update(0)).toEqual({ status: 'no-data' });
    await offline.install(agent, userName, device.response({ counter: 1 }));
    expect(await update(2)).toMatchObject({ status: 'available' });
  });
});
