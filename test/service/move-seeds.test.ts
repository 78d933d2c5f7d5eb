import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import { TallystickError } from '../../src/errors.ts';
import { countSeeds, moveSeeds, type SeedsMoved } from '../../src/service/index.ts';
import type { Caller } from '../../src/service/index.ts';
import type { Residency } from '../../src/service/seed-module.ts';
import type { Store } from '../../src/service/store.ts';
import { type Bench, hotp6, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { createFakeModule, type FakeModule } from '../support/fake-module.ts';
import type { FakeMemory } from '../support/fake-vault.ts';
import { asking, codeOf, replacing } from './support.ts';

let bench: Bench;
/** The server's. */
let module: FakeModule;
let memory: FakeMemory;
/** The mover's, as often as it opened one. */
let opened: FakeModule[];
/** Lets a test have a hand in an opening, the first being 1. */
let onOpening: (time: number) => Promise<void> | void;
let onOpened: (next: FakeModule) => void;
let caller: Caller;
/** What stands in for the methods of the store that moves. */
let instead: Partial<Store>;

beforeEach(async () => {
  instead = {};
  module = createFakeModule('wrapped');
  memory = module.memory;
  opened = [];
  onOpening = () => undefined;
  onOpened = () => undefined;
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

async function openModule(): Promise<FakeModule> {
  await onOpening(opened.length + 1);
  const next = createFakeModule('wrapped', memory);
  opened.push(next);
  onOpened(next);
  return next;
}

/** Whatever it does, the mover leaves no module open. */
async function move(
  to: Residency,
  {
    onProgress = () => undefined,
    mustStop = () => false,
  }: { onProgress?: (done: number, total: number) => void; mustStop?: () => boolean } = {},
): Promise<SeedsMoved> {
  const store = replacing(() => instead)(bench.store);
  const order = { to, openModule, onProgress, mustStop };
  opened = [];
  const moved = await moveSeeds({ store, clock: bench.clock }, order);
  expect(opened.map((each) => each.status().state)).toEqual(opened.map(() => 'closed'));
  return moved;
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
    // What is made is half done, until the second opening has shown it.
    expect(seen.map(([done]) => done)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4]);
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([4]));
    expect(opened).toHaveLength(2);
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
    expect(memory.seeds.size).toBe(1);
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
    expect(memory.seeds.size).toBe(2);
  });

  test.each(['before it is made', 'before it is shown', 'before it is written down'])(
    'leaves no object of an authenticator that is deleted %s',
    async (when) => {
      const [, second] = await holders(2);
      const { serial } = second!.device;
      const remove = (): Promise<void> =>
        bench.service.administration.deleteAuthenticator(bench.admin, serial);
      let removed: Promise<void> | undefined;
      onOpened = (next) => {
        const moveSeed = next.moveSeed.bind(next);
        next.moveSeed = async (seed, ...rest) => {
          if (seed.owner.startsWith(serial) && when.endsWith('made')) removed ??= remove();
          await removed;
          return moveSeed(seed, ...rest);
        };
      };
      onOpening = async (time) => {
        if (time === 2 && when.endsWith('shown')) await (removed ??= remove());
      };
      instead.administer = async (changes, audit) => {
        if ('subject' in audit && audit.subject === serial) await (removed ??= remove());
        return bench.store.administer(changes, audit);
      };
      expect(await move('resident')).toEqual(all('resident', 1));
      expect(removed).toBeDefined();
      expect(memory.seeds.size).toBe(1);
    },
  );

  test('names no object that the next opening does not show', async () => {
    const known = await holders(3);
    onOpening = (time) => {
      if (time === 2) memory.seeds.clear();
    };
    const { moved, stopped } = await move('resident');
    expect(moved).toBe(0);
    expect(stopped).toMatchObject({ left: 3, error: { code: 'module-capacity' } });
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
    onOpening = () => undefined;
    expect(await move('resident')).toEqual(all('resident', 3));
    for (const holder of known) expect(await logOn(holder, 1)).toBe('accepted');
  });

  test('stops where the module is full; all serve, and the next run goes on', async () => {
    const known = await holders(5);
    onOpened = (next) => {
      const moveSeed = next.moveSeed.bind(next);
      next.moveSeed = (...given) => {
        const isThird = next.calls.get('moveSeed') === 2;
        if (isThird) next.failNext('capacity', { detail: 'CKR_DEVICE_MEMORY' });
        return moveSeed(...given);
      };
    };
    const { moved, stopped } = await move('resident');
    expect(moved).toBe(2);
    expect(stopped).toMatchObject({
      left: 3,
      error: { code: 'module-capacity', cause: { detail: 'CKR_DEVICE_MEMORY' } },
    });
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
    onOpened = () => undefined;
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
      expect(memory.seeds.size).toBe(3);
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
    expect(memory.seeds.size).toBe(2);
  });

  test('finishes the seed at hand when it is told to stop', async () => {
    const known = await holders(4);
    let told = 0;
    // Four are asked about while they are made, and two while they are written down.
    const mustStop = (): boolean => (told += 1) > 6;
    const stopped = { left: 2, error: null };
    expect(await move('resident', { mustStop })).toEqual(all('resident', 2, { stopped }));
    expect(await countSeeds(bench.store)).toEqual({ resident: 2, wrapped: 2 });
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
    expect(await move('resident')).toEqual(all('resident', 2, { already: 2 }));
    // What was made before needed no second opening.
    expect(opened).toHaveLength(1);
    expect(memory.seeds.size).toBe(4);
  });
});

describe('out of the module', () => {
  test('takes back what was made and not written down', async () => {
    const [holder] = await holders(2);
    instead.administer = () => Promise.reject(new TallystickError('store-full', 'No room.'));
    await move('resident');
    expect(memory.seeds.size).toBe(2);
    instead = {};
    expect(await move('wrapped')).toEqual(all('wrapped', 2));
    expect(memory.seeds.size).toBe(0);
    const back = { from: 'resident', to: 'wrapped' };
    expect(await movesInAudit()).toMatchObject([back, back]);
    expect(await logOn(holder!, 0)).toBe('accepted');
    expect(await move('wrapped')).toEqual(all('wrapped', 0, { already: 2 }));
  });

  test('asks the module for the others, and says which stay and why', async () => {
    const known = await holders(2);
    await move('resident');
    const stayed = known.map(({ device: { serial } }) => ({
      serial,
      application: 'APP',
      reason: 'CKR_KEY_UNEXTRACTABLE',
    }));
    expect(await move('wrapped')).toEqual(all('wrapped', 0, { stayed }));
    expect(opened.map(({ calls }) => calls.get('moveSeed'))).toEqual([2]);
    for (const holder of known) expect(await logOn(holder, 0)).toBe('accepted');
  });

  test('writes the blob of one that may leave, then the object goes', async () => {
    const [holder] = await holders(1);
    await move('resident');
    const { seedId } = (await applicationOf(holder!.device)).seed;
    memory.seeds.set(seedId, { ...memory.seeds.get(seedId)!, mayLeave: true });
    onOpened = (next) => next.failNext('unavailable', { method: 'destroySeed' });
    const { moved, stopped } = await move('wrapped');
    expect(moved).toBe(0);
    expect(stopped).toMatchObject({ error: { code: 'module-unavailable' } });
    // Written down already: what is left is the object, and the next run sees to it.
    expect((await applicationOf(holder!.device)).seed.residency).toBe('wrapped');
    onOpened = () => undefined;
    expect(await move('wrapped')).toEqual(all('wrapped', 1));
    expect(memory.seeds.size).toBe(0);
    expect(await logOn(holder!, 0)).toBe('accepted');
  });
});
