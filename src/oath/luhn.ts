import { OathError } from './oath-error.ts';

const digitsMax = 64;

/**
 * The check digit of ISO/IEC 7812-1 annex B (Luhn) for a number without one.
 *
 * @param digits 1 to 64 decimal digits
 * @throws OathError ERR_OATH_VALUE, part `digits`; the message never quotes them
 */
export function luhnCheckDigit(digits: string): string {
  return String((10 - (weightedSum(digits, true) % 10)) % 10);
}

/** The number with its check digit appended. Errors as for `luhnCheckDigit`. */
export function appendLuhn(digits: string): string {
  return digits + luhnCheckDigit(digits);
}

/**
 * Whether the last digit is the check digit of those before it. A single digit has none, so it is
 * never right.
 *
 * @throws OathError ERR_OATH_VALUE, part `digits`, for anything but 1 to 64 decimal digits
 */
export function hasLuhn(digits: string): boolean {
  const sum = weightedSum(digits, false);
  return digits.length > 1 && sum % 10 === 0;
}

/** From the right, every second digit doubled and its own digits added. */
function weightedSum(digits: string, doublesLast: boolean): number {
  if (digits.length > digitsMax || !/^[0-9]+$/.test(digits)) {
    throw new OathError('ERR_OATH_VALUE', 'digits', `1 to ${String(digitsMax)} decimal digits`);
  }
  let sum = 0;
  let isDoubled = doublesLast;
  for (let index = digits.length - 1; index >= 0; index -= 1) {
    const digit = Number(digits.charAt(index));
    const weighted = isDoubled ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
    isDoubled = !isDoubled;
  }
  return sum;
}
