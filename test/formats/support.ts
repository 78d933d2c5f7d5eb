import { createCipheriv, createHmac } from 'node:crypto';
import {
  KeyFileError,
  type KeyFileKey,
  type PskcCiphers,
  type PskcProtection,
} from '../../src/formats/index.ts';
import { parseAlgorithmText } from '../../src/oath/index.ts';

/** RFC 4226 appendix D; the seed of every example in RFC 6030. */
export const seed: Uint8Array = new TextEncoder().encode('12345678901234567890');

/** The pre-shared key of RFC 6030 figure 6. */
export const figureKey: Uint8Array = fromHex('12345678901234567890123456789012');

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Node's ciphers, with chance that the test chooses, in order. */
export function ciphersWith(...random: readonly string[]): PskcCiphers {
  const left = [...random];
  return {
    randomBytes: (length) => {
      const bytes = fromHex(left.shift() ?? 'a5'.repeat(length));
      if (bytes.length !== length) throw new Error(`${length} bytes were asked for`);
      return bytes;
    },
    encryptCbc: (key, iv, plain) => {
      const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, iv);
      return Buffer.concat([cipher.update(plain), cipher.final()]);
    },
    wrapKey: (key, plain) => {
      const cipher = createCipheriv(`id-aes${key.length * 8}-wrap`, key, Buffer.alloc(8, 0xa6));
      return Buffer.concat([cipher.update(plain), cipher.final()]);
    },
    hmac: (hash, key, message) => createHmac(hash, key).update(message).digest(),
  };
}

export function preSharedKey(
  parts: Partial<Extract<PskcProtection, { kind: 'pre-shared-key' }>> = {},
): PskcProtection {
  return {
    kind: 'pre-shared-key',
    keyName: 'Pre-shared-key',
    key: figureKey,
    mode: 'cbc',
    ciphers: ciphersWith(),
    ...parts,
  };
}

/** A key of an algorithm in one line, with the parts that matter to a test. */
export function keyOf(algorithm: string, parts: Partial<KeyFileKey> = {}): KeyFileKey {
  return {
    id: 'VT00000001/APPLI',
    device: { serial: 'VT00000001', manufacturer: 'Tallystick', model: 'VTGO1' },
    applicationName: 'APPLI',
    algorithm: parseAlgorithmText(algorithm),
    secret: seed,
    usages: ['OTP'],
    eventCounter: 0n,
    ...parts,
  };
}

export async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** What a writer refuses the keys for. */
export async function refusalOf(
  pieces: AsyncIterable<string>,
): Promise<{ code: string; message: string }> {
  try {
    await textOf(pieces);
  } catch (error) {
    if (error instanceof KeyFileError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'none', message: '' };
}
