import type { EffectivePolicy } from './policy-catalogue.ts';

/** No attempt evaluates more candidates, whatever a policy says: each costs a MAC. */
export const verifyCandidatesMax: number = 4096;
export const syncCandidatesMax: number = 16_384;

/** Counters behind the next one that are evaluated only to tell a replay from a wrong response. */
export const replayLookBackEvents: number = 5;

/** What the windows of a policy cost the module, and what they give a guesser. */
export interface PolicyCost {
  /** Candidates of one attempt on an application with a clock, with a counter, with both. */
  readonly timeCandidates: number;
  readonly eventCandidates: number;
  readonly timeAndEventCandidates: number;
  /** The dearest of the three, as evaluated (at most `verifyCandidatesMax`). */
  readonly candidatesPerAttempt: number;
  readonly syncTimeCandidates: number;
  readonly syncEventCandidates: number;
  readonly syncCandidates: number;
  /** That one random response is accepted; by an application with a clock or a counter. */
  readonly guessProbabilityPerAttempt: number;
  /** Guesses a day until the lock, unlock attempts included; one a second where nothing locks. */
  readonly guessesPerDay: number;
  readonly guessProbabilityPerDay: number;
}

const secondsPerDay = 86_400;

/**
 * What a policy costs, for one application.
 *
 * @param shape decimal digits of a response (4 to 10) and the length of its time steps
 */
export function policyCost(
  policy: EffectivePolicy,
  shape: { readonly digits: number; readonly timeStepSeconds: number },
): PolicyCost {
  const timeCandidates = 2 * Math.floor(policy.identificationTimeWindowSteps / 2) + 1;
  const eventCandidates = policy.eventWindowSteps + replayLookBackEvents;
  const timeAndEventCandidates = Math.min(timeCandidates * eventCandidates, verifyCandidatesMax);
  const syncSteps = Math.floor(policy.syncTimeWindowSeconds / 2 / shape.timeStepSeconds);
  const syncTimeCandidates = 2 * syncSteps + 1 + policy.syncMaxGapSteps;
  const syncEventCandidates = policy.syncEventWindowSteps + replayLookBackEvents + 1;
  const acceptable = Math.max(timeCandidates, policy.eventWindowSteps);
  const guessProbabilityPerAttempt = Math.min(1, acceptable / 10 ** shape.digits);
  const guesses = guessesPerDay(policy);
  return {
    timeCandidates,
    eventCandidates,
    timeAndEventCandidates,
    candidatesPerAttempt: Math.min(
      Math.max(timeCandidates, eventCandidates, timeAndEventCandidates),
      verifyCandidatesMax,
    ),
    syncTimeCandidates,
    syncEventCandidates,
    syncCandidates: Math.min(Math.max(syncTimeCandidates, syncEventCandidates), syncCandidatesMax),
    guessProbabilityPerAttempt,
    guessesPerDay: guesses,
    guessProbabilityPerDay: 1 - (1 - guessProbabilityPerAttempt) ** guesses,
  };
}

/** Guesses in one day against a user who doesn't log in meanwhile (a success would start afresh). */
function guessesPerDay(policy: EffectivePolicy): number {
  if (policy.userLockThreshold === 0) return secondsPerDay;
  let waitedSeconds = 0;
  let unlockTries = 0;
  while (unlockTries < policy.autoUnlockMaxTries) {
    waitedSeconds +=
      policy.autoUnlockMinDurationSeconds * policy.autoUnlockMultiplier ** unlockTries;
    if (waitedSeconds > secondsPerDay) break;
    unlockTries += 1;
  }
  return policy.userLockThreshold + unlockTries;
}
