import {
  type ClockEvent,
  clockEventsMax,
  type ClockParameters,
  driftSeedCharactersMax,
  type DrawnFrom,
} from '../physics/clock-parameters.ts';
import type { Ageing, Crystal, Temperature } from '../physics/crystal.ts';
import type { Jitter } from '../physics/jitter.ts';
import { driftPresets } from '../physics/presets.ts';
import type { FileVersion } from './device-json.ts';
import {
  readHex,
  readKind,
  readList,
  readMembers,
  readNumber,
  readText,
  readWord,
} from './shape.ts';

/** A clock as its file holds it: what is absent is null there. */
export function clockToJson({ crystal, drawn, ...clock }: ClockParameters): unknown {
  return { ...clock, crystal: crystal ?? null, drawn: drawn ?? null };
}

/** Checks shapes alone; whether the values make a clock, `checkClock` says. */
export function readClock(value: unknown, version: FileVersion): ClockParameters {
  const added = version < 3 ? [] : ['crystal', 'drawn'];
  const names = ['manufacturedAtMs', 'offsetMs', 'ratePpm', 'events', ...added];
  const members = readMembers(value, 'clock', names);
  const crystal = readNullable(members['crystal'], readCrystal);
  const drawn = readNullable(members['drawn'], readDrawn);
  return {
    manufacturedAtMs: readNumber(members['manufacturedAtMs'], 'clock.manufacturedAtMs'),
    offsetMs: readNumber(members['offsetMs'], 'clock.offsetMs'),
    ratePpm: readNumber(members['ratePpm'], 'clock.ratePpm'),
    events: readEvents(members['events'], 'clock.events', version),
    ...(crystal === null ? {} : { crystal }),
    ...(drawn === null ? {} : { drawn }),
  };
}

function readDrawn(value: unknown): DrawnFrom {
  const where = 'clock.drawn';
  const { preset, seed, events } = readMembers(value, where, ['preset', 'seed', 'events']);
  return {
    preset: readWord(preset, `${where}.preset`, driftPresets),
    seed: readText(seed, `${where}.seed`, driftSeedCharactersMax),
    events: readEvents(events, `${where}.events`, 3),
  };
}

const temperatureNames = [
  'curvaturePpm',
  'turnoverC',
  'meanC',
  'dailyC',
  'yearlyC',
  'dailyPhase',
  'yearlyPhase',
] as const satisfies readonly (keyof Temperature)[];

const ageingNames = ['slopePpm', 'scaleDays'] as const satisfies readonly (keyof Ageing)[];

function readCrystal(value: unknown): Crystal {
  const where = 'clock.crystal';
  const members = readMembers(value, where, ['temperature', 'ageing', 'jitter']);
  return {
    temperature: readNullable(members['temperature'], (temperature) =>
      readNumbers(temperature, `${where}.temperature`, temperatureNames),
    ),
    ageing: readNullable(members['ageing'], (ageing) =>
      readNumbers(ageing, `${where}.ageing`, ageingNames),
    ),
    jitter: readNullable(members['jitter'], (jitter): Jitter => {
      const { sigmaPpm, key } = readMembers(jitter, `${where}.jitter`, ['sigmaPpm', 'key']);
      return {
        sigmaPpm: readNumber(sigmaPpm, `${where}.jitter.sigmaPpm`),
        key: readHex(key, `${where}.jitter.key`, 32),
      };
    }),
  };
}

function readEvents(value: unknown, where: string, version: FileVersion): ClockEvent[] {
  return readList(value, where, 0, clockEventsMax).map((event) =>
    readClockEvent(event, where, version),
  );
}

const kindsOfVersion2 = ['jump', 'rate'] as const;
const kinds = [...kindsOfVersion2, 'set', 'reset', 'pause', 'excursion'] as const;

function readClockEvent(value: unknown, where: string, version: FileVersion): ClockEvent {
  const known = version < 3 ? kindsOfVersion2 : kinds;
  const kind = readWord(readKind(value, where, 'kind'), `${where}.kind`, known);
  const read = <Name extends string>(...names: Name[]): Readonly<Record<Name | 'atMs', number>> =>
    readNumbers(value, where, ['atMs', ...names], ['kind']);
  switch (kind) {
    case 'jump':
      return { kind, ...read('byMs') };
    case 'rate':
      return { kind, ...read('ratePpm') };
    case 'set':
      return { kind, ...read('offsetMs') };
    case 'reset':
      return { kind, ...read('deviceEpochMs') };
    case 'pause':
      return { kind, ...read('untilMs') };
    case 'excursion':
      return { kind, ...read('untilMs', 'temperatureC') };
  }
}

/** An object of numbers alone, beside members that were looked at already. */
function readNumbers<Name extends string>(
  value: unknown,
  where: string,
  names: readonly Name[],
  others: readonly string[] = [],
): Readonly<Record<Name, number>> {
  const members = readMembers(value, where, [...others, ...names]);
  const entries = names.map((name) => [name, readNumber(members[name], `${where}.${name}`)]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Null, also for a member that older files do not have. */
function readNullable<Value>(value: unknown, read: (value: unknown) => Value): Value | null {
  return value === null || value === undefined ? null : read(value);
}
