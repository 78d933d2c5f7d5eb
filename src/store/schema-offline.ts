import type { Flag } from './column-words.ts';

/** Tables of logons without a server, as `schema.ts` has the others. */

/** Workstations that verify users while no server can be reached. */
export interface OfflineAgentTable {
  id: string;
  name: string;
  component_type: string;
  public_key: Uint8Array;
  fingerprint: string;
  key_mode: string;
  counts_failures: Flag;
  state: string;
  revoked_for: string | null;
  acknowledged_through: number;
  head: string;
  is_gap_accepted: Flag;
  enrolled_at_ms: number;
  last_seen_at_ms: number;
  version: number;
  /** As an authenticator's. */
  offline_turn: number;
}

/** What was made for them, whatever became of it. */
export interface OfflinePackageTable {
  id: string;
  agent_id: string;
  user_id: string;
  authenticator_id: string;
  application_id: string;
  sequence: number;
  kind: string;
  event_mode: string | null;
  first_index: number;
  entry_count: number;
  not_before_ms: number;
  not_after_ms: number;
  events_max: number;
  events_used: number;
  policy_hash: string;
  assignment_version: number;
  pin_version: number;
  password_version: number | null;
  epoch: number;
  /** JSON array. */
  emergency_code_ids: string;
  state: string;
  silent_at_ms: number | null;
  created_at_ms: number;
  version: number;
}

/** By the digest of what fetches a package once. */
export interface RetrievalHandleTable {
  id: string;
  agent_id: string;
  user_id: string;
  authenticator_id: string;
  application_id: string;
  assignment_version: number;
  pin_version: number;
  password_version: number | null;
  epoch: number;
  expires_at_ms: number;
  version: number;
}

/** Lines of workstations' logs; evidence, so nothing that they name has to exist. */
export interface OfflineEventTable {
  id: string;
  agent_id: string;
  n: number;
  package_id: string | null;
  application_id: string | null;
  kind: string;
  entry_index: number | null;
  at_ms: number;
  report_id: string;
  is_duplicate: Flag;
  head: string;
  version: number;
}

/** Reports with the answers that were given. */
export interface OfflineReportTable {
  id: string;
  agent_id: string;
  digest: string;
  through: number;
  received_at_ms: number;
  payload: Uint8Array;
  signature: Uint8Array;
  version: number;
}
