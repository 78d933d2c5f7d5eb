import { TallystickError } from '../errors.ts';
import { advancePast, isSpent } from './application.ts';
import {
  type Candidate,
  candidateAt,
  entryOf,
  keyOf,
  type Serving,
  servingFor,
  servingOf,
} from './candidate.ts';
import {
  challengeRefusal,
  type ChallengeRefusal,
  type IssuedChallenges,
  mayBringChallenge,
} from './challenge.ts';
import { type ComparisonPlan, noResponses } from './comparison.ts';
import { type CredentialReading, type PresentedCredential, readCredential } from './credential.ts';
import { learnedDrift } from './learning.ts';
import { refusedFor } from './lock.ts';
import type {
  Application,
  ApplicationAdvance,
  AuthenticatorWithApplications,
  IssuedChallenge,
} from './model.ts';
import type { Position, RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { refusalMacs, verifyCandidatesMax } from './policy-cost.ts';
import { type PinPlan, planPins } from './server-pin.ts';
import { chunkEndsOf, ringsOf } from './window.ts';

export type { Candidate } from './candidate.ts';

/** One response as it came in, and what it may be compared with. */
export interface VerificationInput {
  /** What `eligibleAuthenticators` let through. */
  readonly candidatesFrom: readonly AuthenticatorWithApplications[];
  readonly credential: PresentedCredential;
  readonly challenge: string | null;
  readonly issued: IssuedChallenges;
}

/** Candidates are nearest first over all applications, `verifyCandidatesMax` at most. */
export interface VerificationPlan extends ComparisonPlan {
  readonly candidates: readonly Candidate[];
  /** How the credential reads for each application that takes part, by its id. */
  readonly readings: ReadonlyMap<string, CredentialReading>;
  readonly pins: PinPlan;
}

export type VerificationPlanning =
  | { readonly kind: 'plan'; readonly plan: VerificationPlan }
  | { readonly kind: 'refused'; readonly refused: Refused };

export type VerificationDecision =
  | {
      readonly kind: 'accepted';
      readonly authenticatorId: string;
      readonly applicationId: string;
      readonly position: Position;
      readonly advance: ApplicationAdvance;
      readonly driftSecondsBefore: number;
      readonly driftSecondsAfter: number;
    }
  /** No candidate so far may be accepted, and more remain to be MACed. */
  | { readonly kind: 'undecided' }
  | {
      readonly kind: 'refused';
      readonly refused: Refused;
      /** The used position that a replayed response belongs to. */
      readonly nearest?: { readonly position: Position; readonly distance: number };
    };

/**
 * Plans the examination of one response: which MACs are wanted, in which order. Positions at or
 * behind the floor are among them, as far as they lie in the time window or at most five events
 * back, so that a replay can be told from a wrong response.
 *
 * A time window of n steps reaches n/2 to each side of the expected step, inclusive; an event window
 * of W begins at the next counter and holds W. With both, the nearest combinations are taken.
 *
 * @param nowMs Unix milliseconds, read once for the whole attempt, retries included
 */
export function planVerification(
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlanning {
  const readings = readingsOf(input, policy);
  if (readings.size === 0 && input.candidatesFrom.some(hasApplications)) {
    return refuse(unreadableCode(input));
  }
  const asked = askedOf(input, policy);
  const serving = servingNow(input, asked, policy);
  if (typeof serving === 'string') return refuse(serving);
  const refusal = challengeRefusalNow(input, input.candidatesFrom, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  const oneTime = serving.filter((one) => isOneTime(one, asked.issued));
  if (oneTime.length === 0) return refuse('challenge-unknown');
  const read = oneTime.flatMap((serving) => {
    const reading = readings.get(serving.application.id);
    return reading === undefined ? [] : [{ serving, reading }];
  });
  if (read.length === 0) return refuse(unreadableCode(input));
  return { kind: 'plan', plan: planFor(read, asked.challenge, nowMs, policy) };
}

function hasApplications({ applications }: AuthenticatorWithApplications): boolean {
  return applications.length > 0;
}

/** How the credential reads for each application that may serve, where it does. */
function readingsOf(
  input: VerificationInput,
  policy: EffectivePolicy,
): VerificationPlan['readings'] {
  const { credential, candidatesFrom } = input;
  const readings = new Map<string, CredentialReading>();
  // Those of the challenge that is answered, and of no other that is named beside it.
  const provenPins = askedOf(input, policy).issued?.provenPins ?? [];
  for (const { applications } of candidatesFrom) {
    for (const application of applications) {
      const isPinProven = provenPins.some(
        ({ applicationId, pinVersion }) =>
          applicationId === application.id && pinVersion === application.pin.version,
      );
      const reading = readCredential(credential, application, isPinProven);
      if (reading !== null) readings.set(application.id, reading);
    }
  }
  return readings;
}

/**
 * Where a PIN comes into it, lengths must tell nothing: what can't be read was put forward and is
 * wrong. Without one, a text that no device shows evaluated nothing.
 */
function unreadableCode({ credential, candidatesFrom }: VerificationInput): RefusalCode {
  const hasPinPart = credential.format === 'separate' && credential.pin !== null;
  const applications = candidatesFrom.flatMap((one) => one.applications);
  const isPinAsked = applications.some(({ pin }) => pin.isEnabled);
  return hasPinPart || isPinAsked ? 'response-incorrect' : 'response-malformed';
}

/** The challenge that a response is compared with, and its row if it is one of ours. */
export interface Asked {
  readonly challenge: string | null;
  readonly issued: IssuedChallenge | null;
}

/** The challenge that came with the response; in check mode 2 always the newest issued one. */
export function askedOf(
  { challenge, issued }: Pick<VerificationInput, 'challenge' | 'issued'>,
  { challengeCheckMode }: EffectivePolicy,
): Asked {
  if (challengeCheckMode !== 2) return { challenge, issued: issued.given };
  return issued.newest === null
    ? { challenge, issued: null }
    : { challenge: issued.newest.text, issued: issued.newest };
}

/** Below how many failures an application must be to be advanced; null without a threshold. */
export function failureLimit({ identificationThreshold }: EffectivePolicy): number | null {
  return identificationThreshold > 0 ? identificationThreshold : null;
}

/** A plan for an attempt on nobody: it costs what a refusal costs. */
export function planDecoy(policy: EffectivePolicy): ComparisonPlan {
  const chunkEnds = chunkEndsOf(refusalMacs(policy));
  return { candidates: [], responsesOf: noResponses, chunkEnds };
}

/**
 * Decides on the marks at hand. The first candidate in the plan's order that shows the response
 * decides: at a fresh position it is accepted, at a used one it is a replay, even where a later
 * candidate would have matched by chance. An acceptance may come at the end of any chunk, a refusal
 * only after the last candidate. What an application shows whose PIN was wrong is passed over: it is
 * neither accepted nor a replay, and is not used up.
 *
 * After a commit conflict it decides again, with fresh state and the same marks: positions used
 * meanwhile are replays, marks of an application whose epoch has changed count for nothing.
 *
 * @param marks of the first candidates, in order (`markOf`); 0 where the module had no MAC
 * @param wrongPins the applications whose PIN was wrong (`server-pin.ts`)
 * @param current the eligible authenticators as they are now
 * @throws TallystickError internal for more marks than candidates
 */
export function decideVerification(
  plan: Pick<VerificationPlan, 'candidates' | 'readings'>,
  marks: Uint8Array,
  wrongPins: ReadonlySet<string>,
  current: readonly AuthenticatorWithApplications[],
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationDecision {
  const refusal = challengeRefusalNow(input, current, nowMs, policy);
  if (refusal !== null) return refuse(refusal);
  if (marks.length > plan.candidates.length) {
    throw new TallystickError('internal', 'A mark has no candidate.');
  }
  const known = { marks, wrongPins, issued: askedOf(input, policy).issued };
  const match = firstMatch(plan, known, current, policy);
  if (
    match !== null &&
    !isSpent(match.serving.floor, match.candidate.position, match.candidate.challengeKey)
  ) {
    return accept(match.candidate, match.serving, nowMs, policy);
  }
  if (marks.length < plan.candidates.length) return { kind: 'undecided' };
  if (match === null) return refuse(incorrectCode(plan.readings, wrongPins));
  const { position, distance } = match.candidate;
  return {
    kind: 'refused',
    refused: refusedFor('response-replayed'),
    nearest: { position, distance },
  };
}

/** Without counter and clock only the row of an issued challenge makes a response one-time. */
function isOneTime({ sequence }: Serving, issued: IssuedChallenge | null): boolean {
  return sequence.hasCounter || sequence.stepping !== null || issued !== null;
}

/** Where nobody gave a challenge but one of ours is open (mode 2), the response may be either's. */
function servingNow(
  { candidatesFrom, challenge: given }: VerificationInput,
  { challenge, issued }: Asked,
  policy: EffectivePolicy,
): readonly Serving[] | RefusalCode {
  const all = servingOf(candidatesFrom, policy);
  const challenged = servingFor(
    all,
    challenge === null ? null : [challenge],
    mayBringChallenge(policy) || issued?.kind === '2-step',
  );
  if (given !== null || challenge === null) return challenged;
  const responseOnly = all.filter(({ sequence }) => sequence.challenged === null);
  if (typeof challenged !== 'string') return [...responseOnly, ...challenged];
  return responseOnly.length > 0 ? responseOnly : challenged;
}

interface Match {
  readonly candidate: Candidate;
  readonly serving: Serving;
}

/** PIN first: where none was right, nothing is said of the response. */
function incorrectCode(
  readings: VerificationPlan['readings'],
  wrongPins: ReadonlySet<string>,
): RefusalCode {
  if (wrongPins.size === 0) return 'response-incorrect';
  const isAnyRight = [...readings.keys()].some((applicationId) => !wrongPins.has(applicationId));
  return isAnyRight ? 'response-incorrect' : 'pin-incorrect';
}

function firstMatch(
  { candidates }: Pick<VerificationPlan, 'candidates'>,
  known: {
    readonly marks: Uint8Array;
    readonly wrongPins: ReadonlySet<string>;
    readonly issued: IssuedChallenge | null;
  },
  current: readonly AuthenticatorWithApplications[],
  policy: EffectivePolicy,
): Match | null {
  const { marks, wrongPins, issued } = known;
  for (let index = marks.indexOf(1); index >= 0; index = marks.indexOf(1, index + 1)) {
    const candidate = entryOf(candidates, index);
    const { applicationId, epoch } = candidate;
    if (wrongPins.has(applicationId)) continue;
    // The row of the challenge may have gone since the plan was made, as may the application.
    const isSame = (one: Application): boolean => one.id === applicationId && one.epoch === epoch;
    const serving = servingOf(current, policy, isSame);
    const [live] = serving.filter((one) => isOneTime(one, issued));
    if (live !== undefined) return { candidate, serving: live };
  }
  return null;
}

function accept(
  candidate: Candidate,
  serving: Serving,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationDecision {
  const { application, authenticator, sequence } = serving;
  const { position, challengeKey } = candidate;
  const { timeStep } = position;
  const { stepping } = sequence;
  const drift =
    stepping === null || timeStep === null
      ? application
      : learnedDrift(application, timeStep, stepping, nowMs, policy);
  return {
    kind: 'accepted',
    authenticatorId: authenticator.id,
    applicationId: application.id,
    position,
    advance: advancePast(
      application,
      sequence,
      {
        first: position,
        last: position,
        challengeKeys: challengeKey === null ? [] : [challengeKey],
      },
      drift,
      { failureCountBelow: failureLimit(policy), pendingSync: null },
    ),
    driftSecondsBefore: application.driftSeconds,
    driftSecondsAfter: drift.driftSeconds,
  };
}

function challengeRefusalNow(
  input: VerificationInput,
  authenticators: readonly AuthenticatorWithApplications[],
  nowMs: number,
  policy: EffectivePolicy,
): ChallengeRefusal | null {
  const { challenge } = askedOf(input, policy);
  if (challenge === null) return null;
  const { newest } = input.issued;
  const issued = policy.challengeCheckMode === 2 ? { given: newest, newest } : input.issued;
  const userId = authenticators[0]?.authenticator.userId ?? null;
  return challengeRefusal(challenge, issued, userId, nowMs, policy);
}

/** An application that takes part, and what the credential says when it is meant for it. */
interface Read {
  readonly serving: Serving;
  readonly reading: CredentialReading;
}

function planFor(
  read: readonly Read[],
  challenge: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): VerificationPlan {
  const windows = read.map(({ serving }) => ({
    serving,
    challenge: serving.sequence.challenged === null ? null : challenge,
    key: keyOf(serving, challenge),
    rings: ringsOf(serving, nowMs, policy),
  }));
  const furthest = Math.max(...windows.map(({ rings }) => rings.furthest));
  const candidates: Candidate[] = [];
  for (let distance = 0; distance <= furthest; distance += 1) {
    for (const window of windows) {
      if (distance > window.rings.furthest) continue;
      for (const place of window.rings.at(distance)) {
        candidates.push(candidateAt(window.serving, place, window.challenge, window.key));
      }
    }
    // Two windows that are each allowed may have millions of places: the furthest are never made.
    if (candidates.length >= verifyCandidatesMax) break;
  }
  candidates.splice(verifyCandidatesMax);
  const macs = Math.max(candidates.length, refusalMacs(policy));
  const readings = new Map(read.map(({ serving, reading }) => [serving.application.id, reading]));
  const responses = new Map([...readings].map(([id, { response }]) => [id, [response]]));
  return {
    candidates,
    readings,
    pins: planPins(
      read.map(({ serving, reading: { pin, isPinProven } }) => ({
        application: serving.application,
        pin,
        isPinProven,
      })),
    ),
    responsesOf: (applicationId) => responses.get(applicationId) ?? [],
    chunkEnds: chunkEndsOf(macs),
  };
}

function refuse(code: RefusalCode): {
  readonly kind: 'refused';
  readonly refused: Refused;
} {
  return { kind: 'refused', refused: refusedFor(code) };
}
