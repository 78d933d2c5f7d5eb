import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KnownSeed, SeedModule, SeedReference } from '../../src/service/seed-module.ts';
import type { OpenedModule } from './seed-module-contract.ts';
import { freshSpec, macsOf, rejection, soon } from './support.ts';

const message = Buffer.from('0000000000000001', 'hex');
const hashes = ['SHA1', 'SHA256', 'SHA512'] as const;

interface Wrapped {
  readonly known: KnownSeed;
  /** With the blob, and without. */
  readonly wrapped: SeedReference & { readonly blob: Uint8Array };
  readonly resident: SeedReference;
  readonly mac: string;
}

export interface ReopenableModule extends OpenedModule {
  /** Opens it again, after it was closed. */
  reopen(): Promise<SeedModule>;
}

/**
 * What every implementation of the port promises of a seed that moves.
 *
 * @param open opens a module whose new seeds are wrapped
 */
export function seedMoveContract(name: string, open: () => Promise<ReopenableModule>): void {
  describe(`${name}: the contract of a seed that moves`, () => {
    let opened: ReopenableModule;
    let module: SeedModule;

    beforeAll(async () => {
      opened = await open();
      module = opened.module;
    });
    afterAll(async () => {
      await module.close();
      await opened.cleanUp();
    });

    async function wrappedSeed(
      hash: (typeof hashes)[number] = 'SHA1',
      length = 20,
    ): Promise<Wrapped> {
      const spec = freshSpec(hash);
      const seed = randomBytes(length);
      const mac = createHmac(hash, seed).update(message).digest('hex');
      const { blob, seedBytes, keyCheckValue } = await module.importSeed(spec, seed, soon);
      if (blob === undefined) throw new Error('no blob');
      return {
        known: { seedBytes, keyCheckValue },
        wrapped: { ...spec, blob },
        resident: spec,
        mac,
      };
    }

    /** The MAC by each reference; `damaged` where there is none. */
    async function macsBy(...seeds: readonly SeedReference[]): Promise<string[]> {
      const jobs = seeds.map((seed) => ({ seed, messages: [message] }));
      const results = await module.mac(jobs, soon);
      return results.map((result) => (result.ok ? macsOf(result).join() : result.failure.kind));
    }

    const objects = (): number => module.status().residentSeeds;

    test.each(hashes)('from a blob to an object: both serve, with %s', async (hash) => {
      for (const length of [16, 20, 64, 65, 128]) {
        const { known, wrapped, resident, mac } = await wrappedSeed(hash, length);
        expect(await macsBy(wrapped, resident)).toEqual([mac, 'damaged']);
        const before = objects();
        const digestBytes = { SHA1: 20, SHA256: 32, SHA512: 64 }[hash];
        expect(await module.moveSeed(wrapped, known, 'resident', soon)).toEqual({
          outcome: 'made',
          stored: { ...known, residency: 'resident', padded: length < digestBytes },
          isKept: false,
        });
        expect(objects()).toBe(before + 1);
        expect(await macsBy(wrapped, resident), `${length} bytes`).toEqual([mac, mac]);
      }
    });

    test('an object that an earlier move made is recognised, not made twice', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      const first = await module.moveSeed(wrapped, known, 'resident', soon);
      const before = objects();
      expect(await module.moveSeed(wrapped, known, 'resident', soon)).toEqual(first);
      expect(objects()).toBe(before);
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('an object is kept when the next opening of the module shows it', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      const first = await module.moveSeed(wrapped, known, 'resident', soon);
      const before = objects();
      await module.close();
      module = await opened.reopen();
      const kept = { ...first, isKept: true };
      for (let time = 0; time < 2; time += 1) {
        expect(await module.moveSeed(wrapped, known, 'resident', soon)).toEqual(kept);
      }
      expect(objects()).toBe(before);
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('a move back from before the row was written leaves the blob alone', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      const before = objects();
      await module.moveSeed(wrapped, known, 'resident', soon);
      const back = (): Promise<unknown> => module.moveSeed(wrapped, known, 'wrapped', soon);
      expect(await back()).toEqual({ outcome: 'there', undone: true });
      expect(objects()).toBe(before);
      expect(await macsBy(wrapped, resident)).toEqual([mac, 'damaged']);
      expect(await back()).toEqual({ outcome: 'there', undone: false });
      await module.moveSeed(wrapped, known, 'resident', soon);
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('an object stays in the module, and serves', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      await module.moveSeed(wrapped, known, 'resident', soon);
      const move = await module.moveSeed(resident, known, 'wrapped', soon);
      expect(move).toMatchObject({ outcome: 'stays', failure: { ckr: 0x6a } });
      expect(JSON.stringify(move)).toContain('CKR_KEY_UNEXTRACTABLE');
      const there = { outcome: 'there', undone: false };
      expect(await module.moveSeed(resident, known, 'resident', soon)).toEqual(there);
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('a seed that is not what is known of it moves nowhere, and nothing is left', async () => {
      const { known, wrapped, mac } = await wrappedSeed();
      const other = await wrappedSeed();
      const blob = Uint8Array.from(wrapped.blob);
      blob[blob.length - 1]! ^= 1;
      const before = objects();
      const moves = [
        [{ ...wrapped, blob }, known],
        [{ ...wrapped, blob: other.wrapped.blob }, known],
        [{ ...wrapped, owner: other.wrapped.owner }, known],
        [{ ...wrapped, profile: 'HOTP-SHA1-8' }, known],
        [{ ...wrapped, hash: 'SHA256' }, known],
        [wrapped, other.known],
      ] as const;
      for (const [seed, claimed] of moves) {
        const failure = await rejection(module.moveSeed(seed, claimed, 'resident', soon));
        expect(failure).toMatchObject({ kind: 'damaged' });
      }
      expect(objects()).toBe(before);
      expect(await macsBy(wrapped)).toEqual([mac]);
    });

    test('nothing is recognised or undone on the word of a damaged blob', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      await module.moveSeed(wrapped, known, 'resident', soon);
      const blob = Uint8Array.from(wrapped.blob);
      blob[blob.length - 40]! ^= 1;
      for (const to of ['resident', 'wrapped'] as const) {
        const move = module.moveSeed({ ...wrapped, blob }, known, to, soon);
        expect(await rejection(move)).toMatchObject({ kind: 'damaged' });
      }
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('an object of another owner under the same id is left alone', async () => {
      const { known, wrapped, resident, mac } = await wrappedSeed();
      await module.moveSeed(wrapped, known, 'resident', soon);
      const thief = { ...freshSpec(), seedId: wrapped.seedId };
      const { blob, ...stored } = await module.importSeed(thief, randomBytes(20), soon);
      if (blob === undefined) throw new Error('no blob');
      for (const to of ['resident', 'wrapped'] as const) {
        const failure = await rejection(module.moveSeed({ ...thief, blob }, stored, to, soon));
        expect(failure).toMatchObject({ kind: 'damaged' });
      }
      expect(await macsBy(resident)).toEqual([mac]);
    });

    test('what the module holds no form of is damaged', async () => {
      const known = { seedBytes: 20, keyCheckValue: '00000000' };
      // More than are searched for in one second when a request names them.
      for (let count = 0; count < 25; count += 1) {
        const failure = await rejection(module.moveSeed(freshSpec(), known, 'wrapped', soon));
        expect(failure).toMatchObject({ kind: 'damaged' });
      }
    });
  });
}
