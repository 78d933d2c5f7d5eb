import { rateOf, type Sighting } from './drift-line.ts';
import type { Position, Sequence } from './responder.ts';
import type { Rules } from './rules.ts';

/** What a verifier may believe of a device after all that it was shown. */
export interface Believed {
  readonly stepSeconds: number;
  readonly epoch: number;
  readonly nextCounter: number;
  readonly lastStep: number;
  /** Questions answered in the last step. */
  readonly spent: readonly string[];
  readonly drift: number;
  readonly driftAtMs: number | null;
  readonly sightings: readonly Sighting[];
  readonly failures: number;
}

/** What it believes of a device that was just enrolled. */
export function newlyEnrolled(nextCounter: number, stepSeconds: number): Believed {
  return {
    stepSeconds,
    epoch: 1,
    nextCounter,
    lastStep: -1,
    spent: [],
    drift: 0,
    driftAtMs: null,
    sightings: [],
    failures: 0,
  };
}

export interface Place extends Position {
  readonly distance: number;
}

export interface Centre {
  readonly kind: 'learned' | 'host';
  readonly step: number;
  readonly half: number;
}

export interface StepWindow {
  readonly kind: 'ordinary' | 'initial' | 'dynamic';
  readonly centres: readonly Centre[];
}

/** Used counters that are looked at behind the next one, to know a replay. */
export const lookBack = 5;
export const candidatesMax = 4096;
const dayMs = 86_400_000;
const spentMax = 16;

function stepOf(ms: number, { stepSeconds }: Believed): number {
  return Math.floor(Math.floor(ms) / (stepSeconds * 1000));
}

/** How far ahead a device is that is in the middle of this step now, in whole seconds. */
export function driftSeen({ stepSeconds }: Believed, step: number, nowMs: number): number {
  return Math.round(((step + 0.5) * stepSeconds * 1000 - nowMs) / 1000) + 0;
}

export function idleDays({ driftAtMs }: Believed, nowMs: number): number {
  return driftAtMs === null ? 0 : Math.max(0, nowMs - driftAtMs) / dayMs;
}

/** Seconds that the device is expected to be ahead: as learned, moved on at most 4 s a day. */
export function expectedDrift(believed: Believed, nowMs: number, rules: Rules): number {
  if (!rules.driftPrediction || believed.driftAtMs === null) return believed.drift;
  const days = idleDays(believed, nowMs);
  const gained = rateOf(believed.sightings, believed.stepSeconds) * days * 86_400;
  return believed.drift + Math.sign(gained) * Math.min(Math.abs(gained), 4 * days);
}

export function expectedStep(believed: Believed, nowMs: number, rules: Rules): number {
  return stepOf(nowMs + expectedDrift(believed, nowMs, rules) * 1000, believed);
}

/** The time window: half of it to each side of the centre, inclusive. */
export function stepWindow(believed: Believed, nowMs: number, rules: Rules): StepWindow {
  const { stepSeconds } = believed;
  const ordinary = Math.floor(rules.identificationTimeWindowSteps / 2);
  const halfOf = (seconds: number): number => Math.floor(seconds / (2 * stepSeconds));
  const step = expectedStep(believed, nowMs, rules);
  const grown = stepSeconds + 8 * idleDays(believed, nowMs);
  const wide =
    believed.driftAtMs === null
      ? ({ kind: 'initial', half: halfOf(rules.initialTimeWindowSeconds) } as const)
      : ({
          kind: 'dynamic',
          half: rules.dynamicTimeWindow ? halfOf(Math.min(grown, rules.syncTimeWindowSeconds)) : 0,
        } as const);
  const { kind, half } =
    wide.half > ordinary ? wide : ({ kind: 'ordinary', half: ordinary } as const);
  const learned = { kind: 'learned', step, half } as const;
  const host = { kind: 'host', step: stepOf(nowMs, believed), half: ordinary } as const;
  return { kind, centres: rules.hostClockCentre ? [learned, host] : [learned] };
}

/** The centre that a step counts for: the nearest that reaches it, the learned one if both do. */
export function centreFor({ centres }: StepWindow, step: number): Centre | undefined {
  const away = (centre: Centre): number => Math.abs(centre.step - step);
  return centres
    .filter((centre) => away(centre) <= centre.half)
    .toSorted((one, other) => away(one) - away(other))[0];
}

/** Every place of the window, in the order in which they are looked at: nearest first. */
export function placesOf(
  sequence: Sequence,
  believed: Believed,
  nowMs: number,
  rules: Rules,
): readonly Place[] {
  const counters = sequence.hasCounter ? counterPlaces(believed, rules) : [null];
  const steps = sequence.hasClock ? stepPlaces(stepWindow(believed, nowMs, rules)) : [null];
  const places = counters.flatMap((counter) =>
    steps.map((step) => ({
      counter: counter?.value ?? null,
      step: step?.value ?? null,
      distance: (counter?.distance ?? 0) + (step?.distance ?? 0),
    })),
  );
  // Sorting keeps the order of equals: the nearer counter first, then the earlier step.
  return places.toSorted((one, other) => one.distance - other.distance).slice(0, candidatesMax);
}

/** Whether a position is used up. A counter, or a question of its own, lets a step serve again. */
export function isUsed(
  sequence: Sequence,
  believed: Believed,
  { counter, step }: Position,
  question: string,
): boolean {
  if (counter !== null && counter < believed.nextCounter) return true;
  if (step === null) return false;
  if (step < lowestStep(sequence, believed)) return true;
  if (!isStepPerQuestion(sequence) || step !== believed.lastStep) return false;
  return believed.spent.length >= spentMax || believed.spent.includes(question);
}

export function lowestStep(sequence: Sequence, { lastStep }: Pick<Believed, 'lastStep'>): number {
  const servesAgain = sequence.hasCounter || isStepPerQuestion(sequence);
  return Math.max(0, servesAgain ? lastStep : lastStep + 1);
}

export function isStepPerQuestion({ isAsked, hasClock, hasCounter }: Sequence): boolean {
  return isAsked && hasClock && !hasCounter;
}

interface Value {
  readonly value: number;
  readonly distance: number;
}

function counterPlaces({ nextCounter }: Believed, { eventWindowSteps }: Rules): readonly Value[] {
  const ahead = Array.from({ length: eventWindowSteps }, (_, index) => ({
    value: nextCounter + index,
    distance: index,
  }));
  const behind = Array.from({ length: lookBack }, (_, index) => ({
    value: nextCounter - 1 - index,
    distance: eventWindowSteps + index,
  }));
  return [...ahead, ...behind].filter(({ value }) => value >= 0);
}

function stepPlaces(window: StepWindow): readonly Value[] {
  const steps = window.centres.flatMap(({ step, half }) =>
    Array.from({ length: 2 * half + 1 }, (_, index) => step - half + index),
  );
  const values = [...new Set(steps)]
    .filter((step) => step >= 0)
    .map((value) => {
      const centre = centreFor(window, value) ?? window.centres[0];
      const rank = centre?.kind === 'host' ? 1 : 0;
      return { value, rank, distance: Math.abs(value - (centre?.step ?? 0)) };
    });
  return values.toSorted(
    (one, other) =>
      one.distance - other.distance || one.rank - other.rank || one.value - other.value,
  );
}
