import type { AdministratorRole, BackupVirtual, Contact, User } from '../domain/model.ts';

/** What administration takes and shows of people, and of what is handed out to them. */

/** What decides how a person is reached and what verifies him; null: nobody said, or as the policy says. */
export type PersonSettings = Contact & Pick<User, 'localAuthentication'>;

export interface UserView extends PersonSettings {
  readonly id: string;
  readonly domainName: string;
  readonly userName: string;
  readonly organisationalUnit: string | null;
  readonly administratorRole: AdministratorRole | null;
  readonly isDisabled: boolean;
  readonly expiresAtMs: number | null;
  readonly lockCount: number;
  readonly lockedAtMs: number | null;
  readonly lockedBy: 'threshold' | 'administrator' | null;
  readonly lastAttemptAtMs: number | null;
  readonly lastSuccessAtMs: number | null;
  /** Whether a static password is kept here; a back end may know one all the same. */
  readonly hasPassword: boolean;
  readonly passwordSetAtMs: number | null;
  readonly serials: readonly string[];
  readonly version: number;
}

export interface NewUser extends Partial<PersonSettings> {
  readonly userName: string;
  readonly organisationalUnit: string | null;
  readonly expiresAtMs: number | null;
}

/** What is left out stays as it is; null takes it away. */
export interface UserChanges extends Partial<PersonSettings> {
  readonly isDisabled?: boolean;
  readonly expiresAtMs?: number | null;
  /** Not for keys that are bound to a domain. */
  readonly administratorRole?: AdministratorRole | null;
}

/** A static password that an administrator gives a user. */
export interface PasswordSetting {
  readonly password: string;
  /** The same again. */
  readonly confirmation: string;
  /** Whose rules it has to meet; null: the policy of the caller's component. */
  readonly policyName: string | null;
}

/** An authenticator without a device and without applications. */
export interface NewVirtualMobile {
  readonly serial: string;
  /** Null: `VIR10`. */
  readonly model: string | null;
  readonly expiresAtMs: number | null;
}

/** What is left out stays as it is. */
export interface AuthenticatorChanges {
  readonly isDisabled?: boolean;
  readonly expiresAtMs?: number | null;
  /** Null: as the policy says. Only while it is assigned. */
  readonly graceEndsAtMs?: number | null;
  /** Of a device; null in it: as the policy says. */
  readonly backup?: Partial<BackupVirtual>;
}
