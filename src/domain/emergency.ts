import { serves } from './application-use.ts';
import { dayMs } from './durations.ts';
import type { Authenticator, AuthenticatorWithApplications } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { hasPin } from './server-pin.ts';

/**
 * Codes that stand in for a device. `tokencode` (device missing) and `passcode` (PIN forgotten) are for
 * workstations that can't reach a server, `fixed` and `one-time` for logons at the server.
 */
export type EmergencyKind = 'tokencode' | 'passcode' | 'fixed' | 'one-time';

/** `returned`: the device was shown again. Only `live` ones are good for anything. */
export type EmergencyState =
  'live' | 'used-up' | 'expired' | 'locked' | 'replaced' | 'reset' | 'revoked' | 'returned';

/** Ended, and no administrator has looked after it since: see `deny-token`. */
export const unsettledStates: readonly EmergencyState[] = ['live', 'used-up', 'expired', 'locked'];

/** Somebody asks for a code to be read out to him. */
export interface RevealRequest {
  /** As the audit names him, and so that another can be told from him. */
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
  readonly approvedBy: string | null;
}

/** One code, or a set of one-time codes; one of a kind is live for a device at a time. */
export interface EmergencyCode {
  readonly id: string;
  readonly userId: string;
  readonly authenticatorId: string;
  /** Of the authenticator when it was made: it is nobody's after another assignment. */
  readonly assignmentVersion: number;
  readonly kind: EmergencyKind;
  /** Hex of the module's HMAC over `emergencyMessage`: one, or of a set those that are left. */
  readonly macs: readonly string[];
  /** Sealed by the module for packages and for reading it out; null for codes that were shown. */
  readonly sealed: Uint8Array | null;
  /** Whether it may be read out at all. */
  readonly isRevealable: boolean;
  /** Whether it was made for a user with a server PIN; its form depends on it. */
  readonly isPinRequired: boolean;
  readonly isOnlineAllowed: boolean;
  readonly notAfterMs: number;
  /** Null: as often as wanted. */
  readonly usesMax: number | null;
  readonly useCount: number;
  /** Wrong tries; `emergencyMissesMax` of them lock it. */
  readonly missCount: number;
  readonly state: EmergencyState;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly reveal: RevealRequest | null;
  readonly revealedAtMs: number | null;
  readonly version: number;
}

/** A code that lets somebody in: written only while it is what it was seen to be. */
export interface EmergencyUse {
  readonly codeId: string;
  readonly macsBefore: readonly string[];
  readonly macsAfter: readonly string[];
}

/** What happens to a code beside: never a reason to refuse a decision. */
export interface EmergencyMark {
  readonly codeId: string;
  readonly mark: 'missed' | 'returned';
}

/** Wrong tries at one code that lock it. */
export const emergencyMissesMax: number = 10;
/** Codes of one set. */
export const emergencySetMax: number = 50;
/** What one attempt is compared with; every refusal pays for as many. */
export const emergencyComparedMax: number = 4;
/** How long a request to read a code out, or its approval, is good for. */
export const revealLifetimeMs: number = 3_600_000;

const passcodeDaysMax = 3;
const passcodeUsesMax = 3;

/** Crockford's base 32: no I, L, O and U. */
export const codeAlphabet: string = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** How a code looks: of how many characters of which kind. */
export interface CodeForm {
  readonly characters: 'digits' | 'base-32';
  readonly length: number;
}

/** A PIN in front makes up for a short code; without one, a stolen disk must not be worth trying. */
export function codeForm({
  kind,
  isPinRequired,
}: Pick<EmergencyCode, 'kind' | 'isPinRequired'>): CodeForm {
  switch (kind) {
    case 'tokencode':
      return isPinRequired
        ? { characters: 'digits', length: 8 }
        : { characters: 'base-32', length: 16 };
    case 'passcode':
      return { characters: 'base-32', length: 16 };
    case 'fixed':
    case 'one-time':
      return { characters: 'base-32', length: 8 };
  }
}

/** 32 is a power of two: five bits of a byte are uniform, whatever the rest. */
export function codeOf(randomBytes: Uint8Array): string {
  return Array.from(randomBytes, (byte) => codeAlphabet.charAt(byte & 31)).join('');
}

/** As it is read out: in groups of four. */
export function groupedCode(code: string): string {
  return code.replace(/.{4}(?=.)/g, '$&-');
}

/** A code as people type it in the form in which it is compared; other characters stay as they are. */
export function normalisedCode(typed: string): string {
  return typed.replace(/[\s-]/g, '').toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1');
}

/**
 * The bytes whose HMAC under `emergency-mac` is kept of a code. The ids have a fixed length, and there is
 * no blank in a code: no two different codes give the same bytes. The caller overwrites them.
 *
 * @param code normalised
 */
export function emergencyMessage(
  { id, userId }: Pick<EmergencyCode, 'id' | 'userId'>,
  serial: string,
  code: string,
): Uint8Array {
  return new TextEncoder().encode(`emergency ${userId} ${id} ${serial} ${code}`);
}

/** What a sealed code is bound to: no other row can be made to open it. */
export function emergencySealContext(
  { id, userId }: Pick<EmergencyCode, 'id' | 'userId'>,
  serial: string,
): Uint8Array {
  return new TextEncoder().encode(`emergency code ${userId} ${id} ${serial}`);
}

/** How long a code of this kind may last, in days. */
export function lifetimeDaysMax(
  kind: EmergencyKind,
  { emergencyLifetimeDays }: Pick<EffectivePolicy, 'emergencyLifetimeDays'>,
): number {
  return kind === 'passcode'
    ? Math.min(passcodeDaysMax, emergencyLifetimeDays)
    : emergencyLifetimeDays;
}

/** @param count codes of the set */
export function usesMaxOf(
  kind: EmergencyKind,
  count: number,
  { emergencyUses }: Pick<EffectivePolicy, 'emergencyUses'>,
): number | null {
  switch (kind) {
    case 'tokencode':
      return emergencyUses;
    case 'passcode':
      return Math.min(passcodeUsesMax, emergencyUses);
    case 'fixed':
      return null;
    case 'one-time':
      return count;
  }
}

/** Whether the user of an authenticator has a server PIN to put in front. */
export function asksForPin({
  applications,
}: Pick<AuthenticatorWithApplications, 'applications'>): boolean {
  return applications.some(({ mode, pin }) => serves(mode, 'logon') && hasPin(pin));
}

export function isLive(
  { state, notAfterMs }: Pick<EmergencyCode, 'state' | 'notAfterMs'>,
  nowMs: number,
): boolean {
  return state === 'live' && nowMs < notAfterMs;
}

/** Whether a code is this user's, for this device, as it is assigned now. */
export function belongsTo(
  code: Pick<EmergencyCode, 'userId' | 'authenticatorId' | 'assignmentVersion'>,
  {
    authenticator,
  }: { readonly authenticator: Pick<Authenticator, 'id' | 'userId' | 'assignmentVersion'> },
): boolean {
  return (
    code.authenticatorId === authenticator.id &&
    code.userId === authenticator.userId &&
    code.assignmentVersion === authenticator.assignmentVersion
  );
}

/** Whether another has to take its place at the next logon: it was heard, used, or soon ends. */
export function isRenewalDue(
  code: EmergencyCode,
  owner: AuthenticatorWithApplications,
  nowMs: number,
): boolean {
  return (
    !isLive(code, nowMs) ||
    !belongsTo(code, owner) ||
    code.revealedAtMs !== null ||
    code.useCount > 0 ||
    code.notAfterMs - nowMs < renewalMs(code) ||
    code.isPinRequired !== (code.kind === 'tokencode' && asksForPin(owner))
  );
}

/** Before its end; of a code that lasts a day, not at every logon. */
function renewalMs({
  createdAtMs,
  notAfterMs,
}: Pick<EmergencyCode, 'createdAtMs' | 'notAfterMs'>): number {
  return Math.min(dayMs, (notAfterMs - createdAtMs) / 2);
}

/** Whether codes are good at the server. */
export type OnlinePolicy = Pick<EffectivePolicy, 'emergencyOnlineAllowed' | 'emergencyOnlineCodes'>;

/** Whether any emergency code may be good at the server: then every refusal pays for one. */
export function mayBeOnline({
  emergencyOnlineAllowed,
  emergencyOnlineCodes,
}: OnlinePolicy): boolean {
  return emergencyOnlineAllowed || emergencyOnlineCodes;
}

/** Whether such codes are for logons at the server, and nothing else. */
export function isOfServer(kind: EmergencyKind): boolean {
  return kind === 'fixed' || kind === 'one-time';
}

/** Whether such a code is good at the server, as long as it lives. */
export function isForOnline(
  { kind, isOnlineAllowed }: Pick<EmergencyCode, 'kind' | 'isOnlineAllowed'>,
  { emergencyOnlineAllowed, emergencyOnlineCodes }: OnlinePolicy,
): boolean {
  const isPermitted = isOfServer(kind) ? emergencyOnlineCodes : emergencyOnlineAllowed;
  return isPermitted && isOnlineAllowed;
}

/** How often it may still be used, after some uses more; null: as often as wanted. */
export function usesLeft(
  { usesMax, useCount }: Pick<EmergencyCode, 'usesMax' | 'useCount'>,
  more: number = 0,
): number | null {
  return usesMax === null ? null : Math.max(0, usesMax - useCount - more);
}

/** Whether another wrong try locks it. */
export function isLastMiss({ missCount }: Pick<EmergencyCode, 'missCount'>): boolean {
  return missCount + 1 >= emergencyMissesMax;
}

/** How a code stands that has ended: nothing is left by which it could be found out. */
export function endedCode(
  state: Exclude<EmergencyState, 'live'>,
): Pick<EmergencyCode, 'state' | 'macs' | 'sealed'> {
  return { state, macs: [], sealed: null };
}
