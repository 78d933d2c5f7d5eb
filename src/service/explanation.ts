import type { PinState } from '../domain/pin-edit.ts';
import type { AccountState } from '../domain/account.ts';
import type { Explained } from '../domain/explanations.ts';
import type { Authenticator, ApplicationMode, User } from '../domain/model.ts';
import type { LocalAuthentication } from '../domain/password-settings.ts';
import type { BackupMode } from '../domain/virtual-settings.ts';
import type { TimeWindowKind } from '../domain/window.ts';
import type { AuditEntry } from './store.ts';

/**
 * Why attempts on a user ended as they did, for whoever may read the audit. It holds what the audit
 * and the records hold: no response, challenge, PIN or seed, and of a remembered response only that
 * there is one.
 */
export interface UserExplanation {
  readonly userName: string;
  readonly domainName: string;
  /** What is called "now". */
  readonly atMs: number;
  /** The policy by which the account is judged now. */
  readonly policyName: string;
  readonly policyFrom: PolicySource;
  /** Null: there is no such user, only attempts on the name. */
  readonly account: AccountNow | null;
  readonly authenticators: readonly AuthenticatorNow[];
  /** Newest first. */
  readonly events: readonly ExplainedEvent[];
}

/**
 * Why an account is judged by a policy: it was named; the newest attempt with a policy that still is
 * was made under it; or there is no such attempt, and it is that of the asking key's component.
 */
export type PolicySource = 'request' | 'last-attempt' | 'own-key';

export interface AccountNow extends Pick<
  User,
  | 'isDisabled'
  | 'expiresAtMs'
  | 'lockCount'
  | 'lockedAtMs'
  | 'lockedBy'
  | 'unlockTries'
  | 'lastAttemptAtMs'
  | 'lastSuccessAtMs'
> {
  /** What an attempt now would meet: `open`, `auto-unlock` or the code of a refusal. */
  readonly state: Exclude<AccountState['state'], 'refused'> | AccountRefusal;
  /** The policy's; 0 never locks. */
  readonly lockThreshold: number;
  /** The key that the lock came by; null when not locked, or when the audit is too long to find it. */
  readonly lockedByActor: string | null;
  /** The earliest instant at which an attempt may unlock the account, if none comes before. */
  readonly unlocksItselfAtMs: number | null;
  /** The user's own, else the policy's. */
  readonly localAuthentication: LocalAuthentication;
  /** Null: none is set. */
  readonly passwordSetAtMs: number | null;
  /** Whether the password alone lets him in now. */
  readonly isPasswordPermitted: boolean;
}

type AccountRefusal = Extract<AccountState, { state: 'refused' }>['code'];

export interface AuthenticatorNow {
  readonly serial: string;
  readonly model: string;
  readonly isVirtual: boolean;
  readonly isDisabled: boolean;
  readonly expiresAtMs: number | null;
  readonly assignedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly kind: Authenticator['kind'];
  /** Until when its user may do without; null: no longer, or never. */
  readonly graceEndsAtMs: number | null;
  /** How it may be stood in for, its own settings before the policy's; null for what is no device. */
  readonly backup: {
    readonly mode: BackupMode;
    readonly endsAtMs: number | null;
    readonly usesLeft: number | null;
  } | null;
  readonly applications: readonly ApplicationNow[];
}

/** A step of the device's clock, and the instant (in its time) at which the step begins. */
export interface StepNow {
  readonly step: bigint;
  readonly beginsAtMs: number;
}

export interface ApplicationNow {
  readonly name: string;
  readonly mode: ApplicationMode;
  /** Canonical text, as in `ApplicationView`. */
  readonly algorithm: string;
  readonly isDisabled: boolean;
  /** The server PIN. */
  readonly pin: PinState;
  readonly epoch: number;
  /** Null without a counter. */
  readonly nextEventCounter: bigint | null;
  /** Null without a clock; `last` also before the first use and after a reset. */
  readonly last: StepNow | null;
  readonly expected: StepNow | null;
  /** How far the policy lets a response be from the expected step, and why; null without a clock. */
  readonly window: {
    readonly kind: TimeWindowKind;
    readonly halfWidthSteps: number;
    /** Whole hours, and the host clock. */
    readonly otherCentres: number;
  } | null;
  /** The first step that is not used up. */
  readonly lowest: StepNow | null;
  /** Nothing before this instant (in the device's time) is accepted, in any epoch. */
  readonly floorMs: number | null;
  readonly driftSeconds: number | null;
  readonly driftAtMs: number | null;
  readonly isDriftFrozen: boolean;
  /** How fast the clock has been, with half of the 95 % interval; null while too little is known. */
  readonly driftRate: { readonly ratePpm: number; readonly ratePpmError: number } | null;
  readonly failureCount: number;
  readonly isResponseRemembered: boolean;
  readonly resetAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

interface EventBase {
  readonly atMs: number;
  readonly action: string;
  readonly outcome: string;
  readonly actor: string;
  readonly requestId: string;
  /** What else the audit has, by its names. */
  readonly facts: AuditEntry['details'];
}

/** An attempt to log on, synchronise or get a challenge. */
export interface ExplainedAttempt extends EventBase, Explained {
  readonly kind: 'attempt';
  readonly component: string | null;
  readonly policyName: string | null;
  readonly serial: string | null;
  readonly applicationName: string | null;
  /** The instants at which the steps among the facts begin in the device's time, by the fact's name. */
  readonly stepsBeginAtMs: Readonly<Record<string, number>>;
}

/** What an administrator did to the user, or to an authenticator while it was the user's. */
export interface AdministrationEvent extends EventBase {
  readonly kind: 'administration';
  readonly subject: string;
}

export type ExplainedEvent = ExplainedAttempt | AdministrationEvent;
