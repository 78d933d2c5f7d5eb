import type { DrawnToken } from './draw.ts';
import { livesOf } from './fleet.ts';
import type { Fleet } from './fleet-folder.ts';
import { isoTime } from './iso-time.ts';
import type { Rules } from './oracle/index.ts';
import { rulesOf } from './check.ts';
import type { Row } from './row.ts';
import { FleetRun } from './run.ts';

/** A server for tests whose time we say, as a drive sees it. Each rejects if it cannot be asked. */
export interface DriveServer {
  setTime(nowMs: number): Promise<void>;
  /** A policy and a component for the attempts. */
  prepare(rules: Rules): Promise<void>;
  /** A user with the token, whose counter is 0. */
  enrol(token: DrawnToken): Promise<void>;
  /** The key file is imported once more. */
  reseed(token: DrawnToken): Promise<void>;
  unlock(serial: string): Promise<void>;
  /** @returns the code of the answer: `accepted`, or why not */
  authenticate(serial: string, response: Submitted): Promise<string>;
  /** @returns the code of the answer: `synchronised`, or why not */
  synchronise(serial: string, first: Submitted, second: Submitted): Promise<string>;
}

export interface Submitted {
  readonly response: string;
  readonly challenge: string | null;
}

/** An answer that nobody expected. It names no response. */
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
  /** Attempts by the code of the answer. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface DriveOptions {
  readonly onDifference: (difference: Unexpected) => void;
  readonly onProgress: (reachedMs: number, attempts: number) => void;
  /** What the oracle reckons with, where that is not what the server is told; to try the alarm. */
  readonly expectedRules?: Rules | undefined;
}

/** Why a server cannot be driven through a scenario, or null. */
export function driveRefusal({ scenario }: Fleet): string | null {
  if (!scenario.events.some((event) => event.do === 'restore-backup')) return null;
  return 'a running server cannot be given an old backup: leave restore-backup out';
}

/**
 * Plays a fleet against a server: every attempt is sent at its virtual time, in the order of
 * submission, and the answer compared with what the oracle expects.
 */
export async function driveFleet(
  server: DriveServer,
  { scenario, tokens }: Fleet,
  options: DriveOptions,
): Promise<DriveResult> {
  await server.setTime(scenario.start);
  await server.prepare(rulesOf(scenario));
  for (const [index, token] of tokens.entries()) {
    await server.enrol(token);
    options.onProgress(scenario.start, index);
  }
  const lives = livesOf(scenario, tokens, options.expectedRules ?? rulesOf(scenario));
  const drive = new Drive(server, tokens, options);
  const run = new FleetRun(lives);
  for (let row = run.next(); row !== undefined; row = run.next()) {
    await drive.sendBefore(row.trueMs);
    drive.queue(row);
  }
  await drive.sendBefore(Infinity);
  return drive.result;
}

class Drive {
  readonly #server: DriveServer;
  readonly #tokens: ReadonlyMap<string, DrawnToken>;
  readonly #options: DriveOptions;
  /** Shown and not yet submitted; in order of submission. */
  #waiting: { readonly atMs: number; readonly row: Row }[] = [];
  readonly #held = new Map<string, Submitted>();
  readonly #answers = new Map<string, number>();
  #attempts = 0;
  #differences = 0;

  constructor(server: DriveServer, tokens: readonly DrawnToken[], options: DriveOptions) {
    this.#server = server;
    this.#tokens = new Map(tokens.map((token) => [token.serial, token]));
    this.#options = options;
  }

  get result(): DriveResult {
    return {
      tokens: this.#tokens.size,
      attempts: this.#attempts,
      differences: this.#differences,
      answers: Object.fromEntries([...this.#answers].sort()),
    };
  }

  queue(row: Row): void {
    const atMs = row.submittedAtMs ?? row.trueMs;
    const index = this.#waiting.findLastIndex((other) => other.atMs <= atMs) + 1;
    this.#waiting.splice(index, 0, { atMs, row });
  }

  /** Nothing that is shown later is submitted before this time. */
  async sendBefore(trueMs: number): Promise<void> {
    const due = this.#waiting.findIndex(({ atMs }) => atMs >= trueMs);
    const now = this.#waiting.splice(0, due < 0 ? this.#waiting.length : due);
    for (const { atMs, row } of now) await this.#send(atMs, row);
  }

  async #send(atMs: number, row: Row): Promise<void> {
    const { serial, event, otp } = row;
    if (event === 'unlock' || event === 'reseed') {
      await this.#server.setTime(atMs);
      await this.#administer(event, serial);
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
      ? await this.#server.synchronise(serial, first, submitted)
      : await this.#server.authenticate(serial, submitted);
    this.#held.delete(serial);
    this.#compare(atMs, row, got);
  }

  async #administer(event: 'unlock' | 'reseed', serial: string): Promise<void> {
    const token = this.#tokens.get(serial);
    if (token === undefined) return;
    await (event === 'unlock' ? this.#server.unlock(serial) : this.#server.reseed(token));
  }

  #compare(atMs: number, row: Row, got: string): void {
    this.#attempts += 1;
    this.#answers.set(got, (this.#answers.get(got) ?? 0) + 1);
    this.#options.onProgress(atMs, this.#attempts);
    const expected = answerOf(row);
    if (got === expected) return;
    this.#differences += 1;
    const { serial, event } = row;
    this.#options.onDifference({ serial, submittedAt: isoTime(atMs), event, expected, got });
  }
}

/** The code of the answer that a row expects. */
function answerOf({ expect, reason, event }: Row): string {
  if (expect === 'accept' || expect === 'accept-with-resync') {
    return event === 'resync' ? 'synchronised' : 'accepted';
  }
  // Which window was missed, the answer does not say.
  return reason.startsWith('outside-') ? 'response-incorrect' : reason;
}
