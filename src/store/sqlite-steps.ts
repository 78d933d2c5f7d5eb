import type { ApplicationAdvance } from '../domain/model.ts';
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
const driftFollow = writeOf(hot.driftFollow, 'application');
const challengeConsume = writeOf(hot.challengeConsume, 'challenge');
const challengeIssue = writeOf(hot.challengeIssue);
const answerStore = writeOf(hot.answerStore, 'answer');

/** @param index of the decision in its batch: which of the instance's decoy rows is its own */
export function stepsOf(decision: Decision, instance: string, index: number): Step[] {
  const { atMs, user, authenticator, advance, issueChallenge, storedAnswer } = decision;
  const decoy = (slot: number): Step => step(decoyFailure, { instance, slot, atMs });
  const steps: Step[] = [];
  if (user !== null) steps.push(user.kind === 'decoy' ? decoy(index) : userStep(user, atMs));
  if (authenticator !== null) {
    const { authenticatorId, userId, assignmentVersion } = authenticator;
    steps.push(step(authenticatorUse, { authenticatorId, userId, assignmentVersion, atMs }));
  }
  if (advance !== null) steps.push(advanceStep(advance, atMs));
  for (const note of decision.notes) {
    steps.push(note.kind === 'application' ? step(applicationNote, note) : decoy(batchMax + index));
  }
  for (const follower of decision.followers) steps.push(step(driftFollow, follower));
  for (const challengeId of new Set(decision.challengeIds)) {
    steps.push(step(challengeConsume, { challengeId, atMs }));
  }
  if (issueChallenge !== null) {
    const componentTypeKey = nameKey(issueChallenge.componentType);
    steps.push(step(challengeIssue, { ...issueChallenge, componentTypeKey }));
  }
  if (storedAnswer !== null) steps.push(step(answerStore, { ...storedAnswer, atMs }));
  return steps;
}

function userStep(change: Exclude<UserChange, { kind: 'decoy' }>, atMs: number): Step {
  const threshold = 'threshold' in change ? change.threshold : null;
  const expectedTries = 'expectedTries' in change ? change.expectedTries : null;
  return step(userWrites[change.kind], { userId: change.userId, atMs, threshold, expectedTries });
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
