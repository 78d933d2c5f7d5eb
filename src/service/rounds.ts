import type { AnswerSlot } from './answers.ts';
import type { Caller, RefusedAnswer } from './api.ts';
import {
  readAttempt,
  type Reading,
  standingFacts,
  subjectOf,
  type Target,
  tooManyConflicts,
} from './attempt.ts';
import { auditEntry } from './audit-entries.ts';
import type { Context } from './deps.ts';
import type { Decision, ReadVersions } from './store.ts';
import { type AttemptAction, toldRefusal } from './told.ts';
import { noChanges, type SuccessChanges, type Verdict } from './verdicts.ts';

/** One attempt on a user, by which use case and for whom. */
export interface Attempt {
  readonly action: Exclude<AttemptAction, 'issue-challenge'>;
  readonly caller: Caller;
  readonly target: Target;
  readonly nowMs: number;
}

/**
 * Reads, examines and commits until a commit holds. A conflict means that somebody else was faster:
 * everything is read again and decided again, with the MACs at hand. The answer leaves only when
 * the decision is durable.
 *
 * @param examine called once a round; keeps its MACs between rounds
 * @throws TallystickError `overloaded` after too many conflicts, `seed-damaged` or what the
 *   module failed with when that left open whether the response was right, whatever the store or the module throw
 */
export async function decideInRounds<Success extends { readonly outcome: string }>(
  context: Context,
  attempt: Attempt,
  slot: AnswerSlot<Success | RefusedAnswer>,
  examine: (reading: Reading) => Promise<Verdict<Success>>,
): Promise<Success | RefusedAnswer> {
  const { action, caller, target, nowMs } = attempt;
  for (let round = 1; round <= context.limits.decisionRoundsMax; round += 1) {
    const reading = await readAttempt(context, caller, target, nowMs);
    // A stranger who shows no key writes nothing, however often he asks.
    if (reading.component === null && caller.keyId === null) return toldStranger(action);
    const before = answerBefore(slot, reading);
    const given = before === null ? null : await before;
    if (given !== null) return given;
    const verdict = await examine(reading);
    const answer = answerOf(attempt, verdict, reading);
    const decision = decisionOf(attempt, reading, verdict, slot, answer);
    const [result] = await context.store.commit([decision]);
    if (result?.status === 'committed') {
      if (verdict.kind === 'refused' && verdict.fault !== null) throw verdict.fault;
      return answer;
    }
  }
  throw tooManyConflicts();
}

/** From where no component lets anybody in; the log has the request. */
export function toldStranger(action: AttemptAction): RefusedAnswer {
  return toldRefusal('component-unknown', action, null);
}

/** What was answered before, told only to a caller who may ask at all: from a known component. */
export function answerBefore<Answer>(
  slot: AnswerSlot<Answer>,
  { component }: Reading,
): Promise<Answer | null> | null {
  return component === null ? null : slot.find();
}

/** A caller from no component gets, and leaves, no answer under a request key. */
export function answerToStore<Answer>(
  slot: AnswerSlot<Answer>,
  { component }: Reading,
  answer: Answer,
): Decision['storedAnswer'] {
  return component === null ? null : slot.toStore(answer);
}

function answerOf<Success>(
  { action }: Attempt,
  verdict: Verdict<Success>,
  reading: Reading,
): Success | RefusedAnswer {
  if (verdict.kind === 'success') return verdict.answer;
  return (
    verdict.toldAs ?? toldRefusal(verdict.refused.code, action, reading.component?.policy ?? null)
  );
}

function decisionOf<Success extends { readonly outcome: string }>(
  attempt: Attempt,
  reading: Reading,
  verdict: Verdict<Success>,
  slot: AnswerSlot<Success | RefusedAnswer>,
  answer: Success | RefusedAnswer,
): Decision {
  const { caller, nowMs, action } = attempt;
  const isTechnical = verdict.kind === 'refused' && verdict.fault !== null;
  const changes = changesOf(verdict);
  return {
    atMs: nowMs,
    // One literal, not spread: see `auditEntry`.
    user: changes.user,
    readVersions: isGranted(verdict) ? readVersionsOf(changes, reading) : null,
    authenticator: changes.authenticator,
    advance: changes.advance,
    followers: changes.followers,
    pinChange: changes.pinChange,
    notes: verdict.kind === 'success' ? [] : verdict.notes,
    challengeIds: changes.challengeIds,
    missedOtpIds: verdict.kind === 'success' ? [] : verdict.missedOtpIds,
    issue: changes.issue,
    passwordVersion: changes.passwordVersion,
    passwordChange: null,
    backupUse: changes.backupUse,
    emergencyUse: changes.emergencyUse,
    emergencyMarks: changes.emergencyMarks,
    openSession: changes.openSession,
    endSession: null,
    // A technical fault is not an answer: the same request may succeed when it is mended.
    storedAnswer: isTechnical ? null : answerToStore(slot, reading, answer),
    audit: auditEntry(caller, nowMs, {
      action,
      outcome: outcomeOf(verdict),
      subject: subjectOf(reading.target, reading.domain),
      details: Object.assign(standingFacts(reading), verdict.facts),
    }),
  };
}

/** Something is accepted, issued or used up, and not only counted. */
function isGranted<Success>(verdict: Verdict<Success>): boolean {
  return verdict.kind === 'success' || verdict.used !== null;
}

function readVersionsOf(
  { user, authenticator, advance }: SuccessChanges,
  { found }: Reading,
): ReadVersions {
  const authenticators = found?.authenticators ?? [];
  const used = authenticators.find(({ authenticator: { id } }) => {
    return id === authenticator?.authenticatorId;
  });
  const advanced = used?.applications.find(({ id }) => id === advance?.applicationId);
  return {
    user: user === null ? null : (found?.user.version ?? null),
    authenticator: used?.authenticator.version ?? null,
    application: advanced?.version ?? null,
  };
}

function changesOf<Success>(verdict: Verdict<Success>): SuccessChanges {
  if (verdict.kind === 'success') return verdict.changes;
  const { used, user, challengeIds, emergencyMarks } = verdict;
  return used ?? { ...noChanges, user, challengeIds, emergencyMarks };
}

function outcomeOf<Success extends { readonly outcome: string }>(
  verdict: Verdict<Success>,
): string {
  if (verdict.kind === 'success') return verdict.auditedAs ?? verdict.answer.outcome;
  return verdict.fault?.code ?? verdict.refused.code;
}
