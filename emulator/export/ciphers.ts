import { createCipheriv, createHmac } from 'node:crypto';
import type { PskcCiphers } from '../../src/formats/index.ts';

/** The initial value of RFC 3394 section 2.2.3.1. */
const wrapIv = Buffer.alloc(8, 0xa6);

/** Node's ciphers for key files, with the chance that the caller has. */
export function nodeCiphers(randomBytes: PskcCiphers['randomBytes']): PskcCiphers {
  return {
    randomBytes,
    encryptCbc: (key, iv, plain) => encrypt(`aes-${key.length * 8}-cbc`, key, iv, plain),
    wrapKey: (key, plain) => encrypt(`id-aes${key.length * 8}-wrap`, key, wrapIv, plain),
    hmac: (hash, key, message) => createHmac(hash, key).update(message).digest(),
  };
}

function encrypt(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(algorithm, key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}
