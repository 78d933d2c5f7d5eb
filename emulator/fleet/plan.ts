import { pressCounts, type PressCounts } from '../physics/presses.ts';
import { labelledRandomness, type Randomness } from '../physics/random.ts';
import { type Calendar, readDays } from './calendar.ts';
import type { DrawnToken } from './draw.ts';
import type { Behaviour, ScenarioEvent } from './scenario.ts';

/** Something that happens to a token, at the earliest at its time. */
export interface Planned {
  readonly atMs: number;
  readonly what: What;
}

export type What =
  /** `index` tells the logons of a day apart. */
  | { readonly kind: 'login'; readonly index: number }
  | { readonly kind: 'press' }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'resync-first' }
  | { readonly kind: 'resync' }
  | { readonly kind: 'backup'; readonly of: number }
  | { readonly kind: 'restore-backup'; readonly of: number }
  | {
      readonly kind: 'battery-swap';
      readonly event: Extract<ScenarioEvent, { do: 'battery-swap' }>;
    }
  | { readonly kind: 'storage' | 'clock-jump' | 'reseed' | 'away' | 'unlock' };

/** What a token's owner does on each day; equal for equal seeds, whatever else is asked for. */
export interface Plan {
  /** In order of time; what lies outside of the scenario is left out. */
  ofDay(dayIndex: number): readonly Planned[];
  /** What happens to the server as a whole, of all days; it waits for nobody. */
  readonly ofServer: readonly Planned[];
}

export interface PlanFor {
  readonly seed: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly token: DrawnToken;
  readonly behaviour: Behaviour;
  readonly events: readonly ScenarioEvent[];
  readonly calendar: Calendar;
  /** Presses matter to counters alone. */
  readonly hasCounter: boolean;
  readonly stepSeconds: number;
}

/** A second lies between two presses. */
const pressMs = 1000;
export const loginsMax = 1000;

/** The plan of a token. */
export function planOf(given: PlanFor): Plan {
  const { seed, startMs, endMs, token, behaviour, calendar } = given;
  const logons = labelledRandomness(seed, token.serial, 'logons');
  const pocket = labelledRandomness(seed, token.serial, 'pocket');
  const presses = pressCounts(token.presses, seed, token.serial);
  const days = readDays(behaviour.logins.days) ?? [];
  const fixed = fixedOf(given);
  const absences = absencesOf(given);
  const isWithin = ({ atMs }: Planned): boolean => atMs >= startMs && atMs < endMs;
  const isHere = (atMs: number): boolean =>
    !absences.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  return {
    ofServer: fixed
      .filter((planned) => placeOf(planned) < others && isWithin(planned))
      .sort(inTime),
    ofDay(dayIndex) {
      const from = calendar.dayStartMs(dayIndex);
      const to = calendar.dayStartMs(dayIndex + 1);
      const usual = [
        ...(given.hasCounter ? pocketPresses(presses, pocket, dayIndex, from, to) : []),
        ...(days[calendar.weekday(dayIndex)] === true
          ? logins(behaviour, logons, calendar, dayIndex)
          : []),
      ].filter(({ atMs }) => isHere(atMs));
      const planned = [...fixed.filter(({ atMs }) => atMs >= from && atMs < to), ...usual];
      return planned.filter(isWithin).sort(inTime);
    },
  };
}

const others = 2;

/** At one time the server is copied first, then put back; all else finds it so. */
function placeOf({ what: { kind } }: Planned): number {
  return kind === 'backup' ? 0 : kind === 'restore-backup' ? 1 : others;
}

function inTime(one: Planned, other: Planned): number {
  return one.atMs - other.atMs || placeOf(one) - placeOf(other);
}

function logins(
  { logins: { perDay, hours } }: Behaviour,
  randomness: Randomness,
  calendar: Calendar,
  dayIndex: number,
): readonly Planned[] {
  if (perDay === 0) return [];
  const [from = 0, to = 24] = hours.split('-').map(Number);
  const [fromMs, toMs] = [calendar.hourMs(dayIndex, from), calendar.hourMs(dayIndex, to)];
  const draws = randomness.at(dayIndex);
  const count = Math.min(loginsMax, draws.poisson(perDay));
  return Array.from({ length: count }, (_, index) => ({
    atMs: Math.floor(draws.between(fromMs, toMs)),
    what: { kind: 'login' as const, index },
  }));
}

function pocketPresses(
  presses: PressCounts,
  randomness: Randomness,
  dayIndex: number,
  fromMs: number,
  toMs: number,
): readonly Planned[] {
  const count = presses.onDay(dayIndex);
  if (count === 0) return [];
  const firstMs = Math.floor(randomness.at(dayIndex).between(fromMs, toMs));
  return burst(firstMs, count);
}

function burst(atMs: number, count: number): readonly Planned[] {
  return Array.from({ length: count }, (_, index) => ({
    atMs: atMs + index * pressMs,
    what: { kind: 'unsent' as const },
  }));
}

function pressesOf(
  atMs: number,
  { times, submit }: Extract<ScenarioEvent, { do: 'press' }>,
): readonly Planned[] {
  const lastMs = atMs + (times - 1) * pressMs;
  return [...burst(atMs, times - 1), { atMs: lastMs, what: { kind: submit ? 'press' : 'unsent' } }];
}

/** What the scenario wants at a certain time. */
function fixedOf({ events, startMs, hasCounter, stepSeconds }: PlanFor): readonly Planned[] {
  return events.flatMap((event): readonly Planned[] => {
    const atMs = startMs + event.at;
    switch (event.do) {
      case 'press':
        return pressesOf(atMs, event);
      case 'unsent':
        return burst(atMs, event.times);
      case 'restore-backup':
        return [
          { atMs: startMs + event.of, what: { kind: 'backup', of: event.of } },
          { atMs, what: { kind: 'restore-backup', of: event.of } },
        ];
      case 'resync':
        return [
          { atMs, what: { kind: 'resync-first' } },
          // The next response comes with the next step, or with the next press.
          {
            atMs: atMs + (hasCounter ? 5000 : stepSeconds * 1000),
            what: { kind: 'resync' },
          },
        ];
      case 'battery-swap':
        return [{ atMs, what: { kind: 'battery-swap', event } }];
      case 'storage':
      case 'clock-jump':
      case 'reseed':
      case 'away':
      case 'unlock':
        return [{ atMs, what: { kind: event.do } }];
    }
  });
}

function absencesOf({
  events,
  startMs,
}: PlanFor): readonly { readonly fromMs: number; readonly toMs: number }[] {
  return events.flatMap((event) => {
    const fromMs = startMs + event.at;
    if (event.do === 'away') return [{ fromMs, toMs: fromMs + event.for }];
    // Without battery nothing can be pressed.
    if (event.do === 'battery-swap') return [{ fromMs, toMs: fromMs + event.gap }];
    return [];
  });
}
