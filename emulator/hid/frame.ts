import { crc16 } from './crc16.ts';
import { reportBytes } from './hid-device.ts';

/**
 * The OTP HID protocol. A request is a frame of 70 bytes: 64 of payload, the command, the CRC of the payload and
 * three of nothing. It travels in ten reports of seven bytes; the eighth says which of the ten. What a key answers comes in
 * such reports as well, when it is asked for them.
 */

/** The eighth byte of a report. */
export const flags = {
  /** Set by the host with the number of the report; the key clears it when it has taken the report. */
  write: 0x80,
  /** An answer is there: the number of this part of it in the low bits. */
  pending: 0x40,
  /** The key waits to be touched: seconds left in the low bits. */
  waiting: 0x20,
  /** The low bits. */
  number: 0x1f,
} as const;

/** Number of the report that forgets what has begun. */
const resetNumber = 0x0f;

export const payloadBytes: number = 64;
/** Bytes of a report that are data. */
export const chunkBytes: number = reportBytes - 1;
/** Number of the last report of a frame. */
export const lastReport: number = 9;
export const frameBytes: number = chunkBytes * (lastReport + 1);

/** Slots of a key, by the number that people know them by. */
export type Slot = 1 | 2;

/** Commands of both sides. */
export const commands = {
  writeSlot: { 1: 0x01, 2: 0x03 },
  updateSlot: { 1: 0x04, 2: 0x05 },
  swapSlots: 0x06,
  serial: 0x10,
  deviceInfo: 0x13,
  challengeOtp: { 1: 0x20, 2: 0x28 },
  challengeHmac: { 1: 0x30, 2: 0x38 },
} as const;

/** The report that ends whatever a key is at. */
export function resetReport(): Uint8Array {
  const report = new Uint8Array(reportBytes);
  report[chunkBytes] = flags.write | resetNumber;
  return report;
}

/**
 * The reports of a request. Those of nothing but zeros are left out, save the first and the last: the
 * key begins with zeros.
 *
 * @param payload at most 64 bytes; zeros follow
 */
export function requestReports(command: number, payload: Uint8Array): readonly Uint8Array[] {
  const frame = new Uint8Array(frameBytes);
  frame.set(payload);
  const crc = crc16(frame.subarray(0, payloadBytes));
  frame.set([command, crc & 0xff, crc >> 8], payloadBytes);
  const reports: Uint8Array[] = [];
  for (let number = 0; number <= lastReport; number += 1) {
    const chunk = frame.subarray(number * chunkBytes, (number + 1) * chunkBytes);
    const isAtEnd = number === 0 || number === lastReport;
    if (isAtEnd || chunk.some((byte) => byte !== 0)) {
      reports.push(Uint8Array.of(...chunk, flags.write | number));
    }
  }
  return reports;
}

/** A request that came in whole. */
export interface Request {
  readonly command: number;
  readonly payload: Uint8Array;
}

/** What a frame asks for, or null if its CRC is wrong. */
export function readFrame(frame: Uint8Array): Request | null {
  const payload = frame.slice(0, payloadBytes);
  const [command = 0, low = 0, high = 0] = frame.subarray(payloadBytes);
  return crc16(payload) === (low | (high << 8)) ? { command, payload } : null;
}

/** What a key says of itself when it is at nothing. */
export interface KeyStatus {
  readonly firmware: readonly [major: number, minor: number, patch: number];
  /** Rises with every change of a slot; 0 when both are empty. */
  readonly programmingSequence: number;
  readonly slots: Readonly<Record<Slot, SlotStatus>>;
  readonly isLedInverted: boolean;
}

export interface SlotStatus {
  readonly isProgrammed: boolean;
  readonly needsTouch: boolean;
}

/** Bits of the touch level: programmed, then wants a touch, of slots 1 and 2. */
const slotBits = { 1: [0x01, 0x04], 2: [0x02, 0x08] } as const;
const ledInvertedBit = 0x10;

/** The report of a key that is at nothing, or waits: `eighth` says which. */
export function statusReport(status: KeyStatus, eighth: number): Uint8Array {
  let level = status.isLedInverted ? ledInvertedBit : 0;
  for (const slot of [1, 2] as const) {
    const [programmed, touch] = slotBits[slot];
    if (status.slots[slot].isProgrammed) level |= programmed;
    if (status.slots[slot].needsTouch) level |= touch;
  }
  return Uint8Array.of(0, ...status.firmware, status.programmingSequence, level, 0, eighth);
}

/** Reads what `statusReport` wrote. */
export function readStatus(report: Uint8Array): KeyStatus {
  const [, major = 0, minor = 0, patch = 0, programmingSequence = 0, level = 0] = report;
  const slotOf = (slot: Slot): SlotStatus => {
    const [programmed, touch] = slotBits[slot];
    return { isProgrammed: (level & programmed) !== 0, needsTouch: (level & touch) !== 0 };
  };
  return {
    firmware: [major, minor, patch],
    programmingSequence,
    slots: { 1: slotOf(1), 2: slotOf(2) },
    isLedInverted: (level & ledInvertedBit) !== 0,
  };
}
