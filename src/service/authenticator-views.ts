import type { ApplicationMode, Authenticator, BackupVirtual } from '../domain/model.ts';
import type { PinState } from '../domain/pin-edit.ts';

/** What may be shown of a server PIN: how it stands, not how long it is. */
export interface ApplicationPinView {
  readonly state: PinState;
  /** Characters that the next PIN has to have at least. */
  readonly minimumLength: number;
}

/** What may be shown of an application: which seed it uses, not the seed. */
export interface ApplicationView {
  readonly name: string;
  readonly mode: ApplicationMode;
  /** Canonical text, e.g. `TOTP-SHA1-6-30S` or an OCRA suite. */
  readonly algorithm: string;
  readonly isDisabled: boolean;
  readonly pin: ApplicationPinView;
  readonly residency: 'resident' | 'wrapped';
  readonly seedId: string;
  readonly seedBytes: number;
  readonly padded: boolean;
  readonly seedOrigin: 'generated' | 'paired' | 'imported';
  readonly keyCheckValue: string;
  readonly epoch: number;
  readonly nextEventCounter: bigint | null;
  readonly lastStep: bigint | null;
  readonly driftSeconds: number | null;
  readonly driftAtMs: number | null;
  readonly isDriftFrozen: boolean;
  /** Wrong responses since the last right one; counted where a policy has a threshold. */
  readonly failureCount: number;
  /** Whether a response out of every window is remembered, which the next one may confirm. */
  readonly hasRememberedResponse: boolean;
  readonly lastUsedAtMs: number | null;
}

/** A device with its applications and its owner. */
export interface AuthenticatorView {
  readonly serial: string;
  readonly licenceSerial: string;
  readonly model: string;
  readonly kind: Authenticator['kind'];
  readonly isVirtual: boolean;
  readonly isDisabled: boolean;
  readonly expiresAtMs: number | null;
  readonly userName: string | null;
  readonly domainName: string | null;
  readonly assignedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  /** Null: as the policy says. */
  readonly graceEndsAtMs: number | null;
  readonly backup: BackupVirtual;
  readonly applications: readonly ApplicationView[];
  readonly version: number;
}
