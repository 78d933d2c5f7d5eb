import { createHash, randomBytes as systemRandomBytes } from 'node:crypto';

/** Unpredictable bytes; the composition root may hand in another source. */
export type RandomBytes = (length: number) => Uint8Array;

const secretBytes = 32;
/** An id as `uuidV7` writes it, of whatever version. */
export const uuidPattern: RegExp = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const apiKeyPattern = /^tsk_[A-Za-z0-9_-]{43}$/;
const sessionIdPattern = /^[A-Za-z0-9_-]{43}$/;
const uuidTimeMsMax = 2 ** 48 - 1;

/** The operating system's generator. */
export function systemRandom(length: number): Uint8Array {
  return systemRandomBytes(length);
}

/**
 * UUID version 7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, 74 random bits.
 *
 * @param nowMs Unix milliseconds
 */
export function uuidV7(nowMs: number, randomBytes: RandomBytes): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.min(Math.max(0, Math.trunc(nowMs)), uuidTimeMsMax), 0, 6);
  bytes.set(randomBytes(10), 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/** Lower-case hex of the SHA-256 of text (as UTF-8) or bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A new API key: `tsk_` and 256 random bits as 43 base64url characters. Shown once, kept nowhere. */
export function newApiKeyText(randomBytes: RandomBytes = systemRandom): string {
  return `tsk_${secretText(randomBytes)}`;
}

/**
 * The SHA-256 under which a presented key is stored, or null when it does not look like a key. The
 * key is uniformly random, so a fast hash and an ordinary table look-up reveal nothing of use.
 */
export function apiKeySha256(keyText: string): string | null {
  return apiKeyPattern.test(keyText) ? sha256Hex(keyText) : null;
}

/** A new session's id: 256 random bits as 43 base64url characters. Shown once, kept nowhere. */
export function newSessionId(randomBytes: RandomBytes): string {
  return secretText(randomBytes);
}

/**
 * The SHA-256 under which a session is stored, or null when it does not look like an id. It is
 * looked up as an API key is, for the same reason.
 */
export function sessionIdSha256(sessionId: string): string | null {
  return sessionIdPattern.test(sessionId) ? sha256Hex(sessionId) : null;
}

function secretText(randomBytes: RandomBytes): string {
  const bytes = randomBytes(secretBytes);
  const text = Buffer.from(bytes).toString('base64url');
  bytes.fill(0);
  return text;
}
