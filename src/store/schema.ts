import type { Flag } from './column-words.ts';
import type {
  OfflineAgentTable,
  OfflinePackageTable,
  RetrievalHandleTable,
  OfflineEventTable,
  OfflineReportTable,
} from './schema-offline.ts';

/**
 * The tables as Kysely sees them, alike in both databases. Flags are 0 or 1; `*_at_ms` are Unix
 * milliseconds; `*_key` columns hold what names are compared by. Integers are read as numbers, and
 * reading one beyond 2^53-1 is refused (`rows.ts`).
 */

export interface DatabaseInfoTable {
  id: number;
  is_test: Flag;
  created_at_ms: number;
  schema_version: number;
}

export interface ConfigurationVersionTable {
  id: number;
  version: number;
}

/** Every instance that ever opened the database for writing. */
export interface InstanceTable {
  name: string;
  first_opened_at_ms: number;
  /** Written by readiness probes, which must reach the disk to mean anything. */
  ping_count: number;
}

export interface DomainTable {
  id: string;
  name: string;
  name_key: string;
  created_at_ms: number;
  version: number;
}

export interface OrganisationalUnitTable {
  id: string;
  domain_id: string;
  name: string;
  name_key: string;
  parent_id: string | null;
  version: number;
}

export interface UserAccountTable {
  id: string;
  domain_id: string;
  organisational_unit_id: string | null;
  administrator_role: string | null;
  user_name: string;
  user_name_key: string;
  is_disabled: Flag;
  expires_at_ms: number | null;
  lock_count: number;
  locked_at_ms: number | null;
  locked_by: string | null;
  unlock_tries: number;
  last_attempt_at_ms: number | null;
  last_success_at_ms: number | null;
  email: string | null;
  mobile: string | null;
  phone: string | null;
  delivery_method: string | null;
  local_authentication: string | null;
  password_salt: string | null;
  password_mac: string | null;
  password_set_at_ms: number | null;
  password_version: number;
  created_at_ms: number;
  version: number;
}

/** Passwords that were replaced, by the version that they had. */
export interface PasswordHistoryTable {
  user_id: string;
  password_version: number;
  mac: string;
}

/** What a failure of an unknown user writes, so that it costs what a known one's does. */
export interface DecoyTable {
  instance: string;
  slot: number;
  lock_count: number;
  last_attempt_at_ms: number;
  padding: string;
}

export interface AuthenticatorTable {
  id: string;
  serial: string;
  licence_serial: string;
  model: string;
  is_virtual: Flag;
  is_disabled: Flag;
  expires_at_ms: number | null;
  user_id: string | null;
  assigned_at_ms: number | null;
  assignment_version: number;
  last_used_at_ms: number | null;
  kind: string;
  grace_ends_at_ms: number | null;
  backup_mode: string | null;
  backup_ends_at_ms: number | null;
  backup_uses_left: number | null;
  created_at_ms: number;
  version: number;
  /** Of no record: packages that were made take turns by it. */
  offline_turn: number;
}

export interface ApplicationTable {
  id: string;
  authenticator_id: string;
  name: string;
  mode: string;
  signing: string;
  /** JSON form of `ResponseAlgorithm`. */
  algorithm: string;
  seed_id: string;
  seed_residency: string;
  seed_blob: Uint8Array | null;
  seed_bytes: number;
  seed_padded: Flag;
  seed_key_check_value: string;
  seed_origin: string;
  is_disabled: Flag;
  pin_is_enabled: Flag;
  pin_is_change_forced: Flag;
  pin_minimum_length: number;
  pin_length: number | null;
  pin_salt: string | null;
  pin_mac: string | null;
  pin_version: number;
  epoch: number;
  next_event_counter: number;
  last_step: number;
  floor_ms: number;
  /** JSON array of texts. */
  spent_challenges: string;
  drift_seconds: number;
  drift_at_ms: number | null;
  is_drift_frozen: Flag;
  drift_history: string;
  failure_count: number;
  pending_sync: string | null;
  reset_at_ms: number | null;
  last_used_at_ms: number | null;
  created_at_ms: number;
  version: number;
}

export interface PolicyTable {
  id: string;
  name: string;
  name_key: string;
  parent_id: string | null;
  /** JSON object of the values that are set. */
  settings: string;
  version: number;
}

export interface ComponentTable {
  id: string;
  component_type: string;
  component_type_key: string;
  location: string;
  access: string;
  policy_id: string;
  version: number;
}

export interface ApiKeyTable {
  id: string;
  name: string;
  key_sha256: string;
  role: string;
  component_type: string;
  domain_id: string | null;
  expires_at_ms: number | null;
  created_at_ms: number;
  version: number;
}

export interface ChallengeTable {
  id: string;
  handle: string;
  user_id: string | null;
  authenticator_id: string | null;
  component_type: string;
  component_type_key: string;
  kind: string;
  method: string | null;
  /** JSON array. */
  proven_pins: string;
  /** Of a challenge. */
  text: string | null;
  user_version: number | null;
  /** Of a one-time password that was sent. */
  authenticator_version: number | null;
  otp_digits: number | null;
  otp_mac: string | null;
  miss_count: number;
  issued_at_ms: number;
  expires_at_ms: number;
  consumed_at_ms: number | null;
}

export interface GatewayTable {
  id: string;
  name: string;
  name_key: string;
  channel: string;
  position: number;
  /** JSON object. */
  settings: string;
  sealed_secret: Uint8Array | null;
  is_disabled: Flag;
  version: number;
}

/** Messages of one hour, by whom or what they count against. */
export interface SendCountTable {
  scope: string;
  window_start_ms: number;
  message_count: number;
}

export interface StoredAnswerTable {
  client_id: string;
  request_key: string;
  fingerprint: string;
  answer: string;
  expires_at_ms: number;
}

/** Administrators that signed in; the id itself is never stored. */
export interface SessionTable {
  id_sha256: string;
  user_id: string;
  component_type: string;
  peer_address: string;
  created_at_ms: number;
  last_used_at_ms: number;
  expires_at_ms: number;
}

export interface AuditEventTable {
  instance: string;
  sequence: number;
  at_ms: number;
  /** By which an event is found; null in events written before there was the column. */
  subject_key: string | null;
  body: string;
  previous_hash: string;
  hash: string;
}

/** Codes that stand in for a device; what has ended keeps neither MACs nor a sealed copy. */
export interface EmergencyCodeTable {
  id: string;
  user_id: string;
  authenticator_id: string;
  assignment_version: number;
  kind: string;
  /** JSON array of hex. */
  macs: string;
  sealed: Uint8Array | null;
  is_revealable: Flag;
  is_pin_required: Flag;
  is_online_allowed: Flag;
  not_after_ms: number;
  uses_max: number | null;
  use_count: number;
  miss_count: number;
  state: string;
  created_by: string;
  created_at_ms: number;
  reveal_by: string | null;
  reveal_reason: string | null;
  reveal_at_ms: number | null;
  reveal_approved_by: string | null;
  revealed_at_ms: number | null;
  version: number;
}

export interface Schema {
  database_info: DatabaseInfoTable;
  configuration_version: ConfigurationVersionTable;
  instance: InstanceTable;
  domain: DomainTable;
  organisational_unit: OrganisationalUnitTable;
  user_account: UserAccountTable;
  password_history: PasswordHistoryTable;
  decoy: DecoyTable;
  authenticator: AuthenticatorTable;
  application: ApplicationTable;
  policy: PolicyTable;
  component: ComponentTable;
  api_key: ApiKeyTable;
  challenge: ChallengeTable;
  gateway: GatewayTable;
  send_count: SendCountTable;
  stored_answer: StoredAnswerTable;
  session: SessionTable;
  audit_event: AuditEventTable;
  offline_agent: OfflineAgentTable;
  offline_package: OfflinePackageTable;
  retrieval_handle: RetrievalHandleTable;
  offline_event: OfflineEventTable;
  offline_report: OfflineReportTable;
  emergency_code: EmergencyCodeTable;
}
