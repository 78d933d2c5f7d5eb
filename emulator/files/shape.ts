/** JSON that is not what it should be. `message` names the member and what is allowed there. */
export class ShapeError extends Error {
  override readonly name: string = 'ShapeError';
}

/** The members of a JSON object whose names have been checked. */
export type Members = Readonly<Record<string, unknown>>;

/**
 * Parses JSON text.
 *
 * @throws ShapeError; the message does not quote the text, which may hold seeds
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ShapeError('the file is not JSON');
  }
}

/**
 * An object with exactly these members.
 *
 * @param where how to call the object in a message
 * @throws ShapeError for another type, a missing member or an unknown one
 */
export function readMembers(value: unknown, where: string, names: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeError(`${where} must be an object`);
  }
  for (const name of names) {
    if (!Object.hasOwn(value, name)) throw new ShapeError(`${where} has no member ${name}`);
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      throw new ShapeError(
        `${where} has an unknown member ${JSON.stringify(name.slice(0, 32))}; allowed are ${names.join(', ')}`,
      );
    }
  }
  return value as Members;
}

/**
 * The same, of which some may be left out.
 *
 * @throws ShapeError as `readMembers`
 */
export function readOptional(
  value: unknown,
  where: string,
  names: readonly string[],
  optional: readonly string[],
): Members {
  const isObject = typeof value === 'object' && value !== null;
  const present = isObject ? optional.filter((name) => Object.hasOwn(value, name)) : [];
  return readMembers(value, where, [...names, ...present]);
}

/** The text of the member that tells variants apart. */
export function readKind(value: unknown, where: string, name: string): string {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, name)) {
    return readText((value as Members)[name], `${where}.${name}`, 64);
  }
  throw new ShapeError(`${where} must be an object with a member ${name}`);
}

export function readText(value: unknown, where: string, charactersMax: number): string {
  if (typeof value === 'string' && value.length <= charactersMax) return value;
  throw new ShapeError(`${where} must be text of at most ${charactersMax} characters`);
}

/** One of a few words. */
export function readWord<Word extends string>(
  value: unknown,
  where: string,
  words: readonly Word[],
): Word {
  for (const word of words) if (word === value) return word;
  throw new ShapeError(`${where} must be ${words.join(' or ')}`);
}

export function readBoolean(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new ShapeError(`${where} must be true or false`);
}

export function readWhole(value: unknown, where: string, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw new ShapeError(`${where} must be a whole number from ${min} to ${max}`);
}

export function readNumber(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ShapeError(`${where} must be a number`);
}

/** A counter as decimal text, without sign or leading zeros. */
export function readCounter(value: unknown, where: string, max: bigint): bigint {
  if (typeof value === 'string' && /^(?:0|[1-9][0-9]{0,19})$/.test(value) && BigInt(value) <= max) {
    return BigInt(value);
  }
  throw new ShapeError(`${where} must be a whole number from 0 to ${String(max)}, as text`);
}

export function readList(value: unknown, where: string, min: number, max: number): unknown[] {
  if (Array.isArray(value) && value.length >= min && value.length <= max) return value;
  throw new ShapeError(`${where} must be a list of ${min} to ${max} entries`);
}

/** Canonical base64 (RFC 4648 section 4) of a bounded number of bytes. */
export function readBase64(value: unknown, where: string, min: number, max: number): Uint8Array {
  if (typeof value === 'string' && value.length <= Math.ceil(max / 3) * 4) {
    const bytes = Buffer.from(value, 'base64');
    // Node drops what it cannot read; encoding again shows whether anything was dropped.
    const isWhole = bytes.toString('base64') === value;
    if (isWhole && bytes.length >= min && bytes.length <= max) return new Uint8Array(bytes);
  }
  throw new ShapeError(`${where} must be base64 of ${min} to ${max} bytes`);
}

/** Lower-case hex of exactly so many bytes. */
export function readHex(value: unknown, where: string, bytes: number): string {
  if (typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value)) {
    return value;
  }
  throw new ShapeError(`${where} must be ${2 * bytes} lower-case hex digits`);
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
