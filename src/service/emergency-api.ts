import type { EmergencyCode, EmergencyKind } from '../domain/emergency.ts';
import type { Caller } from './caller.ts';

/** What administration takes and shows of emergency codes: never a code, but where it says so. */

export interface NewEmergencyCode {
  readonly kind: EmergencyKind;
  /** Codes of a one-time set, 1 to 50; null: 10. Null for all other kinds. */
  readonly count: number | null;
  /** Null: as long as the policy lets it be. */
  readonly lifetimeDays: number | null;
  /** Of a code of packages: whether it is also good at the server; null: no. */
  readonly isOnlineAllowed: boolean | null;
}

export interface EmergencyCodeView extends Pick<
  EmergencyCode,
  | 'id'
  | 'kind'
  | 'isPinRequired'
  | 'isOnlineAllowed'
  | 'isRevealable'
  | 'notAfterMs'
  | 'useCount'
  | 'missCount'
  | 'createdBy'
  | 'createdAtMs'
  | 'reveal'
  | 'revealedAtMs'
  | 'state'
> {
  /** Null: as often as wanted. */
  readonly usesLeft: number | null;
}

export interface IssuedEmergencyCode {
  readonly view: EmergencyCodeView;
  /** For reading out, in this answer and nowhere else; empty where a code is revealed when it is needed. */
  readonly codes: readonly string[];
}

/** `approval-needed`: another administrator has to approve within the hour; then ask again. */
export type RevealAnswer =
  | { readonly outcome: 'revealed'; readonly code: string; readonly view: EmergencyCodeView }
  | { readonly outcome: 'approval-needed'; readonly view: EmergencyCodeView };

/**
 * The emergency codes of an authenticator, under the policy of the caller's component. `not-found` for a
 * code of another; `conflict`, reason `ended`, for one that lives no more; `policy-refused`, reason
 * `emergency-not-permitted`, for what the policy does not let be.
 */
export interface EmergencyAdministration {
  /** In place of the one of its kind that is there. */
  issueEmergencyCode(
    caller: Caller,
    serial: string,
    asked: NewEmergencyCode,
  ): Promise<IssuedEmergencyCode>;
  /** The newest first. */
  emergencyCodes(caller: Caller, serial: string): Promise<readonly EmergencyCodeView[]>;
  /** It ends; the next logon at a workstation makes another. */
  resetEmergencyCode(caller: Caller, serial: string, id: string): Promise<EmergencyCodeView>;
  /** It ends, and the device is welcome again. */
  revokeEmergencyCode(caller: Caller, serial: string, id: string): Promise<EmergencyCodeView>;
  allowEmergencyOnline(
    caller: Caller,
    serial: string,
    id: string,
    isOnlineAllowed: boolean,
  ): Promise<EmergencyCodeView>;
  /**
   * The audit has the reason before the code is opened, and afterwards the next logon makes another.
   *
   * @param reason 1 to 255 characters
   */
  revealEmergencyCode(
    caller: Caller,
    serial: string,
    id: string,
    reason: string,
  ): Promise<RevealAnswer>;
  /**
   * Lets who asked have it; `forbidden` to himself.
   *
   * @param requestedBy whom the approver means, as the list shows him: `conflict` when somebody else has asked
   *   meanwhile; null for whoever it is
   */
  approveEmergencyReveal(
    caller: Caller,
    serial: string,
    id: string,
    requestedBy: string | null,
  ): Promise<EmergencyCodeView>;
}
