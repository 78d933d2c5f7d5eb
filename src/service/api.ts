import type { DriftChange } from '../domain/drift-change.ts';
import type { ApplicationMode, ComponentAccess, Domain, Role } from '../domain/model.ts';
import type { PinEdit } from '../domain/pin-edit.ts';
import type {
  AuthenticateAnswer,
  AuthenticateRequest,
  ChallengeAnswer,
  ChallengeRequest,
  LogonAnswer,
  LogonRequest,
  PasswordChangeAnswer,
  PasswordChangeRequest,
  SessionAnswer,
  SignatureAnswer,
  SignatureRequest,
  SynchroniseAnswer,
  SynchroniseRequest,
} from './attempt-api.ts';
import type { Caller } from './caller.ts';
import type { EmergencyAdministration } from './emergency-api.ts';
import type { UserExplanation } from './explanation.ts';
import type { GatewayChanges, GatewayTest, GatewayView, NewGateway } from './gateway-api.ts';
import type { ComponentView, PolicyExplanation } from './policy-explanation.ts';
import type {
  AuthenticatorChanges,
  NewUser,
  NewVirtualMobile,
  PasswordSetting,
  UserChanges,
  UserView,
} from './administration-api.ts';
import type { AuthenticatorView } from './authenticator-views.ts';
import type { DriftReport, DriftView } from './drift-views.ts';
import type { Offline, OfflineAdministration } from './offline-api.ts';
import type { AuditEvent, Page } from './store.ts';
import type { ModuleStatus } from './seed-module.ts';

export type * from './administration-api.ts';
export type { ApplicationView, AuthenticatorView } from './authenticator-views.ts';
export type * from './attempt-api.ts';
export type { Caller } from './caller.ts';
export type * from './emergency-api.ts';
export type * from './gateway-api.ts';
export type * from './offline-api.ts';
export type { ComponentView } from './policy-explanation.ts';
export type { PinEdit } from '../domain/pin-edit.ts';

/**
 * What the edges call. Methods take the caller, which the edge has established, or the id of a
 * session and the address it comes from, and return expected outcomes; broken requests and failed dependencies are thrown as `TallystickError`.
 */

/** The seed's source; imported bytes are overwritten after use. */
export type NewSeed =
  { readonly source: 'generate' } | { readonly source: 'import'; readonly bytes: Uint8Array };

export interface NewApplication {
  readonly name: string;
  readonly mode: ApplicationMode;
  /** JSON form, parsed by `parseResponseAlgorithm`. */
  readonly algorithm: unknown;
  readonly seed: NewSeed;
  readonly eventCounter: bigint;
}

export interface NewAuthenticator {
  readonly serial: string;
  readonly model: string;
  readonly expiresAtMs: number | null;
  readonly applications: readonly NewApplication[];
}

/** The bundle a virtual authenticator accepts; handed out once and kept nowhere. */
export interface PairBundle {
  readonly format: 'tallystick-pair-bundle';
  readonly version: 1;
  readonly serial: string;
  readonly publicKeySha256: string;
  readonly issuedAtMs: number;
  readonly applications: readonly {
    readonly name: string;
    readonly mode: ApplicationMode;
    readonly algorithm: unknown;
    readonly envelope: string;
    readonly seedBytes: number;
    readonly eventCounter: string;
    readonly keyCheckValue: string;
  }[];
}

export interface PolicyView {
  readonly name: string;
  readonly parentName: string | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly version: number;
}

/** Each effective setting with the policy that it comes from, and what the windows cost. */
export interface EffectivePolicyView {
  readonly name: string;
  readonly settings: Readonly<
    Record<string, { readonly value: unknown; readonly from: string; readonly unit: string }>
  >;
  readonly cost: Readonly<Record<string, number>>;
}

export interface ApiKeyView {
  readonly name: string;
  readonly role: Role;
  readonly componentType: string;
  readonly domainName: string | null;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
}

/** `expectedVersion` null: whatever is there now. */
export interface Expected {
  readonly expectedVersion: number | null;
}

/**
 * Administration. Each throws `forbidden`, `not-found`, `conflict` (`fields.reason`: `version`,
 * `exists`, `referenced`, `assigned`, ...) or `request-invalid` (`fields`: what is wrong, by member).
 * A key bound to a domain reaches the users and units of that domain, and the authenticators assigned
 * there or to nobody; all that belongs to the whole installation is `forbidden` to it.
 */
export interface Administration extends EmergencyAdministration, OfflineAdministration {
  domains(caller: Caller): Promise<readonly Domain[]>;
  createDomain(caller: Caller, name: string): Promise<Domain>;
  deleteDomain(caller: Caller, name: string): Promise<void>;

  users(caller: Caller, domainName: string | null, page: Page): Promise<readonly UserView[]>;
  user(caller: Caller, domainName: string | null, userName: string): Promise<UserView>;
  createUser(caller: Caller, domainName: string | null, user: NewUser): Promise<UserView>;
  updateUser(
    caller: Caller,
    domainName: string | null,
    userName: string,
    set: UserChanges,
    expected: Expected,
  ): Promise<UserView>;
  deleteUser(caller: Caller, domainName: string | null, userName: string): Promise<void>;
  lockUser(caller: Caller, domainName: string | null, userName: string): Promise<UserView>;
  unlockUser(caller: Caller, domainName: string | null, userName: string): Promise<UserView>;
  /**
   * A static password in place of the one he has, whatever its age. `policy-refused`, with the code of
   * the flaw as `fields.reason`, when the policy's rules do not take it.
   */
  setPassword(
    caller: Caller,
    domainName: string | null,
    userName: string,
    setting: PasswordSetting,
  ): Promise<UserView>;
  /** No static password verifies him any more; sessions go on. */
  clearPassword(caller: Caller, domainName: string | null, userName: string): Promise<UserView>;

  createOrganisationalUnit(
    caller: Caller,
    domainName: string | null,
    name: string,
    parentName: string | null,
  ): Promise<{ readonly name: string; readonly parentName: string | null }>;
  organisationalUnits(
    caller: Caller,
    domainName: string | null,
  ): Promise<readonly { readonly name: string; readonly parentName: string | null }[]>;

  authenticators(caller: Caller, page: Page): Promise<readonly AuthenticatorView[]>;
  authenticator(caller: Caller, serial: string): Promise<AuthenticatorView>;
  createAuthenticator(caller: Caller, authenticator: NewAuthenticator): Promise<AuthenticatorView>;
  /** The right to have one-time passwords sent: `conflict`, reason `no-applications`, for what needs one. */
  createVirtualMobile(caller: Caller, authenticator: NewVirtualMobile): Promise<AuthenticatorView>;
  /** Creates a virtual authenticator from a device's pair request and hands out its seeds, once. */
  pairAuthenticator(caller: Caller, pairRequest: unknown): Promise<PairBundle>;
  updateAuthenticator(
    caller: Caller,
    serial: string,
    set: AuthenticatorChanges,
    expected: Expected,
  ): Promise<AuthenticatorView>;
  deleteAuthenticator(caller: Caller, serial: string): Promise<void>;
  /** @param graceDays 0 to 365 in place of the policy's grace period; left out: as the policy says */
  assignAuthenticator(
    caller: Caller,
    serial: string,
    domainName: string | null,
    userName: string,
    graceDays?: number | null,
  ): Promise<AuthenticatorView>;
  /** Its grace period and what is left of its backup go: the next owner starts anew. */
  unassignAuthenticator(caller: Caller, serial: string): Promise<AuthenticatorView>;
  /** New epoch, drift forgotten; counters and the floor never go back. Null: every application. */
  resetApplication(
    caller: Caller,
    serial: string,
    applicationName: string | null,
  ): Promise<AuthenticatorView>;
  /** Under the policy of that name; null is Local Authentication. */
  showDrift(caller: Caller, serial: string, policyName: string | null): Promise<DriftView>;
  /** New epoch; counters, steps and the floor stay. Null: every application with a clock. */
  setDrift(
    caller: Caller,
    serial: string,
    applicationName: string | null,
    change: DriftChange,
  ): Promise<AuthenticatorView>;
  /**
   * Null: every application that verifies, or of these all whose PIN is enabled where the edit needs
   * one. `conflict` with reason `pin-not-enabled` when there is none.
   */
  editPin(
    caller: Caller,
    serial: string,
    applicationName: string | null,
    edit: PinEdit,
  ): Promise<AuthenticatorView>;
  driftReport(
    caller: Caller,
    asked: Page & { readonly policyName: string | null; readonly withinDays: number },
  ): Promise<DriftReport>;

  /**
   * The code that unlocks a device which shows this challenge; a few an hour, of which the answer says
   * how many are left, and the audit has the reason. `policy-refused` with `fields.reason` `unlock-code-limit` when there were too many.
   */
  unlockCode(
    caller: Caller,
    serial: string,
    challenge: string,
    reason: string | null,
  ): Promise<{ readonly serial: string; readonly code: string; readonly codesLeft: number }>;

  policies(caller: Caller): Promise<readonly PolicyView[]>;
  policy(caller: Caller, name: string): Promise<PolicyView>;
  effectivePolicy(caller: Caller, name: string): Promise<EffectivePolicyView>;
  /** Creates or replaces; the answer carries the cost of the windows. */
  savePolicy(
    caller: Caller,
    name: string,
    policy: { readonly parentName: string | null; readonly settings: unknown },
    expected: Expected,
  ): Promise<EffectivePolicyView>;
  deletePolicy(caller: Caller, name: string): Promise<void>;
  /** Which component and policy would rule a request of that type from that address, and why. */
  explainPolicy(caller: Caller, componentType: string, address: string): Promise<PolicyExplanation>;

  components(caller: Caller): Promise<readonly ComponentView[]>;
  createComponent(
    caller: Caller,
    component: {
      readonly componentType: string;
      readonly location: string;
      readonly access: ComponentAccess;
      readonly policyName: string;
    },
  ): Promise<ComponentView>;
  updateComponent(
    caller: Caller,
    id: string,
    set: { readonly policyName?: string; readonly access?: ComponentAccess },
    expected: Expected,
  ): Promise<ComponentView>;
  deleteComponent(caller: Caller, id: string): Promise<void>;

  apiKeys(caller: Caller): Promise<readonly ApiKeyView[]>;
  /** The key text (`tsk_` and 43 base64url characters) is in this answer and nowhere else. */
  createApiKey(
    caller: Caller,
    key: {
      readonly name: string;
      readonly role: Role;
      readonly componentType: string;
      readonly domainName: string | null;
      readonly expiresAtMs: number | null;
    },
  ): Promise<{ readonly key: string; readonly view: ApiKeyView }>;
  deleteApiKey(caller: Caller, name: string): Promise<void>;

  /** By channel, each in the order in which they are tried. Not for keys bound to a domain. */
  gateways(caller: Caller): Promise<readonly GatewayView[]>;
  gateway(caller: Caller, name: string): Promise<GatewayView>;
  createGateway(caller: Caller, gateway: NewGateway): Promise<GatewayView>;
  updateGateway(
    caller: Caller,
    name: string,
    set: GatewayChanges,
    expected: Expected,
  ): Promise<GatewayView>;
  deleteGateway(caller: Caller, name: string): Promise<void>;
  /** Sends a text without a one-time password to an address or number, also when disabled. */
  testGateway(caller: Caller, name: string, to: string): Promise<GatewayTest>;

  /** `afterSequence` null: the newest ones, still in their order. */
  auditEvents(
    caller: Caller,
    instance: string | null,
    afterSequence: number | null,
    limit: number,
  ): Promise<readonly AuditEvent[]>;
  /**
   * Why the last attempts on a user ended as they did, and what is there now.
   *
   * @param limit attempts, 1 to 100
   * @param policyName null: the policy of the newest attempt
   */
  explainUser(
    caller: Caller,
    domainName: string | null,
    userName: string,
    limit: number,
    policyName: string | null,
  ): Promise<UserExplanation>;
  status(caller: Caller): Promise<{
    readonly instance: string;
    readonly startedAtMs: number;
    readonly module: ModuleStatus;
    readonly store: 'ok' | { readonly code: string; readonly message: string };
  }>;
}

/** Administrators who sign in, and stay so for a while. */
export interface Sessions {
  /** Verifies an administrator and opens a session, good from the caller's address. */
  logon(caller: Caller, request: LogonRequest): Promise<LogonAnswer>;
  /** Ends the session; what it was, or null when there was none. */
  logoff(sessionId: string, peerAddress: string, requestId: string): Promise<SessionAnswer>;
  /** Whether the session is open; asking counts as using it. */
  sessionAlive(sessionId: string, peerAddress: string): Promise<SessionAnswer>;
  /**
   * Whom the requests of an open session are made as, which counts as using it; null when there is none.
   * An administrator of the domain `master` is bound to no domain, any other to his own.
   */
  sessionCaller(sessionId: string, peerAddress: string, requestId: string): Promise<Caller | null>;
}

export interface Service extends Sessions {
  /**
   * The caller behind a presented API key: looks its SHA-256 up in the cached configuration.
   * Null for an unknown, malformed or expired key: the edge answers alike for all three.
   */
  identify(keyText: string, peerAddress: string, requestId: string): Promise<Caller | null>;
  /**
   * The caller that a program is which shows no API key: known by the component type that it names
   * and its address, and let in where a component has `access` `address`.
   */
  keylessCaller(componentType: string, peerAddress: string, requestId: string): Caller;
  authenticate(caller: Caller, request: AuthenticateRequest): Promise<AuthenticateAnswer>;
  issueChallenge(caller: Caller, request: ChallengeRequest): Promise<ChallengeAnswer>;
  synchronise(caller: Caller, request: SynchroniseRequest): Promise<SynchroniseAnswer>;
  /** Accepted once, as responses are. */
  verifySignature(caller: Caller, request: SignatureRequest): Promise<SignatureAnswer>;
  /** A person changes his own static password. */
  changePassword(caller: Caller, request: PasswordChangeRequest): Promise<PasswordChangeAnswer>;
  /** A person changes his own password that the back end knows. */
  changeBackEndPassword(
    caller: Caller,
    request: PasswordChangeRequest,
  ): Promise<PasswordChangeAnswer>;
  readonly offline: Offline;
  readonly administration: Administration;
  /** Ready to decide: module ready and database writable; otherwise which is not, and why. */
  readiness(): Promise<{ readonly ready: boolean; readonly reasons: readonly string[] }>;
  /** Removes expired challenges, answers and sessions, a bounded number; how many went. */
  purge(): Promise<number>;
  /** Refuses new work with `shutting-down` and waits for what is in flight. */
  drain(): Promise<void>;
}
