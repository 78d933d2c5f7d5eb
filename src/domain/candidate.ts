import { TallystickError } from '../errors.ts';
import {
  type EventCounter,
  type Otp,
  parseOtp,
  readResponse,
  responseMessage,
  type TimeStep,
} from '../oath/index.ts';
import { takesChallengeOf } from './application-use.ts';
import { type Floor, floorOf, isSpent, type Sequence, sequenceOf } from './application.ts';
import { challengeKey } from './challenge.ts';
import type { Application, Authenticator, AuthenticatorWithApplications } from './model.ts';
import type { Position, RefusalCode } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** One response that an application could show: the bytes to be MACed and where they stand. */
export interface Candidate {
  readonly authenticatorId: string;
  readonly applicationId: string;
  /** MACs say nothing about an application whose epoch has changed since. */
  readonly epoch: number;
  /** Built anew at each reading, so that candidates never reached cost nothing. */
  readonly message: Uint8Array;
  readonly position: Position;
  /** Steps and counters away from the expected position. */
  readonly distance: number;
  /** Null without a challenge. */
  readonly challengeKey: string | null;
  /** At or behind the floor when it was planned; decisions look again. */
  readonly isSpent: boolean;
  /** The response that the MAC of the message shows. */
  read(mac: Uint8Array): Otp;
}

/** A plan's candidates in their order; an array is one. Large plans make each when it is asked for. */
export interface Candidates {
  readonly length: number;
  at(index: number): Candidate | undefined;
}

/** An application that takes part, with what its candidates share. */
export interface Serving {
  readonly authenticator: Authenticator;
  readonly application: Application;
  readonly sequence: Sequence;
  readonly floor: Floor;
}

/** The response in the form in which MACs are read, or null when no device could show it. */
export function responseOf(text: string): Otp | null {
  try {
    return parseOtp(text);
  } catch {
    // A text is either parsed or refused; there is nothing else that parsing could fail at.
    return null;
  }
}

/**
 * Every wanted application with its sequence; those that no request can serve are left out, and so
 * are those that unlock devices: help desks are told their responses.
 */
export function servingOf(
  authenticators: readonly AuthenticatorWithApplications[],
  { challengeCheckMode }: Pick<EffectivePolicy, 'challengeCheckMode'>,
  isWanted: (application: Application) => boolean = () => true,
): readonly Serving[] {
  return authenticators.flatMap(({ authenticator, applications }) =>
    applications.filter(isWanted).flatMap((application) => {
      const sequence = sequenceOf(application.algorithm, challengeCheckMode);
      if (sequence === null || application.mode === 'unlock') return [];
      return [{ authenticator, application, sequence, floor: floorOf(application, sequence) }];
    }),
  );
}

/**
 * The applications to which a response with this challenge, or without one, can belong; or the code
 * of the refusal when there is none.
 *
 * @param challenges null for a response without; all of them must suit the application
 * @param mayChallenge whether challenges are permitted, by the policy or because one was asked for
 */
export function servingFor(
  all: readonly Serving[],
  challenges: readonly string[] | null,
  mayChallenge: boolean,
): readonly Serving[] | RefusalCode {
  if (challenges === null) {
    const serving = all.filter(({ sequence }) => sequence.challenged === null);
    if (serving.length > 0) return serving;
    return mayChallenge && all.length > 0 ? 'challenge-required' : 'authenticator-not-permitted';
  }
  if (!mayChallenge) return 'challenge-not-permitted';
  const challenged = all.filter(({ sequence }) => sequence.challenged !== null);
  if (challenged.length === 0) return 'challenge-not-permitted';
  const serving = challenged.filter((one) => challenges.every((text) => keyOf(one, text) !== null));
  return serving.length > 0 ? serving : 'challenge-malformed';
}

/** See `challengeKey`; null without a challenge, and for what could be the digest of data fields. */
export function keyOf(serving: Serving, challenge: string | null): string | null {
  const { challenged } = serving.sequence;
  if (challenged === null || challenge === null) return null;
  const isTaken = takesChallengeOf(serving.application.mode, challenge.length);
  return isTaken ? challengeKey(challenged, challenge) : null;
}

/**
 * The entry of a list, such as the candidate that a mark belongs to.
 *
 * @throws TallystickError internal when there is none
 */
export function entryOf<Entry>(
  list: { at(index: number): Entry | undefined },
  index: number,
): Entry {
  const entry = list.at(index);
  if (entry === undefined) throw new TallystickError('internal', 'A list has no such entry.');
  return entry;
}

/** What distinguishes one candidate of an application from the next. */
export interface Place {
  readonly eventCounter: EventCounter | null;
  readonly timeStep: TimeStep | null;
  readonly distance: number;
}

/** The candidate of an application at a place. */
export function candidateAt(
  serving: Serving,
  place: Place,
  challenge: string | null,
  key: string | null,
): Candidate {
  return new PlannedCandidate(serving, place, challenge, key);
}

/**
 * Reads what it is asked for from what all candidates of an application share: most logons are
 * decided by the first of them, so the others must cost next to nothing.
 */
class PlannedCandidate implements Candidate {
  readonly #serving: Serving;
  readonly #place: Place;
  readonly #challenge: string | null;
  readonly challengeKey: string | null;

  constructor(serving: Serving, place: Place, challenge: string | null, key: string | null) {
    this.#serving = serving;
    this.#place = place;
    this.#challenge = challenge;
    this.challengeKey = key;
  }

  get authenticatorId(): string {
    return this.#serving.authenticator.id;
  }

  get applicationId(): string {
    return this.#serving.application.id;
  }

  get epoch(): number {
    return this.#serving.application.epoch;
  }

  get position(): Position {
    const { eventCounter, timeStep } = this.#place;
    return { eventCounter, timeStep };
  }

  get distance(): number {
    return this.#place.distance;
  }

  get isSpent(): boolean {
    return isSpent(this.#serving.floor, this.#place, this.challengeKey);
  }

  get message(): Uint8Array {
    const { eventCounter, timeStep } = this.#place;
    return responseMessage(this.#serving.application.algorithm, {
      eventCounter: eventCounter ?? undefined,
      timeStep: timeStep ?? undefined,
      question: this.#challenge ?? undefined,
    });
  }

  read(mac: Uint8Array): Otp {
    return readResponse(this.#serving.application.algorithm, mac);
  }
}
