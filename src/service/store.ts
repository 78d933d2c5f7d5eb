import type { OfflineStore } from './offline-store.ts';
import type { EmergencyCode, EmergencyMark, EmergencyUse } from '../domain/emergency.ts';
import type { Gateway } from '../domain/gateway.ts';
import type {
  ApplicationRaise,
  EmergencyRaise,
  OfflineAgent,
  OfflineEvent,
  OfflinePackage,
  OfflineReport,
  RetrievalHandle,
  TurnOwner,
  UserRaise,
} from '../domain/offline.ts';
import type {
  ApiKey,
  Application,
  ApplicationAdvance,
  ApplicationNote,
  Authenticator,
  AuthenticatorWithApplications,
  BackupUse,
  Component,
  Domain,
  DriftFollower,
  Issued,
  IssuedChallenge,
  IssuedOtp,
  OrganisationalUnit,
  PasswordChange,
  PinChange,
  Policy,
  User,
  UserWithAuthenticators,
} from '../domain/model.ts';

/**
 * The port to the database. A decision is state, counters, challenge, stored answer and audit event
 * together: all of it is durable before `commit` resolves, or none of it happened.
 */

/** One line of the audit chain before the committer numbers and chains it. */
export interface AuditEntry {
  readonly atMs: number;
  /** Stable action name, e.g. `authenticate`, `synchronise`, `user.create`. */
  readonly action: string;
  /** Outcome code, or `done` for administration. */
  readonly outcome: string;
  /** Who asked: API key id and name, or the local operator. */
  readonly actor: string;
  /** What it was about, e.g. `domain/user`, a serial, a policy name. */
  readonly subject: string;
  readonly requestId: string;
  /** Further facts; never a response, PIN, password, key or seed. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

/** What one transaction writes, in order. */
export type AuditEntries = AuditEntry | readonly [AuditEntry, ...AuditEntry[]];

/** An audit event as stored. `body` is the canonical JSON that was hashed. */
export interface AuditEvent {
  readonly instance: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly body: string;
  /** Hex; 64 zeros for sequence 1. */
  readonly previousHash: string;
  /** Hex of SHA-256 over instance, sequence, previous hash and body, as `src/audit` lays out. */
  readonly hash: string;
}

/** The answer given under a request key, kept for a repeat of the same request. */
export interface StoredAnswer {
  readonly clientId: string;
  readonly requestKey: string;
  /** Hex of the module's HMAC over the request, so that stored rows don't reveal responses. */
  readonly fingerprint: string;
  /** The rendered answer as JSON; holds no secret. */
  readonly answer: string;
  readonly expiresAtMs: number;
}

/**
 * What happens to the user's row. All but `touch`, `present` and `decoy` require, in the same statement, that
 * the user is enabled, not locked and below the threshold (0 = no lock); `unlock-*` require
 * instead a threshold lock with exactly `expectedTries` spent. `failure` adds one to the count and
 * locks when it reaches the threshold. `issue` changes nothing: what is issued or set needs a user who
 * might log on. `touch` notes an attempt that came too early or on a lock, `present` only that there
 * is such a user. `decoy` writes a row of the same size that belongs to nobody.
 */
export type UserChange =
  | { readonly kind: 'success'; readonly userId: string; readonly threshold: number }
  | { readonly kind: 'failure'; readonly userId: string; readonly threshold: number }
  | { readonly kind: 'unlock-success'; readonly userId: string; readonly expectedTries: number }
  | { readonly kind: 'unlock-failure'; readonly userId: string; readonly expectedTries: number }
  | { readonly kind: 'issue'; readonly userId: string; readonly threshold: number }
  | { readonly kind: 'unlock-issue'; readonly userId: string; readonly expectedTries: number }
  | { readonly kind: 'touch'; readonly userId: string }
  | { readonly kind: 'present'; readonly userId: string }
  | { readonly kind: 'decoy' };

/** An administrator that signed in. Whoever has the id is him, so only its digest is kept. */
export interface Session {
  /** Hex. */
  readonly idSha256: string;
  readonly userId: string;
  readonly componentType: string;
  /** The session is good from this address only. */
  readonly peerAddress: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number;
  /** When it ends however much it is used. */
  readonly expiresAtMs: number;
}

/**
 * Which versions the rows had from which something was granted: an edit in between (disabled, unassigned, a
 * password or a date set) must not come too late. Null for a row that the decision does not change.
 */
export interface ReadVersions {
  /** Of the user in `user`. */
  readonly user: number | null;
  /** Of the authenticator in `authenticator`. */
  readonly authenticator: number | null;
  /** Of the application in `advance`. */
  readonly application: number | null;
}

export interface Decision {
  readonly atMs: number;
  readonly user: UserChange | null;
  /** Null where nothing is granted: a refusal holds whatever was edited. */
  readonly readVersions: ReadVersions | null;
  /** The same assignment must still hold; notes the use. */
  readonly authenticator: {
    readonly authenticatorId: string;
    readonly userId: string;
    readonly assignmentVersion: number;
  } | null;
  readonly advance: ApplicationAdvance | null;
  /** Of the application that advances. */
  readonly pinChange: PinChange | null;
  readonly followers: readonly DriftFollower[];
  /** On applications that a refused response was compared with; none of them advanced. */
  readonly notes: readonly ApplicationNote[];
  /** Each must be unused and unexpired at `atMs`; becomes consumed.
   * `challengesPerDecisionMax` at most. */
  readonly challengeIds: readonly string[];
  /** One-time passwords that were sent and wrongly answered: one miss more, the last consumes. */
  readonly missedOtpIds: readonly string[];
  /** One-time passwords that the user has open are consumed when another is issued. */
  readonly issue: Issued | null;
  /** The password of the user in `user` is still the one that was right; null when none was shown. */
  readonly passwordVersion: number | null;
  /** Of the user in `user`. */
  readonly passwordChange: PasswordChange | null;
  readonly backupUse: BackupUse | null;
  /** Of a live code of which these MACs are left; its last use ends it. */
  readonly emergencyUse: EmergencyUse | null;
  /** On codes that were compared, or whose device was shown; those that live no more stay as they are. */
  readonly emergencyMarks: readonly EmergencyMark[];
  readonly openSession: Session | null;
  /** `Session.idSha256` of one that ends; it must still be there. */
  readonly endSession: string | null;
  readonly storedAnswer: StoredAnswer | null;
  readonly audit: AuditEntry;
}

/**
 * `conflict`: a condition no longer holds (0 rows changed); nothing of this decision was written.
 * The caller reloads and decides again. A technical fault rejects the promise instead.
 */
export type CommitResult =
  | { readonly status: 'committed' }
  | {
      readonly status: 'conflict';
      readonly on:
        'user' | 'authenticator' | 'application' | 'challenge' | 'emergency' | 'session' | 'answer';
    };

export interface RecordTypes {
  domain: Domain;
  organisationalUnit: OrganisationalUnit;
  user: User;
  authenticator: Authenticator;
  application: Application;
  policy: Policy;
  component: Component;
  apiKey: ApiKey;
  gateway: Gateway;
  offlineAgent: OfflineAgent;
  offlinePackage: OfflinePackage;
  retrievalHandle: RetrievalHandle;
  offlineEvent: OfflineEvent;
  offlineReport: OfflineReport;
  emergencyCode: EmergencyCode;
}
export type RecordKind = keyof RecordTypes;

/** `update` and `delete` need the version that the administrator saw; updates raise it by one. */
export type RecordChange = {
  [K in RecordKind]:
    | { readonly change: 'insert'; readonly kind: K; readonly record: RecordTypes[K] }
    | {
        readonly change: 'update';
        readonly kind: K;
        readonly id: string;
        readonly expectedVersion: number;
        readonly set: Partial<Omit<RecordTypes[K], 'id' | 'version'>>;
        /** All sessions of the user go with the change. */
        readonly endsSessions?: K extends 'user' ? boolean : never;
      }
    | {
        readonly change: 'delete';
        readonly kind: K;
        readonly id: string;
        readonly expectedVersion: number;
      };
}[RecordKind];

/**
 * What is only ever raised, whatever it has become meanwhile: it never conflicts, and lowers nothing.
 * `reserve` and `release` move an event counter from exactly `from` to `to`, or conflict; a release also where
 * anything between is known to be used in that epoch by then. `take-turn` conflicts unless the record is as
 * it was read and nobody took the turn meanwhile; nobody who judges by the version sees it.
 */
export type Raise =
  | ({ readonly change: 'raise-application' } & ApplicationRaise)
  | ({ readonly change: 'raise-user' } & UserRaise)
  | ({ readonly change: 'raise-emergency' } & EmergencyRaise)
  | {
      readonly change: 'reserve' | 'release';
      readonly applicationId: string;
      readonly epoch: number;
      readonly from: bigint;
      readonly to: bigint;
    }
  | {
      readonly change: 'take-turn';
      readonly of: TurnOwner;
      readonly id: string;
      readonly expectedVersion: number;
      /** As `Store.offlineTurn` said. */
      readonly turn: number;
    };

/** `exists`: a unique name or serial is taken; `referenced`: something still points at the row. */
export type AdministerResult =
  | { readonly status: 'committed' }
  | { readonly status: 'conflict'; readonly index: number }
  | { readonly status: 'exists'; readonly index: number }
  | { readonly status: 'referenced'; readonly index: number }
  | { readonly status: 'missing'; readonly index: number };

/** All that changes rarely; every attempt checks that its copy is still current. */
export interface ConfigurationSnapshot {
  readonly version: number;
  readonly domains: readonly Domain[];
  readonly policies: readonly Policy[];
  readonly components: readonly Component[];
  readonly apiKeys: readonly ApiKey[];
  readonly gateways: readonly Gateway[];
}

export interface AttemptLoad {
  /** Compare with the snapshot's; a newer one means: reload the snapshot first. */
  readonly configurationVersion: number;
  readonly found: UserWithAuthenticators | null;
}

export interface Page {
  /** Exclusive lower bound in the order of the list's key (name or serial); '' starts. */
  readonly after: string;
  /** 1 to 1000. */
  readonly limit: number;
}

export interface Store extends OfflineStore {
  /** One consistent read, by the compiled hot statement. */
  loadAttempt(domainId: string, userName: string): Promise<AttemptLoad>;
  loadConfiguration(): Promise<ConfigurationSnapshot>;
  /** Results in order. Decisions of concurrent callers share transactions; each fails alone. */
  commit(decisions: readonly Decision[]): Promise<readonly CommitResult[]>;
  /**
   * All changes and their audit events in one transaction, or none. Raises the configuration version when a
   * domain, policy, component, gateway or API key changes.
   *
   * @param audit several where something is to be found under other subjects as well
   */
  administer(
    changes: readonly (RecordChange | Raise)[],
    audit: AuditEntries,
  ): Promise<AdministerResult>;

  emergencyCodeById(id: string): Promise<EmergencyCode | null>;
  /** The newest first; of every state. */
  emergencyCodesOfAuthenticator(
    authenticatorId: string,
    limit: number,
  ): Promise<readonly EmergencyCode[]>;
  /** Of a user the newest 64 in an unsettled state (`unsettledStates`), newest first. */
  emergencyCodesOfUser(userId: string): Promise<readonly EmergencyCode[]>;
  /** Those in the state `live` whose time is over. */
  emergencyCodesOver(nowMs: number, limit: number): Promise<readonly EmergencyCode[]>;

  findAnswer(clientId: string, requestKey: string, nowMs: number): Promise<StoredAnswer | null>;
  /** The newest challenge of that text for this user and component, consumed or not. */
  findChallenge(
    userId: string,
    componentType: string,
    text: string,
  ): Promise<IssuedChallenge | null>;
  /** What was issued under that handle to this user, or to anybody, at this component; consumed or not. */
  findIssuedByHandle(userId: string, componentType: string, handle: string): Promise<Issued | null>;
  /** The open one-time password that was sent to this user for this component. */
  openOtp(userId: string, componentType: string, nowMs: number): Promise<IssuedOtp | null>;
  /** How many general challenges are neither consumed nor expired. */
  countGeneralChallenges(componentType: string, nowMs: number): Promise<number>;
  /** MACs of the passwords that were replaced, newest first; 1 to 24. */
  passwordHistory(userId: string, limit: number): Promise<readonly string[]>;
  /** One message more in this window; false, and nothing counted, when there are `limit` already. */
  reserveSend(scope: string, windowStartMs: number, limit: number): Promise<boolean>;
  /** One message less in this window: it was not sent. */
  refundSend(scope: string, windowStartMs: number): Promise<void>;
  /** Of a user's own unconsumed, unexpired challenges the 200 newest, newest first. */
  openChallengeIds(
    userId: string,
    componentType: string,
    nowMs: number,
  ): Promise<readonly string[]>;
  /** The newest of those, or null. */
  newestOpenChallenge(
    userId: string,
    componentType: string,
    nowMs: number,
  ): Promise<IssuedChallenge | null>;

  findSession(idSha256: string): Promise<Session | null>;
  /** Notes that the session was used; false when it is gone. */
  touchSession(idSha256: string, atMs: number): Promise<boolean>;
  /** Sessions of a user, unexpired at `nowMs` and used at `usedSinceMs` or later: a limit. */
  countSessions(userId: string, nowMs: number, usedSinceMs: number): Promise<number>;

  userById(id: string): Promise<User | null>;
  userByName(domainId: string, userName: string): Promise<User | null>;
  users(domainId: string, page: Page): Promise<readonly User[]>;
  organisationalUnits(domainId: string): Promise<readonly OrganisationalUnit[]>;
  authenticatorBySerial(serial: string): Promise<AuthenticatorWithApplications | null>;
  authenticatorsOfUser(userId: string): Promise<readonly AuthenticatorWithApplications[]>;
  authenticators(page: Page): Promise<readonly AuthenticatorWithApplications[]>;
  /** Those with an application of this key check value, which is short: 64 of them at most. */
  authenticatorsByKeyCheckValue(
    keyCheckValue: string,
  ): Promise<readonly AuthenticatorWithApplications[]>;

  /** In (instance, sequence) order, after the given event of that instance. */
  auditEvents(
    instance: string,
    afterSequence: number,
    limit: number,
  ): Promise<readonly AuditEvent[]>;
  /**
   * The newest events about a subject (`AuditEntry.subject`, compared by its name key), newest
   * first, over all instances; 1 to 1000.
   */
  auditEventsAbout(subject: string, limit: number): Promise<readonly AuditEvent[]>;
  auditInstances(): Promise<readonly { readonly instance: string; readonly sequence: number }[]>;

  /**
   * Removes expired challenges, answers, sessions, counts and retrieval handles, and reports of offline
   * logons older than 30 days, `limit` rows of each at most; how many went. Packages stay: what becomes
   * of one that is over is decided with the rest of its record.
   */
  purge(nowMs: number, limit: number): Promise<number>;
  /** Rejects when the database cannot be written (read-only, full, gone). */
  ping(): Promise<void>;
  /** Waits for commits in flight. */
  close(): Promise<void>;
}
