/**
 * Changes of summer time as in the European Union (directive 2000/84/EC): 01:00 UTC on the last
 * Sundays of March and October. Only phones know them; a hardware token never jumps by an hour.
 */
export interface SummerTimeChange {
  readonly atMs: number;
  /** What a clock that makes the change wrongly is off by: +1 in spring, -1 in autumn. */
  readonly hours: 1 | -1;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** 1970-01-01 was a Thursday; Sunday is 0. */
const weekdayOfEpoch = 4;

/** The changes from `fromMs` on and before `untilMs`, in order. */
export function summerTimeChanges(fromMs: number, untilMs: number): readonly SummerTimeChange[] {
  const changes: SummerTimeChange[] = [];
  // A year is never longer than 366 days: the first year is at most one too early.
  const firstYear = 1970 + Math.floor(fromMs / (366 * dayMs)) - 1;
  for (let year = Math.max(1970, firstYear); startOfYearMs(year) < untilMs; year += 1) {
    const both: readonly SummerTimeChange[] = [
      { atMs: lastSundayMs(year, 'March'), hours: 1 },
      { atMs: lastSundayMs(year, 'October'), hours: -1 },
    ];
    changes.push(...both.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs));
  }
  return changes;
}

function lastSundayMs(year: number, month: 'March' | 'October'): number {
  // Day of the year of the month's 31st, counted from 0.
  const lastDay = (month === 'March' ? 89 : 303) + (isLeap(year) ? 1 : 0);
  const day = startOfYearMs(year) / dayMs + lastDay;
  return (day - ((day + weekdayOfEpoch) % 7)) * dayMs + hourMs;
}

function startOfYearMs(year: number): number {
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  // 477 leap days before 1970.
  return ((year - 1970) * 365 + leapDays - 477) * dayMs;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
