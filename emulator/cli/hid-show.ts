import { type CliWorld, type CommonOptions, isoTime, keysOf, print } from './context.ts';
import type { SlotStatus } from '../hid/frame.ts';
import { type KeySlot, keyStatus } from '../hid/key.ts';
import { type KeyFolder, wipeStoredKey } from '../hid/key-files.ts';
import type { StoredKey } from '../hid/key-json.ts';
import { keyModel } from '../hid/key-pairing.ts';
import { isDormant, type SlotKind, slotKind } from '../hid/slot-config.ts';

/** A key beside tokens: what `vtoken list` prints of it, and its JSON. */
export interface KeySummary {
  readonly entry: object;
  readonly line: string;
}

const kindTexts: Readonly<Record<SlotKind, string>> = {
  hmac: 'HMAC-SHA1-CR',
  'otp-challenge': 'challenges of Yubico OTP',
  hotp: 'HOTP-SHA1',
  other: 'something that is not emulated',
};

/** What is stored of a key, for a list. Errors as for `KeyFolder.read`. */
export async function summaryOfKey(keys: KeyFolder, serial: string): Promise<KeySummary> {
  const stored = await keys.read(serial);
  const { status } = stored.pairing;
  const slots = ([1, 2] as const).map((slot) => {
    const { [slot]: present } = stored.key.slots;
    return `SLOT${slot}=${present === null ? 'empty' : kindTexts[slotKind(present.config)]}`;
  });
  const line = `${serial.padEnd(19)} ${keyModel.padEnd(8)} ${status.padEnd(11)} ${slots.join(' ')}`;
  const entry = describeKey(stored);
  wipeStoredKey(stored);
  return { entry, line };
}

/** `vtoken show` of a key: what is in the file; `vtoken hid info` asks the key itself. */
export async function showKey(
  world: CliWorld,
  options: CommonOptions,
  serial: string,
): Promise<void> {
  const stored = await keysOf(world, options).read(serial);
  const { pairing, key } = stored;
  const status = keyStatus(key);
  const rows: [string, string][] = [
    ['serial', serial],
    ['model', keyModel],
    ['body', 'a key that speaks the OTP HID protocol, see: vtoken hid --help'],
    ['seeds', pairing.status === 'requested' ? 'waiting for a bundle' : pairing.status],
    ...(pairing.status === 'paired'
      ? [['paired', isoTime(pairing.pairedAtMs)] as [string, string]]
      : []),
    ['number', String(key.serialNumber)],
    ['slot 1', slotText(key.slots[1], status.slots[1])],
    ['slot 2', slotText(key.slots[2], status.slots[2])],
    ['sequence', String(key.programmingSequence)],
  ];
  const text = rows.map(([label, value]) => `${label.padEnd(12)} ${value}`).join('\n');
  print(world, options, describeKey(stored), text);
  wipeStoredKey(stored);
}

function slotText(slot: KeySlot | null, { needsTouch }: SlotStatus): string {
  if (slot === null) return 'empty';
  const kind = slotKind(slot.config);
  const remarks = [
    kindTexts[kind],
    needsTouch ? 'wants a touch' : null,
    kind === 'hotp' ? `next event counter ${slot.eventCounter}` : null,
    isDormant(slot.config) ? 'dormant' : null,
  ];
  return remarks.filter((remark) => remark !== null).join(', ');
}

/** Everything about a key that is no secret. */
function describeKey({ serial, pairing, key }: StoredKey): object {
  const { serialNumber, programmingSequence, slots } = key;
  const status = keyStatus(key);
  const slotOf = (slot: 1 | 2): object | null => {
    const present = slots[slot];
    if (present === null) return null;
    const { config, eventCounter } = present;
    const kind = slotKind(config);
    return {
      kind,
      needsTouch: status.slots[slot].needsTouch,
      isDormant: isDormant(config),
      nextEventCounter: kind === 'hotp' ? eventCounter : null,
    };
  };
  return {
    serial,
    model: keyModel,
    status: pairing.status,
    serialNumber,
    programmingSequence,
    slots: { 1: slotOf(1), 2: slotOf(2) },
  };
}
