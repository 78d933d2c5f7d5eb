import { Account, type AccountState } from './account.ts';
import { sighted, sightingsText } from './drift-line.ts';
import {
  chunkEndOf,
  type Expected,
  factsOf,
  keyOf,
  type Outcome,
  placeFacts,
  positionText,
  type Subject,
  unseen,
  windowFacts,
} from './facts.ts';
import { type Position, responseAt } from './responder.ts';
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
  placesOf,
  stepWindow,
} from './window.ts';

/** A response as it is typed in; the question is null where nobody is asked. */
export interface Typed {
  readonly response: string;
  readonly question: string | null;
}

/** A response that was refused, and may be confirmed by the next one. */
interface Pending {
  readonly parts: readonly Part[];
  readonly lockCount: number;
  readonly lastSuccessAtMs: number | null;
  readonly expiresAtMs: number;
}

/** What the database must show of a user and of his application. */
export interface OracleState extends AccountState {
  readonly epoch: number;
  readonly nextCounter: number;
  readonly lastStep: number;
  readonly spent: number;
  readonly drift: number;
  readonly driftAtMs: number | null;
  readonly history: string;
  readonly failures: number;
  readonly pending: string | null;
}

const spentMax = 16;
const pendingMax = 4;

/** All that an oracle knows, as plain data: what a run keeps, and what a backup of the server holds. */
export interface OracleMemory {
  readonly account: AccountState;
  readonly believed: Believed;
  readonly pending: Pending | null;
}

/**
 * Predicts what a verifier answers, from the rules as documented and the device's own seed. One user
 * with one application; attempts are told in the order in which they are submitted.
 */
export class Oracle {
  readonly #subject: Subject;
  readonly #account: Account;
  #pending: Pending | null = null;
  #believed: Believed;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#account = new Account(subject.rules);
    this.#believed = newlyEnrolled(0, subject.sequence.stepSeconds);
  }

  get state(): OracleState {
    const { epoch, nextCounter, lastStep, spent, drift, driftAtMs, sightings, failures } =
      this.#believed;
    const pending = this.#pending?.parts.map(({ position }) => positionText(position)) ?? null;
    return {
      ...this.#account.state,
      epoch,
      nextCounter,
      lastStep,
      drift,
      driftAtMs,
      failures,
      spent: spent.length,
      history: sightingsText(sightings),
      pending: pending?.join() ?? null,
    };
  }

  get memory(): OracleMemory {
    return { account: this.#account.state, believed: this.#believed, pending: this.#pending };
  }

  /** Goes on from what was known once: a run that is taken up again, or a restored backup. */
  recall({ account, believed, pending }: OracleMemory): void {
    this.#account.recall(account);
    this.#believed = believed;
    this.#pending = pending;
  }

  /** The response that the device must show; null asks nobody. */
  responseAt(position: Position, question: string | null): string {
    const { seed, sequence } = this.#subject;
    return responseAt(seed, sequence, position, question ?? '0');
  }

  /** What becomes of one response, submitted now. */
  verify(nowMs: number, { response, question }: Typed): Expected {
    const standing = this.#account.standing(nowMs);
    if (standing === 'too-early') this.#account.touch(nowMs);
    if (standing === 'too-early' || standing === 'locked') return unseen('user-locked');
    if (this.#isBarred()) return unseen('application-locked');
    if (!/^\d{4,10}$/.test(response)) return unseen('response-malformed');
    const { sequence, rules } = this.#subject;
    const places = placesOf(sequence, this.#believed, nowMs, rules);
    const index = places.findIndex((place) => this.responseAt(place, question) === response);
    const match = places[index];
    const cost = { candidates: places.length, ofCandidates: places.length };
    if (match !== undefined && !isUsed(sequence, this.#believed, match, keyOf(question))) {
      const facts = { candidates: chunkEndOf(index, places.length), ofCandidates: places.length };
      const unlocked = standing === 'may-unlock' ? { unlocked: true } : {};
      return this.#accept(nowMs, match, question, { ...facts, ...unlocked });
    }
    const searched = windowFacts(this.#subject, this.#believed, nowMs);
    if (match !== undefined) {
      this.#fail(nowMs, null);
      const facts = { ...cost, ...searched, ...placeFacts(match) };
      return { outcome: 'response-replayed', facts, position: match };
    }
    return this.#lookFurther(nowMs, { response, question }, { ...cost, ...searched }, cost);
  }

  /** What becomes of two consecutive responses, handed to the help desk now. */
  synchronise(nowMs: number, first: Typed, second: Typed): Expected {
    if (this.#account.state.lockedAtMs !== null) return unseen('user-locked');
    if (this.#isBarred()) return unseen('application-locked');
    const { sequence, seed, rules, serial } = this.#subject;
    const [oneKey, twoKey] = [keyOf(first.question), keyOf(second.question)];
    const questions = oneKey === twoKey ? 1 : 2;
    const places = syncPlaces(sequence, this.#believed, questions, nowMs, rules);
    const at = (typed: Typed, question: string): readonly Part[] =>
      showing(seed, sequence, places, typed.response, typed.question ?? '0').map((position) => ({
        position,
        question,
      }));
    const isOneTwice = questions === 1 && first.response === second.response;
    const seconds = at(second, twoKey);
    const pairs = (isOneTwice ? [] : at(first, oneKey)).flatMap((one) =>
      seconds
        .filter((two) => follows(sequence, one, two, rules))
        .map((two) => ({ first: one, second: two })),
    );
    const searched = places.length * questions;
    const cost = { candidates: searched, ofCandidates: searched };
    const [pair] = pairs;
    const refusal = this.#syncRefusal(nowMs, pairs);
    if (pair === undefined || refusal !== null) {
      this.#fail(nowMs, null);
      const found = places.find((place) => place === pair?.first.position);
      const facts = { ...cost, serial, applications: 1, ...placeFacts(found) };
      return { outcome: refusal ?? 'sync-incorrect', facts, position: null };
    }
    return this.#usePair(nowMs, pair, 'synchronised', { ...cost, followers: '' });
  }

  /** The help desk unlocks the user. */
  unlock(): void {
    this.#account.unlock();
    // The row keeps what nothing can confirm any more.
    if (this.#pending !== null) this.#pending = { ...this.#pending, expiresAtMs: 0 };
  }

  /** The seed is imported, or imported anew: what was used before is forgotten. */
  enrol(counter: number): void {
    this.#believed = newlyEnrolled(counter, this.#subject.sequence.stepSeconds);
    this.#pending = null;
  }

  /** What was learned goes; what was used stays used. */
  reset(): void {
    const { epoch } = this.#believed;
    const nothing = { drift: 0, driftAtMs: null, sightings: [], failures: 0 };
    this.#believed = { ...this.#believed, ...nothing, epoch: epoch + 1 };
    this.#pending = null;
  }

  #isBarred(): boolean {
    const { identificationThreshold } = this.#subject.rules;
    return identificationThreshold > 0 && this.#believed.failures >= identificationThreshold;
  }

  #fail(nowMs: number, pending: Pending | null): void {
    const { rules } = this.#subject;
    this.#account.fail(nowMs);
    this.#pending = pending;
    if (rules.identificationThreshold === 0) return;
    this.#believed = { ...this.#believed, failures: this.#believed.failures + 1 };
  }

  #accept(
    nowMs: number,
    position: Position,
    question: string | null,
    facts: Expected['facts'],
  ): Expected {
    const part = { position, question: keyOf(question) };
    return this.#move(nowMs, part, [part], this.#learned(nowMs, position), {
      outcome: 'accepted',
      facts,
    });
  }

  #usePair(
    nowMs: number,
    { first, second }: { readonly first: Part; readonly second: Part },
    outcome: Outcome,
    facts: Expected['facts'],
  ): Expected {
    const { step } = second.position;
    const drift = step === null ? this.#believed.drift : driftSeen(this.#believed, step, nowMs);
    const used = first.position.step === step ? [first, second] : [second];
    return this.#move(nowMs, second, used, drift, { outcome, facts });
  }

  /** What any success changes. */
  #move(
    nowMs: number,
    { position }: Part,
    used: readonly Part[],
    drift: number,
    { outcome, facts }: Pick<Expected, 'outcome' | 'facts'>,
  ): Expected {
    const { sequence, serial, applicationName } = this.#subject;
    const before = this.#believed;
    const { counter, step } = position;
    const kept = step === before.lastStep ? before.spent : [];
    this.#account.succeed(nowMs);
    this.#pending = null;
    this.#believed = {
      ...before,
      nextCounter: counter === null ? before.nextCounter : counter + 1,
      lastStep: step ?? before.lastStep,
      spent: isStepPerQuestion(sequence) ? [...kept, ...used.map((part) => part.question)] : [],
      failures: 0,
      ...(step === null
        ? {}
        : {
            drift,
            driftAtMs: nowMs,
            sightings: this.#sighted(nowMs, step),
          }),
    };
    const drifts = { driftSecondsBefore: before.drift, driftSecondsAfter: drift };
    const names = { serial, application: applicationName };
    return {
      outcome,
      facts: { ...names, ...factsOf(position), ...drifts, ...facts },
      position,
    };
  }

  /**
   * In the expected step nothing new; else towards what was seen, by a step at the most and what
   * idle days explain of a grown window; at once at first use and around the host's own clock.
   */
  #learned(nowMs: number, { step }: Position): number {
    const { rules } = this.#subject;
    const believed = this.#believed;
    if (step === null) return believed.drift;
    const window = stepWindow(believed, nowMs, rules);
    const seen = driftSeen(believed, step, nowMs);
    const expected = Math.round(expectedDrift(believed, nowMs, rules)) + 0;
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
    const { sightings, stepSeconds } = this.#believed;
    const seen = driftSeen(this.#believed, step, nowMs);
    return sighted(sightings, nowMs, seen, stepSeconds);
  }

  /** Beyond the window, where the policy remembers what it finds there. */
  #lookFurther(
    nowMs: number,
    typed: Typed,
    facts: Expected['facts'],
    cost: Expected['facts'],
  ): Expected {
    const { rules, sequence, seed } = this.#subject;
    const outcome = 'response-incorrect';
    if (!rules.secondOtpSync) {
      this.#fail(nowMs, null);
      return { outcome, facts, position: null };
    }
    const question = keyOf(typed.question);
    const places = syncPlaces(sequence, this.#believed, 1, nowMs, rules);
    const found = showing(seed, sequence, places, typed.response, typed.question ?? '0').filter(
      (place) =>
        !isUsed(sequence, this.#believed, place, question) &&
        !isTooFarBack(this.#believed, place, nowMs, rules),
    );
    const fresh = found.map((position) => ({ position, question }));
    const pairs = this.#livePending(nowMs).flatMap((first) =>
      fresh
        .filter((second) => follows(sequence, first, second, rules))
        .map((second) => ({ first, second })),
    );
    const [pair] = pairs;
    if (pair !== undefined && pairs.length === 1 && this.#syncRefusal(nowMs, pairs) === null) {
      return this.#usePair(nowMs, pair, 'accepted', { ...cost, secondOtpSync: true });
    }
    const { lockCount, lockedAtMs, lastSuccessAtMs } = this.#account.state;
    const isKept = found.length > 0 && found.length <= pendingMax && lockedAtMs === null;
    const expiresAtMs = nowMs + rules.secondOtpSyncLifetimeSeconds * 1000;
    const kept = { parts: fresh, lockCount: lockCount + 1, lastSuccessAtMs, expiresAtMs };
    this.#fail(nowMs, isKept ? kept : null);
    const noted = isKept ? { remembered: true, ...placeFacts(found[0]) } : { remembered: false };
    return { outcome, facts: { ...facts, ...noted }, position: null };
  }

  /** What was remembered is good for the very next counted attempt. */
  #livePending(nowMs: number): readonly Part[] {
    const { lockCount, lastSuccessAtMs, lockedAtMs } = this.#account.state;
    const pending = this.#pending;
    if (pending === null || lockedAtMs !== null) return [];
    const isNext = pending.lockCount === lockCount && pending.lastSuccessAtMs === lastSuccessAtMs;
    return isNext && nowMs < pending.expiresAtMs ? pending.parts : [];
  }

  #syncRefusal(
    nowMs: number,
    pairs: readonly { readonly first: Part; readonly second: Part }[],
  ): Outcome | null {
    const { sequence, rules } = this.#subject;
    const [pair] = pairs;
    if (pair === undefined) return null;
    if (pairs.length > 1) return 'sync-ambiguous';
    const refusal = pairRefusal(sequence, this.#believed, pair, nowMs, rules);
    if (refusal !== null || !isStepPerQuestion(sequence)) return refusal;
    const { lastStep, spent } = this.#believed;
    const used = pair.first.position.step === pair.second.position.step ? 2 : 1;
    const kept = pair.second.position.step === lastStep ? spent.length : 0;
    return kept + used > spentMax ? 'sync-replayed' : null;
  }
}
