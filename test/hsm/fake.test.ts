import { describe, expect, test } from 'vitest';
import { createFakeModule } from '../support/fake-module.ts';
import { seedMoveContract } from './seed-move-contract.ts';
import { seedModuleContract } from './seed-module-contract.ts';
import { rejection, soon } from './support.ts';

for (const residency of ['resident', 'wrapped'] as const) {
  seedModuleContract(`fake, ${residency}`, () =>
    Promise.resolve({ module: createFakeModule(residency), cleanUp: () => Promise.resolve() }),
  );
}

seedMoveContract('fake', () => {
  const module = createFakeModule('wrapped');
  return Promise.resolve({
    module,
    reopen: () => Promise.resolve(createFakeModule('wrapped', module.memory)),
    cleanUp: () => Promise.resolve(),
  });
});

describe('the fake fails on demand', () => {
  test('once, by kind and number, or only one method', async () => {
    const module = createFakeModule();
    module.failNext('capacity', { ckr: 0x31, method: 'hmac' });
    expect(await module.random(1, soon)).toHaveLength(1);
    expect(await rejection(module.hmac('pin-mac', [], soon))).toMatchObject({
      kind: 'capacity',
      ckr: 0x31,
    });
    expect(await module.hmac('pin-mac', [], soon)).toEqual([]);
  });

  test('stalled calls run by lane when they are let go, or expire', async () => {
    const module = createFakeModule();
    const letGo = module.stall();
    const order: string[] = [];
    const call = (lane: 'logon' | 'sync' | 'background'): Promise<unknown> =>
      module.random(1, { lane, deadlineMs: 30_000 }).then(() => order.push(lane));
    const calls = [call('background'), call('sync'), call('logon')];
    const late = module.random(1, { lane: 'logon', deadlineMs: 1 });
    expect(await rejection(late)).toMatchObject({ kind: 'unavailable' });
    letGo();
    await Promise.all(calls);
    expect(order).toEqual(['logon', 'sync', 'background']);
  });
});
