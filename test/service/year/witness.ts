import { type Expected, Oracle, type Position, type Typed } from '../../../emulator/index.ts';
import type { Caller } from '../../../src/service/index.ts';
import type { Bench } from '../../support/builders.ts';
import { asking, syncing } from '../support.ts';
import type { Figures } from './figures.ts';
import { enrol } from './enrol.ts';
import type { FleetToken } from './fleet.ts';
import type { Timeline } from './timeline.ts';
import type { AuditTrail } from './audit-trail.ts';
import { differencesOf, describeAttempt, type Differences } from './unexplained.ts';

/** A response as somebody submits it, and what the device truly did. */
export interface Shown extends Typed {
  /** Where the device stood when it showed the response; null for what no device showed. */
  readonly truth: Position | null;
  readonly deviceMs: number;
  readonly what: string;
}

/** Thrown to end the life of a token whose state nobody can predict any more. */
export class Unexplained extends Error {}

export interface Stage {
  readonly bench: Bench;
  readonly timeline: Timeline;
  readonly figures: Figures;
  readonly trail: AuditTrail;
  /** The readable form of every difference so far. */
  readonly unexplained: string[];
}

/**
 * Stands between one person and the verifier: whatever is asked is predicted first, and then the
 * answer, the audit's event and the rows are compared with it.
 */
export class Witness {
  readonly #stage: Stage;
  readonly #token: FleetToken;
  readonly #caller: Caller;
  readonly #domainId: string;
  readonly #oracle: Oracle;
  #attempts = 0;

  constructor(stage: Stage, token: FleetToken, caller: Caller, domainId: string) {
    this.#stage = stage;
    this.#token = token;
    this.#caller = caller;
    this.#domainId = domainId;
    const { seed, sequence, policy, device } = token;
    const { serial } = device;
    const applicationName = device.applications[0]?.name ?? '';
    const { rules } = policy;
    this.#oracle = new Oracle({ serial, applicationName, seed, sequence, rules });
  }

  /** The device's response must be the one that its seed gives by the RFCs. */
  checkDevice(shown: Shown, nowMs: number): void {
    const { truth, question, response } = shown;
    if (truth === null || this.#oracle.responseAt(truth, question) === response) return;
    this.#fail(nowMs, shown, { device: ['the response of this position', 'another'] });
  }

  async verify(nowMs: number, shown: Shown): Promise<string> {
    const { bench } = this.#stage;
    const { userName } = this.#token;
    await this.#stage.timeline.until(nowMs);
    const caller = this.#callerAt(nowMs);
    const pending = bench.service.authenticate(
      caller,
      asking(userName, { response: shown.response, challenge: shown.question }),
    );
    const before = this.#oracle.state;
    const expected = this.#oracle.verify(nowMs, shown);
    const answer = await pending.catch(asAnswer);
    await this.#compare(nowMs, shown, caller, expected, answer, this.#answerTo(expected));
    this.#countVerify(shown, expected, before);
    return expected.outcome;
  }

  async synchronise(nowMs: number, first: Shown, second: Shown): Promise<string> {
    const { bench, figures } = this.#stage;
    const { userName } = this.#token;
    await this.#stage.timeline.until(nowMs);
    const caller = this.#callerAt(nowMs);
    const pending = bench.service.synchronise(
      caller,
      syncing(userName, [first.response, second.response], [first.question, second.question]),
    );
    const expected = this.#oracle.synchronise(nowMs, first, second);
    const answer = await pending.catch(asAnswer);
    await this.#compare(nowMs, second, caller, expected, answer, this.#answerTo(expected));
    figures.count('syncs');
    figures.count(`sync ${expected.outcome}`);
    return expected.outcome;
  }

  /** The help desk unlocks the user. */
  async unlock(nowMs: number): Promise<void> {
    const { bench, figures } = this.#stage;
    await this.#stage.timeline.until(nowMs);
    const caller = this.#callerAt(nowMs);
    this.#oracle.unlock();
    await bench.service.administration.unlockUser(caller, null, this.#token.userName);
    figures.count('desk unlocks');
  }

  /** The help desk resets the application. */
  async reset(nowMs: number): Promise<void> {
    const { bench, figures } = this.#stage;
    await this.#stage.timeline.until(nowMs);
    const caller = this.#callerAt(nowMs);
    this.#oracle.reset();
    await bench.service.administration.resetApplication(caller, this.#token.device.serial, null);
    figures.count('desk resets');
  }

  /**
   * The help desk takes the device in and enrols it anew with the counter that it shows: nothing
   * else brings a counter back that is further away than a synchronisation reaches.
   */
  async exchange(nowMs: number, counter: bigint): Promise<void> {
    const { bench, figures } = this.#stage;
    const { device } = this.#token;
    await this.#stage.timeline.until(nowMs);
    bench.clock.set(nowMs);
    await bench.service.administration.unassignAuthenticator(bench.admin, device.serial);
    await bench.service.administration.deleteAuthenticator(bench.admin, device.serial);
    await enrol(bench, this.#token, counter);
    this.#oracle.enrol(Number(counter));
    figures.count('devices enrolled anew');
  }

  isLocked(): boolean {
    return this.#oracle.state.lockedAtMs !== null;
  }

  /** Sets the clock, which the service reads as it is called: nothing may be awaited between. */
  #callerAt(nowMs: number): Caller {
    this.#attempts += 1;
    const requestId = `${this.#token.device.serial}/${String(this.#attempts)}`;
    this.#stage.bench.clock.set(nowMs);
    return { ...this.#caller, requestId };
  }

  #answerTo({ outcome, facts }: Expected): Record<string, unknown> {
    const { userName, device, sequence } = this.#token;
    if (outcome !== 'accepted' && outcome !== 'synchronised') {
      return { outcome: 'refused', code: outcome };
    }
    const applicationName = device.applications[0]?.name ?? '';
    const { serial } = device;
    const who = {
      outcome,
      userName,
      domainName: 'master',
      organisationalUnit: null,
      serial,
      applicationName,
    };
    if (outcome === 'accepted')
      return { ...who, by: 'response', passwordExpiresAtMs: null, pinChanged: false };
    const { nextCounter } = this.#oracle.state;
    const learned = {
      driftSeconds: sequence.hasClock ? facts['driftSecondsAfter'] : null,
      nextEventCounter: sequence.hasCounter ? BigInt(nextCounter) : null,
      followers: [],
    };
    return { ...who, learned };
  }

  async #compare(
    nowMs: number,
    shown: Shown,
    caller: Caller,
    expected: Expected,
    answer: object,
    expectedAnswer: Record<string, unknown>,
  ): Promise<void> {
    const { bench, trail } = this.#stage;
    const { userName, policy } = this.#token;
    trail.expect(caller.requestId, { ...expected, policyOf: caller.componentType }, (differing) => {
      this.#note(nowMs, shown, differing);
    });
    const { state } = this.#oracle;
    const { found } = await bench.store.loadAttempt(this.#domainId, userName);
    const differing = {
      ...differencesOf(expectedAnswer, answer),
      ...differencesOf(state, rowsOf(found)),
    };
    if (Object.keys(differing).length > 0) this.#fail(nowMs, shown, differing);
    this.#stage.figures.count(`policy ${policy.name}`);
    await trail.readWhenDue();
  }

  #countVerify(shown: Shown, expected: Expected, before: Oracle['state']): void {
    const { figures } = this.#stage;
    const { truth, what } = shown;
    const { outcome, facts, position } = expected;
    const isAccepted = outcome === 'accepted';
    figures.count('attempts');
    figures.count(isAccepted ? 'accepted' : `refused ${outcome}`);
    figures.count(`${what} ${isAccepted ? 'accepted' : 'refused'}`);
    for (const [fact, name] of notable) if (facts[fact] === true) figures.count(name);
    const kind = facts['windowKind'];
    if (typeof kind === 'string') figures.count(`refused in a window ${kind}`);
    if (position !== null && !isAt(position, truth)) figures.count(`by chance ${outcome}`);
    if (outcome !== 'response-incorrect' || what !== 'right response') return;
    if (truth !== null) this.#countDistance(truth, facts, before);
  }

  /** How far a response that the device did show, just now, was out of the window. */
  #countDistance(truth: Position, facts: Expected['facts'], before: Oracle['state']): void {
    const { figures } = this.#stage;
    const { eventWindowSteps } = this.#token.policy.rules;
    const { counter, step } = truth;
    const events = counter === null ? 0 : counter - before.nextCounter - eventWindowSteps + 1;
    const away = step === null ? 0 : Math.abs(step - Number(facts['expectedStep']));
    const steps = step === null ? 0 : away - Number(facts['windowHalfWidthSteps']);
    if (events > 0) figures.count('right but events ahead');
    if (steps > 0) figures.count('right but steps away');
    figures.reach('most events ahead of a window', events);
    figures.reach('most steps out of a window', steps);
  }

  #fail(nowMs: number, shown: Shown, differing: Differences): never {
    this.#note(nowMs, shown, differing);
    throw new Unexplained();
  }

  #note(nowMs: number, shown: Shown, differing: Differences): void {
    const { kind, policy, device } = this.#token;
    this.#stage.unexplained.push(
      `${device.serial} (${kind} under ${policy.name}) ${describeAttempt(nowMs, shown, differing)}`,
    );
  }
}

/** What is thrown is an answer that nobody predicted. */
function asAnswer(error: unknown): { readonly thrown: string } {
  return { thrown: error instanceof Error ? error.message : String(error) };
}

/** Facts of the audit that a year must have, and what they count as. */
const notable = [
  ['secondOtpSync', 'second-OTP syncs'],
  ['remembered', 'remembered'],
  ['unlocked', 'unlocked by a right response'],
] as const;

function isAt(position: Position, truth: Position | null): boolean {
  return position.counter === truth?.counter && position.step === truth.step;
}

type Found = Awaited<ReturnType<Bench['store']['loadAttempt']>>['found'];

/** The rows of a user with one application, in the words of the oracle. */
function rowsOf(found: Found): Record<string, unknown> {
  const application = found?.authenticators[0]?.applications[0];
  if (found === null || application === undefined) return {};
  const { user } = found;
  const pending = application.pendingSync;
  return {
    lockCount: user.lockCount,
    lockedAtMs: user.lockedAtMs,
    unlockTries: user.unlockTries,
    lastAttemptAtMs: user.lastAttemptAtMs,
    lastSuccessAtMs: user.lastSuccessAtMs,
    epoch: application.epoch,
    nextCounter: Number(application.nextEventCounter),
    lastStep: Number(application.lastStep),
    spent: application.spentChallenges.length,
    drift: application.driftSeconds,
    driftAtMs: application.driftAtMs,
    history: application.driftHistory,
    failures: application.failureCount,
    pending: pending === null ? null : pendingText(pending),
  };
}

function pendingText(pending: string): string {
  const { positions } = JSON.parse(pending) as { positions: (string | null)[][] };
  return positions.map((factors) => factors.map(String).join('/')).join();
}
