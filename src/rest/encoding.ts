/** Seeds arrive as text. The bytes are the caller's to overwrite; the text, alas, is not. */

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Hex digits in pairs, either case; undefined for anything else. */
export function decodeHex(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(text)) return undefined;
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/**
 * Base32 (RFC 4648 section 6), either case, padding complete or absent, no white space; undefined
 * for anything else, also when the bits after the last byte are not zero.
 */
export function decodeBase32(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, '').toUpperCase();
  const isPadded = digits.length !== text.length;
  if (digits.length === 0 || (isPadded && text.length % 8 !== 0)) return undefined;
  // 1, 3 or 6 digits over do not end on a byte.
  if ([1, 3, 6].includes(digits.length % 8)) return undefined;
  if (isPadded && text.length - digits.length >= 8) return undefined;
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const digit of digits) {
    const five = base32Alphabet.indexOf(digit);
    if (five < 0) return undefined;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (value >> bits) & 0xff;
      at += 1;
    }
  }
  return (value & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

/**
 * Base64 (RFC 4648 section 4, with padding) or base64url (section 5, without); undefined for anything else,
 * so that there is one text for each value.
 */
export function decodeBase64(
  text: string,
  encoding: 'base64' | 'base64url' = 'base64',
): Uint8Array | undefined {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}
