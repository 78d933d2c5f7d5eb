import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  type CipherGCMTypes,
  randomBytes,
} from 'node:crypto';
import { ByteReader } from './bytes.ts';
import { agreedKey, pointBytes, pointOf, readPublicKey, requirePoint } from './keys.ts';
import { OfflineError } from './offline-error.ts';

const cipher: CipherGCMTypes = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM with a nonce of its own in front and the tag behind. */
export function encrypt(key: Uint8Array, context: Uint8Array, plain: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const encryption = createCipheriv(cipher, key, nonce).setAAD(context);
  return Buffer.concat([
    nonce,
    encryption.update(plain),
    encryption.final(),
    encryption.getAuthTag(),
  ]);
}

/** @throws OfflineError forged when key, context or a byte is another */
export function decrypt(key: Uint8Array, context: Uint8Array, sealed: Uint8Array): Buffer {
  const reader = new ByteReader(sealed, 'what is sealed');
  const nonce = reader.take(nonceBytes);
  const body = reader.rest();
  if (body.length < tagBytes) throw new OfflineError('forged', 'The seal does not fit.');
  const decryption = createDecipheriv(cipher, key, nonce)
    .setAAD(context)
    .setAuthTag(body.subarray(body.length - tagBytes));
  const opened = decryption.update(body.subarray(0, body.length - tagBytes));
  try {
    decryption.final();
    return opened;
  } catch {
    opened.fill(0);
    throw new OfflineError('forged', 'The seal does not fit.');
  }
}

/**
 * Seals for the holder of one key pair (ephemeral-static ECDH on P-256, HKDF, AES-256-GCM).
 *
 * @param spki the recipient's SubjectPublicKeyInfo
 * @param context authenticated, not stored
 */
export function sealTo(spki: Uint8Array, context: Uint8Array, secret: Uint8Array): Buffer {
  readPublicKey(spki);
  const ephemeral = createECDH('prime256v1');
  const point = ephemeral.generateKeys();
  const agreed = ephemeral.computeSecret(pointOf(spki));
  const key = agreedKey(agreed, context, Buffer.concat([point, pointOf(spki)]));
  try {
    return Buffer.concat([point, encrypt(key, context, secret)]);
  } finally {
    agreed.fill(0);
    key.fill(0);
  }
}

/** The other half of an ECDH: the x coordinate, 32 bytes, of this point times the private key. */
export type Agree = (point: Uint8Array) => Promise<Buffer> | Buffer;

/** @throws OfflineError malformed or forged */
export async function openSealed(
  spki: Uint8Array,
  agree: Agree,
  context: Uint8Array,
  sealed: Uint8Array,
): Promise<Buffer> {
  const reader = new ByteReader(sealed, 'what is sealed');
  const point = reader.take(pointBytes);
  // A point off the curve may tell a device's private key bit by bit.
  requirePoint(point);
  const agreed = await agree(point);
  const key = agreedKey(agreed, context, Buffer.concat([point, pointOf(spki)]));
  try {
    return decrypt(key, context, reader.rest());
  } finally {
    agreed.fill(0);
    key.fill(0);
  }
}
