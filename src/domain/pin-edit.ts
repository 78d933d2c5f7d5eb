import type { PinVerifier, ServerPin } from './model.ts';
import { hasPin, type NewPin, pinLengthMax, pinLengthMin } from './server-pin.ts';

/** What an administrator does to the server PIN of an application. */
export type PinEdit =
  /** Responses need one from now on; `minimumLength` null: as it was. */
  | { readonly action: 'enable'; readonly minimumLength: number | null }
  | { readonly action: 'disable' }
  /** An empty one clears it: until its user sets one, the response alone verifies. */
  | {
      readonly action: 'set';
      readonly newPin: NewPin;
      /** The next logon has to replace it. */
      readonly mustChange: boolean;
      /** Whose rules it has to meet; null: the policy of the caller's component. */
      readonly policyName: string | null;
    }
  /** It is forgotten, and the next logon has to set one. */
  | { readonly action: 'reset' }
  | { readonly action: 'force' }
  /** For the next PIN; the one that is set stays good. */
  | { readonly action: 'minimum'; readonly minimumLength: number };

/** How the PIN of an application stands, in one word. */
export type PinState = 'off' | 'to-be-set' | 'set' | 'change-required' | 'none-needed';

/** The state of an application's PIN, for people. */
export function pinStateOf(pin: ServerPin): PinState {
  if (!pin.isEnabled) return 'off';
  if (hasPin(pin)) return pin.isChangeForced ? 'change-required' : 'set';
  return pin.isChangeForced ? 'to-be-set' : 'none-needed';
}

/** Whether an edit makes sense only where responses need a PIN. */
export function needsEnabledPin({ action }: PinEdit): boolean {
  return action === 'set' || action === 'reset' || action === 'force';
}

/**
 * What an edit makes of a PIN: another version in every case, so that no logon commits that was
 * decided under the old one.
 *
 * @param verifier of the PIN that is set; null when it is cleared, and with every other edit
 */
export function editedPin(pin: ServerPin, edit: PinEdit, verifier: PinVerifier | null): ServerPin {
  const next = { ...pin, version: pin.version + 1 };
  switch (edit.action) {
    case 'enable': {
      const isChangeForced = pin.verifier === null || pin.isChangeForced;
      const minimumLength = edit.minimumLength ?? pin.minimumLength;
      return { ...next, isEnabled: true, isChangeForced, minimumLength };
    }
    case 'disable':
      return { ...next, isEnabled: false, isChangeForced: false, verifier: null };
    case 'set':
      return { ...next, isChangeForced: edit.mustChange, verifier };
    case 'reset':
      return { ...next, isChangeForced: true, verifier: null };
    case 'force':
      return { ...next, isChangeForced: true };
    case 'minimum':
      return { ...next, minimumLength: edit.minimumLength };
  }
}

/** The PIN of an application that changes hands: nobody inherits one. Null when nothing changes. */
export function disownedPin(pin: ServerPin): ServerPin | null {
  if (pin.verifier === null && pin.isChangeForced === pin.isEnabled) return null;
  return { ...pin, isChangeForced: pin.isEnabled, verifier: null, version: pin.version + 1 };
}

export function isPinMinimum(length: number): boolean {
  return Number.isInteger(length) && length >= pinLengthMin && length <= pinLengthMax;
}
