import { TallystickError } from '../errors.ts';
import { parseEventCounter, parseTimeStep } from '../oath/index.ts';
import type { Sequence } from './application.ts';
import type { PairPart } from './resync.ts';
import { sharesStep } from './resync-space.ts';
import type { Position } from './outcomes.ts';

/**
 * A response that was out of every window but within reach of a synchronisation. It was refused and
 * counted; the consecutive next one confirms it. It is good for exactly the next counted attempt on
 * the same assignment: a success, a lock, another failure, or whatever an administrator does to the
 * user changes the numbers it was noted with, a reset ends its epoch and takes it away.
 */
export interface PendingSync {
  /** Where the response may have stood; each was unused. */
  readonly positions: readonly Position[];
  readonly challengeKey: string | null;
  readonly expiresAtMs: number;
  /** The user's count once the refusal was counted, and his last success before it. */
  readonly lockCount: number;
  readonly lastSuccessAtMs: number | null;
  /** Of the user's record: whatever an administrator does to him raises it, attempts do not. */
  readonly userVersion: number;
  readonly assignmentVersion: number;
}

/** What the user and the assignment are like now, compared with what a response was noted with. */
export interface PendingContext {
  readonly lockCount: number;
  readonly lastSuccessAtMs: number | null;
  readonly userVersion: number;
  readonly assignmentVersion: number;
  readonly nowMs: number;
}

/** A response of six digits stands at more places by chance now and then; at this many it says nothing. */
export const pendingPositionsMax: number = 4;

/** The text in the application's row. */
export function pendingSyncText(pending: PendingSync): string {
  const positions = pending.positions.map(({ eventCounter, timeStep }) => [
    eventCounter === null ? null : String(eventCounter),
    timeStep === null ? null : String(timeStep),
  ]);
  return JSON.stringify({ ...pending, positions });
}

/** What was remembered, if it still holds; null otherwise. */
export function livePendingSync(text: string | null, context: PendingContext): PendingSync | null {
  if (text === null) return null;
  const pending = parsePendingSync(text);
  const isSame =
    pending.lockCount === context.lockCount &&
    pending.lastSuccessAtMs === context.lastSuccessAtMs &&
    pending.userVersion === context.userVersion &&
    pending.assignmentVersion === context.assignmentVersion;
  return isSame && context.nowMs < pending.expiresAtMs ? pending : null;
}

/**
 * Whether two responses follow each other directly: the next counter, and a time step that is later
 * by one to `maxGapSteps`, or the same where counter or challenge tell the two apart.
 */
export function isConsecutive(
  first: PairPart,
  second: PairPart,
  sequence: Sequence,
  maxGapSteps: number,
): boolean {
  const [one, two] = [first.position, second.position];
  if (one.eventCounter !== null && two.eventCounter !== one.eventCounter + 1n) return false;
  if (one.timeStep === null || two.timeStep === null) return one.timeStep === two.timeStep;
  const gap = two.timeStep - one.timeStep;
  const isDistinct = first.challengeKey !== second.challengeKey;
  return gap >= (sharesStep(sequence, isDistinct) ? 0n : 1n) && gap <= BigInt(maxGapSteps);
}

function parsePendingSync(text: string): PendingSync {
  try {
    const { positions, ...rest } = JSON.parse(text) as Omit<PendingSync, 'positions'> & {
      readonly positions: readonly (readonly [string | null, string | null])[];
    };
    return {
      ...rest,
      positions: positions.map(([eventCounter, timeStep]) => ({
        eventCounter: eventCounter === null ? null : parseEventCounter(eventCounter),
        timeStep: timeStep === null ? null : parseTimeStep(timeStep),
      })),
    };
  } catch (error) {
    // Only this server writes these rows, by `pendingSyncText`.
    throw new TallystickError(
      'store-contract',
      'The database holds a damaged remembered response.',
      {
        cause: error,
      },
    );
  }
}
