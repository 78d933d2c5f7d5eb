/** What accepted responses have shown of a clock: whole seconds of time, and of drift. */
export interface Sighting {
  readonly atSeconds: number;
  readonly drift: number;
}

const daySeconds = 86_400;
const halfDayMs = 43_200_000;
const sightingsMax = 32;

/**
 * The sightings after one more: a clock that moved further than two steps and 8 s a day was set and
 * begins anew; within half a day nothing is added; of 33 the one whose neighbours are closest goes.
 */
export function sighted(
  before: readonly Sighting[],
  nowMs: number,
  drift: number,
  stepSeconds: number,
): readonly Sighting[] {
  const sighting = { atSeconds: Math.floor(nowMs / 1000), drift };
  const last = before.at(-1);
  if (last === undefined) return [sighting];
  const sinceMs = nowMs - last.atSeconds * 1000;
  const explained = 2 * stepSeconds + (8 * Math.max(0, sinceMs)) / (daySeconds * 1000);
  if (Math.abs(drift - last.drift) > explained) return [sighting];
  if (sinceMs < halfDayMs) return before;
  const all = [...before, sighting];
  if (all.length <= sightingsMax) return all;
  // The newest is known to the millisecond while it is weighed.
  const seconds = [...before.map(({ atSeconds }) => atSeconds), nowMs / 1000];
  const gaps = seconds.slice(2).map((next, index) => next - (seconds[index] ?? 0));
  return all.toSpliced(gaps.indexOf(Math.min(...gaps)) + 1, 1);
}

/** As the database keeps them. */
export function sightingsText(sightings: readonly Sighting[]): string {
  return sightings.map(({ atSeconds, drift }) => `${atSeconds}:${drift}`).join();
}

/**
 * Seconds gained in a second, by least squares; 0 where the 95 % interval holds it, or with fewer
 * than four sightings or three days between the first and the last.
 */
export function rateOf(sightings: readonly Sighting[], stepSeconds: number): number {
  const count = sightings.length;
  const [first] = sightings;
  const last = sightings.at(-1);
  if (first === undefined || last === undefined || count < 4) return 0;
  if (last.atSeconds - first.atSeconds < 3 * daySeconds) return 0;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / count;
  const times = sightings.map(({ atSeconds }) => atSeconds - first.atSeconds);
  const meanTime = mean(times);
  const meanDrift = mean(sightings.map(({ drift }) => drift));
  const centred = sightings.map(({ drift }, index) => ({
    time: (times[index] ?? 0) - meanTime,
    drift: drift - meanDrift,
  }));
  const spread = count * mean(centred.map(({ time }) => time ** 2));
  const rate = (count * mean(centred.map(({ time, drift }) => time * drift))) / spread;
  const residue = count * mean(centred.map(({ time, drift }) => (drift - rate * time) ** 2));
  const variance = Math.max(residue / (count - 2), stepSeconds ** 2 / 12);
  return Math.abs(rate) <= 1.96 * Math.sqrt(variance / spread) ? 0 : rate;
}
