import type {
  ApplicationAdvance,
  BackupUse,
  Issued,
  PasswordChange,
  PinChange,
} from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import { passwordHistoryMax } from '../domain/static-password.ts';
import type { Decision, UserChange } from '../service/store.ts';
import * as emergency from './emergency-statements.ts';
import * as hot from './hot-statements.ts';
import * as issuing from './issue-statements.ts';
import type { SqlValue } from './query-builder.ts';
import { readVersionsOf } from './read-versions.ts';
import { type Step, step, writeOf } from './sqlite-programs.ts';
import { storedInteger } from './writes.ts';

/** A decision as the writes that SQLite makes of it, in the order in which they are examined. */

/** Decisions in one transaction: more would keep the event loop from everybody else for too long. */
export const batchMax = 64;

const userWrites = {
  success: writeOf(hot.userSuccess, 'user'),
  failure: writeOf(hot.userFailure, 'user'),
  'unlock-success': writeOf(hot.userUnlockSuccess, 'user'),
  'unlock-failure': writeOf(hot.userUnlockFailure, 'user'),
  issue: writeOf(hot.userIssue, 'user'),
  'unlock-issue': writeOf(hot.userUnlockIssue, 'user'),
  touch: writeOf(hot.userTouch, 'user'),
  present: writeOf(hot.userPresent, 'user'),
} as const;
const decoyFailure = writeOf(hot.decoyFailure);
const authenticatorUse = writeOf(hot.authenticatorUse, 'authenticator');
const applicationAdvance = writeOf(hot.applicationAdvance, 'application');
const applicationNote = writeOf(hot.applicationNote, 'application');
const pinChangeWrite = writeOf(hot.pinChange, 'application');
const driftFollow = writeOf(hot.driftFollow, 'application');
const challengeConsume = writeOf(hot.challengeConsume, 'challenge');
const otpMiss = writeOf(issuing.otpMiss);
const otpSupersede = writeOf(issuing.otpSupersede);
const challengeIssue = writeOf(issuing.challengeIssue);
const passwordHolds = writeOf(issuing.passwordHolds, 'user');
const passwordChangeWrite = writeOf(issuing.passwordChange, 'user');
const passwordRemember = writeOf(issuing.passwordRemember);
const passwordForget = writeOf(issuing.passwordForget);
const backupUseWrite = writeOf(issuing.backupUse, 'authenticator');
const emergencyUseWrite = writeOf(emergency.emergencyUse, 'emergency');
const emergencyMarkWrites = {
  missed: writeOf(emergency.emergencyMiss),
  returned: writeOf(emergency.emergencyReturn),
} as const;
const sessionOpen = writeOf(hot.sessionOpen);
const sessionEnd = writeOf(hot.sessionEnd, 'session');
const answerStore = writeOf(hot.answerStore, 'answer');

/** @param index of the decision in its batch: which of the instance's decoy rows is its own */
export function stepsOf(decision: Decision, instance: string, index: number): Step[] {
  const { atMs, user, authenticator, advance, pinChange } = decision;
  const read = readVersionsOf(decision);
  const decoy = (slot: number): Step => step(decoyFailure, { instance, slot, atMs });
  const steps: Step[] = [];
  if (user !== null) {
    steps.push(user.kind === 'decoy' ? decoy(index) : userStep(user, read.user, atMs));
  }
  if (authenticator !== null) {
    const { authenticatorId, userId, assignmentVersion } = authenticator;
    const use = { authenticatorId, userId, assignmentVersion, atMs };
    steps.push(step(authenticatorUse, { ...use, readVersion: read.authenticator }));
  }
  if (advance !== null) steps.push(advanceStep(advance, read.application, atMs));
  if (pinChange !== null) steps.push(pinStep(pinChange));
  for (const note of decision.notes) {
    steps.push(note.kind === 'application' ? step(applicationNote, note) : decoy(batchMax + index));
  }
  for (const follower of decision.followers) steps.push(step(driftFollow, follower));
  for (const challengeId of new Set(decision.challengeIds)) {
    steps.push(step(challengeConsume, { challengeId, atMs }));
  }
  return [...steps, ...ofEmergency(decision), ...ofRequests(decision), ...handedOut(decision)];
}

function ofEmergency({ atMs, emergencyUse, emergencyMarks }: Decision): Step[] {
  const marked = emergencyMarks.map(({ codeId, mark }) =>
    step(emergencyMarkWrites[mark], { codeId }),
  );
  if (emergencyUse === null) return marked;
  const { codeId, macsBefore, macsAfter } = emergencyUse;
  const use = {
    codeId,
    macsBefore: JSON.stringify(macsBefore),
    macsAfter: JSON.stringify(macsAfter),
    atMs,
  };
  return [step(emergencyUseWrite, use), ...marked];
}

/** What comes of logons of two steps and of passwords, beside what is handed out. */
function ofRequests(decision: Decision): Step[] {
  const { atMs, user, missedOtpIds, passwordVersion, passwordChange, backupUse } = decision;
  const userId = user !== null && 'userId' in user ? user.userId : null;
  return [
    ...(passwordVersion === null ? [] : [step(passwordHolds, { userId, passwordVersion })]),
    ...Array.from(new Set(missedOtpIds), (otpId) => step(otpMiss, { otpId, atMs })),
    ...(passwordChange === null ? [] : passwordSteps(passwordChange, atMs)),
    ...(backupUse === null ? [] : [backupStep(backupUse)]),
  ];
}

/** What leaves with the answer: a challenge, a session, the answer itself. */
function handedOut(decision: Decision): Step[] {
  const { atMs, issue, openSession, endSession, storedAnswer } = decision;
  const steps: Step[] = [];
  if (issue !== null) {
    if ('otpMac' in issue) steps.push(step(otpSupersede, { userId: issue.userId, atMs }));
    steps.push(step(challengeIssue, issuedColumns(issue)));
  }
  if (openSession !== null) steps.push(step(sessionOpen, { ...openSession }));
  if (endSession !== null) steps.push(step(sessionEnd, { idSha256: endSession }));
  if (storedAnswer !== null) steps.push(step(answerStore, { ...storedAnswer, atMs }));
  return steps;
}

function userStep(
  change: Exclude<UserChange, { kind: 'decoy' }>,
  readVersion: number | null,
  atMs: number,
): Step {
  const threshold = 'threshold' in change ? change.threshold : null;
  const expectedTries = 'expectedTries' in change ? change.expectedTries : null;
  const { kind, userId } = change;
  return step(userWrites[kind], { userId, readVersion, atMs, threshold, expectedTries });
}

/** What is issued as the arguments of its row. */
function issuedColumns(issued: Issued): Readonly<Record<issuing.ChallengeArgument, SqlValue>> {
  const { componentType, provenPins, ...same } = issued;
  const noOtp = {
    authenticatorId: null,
    authenticatorVersion: null,
    otpDigits: null,
    otpMac: null,
  };
  return {
    ...noOtp,
    text: null,
    ...same,
    missCount: 0,
    componentType,
    componentTypeKey: nameKey(componentType),
    provenPins: JSON.stringify(provenPins),
  };
}

function passwordSteps(change: PasswordChange, atMs: number): Step[] {
  const { userId, passwordVersion, verifier, replacedMac } = change;
  const steps = [step(passwordChangeWrite, { userId, passwordVersion, ...verifier, atMs })];
  if (replacedMac !== null) {
    const forgottenVersion = passwordVersion - passwordHistoryMax;
    steps.push(step(passwordRemember, { userId, passwordVersion, replacedMac }));
    steps.push(step(passwordForget, { userId, forgottenVersion }));
  }
  return steps;
}

function backupStep({ before, after, ...of }: BackupUse): Step {
  const { authenticatorId, userId, assignmentVersion } = of;
  return step(backupUseWrite, {
    authenticatorId,
    userId,
    assignmentVersion,
    endsBeforeMs: before.endsAtMs,
    usesBefore: before.usesLeft,
    endsAtMs: after.endsAtMs,
    usesLeft: after.usesLeft,
  });
}

function pinStep({ applicationId, pinVersion, verifier }: PinChange): Step {
  return step(pinChangeWrite, { applicationId, pinVersion, ...verifier });
}

function advanceStep(
  { applicationId, epoch, guard, set, isForgiving }: ApplicationAdvance,
  readVersion: number | null,
  atMs: number,
): Step {
  const { orSpentChallenges, failureCountBelow } = guard;
  return step(applicationAdvance, {
    applicationId,
    epoch,
    nextEventCounterAtMost: storedInteger(guard.nextEventCounterAtMost),
    lastStepBelow: storedInteger(guard.lastStepBelow),
    orSpentChallenges: orSpentChallenges === null ? null : JSON.stringify(orSpentChallenges),
    failureCountBelow,
    expectedPendingSync: guard.pendingSync,
    pinVersion: guard.pinVersion,
    readVersion,
    nextEventCounter: storedInteger(set.nextEventCounter),
    lastStep: storedInteger(set.lastStep),
    floorMs: set.floorMs,
    spentChallenges: JSON.stringify(set.spentChallenges),
    driftSeconds: set.driftSeconds,
    driftAtMs: set.driftAtMs,
    driftHistory: set.driftHistory,
    isForgiving: isForgiving ? 1 : 0,
    atMs,
  });
}
