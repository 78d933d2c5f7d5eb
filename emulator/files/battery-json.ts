import { type Battery, type BatteryPolicy, checkBattery } from '../physics/battery.ts';
import { readKind, readMembers, readNumber, readWord, ShapeError } from './shape.ts';

const numberNames = [
  'lifeMs',
  'pressesPerDay',
  'pressShare',
  'warnBeforeMs',
  'flushEvery',
  'fittedAtMs',
  'presses',
  'swaps',
] as const satisfies readonly (keyof Battery)[];

/**
 * Reads a battery, or null for a token that never needs one.
 *
 * @throws ShapeError or EmulatorError
 */
export function readBattery(value: unknown): Battery | null {
  if (value === null) return null;
  const where = 'battery';
  const members = readMembers(value, where, [...numberNames, 'replacement', 'outAtMs']);
  const entries = numberNames.map((name) => [name, readNumber(members[name], `${where}.${name}`)]);
  const { outAtMs, replacement } = members;
  const battery: Battery = {
    ...(Object.fromEntries(entries) as Record<(typeof numberNames)[number], number>),
    replacement: replacement === null ? null : readPolicy(replacement),
    outAtMs: outAtMs === null ? null : readNumber(outAtMs, `${where}.outAtMs`),
  };
  checkBattery(battery);
  if ((battery.outAtMs === null) !== (battery.swaps === 0)) {
    throw new ShapeError(
      'battery.outAtMs must be there once the battery was changed, and only then',
    );
  }
  return battery;
}

function readPolicy(value: unknown): BatteryPolicy {
  const where = 'battery.replacement';
  const kind = readWord(readKind(value, where, 'kind'), `${where}.kind`, [
    'holdup',
    'pause',
    'reset',
    'settable',
  ]);
  const number = (name: string): number =>
    readNumber(readMembers(value, where, ['kind', name])[name], `${where}.${name}`);
  switch (kind) {
    case 'holdup':
      return { kind, holdMs: number('holdMs') };
    case 'pause':
      readMembers(value, where, ['kind']);
      return { kind };
    case 'reset':
      return { kind, deviceEpochMs: number('deviceEpochMs') };
    case 'settable':
      return { kind, errorMs: number('errorMs') };
  }
}
