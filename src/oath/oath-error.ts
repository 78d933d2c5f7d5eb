/**
 * What went wrong, for code that branches on it. Codes are never renamed or reused.
 *
 * - `ERR_OATH_VALUE`: a number or text outside its range (hash, digits, counter, step, response).
 * - `ERR_OATH_MAC`: a MAC whose length does not belong to the hash.
 * - `ERR_OATH_ALGORITHM`: the JSON form of an algorithm is not one of the known shapes.
 * - `ERR_OATH_WINDOW`: a candidate window that is not a bounded whole number.
 * - `ERR_OCRA_SUITE`: an OCRASuite that RFC 6287 section 6 does not allow.
 * - `ERR_OATH_INPUT`: inputs that do not fit the algorithm they are given for.
 */
export type OathErrorCode =
  | 'ERR_OATH_VALUE'
  | 'ERR_OATH_MAC'
  | 'ERR_OATH_ALGORITHM'
  | 'ERR_OATH_WINDOW'
  | 'ERR_OCRA_SUITE'
  | 'ERR_OATH_INPUT';

const quotedCharactersMax = 32;

/**
 * The only error this room throws. `part` names what was refused (`timestamp`, `digits`, ...), the
 * message says what is allowed. Responses, challenges, PIN hashes and session data never appear in
 * a message: a caller may log it.
 */
export class OathError extends Error {
  override readonly name: string = 'OathError';
  readonly code: OathErrorCode;
  readonly part: string;

  /**
   * @param code stable code
   * @param part name of the refused part
   * @param allowed what would have been accepted, to follow the words "must be"
   * @param found the refused text, only when it is no secret; quoted and cut to 32 characters
   */
  constructor(code: OathErrorCode, part: string, allowed: string, found?: string) {
    super(`${part} must be ${allowed}${found === undefined ? '' : `, not ${quoted(found)}`}`);
    this.code = code;
    this.part = part;
  }
}

function quoted(text: string): string {
  const cut = text.length > quotedCharactersMax;
  return JSON.stringify(text.slice(0, quotedCharactersMax)) + (cut ? '...' : '');
}
