import { pressCounts, type PressCounts } from '../physics/presses.ts';
import { labelledRandomness, type Randomness } from '../physics/random.ts';
import { type Calendar, readDays } from './calendar.ts';
import type { DrawnToken } from './draw.ts';
import type { Sequence } from './oracle/index.ts';
import type { Behaviour, ScenarioEvent } from './scenario.ts';

/** Something that happens to a token, at the earliest at its time. */
export interface Planned {
  readonly atMs: number;
  readonly what: What;
}

export type What =
  /** `index` tells the logons of a day apart. */
  | { readonly kind: 'login'; readonly index: number }
  | Use
  | { readonly kind: 'backup'; readonly of: number }
  | { readonly kind: 'restore-backup'; readonly of: number }
  | {
      readonly kind: 'battery-swap';
      readonly event: Extract<ScenarioEvent, { do: 'battery-swap' }>;
    }
  | { readonly kind: 'storage' | 'clock-jump' | 'reseed' | 'away' | 'unlock' | 'device-unlock' };

/** What an owner does with the application that is named, or with the first one. */
export interface Use {
  readonly kind: 'press' | 'unsent' | 'resync-first' | 'resync';
  readonly application?: string | undefined;
}

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
  /** What is pressed in a pocket: presses matter to counters alone, and no pocket knows a PIN. */
  readonly pocketApplication: { readonly name: string } | null;
  /** Of the application that is named, or of the first one. */
  readonly sequenceOf: (
    application: string | undefined,
  ) => Pick<Sequence, 'hasCounter' | 'stepSeconds'>;
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
  const inPocket = given.pocketApplication;
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
        ...(inPocket === null
          ? []
          : pocketPresses(presses, pocket, dayIndex, [from, to], inPocket.name)),
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
  [fromMs, toMs]: readonly [fromMs: number, toMs: number],
  application: string,
): readonly Planned[] {
  const count = presses.onDay(dayIndex);
  if (count === 0) return [];
  const firstMs = Math.floor(randomness.at(dayIndex).between(fromMs, toMs));
  return burst(firstMs, count, application);
}

function burst(atMs: number, count: number, application: string | undefined): readonly Planned[] {
  return Array.from({ length: count }, (_, index) => ({
    atMs: atMs + index * pressMs,
    what: { kind: 'unsent' as const, application },
  }));
}

function pressesOf(
  atMs: number,
  { times, submit, application }: Extract<ScenarioEvent, { do: 'press' }>,
): readonly Planned[] {
  const lastMs = atMs + (times - 1) * pressMs;
  const what = { kind: submit ? ('press' as const) : ('unsent' as const), application };
  return [...burst(atMs, times - 1, application), { atMs: lastMs, what }];
}

/** What the scenario wants at a certain time. */
function fixedOf({ events, startMs, sequenceOf }: PlanFor): readonly Planned[] {
  return events.flatMap((event): readonly Planned[] => {
    const atMs = startMs + event.at;
    switch (event.do) {
      case 'press':
        return pressesOf(atMs, event);
      case 'unsent':
        return burst(atMs, event.times, event.application);
      case 'restore-backup':
        return [
          { atMs: startMs + event.of, what: { kind: 'backup', of: event.of } },
          { atMs, what: { kind: 'restore-backup', of: event.of } },
        ];
      case 'resync':
        return resyncOf(atMs, event, sequenceOf);
      case 'battery-swap':
        return [{ atMs, what: { kind: 'battery-swap', event } }];
      case 'storage':
      case 'clock-jump':
      case 'reseed':
      case 'away':
      case 'unlock':
      case 'device-unlock':
        return [{ atMs, what: { kind: event.do } }];
    }
  });
}

function resyncOf(
  atMs: number,
  { application }: Extract<ScenarioEvent, { do: 'resync' }>,
  sequenceOf: PlanFor['sequenceOf'],
): readonly Planned[] {
  const { hasCounter, stepSeconds } = sequenceOf(application);
  return [
    { atMs, what: { kind: 'resync-first', application } },
    // The next response comes with the next step, or with the next press.
    {
      atMs: atMs + (hasCounter ? 5000 : stepSeconds * 1000),
      what: { kind: 'resync', application },
    },
  ];
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
