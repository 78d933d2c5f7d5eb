/** What the statements of a batch on PostgreSQL read and answer: see `postgres-statements.ts`. */

/** One decision as `applyBatch` reads it: a row of its first argument. */
export interface DecisionRow {
  readonly number: number;
  readonly at_ms: number;
  readonly user_kind: string | null;
  readonly user_id: string | null;
  readonly threshold: number | null;
  readonly expected_tries: number | null;
  readonly user_read_version: number | null;
  readonly authenticator_id: string | null;
  readonly owner_id: string | null;
  readonly assignment_version: number | null;
  readonly authenticator_read_version: number | null;
  readonly application_id: string | null;
  readonly epoch: number | null;
  readonly counter_at_most: number | null;
  readonly step_below: number | null;
  readonly or_spent: string | null;
  readonly failures_below: number | null;
  readonly expected_pending: string | null;
  readonly pin_version: number | null;
  readonly application_read_version: number | null;
  readonly next_event_counter: number | null;
  readonly last_step: number | null;
  readonly floor_ms: number | null;
  readonly spent_challenges: string | null;
  readonly drift_seconds: number | null;
  readonly drift_at_ms: number | null;
  readonly drift_history: string | null;
  readonly is_forgiving: boolean | null;
  readonly pin_length: number | null;
  readonly pin_salt: string | null;
  readonly pin_mac: string | null;
  readonly password_version: number | null;
  readonly password_salt: string | null;
  readonly password_mac: string | null;
  readonly replaced_mac: string | null;
  readonly backup_id: string | null;
  readonly backup_owner_id: string | null;
  readonly backup_assignment_version: number | null;
  readonly backup_ends_before_ms: number | null;
  readonly backup_uses_before: number | null;
  readonly backup_ends_at_ms: number | null;
  readonly backup_uses_left: number | null;
  readonly missed: readonly string[];
  readonly emergency_id: string | null;
  readonly emergency_macs_before: string | null;
  readonly emergency_macs_after: string | null;
  readonly emergency_marks: readonly { readonly code_id: string; readonly mark: string }[];
  readonly issue_id: string | null;
  readonly handle: string | null;
  readonly issue_user_id: string | null;
  readonly issue_authenticator_id: string | null;
  readonly component_type: string | null;
  readonly component_type_key: string | null;
  readonly challenge_kind: string | null;
  readonly challenge_method: string | null;
  readonly proven_pins: string | null;
  readonly challenge_text: string | null;
  readonly user_version: number | null;
  readonly authenticator_version: number | null;
  readonly otp_digits: number | null;
  readonly otp_mac: string | null;
  readonly issued_at_ms: number | null;
  readonly challenge_expires_at_ms: number | null;
  readonly consumed_at_ms: number | null;
  readonly session_id: string | null;
  readonly session_user_id: string | null;
  readonly session_component: string | null;
  readonly peer_address: string | null;
  readonly session_created_at_ms: number | null;
  readonly session_used_at_ms: number | null;
  readonly session_expires_at_ms: number | null;
  readonly end_session: string | null;
  readonly client_id: string | null;
  readonly request_key: string | null;
  readonly fingerprint: string | null;
  readonly answer: string | null;
  readonly answer_expires_at_ms: number | null;
}

export interface FollowerRow {
  readonly number: number;
  readonly application_id: string;
  readonly epoch: number;
  readonly drift_seconds: number;
  readonly drift_at_ms: number;
}

/** Without an application it is the decoy's. */
export interface NoteRow {
  readonly number: number;
  readonly application_id: string | null;
  readonly epoch: number | null;
  readonly failures: number;
  readonly failures_below: number | null;
  readonly pending_sync: string | null;
}

export interface ConsumedRow {
  readonly number: number;
  readonly challenge_id: string;
}

/** What `applyBatch` answers for each decision. */
export interface CheckedRow {
  readonly number: number;
  readonly user_holds: boolean;
  readonly authenticator_holds: boolean;
  readonly application_holds: boolean;
  readonly challenge_holds: boolean;
  readonly emergency_holds: boolean;
  readonly session_holds: boolean;
  readonly answer_holds: boolean;
  /** Rows that the whole batch changed, and how many the decisions that hold are about. */
  readonly changed: number;
  readonly expected: number;
}
