import type { EmergencyCode } from '../domain/emergency.ts';
import type { Gateway } from '../domain/gateway.ts';
import type {
  ApiKey,
  Application,
  Authenticator,
  Component,
  Domain,
  OrganisationalUnit,
  Policy,
  User,
} from '../domain/model.ts';
import type {
  OfflineAgent,
  OfflineEvent,
  OfflinePackage,
  OfflineReport,
  RetrievalHandle,
} from '../domain/offline.ts';
import { nameKey } from '../domain/names.ts';
import { TallystickError } from '../errors.ts';
import { algorithmToJson } from '../oath/index.ts';
import type { RecordKind, RecordTypes } from '../service/store.ts';
import type { SqlValue } from './query-builder.ts';
import type { Schema } from './schema.ts';
import { modeColumns } from './signing.ts';

/** Records become rows: which columns each field of a record fills. */

export type Columns = Readonly<Record<string, SqlValue>>;

type Fill<Value, Table extends keyof Schema> = (
  value: Value,
) => Partial<Record<keyof Schema[Table], SqlValue>>;

/** Total over the record's fields: a new field does not compile until it has its column. */
type Filling<Entry, Table extends keyof Schema> = {
  readonly [Field in keyof Entry]-?: Fill<Entry[Field], Table>;
};

export const tableOf = {
  domain: 'domain',
  organisationalUnit: 'organisational_unit',
  user: 'user_account',
  authenticator: 'authenticator',
  application: 'application',
  policy: 'policy',
  component: 'component',
  apiKey: 'api_key',
  gateway: 'gateway',
  offlineAgent: 'offline_agent',
  offlinePackage: 'offline_package',
  retrievalHandle: 'retrieval_handle',
  offlineEvent: 'offline_event',
  offlineReport: 'offline_report',
  emergencyCode: 'emergency_code',
} as const;

const domain: Filling<Domain, 'domain'> = {
  id: (id) => ({ id }),
  name: (name) => ({ name, name_key: nameKey(name) }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const organisationalUnit: Filling<OrganisationalUnit, 'organisational_unit'> = {
  id: (id) => ({ id }),
  domainId: (value) => ({ domain_id: value }),
  name: (name) => ({ name, name_key: nameKey(name) }),
  parentId: (value) => ({ parent_id: value }),
  version: (version) => ({ version }),
};

const user: Filling<User, 'user_account'> = {
  id: (id) => ({ id }),
  domainId: (value) => ({ domain_id: value }),
  organisationalUnitId: (value) => ({ organisational_unit_id: value }),
  administratorRole: (value) => ({ administrator_role: value }),
  userName: (value) => ({ user_name: value, user_name_key: nameKey(value) }),
  isDisabled: (value) => ({ is_disabled: flag(value) }),
  expiresAtMs: (value) => ({ expires_at_ms: value }),
  lockCount: (value) => ({ lock_count: value }),
  lockedAtMs: (value) => ({ locked_at_ms: value }),
  lockedBy: (value) => ({ locked_by: value }),
  unlockTries: (value) => ({ unlock_tries: value }),
  lastAttemptAtMs: (value) => ({ last_attempt_at_ms: value }),
  lastSuccessAtMs: (value) => ({ last_success_at_ms: value }),
  contact: ({ email, mobile, phone, deliveryMethod }) => ({
    email,
    mobile,
    phone,
    delivery_method: deliveryMethod,
  }),
  localAuthentication: (value) => ({ local_authentication: value }),
  password: ({ verifier, setAtMs, version }) => ({
    password_salt: verifier?.salt ?? null,
    password_mac: verifier?.mac ?? null,
    password_set_at_ms: setAtMs,
    password_version: version,
  }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const authenticator: Filling<Authenticator, 'authenticator'> = {
  id: (id) => ({ id }),
  serial: (serial) => ({ serial }),
  licenceSerial: (value) => ({ licence_serial: value }),
  model: (model) => ({ model }),
  isVirtual: (value) => ({ is_virtual: flag(value) }),
  isDisabled: (value) => ({ is_disabled: flag(value) }),
  expiresAtMs: (value) => ({ expires_at_ms: value }),
  userId: (value) => ({ user_id: value }),
  assignedAtMs: (value) => ({ assigned_at_ms: value }),
  assignmentVersion: (value) => ({ assignment_version: value }),
  lastUsedAtMs: (value) => ({ last_used_at_ms: value }),
  kind: (kind) => ({ kind }),
  graceEndsAtMs: (value) => ({ grace_ends_at_ms: value }),
  backup: ({ mode, endsAtMs, usesLeft }) => ({
    backup_mode: mode,
    backup_ends_at_ms: endsAtMs,
    backup_uses_left: usesLeft,
  }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const application: Filling<Application, 'application'> = {
  id: (id) => ({ id }),
  authenticatorId: (value) => ({ authenticator_id: value }),
  name: (name) => ({ name }),
  mode: modeColumns,
  algorithm: (value) => ({ algorithm: JSON.stringify(algorithmToJson(value)) }),
  seed: (seed) => ({
    seed_id: seed.seedId,
    seed_residency: seed.residency,
    seed_blob: seed.blob,
    seed_bytes: seed.seedBytes,
    seed_padded: flag(seed.padded),
    seed_key_check_value: seed.keyCheckValue,
    seed_origin: seed.origin,
  }),
  isDisabled: (value) => ({ is_disabled: flag(value) }),
  pin: ({ isEnabled, isChangeForced, minimumLength, verifier, version }) => ({
    pin_is_enabled: flag(isEnabled),
    pin_is_change_forced: flag(isChangeForced),
    pin_minimum_length: minimumLength,
    pin_length: verifier?.length ?? null,
    pin_salt: verifier?.salt ?? null,
    pin_mac: verifier?.mac ?? null,
    pin_version: version,
  }),
  epoch: (epoch) => ({ epoch }),
  nextEventCounter: (value) => ({ next_event_counter: storedInteger(value) }),
  lastStep: (value) => ({ last_step: storedInteger(value) }),
  floorMs: (value) => ({ floor_ms: value }),
  spentChallenges: (value) => ({ spent_challenges: JSON.stringify(value) }),
  driftSeconds: (value) => ({ drift_seconds: value }),
  driftAtMs: (value) => ({ drift_at_ms: value }),
  isDriftFrozen: (value) => ({ is_drift_frozen: flag(value) }),
  driftHistory: (value) => ({ drift_history: value }),
  failureCount: (value) => ({ failure_count: value }),
  pendingSync: (value) => ({ pending_sync: value }),
  resetAtMs: (value) => ({ reset_at_ms: value }),
  lastUsedAtMs: (value) => ({ last_used_at_ms: value }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const policy: Filling<Policy, 'policy'> = {
  id: (id) => ({ id }),
  name: (name) => ({ name, name_key: nameKey(name) }),
  parentId: (value) => ({ parent_id: value }),
  settings: (settings) => ({ settings: JSON.stringify(settings) }),
  version: (version) => ({ version }),
};

const component: Filling<Component, 'component'> = {
  id: (id) => ({ id }),
  componentType: (value) => ({ component_type: value, component_type_key: nameKey(value) }),
  location: (location) => ({ location }),
  access: (access) => ({ access }),
  policyId: (value) => ({ policy_id: value }),
  version: (version) => ({ version }),
};

const apiKey: Filling<ApiKey, 'api_key'> = {
  id: (id) => ({ id }),
  name: (name) => ({ name }),
  keySha256: (value) => ({ key_sha256: value }),
  role: (role) => ({ role }),
  componentType: (value) => ({ component_type: value }),
  domainId: (value) => ({ domain_id: value }),
  expiresAtMs: (value) => ({ expires_at_ms: value }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const gateway: Filling<Gateway, 'gateway'> = {
  id: (id) => ({ id }),
  name: (name) => ({ name, name_key: nameKey(name) }),
  channel: (channel) => ({ channel }),
  position: (position) => ({ position }),
  settings: (settings) => ({ settings: JSON.stringify(settings) }),
  sealedSecret: (value) => ({ sealed_secret: value }),
  isDisabled: (value) => ({ is_disabled: flag(value) }),
  version: (version) => ({ version }),
};

const offlineAgent: Filling<OfflineAgent, 'offline_agent'> = {
  id: (id) => ({ id }),
  name: (name) => ({ name }),
  componentType: (value) => ({ component_type: value }),
  publicKey: (value) => ({ public_key: value }),
  fingerprint: (fingerprint) => ({ fingerprint }),
  keyMode: (value) => ({ key_mode: value }),
  countsFailures: (value) => ({ counts_failures: flag(value) }),
  state: (state) => ({ state }),
  revokedFor: (value) => ({ revoked_for: value }),
  acknowledgedThrough: (value) => ({ acknowledged_through: value }),
  head: (head) => ({ head }),
  isGapAccepted: (value) => ({ is_gap_accepted: flag(value) }),
  enrolledAtMs: (value) => ({ enrolled_at_ms: value }),
  lastSeenAtMs: (value) => ({ last_seen_at_ms: value }),
  version: (version) => ({ version }),
};

const offlinePackage: Filling<OfflinePackage, 'offline_package'> = {
  id: (id) => ({ id }),
  agentId: (value) => ({ agent_id: value }),
  userId: (value) => ({ user_id: value }),
  authenticatorId: (value) => ({ authenticator_id: value }),
  applicationId: (value) => ({ application_id: value }),
  sequence: (sequence) => ({ sequence }),
  kind: (kind) => ({ kind }),
  eventMode: (value) => ({ event_mode: value }),
  first: (value) => ({ first_index: storedInteger(value) }),
  count: (value) => ({ entry_count: value }),
  notBeforeMs: (value) => ({ not_before_ms: value }),
  notAfterMs: (value) => ({ not_after_ms: value }),
  eventsMax: (value) => ({ events_max: value }),
  eventsUsed: (value) => ({ events_used: value }),
  policyHash: (value) => ({ policy_hash: value }),
  assignmentVersion: (value) => ({ assignment_version: value }),
  pinVersion: (value) => ({ pin_version: value }),
  passwordVersion: (value) => ({ password_version: value }),
  epoch: (epoch) => ({ epoch }),
  emergencyCodeIds: (ids) => ({ emergency_code_ids: JSON.stringify(ids) }),
  state: (state) => ({ state }),
  silentAtMs: (value) => ({ silent_at_ms: value }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  version: (version) => ({ version }),
};

const retrievalHandle: Filling<RetrievalHandle, 'retrieval_handle'> = {
  id: (id) => ({ id }),
  agentId: (value) => ({ agent_id: value }),
  userId: (value) => ({ user_id: value }),
  authenticatorId: (value) => ({ authenticator_id: value }),
  applicationId: (value) => ({ application_id: value }),
  assignmentVersion: (value) => ({ assignment_version: value }),
  pinVersion: (value) => ({ pin_version: value }),
  passwordVersion: (value) => ({ password_version: value }),
  epoch: (epoch) => ({ epoch }),
  expiresAtMs: (value) => ({ expires_at_ms: value }),
  version: (version) => ({ version }),
};

const offlineEvent: Filling<OfflineEvent, 'offline_event'> = {
  id: (id) => ({ id }),
  agentId: (value) => ({ agent_id: value }),
  n: (n) => ({ n }),
  packageId: (value) => ({ package_id: value }),
  applicationId: (value) => ({ application_id: value }),
  kind: (kind) => ({ kind }),
  index: (value) => ({ entry_index: value === null ? null : storedInteger(value) }),
  atMs: (value) => ({ at_ms: value }),
  reportId: (value) => ({ report_id: value }),
  isDuplicate: (value) => ({ is_duplicate: flag(value) }),
  head: (head) => ({ head }),
  version: (version) => ({ version }),
};

const offlineReport: Filling<OfflineReport, 'offline_report'> = {
  id: (id) => ({ id }),
  agentId: (value) => ({ agent_id: value }),
  digest: (digest) => ({ digest }),
  through: (through) => ({ through }),
  receivedAtMs: (value) => ({ received_at_ms: value }),
  payload: (payload) => ({ payload }),
  signature: (signature) => ({ signature }),
  version: (version) => ({ version }),
};

const emergencyCode: Filling<EmergencyCode, 'emergency_code'> = {
  id: (id) => ({ id }),
  userId: (value) => ({ user_id: value }),
  authenticatorId: (value) => ({ authenticator_id: value }),
  assignmentVersion: (value) => ({ assignment_version: value }),
  kind: (kind) => ({ kind }),
  macs: (macs) => ({ macs: JSON.stringify(macs) }),
  sealed: (sealed) => ({ sealed }),
  isRevealable: (value) => ({ is_revealable: flag(value) }),
  isPinRequired: (value) => ({ is_pin_required: flag(value) }),
  isOnlineAllowed: (value) => ({ is_online_allowed: flag(value) }),
  notAfterMs: (value) => ({ not_after_ms: value }),
  usesMax: (value) => ({ uses_max: value }),
  useCount: (value) => ({ use_count: value }),
  missCount: (value) => ({ miss_count: value }),
  state: (state) => ({ state }),
  createdBy: (value) => ({ created_by: value }),
  createdAtMs: (value) => ({ created_at_ms: value }),
  reveal: (request) => ({
    reveal_by: request?.by ?? null,
    reveal_reason: request?.reason ?? null,
    reveal_at_ms: request?.atMs ?? null,
    reveal_approved_by: request?.approvedBy ?? null,
  }),
  revealedAtMs: (value) => ({ revealed_at_ms: value }),
  version: (version) => ({ version }),
};

const fillings: {
  readonly [Kind in RecordKind]: Filling<RecordTypes[Kind], (typeof tableOf)[Kind]>;
} = {
  domain,
  organisationalUnit,
  user,
  authenticator,
  application,
  policy,
  component,
  apiKey,
  gateway,
  offlineAgent,
  offlinePackage,
  retrievalHandle,
  offlineEvent,
  offlineReport,
  emergencyCode,
};

/**
 * The columns that the given fields of a record fill; a field that is undefined fills none.
 *
 * @throws TallystickError store-contract for a field that the record does not have, a number that
 * is not finite or an integer beyond 2^53-1
 */
export function columnsOf(kind: RecordKind, fields: object): Columns {
  const filling = fillings[kind] as Readonly<Record<string, Fill<unknown, 'domain'>>>;
  const columns: Record<string, SqlValue> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(filling, field)) {
      throw new TallystickError('store-contract', `A ${kind} has no field ${field}.`);
    }
    Object.assign(columns, filling[field]?.(value));
  }
  for (const value of Object.values(columns)) refuseUnstorable(value);
  return columns;
}

/** A counter or step as the databases hold it. @throws TallystickError store-contract beyond 2^53-1 */
export function storedInteger(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new TallystickError('store-contract', 'Counters and steps are stored up to 2^53-1 only.');
}

/** @throws TallystickError store-contract: what a database would round, it is not given. */
export function refuseUnstorable(value: SqlValue): void {
  if (typeof value !== 'number') return;
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new TallystickError('store-contract', 'Numbers are stored up to 2^53-1 only.');
  }
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}
