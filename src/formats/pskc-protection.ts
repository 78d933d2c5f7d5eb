import { digestBytes, type HashName } from '../oath/index.ts';
import { type XmlNode, xmlNode } from '../xml.ts';
import { KeyFileError, type KeyFileKey, type KeyFileRefusal } from './key-file.ts';
import { encryptionAlgorithms, macAlgorithms } from './pskc-names.ts';

/** What the writer asks of whoever has ciphers and chance. */
export interface PskcCiphers {
  randomBytes(length: number): Uint8Array;
  /** AES-CBC with the padding of PKCS #7, which is one of those that XML Encryption allows. */
  encryptCbc(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array;
  /** AES key wrap (RFC 3394) of a multiple of 8 bytes. */
  wrapKey(key: Uint8Array, plain: Uint8Array): Uint8Array;
  hmac(hash: HashName, key: Uint8Array, message: Uint8Array): Uint8Array;
}

/** How the seeds are kept from readers of the file. There is no default: plain has to be said. */
export type PskcProtection =
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'pre-shared-key';
      /** What both sides call the key. */
      readonly keyName: string;
      /** AES, 16 or 32 bytes. Not kept. */
      readonly key: Uint8Array;
      /** `cbc` comes with a MAC over each value (RFC 6030 figure 6); `key-wrap` checks itself. */
      readonly mode: 'cbc' | 'key-wrap';
      /** Under the MAC; SHA1 if absent, which every reader must know. */
      readonly macHash?: HashName | undefined;
      readonly ciphers: PskcCiphers;
    };

/** Protects the seeds of one file. */
export interface SecretWriter {
  /** Elements before the first key. */
  readonly head: readonly XmlNode[];
  /** What is in `Secret`. */
  write(secret: Uint8Array): readonly XmlNode[];
  wipe(): void;
}

type PreSharedKey = Extract<PskcProtection, { kind: 'pre-shared-key' }>;

const ivBytes = 16;

/** @throws KeyFileError `protection` for a key of another length */
export function secretWriterOf(protection: PskcProtection): SecretWriter {
  if (protection.kind === 'plain') {
    const write = (secret: Uint8Array): readonly XmlNode[] => [
      xmlNode('PlainValue', {}, base64(secret)),
    ];
    return { head: [], write, wipe: () => undefined };
  }
  const algorithm = algorithmOf(protection);
  const { keyName } = protection;
  const encryptionKey = xmlNode('EncryptionKey', {}, [xmlNode('ds:KeyName', {}, keyName)]);
  return protection.mode === 'cbc'
    ? cbcWriter(protection, algorithm, encryptionKey)
    : wrapWriter(protection, algorithm, encryptionKey);
}

/** Why this protection cannot take the key's seed, or null. */
export function protectionRefusal(
  protection: PskcProtection,
  { secret }: KeyFileKey,
): KeyFileRefusal | null {
  const isWrapped = protection.kind === 'pre-shared-key' && protection.mode === 'key-wrap';
  if (!isWrapped || secret.length % 8 === 0) return null;
  return {
    code: 'secret-length',
    message: 'AES key wrap takes seeds of a multiple of 8 bytes; CBC takes any',
  };
}

/** The MAC goes over IV and ciphertext, under a key of the file's own (RFC 6030 section 6.1.1). */
function cbcWriter(
  { key, ciphers, macHash = 'SHA1' }: PreSharedKey,
  algorithm: string,
  encryptionKey: XmlNode,
): SecretWriter {
  const encrypt = (plain: Uint8Array): Uint8Array => {
    const iv = ciphers.randomBytes(ivBytes);
    return Buffer.concat([iv, ciphers.encryptCbc(key, iv, plain)]);
  };
  const macKey = ciphers.randomBytes(digestBytes(macHash));
  const macMethod = xmlNode('MACMethod', { Algorithm: macAlgorithms[macHash] }, [
    xmlNode('MACKey', {}, cipherNodes(algorithm, encrypt(macKey))),
  ]);
  return {
    head: [encryptionKey, macMethod],
    write: (secret) => {
      const encrypted = encrypt(secret);
      const mac = ciphers.hmac(macHash, macKey, encrypted);
      return [
        xmlNode('EncryptedValue', {}, cipherNodes(algorithm, encrypted)),
        xmlNode('ValueMAC', {}, base64(mac)),
      ];
    },
    wipe: () => macKey.fill(0),
  };
}

function wrapWriter(
  { key, ciphers }: PreSharedKey,
  algorithm: string,
  encryptionKey: XmlNode,
): SecretWriter {
  const write = (secret: Uint8Array): readonly XmlNode[] => [
    xmlNode('EncryptedValue', {}, cipherNodes(algorithm, ciphers.wrapKey(key, secret))),
  ];
  return { head: [encryptionKey], write, wipe: () => undefined };
}

function algorithmOf({ key, mode }: PreSharedKey): string {
  if (key.length === 16 || key.length === 32) return encryptionAlgorithms[mode][key.length];
  throw new KeyFileError('protection', 'a key to encrypt a key file with has 16 or 32 bytes');
}

function cipherNodes(algorithm: string, encrypted: Uint8Array): readonly XmlNode[] {
  return [
    xmlNode('xenc:EncryptionMethod', { Algorithm: algorithm }),
    xmlNode('xenc:CipherData', {}, [xmlNode('xenc:CipherValue', {}, base64(encrypted))]),
  ];
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
