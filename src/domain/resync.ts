import { TallystickError } from '../errors.ts';
import { algorithmTimeStepping, constantTimeEqualText, type Otp } from '../oath/index.ts';
import { advancePast, isSpent, type LearnedDrift, spentChallengesMax } from './application.ts';
import {
  type Candidate,
  entryOf,
  responseOf,
  type Serving,
  servingFor,
  servingOf,
} from './candidate.ts';
import { mayBringChallenge, openRefusal } from './challenge.ts';
import { type ComparisonPlan, noResponses } from './comparison.ts';
import { observed } from './drift.ts';
import { idleDriftSecondsPerDay } from './drift-history.ts';
import { refusedFor } from './lock.ts';
import type {
  ApplicationAdvance,
  AuthenticatorWithApplications,
  DriftFollower,
  IssuedChallenge,
} from './model.ts';
import type { Position, RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { syncCandidatesMax, syncMacs } from './policy-cost.ts';
import {
  pairsIn,
  SpaceCandidates,
  type SyncChallenges,
  type SyncSpace,
  syncSpaceOf,
} from './resync-space.ts';
import { type PinPlan, planPins } from './server-pin.ts';
import { failureLimit } from './verification.ts';
import { idleDaysOf } from './window.ts';

/** One of the two responses. */
export interface SynchronisationPart {
  readonly response: string;
  readonly challenge: string | null;
  /** The newest challenge of that text issued to this user at this component, if any. */
  readonly issuedChallenge: IssuedChallenge | null;
}

export interface SynchronisationInput {
  /** The one that `eligibleAuthenticators` let through, with the applications that may serve. */
  readonly authenticator: AuthenticatorWithApplications;
  /** In the order in which the device showed them. */
  readonly first: SynchronisationPart;
  readonly second: SynchronisationPart;
  /** The server PIN that came with them; only applications that have one ask for it. */
  readonly pin: string | null;
}

/**
 * `syncCandidatesMax` candidates at most. It has one end: nothing is decided before the whole space
 * was searched.
 */
export interface SynchronisationPlan extends ComparisonPlan {
  readonly spaces: readonly SyncSpace[];
  readonly responses: readonly Otp[];
  readonly pins: PinPlan;
}

export type SynchronisationPlanning =
  | { readonly kind: 'plan'; readonly plan: SynchronisationPlan }
  | { readonly kind: 'refused'; readonly refused: Refused };

export type SynchronisationDecision =
  | {
      readonly kind: 'synchronised';
      readonly authenticatorId: string;
      readonly applicationId: string;
      /** Where the first and the second response stood; both are used up. */
      readonly first: Position;
      readonly position: Position;
      readonly advance: ApplicationAdvance;
      /** The authenticator's other applications with a clock: they have the same one. */
      readonly followers: readonly DriftFollower[];
      readonly driftSecondsBefore: number;
      readonly driftSecondsAfter: number;
    }
  | {
      readonly kind: 'refused';
      readonly refused: Refused;
      /** Where the first response was found, when it was. */
      readonly nearest?: { readonly position: Position; readonly distance: number };
    };

/** As many as a device has; more would leave each too small a share of the candidate limit. */
const spacesMax = 8;

/**
 * Plans the search for two consecutive responses. Both come with a challenge or both without.
 * Every application that may serve is searched, each within an equal share of the candidate limit.
 *
 * @param nowMs Unix milliseconds, read once for the whole attempt, retries included
 */
export function planSynchronisation(
  input: SynchronisationInput,
  nowMs: number,
  policy: EffectivePolicy,
): SynchronisationPlanning {
  const { first, second } = input;
  const responses = [responseOf(first.response), responseOf(second.response)].filter(
    (response) => response !== null,
  );
  if (responses.length < 2) return refuse('response-malformed');
  const all = servingOf([input.authenticator], policy).filter(isMoving);
  if (all.length === 0) return refuse('sync-nothing');
  const moving = all.filter((one) => !isFrozen(one));
  if (moving.length === 0) return refuse('sync-frozen');
  const challenges = challengesOf(input);
  if (challenges === 'one-missing') return refuse('challenge-required');
  const serving = servingFor(moving, challenges, mayBringChallenge(policy));
  if (typeof serving === 'string') return refuse(serving);
  const refusal = challengesRefusal(input, input.authenticator, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  const plan = planFor(serving, responses, challenges, nowMs, policy);
  const { pin } = input;
  const pins = planPins(plan.spaces.map(({ serving: { application } }) => ({ application, pin })));
  return { kind: 'plan', plan: { ...plan, pins } };
}

/** A plan for an attempt on nobody: it costs what the request costs with anybody. */
export function planSynchronisationDecoy(
  { first, second }: Record<'first' | 'second', Pick<SynchronisationPart, 'challenge'>>,
  policy: EffectivePolicy,
): ComparisonPlan {
  const macs = syncMacs(policy, first.challenge !== second.challenge);
  return { candidates: [], responsesOf: noResponses, chunkEnds: [macs] };
}

/**
 * Decides on the whole space. A pair is consecutive when the counters follow each other directly,
 * and the second step is one to `syncMaxGapSteps` after the first, or the same where counter or
 * challenge tell the responses apart. The first application with a pair decides, and only with one
 * pair, in unused positions. Both responses are used up.
 *
 * A clock may be moved backwards by what idle days explain (one step, and 8 s for each day since
 * the drift was learned) and the policy's margin. Nothing limits the first use and the first after a reset.
 *
 * @param marks one for each candidate (`markOf`); 0 where the module had no MAC
 * @param wrongPins the applications whose PIN was wrong (`server-pin.ts`): no pair counts on them
 * @param current the authenticator as it is now with all its applications, so that all follow
 * @throws TallystickError internal unless there is one mark for each candidate
 */
export function decideSynchronisation(
  plan: SynchronisationPlan,
  marks: Uint8Array,
  wrongPins: ReadonlySet<string>,
  current: AuthenticatorWithApplications,
  input: SynchronisationInput,
  nowMs: number,
  policy: EffectivePolicy,
): SynchronisationDecision {
  if (marks.length !== plan.candidates.length) {
    throw new TallystickError('internal', 'A synchronisation is decided on all its marks.');
  }
  const refusal = challengesRefusal(input, current, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  for (const space of plan.spaces) {
    const { id, epoch } = space.serving.application;
    const [serving] = servingOf([current], policy, (one) => one.id === id && one.epoch === epoch);
    if (serving === undefined || wrongPins.has(id)) continue;
    const pairs = isOneTypedTwice(space, plan.responses) ? [] : pairsIn(space, marks);
    const [pair] = pairs;
    if (pair === undefined) continue;
    const first = entryOf(plan.candidates, pair.first);
    const second = entryOf(plan.candidates, pair.second);
    if (pairs.length > 1) return refuse('sync-ambiguous', first);
    const used = usePair({ first, second }, serving, current, null, nowMs, policy);
    return used.kind === 'refused' ? refuse(used.code, first) : used;
  }
  const isAnyPinRight = plan.spaces.some(({ serving }) => !wrongPins.has(serving.application.id));
  return refuse(isAnyPinRight ? 'sync-incorrect' : 'pin-incorrect');
}

/** Whether anything moves from one response to the next. */
export function isMoving({ sequence }: Serving): boolean {
  return sequence.hasCounter || sequence.stepping !== null;
}

/** Only an administrator moves a frozen clock, so two responses could not bring it together. */
export function isFrozen({ sequence, application }: Serving): boolean {
  return sequence.stepping !== null && application.isDriftFrozen;
}

function challengesOf({ first, second }: SynchronisationInput): SyncChallenges | 'one-missing' {
  if (first.challenge !== null && second.challenge !== null) {
    return [first.challenge, second.challenge];
  }
  return first.challenge === null && second.challenge === null ? null : 'one-missing';
}

function challengesRefusal(
  { first, second }: SynchronisationInput,
  authenticator: AuthenticatorWithApplications,
  nowMs: number,
  policy: EffectivePolicy,
): RefusalCode | null {
  const { userId } = authenticator.authenticator;
  for (const { challenge, issuedChallenge } of [first, second]) {
    if (challenge === null) continue;
    const refusal = openRefusal(challenge, issuedChallenge, userId, nowMs, policy);
    if (refusal !== null) return refusal;
  }
  // A challenge of ours answers one response, never both.
  const isShared =
    first.issuedChallenge !== null && first.issuedChallenge.id === second.issuedChallenge?.id;
  return isShared ? 'challenge-unknown' : null;
}

function planFor(
  serving: readonly Serving[],
  responses: readonly Otp[],
  challenges: SyncChallenges,
  nowMs: number,
  policy: EffectivePolicy,
): Omit<SynchronisationPlan, 'pins'> {
  const { spaces, size } = laidOut(serving, challenges, nowMs, policy);
  const isDistinct = challenges !== null && challenges[0] !== challenges[1];
  const macs = Math.max(size, syncMacs(policy, isDistinct));
  return {
    candidates: new SpaceCandidates(spaces),
    responses,
    responsesOf: () => responses,
    chunkEnds: [macs],
    spaces,
  };
}

/** The spaces in which one response is looked for, and how many candidates they have. */
export function spacesFor(
  serving: readonly Serving[],
  challenge: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): { readonly spaces: readonly SyncSpace[]; readonly size: number } {
  const challenges: SyncChallenges = challenge === null ? null : [challenge, challenge];
  return laidOut(serving, challenges, nowMs, policy);
}

function laidOut(
  serving: readonly Serving[],
  challenges: SyncChallenges,
  nowMs: number,
  policy: EffectivePolicy,
): { readonly spaces: readonly SyncSpace[]; readonly size: number } {
  const searched = serving.slice(0, spacesMax);
  const budget = Math.floor(syncCandidatesMax / Math.max(1, searched.length));
  const spaces: SyncSpace[] = [];
  let size = 0;
  for (const one of searched) {
    const space = syncSpaceOf(one, challenges, size, budget, nowMs, policy);
    spaces.push(space);
    size = space.end;
  }
  return { spaces, size };
}

/** One response typed twice is no pair, even where chance made two neighbours alike. */
function isOneTypedTwice({ questions }: SyncSpace, [first, second]: readonly Otp[]): boolean {
  return questions.length === 1 && constantTimeEqualText(String(first), String(second));
}

/** A consecutive pair, or why it may not be accepted. */
export type PairDecision =
  | Extract<SynchronisationDecision, { kind: 'synchronised' }>
  | { readonly kind: 'refused'; readonly code: 'sync-replayed' | 'sync-backwards' };

/**
 * Uses both responses of a pair up, unless one of them is, or the clock would go back too far.
 *
 * @param current the authenticator as it is now with all its applications, so that all follow
 */
export function usePair(
  pair: { readonly first: PairPart; readonly second: PairPart },
  serving: Serving,
  current: AuthenticatorWithApplications,
  pendingSync: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): PairDecision {
  const { first, second } = pair;
  const { application, authenticator, sequence, floor } = serving;
  const isUsed = [first, second].some((one) => isSpent(floor, one.position, one.challengeKey));
  if (isUsed) return { kind: 'refused', code: 'sync-replayed' };
  const drift = centredDrift(serving, second.position, nowMs);
  if (isTooFarBack(serving, drift.driftSeconds, nowMs, policy)) {
    return { kind: 'refused', code: 'sync-backwards' };
  }
  const answered =
    first.position.timeStep === second.position.timeStep ? [first, second] : [second];
  const advance = advancePast(
    application,
    sequence,
    {
      first: first.position,
      last: second.position,
      challengeKeys: answered.flatMap((one) => one.challengeKey ?? []),
    },
    drift,
    { failureCountBelow: failureLimit(policy), pendingSync },
  );
  // There was room for one more challenge in this step, but not for two.
  if (advance.set.spentChallenges.length > spentChallengesMax) {
    return { kind: 'refused', code: 'sync-replayed' };
  }
  return {
    kind: 'synchronised',
    authenticatorId: authenticator.id,
    applicationId: application.id,
    first: first.position,
    position: second.position,
    advance,
    followers: followersOf(serving, current, drift.driftSeconds, nowMs),
    driftSecondsBefore: application.driftSeconds,
    driftSecondsAfter: drift.driftSeconds,
  };
}

/** One of two consecutive responses: where it stood, and the challenge that it answered. */
export type PairPart = Pick<Candidate, 'position' | 'challengeKey'>;

function centredDrift(serving: Serving, { timeStep }: Position, nowMs: number): LearnedDrift {
  const { stepping } = serving.sequence;
  if (stepping === null || timeStep === null) return serving.application;
  return observed(serving.application, timeStep, stepping, nowMs);
}

export function isTooFarBack(
  serving: Serving,
  driftSeconds: number,
  nowMs: number,
  policy: EffectivePolicy,
): boolean {
  const { application, sequence } = serving;
  const marginSeconds = policy.syncBackwardMarginSeconds;
  if (sequence.stepping === null || marginSeconds === null || application.driftAtMs === null) {
    return false;
  }
  const explainedSeconds =
    sequence.stepping.timeStepSeconds +
    idleDriftSecondsPerDay * idleDaysOf(application.driftAtMs, nowMs) +
    marginSeconds;
  return application.driftSeconds - driftSeconds > explainedSeconds;
}

/** All applications of a device show the time of one clock; counters are each application's own. */
function followersOf(
  serving: Serving,
  current: AuthenticatorWithApplications,
  driftSeconds: number,
  nowMs: number,
): readonly DriftFollower[] {
  if (serving.sequence.stepping === null) return [];
  return current.applications
    .filter(({ id, algorithm, isDriftFrozen }) => {
      const hasClock = algorithmTimeStepping(algorithm) !== undefined;
      return id !== serving.application.id && hasClock && !isDriftFrozen;
    })
    .map(({ id, epoch }) => ({
      applicationId: id,
      epoch,
      driftSeconds,
      driftAtMs: nowMs,
    }));
}

function refuse(
  code: RefusalCode,
  nearest?: Candidate,
): Extract<SynchronisationDecision, { kind: 'refused' }> {
  const refused = refusedFor(code);
  if (nearest === undefined) return { kind: 'refused', refused };
  const { position, distance } = nearest;
  return { kind: 'refused', refused, nearest: { position, distance } };
}
