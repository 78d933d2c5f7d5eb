import { algorithmDigits } from '../../src/oath/index.ts';
import {
  createPinVerifier,
  isPin,
  pinFormRefusal,
  type PinPolicy,
  type PinState,
  weaknessOf,
  withFailure,
} from './pin.ts';
import type { DeviceState, Screen } from './screens.ts';
import { unlockApplication } from './screens.ts';
import type { Secret } from './secret.ts';
import { type Change, refuse, showing, type Turn, withoutFunction } from './turn.ts';
import {
  isUnlockCode,
  lockedOutForMs,
  type UnlockLock,
  withWrongCode,
  wrongCodesMax,
} from './unlock.ts';

/** The first screen after the power key of a device that is off, or null when no PIN is asked for. */
export function screenBeforeUse({ state, deviceTimeMs }: Turn): Screen | null {
  const { pin } = state;
  if (pin === null) return null;
  const sinceMs = deviceTimeMs;
  if (pin.lock !== null) return { kind: 'locked', typed: '', sinceMs };
  return { kind: pin.verifier === null ? 'new-pin' : 'pin', sinceMs };
}

/** A change, and whether the device is open for use now. */
export interface PinChange extends Change {
  readonly isOpen: boolean;
}

/** All digits of a PIN and the key that ends them, on whichever screen asks for one. */
export function enterPin(turn: Turn, devicePin: Secret): PinChange {
  const { hull } = turn.device;
  const { pin, screen } = turn.state;
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (policy === null || pin === null) return closed(withoutFunction(turn));
  const isAsked =
    screen.kind === 'pin' || screen.kind === 'new-pin' || screen.kind === 'confirm-pin';
  if (!isAsked) return closed(withoutFunction(turn));
  const refusal = pinFormRefusal(policy, devicePin);
  if (refusal !== null) return closed(refuse(turn, refusal));
  switch (screen.kind) {
    case 'pin':
      return enterPresentPin(turn, policy, pin, devicePin);
    case 'new-pin':
      return closed(enterNewPin(turn, policy, devicePin));
    case 'confirm-pin':
      return confirmNewPin(turn, screen, pin, devicePin);
  }
}

function enterPresentPin(
  turn: Turn,
  policy: PinPolicy,
  pin: PinState,
  devicePin: Secret,
): PinChange {
  const { state, deviceTimeMs, ports } = turn;
  if (pin.verifier === null) throw new RangeError('no device asks for a PIN it does not have');
  if (!isPin(pin.verifier, devicePin, ports)) {
    const failed = withFailure(policy, pin, ports);
    const { failures, lock } = failed;
    const screen: Screen =
      lock === null
        ? { kind: 'pin', sinceMs: deviceTimeMs }
        : { kind: 'locked', typed: '', sinceMs: deviceTimeMs };
    const failuresLeft = policy.failuresMax - failures;
    const refusal = { code: 'pin-wrong', failures, failuresLeft } as const;
    return {
      state: { ...state, pin: failed, screen },
      effects: [{ kind: 'failed', refusal }],
      isOpen: false,
    };
  }
  const accepted = { ...state, pin: { ...pin, failures: 0 } };
  if (pin.mustChange) {
    return closed(showing(accepted, { kind: 'new-pin', sinceMs: deviceTimeMs }));
  }
  return { state: accepted, effects: [], isOpen: true };
}

function enterNewPin(turn: Turn, policy: PinPolicy, devicePin: Secret): Change {
  const { device, state, deviceTimeMs, ports } = turn;
  const rule = weaknessOf(policy, device.initialPin, devicePin, ports);
  if (rule !== null) return refuse(turn, { code: 'pin-weak', rule });
  const newPin = createPinVerifier(devicePin, ports);
  return showing(state, { kind: 'confirm-pin', newPin, sinceMs: deviceTimeMs });
}

function confirmNewPin(
  { state, deviceTimeMs, ports }: Turn,
  { newPin }: Extract<Screen, { kind: 'confirm-pin' }>,
  pin: PinState,
  devicePin: Secret,
): PinChange {
  if (!isPin(newPin, devicePin, ports)) {
    return {
      state: { ...state, screen: { kind: 'new-pin', sinceMs: deviceTimeMs } },
      effects: [{ kind: 'failed', refusal: { code: 'pin-confirmation-differs' } }],
      isOpen: false,
    };
  }
  return {
    state: { ...state, pin: { ...pin, verifier: newPin, mustChange: false, failures: 0 } },
    effects: [{ kind: 'pin-set' }],
    isOpen: true,
  };
}

/** Those that only a PIN leads to. */
const openScreens: readonly Screen['kind'][] = [
  'menu',
  'challenge',
  'field',
  'response',
  'host-code',
];

/** The key that asks for another PIN works once the present one has been entered. */
export function changePin(turn: Turn): Change {
  const { pin, screen } = turn.state;
  if (pin === null || !openScreens.includes(screen.kind)) return withoutFunction(turn);
  return showing(turn.state, { kind: 'new-pin', sinceMs: turn.deviceTimeMs });
}

type LockScreen = Extract<Screen, { kind: 'locked' }>;

/** Digits of an unlock code. */
export function typeUnlockCode(turn: Turn, screen: LockScreen, text: string): Change {
  return whileCodesAreTaken(turn, (_lock, digits) => {
    if (!/^[0-9]*$/.test(text)) return refuse(turn, { code: 'unlock-code-character' });
    const typed = screen.typed + text;
    if (typed.length > digits) return refuse(turn, { code: 'unlock-code-length', digits });
    return showing(turn.state, { ...screen, typed, sinceMs: turn.deviceTimeMs });
  });
}

/** The key after the last digit of an unlock code. */
export function confirmUnlockCode(turn: Turn, { typed }: LockScreen): Change {
  const { device, state, deviceTimeMs, ports } = turn;
  return whileCodesAreTaken(turn, (lock, digits, pin) => {
    if (typed.length !== digits) return refuse(turn, { code: 'unlock-code-length', digits });
    const application = unlockApplication(device);
    if (!application?.seed) return refuse(turn, { code: 'not-paired' });
    if (isUnlockCode(application, application.seed, lock, typed)) {
      return {
        state: unlocked(state, deviceTimeMs),
        effects: [{ kind: 'unlocked' }],
      };
    }
    const next = withWrongCode(lock, deviceTimeMs, ports);
    const codesLeft = wrongCodesMax - next.wrongCodes;
    return {
      state: {
        ...state,
        pin: { ...pin, lock: next },
        screen: { kind: 'locked', typed: '', sinceMs: deviceTimeMs },
      },
      effects: [{ kind: 'failed', refusal: { code: 'unlock-code-wrong', codesLeft } }],
    };
  });
}

/** The old PIN is gone: whoever has the device sets another. */
function unlocked(state: DeviceState, deviceTimeMs: number): DeviceState {
  return {
    ...state,
    pin: { verifier: null, mustChange: false, failures: 0, lock: null },
    screen: { kind: 'new-pin', sinceMs: deviceTimeMs },
  };
}

function whileCodesAreTaken(
  turn: Turn,
  work: (lock: UnlockLock, digits: number, pin: PinState) => Change,
): Change {
  const { pin } = turn.state;
  const algorithm = unlockApplication(turn.device)?.algorithm;
  if (pin?.lock?.kind !== 'unlock' || algorithm === undefined) return withoutFunction(turn);
  const { lock } = pin;
  const remainingMs = lockedOutForMs(lock, turn.deviceTimeMs);
  if (remainingMs > 0) return refuse(turn, { code: 'locked-out', remainingMs });
  return work(lock, algorithmDigits(algorithm), pin);
}

function closed(change: Change): PinChange {
  return { ...change, isOpen: false };
}
