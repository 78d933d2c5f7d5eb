import { OathError } from './oath-error.ts';
import { maySign, type OcraSuite } from './ocra-suite.ts';

/** The name of the convention below. It is ours alone: RFC 6287 leaves open what is signed. */
export const signatureScheme = 'emu-sign-1';

/** As many data fields as one signature covers. */
export const signatureFieldsMax: number = 8;

/** Characters of one data field: digits and hex digits, or letters and digits. */
export const hexFieldCharactersMax: number = 16;
export const textFieldCharactersMax: number = 8;

/**
 * Characters of a challenge for an application that signs as well, on one seed. Host and device keep to
 * it alike: the digest of data fields is longer, so that nobody gets one signed as a challenge.
 */
export const multiModeChallengeCharactersMax: number = 16;

/** SHA-1 as hex digits: the question that stands for the fields. */
const digestCharacters = 40;
/** Occurs in no field, so that no two lists of fields have one text. */
const separator = '|';

/**
 * The text that a signature over data fields is made of, by the convention `emu-sign-1`: the name of
 * the convention and the fields in their order, upper-cased, joined by `|`. Its SHA-1, as 40 hex
 * digits, is the question of the OCRA suite; hashing is the caller's.
 *
 * @param fields 1 to 8, each 1 to 16 hex digits or 1 to 8 letters and digits (A to Z, a to z, 0 to 9)
 * @throws OathError ERR_OATH_INPUT, part `fields` or `field <n>`; the message never quotes a field
 */
export function signatureText(fields: readonly string[]): string {
  if (fields.length < 1 || fields.length > signatureFieldsMax) {
    const allowed = `a list of 1 to ${String(signatureFieldsMax)} data fields`;
    throw new OathError('ERR_OATH_INPUT', 'fields', allowed);
  }
  return [signatureScheme, ...fields.map(canonicalField)].join(separator);
}

/** Whether responses of a suite can be signatures by this convention: QH40 or longer, without S. */
export function signsFields(suite: OcraSuite): boolean {
  const { question } = suite.dataInput;
  return maySign(suite) && question?.format === 'H' && question.maxLength >= digestCharacters;
}

function canonicalField(field: string, index: number): string {
  // Before upper-casing, which turns some letters into others: a sharp s into two letters.
  if (/^(?:[0-9A-Fa-f]{1,16}|[0-9A-Za-z]{1,8})$/.test(field)) return field.toUpperCase();
  const hex = String(hexFieldCharactersMax);
  const allowed = `1 to ${hex} hex digits, or 1 to ${String(textFieldCharactersMax)} letters and digits`;
  throw new OathError('ERR_OATH_INPUT', `field ${String(index + 1)}`, allowed);
}
