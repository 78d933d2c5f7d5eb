import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { DECOY_SEED_ID } from '../../src/service/seed-module.ts';
import type {
  KnownSeed,
  Residency,
  SeedMove,
  SeedReference,
  SeedSpec,
  StoredSeed,
} from '../../src/service/seed-module.ts';
import { decrypt, encrypt, plainBytes, Refusal, u32 } from './fake-crypto.ts';

/** What the module holds. */
export interface FakeMemory {
  readonly secrets: Map<string, Buffer>;
  readonly signers: Map<string, KeyObject>;
  readonly seeds: Map<string, HeldSeed>;
}

interface HeldSeed {
  readonly owner: string;
  readonly hash: string;
  readonly seed: Buffer;
  /** Unlike any that a module of ours holds, it may be wrapped. */
  readonly mayLeave?: true;
}

/** Output of the hash, and length of a fresh seed. */
export const digestBytes = { SHA1: 20, SHA256: 32, SHA512: 64 } as const;
const hashCodes = { SHA1: 1, SHA256: 2, SHA512: 3 } as const;
const keyCheckLabel = 'tallystick key check value v1';

function bindingOf(header: Buffer, owner: string, profile: string): Buffer {
  const parts = [header, Buffer.from(owner), Buffer.from(profile)];
  return Buffer.concat(parts.flatMap((part) => [u32(part.length), part]));
}

function keyCheckValue(hash: SeedSpec['hash'], seed: Uint8Array): string {
  return createHmac(hash, seed).update(keyCheckLabel).digest().subarray(0, 4).toString('hex');
}

/** Keys of its own, and no seeds. */
export function freshMemory(): FakeMemory {
  const secrets = new Map<string, Buffer>();
  for (const name of [
    'storage',
    'pin-mac',
    'password-mac',
    'request-mac',
    'virtual-otp-mac',
    'offline-mac',
    'emergency-mac',
    'sensitive-data',
  ]) {
    secrets.set(name, randomBytes(32));
  }
  secrets.set('decoy', randomBytes(64));
  const signers = new Map<string, KeyObject>();
  for (const name of ['offline-sign', 'audit-sign']) {
    signers.set(name, generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);
  }
  return { secrets, signers, seeds: new Map() };
}

/** The keys and seeds of the fake module, in either residency. */
export class FakeVault {
  readonly #residency: Residency;
  readonly #memory: FakeMemory;
  /** What was there when the module was opened. */
  readonly #kept: ReadonlySet<HeldSeed>;

  constructor(residency: Residency, memory: FakeMemory) {
    this.#residency = residency;
    this.#memory = memory;
    this.#kept = new Set(memory.seeds.values());
  }

  /** @throws Refusal when there is no such key */
  secret(name: string): Buffer {
    const secret = this.#memory.secrets.get(name);
    if (secret === undefined) throw new Refusal('contract', `no key "${name}"`);
    return secret;
  }

  /** The seed behind a reference; throws a Refusal `damaged` unless it is that very seed. */
  find(reference: SeedReference): Buffer {
    if (reference.seedId === DECOY_SEED_ID) return this.secret('decoy');
    if (reference.blob !== undefined) return this.#unwrap(reference, reference.blob);
    const entry = this.#memory.seeds.get(reference.seedId);
    if (entry?.owner !== reference.owner || entry.hash !== reference.hash) {
      throw new Refusal('damaged', `seed ${reference.seedId} is missing or another's`);
    }
    return entry.seed;
  }

  /** Stores a new seed as the residency says. */
  keep(spec: SeedSpec, seed: Buffer): StoredSeed {
    const stored = {
      residency: this.#residency,
      seedBytes: seed.length,
      padded: seed.length < digestBytes[spec.hash],
      keyCheckValue: keyCheckValue(spec.hash, seed),
    };
    if (this.#residency === 'resident') {
      if (this.#memory.seeds.has(spec.seedId)) {
        throw new Refusal('contract', `seed ${spec.seedId} exists already`);
      }
      this.#memory.seeds.set(spec.seedId, { owner: spec.owner, hash: spec.hash, seed });
      return stored;
    }
    return { ...stored, blob: this.#wrap(spec, seed) };
  }

  /** See `moveSeed` of the port. */
  move(reference: SeedReference, known: KnownSeed, to: Residency): SeedMove {
    const { seedId, owner, hash, blob } = reference;
    const seed = this.find(reference);
    const held = this.#memory.seeds.get(seedId);
    if (keyCheckValue(hash, seed) !== known.keyCheckValue || (held && held.owner !== owner)) {
      throw new Refusal('damaged', `seed ${seedId} is not the one that is known`);
    }
    const isWrapped = blob !== undefined;
    const stored = {
      residency: to,
      seedBytes: known.seedBytes,
      padded: known.seedBytes < digestBytes[hash],
      keyCheckValue: known.keyCheckValue,
    };
    if (isWrapped === (to === 'wrapped')) {
      return { outcome: 'there', undone: isWrapped && this.#memory.seeds.delete(seedId) };
    }
    if (isWrapped) {
      const isRight = held?.seed.equals(seed) === true;
      if (!isRight) this.#memory.seeds.set(seedId, { owner, hash, seed });
      return { outcome: 'made', stored, isKept: isRight && this.#kept.has(held) };
    }
    if (held?.mayLeave === true) {
      const blob = this.#wrap(reference, seed);
      return { outcome: 'made', stored: { ...stored, blob }, isKept: true };
    }
    const failure = { kind: 'contract', ckr: 0x6a, detail: 'CKR_KEY_UNEXTRACTABLE' } as const;
    return { outcome: 'stays', failure };
  }

  #unwrap(reference: SeedReference, blob: Uint8Array): Buffer {
    const header = Buffer.from(blob.subarray(0, 2));
    if (header[1] !== hashCodes[reference.hash]) throw new Refusal('damaged', 'another hash');
    const binding = bindingOf(header, reference.owner, reference.profile);
    return decrypt(this.secret('storage'), binding, blob.subarray(2));
  }

  #wrap({ hash, owner, profile }: SeedSpec, seed: Buffer): Uint8Array {
    const header = Buffer.from([0xfa, hashCodes[hash]]);
    const binding = bindingOf(header, owner, profile);
    return plainBytes(Buffer.concat([header, encrypt(this.secret('storage'), binding, seed)]));
  }
}
