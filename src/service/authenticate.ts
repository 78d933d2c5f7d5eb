import { accountState } from '../domain/account.ts';
import { isOutlived, type IssuedChallenges } from '../domain/challenge.ts';
import { localAuthenticationOf } from '../domain/grace.ts';
import { refusedFor } from '../domain/lock.ts';
import type { IssuedOtp, User } from '../domain/model.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { passwordsPaidFor, sendsOtps } from '../domain/requests.ts';
import { askedOf } from '../domain/verification.ts';
import { requirePermission } from './administration/access.ts';
import { openAnswerSlot, plainCodec } from './answers.ts';
import type {
  AcceptedAnswer,
  AuthenticateAnswer,
  AuthenticateRequest,
  Caller,
  IssuedAnswer,
  RefusedAnswer,
} from './api.ts';
import { findPresentedChallenge, nobodyId, parseTarget, type Reading } from './attempt.ts';
import { faultOf } from './comparing.ts';
import type { Context } from './deps.ts';
import { createPasswordTape } from './passwords/tape.ts';
import { createPinTape } from './pins.ts';
import { credentialParts, requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import { lookAlike, otpMacOf } from './two-step/issue.ts';
import { findEmergencyCodes, payForEmergency } from './verify/by-emergency.ts';
import { payDecoy, refuseUnseen } from './verify/by-response.ts';
import { isAnswering, judgeShown } from './verify/judge.ts';
import type { Progress, Purpose } from './verify/progress.ts';
import { type Examined, refusedBefore, refusedNobody, type Verdict } from './verdicts.ts';

const authentication: Purpose<AcceptedAnswer | IssuedAnswer> = {
  action: 'authenticate',
  codec: plainCodec<AuthenticateAnswer>(),
  finish: (answer) => ({ kind: 'answer', answer, openSession: null }),
  issued: (answer) => answer,
  demandsPassword: () => false,
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
      parts: [...about, challenge, challengeKey, serial, applicationName, request.hostCode ?? null],
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
    second: { searched: null, decoy: null, ahead: null },
    passwords: null,
    delivered: null,
    comparedOtps: 0,
    comparedEmergency: 0,
  };
  return decideInRounds(context, { action, caller, target, nowMs }, slot, (reading) =>
    examine(progress, reading),
  );
}

async function examine<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  reading: Reading,
): Promise<Verdict<Success>> {
  const { component } = reading;
  if (component === null) return refusedBefore('component-unknown');
  const { policy } = component;
  if (policy.localAuthentication === 'none') return refusedBefore('nothing-verifies');
  const verdict = await judge(progress, reading, policy);
  if (verdict.kind === 'success' || verdict.fault !== null) return verdict;
  try {
    await payForRequests(progress, policy);
    if (progress.purpose.issued === null || isAnswering(progress.request)) return verdict;
    const looksLike = await lookAlike(progress, policy);
    if (looksLike === null) return verdict;
    return { ...verdict, toldAs: progress.purpose.issued(looksLike) };
  } catch (error) {
    // What was found wrong counts all the same, or whoever keeps us busy could guess for nothing.
    return { ...verdict, fault: faultOf(error) };
  }
}

async function judge<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  { domain, found }: Reading,
  policy: EffectivePolicy,
): Promise<Verdict<Success>> {
  const { context, caller, request, nowMs } = progress;
  const userId = found?.user.id ?? null;
  const now = { policy, nowMs };
  const presented = await findPresentedChallenge(context, caller, userId, request, now);
  const openOtp = await findOpenOtp(progress, userId, policy);
  const emergencyCodes = await findEmergencyCodes(context, userId, policy);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedNobody(policy);
  }
  const account = accountState(found.user, policy, nowMs);
  const { text: challenge } = presented;
  const issued = withoutOutlived(presented.issued, found.user);
  const { given } = issued;
  const own = policyOf(found.user, policy);
  const examined: Examined = {
    user: found.user,
    domainName: domain?.name ?? '',
    account,
    policy: own,
    issued: [askedOf({ challenge, issued }, own).issued],
  };
  if (account.state === 'refused') {
    return refuseUnseen(progress, examined, refusedFor(account.code));
  }
  if (own.localAuthentication === 'none') {
    return refuseUnseen(progress, examined, refusedFor('nothing-verifies'));
  }
  if (presented.isUnknownHandle) {
    return refuseUnseen(progress, examined, refusedFor('challenge-expired'));
  }
  if (given !== null && isOutlived(given, found.user)) {
    return refuseUnseen(progress, examined, refusedFor('challenge-superseded'));
  }
  const shown = { presented: { ...presented, issued }, openOtp, emergencyCodes };
  return judgeShown(progress, examined, found, shown);
}

/** What is outlived is nobody's newest; what is answered by name is refused as such. */
function withoutOutlived({ given, newest }: IssuedChallenges, user: User): IssuedChallenges {
  return { given, newest: newest === null || isOutlived(newest, user) ? null : newest };
}

/** Nobody of another component, and nothing that was named by its key. */
function findOpenOtp<Success extends { readonly outcome: string }>(
  { context, caller, request, nowMs }: Progress<Success>,
  userId: string | null,
  policy: EffectivePolicy,
): Promise<IssuedOtp | null> {
  if (isAnswering(request) || !sendsOtps(policy)) return Promise.resolve(null);
  return context.store.openOtp(userId ?? nobodyId, caller.componentType, nowMs);
}

/** The policy as it is for this user. */
function policyOf(user: User, policy: EffectivePolicy): EffectivePolicy {
  if (user.localAuthentication === null) return policy;
  return { ...policy, localAuthentication: localAuthenticationOf(user, policy) };
}

/** What a refusal pays for passwords and one-time passwords, whoever it is about. */
async function payForRequests<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  policy: EffectivePolicy,
): Promise<void> {
  const { context, request, purpose } = progress;
  const mayLogOn =
    policy.localAuthentication === 'authenticator-or-password' ||
    policy.localAuthentication === 'password-in-grace';
  const isAnswer = isAnswering(request);
  const isDemanded = purpose.demandsPassword(policy);
  const use = { mayLogOn, isAnswer, isDemanded };
  const passwords = passwordsPaidFor(request.credential, use, policy);
  progress.passwords ??= { tape: createPasswordTape(context, null), key: '' };
  await progress.passwords.tape.complete(passwords);
  await payForEmergency(progress, policy);
  if (!sendsOtps(policy) || progress.comparedOtps > 0) return;
  progress.comparedOtps += 1;
  await otpMacOf(context, nobodyId, '000000');
}
