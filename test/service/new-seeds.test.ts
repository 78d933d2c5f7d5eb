import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import type { Administration, AuthenticatorView, NewApplication } from '../../src/service/index.ts';
import type { Store } from '../../src/service/store.ts';
import { type Bench, hotp6, nextSerial, ocraTime, openBench, totp6 } from '../support/builders.ts';
import { replacing } from './support.ts';

let bench: Bench;
let administration: Administration;
/** What stands in for the methods of the store. */
let instead: Partial<Store>;

beforeEach(async () => {
  instead = {};
  bench = await openBench({ store: replacing(() => instead) });
  administration = bench.service.administration;
});

afterEach(async () => {
  await bench.close();
});

function imported(seed: Uint8Array, more: Partial<NewApplication> = {}): NewApplication {
  return {
    name: 'APP',
    mode: 'response-only',
    algorithm: hotp6,
    // A copy: what is imported is overwritten.
    seed: { source: 'import', bytes: Uint8Array.from(seed) },
    eventCounter: 0n,
    ...more,
  };
}

function create(
  applications: readonly NewApplication[],
  serial: string = nextSerial(),
): Promise<AuthenticatorView> {
  const authenticator = { serial, model: 'TEST', expiresAtMs: null, applications };
  return administration.createAuthenticator(bench.admin, authenticator);
}

function seedsHeld(): number {
  return bench.module.memory.seeds.size;
}

describe('a secret that another authenticator has', () => {
  test('is refused, names where it is, and leaves no seed behind', async () => {
    const seed = randomBytes(20);
    const { serial } = await create([imported(seed, { name: 'FIRST' })]);
    const before = seedsHeld();
    const again = create([imported(seed, { name: 'OTHER', algorithm: totp6 })]);
    await expect(again).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`${serial}/FIRST`) as string,
      fields: { reason: 'seed-in-use', serial, applicationName: 'FIRST' },
    });
    expect(seedsHeld()).toBe(before);
  });

  test('is refused in its zero-padded form, which gives the same MACs', async () => {
    const seed = randomBytes(16);
    await create([imported(seed)]);
    const padded = Buffer.concat([seed, Buffer.alloc(4)]);
    await expect(create([imported(padded)])).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is another one with another hash', async () => {
    const seed = randomBytes(20);
    await create([imported(seed)]);
    const algorithm = { ...hotp6, hash: 'SHA256' as const };
    await expect(create([imported(seed, { algorithm })])).resolves.toMatchObject({});
  });

  test('is free again when that authenticator is deleted', async () => {
    const seed = randomBytes(20);
    const { serial } = await create([imported(seed)]);
    await administration.deleteAuthenticator(bench.admin, serial);
    await expect(create([imported(seed)])).resolves.toMatchObject({});
  });

  test('is refused even if the stored seed is damaged and cannot be compared', async () => {
    const seed = randomBytes(20);
    const { serial } = await create([imported(seed)]);
    for (const [seedId, { owner }] of bench.module.memory.seeds) {
      if (owner.startsWith(serial)) bench.module.memory.seeds.delete(seedId);
    }
    await expect(create([imported(seed)])).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is only the same if the module says so: check values are short and may meet', async () => {
    const { serial } = await create([imported(randomBytes(20))]);
    const known = await bench.store.authenticatorBySerial(serial);
    const importSeed = bench.module.importSeed.bind(bench.module);
    const keyCheckValue = known!.applications[0]!.seed.keyCheckValue;
    bench.module.importSeed = async (...args) => ({
      ...(await importSeed(...args)),
      keyCheckValue,
    });
    const other = await create([imported(randomBytes(20))]);
    expect(other.applications[0]?.keyCheckValue).toBe(keyCheckValue);
  });

  test('serves one device for applications of different kinds, not for two of one kind', async () => {
    const seed = randomBytes(20);
    const pair = (algorithm: NewApplication['algorithm']): NewApplication[] => [
      imported(seed, { name: 'A', algorithm: totp6 }),
      imported(seed, {
        name: 'B',
        algorithm,
        mode: algorithm === ocraTime ? 'challenge-response' : 'response-only',
      }),
    ];
    await expect(create(pair({ ...totp6, digits: 8 }))).rejects.toMatchObject({
      code: 'conflict',
      fields: { applicationName: 'A' },
    });
    await expect(create(pair(ocraTime))).resolves.toMatchObject({});
  });

  test('serves nothing beside a key, which gives whoever asks the MAC of any counter', async () => {
    const seed = randomBytes(20);
    const key = imported(seed, {
      name: 'KEY',
      algorithm: { kind: 'hmac-challenge', hash: 'SHA1' },
      mode: 'challenge-response',
    });
    await expect(create([imported(seed, { name: 'A' }), key])).rejects.toMatchObject({
      code: 'conflict',
      fields: { applicationName: 'A' },
    });
    const alone = { ...key, seed: imported(randomBytes(20)).seed };
    await expect(create([alone])).resolves.toMatchObject({});
  });
});

describe('seeds whose rows were refused', () => {
  const failures = [
    ['full', new TallystickError('store-full', 'full'), 0],
    ['read-only', new TallystickError('store-read-only', 'read-only'), 0],
    ['lost', new TallystickError('store-unavailable', 'gone'), 1],
    ['in an unknown state', new Error('who knows'), 1],
  ] as const;

  test.each(failures)('by a database that is %s', async (_, failure, kept) => {
    const before = seedsHeld();
    instead.administer = () => Promise.reject(failure);
    await expect(create([imported(randomBytes(20))])).rejects.toBe(failure);
    expect(seedsHeld() - before).toBe(kept);
  });

  test.each(failures)('but are there, the database being %s: they stay', async (_, failure) => {
    const serial = nextSerial();
    instead.administer = async function administer(this: Store, ...args) {
      delete instead.administer;
      await this.administer(...args);
      throw failure;
    };
    await expect(create([imported(randomBytes(20))], serial)).rejects.toBe(failure);
    const { applications } = (await bench.store.authenticatorBySerial(serial))!;
    expect(bench.module.memory.seeds.has(applications[0]!.seed.seedId)).toBe(true);
  });

  test('stay if nobody can say whether the rows are there', async () => {
    const before = seedsHeld();
    instead.administer = () => {
      instead.authenticatorBySerial = () => Promise.reject(new Error('gone'));
      return Promise.reject(new TallystickError('store-full', 'full'));
    };
    await expect(create([imported(randomBytes(20))])).rejects.toMatchObject({ code: 'store-full' });
    expect(seedsHeld() - before).toBe(1);
  });
});
