import { dayMs } from './duration.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** Days of 400 years of the Gregorian calendar. */
const eraDays = 146_097;
/** From 0000-03-01 to 1970-01-01. */
const epochDays = 719_468;
/** The end of the year 9999. */
const textMsMax = 253_402_300_800_000;

/** `2026-01-01T00:00:00.000Z` for the years 1970 to 9999; other times as plain milliseconds. */
export function isoTime(ms: number): string {
  if (!(ms >= 0 && ms < textMsMax)) return String(ms);
  const days = Math.floor(ms / dayMs);
  const rest = ms - days * dayMs;
  const time = [
    two(Math.floor(rest / hourMs)),
    two(Math.floor((rest % hourMs) / minuteMs)),
    two(Math.floor((rest % minuteMs) / 1000)),
  ].join(':');
  return `${dateOf(days)}T${time}.${String(rest % 1000).padStart(3, '0')}Z`;
}

/** A time with zone in the form of ISO 8601; null for any other text and for days that are none. */
export function parseIsoTime(text: string): number | null {
  const form =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,3}))?)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
  const [
    whole,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    part = '0',
    sign,
    zoneHour,
    zoneMinute,
  ] = form.exec(text) ?? [];
  if (whole === undefined) return null;
  const days = dayNumber(Number(year), Number(month), Number(day));
  // A day that is none would come out as another one.
  if (dateOf(days) !== whole.slice(0, 10)) return null;
  const local =
    days * dayMs +
    Number(hour) * hourMs +
    Number(minute) * minuteMs +
    Number(second) * 1000 +
    Number(part.padEnd(3, '0'));
  const zone = (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)) * minuteMs;
  return local - (sign === '-' ? -zone : zone);
}

/** The day that was asked for last: most times come in order. */
let known = { days: -1, date: '' };

function dateOf(days: number): string {
  if (known.days === days) return known.date;
  const shifted = days + epochDays;
  const era = Math.floor(shifted / eraDays);
  const dayOfEra = shifted - era * eraDays;
  const leaps =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const before = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - before;
  // Years that begin in March have their leap day at the end.
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1;
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  known = { days, date };
  return date;
}

function dayNumber(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const monthIndex = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * monthIndex + 2) / 5) + day - 1;
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * eraDays + yearOfEra * 365 + leaps + dayOfYear - epochDays;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
