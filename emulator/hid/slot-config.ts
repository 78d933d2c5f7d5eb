import { Secret } from '../device/secret.ts';
import { hasCrc, withCrc } from './crc16.ts';

/** How a slot is programmed: the 52 bytes that a host writes. */
export interface SlotConfig {
  /** Up to 16 bytes typed in front of a response; unused by challenge/response. */
  readonly fixed: Uint8Array;
  /** 6 bytes: the end of an HMAC key, or the counter that HOTP starts at. */
  readonly uid: Uint8Array;
  /** 16 bytes. */
  readonly key: Secret;
  /** 6 bytes; zeros are none. Who does not say it changes nothing. */
  readonly accessCode: Secret;
  readonly fixedBytes: number;
  readonly extensionFlags: number;
  readonly ticketFlags: number;
  readonly configFlags: number;
}

/**
 * What a slot does. `otp-challenge`: challenges of 6 bytes, answered by Yubico OTP; `other`: something that this
 * emulator keeps but does not do.
 */
export type SlotKind = 'hmac' | 'otp-challenge' | 'hotp' | 'other';

const ticketChallenge = 0x40;
export const configFlags = {
  hotpEightDigits: 0x02,
  challengeHmac: 0x22,
  challenge: 0x20,
  /** The challenge may be shorter than 64 bytes. */
  shortChallenge: 0x04,
  touch: 0x08,
} as const;

export const extensionFlags = {
  /** The number may be asked for; this emulator tells it in any case. */
  serialApiVisible: 0x04,
  /** Some flags, and the access code, may be changed without writing the slot anew. */
  allowUpdate: 0x20,
  /** It is there, and answers nothing. */
  dormant: 0x40,
  /** Of the whole key. */
  ledInverted: 0x80,
} as const;

/** What an update may change: how a response is typed, and all extensions. */
const updatable = { ticketFlags: 0x3f, configFlags: 0x0c } as const;

export const configBytes = 52;
export const accessCodeBytes = 6;
/** Bytes of an HMAC or HOTP key. */
export const slotKeyBytes = 20;
const fixedBytesMax = 16;
const uidBytes = 6;
const keyBytes = 16;
const uidAt = fixedBytesMax;
const keyAt = uidAt + uidBytes;
const accessCodeAt = keyAt + keyBytes;
const numbersAt = accessCodeAt + accessCodeBytes;
/** The counter of HOTP is written in units of 16. */
const hotpCounterUnit = 16n;

/**
 * Reads a configuration.
 *
 * @param bytes 52 of them; copied
 * @returns null when the CRC is wrong or the fixed part too long
 */
export function readSlotConfig(bytes: Uint8Array): SlotConfig | null {
  if (bytes.length !== configBytes || !hasCrc(bytes)) return null;
  const [fixedBytes = 0, extensionFlags = 0, ticketFlags = 0, config = 0] =
    bytes.subarray(numbersAt);
  if (fixedBytes > fixedBytesMax) return null;
  return {
    fixed: bytes.slice(0, fixedBytesMax),
    uid: bytes.slice(uidAt, keyAt),
    key: new Secret(bytes.slice(keyAt, accessCodeAt)),
    accessCode: new Secret(bytes.slice(accessCodeAt, numbersAt)),
    fixedBytes,
    extensionFlags,
    ticketFlags,
    configFlags: config,
  };
}

/** The 52 bytes that `readSlotConfig` reads. They hold the key: overwrite them after use. */
export function slotConfigBytes(config: SlotConfig): Uint8Array {
  const { fixed, uid, key, accessCode } = config;
  const { fixedBytes, extensionFlags, ticketFlags, configFlags: own } = config;
  return withCrc(
    Uint8Array.of(
      ...fixed,
      ...uid,
      ...key.exposeSecret(),
      ...accessCode.exposeSecret(),
      ...[fixedBytes, extensionFlags, ticketFlags, own],
      ...[0, 0],
    ),
  );
}

export interface HmacSlotOptions {
  readonly needsTouch: boolean;
  readonly accessCode?: Uint8Array | undefined;
}

/**
 * A slot for HMAC-SHA-1 of challenges of up to 63 bytes.
 *
 * @param key 20 bytes; copied
 */
export function hmacSlotConfig(key: Uint8Array, options: HmacSlotOptions): SlotConfig {
  const touch = options.needsTouch ? configFlags.touch : 0;
  return {
    ...blank(key, options.accessCode),
    uid: Uint8Array.of(...key.subarray(keyBytes, slotKeyBytes), 0, 0),
    configFlags: configFlags.challengeHmac | configFlags.shortChallenge | touch,
  };
}

export interface HotpSlotOptions {
  readonly digits: 6 | 8;
  /** A multiple of 16, below 2^20. */
  readonly eventCounter?: bigint | undefined;
  readonly accessCode?: Uint8Array | undefined;
}

/**
 * A slot whose button types HOTP.
 *
 * @param key 20 bytes; copied
 */
export function hotpSlotConfig(key: Uint8Array, options: HotpSlotOptions): SlotConfig {
  const units = Number((options.eventCounter ?? 0n) / hotpCounterUnit);
  return {
    ...blank(key, options.accessCode),
    uid: Uint8Array.of(...key.subarray(keyBytes, slotKeyBytes), units >> 8, units & 0xff),
    configFlags: options.digits === 8 ? configFlags.hotpEightDigits : 0,
  };
}

function blank(key: Uint8Array, accessCode: Uint8Array | undefined): Omit<SlotConfig, 'uid'> {
  return {
    fixed: new Uint8Array(fixedBytesMax),
    key: new Secret(key.slice(0, keyBytes)),
    accessCode: new Secret(accessCode?.slice() ?? new Uint8Array(accessCodeBytes)),
    fixedBytes: 0,
    extensionFlags: extensionFlags.serialApiVisible | extensionFlags.allowUpdate,
    ticketFlags: ticketChallenge,
    configFlags: 0,
  };
}

/**
 * A slot for challenges of 6 bytes, answered as Yubico OTP.
 *
 * @param key 16 bytes, of AES; copied
 * @param privateId 6 bytes; copied
 */
export function otpChallengeSlotConfig(
  key: Uint8Array,
  privateId: Uint8Array,
  options: HmacSlotOptions,
): SlotConfig {
  return {
    ...blank(key, options.accessCode),
    uid: privateId.slice(),
    configFlags: configFlags.challenge | (options.needsTouch ? configFlags.touch : 0),
  };
}

/** What a slot does, unless it is dormant. */
export function slotKind({ ticketFlags, configFlags: own }: SlotConfig): SlotKind {
  if ((ticketFlags & ticketChallenge) === 0) return 'other';
  if ((own & configFlags.challenge) === 0) return 'hotp';
  return (own & configFlags.challengeHmac) === configFlags.challengeHmac ? 'hmac' : 'otp-challenge';
}

/** Whether the slot does anything at all. */
export function isDormant(config: SlotConfig): boolean {
  return (config.extensionFlags & extensionFlags.dormant) !== 0;
}

/** Whether it takes a touch: always to type, and to answer a challenge where it says so. */
export function needsTouch(config: SlotConfig): boolean {
  return !isChallenged(config) || (config.configFlags & configFlags.touch) !== 0;
}

/**
 * A slot after an update: its keys stay, the access code is the new one. The flags that pace the typing of one kind
 * are, in another, the touch and the length of a challenge; those are no affair of an update.
 *
 * @returns null where the slot takes no updates
 */
export function updatedConfig(present: SlotConfig, update: SlotConfig): SlotConfig | null {
  const open = extensionFlags.allowUpdate | extensionFlags.dormant;
  if ((present.extensionFlags & open) === 0) return null;
  const replaced = (own: number, given: number, mask: number): number =>
    (own & ~mask) | (given & mask);
  const configMask = isChallenged(present) ? 0 : updatable.configFlags;
  return {
    ...present,
    accessCode: update.accessCode,
    extensionFlags: update.extensionFlags,
    ticketFlags: replaced(present.ticketFlags, update.ticketFlags, updatable.ticketFlags),
    configFlags: replaced(present.configFlags, update.configFlags, configMask),
  };
}

function isChallenged(config: SlotConfig): boolean {
  return ['hmac', 'otp-challenge'].includes(slotKind(config));
}

/** The 20 bytes under HMAC. The caller wipes them. */
export function slotKey({ key, uid }: SlotConfig): Secret {
  return new Secret(
    Uint8Array.of(...key.exposeSecret(), ...uid.subarray(0, slotKeyBytes - keyBytes)),
  );
}

/** The counter that a slot starts at when it is written; those for Yubico OTP begin with none. */
export function firstCounter(config: SlotConfig): bigint {
  return slotKind(config) === 'otp-challenge' ? 0n : hotpStart(config);
}

/** The counter that the end of the identity stands for. */
export function hotpStart({ uid }: SlotConfig): bigint {
  const [high = 0, low = 0] = uid.subarray(slotKeyBytes - keyBytes);
  return BigInt((high << 8) | low) * hotpCounterUnit;
}

/** Overwrites what is secret. */
export function wipeSlotConfig({ key, accessCode, uid }: SlotConfig): void {
  key.wipe();
  accessCode.wipe();
  uid.fill(0);
}
