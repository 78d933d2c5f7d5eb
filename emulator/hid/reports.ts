import { withCrc } from './crc16.ts';
import {
  chunkBytes,
  flags,
  frameBytes,
  lastReport,
  readFrame,
  type Slot,
  statusReport,
} from './frame.ts';
import { reportBytes } from './hid-device.ts';
import { answerChallenge, keyStatus, type OtpKey, react } from './key.ts';

/** What a key that has power is at. */
type Turn =
  | { readonly kind: 'idle' }
  | { readonly kind: 'receiving'; readonly frame: Uint8Array; readonly number: number }
  | { readonly kind: 'answering'; readonly answer: Uint8Array; readonly number: number }
  | {
      readonly kind: 'waiting';
      readonly slot: Slot;
      readonly challenge: Uint8Array;
      readonly endsAtMs: number;
    };

/** A key that is plugged in: what it remembers and what it is at. */
export interface PoweredKey {
  readonly key: OtpKey;
  readonly turn: Turn;
}

/** How long a key waits to be touched. */
const touchWaitMs = 15_000;
const secondsShownMax: number = flags.number;

/** Plugs a key in. */
export function powered(key: OtpKey): PoweredKey {
  return { key, turn: { kind: 'idle' } };
}

/**
 * A report from the host. Whatever it holds, the key goes on: what is no part of a request in its order ends
 * what has begun, and what is no report of a host's is passed over.
 */
export function receiveReport(device: PoweredKey, report: Uint8Array, nowMs: number): PoweredKey {
  const eighth = report[chunkBytes] ?? 0;
  if (report.length !== reportBytes || (eighth & flags.write) === 0) return device;
  const number = eighth & flags.number;
  const { key, turn } = device;
  const begun = number === 0 ? newFrame() : turn;
  // The numbers rise, and may leave out reports of zeros. What is beyond the last means: forget it.
  if (begun.kind !== 'receiving' || number > lastReport || number <= begun.number) {
    return powered(key);
  }
  const frame = begun.frame.slice();
  frame.set(report.subarray(0, chunkBytes), number * chunkBytes);
  if (number < lastReport) return { key, turn: { kind: 'receiving', frame, number } };
  return carriedOut(key, frame, nowMs);
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
      if (leftMs <= 0) return currentReport(powered(key), nowMs);
      const seconds = Math.min(secondsShownMax, Math.ceil(leftMs / 1000));
      return { device, report: statusReport(keyStatus(key), flags.waiting | seconds) };
    }
    case 'answering':
      return nextChunk(key, turn);
  }
}

/** A finger on the key: it answers what it waits with; else nothing happens. */
export function touch(device: PoweredKey, nowMs: number): PoweredKey {
  const { key, turn } = device;
  if (turn.kind !== 'waiting') return device;
  if (nowMs >= turn.endsAtMs) return powered(key);
  return answering(key, answerChallenge(key, turn.slot, turn.challenge));
}

function newFrame(): Extract<Turn, { kind: 'receiving' }> {
  return { kind: 'receiving', frame: new Uint8Array(frameBytes), number: -1 };
}

function carriedOut(key: OtpKey, frame: Uint8Array, nowMs: number): PoweredKey {
  const request = readFrame(frame);
  if (request === null) return powered(key);
  const reaction = react(key, request);
  switch (reaction.kind) {
    case 'done':
      return answering(reaction.key, reaction.answer);
    case 'touch': {
      const { slot, challenge } = reaction;
      return { key, turn: { kind: 'waiting', slot, challenge, endsAtMs: nowMs + touchWaitMs } };
    }
  }
}

function answering(key: OtpKey, answer: Uint8Array | null): PoweredKey {
  return answer === null
    ? powered(key)
    : { key, turn: { kind: 'answering', answer: withCrc(answer), number: 0 } };
}

/** The parts in their order, then one without data and with number 0, then the status again. */
function nextChunk(
  key: OtpKey,
  turn: Extract<Turn, { kind: 'answering' }>,
): { readonly device: PoweredKey; readonly report: Uint8Array } {
  const report = new Uint8Array(reportBytes);
  const start = turn.number * chunkBytes;
  if (start >= turn.answer.length) {
    report[chunkBytes] = flags.pending;
    return { device: powered(key), report };
  }
  report.set(turn.answer.subarray(start, start + chunkBytes));
  report[chunkBytes] = flags.pending | turn.number;
  return { device: { key, turn: { ...turn, number: turn.number + 1 } }, report };
}
