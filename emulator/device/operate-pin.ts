import { createDeviceClock } from '../physics/clock.ts';
import type { DeviceInput } from './device.ts';
import { keysOn, lockRefusal, type Operation, play, refusedAsIs, refusedAt } from './operate.ts';
import { type DevicePorts, nodePorts, stretchingOnce } from './ports.ts';
import { stateAt } from './screens.ts';
import type { Secret } from './secret.ts';
import type { VirtualToken } from './token.ts';
import { lockedOutForMs, wrongCodesMax } from './unlock.ts';

export interface SetPinOptions {
  /** The present PIN, the initial one included; absent while the device has none. */
  readonly devicePin?: Secret | undefined;
  /** The new PIN as typed the second time; default: the same. */
  readonly confirmation?: Secret | undefined;
  readonly ports?: DevicePorts | undefined;
}

/** How a device with a PIN stands at some instant. */
export interface PinStatus {
  /** `none`: the next switch-on asks for a new one; `initial`: the next use does. */
  readonly status: 'none' | 'initial' | 'set';
  readonly failures: number;
  readonly failuresLeft: number;
  readonly lock:
    | { readonly kind: 'brick' }
    | {
        readonly kind: 'unlock';
        readonly challenge: string;
        readonly codesLeft: number;
        /** How long no code is taken yet, by the device's clock; 0 when one is. */
        readonly lockedOutForMs: number;
      }
    | null;
}

/**
 * Enters the present PIN, if there is one, and a new one twice. The device then goes on to its menu
 * or application, as after any PIN.
 *
 * @param newPin the caller still owns and wipes it
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function setPin(
  token: VirtualToken,
  trueMs: number,
  newPin: Secret,
  options: SetPinOptions = {},
): Operation {
  const { pin } = token.state;
  const { devicePin, confirmation = newPin } = options;
  if (pin === null) return refusedAsIs(token, { code: 'pin-none' });
  const refusal = lockRefusal(token, trueMs);
  if (refusal !== null) return refusedAt(token, trueMs, refusal);
  const keys = keysOn(token, trueMs);
  if (pin.verifier === null) {
    if (devicePin !== undefined) return refusedAsIs(token, { code: 'pin-not-set' });
  } else {
    if (devicePin === undefined) return refusedAsIs(token, { code: 'pin-missing' });
    keys.push({ kind: 'pin', devicePin });
    if (!pin.mustChange) keys.push({ kind: 'change-pin' });
  }
  keys.push({ kind: 'pin', devicePin: newPin }, { kind: 'pin', devicePin: confirmation });
  return play(token, keys, trueMs, stretchingOnce(options.ports ?? nodePorts));
}

/**
 * Enters an unlock code, as the host computed it (`unlockCode`) for the challenge that the locked
 * device shows. A right one leaves a device that wants a new PIN.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function unlock(
  token: VirtualToken,
  trueMs: number,
  code: string,
  options: { readonly ports?: DevicePorts | undefined } = {},
): Operation {
  if (token.state.pin === null) return refusedAsIs(token, { code: 'pin-none' });
  const refusal = lockRefusal(token, trueMs) ?? { code: 'not-locked' };
  if (refusal.code !== 'locked') return refusedAt(token, trueMs, refusal);
  const keys: DeviceInput[] = [
    ...keysOn(token, trueMs),
    { kind: 'type', text: code },
    { kind: 'confirm' },
  ];
  return play(token, keys, trueMs, options.ports);
}

/**
 * PIN and lock at a true time, without touching a key; null for a token without device PIN.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function pinStatus(token: VirtualToken, trueMs: number): PinStatus | null {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const { hull } = token;
  const { pin } = stateAt(token, token.state, deviceTimeMs);
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (pin === null || policy === null) return null;
  const { verifier, mustChange, failures, lock } = pin;
  return {
    status: verifier === null ? 'none' : mustChange ? 'initial' : 'set',
    failures,
    failuresLeft: policy.failuresMax - failures,
    lock:
      lock?.kind === 'unlock'
        ? {
            kind: lock.kind,
            challenge: lock.challenge,
            codesLeft: wrongCodesMax - lock.wrongCodes,
            lockedOutForMs: lockedOutForMs(lock, deviceTimeMs),
          }
        : lock,
  };
}
