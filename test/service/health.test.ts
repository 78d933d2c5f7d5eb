import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;
let isFull: boolean;
beforeEach(async () => {
  isFull = false;
  bench = await openBench({
    store: (store) =>
      new Proxy(store, {
        get(target, name) {
          const fails = isFull && (name === 'commit' || name === 'administer');
          if (fails) return () => Promise.reject(new TallystickError('store-full', 'It is full.'));
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
});
afterEach(() => bench.close());

const notReady = { ready: false, reasons: ['database: It is full.'] };

describe('readiness', () => {
  test('is lost with a failed commit, although a small write succeeds, until one fits', async () => {
    const caller = await bench.caller();
    expect(await bench.service.readiness()).toMatchObject({ ready: true });
    isFull = true;
    const request = asking('nobody', { response: '123456' });
    await expect(bench.service.authenticate(caller, request)).rejects.toMatchObject({
      code: 'store-full',
    });
    expect(await bench.service.readiness()).toEqual(notReady);
    bench.clock.advance(5);
    expect(await bench.service.readiness()).toEqual(notReady);
    expect(await bench.service.administration.status(bench.admin)).toMatchObject({
      store: { code: 'store-full', message: 'It is full.' },
    });
    isFull = false;
    bench.clock.advance(4);
    expect(await bench.service.readiness()).toEqual(notReady);
    bench.clock.advance(1);
    // By its own probe: nobody sends requests to a server that is not ready.
    expect(await bench.service.readiness()).toEqual({ ready: true, reasons: [] });
    expect(await bench.lastAudit()).toMatchObject({ action: 'store.recovered', actor: 'test' });
  });

  test('is back at once when a decision was committed', async () => {
    const caller = await bench.caller();
    isFull = true;
    const request = asking('nobody', { response: '123456' });
    await bench.service.authenticate(caller, request).catch(() => undefined);
    isFull = false;
    expect(await codeOf(bench.service, caller, request)).toBe('user-unknown');
    expect(await bench.service.readiness()).toEqual({ ready: true, reasons: [] });
    expect((await bench.lastAudit()).action).toBe('authenticate');
  });

  test('is lost when the module fails to compute, whatever it says of itself', async () => {
    bench.module.failNext('unavailable', { method: 'hmac' });
    expect(bench.module.status().state).toBe('ready');
    expect(await bench.service.readiness()).toEqual({
      ready: false,
      reasons: ['module failed: The security module does not answer.'],
    });
    expect(await bench.service.administration.status(bench.admin)).toMatchObject({
      module: { state: 'failed', reason: 'The security module does not answer.' },
    });
    bench.clock.advance(1);
    expect(await bench.service.readiness()).toEqual({ ready: true, reasons: [] });
  });

  test('costs the module one HMAC a second, however many ask', async () => {
    const count = (): number => bench.module.calls.get('hmac') ?? 0;
    const before = count();
    await Promise.all(Array.from({ length: 20 }, () => bench.service.readiness()));
    expect(count() - before).toBe(1);
    bench.clock.advance(1);
    await bench.service.readiness();
    expect(count() - before).toBe(2);
  });
});

test('a damaged seed is named to the operator by serial and application', async () => {
  const caller = await bench.caller();
  const userName = await bench.user();
  const device = await bench.device(totp6, { userName });
  bench.module.memory.seeds.clear();
  const error: unknown = await bench.service
    .authenticate(caller, asking(userName, { response: '123456' }))
    .catch((thrown: unknown) => thrown);
  const { serial, applicationName } = device;
  const detail = expect.stringContaining(`${serial}/${applicationName}`) as string;
  expect(error).toMatchObject({ code: 'seed-damaged', cause: { kind: 'damaged', detail } });
  expect((error as Error).message).not.toContain(serial);
});
