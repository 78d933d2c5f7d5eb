import { createHash } from 'node:crypto';
import { forgivesApplication, forgivesUser, signaturePolicy } from '../domain/application-use.ts';
import { syncAccountState } from '../domain/account.ts';
import { noIssuedChallenges } from '../domain/challenge.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import type { EmergencyCode } from '../domain/emergency.ts';
import { tokenReturned } from '../domain/emergency-verification.ts';
import { localAuthenticationOf } from '../domain/grace.ts';
import { refusedFor } from '../domain/lock.ts';
import type {
  Application,
  AuthenticatorWithApplications,
  UserWithAuthenticators,
} from '../domain/model.ts';
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
import {
  type Facts,
  organisationalUnitOf,
  parseTarget,
  positionFacts,
  type Reading,
} from './attempt.ts';
import { applicationsOf, compare } from './comparing.ts';
import type { Context } from './deps.ts';
import { wishedHostCode } from './host-code.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { invalidMember } from './problems.ts';
import { requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import {
  costFacts,
  type Examined,
  nothingElse,
  ownerOf,
  refusedBefore,
  refusedCompared,
  refusedNobody,
  refusedProven,
  refusedUnseen,
  type RefusedVerdict,
  successChanges,
  type SuccessChanges,
  userIssue,
  type Verdict,
} from './verdicts.ts';
import { findEmergencyCodes } from './verify/by-emergency.ts';
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
      parts: [
        userName,
        domainName,
        signature,
        question,
        serial,
        applicationName,
        request.hostCode ?? null,
      ],
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
  const codes = await findEmergencyCodes(progress.context, found?.user.id ?? null, policy);
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
  return judge(progress, examined, found, codes);
}

async function judge(
  progress: Progress,
  examined: Examined,
  found: UserWithAuthenticators,
  codes: readonly EmergencyCode[],
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
    return succeed(progress, decision, examined, found, codes);
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

/**
 * Unless a code stands in for the device, or a host code is required that it can't have: then the
 * signature is used up all the same, as at a logon.
 */
async function succeed(
  { context, request, question, planned, nowMs }: Progress,
  decision: Accepted,
  examined: Examined,
  found: UserWithAuthenticators,
  codes: readonly EmergencyCode[],
): Promise<Verdict<AcceptedSignature>> {
  const owner = ownerOf(decision.authenticatorId, found);
  const application = owner.applications.find(({ id }) => id === decision.applicationId);
  if (application === undefined) throw new RangeError('a decision is about what was read');
  const { serial } = owner.authenticator;
  const { position, driftSecondsBefore, driftSecondsAfter } = decision;
  const facts: Facts = {
    serial,
    application: application.name,
    ...positionFacts(position),
    driftSecondsBefore,
    driftSecondsAfter,
    ...(planned === null ? {} : costFacts(planned.tape)),
  };
  const returned = tokenReturned(codes, owner, nowMs, examined.policy);
  const endedIds = returned.kind === 'denied' ? [] : returned.endedIds;
  const changes = changesOf(decision, examined, found, { owner, application, endedIds });
  if (returned.kind === 'denied') {
    return refusedProven(refusedFor('emergency-in-force'), changes, facts);
  }
  const asked = await wishedHostCode(
    context,
    request.hostCode ?? 'none',
    owner.authenticator,
    application,
    {
      response: planned?.plan.readings.get(application.id)?.response,
      challenge: question,
      position,
    },
  );
  if (asked.kind === 'refused') return refusedProven(asked.refused, changes, facts);
  const { hostCode } = asked;
  const answer: AcceptedSignature = {
    outcome: 'signature-accepted',
    userName: examined.user.userName,
    domainName: examined.domainName,
    organisationalUnit: await organisationalUnitOf(context, examined.user),
    serial,
    applicationName: application.name,
    ...(hostCode === null ? {} : { hostCode }),
  };
  if (endedIds.length > 0) facts['emergency'] = 'returned';
  return { kind: 'success', answer, changes, facts };
}

function changesOf(
  { advance }: Accepted,
  examined: Examined,
  found: UserWithAuthenticators,
  {
    owner,
    application,
    endedIds,
  }: {
    readonly owner: AuthenticatorWithApplications;
    readonly application: Application;
    readonly endedIds: readonly string[];
  },
): SuccessChanges {
  const written = successChanges(examined, owner);
  return {
    ...written,
    ...nothingElse,
    user: forgivesUser(found) ? written.user : userIssue(examined),
    advance: { ...advance, isForgiving: forgivesApplication(application) },
    followers: [],
    emergencyMarks: endedIds.map((codeId) => ({ codeId, mark: 'returned' })),
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
