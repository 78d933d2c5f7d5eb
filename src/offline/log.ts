import { timingSafeEqual } from 'node:crypto';
import { framed } from './bytes.ts';
import { hmacSha256, keyBytes, sha256 } from './keys.ts';
import {
  decimal,
  nullable,
  oneOf,
  readJson,
  type Shape,
  uuid,
  whole,
  writeJson,
} from './members.ts';

/**
 * What an agent did while nobody could be asked. Each line is chained to the one before and carries a MAC
 * under a key that is replaced by its hash afterwards: who takes the computer later can't write the past
 * anew.
 */
export interface LogRecord {
  /** 1 and up, without gaps. */
  readonly n: number;
  readonly kind: LogKind;
  readonly packageId: string | null;
  /** Of `accepted`: what was used up. */
  readonly index: bigint | null;
  /** Of `emergency-accepted`. */
  readonly codeId: string | null;
  /** The computer's clock. */
  readonly atMs: number;
  /** Since the start that `bootId` names; does not follow the clock when that is set. */
  readonly bootMs: number;
  readonly bootId: string;
}

/**
 * `attempted` is written before anything is compared, so that pulling the plug is a failure; `accepted`,
 * `refused` and their emergency forms follow it.
 */
export type LogKind = (typeof kinds)[number];

const kinds = [
  'installed',
  'attempted',
  'accepted',
  'refused',
  'emergency-accepted',
  'emergency-refused',
  'locked',
  'wiped',
  'removed',
  'released',
  'clock-back',
  'damaged',
  'rolled-back',
] as const;

const recordShape: Shape<LogRecord> = {
  n: whole(1),
  kind: oneOf(...kinds),
  packageId: nullable(uuid),
  index: nullable(decimal),
  codeId: nullable(uuid),
  atMs: whole(0),
  bootMs: whole(0),
  bootId: uuid,
};

/** A record as it was written, and its MAC. */
export interface LogLine {
  readonly record: Buffer;
  readonly mac: Buffer;
}

/** Where a chain stands: before its first line `n` is 0 and the head is all zeros. */
export interface LogHead {
  readonly n: number;
  readonly head: Buffer;
  /** Of the next line. */
  readonly key: Buffer;
}

export const recordBytesMax = 1024;

/** @param key `logKeyMessage` under the server's key */
export function emptyLog(key: Uint8Array): LogHead {
  return { n: 0, head: Buffer.alloc(keyBytes), key: Buffer.from(key) };
}

/**
 * The next line and where the chain stands after it. The caller overwrites the old key.
 *
 * @throws OfflineError malformed for a record that `parseRecord` would not read back
 */
export function appendRecord(
  log: LogHead,
  record: Omit<LogRecord, 'n'>,
): { readonly line: LogLine; readonly log: LogHead } {
  const bytes = writeJson({ ...record, n: log.n + 1 }, recordShape, 'record');
  const line = { record: bytes, mac: macOf(log, bytes) };
  return { line, log: after(log, line) };
}

/**
 * Reads the next line of a chain.
 *
 * @returns null when it is not the next line of this chain
 * @throws OfflineError malformed
 */
export function readRecord(
  log: LogHead,
  line: LogLine,
): { readonly record: LogRecord; readonly log: LogHead } | null {
  const expected = macOf(log, line.record);
  if (line.mac.length !== expected.length || !timingSafeEqual(line.mac, expected)) return null;
  const record = parseRecord(line.record);
  return record.n === log.n + 1 ? { record, log: after(log, line) } : null;
}

/** @throws OfflineError malformed */
export function parseRecord(bytes: Uint8Array): LogRecord {
  return readJson(bytes, recordShape, 'record');
}

/** The key of a later line: whoever has the first one can tell them all. */
export function advanceLogKey(key: Uint8Array, lines: number): Buffer {
  let advanced: Buffer = Buffer.from(key);
  for (let line = 0; line < lines; line += 1) {
    const next = nextKey(advanced);
    advanced.fill(0);
    advanced = next;
  }
  return advanced;
}

function nextKey(key: Uint8Array): Buffer {
  return sha256(framed('ovp1/logkey', key));
}

function macOf({ head, key }: LogHead, record: Uint8Array): Buffer {
  return hmacSha256(key, framed('ovp1/line', head, record));
}

function after({ n, head, key }: LogHead, { record, mac }: LogLine): LogHead {
  return { n: n + 1, head: sha256(framed('ovp1/head', head, record, mac)), key: nextKey(key) };
}
