import { stepInterval, timeStepAt, type TimeStepping } from '../oath/index.ts';
import type { LearnedDrift } from './application.ts';
import { estimateDrift, idleDriftSecondsPerDay, withSample } from './drift-history.ts';
import { dayMs } from './durations.ts';
import type { Application } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/**
 * How far a device's clock is expected to be ahead of the host's: the learned drift, and where the
 * policy says so, moved on since then by the rate that the clock has shown. A rate whose confidence
 * interval holds zero moves nothing.
 *
 * @returns seconds, negative when the device is behind
 */
export function expectedDriftSeconds(
  application: Application,
  { timeStepSeconds }: TimeStepping,
  nowMs: number,
  policy: Pick<EffectivePolicy, 'driftPrediction'>,
): number {
  const { driftSeconds, driftAtMs, isDriftFrozen, driftHistory } = application;
  if (!policy.driftPrediction || isDriftFrozen || driftAtMs === null) return driftSeconds;
  const estimate = estimateDrift(driftHistory, timeStepSeconds);
  if (estimate === null || Math.abs(estimate.ratePpm) <= estimate.ratePpmError) return driftSeconds;
  const idleMs = Math.max(0, nowMs - driftAtMs);
  const limit = (idleDriftSecondsPerDay / 2) * (idleMs / dayMs);
  const gained = (estimate.ratePpm * idleMs) / 1e9;
  return driftSeconds + Math.max(-limit, Math.min(limit, gained));
}

/** The step that the device is expected to be in. */
export function expectedStep(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
  policy: Pick<EffectivePolicy, 'driftPrediction'>,
): bigint {
  const driftSeconds = expectedDriftSeconds(application, stepping, nowMs, policy);
  return stepAtDrift(driftSeconds, stepping, nowMs);
}

/** The step that a device with this drift is in. */
export function stepAtDrift(driftSeconds: number, stepping: TimeStepping, nowMs: number): bigint {
  return timeStepAt(nowMs + driftSeconds * 1000, stepping);
}

/**
 * The drift that puts the middle of an accepted step at now, noted in the history.
 *
 * @param offsetSeconds of the device's wrong time zone, which is not the clock's drift
 */
export function observed(
  application: Application,
  step: bigint,
  stepping: TimeStepping,
  nowMs: number,
  offsetSeconds: number = 0,
): LearnedDrift {
  const { startMs, endMs } = stepInterval(step, stepping);
  const driftSeconds = Math.round(((startMs + endMs) / 2 - nowMs) / 1000) - offsetSeconds;
  const sample = { atMs: nowMs, driftSeconds };
  const driftHistory = withSample(application.driftHistory, sample, stepping.timeStepSeconds);
  return { driftSeconds, driftAtMs: nowMs, driftHistory };
}
