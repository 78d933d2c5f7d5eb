import { syncAccountState } from '../domain/account.ts';
import { canAnswer, challengeForm, challengesPerDecisionMax } from '../domain/challenge.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import type { IssuedChallenge, UserWithAuthenticators } from '../domain/model.ts';
import type { RefusalCode } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { requirePermission } from './administration/access.ts';
import { type AnswerSlot, openAnswerSlot, plainCodec } from './answers.ts';
import type { Caller, ChallengeAnswer, ChallengeRequest } from './api.ts';
import {
  nobodyId,
  parseTarget,
  readAttempt,
  type Reading,
  standingFacts,
  subjectOf,
  type Target,
  tooManyConflicts,
} from './attempt.ts';
import { auditEntry } from './audit-entries.ts';
import type { Context } from './deps.ts';
import { drawTexts, handleForm } from './draw.ts';
import { TallystickError } from '../errors.ts';
import { uuidV7 } from './identifiers.ts';
import { requireBoundedMembers } from './request-members.ts';
import { answerBefore, answerToStore, toldStranger } from './rounds.ts';
import type { Decision } from './store.ts';
import { toldRefusal } from './told.ts';

/** Whose challenge it is, or why it is nobody's. */
type Grant =
  /** Null: a general one, for whoever answers it. */
  | {
      readonly kind: 'fresh';
      readonly userId: string | null;
      /** The ids of the oldest, where more would be open than may be. */
      readonly replaced: readonly string[];
    }
  | { readonly kind: 'look-alike'; readonly reason: RefusalCode };

interface Asking {
  readonly caller: Caller;
  readonly request: ChallengeRequest;
  /** Null: a general challenge is about no user. */
  readonly target: Target | null;
  readonly nowMs: number;
}

const codec = plainCodec<ChallengeAnswer>();

/** General challenges that may be open at a component: they are bound to no user's limit. */
const generalOpenMax = 1000;

/**
 * Issues a challenge that one response may answer. Whoever can't answer one (nobody of that name,
 * a disabled account, no suitable application) gets a look-alike that is stored nowhere. Everybody gets
 * a fresh one every time, or what comes twice would tell who is somebody: where as many are open as
 * may be, the oldest goes.
 *
 * @throws TallystickError as `authenticate`
 */
export async function issueChallenge(
  context: Context,
  caller: Caller,
  request: ChallengeRequest,
): Promise<ChallengeAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = targetOf(request);
  requireBoundedMembers(request);
  const { userName, domainName, serial, applicationName } = request;
  const slot = await openAnswerSlot(
    context,
    { caller, nowMs, operation: 'issue-challenge' },
    { requestKey: request.requestKey, parts: [userName, domainName, serial, applicationName] },
    codec,
  );
  const asking: Asking = { caller, request, target, nowMs };
  for (let round = 1; round <= context.limits.decisionRoundsMax; round += 1) {
    const reading = await readAttempt(context, caller, target ?? anybody(request), nowMs);
    if (reading.component === null && caller.keyId === null) return toldStranger('issue-challenge');
    const given = await answerBefore(slot, reading);
    if (given !== null) return given;
    const { answer, decision } = await decideChallenge(context, asking, reading, slot);
    // Those who ask at once would all end the same one, so that all but one would have to try again: on a
    // second try it is left to the next who asks.
    const written = round === 1 ? decision : { ...decision, challengeIds: [] };
    const [result] = await context.store.commit([written]);
    if (result?.status === 'committed') return answer;
  }
  throw tooManyConflicts();
}

function targetOf({ userName, domainName }: ChallengeRequest): Target | null {
  return userName === null ? null : parseTarget({ userName, domainName });
}

/** Reads as for a user, of a name that none can have. */
function anybody({ domainName }: ChallengeRequest): Target {
  return { userName: '', domainName };
}

async function decideChallenge(
  context: Context,
  asking: Asking,
  reading: Reading,
  slot: AnswerSlot<ChallengeAnswer>,
): Promise<{ readonly answer: ChallengeAnswer; readonly decision: Decision }> {
  const refusal = refusalOf(reading);
  if (refusal !== null) {
    const answer = toldRefusal(refusal, 'issue-challenge', reading.component?.policy ?? null);
    return {
      answer,
      decision: decisionOf(asking, reading, refusal, answerToStore(slot, reading, answer), null),
    };
  }
  const policy = policyOf(reading);
  const grant = await grantOf(context, asking, reading.found, policy);
  const drawn = await drawChallenge(context, asking, grant, policy);
  const answer: ChallengeAnswer = {
    outcome: 'challenge-issued',
    challenge: drawn.text,
    challengeKey: drawn.handle,
    expiresAtMs: drawn.expiresAtMs,
  };
  const decision = decisionOf(
    asking,
    reading,
    outcomeOf(grant),
    slot.toStore(answer),
    grant.kind === 'fresh' ? { issued: drawn, replaced: grant.replaced } : 'unwritten',
  );
  return { answer, decision };
}

/** What has nothing to do with the user may be told. */
function refusalOf({ component }: Reading): RefusalCode | null {
  if (component === null) return 'component-unknown';
  if (component.policy.localAuthentication === 'none') return 'nothing-verifies';
  return component.policy.oneStepChallengeResponse === 'no' ? 'challenge-not-permitted' : null;
}

function policyOf({ component }: Reading): EffectivePolicy {
  if (component === null) throw new RangeError('a refusal came first');
  return component.policy;
}

function outcomeOf(grant: Grant): string {
  if (grant.kind === 'look-alike') return grant.reason;
  return 'challenge-issued';
}

async function grantOf(
  context: Context,
  asking: Asking,
  found: UserWithAuthenticators | null,
  policy: EffectivePolicy,
): Promise<Grant> {
  const { caller, request, nowMs } = asking;
  if (asking.target === null) return grantToAnybody(context, asking);
  const lookAlike = (reason: RefusalCode): Grant => ({ kind: 'look-alike', reason });
  // Read before the insert, so parallel requests may overshoot by as many as run at once; and for
  // nobody as for somebody, so that the time taken tells nothing.
  const userId = found?.user.id ?? nobodyId;
  const open = await context.store.openChallengeIds(userId, caller.componentType, nowMs);
  if (found === null) return lookAlike('user-unknown');
  const { user, authenticators } = found;
  const account = syncAccountState(user, policy, nowMs);
  // Locked users may unlock themselves by answering: they need a challenge like anybody else.
  if (account.state === 'refused' && account.code !== 'user-locked') return lookAlike(account.code);
  const { serial, applicationName } = request;
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName, purpose: 'verify' },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return lookAlike(eligible.refused.code);
  if (!canAnswer(eligible.authenticators, challengeForm(policy))) {
    return lookAlike('challenge-not-permitted');
  }
  const surplus = open.slice(policy.challengesOpenMax - 1);
  return { kind: 'fresh', userId: user.id, replaced: surplus.slice(-challengesPerDecisionMax) };
}

async function grantToAnybody(context: Context, { caller, nowMs }: Asking): Promise<Grant> {
  const open = await context.store.countGeneralChallenges(caller.componentType, nowMs);
  if (open < generalOpenMax) return { kind: 'fresh', userId: null, replaced: [] };
  throw new TallystickError('overloaded', 'Too many general challenges are open; try again.');
}

/** Drawn also where it is not handed out, so that the time taken tells nothing. */
async function drawChallenge(
  context: Context,
  { caller, nowMs }: Asking,
  grant: Grant,
  policy: EffectivePolicy,
): Promise<IssuedChallenge> {
  const [text = '', handle = ''] = await drawTexts(context, [challengeForm(policy), handleForm]);
  return {
    id: uuidV7(nowMs, context.randomBytes),
    handle,
    userId: grant.kind === 'fresh' ? grant.userId : null,
    componentType: caller.componentType,
    kind: '1-step',
    method: null,
    provenPins: [],
    userVersion: null,
    text,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + policy.challengeLifetimeSeconds * 1000,
    consumedAtMs: null,
  };
}

function decisionOf(
  { caller, target, nowMs }: Asking,
  reading: Reading,
  outcome: string,
  storedAnswer: Decision['storedAnswer'],
  written:
    { readonly issued: IssuedChallenge; readonly replaced: readonly string[] } | 'unwritten' | null,
): Decision {
  const { issued, replaced } =
    written === null || written === 'unwritten' ? { issued: null, replaced: [] } : written;
  return {
    atMs: nowMs,
    // Without a row of its own it writes another.
    user: written === 'unwritten' ? { kind: 'decoy' } : null,
    readVersions: null,
    authenticator: null,
    advance: null,
    followers: [],
    notes: [],
    challengeIds: replaced,
    pinChange: null,
    openSession: null,
    endSession: null,
    missedOtpIds: [],
    issue: issued,
    passwordVersion: null,
    passwordChange: null,
    backupUse: null,
    emergencyUse: null,
    emergencyMarks: [],
    storedAnswer,
    audit: auditEntry(caller, nowMs, {
      action: 'issue-challenge',
      outcome,
      subject:
        target === null
          ? `component ${caller.componentType}`
          : subjectOf(reading.target, reading.domain),
      details: { ...standingFacts(reading), isStored: issued !== null },
    }),
  };
}
