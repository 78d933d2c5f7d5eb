const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
export const dayMs: number = 24 * hourMs;

/**
 * Durations of ISO 8601 in weeks, days, hours, minutes and seconds. Years and months are left out:
 * they have no fixed length.
 */
export const durationPattern: RegExp =
  /^(?=.*\d)P(?:\d{1,5}W)?(?:\d{1,5}D)?(?:T(?:\d{1,6}H)?(?:\d{1,7}M)?(?:\d{1,9}(?:\.\d{1,3})?S)?)?$/;

/** The same, with a sign if one is wanted. */
export const signedDurationPattern: RegExp = new RegExp(
  durationPattern.source.replace('P', '[+-]?P'),
);

const unitsMs: Readonly<Record<string, number>> = {
  W: 7 * dayMs,
  D: dayMs,
  H: hourMs,
  M: minuteMs,
  S: secondMs,
};

/** Milliseconds of a text that fits `durationPattern` or `signedDurationPattern`. */
export function durationMs(text: string): number {
  let sumMs = 0;
  for (const [, count = '0', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)([WDHMS])/g)) {
    sumMs += Number(count) * (unitsMs[unit] ?? 0);
  }
  const roundedMs = Math.round(sumMs);
  return text.startsWith('-') ? -roundedMs : roundedMs;
}
