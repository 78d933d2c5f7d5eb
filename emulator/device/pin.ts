import { timingSafeEqual } from 'node:crypto';
import { EmulatorError } from '../errors.ts';
import type { DevicePorts } from './ports.ts';
import type { Refusal } from './refusal.ts';
import { Secret } from './secret.ts';
import { drawLock, type PinLock } from './unlock.ts';
import { pinWeakRules, type PinWeakRule, runRuleOf } from './weak-pins.ts';

/** What a device asks of its PIN, and what it does about wrong ones. */
export interface PinPolicy {
  readonly digitsMin: number;
  readonly digitsMax: number;
  /** Whether the initial PIN serves only to set another. */
  readonly mustChangeInitial: boolean;
  readonly weakRules: readonly PinWeakRule[];
  /** Wrong PINs in a row until the device locks: 2 to 10 (RFC 6030 section 5: MaxFailedAttempts). */
  readonly failuresMax: number;
  /** Whether a locked device takes an unlock code or is locked for good. */
  readonly onLock: PinLock['kind'];
}

/** What tells the right PIN from others. A short PIN can be guessed from it: keep it as a secret. */
export interface PinVerifier {
  readonly salt: Uint8Array;
  readonly hash: Secret;
}

/** What a device with a PIN remembers, also while it is switched off. */
export interface PinState {
  /** Null until a PIN is set: the device then asks for a new one. */
  readonly verifier: PinVerifier | null;
  /** The PIN is the initial one and must be replaced before anything else. */
  readonly mustChange: boolean;
  /** Wrong PINs since the last right one, 0 to `failuresMax`. */
  readonly failures: number;
  /** Not null from the last failure on, until the device is unlocked. */
  readonly lock: PinLock | null;
}

export const pinSaltBytes = 16;
/** Beyond the twelve digits that a display has room for, nobody would remember it either. */
const pinDigitsMax = 12;
const pinDigitsMin = 4;
export const pinFailuresMin = 2;
export const pinFailuresMax = 10;

/** @throws EmulatorError input-invalid naming what is out of range */
export function checkPinPolicy(policy: PinPolicy): void {
  const { digitsMin, digitsMax, failuresMax, weakRules } = policy;
  const isFit =
    isWithin(digitsMax, pinDigitsMin, pinDigitsMax) && isWithin(digitsMin, pinDigitsMin, digitsMax);
  if (!isFit) {
    throw invalid(
      `a PIN has ${pinDigitsMin} to ${pinDigitsMax} digits; the least length comes first`,
    );
  }
  if (!isWithin(failuresMax, pinFailuresMin, pinFailuresMax)) {
    throw invalid(`a token locks after ${pinFailuresMin} to ${pinFailuresMax} wrong PINs`);
  }
  const isKnown = weakRules.every((rule) => pinWeakRules.includes(rule));
  if (!isKnown || new Set(weakRules).size !== weakRules.length) {
    throw invalid(`the rules for weak PINs are ${pinWeakRules.join(', ')}, each once`);
  }
}

/** The PIN state of a device as it leaves the factory. */
export function initialPinState(policy: PinPolicy, initialPin: PinVerifier | null): PinState {
  const mustChange = initialPin !== null && policy.mustChangeInitial;
  return { verifier: initialPin, mustChange, failures: 0, lock: null };
}

/** A verifier with a salt of its own. Does not keep the PIN. */
export function createPinVerifier(devicePin: Secret, ports: DevicePorts): PinVerifier {
  const salt = ports.randomBytes(pinSaltBytes);
  return { salt, hash: new Secret(ports.stretchPin(devicePin.exposeSecret(), salt)) };
}

/** In constant time for PINs of one length. */
export function isPin(verifier: PinVerifier, devicePin: Secret, ports: DevicePorts): boolean {
  const hash = ports.stretchPin(devicePin.exposeSecret(), verifier.salt);
  const isEqual = timingSafeEqual(hash, verifier.hash.exposeSecret());
  hash.fill(0);
  return isEqual;
}

/** Why the keypad cannot enter this PIN, or null. Whether it is the right one is not asked. */
export function pinFormRefusal(policy: PinPolicy, devicePin: Secret): Refusal | null {
  if (devicePin.exposeSecret().some((byte) => byte < 0x30 || byte > 0x39)) {
    return { code: 'pin-character' };
  }
  const { digitsMin, digitsMax } = policy;
  if (isWithin(devicePin.length, digitsMin, digitsMax)) return null;
  return { code: 'pin-digits', digitsMin, digitsMax };
}

/** The first rule by which the device refuses a new PIN, or null. */
export function weaknessOf(
  policy: PinPolicy,
  initialPin: PinVerifier | null,
  devicePin: Secret,
  ports: DevicePorts,
): PinWeakRule | null {
  const run = runRuleOf(devicePin.exposeSecret());
  if (run !== null && policy.weakRules.includes(run)) return run;
  const isInitial =
    policy.weakRules.includes('initial') &&
    initialPin !== null &&
    isPin(initialPin, devicePin, ports);
  return isInitial ? 'initial' : null;
}

/** The state after a wrong PIN; the last one locks. */
export function withFailure(policy: PinPolicy, pin: PinState, ports: DevicePorts): PinState {
  const failures = pin.failures + 1;
  const isLocked = failures >= policy.failuresMax;
  return { ...pin, failures, lock: isLocked ? drawLock(policy.onLock, ports) : null };
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
