import { parseEventCounter, parseTimeStep } from '../oath/index.ts';
import { expectedStep, isCounterInRange } from './application.ts';
import type { Place, Serving } from './candidate.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { replayLookBackEvents } from './policy-cost.ts';

/** Where an application's response may stand, by its distance from the expected position. */
export interface Rings {
  /** No place is further away. */
  readonly furthest: number;
  /** The places at a distance, in the order in which they are compared. */
  at(distance: number): readonly Place[];
}

const lastChunkSize = 64;

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
  const steps = stepRings(expectedStep(application, stepping, nowMs), policy);
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

/** Half of the window on each side of the expected step; steps before the origin are missing. */
function stepRings(centre: bigint, policy: EffectivePolicy): Rings {
  return {
    furthest: Math.floor(policy.identificationTimeWindowSteps / 2),
    at(distance) {
      const away = BigInt(distance);
      const steps = distance === 0 ? [centre] : [centre - away, centre + away];
      return steps
        .filter((step) => step >= 0n)
        .map((step) => ({ eventCounter: null, timeStep: parseTimeStep(step), distance }));
    },
  };
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
