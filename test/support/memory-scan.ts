import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Each way in which bytes are commonly written. */
export function spellings(bytes: Buffer): Readonly<Record<string, Buffer>> {
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  const base32 = base32Of(bytes);
  const texts = {
    hex: bytes.toString('hex'),
    'upper hex': bytes.toString('hex').toUpperCase(),
    base32,
    'lower base32': base32.toLowerCase(),
    base64,
    base64url: bytes.toString('base64url'),
  };
  return {
    raw: bytes,
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([name, text]) => [
        [name, Buffer.from(text, 'latin1')],
        // Texts of JavaScript that hold any other character have two bytes for each.
        [`${name}, UTF-16`, Buffer.from(text, 'utf16le')],
      ]),
    ),
  };
}

/** RFC 4648 section 6, without padding. */
function base32Of(bytes: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const quintets = bits.match(/.{1,5}/g) ?? [];
  return quintets.map((quintet) => alphabet[parseInt(quintet.padEnd(5, '0'), 2)]).join('');
}

/** Names of the spellings that are somewhere in `haystack`. */
export function spelledIn(haystack: Buffer, bytes: Buffer): readonly string[] {
  return Object.entries(spellings(bytes)).flatMap(([name, text]) =>
    haystack.includes(text) ? [name] : [],
  );
}

/** Spellings in files of a folder, apart from those that `skips`. */
export function spelledInFolder(
  folder: string,
  bytes: Buffer,
  skips: (path: string) => boolean = () => false,
): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (skips(path)) return [];
    const stats = statSync(path);
    if (stats.isDirectory()) return spelledInFolder(path, bytes, skips);
    if (!stats.isFile()) return [];
    return spelledIn(readFileSync(path), bytes).map((spelling) => `${path}: ${spelling}`);
  });
}

const pieceBytes = 2 ** 24;

/**
 * Spellings in everything that a process may write to: heap, stacks, libraries' data. Needs root, or a
 * child of this process.
 */
export function spelledInMemory(pid: number, bytes: Buffer): readonly string[] {
  const found = new Set<string>();
  const overlap = 8 * bytes.length;
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const [from, to] of writableOf(pid)) {
      for (let at = from; at < to; at += pieceBytes - overlap) {
        const piece = readAt(memory, at, Math.min(pieceBytes, to - at));
        for (const spelling of spelledIn(piece, bytes)) found.add(spelling);
      }
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}

/** proc(5): address ranges with their permissions. */
function writableOf(pid: number): readonly (readonly [number, number])[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    return from === '' ? [] : [[parseInt(from, 16), parseInt(to, 16)] as const];
  });
}

/** What is not there any more, or never was, is nothing. */
function readAt(memory: number, at: number, length: number): Buffer {
  const piece = Buffer.alloc(length);
  try {
    return piece.subarray(0, readSync(memory, piece, 0, length, at));
  } catch {
    return Buffer.alloc(0);
  }
}
