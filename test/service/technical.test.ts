import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import type { Decision, Store } from '../../src/service/store.ts';
import { type Bench, hotp6, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { asking, codeOf, syncing } from './support.ts';

let bench: Bench;
let commits: Decision[];

beforeEach(async () => {
  commits = [];
  bench = await openBench({ store: recording });
});

afterEach(async () => {
  await bench.close();
});

function recording(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') {
        return (decisions: readonly Decision[]) => {
          commits.push(...decisions);
          return target.commit(decisions);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function someone(): Promise<{ userName: string; device: TestDevice }> {
  const userName = await bench.user();
  return { userName, device: await bench.device(totp6, { userName }) };
}

async function lockCountOf(userName: string): Promise<number> {
  return (await bench.service.administration.user(bench.admin, null, userName)).lockCount;
}

describe('a technical fault', () => {
  test.each([
    ['unavailable', 'module-unavailable'],
    ['denied', 'module-denied'],
    ['capacity', 'module-capacity'],
    ['contract', 'module-contract'],
  ] as const)('of the module (%s) is thrown, counts nothing, burns nothing', async (kind, code) => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const response = device.response({ nowMs: bench.clock.nowMs() });
    bench.module.failNext(kind, { method: 'mac', detail: `about ${response}` });
    const error: unknown = await bench.service
      .authenticate(caller, asking(userName, { response }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toContain(response);
    expect(commits).toEqual([]);
    expect(await lockCountOf(userName)).toBe(0);
    expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe('accepted');
  });

  test('in the middle of a window: the same', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const response = device.wrong({ nowMs: bench.clock.nowMs() });
    const mac = bench.module.mac.bind(bench.module);
    let calls = 0;
    bench.module.mac = (...args) => {
      calls += 1;
      if (calls === 2) bench.module.failNext('unavailable', { method: 'mac' });
      return mac(...args);
    };
    await expect(
      bench.service.authenticate(caller, asking(userName, { response })),
    ).rejects.toMatchObject({ code: 'module-unavailable' });
    expect(await lockCountOf(userName)).toBe(0);
  });

  test('of a synchronisation counts nothing', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const nowMs = bench.clock.nowMs();
    const pair = [device.response({ nowMs }), device.response({ nowMs: nowMs + 30_000 })] as const;
    bench.module.failNext('unavailable', { method: 'mac' });
    await expect(bench.service.synchronise(caller, syncing(userName, pair))).rejects.toMatchObject({
      code: 'module-unavailable',
    });
    expect(await lockCountOf(userName)).toBe(0);
  });

  test('of the database is thrown', async () => {
    await bench.close();
    bench = await openBench({
      store: (store) =>
        new Proxy(store, {
          get(target, name) {
            if (name === 'loadAttempt') return () => Promise.reject(new Error('gone'));
            const value: unknown = Reflect.get(target, name);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
    });
    const caller = await bench.caller();
    await expect(
      bench.service.authenticate(caller, asking('anybody', { response: '123456' })),
    ).rejects.toThrow('gone');
  });
});

describe('a damaged seed', () => {
  function damage(serial: string): void {
    for (const [seedId, seed] of bench.module.memory.seeds) {
      if (seed.owner.startsWith(`${serial}/`)) bench.module.memory.seeds.delete(seedId);
    }
  }

  test('alone: a technical fault that is audited, counts nothing and burns nothing', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    damage(device.serial);
    const response = device.response({ nowMs: bench.clock.nowMs() });
    await expect(
      bench.service.authenticate(caller, asking(userName, { response })),
    ).rejects.toMatchObject({ code: 'seed-damaged' });
    expect(await lockCountOf(userName)).toBe(0);
    expect((await bench.lastAudit()).outcome).toBe('seed-damaged');
  });

  test('beside a good one: the good one still accepts', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const other = await bench.device(hotp6, { userName });
    damage(device.serial);
    const response = other.response({ counter: 2 });
    expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe('accepted');
  });

  test('beside a good one: what was compared with that one counts, or it were a free guess', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    await bench.device(hotp6, { userName });
    damage(device.serial);
    const response = device.response({ nowMs: bench.clock.nowMs() });
    await expect(
      bench.service.authenticate(caller, asking(userName, { response })),
    ).rejects.toMatchObject({ code: 'seed-damaged' });
    expect(await lockCountOf(userName)).toBe(1);
  });

  test('is not an answer: a request key does not keep it', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const kept = new Map(bench.module.memory.seeds);
    damage(device.serial);
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const request = asking(userName, { response, requestKey: 'again' });
    await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
      code: 'seed-damaged',
    });
    for (const [seedId, seed] of kept) bench.module.memory.seeds.set(seedId, seed);
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
  });
});

describe('the same work for everybody', () => {
  async function costOf(caller: Caller, userName: string, response: string): Promise<unknown> {
    commits = [];
    const macsBefore = bench.module.status().macsComputed;
    const callsBefore = bench.module.calls.get('mac') ?? 0;
    await bench.service.authenticate(caller, asking(userName, { response }));
    return {
      macs: bench.module.status().macsComputed - macsBefore,
      calls: (bench.module.calls.get('mac') ?? 0) - callsBefore,
      commits: commits.length,
      writesUser: commits.every(({ user }) => user !== null),
    };
  }

  test('unknown, without authenticator, locked, disabled: MACs and rows as a wrong response', async () => {
    const caller = await bench.caller({ autoUnlockMaxTries: 0 });
    const { userName, device } = await someone();
    const response = device.wrong({ nowMs: bench.clock.nowMs() });
    const wrong = await costOf(caller, userName, response);
    expect(wrong).toEqual({ macs: 21, calls: 3, commits: 1, writesUser: true });
    expect(await costOf(caller, 'nobody', response)).toEqual(wrong);
    expect(await costOf(caller, await bench.user(), response)).toEqual(wrong);
    await bench.service.administration.lockUser(bench.admin, null, userName);
    expect(await costOf(caller, userName, response)).toEqual(wrong);
    expect(await costOf(caller, 'nobody', 'letters')).toEqual(wrong);
    const version = { expectedVersion: null };
    const { administration } = bench.service;
    await administration.unlockUser(bench.admin, null, userName);
    expect(await costOf(caller, userName, 'letters')).toEqual(wrong);
    await administration.updateUser(bench.admin, null, userName, { isDisabled: true }, version);
    expect(await costOf(caller, userName, response)).toEqual(wrong);
  });

  test('a replay costs the whole window too', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const response = device.response({ nowMs: bench.clock.nowMs() });
    expect(await costOf(caller, userName, response)).toMatchObject({ macs: 1 });
    expect(await costOf(caller, userName, response)).toMatchObject({ macs: 21 });
  });
});
