import { createHash, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { attempt, fault } from './errors.ts';
import { seedBytesMax, seedBytesMin } from './limits.ts';
import type { Link } from './link.ts';
import { computeKeyCheckValue } from './mechanisms.ts';
import { seedLabel } from './resident.ts';
import { seedIdBytes } from './seed-id.ts';
import {
  blockBytes,
  digestBytes,
  hmacMechanisms,
  requiredFlags,
  requireFlags,
  secretKeyTemplate,
} from './templates.ts';
import type { KeyShape } from './templates.ts';
import type { HashName, PairedSeed, Residency, SeedSpec, StoredSeed } from './types.ts';
import { destroyObject, wrapUnder } from './wrapped.ts';

const rsaBitsMin = 3072;
const rsaBitsMax = 16_384;
const rsaExponentMin = 65_537n;
/** CKZ_DATA_SPECIFIED: the OAEP label is given here (and is empty). */
const CKZ_DATA_SPECIFIED = 1;
const generate = { mechanism: pkcs11.CKM_GENERIC_SECRET_KEY_GEN };
const oaep: pkcs11.Mechanism = {
  mechanism: pkcs11.CKM_RSA_PKCS_OAEP,
  parameter: {
    type: pkcs11.CK_PARAMS_RSA_OAEP,
    hashAlg: pkcs11.CKM_SHA_1,
    mgf: pkcs11.CKG_MGF1_SHA1,
    source: CKZ_DATA_SPECIFIED,
  } as pkcs11.RsaOAEP,
};

/*
 * Each function here runs in one synchronous breath, so that no session object that could be
 * extracted exists while other code runs.
 */

/** A fresh seed of the digest's length, made inside the module. */
export function generateSeed(
  link: Link,
  session: pkcs11.Handle,
  residency: Residency,
  spec: SeedSpec,
): StoredSeed {
  const bytes = digestBytes[spec.hash];
  if (residency === 'resident') {
    const template = residentTemplate(link, spec, { bytes });
    const seed = link.maker.make('C_GenerateKey', [template], (wanted = []) =>
      link.p11.C_GenerateKey(session, generate, wanted),
    );
    return settle(link, session, spec, seed, bytes);
  }
  return withTemporary(link, session, spec, (seed) => ({
    ...described(link, session, 'wrapped', spec, seed, bytes),
    blob: wrapSeed(link, session, spec, seed, bytes),
  }));
}

/**
 * A fresh seed kept as `residency` says and, once, wrapped for the recipient. The object that is
 * wrapped is a session object; the persistent one comes out of the storage key's wrapping, born
 * unextractable (a copy could not be: SoftHSM keeps CKA_COPYABLE as it was).
 */
export function generatePairedSeed(
  link: Link,
  session: pkcs11.Handle,
  residency: Residency,
  spec: SeedSpec,
  recipient: KeyObject,
): PairedSeed {
  const bytes = digestBytes[spec.hash];
  const mechanism = requireWrapping(link);
  return withTemporary(link, session, spec, (temporary) => {
    const envelope = wrapForRecipient(link, session, recipient, temporary);
    if (residency === 'wrapped') {
      const blob = wrapSeed(link, session, spec, temporary, bytes);
      return { ...described(link, session, 'wrapped', spec, temporary, bytes), blob, envelope };
    }
    const { storage } = link.catalogue;
    const template = residentTemplate(link, spec);
    const wrapped = wrapUnder(link.p11, session, mechanism, storage.handle, temporary);
    const seed = link.maker.make('C_UnwrapKey', [template], (wanted = []) =>
      link.p11.C_UnwrapKey(session, { mechanism }, storage.handle, wrapped, wanted),
    );
    return { ...settle(link, session, spec, seed, bytes), envelope };
  });
}

/**
 * Puts the caller's bytes into the module. They pass through this process's memory, which is all
 * that can be done where the module cannot unwrap what a vendor sent; our copy is overwritten.
 */
export function importSeed(
  link: Link,
  session: pkcs11.Handle,
  residency: Residency,
  spec: SeedSpec,
  seed: Uint8Array,
): StoredSeed {
  const value = keyFor(spec, seed);
  try {
    if (residency === 'resident') {
      const template = residentTemplate(link, spec, { value });
      const key = link.maker.make('C_CreateObject', [template], (wanted = []) =>
        link.p11.C_CreateObject(session, wanted),
      );
      return settle(link, session, spec, key, seed.length);
    }
    const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, temporaryShape(spec), { value });
    const key = link.maker.make('C_CreateObject', [template], (wanted = []) =>
      link.p11.C_CreateObject(session, wanted),
    );
    try {
      return {
        ...described(link, session, 'wrapped', spec, key, seed.length),
        blob: wrapSeed(link, session, spec, key, seed.length, value.length),
      };
    } finally {
      destroyObject(link.p11, session, key);
    }
  } finally {
    value.fill(0);
  }
}

/**
 * The recipient's key, if it is one that may receive seeds.
 *
 * @param der SubjectPublicKeyInfo
 * @throws ModuleFault `contract`
 */
export function parseRecipient(der: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    throw fault('contract', 'the recipient public key is not a SubjectPublicKeyInfo in DER');
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < rsaBitsMin || modulusLength > rsaBitsMax) {
    throw fault('contract', `the recipient needs an RSA key of ${rsaBitsMin} bits or more`);
  }
  if (publicExponent < rsaExponentMin || publicExponent % 2n === 0n) {
    throw fault(
      'contract',
      `the recipient's RSA exponent must be odd and ${rsaExponentMin} or more`,
    );
  }
  return key;
}

/** What a persistent seed object is: every one of them, however it was made. */
export function seedShape(spec: SeedSpec): KeyShape {
  return {
    isToken: true,
    uses: ['sign'],
    mechanisms: [hmacMechanisms[spec.hash]],
    label: seedLabel(spec.owner),
    id: seedIdBytes(spec.seedId),
  };
}

function temporaryShape(spec: SeedSpec): KeyShape {
  return {
    isToken: false,
    uses: ['sign'],
    mechanisms: [hmacMechanisms[spec.hash]],
    isExtractable: true,
  };
}

/** @throws ModuleFault `contract` when the module holds such a seed already */
export function residentTemplate(
  link: Link,
  spec: SeedSpec,
  content: { readonly bytes?: number; readonly value?: Buffer } = {},
): pkcs11.Attribute[] {
  if (link.resident.has(spec.seedId)) {
    throw fault('contract', `seed ${spec.seedId} is in the module already`);
  }
  return secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, seedShape(spec), content);
}

/** Lends a fresh extractable session object and destroys it, whatever happens. */
function withTemporary<T>(
  link: Link,
  session: pkcs11.Handle,
  spec: SeedSpec,
  use: (seed: pkcs11.Handle) => T,
): T {
  const bytes = digestBytes[spec.hash];
  const shape = temporaryShape(spec);
  const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape, { bytes });
  const seed = link.maker.make('C_GenerateKey', [template], (wanted = []) =>
    link.p11.C_GenerateKey(session, generate, wanted),
  );
  try {
    return use(seed);
  } finally {
    destroyObject(link.p11, session, seed);
  }
}

/**
 * Reads a persistent seed's attributes back and enters it; a seed that is not right is removed.
 *
 * @param keyCheckValue what it must have, if that is known
 */
export function settle(
  link: Link,
  session: pkcs11.Handle,
  spec: SeedSpec,
  seed: pkcs11.Handle,
  seedBytes: number,
  keyCheckValue?: string,
): StoredSeed {
  try {
    const required = requiredFlags(pkcs11.CKO_SECRET_KEY, seedShape(spec));
    requireFlags(link.p11, session, seed, `seed ${spec.seedId}`, required);
    const stored = described(link, session, 'resident', spec, seed, seedBytes);
    if (keyCheckValue !== undefined) requireKeyCheckValue(spec, stored, keyCheckValue);
    link.resident.add(spec.seedId, spec.owner, seed);
    return stored;
  } catch (error) {
    destroyObject(link.p11, session, seed);
    throw error;
  }
}

/** @throws ModuleFault `damaged` when it is another seed than the one that is known */
export function requireKeyCheckValue(
  { seedId }: SeedSpec,
  stored: StoredSeed,
  keyCheckValue: string,
): void {
  if (stored.keyCheckValue === keyCheckValue) return;
  throw fault('damaged', `seed ${seedId} has not the key check value that is known of it`);
}

/** What the database keeps of the seed behind a handle, but for a blob. */
export function described(
  link: Link,
  session: pkcs11.Handle,
  residency: Residency,
  spec: SeedSpec,
  seed: pkcs11.Handle,
  seedBytes: number,
): StoredSeed {
  return {
    residency,
    seedBytes,
    padded: seedBytes < digestBytes[spec.hash],
    keyCheckValue: computeKeyCheckValue(link.p11, session, spec.hash, seed),
  };
}

/** Wraps a seed under the storage key, bound to its owner and profile. */
export function wrapSeed(
  link: Link,
  session: pkcs11.Handle,
  spec: SeedSpec,
  seed: pkcs11.Handle,
  seedBytes: number,
  keyBytes: number = digestBytes[spec.hash],
): Uint8Array {
  const mechanism = requireWrapping(link);
  return link.wrapped.wrap(session, seed, spec, mechanism, { seedBytes, keyBytes });
}

function requireWrapping(link: Link): number {
  if (link.wrapMechanism === undefined) {
    throw fault('contract', 'the module offers neither RFC 5649 nor RFC 3394 key wrapping');
  }
  return link.wrapMechanism;
}

/**
 * The key that gives the same HMACs as the seed and that modules take: padded with zeros to the
 * digest's length, or hashed if it is longer than the block (RFC 2104 section 2 does the same).
 */
function keyFor({ hash }: SeedSpec, seed: Uint8Array): Buffer {
  if (seed.length < seedBytesMin || seed.length > seedBytesMax) {
    throw fault(
      'contract',
      `a seed has ${seedBytesMin} to ${seedBytesMax} bytes, not ${seed.length}`,
    );
  }
  if (seed.length > blockBytes[hash]) return createHash(hash).update(seed).digest();
  const value = Buffer.alloc(keyBytesOf(hash, seed.length));
  value.set(seed);
  return value;
}

/** How long the key is that stands for a seed of that length. */
export function keyBytesOf(hash: HashName, seedBytes: number): number {
  const bytes = digestBytes[hash];
  return seedBytes > blockBytes[hash] ? bytes : Math.max(seedBytes, bytes);
}

function wrapForRecipient(
  link: Link,
  session: pkcs11.Handle,
  recipient: KeyObject,
  seed: pkcs11.Handle,
): Uint8Array {
  const { p11, maker } = link;
  const { n = '', e = '' } = recipient.export({ format: 'jwk' });
  const modulus = Buffer.from(n, 'base64url');
  const template: pkcs11.Attribute[] = [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PUBLIC_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_RSA },
    { type: pkcs11.CKA_TOKEN, value: false },
    { type: pkcs11.CKA_PRIVATE, value: false },
    { type: pkcs11.CKA_ENCRYPT, value: false },
    { type: pkcs11.CKA_VERIFY, value: false },
    { type: pkcs11.CKA_WRAP, value: true },
    { type: pkcs11.CKA_MODULUS, value: modulus },
    { type: pkcs11.CKA_PUBLIC_EXPONENT, value: Buffer.from(e, 'base64url') },
  ];
  const key = maker.make('C_CreateObject', [template], (wanted = []) =>
    p11.C_CreateObject(session, wanted),
  );
  try {
    const envelope = attempt('C_WrapKey', () =>
      p11.C_WrapKey(session, oaep, key, seed, Buffer.alloc(modulus.length)),
    );
    return Uint8Array.from(envelope);
  } finally {
    destroyObject(p11, session, key);
  }
}
