import type { KeyMode } from '../domain/offline-settings.ts';
import type { PackageState } from '../domain/offline.ts';
import type { OfflineRefusal } from '../domain/offline-plan.ts';
import type { AcceptedAnswer, AuthenticateAnswer, AuthenticateRequest } from './attempt-api.ts';
import type { Caller } from './caller.ts';
import type { Page } from './store.ts';

/** What workstations ask that verify their users while no server can be reached. */

/** By what a workstation shows that it has its private key; null: it showed nothing of the kind. */
export interface AgentProof {
  /** Null while it enrols. */
  readonly agentId: string | null;
  readonly nonce: string | null;
  /** r || s. */
  readonly signature: Uint8Array | null;
  readonly method: string;
  /** Without host and query. */
  readonly path: string;
  /** As it came. */
  readonly body: Uint8Array;
}

export interface NewOfflineAgent {
  readonly name: string;
  /** SubjectPublicKeyInfo of a P-256 key. */
  readonly publicKey: Uint8Array;
  readonly keyMode: KeyMode;
  readonly countsFailures: boolean;
}

export interface EnrolledAgent {
  readonly agentId: string;
  /** SubjectPublicKeyInfo of the server's key, to be pinned. */
  readonly signingKey: Uint8Array;
  readonly sealedLogKey: Uint8Array;
  readonly serverTimeMs: number;
}

/** What a person gets who was verified at a workstation. */
export type OfflineStatus =
  | { readonly status: 'available'; readonly handle: string; readonly expiresAtMs: number }
  /** What the workstation has is as good as new. */
  | { readonly status: 'current' }
  /** Only what is there already is updated. */
  | { readonly status: 'no-data' }
  | { readonly status: 'not-permitted'; readonly reason: OfflineRefusal | 'unavailable' };

export type OfflineLogonAnswer =
  | Exclude<AuthenticateAnswer, AcceptedAnswer>
  | (AcceptedAnswer & { readonly offline: OfflineStatus });

/** `update` renews what the workstation has of this user, and gives him nothing new. */
export type OfflinePurpose = 'logon' | 'update';

/** The server's signed answer to a report. */
export interface SignedAcknowledgement {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Each but the nonce throws `unauthenticated` with `fields.reason` `agent-proof` or `agent-nonce` when the
 * proof is missing, wrong or too old, and `forbidden` with `agent-revoked` for an agent that was revoked.
 */
export interface Offline {
  /** For one proof within a minute, at whichever instance. */
  nonce(caller: Caller): Promise<{ readonly nonce: string; readonly expiresAtMs: number }>;
  /**
   * The same again, as after an answer that was lost, is answered with the same agent until it was used.
   * `policy-refused`, reason `offline-not-permitted`; `conflict` when the key is enrolled already as another
   * workstation, by another component, or was used; `forbidden`, `agent-revoked`, when that was revoked.
   */
  enrol(caller: Caller, proof: AgentProof, agent: NewOfflineAgent): Promise<EnrolledAgent>;
  /** As `authenticate`; whoever is accepted is told by what to fetch a package. */
  logon(
    caller: Caller,
    proof: AgentProof,
    request: AuthenticateRequest,
    purpose: OfflinePurpose,
  ): Promise<OfflineLogonAnswer>;
  /**
   * `not-found` for a handle that is used, expired or another's; `policy-refused` with the reason; `conflict` while
   * another request with this handle is worked on.
   */
  fetchPackage(caller: Caller, proof: AgentProof, handle: string): Promise<Uint8Array>;
  /** The report is the body that was proven. */
  report(caller: Caller, proof: AgentProof): Promise<SignedAcknowledgement>;
  /** The secret that an agent of key mode `ram` keeps in memory only, sealed for it. */
  share(caller: Caller, proof: AgentProof): Promise<Uint8Array>;
}

export interface OfflineAgentView {
  readonly agentId: string;
  readonly name: string;
  readonly componentType: string;
  readonly fingerprint: string;
  readonly keyMode: KeyMode;
  readonly countsFailures: boolean;
  readonly state: 'active' | 'revoked';
  readonly revokedFor: string | null;
  /** Number of the last line of its log that the server has. */
  readonly acknowledgedThrough: number;
  readonly isGapAccepted: boolean;
  readonly enrolledAtMs: number;
  readonly lastSeenAtMs: number;
}

/** A workstation that said nothing since a package of it ended. */
export interface SilentWorkstation {
  readonly workstation: string;
  readonly packageId: string;
  readonly endedAtMs: number;
  readonly lastSeenAtMs: number;
}

export interface OfflinePackageView {
  readonly packageId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly componentType: string;
  readonly userName: string;
  readonly domainName: string;
  readonly serial: string;
  readonly applicationName: string;
  readonly kind: 'time' | 'event' | 'challenge';
  readonly first: bigint;
  readonly count: number;
  readonly state: PackageState;
  /** When the alarm was raised that its workstation said nothing since its end. */
  readonly silentAtMs: number | null;
  readonly createdAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly eventsUsed: number;
  readonly eventsMax: number;
}

/**
 * Which packages of a user are meant, by the workstation, its name or its component type, and by the
 * authenticator and its application; names in any case, and null means any.
 */
export interface OfflineSelection {
  readonly agentId?: string | null;
  readonly agentName?: string | null;
  readonly componentType?: string | null;
  readonly serial?: string | null;
  readonly applicationName?: string | null;
}

/** Administration of workstations and of what they were given. */
export interface OfflineAdministration {
  /** Workstations that verify users without a server; `after` is an id. */
  offlineAgents(caller: Caller, page: Page): Promise<readonly OfflineAgentView[]>;
  offlineAgent(
    caller: Caller,
    agentId: string,
  ): Promise<{
    readonly agent: OfflineAgentView;
    readonly packages: readonly OfflinePackageView[];
  }>;
  /** All that it was given goes with it; it is enrolled anew or not at all. */
  revokeOfflineAgent(caller: Caller, agentId: string, reason: string | null): Promise<void>;
  /**
   * Its next report may begin after lines that this server lacks, as one that was restored from a backup
   * does; `conflict`, reason `agent-revoked`, for one that is revoked.
   */
  acceptOfflineGap(caller: Caller, agentId: string, reason: string): Promise<OfflineAgentView>;
  /**
   * Newest first.
   *
   * @param standing null: all there ever were, whatever became of them; else those that stand and are meant
   */
  offlineOfUser(
    caller: Caller,
    domainName: string | null,
    userName: string,
    standing: OfflineSelection | null,
  ): Promise<readonly OfflinePackageView[]>;
  /**
   * The workstations destroy what they have of him when they next report, and get all of it anew at his
   * next logon there.
   *
   * @returns how many packages stood
   */
  revokeOfflineOfUser(
    caller: Caller,
    domainName: string | null,
    userName: string,
    only: OfflineSelection,
  ): Promise<number>;
  /** Those that stand and end within so many days, the first first. */
  offlinePackagesEnding(caller: Caller, withinDays: number): Promise<readonly OfflinePackageView[]>;
  /** Those of which the alarm was raised and whose workstations said nothing since, the first first. */
  offlinePackagesSilent(caller: Caller): Promise<readonly OfflinePackageView[]>;
  /** SubjectPublicKeyInfo of the key that workstations pin, and its SHA-256 in hex. */
  offlineSigningKey(
    caller: Caller,
  ): Promise<{ readonly signingKey: Uint8Array; readonly fingerprint: string }>;
}
