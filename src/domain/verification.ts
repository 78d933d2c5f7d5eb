import {
  chunks,
  constantTimeEqualText,
  type EventCounter,
  lookAhead,
  nearestFirst,
  parseEventCounter,
  readResponse,
} from '../oath/index.ts';
import {
  advancePast,
  centredDriftSeconds,
  decoyAuthenticator,
  expectedStep,
  isCounterInRange,
  isSpent,
} from './application.ts';
import {
  type Candidate,
  candidateAt,
  candidateOf,
  keyOf,
  type Place,
  responseOf,
  type Serving,
  servingFor,
  servingOf,
} from './candidate.ts';
import { challengeRefusal } from './challenge.ts';
import { refusedFor } from './lock.ts';
import type {
  ApplicationAdvance,
  AuthenticatorWithApplications,
  IssuedChallenge,
} from './model.ts';
import type { Position, RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { replayLookBackEvents, verifyCandidatesMax } from './policy-cost.ts';

export type { Candidate } from './candidate.ts';

/** One response as it came in, and what it may be compared with. */
export interface VerificationInput {
  /** What `eligibleAuthenticators` let through. */
  readonly candidatesFrom: readonly AuthenticatorWithApplications[];
  readonly response: string;
  readonly challenge: string | null;
  /** The newest challenge of that text issued to this user at this component, if any. */
  readonly issuedChallenge: IssuedChallenge | null;
}

export interface VerificationPlan {
  /** Nearest first over all applications, `verifyCandidatesMax` at most. */
  readonly candidates: readonly Candidate[];
  /** Where the module may pause and `decideVerification` look: ascending, the last one is the end. */
  readonly chunkEnds: readonly number[];
}

export type VerificationPlanning =
  | { readonly kind: 'plan'; readonly plan: VerificationPlan }
  | { readonly kind: 'refused'; readonly refused: Refused };

export type VerificationDecision =
  | {
      readonly kind: 'accepted';
      readonly authenticatorId: string;
      readonly applicationId: string;
      readonly position: Position;
      readonly advance: ApplicationAdvance;
      readonly driftSecondsBefore: number;
      readonly driftSecondsAfter: number;
    }
  /** No candidate so far may be accepted, and more remain to be MACed. */
  | { readonly kind: 'undecided' }
  | {
      readonly kind: 'refused';
      readonly refused: Refused;
      /** The used position that a replayed response belongs to. */
      readonly nearest?: { readonly position: Position; readonly distance: number };
    };

/**
 * Plans the examination of one response: which MACs are wanted, in which order. Positions at or
 * behind the floor are among them, as far as they lie in the time window or at most five events
 * back, so that a replay can be told from a wrong response.
 *
 * A time window of n steps reaches n/2 to each side of the expected step, inclusive; an event window
 * of W begins at the next counter and holds W. With both, the nearest combinations are taken.
 *
 * @param nowMs Unix milliseconds, read once for the whole attempt, retries included
 */
export function planVerification(
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlanning {
  if (responseOf(input.response) === null) return refuse('response-malformed');
  const { challenge, issuedChallenge } = input;
  const all = servingOf(input.candidatesFrom);
  const serving = servingFor(all, challenge === null ? null : [challenge], policy);
  if (typeof serving === 'string') return refuse(serving);
  const refusal = challengeRefusalNow(input, input.candidatesFrom, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  const oneTime = serving.filter((one) => isOneTime(one, issuedChallenge));
  if (oneTime.length === 0) return refuse('challenge-unknown');
  return { kind: 'plan', plan: planFor(oneTime, challenge, nowMs, policy) };
}

/**
 * A plan for an attempt on nobody: as many candidates as a typical user's, to be MACed with the
 * decoy seed (SHA-1). No decision on it ever accepts.
 */
export function planDecoy(
  _input: Pick<VerificationInput, 'response' | 'challenge'>,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlan {
  return planFor(servingOf([decoyAuthenticator]), null, nowMs, policy);
}

/**
 * Decides on the MACs at hand. The first candidate in the plan's order that shows the response
 * decides: at a fresh position it is accepted, at a used one it is a replay, even where a later
 * candidate would have matched by chance. All MACs given are compared, without an early exit; an
 * acceptance may come at the end of any chunk, a refusal only after the last candidate.
 *
 * After a commit conflict it decides again, with fresh state and the same MACs: positions used
 * meanwhile are replays, MACs of an application whose epoch has changed count for nothing.
 *
 * @param macs of the first candidates, in order; null where the module couldn't compute one
 * @param current the eligible authenticators as they are now
 * @throws TallystickError internal for more MACs than candidates
 */
export function decideVerification(
  plan: VerificationPlan,
  macs: readonly (Uint8Array | null)[],
  current: readonly AuthenticatorWithApplications[],
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationDecision {
  const refusal = challengeRefusalNow(input, current, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  // The row may have gone since the plan was made: what it made one-time isn't any longer.
  const serving = servingOf(current).filter((one) => isOneTime(one, input.issuedChallenge));
  const match = firstMatch(plan.candidates, macs, serving, input.response);
  if (
    match !== null &&
    !isSpent(match.serving.floor, match.candidate.position, match.candidate.challengeKey)
  ) {
    return accept(match.candidate, match.serving, nowMs);
  }
  if (macs.length < plan.candidates.length) return { kind: 'undecided' };
  if (match === null) return refuse('response-incorrect');
  const { position, distance } = match.candidate;
  return {
    kind: 'refused',
    refused: refusedFor('response-replayed'),
    nearest: { position, distance },
  };
}

/** Without counter and clock only the row of an issued challenge makes a response one-time. */
function isOneTime({ sequence }: Serving, issuedChallenge: IssuedChallenge | null): boolean {
  return sequence.hasCounter || sequence.stepping !== null || issuedChallenge !== null;
}

/** One match is remembered; the others are still compared. */
interface Match {
  readonly candidate: Candidate;
  readonly serving: Serving;
}

function firstMatch(
  candidates: readonly Candidate[],
  macs: readonly (Uint8Array | null)[],
  current: readonly Serving[],
  response: string,
): Match | null {
  const byId = new Map(current.map((serving) => [serving.application.id, serving]));
  const shown = responseOf(response) ?? '';
  let first: Match | null = null;
  for (const [index, mac] of macs.entries()) {
    const candidate = candidateOf(candidates, index);
    const serving = byId.get(candidate.applicationId);
    if (mac === null || serving?.application.epoch !== candidate.epoch) continue;
    const matches = constantTimeEqualText(readResponse(serving.application.algorithm, mac), shown);
    if (matches) first ??= { candidate, serving };
  }
  return first;
}

function accept(candidate: Candidate, serving: Serving, nowMs: number): VerificationDecision {
  const { application, authenticator, sequence } = serving;
  const { position, challengeKey } = candidate;
  const drift = learnedDrift(serving, position, nowMs);
  return {
    kind: 'accepted',
    authenticatorId: authenticator.id,
    applicationId: application.id,
    position,
    advance: advancePast(
      application,
      sequence,
      {
        first: position,
        last: position,
        challengeKeys: challengeKey === null ? [] : [challengeKey],
      },
      drift,
    ),
    driftSecondsBefore: application.driftSeconds,
    driftSecondsAfter: drift.driftSeconds,
  };
}

/**
 * A response in the expected step teaches nothing new. Any other moves the drift towards the value
 * that puts the middle of its step at now, by one step at the most, so that no single response
 * carries the window away.
 */
function learnedDrift(
  serving: Serving,
  position: Position,
  nowMs: number,
): { readonly driftSeconds: number; readonly driftAtMs: number | null } {
  const { application } = serving;
  const { stepping } = serving.sequence;
  const { driftSeconds, driftAtMs } = application;
  if (stepping === null || position.timeStep === null) return { driftSeconds, driftAtMs };
  if (position.timeStep === expectedStep(application, stepping, nowMs)) {
    return { driftSeconds, driftAtMs: nowMs };
  }
  const wanted = centredDriftSeconds(position.timeStep, stepping, nowMs) - driftSeconds;
  const { timeStepSeconds } = stepping;
  const moved = Math.max(-timeStepSeconds, Math.min(timeStepSeconds, wanted));
  return { driftSeconds: driftSeconds + moved, driftAtMs: nowMs };
}

function challengeRefusalNow(
  input: VerificationInput,
  authenticators: readonly AuthenticatorWithApplications[],
  nowMs: number,
  policy: EffectivePolicy,
): RefusalCode | null {
  const { challenge, issuedChallenge } = input;
  if (challenge === null) return null;
  const userId = authenticators[0]?.authenticator.userId ?? null;
  return challengeRefusal(challenge, issuedChallenge, userId, nowMs, policy);
}

function planFor(
  serving: readonly Serving[],
  challenge: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlan {
  const all = serving.flatMap((one) => {
    const key = keyOf(one, challenge);
    return placesOf(one, nowMs, policy).map((place) => candidateAt(one, place, challenge, key));
  });
  // Sorting is stable: at one distance the order of the applications and of their steps remains.
  if (serving.length > 1) all.sort((a, b) => a.distance - b.distance);
  const candidates = all.slice(0, verifyCandidatesMax);
  return { candidates, chunkEnds: chunkEndsOf(candidates) };
}

/** A device whose clock stands before its origin has no candidates; that too has one end. */
function chunkEndsOf(candidates: readonly Candidate[]): readonly number[] {
  let end = 0;
  const ends = chunks(candidates).map((chunk) => (end += chunk.length));
  return ends.length > 0 ? ends : [0];
}

/** Where an application's response may stand, nearest first. */
function placesOf(serving: Serving, nowMs: number, policy: EffectivePolicy): readonly Place[] {
  const { application, sequence } = serving;
  const counters = sequence.hasCounter ? counterPlaces(application.nextEventCounter, policy) : [];
  if (sequence.stepping === null) {
    return sequence.hasCounter ? counters : [{ eventCounter: null, timeStep: null, distance: 0 }];
  }
  const centre = expectedStep(application, sequence.stepping, nowMs);
  const halfWidth = Math.floor(policy.identificationTimeWindowSteps / 2);
  const steps = nearestFirst(centre, halfWidth).map((timeStep) => ({
    eventCounter: null,
    timeStep,
    distance: Number(timeStep > centre ? timeStep - centre : centre - timeStep),
  }));
  return sequence.hasCounter ? combined(counters, steps) : steps;
}

/**
 * The nearest combinations of a counter and a step. Only as many as any attempt may have are ever
 * built: two windows that are each allowed may have millions.
 */
function combined(counters: readonly Place[], steps: readonly Place[]): readonly Place[] {
  const stepsAt: Place[][] = [];
  for (const step of steps) (stepsAt[step.distance] ??= []).push(step);
  const places: Place[] = [];
  const furthest = counters.length - 1 + stepsAt.length - 1;
  for (let distance = 0; distance <= furthest; distance += 1) {
    const firstCounter = Math.max(0, distance - stepsAt.length + 1);
    for (const [index, { eventCounter }] of counters.slice(firstCounter, distance + 1).entries()) {
      // Steps before the origin are missing, the nearest ones among them.
      const stepsThere = stepsAt[distance - firstCounter - index] ?? [];
      for (const step of stepsThere) places.push({ ...step, eventCounter, distance });
    }
    if (places.length >= verifyCandidatesMax) break;
  }
  return places;
}

/** The window's counters, and behind it those that only a replay can show; distances are indices. */
function counterPlaces(nextEventCounter: bigint, policy: EffectivePolicy): readonly Place[] {
  const places: Place[] = [];
  const add = (eventCounter: EventCounter): void => {
    if (!isCounterInRange(eventCounter)) return;
    places.push({ eventCounter, timeStep: null, distance: places.length });
  };
  for (const counter of lookAhead(parseEventCounter(nextEventCounter), policy.eventWindowSteps)) {
    add(counter);
  }
  for (let back = 1n; back <= replayLookBackEvents && back <= nextEventCounter; back += 1n) {
    add(parseEventCounter(nextEventCounter - back));
  }
  return places;
}

function refuse(code: RefusalCode): {
  readonly kind: 'refused';
  readonly refused: Refused;
} {
  return { kind: 'refused', refused: refusedFor(code) };
}
