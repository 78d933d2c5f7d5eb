import { algorithmDigits, parseOtp, type ResponseAlgorithm } from '../../src/oath/index.ts';
import type { DeviceApplication } from '../device/application.ts';
import { readVerifier, verifierToJson } from './device-json.ts';
import type { PinPolicy, PinState, PinVerifier } from '../device/pin.ts';
import {
  type Device,
  type DeviceState,
  openApplications,
  type Screen,
  unlockApplication,
} from '../device/screens.ts';
import {
  readBoolean,
  readKind,
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
  'response',
] as const;

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
export function readScreen(value: unknown, device: Device, pin: DeviceState['pin']): Screen {
  const kind = readWord(readKind(value, 'screen', 'kind'), 'screen.kind', screenKinds);
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
    response: ['application', 'response'],
  };
  const members = readMembers(value, 'screen', ['kind', ...names[kind], 'sinceMs']);
  const sinceMs = readDeviceTime(members['sinceMs'], 'screen.sinceMs');
  switch (kind) {
    case 'pin':
    case 'new-pin':
    case 'menu':
      return { kind, sinceMs };
    case 'confirm-pin': {
      const newPin = readVerifier(members['newPin'], 'screen.newPin');
      if (newPin === null) throw new ShapeError('screen.newPin must not be null');
      return { kind, newPin, sinceMs };
    }
    case 'locked':
      return { kind, typed: readUnlockCode(members['typed'], device), sinceMs };
    case 'challenge': {
      const { index, charactersMax } = readChallenged(members['application'], device);
      const typed = readTyped(members['typed'], /^[0-9A-Za-z]*$/, charactersMax);
      return { kind, application: index, typed, sinceMs };
    }
    case 'response': {
      const { index } = readIndex(members['application'], device);
      return { kind, application: index, response: parseOtp(members['response']), sinceMs };
    }
  }
}

/** Which screens a device can be at with this PIN state. */
function requireReachable(
  kind: Exclude<Screen['kind'], 'off'>,
  device: Device,
  pin: PinState | null,
): void {
  const isLocked = pin !== null && pin.lock !== null;
  const isUsable = pin === null || (!isLocked && pin.verifier !== null && !pin.mustChange);
  const reachable: Readonly<Record<typeof kind, boolean>> = {
    pin: pin !== null && !isLocked && pin.verifier !== null,
    'new-pin': pin !== null && !isLocked,
    'confirm-pin': pin !== null && !isLocked,
    locked: isLocked,
    menu: isUsable && device.hull.keys === 'keypad' && openApplications(device).length > 1,
    challenge: isUsable,
    response: isUsable,
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

function readChallenged(value: unknown, device: Device): { index: number; charactersMax: number } {
  const { index, algorithm } = readIndex(value, device);
  if (algorithm.kind !== 'challenge-response') {
    throw new ShapeError('screen.application must be a challenge/response application');
  }
  return { index, charactersMax: algorithm.suite.dataInput.question?.maxLength ?? 0 };
}

function readIndex(
  value: unknown,
  { applications }: Device,
): { index: number; algorithm: ResponseAlgorithm } {
  const index = readWhole(value, 'screen.application', 0, applications.length - 1);
  const application: DeviceApplication | undefined = applications[index];
  if (application === undefined) throw new RangeError('checked by readWhole');
  if (application.mode === 'unlock') {
    throw new ShapeError('screen.application must not be the unlock application');
  }
  return { index, algorithm: application.algorithm };
}

/** A device's clock may stand outside the years that true time has. */
function readDeviceTime(value: unknown, where: string): number {
  // The end of a lockout must be a number that can be counted to as well.
  const max = Number.MAX_SAFE_INTEGER - lockoutMs;
  return readWhole(value, where, -max, max);
}
