import { createHash } from 'node:crypto';
import { signaturePolicy } from '../domain/application-use.ts';
import { syncAccountState } from '../domain/account.ts';
import { noIssuedChallenges } from '../domain/challenge.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import { localAuthenticationOf } from '../domain/grace.ts';
import { refusedFor } from '../domain/lock.ts';
import type { AuthenticatorWithApplications, UserWithAuthenticators } from '../domain/model.ts';
import type { Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  planDecoy,
  planVerification,
  type VerificationDecision,
  type VerificationInput,
  type VerificationPlan,
} from '../domain/verification.ts';
import { OathError, signatureText } from '../oath/index.ts';
import { requirePermission } from './administration/access.ts';
import { openAnswerSlot, plainCodec } from './answers.ts';
import type { Caller, RefusedAnswer, SignatureAnswer, SignatureRequest } from './api.ts';
import { organisationalUnitOf, parseTarget, positionFacts, type Reading } from './attempt.ts';
import { applicationsOf, compare } from './comparing.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { invalidMember } from './problems.ts';
import { requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import {
  applicationNameOf,
  costFacts,
  type Examined,
  nothingElse,
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

type AcceptedSignature = Exclude<SignatureAnswer, RefusedAnswer>;
type Accepted = Extract<VerificationDecision, { kind: 'accepted' }>;

/** What outlives a round: the plan and its MACs, so that none is computed twice. */
interface Progress {
  readonly context: Context;
  readonly request: SignatureRequest;
  /** What stands for the data fields. */
  readonly question: string;
  readonly nowMs: number;
  planned: { readonly plan: VerificationPlan; readonly tape: MacTape; readonly key: string } | null;
  decoy: MacTape | null;
}

const noPins: ReadonlySet<string> = new Set();

/**
 * Verifies a signature over data fields: it is accepted once, as a response to a challenge is whose
 * text is the digest of the fields. A locked user stays locked, and a wrong signature counts.
 *
 * @throws TallystickError as `authenticate`
 */
export async function verifySignature(
  context: Context,
  caller: Caller,
  request: SignatureRequest,
): Promise<SignatureAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = parseTarget(request);
  const { userName, domainName, signature, fields, serial, applicationName } = request;
  requireBoundedMembers({ domainName, serial, applicationName, passwords: { signature } });
  const question = questionOf(fields);
  const slot = await openAnswerSlot(
    context,
    { caller, nowMs, operation: 'verify-signature' },
    {
      requestKey: request.requestKey,
      parts: [userName, domainName, signature, question, serial, applicationName],
    },
    plainCodec<SignatureAnswer>(),
  );
  const progress: Progress = { context, request, question, nowMs, planned: null, decoy: null };
  return decideInRounds(
    context,
    { action: 'verify-signature', caller, target, nowMs },
    slot,
    (reading) => examine(progress, reading),
  );
}

/** The SHA-1 of the canonical text, as `emu-sign-1` says: nothing of it is secret. */
function questionOf(fields: readonly string[]): string {
  try {
    return createHash('sha1').update(signatureText(fields)).digest('hex');
  } catch (error) {
    if (error instanceof OathError) throw invalidMember('fields', error.message);
    throw error;
  }
}

async function examine(
  progress: Progress,
  { component, domain, found }: Reading,
): Promise<Verdict<AcceptedSignature>> {
  if (component === null) return refusedBefore('component-unknown');
  if (component.policy.localAuthentication === 'none') return refusedBefore('nothing-verifies');
  const policy = signaturePolicy(component.policy);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedNobody(policy);
  }
  const { user } = found;
  const account = syncAccountState(user, policy, progress.nowMs);
  const own = { ...policy, localAuthentication: localAuthenticationOf(user, policy) };
  const domainName = domain?.name ?? '';
  const examined: Examined = { user, domainName, account, policy: own, issued: [] };
  if (account.state === 'refused') {
    return refuseUnseen(progress, examined, refusedFor(account.code));
  }
  return judge(progress, examined, found);
}

async function judge(
  progress: Progress,
  examined: Examined,
  found: UserWithAuthenticators,
): Promise<Verdict<AcceptedSignature>> {
  const { context, request, question, nowMs } = progress;
  const { serial, applicationName, signature } = request;
  const { policy } = examined;
  const { authenticators } = found;
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName, purpose: 'verify-signature' },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const candidatesFrom = eligible.authenticators.map(forSigning);
  const input: VerificationInput = {
    candidatesFrom,
    credential: { format: 'combined', text: signature },
    challenge: question,
    issued: noIssuedChallenges,
  };
  const key = planKey(candidatesFrom, []);
  if (progress.planned?.key !== key) {
    const planning = planVerification(input, nowMs, policy);
    if (planning.kind === 'refused') return refuseUnseen(progress, examined, planning.refused);
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, candidatesFrom, context.logon);
    progress.planned = { plan, tape, key };
  }
  const { plan, tape } = progress.planned;
  const { decision, interruption } = await compare(plan, tape, noPins, input, nowMs, policy);
  if (decision.kind === 'accepted') {
    return succeed(progress, decision, examined, ownerOf(decision.authenticatorId, found));
  }
  return refusedCompared(examined, decision, {
    tape,
    applications: applicationsOf(plan),
    isSearched: false,
    facts: windowFacts(plan, input, nowMs, policy),
    interruption,
  });
}

/**
 * A device that signs asks for no server PIN, and of one in two modes only signatures are looked for:
 * no challenge is as long as the digest.
 */
function forSigning({
  authenticator,
  applications,
}: AuthenticatorWithApplications): AuthenticatorWithApplications {
  return {
    authenticator,
    applications: applications.map((application) => ({
      ...application,
      mode: 'signature',
      pin: { ...application.pin, isEnabled: false, verifier: null },
    })),
  };
}

async function succeed(
  { context, planned }: Progress,
  { applicationId, advance, position, driftSecondsBefore, driftSecondsAfter }: Accepted,
  examined: Examined,
  owner: AuthenticatorWithApplications,
): Promise<Verdict<AcceptedSignature>> {
  const { serial } = owner.authenticator;
  const applicationName = applicationNameOf(applicationId, owner);
  return {
    kind: 'success',
    answer: {
      outcome: 'signature-accepted',
      userName: examined.user.userName,
      domainName: examined.domainName,
      organisationalUnit: await organisationalUnitOf(context, examined.user),
      serial,
      applicationName,
    },
    changes: { ...successChanges(examined, owner), ...nothingElse, advance, followers: [] },
    facts: {
      serial,
      application: applicationName,
      ...positionFacts(position),
      driftSecondsBefore,
      driftSecondsAfter,
      ...(planned === null ? {} : costFacts(planned.tape)),
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

async function payDecoy(progress: Progress, policy: EffectivePolicy): Promise<void> {
  const { context, planned } = progress;
  if (planned !== null) return planned.tape.complete();
  progress.decoy ??= createMacTape(context.module, planDecoy(policy), [], context.logon);
  await progress.decoy.complete();
}
