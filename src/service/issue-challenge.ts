import { syncAccountState } from '../domain/account.ts';
import {
  challengeForm,
  type ChallengeForm,
  challengeRandomBytes,
  decoyChallengeForm,
  newChallenge,
} from '../domain/challenge.ts';
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
  toldRefusal,
  tooManyConflicts,
} from './attempt.ts';
import { auditEntry } from './audit-entries.ts';
import type { Context } from './deps.ts';
import { uuidV7 } from './identifiers.ts';
import { fromModule } from './module-calls.ts';
import { requireBoundedMembers } from './request-members.ts';
import { answerBefore, answerToStore } from './rounds.ts';
import type { Decision } from './store.ts';

/** Why a challenge is only a look-alike; for the audit. */
type LookAlikeReason = RefusalCode | 'challenges-open';

/** Whose challenge it is, or why it is nobody's. */
type Grant =
  | { readonly kind: 'real'; readonly userId: string; readonly form: ChallengeForm }
  | { readonly kind: 'look-alike'; readonly reason: LookAlikeReason; readonly form: ChallengeForm };

interface Asking {
  readonly caller: Caller;
  readonly request: ChallengeRequest;
  readonly target: Target;
  readonly nowMs: number;
}

const codec = plainCodec<ChallengeAnswer>();

/**
 * Issues a challenge that one response may answer. Whoever can't answer one (nobody of that name,
 * a locked account, no suitable application, too many open challenges) gets a look-alike that is
 * stored nowhere: the answer tells nothing about the user.
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
  const target = parseTarget(request);
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
    const reading = await readAttempt(context, caller, target, nowMs);
    const given = await answerBefore(slot, reading);
    if (given !== null) return given;
    const { answer, decision } = await decideChallenge(context, asking, reading, slot);
    const [result] = await context.store.commit([decision]);
    if (result?.status === 'committed') return answer;
  }
  throw tooManyConflicts();
}

async function decideChallenge(
  context: Context,
  asking: Asking,
  reading: Reading,
  slot: AnswerSlot<ChallengeAnswer>,
): Promise<{ readonly answer: ChallengeAnswer; readonly decision: Decision }> {
  const refusal = refusalOf(reading);
  if (refusal !== null) {
    const answer = toldRefusal(refusal, reading.component?.policy ?? null);
    return {
      answer,
      decision: decisionOf(asking, reading, refusal, answerToStore(slot, reading, answer), null),
    };
  }
  const policy = policyOf(reading);
  const grant = await grantOf(context, asking, reading.found, policy);
  const issued = await drawChallenge(context, asking, grant, policy);
  const answer: ChallengeAnswer = {
    outcome: 'challenge-issued',
    challenge: issued.text,
    expiresAtMs: issued.expiresAtMs,
  };
  const outcome = grant.kind === 'real' ? 'challenge-issued' : grant.reason;
  const isReal = grant.kind === 'real';
  const decision = decisionOf(
    asking,
    reading,
    outcome,
    slot.toStore(answer),
    isReal ? issued : 'look-alike',
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

async function grantOf(
  context: Context,
  { caller, request, nowMs }: Asking,
  found: UserWithAuthenticators | null,
  policy: EffectivePolicy,
): Promise<Grant> {
  const lookAlike = (reason: LookAlikeReason): Grant => ({
    kind: 'look-alike',
    reason,
    form: decoyChallengeForm(policy),
  });
  // Counted before the insert, so parallel requests may overshoot by as many as run at once; and
  // for nobody as for somebody, so that the time taken tells nothing.
  const userId = found?.user.id ?? nobodyId;
  const open = await context.store.countOpenChallenges(userId, caller.componentType, nowMs);
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
  const form = challengeForm(eligible.authenticators, policy);
  if (form === null) return lookAlike('challenge-not-permitted');
  if (open >= policy.challengesOpenMax) return { ...lookAlike('challenges-open'), form };
  return { kind: 'real', userId: user.id, form };
}

async function drawChallenge(
  context: Context,
  { caller, nowMs }: Asking,
  grant: Grant,
  policy: EffectivePolicy,
): Promise<IssuedChallenge> {
  const { module, logon } = context;
  const random = await fromModule(module.random(challengeRandomBytes(grant.form), logon));
  return {
    id: uuidV7(nowMs, context.randomBytes),
    userId: grant.kind === 'real' ? grant.userId : '',
    componentType: caller.componentType,
    kind: '1-step',
    text: newChallenge(grant.form, random),
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
  issued: IssuedChallenge | 'look-alike' | null,
): Decision {
  return {
    atMs: nowMs,
    // A look-alike writes a row as well.
    user: issued === 'look-alike' ? { kind: 'decoy' } : null,
    authenticator: null,
    advance: null,
    followers: [],
    challengeIds: [],
    issueChallenge: issued === 'look-alike' ? null : issued,
    storedAnswer,
    audit: auditEntry(caller, nowMs, {
      action: 'issue-challenge',
      outcome,
      subject: subjectOf(target, reading.domain),
      details: { ...standingFacts(reading), isStored: issued !== null && issued !== 'look-alike' },
    }),
  };
}
