import type { ClockEvent, ClockParameters } from './clock-parameters.ts';
import { type CrystalPhysics, crystalPhysics } from './crystal.ts';

/**
 * A stretch of true time in which nothing happens to the clock: its error grows by one formula.
 *
 * - `unborn`: before manufacture the clock is only wrong by its first offset.
 * - `running`: by its rate and its crystal; at `heldC` while it is kept at another temperature.
 * - `paused`: it stands still.
 */
interface Segment {
  readonly fromMs: number;
  readonly errorMs: number;
  readonly ratePpm: number;
  readonly mode: 'unborn' | 'running' | 'paused';
  readonly heldC: number | null;
  /** The crystal's sums at `fromMs`. */
  readonly ambientSum: number;
  readonly agedSum: number;
}

/** A clock that has been taken apart. True times have been checked. */
export interface Segments {
  /** The clock's reading, whole milliseconds. */
  deviceTimeMs(trueMs: number): number;
  /** How fast it runs just then; -1,000,000 while it stands still. */
  ratePpm(trueMs: number): number;
}

/** The rate of a clock that stands still. */
export const stoppedPpm = -1_000_000;

/** Cuts true time at every event, once; each reading then costs the search for its stretch. */
export function segmentsOf(parameters: ClockParameters): Segments {
  const { manufacturedAtMs, crystal } = parameters;
  const physics = crystal === undefined ? null : crystalPhysics(crystal);
  const pieces = new Pieces(manufacturedAtMs, physics);
  const segments = cut(parameters, pieces);
  return {
    deviceTimeMs(trueMs) {
      const segment = segmentAt(segments, trueMs);
      // Said in one number, so that no rounding moves a clock that stands still.
      if (segment.mode === 'paused') return segment.fromMs + Math.round(segment.errorMs);
      return trueMs + Math.round(pieces.errorMs(segment, trueMs));
    },
    ratePpm(trueMs) {
      return pieces.ratePpm(segmentAt(segments, Math.max(trueMs, manufacturedAtMs)), trueMs);
    },
  };
}

/** The arithmetic within one stretch. */
class Pieces {
  readonly #manufacturedAtMs: number;
  readonly #physics: CrystalPhysics | null;

  constructor(manufacturedAtMs: number, physics: CrystalPhysics | null) {
    this.#manufacturedAtMs = manufacturedAtMs;
    this.#physics = physics;
  }

  begin(segment: Omit<Segment, 'ambientSum' | 'agedSum'>): Segment {
    const physics = this.#physics;
    if (physics === null || segment.mode === 'unborn') {
      return { ...segment, ambientSum: 0, agedSum: 0 };
    }
    const age = this.#age(segment.fromMs);
    return {
      ...segment,
      ambientSum: physics.ambientSum(age),
      agedSum: physics.agedSum(age),
    };
  }

  errorMs(segment: Segment, trueMs: number): number {
    const { fromMs, errorMs, ratePpm, mode, heldC } = segment;
    const elapsedMs = trueMs - fromMs;
    if (mode === 'paused') return errorMs - elapsedMs;
    const straightMs = errorMs + (elapsedMs * ratePpm) / 1_000_000;
    const physics = this.#physics;
    if (physics === null || mode === 'unborn') return straightMs;
    const age = this.#age(trueMs);
    const warmthSum =
      heldC === null
        ? physics.ambientSum(age) - segment.ambientSum
        : (physics.heldPpm(heldC) * elapsedMs) / 1000;
    // One ppm for one second is a microsecond.
    return straightMs + (warmthSum + physics.agedSum(age) - segment.agedSum) / 1000;
  }

  ratePpm({ mode, ratePpm, heldC }: Segment, trueMs: number): number {
    if (mode === 'paused') return stoppedPpm;
    const physics = this.#physics;
    if (physics === null || trueMs < this.#manufacturedAtMs) return ratePpm;
    const age = this.#age(trueMs);
    const warmth = heldC === null ? physics.ambientPpm(age) : physics.heldPpm(heldC);
    return ratePpm + warmth + physics.agedPpm(age);
  }

  #age(trueMs: number): number {
    return (trueMs - this.#manufacturedAtMs) / 1000;
  }
}

interface Point {
  readonly atMs: number;
  readonly event: ClockEvent;
  readonly isEnd: boolean;
}

function cut(parameters: ClockParameters, pieces: Pieces): readonly Segment[] {
  const { manufacturedAtMs, offsetMs, ratePpm } = parameters;
  const first = { errorMs: offsetMs, heldC: null } as const;
  let last = pieces.begin({ ...first, fromMs: manufacturedAtMs, ratePpm, mode: 'running' });
  const unborn = pieces.begin({ ...first, fromMs: 0, ratePpm: 0, mode: 'unborn' });
  const segments: Segment[] = [unborn, last];
  /** Pauses and temperatures that have begun and not ended; they may overlap. */
  const lasting = new Set<ClockEvent>();
  for (const { atMs, event, isEnd } of pointsOf(parameters)) {
    if (isEnd) lasting.delete(event);
    else if ('untilMs' in event) lasting.add(event);
    const errorMs = pieces.errorMs(last, atMs);
    const isPaused = [...lasting].some(({ kind }) => kind === 'pause');
    last = pieces.begin({
      fromMs: atMs,
      errorMs: isEnd ? errorMs : errorAfter(event, errorMs),
      ratePpm: event.kind === 'rate' ? event.ratePpm : last.ratePpm,
      mode: isPaused ? 'paused' : 'running',
      heldC: heldOf(lasting),
    });
    segments.push(last);
  }
  return segments;
}

/** Starts and ends in order of time; of those at one time, starts come first. */
function pointsOf({ events, drawn }: ClockParameters): readonly Point[] {
  const all = [...(drawn?.events ?? []), ...events];
  const starts = all.map((event): Point => ({ atMs: event.atMs, event, isEnd: false }));
  const ends = all.flatMap((event): Point[] =>
    'untilMs' in event ? [{ atMs: event.untilMs, event, isEnd: true }] : [],
  );
  return [...starts, ...ends].sort((left, right) => left.atMs - right.atMs);
}

function errorAfter(event: ClockEvent, errorMs: number): number {
  switch (event.kind) {
    case 'jump':
      return errorMs + event.byMs;
    case 'set':
      return event.offsetMs;
    case 'reset':
      return event.deviceEpochMs - event.atMs;
    case 'rate':
    case 'pause':
    case 'excursion':
      return errorMs;
  }
}

/** Of several temperatures at once the one that began last is felt. */
function heldOf(lasting: ReadonlySet<ClockEvent>): number | null {
  let heldC: number | null = null;
  for (const event of lasting) if (event.kind === 'excursion') heldC = event.temperatureC;
  return heldC;
}

/** The last segment that has begun, by halving. */
function segmentAt(segments: readonly Segment[], trueMs: number): Segment {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle]?.fromMs ?? Infinity) <= trueMs) low = middle;
    else high = middle - 1;
  }
  const segment = segments[low];
  if (segment === undefined) throw new Error('a clock always has a first segment');
  return segment;
}
