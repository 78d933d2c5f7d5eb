import { type Position, questionKey, type Sequence } from './responder.ts';
import type { Rules } from './rules.ts';
import { type Believed, lowestStep, type Place, stepWindow } from './window.ts';

export type Fact = string | number | boolean | null;

/** Every end of an attempt that an oracle tells from the others. */
export const outcomes = [
  'accepted',
  'synchronised',
  'response-incorrect',
  'response-malformed',
  'response-replayed',
  'sync-incorrect',
  'sync-ambiguous',
  'sync-replayed',
  'sync-backwards',
  'challenge-required',
  'challenge-not-permitted',
  'user-locked',
  'application-locked',
] as const;

export type Outcome = (typeof outcomes)[number];

/** What must come of an attempt: the audit's outcome, and its facts without those of the caller. */
export interface Expected {
  readonly outcome: Outcome;
  readonly facts: Readonly<Record<string, Fact>>;
  /** The position that decided, if one did. */
  readonly position: Position | null;
}

/** One application of a device, and the name under which the verifier knows it. */
export interface SubjectApplication {
  readonly applicationName: string;
  readonly seed: Uint8Array;
  readonly sequence: Sequence;
  /** What its responses answer where nobody is asked, decimal; absent: 0. */
  readonly fixedQuestion?: string | null | undefined;
}

/** The device and the names under which the verifier knows it. */
export interface Subject extends SubjectApplication {
  readonly serial: string;
  /** Further applications of the device, each with a name of its own. */
  readonly others?: readonly SubjectApplication[] | undefined;
  readonly rules: Rules;
}

const chunkEnds = [1, 5, 21];
const lastChunk = 64;

/** What the audit notes of a refusal: where was looked, and how far. */
export function windowFacts(
  { rules, serial }: Pick<Subject, 'serial' | 'rules'>,
  { sequence, applicationName }: SubjectApplication,
  believed: Believed,
  nowMs: number,
): Expected['facts'] {
  const facts = { serial, application: applicationName };
  const { eventWindowSteps } = rules;
  const counterFacts = { nextEventCounter: String(believed.nextCounter), eventWindowSteps };
  const window = stepWindow(believed, nowMs, rules);
  const stepFacts = {
    expectedStep: String(window.centres[0]?.step),
    windowKind: window.kind,
    windowHalfWidthSteps: window.centres[0]?.half ?? null,
    windowCentres: window.centres.length,
    timeStepSeconds: believed.stepSeconds,
    driftSeconds: believed.drift,
    lowestStep: String(lowestStep(sequence, believed)),
  };
  return {
    ...facts,
    ...(sequence.hasCounter ? counterFacts : {}),
    ...(sequence.hasClock ? stepFacts : {}),
  };
}

export function unseen(outcome: Outcome): Expected {
  return { outcome, facts: {}, position: null };
}

export function keyOf(question: string | null): string {
  return question === null ? '' : questionKey(question);
}

export function factsOf({ counter, step }: Position): Expected['facts'] {
  return {
    eventCounter: counter === null ? null : String(counter),
    timeStep: step === null ? null : String(step),
  };
}

export function placeFacts(place: Place | undefined): Expected['facts'] {
  return place === undefined ? {} : { ...factsOf(place), distance: place.distance };
}

export function positionText({ counter, step }: Position): string {
  return `${String(counter)}/${String(step)}`;
}

/** Logons are paid for in chunks of 1, 4, 16 and then 64. */
export function chunkEndOf(index: number, count: number): number {
  const [, , third = 0] = chunkEnds;
  const further = third + lastChunk * Math.ceil((index + 1 - third) / lastChunk);
  return Math.min(chunkEnds.find((end) => end > index) ?? further, count);
}
