import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/service/api.ts';
import type { Decision, Store } from '../../../src/service/store.ts';
import { type Bench, hotp6, openBench, type TestDevice } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { asking, codeOf, replacing } from '../support.ts';
import { openOfflineBench, type OfflineBench } from './support.ts';

/** Counters that a workstation used up without telling yet, and the user at another server's door. */

let bench: Bench;
let shared: OfflineBench;
let reserved: OfflineBench;
/** A component whose policy lets no workstation verify. */
let elsewhere: Caller;
let readOf: string[] = [];
let written: Decision[] = [];

const settings = { offlineEvents: 40, offlineLookAheadSteps: 5, eventWindowSteps: 10 };

beforeAll(async () => {
  const instead: Partial<Store> = {};
  bench = await openBench({ store: replacing(() => instead) });
  instead.offlinePackagesOfUser = (userId, limit) => {
    readOf.push(userId);
    return bench.store.offlinePackagesOfUser(userId, limit);
  };
  instead.commit = (decisions) => {
    written.push(...decisions);
    return bench.store.commit(decisions);
  };
  elsewhere = await bench.caller({ eventWindowSteps: 10, userLockThreshold: 10 });
});
afterAll(() => bench.close());
beforeEach(() => {
  readOf = [];
});

interface Away {
  readonly userName: string;
  readonly device: TestDevice;
  readonly agent: TestAgent;
  /** The counter that the device shows next. */
  readonly next: number;
}

/** Somebody who logged on 30 times at a workstation that no server could be reached from. */
async function away(desk: OfflineBench): Promise<Away> {
  const { userName, device } = await desk.owner(hotp6);
  const agent = await desk.agent();
  const { header } = await desk.install(agent, userName, device.response({ counter: 0 }));
  await desk.report(agent);
  for (let counter = 1; counter <= 30; counter += 1) {
    agent.use(header.packageId, BigInt(counter), bench.clock.nowMs());
  }
  agent.held = [{ packageId: header.packageId, state: 'installed', eventsUsed: 30 }];
  return { userName, device, agent, next: 31 };
}

function show({ userName, device }: Omit<Away, 'agent'>, counter: number): Promise<string> {
  return codeOf(
    bench.service,
    elsewhere,
    asking(userName, { response: device.response({ counter }) }),
  );
}

it('reads nothing while no workstation verifies anybody', async () => {
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  expect(await show({ userName, device, next: 0 }, 31)).toBe('response-incorrect');
  expect(await show({ userName, device, next: 0 }, 32)).toBe('response-incorrect');
  expect(readOf).toEqual([]);
});

describe('where workstations verify', () => {
  beforeAll(async () => {
    shared = await openOfflineBench(settings, bench);
    reserved = await openOfflineBench({ ...settings, offlineEventMode: 'reserved' }, bench);
  });

  it('lets somebody in by two responses in a row, wherever he asks', async () => {
    const one = await away(shared);
    expect(await show(one, 31)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: { remembered: true } });
    expect(await show(one, 32)).toBe('accepted');
    expect(await bench.lastAudit()).toMatchObject({ details: { secondOtpSync: true } });
    expect(await show(one, 33)).toBe('accepted');
    expect(await show(one, 31)).toBe('response-replayed');
  });

  it('accepts one in the window by itself, as ever', async () => {
    const one = await away(shared);
    expect(await show(one, 9)).toBe('accepted');
    expect(await show(one, 10)).toBe('accepted');
  });

  it('lets nobody in by one response alone, again and again, nor by two apart', async () => {
    const one = await away(shared);
    expect(await show(one, 25)).toBe('response-incorrect');
    expect(await show(one, 25)).toBe('response-incorrect');
    expect(await show(one, 27)).toBe('response-incorrect');
    expect(await show(one, 26)).toBe('response-incorrect');
  });

  it('forgets one that a wrong response follows', async () => {
    const one = await away(shared);
    const wrong = { response: one.device.wrong({ counter: 31 }) };
    expect(await show(one, 31)).toBe('response-incorrect');
    expect(await codeOf(bench.service, elsewhere, asking(one.userName, wrong))).toBe(
      'response-incorrect',
    );
    expect(await show(one, 32)).toBe('response-incorrect');
    expect(await show(one, 33)).toBe('accepted');
  });

  it('looks no farther than window and package reach', async () => {
    const one = await away(shared);
    // Next is 1: ten in the window, and 45 responses that the workstation has.
    expect(await show(one, 56)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: { remembered: true } });
    const other = await away(shared);
    expect(await show(other, 57)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: { remembered: false } });
    expect(await show(other, 58)).toBe('response-incorrect');
  });

  it('needs it no more once the workstation has reported', async () => {
    const one = await away(shared);
    await shared.report(one.agent);
    expect(await show(one, 31)).toBe('accepted');
    // 45 less 30 are still out.
    expect(await show(one, 32 + 25)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: { remembered: true } });
    expect(await show(one, 32 + 26)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: { remembered: false } });
  });

  it('ends with the package', async () => {
    const one = await away(shared);
    const { administration } = bench.service;
    await administration.revokeOfflineOfUser(bench.admin, null, one.userName, {});
    expect(await show(one, 31)).toBe('response-incorrect');
    expect(await show(one, 32)).toBe('response-incorrect');
  });

  it('leaves reserved counters as they are', async () => {
    const one = await away(reserved);
    // The server is at 46; the window ends at 55.
    expect(await show(one, 60)).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ details: {} });
    expect((await bench.lastAudit()).details).not.toHaveProperty('remembered');
    expect(await show(one, 61)).toBe('response-incorrect');
    expect(await show(one, 46)).toBe('accepted');
  });

  it('writes the same whether anything was found or not', async () => {
    const one = await away(shared);
    const kinds = async (response: string): Promise<readonly string[]> => {
      written = [];
      await codeOf(bench.service, elsewhere, asking(one.userName, { response }));
      return written.flatMap(({ notes }) => notes.map(({ kind }) => kind));
    };
    const found = await kinds(one.device.response({ counter: 31 }));
    expect(found).toEqual(['application']);
    expect(await kinds(one.device.wrong({ counter: 31 }))).toEqual(found);
  });

  it('costs the same for everybody who has no package, and a right response nothing', async () => {
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const costOf = async (name: string, response: string): Promise<unknown> => {
      readOf = [];
      const before = bench.module.calls.get('mac') ?? 0;
      const code = await codeOf(bench.service, elsewhere, asking(name, { response }));
      return { code, reads: readOf.length, macs: (bench.module.calls.get('mac') ?? 0) - before };
    };
    expect(await costOf(userName, device.response({ counter: 0 }))).toMatchObject({
      code: 'accepted',
      reads: 0,
    });
    const wrong = await costOf(userName, device.wrong({ counter: 1 }));
    const unknown = await costOf('nobody-at-all', device.wrong({ counter: 1 }));
    const without = await costOf(await bench.user(), device.wrong({ counter: 1 }));
    const replayed = await costOf(userName, device.response({ counter: 0 }));
    for (const each of [wrong, unknown, without, replayed]) {
      expect(each).toMatchObject({ reads: 1, macs: (wrong as { macs: number }).macs });
    }
    const one = await away(shared);
    const dear = await costOf(one.userName, one.device.wrong({ counter: 1 }));
    expect((dear as { macs: number }).macs).toBeGreaterThan((wrong as { macs: number }).macs);
  });
});
