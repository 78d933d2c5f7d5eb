import { OathError } from './oath-error.ts';
import {
  digestBytes,
  type Digits,
  type EventCounter,
  movingFactorMax,
  type Otp,
  otpOfNumber,
  type TimeStep,
} from './types.ts';

const macLengths: readonly number[] = [
  digestBytes('SHA1'),
  digestBytes('SHA256'),
  digestBytes('SHA512'),
];

/**
 * The 8 bytes, most significant first, that HOTP and TOTP have MACed (RFC 4226 section 5.1).
 *
 * @throws OathError ERR_OATH_VALUE, part `movingFactor`, outside 0..2^64-1
 */
export function movingFactor(counter: EventCounter | TimeStep): Uint8Array {
  // A DataView would wrap a value out of range silently, and with it accept a foreign counter.
  if (counter < 0n || counter > movingFactorMax) {
    throw new OathError('ERR_OATH_VALUE', 'movingFactor', 'a whole number from 0 to 2^64-1');
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, counter);
  return bytes;
}

/**
 * The 31-bit number in a MAC (RFC 4226 section 5.3). The offset is the low nibble of the last byte
 * whatever the hash; the top bit is masked so that signed and unsigned readers agree.
 *
 * @param mac 20, 32 or 64 bytes
 * @throws OathError ERR_OATH_MAC, part `mac`, for any other length
 */
export function dynamicTruncate(mac: Uint8Array): number {
  if (!macLengths.includes(mac.length)) {
    throw new OathError('ERR_OATH_MAC', 'mac', '20, 32 or 64 bytes long');
  }
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  const offset = view.getUint8(mac.length - 1) & 0x0f;
  return view.getUint32(offset) & 0x7fffffff;
}

/**
 * Reads a MAC as the response that a device shows (RFC 4226 section 5.3).
 *
 * @throws OathError ERR_OATH_MAC for a MAC of a length that no known hash has
 */
export function decodeOtp(mac: Uint8Array, digits: Digits): Otp {
  return otpOfNumber(dynamicTruncate(mac), digits);
}
