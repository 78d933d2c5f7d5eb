import { withCrc } from './crc16.ts';
import { chunkBytes, flags, frameBytes, lastReport, readFrame, statusReport } from './frame.ts';
import { reportBytes } from './hid-device.ts';
import { answerChallenge, type Challenged, keyStatus, type OtpKey, react } from './key.ts';
import type { PowerSession } from './otp-ticket.ts';

/** What a key that has power is at. */
type Turn =
  | { readonly kind: 'idle' }
  | { readonly kind: 'receiving'; readonly frame: Uint8Array; readonly number: number }
  | { readonly kind: 'answering'; readonly answer: Uint8Array; readonly number: number }
  | {
      readonly kind: 'waiting';
      readonly asked: Challenged;
      readonly endsAtMs: number;
    };

/** A key that is plugged in: what it remembers, what it has counted since and what it is at. */
export interface PoweredKey {
  readonly key: OtpKey;
  readonly session: PowerSession;
  readonly turn: Turn;
}

/** How long a key waits to be touched. */
const touchWaitMs = 15_000;
const secondsShownMax: number = flags.number;

/**
 * Plugs a key in.
 *
 * @param seed what it draws by itself is drawn from this
 */
export function powered(key: OtpKey, seed: string, nowMs: number): PoweredKey {
  const session = { seed, beganAtMs: nowMs, uses: { 1: 0, 2: 0 } };
  return { key, session, turn: { kind: 'idle' } };
}

/**
 * A report from the host. Whatever it holds, the key goes on: what is no part of a request in its order ends
 * what has begun, and what is no report of a host's is passed over.
 */
export function receiveReport(device: PoweredKey, report: Uint8Array, nowMs: number): PoweredKey {
  const eighth = report[chunkBytes] ?? 0;
  if (report.length !== reportBytes || (eighth & flags.write) === 0) return device;
  const number = eighth & flags.number;
  const { turn } = device;
  const begun = number === 0 ? newFrame() : turn;
  // The numbers rise, and may leave out reports of zeros. What is beyond the last means: forget it.
  if (begun.kind !== 'receiving' || number > lastReport || number <= begun.number) {
    return idle(device);
  }
  const frame = begun.frame.slice();
  frame.set(report.subarray(0, chunkBytes), number * chunkBytes);
  if (number < lastReport) return { ...device, turn: { kind: 'receiving', frame, number } };
  return carriedOut(device, frame, nowMs);
}

/** The report that the host gets now, and the key afterwards. */
export function currentReport(
  device: PoweredKey,
  nowMs: number,
): { readonly device: PoweredKey; readonly report: Uint8Array } {
  const { key, turn } = device;
  switch (turn.kind) {
    case 'idle':
    case 'receiving':
      return { device, report: statusReport(keyStatus(key), 0) };
    case 'waiting': {
      const leftMs = turn.endsAtMs - nowMs;
      if (leftMs <= 0) return currentReport(idle(device), nowMs);
      const seconds = Math.min(secondsShownMax, Math.ceil(leftMs / 1000));
      return { device, report: statusReport(keyStatus(key), flags.waiting | seconds) };
    }
    case 'answering':
      return nextChunk(device, turn);
  }
}

/** A finger on the key: it answers what it waits with; else nothing happens. */
export function touch(device: PoweredKey, nowMs: number): PoweredKey {
  const { turn } = device;
  if (turn.kind !== 'waiting') return device;
  return nowMs >= turn.endsAtMs ? idle(device) : answered(device, turn.asked, nowMs);
}

function idle(device: PoweredKey): PoweredKey {
  return { ...device, turn: { kind: 'idle' } };
}

function newFrame(): Extract<Turn, { kind: 'receiving' }> {
  return { kind: 'receiving', frame: new Uint8Array(frameBytes), number: -1 };
}

function carriedOut(device: PoweredKey, frame: Uint8Array, nowMs: number): PoweredKey {
  const request = readFrame(frame);
  if (request === null) return idle(device);
  const reaction = react(device.key, request);
  if (reaction.kind === 'done') return answering({ ...device, key: reaction.key }, reaction.answer);
  const { asked } = reaction;
  if (!reaction.needsTouch) return answered(device, asked, nowMs);
  return { ...device, turn: { kind: 'waiting', asked, endsAtMs: nowMs + touchWaitMs } };
}

function answered(device: PoweredKey, asked: Challenged, nowMs: number): PoweredKey {
  const made = answerChallenge(device.key, device.session, asked, nowMs);
  if (made === null) return idle(device);
  const { key, session, answer } = made;
  return answering({ ...device, key, session }, answer);
}

function answering(device: PoweredKey, answer: Uint8Array | null): PoweredKey {
  if (answer === null) return idle(device);
  return { ...device, turn: { kind: 'answering', answer: withCrc(answer), number: 0 } };
}

/** The parts in their order, then one without data and with number 0, then the status again. */
function nextChunk(
  device: PoweredKey,
  turn: Extract<Turn, { kind: 'answering' }>,
): { readonly device: PoweredKey; readonly report: Uint8Array } {
  const report = new Uint8Array(reportBytes);
  const start = turn.number * chunkBytes;
  if (start >= turn.answer.length) {
    report[chunkBytes] = flags.pending;
    return { device: idle(device), report };
  }
  report.set(turn.answer.subarray(start, start + chunkBytes));
  report[chunkBytes] = flags.pending | turn.number;
  return { device: { ...device, turn: { ...turn, number: turn.number + 1 } }, report };
}
