import type { TimeStepping } from '../oath/index.ts';
import type { LearnedDrift } from './application.ts';
import { expectedDriftSeconds, observed } from './drift.ts';
import { idleDriftSecondsPerDay } from './drift-history.ts';
import type { Application } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { centreOf, idleDaysOf, timeWindowOf } from './window.ts';

const secondsPerHour = 3600;

/**
 * What an accepted response teaches of a device's clock. In the expected step nothing new; any other
 * moves the drift towards the value that puts the middle of its step at now, by one step at the
 * most, so that no single response carries the window away. It is taken over at once where that is
 * bounded otherwise: at first use and after a reset (once), as far as a grown window explains by idle
 * days, and around the host's own clock. A response a whole number of hours away leaves the centre
 * where it was; a frozen drift stays.
 *
 * @param timeStep of the response, in the window of the application as it is now
 */
export function learnedDrift(
  application: Application,
  timeStep: bigint,
  stepping: TimeStepping,
  nowMs: number,
  policy: EffectivePolicy,
): LearnedDrift {
  const window = timeWindowOf(application, stepping, nowMs, policy);
  const centre = centreOf(window, timeStep) ?? window.centres[0];
  const offsetSeconds = centre.hours * secondsPerHour;
  const seen = observed(application, timeStep, stepping, nowMs, offsetSeconds);
  if (application.isDriftFrozen) return { ...seen, driftSeconds: application.driftSeconds };
  const expected = Math.round(expectedDriftSeconds(application, stepping, nowMs, policy));
  if (timeStep === centre.step && centre.at !== 'host') return { ...seen, driftSeconds: expected };
  if (centre.at === 'host' || window.kind === 'initial') return seen;
  const { timeStepSeconds } = stepping;
  const explained =
    window.kind === 'dynamic' && application.driftAtMs !== null
      ? (idleDriftSecondsPerDay / 2) * idleDaysOf(application.driftAtMs, nowMs)
      : 0;
  const limit = timeStepSeconds + explained;
  const wanted = seen.driftSeconds - expected;
  const moved = Math.max(-limit, Math.min(limit, wanted));
  return { ...seen, driftSeconds: Math.round(expected + moved) };
}
