import { timingSafeEqual } from 'node:crypto';
import {
  type EventCounter,
  movingFactorMax,
  type Otp,
  parseEventCounter,
  readResponse,
  responseMessage,
} from '../../src/oath/index.ts';
import { macOnce } from '../device/mac.ts';
import { nextTicket, otpAnswer, type PowerSession, useCounterMax } from './otp-ticket.ts';
import { commands, type KeyStatus, type Request, type Slot } from './frame.ts';
import {
  accessCodeBytes,
  configBytes,
  configFlags,
  extensionFlags,
  firstCounter,
  isDormant,
  needsTouch,
  readSlotConfig,
  type SlotConfig,
  slotKey,
  type SlotKind,
  slotKind,
  updatedConfig,
  wipeSlotConfig,
} from './slot-config.ts';

/** A programmed slot. */
export interface KeySlot {
  readonly config: SlotConfig;
  /** The next counter of HOTP, or how many sessions have used a slot for Yubico OTP; unused by others. */
  readonly eventCounter: bigint;
}

/** What a key remembers without power. An immutable value, but for the secrets that are wiped. */
export interface OtpKey {
  /** The number that the key says it has: 1 to 2^32 - 1. */
  readonly serialNumber: number;
  readonly firmware: KeyStatus['firmware'];
  readonly programmingSequence: number;
  readonly slots: Readonly<Record<Slot, KeySlot | null>>;
}

/** A challenge of 64 bytes, of which one by Yubico OTP has the first 6. */
export interface Challenged {
  readonly kind: Extract<SlotKind, 'hmac' | 'otp-challenge'>;
  readonly slot: Slot;
  readonly challenge: Uint8Array;
}

/** What a request comes to: `answer` is null where the key only shows its status. */
export type Reaction =
  | { readonly kind: 'done'; readonly key: OtpKey; readonly answer: Uint8Array | null }
  | { readonly kind: 'challenged'; readonly asked: Challenged; readonly needsTouch: boolean };

/** The firmware whose habits the emulated key has. */
export const emulatedFirmware = [5, 4, 3] as const;

const sequenceMax = 0xff;

/** A key nobody has programmed. */
export function emptyKey(serialNumber: number): OtpKey {
  return {
    serialNumber,
    firmware: emulatedFirmware,
    programmingSequence: 0,
    slots: { 1: null, 2: null },
  };
}

/** What the key says of itself. */
export function keyStatus({ firmware, programmingSequence, slots }: OtpKey): KeyStatus {
  const statusOf = (slot: KeySlot | null): KeyStatus['slots'][1] => ({
    isProgrammed: slot !== null,
    needsTouch: slot !== null && needsTouch(slot.config),
  });
  return {
    firmware,
    programmingSequence,
    slots: { 1: statusOf(slots[1]), 2: statusOf(slots[2]) },
    isLedInverted: [slots[1], slots[2]].some(
      (slot) => slot !== null && (slot.config.extensionFlags & extensionFlags.ledInverted) !== 0,
    ),
  };
}

/** Carries out a request. What is not known, or not permitted, changes nothing and answers nothing. */
export function react(key: OtpKey, request: Request): Reaction {
  const { command, payload } = request;
  switch (command) {
    case commands.swapSlots:
      return done(swapped(key, payload));
    case commands.serial:
      return done(key, uint32(key.serialNumber));
    case commands.deviceInfo:
      return done(key, payload[0] === 0 ? deviceInfo(key) : null);
    default:
      return reactOfSlot(key, 1, request) ?? reactOfSlot(key, 2, request) ?? done(key);
  }
}

/** The commands that each slot has one of; null for all others. */
function reactOfSlot(key: OtpKey, slot: Slot, { command, payload }: Request): Reaction | null {
  switch (command) {
    case commands.writeSlot[slot]:
      return done(written(key, slot, payload));
    case commands.updateSlot[slot]:
      return done(updated(key, slot, payload));
    case commands.challengeOtp[slot]:
      return challenged(key, { kind: 'otp-challenge', slot, challenge: payload });
    case commands.challengeHmac[slot]:
      return challenged(key, { kind: 'hmac', slot, challenge: payload });
    default:
      return null;
  }
}

/** What a key answers a challenge with, and key and session after it; null where it has no answer. */
export function answerChallenge(
  key: OtpKey,
  session: PowerSession,
  { kind, slot, challenge }: Challenged,
  nowMs: number,
): { readonly key: OtpKey; readonly session: PowerSession; readonly answer: Uint8Array } | null {
  const present = key.slots[slot];
  if (present === null || !doesIndeed(present.config, kind)) return null;
  if (kind === 'hmac') return { key, session, answer: hmacOf(present.config, challenge) };
  const { eventCounter } = present;
  const isFirst = session.uses[slot] === 0;
  const useCounter = Number(eventCounter) + (isFirst ? 1 : 0);
  if (useCounter > useCounterMax) return null;
  const { serialNumber } = key;
  const next = nextTicket(session, slot, { useCounter, serialNumber }, nowMs);
  const answer = otpAnswer(present.config, challenge, next.counts);
  const counted = isFirst
    ? withSlot(key, slot, { ...present, eventCounter: eventCounter + 1n })
    : key;
  return { key: counted, session: next.session, answer };
}

/**
 * What a press of the button types from a slot for HOTP, and the key afterwards; null where the slot
 * is for something else, or its counter has run out.
 */
export function pressSlot(
  key: OtpKey,
  slot: Slot,
): { readonly key: OtpKey; readonly response: Otp } | null {
  const present = key.slots[slot];
  if (present === null || !doesIndeed(present.config, 'hotp')) return null;
  if (present.eventCounter > movingFactorMax) return null;
  const digits = (present.config.configFlags & configFlags.hotpEightDigits) === 0 ? 6 : 8;
  const response = hotp(present.config, parseEventCounter(present.eventCounter), digits);
  const next = { ...present, eventCounter: present.eventCounter + 1n };
  return { key: withSlot(key, slot, next), response };
}

/** Overwrites the keys of the slots. */
export function wipeKey({ slots }: OtpKey): void {
  for (const slot of [slots[1], slots[2]]) if (slot !== null) wipeSlotConfig(slot.config);
}

function hotp(config: SlotConfig, eventCounter: EventCounter, digits: 6 | 8): Otp {
  const algorithm = { kind: 'event', hash: 'SHA1', digits } as const;
  const secret = slotKey(config);
  const mac = macOnce('SHA1', secret, responseMessage(algorithm, { eventCounter }));
  secret.wipe();
  return readResponse(algorithm, mac);
}

function done(key: OtpKey, answer: Uint8Array | null = null): Reaction {
  return { kind: 'done', key, answer };
}

/** A key is touched for a challenge that it can answer, and for no other. */
function challenged(key: OtpKey, asked: Challenged): Reaction {
  const config = key.slots[asked.slot]?.config;
  if (config === undefined || !doesIndeed(config, asked.kind)) return done(key);
  return { kind: 'challenged', asked, needsTouch: needsTouch(config) };
}

function doesIndeed(config: SlotConfig, kind: SlotKind): boolean {
  return slotKind(config) === kind && !isDormant(config);
}

function hmacOf(config: SlotConfig, challenge: Uint8Array): Uint8Array {
  const isShort = (config.configFlags & configFlags.shortChallenge) !== 0;
  const secret = slotKey(config);
  const mac = macOnce('SHA1', secret, isShort ? withoutPadding(challenge) : challenge);
  secret.wipe();
  return mac;
}

function withSlot(key: OtpKey, slot: Slot, present: KeySlot): OtpKey {
  return { ...key, slots: { ...key.slots, [slot]: present } };
}

/** The device drops whatever at the end equals the last byte, be it padding or not. */
function withoutPadding(challenge: Uint8Array): Uint8Array {
  const last = challenge.at(-1);
  return challenge.subarray(0, challenge.findLastIndex((byte) => byte !== last) + 1);
}

/** A slot written, or emptied by zeros; the same key where that is refused. */
function written(key: OtpKey, slot: Slot, payload: Uint8Array): OtpKey {
  const bytes = payload.subarray(0, configBytes);
  const code = payload.subarray(configBytes, configBytes + accessCodeBytes);
  if (!isOpenTo(key.slots[slot], code)) return key;
  const isEmptying = bytes.every((byte) => byte === 0);
  const config = isEmptying ? null : readSlotConfig(bytes);
  if (!isEmptying && config === null) return key;
  const present = config === null ? null : { config, eventCounter: firstCounter(config) };
  return changed(key, { ...key.slots, [slot]: present });
}

/** Some flags of a slot changed, and its access code; the same key where that is refused. */
function updated(key: OtpKey, slot: Slot, payload: Uint8Array): OtpKey {
  const present = key.slots[slot];
  const code = payload.subarray(configBytes, configBytes + accessCodeBytes);
  if (present === null || !isOpenTo(present, code)) return key;
  const update = readSlotConfig(payload.subarray(0, configBytes));
  const config = update === null ? null : updatedConfig(present.config, update);
  update?.key.wipe();
  return config === null ? key : changed(key, { ...key.slots, [slot]: { ...present, config } });
}

/** Hosts put the access code where the configuration would be, or behind it. */
function swapped(key: OtpKey, payload: Uint8Array): OtpKey {
  const codes = [0, configBytes].map((at) => payload.subarray(at, at + accessCodeBytes));
  const { 1: first, 2: second } = key.slots;
  const isOpen = codes.some((code) => isOpenTo(first, code) && isOpenTo(second, code));
  return isOpen ? changed(key, { 1: second, 2: first }) : key;
}

function isOpenTo(slot: KeySlot | null, code: Uint8Array): boolean {
  if (slot === null) return true;
  const own = slot.config.accessCode.exposeSecret();
  return own.every((byte) => byte === 0) || timingSafeEqual(own, code);
}

function changed(key: OtpKey, slots: OtpKey['slots']): OtpKey {
  const isEmpty = slots[1] === null && slots[2] === null;
  // 0 says that there is nothing, so the sequence goes on with 1.
  const next = key.programmingSequence >= sequenceMax ? 1 : key.programmingSequence + 1;
  return { ...key, slots, programmingSequence: isEmpty ? 0 : next };
}

/** Length, then tag, length, value: what is there to be used over USB, and which key it is. */
function deviceInfo({ serialNumber, firmware }: OtpKey): Uint8Array {
  const otpAlone = 0x01;
  const entries: [tag: number, value: readonly number[]][] = [
    [0x01, [otpAlone]],
    [0x02, [...uint32(serialNumber)]],
    [0x03, [otpAlone]],
    [0x04, [0x01]],
    [0x05, firmware],
    [0x0a, [0]],
  ];
  const bytes = entries.flatMap(([tag, value]) => [tag, value.length, ...value]);
  return Uint8Array.of(bytes.length, ...bytes);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return new Uint8Array(bytes);
}
