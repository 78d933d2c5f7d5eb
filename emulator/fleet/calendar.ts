import { dayMs } from './duration.ts';

/** The days of one time zone, by number from the one in which a scenario starts. */
export interface Calendar {
  /** True time at which a local day begins. */
  dayStartMs(dayIndex: number): number;
  /** True time of a full hour of a local day; 24 is the beginning of the next day. */
  hourMs(dayIndex: number, hour: number): number;
  /** 0 is Sunday. */
  weekday(dayIndex: number): number;
}

const hourLengthMs = 3_600_000;
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Whether there is such a zone. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Whether each weekday, from Sunday on, is one of `mon-fri` or `mon,wed,sat-sun`; null for neither. */
export function readDays(text: string): readonly boolean[] | null {
  if (text === 'daily') return dayNames.map(() => true);
  const days = dayNames.map(() => false);
  for (const part of text.split(',')) {
    const [first = '', last = first, more] = part.split('-');
    const [from, to] = [dayNames.indexOf(first), dayNames.indexOf(last)];
    if (from < 0 || to < 0 || more !== undefined) return null;
    for (let day = from; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === to) break;
    }
  }
  return days;
}

/**
 * The calendar of a zone. What was reckoned once is kept: asking the engine for an offset takes as
 * long as making a response.
 */
export function calendarOf(zone: string, startMs: number): Calendar {
  const offsetAt = offsets(zone);
  const firstDay = Math.floor((startMs + offsetAt(startMs)) / dayMs);
  const known = new Map<number, number>();
  const hourMs = (dayIndex: number, hour: number): number => {
    const key = dayIndex * 32 + hour;
    const present = known.get(key);
    if (present !== undefined) return present;
    const localMs = (firstDay + dayIndex) * dayMs + hour * hourLengthMs;
    // The offset of the guess is right but for the hour of a change; then the one after it is.
    const guessMs = localMs - offsetAt(localMs);
    const atMs = localMs - offsetAt(guessMs);
    known.set(key, atMs);
    return atMs;
  };
  return {
    dayStartMs: (dayIndex) => hourMs(dayIndex, 0),
    hourMs,
    weekday: (dayIndex) => (firstDay + dayIndex + 4) % 7,
  };
}

/** By how much local time is ahead at a true time. */
function offsets(zone: string): (atMs: number) => number {
  if (zone === 'UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: zone,
    timeZoneName: 'longOffset',
  });
  return (atMs) => {
    const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value;
    const [, sign, hours = '0', minutes = '0', seconds = '0'] =
      /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?/.exec(name ?? '') ?? [];
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return sign === '-' ? -ms : ms;
  };
}
