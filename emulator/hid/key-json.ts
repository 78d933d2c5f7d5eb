import { movingFactorMax } from '../../src/oath/index.ts';
import type { Pairing } from '../device/token.ts';
import { pairingToJson, readPairing } from '../files/pairing-json.ts';
import {
  encodeBase64,
  type Members,
  parseJson,
  readBase64,
  readCounter,
  readKind,
  readMembers,
  readText,
  readWhole,
  readWord,
  ShapeError,
} from '../files/shape.ts';
import { emulatedFirmware, type KeySlot, type OtpKey } from './key.ts';
import { useCounterMax } from './otp-ticket.ts';
import {
  configBytes,
  hotpStart,
  readSlotConfig,
  type SlotConfig,
  slotConfigBytes,
  slotKind,
} from './slot-config.ts';

/** A key with the serial that its file is named by. */
export interface StoredKey {
  readonly serial: string;
  /** Where the seeds of its slots came from, before any host wrote others. */
  readonly pairing: Pairing;
  readonly key: OtpKey;
}

const kind = 'otp-hid-key';
/** Files of version 1 know no pairing, and no counter but that of HOTP. */
const version = 2;
const membersOfVersion1 = [
  'kind',
  'version',
  'serial',
  'serialNumber',
  'programmingSequence',
  'slot1',
  'slot2',
];
const standAlone: Pairing = { status: 'stand-alone' };
const serialNumberMax = 0xffff_ffff;
const serialCharactersMax = 19;
/** A counter that has run out is stored as 2^64. */
const counterMax = movingFactorMax + 1n;

/** The text of a key's file: whoever reads it has the key. */
export function keyToJson({ serial, pairing, key }: StoredKey): string {
  const { serialNumber, programmingSequence, slots } = key;
  return `${JSON.stringify(
    {
      kind,
      version,
      serial,
      pairing: pairingToJson(pairing),
      serialNumber,
      programmingSequence,
      slot1: slotToJson(slots[1]),
      slot2: slotToJson(slots[2]),
    },
    null,
    2,
  )}\n`;
}

/**
 * Reads what `keyToJson` wrote.
 *
 * @throws ShapeError naming what is wrong and what is allowed; no secret appears in it
 */
export function keyFromJson(text: string): StoredKey {
  const value = parseJson(text);
  readWord(readKind(value, 'the file', 'kind'), 'kind', [kind]);
  const written = readWhole((value as Members)['version'], 'version', 1, version);
  const names = written === 1 ? membersOfVersion1 : [...membersOfVersion1, 'pairing'];
  const members = readMembers(value, 'the file', names);
  const pairing = written === 1 ? standAlone : readPairing(members['pairing']);
  const slots = {
    1: readSlot(members['slot1'], 'slot1', written),
    2: readSlot(members['slot2'], 'slot2', written),
  };
  const isEmpty = slots[1] === null && slots[2] === null;
  return {
    serial: readText(members['serial'], 'serial', serialCharactersMax),
    pairing,
    key: {
      serialNumber: readWhole(members['serialNumber'], 'serialNumber', 1, serialNumberMax),
      firmware: emulatedFirmware,
      programmingSequence: readWhole(
        members['programmingSequence'],
        'programmingSequence',
        isEmpty ? 0 : 1,
        isEmpty ? 0 : 0xff,
      ),
      slots,
    },
  };
}

function slotToJson(slot: KeySlot | null): unknown {
  if (slot === null) return null;
  const bytes = slotConfigBytes(slot.config);
  const config = encodeBase64(bytes);
  bytes.fill(0);
  return { config, eventCounter: String(slot.eventCounter) };
}

function readSlot(value: unknown, where: string, written: number): KeySlot | null {
  if (value === null) return null;
  const members = readMembers(value, where, ['config', 'eventCounter']);
  const bytes = readBase64(members['config'], `${where}.config`, configBytes, configBytes);
  const config = readSlotConfig(bytes);
  bytes.fill(0);
  if (config === null) throw new ShapeError(`${where}.config must end with its CRC`);
  const isUncounted = written === 1 && slotKind(config) === 'otp-challenge';
  const max = isUncounted ? hotpStart(config) : eventCounterMax(config);
  const eventCounter = readCounter(members['eventCounter'], `${where}.eventCounter`, max);
  return { config, eventCounter: isUncounted ? 0n : eventCounter };
}

function eventCounterMax(config: SlotConfig): bigint {
  switch (slotKind(config)) {
    case 'hotp':
      return counterMax;
    case 'otp-challenge':
      return BigInt(useCounterMax);
    case 'hmac':
    case 'other':
      return hotpStart(config);
  }
}
