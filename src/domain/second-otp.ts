import { TallystickError } from '../errors.ts';
import { isSpent } from './application.ts';
import { type CountersAhead, policyAhead } from './counters-ahead.ts';
import { type Candidate, entryOf, type Serving, servingOf } from './candidate.ts';
import { type ComparisonPlan, noResponses } from './comparison.ts';
import type { AuthenticatorWithApplications, User } from './model.ts';
import type { Position } from './outcomes.ts';
import {
  isConsecutive,
  livePendingSync,
  type PendingSync,
  pendingPositionsMax,
  pendingSyncText,
} from './pending-sync.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { secondOtpMacs, syncCandidatesMax } from './policy-cost.ts';
import {
  isFrozen,
  isMoving,
  isTooFarBack,
  spacesFor,
  type SynchronisationDecision,
  usePair,
} from './resync.ts';
import { observed } from './drift.ts';
import { SpaceCandidates, type SyncSpace } from './resync-space.ts';
import { askedOf, type VerificationInput, type VerificationPlan } from './verification.ts';

/**
 * A wrong response once more, in the whole space of a synchronisation (policy `secondOtpSync`). Where
 * the one before was remembered and this is the consecutive next one, the two synchronise and it is
 * accepted; otherwise it may be remembered itself. Either way it was refused and counted first, every
 * refusal costs the same, and outside nothing differs.
 */
export interface SecondOtpPlan extends ComparisonPlan {
  readonly spaces: readonly SyncSpace[];
}

export type SecondOtpDecision =
  | Extract<SynchronisationDecision, { kind: 'synchronised' }>
  | {
      readonly kind: 'refused';
      /** To be noted on each application that was searched; null forgets. */
      readonly notes: readonly {
        readonly applicationId: string;
        readonly pendingSync: string | null;
      }[];
      /** Where it stands, if it is remembered. */
      readonly remembered: { readonly position: Position; readonly distance: number } | null;
    };

/**
 * @param plan of the verification that the response failed: the same applications are searched
 * @param ahead null where the policy remembers such responses; else the event-based applications to search
 */
export function planSecondOtp(
  plan: VerificationPlan,
  input: VerificationInput,
  nowMs: number,
  own: EffectivePolicy,
  ahead: CountersAhead | null = null,
): SecondOtpPlan {
  const failed = new Set(plan.candidates.map(({ applicationId }) => applicationId));
  const reached = new Map([...(ahead ?? [])].filter(([id]) => failed.has(id)));
  const policy = ahead === null ? own : policyAhead(own, reached);
  const wanted = ahead === null ? failed : new Set(reached.keys());
  const serving = servingOf(input.candidatesFrom, policy, ({ id }) => wanted.has(id)).filter(
    (one) => isMoving(one) && !isFrozen(one),
  );
  const { challenge } = askedOf(input, policy);
  const { spaces, size } = spacesFor(serving, challenge, nowMs, policy);
  return {
    candidates: new SpaceCandidates(spaces),
    responsesOf: plan.responsesOf,
    chunkEnds: [Math.min(Math.max(size, secondOtpMacs(policy)), syncCandidatesMax)],
    spaces,
  };
}

/** What a refusal pays where nothing was searched. */
export function planSecondOtpDecoy(policy: EffectivePolicy): ComparisonPlan {
  return { candidates: [], responsesOf: noResponses, chunkEnds: [secondOtpMacs(policy)] };
}

/**
 * Decides on the whole space.
 *
 * @param wrongPins the applications whose PIN was wrong: nothing is found or remembered on them
 * @param user as read with `current`; a lock or an unlock of his own accord leaves nothing to confirm
 * @param current the user's authenticators as they are now, with all their applications
 * @throws TallystickError internal unless there is one mark for each candidate
 */
export function decideSecondOtp(
  plan: SecondOtpPlan,
  marks: Uint8Array,
  wrongPins: ReadonlySet<string>,
  current: readonly AuthenticatorWithApplications[],
  user: User,
  nowMs: number,
  policy: EffectivePolicy,
): SecondOtpDecision {
  if (marks.length !== plan.candidates.length) {
    throw new TallystickError('internal', 'A synchronisation is decided on all its marks.');
  }
  const hits = plan.spaces.map((space) => {
    const applicationId = space.serving.application.id;
    // A response is worth nothing without the PIN, not even a memory.
    if (wrongPins.has(applicationId)) return { applicationId, serving: null, fresh: [] };
    return hitsIn(plan, space, marks, current, nowMs, policy);
  });
  const pairs = hits.flatMap(({ serving, fresh }) =>
    serving === null ? [] : pairsOf(serving, fresh, user, nowMs, policy),
  );
  const [pair] = pairs;
  if (pair !== undefined && pairs.length === 1) {
    const { authenticator, application } = pair.serving;
    const isOwner = (one: AuthenticatorWithApplications): boolean =>
      one.authenticator.id === authenticator.id;
    const owner = entryOf(current.filter(isOwner), 0);
    const { pendingSync } = application;
    const used = usePair(pair, pair.serving, owner, pendingSync, nowMs, policy);
    if (used.kind === 'synchronised') return used;
  }
  return remember(hits, user, nowMs, policy);
}

interface Hits {
  readonly applicationId: string;
  /** Null when the application is gone, or was reset meanwhile. */
  readonly serving: Serving | null;
  readonly fresh: readonly Candidate[];
}

/** The unused places of a space at which the response stands, and which a clock may be moved to. */
function hitsIn(
  plan: SecondOtpPlan,
  { serving: planned, base, end }: SyncSpace,
  marks: Uint8Array,
  current: readonly AuthenticatorWithApplications[],
  nowMs: number,
  policy: EffectivePolicy,
): Hits {
  const { id: applicationId, epoch } = planned.application;
  const isSame = (one: { id: string; epoch: number }): boolean =>
    one.id === applicationId && one.epoch === epoch;
  const [serving = null] = servingOf(current, policy, isSame);
  if (serving === null) return { applicationId, serving, fresh: [] };
  const fresh: Candidate[] = [];
  for (let index = marks.indexOf(1, base); index >= 0 && index < end;) {
    const candidate = entryOf(plan.candidates, index);
    const isUsable =
      !isSpent(serving.floor, candidate.position, candidate.challengeKey) &&
      !isTooFar(serving, candidate, nowMs, policy);
    if (isUsable) fresh.push(candidate);
    index = marks.indexOf(1, index + 1);
  }
  return { applicationId, serving, fresh };
}

function isTooFar(
  serving: Serving,
  { position }: Candidate,
  nowMs: number,
  policy: EffectivePolicy,
): boolean {
  const { stepping } = serving.sequence;
  if (stepping === null || position.timeStep === null) return false;
  const { driftSeconds } = observed(serving.application, position.timeStep, stepping, nowMs);
  return isTooFarBack(serving, driftSeconds, nowMs, policy);
}

interface Pair {
  readonly serving: Serving;
  readonly first: Pick<Candidate, 'position' | 'challengeKey'>;
  readonly second: Candidate;
}

/** Every pair of a remembered position and one at which this response stands. */
function pairsOf(
  serving: Serving,
  fresh: readonly Candidate[],
  user: User,
  nowMs: number,
  policy: EffectivePolicy,
): readonly Pair[] {
  // A locked user that unlocks himself begins anew.
  if (user.lockedAtMs !== null) return [];
  const { application, authenticator, sequence } = serving;
  const { lockCount, lastSuccessAtMs, version: userVersion } = user;
  const { assignmentVersion } = authenticator;
  const context = { lockCount, lastSuccessAtMs, userVersion, assignmentVersion, nowMs };
  const pending = livePendingSync(application.pendingSync, context);
  if (pending === null) return [];
  return pending.positions.flatMap((position) => {
    const first = { position, challengeKey: pending.challengeKey };
    return fresh
      .filter((second) => isConsecutive(first, second, sequence, policy.syncMaxGapSteps))
      .map((second) => ({ serving, first, second }));
  });
}

function remember(
  hits: readonly Hits[],
  user: User,
  nowMs: number,
  policy: EffectivePolicy,
): SecondOtpDecision {
  const found = hits.filter(({ fresh }) => fresh.length > 0);
  const [only] = found;
  const isClear =
    only !== undefined &&
    found.length === 1 &&
    only.fresh.length <= pendingPositionsMax &&
    user.lockedAtMs === null;
  const remembered = isClear ? only : null;
  return {
    kind: 'refused',
    notes: hits.map(({ applicationId, serving, fresh }) => ({
      applicationId,
      pendingSync:
        serving !== null && applicationId === remembered?.applicationId
          ? textFor(serving, fresh, user, nowMs, policy)
          : null,
    })),
    remembered: remembered?.fresh[0] ?? null,
  };
}

function textFor(
  { authenticator }: Serving,
  fresh: readonly Candidate[],
  user: User,
  nowMs: number,
  policy: EffectivePolicy,
): string {
  const pending: PendingSync = {
    positions: fresh.map(({ position }) => position),
    challengeKey: fresh[0]?.challengeKey ?? null,
    expiresAtMs: nowMs + policy.secondOtpSyncLifetimeSeconds * 1000,
    lockCount: user.lockCount + 1,
    lastSuccessAtMs: user.lastSuccessAtMs,
    userVersion: user.version,
    assignmentVersion: authenticator.assignmentVersion,
  };
  return pendingSyncText(pending);
}
