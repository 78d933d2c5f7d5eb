import { scryptSync } from 'node:crypto';
import { nodeEnv } from '../env.ts';

/** What a device needs besides its keys and its clock. Both answer at once. */
export interface DevicePorts {
  /** For salts and unlock challenges. */
  randomBytes(length: number): Uint8Array;
  /** A hash of the PIN that is slow on purpose, 32 bytes; equal inputs give equal hashes. */
  stretchPin(devicePin: Uint8Array, salt: Uint8Array): Uint8Array;
}

/**
 * scrypt (RFC 7914) with 4 MiB: about ten milliseconds. Ten thousand PINs of four digits are tried
 * soon enough at any cost that a person would wait for.
 */
const scryptCost = { N: 2 ** 12, r: 8, p: 1 } as const;

/** The real ones. */
export const nodePorts: DevicePorts = {
  randomBytes: (length) => nodeEnv.randomBytes(length),
  stretchPin: (devicePin, salt) => scryptSync(devicePin, salt, pinHashBytes, scryptCost),
};

/** Length of a stretched PIN. */
export const pinHashBytes = 32;

/** The same ports, except that a PIN that is entered again and again is stretched once. */
export function stretchingOnce(ports: DevicePorts): DevicePorts {
  let last: { readonly input: Buffer; readonly hash: Uint8Array } | null = null;
  return {
    randomBytes: (length) => ports.randomBytes(length),
    stretchPin: (devicePin, salt) => {
      const input = Buffer.concat([salt, devicePin]);
      if (last?.input.equals(input) !== true) {
        last?.input.fill(0);
        last = { input, hash: ports.stretchPin(devicePin, salt) };
      }
      return Uint8Array.from(last.hash);
    },
  };
}

/** Eight decimal digits; 64 bits of chance leave no digit noticeably more likely. */
export function drawEightDigits(randomBytes: (length: number) => Uint8Array): string {
  const number = Buffer.from(randomBytes(8)).readBigUInt64BE() % 100_000_000n;
  return String(number).padStart(8, '0');
}
