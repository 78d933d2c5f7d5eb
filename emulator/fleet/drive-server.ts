import type { DrawnToken } from './draw.ts';
import type { Outcome, Rules } from './oracle/index.ts';

/** Whose a token is, by the names of the server. */
export interface Owner {
  readonly user: string;
  /** Null: the server's default. */
  readonly domain: string | null;
}

export interface Submitted {
  readonly response: string;
  readonly challenge: string | null;
}

/** What a server answers to attempts, in words of its own. */
export interface Verifier {
  /** @returns what became of the attempt, in a word */
  authenticate(owner: Owner, submitted: Submitted): Promise<string>;
  synchronise(owner: Owner, first: Submitted, second: Submitted): Promise<string>;
  /** The word for it; one word may stand for several ends. */
  wordFor(outcome: Outcome): string;
}

/** A server for tests whose time we say, as a drive sees it. Each rejects if it cannot be asked. */
export interface DriveServer extends Verifier {
  setTime(nowMs: number): Promise<void>;
  /** A policy and a component for the attempts. */
  prepare(rules: Rules): Promise<void>;
  /** A user with the token, whose counter is 0. */
  enrol(token: DrawnToken): Promise<Owner>;
  /** Finds the token and its owner; rejects unless it is as `enrol` would have made it. */
  find(token: DrawnToken): Promise<Owner>;
  /** The key file is imported once more. */
  reseed(token: DrawnToken, owner: Owner): Promise<void>;
  unlock(owner: Owner): Promise<void>;
  /** Waits until the server, which may have been stopped, answers again. */
  returned(): Promise<void>;
}
