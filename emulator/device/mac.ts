import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { digestBytes, type HashName } from '../../src/oath/index.ts';
import { Secret } from './secret.ts';

/** HMAC under one seed whose padded key blocks are hashed once and then copied. */
export interface MacKey {
  /**
   * HMAC (RFC 2104) of `message`: 20, 32 or 64 bytes. The result is the key's own buffer and is
   * overwritten by the next call; copy it to keep it.
   */
  mac(message: Uint8Array): Uint8Array;
  /** Forgets the key; further use throws. */
  wipe(): void;
}

/** What this file uses of noble's HMAC object. */
interface KeyedHash {
  _cloneInto(to?: KeyedHash): KeyedHash;
  update(bytes: Uint8Array): unknown;
  digestInto(out: Uint8Array): void;
  destroy(): void;
}

const hashes = { SHA1: sha1, SHA256: sha256, SHA512: sha512 } as const;

const keyCheckLabel = 'tallystick key check value v1';
const keyCheckBytes = 4;

/**
 * Prepares a seed for many MACs.
 *
 * @param seed any length; HMAC itself hashes one that is longer than the block. Not kept.
 */
export function createMacKey(hash: HashName, seed: Uint8Array): MacKey {
  const keyed: KeyedHash = hmac.create(hashes[hash], seed);
  // Copying into one scratch object spares two compressions and all allocation per MAC.
  const scratch = keyed._cloneInto();
  const out = new Uint8Array(digestBytes(hash));
  return {
    mac(message: Uint8Array): Uint8Array {
      keyed._cloneInto(scratch);
      scratch.update(message);
      scratch.digestInto(out);
      return out;
    },
    wipe(): void {
      keyed.destroy();
      scratch.destroy();
      out.fill(0);
    },
  };
}

/** One HMAC (RFC 2104) under a seed. */
export function macOnce(hash: HashName, seed: Secret, message: Uint8Array): Uint8Array {
  return hmac(hashes[hash], seed.exposeSecret(), message);
}

/**
 * Shows that two parties hold the same seed without showing the seed: 4 bytes of its HMAC over a
 * fixed label, as 8 lower-case hex digits. The label is longer than any moving factor, so no
 * response can be read off it.
 */
export function keyCheckValue(hash: HashName, seed: Secret): string {
  const mac = macOnce(hash, seed, new TextEncoder().encode(keyCheckLabel));
  return Buffer.from(mac.subarray(0, keyCheckBytes)).toString('hex');
}

/** The P input of OCRA (RFC 6287 section 5.1): the hash of the PIN's UTF-8 bytes. */
export function hashPin(hash: HashName, devicePin: Secret): Secret {
  return new Secret(hashes[hash](devicePin.exposeSecret()));
}

/** The digest of a text in hex, for what is no secret. */
export function hashText(hash: HashName, text: string): string {
  return Buffer.from(hashes[hash](new TextEncoder().encode(text))).toString('hex');
}
