import { BeforeUse, reasonOf, type SignsMemory } from './before-use.ts';
import { labelledRandomness, type Draws, type Randomness } from '../physics/random.ts';
import {
  type DeviceInHand,
  type DeviceMemory,
  mistyped,
  type Shown,
  type UsedApplication,
} from './device-in-hand.ts';
import {
  type Oracle,
  type OracleMemory,
  type Prediction,
  predictionOf,
  type Sequence,
  type Typed,
} from './oracle/index.ts';
import { loginsMax, type Plan, type Planned, type Use, type What } from './plan.ts';
import type { Row } from './row.ts';
import type { Behaviour } from './scenario.ts';

/** An application of a life, and how its responses follow each other. */
export interface LifeApplication extends UsedApplication {
  readonly sequence: Sequence;
}

/** What a life needs to begin. */
export interface LifeOf {
  readonly seed: string;
  readonly endMs: number;
  /** How many days there are, by local time. */
  readonly days: number;
  readonly device: DeviceInHand;
  /** For the output, where it is asked for. */
  readonly devicePin: string | null;
  /** At least one. */
  readonly applications: readonly LifeApplication[];
  /** Of the logons, for each application, in proportion. */
  readonly shares: readonly number[];
  readonly behaviour: Behaviour;
  readonly plan: Plan;
  readonly oracle: Oracle;
}

/** All that changes in a life, as plain data: what a checkpoint keeps. */
export interface LifeMemory {
  readonly day: number;
  readonly index: number;
  readonly retry: number;
  readonly retryAtMs: number;
  readonly busyUntilMs: number;
  /** Of the first application. */
  readonly counter: string;
  readonly held: Typed | null;
  readonly backups: readonly (readonly [of: number, memory: OracleMemory])[];
  readonly oracle: OracleMemory;
  /** Of a device with more than one counter to it. */
  readonly device?: DeviceMemory | undefined;
  readonly signs?: SignsMemory | undefined;
}

/** Draws for a logon and its retries: ten, and room. */
const drawsPerLogin = 16;

/**
 * One token and its owner through a scenario: what happens next, and what comes of it. It runs by the
 * clock of the scenario; the oracle says what a verifier would answer, and the owner acts on that.
 */
export class Life {
  readonly #of: LifeOf;
  readonly #details: Randomness;
  readonly #choices: Randomness | null;
  readonly #before: BeforeUse;
  #day = 0;
  #index = 0;
  #retry = 0;
  #retryAtMs = 0;
  #busyUntilMs = 0;
  /** Whether what is going on goes on in the next step. */
  #isUnfinished = false;
  #held: Typed | null = null;
  readonly #backups = new Map<number, OracleMemory>();
  #today: readonly Planned[] | null = null;

  constructor(of: LifeOf) {
    const { seed, device, behaviour, applications } = of;
    this.#of = of;
    this.#details = labelledRandomness(seed, device.serial, 'logon details');
    this.#choices =
      applications.length < 2
        ? null
        : labelledRandomness(seed, device.serial, 'application of a logon');
    this.#before = new BeforeUse(seed, device, behaviour.pinErrors ?? 0);
    this.#settle();
  }

  /** When the next thing happens; infinite once everything has. */
  get nextAtMs(): number {
    const planned = this.#today?.[this.#index];
    if (planned === undefined) return Infinity;
    const atMs = this.#retry > 0 ? this.#retryAtMs : planned.atMs;
    return Math.max(atMs, this.#busyUntilMs);
  }

  get memory(): LifeMemory {
    const { device, oracle } = this.#of;
    const memory = device.memory;
    const isPlain = memory.counters.length === 1 && memory.battery === null && memory.pin === null;
    return {
      day: this.#day,
      index: this.#index,
      retry: this.#retry,
      retryAtMs: this.#retryAtMs,
      busyUntilMs: this.#busyUntilMs,
      counter: memory.counters[0] ?? '0',
      held: this.#held,
      backups: [...this.#backups],
      oracle: oracle.memory,
      ...(isPlain ? {} : { device: memory, signs: this.#before.memory }),
    };
  }

  recall(memory: LifeMemory): void {
    const { device, oracle } = this.#of;
    this.#day = memory.day;
    this.#index = 0;
    this.#today = null;
    this.#settle();
    this.#index = memory.index;
    this.#retry = memory.retry;
    this.#retryAtMs = memory.retryAtMs;
    this.#busyUntilMs = memory.busyUntilMs;
    this.#held = memory.held;
    if (memory.signs !== undefined) this.#before.recall(memory.signs);
    for (const [of, backup] of memory.backups) this.#backups.set(of, backup);
    oracle.recall(memory.oracle);
    device.recall(memory.device ?? { counters: [memory.counter], pin: null, battery: null });
  }

  /** Lets the next thing happen. Nothing may be left to happen only if `nextAtMs` is infinite. */
  step(): Row | null {
    const planned = this.#today?.[this.#index];
    if (planned === undefined) throw new RangeError('this life is over');
    const atMs = this.nextAtMs;
    // A queue of presses, or another attempt, may reach beyond the end.
    const row = atMs < this.#of.endMs ? this.#liveUnlessKept(planned, atMs) : null;
    if (row !== null && this.#isUnfinished) return row;
    this.#isUnfinished = false;
    this.#retry = 0;
    this.#before.begin();
    this.#index += 1;
    this.#settle();
    return row;
  }

  /** Goes on to the next day on which something happens. */
  #settle(): void {
    const { plan, days } = this.#of;
    this.#today ??= plan.ofDay(this.#day);
    while (this.#index >= this.#today.length && this.#day < days) {
      this.#day += 1;
      this.#index = 0;
      this.#today = plan.ofDay(this.#day);
    }
  }

  /** First what the device has to say, if it is about to be used. */
  #liveUnlessKept(planned: Planned, atMs: number): Row | null {
    const { what } = planned;
    const logon = what.kind === 'login' ? this.#loginAt(what.index) : null;
    const met = logon !== null || isUse(what) ? this.#before.look(atMs, logon) : null;
    this.#isUnfinished = met?.goesOn === true;
    if (met === null) return this.#live(planned, atMs);
    this.#busyUntil(atMs + met.waitMs);
    return met.event === null ? null : { ...this.#rowAt(atMs, met.event), reason: met.reason };
  }

  #live({ what, atMs: plannedMs }: Planned, atMs: number): Row | null {
    if (what.kind === 'login') return this.#logOn(what.index, atMs);
    if (isUse(what)) return this.#use(what, atMs);
    // Else it went on before its turn came.
    if (plannedMs >= this.#busyUntilMs) this.#befallServer(what);
    if (what.kind === 'backup') return null;
    return { ...this.#rowAt(atMs, what.kind), reason: this.#befall(what, atMs) };
  }

  #use({ kind, application: name }: Use, atMs: number): Row {
    const application = this.#named(name);
    if (kind === 'resync') return this.#synchronise(atMs, application);
    if (kind !== 'press') return this.#keepToHimself(kind, atMs, application);
    return this.#submit(atMs, this.#details.at(atMs), kind, application).row;
  }

  /**
   * What happens to a token, or to what the server knows of it; its clock knows by itself.
   *
   * @returns why it came to nothing; empty otherwise
   */
  #befall(what: What, atMs: number): string {
    const { oracle, device } = this.#of;
    if (what.kind === 'reseed') oracle.enrol(0);
    else if (what.kind === 'unlock') oracle.unlock();
    else if (what.kind === 'device-unlock') return reasonOf(device.unlock(atMs));
    else if (what.kind === 'battery-swap') {
      device.changeBattery(what.event, atMs);
      this.#before.forget();
    }
    return '';
  }

  #named(name: string | undefined): LifeApplication {
    const { applications } = this.#of;
    const found = applications.find((one) => one.name === name) ?? applications[0];
    if (found === undefined) throw new RangeError('a life has an application');
    return found;
  }

  /** The same for a logon and its retries. */
  #chosenFor(index: number): LifeApplication {
    const { applications, shares } = this.#of;
    if (this.#choices === null) return this.#named(undefined);
    const all = shares.reduce((sum, share) => sum + share, 0);
    let left = this.#choices.at(this.#day * loginsMax + index).uniform() * all;
    const chosen = applications.findIndex((_, at) => {
      left -= shares[at] ?? 0;
      return left < 0;
    });
    return this.#named(applications[chosen]?.name);
  }

  /** Tells the attempts at logging on apart. */
  #loginAt(index: number): number {
    return (this.#day * loginsMax + index) * drawsPerLogin + this.#retry;
  }

  /** The server is copied, or a copy is put back. */
  #befallServer(what: What): void {
    const { oracle } = this.#of;
    if (what.kind === 'backup') this.#backups.set(what.of, oracle.memory);
    if (what.kind !== 'restore-backup') return;
    const backup = this.#backups.get(what.of);
    if (backup !== undefined) oracle.recall(backup);
  }

  /**
   * The owner does nothing else before this time. The server does not wait for him: what happens to it
   * until then has happened before his response comes.
   */
  #busyUntil(untilMs: number): void {
    const turnMs = this.#today?.[this.#index]?.atMs ?? 0;
    for (const { atMs, what } of this.#of.plan.ofServer) {
      // What comes earlier has had its turn, or happened while he was busy before.
      if (atMs > turnMs && atMs >= this.#busyUntilMs && atMs < untilMs) this.#befallServer(what);
    }
    this.#busyUntilMs = untilMs;
  }

  /** A response that nobody submits, or not yet. */
  #keepToHimself(kind: 'unsent' | 'resync-first', atMs: number, application: LifeApplication): Row {
    const shown = this.#show(atMs, this.#details.at(atMs), kind, application);
    this.#busyUntil(atMs + 1);
    if (!('truth' in shown)) return shown;
    if (kind === 'resync-first') this.#held = typedOf(shown);
    return { ...this.#rowAt(atMs, kind), ...shownIn(shown) };
  }

  #logOn(index: number, atMs: number): Row {
    const { behaviour } = this.#of;
    const application = this.#chosenFor(index);
    const { sequence } = application;
    const details = this.#details.at(this.#loginAt(index));
    const kind = this.#retry === 0 ? 'login' : 'retry';
    const { row, prediction } = this.#submit(atMs, details, kind, application);
    const isRefused = prediction?.verdict === 'reject' || prediction?.verdict === 'replay';
    const triesAgain = isRefused && this.#retry < behaviour.retries;
    this.#retry = triesAgain ? this.#retry + 1 : 0;
    if (triesAgain) {
      this.#isUnfinished = true;
      this.#before.begin();
      // A clock shows nothing new before its step has passed.
      const waitMs = sequence.hasCounter
        ? details.between(3000, 12_000)
        : sequence.stepSeconds * 1000 + details.between(0, 10_000);
      this.#retryAtMs = Math.floor(this.#busyUntilMs + waitMs);
    }
    return row;
  }

  #submit(
    atMs: number,
    details: Draws,
    event: string,
    application: LifeApplication,
  ): { readonly row: Row; readonly prediction: Prediction | null } {
    const { behaviour, oracle } = this.#of;
    const shown = this.#show(atMs, details, event, application);
    if (!('truth' in shown)) return { row: shown, prediction: null };
    const submittedAtMs = atMs + this.#delayMs(details);
    this.#busyUntil(submittedAtMs + 1);
    const isMistyped = details.uniform() < behaviour.typingErrors;
    const typed = isMistyped ? { ...shown, response: mistyped(shown.response, details) } : shown;
    const expected = oracle.verify(submittedAtMs, typedOf(typed));
    const truth = isMistyped ? null : shown.truth;
    const prediction = this.#predictionOf(submittedAtMs, application, expected, truth);
    return {
      prediction,
      row: {
        ...this.#rowAt(atMs, isMistyped ? 'mistyped' : event),
        ...shownIn(typed),
        submittedAtMs,
        expect: prediction.verdict,
        reason: prediction.reason,
      },
    };
  }

  #synchronise(atMs: number, application: LifeApplication): Row {
    const details = this.#details.at(atMs);
    const shown = this.#show(atMs, details, 'resync', application);
    const held = this.#held;
    this.#held = null;
    if (!('truth' in shown)) return shown;
    const submittedAtMs = atMs + this.#delayMs(details);
    this.#busyUntil(submittedAtMs + 1);
    const row = { ...this.#rowAt(atMs, 'resync'), ...shownIn(shown), submittedAtMs };
    if (held === null) return row;
    const expected = this.#of.oracle.synchronise(submittedAtMs, held, typedOf(shown));
    const { truth } = shown;
    const prediction = this.#predictionOf(submittedAtMs, application, expected, truth);
    return { ...row, expect: prediction.verdict, reason: prediction.reason };
  }

  #predictionOf(
    nowMs: number,
    { name, sequence }: LifeApplication,
    expected: Parameters<typeof predictionOf>[1],
    truth: Shown['truth'] | null,
  ): Prediction {
    const { oracle, applications } = this.#of;
    const isAlone = applications.length === 1 || expected.outcome !== 'response-incorrect';
    // Which window was missed is that of the application that was used.
    const facts = isAlone ? {} : oracle.windowOf(nowMs, name);
    return predictionOf(sequence, { ...expected, facts: { ...expected.facts, ...facts } }, truth);
  }

  /** The next response, or the row that says why there is none. */
  #show(atMs: number, details: Draws, event: string, application: LifeApplication): Shown | Row {
    const shown = this.#of.device.show(atMs, application, details);
    if ('truth' in shown) return shown;
    this.#busyUntil(atMs + 1);
    return { ...this.#rowAt(atMs, event), reason: reasonOf(shown) };
  }

  #delayMs(details: Draws): number {
    const { submitDelay, autoOff } = this.#of.behaviour;
    const delayMs = Math.floor(details.between(submitDelay.from, submitDelay.to));
    const { hull } = this.#of.device;
    // What takes longer ends with the display; one that is always on never goes.
    return autoOff && hull.keys !== 'none' ? Math.min(delayMs, hull.autoOffMs - 1) : delayMs;
  }

  #rowAt(atMs: number, event: string): Row {
    const { device, devicePin } = this.#of;
    return {
      serial: device.serial,
      trueMs: atMs,
      deviceMs: device.deviceMs(atMs),
      step: null,
      counter: null,
      otp: null,
      submittedAtMs: null,
      event,
      challenge: null,
      expect: null,
      reason: '',
      application: null,
      battery: device.hasBattery ? device.batteryState(atMs) : null,
      devicePin,
    };
  }
}

function isUse(what: What): what is Use {
  const { kind } = what;
  return kind === 'press' || kind === 'unsent' || kind === 'resync-first' || kind === 'resync';
}

function shownIn({ application, response, question, truth }: Shown): Partial<Row> {
  const { counter, step } = truth;
  return { application, otp: response, challenge: question, counter, step };
}

function typedOf({ response, question }: Typed): Typed {
  return { response, question };
}
