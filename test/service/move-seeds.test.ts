import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import { TallystickError } from '../../src/errors.ts';
import { countSeeds, moveSeeds, type SeedsMoved } from '../../src/service/index.ts';
import type { Caller } from '../../src/service/index.ts';
import type { Residency } from '../../src/service/seed-module.ts';
import type { Store } from '../../src/service/store.ts';
import { type Bench, hotp6, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { createFakeModule, type FakeModule } from '../support/fake-module.ts';
import { asking, codeOf, replacing } from './support.ts';

let bench: Bench;
let module: FakeModule;
let caller: Caller;
/** What stands in for the methods of the store that moves. */
let instead: Partial<Store>;

beforeEach(async () => {
  instead = {};
  module = createFakeModule('wrapped');
  bench = await openBench({ module });
  caller = await bench.caller();
});

afterEach(async () => {
  await bench.close();
});

interface Holder {
  readonly userName: string;
  readonly device: TestDevice;
}

async function holders(count: number): Promise<readonly Holder[]> {
  const made: Holder[] = [];
  for (let number = 0; number < count; number += 1) {
    const userName = await bench.user();
    made.push({ userName, device: await bench.device(hotp6, { userName }) });
  }
  return made;
}

function move(
  to: Residency,
  {
    onProgress = () => undefined,
    mustStop = () => false,
  }: { onProgress?: (done: number, total: number) => void; mustStop?: () => boolean } = {},
): Promise<SeedsMoved> {
  const store = replacing(bench.store, () => instead);
  return moveSeeds({ store, module, clock: bench.clock }, { to, onProgress, mustStop });
}

async function applicationOf({ serial }: TestDevice): Promise<Application> {
  const found = await bench.store.authenticatorBySerial(serial);
  if (found === null) throw new Error('no such authenticator');
  return found.applications[0]!;
}

const logOn = ({ userName, device }: Holder, counter: number): Promise<string> =>
  codeOf(bench.service, caller, asking(userName, { response: device.response({ counter }) }));

async function movesInAudit(): Promise<unknown[]> {
  return (await bench.auditBodies())
    .map((body) => JSON.parse(body) as { action: string; subject: string; details: object })
    .filter(({ action }) => action === 'seed.reside')
    .map(({ subject, details }) => ({ subject, ...details }));
}

const all = (to: Residency, moved: number, more: Partial<SeedsMoved> = {}): SeedsMoved => ({
  to,
  moved,
  already: 0,
  stayed: [],
  stopped: null,
  ...more,
});

describe('to the module', () => {
  test('moves every seed, says how far it is, and forgets no counter', async () => {
    const [first, ...rest] = await holders(3);
    const clocked = await bench.device(totp6);
    expect(await logOn(first!, 4)).toBe('accepted');
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    expect(await countSeeds(bench.store)).toEqual({ resident: 0, wrapped: 4 });
    expect(await move('resident', { onProgress })).toEqual(all('resident', 4));
    expect(seen).toEqual([0, 1, 2, 3, 4].map((done) => [done, 4]));
    expect(await countSeeds(bench.store)).toEqual({ resident: 4, wrapped: 0 });

    for (const device of [first!, ...rest].map((each) => each.device).concat(clocked)) {
      const { seed } = await applicationOf(device);
      expect(seed).toMatchObject({ residency: 'resident', blob: null, origin: 'imported' });
    }
    expect(await logOn(first!, 4)).toBe('response-replayed');
    expect(await logOn(first!, 5)).toBe('accepted');
    expect(await logOn(rest[0]!, 0)).toBe('accepted');
    expect(await movesInAudit()).toContainEqual({
      subject: clocked.serial,
      application: 'APP',
      from: 'wrapped',
      to: 'resident',
    });
    expect(await move('resident')).toEqual(all('resident', 0, { already: 4 }));
    expect(await movesInAudit()).toHaveLength(4);
  });

  test('goes on beyond a page', async () => {
    for (let number = 0; number < 203; number += 1) await bench.device(hotp6);
    expect(await move('resident')).toEqual(all('resident', 203));
  });

  test('works with a row that an administrator changes meanwhile, and keeps the change', async () => {
    const [holder] = await holders(1);
    const { serial } = holder!.device;
    const before = await applicationOf(holder!.device);
    let edits = 0;
    instead.administer = async (changes, audit) => {
      if (edits < 2) {
        edits += 1;
        await bench.service.administration.resetApplication(bench.admin, serial, null);
      }
      return bench.store.administer(changes, audit);
    };
    expect(await move('resident')).toEqual(all('resident', 1));
    const after = await applicationOf(holder!.device);
    expect(after.epoch).toBe(before.epoch + 2);
    expect(module.memory.seeds.size).toBe(1);
    expect(await logOn(holder!, 0)).toBe('accepted');
    expect(await movesInAudit()).toHaveLength(1);
  });

  test('gives up on a row that changes without end, and the seed serves', async () => {
    const [holder] = await holders(2);
    instead.administer = () => Promise.resolve({ status: 'conflict', index: 0 });
    const { stopped, moved } = await move('resident');
    expect(moved).toBe(0);
    expect(stopped).toMatchObject({ left: 2, error: { code: 'conflict' } });
    expect(await logOn(holder!, 0)).toBe('accepted');
    instead = {};
    expect(await move('resident')).toEqual(all('resident', 2));
    expect(module.memory.seeds.size).toBe(2);
  });

  test.each(['before', 'after'])(
    'leaves no object of an authenticator that is deleted %s it is made',
    async (when) => {
      const [, second] = await holders(2);
      const remove = (): Promise<void> =>
        bench.service.administration.deleteAuthenticator(bench.admin, second!.device.serial);
      let removed: Promise<void> | undefined;
      instead.administer = async (changes, audit) => {
        if (audit.subject === second!.device.serial && when === 'after') removed ??= remove();
        await removed;
        return bench.store.administer(changes, audit);
      };
      const moveSeed = module.moveSeed.bind(module);
      module.moveSeed = async (seed, ...rest) => {
        if (seed.owner.startsWith(second!.device.serial) && when === 'before') removed ??= remove();
        await removed;
        return moveSeed(seed, ...rest);
      };
      expect(await move('resident')).toEqual(all('resident', 1));
      expect(module.memory.seeds.size).toBe(1);
    },
  );

  test('stops where the module is full; all serve, and the next run goes on', async () => {
    const known = await holders(5);
    const onProgress = (done: number): void => {
      if (done === 2)
        module.failNext('capacity', { method: 'moveSeed', detail: 'CKR_DEVICE_MEMORY' });
    };
    const { moved, stopped } = await move('resident', { onProgress });
    expect(moved).toBe(2);
    expect(stopped).toMatchObject({
      left: 3,
      error: { code: 'module-capacity', cause: { detail: 'CKR_DEVICE_MEMORY' } },
    });
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
    expect(await move('resident')).toEqual(all('resident', 3, { already: 2 }));
    for (const holder of known) expect(await logOn(holder, 1)).toBe('accepted');
  });

  test.each([true, false])(
    'destroys nothing when nobody knows whether the row was written (it was: %s)',
    async (wasWritten) => {
      const [holder] = await holders(3);
      instead.administer = async (changes, audit) => {
        instead = {};
        if (wasWritten) await bench.store.administer(changes, audit);
        throw new TallystickError('store-unavailable', 'The connection was lost.');
      };
      const { stopped } = await move('resident');
      expect(stopped).toMatchObject({ left: 3, error: { code: 'store-unavailable' } });
      expect(await logOn(holder!, 0)).toBe('accepted');
      const moved = wasWritten ? 2 : 3;
      expect(await move('resident')).toEqual(all('resident', moved, { already: 3 - moved }));
      expect(module.memory.seeds.size).toBe(3);
      expect(await logOn(holder!, 1)).toBe('accepted');
    },
  );

  test('reports a seed that is damaged, and moves the others', async () => {
    const known = await holders(3);
    const { serial } = known[1]!.device;
    const application = await applicationOf(known[1]!.device);
    const blob = Uint8Array.from(application.seed.blob!);
    blob[20]! ^= 1;
    const { id, version, seed } = application;
    const set = { seed: { ...seed, blob } };
    const entry = { atMs: 0, action: 'x', outcome: 'x', actor: '', subject: '', requestId: '' };
    await bench.store.administer(
      [{ change: 'update', kind: 'application', id, expectedVersion: version, set }],
      { ...entry, details: {} },
    );
    const reason = 'the tag does not match';
    const stayed = [{ serial, application: 'APP', reason }];
    expect(await move('resident')).toEqual(all('resident', 2, { stayed }));
    expect(module.memory.seeds.size).toBe(2);
  });

  test('finishes the seed at hand when it is told to stop', async () => {
    await holders(4);
    let done = 0;
    const onProgress = (now: number): void => {
      done = now;
    };
    const told = await move('resident', { onProgress, mustStop: () => done === 3 });
    expect(told).toEqual(all('resident', 3, { stopped: { left: 1, error: null } }));
    expect(await countSeeds(bench.store)).toEqual({ resident: 3, wrapped: 1 });
  });
});

describe('out of the module', () => {
  test('takes back what was made and not written down', async () => {
    const [holder] = await holders(2);
    instead.administer = () => Promise.reject(new TallystickError('store-full', 'No room.'));
    await move('resident');
    expect(module.memory.seeds.size).toBe(1);
    instead = {};
    expect(await move('wrapped')).toEqual(all('wrapped', 1, { already: 1 }));
    expect(module.memory.seeds.size).toBe(0);
    expect(await movesInAudit()).toMatchObject([{ from: 'resident', to: 'wrapped' }]);
    expect(await logOn(holder!, 0)).toBe('accepted');
    expect(await move('wrapped')).toEqual(all('wrapped', 0, { already: 2 }));
  });

  test('asks the module for the others, and says which stay and why', async () => {
    const known = await holders(2);
    await move('resident');
    const asked = module.calls.get('moveSeed') ?? 0;
    const stayed = known.map(({ device: { serial } }) => ({
      serial,
      application: 'APP',
      reason: 'CKR_KEY_UNEXTRACTABLE',
    }));
    expect(await move('wrapped')).toEqual(all('wrapped', 0, { stayed }));
    expect(module.calls.get('moveSeed')).toBe(asked + 2);
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
  });

  test('writes the blob of one that may leave, then the object goes', async () => {
    const [holder] = await holders(1);
    await move('resident');
    const { seedId } = (await applicationOf(holder!.device)).seed;
    module.memory.seeds.set(seedId, { ...module.memory.seeds.get(seedId)!, mayLeave: true });
    module.failNext('unavailable', { method: 'destroySeed' });
    const { moved, stopped } = await move('wrapped');
    expect(moved).toBe(0);
    expect(stopped).toMatchObject({ error: { code: 'module-unavailable' } });
    // Written down already: what is left is the object, and the next run sees to it.
    expect((await applicationOf(holder!.device)).seed.residency).toBe('wrapped');
    expect(await move('wrapped')).toEqual(all('wrapped', 1));
    expect(module.memory.seeds.size).toBe(0);
    expect(await logOn(holder!, 0)).toBe('accepted');
  });
});
