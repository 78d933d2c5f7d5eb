import pkcs11 from 'pkcs11js';
import type { CatalogueKey } from './catalogue.ts';
import { attempt, fault } from './errors.ts';

/** RFC 5480: AlgorithmIdentifier of an EC key on P-256, up to the BIT STRING's content. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
const pointBytes = 65;

/** SubjectPublicKeyInfo of a P-256 key pair of the module. */
export function readPublicKey(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  name: string,
  { publicHandle }: CatalogueKey,
): Uint8Array {
  if (publicHandle === undefined) throw fault('contract', `the key "${name}" has no public half`);
  const [attribute] = attempt('C_GetAttributeValue', () =>
    p11.C_GetAttributeValue(session, publicHandle, [{ type: pkcs11.CKA_EC_POINT }]),
  );
  const value = attribute?.value ?? Buffer.alloc(0);
  // PKCS#11 v2.40 asks for a DER OCTET STRING around the point; some modules leave it out.
  const point = value.length === pointBytes + 2 ? value.subarray(2) : value;
  if (point.length !== pointBytes || point[0] !== 4) {
    throw fault('contract', `the key "${name}" is not on P-256`);
  }
  return Uint8Array.from(Buffer.concat([spkiPrefix, point]));
}
