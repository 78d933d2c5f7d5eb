import pkcs11 from 'pkcs11js';
import { plainly } from './errors.ts';
import { findHandles } from './inventory.ts';
import { withLogin } from './init.ts';
import { openLibrary, listP11Slots } from './library.ts';
import { letGo } from './link.ts';
import type { Login } from './link.ts';
import { ulongOf } from './templates.ts';
import type { ListedObject, ModuleAddress, P11TokenInfo } from './types.ts';

const classNames: ReadonlyMap<number, string> = new Map([
  [pkcs11.CKO_DATA, 'data'],
  [pkcs11.CKO_CERTIFICATE, 'certificate'],
  [pkcs11.CKO_PUBLIC_KEY, 'public key'],
  [pkcs11.CKO_PRIVATE_KEY, 'private key'],
  [pkcs11.CKO_SECRET_KEY, 'secret key'],
]);
const keyTypeNames: ReadonlyMap<number, string> = new Map([
  [pkcs11.CKK_RSA, 'RSA'],
  [pkcs11.CKK_EC, 'EC'],
  [pkcs11.CKK_AES, 'AES'],
  [pkcs11.CKK_GENERIC_SECRET, 'generic secret'],
]);

/**
 * Every token object: class, label, id, key type and whether it is protected. Values are not even
 * asked for.
 *
 * @returns rejects with a `ModuleFailure` as `openModule` does
 */
export function listObjects(address: ModuleAddress): Promise<readonly ListedObject[]> {
  return plainly('listObjects', () => withLogin(address, listAll));
}

/**
 * The initialised p11Tokens of a library, for those who have to choose one; needs no PIN.
 *
 * @returns rejects with a `ModuleFailure`
 */
export function listP11Tokens(modulePath: string): Promise<readonly P11TokenInfo[]> {
  return plainly('listP11Tokens', () => {
    const library = openLibrary(modulePath);
    try {
      return listP11Slots(library)
        .map(({ info }) => info)
        .filter(({ initialised }) => initialised);
    } finally {
      library.release();
    }
  });
}

async function listAll({ p11, anchor }: Login): Promise<readonly ListedObject[]> {
  const listed: ListedObject[] = [];
  for (const handle of findHandles(p11, anchor, [{ type: pkcs11.CKA_TOKEN, value: true }])) {
    listed.push(listOne((type) => valueOf(p11, anchor, handle, type)));
    await letGo();
  }
  return listed.sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
}

function listOne(read: (type: number) => Buffer | undefined): ListedObject {
  const objectClass = read(pkcs11.CKA_CLASS);
  const keyType = read(pkcs11.CKA_KEY_TYPE);
  const sensitive = read(pkcs11.CKA_SENSITIVE);
  const extractable = read(pkcs11.CKA_EXTRACTABLE);
  return {
    objectClass: named(classNames, objectClass),
    label: read(pkcs11.CKA_LABEL)?.toString('utf8') ?? '',
    id: read(pkcs11.CKA_ID)?.toString('hex') ?? '',
    keyType: named(keyTypeNames, keyType),
    ...(sensitive === undefined ? {} : { sensitive: sensitive[0] === 1 }),
    ...(extractable === undefined ? {} : { extractable: extractable[0] === 1 }),
  };
}

function named(names: ReadonlyMap<number, string>, value: Buffer | undefined): string {
  if (value === undefined) return '';
  const number = ulongOf(value);
  return names.get(number) ?? `0x${number.toString(16)}`;
}

/** One attribute; undefined where the object has none of that type. */
function valueOf(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  handle: pkcs11.Handle,
  type: number,
): Buffer | undefined {
  try {
    return p11.C_GetAttributeValue(session, handle, [{ type }])[0]?.value;
  } catch {
    return undefined;
  }
}
