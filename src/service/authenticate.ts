import { accountState } from '../domain/account.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import { refusedFor } from '../domain/lock.ts';
import type { UserWithAuthenticators } from '../domain/model.ts';
import type { Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import type { SynchronisationDecision } from '../domain/resync.ts';
import {
  askedOf,
  planDecoy,
  planVerification,
  type VerificationDecision,
  type VerificationInput,
  type VerificationPlan,
} from '../domain/verification.ts';
import { requirePermission } from './administration/access.ts';
import { openAnswerSlot, plainCodec } from './answers.ts';
import type { AcceptedAnswer, AuthenticateAnswer, AuthenticateRequest, Caller } from './api.ts';
import {
  type Facts,
  findIssuedChallenges,
  parseTarget,
  positionFacts,
  type Reading,
} from './attempt.ts';
import { applicationsOf, compare } from './comparing.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import { lookFurther, payForLooking, type SecondLook } from './second-look.ts';
import {
  applicationNameOf,
  costFacts,
  type Examined,
  ownerOf,
  refusedBefore,
  refusedCompared,
  refusedNobody,
  refusedUnseen,
  type RefusedVerdict,
  successChanges,
  type Verdict,
} from './verdicts.ts';
import { windowFacts } from './window-facts.ts';

type AuthenticateVerdict = Verdict<AcceptedAnswer>;
type Accepted = Extract<VerificationDecision, { kind: 'accepted' }>;
type Synchronised = Extract<SynchronisationDecision, { kind: 'synchronised' }>;

/** What outlives a round: the plan and its MACs, so that none is computed twice. */
interface Progress {
  readonly context: Context;
  readonly request: AuthenticateRequest;
  readonly nowMs: number;
  planned: { readonly plan: VerificationPlan; readonly tape: MacTape; readonly key: string } | null;
  decoy: MacTape | null;
  readonly second: SecondLook;
}

const codec = plainCodec<AuthenticateAnswer>();

/**
 * Verifies one response. It is accepted once: what it uses up is durable before the answer leaves,
 * by conditions that hold for one of any number of attempts at once. Every refusal costs the module
 * and the database the same, whether the user exists, is locked or has no authenticator.
 *
 * @throws TallystickError `forbidden`, `request-invalid`, `request-key-reused`, or a technical
 *   fault, which neither counts nor uses up anything
 */
export async function authenticate(
  context: Context,
  caller: Caller,
  request: AuthenticateRequest,
): Promise<AuthenticateAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = parseTarget(request);
  requireBoundedMembers(request);
  const { userName, domainName, response, challenge, serial, applicationName } = request;
  const slot = await openAnswerSlot(
    context,
    { caller, nowMs, operation: 'authenticate' },
    {
      requestKey: request.requestKey,
      parts: [userName, domainName, response, challenge, serial, applicationName],
    },
    codec,
  );
  const progress: Progress = {
    context,
    request,
    nowMs,
    planned: null,
    decoy: null,
    second: { searched: null, decoy: null },
  };
  return decideInRounds(
    context,
    { action: 'authenticate', caller, target, nowMs },
    slot,
    (reading) => examine(progress, caller, reading),
  );
}

async function examine(
  progress: Progress,
  caller: Caller,
  { component, domain, found }: Reading,
): Promise<AuthenticateVerdict> {
  if (component === null) return refusedBefore('component-unknown');
  const { policy } = component;
  if (policy.localAuthentication === 'none') return refusedBefore('nothing-verifies');
  const { context, request, nowMs } = progress;
  const userId = found?.user.id ?? null;
  const now = { policy, nowMs };
  const issued = await findIssuedChallenges(context, caller, userId, request.challenge, now);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedNobody(policy);
  }
  const account = accountState(found.user, policy, nowMs);
  const { challenge } = request;
  const examined: Examined = {
    user: found.user,
    domainName: domain?.name ?? '',
    account,
    policy,
    issued: [askedOf({ challenge, issued }, policy).issued],
  };
  if (account.state === 'refused') {
    return refuseUnseen(progress, examined, refusedFor(account.code));
  }
  return verify(progress, examined, found, issued);
}

async function verify(
  progress: Progress,
  examined: Examined,
  found: UserWithAuthenticators,
  issued: VerificationInput['issued'],
): Promise<AuthenticateVerdict> {
  const { request, nowMs, context } = progress;
  const { policy } = examined;
  const { serial, applicationName, response, challenge } = request;
  const { authenticators } = found;
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName, purpose: 'verify' },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const input: VerificationInput = {
    candidatesFrom: eligible.authenticators,
    response,
    challenge,
    issued,
  };
  const key = planKey(input.candidatesFrom, examined.issued);
  if (progress.planned?.key !== key) {
    const planning = planVerification(input, nowMs, policy);
    if (planning.kind === 'refused') return refuseUnseen(progress, examined, planning.refused);
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, input.candidatesFrom, context.logon);
    progress.planned = { plan, tape, key };
  }
  const { plan, tape } = progress.planned;
  const compared = await compare(plan, tape, input, nowMs, policy);
  const { decision } = compared;
  if (decision.kind === 'accepted') return accept(decision, examined, found, tape);
  const further = await lookFurther(progress, { key, plan, input, found, compared, policy });
  if (further.kind === 'synchronised') {
    return acceptSecond(further.decision, examined, found, tape);
  }
  return refusedCompared(examined, decision, {
    tape,
    applications: applicationsOf(plan, further.notes),
    facts: { ...windowFacts(plan, input, nowMs, policy), ...further.facts },
    interruption: further.interruption,
  });
}

function accept(
  decision: Accepted,
  examined: Examined,
  found: UserWithAuthenticators,
  tape: MacTape,
): AuthenticateVerdict {
  const verdict = succeed(decision, examined, found, tape, { followers: [] });
  if (decision.isChallenged || verdict.kind === 'refused') return verdict;
  // It answered none, though one was open (check mode 2).
  return { ...verdict, changes: { ...verdict.changes, challengeIds: [] } };
}

/** The second of two consecutive responses, of which the first was remembered. */
function acceptSecond(
  decision: Synchronised,
  examined: Examined,
  found: UserWithAuthenticators,
  tape: MacTape,
): AuthenticateVerdict {
  const { followers } = decision;
  return succeed(decision, examined, found, tape, { followers, facts: { secondOtpSync: true } });
}

function succeed(
  decision: Omit<Accepted, 'kind' | 'isChallenged'>,
  examined: Examined,
  found: UserWithAuthenticators,
  tape: MacTape,
  more: Pick<Synchronised, 'followers'> & { readonly facts?: Facts },
): AuthenticateVerdict {
  const { user, domainName, account } = examined;
  const owner = ownerOf(decision.authenticatorId, found);
  const { serial } = owner.authenticator;
  const applicationName = applicationNameOf(decision.applicationId, owner);
  const facts: Facts = {
    serial,
    application: applicationName,
    driftSecondsBefore: decision.driftSecondsBefore,
    driftSecondsAfter: decision.driftSecondsAfter,
  };
  // Not spread: see `auditEntry`.
  Object.assign(facts, positionFacts(decision.position), costFacts(tape), more.facts);
  if (account.state === 'auto-unlock') facts['unlocked'] = true;
  return {
    kind: 'success',
    answer: {
      outcome: 'accepted',
      userName: user.userName,
      domainName,
      serial,
      applicationName,
    },
    changes: {
      ...successChanges(examined, owner),
      advance: decision.advance,
      followers: more.followers,
    },
    facts,
  };
}

/** A refusal before anything was compared; it pays what a comparison costs. */
async function refuseUnseen(
  progress: Progress,
  examined: Examined,
  refused: Refused,
): Promise<RefusedVerdict> {
  await payDecoy(progress, examined.policy);
  return refusedUnseen(examined, refused);
}

/** Once an attempt, and not when it already paid for a plan of its own. */
async function payDecoy(progress: Progress, policy: EffectivePolicy): Promise<void> {
  const { context } = progress;
  if (progress.planned !== null) await progress.planned.tape.complete();
  else {
    progress.decoy ??= createMacTape(context.module, planDecoy(policy), [], context.logon);
    await progress.decoy.complete();
  }
  await payForLooking(progress, policy);
}
