import type { Draws, Randomness } from '../physics/random.ts';
import { labelledRandomness } from '../physics/random.ts';
import { rolledBack, usualBattery } from '../physics/battery.ts';
import { createDeviceClock } from '../physics/clock.ts';
import { type Operation, press, respond } from '../device/operate.ts';
import { switchedOff } from '../device/screens.ts';
import type { VirtualToken } from '../device/token.ts';
import { losesPower } from './draw.ts';
import type { Oracle } from './oracle/index.ts';
import {
  type OracleMemory,
  type Position,
  type Prediction,
  predictionOf,
  type Sequence,
  type Typed,
} from './oracle/index.ts';
import { loginsMax, type Plan, type Planned, type What } from './plan.ts';
import type { Row } from './row.ts';
import type { Behaviour } from './scenario.ts';

/** What a life needs to begin. */
export interface LifeOf {
  readonly seed: string;
  readonly endMs: number;
  /** How many days there are, by local time. */
  readonly days: number;
  readonly token: VirtualToken;
  readonly sequence: Sequence;
  /** Digits of a challenge; 0 where nobody is asked. */
  readonly challengeDigits: number;
  /** What the algorithm answers where nobody is asked; null for HOTP and TOTP. */
  readonly fixedQuestion: string | null;
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
  readonly counter: string;
  readonly held: Typed | null;
  readonly backups: readonly (readonly [of: number, memory: OracleMemory])[];
  readonly oracle: OracleMemory;
}

interface Shown extends Typed {
  readonly truth: Position;
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
  #token: VirtualToken;
  #day = 0;
  #index = 0;
  #retry = 0;
  #retryAtMs = 0;
  #busyUntilMs = 0;
  #held: Typed | null = null;
  readonly #backups = new Map<number, OracleMemory>();
  #today: readonly Planned[] | null = null;

  constructor(of: LifeOf) {
    this.#of = of;
    this.#token = of.token;
    this.#details = labelledRandomness(of.seed, of.token.serial, 'logon details');
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
    return {
      day: this.#day,
      index: this.#index,
      retry: this.#retry,
      retryAtMs: this.#retryAtMs,
      busyUntilMs: this.#busyUntilMs,
      counter: String(this.#token.state.eventCounters[0] ?? 0n),
      held: this.#held,
      backups: [...this.#backups],
      oracle: this.#of.oracle.memory,
    };
  }

  recall(memory: LifeMemory): void {
    this.#day = memory.day;
    this.#index = 0;
    this.#today = null;
    this.#settle();
    this.#index = memory.index;
    this.#retry = memory.retry;
    this.#retryAtMs = memory.retryAtMs;
    this.#busyUntilMs = memory.busyUntilMs;
    this.#held = memory.held;
    for (const [of, backup] of memory.backups) this.#backups.set(of, backup);
    this.#of.oracle.recall(memory.oracle);
    this.#setCounter(BigInt(memory.counter));
  }

  /** Lets the next thing happen. Nothing may be left to happen only if `nextAtMs` is infinite. */
  step(): Row | null {
    const planned = this.#today?.[this.#index];
    if (planned === undefined) throw new RangeError('this life is over');
    const atMs = this.nextAtMs;
    // A queue of presses may reach beyond the end.
    const row = atMs < this.#of.endMs ? this.#live(planned, atMs) : null;
    if (this.#retry > 0) return row;
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

  #live({ what, atMs: plannedMs }: Planned, atMs: number): Row | null {
    if (what.kind === 'login') return this.#logOn(what.index, atMs);
    if (what.kind === 'press') return this.#submit(atMs, this.#details.at(atMs), what.kind).row;
    if (what.kind === 'resync') return this.#synchronise(atMs);
    if (what.kind === 'unsent' || what.kind === 'resync-first') {
      return this.#keepToHimself(what.kind, atMs);
    }
    // Else it went on before its turn came.
    if (plannedMs >= this.#busyUntilMs) this.#befallServer(what);
    if (what.kind === 'backup') return null;
    this.#befall(what);
    return this.#rowAt(atMs, what.kind);
  }

  /** What happens to a token, or to what the server knows of it; its clock knows by itself. */
  #befall(what: What): void {
    const { oracle } = this.#of;
    if (what.kind === 'reseed') oracle.enrol(0);
    else if (what.kind === 'unlock') oracle.unlock();
    else if (what.kind === 'battery-swap' && losesPower(what.event)) {
      const [counter = 0n] = this.#token.state.eventCounters;
      const battery = { ...usualBattery, flushEvery: what.event.flushEvery };
      this.#setCounter(rolledBack(battery, counter));
    }
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
  #keepToHimself(kind: 'unsent' | 'resync-first', atMs: number): Row {
    const shown = this.#show(atMs, this.#details.at(atMs), kind);
    this.#busyUntil(atMs + 1);
    if (!('truth' in shown)) return shown;
    if (kind === 'resync-first') this.#held = typedOf(shown);
    return { ...this.#rowAt(atMs, kind), ...shownIn(shown) };
  }

  #logOn(index: number, atMs: number): Row {
    const { behaviour, sequence } = this.#of;
    const at = (this.#day * loginsMax + index) * drawsPerLogin + this.#retry;
    const details = this.#details.at(at);
    const kind = this.#retry === 0 ? 'login' : 'retry';
    const { row, prediction } = this.#submit(atMs, details, kind);
    const isRefused = prediction?.verdict === 'reject' || prediction?.verdict === 'replay';
    const triesAgain = isRefused && this.#retry < behaviour.retries;
    this.#retry = triesAgain ? this.#retry + 1 : 0;
    if (triesAgain) {
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
  ): { readonly row: Row; readonly prediction: Prediction | null } {
    const { behaviour, sequence, oracle } = this.#of;
    const shown = this.#show(atMs, details, event);
    if (!('truth' in shown)) return { row: shown, prediction: null };
    const submittedAtMs = atMs + this.#delayMs(details);
    this.#busyUntil(submittedAtMs + 1);
    const isMistyped = details.uniform() < behaviour.typingErrors;
    const typed = isMistyped ? { ...shown, response: mistyped(shown.response, details) } : shown;
    const expected = oracle.verify(submittedAtMs, this.#asked(typed));
    const prediction = predictionOf(sequence, expected, isMistyped ? null : shown.truth);
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

  #synchronise(atMs: number): Row {
    const { sequence, oracle } = this.#of;
    const details = this.#details.at(atMs);
    const shown = this.#show(atMs, details, 'resync');
    const held = this.#held;
    this.#held = null;
    if (!('truth' in shown)) return shown;
    const submittedAtMs = atMs + this.#delayMs(details);
    this.#busyUntil(submittedAtMs + 1);
    const row = { ...this.#rowAt(atMs, 'resync'), ...shownIn(shown), submittedAtMs };
    if (held === null) return row;
    const expected = oracle.synchronise(submittedAtMs, this.#asked(held), this.#asked(shown));
    const { verdict, reason } = predictionOf(sequence, expected, shown.truth);
    return { ...row, expect: verdict, reason };
  }

  /** The next response, or the row that says why there is none. */
  #show(atMs: number, details: Draws, event: string): Shown | Row {
    const { challengeDigits } = this.#of;
    const question = challengeDigits === 0 ? null : digitsOf(details, challengeDigits);
    const operation: Operation =
      question === null ? press(this.#token, atMs) : respond(this.#token, atMs, question);
    // Whether the display is on makes no difference to the next response.
    this.#token = { ...operation.token, state: switchedOff(operation.token.state) };
    if (!operation.ok) {
      this.#busyUntil(atMs + 1);
      return { ...this.#rowAt(atMs, event), reason: `device: ${operation.refusal.code}` };
    }
    const { generated } = operation;
    if (generated === null) throw new TypeError('a press of a device that is off shows a response');
    const { response, eventCounter, timeStep } = generated;
    const truth = {
      counter: eventCounter === null ? null : Number(eventCounter),
      step: timeStep === null ? null : Number(timeStep),
    };
    return { response, question, truth };
  }

  #asked({ response, question }: Typed): Typed {
    return { response, question: question ?? this.#of.fixedQuestion };
  }

  #delayMs(details: Draws): number {
    const { submitDelay, autoOff } = this.#of.behaviour;
    const delayMs = Math.floor(details.between(submitDelay.from, submitDelay.to));
    const { hull } = this.#token;
    // What takes longer ends with the display; one that is always on never goes.
    return autoOff && hull.keys !== 'none' ? Math.min(delayMs, hull.autoOffMs - 1) : delayMs;
  }

  #rowAt(atMs: number, event: string): Row {
    return {
      serial: this.#token.serial,
      trueMs: atMs,
      deviceMs: createDeviceClock(this.#token.clock).deviceTimeMs(atMs),
      step: null,
      counter: null,
      otp: null,
      submittedAtMs: null,
      event,
      challenge: null,
      expect: null,
      reason: '',
    };
  }

  #setCounter(counter: bigint): void {
    this.#token = { ...this.#token, state: { ...this.#token.state, eventCounters: [counter] } };
  }
}

function shownIn({ response, question, truth }: Shown): Partial<Row> {
  const { counter, step } = truth;
  return { otp: response, challenge: question, counter, step };
}

function typedOf({ response, question }: Typed): Typed {
  return { response, question };
}

function digitsOf(details: Draws, count: number): string {
  return Array.from({ length: count }, () => Math.floor(details.uniform() * 10)).join('');
}

/** One digit is another. */
function mistyped(response: string, details: Draws): string {
  const at = Math.floor(details.uniform() * response.length);
  const by = 1 + Math.floor(details.uniform() * 9);
  const digit = (Number(response[at]) + by) % 10;
  return `${response.slice(0, at)}${digit}${response.slice(at + 1)}`;
}
