import { fault } from './errors.ts';
import type { HashName } from './types.ts';

/**
 * A wrapped seed as the database keeps it: header, wrapped key, HMAC-SHA-256 under `blob-mac`. Key
 * wrapping binds a seed to nothing, so the HMAC covers whose seed it is as well: a blob that is
 * copied into another row does not verify there.
 */
export interface SeedBlob {
  readonly header: Uint8Array;
  readonly storageKeyId: Uint8Array;
  /** PKCS#11 number of the wrap mechanism. */
  readonly mechanism: number;
  readonly hash: HashName;
  /** The seed's own length. */
  readonly seedBytes: number;
  /** Length of what was wrapped: padded, or hashed down if it was longer than the block. */
  readonly keyBytes: number;
  readonly wrapped: Uint8Array;
  readonly mac: Uint8Array;
}

export interface BlobHeader {
  readonly storageKeyId: Uint8Array;
  readonly mechanism: number;
  readonly hash: HashName;
  readonly seedBytes: number;
  readonly keyBytes: number;
}

const VERSION = 1;
const idBytes = 16;
const headerBytes = 1 + 1 + 4 + 2 + 2 + idBytes;
const macBytes = 32;
const wrappedBytesMax = 512;
export const hashCodes: Readonly<Record<HashName, number>> = { SHA1: 1, SHA256: 2, SHA512: 3 };
const hashNames: Readonly<Record<number, HashName>> = { 1: 'SHA1', 2: 'SHA256', 3: 'SHA512' };
const domain = Buffer.from('tallystick seed blob v1');

/** Version, hash, mechanism, the two lengths and the storage key's id, in 26 bytes. */
export function encodeBlobHeader(header: BlobHeader): Uint8Array {
  if (header.storageKeyId.length !== idBytes) {
    throw fault('contract', `the storage key needs a CKA_ID of ${idBytes} bytes`);
  }
  const out = Buffer.alloc(headerBytes);
  out.writeUInt8(VERSION, 0);
  out.writeUInt8(hashCodes[header.hash], 1);
  out.writeUInt32BE(header.mechanism, 2);
  out.writeUInt16BE(header.seedBytes, 6);
  out.writeUInt16BE(header.keyBytes, 8);
  out.set(header.storageKeyId, 10);
  return out;
}

/**
 * What the HMAC covers. Every part is preceded by its length, so that no byte can move from one to
 * the next.
 */
export function blobMacInput(
  header: Uint8Array,
  owner: string,
  profile: string,
  wrapped: Uint8Array,
): Buffer {
  const parts = [domain, header, Buffer.from(owner), Buffer.from(profile), wrapped];
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
}

/** Puts the three parts together, in memory of its own. */
export function encodeBlob(header: Uint8Array, wrapped: Uint8Array, mac: Uint8Array): Uint8Array {
  const out = new Uint8Array(header.length + wrapped.length + mac.length);
  out.set(header, 0);
  out.set(wrapped, header.length);
  out.set(mac, header.length + wrapped.length);
  return out;
}

/**
 * Takes a blob apart; nothing in it is to be believed before its HMAC is checked.
 *
 * @throws ModuleFault `damaged`
 */
export function decodeBlob(blob: Uint8Array): SeedBlob {
  const wrappedBytes = blob.length - headerBytes - macBytes;
  if (wrappedBytes < 16 || wrappedBytes > wrappedBytesMax) {
    throw fault('damaged', `a wrapped seed of ${blob.length} bytes cannot be one`);
  }
  const view = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const hash = hashNames[view.readUInt8(1)];
  if (view.readUInt8(0) !== VERSION || hash === undefined) {
    throw fault('damaged', 'the wrapped seed has an unknown version or hash');
  }
  return {
    header: view.subarray(0, headerBytes),
    hash,
    mechanism: view.readUInt32BE(2),
    seedBytes: view.readUInt16BE(6),
    keyBytes: view.readUInt16BE(8),
    storageKeyId: view.subarray(10, headerBytes),
    wrapped: view.subarray(headerBytes, headerBytes + wrappedBytes),
    mac: view.subarray(headerBytes + wrappedBytes),
  };
}

function lengthOf(part: Uint8Array): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(part.length);
  return out;
}
