import type { HashName, QuestionFormat } from '../oath/index.ts';
import type { ValueFormat } from './key-file.ts';

/** Namespaces of a PSKC document (RFC 6030), its algorithms, and those of XML Encryption. */

export const pskcNamespaces = {
  pskc: 'urn:ietf:params:xml:ns:keyprov:pskc',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  xenc: 'http://www.w3.org/2001/04/xmlenc#',
  /** Ours, for what RFC 6030 has no element for. */
  tallystick: 'urn:tallystick:pskc:1',
} as const;

export const pskcVersion = '1.0';

/**
 * What `Algorithm` of a key says. RFC 6030 section 10 defines HOTP; the other two are those that
 * fielded files have.
 */
export const pskcAlgorithms = {
  hotp: 'urn:ietf:params:xml:ns:keyprov:pskc:hotp',
  totp: 'urn:ietf:params:xml:ns:keyprov:pskc:totp',
  ocra: 'urn:ietf:params:xml:ns:keyprov:pskc:ocra',
} as const;

/** `Suite` of HOTP and TOTP. Without one the hash is SHA-1. */
export const pskcHashSuites: Readonly<Record<HashName, string>> = {
  SHA1: 'HMAC-SHA1',
  SHA256: 'HMAC-SHA256',
  SHA512: 'HMAC-SHA512',
};

/** `Algorithm` of a MACMethod. */
export const macAlgorithms: Readonly<Record<HashName, string>> = {
  SHA1: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
  SHA256: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
  SHA512: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha512',
};

/** `Algorithm` of an EncryptionMethod, by the length of the key in bytes. */
export const encryptionAlgorithms = {
  cbc: {
    16: 'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
    32: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  },
  'key-wrap': {
    16: 'http://www.w3.org/2001/04/xmlenc#kw-aes128',
    32: 'http://www.w3.org/2001/04/xmlenc#kw-aes256',
  },
} as const;

/** How the challenge is written, by the suite's question format (RFC 6287 section 6.3). */
export const challengeEncodings: Readonly<Record<QuestionFormat, ValueFormat>> = {
  N: 'DECIMAL',
  A: 'ALPHANUMERIC',
  H: 'HEXADECIMAL',
};

/** RFC 6030 section 11: Counter is an xs:long, TimeDrift an xs:int. */
export const pskcCounterMax: bigint = 2n ** 63n - 1n;
export const pskcIntMax = 2_147_483_647;
/** RFC 6030 section 10.1: HOTP has 6 to 9 digits. */
export const pskcHotpDigitsMax = 9;
