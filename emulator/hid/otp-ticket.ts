import { createCipheriv } from 'node:crypto';
import { labelledRandomness } from '../physics/random.ts';
import { withCrc } from './crc16.ts';
import type { Slot } from './frame.ts';
import type { SlotConfig } from './slot-config.ts';

/** What a key counts for itself while it has power. */
export interface PowerSession {
  /** What is drawn in it is drawn from this. */
  readonly seed: string;
  readonly beganAtMs: number;
  /** How often each slot was used since. */
  readonly uses: Readonly<Record<Slot, number>>;
}

/** What makes every answer in the manner of Yubico OTP another one. */
export interface TicketCounts {
  /** How many times the key was plugged in and then used: 1 to 32767. */
  readonly useCounter: number;
  /** Answers before this one since it was plugged in. */
  readonly sessionUses: number;
  /** Of a clock of 8 Hz that begins anywhere. */
  readonly timestamp: number;
  /** Two bytes; nobody relies on them. */
  readonly random: number;
}

export const otpChallengeBytes = 6;
export const otpAnswerBytes = 16;
/** The counter has 15 bits; a slot that has used them up answers no more. */
export const useCounterMax = 0x7fff;
const ticksPerSecond = 8;
const timestampAt = 8;
const sessionUsesAt = 11;
const randomAt = 12;
const plainBytes = 14;

/** What the next answer of a slot is made with, and the session after it. */
export function nextTicket(
  session: PowerSession,
  slot: Slot,
  { useCounter, serialNumber }: { readonly useCounter: number; readonly serialNumber: number },
  nowMs: number,
): { readonly counts: TicketCounts; readonly session: PowerSession } {
  const sessionUses = session.uses[slot];
  const randomness = labelledRandomness(session.seed, String(serialNumber), `slot ${slot}`);
  const ticks = Math.floor(((nowMs - session.beganAtMs) / 1000) * ticksPerSecond);
  const beganAt = Math.floor(randomness.at(0).uniform() * 2 ** 24);
  const counts = {
    useCounter,
    sessionUses,
    timestamp: (beganAt + ticks) % 2 ** 24,
    random: Math.floor(randomness.at(1 + sessionUses).uniform() * 2 ** 16),
  };
  return { counts, session: { ...session, uses: { ...session.uses, [slot]: sessionUses + 1 } } };
}

/**
 * The 16 bytes that answer a challenge of 6: one block of AES, whose first bytes are the private identity of the slot XOR the
 * challenge.
 */
export function otpAnswer(
  { uid, key }: SlotConfig,
  challenge: Uint8Array,
  { useCounter, sessionUses, timestamp, random }: TicketCounts,
): Uint8Array {
  const plain = Buffer.alloc(plainBytes);
  plain.set(uid.map((byte, index) => byte ^ (challenge[index] ?? 0)));
  plain.writeUInt16LE(useCounter, otpChallengeBytes);
  plain.writeUIntLE(timestamp, timestampAt, 3);
  // One byte, which goes on with 1 after 255.
  plain[sessionUsesAt] = sessionUses === 0 ? 0 : 1 + ((sessionUses - 1) % 0xff);
  plain.writeUInt16LE(random, randomAt);
  const block = withCrc(plain);
  const cipher = createCipheriv('aes-128-ecb', key.exposeSecret(), null).setAutoPadding(false);
  const answer = new Uint8Array(cipher.update(block));
  plain.fill(0);
  block.fill(0);
  return answer;
}
