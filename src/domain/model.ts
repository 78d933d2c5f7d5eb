import type { ResponseAlgorithm } from '../oath/index.ts';

/**
 * The records every room speaks of. Ids are UUIDv7 text; times are Unix milliseconds; names keep
 * their original spelling and are compared by an NFC lower-case key (`nameKey`).
 */

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
  /** Only a threshold lock can unlock itself. */
  readonly lockedBy: 'threshold' | 'administrator' | null;
  /** Automatic unlock attempts spent since the lock. */
  readonly unlockTries: number;
  readonly lastAttemptAtMs: number | null;
  readonly lastSuccessAtMs: number | null;
  readonly createdAtMs: number;
  readonly version: number;
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
  readonly createdAtMs: number;
  readonly version: number;
}

/** `unlock` answers the challenge of a locked device and never verifies anybody. */
export type ApplicationMode = 'response-only' | 'challenge-response' | 'unlock';

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

/** One secret and algorithm on an authenticator, with all that one-time use depends on. */
export interface Application {
  readonly id: string;
  readonly authenticatorId: string;
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly seed: ApplicationSeed;
  readonly isDisabled: boolean;
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
  readonly policyId: string;
  readonly version: number;
}

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

/** A challenge the server issued: bound to user, component and kind, single-use, short-lived. */
export interface IssuedChallenge {
  readonly id: string;
  readonly userId: string;
  readonly componentType: string;
  readonly kind: '1-step';
  readonly text: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly consumedAtMs: number | null;
}

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
 * remembered and counted of refused responses goes.
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

/** Another application of the same authenticator that follows a synchronisation. */
export interface DriftFollower {
  readonly applicationId: string;
  readonly epoch: number;
  readonly driftSeconds: number;
  readonly driftAtMs: number;
}
