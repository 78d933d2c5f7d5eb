import { hash } from 'node:crypto';
import type { AuditChain } from '../service/ports.ts';
import type { AuditEntry, AuditEvent } from '../service/store.ts';

/**
 * The arithmetic of the audit chain. Every instance writes one chain; each event names the hash of
 * the one before it, so a changed, removed or inserted event shows at the next one.
 *
 * An event's hash is SHA-256 over five fields, each preceded by its length in bytes as four bytes
 * big-endian: the layout's name, instance, sequence in decimal, previous hash in hex, body. The
 * lengths keep two different events from ever having the same bytes.
 */

const layoutName = 'tallystick audit event v1';

/** The previous hash of sequence 1. */
export const chainStartHash: string = '0'.repeat(64);

/** Where a chain stands: the last event that was verified, or its start. */
export interface ChainPosition {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first event. */
export const chainStart: ChainPosition = { sequence: 0, hash: chainStartHash };

/**
 * `sequence`: the number does not follow the one before; `instance`: the event belongs to another
 * chain; `previous-hash`: it does not name the hash before it; `hash`: its content does not have the
 * hash it states; `time`: the time beside the content, by which it is searched, is not the one in it.
 */
export type BrokenLink = 'sequence' | 'instance' | 'previous-hash' | 'hash' | 'time';

/** `intact` says where to go on; otherwise the first event that does not fit. */
export type ChainVerdict =
  | { readonly intact: true; readonly position: ChainPosition }
  | { readonly intact: false; readonly sequence: number; readonly broken: BrokenLink };

/** The port that the committer calls. */
export const auditChain: AuditChain = { body: auditBody, hash: auditHash };

/**
 * Canonical JSON of an entry: members sorted by UTF-16 code unit, no white space, strings as they
 * are (no normalisation: the chain proves what was written, it does not interpret it).
 *
 * @throws RangeError when a number is not finite: JSON has no form for it
 */
export function auditBody(entry: AuditEntry): string {
  return (
    `{"action":${text(entry.action)},"actor":${text(entry.actor)},` +
    `"atMs":${scalar('atMs', entry.atMs)},"details":${objectText(entry.details)},` +
    `"outcome":${text(entry.outcome)},"requestId":${text(entry.requestId)},` +
    `"subject":${text(entry.subject)}}`
  );
}

/** Hex of the SHA-256 over one event, in the layout above. */
export function auditHash(
  instance: string,
  sequence: number,
  previousHash: string,
  body: string,
): string {
  const fields = [layoutName, instance, String(sequence), previousHash, body];
  const lengths = fields.map((field) => Buffer.byteLength(field, 'utf8'));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let offset = 0;
  for (const [index, field] of fields.entries()) {
    offset = bytes.writeUInt32BE(lengths[index] ?? 0, offset);
    offset += bytes.write(field, offset, 'utf8');
  }
  return hash('sha256', bytes, 'hex');
}

/**
 * Verifies events of one instance in the order of their sequence, starting after `after`. A long
 * chain is verified page by page: pass the position of one verdict to the next call.
 */
export function verifyChain(
  events: Iterable<AuditEvent>,
  after: ChainPosition = chainStart,
): ChainVerdict {
  let position = after;
  let instance: string | null = null;
  for (const event of events) {
    instance ??= event.instance;
    const broken = brokenLink(event, instance, position);
    if (broken !== null) return { intact: false, sequence: position.sequence + 1, broken };
    position = { sequence: event.sequence, hash: event.hash };
  }
  return { intact: true, position };
}

function brokenLink(
  event: AuditEvent,
  instance: string,
  position: ChainPosition,
): BrokenLink | null {
  if (event.instance !== instance) return 'instance';
  if (event.sequence !== position.sequence + 1) return 'sequence';
  if (event.previousHash !== position.hash) return 'previous-hash';
  const expected = auditHash(event.instance, event.sequence, event.previousHash, event.body);
  if (event.hash !== expected) return 'hash';
  return statedTime(event.body) === event.atMs ? null : 'time';
}

/** Instance and sequence are hashed themselves; the time is hashed only inside the body. */
function statedTime(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly atMs?: unknown } | null)?.atMs;
  } catch {
    return undefined;
  }
}

/** JSON writes these as they are; most texts of the audit have no other. */
const unescaped = /^[ !#-[\]-~]*$/;

function text(value: string): string {
  return unescaped.test(value) ? `"${value}"` : JSON.stringify(value);
}

function scalar(name: string, value: string | number | boolean | null): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`audit: ${name} must be a finite number`);
  }
  return String(value);
}

/** Written by hand, because objects put names that look like array indices first. */
function objectText(details: AuditEntry['details']): string {
  let members = '';
  // Without a comparison of its own, sort goes by code unit.
  for (const name of Object.keys(details).sort()) {
    const value = details[name] ?? null;
    members += `${members === '' ? '' : ','}${text(name)}:${scalar(name, value)}`;
  }
  return `{${members}}`;
}
