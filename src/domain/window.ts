import { parseEventCounter, parseTimeStep, type TimeStepping } from '../oath/index.ts';
import { isCounterInRange } from './application.ts';
import type { Place, Serving } from './candidate.ts';
import { expectedDriftSeconds, stepAtDrift } from './drift.ts';
import { idleDriftSecondsPerDay } from './drift-history.ts';
import { dayMs } from './durations.ts';
import type { Application } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { replayLookBackEvents } from './policy-cost.ts';

/** Where an application's response may stand, by its distance from the expected position. */
export interface Rings {
  /** No place is further away. */
  readonly furthest: number;
  /** The places at a distance, in the order in which they are compared. */
  at(distance: number): readonly Place[];
}

/** Why a time window reaches as far as it does. */
export type TimeWindowKind = 'ordinary' | 'initial' | 'dynamic';

/** Steps around a centre; `halfWidthSteps` on each side, inclusive. */
export interface WindowCentre {
  /** `hour`: the learned centre, moved by whole hours. */
  readonly at: 'learned' | 'host' | 'hour';
  /** How many hours it was moved; 0 for the others. */
  readonly hours: number;
  readonly step: bigint;
  readonly halfWidthSteps: number;
}

/** All steps in which a response may be accepted now. */
export interface TimeWindow {
  readonly kind: TimeWindowKind;
  /** The first is the expected step. */
  readonly centres: readonly [WindowCentre, ...WindowCentre[]];
}

const lastChunkSize = 64;
const secondsPerHour = 3600;

/**
 * The time window of an application at an instant. It is n/2 steps to each side of the expected step,
 * inclusive, and wider only:
 *
 * - `initial`: while nothing was accepted since it was made or reset;
 * - `dynamic`: one step and 8 s for each day since the last use, in all, up to the reach of a
 *   synchronisation (OAS: dynamic time window).
 *
 * Whole hours beside it and the host's own clock are centres of their own, with the ordinary width.
 * Nothing that was refused changes any of this.
 *
 * @param nowMs Unix milliseconds
 */
export function timeWindowOf(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
  policy: EffectivePolicy,
): TimeWindow {
  const ordinary = Math.floor(policy.identificationTimeWindowSteps / 2);
  const { kind, halfWidthSteps } = widest(application, stepping, ordinary, nowMs, policy);
  const driftSeconds = expectedDriftSeconds(application, stepping, nowMs, policy);
  const step = stepAtDrift(driftSeconds, stepping, nowMs);
  const others: WindowCentre[] = [];
  for (let hours = 1; hours <= policy.discreteTimeWindowHours; hours += 1) {
    for (const moved of [-hours, hours]) {
      const at = stepAtDrift(driftSeconds + moved * secondsPerHour, stepping, nowMs);
      others.push({ at: 'hour', hours: moved, step: at, halfWidthSteps: ordinary });
    }
  }
  if (policy.hostClockCentre) {
    const at = stepAtDrift(0, stepping, nowMs);
    others.push({ at: 'host', hours: 0, step: at, halfWidthSteps: ordinary });
  }
  return { kind, centres: [{ at: 'learned', hours: 0, step, halfWidthSteps }, ...others] };
}

/** The centre in whose part of the window a step lies: the nearest; null outside the window. */
export function centreOf({ centres }: TimeWindow, step: bigint): WindowCentre | null {
  let nearest: WindowCentre | null = null;
  for (const centre of centres) {
    const distance = distanceOf(centre, step);
    if (distance > centre.halfWidthSteps) continue;
    if (nearest === null || distance < distanceOf(nearest, step)) nearest = centre;
  }
  return nearest;
}

/**
 * The window of an application. Only the places that are asked for are ever made.
 *
 * @param nowMs Unix milliseconds
 */
export function ringsOf(serving: Serving, nowMs: number, policy: EffectivePolicy): Rings {
  const { application, sequence } = serving;
  const { stepping, hasCounter } = sequence;
  const counters = hasCounter ? counterRings(application.nextEventCounter, policy) : noWindow;
  if (stepping === null) return counters;
  const steps = stepRings(timeWindowOf(application, stepping, nowMs, policy));
  return hasCounter ? combined(counters, steps) : steps;
}

/** Ends of chunks of 1, 4, 16 and then 64: most logons are decided by the first candidate. */
export function chunkEndsOf(count: number): readonly number[] {
  const ends: number[] = [];
  for (let end = 0, size = 1; end < count; size = Math.min(4 * size, lastChunkSize)) {
    end = Math.min(end + size, count);
    ends.push(end);
  }
  return ends;
}

function widest(
  application: Application,
  { timeStepSeconds }: TimeStepping,
  ordinary: number,
  nowMs: number,
  policy: EffectivePolicy,
): { readonly kind: TimeWindowKind; readonly halfWidthSteps: number } {
  const halfOf = (seconds: number): number => Math.floor(seconds / 2 / timeStepSeconds);
  const { driftAtMs } = application;
  if (driftAtMs === null) {
    const halfWidthSteps = halfOf(policy.initialTimeWindowSeconds);
    return halfWidthSteps > ordinary
      ? { kind: 'initial', halfWidthSteps }
      : { kind: 'ordinary', halfWidthSteps: ordinary };
  }
  const grownSeconds = timeStepSeconds + idleDriftSecondsPerDay * idleDaysOf(driftAtMs, nowMs);
  const halfWidthSteps = halfOf(Math.min(grownSeconds, policy.syncTimeWindowSeconds));
  return policy.dynamicTimeWindow && halfWidthSteps > ordinary
    ? { kind: 'dynamic', halfWidthSteps }
    : { kind: 'ordinary', halfWidthSteps: ordinary };
}

/** Days since the clock was last seen, with their fraction. */
export function idleDaysOf(driftAtMs: number, nowMs: number): number {
  return Math.max(0, nowMs - driftAtMs) / dayMs;
}

/** Without counter and clock there is one place. */
const noWindow: Rings = {
  furthest: 0,
  at: () => [{ eventCounter: null, timeStep: null, distance: 0 }],
};

/** The window's counters, and behind it those that only a replay can show: one at each distance. */
function counterRings(nextEventCounter: bigint, policy: EffectivePolicy): Rings {
  const { eventWindowSteps } = policy;
  return {
    furthest: eventWindowSteps + replayLookBackEvents - 1,
    at(distance) {
      const offset = distance < eventWindowSteps ? distance : eventWindowSteps - distance - 1;
      const counter = nextEventCounter + BigInt(offset);
      if (!isCounterInRange(counter)) return [];
      return [{ eventCounter: parseEventCounter(counter), timeStep: null, distance }];
    },
  };
}

/** Steps by their distance from the nearest centre, each once; those before the origin are missing. */
function stepRings({ centres }: TimeWindow): Rings {
  return {
    furthest: Math.max(...centres.map(({ halfWidthSteps }) => halfWidthSteps)),
    at(distance) {
      const away = BigInt(distance);
      const places: Place[] = [];
      for (const [index, { step: centre, halfWidthSteps }] of centres.entries()) {
        if (distance > halfWidthSteps) continue;
        for (const step of distance === 0 ? [centre] : [centre - away, centre + away]) {
          if (step < 0n || isNearer(centres, index, step, distance)) continue;
          places.push({ eventCounter: null, timeStep: parseTimeStep(step), distance });
        }
      }
      return places;
    },
  };
}

/** Whether another centre has the step in its part of the window, nearer or as near but before. */
function isNearer(
  centres: readonly WindowCentre[],
  ownIndex: number,
  step: bigint,
  distance: number,
): boolean {
  return centres.some((other, index) => {
    if (index === ownIndex) return false;
    const otherDistance = distanceOf(other, step);
    if (otherDistance > other.halfWidthSteps) return false;
    return otherDistance < distance || (otherDistance === distance && index < ownIndex);
  });
}

function distanceOf(centre: WindowCentre, step: bigint): number {
  const distance = step - centre.step;
  return Number(distance < 0n ? -distance : distance);
}

/** The combinations of a counter and a step: their distances add up. */
function combined(counters: Rings, steps: Rings): Rings {
  return {
    furthest: counters.furthest + steps.furthest,
    at(distance) {
      const places: Place[] = [];
      const last = Math.min(distance, counters.furthest);
      for (let ahead = Math.max(0, distance - steps.furthest); ahead <= last; ahead += 1) {
        for (const { eventCounter } of counters.at(ahead)) {
          for (const step of steps.at(distance - ahead)) {
            places.push({ ...step, eventCounter, distance });
          }
        }
      }
      return places;
    },
  };
}
