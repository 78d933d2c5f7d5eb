import { OathError } from './oath-error.ts';

/** The three hashes that RFC 6238 section 1.2 and RFC 6287 section 6.2 name. */
export type HashName = 'SHA1' | 'SHA256' | 'SHA512';

declare const brand: unique symbol;

/** An 8-byte event counter, 0 to 2^64-1 (RFC 4226 section 5.1: C). Minted by `parseEventCounter`. */
export type EventCounter = bigint & { readonly [brand]: 'EventCounter' };

/** A number of time steps, 0 to 2^64-1 (RFC 6238 section 4.2: T). Minted by `parseTimeStep`. */
export type TimeStep = bigint & { readonly [brand]: 'TimeStep' };

/**
 * A response as a device shows it: 4 to 10 decimal digits, or the whole MAC as lower-case hex when
 * an OCRA suite asks for no truncation. Minted by `parseOtp` and by reading a MAC.
 */
export type Otp = string & { readonly [brand]: 'Otp' };

/** Length of a HOTP or TOTP response in decimal digits (RFC 4226 section 5.1: Digit). */
export type Digits = 6 | 7 | 8 | 9 | 10;

/** Remarks on a length that is legal but weaker than it looks. */
export type DigitsWarning = {
  readonly code: 'WARN_TEN_DIGITS';
  readonly message: string;
};

const digestBytesByHash = { SHA1: 20, SHA256: 32, SHA512: 64 } as const;

const tenDigitsWarning: DigitsWarning = Object.freeze({
  code: 'WARN_TEN_DIGITS',
  message: 'a truncated MAC has 31 bits, so the first of ten digits is only ever 0, 1 or 2',
});

/** The greatest counter and step: both are encoded in 8 bytes. */
export const movingFactorMax: bigint = 2n ** 64n - 1n;

/** Length in bytes of the hash's digest, and so of its HMAC. */
export function digestBytes(hash: HashName): 20 | 32 | 64 {
  return digestBytesByHash[hash];
}

/**
 * @param value anything; only the exact upper-case names are hashes
 * @throws OathError ERR_OATH_VALUE, part `hash`
 */
export function parseHashName(value: unknown): HashName {
  if (value === 'SHA1' || value === 'SHA256' || value === 'SHA512') return value;
  throw new OathError('ERR_OATH_VALUE', 'hash', 'SHA1, SHA256 or SHA512');
}

/**
 * The length of an event or time response. RFC 4226 requirement R4 sets the floor of six; ten is
 * accepted because devices with it exist, with a warning.
 *
 * @throws OathError ERR_OATH_VALUE, part `digits`
 */
export function parseDigits(value: unknown): {
  readonly digits: Digits;
  readonly warnings: readonly DigitsWarning[];
} {
  switch (value) {
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
      return { digits: value, warnings: warningsForDigits(value) };
    default:
      throw new OathError('ERR_OATH_VALUE', 'digits', 'a whole number from 6 to 10');
  }
}

/** The remarks that belong to a response of this many decimal digits. */
export function warningsForDigits(digits: number): readonly DigitsWarning[] {
  return digits === 10 ? [tenDigitsWarning] : [];
}

/**
 * @param value bigint, safe whole number, or decimal text without sign or leading zeros (counters
 *   travel as text in JSON, whose numbers end at 2^53)
 * @throws OathError ERR_OATH_VALUE, part `eventCounter`
 */
export function parseEventCounter(value: unknown): EventCounter {
  return parseMovingFactor('eventCounter', value) as EventCounter;
}

/**
 * @param value as for `parseEventCounter`; the negative step of a clock before the time origin is
 *   refused here
 * @throws OathError ERR_OATH_VALUE, part `timeStep`
 */
export function parseTimeStep(value: unknown): TimeStep {
  return parseMovingFactor('timeStep', value) as TimeStep;
}

/**
 * The counter after this one.
 *
 * @throws OathError ERR_OATH_VALUE, part `eventCounter`, after 2^64-1: a counter that wrapped to 0
 *   would show every response a second time
 */
export function nextEventCounter(counter: EventCounter): EventCounter {
  return parseEventCounter(counter + 1n);
}

/**
 * @param text 4 to 10 decimal digits, or 40, 64 or 128 hex digits (OCRA without truncation, RFC
 *   6287 section 6.2), which become lower case; nothing is trimmed
 * @throws OathError ERR_OATH_VALUE, part `response`; the message never quotes the text
 */
export function parseOtp(text: unknown): Otp {
  if (typeof text === 'string' && text.length <= 128) {
    if (/^[0-9]{4,10}$/.test(text)) return text as Otp;
    if (/^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})$/.test(text)) {
      return text.toLowerCase() as Otp;
    }
  }
  throw new OathError('ERR_OATH_VALUE', 'response', '4 to 10 digits, or a whole MAC in hex');
}

/** The lowest decimal digits of a truncated MAC, zero-padded on the left (RFC 4226 section 5.3). */
export function otpOfNumber(truncated: number, digits: number): Otp {
  return String(truncated % 10 ** digits).padStart(digits, '0') as Otp;
}

/** The whole MAC in lower-case hex: the form that the RFC 6287 reference code returns for t = 0. */
export function otpOfBytes(mac: Uint8Array): Otp {
  let text = '';
  for (const byte of mac) text += byte.toString(16).padStart(2, '0');
  return text as Otp;
}

function parseMovingFactor(part: string, value: unknown): bigint {
  const number = wholeNumber(value);
  if (number === undefined || number < 0n || number > movingFactorMax) {
    throw new OathError('ERR_OATH_VALUE', part, 'a whole number from 0 to 2^64-1');
  }
  return number;
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value === 'string' && /^(?:0|[1-9][0-9]{0,19})$/.test(value)) return BigInt(value);
  return undefined;
}
