import { responseAlone } from '../../src/domain/credential.ts';
import { createHmac } from 'node:crypto';
import type {
  Application,
  ApplicationAdvance,
  Authenticator,
  AuthenticatorWithApplications,
  DriftFollower,
  IssuedChallenge,
  User,
} from '../../src/domain/model.ts';
import { foundWrong } from './pins.ts';
import { type EffectivePolicy, policyDefaults } from '../../src/domain/policy-catalogue.ts';
import { unusedState } from '../../src/domain/application.ts';
import { unsetPassword } from '../../src/domain/static-password.ts';
import { unknownContact, unsetBackup } from '../../src/domain/virtual-otp.ts';
import type { Candidate, Candidates } from '../../src/domain/candidate.ts';
import { type ComparisonPlan, markOf } from '../../src/domain/comparison.ts';
import {
  decideVerification,
  planVerification,
  type VerificationDecision,
  type VerificationInput,
  type VerificationPlan,
} from '../../src/domain/verification.ts';
import {
  decideSynchronisation,
  planSynchronisation,
  type SynchronisationDecision,
  type SynchronisationInput,
  type SynchronisationPart,
} from '../../src/domain/resync.ts';
import type { Refused } from '../../src/domain/outcomes.ts';
import {
  algorithmHash,
  digestBytes,
  parseEventCounter,
  parseResponseAlgorithm,
  parseTimeStep,
  readResponse,
  type ResponseAlgorithm,
  responseMessage,
} from '../../src/oath/index.ts';

/** Noon of a working day; a whole number of steps of any length used here. */
export const noonMs: number = Date.UTC(2026, 10, 23, 12);

export const hotp: ResponseAlgorithm = parseResponseAlgorithm({
  kind: 'event',
  hash: 'SHA1',
  digits: 6,
});

export function totp(timeStepSeconds = 30, timeOriginSeconds = 0): ResponseAlgorithm {
  return parseResponseAlgorithm({
    kind: 'time',
    hash: 'SHA1',
    digits: 6,
    timeStepSeconds,
    timeOriginSeconds,
  });
}

export function ocra(
  dataInput: string,
  options: { allowMissingQuestion?: boolean } = {},
): ResponseAlgorithm {
  const suite = `OCRA-1:HOTP-SHA1-6:${dataInput}`;
  return parseResponseAlgorithm({ kind: 'challenge-response', suite }, options);
}

export function policyWith(settings: Partial<EffectivePolicy> = {}): EffectivePolicy {
  return {
    ...policyDefaults,
    localAuthentication: 'authenticator-only',
    oneStepChallengeResponse: 'any-challenge',
    challengeCheckMode: 4,
    initialTimeWindowSeconds: 0,
    ...settings,
  };
}

/** Every PIN was right, or none was asked for. */
export const noWrongPins: ReadonlySet<string> = new Set();

export function userWith(set: Partial<User> = {}): User {
  return {
    id: 'user-1',
    domainId: 'domain-1',
    organisationalUnitId: null,
    administratorRole: null,
    userName: 'jane',
    isDisabled: false,
    expiresAtMs: null,
    lockCount: 0,
    lockedAtMs: null,
    lockedBy: null,
    unlockTries: 0,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
    contact: unknownContact,
    localAuthentication: null,
    password: unsetPassword,
    createdAtMs: noonMs,
    version: 1,
    ...set,
  };
}

export function applicationWith(
  algorithm: ResponseAlgorithm,
  set: Partial<Application> = {},
): Application {
  return {
    id: 'application-1',
    authenticatorId: 'authenticator-1',
    name: 'APP',
    mode: algorithm.kind === 'challenge-response' ? 'challenge-response' : 'response-only',
    algorithm,
    seed: {
      seedId: 'seed-1',
      residency: 'resident',
      blob: null,
      seedBytes: 20,
      padded: false,
      keyCheckValue: '00000000',
      origin: 'generated',
    },
    isDisabled: false,
    ...unusedState,
    createdAtMs: 0,
    version: 1,
    ...set,
  };
}

export function authenticatorWith(
  applications: readonly Application[],
  set: Partial<Authenticator> = {},
): AuthenticatorWithApplications {
  return {
    authenticator: {
      id: 'authenticator-1',
      serial: 'VT00000001',
      licenceSerial: 'VT00000001',
      model: 'VTGO1',
      isVirtual: false,
      isDisabled: false,
      expiresAtMs: null,
      userId: 'user-1',
      assignedAtMs: 0,
      assignmentVersion: 1,
      lastUsedAtMs: null,
      kind: 'device',
      graceEndsAtMs: null,
      backup: unsetBackup,
      createdAtMs: 0,
      version: 1,
      ...set,
    },
    applications,
  };
}

export function issuedWith(set: Partial<IssuedChallenge> = {}): IssuedChallenge {
  return {
    id: 'challenge-1',
    handle: '0123456789',
    userId: 'user-1',
    componentType: 'CLIENT',
    kind: '1-step',
    method: null,
    provenPins: [],
    userVersion: null,
    text: '12345678',
    issuedAtMs: noonMs,
    expiresAtMs: noonMs + 300_000,
    consumedAtMs: null,
    ...set,
  };
}

/** The MAC of a message under an application's seed. */
export type Mac = (application: Application, message: Uint8Array) => Uint8Array;

/** The real thing, under a key made of the application's id. */
export const realMac: Mac = (application, message) =>
  new Uint8Array(
    createHmac(algorithmHash(application.algorithm), application.id).update(message).digest(),
  );

/**
 * A stand-in under which no two messages have the same response: each gets the next number. A
 * property that holds only because responses rarely collide would be a matter of luck.
 */
export function injectiveMac(): Mac {
  const numbers = new Map<string, number>();
  return (application, message) => {
    const key = `${application.id}:${Buffer.from(message).toString('hex')}`;
    const number = numbers.get(key) ?? numbers.size + 1;
    numbers.set(key, number);
    const mac = Buffer.alloc(digestBytes(algorithmHash(application.algorithm)));
    mac.writeUInt32BE(number, 0);
    return new Uint8Array(mac);
  };
}

/** Where a device stands, and what it was asked. */
export interface Shown {
  readonly counter?: bigint;
  readonly step?: bigint;
  readonly challenge?: string;
}

export function responseAt(application: Application, shown: Shown, mac: Mac = realMac): string {
  const message = responseMessage(application.algorithm, {
    eventCounter: shown.counter === undefined ? undefined : parseEventCounter(shown.counter),
    timeStep: shown.step === undefined ? undefined : parseTimeStep(shown.step),
    question: shown.challenge,
  });
  return readResponse(application.algorithm, mac(application, message));
}

/** The 30-second step at an instant, `seconds` away from noon. */
export function stepAt(seconds = 0, timeStepSeconds = 30): bigint {
  return BigInt(Math.floor((noonMs / 1000 + seconds) / timeStepSeconds));
}

export function inputWith(
  candidatesFrom: readonly AuthenticatorWithApplications[],
  response: string,
  challenge: string | null = null,
  issuedChallenge: IssuedChallenge | null = null,
): VerificationInput {
  const issued = { given: issuedChallenge, newest: issuedChallenge };
  return { candidatesFrom, credential: responseAlone(response), challenge, issued };
}

/** The response of an input that is nothing else. */
export function responseIn({ credential }: VerificationInput): string {
  return credential.format === 'combined' ? credential.text : (credential.response ?? '');
}

export function planOf(
  input: VerificationInput,
  policy: EffectivePolicy,
  nowMs: number = noonMs,
): VerificationPlan {
  const planning = planVerification(input, nowMs, policy);
  if (planning.kind === 'refused') throw new Error(`refused: ${planning.refused.code}`);
  return planning.plan;
}

/** Candidates as an array: those of a synchronisation are made when they are asked for. */
export function listOf(candidates: Candidates): Candidate[] {
  return Array.from({ length: candidates.length }, (_, index) => candidates.at(index)!);
}

export function macsOf(
  candidates: Candidates,
  authenticators: readonly AuthenticatorWithApplications[],
  mac: Mac = realMac,
): Uint8Array[] {
  const all = authenticators.flatMap(({ applications }) => applications);
  const byId = new Map(all.map((application) => [application.id, application]));
  return listOf(candidates).map((one) => mac(byId.get(one.applicationId)!, one.message));
}

function markedAt(
  candidate: Candidate,
  mac: Uint8Array,
  responsesOf: ComparisonPlan['responsesOf'],
): number {
  return markOf(candidate, mac, responsesOf(candidate.applicationId));
}

/** What the service keeps of MACs: the mark of each candidate so far, 0 without a MAC. */
export function marksOf(
  { candidates, responsesOf }: ComparisonPlan,
  macs: readonly (Uint8Array | null)[],
): Uint8Array {
  return Uint8Array.from(macs, (mac, index) =>
    mac === null ? 0 : markedAt(candidates.at(index)!, mac, responsesOf),
  );
}

export type Outcome =
  VerificationDecision | { readonly kind: 'refused'; readonly refused: Refused };

/** Plan, MACs chunk by chunk, decide: what the service does without its effects. */
export function verify(
  input: VerificationInput,
  policy: EffectivePolicy,
  nowMs: number = noonMs,
  mac: Mac = realMac,
): Outcome {
  const planning = planVerification(input, nowMs, policy);
  if (planning.kind === 'refused') return planning;
  const { plan } = planning;
  const macs = macsOf(plan.candidates, input.candidatesFrom, mac);
  for (const end of plan.chunkEnds) {
    const decision = decideVerification(
      plan,
      marksOf(plan, macs.slice(0, end)),
      foundWrong(plan.pins),
      input.candidatesFrom,
      input,
      nowMs,
      policy,
    );
    if (decision.kind !== 'undecided') return decision;
  }
  throw new Error('undecided after the last chunk');
}

export function partWith(
  response: string,
  challenge: string | null = null,
  issuedChallenge: IssuedChallenge | null = null,
): SynchronisationPart {
  return { response, challenge, issuedChallenge };
}

export type SyncOutcome =
  SynchronisationDecision | { readonly kind: 'refused'; readonly refused: Refused };

export function synchronise(
  input: SynchronisationInput,
  policy: EffectivePolicy,
  nowMs: number = noonMs,
  mac: Mac = realMac,
): SyncOutcome {
  const planning = planSynchronisation(input, nowMs, policy);
  if (planning.kind === 'refused') return planning;
  const { plan } = planning;
  const macs = macsOf(plan.candidates, [input.authenticator], mac);
  return decideSynchronisation(
    plan,
    marksOf(plan, macs),
    foundWrong(plan.pins),
    input.authenticator,
    input,
    nowMs,
    policy,
  );
}

/** The code of an outcome: that of the refusal, or the kind of the decision. */
export function codeOf(outcome: Outcome | SyncOutcome): string {
  return outcome.kind === 'refused' ? outcome.refused.code : outcome.kind;
}

/**
 * What the store does with an advance: the conditions of its UPDATE, then the new values; null
 * when no row would have changed.
 */
export function advanced(
  application: Application,
  advance: ApplicationAdvance,
): Application | null {
  const { guard, set } = advance;
  const isStepFree =
    application.lastStep < guard.lastStepBelow ||
    (guard.orSpentChallenges !== null &&
      application.lastStep === guard.lastStepBelow &&
      JSON.stringify(application.spentChallenges) === JSON.stringify(guard.orSpentChallenges));
  const holds =
    application.id === advance.applicationId &&
    application.epoch === advance.epoch &&
    application.nextEventCounter <= guard.nextEventCounterAtMost &&
    (guard.failureCountBelow === null || application.failureCount < guard.failureCountBelow) &&
    (guard.pendingSync === null || application.pendingSync === guard.pendingSync) &&
    isStepFree;
  return holds ? { ...application, ...set, failureCount: 0, pendingSync: null } : null;
}

/** The authenticator after a synchronisation was committed. */
export function afterSync(
  before: AuthenticatorWithApplications,
  outcome: SyncOutcome,
): AuthenticatorWithApplications {
  if (outcome.kind !== 'synchronised') throw new Error(codeOf(outcome));
  const follow = (application: Application, followers: readonly DriftFollower[]): Application => {
    const follower = followers.find((one) => one.applicationId === application.id);
    if (follower === undefined) return application;
    const { driftSeconds, driftAtMs } = follower;
    return { ...application, driftSeconds, driftAtMs };
  };
  const applications = before.applications.map((application) =>
    application.id === outcome.applicationId
      ? advanced(application, outcome.advance)!
      : follow(application, outcome.followers),
  );
  return { ...before, applications };
}
