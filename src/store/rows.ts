import { type Channel, channels, type Gateway, type GatewaySettings } from '../domain/gateway.ts';
import type {
  ApiKey,
  Application,
  Authenticator,
  AuthenticatorWithApplications,
  Component,
  Domain,
  Issued,
  IssuedChallenge,
  IssuedOtp,
  OrganisationalUnit,
  PasswordVerifier,
  PinVerifier,
  Policy,
  ProvenPin,
  User,
} from '../domain/model.ts';
import { TallystickError } from '../errors.ts';
import { parseResponseAlgorithm, type ResponseAlgorithm } from '../oath/index.ts';
import { localAuthentications } from '../domain/password-settings.ts';
import { requestMethods } from '../domain/request-settings.ts';
import { backupModes, deliveryMethods } from '../domain/virtual-settings.ts';
import type { AuditEvent, Session, StoredAnswer } from '../service/store.ts';
import type {
  apiKeyColumns,
  applicationColumns,
  auditEventColumns,
  authenticatorColumns,
  challengeColumns,
  componentColumns,
  domainColumns,
  gatewayColumns,
  organisationalUnitColumns,
  policyColumns,
  sessionColumns,
  storedAnswerColumns,
  userColumns,
} from './columns.ts';
import type { Schema } from './schema.ts';
import { modeOf, signingWords, storedModes } from './signing.ts';

/**
 * Rows become records. Nothing is believed: an integer that JavaScript cannot hold and a text
 * outside its list are refused as `store-contract`, never rounded or passed on.
 */

export type RowOf<
  Table extends keyof Schema,
  Columns extends readonly (keyof Schema[Table])[],
> = Pick<Schema[Table], Columns[number]>;
export type DomainRow = RowOf<'domain', typeof domainColumns>;
export type OrganisationalUnitRow = RowOf<'organisational_unit', typeof organisationalUnitColumns>;
export type UserRow = RowOf<'user_account', typeof userColumns>;
export type AuthenticatorRow = RowOf<'authenticator', typeof authenticatorColumns>;
export type ApplicationRow = RowOf<'application', typeof applicationColumns>;
export type PolicyRow = RowOf<'policy', typeof policyColumns>;
export type ComponentRow = RowOf<'component', typeof componentColumns>;
export type ApiKeyRow = RowOf<'api_key', typeof apiKeyColumns>;
export type ChallengeRow = RowOf<'challenge', typeof challengeColumns>;
export type GatewayRow = RowOf<'gateway', typeof gatewayColumns>;
export type SessionRow = RowOf<'session', typeof sessionColumns>;
export type StoredAnswerRow = RowOf<'stored_answer', typeof storedAnswerColumns>;
export type AuditEventRow = RowOf<'audit_event', typeof auditEventColumns>;

const administratorRoles = ['admin', 'helpdesk', 'auditor'] as const;

/** Fleets share a handful of algorithms; parsing a suite at every load would cost more than the load. */
const algorithms = new Map<string, ResponseAlgorithm>();
const algorithmsMax = 256;

export function domainOf(row: DomainRow): Domain {
  return {
    id: row.id,
    name: row.name,
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

export function organisationalUnitOf(row: OrganisationalUnitRow): OrganisationalUnit {
  return {
    id: row.id,
    domainId: row.domain_id,
    name: row.name,
    parentId: row.parent_id,
    version: integer(row.version),
  };
}

export function userOf(row: UserRow): User {
  return {
    id: row.id,
    domainId: row.domain_id,
    organisationalUnitId: row.organisational_unit_id,
    administratorRole: optionalOneOf(row.administrator_role, administratorRoles),
    userName: row.user_name,
    isDisabled: flag(row.is_disabled),
    expiresAtMs: optionalInteger(row.expires_at_ms),
    lockCount: integer(row.lock_count),
    lockedAtMs: optionalInteger(row.locked_at_ms),
    lockedBy: optionalOneOf(row.locked_by, ['threshold', 'administrator'] as const),
    unlockTries: integer(row.unlock_tries),
    lastAttemptAtMs: optionalInteger(row.last_attempt_at_ms),
    lastSuccessAtMs: optionalInteger(row.last_success_at_ms),
    contact: {
      email: row.email,
      mobile: row.mobile,
      phone: row.phone,
      deliveryMethod: optionalOneOf(row.delivery_method, deliveryMethods),
    },
    localAuthentication: optionalOneOf(row.local_authentication, localAuthentications),
    password: {
      verifier: passwordVerifierOf(row),
      setAtMs: optionalInteger(row.password_set_at_ms),
      version: integer(row.password_version),
    },
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

function authenticatorOf(row: AuthenticatorRow): Authenticator {
  return {
    id: row.id,
    serial: row.serial,
    licenceSerial: row.licence_serial,
    model: row.model,
    isVirtual: flag(row.is_virtual),
    isDisabled: flag(row.is_disabled),
    expiresAtMs: optionalInteger(row.expires_at_ms),
    userId: row.user_id,
    assignedAtMs: optionalInteger(row.assigned_at_ms),
    assignmentVersion: integer(row.assignment_version),
    lastUsedAtMs: optionalInteger(row.last_used_at_ms),
    kind: oneOf(row.kind, ['device', 'virtual-mobile'] as const),
    graceEndsAtMs: optionalInteger(row.grace_ends_at_ms),
    backup: {
      mode: optionalOneOf(row.backup_mode, backupModes),
      endsAtMs: optionalInteger(row.backup_ends_at_ms),
      usesLeft: optionalInteger(row.backup_uses_left),
    },
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

function applicationOf(row: ApplicationRow): Application {
  return {
    id: row.id,
    authenticatorId: row.authenticator_id,
    name: row.name,
    mode: modeOf(oneOf(row.mode, storedModes), oneOf(row.signing, signingWords)),
    algorithm: algorithmOf(row.algorithm),
    seed: {
      seedId: row.seed_id,
      residency: oneOf(row.seed_residency, ['resident', 'wrapped'] as const),
      blob: row.seed_blob,
      seedBytes: integer(row.seed_bytes),
      padded: flag(row.seed_padded),
      keyCheckValue: row.seed_key_check_value,
      origin: oneOf(row.seed_origin, ['generated', 'paired', 'imported'] as const),
    },
    isDisabled: flag(row.is_disabled),
    pin: {
      isEnabled: flag(row.pin_is_enabled),
      isChangeForced: flag(row.pin_is_change_forced),
      minimumLength: integer(row.pin_minimum_length),
      verifier: pinVerifierOf(row),
      version: integer(row.pin_version),
    },
    epoch: integer(row.epoch),
    nextEventCounter: BigInt(integer(row.next_event_counter)),
    lastStep: BigInt(integer(row.last_step)),
    floorMs: integer(row.floor_ms),
    spentChallenges: spentChallengesOf(row.spent_challenges),
    driftSeconds: row.drift_seconds,
    driftAtMs: optionalInteger(row.drift_at_ms),
    isDriftFrozen: flag(row.is_drift_frozen),
    driftHistory: row.drift_history,
    failureCount: integer(row.failure_count),
    pendingSync: row.pending_sync,
    resetAtMs: optionalInteger(row.reset_at_ms),
    lastUsedAtMs: optionalInteger(row.last_used_at_ms),
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

export function policyOf(row: PolicyRow): Policy {
  return {
    id: row.id,
    name: row.name,
    parentId: row.parent_id,
    settings: JSON.parse(row.settings) as Readonly<Record<string, unknown>>,
    version: integer(row.version),
  };
}

export function componentOf(row: ComponentRow): Component {
  return {
    id: row.id,
    componentType: row.component_type,
    location: row.location,
    access: oneOf(row.access, ['api-key', 'address'] as const),
    policyId: row.policy_id,
    version: integer(row.version),
  };
}

export function apiKeyOf(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    keySha256: row.key_sha256,
    role: oneOf(row.role, ['admin', 'helpdesk', 'auditor', 'client'] as const),
    componentType: row.component_type,
    domainId: row.domain_id,
    expiresAtMs: optionalInteger(row.expires_at_ms),
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

/** @throws TallystickError store-contract when it is no challenge */
export function challengeOf(row: ChallengeRow): IssuedChallenge {
  const issued = issuedOf(row);
  if ('text' in issued) return issued;
  throw new TallystickError('store-contract', 'The database holds a challenge without its text.');
}

/** @throws TallystickError store-contract when it is no one-time password */
export function otpOf(row: ChallengeRow): IssuedOtp {
  const issued = issuedOf(row);
  if ('otpMac' in issued) return issued;
  throw new TallystickError('store-contract', 'The database holds a one-time password of no kind.');
}

export function issuedOf(row: ChallengeRow): Issued {
  const base = {
    id: row.id,
    handle: row.handle,
    componentType: row.component_type,
    method: optionalOneOf(row.method, requestMethods),
    provenPins: row.proven_pins === '[]' ? [] : (JSON.parse(row.proven_pins) as ProvenPin[]),
    userVersion: optionalInteger(row.user_version),
    issuedAtMs: integer(row.issued_at_ms),
    expiresAtMs: integer(row.expires_at_ms),
    consumedAtMs: optionalInteger(row.consumed_at_ms),
  };
  const { user_id: userId, authenticator_id: authenticatorId, otp_mac: otpMac, text } = row;
  if (text !== null) {
    return { ...base, userId, kind: oneOf(row.kind, ['1-step', '2-step'] as const), text };
  }
  if (userId === null || authenticatorId === null || otpMac === null) {
    throw new TallystickError('store-contract', 'The database holds half a one-time password.');
  }
  return {
    ...base,
    userId,
    kind: oneOf(row.kind, ['virtual-primary', 'virtual-backup'] as const),
    authenticatorId,
    authenticatorVersion: integer(row.authenticator_version),
    otpDigits: integer(row.otp_digits),
    otpMac,
    missCount: integer(row.miss_count),
  };
}

export function gatewayOf(row: GatewayRow): Gateway {
  return {
    id: row.id,
    name: row.name,
    channel: oneOf(row.channel, channels) satisfies Channel,
    position: integer(row.position),
    // Only this server writes them, once they were parsed.
    settings: JSON.parse(row.settings) as GatewaySettings,
    sealedSecret: row.sealed_secret,
    isDisabled: flag(row.is_disabled),
    version: integer(row.version),
  };
}

export function sessionOf(row: SessionRow): Session {
  return {
    idSha256: row.id_sha256,
    userId: row.user_id,
    componentType: row.component_type,
    peerAddress: row.peer_address,
    createdAtMs: integer(row.created_at_ms),
    lastUsedAtMs: integer(row.last_used_at_ms),
    expiresAtMs: integer(row.expires_at_ms),
  };
}

export function storedAnswerOf(row: StoredAnswerRow): StoredAnswer {
  return {
    clientId: row.client_id,
    requestKey: row.request_key,
    fingerprint: row.fingerprint,
    answer: row.answer,
    expiresAtMs: integer(row.expires_at_ms),
  };
}

export function auditEventOf(row: AuditEventRow): AuditEvent {
  return {
    instance: row.instance,
    sequence: integer(row.sequence),
    atMs: integer(row.at_ms),
    body: row.body,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/**
 * Groups rows of authenticators joined with their applications, in the order they come; the
 * application of a row is null when its authenticator has none.
 */
export function authenticatorsOf(
  rows: readonly { authenticator: AuthenticatorRow; application: ApplicationRow | null }[],
): AuthenticatorWithApplications[] {
  const found = new Map<string, { authenticator: Authenticator; applications: Application[] }>();
  for (const { authenticator, application } of rows) {
    let entry = found.get(authenticator.id);
    if (entry === undefined) {
      entry = { authenticator: authenticatorOf(authenticator), applications: [] };
      found.set(authenticator.id, entry);
    }
    if (application !== null) entry.applications.push(applicationOf(application));
  }
  return [...found.values()];
}

/** An integer column's value. @throws TallystickError store-contract beyond 2^53-1 */
export function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TallystickError(
    'store-contract',
    'The database holds a number that is no integer up to 2^53-1.',
  );
}

export function optionalInteger(value: number | null): number | null {
  return value === null ? null : integer(value);
}

function passwordVerifierOf({ password_salt, password_mac }: UserRow): PasswordVerifier | null {
  if (password_salt === null || password_mac === null) return null;
  return { salt: password_salt, mac: password_mac };
}

function pinVerifierOf({ pin_length, pin_salt, pin_mac }: ApplicationRow): PinVerifier | null {
  if (pin_mac === null || pin_salt === null || pin_length === null) return null;
  return { length: integer(pin_length), salt: pin_salt, mac: pin_mac };
}

export function flag(value: number): boolean {
  return value !== 0;
}

export function oneOf<const Text extends string>(value: string, allowed: readonly Text[]): Text {
  const found = allowed.find((text) => text === value);
  if (found !== undefined) return found;
  throw new TallystickError(
    'store-contract',
    `The database holds a word other than ${allowed.join(', ')}.`,
  );
}

export function optionalOneOf<const Text extends string>(
  value: string | null,
  allowed: readonly Text[],
): Text | null {
  return value === null ? null : oneOf(value, allowed);
}

function algorithmOf(json: string): ResponseAlgorithm {
  let algorithm = algorithms.get(json);
  if (algorithm === undefined) {
    algorithm = parseResponseAlgorithm(JSON.parse(json));
    if (algorithms.size >= algorithmsMax) algorithms.clear();
    algorithms.set(json, algorithm);
  }
  return algorithm;
}

function spentChallengesOf(json: string): readonly string[] {
  return json === '[]' ? [] : (JSON.parse(json) as string[]);
}
