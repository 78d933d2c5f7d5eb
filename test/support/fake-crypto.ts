import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  randomBytes,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { ModuleFailure, ModuleFailureKind } from '../../src/service/seed-module.ts';

/** Carries a plain failure to the one place that rejects with it. */
export class Refusal extends Error {
  readonly failure: ModuleFailure;

  constructor(kind: ModuleFailureKind, detail: string, ckr = 0) {
    super(detail);
    this.failure = { kind, ckr, detail };
  }
}

export const u32 = (n: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(n);
  return out;
};

export const plainBytes = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

export function requireMessages(messages: readonly Uint8Array[]): void {
  if (messages.some(({ length }) => length === 0 || length > 4096)) {
    throw new Refusal('contract', 'a message has 1 to 4096 bytes');
  }
}

export function recipientKey(der: Uint8Array): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    const details = key.asymmetricKeyDetails;
    const isStrong =
      key.asymmetricKeyType === 'rsa' &&
      (details?.modulusLength ?? 0) >= 3072 &&
      (details?.publicExponent ?? 0n) >= 65537n;
    if (isStrong) return key;
  } catch {
    // Falls through: whatever was wrong, the answer is the same.
  }
  throw new Refusal('contract', 'the recipient needs an RSA key of at least 3072 bits');
}

export function encrypt(key: Buffer, context: Uint8Array, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(createHash('sha256').update(context).digest());
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return plainBytes(Buffer.concat([nonce, body, cipher.getAuthTag()]));
}

export function decrypt(key: Buffer, context: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.length < 28) throw new Refusal('damaged', 'too short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
  decipher.setAAD(createHash('sha256').update(context).digest());
  decipher.setAuthTag(sealed.subarray(sealed.length - 16));
  try {
    return Buffer.concat([
      decipher.update(sealed.subarray(12, sealed.length - 16)),
      decipher.final(),
    ]);
  } catch {
    throw new Refusal('damaged', 'the tag does not match');
  }
}
