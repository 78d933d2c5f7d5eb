import { OathError } from './oath-error.ts';

/**
 * The challenge/response of keys that speak the OTP HID protocol: the whole HMAC-SHA-1 of the bytes of
 * a challenge, without a counter and without a clock. Nothing but the challenge tells one response from the next.
 */

/** A key takes the challenge in one frame. */
export const hmacChallengeBytesMax: number = 64;

/** Bytes of a challenge that is issued: the chance that one comes again is none. */
export const issuedChallengeBytes: number = 32;

/**
 * The bytes that a challenge stands for.
 *
 * @param question 1 to 64 bytes in hex, upper or lower case
 * @throws OathError ERR_OATH_INPUT, part `question`; the message never quotes it
 */
export function encodeHmacChallenge(question: unknown): Uint8Array {
  const isHex = typeof question === 'string' && /^(?:[0-9A-Fa-f]{2}){1,64}$/.test(question);
  if (!isHex) {
    const allowed = `1 to ${String(hmacChallengeBytesMax)} bytes in hex`;
    throw new OathError('ERR_OATH_INPUT', 'question', allowed);
  }
  const byteAt = (index: number): number =>
    Number.parseInt(question.slice(2 * index, 2 * index + 2), 16);
  return Uint8Array.from({ length: question.length / 2 }, (_, index) => byteAt(index));
}

/**
 * Whether every client gives a key the same challenge. A key is handed 64 bytes and drops all at the
 * end that equal the last one: clients that pad with zeros lose a 00 of the challenge, those that pad
 * such a one with 01 would lose an 01 at the end of another, and of 64 bytes the last is always lost. A byte that repeats the one
 * before it is left out as well, for clients that pad with nothing of their own.
 */
export function survivesPadding(challenge: Uint8Array): boolean {
  const last = challenge.at(-1);
  const isFull = challenge.length >= hmacChallengeBytesMax;
  return last !== undefined && !isFull && last > 1 && last !== challenge.at(-2);
}
