import { EmulatorError } from '../errors.ts';
import {
  checkClock,
  checkWhole,
  type ClockEvent,
  type ClockParameters,
  trueMsMax,
} from './clock-parameters.ts';
import { type Segments, segmentsOf } from './segments.ts';

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
  /** The trim error; temperature, ageing and jitter of a crystal stay on top of it. */
  readonly ratePpm?: number | undefined;
  /** Added to the error, after `offsetMs`. */
  readonly jumpMs?: number | undefined;
  /** The clock restarts at this time; goes with neither `offsetMs` nor `jumpMs`. */
  readonly resetToMs?: number | undefined;
  /** It stands still for so long. */
  readonly pauseMs?: number | undefined;
  /** Whatever makes it stand still ends now, and it goes on from where it stands. */
  readonly resumes?: boolean | undefined;
  /** It is kept at another temperature for a while. */
  readonly excursion?: { readonly temperatureC: number; readonly forMs: number } | undefined;
}

/** Parameters never change, so what was prepared for them holds as long as they are around. */
const prepared = new WeakMap<ClockParameters, Segments>();

/**
 * Prepares a clock: the parameters are cut into stretches once, and every reading is one look-up
 * (bounded by `clockEventsMax`) and one formula.
 *
 * @throws EmulatorError input-invalid naming the parameter that is out of range
 */
export function createDeviceClock(parameters: ClockParameters): DeviceClock {
  const segments = prepare(parameters);
  return {
    deviceTimeMs(trueMs: number): number {
      checkWhole('true time', trueMs, 0, trueMsMax);
      return segments.deviceTimeMs(trueMs);
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

/** The rate at `trueMs`, all causes together; `stoppedPpm` while the clock stands still. */
export function ratePpmAt(parameters: ClockParameters, trueMs: number): number {
  return prepare(parameters).ratePpm(trueMs);
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
  const { ratePpm, pauseMs, excursion } = change;
  const going = change.resumes === true ? resumed(parameters, nowMs) : parameters;
  const added: ClockEvent[] = [...readingEvents(going, nowMs, change)];
  if (ratePpm !== undefined) added.push({ kind: 'rate', atMs: nowMs, ratePpm });
  if (pauseMs !== undefined) {
    added.push({ kind: 'pause', atMs: nowMs, untilMs: endOf(nowMs, pauseMs) });
  }
  if (excursion !== undefined) {
    const { temperatureC, forMs } = excursion;
    added.push({ kind: 'excursion', atMs: nowMs, untilMs: endOf(nowMs, forMs), temperatureC });
  }
  return withClockEvents(going, added, nowMs);
}

/** Its pauses, also those that were drawn, are over at `nowMs`; those that are still to come stay. */
function resumed(parameters: ClockParameters, nowMs: number): ClockParameters {
  const isOn = (event: ClockEvent): boolean =>
    event.kind === 'pause' && event.atMs <= nowMs && nowMs < event.untilMs;
  const { events, drawn } = parameters;
  if (![...events, ...(drawn?.events ?? [])].some(isOn)) {
    throw invalid('this clock does not stand still at that time');
  }
  const ended = (all: readonly ClockEvent[]): readonly ClockEvent[] =>
    all.map((event) => (isOn(event) ? { ...event, untilMs: nowMs } : event));
  return {
    ...parameters,
    events: ended(events),
    ...(drawn === undefined ? {} : { drawn: { ...drawn, events: ended(drawn.events) } }),
  };
}

/**
 * The clock with events after its present ones.
 *
 * @param nowMs when this is done, if not at the first of them
 * @throws EmulatorError input-invalid for an event out of range or order, or too many
 */
export function withClockEvents(
  parameters: ClockParameters,
  added: readonly ClockEvent[],
  nowMs: number | undefined = added[0]?.atMs,
): ClockParameters {
  const earliestMs = parameters.events.at(-1)?.atMs ?? parameters.manufacturedAtMs;
  if (nowMs !== undefined && nowMs < earliestMs) {
    throw invalid('a clock cannot be changed before its manufacture or its last change');
  }
  const changed = { ...parameters, events: [...parameters.events, ...added] };
  checkClock(changed);
  return changed;
}

/** What a change does to the reading itself. */
function readingEvents(
  parameters: ClockParameters,
  nowMs: number,
  { offsetMs, jumpMs, resetToMs }: ClockChange,
): readonly ClockEvent[] {
  if (resetToMs !== undefined) {
    if (offsetMs === undefined && jumpMs === undefined) {
      return [{ kind: 'reset', atMs: nowMs, deviceEpochMs: resetToMs }];
    }
    throw invalid('a clock that restarts takes no offset and no jump at the same time');
  }
  const presentMs = clockErrorMs(parameters, nowMs);
  const wantedMs = (offsetMs ?? presentMs) + (jumpMs ?? 0);
  return wantedMs === presentMs ? [] : [{ kind: 'jump', atMs: nowMs, byMs: wantedMs - presentMs }];
}

function endOf(fromMs: number, durationMs: number): number {
  // Whoever stops a clock for ten thousand years means for good.
  return Math.min(fromMs + durationMs, trueMsMax);
}

function prepare(parameters: ClockParameters): Segments {
  const present = prepared.get(parameters);
  if (present !== undefined) return present;
  checkClock(parameters);
  const segments = segmentsOf(parameters);
  prepared.set(parameters, segments);
  return segments;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
