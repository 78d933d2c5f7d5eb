import { TallystickError } from '../errors.ts';

/** RFC 5321 section 4.5.3.1.3, without the angle brackets. */
const emailLengthMax = 254;
/** One bare address: nothing that a list, a comment or a header could be made of. */
const emailPattern = /^[^\s\p{C}<>()[\],;:"\\@]+@[^\s\p{C}<>()[\],;:"\\@]+$/u;

/** What people put between the digits of a number; no-break spaces come with what is pasted. */
const numberFillers = /[ \u00a0-]/g;
/** Much more than a number with all its fillers. */
const typedNumberLengthMax = 64;
/** ITU-T E.164: a country code, which never begins with 0, and 15 digits at most in all. */
const numberPattern = /^\+[1-9][0-9]{6,14}$/;

/**
 * The address that messages to a user go to, as it was typed.
 *
 * @throws TallystickError request-invalid, field `email`
 */
export function parseEmail(value: unknown): string {
  if (typeof value === 'string' && value.length <= emailLengthMax && emailPattern.test(value)) {
    return value;
  }
  const allowed = `one e-mail address such as jane@example.org, at most ${emailLengthMax} characters`;
  throw invalid('email', allowed);
}

/**
 * A telephone number in the form of E.164, without the blanks and hyphens that people type.
 *
 * @param field `mobile` or `phone`, for the error
 * @throws TallystickError request-invalid
 */
export function parseTelephoneNumber(field: 'mobile' | 'phone', value: unknown): string {
  if (typeof value === 'string' && value.length <= typedNumberLengthMax) {
    const number = value.replace(numberFillers, '');
    if (numberPattern.test(number)) return number;
  }
  const allowed =
    'a number with its country code such as +49 170 1234567: "+" and 7 to 15 digits, the first not 0, with blanks and hyphens at will';
  throw invalid(field, allowed);
}

function invalid(field: string, allowed: string): TallystickError {
  return new TallystickError('request-invalid', `${field} must be ${allowed}.`, {
    fields: { field, allowed },
  });
}
