import { serves } from './application-use.ts';
import { constantTimeEqualText } from '../oath/index.ts';
import type { PresentedCredential } from './credential.ts';
import {
  asksForPin,
  belongsTo,
  codeForm,
  type EmergencyCode,
  emergencyComparedMax,
  type EmergencyUse,
  isForOnline,
  isLive,
  normalisedCode,
  type OnlinePolicy,
  unsettledStates,
} from './emergency.ts';
import type { Application, AuthenticatorWithApplications } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { hasPin } from './server-pin.ts';

/** What was shown, read as one of the codes. */
export interface EmergencyCandidate {
  readonly code: EmergencyCode;
  readonly owner: AuthenticatorWithApplications;
  /** Normalised. */
  readonly text: string;
  /** Whose PIN stood in front; null where none is asked for. */
  readonly application: Application | null;
  readonly pin: string | null;
}

/**
 * The codes that a credential may be, newest first. A passcode is good without a PIN. All others need the
 * PIN where there is one, also if there was none when they were made; a tokencode that was made for a PIN
 * that is gone is too short to be good alone.
 *
 * @param codes of the user
 * @param owners his authenticators that may serve or be stood in for
 */
export function emergencyCandidates(
  codes: readonly EmergencyCode[],
  owners: readonly AuthenticatorWithApplications[],
  credential: PresentedCredential,
  nowMs: number,
  policy: OnlinePolicy,
): readonly EmergencyCandidate[] {
  const candidates = codes.flatMap((code) => {
    const owner = owners.find((one) => belongsTo(code, one));
    if (owner === undefined || !isLive(code, nowMs) || !isForOnline(code, policy)) return [];
    return readingsOf(code, owner, credential);
  });
  return candidates.slice(0, emergencyComparedMax);
}

function readingsOf(
  code: EmergencyCode,
  owner: AuthenticatorWithApplications,
  credential: PresentedCredential,
): readonly EmergencyCandidate[] {
  const { kind, isPinRequired } = code;
  const isPinAsked = kind !== 'passcode' && asksForPin(owner);
  if (!isPinAsked) {
    if (kind === 'tokencode' && isPinRequired) return [];
    const text = codeIn(credential, 0);
    return fits(text, code) ? [{ code, owner, text, application: null, pin: null }] : [];
  }
  return owner.applications.flatMap((application) => {
    const { pin: own, mode } = application;
    if (!serves(mode, 'logon') || !hasPin(own) || own.verifier === null) return [];
    const text = codeIn(credential, own.verifier.length);
    if (!fits(text, code)) return [];
    return [{ code, owner, text, application, pin: pinIn(credential, own.verifier.length) }];
  });
}

/** The part behind the PIN; null when it can't be a code. */
function codeIn(credential: PresentedCredential, pinLength: number): string | null {
  if (credential.format === 'combined') return normalisedCode(credential.text.slice(pinLength));
  const { response, pin, newPin } = credential;
  // One that is not asked for is somebody's guess.
  if (response === null || newPin !== null || (pin !== null) !== pinLength > 0) return null;
  return normalisedCode(response);
}

function pinIn(credential: PresentedCredential, pinLength: number): string | null {
  return credential.format === 'combined' ? credential.text.slice(0, pinLength) : credential.pin;
}

function fits(text: string | null, code: EmergencyCode): text is string {
  const { characters, length } = codeForm(code);
  const pattern = characters === 'digits' ? /^[0-9]+$/ : /^[0-9A-HJKMNP-TV-Z]+$/;
  return text !== null && text.length === length && pattern.test(text);
}

/** The candidate that is right, and how it is used up; `pin-incorrect` where only the PIN was wrong. */
export type EmergencyDecision =
  | {
      readonly kind: 'accepted';
      readonly candidate: EmergencyCandidate;
      readonly use: EmergencyUse;
    }
  | { readonly kind: 'refused'; readonly code: 'response-incorrect' | 'pin-incorrect' };

/**
 * Every MAC is compared with every one that is kept, without an early exit.
 *
 * @param macs hex of the module's HMAC over `emergencyMessage`, one for each candidate
 * @param wrongPins the applications whose PIN was wrong
 */
export function decideEmergency(
  candidates: readonly EmergencyCandidate[],
  macs: readonly string[],
  wrongPins: ReadonlySet<string>,
): EmergencyDecision {
  let decision: EmergencyDecision = { kind: 'refused', code: 'response-incorrect' };
  for (const [index, candidate] of candidates.entries()) {
    const { code, application } = candidate;
    const shown = macs[index] ?? '';
    const left = code.macs.filter((mac) => !constantTimeEqualText(mac, shown));
    if (left.length === code.macs.length || decision.kind === 'accepted') continue;
    if (application !== null && wrongPins.has(application.id)) {
      decision = { kind: 'refused', code: 'pin-incorrect' };
      continue;
    }
    const macsAfter = code.kind === 'one-time' ? left : code.macs;
    const use = { codeId: code.id, macsBefore: code.macs, macsAfter };
    decision = { kind: 'accepted', candidate, use };
  }
  return decision;
}

/** What the codes of a device make of its own response. */
export type TokenReturned =
  { readonly kind: 'admitted'; readonly endedIds: readonly string[] } | { readonly kind: 'denied' };

/**
 * Whether a device may be used again for which codes were given out.
 *
 * @param codes of its user
 */
export function tokenReturned(
  codes: readonly EmergencyCode[],
  owner: Pick<AuthenticatorWithApplications, 'authenticator'>,
  nowMs: number,
  policy: OnlinePolicy & Pick<EffectivePolicy, 'tokenReturnPolicy'>,
): TokenReturned {
  const own = codes.filter((code) => belongsTo(code, owner) && isForOnline(code, policy));
  const live = own.filter((code) => isLive(code, nowMs));
  switch (policy.tokenReturnPolicy) {
    case 'allow-and-kill-code':
      return { kind: 'admitted', endedIds: live.map(({ id }) => id) };
    case 'allow-after-expiry':
      return live.length > 0 ? { kind: 'denied' } : { kind: 'admitted', endedIds: [] };
    case 'deny-token': {
      const isUnsettled = own.some(({ state }) => unsettledStates.includes(state));
      return isUnsettled ? { kind: 'denied' } : { kind: 'admitted', endedIds: [] };
    }
  }
}
