import { parseEventCounter, parseTimeStep } from '../oath/index.ts';
import { expectedStep, isCounterInRange } from './application.ts';
import { type Candidate, candidateAt, keyOf, type Place, type Serving } from './candidate.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { replayLookBackEvents } from './policy-cost.ts';

/**
 * The candidates of one application, laid out so that neighbours are found by arithmetic: counters
 * ascending, within each the steps ascending, within each one candidate, or two where the responses
 * have different challenges. Each MAC is wanted once.
 */
export interface SyncSpace {
  readonly applicationId: string;
  readonly epoch: number;
  /** Index of the first candidate. */
  readonly base: number;
  readonly counterCount: number;
  readonly stepCount: number;
  /** 2 when the responses have different challenges, else 1. */
  readonly perPlace: 1 | 2;
  /** How far the second response's counter is from the first's: 1, or 0 without counters. */
  readonly counterGap: 0 | 1;
  readonly stepGapMin: number;
  readonly stepGapMax: number;
}

/** The challenges of the two responses; null without. */
export type SyncChallenges = readonly [first: string, second: string] | null;

/** Where a sequence without counter, or without clock, stands. */
const noPlace: Place = { eventCounter: null, timeStep: null, distance: 0 };

/** With a clock as well, the counters may not eat up the whole space: as many as five logons. */
const eventWindowsWithClock = 5;

/**
 * Lays out one application's space and its candidates.
 *
 * @param base index of its first candidate in the plan
 * @param budget candidates it may have at most; at least 64
 */
export function syncSpaceOf(
  serving: Serving,
  challenges: SyncChallenges,
  base: number,
  budget: number,
  nowMs: number,
  policy: EffectivePolicy,
): { readonly space: SyncSpace; readonly candidates: readonly Candidate[] } {
  const { application, sequence } = serving;
  const [first, second] = challenges ?? [null, null];
  const isDistinct = keyOf(serving, first) !== keyOf(serving, second);
  const questions = (isDistinct ? [first, second] : [first]).map((challenge) => ({
    challenge,
    key: keyOf(serving, challenge),
  }));
  const hasClock = sequence.stepping !== null;
  const gap = hasClock ? policy.syncMaxGapSteps : 0;
  const places = Math.floor(budget / questions.length);
  const counters = sequence.hasCounter ? countersOf(serving, places, gap, policy) : [noPlace];
  const steps = stepsOf(serving, Math.floor(places / counters.length), gap, nowMs, policy);
  const candidates = candidatesOf(serving, counters, steps, questions);
  const space: SyncSpace = {
    applicationId: application.id,
    epoch: application.epoch,
    base,
    counterCount: counters.length,
    stepCount: steps.length,
    perPlace: isDistinct ? 2 : 1,
    counterGap: sequence.hasCounter ? 1 : 0,
    stepGapMin: hasClock && !sequence.hasCounter && !isDistinct ? 1 : 0,
    stepGapMax: gap,
  };
  return { space, candidates };
}

/** Indices of the candidates of a consecutive pair. */
export interface SyncPair {
  readonly first: number;
  readonly second: number;
}

/**
 * Every consecutive pair in a space, by index in the plan.
 *
 * @param showsFirst for each candidate of the space, 1 when it shows the first response
 * @param showsSecond the same for the second
 */
export function pairsIn(
  space: SyncSpace,
  showsFirst: Uint8Array,
  showsSecond: Uint8Array,
): readonly SyncPair[] {
  const { base, counterCount, stepCount, perPlace, counterGap, stepGapMin, stepGapMax } = space;
  const pairs: SyncPair[] = [];
  for (let counter = 0; counter + counterGap < counterCount; counter += 1) {
    for (let step = 0; step < stepCount; step += 1) {
      const first = (counter * stepCount + step) * perPlace;
      if (showsFirst[first] !== 1) continue;
      const lastStep = Math.min(step + stepGapMax, stepCount - 1);
      for (let later = step + stepGapMin; later <= lastStep; later += 1) {
        const place = (counter + counterGap) * stepCount + later;
        const second = place * perPlace + (perPlace - 1);
        if (showsSecond[second] === 1) pairs.push({ first: base + first, second: base + second });
      }
    }
  }
  return pairs;
}

function candidatesOf(
  serving: Serving,
  counters: readonly Place[],
  steps: readonly Place[],
  questions: readonly { readonly challenge: string | null; readonly key: string | null }[],
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const { eventCounter, distance } of counters) {
    for (const step of steps) {
      const { timeStep } = step;
      const place: Place = { eventCounter, timeStep, distance: distance + step.distance };
      for (const { challenge, key } of questions) {
        candidates.push(candidateAt(serving, place, challenge, key));
      }
    }
  }
  return candidates;
}

/**
 * The first response may stand at any of the window's counters, the second at the one after; those
 * behind the next counter are there to recognise a pair whose first response was already used.
 */
function countersOf(
  serving: Serving,
  places: number,
  gap: number,
  policy: EffectivePolicy,
): readonly Place[] {
  const hasClock = serving.sequence.stepping !== null;
  // With a clock there must be room for the expected step, its two neighbours and the gap.
  const counterMax = hasClock ? Math.floor(places / (3 + gap)) : places;
  const wanted = hasClock
    ? Math.min(policy.syncEventWindowSteps, policy.eventWindowSteps * eventWindowsWithClock)
    : policy.syncEventWindowSteps;
  const ahead = Math.min(wanted, counterMax - replayLookBackEvents - 1);
  const counters: Place[] = [];
  for (let offset = -replayLookBackEvents; offset <= ahead; offset += 1) {
    const counter = serving.application.nextEventCounter + BigInt(offset);
    if (!isCounterInRange(counter)) continue;
    counters.push({
      eventCounter: parseEventCounter(counter),
      timeStep: null,
      distance: Math.abs(offset),
    });
  }
  return counters;
}

/** The window around the expected step, and behind its end the gap of the second response. */
function stepsOf(
  serving: Serving,
  places: number,
  gap: number,
  nowMs: number,
  policy: EffectivePolicy,
): readonly Place[] {
  const { stepping } = serving.sequence;
  if (stepping === null) return [noPlace];
  const centre = expectedStep(serving.application, stepping, nowMs);
  const wanted = Math.floor(policy.syncTimeWindowSeconds / 2 / stepping.timeStepSeconds);
  const halfWidth = Math.min(wanted, Math.floor((places - 1 - gap) / 2));
  const steps: Place[] = [];
  for (let offset = -halfWidth; offset <= halfWidth + gap; offset += 1) {
    const step = centre + BigInt(offset);
    if (step < 0n) continue;
    steps.push({ eventCounter: null, timeStep: parseTimeStep(step), distance: Math.abs(offset) });
  }
  return steps;
}
