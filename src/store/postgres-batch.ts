import { nameKey } from '../domain/names.ts';
import type { ApplicationAdvance, ApplicationNote, PinChange } from '../domain/model.ts';
import type { Decision, Session, StoredAnswer, UserChange } from '../service/store.ts';
import type { ChainedEvent } from './chain-tip.ts';
import type { DecisionOutcome, PreparedDecision } from './engine.ts';
import type {
  CheckedRow,
  ConsumedRow,
  DecisionRow,
  FollowerRow,
  NoteRow,
} from './postgres-rows.ts';
import {
  backupArguments,
  emergencyArguments,
  issueArguments,
  noBackup,
  noIssue,
  passwordArguments,
} from './postgres-issue.ts';
import { readVersionsOf } from './read-versions.ts';
import { storedInteger } from './writes.ts';

/** Decisions as the arguments of the statements of a batch, and their answers back. */

/** The arguments of `lockRows`. */
export function lockArguments(batch: readonly PreparedDecision[]): readonly string[][] {
  const users: string[] = [];
  const authenticators: string[] = [];
  const applications: string[] = [];
  const challenges: string[] = [];
  const emergencyCodes: string[] = [];
  const sessions: string[] = [];
  for (const { decision } of batch) {
    if (decision.user !== null && decision.user.kind !== 'decoy') users.push(decision.user.userId);
    authenticators.push(...authenticatorsIn(decision));
    if (decision.advance !== null) applications.push(decision.advance.applicationId);
    for (const { applicationId } of decision.followers) applications.push(applicationId);
    for (const note of decision.notes) {
      if (note.kind === 'application') applications.push(note.applicationId);
    }
    challenges.push(...decision.challengeIds, ...decision.missedOtpIds);
    emergencyCodes.push(...emergencyCodesIn(decision));
    if (decision.endSession !== null) sessions.push(decision.endSession);
  }
  return [users, authenticators, applications, challenges, emergencyCodes, sessions];
}

function authenticatorsIn({ authenticator, backupUse, issue }: Decision): readonly string[] {
  const owner = issue !== null && 'otpMac' in issue ? issue.authenticatorId : null;
  return [authenticator?.authenticatorId, backupUse?.authenticatorId, owner].filter(
    (id) => id !== undefined && id !== null,
  );
}

function emergencyCodesIn({ emergencyUse, emergencyMarks }: Decision): readonly string[] {
  const marked = emergencyMarks.map(({ codeId }) => codeId);
  return emergencyUse === null ? marked : [emergencyUse.codeId, ...marked];
}

/**
 * What no two decisions of a batch may share: a row is changed once per statement. Nor may two be
 * about one subject, although a name that nobody has needs no row: attempts on a user wait for each
 * other, and if those on nobody did not, many at once would tell which names are somebody's.
 */
export function claimsOf(decision: Decision): readonly string[] {
  const { user, authenticator, advance, storedAnswer, audit } = decision;
  const claims = [
    `subject ${nameKey(audit.subject)}`,
    ...decision.followers.map(({ applicationId }) => `application ${applicationId}`),
    ...decision.notes.flatMap((note) =>
      note.kind === 'application' ? [`application ${note.applicationId}`] : [],
    ),
    ...[...decision.challengeIds, ...decision.missedOtpIds].map((id) => `challenge ${id}`),
    ...emergencyCodesIn(decision).map((id) => `emergency ${id}`),
  ];
  if (user !== null && user.kind !== 'decoy') claims.push(`user ${user.userId}`);
  if (authenticator !== null) claims.push(`authenticator ${authenticator.authenticatorId}`);
  if (advance !== null) claims.push(`application ${advance.applicationId}`);
  if (decision.backupUse !== null) {
    claims.push(`authenticator ${decision.backupUse.authenticatorId}`);
  }
  if (decision.endSession !== null) claims.push(`session ${decision.endSession}`);
  if (storedAnswer !== null) {
    claims.push(`answer ${JSON.stringify([storedAnswer.clientId, storedAnswer.requestKey])}`);
  }
  return claims;
}

/** The first four arguments of `applyBatch`, as JSON. */
export function applyArguments(batch: readonly PreparedDecision[]): readonly string[] {
  const decisions: DecisionRow[] = [];
  const followers: FollowerRow[] = [];
  const consumed: ConsumedRow[] = [];
  const notes: NoteRow[] = [];
  for (const [number, { decision }] of batch.entries()) {
    decisions.push({
      number,
      at_ms: decision.atMs,
      ...userArguments(decision.user),
      ...authenticatorArguments(decision.authenticator),
      ...readArguments(decision),
      ...(decision.advance === null ? noAdvance : advanceArguments(decision.advance)),
      ...pinArguments(decision.pinChange),
      ...passwordArguments(decision),
      ...(decision.backupUse === null ? noBackup : backupArguments(decision.backupUse)),
      missed: decision.missedOtpIds,
      ...emergencyArguments(decision),
      ...(decision.issue === null ? noIssue : issueArguments(decision.issue)),
      ...(decision.openSession === null ? noSession : sessionArguments(decision.openSession)),
      end_session: decision.endSession,
      ...(decision.storedAnswer === null ? noAnswer : answerArguments(decision.storedAnswer)),
    });
    for (const follower of decision.followers) {
      followers.push({
        number,
        application_id: follower.applicationId,
        epoch: follower.epoch,
        drift_seconds: follower.driftSeconds,
        drift_at_ms: follower.driftAtMs,
      });
    }
    for (const challengeId of new Set(decision.challengeIds)) {
      consumed.push({ number, challenge_id: challengeId });
    }
    for (const note of decision.notes) notes.push(noteArguments(number, note));
  }
  return [decisions, followers, consumed, notes].map((rows) => JSON.stringify(rows));
}

/** The arguments of `appendEvents`. */
export function eventArguments(
  instance: string,
  events: readonly ChainedEvent[],
): readonly (string | readonly (string | number)[])[] {
  return [
    instance,
    events.map(({ sequence }) => sequence),
    events.map(({ atMs }) => atMs),
    events.map(({ body }) => body),
    events.map(({ previousHash }) => previousHash),
    events.map(({ hash }) => hash),
    events.map(({ subjectKey }) => subjectKey),
  ];
}

/** The first thing that did not hold, in the order in which a decision is examined. */
export function outcomeOf(checked: CheckedRow): DecisionOutcome {
  if (!checked.user_holds) return { status: 'conflict', on: 'user' };
  if (!checked.authenticator_holds) return { status: 'conflict', on: 'authenticator' };
  if (!checked.application_holds) return { status: 'conflict', on: 'application' };
  if (!checked.challenge_holds) return { status: 'conflict', on: 'challenge' };
  if (!checked.emergency_holds) return { status: 'conflict', on: 'emergency' };
  if (!checked.session_holds) return { status: 'conflict', on: 'session' };
  if (!checked.answer_holds) return { status: 'conflict', on: 'answer' };
  return { status: 'committed' };
}

function userArguments(
  user: UserChange | null,
): Pick<DecisionRow, 'user_kind' | 'user_id' | 'threshold' | 'expected_tries'> {
  return {
    user_kind: user?.kind ?? null,
    user_id: user !== null && 'userId' in user ? user.userId : null,
    threshold: user !== null && 'threshold' in user ? user.threshold : null,
    expected_tries: user !== null && 'expectedTries' in user ? user.expectedTries : null,
  };
}

function readArguments(
  decision: Decision,
): Pick<
  DecisionRow,
  'user_read_version' | 'authenticator_read_version' | 'application_read_version'
> {
  const { user, authenticator, application } = readVersionsOf(decision);
  return {
    user_read_version: user,
    authenticator_read_version: authenticator,
    application_read_version: application,
  };
}

function authenticatorArguments(
  authenticator: Decision['authenticator'],
): Pick<DecisionRow, 'authenticator_id' | 'owner_id' | 'assignment_version'> {
  return {
    authenticator_id: authenticator?.authenticatorId ?? null,
    owner_id: authenticator?.userId ?? null,
    assignment_version: authenticator?.assignmentVersion ?? null,
  };
}

type AdvanceArguments = Pick<
  DecisionRow,
  | 'application_id'
  | 'epoch'
  | 'counter_at_most'
  | 'step_below'
  | 'or_spent'
  | 'failures_below'
  | 'expected_pending'
  | 'pin_version'
  | 'next_event_counter'
  | 'last_step'
  | 'floor_ms'
  | 'spent_challenges'
  | 'drift_seconds'
  | 'drift_at_ms'
  | 'drift_history'
  | 'is_forgiving'
>;

const noAdvance: AdvanceArguments = {
  application_id: null,
  epoch: null,
  counter_at_most: null,
  step_below: null,
  or_spent: null,
  failures_below: null,
  expected_pending: null,
  pin_version: null,
  next_event_counter: null,
  last_step: null,
  floor_ms: null,
  spent_challenges: null,
  drift_seconds: null,
  drift_at_ms: null,
  drift_history: null,
  is_forgiving: null,
};

function advanceArguments({
  applicationId,
  epoch,
  guard,
  set,
  isForgiving,
}: ApplicationAdvance): AdvanceArguments {
  return {
    application_id: applicationId,
    epoch,
    counter_at_most: storedInteger(guard.nextEventCounterAtMost),
    step_below: storedInteger(guard.lastStepBelow),
    or_spent: guard.orSpentChallenges === null ? null : JSON.stringify(guard.orSpentChallenges),
    failures_below: guard.failureCountBelow,
    expected_pending: guard.pendingSync,
    pin_version: guard.pinVersion,
    next_event_counter: storedInteger(set.nextEventCounter),
    last_step: storedInteger(set.lastStep),
    floor_ms: set.floorMs,
    spent_challenges: JSON.stringify(set.spentChallenges),
    drift_seconds: set.driftSeconds,
    drift_at_ms: set.driftAtMs,
    drift_history: set.driftHistory,
    is_forgiving: isForgiving,
  };
}

function noteArguments(number: number, note: ApplicationNote): NoteRow {
  if (note.kind === 'decoy') {
    const nobody = { application_id: null, epoch: null, failures_below: null, pending_sync: null };
    return { number, failures: 0, ...nobody };
  }
  return {
    number,
    application_id: note.applicationId,
    epoch: note.epoch,
    failures: note.failures,
    failures_below: note.failureCountBelow,
    pending_sync: note.pendingSync,
  };
}

function pinArguments(
  change: PinChange | null,
): Pick<DecisionRow, 'pin_length' | 'pin_salt' | 'pin_mac'> {
  const { length = null, salt = null, mac = null } = change?.verifier ?? {};
  return { pin_length: length, pin_salt: salt, pin_mac: mac };
}

type SessionArguments = Pick<
  DecisionRow,
  | 'session_id'
  | 'session_user_id'
  | 'session_component'
  | 'peer_address'
  | 'session_created_at_ms'
  | 'session_used_at_ms'
  | 'session_expires_at_ms'
>;

const noSession: SessionArguments = {
  session_id: null,
  session_user_id: null,
  session_component: null,
  peer_address: null,
  session_created_at_ms: null,
  session_used_at_ms: null,
  session_expires_at_ms: null,
};

function sessionArguments(session: Session): SessionArguments {
  return {
    session_id: session.idSha256,
    session_user_id: session.userId,
    session_component: session.componentType,
    peer_address: session.peerAddress,
    session_created_at_ms: session.createdAtMs,
    session_used_at_ms: session.lastUsedAtMs,
    session_expires_at_ms: session.expiresAtMs,
  };
}

type AnswerArguments = Pick<
  DecisionRow,
  'client_id' | 'request_key' | 'fingerprint' | 'answer' | 'answer_expires_at_ms'
>;

const noAnswer: AnswerArguments = {
  client_id: null,
  request_key: null,
  fingerprint: null,
  answer: null,
  answer_expires_at_ms: null,
};

function answerArguments(answer: StoredAnswer): AnswerArguments {
  return {
    client_id: answer.clientId,
    request_key: answer.requestKey,
    fingerprint: answer.fingerprint,
    answer: answer.answer,
    answer_expires_at_ms: answer.expiresAtMs,
  };
}
