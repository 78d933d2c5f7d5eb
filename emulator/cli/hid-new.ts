import { type CliWorld, type CommonOptions, keysOf, print, writeOutput } from './context.ts';
import type { ProfileOptions } from './profile.ts';
import { formatSeeds } from './values.ts';
import { checkSerial } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import { keyStatus, wipeKey } from '../hid/key.ts';
import { keyProfileName, keyWithSeeds } from '../hid/key-pairing.ts';
import { slotKeyBytes } from '../hid/slot-config.ts';

/** A seed for each slot. */
export const keySeedLengths: readonly number[] = [slotKeyBytes, slotKeyBytes];

const serialNumberMax = 0xffff_ffff;

/**
 * `vtoken new --profile otp-hid-key`: both slots take HMAC-SHA-1 challenges, the second wants a touch.
 *
 * @param seeds of the slots, 20 bytes each
 */
export async function createKey(
  world: CliWorld,
  serial: string,
  options: CommonOptions & { readonly seedOut?: string },
  seeds: readonly Uint8Array[],
): Promise<void> {
  const serialNumber = serialNumberOf(world, checkSerial(serial));
  const key = await keyWithSeeds(serialNumber, seeds);
  const { seedOut } = options;
  if (seedOut !== undefined) await writeOutput(world, seedOut, formatSeeds(seeds), 0o600);
  try {
    await keysOf(world, options).create(serial, key);
  } catch (error) {
    if (seedOut !== undefined) await world.env.files.remove(seedOut);
    throw error;
  }
  print(world, options, { serial, serialNumber, slots: keyStatus(key).slots }, serial);
  wipeKey(key);
}

/** Refuses what describes a token with a display and a clock. */
export function refuseTokenOptions(options: ProfileOptions): void {
  const { profile, initialPin, ...others } = options;
  const names = ['application', 'challengeCheckDigit', 'responseCheckDigit', 'pressSwitchesOff'];
  const more = ['pinDigits', 'pinFailures', 'pinLock', 'offset', 'ppm'];
  const physics = ['drift', 'driftSeed', 'jitter', 'battery', 'batteryLife', 'flushEvery'];
  const given: Readonly<Record<string, unknown>> = { ...others };
  if (initialPin && [...names, ...more, ...physics].every((name) => given[name] === undefined))
    return;
  throw invalid(
    `${profile ?? keyProfileName} has two slots and neither clock, battery nor PIN: leave out what is for those`,
  );
}

/** The digits that the serial ends with, so that both read alike; else drawn. */
export function serialNumberOf({ env }: CliWorld, serial: string): number {
  const [, digits = ''] = /([0-9]{1,16})(?:-[0-9]+)?$/.exec(serial) ?? [];
  const number = Number(digits);
  if (number >= 1 && number <= serialNumberMax) return number;
  return 1 + (Buffer.from(env.randomBytes(4)).readUInt32BE() >>> 1);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
