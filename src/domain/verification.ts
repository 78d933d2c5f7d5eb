import { TallystickError } from '../errors.ts';
import { type Otp } from '../oath/index.ts';
import { advancePast, expectedStep, isSpent, type LearnedDrift, observed } from './application.ts';
import {
  type Candidate,
  candidateAt,
  entryOf,
  keyOf,
  responseOf,
  type Serving,
  servingFor,
  servingOf,
} from './candidate.ts';
import { challengeRefusal } from './challenge.ts';
import type { ComparisonPlan } from './comparison.ts';
import { refusedFor } from './lock.ts';
import type {
  ApplicationAdvance,
  AuthenticatorWithApplications,
  IssuedChallenge,
} from './model.ts';
import type { Position, RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { refusalMacs, verifyCandidatesMax } from './policy-cost.ts';
import { chunkEndsOf, ringsOf } from './window.ts';

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

/** Candidates are nearest first over all applications, `verifyCandidatesMax` at most. */
export interface VerificationPlan extends ComparisonPlan {
  readonly candidates: readonly Candidate[];
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
  const response = responseOf(input.response);
  if (response === null) return refuse('response-malformed');
  const { challenge, issuedChallenge } = input;
  const all = servingOf(input.candidatesFrom);
  const serving = servingFor(all, challenge === null ? null : [challenge], policy);
  if (typeof serving === 'string') return refuse(serving);
  const refusal = challengeRefusalNow(input, input.candidatesFrom, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  const oneTime = serving.filter((one) => isOneTime(one, issuedChallenge));
  if (oneTime.length === 0) return refuse('challenge-unknown');
  return { kind: 'plan', plan: planFor(oneTime, response, challenge, nowMs, policy) };
}

/** A plan for an attempt on nobody: it costs what a refusal costs. */
export function planDecoy(policy: EffectivePolicy): ComparisonPlan {
  return { candidates: [], responses: [], chunkEnds: chunkEndsOf(refusalMacs(policy)) };
}

/**
 * Decides on the marks at hand. The first candidate in the plan's order that shows the response
 * decides: at a fresh position it is accepted, at a used one it is a replay, even where a later
 * candidate would have matched by chance. An acceptance may come at the end of any chunk, a refusal
 * only after the last candidate.
 *
 * After a commit conflict it decides again, with fresh state and the same marks: positions used
 * meanwhile are replays, marks of an application whose epoch has changed count for nothing.
 *
 * @param marks of the first candidates, in order (`markOf`); 0 where the module had no MAC
 * @param current the eligible authenticators as they are now
 * @throws TallystickError internal for more marks than candidates
 */
export function decideVerification(
  plan: ComparisonPlan,
  marks: Uint8Array,
  current: readonly AuthenticatorWithApplications[],
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationDecision {
  const refusal = challengeRefusalNow(input, current, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  if (marks.length > plan.candidates.length) {
    throw new TallystickError('internal', 'A mark has no candidate.');
  }
  const match = firstMatch(plan, marks, current, input.issuedChallenge);
  if (
    match !== null &&
    !isSpent(match.serving.floor, match.candidate.position, match.candidate.challengeKey)
  ) {
    return accept(match.candidate, match.serving, nowMs);
  }
  if (marks.length < plan.candidates.length) return { kind: 'undecided' };
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

interface Match {
  readonly candidate: Candidate;
  readonly serving: Serving;
}

function firstMatch(
  { candidates }: ComparisonPlan,
  marks: Uint8Array,
  current: readonly AuthenticatorWithApplications[],
  issuedChallenge: IssuedChallenge | null,
): Match | null {
  for (let index = marks.indexOf(1); index >= 0; index = marks.indexOf(1, index + 1)) {
    const candidate = entryOf(candidates, index);
    const { applicationId, epoch } = candidate;
    // The row of the challenge may have gone since the plan was made, as may the application.
    const serving = servingOf(current, (one) => one.id === applicationId && one.epoch === epoch);
    const [live] = serving.filter((one) => isOneTime(one, issuedChallenge));
    if (live !== undefined) return { candidate, serving: live };
  }
  return null;
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
function learnedDrift(serving: Serving, position: Position, nowMs: number): LearnedDrift {
  const { application } = serving;
  const { stepping } = serving.sequence;
  const { driftSeconds } = application;
  if (stepping === null || position.timeStep === null) return application;
  const seen = observed(application, position.timeStep, stepping, nowMs);
  if (position.timeStep === expectedStep(application, stepping, nowMs)) {
    return { ...seen, driftSeconds };
  }
  const { timeStepSeconds } = stepping;
  const wanted = seen.driftSeconds - driftSeconds;
  const moved = Math.max(-timeStepSeconds, Math.min(timeStepSeconds, wanted));
  return { ...seen, driftSeconds: driftSeconds + moved };
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
  response: Otp,
  challenge: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlan {
  const windows = serving.map((one) => ({
    serving: one,
    key: keyOf(one, challenge),
    rings: ringsOf(one, nowMs, policy),
  }));
  const furthest = Math.max(...windows.map(({ rings }) => rings.furthest));
  const candidates: Candidate[] = [];
  for (let distance = 0; distance <= furthest; distance += 1) {
    for (const window of windows) {
      if (distance > window.rings.furthest) continue;
      for (const place of window.rings.at(distance)) {
        candidates.push(candidateAt(window.serving, place, challenge, window.key));
      }
    }
    // Two windows that are each allowed may have millions of places: the furthest are never made.
    if (candidates.length >= verifyCandidatesMax) break;
  }
  candidates.splice(verifyCandidatesMax);
  const macs = Math.max(candidates.length, refusalMacs(policy));
  return { candidates, responses: [response], chunkEnds: chunkEndsOf(macs) };
}

function refuse(code: RefusalCode): {
  readonly kind: 'refused';
  readonly refused: Refused;
} {
  return { kind: 'refused', refused: refusedFor(code) };
}
