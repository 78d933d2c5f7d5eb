import type { ZodType } from 'zod';
import { TallystickError } from '../errors.ts';
import type { Page } from '../service/store.ts';

/** Readers for what comes with a request besides its body. */

const problemsMax = 20;
const memberCharactersMax = 100;

/**
 * Parses a value by a schema. Messages name members and what is allowed, never a value.
 *
 * @throws TallystickError `request-invalid` with one field per wrong member
 */
export function parseBy<Value>(schema: ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields: Record<string, string[]> = {};
  for (const issue of parsed.error.issues.slice(0, problemsMax)) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, problemsMax)) {
        addProblem(fields, [...issue.path, key], 'there is no such member here');
      }
    } else {
      addProblem(fields, issue.path, issue.message);
    }
  }
  const members = Object.keys(fields);
  throw new TallystickError('request-invalid', `The request is invalid: ${members.join(', ')}.`, {
    fields,
  });
}

function addProblem(
  fields: Record<string, string[]>,
  path: readonly PropertyKey[],
  message: string,
): void {
  const member = path.map(String).join('.').slice(0, memberCharactersMax) || 'body';
  (fields[member] ??= []).push(message);
}

/**
 * The query of a URL. Each parameter at most once, and only those that the endpoint knows.
 *
 * @throws TallystickError `request-invalid`
 */
export function readQuery(
  url: string,
  known: readonly string[],
): Readonly<Partial<Record<string, string>>> {
  const start = url.indexOf('?');
  if (start < 0) return {};
  const values: Record<string, string> = {};
  const fields: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    const shown = name.slice(0, memberCharactersMax);
    if (!known.includes(name)) fields[shown] = `there is no such parameter; known: ${list(known)}`;
    else if (name in values) fields[shown] = 'must be given once';
    else values[name] = value;
  }
  if (Object.keys(fields).length > 0) {
    throw new TallystickError('request-invalid', 'The query is invalid.', { fields });
  }
  return values;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/**
 * A whole number from text, for query parameters.
 *
 * @throws TallystickError `request-invalid` naming the parameter and its range
 */
export function readWholeNumber(
  text: string | undefined,
  {
    name,
    least,
    most,
    byDefault,
  }: { name: string; least: number; most: number; byDefault: number },
): number {
  if (text === undefined) return byDefault;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new TallystickError('request-invalid', `The query is invalid: ${name}.`, {
    fields: { [name]: `must be a whole number from ${least} to ${most}` },
  });
}

/**
 * The record version in an If-Match header (RFC 9110 section 13.1.1), which is what our ETags hold;
 * null without the header or for `*`.
 *
 * @throws TallystickError `request-invalid` for anything else
 */
export function readIfMatch(header: string | undefined): number | null {
  if (header === undefined || header === '*') return null;
  const version = /^"([0-9]{1,15})"$/.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  throw new TallystickError('request-invalid', 'If-Match is invalid.', {
    fields: { 'If-Match': 'must be one ETag as answered, a number in double quotes' },
  });
}

/**
 * The Idempotency-Key header, or null.
 *
 * @throws TallystickError `request-invalid`
 */
export function readRequestKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (/^[\x21-\x7e]{1,128}$/.test(header)) return header;
  throw new TallystickError('request-invalid', 'Idempotency-Key is invalid.', {
    fields: { 'Idempotency-Key': 'must be 1 to 128 visible ASCII characters' },
  });
}

/**
 * The key text of an Authorization header with the scheme Bearer (RFC 6750 section 2.1); null for
 * anything else.
 */
export function readBearer(header: string | undefined): string | null {
  return /^Bearer +([A-Za-z0-9_~+/.=-]{1,256})$/i.exec(header ?? '')?.[1] ?? null;
}

/**
 * The page that a list's query asks for: `after` and `limit`, 100 items unless told.
 *
 * @throws TallystickError `request-invalid`
 */
export function readPage(query: Readonly<Partial<Record<string, string>>>): Page {
  const range = { name: 'limit', least: 1, most: 1000, byDefault: 100 };
  return { after: query['after'] ?? '', limit: readWholeNumber(query['limit'], range) };
}

/**
 * For deletions under If-Match: the record must still be the one that the client saw.
 *
 * @throws TallystickError `conflict`
 */
export async function requireVersion(
  expected: number | null,
  readVersion: () => Promise<number>,
): Promise<void> {
  if (expected === null || (await readVersion()) === expected) return;
  throw new TallystickError('conflict', 'The record was changed by somebody else meanwhile.', {
    fields: { reason: 'version' },
  });
}
