import { createDeviceClock } from '../physics/clock.ts';
import type { ClockParameters } from '../physics/clock-parameters.ts';

/** What a verifier would accept, as far as a plot shows it. */
export interface Windows {
  readonly stepSeconds: number;
  /** Of the static window, in total. */
  readonly steps: number;
  /** What the dynamic window grows by, in seconds a day since the last success. */
  readonly growthSeconds: number;
  /** Time between successes; null: none after the first. */
  readonly successEveryMs: number | null;
}

/** The clock at one time, in seconds ahead of true time, and the edges of the dynamic window then. */
export interface DriftPoint {
  readonly atMs: number;
  readonly seconds: number;
  readonly lowSeconds: number;
  readonly highSeconds: number;
}

export interface DriftFigure {
  readonly points: readonly DriftPoint[];
  /** The static window is this far around true time. */
  readonly halfSeconds: number;
  /** When the clock is first seen outside each window; null: never. */
  readonly leavesStaticAtMs: number | null;
  readonly leavesDynamicAtMs: number | null;
}

const dayMs = 86_400_000;

/**
 * Error and windows between two times, at `count` times evenly apart, 2 or more. The dynamic window
 * lies around the error of the last success, with one step and its growth as its width.
 */
export function driftFigure(
  parameters: ClockParameters,
  fromMs: number,
  untilMs: number,
  windows: Windows,
  count: number,
): DriftFigure {
  const clock = createDeviceClock(parameters);
  const secondsAt = (atMs: number): number => (clock.deviceTimeMs(atMs) - atMs) / 1000;
  const everyMs = windows.successEveryMs ?? Infinity;
  const points = Array.from({ length: count }, (_, index): DriftPoint => {
    const atMs = Math.round(fromMs + ((untilMs - fromMs) * index) / (count - 1));
    // The success of this very moment was judged by the one before.
    const successes = Math.max(0, Math.ceil((atMs - fromMs) / everyMs) - 1);
    const lastMs = successes === 0 ? fromMs : fromMs + successes * everyMs;
    const width = windows.stepSeconds + (windows.growthSeconds * (atMs - lastMs)) / dayMs;
    const centre = secondsAt(lastMs);
    return {
      atMs,
      seconds: secondsAt(atMs),
      lowSeconds: centre - width / 2,
      highSeconds: centre + width / 2,
    };
  });
  const halfSeconds = (windows.steps * windows.stepSeconds) / 2;
  const first = (isOut: (point: DriftPoint) => boolean): number | null =>
    points.find(isOut)?.atMs ?? null;
  return {
    points,
    halfSeconds,
    leavesStaticAtMs: first(({ seconds }) => Math.abs(seconds) > halfSeconds),
    leavesDynamicAtMs: first(
      ({ seconds, lowSeconds, highSeconds }) => seconds < lowSeconds || seconds > highSeconds,
    ),
  };
}

/**
 * The seconds that a plot shows: all of the error, all of the static window, and of the dynamic one,
 * which may grow out of any picture, what fits in.
 */
export function shownRange({ points, halfSeconds }: DriftFigure): {
  readonly lowest: number;
  readonly highest: number;
} {
  const all = points.map(({ seconds }) => seconds);
  const highest = Math.max(halfSeconds, ...all);
  const lowest = Math.min(-halfSeconds, ...all);
  const margin = (highest - lowest) * 0.06;
  return { lowest: lowest - margin, highest: highest + margin };
}
