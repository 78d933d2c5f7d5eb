import { constantTimeEqualText } from '../oath/index.ts';
import { refusedFor } from './lock.ts';
import type { Application, PinVerifier, ServerPin } from './model.ts';
import type { RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** Lengths of a server PIN in characters; an application may ask for more than the least. */
export const pinLengthMin: number = 3;
export const pinLengthMax: number = 8;

/** A PIN that somebody wants to have, typed twice. */
export interface NewPin {
  readonly pin: string;
  readonly confirmation: string;
}

/** How a new application stands: no PIN, and none asked for. */
export const unusedPin: ServerPin = {
  isEnabled: false,
  isChangeForced: false,
  minimumLength: 4,
  verifier: null,
  version: 1,
};

/** Whether a response is worth nothing without the PIN. */
export function hasPin({ isEnabled, verifier }: ServerPin): boolean {
  return isEnabled && verifier !== null;
}

/** Whether its user has to set or change it before anything lets him in. */
export function mustChange({ isEnabled, isChangeForced }: ServerPin): boolean {
  return isEnabled && isChangeForced;
}

/**
 * The bytes whose HMAC under `pin-mac` is kept of a PIN. Application and salt have fixed lengths, so
 * no two different PINs give the same bytes. The caller overwrites them.
 */
export function pinMessage(applicationId: string, salt: string, pin: string): Uint8Array {
  return new TextEncoder().encode(`${applicationId} ${salt} ${pin}`);
}

/** A PIN that was put forward for an application that has one. */
export interface PinCheck {
  readonly applicationId: string;
  readonly verifier: PinVerifier;
  readonly pin: string;
}

/** What there is to find out about PINs before a response counts for anything. */
export interface PinPlan {
  readonly checks: readonly PinCheck[];
  /** Applications with a PIN for which none was put forward. */
  readonly missing: readonly string[];
}

/** @param given each application that takes part, with the PIN that was put forward for it, if any */
export function planPins(
  given: readonly {
    readonly application: Application;
    readonly pin: string | null;
    /** It was right before: nothing is to be found out. */
    readonly isPinProven?: boolean;
  }[],
): PinPlan {
  const checks: PinCheck[] = [];
  const missing: string[] = [];
  for (const { application, pin, isPinProven = false } of given) {
    const { id: applicationId, pin: own } = application;
    if (!own.isEnabled || own.verifier === null || isPinProven) continue;
    if (pin === null) missing.push(applicationId);
    else checks.push({ applicationId, verifier: own.verifier, pin });
  }
  return { checks, missing };
}

/**
 * The applications whose PIN was not put forward, or a wrong one. Every MAC is compared, without an
 * early exit.
 *
 * @param macs hex of the module's HMAC over `pinMessage`, one for each check
 */
export function wrongPins(plan: PinPlan, macs: readonly string[]): ReadonlySet<string> {
  const wrong = new Set(plan.missing);
  for (const [index, { applicationId, verifier }] of plan.checks.entries()) {
    if (!constantTimeEqualText(macs[index] ?? '', verifier.mac)) wrong.add(applicationId);
  }
  return wrong;
}

/** What becomes of the PIN, once PIN and response were both right. */
export type PinOutcome =
  | { readonly kind: 'kept' }
  | { readonly kind: 'changed'; readonly pin: string }
  /** The response is used up all the same, and the PIN stays as it was. */
  | { readonly kind: 'refused'; readonly refused: Refused };

/**
 * Judges a new PIN, or that there is none. To be asked only after PIN and response: before, the answer
 * would tell a guesser which of them was right.
 *
 * @param given the PIN that was right, and the new one that came with it
 */
export function pinOutcome(
  pin: ServerPin,
  { pin: oldPin, newPin }: { readonly pin: string | null; readonly newPin: NewPin | null },
  policy: EffectivePolicy,
): PinOutcome {
  const code = newPin === null ? changeRefusal(pin) : newPinRefusal(pin, oldPin, newPin, policy);
  if (code !== null) return { kind: 'refused', refused: refusedFor(code) };
  return newPin === null ? { kind: 'kept' } : { kind: 'changed', pin: newPin.pin };
}

function changeRefusal(pin: ServerPin): RefusalCode | null {
  return mustChange(pin) ? 'pin-change-required' : null;
}

function newPinRefusal(
  { isEnabled, isChangeForced, minimumLength }: ServerPin,
  oldPin: string | null,
  { pin, confirmation }: NewPin,
  policy: EffectivePolicy,
): RefusalCode | null {
  if (!isEnabled) return 'pin-not-supported';
  // What an administrator asks for can't be forbidden to the user.
  if (!policy.pinChangeAllowed && !isChangeForced) return 'pin-change-not-allowed';
  if (!constantTimeEqualText(pin, confirmation)) return 'pin-confirmation-mismatch';
  // Whoever asked for the change knows the old one, or fears that somebody does.
  if (isChangeForced && pin === oldPin) return 'pin-unchanged';
  return pinRefusal(pin, minimumLength, policy);
}

/** What may be wrong with a text that is to be a PIN. */
export type PinFlaw = Extract<
  RefusalCode,
  'pin-too-short' | 'pin-too-long' | 'pin-malformed' | 'pin-weak'
>;

/**
 * Why a text can't be a PIN, whoever sets it; null when it can.
 *
 * @param minimumLength of the application
 */
export function pinRefusal(
  pin: string,
  minimumLength: number,
  { pinCharacters, weakPins }: Pick<EffectivePolicy, 'pinCharacters' | 'weakPins'>,
): PinFlaw | null {
  if (pin.length < Math.max(minimumLength, pinLengthMin)) return 'pin-too-short';
  if (pin.length > pinLengthMax) return 'pin-too-long';
  if (!charactersOf[pinCharacters].test(pin)) return 'pin-malformed';
  return weakPins === 'refused' && isWeak(pin) ? 'pin-weak' : null;
}

const charactersOf: Readonly<Record<EffectivePolicy['pinCharacters'], RegExp>> = {
  digits: /^[0-9]+$/,
  alphanumeric: /^[0-9A-Za-z]+$/,
};

/** The same difference from each character to the next (1111, 1234, 8642), or a half said twice. */
function isWeak(pin: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < pin.length; index += 1) {
    steps.add(pin.charCodeAt(index) - pin.charCodeAt(index - 1));
  }
  const half = pin.slice(0, pin.length / 2);
  return steps.size === 1 || pin === half + half;
}
