import { TallystickError } from '../errors.ts';
import { algorithmText, type ResponseAlgorithm } from '../oath/index.ts';

const serialPattern = /^[A-Z0-9]{4,16}(?:-[1-9][0-9]?)?$/;
const applicationNamePattern = /^[A-Z0-9][A-Z0-9 _-]{0,11}$/;
const modelPattern = /^[A-Z0-9]{1,8}$/;
const userNameCharactersMax = 255;
/** Control characters, lone surrogates, and the separators that break lines. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * The serial printed on a device, upper case: 4 to 16 letters and digits, and `-1` to `-99` for an
 * instance of a shared licence. Lower case is taken for upper case.
 *
 * @throws TallystickError request-invalid, field `serial`
 */
export function parseSerial(value: unknown): string {
  const allowed = '4 to 16 letters A-Z and digits, optionally "-" and an instance from 1 to 99';
  return matching('serial', upperCase(value), serialPattern, allowed);
}

/** The serial without its instance: `VT00000001` of `VT00000001-2`. */
export function licenceSerial(serial: string): string {
  return serial.replace(/-[0-9]+$/, '');
}

/**
 * The name of an application on its authenticator, upper case, 1 to 12 characters.
 *
 * @throws TallystickError request-invalid, field `applicationName`
 */
export function parseApplicationName(value: unknown): string {
  const allowed = '1 to 12 of A-Z, 0-9, space, "_" and "-", beginning with a letter or digit';
  return matching('applicationName', upperCase(value), applicationNamePattern, allowed);
}

/**
 * The model (type) of an authenticator, upper case, 1 to 8 letters and digits.
 *
 * @throws TallystickError request-invalid, field `model`
 */
export function parseModel(value: unknown): string {
  return matching('model', upperCase(value), modelPattern, '1 to 8 letters A-Z and digits');
}

/**
 * A user's name in NFC, 1 to 255 characters (UTF-16 units), without control characters and line
 * separators; surrounding blanks are refused because nobody sees them.
 *
 * @throws TallystickError request-invalid, field `userName`
 */
export function parseUserName(value: unknown): string {
  const allowed = '1 to 255 characters without control characters or surrounding blanks';
  if (typeof value !== 'string' || value.length > userNameCharactersMax) {
    throw invalid('userName', allowed);
  }
  const name = value.normalize('NFC');
  const isAllowed =
    name !== '' &&
    name.length <= userNameCharactersMax &&
    name.trim() === name &&
    !unprintable.test(name);
  if (!isAllowed) throw invalid('userName', allowed);
  return name;
}

/**
 * The key by which names are compared: NFC, lower case. Normalised again at the end, because
 * lower-casing may leave a composition open; so a key's key is itself.
 */
export function nameKey(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}

/** What a seed is bound to: which application of which authenticator it belongs to. */
export function seedOwner(serial: string, applicationName: string): string {
  return `${serial}/${applicationName}`;
}

/** What a seed is bound to: algorithm, hash, digits and time step as one canonical line. */
export function seedProfile(algorithm: ResponseAlgorithm): string {
  return algorithmText(algorithm);
}

function upperCase(value: unknown): unknown {
  // Only ASCII: toUpperCase would turn U+0131 into I and so let two spellings meet.
  return typeof value === 'string' ? value.replace(/[a-z]/g, (c) => c.toUpperCase()) : value;
}

function matching(field: string, value: unknown, pattern: RegExp, allowed: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw invalid(field, allowed);
}

function invalid(field: string, allowed: string): TallystickError {
  return new TallystickError('request-invalid', `${field} must be ${allowed}.`, {
    fields: { field, allowed },
  });
}
