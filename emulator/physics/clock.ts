import { EmulatorError } from '../errors.ts';

/**
 * What happened to a device's clock at an instant of true time. A `jump` moves it; from a `rate`
 * on it runs fast (positive) or slow by so many parts per million.
 */
export type ClockEvent =
  | { readonly kind: 'jump'; readonly atMs: number; readonly byMs: number }
  | { readonly kind: 'rate'; readonly atMs: number; readonly ratePpm: number };

/** Everything a device's clock depends on: equal parameters give equal times for ever. */
export interface ClockParameters {
  /** True time at which the clock was set, wrong by `offsetMs`, and began to run at `ratePpm`. */
  readonly manufacturedAtMs: number;
  readonly offsetMs: number;
  readonly ratePpm: number;
  /** In order of `atMs`, none before `manufacturedAtMs`. */
  readonly events: readonly ClockEvent[];
}

/** A device's clock as a function of true time. */
export interface DeviceClock {
  /**
   * What the device reads when the true time is `trueMs`. Whole milliseconds since 1970; takes the
   * same time for any instant; never falls as `trueMs` rises, except at a backward jump.
   *
   * @throws EmulatorError input-invalid outside 1970..9999
   */
  deviceTimeMs(trueMs: number): number;
}

/** A change to be made to a clock; absent members leave their part alone. */
export interface ClockChange {
  /** The clock's whole error from now on: positive is ahead of true time. */
  readonly offsetMs?: number | undefined;
  readonly ratePpm?: number | undefined;
  /** Added to the error, after `offsetMs`. */
  readonly jumpMs?: number | undefined;
}

/** Far beyond any crystal; at 1,000,000 a slow clock would stand still. */
const ratePpmMax = 1000;
/** One hundred years: no device lives longer. */
const offsetMsMax = 3_155_760_000_000;
/** The last millisecond of the year 9999. */
export const trueMsMax = 253_402_300_799_999;
export const clockEventsMax = 256;

interface Segment {
  readonly fromMs: number;
  readonly errorMs: number;
  readonly ratePpm: number;
}

/**
 * Prepares a clock: the parameters are turned into straight pieces once, and every reading is one
 * look-up (bounded by `clockEventsMax`) and one multiplication.
 *
 * @throws EmulatorError input-invalid naming the parameter that is out of range
 */
export function createDeviceClock(parameters: ClockParameters): DeviceClock {
  checkClock(parameters);
  const segments = segmentsOf(parameters);
  return {
    deviceTimeMs(trueMs: number): number {
      checkWhole('true time', trueMs, 0, trueMsMax);
      const segment = segmentAt(segments, trueMs);
      return trueMs + Math.round(errorWithin(segment, trueMs));
    },
  };
}

/** A clock that agrees with true time: the `ideal` device. */
export function idealClock(manufacturedAtMs: number): ClockParameters {
  return { manufacturedAtMs, offsetMs: 0, ratePpm: 0, events: [] };
}

/** How far the clock is ahead of true time (negative: behind), in milliseconds. */
export function clockErrorMs(parameters: ClockParameters, trueMs: number): number {
  return createDeviceClock(parameters).deviceTimeMs(trueMs) - trueMs;
}

/**
 * The clock after a change at `nowMs`. The past stays as it was: what the device read before
 * `nowMs` it still read.
 *
 * @throws EmulatorError input-invalid for a value out of range, a time before the last event or
 *   manufacture, or too many events
 */
export function changeClock(
  parameters: ClockParameters,
  nowMs: number,
  change: ClockChange,
): ClockParameters {
  checkWhole('time of the change', nowMs, 0, trueMsMax);
  const earliestMs = parameters.events.at(-1)?.atMs ?? parameters.manufacturedAtMs;
  if (nowMs < earliestMs) {
    throw invalid('a clock cannot be changed before its manufacture or its last change');
  }
  const added: ClockEvent[] = [];
  const presentMs = clockErrorMs(parameters, nowMs);
  const wantedMs = (change.offsetMs ?? presentMs) + (change.jumpMs ?? 0);
  if (wantedMs !== presentMs) {
    added.push({ kind: 'jump', atMs: nowMs, byMs: wantedMs - presentMs });
  }
  if (change.ratePpm !== undefined) {
    added.push({ kind: 'rate', atMs: nowMs, ratePpm: change.ratePpm });
  }
  const changed = { ...parameters, events: [...parameters.events, ...added] };
  checkClock(changed);
  return changed;
}

/** The rate in force at `trueMs`. */
export function ratePpmAt(parameters: ClockParameters, trueMs: number): number {
  return segmentAt(segmentsOf(parameters), Math.max(trueMs, parameters.manufacturedAtMs)).ratePpm;
}

/** @throws EmulatorError input-invalid naming the parameter that is out of range */
export function checkClock(parameters: ClockParameters): void {
  checkWhole('manufacturedAtMs', parameters.manufacturedAtMs, 0, trueMsMax);
  checkWhole('offset in ms', parameters.offsetMs, -offsetMsMax, offsetMsMax);
  checkRate(parameters.ratePpm);
  if (parameters.events.length > clockEventsMax) {
    throw invalid(`a clock may be changed at most ${clockEventsMax} times`);
  }
  let earliestMs = parameters.manufacturedAtMs;
  for (const event of parameters.events) {
    checkWhole('time of a clock event', event.atMs, earliestMs, trueMsMax);
    earliestMs = event.atMs;
    if (event.kind === 'jump') checkWhole('jump in ms', event.byMs, -offsetMsMax, offsetMsMax);
    else checkRate(event.ratePpm);
  }
}

function segmentsOf(parameters: ClockParameters): readonly Segment[] {
  const { manufacturedAtMs, offsetMs, ratePpm, events } = parameters;
  let last: Segment = { fromMs: manufacturedAtMs, errorMs: offsetMs, ratePpm };
  // Before its manufacture a device does not drift: it is only wrong by its first offset.
  const segments: Segment[] = [{ fromMs: 0, errorMs: offsetMs, ratePpm: 0 }, last];
  for (const event of events) {
    const errorMs = errorWithin(last, event.atMs);
    last =
      event.kind === 'jump'
        ? { fromMs: event.atMs, errorMs: errorMs + event.byMs, ratePpm: last.ratePpm }
        : { fromMs: event.atMs, errorMs, ratePpm: event.ratePpm };
    segments.push(last);
  }
  return segments;
}

function errorWithin(segment: Segment, trueMs: number): number {
  return segment.errorMs + ((trueMs - segment.fromMs) * segment.ratePpm) / 1_000_000;
}

/** The last segment that has begun, by halving. */
function segmentAt(segments: readonly Segment[], trueMs: number): Segment {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle]?.fromMs ?? Infinity) <= trueMs) low = middle;
    else high = middle - 1;
  }
  const segment = segments[low];
  if (segment === undefined) throw new Error('a clock always has a first segment');
  return segment;
}

function checkRate(ratePpm: number): void {
  if (!(Math.abs(ratePpm) <= ratePpmMax)) {
    throw invalid(`the rate must be from -${ratePpmMax} to +${ratePpmMax} ppm`);
  }
}

function checkWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(`${what} must be a whole number from ${min} to ${max}`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
