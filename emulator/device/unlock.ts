import {
  algorithmHash,
  constantTimeEqualText,
  type Otp,
  readResponse,
  responseMessage,
} from '../../src/oath/index.ts';
import { type DeviceApplication, parseAlgorithmText } from './application.ts';
import { macOnce } from './mac.ts';
import { type DevicePorts, drawEightDigits } from './ports.ts';
import { Secret } from './secret.ts';

/** Why a device shows no more responses, and what it waits for. */
export type PinLock =
  | {
      readonly kind: 'unlock';
      /** Eight decimal digits for the host; another after every code, right or wrong. */
      readonly challenge: string;
      /** Wrong codes since the lock or the last lockout, 0 to 3. */
      readonly wrongCodes: number;
      /** Device time of the last wrong code allowed; null while codes are taken. */
      readonly lockedOutSinceMs: number | null;
    }
  | { readonly kind: 'brick' };

export type UnlockLock = Extract<PinLock, { kind: 'unlock' }>;

/** Wrong codes until the device takes none for a while. */
export const wrongCodesMax = 3;
export const lockoutMs: number = 30 * 60_000;

const usualAlgorithm = parseAlgorithmText('OCRA-1:HOTP-SHA1-8:QN08');

/**
 * What the host computes for the challenge of a locked device: OCRA (RFC 6287) over the challenge
 * alone, under the seed of the device's unlock application.
 *
 * @param seed not kept; the caller still owns and wipes it
 * @param algorithm that of the unlock application
 * @throws OathError for a challenge that the suite does not take
 */
export function unlockCode(
  seed: Uint8Array,
  challenge: string,
  algorithm: DeviceApplication['algorithm'] = usualAlgorithm,
): Otp {
  const copy = new Secret(Uint8Array.from(seed));
  const message = responseMessage(algorithm, { question: challenge });
  const code = readResponse(algorithm, macOnce(algorithmHash(algorithm), copy, message));
  copy.wipe();
  return code;
}

/** Whether a code answers the challenge of this lock. In constant time for codes of full length. */
export function isUnlockCode(
  { algorithm }: DeviceApplication,
  seed: Secret,
  lock: UnlockLock,
  code: string,
): boolean {
  return constantTimeEqualText(code, unlockCode(seed.exposeSecret(), lock.challenge, algorithm));
}

/** A fresh lock, with a challenge if it can be undone. */
export function drawLock(kind: PinLock['kind'], ports: DevicePorts): PinLock {
  if (kind === 'brick') return { kind };
  return { kind, challenge: drawChallenge(ports), wrongCodes: 0, lockedOutSinceMs: null };
}

/** The lock after a wrong code: another challenge, and after the third no codes for a while. */
export function withWrongCode(
  lock: UnlockLock,
  deviceTimeMs: number,
  ports: DevicePorts,
): UnlockLock {
  const wrongCodes = lock.wrongCodes + 1;
  const lockedOutSinceMs = wrongCodes >= wrongCodesMax ? deviceTimeMs : null;
  return { ...lock, challenge: drawChallenge(ports), wrongCodes, lockedOutSinceMs };
}

/** The lock once its lockout has had the chance to end. */
export function lockAt(lock: PinLock, deviceTimeMs: number): PinLock {
  if (lock.kind === 'brick' || lock.lockedOutSinceMs === null) return lock;
  // A clock set back would otherwise prolong the lockout by as much as it was moved.
  const lockedOutSinceMs = Math.min(lock.lockedOutSinceMs, deviceTimeMs);
  const isOver = deviceTimeMs - lockedOutSinceMs >= lockoutMs;
  if (!isOver && lockedOutSinceMs === lock.lockedOutSinceMs) return lock;
  if (!isOver) return { ...lock, lockedOutSinceMs };
  return { ...lock, wrongCodes: 0, lockedOutSinceMs: null };
}

/** How long a lock that is looked at by `lockAt` takes no codes yet; 0 when it does. */
export function lockedOutForMs({ lockedOutSinceMs }: UnlockLock, deviceTimeMs: number): number {
  return lockedOutSinceMs === null ? 0 : lockedOutSinceMs + lockoutMs - deviceTimeMs;
}

function drawChallenge(ports: DevicePorts): string {
  return drawEightDigits((length) => ports.randomBytes(length));
}
