import { accountState } from '../domain/account.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import { refusedFor } from '../domain/lock.ts';
import type { UserWithAuthenticators } from '../domain/model.ts';
import type { Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  decideVerification,
  planDecoy,
  planVerification,
  type VerificationDecision,
  type VerificationInput,
  type VerificationPlan,
} from '../domain/verification.ts';
import { TallystickError } from '../errors.ts';
import { requirePermission } from './administration/access.ts';
import { openAnswerSlot, plainCodec } from './answers.ts';
import type { AcceptedAnswer, AuthenticateAnswer, AuthenticateRequest, Caller } from './api.ts';
import { findIssuedChallenge, parseTarget, positionFacts, type Reading } from './attempt.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import {
  applicationNameOf,
  costFacts,
  type Examined,
  ownerOf,
  refusedBefore,
  refusedCompared,
  refusedUnseen,
  type RefusedVerdict,
  successChanges,
  type Verdict,
} from './verdicts.ts';

type AuthenticateVerdict = Verdict<AcceptedAnswer>;
type Accepted = Extract<VerificationDecision, { kind: 'accepted' }>;

/** What outlives a round: the plan and its MACs, so that none is computed twice. */
interface Progress {
  readonly context: Context;
  readonly request: AuthenticateRequest;
  readonly nowMs: number;
  planned: { readonly plan: VerificationPlan; readonly tape: MacTape; readonly key: string } | null;
  decoy: MacTape | null;
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
  const progress: Progress = { context, request, nowMs, planned: null, decoy: null };
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
  const issued = await findIssuedChallenge(context, caller, userId, request.challenge);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedBefore('user-unknown', { kind: 'decoy' });
  }
  const account = accountState(found.user, policy, nowMs);
  const examined: Examined = {
    user: found.user,
    domainName: domain?.name ?? '',
    account,
    policy,
    issued: [issued],
  };
  if (account.state === 'refused') {
    return refuseUnseen(progress, examined, refusedFor(account.code));
  }
  return verify(progress, examined, found);
}

async function verify(
  progress: Progress,
  examined: Examined,
  found: UserWithAuthenticators,
): Promise<AuthenticateVerdict> {
  const { request, nowMs } = progress;
  const { policy, issued } = examined;
  const eligible = eligibleAuthenticators(
    {
      authenticators: found.authenticators,
      serial: request.serial,
      applicationName: request.applicationName,
      purpose: 'verify',
    },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const input: VerificationInput = {
    candidatesFrom: eligible.authenticators,
    response: request.response,
    challenge: request.challenge,
    issuedChallenge: issued[0] ?? null,
  };
  const key = planKey(input.candidatesFrom, issued);
  if (progress.planned?.key !== key) {
    const planning = planVerification(input, nowMs, policy);
    if (planning.kind === 'refused') return refuseUnseen(progress, examined, planning.refused);
    const { context } = progress;
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, input.candidatesFrom, context.logon);
    progress.planned = { plan, tape, key };
  }
  const { plan, tape } = progress.planned;
  const { decision, interruption } = await decide(plan, tape, input, nowMs, policy);
  return decision.kind === 'accepted'
    ? accept(decision, examined, found, tape)
    : refusedCompared(examined, decision, tape, interruption);
}

type Decided = Exclude<VerificationDecision, { kind: 'undecided' }>;

/**
 * MACs chunk by chunk; an acceptance stops after its chunk, a refusal pays for the whole plan. When
 * the module fails after a chunk that decided nothing, the response was found wrong there: that
 * refuses it, or whoever makes the module fail could guess for nothing.
 *
 * @throws TallystickError when the module failed before anything was compared
 */
async function decide(
  plan: VerificationPlan,
  tape: MacTape,
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): Promise<{ readonly decision: Decided; readonly interruption: TallystickError | null }> {
  let decision: VerificationDecision = { kind: 'undecided' };
  try {
    if (tape.marks().length === 0) await tape.extend();
    for (;;) {
      const { candidatesFrom } = input;
      decision = decideVerification(plan, tape.marks(), candidatesFrom, input, nowMs, policy);
      if (decision.kind === 'refused') await tape.complete();
      if (decision.kind !== 'undecided') return { decision, interruption: null };
      await tape.extend();
    }
  } catch (error) {
    if (!tape.hasMac()) throw error;
    const refused = decision.kind === 'refused' ? decision : incorrect;
    return { decision: refused, interruption: faultOf(error) };
  }
}

const incorrect: Decided = { kind: 'refused', refused: refusedFor('response-incorrect') };

/** What is to be thrown later; a defect of ours must not undo the count either. */
function faultOf(error: unknown): TallystickError {
  if (error instanceof TallystickError) return error;
  return new TallystickError('internal', 'The comparison failed.', { cause: error });
}

function accept(
  decision: Accepted,
  examined: Examined,
  found: UserWithAuthenticators,
  tape: MacTape,
): AuthenticateVerdict {
  const { user, domainName, account } = examined;
  const owner = ownerOf(decision.authenticatorId, found);
  const { serial } = owner.authenticator;
  const applicationName = applicationNameOf(decision.applicationId, owner);
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
      followers: [],
    },
    facts: {
      serial,
      application: applicationName,
      ...positionFacts(decision.position),
      driftSecondsBefore: decision.driftSecondsBefore,
      driftSecondsAfter: decision.driftSecondsAfter,
      ...costFacts(tape),
      ...(account.state === 'auto-unlock' ? { unlocked: true } : {}),
    },
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
  if (progress.planned !== null) return progress.planned.tape.complete();
  progress.decoy ??= createMacTape(context.module, planDecoy(policy), [], context.logon);
  await progress.decoy.complete();
}
