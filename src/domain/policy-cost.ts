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

/** Windows are priced for the most usual time step where no application is known. */
export const usualTimeStepSeconds: number = 30;

/**
 * MACs that a refused verification costs at least, whoever it was about and whatever was wrong: as
 * many as an application with a clock or one with a counter may need, whichever is more. Only the
 * policy decides.
 */
export function refusalMacs(policy: EffectivePolicy): number {
  return Math.min(
    Math.max(timeCandidatesOf(policy), eventCandidatesOf(policy)),
    verifyCandidatesMax,
  );
}

/**
 * MACs that a synchronisation costs at least; see `refusalMacs`. Only the policy and the request
 * decide.
 *
 * @param isDistinct whether the two responses come with different challenges
 */
export function syncMacs(policy: EffectivePolicy, isDistinct: boolean): number {
  const candidates = Math.max(
    syncTimeCandidatesOf(policy, usualTimeStepSeconds),
    syncEventCandidatesOf(policy),
  );
  return Math.min(isDistinct ? 2 * candidates : candidates, syncCandidatesMax);
}

/**
 * What a policy costs, for one application.
 *
 * @param shape decimal digits of a response (4 to 10) and the length of its time steps
 */
export function policyCost(
  policy: EffectivePolicy,
  shape: { readonly digits: number; readonly timeStepSeconds: number },
): PolicyCost {
  const timeCandidates = timeCandidatesOf(policy);
  const eventCandidates = eventCandidatesOf(policy);
  const timeAndEventCandidates = Math.min(timeCandidates * eventCandidates, verifyCandidatesMax);
  const syncTimeCandidates = syncTimeCandidatesOf(policy, shape.timeStepSeconds);
  const syncEventCandidates = syncEventCandidatesOf(policy);
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

function timeCandidatesOf(policy: EffectivePolicy): number {
  return 2 * Math.floor(policy.identificationTimeWindowSteps / 2) + 1;
}

function eventCandidatesOf(policy: EffectivePolicy): number {
  return policy.eventWindowSteps + replayLookBackEvents;
}

function syncTimeCandidatesOf(policy: EffectivePolicy, timeStepSeconds: number): number {
  const reach = Math.floor(policy.syncTimeWindowSeconds / 2 / timeStepSeconds);
  return 2 * reach + 1 + policy.syncMaxGapSteps;
}

function syncEventCandidatesOf(policy: EffectivePolicy): number {
  return policy.syncEventWindowSteps + replayLookBackEvents + 1;
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
