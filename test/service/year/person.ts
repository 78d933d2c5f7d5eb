import { clockErrorMs, press, respond, type VirtualToken } from '../../../emulator/index.ts';
import { setRight } from './device-clock.ts';
import type { Figures } from './figures.ts';
import type { FleetToken } from './fleet.ts';
import { type Shown, Unexplained, type Witness } from './witness.ts';

const secondMs = 1000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const keptMax = 5;
const triesMax = 4;

/** How often somebody does what. */
const habits = {
  secondLogon: 0.06,
  burst: 0.002,
  lateResponse: 0.006,
  mistyped: 0.02,
  slowSubmit: 0.02,
  replay: 0.008,
  oldReplay: 0.003,
  guesser: 0.0008,
  givesUp: 0.1,
  impatient: 0.3,
  waitsForUnlock: 0.5,
  botchedSync: 0.08,
} as const;

/** One owner of one device through a year: what happens, and when, is drawn as it goes. */
export class Person {
  readonly #token: FleetToken;
  readonly #witness: Witness;
  readonly #figures: Figures;
  readonly #pace: number;
  #device: VirtualToken;
  #nowMs = 0;
  /** Shown and never submitted. */
  readonly #unsent: Shown[] = [];
  readonly #accepted: Shown[] = [];

  /** @param pace how many times as often as usual something out of the ordinary happens */
  constructor(token: FleetToken, witness: Witness, figures: Figures, pace: number) {
    this.#token = token;
    this.#witness = witness;
    this.#figures = figures;
    this.#pace = pace;
    this.#device = token.device;
  }

  async live(fromMs: number, days: number): Promise<void> {
    try {
      for (let day = 0; day < days; day += 1) await this.#day(day, fromMs + day * dayMs);
    } catch (error) {
      // It was noted; what would follow from it explains nothing.
      if (!(error instanceof Unexplained)) throw error;
    }
  }

  async #day(day: number, startMs: number): Promise<void> {
    const { draws, isAway } = this.#token;
    const isAbsent = isAway(day);
    this.#pocket(startMs);
    if (this.#happens(habits.guesser)) await this.#guesses(startMs + 6 * hourMs);
    if (isAbsent) return;
    await this.#logOn(startMs + draws.whole(7 * hourMs, 13 * hourMs));
    if (!draws.chance(habits.secondLogon)) return;
    await this.#logOn(startMs + draws.whole(14 * hourMs, 19 * hourMs));
  }

  /** Unsent presses: gamma-Poisson with mean 0.05 a day and shape 0.5, and rare bursts. */
  #pocket(startMs: number): void {
    const { draws, sequence, carelessness } = this.#token;
    if (!sequence.hasCounter) return;
    const rate = carelessness * 0.05 * draws.normal() ** 2;
    const burst = this.#happens(carelessness * habits.burst)
      ? 1 + Math.floor(draws.exponential(8))
      : 0;
    const times = draws.poisson(rate) + burst;
    this.#goTo(startMs + 5 * hourMs);
    for (let time = 0; time < times; time += 1) this.#keep(this.#show('unsent response'));
    this.#figures.count('unsent presses', times);
  }

  async #guesses(fromMs: number): Promise<void> {
    const { draws, sequence } = this.#token;
    this.#goTo(fromMs);
    for (let guesses = draws.whole(1, 6); guesses > 0; guesses -= 1) {
      const response = draws.digits(sequence.digits);
      const question = sequence.isAsked ? draws.digits(8) : null;
      await this.#submit({ response, question, truth: null, deviceMs: 0, what: 'guess' }, 20);
    }
  }

  async #logOn(atMs: number): Promise<void> {
    this.#goTo(atMs);
    const late = this.#unsent.at(-1);
    if (late !== undefined && this.#happens(habits.lateResponse)) {
      this.#unsent.pop();
      await this.#submit({ ...late, what: 'late response' }, 5);
    }
    for (let tries = 0; tries < triesMax; tries += 1) {
      const outcome = await this.#tryOnce();
      if (outcome === 'accepted') return this.#afterwards();
      if (outcome === 'user-locked') return this.#locked();
      if (outcome === 'application-locked') return this.#callDesk();
      // He comes back another time, with whatever was counted and remembered until then.
      if (this.#happens(habits.givesUp)) return;
    }
    await this.#callDesk();
  }

  /** Shows a response, types it, and waits for the next one where the clock makes it. */
  async #tryOnce(): Promise<string> {
    const { draws, sequence } = this.#token;
    const shown = this.#show('right response');
    const typed = this.#happens(habits.mistyped) ? this.#mistyped(shown) : shown;
    const slow = this.#happens(habits.slowSubmit);
    const outcome = await this.#submit(typed, slow ? draws.whole(30, 90) : draws.whole(2, 25));
    const waits = sequence.hasClock && draws.chance(0.7);
    this.#wait(waits ? draws.whole(10, 30) : draws.whole(3, 12));
    if (outcome === 'accepted') this.#accepted.push(shown);
    else if (typed !== shown) this.#keep(shown);
    return outcome;
  }

  /** Somebody sends an accepted response again, at once or days later. */
  async #afterwards(): Promise<void> {
    const { draws } = this.#token;
    if (this.#accepted.length > keptMax) this.#accepted.shift();
    const [newest, oldest] = [this.#accepted.at(-1), this.#accepted[0]];
    if (newest !== undefined && this.#happens(habits.replay)) {
      await this.#submit({ ...newest, what: 'replay' }, draws.whole(1, 120));
    }
    if (oldest !== undefined && this.#happens(habits.oldReplay)) {
      await this.#submit({ ...oldest, what: 'old replay' }, draws.whole(1, 120));
    }
  }

  /** Waits until he may unlock himself, not always long enough; or calls the help desk. */
  async #locked(): Promise<void> {
    const { draws, policy } = this.#token;
    const { autoUnlockMaxTries, autoUnlockMinDurationSeconds, autoUnlockMultiplier } = policy.rules;
    if (autoUnlockMaxTries === 0 || !draws.chance(habits.waitsForUnlock)) return this.#callDesk();
    if (draws.chance(habits.impatient)) {
      this.#wait(draws.whole(10, autoUnlockMinDurationSeconds - 60));
      await this.#tryOnce();
    }
    for (let tries = 0; tries < 3; tries += 1) {
      this.#wait(autoUnlockMinDurationSeconds * autoUnlockMultiplier ** tries);
      this.#wait(draws.whole(1, 60));
      if ((await this.#tryOnce()) === 'accepted') return this.#afterwards();
    }
    await this.#callDesk();
  }

  /** The desk unlocks and synchronises; then resets; then takes the device in. */
  async #callDesk(): Promise<void> {
    const { draws } = this.#token;
    this.#wait(draws.whole(60, 900));
    for (let call = 0; call < 4; call += 1) {
      if (this.#witness.isLocked()) await this.#witness.unlock(this.#nowMs);
      const outcome = await this.#synchronise(call === 0 && draws.chance(habits.botchedSync));
      if (outcome === 'synchronised') {
        await this.#tryOnce();
        return;
      }
      this.#wait(draws.whole(30, 120));
      if (call >= 1 || outcome === 'sync-backwards' || outcome === 'application-locked') {
        await this.#witness.reset(this.#nowMs);
      }
      if (call >= 2) await this.#repair();
      this.#wait(draws.whole(30, 120));
    }
  }

  /** Two consecutive responses; botched, the first is typed twice or one is left out. */
  async #synchronise(isBotched: boolean): Promise<string> {
    const { draws, sequence } = this.#token;
    const first = this.#show('synchronisation');
    const isTwice = isBotched && draws.chance(0.5);
    this.#wait(sequence.hasClock ? 30 : draws.whole(2, 10));
    if (isBotched && !isTwice) {
      this.#keep(this.#show('unsent response'));
      this.#wait(sequence.hasClock ? 60 : 2);
    }
    const second = isTwice ? first : this.#show('synchronisation');
    this.#wait(draws.whole(3, 15));
    return this.#witness.synchronise(this.#nowMs, first, second);
  }

  async #submit(shown: Shown, afterSeconds: number): Promise<string> {
    this.#wait(afterSeconds);
    return this.#witness.verify(this.#nowMs, shown);
  }

  /** One press, or one question answered, now. */
  #show(what: string): Shown {
    const { draws, sequence } = this.#token;
    const question = sequence.isAsked ? draws.digits(8) : null;
    const operation =
      question === null
        ? press(this.#device, this.#nowMs)
        : respond(this.#device, this.#nowMs, question);
    if (!operation.ok || operation.generated === null) throw new Error('the device shows nothing');
    const { token, generated, deviceTimeMs } = operation;
    this.#device = token;
    const { response, eventCounter, timeStep } = generated;
    const truth = {
      counter: eventCounter === null ? null : Number(eventCounter),
      step: timeStep === null ? null : Number(timeStep),
    };
    const shown = { response, question, truth, deviceMs: deviceTimeMs, what };
    this.#witness.checkDevice(shown, this.#nowMs);
    if (sequence.hasClock) this.#noteDrift(deviceTimeMs - this.#nowMs);
    return shown;
  }

  #noteDrift(errorMs: number): void {
    this.#figures.reach('worst clock error in seconds', Math.abs(errorMs) / secondMs);
    const hasJumped = this.#token.device.clock.events.some(({ kind }) => kind === 'jump');
    if (hasJumped) return;
    this.#figures.reach('worst drift without a jump in seconds', Math.abs(errorMs) / secondMs);
  }

  #mistyped(shown: Shown): Shown {
    const { draws } = this.#token;
    const digits = Array.from(shown.response);
    const at = draws.whole(0, digits.length - 2);
    const [one = '0', next = '0'] = digits.slice(at);
    const kind = draws.unit();
    if (kind < 0.6) digits[at] = String((Number(one) + draws.whole(1, 9)) % 10);
    else if (kind < 0.8) digits.splice(at, 2, next, one);
    else if (kind < 0.9) digits.splice(at, 1);
    else digits[at] = 'O';
    const response = digits.join('');
    // Of two equal digits the wrong order is the right one.
    if (response === shown.response) return shown;
    return { ...shown, response, what: 'typing error', truth: null };
  }

  #happens(probability: number): boolean {
    return this.#token.draws.chance(probability * this.#pace);
  }

  #keep(shown: Shown): void {
    this.#unsent.push(shown);
    if (this.#unsent.length > keptMax) this.#unsent.shift();
  }

  async #repair(): Promise<void> {
    const { sequence } = this.#token;
    if (sequence.hasClock) {
      const { clock } = this.#device;
      const errorMs = clockErrorMs(clock, this.#nowMs);
      this.#device = { ...this.#device, clock: setRight(clock, this.#nowMs, errorMs) };
      this.#figures.count('clocks set right');
    }
    const [counter = 0n] = this.#device.state.eventCounters;
    if (sequence.hasCounter) await this.#witness.exchange(this.#nowMs, counter);
  }

  #wait(seconds: number): void {
    this.#nowMs += Math.round(seconds * secondMs);
  }

  /** Nothing happens before what happened last. */
  #goTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs + secondMs, Math.round(atMs));
  }
}
