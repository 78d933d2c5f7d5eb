import pkcs11 from 'pkcs11js';
import { attempt, ckrOf, faultOf } from './errors.ts';
import { ulongOf } from './templates.ts';

/** One object of the p11Token, without anything secret. */
export interface FoundObject {
  readonly handle: pkcs11.Handle;
  readonly objectClass: number;
  readonly label: string;
  readonly id: Buffer;
  readonly keyType: number;
  /** False if the object could leave the module or be read without login; of public keys, true. */
  readonly isGuarded: boolean;
}

const batchObjects = 256;
const keyClasses = [pkcs11.CKO_SECRET_KEY, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY];
const namingTypes = [pkcs11.CKA_LABEL, pkcs11.CKA_ID, pkcs11.CKA_KEY_TYPE];
const guardTypes = [
  pkcs11.CKA_PRIVATE,
  pkcs11.CKA_SENSITIVE,
  pkcs11.CKA_EXTRACTABLE,
  pkcs11.CKA_MODIFIABLE,
];
/** In the order of `guardTypes`: private, sensitive, neither extractable nor modifiable. */
const guardValues = [1, 1, 0, 0];
const nothing = Buffer.alloc(0);
const goneOrOther: readonly number[] = [
  pkcs11.CKR_OBJECT_HANDLE_INVALID,
  pkcs11.CKR_ATTRIBUTE_TYPE_INVALID,
];

/** Handles of the token objects that match, by one search in batches. */
export function findHandles(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  template: readonly pkcs11.Attribute[],
): pkcs11.Handle[] {
  attempt('C_FindObjectsInit', () => p11.C_FindObjectsInit(session, [...template]));
  try {
    const found: pkcs11.Handle[] = [];
    for (;;) {
      const batch = attempt('C_FindObjects', () => p11.C_FindObjects(session, batchObjects));
      found.push(...batch);
      if (batch.length < batchObjects) return found;
    }
  } finally {
    p11.C_FindObjectsFinal(session);
  }
}

/** What one object is; undefined if it went away meanwhile or is no key. */
function describeObject(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  handle: pkcs11.Handle,
  objectClass: number,
): FoundObject | undefined {
  const isPublic = objectClass === pkcs11.CKO_PUBLIC_KEY;
  const types = isPublic ? namingTypes : [...namingTypes, ...guardTypes];
  const values = valuesOf(p11, session, handle, types);
  if (values === undefined) return undefined;
  const [label = nothing, id = nothing, keyType, ...guards] = values;
  const isGuarded = isPublic || guards.every((value, index) => value[0] === guardValues[index]);
  return {
    handle,
    objectClass,
    label: label.toString('utf8'),
    id,
    keyType: ulongOf(keyType),
    isGuarded,
  };
}

function valuesOf(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  handle: pkcs11.Handle,
  types: readonly number[],
): Buffer[] | undefined {
  try {
    const wanted = types.map((type) => ({ type }));
    return p11.C_GetAttributeValue(session, handle, wanted).map(({ value }) => value);
  } catch (error) {
    if (goneOrOther.includes(ckrOf(error) ?? 0)) return undefined;
    throw faultOf(error, 'C_GetAttributeValue');
  }
}

/**
 * All keys of the p11Token. With many resident seeds this takes long (about 70 microseconds each
 * with SoftHSM), so the event loop is let go between batches.
 *
 * @param letGo resolves when the event loop has turned
 */
export async function listKeys(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  letGo: () => Promise<void>,
): Promise<FoundObject[]> {
  const found: FoundObject[] = [];
  for (const objectClass of keyClasses) {
    const handles = findHandles(p11, session, [
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_CLASS, value: objectClass },
    ]);
    for (const [index, handle] of handles.entries()) {
      const object = describeObject(p11, session, handle, objectClass);
      if (object !== undefined) found.push(object);
      if (index % 16 === 15) await letGo();
    }
  }
  return found;
}

/** The token object with this CKA_ID among the secret keys, as another instance may have made it. */
export function findSecretKeysById(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  id: Uint8Array,
): FoundObject[] {
  const handles = findHandles(p11, session, [
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_ID, value: Buffer.from(id) },
  ]);
  return handles.flatMap(
    (handle) => describeObject(p11, session, handle, pkcs11.CKO_SECRET_KEY) ?? [],
  );
}
