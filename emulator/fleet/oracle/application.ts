import { sighted, sightingsText } from './drift-line.ts';
import { keyOf, type Outcome, type SubjectApplication } from './facts.ts';
import { type Position, responseAt, type Sequence } from './responder.ts';
import type { Rules } from './rules.ts';
import {
  follows,
  isTooFarBack,
  pairRefusal,
  type Part,
  showing,
  syncPlaces,
} from './sync-space.ts';
import {
  type Believed,
  centreFor,
  driftSeen,
  expectedDrift,
  idleDays,
  isStepPerQuestion,
  isUsed,
  newlyEnrolled,
  type Place,
  placesOf,
  stepWindow,
} from './window.ts';

/** A response as it is typed in; the question is null where nobody is asked. */
export interface Typed {
  readonly response: string;
  readonly question: string | null;
}

/** Two consecutive responses. */
export interface Pair {
  readonly first: Part;
  readonly second: Part;
}

/** A response that was refused, and may be confirmed by the next one. */
export interface Pending {
  readonly parts: readonly Part[];
  readonly lockCount: number;
  readonly lastSuccessAtMs: number | null;
  readonly expiresAtMs: number;
}

/** All that a verifier knows of one application, as plain data. */
export interface ApplicationMemory {
  readonly believed: Believed;
  readonly pending: Pending | null;
}

const spentMax = 16;

/** One application of a device, as a verifier knows it: counter, clock and failures are its own. */
export class KnownApplication {
  readonly of: SubjectApplication;
  readonly #rules: Rules;
  pending: Pending | null = null;
  believed: Believed;

  constructor(of: SubjectApplication, rules: Rules) {
    this.of = of;
    this.#rules = rules;
    this.believed = newlyEnrolled(0, of.sequence.stepSeconds);
  }

  get sequence(): Sequence {
    return this.of.sequence;
  }

  get memory(): ApplicationMemory {
    return { believed: this.believed, pending: this.pending };
  }

  get state(): Pick<
    Believed,
    'epoch' | 'nextCounter' | 'lastStep' | 'drift' | 'driftAtMs' | 'failures'
  > & { readonly spent: number; readonly history: string } {
    const { epoch, nextCounter, lastStep, spent, drift, driftAtMs, sightings, failures } =
      this.believed;
    return {
      epoch,
      nextCounter,
      lastStep,
      drift,
      driftAtMs,
      failures,
      spent: spent.length,
      history: sightingsText(sightings),
    };
  }

  recall({ believed, pending }: ApplicationMemory): void {
    this.believed = believed;
    this.pending = pending;
  }

  /** What it answers: the question, or the one that it asks itself. */
  answered(question: string | null): string | null {
    return question ?? this.of.fixedQuestion ?? null;
  }

  /** The response that the device must show; null asks nobody. */
  responseAt(position: Position, question: string | null): string {
    return responseAt(this.of.seed, this.sequence, position, this.answered(question) ?? '0');
  }

  partAt(position: Position, question: string | null): Part {
    return { position, question: keyOf(this.answered(question)) };
  }

  isBarred(): boolean {
    const { identificationThreshold } = this.#rules;
    return identificationThreshold > 0 && this.believed.failures >= identificationThreshold;
  }

  /** The window, nearest first. */
  places(nowMs: number): readonly Place[] {
    return placesOf(this.sequence, this.believed, nowMs, this.#rules);
  }

  isSpent(place: Position, question: string | null): boolean {
    return isUsed(this.sequence, this.believed, place, keyOf(this.answered(question)));
  }

  /** Where a synchronisation looks that searches so many applications. */
  syncPlaces(questions: 1 | 2, applications: number, nowMs: number): readonly Place[] {
    const { sequence, believed } = this;
    return syncPlaces(sequence, believed, questions, applications, nowMs, this.#rules);
  }

  /** The places of these at which the device would show a response. */
  partsShowing(places: readonly Place[], { response, question }: Typed): readonly Part[] {
    const { seed } = this.of;
    return showing(seed, this.sequence, places, response, this.answered(question) ?? '0').map(
      (place) => this.partAt(place, question),
    );
  }

  /** The unused places at which a response stands, and to which the clock may be moved. */
  freshFor(
    nowMs: number,
    typed: Typed,
    applications: number,
  ): { readonly found: readonly Place[]; readonly fresh: readonly Part[] } {
    const { response, question } = typed;
    const places = this.syncPlaces(1, applications, nowMs);
    const asked = this.answered(question) ?? '0';
    const found = showing(this.of.seed, this.sequence, places, response, asked).filter(
      (place) =>
        !this.isSpent(place, question) && !isTooFarBack(this.believed, place, nowMs, this.#rules),
    );
    return { found, fresh: found.map((place) => this.partAt(place, question)) };
  }

  /** Every two of these that follow each other. */
  pairsOf(firsts: readonly Part[], seconds: readonly Part[]): readonly Pair[] {
    return firsts.flatMap((first) =>
      seconds
        .filter((second) => follows(this.sequence, first, second, this.#rules))
        .map((second) => ({ first, second })),
    );
  }

  /** Why the pairs that were found may not be used, or null when there is one that may. */
  pairRefusal(nowMs: number, pairs: readonly Pair[]): Outcome | null {
    const { sequence, believed } = this;
    const [pair] = pairs;
    if (pair === undefined) return null;
    if (pairs.length > 1) return 'sync-ambiguous';
    const refusal = pairRefusal(sequence, believed, pair, nowMs, this.#rules);
    if (refusal !== null || !isStepPerQuestion(sequence)) return refusal;
    const { lastStep, spent } = believed;
    const used = pair.first.position.step === pair.second.position.step ? 2 : 1;
    const kept = pair.second.position.step === lastStep ? spent.length : 0;
    return kept + used > spentMax ? 'sync-replayed' : null;
  }

  /** A response was compared with it and was wrong. */
  fail(pending: Pending | null): void {
    this.pending = pending;
    if (this.#rules.identificationThreshold === 0) return;
    this.believed = { ...this.believed, failures: this.believed.failures + 1 };
  }

  /** What any success changes. */
  move(nowMs: number, { position }: Part, used: readonly Part[], drift: number): void {
    const before = this.believed;
    const { counter, step } = position;
    const kept = step === before.lastStep ? before.spent : [];
    this.pending = null;
    this.believed = {
      ...before,
      nextCounter: counter === null ? before.nextCounter : counter + 1,
      lastStep: step ?? before.lastStep,
      spent: isStepPerQuestion(this.sequence)
        ? [...kept, ...used.map((part) => part.question)]
        : [],
      failures: 0,
      ...(step === null
        ? {}
        : {
            drift,
            driftAtMs: nowMs,
            sightings: this.#sighted(nowMs, step),
          }),
    };
  }

  /** Another application of the device was synchronised: they have one clock. */
  follow(nowMs: number, drift: number): void {
    this.believed = { ...this.believed, drift, driftAtMs: nowMs };
    this.pending = null;
  }

  /** The seed is imported, or imported anew: what was used before is forgotten. */
  enrol(counter: number): void {
    this.believed = newlyEnrolled(counter, this.sequence.stepSeconds);
    this.pending = null;
  }

  /** What was learned goes; what was used stays used. */
  reset(): void {
    const { epoch } = this.believed;
    const nothing = { drift: 0, driftAtMs: null, sightings: [], failures: 0 };
    this.believed = { ...this.believed, ...nothing, epoch: epoch + 1 };
    this.pending = null;
  }

  /** The row keeps what nothing can confirm any more. */
  expire(): void {
    if (this.pending !== null) this.pending = { ...this.pending, expiresAtMs: 0 };
  }

  /**
   * In the expected step nothing new; else towards what was seen, by a step at the most and what
   * idle days explain of a grown window; at once at first use and around the host's own clock.
   */
  learned(nowMs: number, { step }: Position): number {
    const { believed } = this;
    if (step === null) return believed.drift;
    const window = stepWindow(believed, nowMs, this.#rules);
    const seen = driftSeen(believed, step, nowMs);
    const expected = Math.round(expectedDrift(believed, nowMs, this.#rules)) + 0;
    const centre = centreFor(window, step);
    if (centre?.kind === 'host') return seen;
    if (step === centre?.step) return expected;
    if (window.kind === 'initial') return seen;
    const idle = window.kind === 'dynamic' ? 4 * idleDays(believed, nowMs) : 0;
    const away = seen - expected;
    const moved = Math.sign(away) * Math.min(Math.abs(away), believed.stepSeconds + idle);
    return Math.round(expected + moved) + 0;
  }

  #sighted(nowMs: number, step: number): Believed['sightings'] {
    const { sightings, stepSeconds } = this.believed;
    return sighted(sightings, nowMs, driftSeen(this.believed, step, nowMs), stepSeconds);
  }
}
