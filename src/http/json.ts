import { TallystickError } from '../errors.ts';

/**
 * Strict JSON (RFC 8259) from bytes: no byte order mark, fatal UTF-8, no duplicate members, no
 * `__proto__`, no lone surrogates, bounded depth, numbers that a double holds exactly. What two
 * readers could understand differently is refused, because one of them may be a guard.
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: JsonValue;
}

export interface JsonLimits {
  /** Arrays and objects inside each other; 1 admits a flat object. */
  readonly depthMax: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @throws TallystickError `request-malformed`; the message says where and what, and never quotes
 *   the text, which may hold a response
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits): JsonValue {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw new TallystickError('request-malformed', 'the body is not UTF-8', { cause: error });
  }
  const reader: Reader = { text, at: 0, depthLeft: limits.depthMax };
  skipSpace(reader);
  const value = readValue(reader);
  skipSpace(reader);
  if (reader.at !== text.length) throw malformed(reader, 'nothing after the value');
  return value;
}

interface Reader {
  readonly text: string;
  at: number;
  depthLeft: number;
}

/** With the flag u a whole pair is one character and does not match. */
const loneSurrogate = /[\uD800-\uDFFF]/u;
const quote = 0x22;
const backslash = 0x5c;

function readValue(reader: Reader): JsonValue {
  switch (reader.text.charAt(reader.at)) {
    case '{':
      return nested(reader, readObject);
    case '[':
      return nested(reader, readArray);
    case '"':
      return readString(reader);
    case 't':
      return readWord(reader, 'true', true);
    case 'f':
      return readWord(reader, 'false', false);
    case 'n':
      return readWord(reader, 'null', null);
    default:
      return readNumber(reader);
  }
}

function nested<Value>(reader: Reader, read: (reader: Reader) => Value): Value {
  if (reader.depthLeft === 0) throw malformed(reader, 'less nesting');
  reader.depthLeft -= 1;
  reader.at += 1;
  const value = read(reader);
  reader.depthLeft += 1;
  return value;
}

function readObject(reader: Reader): JsonObject {
  // Without a prototype, so that no member can be mistaken for an inherited one.
  const members = Object.create(null) as Record<string, JsonValue>;
  skipSpace(reader);
  if (takes(reader, '}')) return members;
  for (;;) {
    if (reader.text.charCodeAt(reader.at) !== quote) throw malformed(reader, 'a member name');
    const name = readString(reader);
    if (name === '__proto__') throw malformed(reader, 'no member named __proto__');
    if (name in members) throw malformed(reader, 'each member only once');
    skipSpace(reader);
    if (!takes(reader, ':')) throw malformed(reader, 'a colon');
    skipSpace(reader);
    members[name] = readValue(reader);
    skipSpace(reader);
    if (takes(reader, '}')) return members;
    if (!takes(reader, ',')) throw malformed(reader, 'a comma or the end of the object');
    skipSpace(reader);
  }
}

function readArray(reader: Reader): readonly JsonValue[] {
  const items: JsonValue[] = [];
  skipSpace(reader);
  if (takes(reader, ']')) return items;
  for (;;) {
    items.push(readValue(reader));
    skipSpace(reader);
    if (takes(reader, ']')) return items;
    if (!takes(reader, ',')) throw malformed(reader, 'a comma or the end of the array');
    skipSpace(reader);
  }
}

function readString(reader: Reader): string {
  const { text } = reader;
  let at = reader.at + 1;
  let start = at;
  let value = '';
  for (;;) {
    const unit = text.charCodeAt(at);
    if (unit === quote) break;
    // NaN, at the end of the text, fails this comparison too.
    if (!(unit >= 0x20)) throw malformed({ ...reader, at }, 'no control character in a string');
    if (unit === backslash) {
      value += text.slice(start, at) + readEscape({ ...reader, at });
      at += text[at + 1] === 'u' ? 6 : 2;
      start = at;
    } else {
      at += 1;
    }
  }
  value += text.slice(start, at);
  reader.at = at + 1;
  if (loneSurrogate.test(value)) throw malformed(reader, 'no half of a surrogate pair');
  return value;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function readEscape(reader: Reader): string {
  const letter = reader.text[reader.at + 1] ?? '';
  if (letter === 'u') {
    const digits = reader.text.slice(reader.at + 2, reader.at + 6);
    if (/^[0-9A-Fa-f]{4}$/.test(digits)) return String.fromCharCode(Number.parseInt(digits, 16));
    throw malformed(reader, 'four hex digits after \\u');
  }
  const value = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
  if (value === undefined) throw malformed(reader, 'a known escape after the backslash');
  return value;
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function readNumber(reader: Reader): number {
  numberPattern.lastIndex = reader.at;
  const match = numberPattern.exec(reader.text);
  if (match === null) throw malformed(reader, 'a value');
  const value = Number(match[0]);
  // A larger one would silently become its neighbour; counters travel as text.
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw malformed(reader, 'numbers up to 2^53-1');
  }
  reader.at += match[0].length;
  return value;
}

function readWord<Value>(reader: Reader, word: string, value: Value): Value {
  if (!reader.text.startsWith(word, reader.at)) throw malformed(reader, 'a value');
  reader.at += word.length;
  return value;
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const unit = reader.text.charCodeAt(reader.at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    reader.at += 1;
  }
}

function takes(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function malformed(reader: Reader, expected: string): TallystickError {
  return new TallystickError(
    'request-malformed',
    `the body is not acceptable JSON: at character ${reader.at} expected ${expected}`,
  );
}
