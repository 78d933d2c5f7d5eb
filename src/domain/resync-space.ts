import { movingFactorMax, parseEventCounter, parseTimeStep } from '../oath/index.ts';
import { eventCounterMax, type Sequence } from './application.ts';
import {
  type Candidate,
  candidateAt,
  type Candidates,
  entryOf,
  keyOf,
  type Serving,
} from './candidate.ts';
import { expectedStep } from './drift.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { replayLookBackEvents, syncEventWindowsWithClock } from './policy-cost.ts';

/**
 * The candidates of one application, laid out so that each, and its neighbours, are found by
 * arithmetic: counters ascending, within each the steps ascending, within each one candidate, or
 * two where the responses have different challenges. Each MAC is wanted once.
 */
export interface SyncSpace {
  readonly serving: Serving;
  /** Index of the first candidate, and the one behind the last. */
  readonly base: number;
  readonly end: number;
  readonly counters: Line;
  readonly steps: Line;
  /** One for both responses, or one for each where the challenges differ. */
  readonly questions: readonly Question[];
  /** How far the second response's counter is from the first's: 1, or 0 without counters. */
  readonly counterGap: 0 | 1;
  readonly stepGapMin: number;
  readonly stepGapMax: number;
}

/** Counters or steps in a row; one without a value where the sequence has none. */
interface Line {
  /** Null without. */
  readonly first: bigint | null;
  readonly count: number;
  /** Index of the expected one; may lie outside. */
  readonly expected: number;
}

interface Question {
  readonly challenge: string | null;
  readonly key: string | null;
}

/** The challenges of the two responses; null without. */
export type SyncChallenges = readonly [first: string, second: string] | null;

/** A sequence without counter, or without clock. */
const noLine: Line = { first: null, count: 1, expected: 0 };

/**
 * Lays out one application's space.
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
): SyncSpace {
  const { sequence } = serving;
  const [first, second] = (sequence.challenged === null ? null : challenges) ?? [null, null];
  const isDistinct = keyOf(serving, first) !== keyOf(serving, second);
  const questions = (isDistinct ? [first, second] : [first]).map((challenge) => ({
    challenge,
    key: keyOf(serving, challenge),
  }));
  const hasClock = sequence.stepping !== null;
  const gap = hasClock ? policy.syncMaxGapSteps : 0;
  const places = Math.floor(budget / questions.length);
  const counters = sequence.hasCounter ? countersOf(serving, places, gap, policy) : noLine;
  const steps = stepsOf(serving, Math.floor(places / counters.count), gap, nowMs, policy);
  return {
    serving,
    base,
    end: base + counters.count * steps.count * questions.length,
    counters,
    steps,
    questions,
    counterGap: sequence.hasCounter ? 1 : 0,
    stepGapMin: sharesStep(sequence, isDistinct) ? 0 : 1,
    stepGapMax: gap,
  };
}

/** Whether two responses may come from one step: counter or challenge tell them apart. */
export function sharesStep(
  { hasCounter, stepping, isStepPerChallenge }: Sequence,
  isDistinct: boolean,
): boolean {
  return stepping === null || hasCounter || (isStepPerChallenge && isDistinct);
}

/** The candidates of spaces in a row, each made when it is asked for. */
export class SpaceCandidates implements Candidates {
  readonly length: number;
  readonly #spaces: readonly SyncSpace[];

  constructor(spaces: readonly SyncSpace[]) {
    this.#spaces = spaces;
    this.length = spaces.at(-1)?.end ?? 0;
  }

  at(index: number): Candidate | undefined {
    const space = this.#spaces.findLast(({ base }) => index >= base);
    return space === undefined || index >= this.length
      ? undefined
      : candidateIn(space, index - space.base);
  }
}

/** Indices of the candidates of a consecutive pair. */
export interface SyncPair {
  readonly first: number;
  readonly second: number;
}

/**
 * Every consecutive pair in a space, by index in the plan.
 *
 * @param marks of all candidates of the plan (`markOf`)
 */
export function pairsIn(space: SyncSpace, marks: Uint8Array): readonly SyncPair[] {
  const { base, counters, steps, questions, counterGap, stepGapMin, stepGapMax } = space;
  const perPlace = questions.length;
  const pairs: SyncPair[] = [];
  for (let counter = 0; counter + counterGap < counters.count; counter += 1) {
    for (let step = 0; step < steps.count; step += 1) {
      const first = base + (counter * steps.count + step) * perPlace;
      if (!shows(marks, first, 1)) continue;
      const lastStep = Math.min(step + stepGapMax, steps.count - 1);
      for (let later = step + stepGapMin; later <= lastStep; later += 1) {
        const place = (counter + counterGap) * steps.count + later;
        const second = base + place * perPlace + (perPlace - 1);
        if (shows(marks, second, 2)) pairs.push({ first, second });
      }
    }
  }
  return pairs;
}

function shows(marks: Uint8Array, index: number, bit: 1 | 2): boolean {
  return (Number(marks[index]) & bit) !== 0;
}

function candidateIn({ serving, counters, steps, questions }: SyncSpace, index: number): Candidate {
  const place = Math.floor(index / questions.length);
  const counter = Math.floor(place / steps.count);
  const step = place % steps.count;
  const [eventCounter, timeStep] = [valueAt(counters, counter), valueAt(steps, step)];
  const { challenge, key } = entryOf(questions, index % questions.length);
  return candidateAt(
    serving,
    {
      eventCounter: eventCounter === null ? null : parseEventCounter(eventCounter),
      timeStep: timeStep === null ? null : parseTimeStep(timeStep),
      distance: Math.abs(counter - counters.expected) + Math.abs(step - steps.expected),
    },
    challenge,
    key,
  );
}

function valueAt({ first }: Line, index: number): bigint | null {
  return first === null ? null : first + BigInt(index);
}

/** The values expected + from .. expected + to, as far as they lie from 0 to `max`. */
function lineAround(expected: bigint, from: number, to: number, max: bigint): Line {
  const lowest = expected + BigInt(from);
  const first = lowest < 0n ? 0n : lowest;
  const highest = expected + BigInt(to);
  const last = highest > max ? max : highest;
  return {
    first,
    count: Math.max(0, Number(last - first) + 1),
    expected: Number(expected - first),
  };
}

/**
 * The first response may stand at any of the window's counters, the second at the one after; those
 * behind the next counter are there to recognise a pair whose first response was already used.
 */
function countersOf(serving: Serving, places: number, gap: number, policy: EffectivePolicy): Line {
  const hasClock = serving.sequence.stepping !== null;
  // With a clock there must be room for the expected step, its two neighbours and the gap.
  const counterMax = hasClock ? Math.floor(places / (3 + gap)) : places;
  const wanted = hasClock
    ? Math.min(policy.syncEventWindowSteps, policy.eventWindowSteps * syncEventWindowsWithClock)
    : policy.syncEventWindowSteps;
  const ahead = Math.min(wanted, counterMax - replayLookBackEvents - 1);
  const { nextEventCounter } = serving.application;
  return lineAround(nextEventCounter, -replayLookBackEvents, ahead, eventCounterMax);
}

/** The window around the expected step, and behind its end the gap of the second response. */
function stepsOf(
  serving: Serving,
  places: number,
  gap: number,
  nowMs: number,
  policy: EffectivePolicy,
): Line {
  const { stepping } = serving.sequence;
  if (stepping === null) return noLine;
  const centre = expectedStep(serving.application, stepping, nowMs, policy);
  const wanted = Math.floor(policy.syncTimeWindowSeconds / 2 / stepping.timeStepSeconds);
  const halfWidth = Math.min(wanted, Math.floor((places - 1 - gap) / 2));
  return lineAround(centre, -halfWidth, halfWidth + gap, movingFactorMax);
}
