import { createHash } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { attempt, fault } from './errors.ts';
import { digestBytes, hmacMechanisms } from './templates.ts';
import type { HashName } from './types.ts';

const gcmNonceBytes = 12;
const gcmTagBits = 128;
const sealVersion = 1;
const ecSignatureBytes = 64;

/** Fixed text under a seed: long enough that no response can be computed from it. */
const keyCheckLabel = Buffer.from('tallystick key check value v1');
const keyCheckBytes = 4;

/** One mechanism object per hash: the binding only reads it. */
const hmacOf: Readonly<Record<HashName, pkcs11.Mechanism>> = {
  SHA1: { mechanism: hmacMechanisms.SHA1 },
  SHA256: { mechanism: hmacMechanisms.SHA256 },
  SHA512: { mechanism: hmacMechanisms.SHA512 },
};

/**
 * HMAC inside the module: C_SignInit and C_Sign in one breath, never anything between them. Throws
 * what the binding throws, so that the hot path has no wrapper.
 *
 * @param mac room of exactly the digest's length, for callers that compute many
 * @returns the whole MAC
 */
export function computeHmac(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  hash: HashName,
  key: pkcs11.Handle,
  message: Uint8Array,
  mac: Uint8Array = roomForMac(hash),
): Uint8Array {
  p11.C_SignInit(session, hmacOf[hash], key);
  // The binding takes any byte array; its types ask for the narrower Buffer.
  p11.C_Sign(session, message as Buffer, mac as Buffer);
  return mac;
}

function roomForMac(hash: HashName): Uint8Array {
  return new Uint8Array(digestBytes[hash]);
}

/** Hex of the first bytes of HMAC(seed, label): shows that two sides hold the same seed. */
export function computeKeyCheckValue(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  hash: HashName,
  seed: pkcs11.Handle,
): string {
  const mac = attempt('C_Sign', () => computeHmac(p11, session, hash, seed, keyCheckLabel));
  const value = Buffer.from(mac.subarray(0, keyCheckBytes)).toString('hex');
  mac.fill(0);
  return value;
}

/** ECDSA P-256 over the SHA-256 of the message (hashed here: it is public). r || s. */
export function signMessage(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  key: pkcs11.Handle,
  message: Uint8Array,
): Uint8Array {
  const digest = createHash('sha256').update(message).digest();
  const signature = attempt('C_Sign', () => {
    p11.C_SignInit(session, { mechanism: pkcs11.CKM_ECDSA }, key);
    return p11.C_Sign(session, digest, Buffer.alloc(2 * ecSignatureBytes));
  });
  if (signature.length !== ecSignatureBytes) {
    throw fault('contract', `the module gave a P-256 signature of ${signature.length} bytes`);
  }
  return Uint8Array.from(signature);
}

/** AES-256-GCM under a module key: version, nonce from the module's generator, text and tag. */
export function sealText(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  key: pkcs11.Handle,
  context: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const room = Buffer.alloc(plain.length + gcmTagBits / 8);
  const nonce = attempt('C_GenerateRandom', () =>
    p11.C_GenerateRandom(session, Buffer.alloc(gcmNonceBytes)),
  );
  const body = attempt('C_Encrypt', () => {
    p11.C_EncryptInit(session, gcm(nonce, context), key);
    return p11.C_Encrypt(session, plain as Buffer, room);
  });
  const sealed = new Uint8Array(1 + gcmNonceBytes + body.length);
  sealed[0] = sealVersion;
  sealed.set(nonce, 1);
  sealed.set(body, 1 + gcmNonceBytes);
  return sealed;
}

/**
 * @throws ModuleFault `damaged` when the form is wrong; what the module says of a wrong tag differs
 *   from module to module
 */
export function openSealed(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  key: pkcs11.Handle,
  context: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (sealed[0] !== sealVersion || sealed.length <= 1 + gcmNonceBytes + gcmTagBits / 8) {
    throw fault('damaged', 'the sealed text has an unknown form');
  }
  const nonce = Buffer.from(sealed.subarray(1, 1 + gcmNonceBytes));
  const body = Buffer.from(sealed.subarray(1 + gcmNonceBytes));
  const room = Buffer.alloc(body.length);
  try {
    const plain = attempt('C_Decrypt', () => {
      p11.C_DecryptInit(session, gcm(nonce, context), key);
      return p11.C_Decrypt(session, body, room);
    });
    return Uint8Array.from(plain);
  } finally {
    room.fill(0);
  }
}

function gcm(nonce: Buffer, context: Uint8Array): pkcs11.Mechanism {
  const parameter: pkcs11.GcmParams = {
    type: pkcs11.CK_PARAMS_AES_GCM_v240,
    iv: nonce,
    ivBits: 8 * gcmNonceBytes,
    aad: Buffer.from(context),
    tagBits: gcmTagBits,
  };
  return { mechanism: pkcs11.CKM_AES_GCM, parameter };
}
