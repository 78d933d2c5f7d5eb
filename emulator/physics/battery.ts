import { EmulatorError } from '../errors.ts';
import type { ClockEvent, ClockParameters } from './clock-parameters.ts';
import { withClockEvents } from './clock.ts';

/**
 * What a change of the battery does to the clock. `holdup`: a capacitor carries it for a while, then
 * it stands still. `pause`: it stands still. `reset`: it starts at a factory date. `settable`: the
 * user sets it again, not quite right.
 */
export type BatteryPolicy =
  | { readonly kind: 'holdup'; readonly holdMs: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'reset'; readonly deviceEpochMs: number }
  | { readonly kind: 'settable'; readonly errorMs: number };

/** What never changes about a token's battery. */
export interface BatteryModel {
  /** Null: sealed in; at its end display, clock and keys are gone. */
  readonly replacement: BatteryPolicy | null;
  /** How long it lasts with so many presses a day. */
  readonly lifeMs: number;
  readonly pressesPerDay: number;
  /** The part of the charge that these presses take; the rest goes whether one presses or not. */
  readonly pressShare: number;
  /** From how long before the end each display warns. */
  readonly warnBeforeMs: number;
  /** Event counters are written to memory every so many events; the others go with the power. */
  readonly flushEvery: number;
}

/** A battery: its charge follows from these and the time. */
export interface Battery extends BatteryModel {
  readonly fittedAtMs: number;
  /** Since when the device had been without power before this battery; null for the first one. */
  readonly outAtMs: number | null;
  /** Responses made with it. */
  readonly presses: number;
  readonly swaps: number;
}

/** `out`: there is none in the device just then. */
export interface BatteryStatus {
  readonly state: 'good' | 'low' | 'dead' | 'out';
  /** From 1 to 0. */
  readonly charge: number;
  /** When it ends if it is used as it is rated for; null once it has ended, or is out. */
  readonly endsAtMs: number | null;
}

const dayMs = 86_400_000;
export const flushEveryMax = 1000;

/** Guesses, as no maker publishes more than the life: five years, ten presses a day, 60 days' notice. */
export const usualBattery: BatteryModel = {
  replacement: null,
  lifeMs: 1826 * dayMs,
  pressesPerDay: 10,
  pressShare: 0.3,
  warnBeforeMs: 60 * dayMs,
  flushEvery: 1,
};

/** The first battery of a token, full at `fittedAtMs`. */
export function freshBattery(model: BatteryModel, fittedAtMs: number): Battery {
  return { ...model, fittedAtMs, outAtMs: null, presses: 0, swaps: 0 };
}

/** At which a battery is rated, and what it then loses of its charge in a year by itself: a guess. */
const ratedCelsius = 20;
const lossPerYear = 0.01;
/** Ten degrees more double what is lost, as with most chemistry. */
const doublingCelsius = 10;
const yearMs = 365.25 * dayMs;

/** The model where it is kept at another temperature than the one it is rated for. */
export function atTemperature(model: BatteryModel, celsius: number): BatteryModel {
  const loss = lossPerYear * (2 ** ((celsius - ratedCelsius) / doublingCelsius) - 1);
  const perMs = 1 / model.lifeMs + loss / yearMs;
  const lifeMs = Math.round(1 / perMs);
  // A press costs as much as ever: of a shorter life it is the smaller part.
  const pressShare = model.pressShare * (lifeMs / model.lifeMs);
  return { ...model, lifeMs, pressShare, warnBeforeMs: Math.min(model.warnBeforeMs, lifeMs) };
}

/** How the battery stands at a true time. */
export function batteryStatus(battery: Battery, trueMs: number): BatteryStatus {
  const { outAtMs, fittedAtMs, lifeMs } = battery;
  if (outAtMs !== null && trueMs >= outAtMs && trueMs < fittedAtMs) {
    return { state: 'out', charge: 0, endsAtMs: null };
  }
  const charge = chargeAt(battery, trueMs);
  if (charge <= 0) return { state: 'dead', charge: 0, endsAtMs: null };
  const leftMs = charge * lifeMs;
  return {
    state: leftMs <= battery.warnBeforeMs ? 'low' : 'good',
    charge,
    endsAtMs: trueMs + Math.round(leftMs),
  };
}

/** The battery after so many more responses. */
export function drained(battery: Battery, presses: number): Battery {
  return { ...battery, presses: battery.presses + presses };
}

/** A change of battery. */
export interface BatterySwap {
  readonly outAtMs: number;
  readonly inAtMs: number;
  /** By how much the clock is set wrong, where the policy is `settable`. */
  readonly settingErrorMs: number;
}

/** Battery and clock after a change, and whether what was in memory only is lost. */
export interface SwappedBattery {
  readonly battery: Battery;
  readonly clock: ClockParameters;
  readonly hasLostPower: boolean;
}

/**
 * Puts a new battery in. A device whose old one was dead has been without power since it died.
 *
 * @throws EmulatorError input-invalid for a sealed battery or times out of order
 */
export function swapBattery(
  battery: Battery,
  clock: ClockParameters,
  swap: BatterySwap,
): SwappedBattery {
  const { replacement, swaps } = battery;
  const { inAtMs } = swap;
  if (replacement === null) throw invalid('this battery is sealed in and cannot be changed');
  if (!(swap.outAtMs <= inAtMs && swap.outAtMs >= battery.fittedAtMs)) {
    throw invalid('a battery is taken out after it was put in, and before the next one is');
  }
  // What was done to the clock since it died, nobody saw: it begins with the last that is known.
  const knownMs = clock.events.at(-1)?.atMs ?? clock.manufacturedAtMs;
  if (inAtMs < knownMs) {
    throw invalid('a clock cannot be changed before its manufacture or its last change');
  }
  const outAtMs = Math.max(knownMs, Math.min(swap.outAtMs, emptyAtMs(battery)));
  const heldMs = replacement.kind === 'holdup' ? replacement.holdMs : 0;
  const hasLostPower = inAtMs - outAtMs > heldMs;
  const fitted = { ...battery, fittedAtMs: inAtMs, outAtMs, presses: 0, swaps: swaps + 1 };
  if (!hasLostPower) return { battery: fitted, clock, hasLostPower };
  const event = eventOf(replacement, outAtMs + heldMs, swap);
  return { battery: fitted, clock: withClockEvents(clock, [event]), hasLostPower };
}

/** The event counter that is left when the power fails: the last that was written down. */
export function rolledBack({ flushEvery }: BatteryModel, eventCounter: bigint): bigint {
  return eventCounter - (eventCounter % BigInt(flushEvery));
}

/** @throws EmulatorError input-invalid naming the value that is out of range */
export function checkBattery(battery: Battery): void {
  checkDays('the life (lifeMs)', battery.lifeMs, 1, 36_525);
  check('pressesPerDay', battery.pressesPerDay, 1, 10_000);
  check('pressShare', battery.pressShare, 0, 0.9);
  check('warnBeforeMs', battery.warnBeforeMs, 0, battery.lifeMs);
  checkWhole('flushEvery', battery.flushEvery, 1, flushEveryMax);
  checkWhole('fittedAtMs', battery.fittedAtMs, 0, Number.MAX_SAFE_INTEGER);
  if (battery.outAtMs !== null) checkWhole('outAtMs', battery.outAtMs, 0, battery.fittedAtMs);
  checkWhole('presses', battery.presses, 0, Number.MAX_SAFE_INTEGER);
  checkWhole('swaps', battery.swaps, 0, Number.MAX_SAFE_INTEGER);
  const { replacement } = battery;
  if (replacement?.kind === 'holdup')
    checkSwap('the time held up (holdMs)', replacement.holdMs, 365);
  if (replacement?.kind === 'settable')
    checkSwap('the setting error (errorMs)', replacement.errorMs, 1);
  if (replacement?.kind === 'reset') {
    checkWhole('deviceEpochMs', replacement.deviceEpochMs, 0, 253_402_300_799_999);
  }
}

function eventOf(policy: BatteryPolicy, downAtMs: number, swap: BatterySwap): ClockEvent {
  const { inAtMs } = swap;
  switch (policy.kind) {
    case 'holdup':
    case 'pause':
      return { kind: 'pause', atMs: downAtMs, untilMs: inAtMs };
    case 'reset':
      return { kind: 'reset', atMs: inAtMs, deviceEpochMs: policy.deviceEpochMs };
    case 'settable':
      return { kind: 'set', atMs: inAtMs, offsetMs: swap.settingErrorMs };
  }
}

/** Charge per millisecond of doing nothing, and per press. */
function costsOf({ lifeMs, pressesPerDay, pressShare }: BatteryModel): {
  readonly idle: number;
  readonly press: number;
} {
  return {
    idle: (1 - pressShare) / lifeMs,
    press: (pressShare * dayMs) / (pressesPerDay * lifeMs),
  };
}

function chargeAt(battery: Battery, trueMs: number): number {
  const { idle, press } = costsOf(battery);
  return 1 - idle * Math.max(0, trueMs - battery.fittedAtMs) - press * battery.presses;
}

/** When the battery ends if nobody presses any more; of a dead one, when it did. */
export function emptyAtMs(battery: Battery): number {
  const { idle, press } = costsOf(battery);
  return battery.fittedAtMs + Math.max(0, Math.ceil((1 - press * battery.presses) / idle));
}

function check(what: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw invalid(`${what} of a battery must be from ${min} to ${max}`);
}

function checkSwap(what: string, ms: number, maxDays: number): void {
  checkDays(what, ms, 0, maxDays);
  checkWhole(what, ms, 0, maxDays * dayMs);
}

/** In days, as nobody gives a duration in milliseconds. */
function checkDays(what: string, ms: number, minDays: number, maxDays: number): void {
  if (ms >= minDays * dayMs && ms <= maxDays * dayMs) return;
  throw invalid(`${what} of a battery must be from ${minDays} to ${maxDays} days`);
}

function checkWhole(what: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value)) throw invalid(`${what} of a battery must be a whole number`);
  check(what, value, min, max);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
