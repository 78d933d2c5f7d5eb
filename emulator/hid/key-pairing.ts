import { parseAlgorithmText } from '../device/application.ts';
import type { Pairing } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import { openBundle, type Requester } from '../pairing/pairing.ts';
import type { PairBundle } from '../pairing/pairing-files.ts';
import { instantClock, openEmulatedKey } from './emulated-key.ts';
import type { Slot } from './frame.ts';
import { createKeyHost } from './host.ts';
import { emptyKey, type OtpKey } from './key.ts';
import type { StoredKey } from './key-json.ts';
import { hmacSlotConfig, slotKeyBytes, wipeSlotConfig } from './slot-config.ts';

/** The profile whose devices are keys, with a file of their own kind. */
export const keyProfileName = 'otp-hid-key';

/** The model code of keys. */
export const keyModel = 'VTHK1';

/** What a server is to know the slots by. */
const slotApplications = (['SLOT1', 'SLOT2'] as const).map((name) => ({
  name,
  mode: 'challenge-response' as const,
  algorithm: parseAlgorithmText('HMAC-SHA1-CR'),
}));

/** A key as one that asks a server for its seeds. */
export function requesterOf(serial: string, pairing: Pairing): Requester {
  return { serial, model: keyModel, pairing, applications: slotApplications };
}

/**
 * A key whose slots take HMAC-SHA-1 challenges, the second after a touch, written by the frames that a host would send.
 *
 * @param seeds of the slots
 * @throws EmulatorError input-invalid unless they are two of 20 bytes
 */
export async function keyWithSeeds(
  serialNumber: number,
  seeds: readonly Uint8Array[],
): Promise<OtpKey> {
  if (!areSlotSeeds(seeds)) {
    throw new EmulatorError(
      'input-invalid',
      `a key takes two seeds of ${slotKeyBytes} bytes, for slot 1 and slot 2`,
    );
  }
  const clock = instantClock();
  const device = openEmulatedKey(emptyKey(serialNumber), clock);
  const host = createKeyHost(device, clock);
  for (const slot of [1, 2] as const satisfies readonly Slot[]) {
    const config = hmacSlotConfig(seeds[slot - 1] ?? new Uint8Array(), { needsTouch: slot === 2 });
    const isTaken = await host.writeSlot(slot, config);
    wipeSlotConfig(config);
    if (!isTaken) throw new RangeError('an empty slot takes everything');
  }
  return device.key;
}

/**
 * The key with the seeds of its bundle and without its private key.
 *
 * @throws EmulatorError pairing-refused saying which part of the bundle does not answer the request
 */
export async function acceptKeyBundle(
  { serial, pairing, key }: StoredKey,
  bundle: PairBundle,
  nowMs: number,
): Promise<StoredKey> {
  const opened = openBundle(requesterOf(serial, pairing), bundle, nowMs);
  try {
    const seeds = opened.seeds.map((seed) => seed.exposeSecret());
    if (!areSlotSeeds(seeds)) {
      throw new EmulatorError('pairing-refused', `the seeds of a key have ${slotKeyBytes} bytes`);
    }
    return { serial, pairing: opened.pairing, key: await keyWithSeeds(key.serialNumber, seeds) };
  } finally {
    for (const seed of opened.seeds) seed.wipe();
  }
}

function areSlotSeeds(seeds: readonly Uint8Array[]): boolean {
  return (
    seeds.length === slotApplications.length && seeds.every(({ length }) => length === slotKeyBytes)
  );
}
