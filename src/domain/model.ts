import type { ResponseAlgorithm } from '../oath/index.ts';
import type { LocalAuthentication } from './password-settings.ts';
import type { RequestMethod } from './request-settings.ts';
import type { BackupMode, DeliveryMethod } from './virtual-settings.ts';

/**
 * The records every room speaks of. Ids are UUIDv7 text; times are Unix milliseconds; names keep
 * their original spelling and are compared by an NFC lower-case key (`nameKey`).
 */

/** Administration is open to programs by API key and, with one of these, to people. */
export type AdministratorRole = 'admin' | 'helpdesk' | 'auditor';

export interface Domain {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Guards edits by administrators only; authentication never depends on it. */
  readonly version: number;
}

export interface OrganisationalUnit {
  readonly id: string;
  readonly domainId: string;
  readonly name: string;
  readonly parentId: string | null;
  readonly version: number;
}

export interface User {
  readonly id: string;
  readonly domainId: string;
  readonly organisationalUnitId: string | null;
  readonly userName: string;
  readonly isDisabled: boolean;
  readonly expiresAtMs: number | null;
  /** Failed authenticator operations since the last success; locks at the policy's threshold. */
  readonly lockCount: number;
  readonly lockedAtMs: number | null;
  /** What he may do as an administrator who signs in; null: nothing. */
  readonly administratorRole: AdministratorRole | null;
  /** Only a threshold lock can unlock itself. */
  readonly lockedBy: 'threshold' | 'administrator' | null;
  /** Automatic unlock attempts spent since the lock. */
  readonly unlockTries: number;
  readonly lastAttemptAtMs: number | null;
  readonly lastSuccessAtMs: number | null;
  /** Where one-time passwords are sent that are generated here. */
  readonly contact: Contact;
  /** In place of the policy's; null: as the policy says. */
  readonly localAuthentication: LocalAuthentication | null;
  readonly password: StaticPassword;
  readonly createdAtMs: number;
  readonly version: number;
}

/** How a person is reached; null where nobody said. */
export interface Contact {
  readonly email: string | null;
  /** E.164 with its plus sign, as `phone`. */
  readonly mobile: string | null;
  readonly phone: string | null;
  /** In place of the policy's; null: as the policy says. */
  readonly deliveryMethod: DeliveryMethod | null;
}

/** What is kept of a static password: nobody can tell the password from it without the module. */
export interface StaticPassword {
  /** Null while none is set. */
  readonly verifier: PasswordVerifier | null;
  /** When it was set; null while none is. */
  readonly setAtMs: number | null;
  /** Raised by every change: one that was decided under an older one does not commit. */
  readonly version: number;
}

export interface PasswordVerifier {
  /** Hex of 16 random bytes; a user keeps his, so that a new password can be told from old ones. */
  readonly salt: string;
  /** Hex of the module's HMAC over user and slow hash (`passwordMessage`). */
  readonly mac: string;
}

/** A password that its user sets, or an administrator for him. */
export interface PasswordChange {
  readonly userId: string;
  /** `StaticPassword.version`: the password is still the one that this replaces. */
  readonly passwordVersion: number;
  readonly verifier: PasswordVerifier;
  /** The MAC that goes into the history; null when there was no password. */
  readonly replacedMac: string | null;
}

export interface Authenticator {
  readonly id: string;
  readonly serial: string;
  /** Serials of the form `X-n` share X. */
  readonly licenceSerial: string;
  readonly model: string;
  /** A software device: its seed was once handed out under the device's own key. */
  readonly isVirtual: boolean;
  readonly isDisabled: boolean;
  readonly expiresAtMs: number | null;
  /** The owner's `User.id`; null when not assigned. */
  readonly userId: string | null;
  readonly assignedAtMs: number | null;
  /** Raised by every assign and unassign; a decision made under an older one does not commit. */
  readonly assignmentVersion: number;
  readonly lastUsedAtMs: number | null;
  /**
   * `virtual-mobile`: not a device but the right to have one-time passwords sent; it has no
   * applications.
   */
  readonly kind: 'device' | 'virtual-mobile';
  /** In place of the policy's `gracePeriodDays`; null: as the policy says. */
  readonly graceEndsAtMs: number | null;
  readonly backup: BackupVirtual;
  readonly createdAtMs: number;
  readonly version: number;
}

/** How a device may be stood in for by one-time passwords that are sent. */
export interface BackupVirtual {
  /** In place of the policy's; null: as the policy says. */
  readonly mode: BackupMode | null;
  /** With `time-limited`: until when; null until the first one is sent. */
  readonly endsAtMs: number | null;
  /** Null: as many as the policy says, until the first one is sent. */
  readonly usesLeft: number | null;
}

/** A one-time password that was sent in place of a device's. Guarded by the assignment. */
export interface BackupUse {
  readonly authenticatorId: string;
  readonly userId: string;
  readonly assignmentVersion: number;
  readonly before: BackupVirtual;
  readonly after: BackupVirtual;
}

/**
 * `signature` verifies data fields and never anybody, `multi-mode` both. `unlock` answers the
 * challenge of a locked device and verifies neither.
 */
export type ApplicationMode =
  'response-only' | 'challenge-response' | 'signature' | 'multi-mode' | 'unlock';

/** How the module keeps the seed: see `StoredSeed` of the module port. */
export interface ApplicationSeed {
  readonly seedId: string;
  readonly residency: 'resident' | 'wrapped';
  readonly blob: Uint8Array | null;
  readonly seedBytes: number;
  readonly padded: boolean;
  readonly keyCheckValue: string;
  /** Imported seeds passed through the host's memory for an instant; generated ones never did. */
  readonly origin: 'generated' | 'paired' | 'imported';
}

/** What is kept of a server PIN: nobody can tell the PIN from it without the module. */
export interface PinVerifier {
  /** Characters of the PIN: a combined credential is cut by lengths. */
  readonly length: number;
  /** Hex of 16 random bytes, drawn anew with every PIN. */
  readonly salt: string;
  /** Hex of the module's HMAC over application, salt and PIN (`pinMessage`). */
  readonly mac: string;
}

/** The server PIN of an application: what its user knows beside the device that he has. */
export interface ServerPin {
  /** Whether responses need the PIN in front of them. */
  readonly isEnabled: boolean;
  /** The next logon has to set a new one, or the first. */
  readonly isChangeForced: boolean;
  /** 3 to 8 (`pinLengthMax`). */
  readonly minimumLength: number;
  /** Null while none is set. */
  readonly verifier: PinVerifier | null;
  /** Raised by every change of the PIN: a decision made under an older one does not commit. */
  readonly version: number;
}

/** One secret and algorithm on an authenticator, with all that one-time use depends on. */
export interface Application {
  readonly id: string;
  readonly authenticatorId: string;
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly seed: ApplicationSeed;
  readonly isDisabled: boolean;
  readonly pin: ServerPin;
  /** Raised when step, digits or hash change and by reset: positions of two epochs don't compare. */
  readonly epoch: number;
  /** First acceptable counter; 0 for algorithms without one. Window W means next .. next+W-1. */
  readonly nextEventCounter: bigint;
  /** Last accepted time step; -1 before the first use and for algorithms without a clock. */
  readonly lastStep: bigint;
  /** No step that begins (in device time) before this instant is accepted, in any epoch. */
  readonly floorMs: number;
  /** Keys (`challengeKey`) of the challenges accepted at `lastStep`; time-based challenge/response only. */
  readonly spentChallenges: readonly string[];
  /** Token time minus host time, as learned. */
  readonly driftSeconds: number;
  /** When it was learned or set; null before the first use and after a reset. */
  readonly driftAtMs: number | null;
  /** Only an administrator changes a frozen drift. */
  readonly isDriftFrozen: boolean;
  /** What accepted responses showed of the clock, see `drift-history.ts`; '' when nothing. */
  readonly driftHistory: string;
  /** Wrong responses since the last right one; counted where a policy has a threshold. */
  readonly failureCount: number;
  /** An out-of-window response that the next one may confirm, see `pending-sync.ts`. */
  readonly pendingSync: string | null;
  readonly resetAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly createdAtMs: number;
  readonly version: number;
}

export interface Policy {
  readonly id: string;
  readonly name: string;
  readonly parentId: string | null;
  /** Set values only, by the catalogue's names; absent means inherit. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly version: number;
}

/** A calling program: its type, where it may call from, and the policy that rules its requests. */
export interface Component {
  readonly id: string;
  readonly componentType: string;
  /** CIDR of the TCP peer; the most specific match wins, no match means refused. */
  readonly location: string;
  /**
   * What a program has to show: an API key of this component type, or nothing beyond its address, as
   * programs do that speak SOAP.
   */
  readonly access: ComponentAccess;
  readonly policyId: string;
  readonly version: number;
}

export type ComponentAccess = 'api-key' | 'address';

export type Role = 'admin' | 'helpdesk' | 'auditor' | 'client';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** Hex of the SHA-256 of the 256-bit key; the key itself is shown once and kept nowhere. */
  readonly keySha256: string;
  readonly role: Role;
  /** The component type the key acts for. */
  readonly componentType: string;
  /** A key with a scope sees this domain only. */
  readonly domainId: string | null;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
  readonly version: number;
}

/** What was issued to be answered: bound to user, component and kind, single-use, short-lived. */
interface IssuedBase {
  readonly id: string;
  /** Ten decimal digits by which the answer names it, in place of its text. */
  readonly handle: string;
  readonly componentType: string;
  /** How a person asked for it in a logon of two steps; null where a program did. */
  readonly method: Exclude<RequestMethod, 'none'> | null;
  /** The server PINs that the request held: the answer need not. */
  readonly provenPins: readonly ProvenPin[];
  /**
   * `User.version` of whom it was issued to: whatever an administrator or he himself changed of him since
   * (password, number) ends it. Null where a program asked.
   */
  readonly userVersion: number | null;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly consumedAtMs: number | null;
}

export interface ProvenPin {
  readonly applicationId: string;
  /** `ServerPin.version`: it counts only while the PIN is the same. */
  readonly pinVersion: number;
}

export interface IssuedChallenge extends IssuedBase {
  /** Null: a general challenge, for whichever user of the component answers it first. */
  readonly userId: string | null;
  readonly kind: '1-step' | '2-step';
  readonly text: string;
}

/** A one-time password that was generated here and sent: one is live at a time. */
export interface IssuedOtp extends IssuedBase {
  readonly userId: string;
  readonly kind: 'virtual-primary' | 'virtual-backup';
  /** The virtual authenticator, or the device that it stands in for. */
  readonly authenticatorId: string;
  /** `Authenticator.version` once it was issued: an edit since ends it. */
  readonly authenticatorVersion: number;
  readonly otpDigits: number;
  /** Hex of the module's HMAC over id and one-time password (`otpMessage`). */
  readonly otpMac: string;
  /** Wrong answers so far; it is consumed by the last of `otpAnswersMax`. */
  readonly missCount: number;
}

export type Issued = IssuedChallenge | IssuedOtp;

/** What one attempt needs of a user, read in one consistent load. */
export interface UserWithAuthenticators {
  readonly user: User;
  readonly authenticators: readonly AuthenticatorWithApplications[];
}

export interface AuthenticatorWithApplications {
  readonly authenticator: Authenticator;
  readonly applications: readonly Application[];
}

/**
 * How an accepted response moves an application. Written conditionally, see `Store.commit`; what was
 * remembered of refused responses goes.
 */
export interface ApplicationAdvance {
  readonly applicationId: string;
  readonly epoch: number;
  /** The row must still satisfy all of these. */
  readonly guard: {
    /** `next_event_counter <= this`: the accepted counter; the stored value when there is none. */
    readonly nextEventCounterAtMost: bigint;
    /** `last_step < this`: the accepted step; 0 when there is no clock. */
    readonly lastStepBelow: bigint;
    /** Also passes when `last_step` equals the step and the spent challenges are exactly these. */
    readonly orSpentChallenges: readonly string[] | null;
    /** `failure_count < this`; null when no count stands in the way. */
    readonly failureCountBelow: number | null;
    /** The remembered response must still be this one; null when the advance doesn't use it. */
    readonly pendingSync: string | null;
    /** `ServerPin.version`: the PIN and its rules are still those that were examined. */
    readonly pinVersion: number;
  };
  readonly set: {
    readonly nextEventCounter: bigint;
    readonly lastStep: bigint;
    readonly floorMs: number;
    readonly spentChallenges: readonly string[];
    readonly driftSeconds: number;
    readonly driftAtMs: number | null;
    readonly driftHistory: string;
  };
  /** Whether what was counted of refused responses goes as well. */
  readonly isForgiving: boolean;
}

/**
 * What a refusal notes on an application that it was compared with: one failure more, or none, and
 * what is remembered for the next response. `decoy` writes a row of nobody's instead.
 */
export type ApplicationNote =
  | {
      readonly kind: 'application';
      readonly applicationId: string;
      readonly epoch: number;
      readonly failures: 0 | 1;
      /** `failure_count < this`, or the note conflicts; null when no count stands in the way. */
      readonly failureCountBelow: number | null;
      readonly pendingSync: string | null;
    }
  | { readonly kind: 'decoy' };

/** A server PIN that its user sets, together with the response that permits it. */
export interface PinChange {
  readonly applicationId: string;
  /** The PIN is still the one that this replaces. */
  readonly pinVersion: number;
  readonly verifier: PinVerifier;
}

/** Another application of the same authenticator that follows a synchronisation. */
export interface DriftFollower {
  readonly applicationId: string;
  readonly epoch: number;
  readonly driftSeconds: number;
  readonly driftAtMs: number;
}
