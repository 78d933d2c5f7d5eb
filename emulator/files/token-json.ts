import { OathError } from '../../src/oath/index.ts';
import { applicationsMax } from '../device/device.ts';
import { checkClock } from '../physics/clock-parameters.ts';
import { readBattery } from './battery-json.ts';
import { clockToJson, readClock } from './clock-json.ts';
import {
  applicationToJson,
  type FileVersion,
  hullToJson,
  readApplication,
  readHull,
  readVerifier,
  verifierToJson,
} from './device-json.ts';
import { EmulatorError } from '../errors.ts';
import { pairingToJson, readPairing } from './pairing-json.ts';
import type { Device, DeviceState } from '../device/screens.ts';
import {
  type Members,
  parseJson,
  readKind,
  readList,
  readMembers,
  readText,
  readWhole,
  ShapeError,
} from './shape.ts';
import { pinStateToJson, readPinState, readScreen, screenToJson } from './state-json.ts';
import { checkDevice, checkModel, checkSerial, type VirtualToken } from '../device/token.ts';

/** A token as its file holds it; `revision` grows by one with every change. */
export interface StoredToken {
  readonly token: VirtualToken;
  readonly revision: number;
}

const format = 'tallystick-virtual-token';
const version: FileVersion = 3;

const membersOfVersion1 = [
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
 * The text of a state file. It holds the seeds in the clear: files of mode 0600 only. Of a PIN it
 * holds salt and hash.
 */
export function tokenToJson({ token, revision }: StoredToken): string {
  const { serial, model, hull, clock, battery, pairing, state } = token;
  const file = {
    format,
    version,
    revision,
    serial,
    model,
    hull: hullToJson(hull),
    clock: clockToJson(clock),
    battery,
    pairing: pairingToJson(pairing),
    applications: token.applications.map((application, index) =>
      applicationToJson(application, state.eventCounters[index] ?? 0n),
    ),
    initialPin: verifierToJson(token.initialPin),
    pin: pinStateToJson(state.pin),
    screen: screenToJson(state.screen),
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
  const version = readVersion(value);
  const members = readMembers(value, 'the file', membersOf(version));
  const hull = readHull(members['hull'], version);
  const entries = readList(members['applications'], 'applications', 1, applicationsMax).map(
    (entry) => readApplication(entry, version),
  );
  const applications = entries.map(({ application }) => application);
  checkDevice({ hull, applications });
  const initialPin = readVerifier(members['initialPin'] ?? null, 'initialPin');
  const device: Device = { hull, applications, initialPin };
  const pairing = readPairing(members['pairing']);
  const isUnpaired = pairing.status === 'requested';
  if (applications.some(({ seed }) => (seed === null) !== isUnpaired)) {
    throw new ShapeError('seed must be null while a pairing is requested, and only then');
  }
  const clock = readClock(members['clock'], version);
  checkClock(clock);
  const pin = readPinState(members['pin'] ?? null, device);
  const state: DeviceState = {
    screen: readScreen(members['screen'], device, pin, version),
    eventCounters: entries.map(({ eventCounter }) => eventCounter),
    pin,
  };
  return {
    revision: readWhole(members['revision'], 'revision', 1, Number.MAX_SAFE_INTEGER),
    token: {
      serial: checkSerial(readText(members['serial'], 'serial', 32)),
      model: checkModel(readText(members['model'], 'model', 32)),
      clock,
      battery: readBattery(members['battery'] ?? null),
      pairing,
      ...device,
      state,
    },
  };
}

function membersOf(version: FileVersion): readonly string[] {
  if (version === 1) return membersOfVersion1;
  const membersOfVersion2 = [...membersOfVersion1, 'initialPin', 'pin'];
  return version === 2 ? membersOfVersion2 : [...membersOfVersion2, 'battery'];
}

/** Which members there must be; a file of another format is found out before it is looked at. */
function readVersion(value: unknown): FileVersion {
  if (readKind(value, 'the file', 'format') !== format) {
    throw new ShapeError(`format must be ${format}`);
  }
  const { version: found } = value as Members;
  for (const known of [1, 2, version] as const) if (found === known) return known;
  throw new ShapeError(`version must be 1 to ${version}`);
}
