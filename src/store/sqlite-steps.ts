import type { ApplicationAdvance, PinChange } from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import type { Decision, UserChange } from '../service/store.ts';
import * as hot from './hot-statements.ts';
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
  touch: writeOf(hot.userTouch, 'user'),
} as const;
const decoyFailure = writeOf(hot.decoyFailure);
const authenticatorUse = writeOf(hot.authenticatorUse, 'authenticator');
const applicationAdvance = writeOf(hot.applicationAdvance, 'application');
const applicationNote = writeOf(hot.applicationNote, 'application');
const pinChangeWrite = writeOf(hot.pinChange, 'application');
const driftFollow = writeOf(hot.driftFollow, 'application');
const challengeConsume = writeOf(hot.challengeConsume, 'challenge');
const challengeIssue = writeOf(hot.challengeIssue);
const sessionOpen = writeOf(hot.sessionOpen);
const sessionEnd = writeOf(hot.sessionEnd, 'session');
const answerStore = writeOf(hot.answerStore, 'answer');

/** @param index of the decision in its batch: which of the instance's decoy rows is its own */
export function stepsOf(decision: Decision, instance: string, index: number): Step[] {
  const { atMs, user, authenticator, advance, pinChange } = decision;
  const decoy = (slot: number): Step => step(decoyFailure, { instance, slot, atMs });
  const steps: Step[] = [];
  if (user !== null) steps.push(user.kind === 'decoy' ? decoy(index) : userStep(user, atMs));
  if (authenticator !== null) {
    const { authenticatorId, userId, assignmentVersion } = authenticator;
    steps.push(step(authenticatorUse, { authenticatorId, userId, assignmentVersion, atMs }));
  }
  if (advance !== null) steps.push(advanceStep(advance, atMs));
  if (pinChange !== null) steps.push(pinStep(pinChange));
  for (const note of decision.notes) {
    steps.push(note.kind === 'application' ? step(applicationNote, note) : decoy(batchMax + index));
  }
  for (const follower of decision.followers) steps.push(step(driftFollow, follower));
  for (const challengeId of new Set(decision.challengeIds)) {
    steps.push(step(challengeConsume, { challengeId, atMs }));
  }
  return [...steps, ...handedOut(decision)];
}

/** What leaves with the answer: a challenge, a session, the answer itself. */
function handedOut(decision: Decision): Step[] {
  const { atMs, issueChallenge, openSession, endSession, storedAnswer } = decision;
  const steps: Step[] = [];
  if (issueChallenge !== null) {
    const componentTypeKey = nameKey(issueChallenge.componentType);
    steps.push(step(challengeIssue, { ...issueChallenge, componentTypeKey }));
  }
  if (openSession !== null) steps.push(step(sessionOpen, { ...openSession }));
  if (endSession !== null) steps.push(step(sessionEnd, { idSha256: endSession }));
  if (storedAnswer !== null) steps.push(step(answerStore, { ...storedAnswer, atMs }));
  return steps;
}

function userStep(change: Exclude<UserChange, { kind: 'decoy' }>, atMs: number): Step {
  const threshold = 'threshold' in change ? change.threshold : null;
  const expectedTries = 'expectedTries' in change ? change.expectedTries : null;
  return step(userWrites[change.kind], { userId: change.userId, atMs, threshold, expectedTries });
}

function pinStep({ applicationId, pinVersion, verifier }: PinChange): Step {
  return step(pinChangeWrite, { applicationId, pinVersion, ...verifier });
}

function advanceStep({ applicationId, epoch, guard, set }: ApplicationAdvance, atMs: number): Step {
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
    nextEventCounter: storedInteger(set.nextEventCounter),
    lastStep: storedInteger(set.lastStep),
    floorMs: set.floorMs,
    spentChallenges: JSON.stringify(set.spentChallenges),
    driftSeconds: set.driftSeconds,
    driftAtMs: set.driftAtMs,
    driftHistory: set.driftHistory,
    atMs,
  });
}
