import { algorithmMode } from '../domain/application.ts';
import type { EmergencyCode } from '../domain/emergency.ts';
import { tokenReturned } from '../domain/emergency-verification.ts';
import type {
  Application,
  Authenticator,
  PinChange,
  UserWithAuthenticators,
} from '../domain/model.ts';
import type { RefusalCode } from '../domain/outcomes.ts';
import { refusedFor } from '../domain/lock.ts';
import type { SynchronisationDecision } from '../domain/resync.ts';
import { type PinOutcome, pinOutcome } from '../domain/server-pin.ts';
import type { VerificationDecision, VerificationPlan } from '../domain/verification.ts';
import type { AcceptedAnswer, HostCodeWish } from './api.ts';
import { type Facts, organisationalUnitOf, positionFacts } from './attempt.ts';
import type { Context } from './deps.ts';
import { type HostCodeFound, wishedHostCode } from './host-code.ts';
import type { MacTape } from './mac-tape.ts';
import { newPinVerifier } from './pins.ts';
import type { Session } from './store.ts';
import {
  costFacts,
  type Examined,
  ownerOf,
  refusedProven,
  successChanges,
  type SuccessChanges,
  type Verdict,
} from './verdicts.ts';

type Accepted = Extract<VerificationDecision, { kind: 'accepted' }>;
type Synchronised = Extract<SynchronisationDecision, { kind: 'synchronised' }>;

/** What a verified person gets, or why he gets nothing although PIN and response were right. */
export type Finished<Success> =
  | {
      readonly kind: 'answer';
      readonly answer: Success;
      readonly openSession: Session | null;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode };

/**
 * The device that a person was verified by, under what assignment and epoch, his PIN from now on, and the
 * static password that stood in front of it; null where none was demanded, or it is not kept here.
 */
export interface ProvenBy {
  readonly userId: string;
  readonly authenticatorId: string;
  readonly applicationId: string;
  readonly assignmentVersion: number;
  readonly pinVersion: number;
  readonly passwordVersion: number | null;
  readonly epoch: number;
}

/**
 * Asked once a round, when everything else was right; `nowMs` is the attempt's (Unix milliseconds).
 * `provenBy` is null where no device's response was shown.
 */
export type Finish<Success> = (
  accepted: AcceptedAnswer,
  examined: Pick<Examined, 'user' | 'policy'>,
  nowMs: number,
  provenBy: ProvenBy | null,
) => Finished<Success> | Promise<Finished<Success>>;

/** What stands behind an acceptance. */
export interface Proof<Success> {
  readonly context: Context;
  readonly examined: Examined;
  readonly nowMs: number;
  readonly found: UserWithAuthenticators;
  /** Of the user, where such codes are good at the server. */
  readonly emergencyCodes: readonly EmergencyCode[];
  /** Of the static password that was demanded and right; else null. */
  readonly passwordVersion: number | null;
  readonly plan: VerificationPlan;
  readonly tape: MacTape;
  readonly finish: Finish<Success>;
  /** Whether a host code is asked for, and the challenge that was answered. */
  readonly hostCode: { readonly wish: HostCodeWish; readonly challenge: string | null };
}

/** A response at a position that nobody has used. */
export async function accept<Success>(
  decision: Accepted,
  proof: Proof<Success>,
): Promise<Verdict<Success>> {
  return succeed(decision, proof, [], {});
}

/** The second of two consecutive responses, of which the first was remembered. */
export async function acceptSecond<Success>(
  decision: Synchronised,
  proof: Proof<Success>,
): Promise<Verdict<Success>> {
  return succeed(decision, proof, decision.followers, { secondOtpSync: true });
}

async function succeed<Success>(
  decision: Omit<Accepted, 'kind'>,
  proof: Proof<Success>,
  followers: SuccessChanges['followers'],
  moreFacts: Facts,
): Promise<Verdict<Success>> {
  const { examined, tape } = proof;
  const { account } = examined;
  const owner = ownerOf(decision.authenticatorId, proof.found);
  const application = owner.applications.find(({ id }) => id === decision.applicationId);
  if (application === undefined) throw new RangeError('a decision is about what was read');
  const { serial } = owner.authenticator;
  const facts = factsOf(decision, { serial, name: application.name }, tape, moreFacts);
  if (account.state === 'auto-unlock') facts['unlocked'] = true;
  const outcome = pinOutcomeOf(proof, application);
  const pinChange =
    outcome.kind === 'changed' ? await newPin(proof, application, outcome.pin) : null;
  const returned = tokenReturned(proof.emergencyCodes, owner, proof.nowMs, examined.policy);
  const endedIds = returned.kind === 'denied' ? [] : returned.endedIds;
  const written = successChanges(examined, owner);
  const { passwordVersion } = proof;
  const accepting = { decision, application, followers, written, endedIds, passwordVersion };
  if (returned.kind === 'denied') {
    return refusedProven(refusedFor('emergency-in-force'), changesOf(accepting, null, null), facts);
  }
  if (endedIds.length > 0) facts['emergency'] = 'returned';
  if (outcome.kind === 'refused') {
    return refusedProven(outcome.refused, changesOf(accepting, null, null), facts);
  }
  const found = await askedHostCode(proof, decision, owner.authenticator, application);
  if (found.kind === 'refused') {
    return refusedProven(found.refused, changesOf(accepting, null, null), facts);
  }
  const { hostCode } = found;
  return conclude(proof, owner.authenticator, accepting, { pinChange, hostCode, facts });
}

/** Ends as the purpose says, once nothing is left to be refused. */
async function conclude<Success>(
  proof: Proof<Success>,
  authenticator: Authenticator,
  accepting: Accepting,
  found: {
    readonly pinChange: PinChange | null;
    readonly hostCode: string | null;
    readonly facts: Facts;
  },
): Promise<Verdict<Success>> {
  const { context, examined, nowMs, finish } = proof;
  const { user } = examined;
  const { application } = accepting;
  const { pinChange, hostCode, facts } = found;
  const unit =
    user.organisationalUnitId === null ? null : await organisationalUnitOf(context, user);
  const finished = await finish(
    {
      outcome: 'accepted',
      userName: user.userName,
      domainName: examined.domainName,
      organisationalUnit: unit,
      by: 'response',
      serial: authenticator.serial,
      applicationName: application.name,
      pinChanged: pinChange !== null,
      passwordExpiresAtMs: null,
      ...(hostCode === null ? {} : { hostCode }),
    },
    examined,
    nowMs,
    subjectOf(accepting, proof, authenticator, pinChange !== null),
  );
  if (finished.kind === 'refused') {
    return refusedProven(refusedFor(finished.code), changesOf(accepting, null, null), facts);
  }
  if (pinChange !== null) facts['pinChanged'] = true;
  const { answer, openSession } = finished;
  return {
    kind: 'success',
    answer,
    changes: changesOf(accepting, pinChange, openSession),
    facts,
  };
}

/** For whom a package may be made, as things are once the acceptance is written. */
function subjectOf(
  { application, passwordVersion }: Accepting,
  { examined, plan }: Proof<unknown>,
  authenticator: Authenticator,
  isPinChanged: boolean,
): ProvenBy {
  const isPinProven = plan.readings.get(application.id)?.isPinProven === true;
  return {
    userId: examined.user.id,
    authenticatorId: authenticator.id,
    applicationId: application.id,
    assignmentVersion: authenticator.assignmentVersion,
    pinVersion: application.pin.version + (isPinChanged ? 1 : 0),
    // A PIN that came with the request stood behind no password.
    passwordVersion: isPinProven ? null : passwordVersion,
    epoch: application.epoch,
  };
}

/** Before anything is written: where the module fails, the response is still good. */
function askedHostCode<Success>(
  { context, plan, hostCode: { wish, challenge } }: Proof<Success>,
  { position }: Omit<Accepted, 'kind'>,
  authenticator: Authenticator,
  application: Application,
): Promise<HostCodeFound> {
  const response = plan.readings.get(application.id)?.response;
  const exchange = { response, challenge, position };
  return wishedHostCode(context, wish, authenticator, application, exchange);
}

interface Accepting {
  readonly decision: Omit<Accepted, 'kind'>;
  readonly application: Application;
  readonly followers: SuccessChanges['followers'];
  readonly written: ReturnType<typeof successChanges>;
  /** Emergency codes that end because their device is shown. */
  readonly endedIds: readonly string[];
  readonly passwordVersion: number | null;
}

/** One literal for what is written: see `auditEntry`. */
function changesOf(
  { decision, application, followers, written, endedIds, passwordVersion }: Accepting,
  pinChange: SuccessChanges['pinChange'],
  openSession: Session | null,
): SuccessChanges {
  const isChallenged = algorithmMode(application.algorithm) === 'challenge-response';
  return {
    user: written.user,
    authenticator: written.authenticator,
    // Without a challenge it answered none, though one may be open (check mode 2).
    challengeIds: isChallenged ? written.challengeIds : [],
    advance: decision.advance,
    followers,
    pinChange,
    openSession,
    issue: null,
    backupUse: null,
    emergencyUse: null,
    emergencyMarks: endedIds.map((codeId) => ({ codeId, mark: 'returned' })),
    passwordVersion,
  };
}

/** Not spread: see `auditEntry`. */
function factsOf(
  { position, driftSecondsBefore, driftSecondsAfter }: Omit<Accepted, 'kind'>,
  { serial, name }: { readonly serial: string; readonly name: string },
  tape: MacTape,
  moreFacts: Facts,
): Facts {
  const facts: Facts = { serial, application: name, driftSecondsBefore, driftSecondsAfter };
  return Object.assign(facts, positionFacts(position), costFacts(tape), moreFacts);
}

/** What becomes of the PIN, now that it and the response are right. */
function pinOutcomeOf<Success>(
  { examined, plan }: Proof<Success>,
  { id, pin }: Application,
): PinOutcome {
  const nothing = { pin: null, newPin: null };
  return pinOutcome(pin, plan.readings.get(id) ?? nothing, examined.policy);
}

async function newPin<Success>(
  { context }: Proof<Success>,
  { id: applicationId, pin }: Application,
  text: string,
): Promise<PinChange> {
  const verifier = await newPinVerifier(context, applicationId, text);
  return { applicationId, pinVersion: pin.version, verifier };
}
