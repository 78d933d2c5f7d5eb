import { malformed } from './offline-error.ts';

/** Reads one member of a JSON object. */
export type MemberReader<Value> = (value: unknown, part: string) => Value;

/** A reader for each member of an object. */
export type Shape<Value extends object> = {
  readonly [Name in keyof Value]-?: MemberReader<Value[Name]>;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const base64UrlPattern = /^[A-Za-z0-9_-]*$/;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Half of a character beyond 16 bits: UTF-8 has no bytes for it. */
const loneSurrogate = /\p{Surrogate}/u;
const hexPattern = /^(?:[0-9a-f]{2})*$/;
const decimalPattern = /^(?:0|[1-9][0-9]{0,19})$/;
const u64Max = 2n ** 64n - 1n;

/**
 * Reads JSON text of exactly these members in this order: nothing else, nothing twice.
 *
 * @param bytes UTF-8 as `writeJson` writes it, so that there is one text for each value
 * @throws OfflineError malformed
 */
export function readJson<Value extends object>(
  bytes: Uint8Array,
  shape: Shape<Value>,
  part: string,
): Value {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw malformed(part, 'JSON in UTF-8');
  }
  const read = object(shape)(value, part);
  // What was read is written in the one way: a member given twice, or spaces, make another text.
  if (JSON.stringify(plain(read)) !== text) {
    throw malformed(part, 'JSON without spaces or repetition, members in order');
  }
  return read;
}

/**
 * JSON without white space, members in the order of the shape; `readJson` reads it back.
 *
 * @throws OfflineError malformed for a value that is not of this shape
 */
export function writeJson<Value extends object>(
  value: Value,
  shape: Shape<Value>,
  part: string,
): Buffer {
  const inOrder = object(shape)(plain(value), part);
  return Buffer.from(JSON.stringify(plain(inOrder)), 'utf8');
}

/** As JSON has it: bytes in base64url, whole numbers of any size as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

/** An object of exactly these members. */
export function object<Value extends object>(shape: Shape<Value>): MemberReader<Value> {
  return (value, part) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw malformed(part, 'an object');
    }
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(shape, name)) throw malformed(part, 'without unknown members');
    }
    const members = value as Readonly<Record<string, unknown>>;
    const readers = Object.entries<MemberReader<unknown>>(shape);
    return Object.fromEntries(
      readers.map(([name, read]) => [
        name,
        read(Object.hasOwn(members, name) ? members[name] : undefined, `${part}.${name}`),
      ]),
    ) as Value;
  };
}

export function list<Value>(
  entry: MemberReader<Value>,
  entriesMax: number,
): MemberReader<readonly Value[]> {
  return (value, part) => {
    if (!Array.isArray(value) || value.length > entriesMax) {
      throw malformed(part, `a list of at most ${entriesMax}`);
    }
    return value.map((each) => entry(each, part));
  };
}

export function nullable<Value>(reader: MemberReader<Value>): MemberReader<Value | null> {
  return (value, part) => (value === null ? null : reader(value, part));
}

export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): MemberReader<number> {
  return (value, part) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw malformed(part, `a whole number from ${min} to ${max}`);
  };
}

export function text(charactersMax: number): MemberReader<string> {
  return (value, part) => {
    const isText = typeof value === 'string' && !loneSurrogate.test(value);
    if (isText && value.length <= charactersMax) return value;
    throw malformed(part, `text of at most ${charactersMax} characters`);
  };
}

export function oneOf<Choice extends string>(...choices: readonly Choice[]): MemberReader<Choice> {
  return (value, part) => {
    const choice = choices.find((each) => each === value);
    if (choice !== undefined) return choice;
    throw malformed(part, choices.join(' or '));
  };
}

export const flag: MemberReader<boolean> = (value, part) => {
  if (typeof value === 'boolean') return value;
  throw malformed(part, 'true or false');
};

/** A member that is there when it is true, and else not: what was written before it existed reads the same. */
export const mark: MemberReader<true | undefined> = (value, part) => {
  if (value === true || value === undefined) return value;
  throw malformed(part, 'true, or left out');
};

export const uuid: MemberReader<string> = (value, part) => {
  if (typeof value === 'string' && uuidPattern.test(value)) return value;
  throw malformed(part, 'a UUID in lower case');
};

/** A whole number up to 2^64-1 as decimal text. */
export const decimal: MemberReader<bigint> = (value, part) => {
  if (typeof value === 'string' && decimalPattern.test(value)) {
    const number = BigInt(value);
    if (number <= u64Max) return number;
  }
  throw malformed(part, 'a whole number up to 2^64-1 as text');
};

/** Lower-case hex of that many bytes. */
export function hex(bytes: number): MemberReader<string> {
  return (value, part) => {
    if (typeof value === 'string' && value.length === 2 * bytes && hexPattern.test(value)) {
      return value;
    }
    throw malformed(part, `${bytes} bytes in hex`);
  };
}

/** Bytes in base64url without padding. */
export function base64Url(bytesMax: number): MemberReader<Buffer> {
  return (value, part) => {
    if (typeof value === 'string' && base64UrlPattern.test(value)) {
      const bytes = Buffer.from(value, 'base64url');
      if (bytes.length <= bytesMax && bytes.toString('base64url') === value) return bytes;
    }
    throw malformed(part, `base64url of at most ${bytesMax} bytes`);
  };
}
