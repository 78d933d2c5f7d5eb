import {
  algorithmInputs,
  algorithmToJson,
  movingFactorMax,
  OathError,
  parseOtp,
  parseResponseAlgorithm,
  type ResponseAlgorithm,
} from '../src/oath/index.ts';
import {
  checkClock,
  type ClockEvent,
  clockEventsMax,
  type ClockParameters,
  trueMsMax,
} from './clock.ts';
import { applicationsMax, type DeviceState, type Hull, type Screen } from './device.ts';
import { EmulatorError } from './errors.ts';
import type { DeviceApplication } from './generate.ts';
import { Secret } from './secret.ts';
import {
  encodeBase64,
  parseJson,
  readBase64,
  readCounter,
  readHex,
  readKind,
  readList,
  readMembers,
  readNumber,
  readText,
  readWhole,
  ShapeError,
} from './shape.ts';
import {
  checkDevice,
  checkModel,
  checkSerial,
  type Pairing,
  seedBytesMax,
  seedBytesMin,
  type VirtualToken,
} from './token.ts';

/** A token as its file holds it; `revision` grows by one with every change. */
export interface StoredToken {
  readonly token: VirtualToken;
  readonly revision: number;
}

const format = 'tallystick-virtual-token';
const version = 1;
const keyBytesMax = 4096;
const autoOffMsMax = 3_600_000;
/** A counter that has run out is stored as 2^64. */
const counterMax = movingFactorMax + 1n;

const tokenMembers = [
  'format',
  'version',
  'revision',
  'serial',
  'model',
  'hull',
  'clock',
  'pairing',
  'applications',
  'screen',
] as const;

/**
 * The text of a state file. It holds the seeds in the clear: files of mode 0600 only.
 */
export function tokenToJson({ token, revision }: StoredToken): string {
  const { serial, model, hull, clock, pairing, state } = token;
  const applications = token.applications.map(({ name, algorithm, seed }, index) => ({
    name,
    algorithm: algorithmToJson(algorithm),
    eventCounter: String(state.eventCounters[index] ?? 0n),
    seed: seed === null ? null : encodeBase64(seed.exposeSecret()),
  }));
  const file = {
    format,
    version,
    revision,
    serial,
    model,
    hull,
    clock,
    pairing: pairingToJson(pairing),
    applications,
    screen: state.screen,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Reads the text of a state file. Nothing is repaired or guessed: a member too many, a value out of
 * range or a combination that no device can be in is refused.
 *
 * @throws EmulatorError state-damaged, naming the member and never its value
 */
export function tokenFromJson(text: string): StoredToken {
  try {
    return readToken(parseJson(text));
  } catch (error) {
    const isExpected =
      error instanceof ShapeError || error instanceof OathError || error instanceof EmulatorError;
    throw isExpected ? new EmulatorError('state-damaged', error.message) : error;
  }
}

function readToken(value: unknown): StoredToken {
  const members = readMembers(value, 'the file', tokenMembers);
  if (members['format'] !== format) throw new ShapeError(`format must be ${format}`);
  if (members['version'] !== version) throw new ShapeError(`version must be ${version}`);
  const hull = readHull(members['hull']);
  const entries = readList(members['applications'], 'applications', 1, applicationsMax).map(
    readApplication,
  );
  const applications = entries.map(({ application }) => application);
  checkDevice({ hull, applications });
  const pairing = readPairing(members['pairing']);
  const isUnpaired = pairing.status === 'requested';
  if (applications.some(({ seed }) => (seed === null) !== isUnpaired)) {
    throw new ShapeError('seed must be null while a pairing is requested, and only then');
  }
  const clock = readClock(members['clock']);
  checkClock(clock);
  const state: DeviceState = {
    screen: readScreen(members['screen'], hull, applications),
    eventCounters: entries.map(({ eventCounter }) => eventCounter),
  };
  return {
    revision: readWhole(members['revision'], 'revision', 1, Number.MAX_SAFE_INTEGER),
    token: {
      serial: checkSerial(readText(members['serial'], 'serial', 32)),
      model: checkModel(readText(members['model'], 'model', 32)),
      hull,
      clock,
      pairing,
      applications,
      state,
    },
  };
}

function readHull(value: unknown): Hull {
  const keys = readKind(value, 'hull', 'keys');
  if (keys === 'keypad') {
    const members = readMembers(value, 'hull', ['keys', 'autoOffMs']);
    return { keys, autoOffMs: readWhole(members['autoOffMs'], 'hull.autoOffMs', 1, autoOffMsMax) };
  }
  if (keys !== 'one-button') throw new ShapeError('hull.keys must be one-button or keypad');
  const members = readMembers(value, 'hull', ['keys', 'autoOffMs', 'pressWhileDisplayed']);
  const pressWhileDisplayed = members['pressWhileDisplayed'];
  if (pressWhileDisplayed !== 'next' && pressWhileDisplayed !== 'switch-off') {
    throw new ShapeError('hull.pressWhileDisplayed must be next or switch-off');
  }
  const autoOffMs = readWhole(members['autoOffMs'], 'hull.autoOffMs', 1, autoOffMsMax);
  return { keys, autoOffMs, pressWhileDisplayed };
}

function readApplication(value: unknown): {
  application: DeviceApplication;
  eventCounter: bigint;
} {
  const where = 'application';
  const members = readMembers(value, where, ['name', 'algorithm', 'eventCounter', 'seed']);
  const algorithm = parseResponseAlgorithm(members['algorithm']);
  // An algorithm without counter never moves it, whatever a file says.
  const max = algorithmInputs(algorithm).eventCounter ? counterMax : 0n;
  const eventCounter = readCounter(members['eventCounter'], `${where}.eventCounter`, max);
  const seed =
    members['seed'] === null
      ? null
      : new Secret(readBase64(members['seed'], `${where}.seed`, seedBytesMin, seedBytesMax));
  const name = readText(members['name'], `${where}.name`, 32);
  return { application: { name, algorithm, seed }, eventCounter };
}

function readClock(value: unknown): ClockParameters {
  const names = ['manufacturedAtMs', 'offsetMs', 'ratePpm', 'events'];
  const members = readMembers(value, 'clock', names);
  return {
    manufacturedAtMs: readNumber(members['manufacturedAtMs'], 'clock.manufacturedAtMs'),
    offsetMs: readNumber(members['offsetMs'], 'clock.offsetMs'),
    ratePpm: readNumber(members['ratePpm'], 'clock.ratePpm'),
    events: readList(members['events'], 'clock.events', 0, clockEventsMax).map(readClockEvent),
  };
}

function readClockEvent(value: unknown): ClockEvent {
  const where = 'clock.events';
  const kind = readKind(value, where, 'kind');
  if (kind === 'jump') {
    const { atMs, byMs } = readMembers(value, where, ['kind', 'atMs', 'byMs']);
    return {
      kind,
      atMs: readNumber(atMs, `${where}.atMs`),
      byMs: readNumber(byMs, `${where}.byMs`),
    };
  }
  if (kind !== 'rate') throw new ShapeError(`${where}.kind must be jump or rate`);
  const { atMs, ratePpm } = readMembers(value, where, ['kind', 'atMs', 'ratePpm']);
  return {
    kind,
    atMs: readNumber(atMs, `${where}.atMs`),
    ratePpm: readNumber(ratePpm, `${where}.ratePpm`),
  };
}

function pairingToJson(pairing: Pairing): unknown {
  if (pairing.status !== 'requested') return pairing;
  return {
    ...pairing,
    privateKey: encodeBase64(pairing.privateKey.exposeSecret()),
    publicKey: encodeBase64(pairing.publicKey),
  };
}

function readPairing(value: unknown): Pairing {
  const status = readKind(value, 'pairing', 'status');
  switch (status) {
    case 'stand-alone':
      readMembers(value, 'pairing', ['status']);
      return { status };
    case 'requested': {
      const names = ['status', 'privateKey', 'publicKey', 'requestedAtMs'];
      const members = readMembers(value, 'pairing', names);
      const privateKey = readBase64(members['privateKey'], 'pairing.privateKey', 1, keyBytesMax);
      return {
        status,
        privateKey: new Secret(privateKey),
        publicKey: readBase64(members['publicKey'], 'pairing.publicKey', 1, keyBytesMax),
        requestedAtMs: readInstant(members['requestedAtMs'], 'pairing.requestedAtMs'),
      };
    }
    case 'paired': {
      const members = readMembers(value, 'pairing', ['status', 'publicKeySha256', 'pairedAtMs']);
      return {
        status,
        publicKeySha256: readHex(members['publicKeySha256'], 'pairing.publicKeySha256', 32),
        pairedAtMs: readInstant(members['pairedAtMs'], 'pairing.pairedAtMs'),
      };
    }
    default:
      throw new ShapeError('pairing.status must be stand-alone, requested or paired');
  }
}

function readScreen(
  value: unknown,
  hull: Hull,
  applications: readonly DeviceApplication[],
): Screen {
  const kind = readKind(value, 'screen', 'kind');
  if (kind === 'off') {
    readMembers(value, 'screen', ['kind']);
    return { kind };
  }
  if (kind === 'menu' && hull.keys === 'keypad' && applications.length > 1) {
    const { sinceMs } = readMembers(value, 'screen', ['kind', 'sinceMs']);
    return { kind, sinceMs: readDeviceTime(sinceMs) };
  }
  if (kind === 'challenge') {
    const members = readMembers(value, 'screen', ['kind', 'application', 'typed', 'sinceMs']);
    const { index, algorithm } = readIndex(members['application'], applications);
    if (algorithm.kind !== 'challenge-response') {
      throw new ShapeError('screen.application must be a challenge/response application');
    }
    const charactersMax = algorithm.suite.dataInput.question?.maxLength ?? 0;
    const typed = readText(members['typed'], 'screen.typed', charactersMax);
    if (!/^[0-9A-Za-z]*$/.test(typed)) {
      throw new ShapeError('screen.typed must be letters and digits');
    }
    return { kind, application: index, typed, sinceMs: readDeviceTime(members['sinceMs']) };
  }
  if (kind !== 'response') {
    throw new ShapeError('screen.kind must be off, challenge or response, or menu on a keypad');
  }
  const members = readMembers(value, 'screen', ['kind', 'application', 'response', 'sinceMs']);
  const { index } = readIndex(members['application'], applications);
  const response = parseOtp(members['response']);
  return { kind, application: index, response, sinceMs: readDeviceTime(members['sinceMs']) };
}

function readIndex(
  value: unknown,
  applications: readonly DeviceApplication[],
): { index: number; algorithm: ResponseAlgorithm } {
  const index = readWhole(value, 'screen.application', 0, applications.length - 1);
  const application = applications[index];
  if (application === undefined) throw new RangeError('checked by readWhole');
  return { index, algorithm: application.algorithm };
}

function readInstant(value: unknown, where: string): number {
  return readWhole(value, where, 0, trueMsMax);
}

/** A device's clock may stand outside the years that true time has. */
function readDeviceTime(value: unknown): number {
  return readWhole(value, 'screen.sinceMs', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}
