import { encodeBase32 } from '../../src/formats/index.ts';
import { EmulatorError } from '../errors.ts';
import { Secret } from '../device/secret.ts';

/**
 * Readers of what people type. Each throws EmulatorError input-invalid, saying what is allowed and,
 * where it is no secret, what was given.
 */

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `+90s`, `-1h30m`, `3d`, `0`: milliseconds. */
export function parseDuration(option: string, text: string): number {
  const [, sign, parts] = /^([+-]?)((?:\d{1,12}(?:\.\d{1,3})?(?:ms|[smhdw]))+|0)$/.exec(text) ?? [];
  if (parts === undefined) {
    throw invalid(
      `${option} takes a duration such as +90s, -500ms, 1h30m or 3d, not ${shown(text)}`,
    );
  }
  let sumMs = 0;
  for (const [, count, unit] of parts.matchAll(/([\d.]+)(ms|[smhdw])/g)) {
    sumMs += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  const roundedMs = Math.round(sumMs);
  return sign === '-' ? -roundedMs : roundedMs;
}

/** ISO 8601 with a zone (or a bare date, midnight UTC), or Unix milliseconds: Unix milliseconds. */
export function parseInstant(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const form = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
  const [, date, time] = form.exec(text) ?? [];
  const atMs =
    date === undefined ? Number.NaN : Date.parse(time === undefined ? `${date}T00:00Z` : text);
  // The engine takes February 30 for March 2; a date that exists survives the round trip.
  const isReal = date !== undefined && existsInCalendar(date);
  if (!Number.isFinite(atMs) || !isReal || atMs < 0) {
    throw invalid(
      `${option} takes a time such as 2026-11-23T16:00:00Z or Unix milliseconds, from 1970 on, not ${shown(text)}`,
    );
  }
  return atMs;
}

/** `+12`, `-3.5`: parts per million or degrees; the range is the clock's affair. */
export function parseNumber(option: string, text: string): number {
  if (/^[+-]?\d{1,7}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw invalid(`${option} takes a number such as 12 or -3.5, not ${shown(text)}`);
}

export function parseRange(option: string, text: string, min: number, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= min && count <= max) return count;
  throw invalid(`${option} takes a whole number from ${min} to ${max}, not ${shown(text)}`);
}

/** `4-8`, or `5` for exactly five; the range is the policy's affair. */
export function parsePinDigits(
  option: string,
  text: string,
): { readonly digitsMin: number; readonly digitsMax: number } {
  const [, min, max] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(text) ?? [];
  if (min !== undefined) return { digitsMin: Number(min), digitsMax: Number(max ?? min) };
  throw invalid(`${option} takes a length such as 5 or 4-8, not ${shown(text)}`);
}

/** Bytes in hex: the session data of OCRA, or the challenge for a key. */
export function parseHexBytes(option: string, text: string, bytesMax: number): Uint8Array {
  const isHex = text.length % 2 === 0 && /^[0-9A-Fa-f]+$/.test(text);
  if (isHex && text.length / 2 <= bytesMax) return new Uint8Array(Buffer.from(text, 'hex'));
  throw invalid(`${option} takes 1 to ${bytesMax} bytes in hex`);
}

export type SeedFormat = 'hex' | 'base32';

export function parseSeedFormat(option: string, text: string): SeedFormat {
  if (text === 'hex' || text === 'base32') return text;
  throw invalid(`${option} is hex or base32`);
}

/** One seed per line, hex or base32 (RFC 4648, padding optional); blank lines are skipped. */
export function parseSeeds(bytes: Buffer, format: SeedFormat | undefined): Uint8Array[] {
  const lines = bytes.toString('latin1').split(/\r?\n/);
  return lines.filter((line) => line.trim() !== '').map((line) => parseSeed(line.trim(), format));
}

/** The text a seed file holds; `parseSeeds` reads it back. */
export function formatSeeds(seeds: readonly Uint8Array[]): string {
  return seeds.map((seed) => `${encodeBase32(seed)}\n`).join('');
}

/** The PIN without the line end that files and terminals add. */
export function parsePin(bytes: Buffer): Secret {
  let length = bytes.length;
  while (length > 0 && (bytes[length - 1] === 0x0a || bytes[length - 1] === 0x0d)) length -= 1;
  const pin = new Uint8Array(bytes.subarray(0, length));
  bytes.fill(0);
  return new Secret(pin);
}

/** The AES key of a key file: 32 or 64 hex digits. */
export function parseAesKey(option: string, bytes: Buffer): Secret {
  const text = bytes.toString('latin1').trim();
  bytes.fill(0);
  if (!/^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})$/.test(text)) {
    throw invalid(`${option} holds an AES key of 128 or 256 bits: 32 or 64 hex digits`);
  }
  return new Secret(new Uint8Array(Buffer.from(text, 'hex')));
}

/** `SERIAL=NAME`, each serial once and one of those that are exported. */
export function parseUsers(
  option: string,
  texts: readonly string[],
  serials: readonly string[],
): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const text of texts) {
    const [, serial = '', name = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (!serials.includes(serial) || users.has(serial)) {
      throw invalid(`${option} takes SERIAL=NAME, once for a token that is exported`);
    }
    users.set(serial, name);
  }
  return users;
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function parseSeed(line: string, format: SeedFormat | undefined): Uint8Array {
  const mayBeHex = line.length % 2 === 0 && /^[0-9A-Fa-f]+$/.test(line);
  const mayBeBase32 = /^[A-Za-z2-7]+={0,6}$/.test(line);
  if (format === undefined && mayBeHex && mayBeBase32) {
    throw invalid('a seed can be read as hex and as base32: add --seed-format hex or base32');
  }
  if (mayBeHex && format !== 'base32') return new Uint8Array(Buffer.from(line, 'hex'));
  const bytes = mayBeBase32 && format !== 'hex' ? decodeBase32(line) : null;
  if (bytes !== null) return bytes;
  throw invalid('a seed file holds one seed per line, in hex or base32');
}

function decodeBase32(text: string): Uint8Array | null {
  const characters = text.replace(/=+$/, '').toUpperCase();
  const bytes: number[] = [];
  let bits = 0;
  let bitCount = 0;
  for (const character of characters) {
    bits = ((bits << 5) | base32Alphabet.indexOf(character)) & 0xfff;
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes.push((bits >> bitCount) & 0xff);
  }
  // Left-over bits that are not zero, or a whole left-over character: text that was cut short.
  const isWhole = bitCount < 5 && (bits & ((1 << bitCount) - 1)) === 0;
  return isWhole ? Uint8Array.from(bytes) : null;
}

function existsInCalendar(date: string): boolean {
  const atMs = Date.parse(`${date}T00:00Z`);
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(date);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
