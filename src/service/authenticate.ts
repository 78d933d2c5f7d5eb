import { accountState } from '../domain/account.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import { refusedFor } from '../domain/lock.ts';
import type { UserWithAuthenticators } from '../domain/model.ts';
import type { Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  askedOf,
  planDecoy,
  planVerification,
  type VerificationInput,
  type VerificationPlan,
} from '../domain/verification.ts';
import { accept, acceptSecond, type Finish, type Proof } from './accept.ts';
import { requirePermission } from './administration/access.ts';
import { type AnswerCodec, openAnswerSlot, plainCodec } from './answers.ts';
import type {
  AcceptedAnswer,
  AuthenticateAnswer,
  AuthenticateRequest,
  Caller,
  RefusedAnswer,
} from './api.ts';
import {
  findPresentedChallenge,
  parseTarget,
  type PresentedChallenge,
  type Reading,
} from './attempt.ts';
import { applicationsOf, compare, faultOf } from './comparing.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { createPinTape, type PinTape } from './pins.ts';
import { credentialParts, requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import { lookFurther, payForLooking, type SecondLook } from './second-look.ts';
import {
  type Examined,
  refusedBefore,
  refusedCompared,
  refusedNobody,
  refusedUnread,
  refusedUnseen,
  type RefusedVerdict,
  type Verdict,
} from './verdicts.ts';
import { windowFacts } from './window-facts.ts';

/** What a person is verified for, and what comes of it when he is. */
export interface Purpose<Success extends { readonly outcome: string }> {
  readonly action: 'authenticate' | 'logon';
  readonly codec: AnswerCodec<Success | RefusedAnswer>;
  readonly finish: Finish<Success>;
}

/** What outlives a round: the plan, its MACs and its PINs, so that none is computed twice. */
interface Progress<Success extends { readonly outcome: string }> {
  readonly context: Context;
  readonly caller: Caller;
  readonly request: AuthenticateRequest;
  readonly purpose: Purpose<Success>;
  readonly nowMs: number;
  planned: {
    readonly plan: VerificationPlan;
    readonly tape: MacTape;
    readonly pins: PinTape;
    readonly key: string;
  } | null;
  decoy: MacTape | null;
  readonly decoyPins: PinTape;
  readonly second: SecondLook;
}

const authentication: Purpose<AcceptedAnswer> = {
  action: 'authenticate',
  codec: plainCodec<AuthenticateAnswer>(),
  finish: (answer) => ({ kind: 'answer', answer, openSession: null }),
};

/**
 * Verifies one credential. A response is accepted once: what it uses up is durable before the answer
 * leaves, by conditions that hold for one of any number of attempts at once. The PIN is looked at
 * first, then the response, then a new PIN. Every refusal costs the module and the database the same,
 * whether the user exists, is locked or has no authenticator.
 *
 * @throws TallystickError `forbidden`, `request-invalid`, `request-key-reused`, or a technical
 *   fault, which neither counts nor uses up anything
 */
export function authenticate(
  context: Context,
  caller: Caller,
  request: AuthenticateRequest,
): Promise<AuthenticateAnswer> {
  return verifyPerson(context, caller, request, authentication);
}

/**
 * Verifies as `authenticate`, and ends as the purpose says, in the same decision.
 *
 * @throws TallystickError as `authenticate`
 */
export async function verifyPerson<Success extends { readonly outcome: string }>(
  context: Context,
  caller: Caller,
  request: AuthenticateRequest,
  purpose: Purpose<Success>,
): Promise<Success | RefusedAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = parseTarget(request);
  requireBoundedMembers(request);
  const { userName, domainName, credential, challenge, challengeKey } = request;
  const { serial, applicationName } = request;
  const { action, codec } = purpose;
  const about = [userName, domainName, ...credentialParts(credential)];
  const slot = await openAnswerSlot(
    context,
    { caller, nowMs, operation: action },
    {
      requestKey: request.requestKey,
      parts: [...about, challenge, challengeKey, serial, applicationName],
    },
    codec,
  );
  const progress: Progress<Success> = {
    context,
    caller,
    request,
    purpose,
    nowMs,
    planned: null,
    decoy: null,
    decoyPins: createPinTape(context, context.logon),
    second: { searched: null, decoy: null },
  };
  return decideInRounds(context, { action, caller, target, nowMs }, slot, (reading) =>
    examine(progress, reading),
  );
}

async function examine<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  { component, domain, found }: Reading,
): Promise<Verdict<Success>> {
  if (component === null) return refusedBefore('component-unknown');
  const { policy } = component;
  if (policy.localAuthentication === 'none') return refusedBefore('nothing-verifies');
  const { context, caller, request, nowMs } = progress;
  const userId = found?.user.id ?? null;
  const now = { policy, nowMs };
  const presented = await findPresentedChallenge(context, caller, userId, request, now);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedNobody(policy);
  }
  const account = accountState(found.user, policy, nowMs);
  const { text: challenge, issued } = presented;
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
  if (presented.isUnknownHandle) {
    return refuseUnseen(progress, examined, refusedFor('challenge-expired'));
  }
  return verify(progress, examined, found, presented);
}

async function verify<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  { text: challenge, issued }: PresentedChallenge,
): Promise<Verdict<Success>> {
  const { request, nowMs, context } = progress;
  const { policy } = examined;
  const { serial, applicationName, credential } = request;
  const { authenticators } = found;
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName, purpose: 'verify' },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const candidatesFrom = eligible.authenticators;
  const input: VerificationInput = { candidatesFrom, credential, challenge, issued };
  const key = planKey(candidatesFrom, examined.issued);
  if (progress.planned?.key !== key) {
    const planning = planVerification(input, nowMs, policy);
    if (planning.kind === 'refused') {
      const { refused } = planning;
      if (refused.code !== 'response-incorrect') return refuseUnseen(progress, examined, refused);
      await payDecoy(progress, policy);
      return refusedUnread(examined, refused, nowMs, unreadOf(candidatesFrom));
    }
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, candidatesFrom, context.logon);
    const pins = createPinTape(context, context.logon, plan.pins);
    progress.planned = { plan, tape, pins, key };
  }
  const { plan, tape, pins } = progress.planned;
  const wrongPins = await pins.wrong();
  const compared = await compare(plan, tape, wrongPins, input, nowMs, policy);
  const { decision } = compared;
  const { finish } = progress.purpose;
  const proof: Proof<Success> = { context, examined, nowMs, found, plan, tape, finish };
  if (decision.kind === 'accepted') return accept(decision, proof);
  const looked = { key, plan, input, wrongPins, found, compared, policy };
  const further = await lookFurther(progress, looked);
  if (further.kind === 'synchronised') return acceptSecond(further.decision, proof);
  return refusedCompared(examined, decision, {
    tape,
    applications: applicationsOf(plan, further.notes),
    facts: { ...windowFacts(plan, input, nowMs, policy), ...further.facts },
    interruption: further.interruption ?? (await payPins(pins)),
  });
}

function unreadOf(
  authenticators: VerificationInput['candidatesFrom'],
): Parameters<typeof refusedUnread>[3] {
  return authenticators.flatMap(({ applications }) =>
    applications.map(({ id: applicationId, epoch }) => ({
      applicationId,
      epoch,
      pendingSync: null,
    })),
  );
}

/** After a comparison nothing may undo that the response was found wrong. */
async function payPins(pins: PinTape): Promise<ReturnType<typeof faultOf> | null> {
  try {
    await pins.complete();
    return null;
  } catch (error) {
    return faultOf(error);
  }
}

/** A refusal before anything was compared; it pays what a comparison costs. */
async function refuseUnseen<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  refused: Refused,
): Promise<RefusedVerdict> {
  await payDecoy(progress, examined.policy);
  return refusedUnseen(examined, refused);
}

/** Once an attempt, and not when it already paid for a plan of its own. */
async function payDecoy<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  policy: EffectivePolicy,
): Promise<void> {
  const { context, planned } = progress;
  if (planned !== null) {
    await planned.pins.complete();
    await planned.tape.complete();
  } else {
    await progress.decoyPins.complete();
    progress.decoy ??= createMacTape(context.module, planDecoy(policy), [], context.logon);
    await progress.decoy.complete();
  }
  await payForLooking(progress, policy);
}
