import pkcs11 from 'pkcs11js';
import { attempt, ckrOf, fault, faultOf, ModuleFault } from './errors.ts';
import { describePinSource, pinFrom, pinSourceOf, RefusedPin } from './pin.ts';
import type { P11Slot } from './library.ts';
import type { ModuleAddress } from './types.ts';
import type { Pkcs11Uri } from './uri.ts';

/** Session state CKS_RW_USER_FUNCTIONS (PKCS#11 v2.40 section 3.4); the binding has no name. */
const CKS_RW_USER_FUNCTIONS = 3;

/** After these the same PIN is not tried again: each try may be the last one. */
const pinRefusals: readonly number[] = [
  pkcs11.CKR_PIN_INCORRECT,
  pkcs11.CKR_PIN_INVALID,
  pkcs11.CKR_PIN_LEN_RANGE,
];

const wrongPinTried = pkcs11.CKF_USER_PIN_COUNT_LOW | pkcs11.CKF_USER_PIN_FINAL_TRY;

export interface Credentials {
  readonly address: ModuleAddress;
  readonly uri: Pkcs11Uri;
  /** From the unlock endpoint; goes before the address's own source. */
  readonly pin?: string;
}

export function isLoggedIn(p11: pkcs11.PKCS11, session: pkcs11.Handle): boolean {
  try {
    return p11.C_GetSessionInfo(session).state === CKS_RW_USER_FUNCTIONS;
  } catch {
    return false;
  }
}

/**
 * Logs the user in, once, on the session that then keeps the login for all others.
 *
 * @returns false when no PIN is there yet
 * @throws ModuleFault `denied` when the PIN is missing, refused, was refused before, or its
 *   refusal could not be remembered
 */
export async function login(
  p11: pkcs11.PKCS11,
  anchor: pkcs11.Handle,
  { slot, info }: P11Slot,
  credentials: Credentials,
): Promise<boolean> {
  const source = pinSourceOf(credentials.address, credentials.uri);
  const pin = credentials.pin ?? (await pinFrom(source));
  if (pin === undefined) return isLoggedIn(p11, anchor);
  const { flags } = attempt('C_GetTokenInfo', () => p11.C_GetTokenInfo(slot));
  requireUsablePin(flags, info.label);
  const from = credentials.pin === undefined ? source : ({ kind: 'later' } as const);
  const refused = new RefusedPin(credentials.address, from, info.serial);
  const known = await refused.recall(pin);
  // The flags say that a wrong PIN was tried since the last right one: it will have been this one.
  if (known === 'refused' || (known === 'begun' && (flags & wrongPinTried) !== 0)) {
    const remedy = refused.markerPath === undefined ? '' : `, or remove ${refused.markerPath}`;
    const detail =
      `the PIN from ${describePinSource(from)} was refused by p11Token "${info.label}" before ` +
      `and is not tried again: correct it${remedy}`;
    throw new ModuleFault({ kind: 'denied', ckr: pkcs11.CKR_PIN_INCORRECT, detail }, 'none');
  }
  await refused.begin(pin);
  try {
    p11.C_Login(anchor, pkcs11.CKU_USER, pin);
  } catch (error) {
    const ckr = ckrOf(error) ?? 0;
    if (ckr === pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
      await refused.withdraw();
      return true;
    }
    if (pinRefusals.includes(ckr)) await refused.remember();
    throw faultOf(error, `C_Login with the PIN from ${describePinSource(from)}`);
  }
  await refused.forget();
  return true;
}

function requireUsablePin(flags: number, label: string): void {
  if ((flags & pkcs11.CKF_USER_PIN_INITIALIZED) === 0) {
    throw fault('denied', `the user PIN of p11Token "${label}" was never set`);
  }
  if ((flags & pkcs11.CKF_USER_PIN_LOCKED) !== 0) {
    const detail = `the user PIN of p11Token "${label}" is locked`;
    throw new ModuleFault({ kind: 'denied', ckr: pkcs11.CKR_PIN_LOCKED, detail }, 'none');
  }
}
