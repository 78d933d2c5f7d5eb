import {
  algorithmInputs,
  algorithmTimeStepping,
  type ChallengeAlgorithm,
  type ResponseAlgorithm,
  stepInterval,
  timeStepAt,
  type TimeStepping,
} from '../oath/index.ts';
import type {
  Application,
  ApplicationAdvance,
  ApplicationMode,
  AuthenticatorWithApplications,
} from './model.ts';
import type { Position } from './outcomes.ts';
import type { ChallengeCheckMode } from './policy-catalogue.ts';
import { unusedPin } from './server-pin.ts';
import { unsetBackup } from './virtual-otp.ts';

/** Challenges accepted in one time step at most: what the row of an application has to hold. */
export const spentChallengesMax: number = 16;

/** The store keeps `nextEventCounter` below 2^53, so the counter before it is the last to serve. */
export const eventCounterMax: bigint = 2n ** 53n - 2n;

/** What moves an application from one response to the next. */
export interface Sequence {
  readonly hasCounter: boolean;
  readonly stepping: TimeStepping | null;
  /** The algorithm, when the application takes a challenge. */
  readonly challenged: ChallengeAlgorithm | null;
  /** Whether one time step serves several responses, each to a challenge of its own. */
  readonly isStepPerChallenge: boolean;
}

/** What of an application's sequence is used up. */
export interface Floor {
  readonly nextEventCounter: bigint;
  readonly lowestStep: bigint;
  /** In this step a challenge is good that isn't among the spent ones; null without challenges. */
  readonly sharedStep: bigint | null;
  readonly spentChallenges: readonly string[];
}

/**
 * How an algorithm proceeds, or null when no request can serve it: it needs a PIN or session data,
 * or has nothing that tells one response from the next.
 *
 * @param checkMode of the policy; with 3 a time step serves once, whatever the challenge
 */
export function sequenceOf(
  algorithm: ResponseAlgorithm,
  checkMode: ChallengeCheckMode = 0,
): Sequence | null {
  const inputs = algorithmInputs(algorithm);
  if (inputs.pinHash || inputs.session) return null;
  const hasCounter = inputs.eventCounter;
  const stepping = algorithmTimeStepping(algorithm) ?? null;
  const challenged = challengedBy(algorithm);
  return {
    hasCounter,
    stepping,
    challenged,
    isStepPerChallenge: challenged !== null && stepping !== null && !hasCounter && checkMode !== 3,
  };
}

/** The algorithm, if it takes a challenge that somebody has to give: a fixed question is none. */
export function challengedBy(algorithm: ResponseAlgorithm): ChallengeAlgorithm | null {
  switch (algorithm.kind) {
    case 'event':
    case 'time':
    case 'time-event':
      return null;
    case 'challenge-response':
      return algorithm.suite.dataInput.question === undefined ? null : algorithm;
    case 'hmac-challenge':
      return algorithm;
  }
}

/** The mode in which an algorithm verifies somebody, unless it is told to sign as well. */
export function algorithmMode(
  algorithm: ResponseAlgorithm,
): Extract<ApplicationMode, 'response-only' | 'challenge-response'> {
  return algorithmInputs(algorithm).question ? 'challenge-response' : 'response-only';
}

/** The greatest counter that may be accepted. */
export function isCounterInRange(counter: bigint): boolean {
  return counter >= 0n && counter <= eventCounterMax;
}

/**
 * What of the sequence is used up. Steps count as used when they begin before `floorMs`, whatever
 * the epoch. A counter makes each response unique, so together with one the last step may serve
 * again; so it may for another challenge.
 */
export function floorOf(application: Application, sequence: Sequence): Floor {
  const { stepping } = sequence;
  const afterLast = isStepShared(sequence) ? application.lastStep : application.lastStep + 1n;
  const afterFloor = stepping === null ? 0n : firstStepFrom(application.floorMs, stepping);
  return {
    nextEventCounter: application.nextEventCounter,
    lowestStep: afterLast > afterFloor ? afterLast : afterFloor,
    sharedStep: sequence.isStepPerChallenge ? application.lastStep : null,
    spentChallenges: application.spentChallenges,
  };
}

/** Whether a position is at or behind the floor. `challengeKey` is null without a challenge. */
export function isSpent(floor: Floor, position: Position, challengeKey: string | null): boolean {
  const { eventCounter, timeStep } = position;
  if (eventCounter !== null && eventCounter < floor.nextEventCounter) return true;
  if (timeStep === null) return false;
  if (timeStep < floor.lowestStep) return true;
  if (timeStep !== floor.sharedStep || challengeKey === null) return false;
  const { spentChallenges } = floor;
  return spentChallenges.length >= spentChallengesMax || spentChallenges.includes(challengeKey);
}

/** What an acceptance uses up: one position, or the two of a synchronisation in their order. */
export interface Used {
  readonly first: Position;
  readonly last: Position;
  /** Keys of the challenges answered at the last step, in order; empty without challenges. */
  readonly challengeKeys: readonly string[];
}

/** What else an advance depends on; see `ApplicationAdvance.guard`. */
export type AdvanceConditions = Pick<
  ApplicationAdvance['guard'],
  'failureCountBelow' | 'pendingSync'
>;

/** The drift as it is to be stored, and what the clock has shown so far. */
export type LearnedDrift = Pick<
  ApplicationAdvance['set'],
  'driftSeconds' | 'driftAtMs' | 'driftHistory'
>;

/**
 * The conditional write that moves an application past what was used. The guard repeats in SQL what
 * `isSpent` examined, so that of two decisions on one position only one commits.
 */
export function advancePast(
  application: Application,
  sequence: Sequence,
  used: Used,
  drift: LearnedDrift,
  conditions: AdvanceConditions,
): ApplicationAdvance {
  const { hasCounter, isStepPerChallenge } = sequence;
  const { first, last } = used;
  const isShared = isStepPerChallenge && application.lastStep === first.timeStep;
  return {
    applicationId: application.id,
    epoch: application.epoch,
    guard: {
      nextEventCounterAtMost: first.eventCounter ?? application.nextEventCounter,
      lastStepBelow: stepGuard(application, hasCounter, first.timeStep),
      orSpentChallenges: isShared ? application.spentChallenges : null,
      pinVersion: application.pin.version,
      ...conditions,
    },
    set: {
      driftSeconds: drift.driftSeconds,
      driftAtMs: drift.driftAtMs,
      driftHistory: drift.driftHistory,
      nextEventCounter:
        last.eventCounter === null ? application.nextEventCounter : last.eventCounter + 1n,
      lastStep: last.timeStep ?? application.lastStep,
      floorMs: floorMsAfter(application, sequence, last.timeStep),
      spentChallenges: spentAfter(application, sequence, used),
    },
    isForgiving: true,
  };
}

type Learned =
  'driftSeconds' | 'driftAtMs' | 'isDriftFrozen' | 'driftHistory' | 'failureCount' | 'pendingSync';

/** What was learned of an application and noted of its refusals, while there is nothing. */
const nothingLearned: Pick<Application, Learned> = {
  driftSeconds: 0,
  driftAtMs: null,
  isDriftFrozen: false,
  driftHistory: '',
  failureCount: 0,
  pendingSync: null,
};

/**
 * What an administrator's reset makes of an application: a new epoch without anything learned. What
 * was used stays used, and is not written: a logon may move it at this moment.
 */
export function resetOf(
  { epoch }: Application,
  nowMs: number,
): Pick<Application, Learned | 'epoch' | 'resetAtMs'> {
  return { ...nothingLearned, epoch: epoch + 1, resetAtMs: nowMs };
}

/**
 * What a change of step, digits or hash makes of an application: a new epoch in which steps can't be
 * compared with the old ones. Counters stay, and the floor keeps everything used up that was used
 * before. Only while no logon can move the application.
 */
export function newEpoch(
  application: Application,
  nowMs: number,
): ReturnType<typeof resetOf> & Pick<Application, 'lastStep' | 'floorMs' | 'spentChallenges'> {
  const stepping = algorithmTimeStepping(application.algorithm);
  const usedUntilMs =
    stepping === undefined || application.lastStep < 0n
      ? 0
      : stepInterval(application.lastStep, stepping).endMs;
  return {
    ...resetOf(application, nowMs),
    lastStep: -1n,
    floorMs: Math.max(application.floorMs, usedUntilMs),
    spentChallenges: [],
  };
}

/** Where an application stands that nobody has used yet. */
export const unusedState: Pick<
  Application,
  | Learned
  | 'pin'
  | 'epoch'
  | 'nextEventCounter'
  | 'lastStep'
  | 'floorMs'
  | 'spentChallenges'
  | 'resetAtMs'
  | 'lastUsedAtMs'
> = {
  ...nothingLearned,
  pin: unusedPin,
  epoch: 1,
  nextEventCounter: 0n,
  lastStep: -1n,
  floorMs: 0,
  spentChallenges: [],
  resetAtMs: null,
  lastUsedAtMs: null,
};

/** The id under which decoy candidates go: no record has it. */
const decoyId = 'decoy';

/**
 * A stand-in for what most users have (one time-based application, 6 digits, 30 s), so that an
 * attempt on nobody is planned and MACed like one on somebody. Its MACs come from the decoy seed.
 */
export const decoyAuthenticator: AuthenticatorWithApplications = {
  authenticator: {
    id: decoyId,
    serial: '',
    licenceSerial: '',
    model: '',
    isVirtual: false,
    isDisabled: false,
    expiresAtMs: null,
    userId: null,
    assignedAtMs: null,
    assignmentVersion: 0,
    lastUsedAtMs: null,
    kind: 'device',
    graceEndsAtMs: null,
    backup: unsetBackup,
    createdAtMs: 0,
    version: 0,
  },
  applications: [
    {
      id: decoyId,
      authenticatorId: decoyId,
      name: '',
      mode: 'response-only',
      algorithm: {
        kind: 'time',
        hash: 'SHA1',
        digits: 6,
        timeStepSeconds: 30,
        timeOriginSeconds: 0,
      },
      seed: {
        seedId: '',
        residency: 'resident',
        blob: null,
        seedBytes: 0,
        padded: false,
        keyCheckValue: '',
        origin: 'generated',
      },
      isDisabled: false,
      ...unusedState,
      createdAtMs: 0,
      version: 0,
    },
  ],
};

/** A counter makes each response unique, and so may a challenge: then a step serves again. */
function isStepShared({ hasCounter, isStepPerChallenge }: Sequence): boolean {
  return hasCounter || isStepPerChallenge;
}

function firstStepFrom(atMs: number, stepping: TimeStepping): bigint {
  return timeStepAt(atMs + stepping.timeStepSeconds * 1000 - 1, stepping);
}

function stepGuard(application: Application, hasCounter: boolean, step: bigint | null): bigint {
  // Without a clock the stored step never moves, so this always holds within the epoch.
  if (step === null) return application.lastStep + 1n;
  return hasCounter ? step + 1n : step;
}

function floorMsAfter(application: Application, sequence: Sequence, step: bigint | null): number {
  const { stepping } = sequence;
  if (stepping === null || step === null) return application.floorMs;
  const { startMs, endMs } = stepInterval(step, stepping);
  // Where the step may serve again it must not lie behind the floor; `newEpoch` closes it.
  return Math.max(application.floorMs, isStepShared(sequence) ? startMs : endMs);
}

function spentAfter(application: Application, sequence: Sequence, used: Used): readonly string[] {
  if (!sequence.isStepPerChallenge) return [];
  const before = application.lastStep === used.last.timeStep ? application.spentChallenges : [];
  return [...before, ...used.challengeKeys];
}
