import type { AccountState } from '../domain/account.ts';
import { challengeIds } from '../domain/challenge.ts';
import { refusedFor } from '../domain/lock.ts';
import type {
  AuthenticatorWithApplications,
  IssuedChallenge,
  User,
  UserWithAuthenticators,
} from '../domain/model.ts';
import type { Position, RefusalCode, Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { failureLimit } from '../domain/verification.ts';
import type { TallystickError } from '../errors.ts';
import { type Facts, positionFacts } from './attempt.ts';
import type { MacTape } from './mac-tape.ts';
import { moduleError } from './module-calls.ts';
import type { Decision, UserChange } from './store.ts';

/** What a success writes besides the audit. */
export type SuccessChanges = Pick<
  Decision,
  | 'user'
  | 'authenticator'
  | 'advance'
  | 'followers'
  | 'pinChange'
  | 'challengeIds'
  | 'openSession'
  | 'issue'
  | 'backupUse'
  | 'emergencyUse'
  | 'emergencyMarks'
  | 'passwordVersion'
>;

export interface RefusedVerdict {
  readonly kind: 'refused';
  readonly refused: Refused;
  /** Null when no user is involved. */
  readonly user: UserChange | null;
  readonly notes: Decision['notes'];
  readonly challengeIds: readonly string[];
  /** One-time passwords that were sent and compared with what was shown. */
  readonly missedOtpIds: readonly string[];
  /** Emergency codes that were compared with it. */
  readonly emergencyMarks: Decision['emergencyMarks'];
  /** PIN and response were right, and are used up as by a success, but something else was not. */
  readonly used: SuccessChanges | null;
  readonly facts: Facts;
  /** Thrown once the refusal is durable: nobody knows whether the response was right. */
  readonly fault: TallystickError | null;
}

/** What examining an attempt came to, before it is committed. */
export type Verdict<Success> =
  | {
      readonly kind: 'success';
      readonly answer: Success;
      readonly changes: SuccessChanges;
      readonly facts: Facts;
      /** The outcome in the audit, where the answer has a wider one. */
      readonly auditedAs?: string;
    }
  | (RefusedVerdict & {
      /** What is answered in place of the refusal, so that nobody can tell. */
      readonly toldAs?: Success;
    });

/** Where neither PIN nor session comes into it, and nothing is issued. */
export const nothingElse: Pick<
  SuccessChanges,
  | 'pinChange'
  | 'openSession'
  | 'issue'
  | 'backupUse'
  | 'emergencyUse'
  | 'emergencyMarks'
  | 'passwordVersion'
> = {
  pinChange: null,
  openSession: null,
  issue: null,
  backupUse: null,
  emergencyUse: null,
  emergencyMarks: [],
  passwordVersion: null,
};

/** What a refusal changes, before its user comes into it. */
export const noChanges: SuccessChanges = {
  ...nothingElse,
  user: null,
  authenticator: null,
  advance: null,
  followers: [],
  challengeIds: [],
};

/** A decision that writes nothing but its audit: what does little else begins with it. */
export const nothingDecided: Omit<Decision, 'atMs' | 'audit'> = {
  ...noChanges,
  readVersions: null,
  notes: [],
  missedOtpIds: [],
  passwordChange: null,
  endSession: null,
  storedAnswer: null,
};

/** Who is examined, in which state, under which policy, with which challenges of ours. */
export interface Examined {
  readonly user: User;
  readonly domainName: string;
  readonly account: AccountState;
  readonly policy: EffectivePolicy;
  readonly issued: readonly (IssuedChallenge | null)[];
}

/** A refusal before any user comes into it. */
export function refusedBefore(code: RefusalCode): RefusedVerdict {
  return { ...refusal(code), user: null, notes: [] };
}

/** A refusal because there is no such user; it writes what one of a user's writes. */
export function refusedNobody(policy: EffectivePolicy): RefusedVerdict {
  return { ...refusal('user-unknown'), user: { kind: 'decoy' }, notes: decoyNotes(policy) };
}

/** A refusal of somebody who had both right: what he used is used up, and counts as a success does. */
export function refusedProven(
  refused: Refused,
  used: SuccessChanges,
  facts: Facts,
): RefusedVerdict {
  return { ...refusal(refused.code), user: null, notes: [], used, facts };
}

/** A refusal before anything was compared. */
export function refusedUnseen(examined: Examined, refused: Refused): RefusedVerdict {
  return {
    ...refusal(refused.code),
    user: userChangeOf(examined, refused),
    notes: decoyNotes(examined.policy),
  };
}

/**
 * A response that nobody could read, where a PIN comes into it: as wrong as one that was compared, or what
 * it leaves open would tell how long it should have been.
 */
export function refusedUnread(
  examined: Examined,
  refused: Refused,
  nowMs: number,
  applications: Compared['applications'],
): RefusedVerdict {
  return {
    ...refusedUnseen(examined, refused),
    notes: notesOn(applications, examined),
    challengeIds: challengeIds(examined.issued.filter((one) => isOpen(one, nowMs))),
  };
}

function isOpen(issued: IssuedChallenge | null, nowMs: number): boolean {
  return issued !== null && issued.consumedAtMs === null && issued.expiresAtMs > nowMs;
}

/** What a response was compared with, and what became of it. */
export interface Compared {
  readonly tape: MacTape;
  /** The applications that took part, with what is remembered for the next response. */
  readonly applications: readonly {
    readonly applicationId: string;
    readonly epoch: number;
    readonly pendingSync: string | null;
  }[];
  /** Whether the response was looked for beyond the window. */
  readonly isSearched: boolean;
  readonly facts: Facts;
  /** Why the comparison did not come to its end, if it did not. */
  readonly interruption: TallystickError | null;
}

/**
 * A refusal after comparing. When a seed could not be used and nothing else fitted, or the module
 * failed on the way, nobody knows whether the response was right: a technical fault. It still
 * counts when anything was compared with it, or the response would be a free guess at that.
 */
export function refusedCompared(
  examined: Examined,
  decision: {
    readonly refused: Refused;
    readonly nearest?: { readonly position: Position; readonly distance: number };
  },
  { tape, applications, isSearched, facts, interruption }: Compared,
): RefusedVerdict {
  const { refused, nearest } = decision;
  const { code } = refused;
  const isOpen =
    code === 'response-incorrect' || code === 'pin-incorrect' || code === 'sync-incorrect';
  const damage = isOpen ? tape.damage() : null;
  const fault = interruption ?? (damage === null ? null : moduleError(damage));
  const isCompared = fault === null || tape.hasMac();
  // An issued challenge is good for one comparison, right or wrong.
  const isAnswered = isCompared && /^(?:pin|response|sync)-/.test(code);
  const user = isCompared ? userChangeOf(examined, refused) : ({ kind: 'decoy' } as const);
  return {
    kind: 'refused',
    refused,
    user,
    notes:
      user.kind === 'decoy'
        ? decoyNotes(examined.policy)
        : notesOn(applications, examined, isSearched),
    challengeIds: isAnswered ? challengeIds(examined.issued) : [],
    missedOtpIds: [],
    emergencyMarks: [],
    used: null,
    facts: {
      ...costFacts(tape),
      ...facts,
      ...(nearest === undefined
        ? {}
        : { ...positionFacts(nearest.position), distance: nearest.distance }),
    },
    fault,
  };
}

function refusal(code: RefusalCode): Omit<RefusedVerdict, 'user' | 'notes'> {
  return {
    kind: 'refused',
    refused: refusedFor(code),
    challengeIds: [],
    missedOtpIds: [],
    emergencyMarks: [],
    used: null,
    facts: {},
    fault: null,
  };
}

/**
 * @param isSearched whether a response was looked for beyond the window, whatever the policy keeps: found or
 *   not, the same is written
 */
function notesOn(
  applications: Compared['applications'],
  { policy }: Examined,
  isSearched = false,
): Decision['notes'] {
  if (!isSearched && !keepsNotes(policy)) return [];
  const failureCountBelow = failureLimit(policy);
  const failures = failureCountBelow === null ? 0 : 1;
  return applications.map((one) => ({
    kind: 'application',
    ...one,
    failures,
    failureCountBelow,
  }));
}

/** Where a refusal is noted on an application, one of nobody's is noted on a decoy. */
function decoyNotes(policy: EffectivePolicy): Decision['notes'] {
  return keepsNotes(policy) ? [{ kind: 'decoy' }] : [];
}

function keepsNotes(policy: EffectivePolicy): boolean {
  return policy.secondOtpSync || policy.identificationThreshold > 0;
}

/** How a success changes the user's row. */
export function userSuccess({ user, account, policy }: Examined): UserChange {
  return account.state === 'auto-unlock'
    ? { kind: 'unlock-success', userId: user.id, expectedTries: account.expectedTries }
    : { kind: 'success', userId: user.id, threshold: policy.userLockThreshold };
}

/** What has to hold of the user's row for something to be issued to him; it stays as it is. */
export function userIssue({ user, account, policy }: Examined): UserChange {
  return account.state === 'auto-unlock'
    ? { kind: 'unlock-issue', userId: user.id, expectedTries: account.expectedTries }
    : { kind: 'issue', userId: user.id, threshold: policy.userLockThreshold };
}

/** A refusal with another reason, and counted by it: something more was wrong. */
export function refusedAs(
  verdict: RefusedVerdict,
  code: RefusalCode,
  examined: Examined,
): RefusedVerdict {
  const refused = refusedFor(code);
  return { ...verdict, refused, user: userChangeOf(examined, refused) };
}

/** What a success writes about the user and the authenticator, and which challenges it answers. */
export function successChanges(
  examined: Examined,
  { authenticator }: AuthenticatorWithApplications,
): Pick<SuccessChanges, 'user' | 'authenticator' | 'challengeIds'> {
  const { user, issued } = examined;
  return {
    user: userSuccess(examined),
    authenticator: {
      authenticatorId: authenticator.id,
      userId: user.id,
      assignmentVersion: authenticator.assignmentVersion,
    },
    challengeIds: challengeIds(issued),
  };
}

/** The authenticator of that id among those that were read, with all its applications. */
export function ownerOf(
  authenticatorId: string,
  { authenticators }: UserWithAuthenticators,
): AuthenticatorWithApplications {
  const owner = authenticators.find(({ authenticator }) => authenticator.id === authenticatorId);
  if (owner === undefined) throw new RangeError('a decision is about what was read');
  return owner;
}

/** The name of an application of that authenticator. */
export function applicationNameOf(
  applicationId: string,
  { applications }: AuthenticatorWithApplications,
): string {
  return applications.find(({ id }) => id === applicationId)?.name ?? '';
}

/** What the comparison cost. */
export function costFacts(tape: MacTape): Facts {
  return { candidates: tape.marks().length, ofCandidates: tape.plan.candidates.length };
}

/** How a refusal changes the user's row; every refusal writes a row of the same size. */
function userChangeOf({ user, account, policy }: Examined, refused: Refused): UserChange {
  if (account.state === 'refused') {
    return account.touch ? { kind: 'touch', userId: user.id } : { kind: 'decoy' };
  }
  if (!refused.counts) return { kind: 'decoy' };
  return account.state === 'open'
    ? { kind: 'failure', userId: user.id, threshold: policy.userLockThreshold }
    : { kind: 'unlock-failure', userId: user.id, expectedTries: account.expectedTries };
}
