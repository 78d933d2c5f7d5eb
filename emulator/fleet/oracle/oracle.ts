import { Account, type AccountState } from './account.ts';
import {
  type ApplicationMemory,
  KnownApplication,
  type Pair,
  type Pending,
  type Typed,
} from './application.ts';
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
import type { Position } from './responder.ts';
import { checkRules } from './rules.ts';
import type { Part } from './sync-space.ts';
import { candidatesMax, driftSeen, type Place } from './window.ts';

/** What the database must show of a user and of one of his applications. */
export type OracleState = AccountState &
  KnownApplication['state'] & {
    readonly pending: string | null;
  };

const pendingMax = 4;

/** All that an oracle knows, as plain data: what a run keeps, and what a backup of the server holds. */
export interface OracleMemory extends ApplicationMemory {
  readonly account: AccountState;
  /** Of the further applications, in their order; absent where there are none. */
  readonly others?: readonly ApplicationMemory[] | undefined;
}

/** A place of the window of one application. */
interface Candidate {
  readonly application: KnownApplication;
  readonly place: Place;
}

/**
 * Predicts what a verifier answers, from the rules as documented and the device's own seeds. One user
 * with one device; attempts are told in the order in which they are submitted.
 *
 * The device's applications share the user's count and lock, and a synchronisation moves the clock of
 * them all; everything else each has for itself. A response without a challenge may be that of any
 * application that asks nobody, one to a challenge that of any that does.
 */
export class Oracle {
  readonly #subject: Subject;
  readonly #account: Account;
  readonly #first: KnownApplication;
  readonly #applications: readonly KnownApplication[];

  /** @throws RangeError for rules that there are not */
  constructor(subject: Subject) {
    const { rules, others = [] } = subject;
    checkRules(rules);
    this.#subject = subject;
    this.#account = new Account(rules);
    this.#first = new KnownApplication(subject, rules);
    this.#applications = [this.#first, ...others.map((one) => new KnownApplication(one, rules))];
  }

  /** Of the user and his first application. */
  get state(): OracleState {
    return this.#stateOf(this.#first);
  }

  /**
   * Of the user and an application of his.
   *
   * @throws RangeError for a name that none has
   */
  stateOf(applicationName: string): OracleState {
    return this.#stateOf(this.#named(applicationName));
  }

  get memory(): OracleMemory {
    const [first, ...others] = this.#applications.map(({ memory }) => memory);
    const known = { account: this.#account.state, ...(first ?? this.#first.memory) };
    return others.length === 0 ? known : { ...known, others };
  }

  /** Goes on from what was known once: a run that is taken up again, or a restored backup. */
  recall({ account, believed, pending, others = [] }: OracleMemory): void {
    this.#account.recall(account);
    [{ believed, pending }, ...others].forEach((memory, index) => {
      this.#applications[index]?.recall(memory);
    });
  }

  /** The response that the device must show; null asks nobody. */
  responseAt(
    position: Position,
    question: string | null,
    applicationName: string = this.#subject.applicationName,
  ): string {
    return this.#named(applicationName).responseAt(position, question);
  }

  /** Where a response of an application is looked for now: what a refusal tells of it. */
  windowOf(nowMs: number, applicationName: string): Expected['facts'] {
    const { of, believed } = this.#named(applicationName);
    return windowFacts(this.#subject, of, believed, nowMs);
  }

  /** What becomes of one response, submitted now. */
  verify(nowMs: number, typed: Typed): Expected {
    const standing = this.#account.standing(nowMs);
    if (standing === 'too-early') this.#account.touch(nowMs);
    if (standing === 'too-early' || standing === 'locked') return unseen('user-locked');
    const eligible = this.#applications.filter((one) => !one.isBarred());
    if (eligible.length === 0) return unseen('application-locked');
    if (!/^\d{4,10}$/.test(typed.response)) return unseen('response-malformed');
    const serving = servingFor(eligible, typed.question);
    if (typeof serving === 'string') return unseen(serving);
    const candidates = this.#candidatesOf(serving, nowMs);
    const compared = serving.filter((one) =>
      candidates.some(({ application }) => application === one),
    );
    const index = candidates.findIndex(
      ({ application, place }) => application.responseAt(place, typed.question) === typed.response,
    );
    const match = candidates[index];
    const cost = { candidates: candidates.length, ofCandidates: candidates.length };
    if (match !== undefined && !match.application.isSpent(match.place, typed.question)) {
      const facts = { ...cost, candidates: chunkEndOf(index, candidates.length) };
      const unlocked = standing === 'may-unlock' ? { unlocked: true } : {};
      return this.#accept(nowMs, match, typed.question, { ...facts, ...unlocked });
    }
    const searched = {
      ...(compared[0] === undefined ? {} : this.windowOf(nowMs, compared[0].of.applicationName)),
      applications: compared.length,
    };
    if (match !== undefined) {
      this.#fail(nowMs, compared);
      const facts = { ...cost, ...searched, ...placeFacts(match.place) };
      return { outcome: 'response-replayed', facts, position: match.place };
    }
    return this.#lookFurther(nowMs, typed, compared, { ...cost, ...searched }, cost);
  }

  /** What becomes of two consecutive responses, handed to the help desk now. */
  synchronise(nowMs: number, first: Typed, second: Typed): Expected {
    if (this.#account.state.lockedAtMs !== null) return unseen('user-locked');
    const eligible = this.#applications.filter((one) => !one.isBarred());
    if (eligible.length === 0) return unseen('application-locked');
    const isOneMissing = (first.question === null) !== (second.question === null);
    if (isOneMissing) return unseen('challenge-required');
    const serving = servingFor(eligible, first.question);
    if (typeof serving === 'string') return unseen(serving);
    const { serial } = this.#subject;
    const questions = keyOf(first.question) === keyOf(second.question) ? 1 : 2;
    const isOneTwice = questions === 1 && first.response === second.response;
    const spaces = serving.map((application) => ({
      application,
      places: application.syncPlaces(questions, serving.length, nowMs),
    }));
    const searched = spaces.reduce((sum, { places }) => sum + places.length * questions, 0);
    const cost = { candidates: searched, ofCandidates: searched };
    let found: Place | undefined;
    let refusal: Outcome | null = null;
    for (const { application, places } of isOneTwice ? [] : spaces) {
      const pairs = application.pairsOf(
        application.partsShowing(places, first),
        application.partsShowing(places, second),
      );
      const [pair] = pairs;
      if (pair === undefined) continue;
      refusal = application.pairRefusal(nowMs, pairs);
      if (refusal === null) {
        return this.#usePair(nowMs, application, pair, 'synchronised', {
          ...cost,
          followers: this.#followersOf(application)
            .map(({ of }) => of.applicationName)
            .join(),
        });
      }
      found = places.find((place) => place === pair.first.position);
      break;
    }
    this.#fail(nowMs, serving);
    const facts = { ...cost, serial, applications: serving.length, ...placeFacts(found) };
    return { outcome: refusal ?? 'sync-incorrect', facts, position: null };
  }

  /** The help desk unlocks the user. */
  unlock(): void {
    this.#account.unlock();
    for (const application of this.#applications) application.expire();
  }

  /** The seeds are imported, or imported anew: what was used before is forgotten. */
  enrol(counter: number): void {
    for (const application of this.#applications) application.enrol(counter);
  }

  /** What was learned goes; what was used stays used. */
  reset(): void {
    for (const application of this.#applications) application.reset();
  }

  #named(applicationName: string): KnownApplication {
    const found = this.#applications.find(({ of }) => of.applicationName === applicationName);
    if (found === undefined) throw new RangeError('there is no such application');
    return found;
  }

  #stateOf(application: KnownApplication): OracleState {
    const pending = application.pending?.parts.map(({ position }) => positionText(position));
    return {
      ...this.#account.state,
      ...application.state,
      pending: pending?.join() ?? null,
    };
  }

  /** Nearest first over all applications; of those that are as near, those of the first one. */
  #candidatesOf(serving: readonly KnownApplication[], nowMs: number): readonly Candidate[] {
    const all = serving.flatMap((application) =>
      application.places(nowMs).map((place) => ({ application, place })),
    );
    if (serving.length === 1) return all;
    return all
      .toSorted((one, other) => one.place.distance - other.place.distance)
      .slice(0, candidatesMax);
  }

  /** It counts once for the user, and once for each application that was compared. */
  #fail(nowMs: number, compared: readonly KnownApplication[]): void {
    this.#account.fail(nowMs);
    for (const application of compared) application.fail(null);
  }

  #accept(
    nowMs: number,
    { application, place }: Candidate,
    question: string | null,
    facts: Expected['facts'],
  ): Expected {
    const part = application.partAt(place, question);
    const drift = application.learned(nowMs, place);
    return this.#move(nowMs, application, [part], drift, { outcome: 'accepted', facts });
  }

  #usePair(
    nowMs: number,
    application: KnownApplication,
    { first, second }: Pair,
    outcome: Outcome,
    facts: Expected['facts'],
  ): Expected {
    const { believed } = application;
    const { step } = second.position;
    const drift = step === null ? believed.drift : driftSeen(believed, step, nowMs);
    const used = first.position.step === step ? [first, second] : [second];
    const expected = this.#move(nowMs, application, used, drift, { outcome, facts });
    for (const other of this.#followersOf(application)) other.follow(nowMs, drift);
    return expected;
  }

  /** All applications of a device show the time of one clock. */
  #followersOf(application: KnownApplication): readonly KnownApplication[] {
    if (!application.sequence.hasClock) return [];
    return this.#applications.filter((one) => one !== application && one.sequence.hasClock);
  }

  #move(
    nowMs: number,
    application: KnownApplication,
    used: readonly Part[],
    drift: number,
    { outcome, facts }: Pick<Expected, 'outcome' | 'facts'>,
  ): Expected {
    const { serial } = this.#subject;
    const last = used.at(-1);
    if (last === undefined) throw new RangeError('a success uses something up');
    const drifts = { driftSecondsBefore: application.believed.drift, driftSecondsAfter: drift };
    this.#account.succeed(nowMs);
    application.move(nowMs, last, used, drift);
    const names = { serial, application: application.of.applicationName };
    return {
      outcome,
      facts: { ...names, ...factsOf(last.position), ...drifts, ...facts },
      position: last.position,
    };
  }

  /** Beyond the window, where the policy remembers what it finds there. */
  #lookFurther(
    nowMs: number,
    typed: Typed,
    compared: readonly KnownApplication[],
    facts: Expected['facts'],
    cost: Expected['facts'],
  ): Expected {
    const { rules } = this.#subject;
    const outcome = 'response-incorrect';
    if (!rules.secondOtpSync) {
      this.#fail(nowMs, compared);
      return { outcome, facts, position: null };
    }
    const hits = compared.map((application) => ({
      application,
      ...application.freshFor(nowMs, typed, compared.length),
    }));
    const pairs = hits.flatMap(({ application, fresh }) =>
      application
        .pairsOf(this.#livePending(nowMs, application), fresh)
        .map((pair) => ({ application, pair })),
    );
    const [only] = pairs;
    if (only !== undefined && pairs.length === 1) {
      const { application, pair } = only;
      if (application.pairRefusal(nowMs, [pair]) === null) {
        const more = { ...cost, secondOtpSync: true };
        return this.#usePair(nowMs, application, pair, 'accepted', more);
      }
    }
    const remembered = this.#remember(nowMs, hits);
    const noted = remembered === undefined ? {} : placeFacts(remembered);
    const isKept = remembered !== undefined;
    return { outcome, facts: { ...facts, remembered: isKept, ...noted }, position: null };
  }

  /** A response is kept where it stands in one application alone, and not in too many places. */
  #remember(
    nowMs: number,
    hits: readonly {
      readonly application: KnownApplication;
      readonly found: readonly Place[];
      readonly fresh: readonly Part[];
    }[],
  ): Place | undefined {
    const { lockCount, lockedAtMs, lastSuccessAtMs } = this.#account.state;
    const standing = hits.filter(({ found }) => found.length > 0);
    const [one] = standing;
    const isKept =
      one !== undefined &&
      standing.length === 1 &&
      one.found.length <= pendingMax &&
      lockedAtMs === null;
    const expiresAtMs = nowMs + this.#subject.rules.secondOtpSyncLifetimeSeconds * 1000;
    this.#account.fail(nowMs);
    for (const { application, fresh } of hits) {
      const pending = { parts: fresh, lockCount: lockCount + 1, lastSuccessAtMs, expiresAtMs };
      application.fail(isKept && application === one.application ? pending : null);
    }
    return isKept ? one.found[0] : undefined;
  }

  /** What was remembered is good for the very next counted attempt. */
  #livePending(nowMs: number, { pending }: { readonly pending: Pending | null }): readonly Part[] {
    const { lockCount, lastSuccessAtMs, lockedAtMs } = this.#account.state;
    if (pending === null || lockedAtMs !== null) return [];
    const isNext = pending.lockCount === lockCount && pending.lastSuccessAtMs === lastSuccessAtMs;
    return isNext && nowMs < pending.expiresAtMs ? pending.parts : [];
  }
}

/** The applications that a response with this question, or without one, may belong to. */
function servingFor(
  eligible: readonly KnownApplication[],
  question: string | null,
): readonly KnownApplication[] | 'challenge-required' | 'challenge-not-permitted' {
  const serving = eligible.filter(({ sequence }) => sequence.isAsked === (question !== null));
  if (serving.length > 0) return serving;
  return question === null ? 'challenge-required' : 'challenge-not-permitted';
}
