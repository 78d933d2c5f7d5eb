import { type Position, responseAt, type Sequence } from './responder.ts';
import type { Rules } from './rules.ts';
import {
  type Believed,
  driftSeen,
  expectedStep,
  idleDays,
  isStepPerQuestion,
  isUsed,
  lookBack,
  type Place,
} from './window.ts';

/** One response of two, with the question that it answers. */
export interface Part {
  readonly position: Position;
  readonly question: string;
}

/** Over all applications that are searched: each has an equal share. */
const candidatesMax = 16_384;
/** With a clock beside it, a counter is searched as far as five windows. */
const windowsWithClock = 5;

/**
 * Every place at which a synchronisation looks, counters before steps, each ascending: from five
 * counters behind the next one, and half of the time window to each side with the gap behind it.
 *
 * @param questions how many different ones the two responses answer
 * @param applications how many are searched
 */
export function syncPlaces(
  sequence: Sequence,
  believed: Believed,
  questions: 1 | 2,
  applications: number,
  nowMs: number,
  rules: Rules,
): readonly Place[] {
  const room = Math.floor(Math.floor(candidatesMax / applications) / questions);
  const counters = sequence.hasCounter ? counterRange(sequence, believed, room, rules) : [null];
  const steps = sequence.hasClock
    ? stepRange(believed, Math.floor(room / counters.length), nowMs, rules)
    : [null];
  const centre = sequence.hasClock ? expectedStep(believed, nowMs, rules) : 0;
  return counters.flatMap((counter) =>
    steps.map((step) => ({
      counter,
      step,
      distance:
        (counter === null ? 0 : Math.abs(counter - believed.nextCounter)) +
        (step === null ? 0 : Math.abs(step - centre)),
    })),
  );
}

/** The places at which the device would show this response to this question. */
export function showing(
  seed: Uint8Array,
  sequence: Sequence,
  places: readonly Place[],
  response: string,
  question: string,
): readonly Place[] {
  return places.filter((place) => responseAt(seed, sequence, place, question) === response);
}

/** Whether the second of two responses follows the first directly. */
export function follows(sequence: Sequence, first: Part, second: Part, rules: Rules): boolean {
  const [one, two] = [first.position, second.position];
  if (one.counter !== null && two.counter !== one.counter + 1) return false;
  if (one.step === null || two.step === null) return true;
  const isToldApart =
    sequence.hasCounter || (isStepPerQuestion(sequence) && first.question !== second.question);
  const gap = two.step - one.step;
  return gap >= (isToldApart ? 0 : 1) && gap <= rules.syncMaxGapSteps;
}

/** Whether a clock would go back further than idle days and the policy's margin explain. */
export function isTooFarBack(
  believed: Believed,
  { step }: Position,
  nowMs: number,
  rules: Rules,
): boolean {
  const { syncBackwardMarginSeconds: margin } = rules;
  if (step === null || margin === null || believed.driftAtMs === null) return false;
  const explained = believed.stepSeconds + 8 * idleDays(believed, nowMs) + margin;
  return believed.drift - driftSeen(believed, step, nowMs) > explained;
}

/** Why two consecutive responses may not be used, or null when they may. */
export function pairRefusal(
  sequence: Sequence,
  believed: Believed,
  { first, second }: { readonly first: Part; readonly second: Part },
  nowMs: number,
  rules: Rules,
): 'sync-replayed' | 'sync-backwards' | null {
  const isSpent = [first, second].some(({ position, question }) =>
    isUsed(sequence, believed, position, question),
  );
  if (isSpent) return 'sync-replayed';
  return isTooFarBack(believed, second.position, nowMs, rules) ? 'sync-backwards' : null;
}

function range(from: number, to: number): readonly number[] {
  const first = Math.max(0, from);
  return Array.from({ length: Math.max(0, to - first + 1) }, (_, index) => first + index);
}

function counterRange(
  { hasClock }: Sequence,
  { nextCounter }: Believed,
  room: number,
  rules: Rules,
): readonly number[] {
  const { syncEventWindowSteps, eventWindowSteps, syncMaxGapSteps } = rules;
  const wanted = hasClock
    ? Math.min(syncEventWindowSteps, windowsWithClock * eventWindowSteps)
    : syncEventWindowSteps;
  const most = hasClock ? Math.floor(room / (3 + syncMaxGapSteps)) : room;
  return range(nextCounter - lookBack, nextCounter + Math.min(wanted, most - lookBack - 1));
}

function stepRange(
  believed: Believed,
  room: number,
  nowMs: number,
  rules: Rules,
): readonly number[] {
  const { syncTimeWindowSeconds, syncMaxGapSteps } = rules;
  const { stepSeconds } = believed;
  const centre = expectedStep(believed, nowMs, rules);
  const wanted = Math.floor(syncTimeWindowSeconds / 2 / stepSeconds);
  const half = Math.min(wanted, Math.floor((room - 1 - syncMaxGapSteps) / 2));
  return range(centre - half, centre + half + syncMaxGapSteps);
}
