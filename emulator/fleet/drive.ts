import { EmulatorError } from '../errors.ts';
import { rulesOf } from './check.ts';
import type { DrawnToken } from './draw.ts';
import type { DriveServer, Owner, Submitted } from './drive-server.ts';
import type { Fleet } from './fleet-folder.ts';
import { livesOf } from './fleet.ts';
import { isoTime } from './iso-time.ts';
import { type Outcome, outcomes, type Rules } from './oracle/index.ts';
import type { Row } from './row.ts';
import { FleetRun } from './run.ts';
import { type ServerCopies, type ServerEvent, serverEventsOf } from './server-copies.ts';

/** An answer that nobody expected, in the server's words. It names no response. */
export interface Unexpected {
  readonly serial: string;
  readonly submittedAt: string;
  readonly event: string;
  readonly expected: string;
  readonly got: string;
}

export interface DriveResult {
  readonly tokens: number;
  readonly attempts: number;
  readonly differences: number;
  /** Attempts by the word of the answer. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface DriveOptions {
  readonly onDifference: (difference: Unexpected) => void;
  readonly onProgress: (reachedMs: number, attempts: number) => void;
  /** Users and tokens are there already. */
  readonly areEnrolled?: boolean | undefined;
  /** For scenarios that restore backups. */
  readonly copies?: ServerCopies | undefined;
  /** What the oracle reckons with, where that is not what the server is told; to try the alarm. */
  readonly expectedRules?: Rules | undefined;
}

/**
 * Plays a fleet against a server: every attempt is sent at its virtual time, in the order of
 * submission, and the answer compared with what the oracle expects.
 *
 * @throws EmulatorError which says how far the drive came
 */
export async function driveFleet(
  server: DriveServer,
  fleet: Fleet,
  options: DriveOptions,
): Promise<DriveResult> {
  const drive = new Drive(server, fleet, options);
  try {
    return await drive.run();
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    throw new EmulatorError(error.code, `${error.message}${drive.standing(error)}`, error);
  }
}

class Drive {
  readonly #server: DriveServer;
  readonly #fleet: Fleet;
  readonly #options: DriveOptions;
  readonly #tokens: ReadonlyMap<string, DrawnToken>;
  readonly #owners = new Map<string, Owner>();
  /** What is still to happen to the server, in order of time. */
  readonly #serverEvents: ServerEvent[];
  /** Shown and not yet submitted; in order of submission. */
  #waiting: { readonly atMs: number; readonly row: Row }[] = [];
  readonly #held = new Map<string, Submitted>();
  readonly #answers = new Map<string, number>();
  #reachedMs: number | null = null;
  #attempts = 0;
  #differences = 0;

  constructor(server: DriveServer, fleet: Fleet, options: DriveOptions) {
    this.#server = server;
    this.#fleet = fleet;
    this.#options = options;
    this.#tokens = new Map(fleet.tokens.map((token) => [token.serial, token]));
    this.#serverEvents = options.copies === undefined ? [] : serverEventsOf(fleet.scenario);
  }

  async run(): Promise<DriveResult> {
    const { scenario, tokens } = this.#fleet;
    const lives = livesOf(scenario, tokens, this.#options.expectedRules ?? rulesOf(scenario));
    const run = new FleetRun(lives);
    await this.#begin();
    for (let row = run.next(); row !== undefined; row = run.next()) {
      await this.#sendBefore(row.trueMs);
      this.#queue(row);
    }
    await this.#sendBefore(Infinity);
    await this.#serverUntil(Infinity);
    return {
      tokens: tokens.length,
      attempts: this.#attempts,
      differences: this.#differences,
      answers: Object.fromEntries([...this.#answers].sort()),
    };
  }

  /** How far the drive came when this ended it; nothing where the error says it all. */
  standing({ code }: EmulatorError): string {
    if (this.#reachedMs !== null) {
      const counted = `${this.#attempts} attempts and ${this.#differences} differences`;
      return `; the drive was at ${isoTime(this.#reachedMs)}, after ${counted}`;
    }
    const { size } = this.#owners;
    const isBroken = code === 'stopped' || code === 'storage-failed';
    return isBroken && size > 0 ? `; after ${size} of ${this.#tokens.size} tokens` : '';
  }

  async #begin(): Promise<void> {
    const { scenario } = this.#fleet;
    await this.#server.setTime(scenario.start);
    // Tokens that are not as they must be leave nothing behind: whoever imported them may mend it and try again.
    if (this.#options.areEnrolled === true) await this.#own((token) => this.#server.find(token));
    await this.#server.prepare(rulesOf(scenario));
    if (this.#options.areEnrolled !== true) await this.#own((token) => this.#server.enrol(token));
    this.#reachedMs = scenario.start;
  }

  async #own(ownerOf: (token: DrawnToken) => Promise<Owner>): Promise<void> {
    const { scenario, tokens } = this.#fleet;
    for (const token of tokens) {
      this.#owners.set(token.serial, await ownerOf(token));
      this.#options.onProgress(scenario.start, 0);
    }
  }

  #queue(row: Row): void {
    const atMs = row.submittedAtMs ?? row.trueMs;
    const index = this.#waiting.findLastIndex((other) => other.atMs <= atMs) + 1;
    this.#waiting.splice(index, 0, { atMs, row });
  }

  /** Nothing that is shown later is submitted before this time. */
  async #sendBefore(trueMs: number): Promise<void> {
    const due = this.#waiting.findIndex(({ atMs }) => atMs >= trueMs);
    const now = this.#waiting.splice(0, due < 0 ? this.#waiting.length : due);
    for (const { atMs, row } of now) {
      await this.#serverUntil(atMs);
      await this.#send(atMs, row);
    }
  }

  /** Makes copies of the server and puts them back, up to this time. */
  async #serverUntil(untilMs: number): Promise<void> {
    const { copies } = this.#options;
    for (;;) {
      const [event] = this.#serverEvents;
      if (event === undefined || copies === undefined || event.atMs > untilMs) return;
      this.#serverEvents.shift();
      const { kind, copy, atMs } = event;
      this.#reachedMs = atMs;
      await (kind === 'backup' ? copies.make(copy, atMs) : copies.putBack(copy, atMs));
      // To be copied it may have been stopped: its clock is told anew before anything is sent.
      await this.#server.returned();
    }
  }

  async #send(atMs: number, row: Row): Promise<void> {
    const { serial, event, otp } = row;
    const [token, owner] = [this.#tokens.get(serial), this.#owners.get(serial)];
    if (token === undefined || owner === undefined) throw new TypeError('a row is of a token');
    this.#reachedMs = atMs;
    if (event === 'unlock' || event === 'reseed') {
      await this.#server.setTime(atMs);
      const isUnlock = event === 'unlock';
      await (isUnlock ? this.#server.unlock(owner) : this.#server.reseed(token, owner));
      return;
    }
    if (otp === null) return;
    const submitted = { response: otp, challenge: row.challenge };
    if (event === 'resync-first') this.#held.set(serial, submitted);
    if (row.expect === null) return;
    await this.#server.setTime(atMs);
    const first = this.#held.get(serial);
    const isSync = event === 'resync' && first !== undefined;
    const got = isSync
      ? await this.#server.synchronise(owner, first, submitted)
      : await this.#server.authenticate(owner, submitted);
    this.#held.delete(serial);
    this.#compare(atMs, row, got);
  }

  #compare(atMs: number, row: Row, got: string): void {
    this.#attempts += 1;
    this.#answers.set(got, (this.#answers.get(got) ?? 0) + 1);
    this.#options.onProgress(atMs, this.#attempts);
    const expected = this.#server.wordFor(outcomeOf(row));
    if (got === expected) return;
    this.#differences += 1;
    const { serial, event } = row;
    this.#options.onDifference({ serial, submittedAt: isoTime(atMs), event, expected, got });
  }
}

/** The end that a row expects. */
function outcomeOf({ expect, reason, event }: Row): Outcome {
  if (expect === 'accept' || expect === 'accept-with-resync') {
    return event === 'resync' ? 'synchronised' : 'accepted';
  }
  // Which window was missed, no answer says.
  if (reason.startsWith('outside-')) return 'response-incorrect';
  const outcome = outcomes.find((one) => one === reason);
  if (outcome === undefined) throw new TypeError(`no oracle says ${reason}`);
  return outcome;
}
