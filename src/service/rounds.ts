import type { AnswerSlot } from './answers.ts';
import type { Caller, RefusedAnswer } from './api.ts';
import {
  readAttempt,
  type Reading,
  standingFacts,
  subjectOf,
  type Target,
  toldRefusal,
  tooManyConflicts,
} from './attempt.ts';
import { auditEntry } from './audit-entries.ts';
import type { Context } from './deps.ts';
import type { Decision } from './store.ts';
import type { SuccessChanges, Verdict } from './verdicts.ts';

/** One attempt on a user, by which use case and for whom. */
export interface Attempt {
  readonly action: 'authenticate' | 'synchronise';
  readonly caller: Caller;
  readonly target: Target;
  readonly nowMs: number;
}

const noChanges: SuccessChanges = {
  user: null,
  authenticator: null,
  advance: null,
  followers: [],
  challengeIds: [],
};

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
  const { caller, target, nowMs } = attempt;
  for (let round = 1; round <= context.limits.decisionRoundsMax; round += 1) {
    const reading = await readAttempt(context, caller, target, nowMs);
    const before = answerBefore(slot, reading);
    const given = before === null ? null : await before;
    if (given !== null) return given;
    const verdict = await examine(reading);
    const answer = answerOf(verdict, reading);
    const decision = decisionOf(attempt, reading, verdict, slot, answer);
    const [result] = await context.store.commit([decision]);
    if (result?.status === 'committed') {
      if (verdict.kind === 'refused' && verdict.fault !== null) throw verdict.fault;
      return answer;
    }
  }
  throw tooManyConflicts();
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

function answerOf<Success>(verdict: Verdict<Success>, reading: Reading): Success | RefusedAnswer {
  if (verdict.kind === 'success') return verdict.answer;
  return toldRefusal(verdict.refused.code, reading.component?.policy ?? null);
}

function decisionOf<Success extends { readonly outcome: string }>(
  attempt: Attempt,
  reading: Reading,
  verdict: Verdict<Success>,
  slot: AnswerSlot<Success | RefusedAnswer>,
  answer: Success | RefusedAnswer,
): Decision {
  const { caller, target, nowMs, action } = attempt;
  const isTechnical = verdict.kind === 'refused' && verdict.fault !== null;
  const changes =
    verdict.kind === 'success'
      ? verdict.changes
      : { ...noChanges, user: verdict.user, challengeIds: verdict.challengeIds };
  const notes = verdict.kind === 'success' ? [] : verdict.notes;
  const { user, authenticator, advance, followers, challengeIds } = changes;
  return {
    atMs: nowMs,
    user,
    authenticator,
    advance,
    followers,
    notes,
    challengeIds,
    issueChallenge: null,
    // A technical fault is not an answer: the same request may succeed when it is mended.
    storedAnswer: isTechnical ? null : answerToStore(slot, reading, answer),
    audit: auditEntry(caller, nowMs, {
      action,
      outcome: outcomeOf(verdict),
      subject: subjectOf(target, reading.domain),
      details: Object.assign(standingFacts(reading), verdict.facts),
    }),
  };
}

function outcomeOf<Success extends { readonly outcome: string }>(
  verdict: Verdict<Success>,
): string {
  if (verdict.kind === 'success') return verdict.answer.outcome;
  return verdict.fault?.code ?? verdict.refused.code;
}
