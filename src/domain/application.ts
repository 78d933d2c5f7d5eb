import {
  algorithmInputs,
  algorithmTimeStepping,
  type OcraSuite,
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
import { withSample } from './drift-history.ts';
import type { Position } from './outcomes.ts';

/** Challenges accepted in one time step at most: what the row of an application has to hold. */
export const spentChallengesMax: number = 16;

/** The store keeps `nextEventCounter` below 2^53, so the counter before it is the last to serve. */
export const eventCounterMax: bigint = 2n ** 53n - 2n;

/** What moves an application from one response to the next. */
export interface Sequence {
  readonly hasCounter: boolean;
  readonly stepping: TimeStepping | null;
  /** The suite, when the application takes a challenge. */
  readonly suite: OcraSuite | null;
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
 */
export function sequenceOf(algorithm: ResponseAlgorithm): Sequence | null {
  const inputs = algorithmInputs(algorithm);
  if (inputs.pinHash || inputs.session) return null;
  return {
    hasCounter: inputs.eventCounter,
    stepping: algorithmTimeStepping(algorithm) ?? null,
    suite: inputs.question && algorithm.kind === 'challenge-response' ? algorithm.suite : null,
  };
}

/** The only mode in which an algorithm can verify somebody. */
export function algorithmMode(algorithm: ResponseAlgorithm): Exclude<ApplicationMode, 'unlock'> {
  return algorithmInputs(algorithm).question ? 'challenge-response' : 'response-only';
}

/** The greatest counter that may be accepted. */
export function isCounterInRange(counter: bigint): boolean {
  return counter >= 0n && counter <= eventCounterMax;
}

/** The step that the device is expected to be in: the host's clock and the learned drift. */
export function expectedStep(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
): bigint {
  return timeStepAt(nowMs + application.driftSeconds * 1000, stepping);
}

/**
 * What of the sequence is used up. Steps count as used when they begin before `floorMs`, whatever
 * the epoch. A counter makes each response unique, so together with one the last step may serve
 * again; so it may for another challenge.
 */
export function floorOf(application: Application, sequence: Sequence): Floor {
  const { stepping, hasCounter, suite } = sequence;
  const isStepShared = hasCounter || suite !== null;
  const afterLast = isStepShared ? application.lastStep : application.lastStep + 1n;
  const afterFloor = stepping === null ? 0n : firstStepFrom(application.floorMs, stepping);
  return {
    nextEventCounter: application.nextEventCounter,
    lowestStep: afterLast > afterFloor ? afterLast : afterFloor,
    sharedStep: suite !== null && !hasCounter ? application.lastStep : null,
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
): ApplicationAdvance {
  const { hasCounter, suite } = sequence;
  const { first, last } = used;
  const isShared = suite !== null && !hasCounter && application.lastStep === first.timeStep;
  return {
    applicationId: application.id,
    epoch: application.epoch,
    guard: {
      nextEventCounterAtMost: first.eventCounter ?? application.nextEventCounter,
      lastStepBelow: stepGuard(application, hasCounter, first.timeStep),
      orSpentChallenges: isShared ? application.spentChallenges : null,
      failureCountBelow: null,
      pendingSync: null,
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
  };
}

/** The drift at which the middle of a step is now: whole seconds, device time minus host time. */
function centredDriftSeconds(step: bigint, stepping: TimeStepping, nowMs: number): number {
  const { startMs, endMs } = stepInterval(step, stepping);
  return Math.round(((startMs + endMs) / 2 - nowMs) / 1000);
}

/** The drift that puts the middle of an accepted step at now, noted in the history. */
export function observed(
  application: Application,
  step: bigint,
  stepping: TimeStepping,
  nowMs: number,
): LearnedDrift {
  const driftSeconds = centredDriftSeconds(step, stepping, nowMs);
  const sample = { atMs: nowMs, driftSeconds };
  const driftHistory = withSample(application.driftHistory, sample, stepping.timeStepSeconds);
  return { driftSeconds, driftAtMs: nowMs, driftHistory };
}

/**
 * What a reset, or a change of step, digits or hash, makes of an application: a new epoch in which
 * steps can't be compared with the old ones, and no learned drift. Counters stay, and the floor
 * keeps everything used up that was used before.
 */
export function newEpoch(
  application: Application,
): Pick<
  Application,
  'epoch' | 'lastStep' | 'floorMs' | 'spentChallenges' | 'driftSeconds' | 'driftAtMs'
> {
  const stepping = algorithmTimeStepping(application.algorithm);
  const usedUntilMs =
    stepping === undefined || application.lastStep < 0n
      ? 0
      : stepInterval(application.lastStep, stepping).endMs;
  return {
    epoch: application.epoch + 1,
    lastStep: -1n,
    floorMs: Math.max(application.floorMs, usedUntilMs),
    spentChallenges: [],
    driftSeconds: 0,
    driftAtMs: null,
  };
}

/** Where an application stands that nobody has used yet. */
export const unusedState: Pick<
  Application,
  | 'epoch'
  | 'nextEventCounter'
  | 'lastStep'
  | 'floorMs'
  | 'spentChallenges'
  | 'driftSeconds'
  | 'driftAtMs'
  | 'isDriftFrozen'
  | 'driftHistory'
  | 'failureCount'
  | 'pendingSync'
  | 'resetAtMs'
  | 'lastUsedAtMs'
> = {
  epoch: 1,
  nextEventCounter: 0n,
  lastStep: -1n,
  floorMs: 0,
  spentChallenges: [],
  driftSeconds: 0,
  driftAtMs: null,
  isDriftFrozen: false,
  driftHistory: '',
  failureCount: 0,
  pendingSync: null,
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

function firstStepFrom(atMs: number, stepping: TimeStepping): bigint {
  return timeStepAt(atMs + stepping.timeStepSeconds * 1000 - 1, stepping);
}

function stepGuard(application: Application, hasCounter: boolean, step: bigint | null): bigint {
  // Without a clock the stored step never moves, so this always holds within the epoch.
  if (step === null) return application.lastStep + 1n;
  return hasCounter ? step + 1n : step;
}

function floorMsAfter(application: Application, sequence: Sequence, step: bigint | null): number {
  const { stepping, hasCounter, suite } = sequence;
  if (stepping === null || step === null) return application.floorMs;
  const { startMs, endMs } = stepInterval(step, stepping);
  // Where the step may serve again it must not lie behind the floor; `newEpoch` closes it.
  return Math.max(application.floorMs, hasCounter || suite !== null ? startMs : endMs);
}

function spentAfter(application: Application, sequence: Sequence, used: Used): readonly string[] {
  if (sequence.hasCounter || sequence.stepping === null || sequence.suite === null) return [];
  const before = application.lastStep === used.last.timeStep ? application.spentChallenges : [];
  return [...before, ...used.challengeKeys];
}
