import pkcs11 from 'pkcs11js';
import { attempt, ckrOf, fault } from './errors.ts';
import type { HashName } from './types.ts';

/** What a key may be used for; every template names all of them and allows few. */
export type Use = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'wrap' | 'unwrap' | 'derive';

export const hmacMechanisms: Readonly<Record<HashName, number>> = {
  SHA1: pkcs11.CKM_SHA_1_HMAC,
  SHA256: pkcs11.CKM_SHA256_HMAC,
  SHA512: pkcs11.CKM_SHA512_HMAC,
};

/** Output of the hash, and length of a fresh seed (RFC 4226 R6 asks for 16 bytes at least). */
export const digestBytes: Readonly<Record<HashName, number>> = { SHA1: 20, SHA256: 32, SHA512: 64 };

/** RFC 2104 block length: a longer key is hashed before use, a shorter one padded with zeros. */
export const blockBytes: Readonly<Record<HashName, number>> = { SHA1: 64, SHA256: 64, SHA512: 128 };

const useAttributes: Readonly<Record<Use, number>> = {
  encrypt: pkcs11.CKA_ENCRYPT,
  decrypt: pkcs11.CKA_DECRYPT,
  sign: pkcs11.CKA_SIGN,
  verify: pkcs11.CKA_VERIFY,
  wrap: pkcs11.CKA_WRAP,
  unwrap: pkcs11.CKA_UNWRAP,
  derive: pkcs11.CKA_DERIVE,
};
const secretUses: readonly Use[] = [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'wrap',
  'unwrap',
  'derive',
];
const privateUses: readonly Use[] = ['decrypt', 'sign', 'unwrap', 'derive'];
const publicUses: readonly Use[] = ['encrypt', 'verify', 'wrap'];

export interface KeyShape {
  readonly isToken: boolean;
  readonly uses: readonly Use[];
  readonly mechanisms: readonly number[];
  readonly label?: string;
  readonly id?: Uint8Array;
  /** Only for the instant in which a key is wrapped; never for a token object. */
  readonly isExtractable?: boolean;
}

/** A CK_ULONG as this platform stores it (4 or 8 bytes, little-endian). */
export function ulongOf(bytes: Buffer | undefined): number {
  if (bytes?.length === 8) return Number(bytes.readBigUInt64LE(0));
  if (bytes?.length === 4) return bytes.readUInt32LE(0);
  throw fault('contract', 'the module gave a number that is none');
}

function ulongs(values: readonly number[]): Buffer {
  const out = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => out.writeBigUInt64LE(BigInt(value), 8 * index));
  return out;
}

function guarded(shape: KeyShape): pkcs11.Attribute[] {
  const isExtractable = shape.isExtractable === true;
  return [
    { type: pkcs11.CKA_TOKEN, value: shape.isToken },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: isExtractable },
    { type: pkcs11.CKA_COPYABLE, value: false },
    ...naming(shape),
  ];
}

function naming(shape: KeyShape): pkcs11.Attribute[] {
  return [
    ...(shape.label === undefined ? [] : [{ type: pkcs11.CKA_LABEL, value: shape.label }]),
    ...(shape.id === undefined ? [] : [{ type: pkcs11.CKA_ID, value: Buffer.from(shape.id) }]),
  ];
}

function allowances(shape: KeyShape, every: readonly Use[]): pkcs11.Attribute[] {
  return [
    ...every.map((use) => ({ type: useAttributes[use], value: shape.uses.includes(use) })),
    { type: pkcs11.CKA_ALLOWED_MECHANISMS, value: ulongs(shape.mechanisms) },
    // Last: SoftHSM applies attributes in order and refuses the ones after this one.
    { type: pkcs11.CKA_MODIFIABLE, value: false },
  ];
}

/** AES or generic secret, to be generated (`bytes`), unwrapped (neither) or imported (`value`). */
export function secretKeyTemplate(
  keyType: number,
  shape: KeyShape,
  content: { readonly bytes?: number; readonly value?: Buffer } = {},
): pkcs11.Attribute[] {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: keyType },
    ...(content.bytes === undefined ? [] : [{ type: pkcs11.CKA_VALUE_LEN, value: content.bytes }]),
    ...(content.value === undefined ? [] : [{ type: pkcs11.CKA_VALUE, value: content.value }]),
    ...guarded(shape),
    ...allowances(shape, secretUses),
  ];
}

export function privateKeyTemplate(keyType: number, shape: KeyShape): pkcs11.Attribute[] {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: keyType },
    ...guarded(shape),
    ...allowances(shape, privateUses),
  ];
}

/** Public keys are public objects: readable without login, still not modifiable. */
export function publicKeyTemplate(
  keyType: number,
  shape: KeyShape,
  content: readonly pkcs11.Attribute[],
): pkcs11.Attribute[] {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PUBLIC_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: keyType },
    { type: pkcs11.CKA_TOKEN, value: shape.isToken },
    { type: pkcs11.CKA_PRIVATE, value: false },
    ...naming(shape),
    ...content,
    ...allowances(shape, publicUses),
  ];
}

/** The true-or-false attributes that a finished key must have. */
export function requiredFlags(
  objectClass: number,
  shape: KeyShape,
): readonly { readonly type: number; readonly value: boolean }[] {
  const every = objectClass === pkcs11.CKO_PRIVATE_KEY ? privateUses : secretUses;
  return [
    { type: pkcs11.CKA_TOKEN, value: shape.isToken },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    { type: pkcs11.CKA_MODIFIABLE, value: false },
    ...every.map((use) => ({ type: useAttributes[use], value: shape.uses.includes(use) })),
  ];
}

const flagNames: ReadonlyMap<number, string> = new Map([
  [pkcs11.CKA_TOKEN, 'CKA_TOKEN'],
  [pkcs11.CKA_PRIVATE, 'CKA_PRIVATE'],
  [pkcs11.CKA_SENSITIVE, 'CKA_SENSITIVE'],
  [pkcs11.CKA_EXTRACTABLE, 'CKA_EXTRACTABLE'],
  [pkcs11.CKA_MODIFIABLE, 'CKA_MODIFIABLE'],
  ...Object.entries(useAttributes).map(([use, type]): [number, string] => [
    type,
    `CKA_${use.toUpperCase()}`,
  ]),
]);

/**
 * Reads a key's attributes back: a module may accept a template and keep something else.
 *
 * @throws ModuleFault `contract` naming the key and the attribute
 */
export function requireFlags(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  key: pkcs11.Handle,
  name: string,
  required: ReturnType<typeof requiredFlags>,
): void {
  const read = attempt(`C_GetAttributeValue of "${name}"`, () =>
    p11.C_GetAttributeValue(
      session,
      key,
      required.map(({ type }) => ({ type })),
    ),
  );
  required.forEach(({ type, value }, index) => {
    if ((read[index]?.value[0] === 1) !== value) {
      const flag = flagNames.get(type) ?? `attribute ${type}`;
      throw fault('contract', `the key "${name}" must have ${flag} ${value ? 'true' : 'false'}`);
    }
  });
}

/**
 * Not every module knows these two attributes; they narrow a key further and are left out where
 * refused. What to leave out, the least first.
 */
const omissions: readonly (readonly number[])[] = [
  [],
  [pkcs11.CKA_ALLOWED_MECHANISMS],
  [pkcs11.CKA_COPYABLE],
  [pkcs11.CKA_ALLOWED_MECHANISMS, pkcs11.CKA_COPYABLE],
];
const refusals: readonly number[] = [
  pkcs11.CKR_ATTRIBUTE_TYPE_INVALID,
  pkcs11.CKR_TEMPLATE_INCONSISTENT,
];

/** Makes keys by template, and learns which optional attributes this module refuses. */
export class KeyMaker {
  /** Where in `omissions` to begin: what came before is known to be refused. */
  #learned = 0;

  /**
   * @param call the PKCS#11 function, for the failure's text
   * @param templates one, or a public and a private one
   */
  make<T>(
    call: string,
    templates: readonly pkcs11.Attribute[][],
    create: (...templates: pkcs11.Attribute[][]) => T,
  ): T {
    let refusal: unknown;
    for (let tried = this.#learned; tried < omissions.length; tried += 1) {
      try {
        const made = create(...without(templates, omissions[tried] ?? []));
        // Only now: a template that is refused whatever is left out says nothing about these.
        this.#learned = tried;
        return made;
      } catch (error) {
        refusal ??= error;
        if (!refusals.includes(ckrOf(error) ?? 0)) return attempt(call, () => rethrow(error));
      }
    }
    return attempt(call, () => rethrow(refusal));
  }
}

function without(
  templates: readonly pkcs11.Attribute[][],
  omitted: readonly number[],
): pkcs11.Attribute[][] {
  if (omitted.length === 0) return [...templates];
  return templates.map((template) => template.filter(({ type }) => !omitted.includes(type)));
}

function rethrow(error: unknown): never {
  throw error;
}
