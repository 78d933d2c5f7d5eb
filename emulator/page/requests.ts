import type { ClockChange } from '../physics/clock.ts';
import type { DeviceInput } from '../device/device.ts';
import { Secret } from '../device/secret.ts';
import { EmulatorError } from '../errors.ts';
import {
  type Members,
  readKind,
  readMembers,
  readNumber,
  readText,
  readWhole,
  ShapeError,
} from '../files/shape.ts';
import type { NewToken } from './wire.ts';

/** The challenge of a suite has at most 64 characters. */
const typedCharactersMax = 64;
const pinCharactersMax = 64;
const nameCharactersMax = 32;
const sessionBytesMax = 512;
const hundredYearsMs = 3_155_760_000_000;
const pocketTimesMax = 1000;
const heldMsMax = 600_000;

/** Readers of what the page sends. Each throws EmulatorError input-invalid naming the member. */
export function readKey(body: unknown): DeviceInput {
  return reading(() => {
    const kind = readKind(body, 'the key', 'kind');
    switch (kind) {
      case 'press': {
        const { heldMs } = optional(body, ['kind', 'heldMs'] as const);
        return heldMs === undefined
          ? { kind }
          : { kind, heldMs: readWhole(heldMs, 'heldMs', 0, heldMsMax) };
      }
      case 'clear':
      case 'change-pin':
      case 'sign':
      case 'host-code':
        readMembers(body, 'the key', ['kind']);
        return { kind };
      case 'type': {
        const { text } = members(body, 'the key', ['kind', 'text'] as const);
        return { kind, text: readText(text, 'text', typedCharactersMax) };
      }
      case 'select': {
        const { applicationName } = members(body, 'the key', ['kind', 'applicationName'] as const);
        return { kind, applicationName: readText(applicationName, 'applicationName', 32) };
      }
      case 'pin': {
        const { pin } = members(body, 'the key', ['kind', 'pin'] as const);
        return { kind, devicePin: readPin(pin) };
      }
      case 'confirm':
        return { kind, ...readConfirmation(body) };
      default:
        throw new ShapeError('there is no such key');
    }
  });
}

/** Overwrites the PIN of a key. */
export function wipeKey(key: DeviceInput): void {
  if ('devicePin' in key) key.devicePin?.wipe();
}

export function readPocket(body: unknown): number {
  return reading(() => {
    const { times } = members(body, 'the body', ['times'] as const);
    return readWhole(times, 'times', 1, pocketTimesMax);
  });
}

export function readUnlockCode(body: unknown): string {
  return reading(() => {
    const { code } = members(body, 'the body', ['code'] as const);
    return readText(code, 'code', nameCharactersMax);
  });
}

export function readClockChange(body: unknown): ClockChange {
  return reading(() => {
    const { offsetMs, jumpMs, ratePpm } = optional(body, [
      'offsetMs',
      'jumpMs',
      'ratePpm',
    ] as const);
    if (offsetMs === undefined && jumpMs === undefined && ratePpm === undefined) {
      throw new ShapeError('say what to change: offsetMs, jumpMs or ratePpm');
    }
    return {
      offsetMs: offsetMs === undefined ? undefined : readSpan(offsetMs, 'offsetMs'),
      jumpMs: jumpMs === undefined ? undefined : readSpan(jumpMs, 'jumpMs'),
      ratePpm: ratePpm === undefined ? undefined : readNumber(ratePpm, 'ratePpm'),
    };
  });
}

export function readPreset(body: unknown): string {
  return reading(() => {
    const { preset } = members(body, 'the body', ['preset'] as const);
    return readText(preset, 'preset', nameCharactersMax);
  });
}

export function readBatteryGap(body: unknown): number {
  return reading(() => {
    const { gapMs } = members(body, 'the body', ['gapMs'] as const);
    return readWhole(gapMs, 'gapMs', 0, hundredYearsMs);
  });
}

export function readTravel(body: unknown): number {
  return reading(() => {
    const { travelMs } = members(body, 'the body', ['travelMs'] as const);
    return readSpan(travelMs, 'travelMs');
  });
}

export function readNewToken(body: unknown): NewToken {
  return reading(() => {
    const names = ['serial', 'profile', 'preset', 'battery'] as const;
    const { serial, profile, preset, battery } = members(body, 'the body', names);
    return {
      serial: readText(serial, 'serial', nameCharactersMax),
      profile: readText(profile, 'profile', nameCharactersMax),
      preset: readText(preset, 'preset', nameCharactersMax),
      battery: readText(battery, 'battery', nameCharactersMax),
    };
  });
}

export function readSessionKey(body: unknown): string {
  return reading(() => {
    const { key } = members(body, 'the body', ['key'] as const);
    return readText(key, 'key', 128);
  });
}

function readConfirmation(body: unknown): { devicePin?: Secret; session?: Uint8Array } {
  const { pin, sessionHex } = optional(body, ['kind', 'pin', 'sessionHex'] as const);
  return {
    ...(pin === undefined ? {} : { devicePin: readPin(pin) }),
    ...(sessionHex === undefined ? {} : { session: readSession(sessionHex) }),
  };
}

function readPin(value: unknown): Secret {
  return new Secret(new TextEncoder().encode(readText(value, 'pin', pinCharactersMax)));
}

function readSession(value: unknown): Uint8Array {
  const hex = readText(value, 'sessionHex', 2 * sessionBytesMax);
  if (/^(?:[0-9A-Fa-f]{2})+$/.test(hex)) return new Uint8Array(Buffer.from(hex, 'hex'));
  throw new ShapeError(`sessionHex must be 1 to ${sessionBytesMax} bytes in hex`);
}

function readSpan(value: unknown, where: string): number {
  return readWhole(value, where, -hundredYearsMs, hundredYearsMs);
}

/** `readMembers` with names that the compiler knows. */
function members<Name extends string>(
  body: unknown,
  where: string,
  names: readonly Name[],
): Readonly<Record<Name, unknown>> {
  return readMembers(body, where, names);
}

/** Members of which any may be missing. */
function optional<Name extends string>(
  body: unknown,
  names: readonly Name[],
): Partial<Readonly<Record<Name, unknown>>> {
  const present = names.filter((name) => Object.hasOwn(Object(body) as Members, name));
  return readMembers(body, 'the body', present) as Partial<Readonly<Record<Name, unknown>>>;
}

function reading<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new EmulatorError('input-invalid', error.message, error);
  }
}
