import type { ApplicationDriftView, DriftRateView } from '../service/index.ts';
import { dateText, signedText } from './table.ts';

const secondsPerDayOfPpm = 0.0864;

/** What is known of an application's clock, in sentences. */
export function driftSentences(drift: ApplicationDriftView, nowMs: number): string {
  const { centreSeconds, halfWidthSeconds } = drift.window;
  const [low, high] = [centreSeconds - halfWidthSeconds, centreSeconds + halfWidthSeconds];
  const reach = `its window reaches from ${signedText(low)} to ${signedText(high)}`;
  if (drift.driftAtMs === null || drift.deviceSeconds === null) {
    const frozen = drift.isDriftFrozen ? ' Its drift is frozen.' : '';
    return `${drift.name} was not used yet: nothing is known of its clock, and ${reach}.${frozen}`;
  }
  const known = drift.isDriftFrozen ? 'Frozen at' : 'Drift';
  const { driftSeconds, driftAtMs, deviceSeconds, uncertaintySeconds } = drift;
  return [
    `${drift.name} ${rateText(drift.rate)}.`,
    `  ${known} ${signedText(driftSeconds)} as of ${dateText(driftAtMs)}; expected ` +
      `${signedText(deviceSeconds)} now (± ${Math.round(uncertaintySeconds ?? 0)} s); ${reach}.`,
    `  ${leavingText(drift, nowMs)}`,
  ].join('\n');
}

function rateText(rate: DriftRateView | null): string {
  if (rate === null) return 'has not been used long enough to tell its rate';
  const { ratePpm, ratePpmError, sampleCount, fromMs, toMs } = rate;
  const seen = `by ${sampleCount} responses from ${dateText(fromMs)} to ${dateText(toMs)}`;
  const error = ratePpmError.toFixed(1);
  const size = Math.abs(ratePpm);
  if (size < 0.05) return `runs true (± ${error} ppm), ${seen}`;
  const direction = ratePpm > 0 ? 'fast' : 'slow';
  const perDay = (size * secondsPerDayOfPpm).toFixed(2);
  return `runs ${size.toFixed(1)} ppm ${direction} (± ${error}), ${perDay} s a day, ${seen}`;
}

/** A frozen drift is not followed in use either. */
function leavingText({ leaving, isDriftFrozen }: ApplicationDriftView, nowMs: number): string {
  const { expectedAtMs, earliestAtMs } = leaving;
  const condition = isDriftFrozen ? 'Left frozen' : 'Left unused';
  if (earliestAtMs === null) return `${condition}, it stays in its window for ten years.`;
  const earliest = dateText(earliestAtMs);
  if (expectedAtMs === null) {
    return earliestAtMs <= nowMs
      ? `It may have left its window on ${earliest} or since.`
      : `${condition}, it may leave its window from ${earliest} on.`;
  }
  const expected = `its window on ${dateText(expectedAtMs)} (earliest ${earliest})`;
  return expectedAtMs <= nowMs ? `It left ${expected}.` : `${condition}, it leaves ${expected}.`;
}
