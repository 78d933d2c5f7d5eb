import { EmulatorError } from '../errors.ts';
import { hasCrc } from './crc16.ts';
import {
  chunkBytes,
  commands,
  flags,
  type KeyStatus,
  payloadBytes,
  readStatus,
  requestReports,
  resetReport,
  type Slot,
} from './frame.ts';
import type { HidDevice } from './hid-device.ts';
import { otpAnswerBytes, otpChallengeBytes } from './otp-ticket.ts';
import { accessCodeBytes, configBytes, type SlotConfig, slotConfigBytes } from './slot-config.ts';

/** What a host waits by. */
export interface HidClock {
  /** Never falls. */
  monotonicMs(): number;
  sleepMs(durationMs: number): Promise<void>;
}

/** The host's side of a key. Requests come one after another: the caller waits for each. */
export interface KeyHost {
  status(): Promise<KeyStatus>;
  /** The number of the key; null where it keeps it to itself. */
  serialNumber(): Promise<number | null>;
  /** Pairs of tag and value; null with a key that has none of it. */
  deviceInfo(): Promise<ReadonlyMap<number, Uint8Array> | null>;
  /**
   * The HMAC-SHA-1 of a challenge, 20 bytes.
   *
   * @param challenge 1 to 64 bytes
   * @param onTouch called once if the key waits to be touched
   * @throws EmulatorError refused when the slot does no such thing, untouched when it waited in vain
   */
  challengeHmac(slot: Slot, challenge: Uint8Array, onTouch?: () => void): Promise<Uint8Array>;
  /**
   * The answer of a slot for Yubico OTP, 16 bytes, another one each time. Errors as for `challengeHmac`.
   *
   * @param challenge 6 bytes
   */
  challengeOtp(slot: Slot, challenge: Uint8Array, onTouch?: () => void): Promise<Uint8Array>;
  /**
   * Programs a slot, or empties it.
   *
   * @param accessCode the one that the slot has now, 6 bytes
   * @returns whether the key took it: it says no more than that its sequence went on
   */
  writeSlot(slot: Slot, config: SlotConfig | null, accessCode?: Uint8Array): Promise<boolean>;
  /**
   * Changes what an update may: extensions, how responses are typed, and the access code. Whether the key did.
   *
   * @param config its keys are passed over
   * @param accessCode the one that the slot has now, 6 bytes
   */
  updateSlot(slot: Slot, config: SlotConfig, accessCode?: Uint8Array): Promise<boolean>;
  /** Puts each slot in the place of the other; whether the key did. */
  swapSlots(accessCode?: Uint8Array): Promise<boolean>;
  /** Ends whatever the key is at. */
  reset(): Promise<void>;
}

const pollMs = 20;
const touchPollMs = 100;
/** For a key that is busy with itself. */
const busyMsMax = 2000;
/** The key counts on its own; this is for one that never ends. */
const touchMsMax = 60_000;
/** The numbers of the parts have five bits. */
const partsMax = flags.number;
const hmacBytes = 20;
const crcBytes = 2;
const sequenceMax = 0xff;

type Answer =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'nothing'; readonly status: KeyStatus }
  | { readonly kind: 'untouched' };

/** Talks to a key by the OTP HID protocol. */
export function createKeyHost(device: HidDevice, clock: HidClock): KeyHost {
  const ask = (command: number, payload: Uint8Array, onTouch?: () => void): Promise<Answer> =>
    exchange({ device, clock }, requestReports(command, payload), onTouch);

  async function changing(command: number, payload: Uint8Array): Promise<boolean> {
    const before = readStatus(await quiet(device));
    const answer = await ask(command, payload);
    return answer.kind === 'nothing' && isNext(before, answer.status);
  }

  async function challenge(
    command: number,
    payload: Uint8Array,
    answerBytes: number,
    refusal: string,
    onTouch?: () => void,
  ): Promise<Uint8Array> {
    const answer = await ask(command, payload, onTouch);
    if (answer.kind === 'untouched') throw untouched();
    const bytes = dataOf(answer, answerBytes);
    if (bytes === null) throw refused(refusal);
    return bytes;
  }

  function writing(command: number, bytes: Uint8Array, accessCode = noCode()): Promise<boolean> {
    const payload = Uint8Array.of(...bytes, ...accessCode);
    bytes.fill(0);
    return changing(command, payload).finally(() => payload.fill(0));
  }

  return {
    status: async () => readStatus(await quiet(device)),
    serialNumber: async () => {
      const bytes = dataOf(await ask(commands.serial, new Uint8Array()), 4);
      return bytes === null ? null : Buffer.from(bytes).readUInt32BE();
    },
    deviceInfo: async () => {
      const answer = await ask(commands.deviceInfo, new Uint8Array());
      if (answer.kind !== 'data') return null;
      const bytes = dataOf(answer, 1 + (answer.bytes[0] ?? 0));
      return bytes === null ? null : entriesOf(bytes.subarray(1));
    },
    challengeHmac: async (slot, bytes, onTouch) => {
      const refusal = `slot ${slot} is not programmed for HMAC-SHA1 challenge/response`;
      const payload = padChallenge(bytes);
      return await challenge(commands.challengeHmac[slot], payload, hmacBytes, refusal, onTouch);
    },
    challengeOtp: async (slot, bytes, onTouch) => {
      const refusal = `slot ${slot} is not programmed for challenges of Yubico OTP`;
      if (bytes.length !== otpChallengeBytes) {
        throw invalid(`a challenge of Yubico OTP has ${otpChallengeBytes} bytes`);
      }
      return await challenge(commands.challengeOtp[slot], bytes, otpAnswerBytes, refusal, onTouch);
    },
    writeSlot: (slot, config, accessCode) => {
      const bytes = config === null ? new Uint8Array(configBytes) : slotConfigBytes(config);
      return writing(commands.writeSlot[slot], bytes, accessCode);
    },
    updateSlot: (slot, config, accessCode) =>
      writing(commands.updateSlot[slot], slotConfigBytes(config), accessCode),
    swapSlots: (accessCode = noCode()) => changing(commands.swapSlots, accessCode),
    reset: () => device.sendFeatureReport(resetReport()),
  };
}

/**
 * The 64 bytes that stand for a challenge. The key drops what equals the last of them, so a challenge that ends
 * with 00 is filled up with 01, and any other with 00.
 *
 * @throws EmulatorError input-invalid for a challenge that is empty or longer than 64 bytes
 */
export function padChallenge(challenge: Uint8Array): Uint8Array {
  if (challenge.length < 1 || challenge.length > payloadBytes) {
    throw invalid(`a challenge has 1 to ${payloadBytes} bytes`);
  }
  const padded = new Uint8Array(payloadBytes).fill(challenge.at(-1) === 0 ? 1 : 0);
  padded.set(challenge);
  return padded;
}

interface Link {
  readonly device: HidDevice;
  readonly clock: HidClock;
}

/** One request and its answer; the key is at nothing afterwards, whatever happened. */
async function exchange(
  link: Link,
  reports: readonly Uint8Array[],
  onTouch: () => void = () => undefined,
): Promise<Answer> {
  const { device } = link;
  await quiet(device);
  try {
    for (const report of reports) {
      await untilTaken(link);
      await device.sendFeatureReport(report);
    }
    const answer = await answerOf(link, onTouch);
    if (answer.kind === 'data') await device.sendFeatureReport(resetReport());
    return answer;
  } catch (error) {
    await device.sendFeatureReport(resetReport()).catch(() => undefined);
    throw error;
  }
}

/** The status of a key that is at nothing: what another program left is ended first. */
async function quiet(device: HidDevice): Promise<Uint8Array> {
  const report = await device.getFeatureReport();
  if (report[chunkBytes] === 0) return report;
  await device.sendFeatureReport(resetReport());
  return device.getFeatureReport();
}

async function untilTaken({ device, clock }: Link): Promise<void> {
  const deadlineMs = clock.monotonicMs() + busyMsMax;
  for (;;) {
    const eighth = (await device.getFeatureReport())[chunkBytes] ?? 0;
    if ((eighth & flags.write) === 0) return;
    await waitOn(clock, deadlineMs, pollMs);
  }
}

async function answerOf(link: Link, onTouch: () => void): Promise<Answer> {
  const report = await untilReady(link, onTouch);
  if (report === null) return { kind: 'untouched' };
  return isPending(report)
    ? { kind: 'data', bytes: await partsFrom(link.device, report) }
    : { kind: 'nothing', status: readStatus(report) };
}

/** The first part of an answer, or the status of a key without one; null if nobody touched it in time. */
async function untilReady(
  { device, clock }: Link,
  onTouch: () => void,
): Promise<Uint8Array | null> {
  let deadlineMs = clock.monotonicMs() + busyMsMax;
  let wasWaiting = false;
  for (;;) {
    const report = await device.getFeatureReport();
    if (isPending(report)) return report;
    const eighth = report[chunkBytes] ?? 0;
    if (eighth === 0) return wasWaiting ? null : report;
    const waits = (eighth & (flags.waiting | flags.write)) === flags.waiting;
    if (waits && !wasWaiting) {
      wasWaiting = true;
      deadlineMs = clock.monotonicMs() + touchMsMax;
      onTouch();
    }
    await waitOn(clock, deadlineMs, waits ? touchPollMs : pollMs);
  }
}

/** All parts, of which the first is there; one with the number 0 says that there are no more. */
async function partsFrom(device: HidDevice, first: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let report = first; ; report = await device.getFeatureReport()) {
    if (!isPending(report)) throw failed('half an answer');
    const number = (report[chunkBytes] ?? 0) & flags.number;
    if (number === 0 && parts.length > 0) return joined(parts);
    if (number !== parts.length || number >= partsMax) throw failed('an answer out of order');
    parts.push(report.subarray(0, chunkBytes));
  }
}

function isPending(report: Uint8Array): boolean {
  return ((report[chunkBytes] ?? 0) & (flags.pending | flags.write)) === flags.pending;
}

async function waitOn(clock: HidClock, deadlineMs: number, durationMs: number): Promise<void> {
  if (clock.monotonicMs() >= deadlineMs) throw failed('no answer in time');
  await clock.sleepMs(durationMs);
}

/** So many bytes of an answer; null where there is none. */
function dataOf(answer: Answer, length: number): Uint8Array | null {
  if (answer.kind !== 'data') return null;
  const whole = answer.bytes.subarray(0, length + crcBytes);
  if (whole.length === length + crcBytes && hasCrc(whole)) return whole.slice(0, length);
  throw failed('a damaged answer');
}

function entriesOf(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const entries = new Map<number, Uint8Array>();
  for (let at = 0; at + 1 < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) {
    const valueAt = at + 2;
    const length = bytes[at + 1] ?? 0;
    entries.set(bytes[at] ?? 0, bytes.slice(valueAt, valueAt + length));
  }
  return entries;
}

function isNext(before: KeyStatus, after: KeyStatus): boolean {
  const { 1: first, 2: second } = after.slots;
  if (after.programmingSequence === 0) {
    return before.programmingSequence > 0 && !first.isProgrammed && !second.isProgrammed;
  }
  const next = before.programmingSequence === sequenceMax ? 1 : before.programmingSequence + 1;
  return after.programmingSequence === next;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function noCode(): Uint8Array {
  return new Uint8Array(accessCodeBytes);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}

function refused(message: string): EmulatorError {
  return new EmulatorError('refused', message);
}

function untouched(): EmulatorError {
  return new EmulatorError('untouched', 'nobody touched the key in time');
}

function failed(what: string): EmulatorError {
  return new EmulatorError(
    'hid-failed',
    `the key gave ${what}: pull it out, plug it in and try again`,
  );
}
