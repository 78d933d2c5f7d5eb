import {
  algorithmInputs,
  algorithmToJson,
  movingFactorMax,
  parseResponseAlgorithm,
} from '../../src/oath/index.ts';
import { type ApplicationMode, type DeviceApplication, modeOf } from '../device/application.ts';
import { pinSaltBytes, type PinPolicy, type PinVerifier } from '../device/pin.ts';
import { pinHashBytes } from '../device/ports.ts';
import type { Hull } from '../device/screens.ts';
import { Secret } from '../device/secret.ts';
import {
  encodeBase64,
  readBase64,
  readBoolean,
  readCounter,
  readKind,
  readList,
  readMembers,
  readText,
  readWhole,
  readWord,
} from './shape.ts';
import { seedBytesMax, seedBytesMin } from '../device/token.ts';
import { pinWeakRules } from '../device/weak-pins.ts';

/**
 * Versions of the state file; the first knew no PIN, no modes and no check digits, the second no
 * crystal, no battery, and of a clock's events only jumps and rates.
 */
export type FileVersion = 1 | 2 | 3;

/** An application with the counter that a file keeps beside it. */
export interface ApplicationEntry {
  readonly application: DeviceApplication;
  readonly eventCounter: bigint;
}

const autoOffMsMax = 3_600_000;
/** A counter that has run out is stored as 2^64. */
const counterMax = movingFactorMax + 1n;
const modes = ['response-only', 'challenge-response', 'unlock'] as const;

/** Checks shapes alone; whether the parts make a device, `checkDevice` says. */
export function readHull(value: unknown, version: FileVersion): Hull {
  const keys = readKind(value, 'hull', 'keys');
  const isKeypad = readWord(keys, 'hull.keys', ['one-button', 'keypad']) === 'keypad';
  const keypadMembers = version === 1 ? ['keys', 'autoOffMs'] : ['keys', 'autoOffMs', 'pin'];
  const members = readMembers(
    value,
    'hull',
    isKeypad ? keypadMembers : ['keys', 'autoOffMs', 'pressWhileDisplayed'],
  );
  const autoOffMs = readWhole(members['autoOffMs'], 'hull.autoOffMs', 1, autoOffMsMax);
  if (isKeypad) return { keys: 'keypad', autoOffMs, pin: readPolicy(members['pin'] ?? null) };
  const pressWhileDisplayed = readWord(members['pressWhileDisplayed'], 'hull.pressWhileDisplayed', [
    'next',
    'switch-off',
  ]);
  return { keys: 'one-button', autoOffMs, pressWhileDisplayed };
}

function readPolicy(value: unknown): PinPolicy | null {
  if (value === null) return null;
  const where = 'hull.pin';
  const members = readMembers(value, where, [
    'digitsMin',
    'digitsMax',
    'mustChangeInitial',
    'weakRules',
    'failuresMax',
    'onLock',
  ]);
  const number = (name: string): number => readWhole(members[name], `${where}.${name}`, 1, 99);
  const rules = readList(members['weakRules'], `${where}.weakRules`, 0, pinWeakRules.length);
  return {
    digitsMin: number('digitsMin'),
    digitsMax: number('digitsMax'),
    mustChangeInitial: readBoolean(members['mustChangeInitial'], `${where}.mustChangeInitial`),
    weakRules: rules.map((rule) => readWord(rule, `${where}.weakRules`, pinWeakRules)),
    failuresMax: number('failuresMax'),
    onLock: readWord(members['onLock'], `${where}.onLock`, ['unlock', 'brick']),
  };
}

/** An application with its seed, in the clear. */
export function applicationToJson(application: DeviceApplication, eventCounter: bigint): unknown {
  const { name, mode, algorithm, challengeCheckDigit, responseCheckDigit, seed } = application;
  return {
    name,
    mode,
    algorithm: algorithmToJson(algorithm),
    challengeCheckDigit,
    responseCheckDigit,
    eventCounter: String(eventCounter),
    seed: seed === null ? null : encodeBase64(seed.exposeSecret()),
  };
}

/** Reads what `applicationToJson` wrote, or the file version before it. */
export function readApplication(value: unknown, version: FileVersion): ApplicationEntry {
  const where = 'application';
  const added = version === 1 ? [] : ['mode', 'challengeCheckDigit', 'responseCheckDigit'];
  const members = readMembers(value, where, [
    'name',
    'algorithm',
    'eventCounter',
    'seed',
    ...added,
  ]);
  const algorithm = parseResponseAlgorithm(members['algorithm']);
  const mode: ApplicationMode =
    version === 1 ? modeOf(algorithm) : readWord(members['mode'], `${where}.mode`, modes);
  const flag = (name: string): boolean =>
    version === 1 ? false : readBoolean(members[name], `${where}.${name}`);
  // An algorithm without counter never moves it, whatever a file says.
  const max = algorithmInputs(algorithm).eventCounter ? counterMax : 0n;
  const eventCounter = readCounter(members['eventCounter'], `${where}.eventCounter`, max);
  const seed =
    members['seed'] === null
      ? null
      : new Secret(readBase64(members['seed'], `${where}.seed`, seedBytesMin, seedBytesMax));
  return {
    eventCounter,
    application: {
      name: readText(members['name'], `${where}.name`, 32),
      mode,
      algorithm,
      challengeCheckDigit: flag('challengeCheckDigit'),
      responseCheckDigit: flag('responseCheckDigit'),
      seed,
    },
  };
}

/** Salt and hash of a PIN, or null. */
export function verifierToJson(verifier: PinVerifier | null): unknown {
  if (verifier === null) return null;
  return {
    salt: encodeBase64(verifier.salt),
    hash: encodeBase64(verifier.hash.exposeSecret()),
  };
}

/** Reads what `verifierToJson` wrote. */
export function readVerifier(value: unknown, where: string): PinVerifier | null {
  if (value === null) return null;
  const { salt, hash } = readMembers(value, where, ['salt', 'hash']);
  return {
    salt: readBase64(salt, `${where}.salt`, pinSaltBytes, pinSaltBytes),
    hash: new Secret(readBase64(hash, `${where}.hash`, pinHashBytes, pinHashBytes)),
  };
}
