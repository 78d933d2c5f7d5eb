import pkcs11 from 'pkcs11js';
import { attempt, fault } from './errors.ts';
import {
  hmacMechanisms,
  privateKeyTemplate,
  publicKeyTemplate,
  requiredFlags,
  requireFlags,
  secretKeyTemplate,
} from './templates.ts';
import type { KeyMaker, KeyShape, Use } from './templates.ts';
import type { FoundObject } from './inventory.ts';

/** Vendor-independent number of CKM_AES_KEY_WRAP_KWP (PKCS#11 v3.0); the binding has none. */
const CKM_AES_KEY_WRAP_KWP = 0x210b;

/** Wrap mechanisms in the order in which they are tried: RFC 5649 (two numbers), RFC 3394. */
export const wrapMechanisms: readonly number[] = [
  CKM_AES_KEY_WRAP_KWP,
  pkcs11.CKM_AES_KEY_WRAP_PAD,
  pkcs11.CKM_AES_KEY_WRAP,
];

const catalogueLabelPrefix = 'tallystick-';
export const seedLabelPrefix: string = 'tallystick-seed ';

/** OID of P-256 in DER: CKA_EC_PARAMS. */
export const P256_PARAMETERS: Buffer = Buffer.from('06082a8648ce3d030107', 'hex');
const RSA_BITS = 3072;
const RSA_EXPONENT = Buffer.from([1, 0, 1]);
const idBytes = 16;

interface SecretSpec {
  readonly kind: 'secret';
  readonly keyType: number;
  readonly bytes: number;
  readonly uses: readonly Use[];
  readonly mechanisms: readonly number[];
}

interface PairSpec {
  readonly kind: 'pair';
  readonly keyType: number;
  readonly generation: number;
  readonly privateUses: readonly Use[];
  readonly publicUses: readonly Use[];
  readonly parameters: readonly pkcs11.Attribute[];
  readonly mechanisms: readonly number[];
}

type KeySpec = SecretSpec | PairSpec;

const macKey: SecretSpec = {
  kind: 'secret',
  keyType: pkcs11.CKK_GENERIC_SECRET,
  bytes: 32,
  uses: ['sign'],
  mechanisms: [hmacMechanisms.SHA256],
};

const signingPair: PairSpec = {
  kind: 'pair',
  keyType: pkcs11.CKK_EC,
  generation: pkcs11.CKM_EC_KEY_PAIR_GEN,
  privateUses: ['sign'],
  publicUses: ['verify'],
  parameters: [{ type: pkcs11.CKA_EC_PARAMS, value: P256_PARAMETERS }],
  mechanisms: [pkcs11.CKM_ECDSA],
};

export type CatalogueName =
  | 'storage'
  | 'blob-mac'
  | 'pin-mac'
  | 'password-mac'
  | 'virtual-otp-mac'
  | 'request-mac'
  | 'emergency-mac'
  | 'offline-mac'
  | 'decoy'
  | 'sensitive-data'
  | 'offline-sign'
  | 'audit-sign'
  | 'transport';

/** Every key this product needs, each with exactly one use (design: no key serves two ends). */
const specs: Readonly<Record<CatalogueName, KeySpec>> = {
  storage: {
    kind: 'secret',
    keyType: pkcs11.CKK_AES,
    bytes: 32,
    uses: ['wrap', 'unwrap'],
    mechanisms: wrapMechanisms,
  },
  'blob-mac': macKey,
  'pin-mac': macKey,
  'password-mac': macKey,
  'virtual-otp-mac': macKey,
  'request-mac': macKey,
  'emergency-mac': macKey,
  'offline-mac': macKey,
  // 64 bytes: long enough for every hash, so that it costs what a real seed costs.
  decoy: { ...macKey, bytes: 64, mechanisms: Object.values(hmacMechanisms) },
  'sensitive-data': {
    kind: 'secret',
    keyType: pkcs11.CKK_AES,
    bytes: 32,
    uses: ['encrypt', 'decrypt'],
    mechanisms: [pkcs11.CKM_AES_GCM],
  },
  'offline-sign': signingPair,
  'audit-sign': signingPair,
  transport: {
    kind: 'pair',
    keyType: pkcs11.CKK_RSA,
    generation: pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN,
    privateUses: ['unwrap'],
    publicUses: ['wrap'],
    parameters: [
      { type: pkcs11.CKA_MODULUS_BITS, value: RSA_BITS },
      { type: pkcs11.CKA_PUBLIC_EXPONENT, value: RSA_EXPONENT },
    ],
    mechanisms: [pkcs11.CKM_RSA_PKCS_OAEP],
  },
};

export const catalogueNames: readonly CatalogueName[] = Object.keys(specs) as CatalogueName[];

export interface CatalogueKey {
  readonly handle: pkcs11.Handle;
  readonly id: Buffer;
  /** Of key pairs only. */
  readonly publicHandle?: pkcs11.Handle;
}

export type Catalogue = Readonly<Record<CatalogueName, CatalogueKey>>;

/** The catalogue's objects by name, as `findCatalogue` saw them. */
export type CatalogueSearch = ReadonlyMap<CatalogueName, CatalogueKey>;

function shapeOf(name: CatalogueName, id: Uint8Array, uses: readonly Use[]): KeyShape {
  const { mechanisms } = specs[name];
  return { isToken: true, uses, mechanisms, label: `${catalogueLabelPrefix}${name}`, id };
}

/**
 * Sorts what the module holds into the catalogue.
 *
 * @param objects secret, private and public keys
 * @throws ModuleFault `contract` when two objects bear one name
 */
export function findCatalogue(objects: readonly FoundObject[]): CatalogueSearch {
  const found = new Map<CatalogueName, CatalogueKey>();
  for (const name of catalogueNames) {
    const label = `${catalogueLabelPrefix}${name}`;
    const named = objects.filter((object) => object.label === label);
    const keys = named.filter((object) => object.objectClass !== pkcs11.CKO_PUBLIC_KEY);
    const publics = named.filter((object) => object.objectClass === pkcs11.CKO_PUBLIC_KEY);
    if (keys.length > 1 || publics.length > 1) {
      throw fault(
        'contract',
        `the module holds ${named.length} objects labelled "${label}", exactly one must be there`,
      );
    }
    const [key] = keys;
    const [publicKey] = publics;
    if (key === undefined) continue;
    if (specs[name].kind === 'pair' && publicKey === undefined) continue;
    found.set(name, {
      handle: key.handle,
      id: key.id,
      ...(publicKey === undefined ? {} : { publicHandle: publicKey.handle }),
    });
  }
  return found;
}

/** @throws ModuleFault `contract` naming every key that is missing */
export function requireCatalogue(found: CatalogueSearch): Catalogue {
  const missing = catalogueNames.filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw fault(
      'contract',
      `the module has no key ${missing.map((name) => `"${catalogueLabelPrefix}${name}"`).join(', ')}: ` +
        'run "tallystick hsm init"',
    );
  }
  return Object.fromEntries(found) as Catalogue;
}

/**
 * Compares every key of the catalogue with what it must be.
 *
 * @throws ModuleFault `contract` naming the first key and attribute that differ
 */
export function checkCatalogue(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  found: CatalogueSearch,
): void {
  const ids = new Map<string, CatalogueName>();
  for (const [name, { handle, id }] of found) {
    const spec = specs[name];
    const label = `${catalogueLabelPrefix}${name}`;
    const isPair = spec.kind === 'pair';
    const objectClass = isPair ? pkcs11.CKO_PRIVATE_KEY : pkcs11.CKO_SECRET_KEY;
    const uses = isPair ? spec.privateUses : spec.uses;
    requireFlags(p11, session, handle, label, requiredFlags(objectClass, shapeOf(name, id, uses)));
    const twin = ids.get(id.toString('hex'));
    if (twin !== undefined || id.length === 0) {
      throw fault('contract', `the key "${label}" needs a CKA_ID of its own`);
    }
    ids.set(id.toString('hex'), name);
  }
}

/** Creates one key of the catalogue inside the module; no part of it ever leaves. */
export function createCatalogueKey(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  maker: KeyMaker,
  name: CatalogueName,
): void {
  const id = attempt('C_GenerateRandom', () =>
    p11.C_GenerateRandom(session, Buffer.alloc(idBytes)),
  );
  const spec = specs[name];
  if (spec.kind === 'secret') {
    const isAes = spec.keyType === pkcs11.CKK_AES;
    const mechanism = isAes ? pkcs11.CKM_AES_KEY_GEN : pkcs11.CKM_GENERIC_SECRET_KEY_GEN;
    const shape = shapeOf(name, id, spec.uses);
    const template = secretKeyTemplate(spec.keyType, shape, { bytes: spec.bytes });
    maker.make(`C_GenerateKey of "${name}"`, [template], (wanted = []) =>
      p11.C_GenerateKey(session, { mechanism }, wanted),
    );
    return;
  }
  const publicShape = shapeOf(name, id, spec.publicUses);
  const privateShape = shapeOf(name, id, spec.privateUses);
  maker.make(
    `C_GenerateKeyPair of "${name}"`,
    [
      publicKeyTemplate(spec.keyType, publicShape, spec.parameters),
      privateKeyTemplate(spec.keyType, privateShape),
    ],
    (publicTemplate = [], privateTemplate = []) =>
      p11.C_GenerateKeyPair(
        session,
        { mechanism: spec.generation },
        publicTemplate,
        privateTemplate,
      ),
  );
}
