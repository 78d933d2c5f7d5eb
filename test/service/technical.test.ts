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

  test('in the middle of a window: what was compared before counts, or it were a free guess', async () => {
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
    const request = asking(userName, { response, requestKey: 'again' });
    await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
      code: 'module-unavailable',
    });
    expect(await lockCountOf(userName)).toBe(1);
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticate',
      outcome: 'module-unavailable',
      details: { candidates: 1, ofCandidates: 21 },
    });
    // It was no answer: a repeat is examined anew.
    expect(await codeOf(bench.service, caller, request)).toBe('response-incorrect');
  });

  test('in the middle of every window: no more guesses than lock', async () => {
    const caller = await bench.caller({ userLockThreshold: 3, autoUnlockMaxTries: 0 });
    const { userName, device } = await someone();
    const response = device.wrong({ nowMs: bench.clock.nowMs() });
    const mac = bench.module.mac.bind(bench.module);
    bench.module.mac = (jobs, options) =>
      jobs[0]?.messages.length === 1 ? mac(jobs, options) : Promise.reject(bug);
    const bug = new Error('a defect');
    const codes: unknown[] = [];
    for (let guess = 0; guess < 5; guess += 1) {
      const attempt = codeOf(bench.service, caller, asking(userName, { response }));
      codes.push(await attempt.catch((error: unknown) => (error as { code: string }).code));
    }
    expect(codes.slice(0, 3)).toEqual(['internal', 'internal', 'internal']);
    expect(await lockCountOf(userName)).toBe(3);
    bench.module.mac = mac;
    const right = device.response({ nowMs: bench.clock.nowMs() });
    expect(await codeOf(bench.service, caller, asking(userName, { response: right }))).toBe(
      'user-locked',
    );
  });

  test('while a refusal is paid for: the refusal counts', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const request = asking(userName, { response: device.response({ nowMs: bench.clock.nowMs() }) });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    const mac = bench.module.mac.bind(bench.module);
    let calls = 0;
    bench.module.mac = (...args) => {
      calls += 1;
      if (calls === 4) bench.module.failNext('unavailable', { method: 'mac' });
      return mac(...args);
    };
    await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
      code: 'module-unavailable',
    });
    expect(await lockCountOf(userName)).toBe(1);
  });

  test('in the middle of a synchronisation counts nothing: it tells nothing of the pair', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const mac = bench.module.mac.bind(bench.module);
    let calls = 0;
    bench.module.mac = (...args) => {
      calls += 1;
      if (calls === 2) bench.module.failNext('unavailable', { method: 'mac' });
      return mac(...args);
    };
    const pair = [device.wrong(), device.wrong()] as const;
    await expect(bench.service.synchronise(caller, syncing(userName, pair))).rejects.toMatchObject({
      code: 'module-unavailable',
    });
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

describe('MACs', () => {
  function watching(): { messages: number[]; macs: Uint8Array[] } {
    const seen: { messages: number[]; macs: Uint8Array[] } = { messages: [], macs: [] };
    const mac = bench.module.mac.bind(bench.module);
    bench.module.mac = async (jobs, options) => {
      seen.messages.push(jobs.reduce((count, { messages }) => count + messages.length, 0));
      const results = await mac(jobs, options);
      seen.macs.push(...results.flatMap((result) => (result.ok ? result.macs : [])));
      return results;
    };
    return seen;
  }

  test('are overwritten when they have been compared: each is a response', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const { macs } = watching();
    const nowMs = bench.clock.nowMs();
    await codeOf(bench.service, caller, asking(userName, { response: device.wrong({ nowMs }) }));
    const response = device.response({ nowMs });
    expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe('accepted');
    expect(macs).toHaveLength(26);
    expect(macs.every((mac) => mac.length === 20 && mac.every((byte) => byte === 0))).toBe(true);
  });

  test('of a large synchronisation are asked for in pieces, none twice', async () => {
    const caller = await bench.caller({ syncEventWindowSteps: 16_000 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const seen = watching();
    const pair = [device.response({ counter: 2000 }), device.response({ counter: 2001 })] as const;
    await bench.service.synchronise(caller, syncing(userName, pair));
    expect(Math.max(...seen.messages)).toBeLessThanOrEqual(256);
    expect(seen.macs).toHaveLength(16_006);
    expect(seen.macs.every((mac) => mac.every((byte) => byte === 0))).toBe(true);
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
    expect(wrong).toEqual({ macs: 25, calls: 4, commits: 1, writesUser: true });
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

  test('whatever the application has', async () => {
    const caller = await bench.caller();
    for (const [algorithm, counter] of [
      [totp6, 0n],
      [hotp6, 0n],
      [hotp6, 100n],
    ] as const) {
      const userName = await bench.user();
      const device = await bench.device(algorithm, { userName, counter });
      const response = device.wrong({ nowMs: bench.clock.nowMs(), counter: Number(counter) });
      expect(await costOf(caller, userName, response)).toMatchObject({ macs: 25, calls: 4 });
    }
  });

  test('a replay costs the whole window too', async () => {
    const caller = await bench.caller();
    const { userName, device } = await someone();
    const response = device.response({ nowMs: bench.clock.nowMs() });
    expect(await costOf(caller, userName, response)).toMatchObject({ macs: 1 });
    expect(await costOf(caller, userName, response)).toMatchObject({ macs: 25 });
  });
});
