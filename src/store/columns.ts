/**
 * The columns that records are read from, in the order of the hot statement. Lists name columns,
 * never `*`, so that a later migration may add one.
 */

export const domainColumns = ['id', 'name', 'created_at_ms', 'version'] as const;

export const organisationalUnitColumns = [
  'id',
  'domain_id',
  'name',
  'parent_id',
  'version',
] as const;

export const userColumns = [
  'id',
  'domain_id',
  'organisational_unit_id',
  'administrator_role',
  'user_name',
  'is_disabled',
  'expires_at_ms',
  'lock_count',
  'locked_at_ms',
  'locked_by',
  'unlock_tries',
  'last_attempt_at_ms',
  'last_success_at_ms',
  'email',
  'mobile',
  'phone',
  'delivery_method',
  'local_authentication',
  'password_salt',
  'password_mac',
  'password_set_at_ms',
  'password_version',
  'created_at_ms',
  'version',
] as const;

export const authenticatorColumns = [
  'id',
  'serial',
  'licence_serial',
  'model',
  'is_virtual',
  'is_disabled',
  'expires_at_ms',
  'user_id',
  'assigned_at_ms',
  'assignment_version',
  'last_used_at_ms',
  'kind',
  'grace_ends_at_ms',
  'backup_mode',
  'backup_ends_at_ms',
  'backup_uses_left',
  'created_at_ms',
  'version',
] as const;

export const applicationColumns = [
  'id',
  'authenticator_id',
  'name',
  'mode',
  'signing',
  'algorithm',
  'seed_id',
  'seed_residency',
  'seed_blob',
  'seed_bytes',
  'seed_padded',
  'seed_key_check_value',
  'seed_origin',
  'is_disabled',
  'pin_is_enabled',
  'pin_is_change_forced',
  'pin_minimum_length',
  'pin_length',
  'pin_salt',
  'pin_mac',
  'pin_version',
  'epoch',
  'next_event_counter',
  'last_step',
  'floor_ms',
  'spent_challenges',
  'drift_seconds',
  'drift_at_ms',
  'is_drift_frozen',
  'drift_history',
  'failure_count',
  'pending_sync',
  'reset_at_ms',
  'last_used_at_ms',
  'created_at_ms',
  'version',
] as const;

export const policyColumns = ['id', 'name', 'parent_id', 'settings', 'version'] as const;

export const componentColumns = [
  'id',
  'component_type',
  'location',
  'access',
  'policy_id',
  'version',
] as const;

export const apiKeyColumns = [
  'id',
  'name',
  'key_sha256',
  'role',
  'component_type',
  'domain_id',
  'expires_at_ms',
  'created_at_ms',
  'version',
] as const;

export const challengeColumns = [
  'id',
  'handle',
  'user_id',
  'authenticator_id',
  'component_type',
  'kind',
  'method',
  'proven_pins',
  'text',
  'user_version',
  'authenticator_version',
  'otp_digits',
  'otp_mac',
  'miss_count',
  'issued_at_ms',
  'expires_at_ms',
  'consumed_at_ms',
] as const;

export const gatewayColumns = [
  'id',
  'name',
  'channel',
  'position',
  'settings',
  'sealed_secret',
  'is_disabled',
  'version',
] as const;

export const sessionColumns = [
  'id_sha256',
  'user_id',
  'component_type',
  'peer_address',
  'created_at_ms',
  'last_used_at_ms',
  'expires_at_ms',
] as const;

export const storedAnswerColumns = [
  'client_id',
  'request_key',
  'fingerprint',
  'answer',
  'expires_at_ms',
] as const;

export const auditEventColumns = [
  'instance',
  'sequence',
  'at_ms',
  'body',
  'previous_hash',
  'hash',
] as const;

export const offlineAgentColumns = [
  'id',
  'name',
  'component_type',
  'public_key',
  'fingerprint',
  'key_mode',
  'counts_failures',
  'state',
  'revoked_for',
  'acknowledged_through',
  'head',
  'is_gap_accepted',
  'enrolled_at_ms',
  'last_seen_at_ms',
  'version',
] as const;

export const offlinePackageColumns = [
  'id',
  'agent_id',
  'user_id',
  'authenticator_id',
  'application_id',
  'sequence',
  'kind',
  'event_mode',
  'first_index',
  'entry_count',
  'not_before_ms',
  'not_after_ms',
  'events_max',
  'events_used',
  'policy_hash',
  'assignment_version',
  'pin_version',
  'password_version',
  'epoch',
  'emergency_code_ids',
  'state',
  'silent_at_ms',
  'created_at_ms',
  'version',
] as const;

export const retrievalHandleColumns = [
  'id',
  'agent_id',
  'user_id',
  'authenticator_id',
  'application_id',
  'assignment_version',
  'pin_version',
  'password_version',
  'epoch',
  'expires_at_ms',
  'version',
] as const;

export const offlineEventColumns = [
  'id',
  'agent_id',
  'n',
  'package_id',
  'application_id',
  'kind',
  'entry_index',
  'at_ms',
  'report_id',
  'is_duplicate',
  'head',
  'version',
] as const;

export const emergencyCodeColumns = [
  'id',
  'user_id',
  'authenticator_id',
  'assignment_version',
  'kind',
  'macs',
  'sealed',
  'is_revealable',
  'is_pin_required',
  'is_online_allowed',
  'not_after_ms',
  'uses_max',
  'use_count',
  'miss_count',
  'state',
  'created_by',
  'created_at_ms',
  'reveal_by',
  'reveal_reason',
  'reveal_at_ms',
  'reveal_approved_by',
  'revealed_at_ms',
  'version',
] as const;

export const offlineReportColumns = [
  'id',
  'agent_id',
  'digest',
  'through',
  'received_at_ms',
  'payload',
  'signature',
  'version',
] as const;
