import { EmulatorError } from '../errors.ts';
import {
  checkCrystal,
  type Crystal,
  crystalPpmMax,
  temperatureMaxC,
  temperatureMinC,
} from './crystal.ts';

/**
 * What happened to a device's clock at an instant of true time.
 *
 * - `jump` moves it; `set` makes its whole error `offsetMs`; `reset` makes it read `deviceEpochMs`.
 * - `rate`: from there on its trim error is so many parts per million (positive: fast).
 * - `pause`: it stands still until `untilMs`, and goes on from where it stood.
 * - `excursion`: until `untilMs` it is kept at another temperature, in an oven or a freezer.
 */
export type ClockEvent =
  | { readonly kind: 'jump'; readonly atMs: number; readonly byMs: number }
  | { readonly kind: 'rate'; readonly atMs: number; readonly ratePpm: number }
  | { readonly kind: 'set'; readonly atMs: number; readonly offsetMs: number }
  | { readonly kind: 'reset'; readonly atMs: number; readonly deviceEpochMs: number }
  | { readonly kind: 'pause'; readonly atMs: number; readonly untilMs: number }
  | {
      readonly kind: 'excursion';
      readonly atMs: number;
      readonly untilMs: number;
      readonly temperatureC: number;
    };

/** Everything a device's clock depends on: equal parameters give equal times for ever. */
export interface ClockParameters {
  /** True time at which the clock was set, wrong by `offsetMs`, and began to run at `ratePpm`. */
  readonly manufacturedAtMs: number;
  readonly offsetMs: number;
  /** The trim error: what is left where nothing else moves the rate. */
  readonly ratePpm: number;
  /** In order of `atMs`, none before `manufacturedAtMs`. */
  readonly events: readonly ClockEvent[];
  /** Absent: nothing but `ratePpm` moves the rate. */
  readonly crystal?: Crystal;
  /** Present where the parameters were drawn and not given. */
  readonly drawn?: DrawnFrom;
}

/** Where parameters come from, and the mishaps that were drawn with them. */
export interface DrawnFrom {
  readonly preset: string;
  readonly seed: string;
  /** As `ClockParameters.events`; they may lie in the future, and do not stand in the way of changes. */
  readonly events: readonly ClockEvent[];
}

/** Far beyond any crystal; at 1,000,000 a slow clock would stand still. */
const ratePpmMax = 1000;
/** One hundred years: no device lives longer. */
const offsetMsMax = 3_155_760_000_000;
/** The last millisecond of the year 9999. */
export const trueMsMax = 253_402_300_799_999;
export const clockEventsMax = 256;
/** Longest text of a seed. */
export const driftSeedCharactersMax = 128;

/** @throws EmulatorError input-invalid naming the parameter that is out of range */
export function checkClock(parameters: ClockParameters): void {
  const { manufacturedAtMs, crystal, drawn, events } = parameters;
  checkWhole('manufacturedAtMs', manufacturedAtMs, 0, trueMsMax);
  checkWhole('offset in ms', parameters.offsetMs, -offsetMsMax, offsetMsMax);
  checkRate(parameters.ratePpm);
  checkEvents(events, parameters);
  if (drawn !== undefined) {
    checkEvents(drawn.events, parameters);
    if (drawn.seed.length < 1 || drawn.seed.length > driftSeedCharactersMax) {
      throw invalid(`a drift seed has 1 to ${driftSeedCharactersMax} characters`);
    }
  }
  if (crystal === undefined) return;
  checkCrystal(crystal);
  const rates = [...events, ...(drawn?.events ?? [])].flatMap((event) =>
    event.kind === 'rate' ? [event.ratePpm] : [],
  );
  const fastest = Math.max(Math.abs(parameters.ratePpm), ...rates.map(Math.abs));
  const ageSeconds = (trueMsMax - manufacturedAtMs) / 1000;
  // Kept here and not at each reading: a rate that is cut on the way has no closed sum.
  if (!(fastest + crystalPpmMax(crystal, ageSeconds) <= ratePpmMax)) {
    throw invalid(
      `rate, temperature, ageing and jitter together must stay within ${ratePpmMax} ppm`,
    );
  }
}

export function checkWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(`${what} must be a whole number from ${min} to ${max}`);
}

function checkEvents(events: readonly ClockEvent[], parameters: ClockParameters): void {
  if (events.length > clockEventsMax) {
    throw invalid(`a clock may be changed at most ${clockEventsMax} times`);
  }
  let earliestMs = parameters.manufacturedAtMs;
  for (const event of events) {
    checkWhole('time of a clock event', event.atMs, earliestMs, trueMsMax);
    earliestMs = event.atMs;
    checkEvent(event, parameters);
  }
}

function checkEvent(event: ClockEvent, { crystal }: ClockParameters): void {
  switch (event.kind) {
    case 'jump':
      checkWhole('jump in ms', event.byMs, -offsetMsMax, offsetMsMax);
      return;
    case 'set':
      checkWhole('offset in ms', event.offsetMs, -offsetMsMax, offsetMsMax);
      return;
    case 'reset':
      checkWhole('time that the clock restarts at', event.deviceEpochMs, 0, trueMsMax);
      return;
    case 'rate':
      checkRate(event.ratePpm);
      return;
    case 'pause':
      checkWhole('end of a pause', event.untilMs, event.atMs, trueMsMax);
      return;
    case 'excursion':
      checkExcursion(event, crystal);
  }
}

function checkExcursion(
  event: Extract<ClockEvent, { kind: 'excursion' }>,
  crystal: Crystal | undefined,
): void {
  checkWhole('end of another temperature', event.untilMs, event.atMs, trueMsMax);
  const { temperatureC } = event;
  if (!(temperatureC >= temperatureMinC && temperatureC <= temperatureMaxC)) {
    throw invalid(`a temperature is from ${temperatureMinC} to ${temperatureMaxC} degrees Celsius`);
  }
  if ((crystal?.temperature ?? null) !== null) return;
  throw invalid(
    'this clock does not know temperature: only those drawn from calibrated, typical, cheap and the like do',
  );
}

function checkRate(ratePpm: number): void {
  if (!(Math.abs(ratePpm) <= ratePpmMax)) {
    throw invalid(`the rate must be from -${ratePpmMax} to +${ratePpmMax} ppm`);
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
