import { expect, test } from 'vitest';
import { openBench, totp6 } from '../support/builders.ts';
import { asking, codeOf, syncCodeOf, syncing } from './support.ts';

test('draining finishes what is in flight and refuses the rest', async () => {
  const bench = await openBench();
  const caller = await bench.caller();
  const userName = await bench.user();
  const device = await bench.device(totp6, { userName });
  const response = device.response({ nowMs: bench.clock.nowMs() });
  const resume = bench.module.stall();
  const running = codeOf(bench.service, caller, asking(userName, { response }));
  // The attempt waits for its MAC.
  await expect.poll(() => bench.module.calls.get('mac') ?? 0).toBe(1);
  const drained = bench.service.drain();
  await expect(
    bench.service.authenticate(caller, asking(userName, { response })),
  ).rejects.toMatchObject({ code: 'shutting-down' });
  expect(await bench.service.readiness()).toMatchObject({
    ready: false,
    reasons: ['the server is shutting down'],
  });
  resume();
  expect(await running).toBe('accepted');
  await drained;
  await bench.close();
});

test('more at once than the limit are refused as overloaded, and nothing is lost', async () => {
  const bench = await openBench({ limits: { inFlightMax: 2 } });
  const caller = await bench.caller();
  const resume = bench.module.stall();
  const request = asking('nobody', { response: '123456' });
  const running = [1, 2].map(() => codeOf(bench.service, caller, request));
  await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
    code: 'overloaded',
  });
  resume();
  expect(await Promise.all(running)).toEqual(['user-unknown', 'user-unknown']);
  await bench.close();
});

test('synchronisations have a limit of their own, which logons do not meet', async () => {
  const bench = await openBench({ limits: { syncsInFlightMax: 2 } });
  const caller = await bench.caller();
  const resume = bench.module.stall();
  const pair = syncing('nobody', ['123456', '654321']);
  const running = [1, 2].map(() => syncCodeOf(bench.service, caller, pair));
  await expect(bench.service.synchronise(caller, pair)).rejects.toMatchObject({
    code: 'overloaded',
  });
  const logon = codeOf(bench.service, caller, asking('nobody', { response: '123456' }));
  resume();
  expect(await Promise.all([...running, logon])).toEqual(Array(3).fill('user-unknown'));
  expect(await syncCodeOf(bench.service, caller, pair)).toBe('user-unknown');
  await bench.close();
});

test('an unknown key reloads the configuration once a second at most', async () => {
  let loads = 0;
  const bench = await openBench({
    store: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'loadConfiguration') loads += 1;
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  const stranger = `tsk_${'A'.repeat(43)}`;
  const before = loads;
  for (let guess = 0; guess < 20; guess += 1) {
    expect(await bench.service.identify(stranger, '127.0.0.1', 'r')).toBeNull();
  }
  expect(loads - before).toBe(1);
  bench.clock.advance(1);
  await bench.service.identify(stranger, '127.0.0.1', 'r');
  expect(loads - before).toBe(2);
  await bench.close();
});
