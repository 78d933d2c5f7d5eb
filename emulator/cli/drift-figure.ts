import { createDeviceClock } from '../physics/clock.ts';
import type { ClockParameters } from '../physics/clock-parameters.ts';
import {
  dynamicWindow,
  halfWindowSeconds,
  type WindowEdges,
  type WindowSetting,
} from './drift-window.ts';

/** The clock at one time, in seconds ahead of true time, and the edges of the dynamic window then. */
export interface DriftPoint extends WindowEdges {
  readonly atMs: number;
  readonly seconds: number;
}

export interface DriftFigure {
  readonly points: readonly DriftPoint[];
  /** The static window is this far around true time. */
  readonly halfSeconds: number;
  /** When the clock is first seen outside each window; null: never. */
  readonly leavesStaticAtMs: number | null;
  readonly leavesDynamicAtMs: number | null;
}

/**
 * Error and windows between two times, at `count` times evenly apart, 2 or more. The static window lies around true time, as of
 * a server that learns nothing; the dynamic one is what a verifier looks through.
 */
export function driftFigure(
  parameters: ClockParameters,
  fromMs: number,
  untilMs: number,
  setting: WindowSetting,
  count: number,
): DriftFigure {
  const clock = createDeviceClock(parameters);
  const deviceMsAt = (atMs: number): number => clock.deviceTimeMs(atMs);
  const windowAt = dynamicWindow(deviceMsAt, fromMs, untilMs, setting);
  const points = Array.from({ length: count }, (_, index): DriftPoint => {
    const atMs = Math.round(fromMs + ((untilMs - fromMs) * index) / (count - 1));
    return { atMs, seconds: (deviceMsAt(atMs) - atMs) / 1000, ...windowAt(atMs) };
  });
  const halfSeconds = halfWindowSeconds(Math.floor(setting.steps / 2), setting);
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
