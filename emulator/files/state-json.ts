import { algorithmDigits, parseOtp } from '../../src/oath/index.ts';
import { challengeSpecOf, type DeviceApplication } from '../device/application.ts';
import { type FileVersion, readVerifier, verifierToJson } from './device-json.ts';
import type { InfoItem } from '../device/hull.ts';
import type { PinPolicy, PinState, PinVerifier } from '../device/pin.ts';
import {
  type Device,
  type DeviceState,
  openApplications,
  type Screen,
  unlockApplication,
} from '../device/screens.ts';
import { alphabets, type SignatureField } from '../device/signature-fields.ts';
import {
  type Members,
  readBoolean,
  readKind,
  readList,
  readMembers,
  readText,
  readWhole,
  readWord,
  ShapeError,
} from './shape.ts';
import { lockoutMs, type PinLock, type UnlockLock, wrongCodesMax } from '../device/unlock.ts';

const screenKinds = [
  'off',
  'pin',
  'new-pin',
  'confirm-pin',
  'locked',
  'menu',
  'challenge',
  'field',
  'response',
  'host-code',
  'info',
] as const;
const screenKindsOfVersion2 = screenKinds.filter(
  (kind) => kind !== 'field' && kind !== 'host-code' && kind !== 'info',
);

/** PIN state: a verifier and never a PIN. */
export function pinStateToJson(pin: PinState | null): unknown {
  return pin === null ? null : { ...pin, verifier: verifierToJson(pin.verifier) };
}

/** @throws ShapeError for a state that no device of this policy can be in */
export function readPinState(value: unknown, { hull, initialPin }: Device): PinState | null {
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (policy === null) {
    if (value === null && initialPin === null) return null;
    throw new ShapeError('pin and initialPin must be null on a token without device PIN');
  }
  const members = readMembers(value, 'pin', ['verifier', 'mustChange', 'failures', 'lock']);
  const verifier = readVerifier(members['verifier'], 'pin.verifier');
  const mustChange = readBoolean(members['mustChange'], 'pin.mustChange');
  const { failuresMax } = policy;
  const failures = readWhole(members['failures'], 'pin.failures', 0, failuresMax);
  const lock = members['lock'] === null ? null : readLock(members['lock'], policy);
  if (mustChange && !(policy.mustChangeInitial && isSame(verifier, initialPin))) {
    throw new ShapeError('pin.mustChange must be false for a PIN that is not the initial one');
  }
  if (verifier === null && failures > 0) {
    throw new ShapeError('pin.failures must be 0 while there is no PIN');
  }
  if ((lock !== null) !== (failures === failuresMax)) {
    throw new ShapeError('pin.lock must be there after the last failure, and only then');
  }
  return { verifier, mustChange, failures, lock };
}

function isSame(left: PinVerifier | null, right: PinVerifier | null): boolean {
  if (left === null || right === null) return false;
  return (
    Buffer.compare(left.salt, right.salt) === 0 &&
    Buffer.compare(left.hash.exposeSecret(), right.hash.exposeSecret()) === 0
  );
}

function readLock(value: unknown, { onLock }: PinPolicy): PinLock {
  const where = 'pin.lock';
  const kind = readWord(readKind(value, where, 'kind'), `${where}.kind`, [onLock]);
  if (kind === 'brick') {
    readMembers(value, where, ['kind']);
    return { kind };
  }
  const members = readMembers(value, where, [
    'kind',
    'challenge',
    'wrongCodes',
    'lockedOutSinceMs',
  ]);
  const challenge = readText(members['challenge'], `${where}.challenge`, 8);
  if (!/^[0-9]{8}$/.test(challenge)) throw new ShapeError(`${where}.challenge must be 8 digits`);
  const wrongCodes = readWhole(members['wrongCodes'], `${where}.wrongCodes`, 0, wrongCodesMax);
  const lockedOutSinceMs =
    members['lockedOutSinceMs'] === null
      ? null
      : readDeviceTime(members['lockedOutSinceMs'], `${where}.lockedOutSinceMs`);
  if ((lockedOutSinceMs !== null) !== (wrongCodes === wrongCodesMax)) {
    throw new ShapeError(`${where}.lockedOutSinceMs must be there after the last wrong code`);
  }
  return { kind, challenge, wrongCodes, lockedOutSinceMs } satisfies UnlockLock;
}

/** A screen; of a new PIN that waits for its confirmation, the verifier. */
export function screenToJson(screen: Screen): unknown {
  return screen.kind === 'confirm-pin'
    ? { ...screen, newPin: verifierToJson(screen.newPin) }
    : screen;
}

/** @throws ShapeError for a screen that this device cannot show, or not in this state */
export function readScreen(
  value: unknown,
  device: Device,
  pin: DeviceState['pin'],
  version: FileVersion,
): Screen {
  const kinds = version < 3 ? screenKindsOfVersion2 : screenKinds;
  const kind = readWord(readKind(value, 'screen', 'kind'), 'screen.kind', kinds);
  if (kind === 'off') {
    readMembers(value, 'screen', ['kind']);
    return { kind };
  }
  requireReachable(kind, device, pin);
  const names: Readonly<Record<typeof kind, readonly string[]>> = {
    pin: [],
    'new-pin': [],
    'confirm-pin': ['newPin'],
    locked: ['typed'],
    menu: [],
    challenge: ['application', 'typed'],
    field: ['application', 'entered', 'typed'],
    response: ['application', 'response', ...(version < 3 ? [] : ['hostCode'])],
    'host-code': ['application', 'response', 'hostCode'],
    info: ['item'],
  };
  const members = readMembers(value, 'screen', ['kind', ...names[kind], 'sinceMs']);
  const sinceMs = readDeviceTime(members['sinceMs'], 'screen.sinceMs');
  return isOpen(kind)
    ? readOpen(kind, members, device, sinceMs)
    : readClosed(kind, members, device, sinceMs);
}

/** The screens outside applications. */
function readClosed(
  kind: Exclude<Kind, OpenKind>,
  members: Members,
  device: Device,
  sinceMs: number,
): Screen {
  switch (kind) {
    case 'confirm-pin': {
      const newPin = readVerifier(members['newPin'], 'screen.newPin');
      if (newPin === null) throw new ShapeError('screen.newPin must not be null');
      return { kind, newPin, sinceMs };
    }
    case 'locked':
      return { kind, typed: readUnlockCode(members['typed'], device), sinceMs };
    case 'info':
      return { kind, item: readInfoItem(members['item'], device), sinceMs };
    case 'pin':
    case 'new-pin':
    case 'menu':
      return { kind, sinceMs };
  }
}

/** The screens of an application that is in use. */
function readOpen(kind: OpenKind, members: Members, device: Device, sinceMs: number): Screen {
  const { index, application } = readIndex(members['application'], device);
  switch (kind) {
    case 'challenge': {
      const spec = challengeSpecOf(application);
      if (spec === null) {
        throw new ShapeError('screen.application must be one that takes challenges');
      }
      const typed = readTyped(members['typed'], /^[0-9A-Za-z]*$/, spec.charactersMax);
      return { kind, application: index, typed, sinceMs };
    }
    case 'field':
      return { kind, application: index, ...readFieldScreen(members, application), sinceMs };
    case 'response':
    case 'host-code':
      return readResponseScreen(kind, members, { index, application }, sinceMs);
  }
}

function readFieldScreen(
  members: Members,
  { fields = [] }: DeviceApplication,
): { readonly entered: readonly string[]; readonly typed: string } {
  if (fields.length === 0) {
    throw new ShapeError('screen.application must be one that signs data fields');
  }
  const texts = readList(members['entered'], 'screen.entered', 0, fields.length - 1);
  const entered = texts.map((text, at) => readField(text, fields[at], 1));
  return { entered, typed: readField(members['typed'], fields[entered.length], 0) };
}

function readResponseScreen(
  kind: 'response' | 'host-code',
  members: Members,
  { index, application }: { readonly index: number; readonly application: DeviceApplication },
  sinceMs: number,
): Screen {
  const response = parseOtp(members['response']);
  const shown = members['hostCode'] ?? null;
  const hostCode = shown === null ? null : parseOtp(shown);
  if (hostCode !== null && hostCode.length !== application.hostCode?.digits) {
    throw new ShapeError('screen.hostCode must be one that the application shows');
  }
  if (kind === 'response') return { kind, application: index, response, hostCode, sinceMs };
  if (hostCode === null) throw new ShapeError('screen.hostCode must not be null');
  return { kind, application: index, response, hostCode, sinceMs };
}

function readField(
  value: unknown,
  field: SignatureField | undefined,
  charactersMin: number,
): string {
  if (field === undefined) throw new RangeError('checked by readList');
  const typed = readTyped(value, alphabets[field.alphabet].pattern, field.charactersMax);
  if (typed.length >= charactersMin) return typed;
  throw new ShapeError('screen.entered must not hold an empty field');
}

function readInfoItem(value: unknown, { hull }: Device): InfoItem {
  return readWord(value, 'screen.item', hull.infoMenu?.items ?? []);
}

type Kind = Exclude<Screen['kind'], 'off'>;
type OpenKind = Extract<Screen, { readonly application: number }>['kind'];

function isOpen(kind: Kind): kind is OpenKind {
  return ['challenge', 'field', 'response', 'host-code'].includes(kind);
}

/** Which screens a device can be at with this PIN state. */
function requireReachable(kind: Kind, device: Device, pin: PinState | null): void {
  const isLocked = pin !== null && pin.lock !== null;
  const isUsable = pin === null || (!isLocked && pin.verifier !== null && !pin.mustChange);
  const reachable: Readonly<Record<typeof kind, boolean>> = {
    pin: pin !== null && !isLocked && pin.verifier !== null,
    'new-pin': pin !== null && !isLocked,
    'confirm-pin': pin !== null && !isLocked,
    locked: isLocked,
    menu: isUsable && device.hull.keys === 'keypad' && openApplications(device).length > 1,
    challenge: isUsable,
    field: isUsable,
    response: isUsable,
    'host-code': isUsable,
    info: device.hull.infoMenu !== undefined,
  };
  if (!reachable[kind]) throw new ShapeError(`screen.kind cannot be ${kind} on this token now`);
}

function readTyped(value: unknown, pattern: RegExp, charactersMax: number): string {
  const typed = readText(value, 'screen.typed', charactersMax);
  if (pattern.test(typed)) return typed;
  throw new ShapeError('screen.typed must be letters and digits, or digits alone');
}

function readUnlockCode(value: unknown, device: Device): string {
  const algorithm = unlockApplication(device)?.algorithm;
  const digits = algorithm === undefined ? 0 : algorithmDigits(algorithm);
  return readTyped(value, /^[0-9]*$/, digits);
}

function readIndex(
  value: unknown,
  { applications }: Device,
): { index: number; application: DeviceApplication } {
  const index = readWhole(value, 'screen.application', 0, applications.length - 1);
  const application = applications[index];
  if (application === undefined) throw new RangeError('checked by readWhole');
  if (application.mode === 'unlock') {
    throw new ShapeError('screen.application must not be the unlock application');
  }
  return { index, application };
}

/** A device's clock may stand outside the years that true time has. */
function readDeviceTime(value: unknown, where: string): number {
  // The end of a lockout must be a number that can be counted to as well.
  const max = Number.MAX_SAFE_INTEGER - lockoutMs;
  return readWhole(value, where, -max, max);
}
