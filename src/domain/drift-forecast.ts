import type { TimeStepping } from '../oath/index.ts';
import { expectedDriftSeconds } from './drift.ts';
import {
  type DriftEstimate,
  estimateDrift,
  idleDriftSecondsPerDay,
  parseDriftHistory,
} from './drift-history.ts';
import { dayMs } from './durations.ts';
import type { Application } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { idleDaysOf, type TimeWindowKind, timeWindowOf } from './window.ts';

/** Where a device's clock stands, how well that is known, and when it leaves its window. */
export interface DriftForecast {
  /** Device time minus host time now, in seconds: as it was last seen, moved on by its rate. */
  readonly deviceSeconds: number;
  /**
   * To each side of that: half a step when it was seen, and what the rate may be off since then.
   * Null before the first use.
   */
  readonly uncertaintySeconds: number | null;
  readonly estimate: DriftEstimate | null;
  readonly window: WindowNow;
  readonly leaving: Leaving;
}

/** The window around the learned drift now; whole hours and the host clock beside it don't count. */
export interface WindowNow {
  readonly kind: TimeWindowKind;
  /** Where it is centred: the drift that the host expects, moved on only by `driftPrediction`. */
  readonly centreSeconds: number;
  readonly halfWidthSteps: number;
  /** From the middle of the expected step to the end of the last one. */
  readonly halfWidthSeconds: number;
}

/**
 * When a device that is left unused from its last use on is first out of its window; in the past
 * when it is out already, null when not within ten years from now or never used.
 */
export interface Leaving {
  /** By the rate that the clock has shown. */
  readonly expectedAtMs: number | null;
  /** By the worse end of what the rate may be. */
  readonly earliestAtMs: number | null;
}

const horizonMs = 3653 * dayMs;
const secondsPerDayOfPpm = 0.0864;

/** What a clock gains or loses in a day at the most, until it has shown otherwise. */
const allowanceSecondsPerDay = idleDriftSecondsPerDay / 2;

/**
 * What becomes of an application's clock under a policy. A frozen drift is not followed, so its
 * device moves away from it in use as well.
 *
 * @param nowMs Unix milliseconds
 */
export function forecastDrift(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
  policy: EffectivePolicy,
): DriftForecast {
  const { timeStepSeconds } = stepping;
  const { driftAtMs, driftSeconds } = application;
  const estimate = estimateDrift(application.driftHistory, timeStepSeconds);
  const window = windowNow(application, stepping, nowMs, policy);
  if (driftAtMs === null) {
    const leaving = { expectedAtMs: null, earliestAtMs: null };
    return { deviceSeconds: driftSeconds, uncertaintySeconds: null, estimate, window, leaving };
  }
  const seenSeconds = lastSeenSeconds(application, driftAtMs, estimate, timeStepSeconds);
  const rate = rateOf(estimate);
  const idleDays = idleDaysOf(driftAtMs, nowMs);
  const spread = Math.max(rate.most - rate.expected, rate.expected - rate.least);
  const edges = edgesOf(application, stepping, driftAtMs, policy);
  const tomorrow = expectedDriftSeconds(application, stepping, driftAtMs + dayMs, policy);
  // All from here on is seen from the window's centre, which a prediction moves by as much each day.
  const centrePerDay = tomorrow - driftSeconds;
  const offset = seenSeconds - driftSeconds;
  const leavingAt = (...secondsPerDay: readonly number[]): number | null => {
    const days = secondsPerDay.map((each) => daysInside(offset, each - centrePerDay, edges));
    const atMs = driftAtMs + Math.ceil(Math.min(...days) * dayMs);
    return atMs > nowMs + horizonMs ? null : atMs;
  };
  return {
    deviceSeconds: seenSeconds + rate.expected * idleDays,
    uncertaintySeconds: timeStepSeconds / 2 + spread * idleDays,
    estimate,
    window,
    leaving: {
      expectedAtMs: leavingAt(rate.expected),
      earliestAtMs: leavingAt(rate.least, rate.most),
    },
  };
}

function windowNow(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
  policy: EffectivePolicy,
): WindowNow {
  const { kind, centres } = timeWindowOf(application, stepping, nowMs, policy);
  const [{ halfWidthSteps }] = centres;
  return {
    kind,
    centreSeconds: expectedDriftSeconds(application, stepping, nowMs, policy),
    halfWidthSteps,
    halfWidthSeconds: reachSeconds(halfWidthSteps, stepping.timeStepSeconds),
  };
}

function reachSeconds(halfWidthSteps: number, timeStepSeconds: number): number {
  return (halfWidthSteps + 0.5) * timeStepSeconds;
}

/**
 * Where the device was when its drift was learned. That is the learned drift, as far as one response
 * can tell, unless it was frozen or held back: then what the response showed.
 */
function lastSeenSeconds(
  { driftSeconds, driftHistory, isDriftFrozen }: Application,
  driftAtMs: number,
  estimate: DriftEstimate | null,
  timeStepSeconds: number,
): number {
  const last = parseDriftHistory(driftHistory).at(-1);
  if (last === undefined) return driftSeconds;
  // A synchronisation of another application moves the drift and leaves no sample.
  const isOfThen = last.atMs === Math.floor(driftAtMs / 1000) * 1000;
  const isHeldBack = isOfThen && Math.abs(last.driftSeconds - driftSeconds) > timeStepSeconds;
  if (!isDriftFrozen && !isHeldBack) return driftSeconds;
  const half = timeStepSeconds / 2;
  const line = estimate?.driftSecondsAt(driftAtMs) ?? last.driftSeconds;
  return clamp(line, last.driftSeconds - half, last.driftSeconds + half);
}

/** Seconds a day. */
interface RateRange {
  readonly least: number;
  readonly expected: number;
  readonly most: number;
}

/**
 * The interval of a rate, as far as it lies within the allowance: a few samples say less than the
 * allowance does. A clock whose whole interval lies beyond it is as bad as it shows itself.
 */
function rateOf(estimate: DriftEstimate | null): RateRange {
  const [low, high] = [-allowanceSecondsPerDay, allowanceSecondsPerDay];
  if (estimate === null) return { least: low, expected: 0, most: high };
  const expected = estimate.ratePpm * secondsPerDayOfPpm;
  const error = estimate.ratePpmError * secondsPerDayOfPpm;
  const [least, most] = [expected - error, expected + error];
  if (least > high || most < low) return { least, expected, most };
  return {
    least: Math.max(least, low),
    expected: clamp(expected, low, high),
    most: Math.min(most, high),
  };
}

/** How far a window reaches: at first, and at last where it grows with idle days. */
interface Edges {
  readonly timeStepSeconds: number;
  readonly ordinarySteps: number;
  readonly widestSteps: number;
}

function edgesOf(
  application: Application,
  stepping: TimeStepping,
  driftAtMs: number,
  policy: EffectivePolicy,
): Edges {
  const stepsAfter = (idleDays: number): number => {
    const atMs = driftAtMs + idleDays * dayMs;
    return timeWindowOf(application, stepping, atMs, policy).centres[0].halfWidthSteps;
  };
  return {
    timeStepSeconds: stepping.timeStepSeconds,
    ordinarySteps: stepsAfter(0),
    widestSteps: stepsAfter(policy.syncTimeWindowSeconds / idleDriftSecondsPerDay),
  };
}

/** Idle days until a clock is first further from the centre than the window reaches. */
function daysInside(offsetSeconds: number, secondsPerDay: number, edges: Edges): number {
  return Math.min(
    daysBelow(offsetSeconds, secondsPerDay, edges),
    daysBelow(-offsetSeconds, -secondsPerDay, edges),
  );
}

/**
 * The same for the upper edge alone. A dynamic window has n steps to each side until a clock at the
 * allowance would reach their end, and then one more: so of two that start in the middle, one that
 * keeps the allowance stays inside until the cap, and a faster one leaves at the end of a stair.
 */
function daysBelow(offsetSeconds: number, secondsPerDay: number, edges: Edges): number {
  const { timeStepSeconds, ordinarySteps, widestSteps } = edges;
  const edge = (steps: number): number => reachSeconds(steps, timeStepSeconds);
  const daysTo = (steps: number): number => (edge(steps) - offsetSeconds) / secondsPerDay;
  if (offsetSeconds > edge(ordinarySteps)) return 0;
  if (secondsPerDay <= 0) return Infinity;
  const growsAfterDays = edge(ordinarySteps) / allowanceSecondsPerDay;
  if (widestSteps === ordinarySteps || daysTo(ordinarySteps) < growsAfterDays) {
    return daysTo(ordinarySteps);
  }
  const ahead = secondsPerDay - allowanceSecondsPerDay;
  if (ahead <= 0) return daysTo(widestSteps);
  // It overtakes the end of the stair at whose end it stands further out than the edge.
  const overtakesSeconds = (-allowanceSecondsPerDay * offsetSeconds) / ahead;
  const overtaken = Math.floor(overtakesSeconds / timeStepSeconds - 0.5) + 1;
  return daysTo(Math.min(overtaken, widestSteps));
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
