import type { KeyMode, OfflineEventMode } from './offline-settings.ts';

/** A workstation that verifies users while no server can be reached. */
export interface OfflineAgent {
  readonly id: string;
  /** The computer's name, for people. */
  readonly name: string;
  readonly componentType: string;
  /** SubjectPublicKeyInfo of its P-256 key. */
  readonly publicKey: Uint8Array;
  /** Hex of the SHA-256 of the public key. */
  readonly fingerprint: string;
  readonly keyMode: KeyMode;
  /** Its hardware counts wrong PINs, and nobody can set the count back. */
  readonly countsFailures: boolean;
  readonly state: 'active' | 'revoked';
  /** Why, in the auditor's words; null while active. */
  readonly revokedFor: string | null;
  /** Number of the last line of its log that the server has, and the chain's head there (hex). */
  readonly acknowledgedThrough: number;
  readonly head: string;
  /** Its next report may begin after lines that are missing here: an administrator said so. */
  readonly isGapAccepted: boolean;
  readonly enrolledAtMs: number;
  readonly lastSeenAtMs: number;
  readonly version: number;
}

/**
 * What became of a package. `issued` until the agent says that it has it; only `issued`, `installed`
 * and `locked` stand, and the agent is told to destroy all others.
 */
export type PackageState =
  'issued' | 'installed' | 'locked' | 'superseded' | 'released' | 'wiped' | 'revoked' | 'expired';

export const standingStates: readonly PackageState[] = ['issued', 'installed', 'locked'];

/** One application's responses of a time, made for one agent. */
export interface OfflinePackage {
  readonly id: string;
  readonly agentId: string;
  readonly userId: string;
  readonly authenticatorId: string;
  readonly applicationId: string;
  readonly sequence: number;
  readonly kind: 'time' | 'event' | 'challenge';
  readonly eventMode: OfflineEventMode | null;
  /** Index of the first entry: time step, event counter, or 0. */
  readonly first: bigint;
  readonly count: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly eventsMax: number;
  /** As the agent has reported. */
  readonly eventsUsed: number;
  /** Hex; of the settings that shaped it. */
  readonly policyHash: string;
  /** It was made for this assignment, PIN and epoch, and is revoked when one of them is another. */
  readonly assignmentVersion: number;
  readonly pinVersion: number;
  /** Of the static password that it takes as well, and is revoked with; null: it takes none. */
  readonly passwordVersion: number | null;
  readonly epoch: number;
  /** Of the emergency codes that it holds. */
  readonly emergencyCodeIds: readonly string[];
  readonly state: PackageState;
  /** When the alarm was raised because its workstation said nothing after its end; null while none was. */
  readonly silentAtMs: number | null;
  readonly createdAtMs: number;
  readonly version: number;
}

/** By what an agent fetches a package once, after a logon. Whoever has it is the agent: a digest is kept. */
export interface RetrievalHandle {
  /** Hex of the SHA-256 of the handle. */
  readonly id: string;
  readonly agentId: string;
  readonly userId: string;
  readonly authenticatorId: string;
  readonly applicationId: string;
  /** Assignment, PIN, static password and epoch of the logon: it is good for no others. */
  readonly assignmentVersion: number;
  readonly pinVersion: number;
  /** Null where no password was shown that is kept here. */
  readonly passwordVersion: number | null;
  readonly epoch: number;
  readonly expiresAtMs: number;
  readonly version: number;
}

/** One line of an agent's log as it was reported: evidence, never changed. */
export interface OfflineEvent {
  readonly id: string;
  readonly agentId: string;
  /** Number of the line. */
  readonly n: number;
  readonly packageId: string | null;
  readonly applicationId: string | null;
  readonly kind: string;
  /** Of an acceptance: what was used up. */
  readonly index: bigint | null;
  /** By the computer's clock. */
  readonly atMs: number;
  readonly reportId: string;
  /** It was used online, or at another workstation, before this was known. */
  readonly isDuplicate: boolean;
  /** Of the chain after this line, in hex. */
  readonly head: string;
  readonly version: number;
}

/** A report that was answered; the same again is answered the same. */
export interface OfflineReport {
  /** Drawn by the agent. */
  readonly id: string;
  readonly agentId: string;
  /** Hex of the SHA-256 of its bytes. */
  readonly digest: string;
  readonly through: number;
  readonly receivedAtMs: number;
  /** The signed answer. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly version: number;
}

/**
 * How a report raises an application: never below what it is, and only in the epoch of the package. A
 * drift is learned only where it is given.
 */
export interface ApplicationRaise {
  readonly applicationId: string;
  readonly epoch: number;
  readonly nextEventCounter: bigint;
  readonly lastStep: bigint;
  readonly floorMs: number;
  readonly drift: { readonly driftSeconds: number; readonly driftAtMs: number } | null;
}

/** Wrong tries that were reported; they count, but only a policy's own attempts lock. */
export interface UserRaise {
  readonly userId: string;
  readonly failures: number;
  /** `lock_count` does not go beyond this. */
  readonly countMax: number;
}

/** Uses of an emergency code that were reported; the last that there may be ends it. */
export interface EmergencyRaise {
  readonly codeId: string;
  readonly uses: number;
}

/** Of whom packages are made, and by whom they are reported, one after another. */
export type TurnOwner = 'authenticator' | 'offlineAgent';
