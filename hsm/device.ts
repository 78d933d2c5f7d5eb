import pkcs11 from 'pkcs11js';
import { P256_PARAMETERS } from './catalogue.ts';
import { attempt, fault, plainly } from './errors.ts';
import { findHandles } from './inventory.ts';
import { openLibrary } from './library.ts';
import { type Login, logIn } from './link.ts';
import { computeHmac, signMessage } from './mechanisms.ts';
import { readPublicKey } from './public-key.ts';
import {
  hmacMechanisms,
  KeyMaker,
  privateKeyTemplate,
  publicKeyTemplate,
  requiredFlags,
  requireFlags,
  secretKeyTemplate,
  type Use,
} from './templates.ts';
import type { ModuleAddress } from './types.ts';
import { requirePkcs11Uri } from './uri.ts';

/**
 * A p11Token as the safe of one workstation: a P-256 key pair that is its identity, HMAC keys that come
 * and go, and numbers that outlive a restored disk. Every object bears a label. All reject with a
 * `ModuleFailure`.
 */
export interface DeviceModule {
  /** SubjectPublicKeyInfo of a new key pair that signs (ECDSA) and agrees (ECDH); none of that label may be there. */
  createKeyPair(label: string): Promise<Uint8Array>;
  /** ECDSA over the SHA-256 of the message; r and s in 64 bytes. */
  sign(label: string, message: Uint8Array): Promise<Uint8Array>;
  /** The x coordinate, 32 bytes. @param point uncompressed, 65 bytes */
  agree(label: string, point: Uint8Array): Promise<Uint8Array>;
  /** A 32-byte key that never leaves; one of that label that is there already goes. */
  createMacKey(label: string): Promise<void>;
  /** HMAC-SHA-256; `contract` when the key is not there. */
  mac(label: string, message: Uint8Array): Promise<Uint8Array>;
  /** Null when none was ever written. */
  readNumber(label: string): Promise<number | null>;
  writeNumber(label: string, value: number): Promise<void>;
  /** Everything of that label; no error if there is nothing. */
  destroy(label: string): Promise<void>;
  close(): Promise<void>;
}

const pairUses: readonly Use[] = ['sign', 'derive'];
const pairMechanisms = [pkcs11.CKM_ECDSA, pkcs11.CKM_ECDH1_DERIVE];
const macBytes = 32;
const agreedBytes = 32;
const labelBytesMax = 128;

/** Logs in; the login lasts until `close`. Rejects with a `ModuleFailure`. */
export function openDevice(address: ModuleAddress): Promise<DeviceModule> {
  return plainly('openDevice', async () => {
    const uri = requirePkcs11Uri(address.uri);
    const library = openLibrary(uri.modulePath);
    try {
      const login = await logIn(library, { address, uri });
      if (login === undefined) {
        throw fault('denied', 'the module needs its PIN: add pin-source=file:/path to the URI');
      }
      return deviceOf(login, () => library.release());
    } catch (error) {
      library.release();
      throw error;
    }
  });
}

function deviceOf(login: Login, release: () => void): DeviceModule {
  const { p11, anchor } = login;
  const maker = new KeyMaker();
  const secret = (label: string): pkcs11.Handle => one(login, pkcs11.CKO_SECRET_KEY, label);
  const privateKey = (label: string): pkcs11.Handle => one(login, pkcs11.CKO_PRIVATE_KEY, label);
  return {
    createKeyPair: (label) =>
      plainly('createKeyPair', () => {
        if (labelled(login, pkcs11.CKO_PRIVATE_KEY, label).length > 0) {
          throw fault('contract', `there is a key pair "${label}" already`);
        }
        return createPair(login, maker, label);
      }),
    sign: (label, message) =>
      plainly('sign', () => signMessage(p11, anchor, privateKey(label), message)),
    agree: (label, point) => plainly('agree', () => derive(login, privateKey(label), point)),
    createMacKey: (label) =>
      plainly('createMacKey', () => {
        destroy(login, label);
        createMac(login, maker, label);
      }),
    mac: (label, message) =>
      plainly('mac', () =>
        Uint8Array.from(
          attempt('C_Sign', () => computeHmac(p11, anchor, 'SHA256', secret(label), message)),
        ),
      ),
    readNumber: (label) => plainly('readNumber', () => readNumber(login, label)),
    writeNumber: (label, value) => plainly('writeNumber', () => writeNumber(login, label, value)),
    destroy: (label) => plainly('destroy', () => destroy(login, label)),
    close: () =>
      plainly('close', () => {
        login.close();
        release();
      }),
  };
}

/** @param objectClass undefined for objects of any class */
function labelled(
  { p11, anchor }: Login,
  objectClass: number | undefined,
  label: string,
): pkcs11.Handle[] {
  if (label === '' || Buffer.byteLength(label) > labelBytesMax) {
    throw fault('contract', `a label has 1 to ${labelBytesMax} bytes`);
  }
  return findHandles(p11, anchor, [
    ...(objectClass === undefined ? [] : [{ type: pkcs11.CKA_CLASS, value: objectClass }]),
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_LABEL, value: label },
  ]);
}

function one(login: Login, objectClass: number, label: string): pkcs11.Handle {
  const found = labelled(login, objectClass, label);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw fault('contract', `the module holds ${found.length} keys "${label}", one must be there`);
  }
  return only;
}

function destroy(login: Login, label: string): void {
  for (const handle of labelled(login, undefined, label)) {
    attempt('C_DestroyObject', () => login.p11.C_DestroyObject(login.anchor, handle));
  }
}

function createPair(login: Login, maker: KeyMaker, label: string): Uint8Array {
  const { p11, anchor } = login;
  const shape = { isToken: true, mechanisms: pairMechanisms, label, id: idOf(label) };
  const parameters = [{ type: pkcs11.CKA_EC_PARAMS, value: P256_PARAMETERS }];
  const templates = [
    publicKeyTemplate(pkcs11.CKK_EC, { ...shape, uses: ['verify'] }, parameters),
    privateKeyTemplate(pkcs11.CKK_EC, { ...shape, uses: pairUses }),
  ];
  const pair = maker.make('C_GenerateKeyPair', templates, (publicKey = [], privateKey = []) =>
    p11.C_GenerateKeyPair(anchor, { mechanism: pkcs11.CKM_EC_KEY_PAIR_GEN }, publicKey, privateKey),
  );
  const required = requiredFlags(pkcs11.CKO_PRIVATE_KEY, { ...shape, uses: pairUses });
  requireFlags(p11, anchor, pair.privateKey, label, required);
  return readPublicKey(p11, anchor, label, {
    handle: pair.privateKey,
    id: shape.id,
    publicHandle: pair.publicKey,
  });
}

function createMac({ p11, anchor }: Login, maker: KeyMaker, label: string): void {
  const shape = {
    isToken: true,
    uses: ['sign'] as const,
    mechanisms: [hmacMechanisms.SHA256],
    label,
    id: idOf(label),
  };
  const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape, { bytes: macBytes });
  const mechanism = { mechanism: pkcs11.CKM_GENERIC_SECRET_KEY_GEN };
  const key = maker.make('C_GenerateKey', [template], (wanted = []) =>
    p11.C_GenerateKey(anchor, mechanism, wanted),
  );
  requireFlags(p11, anchor, key, label, requiredFlags(pkcs11.CKO_SECRET_KEY, shape));
}

/** What two parties agree on is meant to be read: a session object that lives as long as this call. */
function derive({ p11, anchor }: Login, key: pkcs11.Handle, point: Uint8Array): Uint8Array {
  const parameter = {
    type: pkcs11.CK_PARAMS_EC_DH,
    kdf: pkcs11.CKD_NULL,
    publicData: Buffer.from(point),
  };
  const mechanism = { mechanism: pkcs11.CKM_ECDH1_DERIVE, parameter };
  const derived = attempt('C_DeriveKey', () =>
    p11.C_DeriveKey(anchor, mechanism, key, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
      { type: pkcs11.CKA_VALUE_LEN, value: agreedBytes },
      { type: pkcs11.CKA_TOKEN, value: false },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: false },
      { type: pkcs11.CKA_EXTRACTABLE, value: true },
    ]),
  );
  try {
    const [attribute] = attempt('C_GetAttributeValue', () =>
      p11.C_GetAttributeValue(anchor, derived, [{ type: pkcs11.CKA_VALUE }]),
    );
    const value = attribute?.value;
    if (value?.length !== agreedBytes) throw fault('contract', 'the module agreed on no 32 bytes');
    return Uint8Array.from(value);
  } finally {
    p11.C_DestroyObject(anchor, derived);
  }
}

/** A private data object: nothing secret, but nothing that a restored disk could set back. */
function readNumber(login: Login, label: string): number | null {
  const found = labelled(login, pkcs11.CKO_DATA, label).map((handle) => {
    const [attribute] = attempt('C_GetAttributeValue', () =>
      login.p11.C_GetAttributeValue(login.anchor, handle, [{ type: pkcs11.CKA_VALUE }]),
    );
    const text = attribute?.value.toString('latin1') ?? '';
    if (!/^\d{1,15}$/.test(text)) throw fault('contract', `"${label}" in the module is no number`);
    return Number(text);
  });
  // Two are there when a write was interrupted between making the new one and taking the old one away.
  return found.length === 0 ? null : Math.max(...found);
}

function writeNumber(login: Login, label: string, value: number): void {
  const { p11, anchor } = login;
  const before = labelled(login, pkcs11.CKO_DATA, label);
  attempt('C_CreateObject', () =>
    p11.C_CreateObject(anchor, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_LABEL, value: label },
      { type: pkcs11.CKA_VALUE, value: Buffer.from(String(value), 'latin1') },
    ]),
  );
  for (const handle of before) {
    attempt('C_DestroyObject', () => p11.C_DestroyObject(anchor, handle));
  }
}

function idOf(label: string): Buffer {
  return Buffer.from(label, 'utf8');
}
