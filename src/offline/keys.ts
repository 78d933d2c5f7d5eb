import {
  createHash,
  createHmac,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  verify,
} from 'node:crypto';
import { framed, u32 } from './bytes.ts';
import { malformed } from './offline-error.ts';

/**
 * What hangs on a package key, which the server derives in its module and the agent forgets once it
 * has derived these (HKDF, RFC 5869, SHA-256).
 */

export const keyBytes = 32;

/** What is in front of the point in every SubjectPublicKeyInfo of a P-256 key. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** An uncompressed P-256 point. */
export const pointBytes = 65;
/** The first byte of one. */
const uncompressed = 4;

function derived(
  secret: Uint8Array,
  info: Uint8Array,
  salt: Uint8Array = new Uint8Array(),
): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, keyBytes));
}

/** Encrypts the body. */
export function bodyKey(packageKey: Uint8Array): Buffer {
  return derived(packageKey, framed('ovp1/body'));
}

/**
 * Tags the entries of one block (a day, or fifty counters), so that entries left over of a block whose
 * key is gone say nothing.
 */
export function tagKey(packageKey: Uint8Array, block: number): Buffer {
  return derived(packageKey, framed('ovp1/tag', u32(block)));
}

/** Wraps for one recipient, from what both sides of an ECDH agree on. */
export function agreedKey(secret: Uint8Array, context: Uint8Array, salt: Uint8Array): Buffer {
  return derived(secret, framed('ovp1/agreed', context), salt);
}

/** The message under the module's `offline-mac` key that gives a package its key. */
export function packageKeyMessage(about: {
  readonly packageId: string;
  readonly agentId: string;
  readonly serial: string;
  readonly applicationName: string;
  readonly sequence: number;
}): Buffer {
  const { packageId, agentId, serial, applicationName, sequence } = about;
  return framed('ovp1/pkg', packageId, agentId, serial, applicationName, String(sequence));
}

/** The message that gives an agent the first key of its log. */
export function logKeyMessage(agentId: string): Buffer {
  return framed('ovp1/log', agentId);
}

/** The message that gives an agent which keeps no secret on disk its share of each start. */
export function shareMessage(agentId: string): Buffer {
  return framed('ovp1/share', agentId);
}

/** The message that makes a nonce the server's, without its being written down. */
export function nonceMessage(keyId: string, issuedAtMs: number, random: Uint8Array): Buffer {
  return framed('ovp1/nonce', keyId, String(issuedAtMs), random);
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

/**
 * @param spki SubjectPublicKeyInfo in DER
 * @throws OfflineError malformed unless it is a P-256 key, uncompressed
 */
export function readPublicKey(spki: Uint8Array): KeyObject {
  const bytes = Buffer.from(spki);
  // Compared as bytes, because the parser also takes other forms of a key, and what is behind it.
  const isP256 =
    bytes.length === spkiPrefix.length + pointBytes &&
    bytes.subarray(0, spkiPrefix.length).equals(spkiPrefix) &&
    bytes[spkiPrefix.length] === uncompressed;
  try {
    if (isP256) return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch {
    // Said below.
  }
  throw malformed('the public key', 'a P-256 key in DER');
}

/** @throws OfflineError malformed unless it is an uncompressed point of the curve P-256 */
export function requirePoint(point: Uint8Array): void {
  readPublicKey(spkiOf(point));
}

/** SubjectPublicKeyInfo of a point. */
export function spkiOf(point: Uint8Array): Buffer {
  return Buffer.concat([spkiPrefix, point]);
}

/** The point of a P-256 public key. */
export function pointOf(spki: Uint8Array): Uint8Array {
  return spki.subarray(spkiPrefix.length);
}

/** By which a key is pinned: SHA-256 of its SubjectPublicKeyInfo, in hex. */
export function fingerprintOf(spki: Uint8Array): string {
  return sha256(spki).toString('hex');
}

/** ECDSA with SHA-256, r and s in 64 bytes. */
export function isSigned(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = readPublicKey(spki);
  if (signature.length !== 64) return false;
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
