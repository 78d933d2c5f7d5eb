import {
  algorithmInputs,
  algorithmToJson,
  movingFactorMax,
  parseResponseAlgorithm,
  signatureFieldsMax,
} from '../../src/oath/index.ts';
import {
  type ApplicationMode,
  applicationModes,
  type DeviceApplication,
  type HostCode,
  modeOf,
} from '../device/application.ts';
import { pinSaltBytes, type PinPolicy, type PinVerifier } from '../device/pin.ts';
import { pinHashBytes } from '../device/ports.ts';
import { type Hull, hullKinds, type HullParts, infoItems, type InfoMenu } from '../device/hull.ts';
import { Secret } from '../device/secret.ts';
import type { SignatureField } from '../device/signature-fields.ts';
import {
  encodeBase64,
  type Members,
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
 * Versions of the state file. The first knew no PIN, no modes and no check digits, the second no
 * crystal, no battery, of a clock's events only jumps and rates, and no data fields, host codes,
 * information menus, countdowns and programmable tokens.
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
const modesOfVersion2 = ['response-only', 'challenge-response', 'unlock'] as const;
const hullMembersOfVersion3 = ['infoMenu', 'countdown', 'isProgrammable'] as const;

/** A body with every member that its kind has. */
export function hullToJson({ infoMenu, countdown, isProgrammable, ...body }: Hull): unknown {
  return {
    ...body,
    infoMenu: infoMenu ?? null,
    countdown: countdown ?? null,
    isProgrammable: isProgrammable ?? false,
  };
}

/** Checks shapes alone; whether the parts make a device, `checkDevice` says. */
export function readHull(value: unknown, version: FileVersion): Hull {
  const kinds = version < 3 ? (['one-button', 'keypad'] as const) : hullKinds;
  const keys = readWord(readKind(value, 'hull', 'keys'), 'hull.keys', kinds);
  const names: Readonly<Record<typeof keys, readonly string[]>> = {
    'one-button': ['keys', 'autoOffMs', 'pressWhileDisplayed'],
    keypad: version === 1 ? ['keys', 'autoOffMs'] : ['keys', 'autoOffMs', 'pin'],
    none: ['keys'],
  };
  const added = version < 3 ? [] : hullMembersOfVersion3;
  const members = readMembers(value, 'hull', [...names[keys], ...added]);
  const parts = version < 3 ? {} : readParts(members);
  if (keys === 'none') return { keys, ...parts };
  const autoOffMs = readWhole(members['autoOffMs'], 'hull.autoOffMs', 1, autoOffMsMax);
  if (keys === 'keypad') {
    return { keys, autoOffMs, pin: readPolicy(members['pin'] ?? null), ...parts };
  }
  const pressWhileDisplayed = readWord(members['pressWhileDisplayed'], 'hull.pressWhileDisplayed', [
    'next',
    'switch-off',
  ]);
  return { keys, autoOffMs, pressWhileDisplayed, ...parts };
}

function readParts(hull: Members): HullParts {
  const countdown = hull['countdown'];
  return {
    ...(hull['infoMenu'] === null ? {} : { infoMenu: readInfoMenu(hull['infoMenu']) }),
    ...(countdown === null
      ? {}
      : { countdown: readWord(countdown, 'hull.countdown', ['bars', 'bar'] as const) }),
    ...(readBoolean(hull['isProgrammable'], 'hull.isProgrammable') ? { isProgrammable: true } : {}),
  };
}

function readInfoMenu(value: unknown): InfoMenu {
  const where = 'hull.infoMenu';
  const members = readMembers(value, where, ['longPressMs', 'items']);
  const items = readList(members['items'], `${where}.items`, 1, infoItems.length);
  return {
    longPressMs: readWhole(members['longPressMs'], `${where}.longPressMs`, 1, autoOffMsMax),
    items: items.map((item) => readWord(item, `${where}.items`, infoItems)),
  };
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
  const { fields = null, hostCode = null } = application;
  return {
    name,
    mode,
    algorithm: algorithmToJson(algorithm),
    challengeCheckDigit,
    responseCheckDigit,
    fields,
    hostCode,
    eventCounter: String(eventCounter),
    seed: seed === null ? null : encodeBase64(seed.exposeSecret()),
  };
}

/** Reads what `applicationToJson` wrote, or a file version before it. */
export function readApplication(value: unknown, version: FileVersion): ApplicationEntry {
  const where = 'application';
  const added = [
    ...(version === 1 ? [] : ['mode', 'challengeCheckDigit', 'responseCheckDigit']),
    ...(version < 3 ? [] : ['fields', 'hostCode']),
  ];
  const members = readMembers(value, where, [
    'name',
    'algorithm',
    'eventCounter',
    'seed',
    ...added,
  ]);
  const algorithm = parseResponseAlgorithm(members['algorithm']);
  const mode: ApplicationMode =
    version === 1
      ? modeOf(algorithm)
      : readWord(
          members['mode'],
          `${where}.mode`,
          version < 3 ? modesOfVersion2 : applicationModes,
        );
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
      ...readFields(members['fields'] ?? null),
      ...readHostCode(members['hostCode'] ?? null),
      seed,
    },
  };
}

function readFields(value: unknown): Pick<DeviceApplication, 'fields'> {
  if (value === null) return {};
  const where = 'application.fields';
  const fields = readList(value, where, 1, signatureFieldsMax).map((entry): SignatureField => {
    const members = readMembers(entry, where, ['name', 'alphabet', 'charactersMax', 'upperCase']);
    return {
      name: readText(members['name'], `${where}.name`, 32),
      alphabet: readWord(members['alphabet'], `${where}.alphabet`, ['N', 'H', 'A']),
      charactersMax: readWhole(members['charactersMax'], `${where}.charactersMax`, 1, 99),
      upperCase: readBoolean(members['upperCase'], `${where}.upperCase`),
    };
  });
  return { fields };
}

function readHostCode(value: unknown): Pick<DeviceApplication, 'hostCode'> {
  if (value === null) return {};
  const where = 'application.hostCode';
  const members = readMembers(value, where, ['scheme', 'digits']);
  const digits = readWhole(members['digits'], `${where}.digits`, 4, 10) as HostCode['digits'];
  return {
    hostCode: { scheme: readWord(members['scheme'], `${where}.scheme`, ['mutual']), digits },
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
