import { createHash } from 'node:crypto';
import {
  createToken,
  type DevicePorts,
  idealClock,
  type PinPolicy,
  pinStatus,
  Secret,
  unlockCode,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { profileOf, rfcSeed } from '../support.ts';

/** What a `keypad-pin` comes with, what its holder sets, and what somebody else tries. */
export const initialPin: Secret = pinOf('00000');
export const ownPin: Secret = pinOf('281946');
export const wrongPin: Secret = pinOf('739155');

/** Chance that repeats, and a hash that is quick: one set per run, so that equal runs draw alike. */
export function testPorts(): DevicePorts {
  let draws = 0;
  return {
    randomBytes: (length) => {
      draws += 1;
      return new Uint8Array(createHash('sha512').update(String(draws)).digest()).slice(0, length);
    },
    stretchPin: (devicePin, salt) =>
      new Uint8Array(createHash('sha256').update(salt).update(devicePin).digest()),
  };
}

export function pinOf(digits: string): Secret {
  return new Secret(Buffer.from(digits));
}

/** A `keypad-pin` token, or one like it, with every seed the RFC's. */
export function pinToken(
  options: {
    policy?: Partial<PinPolicy>;
    applications?: Record<string, string>;
    initialPin?: string | null;
    ports?: DevicePorts;
  } = {},
): VirtualToken {
  const profile = profileOf('keypad-pin', options.applications);
  const { hull } = profile;
  if (hull.keys !== 'keypad' || hull.pin === null) throw new Error('not a keypad with PIN');
  const pin = { ...hull.pin, ...options.policy };
  const initialPin = options.initialPin === undefined ? profile.initialPin : options.initialPin;
  const applications = profile.applications.filter(
    ({ mode }) => mode !== 'unlock' || pin.onLock === 'unlock',
  );
  return createToken(
    {
      serial: 'VT00000001',
      profile: { ...profile, hull: { ...hull, pin }, applications, initialPin },
      clock: idealClock(0),
    },
    applications.map(() => new Uint8Array(rfcSeed)),
    options.ports ?? testPorts(),
  );
}

/** The challenge of a locked token. */
export function challengeOf(token: VirtualToken, atMs = 0): string {
  const lock = pinStatus(token, atMs)?.lock;
  if (lock?.kind !== 'unlock') throw new Error('not locked');
  return lock.challenge;
}

/** What the host computes. */
export function rightCode(token: VirtualToken): string {
  return unlockCode(rfcSeed, challengeOf(token));
}

/** Never the right one. */
export function wrongCode(token: VirtualToken): string {
  return String((Number(rightCode(token)) + 1) % 100_000_000).padStart(8, '0');
}
