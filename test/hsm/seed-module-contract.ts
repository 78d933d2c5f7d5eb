import {
  createHmac,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DECOY_SEED_ID } from '../../src/service/seed-module.ts';
import type { SeedModule } from '../../src/service/seed-module.ts';
import { freshSpec, macsOf, referenceTo, rejection, soon } from './support.ts';

export interface OpenedModule {
  readonly module: SeedModule;
  /** After the module is closed. */
  cleanUp(): Promise<void>;
}

interface HotpVectors {
  readonly keyAscii: string;
  readonly vectors: readonly { readonly counter: number; readonly hmacSha1: string }[];
}

const rfc4226 = JSON.parse(
  readFileSync(new URL('../vectors/rfc4226.json', import.meta.url), 'utf8'),
) as HotpVectors;
const hashes = ['SHA1', 'SHA256', 'SHA512'] as const;
const digestBytes = { SHA1: 20, SHA256: 32, SHA512: 64 };

function movingFactor(counter: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(counter));
  return bytes;
}

function hmacHex(hash: string, key: Uint8Array, message: Uint8Array): string {
  return createHmac(hash, key).update(message).digest('hex');
}

/** What every implementation of the port promises, whatever is behind it. */
export function seedModuleContract(name: string, open: () => Promise<OpenedModule>): void {
  describe(`${name}: the contract of a seed module`, () => {
    let opened: OpenedModule;
    let module: SeedModule;
    let recipient: { publicKey: Uint8Array; privateKey: KeyObject };

    beforeAll(async () => {
      opened = await open();
      module = opened.module;
      const pair = generateKeyPairSync('rsa', { modulusLength: 3072 });
      const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
      recipient = { publicKey, privateKey: pair.privateKey };
    });
    afterAll(async () => {
      await module.close();
      await opened.cleanUp();
    });

    test('RFC 4226 appendix D: the ten HMACs of the published seed', async () => {
      const spec = freshSpec();
      const stored = await module.importSeed(spec, Buffer.from(rfc4226.keyAscii), soon);
      const messages = rfc4226.vectors.map(({ counter }) => movingFactor(counter));
      const [result] = await module.mac([{ seed: referenceTo(spec, stored), messages }], soon);
      expect(macsOf(result)).toEqual(rfc4226.vectors.map(({ hmacSha1 }) => hmacSha1));
    });

    test.each(hashes)('a 16-byte seed gives the HMAC-%s of its 16 bytes', async (hash) => {
      const spec = freshSpec(hash);
      const seed = randomBytes(16);
      const stored = await module.importSeed(spec, seed, soon);
      expect(stored).toMatchObject({ seedBytes: 16, padded: true });
      const message = movingFactor(7);
      const [result] = await module.mac(
        [{ seed: referenceTo(spec, stored), messages: [message] }],
        soon,
      );
      expect(macsOf(result)).toEqual([hmacHex(hash, seed, message)]);
    });

    test.each(hashes)('seeds of up to 128 bytes give their HMAC-%s', async (hash) => {
      for (const length of [20, 33, 64, 65, 100, 128]) {
        const spec = freshSpec(hash);
        const seed = randomBytes(length);
        const stored = await module.importSeed(spec, seed, soon);
        expect(stored.seedBytes).toBe(length);
        const message = movingFactor(length);
        const [result] = await module.mac(
          [{ seed: referenceTo(spec, stored), messages: [message] }],
          soon,
        );
        expect(macsOf(result), `${length} bytes`).toEqual([hmacHex(hash, seed, message)]);
      }
    });

    test.each([0, 10, 15, 129])('a seed of %d bytes is refused', async (length) => {
      const failure = await rejection(module.importSeed(freshSpec(), randomBytes(length), soon));
      expect(failure).toMatchObject({ kind: 'contract', ckr: 0 });
    });

    test.each(hashes)('a generated seed is its own, of the length of %s', async (hash) => {
      const specs = [freshSpec(hash), freshSpec(hash)] as const;
      const a = await module.generateSeed(specs[0], soon);
      const b = await module.generateSeed(specs[1], soon);
      expect(a).toMatchObject({ seedBytes: digestBytes[hash], padded: false });
      expect(a.keyCheckValue).toMatch(/^[0-9a-f]{8}$/);
      const messages = [movingFactor(1)];
      const jobs = [
        { seed: referenceTo(specs[0], a), messages },
        { seed: referenceTo(specs[1], b), messages },
        { seed: referenceTo(specs[0], a), messages },
      ];
      const [first, second, again] = (await module.mac(jobs, soon)).map(macsOf);
      expect(first).toEqual(again);
      expect(first).not.toEqual(second);
      expect(first?.[0]).toHaveLength(2 * digestBytes[hash]);
    });

    test('the key check value is 4 bytes of the HMAC over its label', async () => {
      const seed = randomBytes(20);
      const stored = await module.importSeed(freshSpec(), seed, soon);
      const label = Buffer.from('tallystick key check value v1');
      expect(stored.keyCheckValue).toBe(hmacHex('SHA1', seed, label).slice(0, 8));
    });

    test("another's seed is damaged, and fails its own job alone", async () => {
      const mine = freshSpec();
      const other = freshSpec();
      const myReference = referenceTo(mine, await module.generateSeed(mine, soon));
      const otherReference = referenceTo(other, await module.generateSeed(other, soon));
      const messages = [movingFactor(1)];
      // Warm: a handle that is cached for the rightful owner must not serve the thief.
      await module.mac([{ seed: myReference, messages }], soon);
      const swapped = { ...myReference, owner: other.owner };
      const results = await module.mac(
        [
          { seed: otherReference, messages },
          { seed: swapped, messages },
          { seed: myReference, messages },
        ],
        soon,
      );
      expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
      expect(results[1]).toMatchObject({ failure: { kind: 'damaged' } });
    });

    test('a reference with another hash is damaged', async () => {
      const spec = freshSpec('SHA1');
      const seed = referenceTo(spec, await module.generateSeed(spec, soon));
      const messages = [movingFactor(1)];
      const [warm, wrong] = await module.mac(
        [
          { seed, messages },
          { seed: { ...seed, hash: 'SHA256' }, messages },
        ],
        soon,
      );
      expect(warm?.ok).toBe(true);
      expect(wrong).toMatchObject({ ok: false, failure: { kind: 'damaged' } });
    });

    test('an unknown seed is damaged', async () => {
      const [result] = await module.mac([{ seed: freshSpec(), messages: [movingFactor(1)] }], soon);
      expect(result).toMatchObject({ ok: false, failure: { kind: 'damaged' } });
    });

    test.each(hashes)('the decoy answers for every owner, with %s', async (hash) => {
      const seed = { ...freshSpec(hash), seedId: DECOY_SEED_ID };
      const messages = [movingFactor(1), movingFactor(2)];
      const [first, second] = await module.mac(
        [
          { seed, messages },
          { seed: { ...seed, owner: 'somebody else' }, messages },
        ],
        soon,
      );
      expect(macsOf(first)).toEqual(macsOf(second));
      expect(new Set(macsOf(first)).size).toBe(2);
      expect(macsOf(first)[0]).toHaveLength(2 * digestBytes[hash]);
    });

    test.each(hashes)(
      'pairing: the envelope holds the seed that is kept, with %s',
      async (hash) => {
        const spec = freshSpec(hash);
        const paired = await module.generatePairedSeed(spec, recipient.publicKey, soon);
        const seed = privateDecrypt(
          { key: recipient.privateKey, oaepHash: 'sha1' },
          paired.envelope,
        );
        expect(seed).toHaveLength(digestBytes[hash]);
        const message = movingFactor(3);
        const [result] = await module.mac(
          [{ seed: referenceTo(spec, paired), messages: [message] }],
          soon,
        );
        expect(macsOf(result)).toEqual([hmacHex(hash, seed, message)]);
        const label = Buffer.from('tallystick key check value v1');
        expect(paired.keyCheckValue).toBe(hmacHex(hash, seed, label).slice(0, 8));
      },
    );

    test('pairing: a weak, wrong or broken recipient key is refused', async () => {
      const spki = { type: 'spki', format: 'der' } as const;
      const keys = [
        generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export(spki),
        generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 }).publicKey.export(
          spki,
        ),
        generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export(spki),
        recipient.publicKey.subarray(0, 100),
        new Uint8Array(0),
      ];
      const seeds = module.status().residentSeeds;
      for (const key of keys) {
        const failure = await rejection(module.generatePairedSeed(freshSpec(), key, soon));
        expect(failure).toMatchObject({ kind: 'contract' });
      }
      expect(module.status().residentSeeds).toBe(seeds);
    });

    test('hmac: one key, one answer; each key its own', async () => {
      const messages = [movingFactor(1), movingFactor(2)];
      const first = await module.hmac('pin-mac', messages, soon);
      expect(first.map(({ length }) => length)).toEqual([32, 32]);
      expect(await module.hmac('pin-mac', messages, soon)).toEqual(first);
      expect(first[0]).not.toEqual(first[1]);
      for (const key of ['password-mac', 'request-mac', 'virtual-otp-mac'] as const) {
        expect(await module.hmac(key, messages, soon)).not.toEqual(first);
      }
    });

    test('seal and open: only in the same context, only unchanged', async () => {
      const context = Buffer.from('gateway 7');
      const plain = Buffer.from('a shared secret');
      const sealed = await module.seal('sensitive-data', context, plain, soon);
      expect(await module.seal('sensitive-data', context, plain, soon)).not.toEqual(sealed);
      const opened = await module.open('sensitive-data', context, sealed, soon);
      expect(Buffer.from(opened).toString()).toBe('a shared secret');
      const elsewhere = module.open('sensitive-data', Buffer.from('gateway 8'), sealed, soon);
      expect(await rejection(elsewhere)).toMatchObject({ kind: 'damaged' });
      for (const index of [sealed.length - 1, sealed.length - 20]) {
        const changed = Uint8Array.from(sealed);
        changed[index]! ^= 1;
        const failure = await rejection(module.open('sensitive-data', context, changed, soon));
        expect(failure, `byte ${index}`).toMatchObject({ kind: 'damaged' });
      }
      expect(
        await rejection(module.open('sensitive-data', context, sealed.subarray(0, 10), soon)),
      ).toMatchObject({ kind: 'damaged' });
      // The module is well after all that.
      expect(await module.open('sensitive-data', context, sealed, soon)).toEqual(opened);
    });

    test('sign: 64 bytes of r and s', async () => {
      for (const key of ['offline-sign', 'audit-sign'] as const) {
        expect(await module.sign(key, Buffer.from('statement'), soon)).toHaveLength(64);
      }
    });

    test('random: as many bytes as asked for, never the same', async () => {
      expect(await module.random(1024, soon)).toHaveLength(1024);
      expect(await module.random(16, soon)).not.toEqual(await module.random(16, soon));
      for (const length of [0, -1, 1.5, 1025, NaN]) {
        expect(await rejection(module.random(length, soon))).toMatchObject({ kind: 'contract' });
      }
    });

    test('messages have 1 to 4096 bytes', async () => {
      const spec = freshSpec();
      const seed = referenceTo(spec, await module.generateSeed(spec, soon));
      for (const message of [new Uint8Array(0), new Uint8Array(4097)]) {
        const failure = await rejection(module.mac([{ seed, messages: [message] }], soon));
        expect(failure).toMatchObject({ kind: 'contract' });
        expect(await rejection(module.hmac('pin-mac', [message], soon))).toMatchObject({
          kind: 'contract',
        });
      }
      const [result] = await module.mac([{ seed, messages: [new Uint8Array(4096)] }], soon);
      expect(result?.ok).toBe(true);
    });

    test('destroySeed: gone for good, and again is no error', async () => {
      const spec = freshSpec();
      const stored = await module.generateSeed(spec, soon);
      const seed = referenceTo(spec, stored);
      await module.mac([{ seed, messages: [movingFactor(1)] }], soon);
      await module.destroySeed(spec.seedId, soon);
      await module.destroySeed(spec.seedId, soon);
      await module.destroySeed(randomUUID(), soon);
      if (stored.residency === 'wrapped') return;
      const [result] = await module.mac([{ seed, messages: [movingFactor(1)] }], soon);
      expect(result).toMatchObject({ ok: false, failure: { kind: 'damaged' } });
    });

    test('a call without time is refused as unavailable', async () => {
      for (const deadlineMs of [0, -5]) {
        const late = module.mac([], { lane: 'logon', deadlineMs });
        expect(await rejection(late)).toMatchObject({ kind: 'unavailable', ckr: 0 });
      }
    });

    test('a hundred calls at once get each their own answer', async () => {
      const spec = freshSpec();
      const seed = randomBytes(20);
      const reference = referenceTo(spec, await module.importSeed(spec, seed, soon));
      const lanes = ['logon', 'sync', 'background'] as const;
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, counter) =>
          module.mac(
            [{ seed: reference, messages: [movingFactor(counter), movingFactor(counter + 1000)] }],
            { lane: lanes[counter % 3]!, deadlineMs: 30_000 },
          ),
        ),
      );
      expect(answers.map(([result]) => macsOf(result))).toEqual(
        answers.map((_, counter) => [
          hmacHex('SHA1', seed, movingFactor(counter)),
          hmacHex('SHA1', seed, movingFactor(counter + 1000)),
        ]),
      );
    });

    test('what goes out is plain data: failures and results survive a structured clone', async () => {
      const failure = await rejection(module.random(0, soon));
      expect(failure).not.toBeInstanceOf(Error);
      expect(structuredClone(failure)).toEqual(failure);
      expect(Object.keys(failure as object).sort()).toEqual(['ckr', 'detail', 'kind']);
      const spec = freshSpec();
      const stored = await module.generateSeed(spec, soon);
      expect(structuredClone(stored)).toEqual(stored);
      const results = await module.mac(
        [{ seed: referenceTo(spec, stored), messages: [movingFactor(1)] }],
        soon,
      );
      expect(structuredClone(results)).toEqual(results);
      const [mac] = results[0]?.ok === true ? results[0].macs : [];
      expect(Object.getPrototypeOf(mac)).toBe(Uint8Array.prototype);
    });

    test('status tells the truth; after close every call is unavailable', async () => {
      const before = module.status();
      expect(before).toMatchObject({ state: 'ready', reason: '' });
      const seed = { ...freshSpec(), seedId: DECOY_SEED_ID };
      await module.mac([{ seed, messages: [movingFactor(1), movingFactor(2)] }], soon);
      expect(module.status().macsComputed - before.macsComputed).toBeGreaterThanOrEqual(2);
      await module.close();
      await module.close();
      expect(module.status()).toMatchObject({ state: 'closed', sessionsOpen: 0 });
      expect(await rejection(module.random(1, soon))).toMatchObject({ kind: 'unavailable' });
    });
  });
}
