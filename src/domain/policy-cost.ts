import type { EffectivePolicy } from './policy-catalogue.ts';

/** No attempt evaluates more candidates, whatever a policy says: each costs a MAC. */
export const verifyCandidatesMax: number = 4096;
export const syncCandidatesMax: number = 16_384;

/** Counters behind the next one that are evaluated only to tell a replay from a wrong response. */
export const replayLookBackEvents: number = 5;

/** What the windows of a policy cost the module, and what they give a guesser. */
export interface PolicyCost {
  /** Candidates of one attempt on an application with a clock, at its widest; with a counter. */
  readonly timeCandidates: number;
  readonly eventCandidates: number;
  /** The same at first use and after a reset; the product for clock and counter together. */
  readonly initialTimeCandidates: number;
  readonly timeAndEventCandidates: number;
  readonly syncTimeCandidates: number;
  readonly syncEventCandidates: number;
  readonly syncTimeAndEventCandidates: number;
  readonly syncCandidates: number;
  /** What every refusal costs, whoever it is about. */
  readonly candidatesPerAttempt: number;
  /** That one random response is accepted. */
  readonly guessProbabilityPerAttempt: number;
  readonly guessProbabilityAtFirstUse: number;
  /** Guesses a day until the lock, unlock attempts included; one a second where nothing locks. */
  readonly guessesPerDay: number;
  readonly guessProbabilityPerDay: number;
}

const secondsPerDay = 86_400;

/** Windows are priced for the most usual time step where no application is known. */
export const usualTimeStepSeconds: number = 30;

/** With a clock as well, the counters may not eat up the whole space: as many as five logons. */
export const syncEventWindowsWithClock: number = 5;

/**
 * MACs that a refused verification costs at least, whoever it was about and whatever was wrong: as
 * many as the dearest application that the policy permits may need. Only the policy decides.
 */
export function refusalMacs(policy: EffectivePolicy): number {
  const time = widestTimeCandidates(policy, usualTimeStepSeconds);
  const candidates = hasCombined(policy)
    ? time * eventCandidatesOf(policy)
    : Math.max(time, eventCandidatesOf(policy));
  return Math.min(candidates, verifyCandidatesMax);
}

/**
 * MACs that a synchronisation costs at least; see `refusalMacs`. Only the policy and the request
 * decide.
 *
 * @param isDistinct whether the two responses come with different challenges
 */
export function syncMacs(policy: EffectivePolicy, isDistinct: boolean): number {
  const time = syncTimeCandidatesOf(policy, usualTimeStepSeconds);
  const candidates = hasCombined(policy)
    ? Math.max(time * syncCombinedEventsOf(policy), syncEventCandidatesOf(policy))
    : Math.max(time, syncEventCandidatesOf(policy));
  return Math.min(isDistinct ? 2 * candidates : candidates, syncCandidatesMax);
}

/** MACs by which a response out of every window is looked for, where the policy remembers such. */
export function secondOtpMacs(policy: EffectivePolicy): number {
  return policy.secondOtpSync ? syncMacs(policy, false) : 0;
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
  const { timeStepSeconds } = shape;
  const timeCandidates = timeCandidatesOf(policy, timeStepSeconds);
  const eventCandidates = eventCandidatesOf(policy);
  const initialTimeCandidates = widestTimeCandidates(policy, timeStepSeconds);
  const probability = (time: number): number => {
    const acceptable = hasCombined(policy)
      ? Math.min(time * policy.eventWindowSteps, verifyCandidatesMax)
      : Math.max(time, policy.eventWindowSteps);
    return Math.min(1, acceptable / 10 ** shape.digits);
  };
  const guessProbabilityPerAttempt = probability(timeCandidates);
  const guesses = guessesPerDay(policy);
  return {
    timeCandidates,
    eventCandidates,
    initialTimeCandidates,
    timeAndEventCandidates: Math.min(timeCandidates * eventCandidates, verifyCandidatesMax),
    ...syncCost(policy, timeStepSeconds),
    candidatesPerAttempt: refusalMacs(policy) + secondOtpMacs(policy),
    guessProbabilityPerAttempt,
    guessProbabilityAtFirstUse: probability(initialTimeCandidates),
    guessesPerDay: guesses,
    guessProbabilityPerDay: 1 - (1 - guessProbabilityPerAttempt) ** guesses,
  };
}

type SyncCost = Pick<
  PolicyCost,
  'syncTimeCandidates' | 'syncEventCandidates' | 'syncTimeAndEventCandidates' | 'syncCandidates'
>;

function syncCost(policy: EffectivePolicy, timeStepSeconds: number): SyncCost {
  const syncTimeCandidates = syncTimeCandidatesOf(policy, timeStepSeconds);
  const syncEventCandidates = syncEventCandidatesOf(policy);
  const product = syncTimeCandidates * syncCombinedEventsOf(policy);
  return {
    syncTimeCandidates,
    syncEventCandidates,
    syncTimeAndEventCandidates: Math.min(product, syncCandidatesMax),
    syncCandidates: syncMacs(policy, false),
  };
}

function hasCombined(policy: EffectivePolicy): boolean {
  return policy.timeAndEventApplications === 'allowed';
}

/** Steps of one window of so many seconds, half to each side, the expected one among them. */
function stepsWithin(seconds: number, timeStepSeconds: number): number {
  return 2 * Math.floor(seconds / 2 / timeStepSeconds) + 1;
}

function plainTimeCandidates({ identificationTimeWindowSteps }: EffectivePolicy): number {
  return 2 * Math.floor(identificationTimeWindowSteps / 2) + 1;
}

/** The window of an application in use: grown as far as it may, and around its other centres. */
function timeCandidatesOf(policy: EffectivePolicy, timeStepSeconds: number): number {
  const plain = plainTimeCandidates(policy);
  const grown = policy.dynamicTimeWindow
    ? Math.max(plain, stepsWithin(policy.syncTimeWindowSeconds, timeStepSeconds))
    : plain;
  return grown + otherCentres(policy) * plain;
}

function widestTimeCandidates(policy: EffectivePolicy, timeStepSeconds: number): number {
  const initial =
    stepsWithin(policy.initialTimeWindowSeconds, timeStepSeconds) +
    otherCentres(policy) * plainTimeCandidates(policy);
  return Math.max(timeCandidatesOf(policy, timeStepSeconds), initial);
}

function otherCentres({ discreteTimeWindowHours, hostClockCentre }: EffectivePolicy): number {
  return 2 * discreteTimeWindowHours + (hostClockCentre ? 1 : 0);
}

function eventCandidatesOf(policy: EffectivePolicy): number {
  return policy.eventWindowSteps + replayLookBackEvents;
}

function syncTimeCandidatesOf(policy: EffectivePolicy, timeStepSeconds: number): number {
  return stepsWithin(policy.syncTimeWindowSeconds, timeStepSeconds) + policy.syncMaxGapSteps;
}

function syncEventCandidatesOf(policy: EffectivePolicy): number {
  return policy.syncEventWindowSteps + replayLookBackEvents + 1;
}

function syncCombinedEventsOf(policy: EffectivePolicy): number {
  const wanted = policy.eventWindowSteps * syncEventWindowsWithClock;
  return Math.min(policy.syncEventWindowSteps, wanted) + replayLookBackEvents + 1;
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
