import type {
  OfflineAgent,
  OfflineEvent,
  OfflinePackage,
  OfflineReport,
  RetrievalHandle,
} from '../domain/offline.ts';
import type {
  offlineAgentColumns,
  offlineEventColumns,
  offlinePackageColumns,
  offlineReportColumns,
  retrievalHandleColumns,
} from './columns.ts';
import { flag, integer, oneOf, optionalInteger, optionalOneOf, type RowOf } from './rows.ts';

/** Rows of logons at workstations become records, as in `rows.ts`. */

type AgentRow = RowOf<'offline_agent', typeof offlineAgentColumns>;
type PackageRow = RowOf<'offline_package', typeof offlinePackageColumns>;
type HandleRow = RowOf<'retrieval_handle', typeof retrievalHandleColumns>;
type EventRow = RowOf<'offline_event', typeof offlineEventColumns>;
type ReportRow = RowOf<'offline_report', typeof offlineReportColumns>;

const packageStates = [
  'issued',
  'installed',
  'locked',
  'superseded',
  'released',
  'wiped',
  'revoked',
  'expired',
] as const;

export function offlineAgentOf(row: AgentRow): OfflineAgent {
  return {
    id: row.id,
    name: row.name,
    componentType: row.component_type,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    keyMode: oneOf(row.key_mode, ['hw', 'ram', 'sw'] as const),
    countsFailures: flag(row.counts_failures),
    state: oneOf(row.state, ['active', 'revoked'] as const),
    revokedFor: row.revoked_for,
    acknowledgedThrough: integer(row.acknowledged_through),
    head: row.head,
    isGapAccepted: flag(row.is_gap_accepted),
    enrolledAtMs: integer(row.enrolled_at_ms),
    lastSeenAtMs: integer(row.last_seen_at_ms),
    version: integer(row.version),
  };
}

export function offlinePackageOf(row: PackageRow): OfflinePackage {
  return {
    id: row.id,
    agentId: row.agent_id,
    userId: row.user_id,
    authenticatorId: row.authenticator_id,
    applicationId: row.application_id,
    sequence: integer(row.sequence),
    kind: oneOf(row.kind, ['time', 'event', 'challenge'] as const),
    eventMode: optionalOneOf(row.event_mode, ['shared', 'reserved'] as const),
    first: BigInt(integer(row.first_index)),
    count: integer(row.entry_count),
    notBeforeMs: integer(row.not_before_ms),
    notAfterMs: integer(row.not_after_ms),
    eventsMax: integer(row.events_max),
    eventsUsed: integer(row.events_used),
    policyHash: row.policy_hash,
    assignmentVersion: integer(row.assignment_version),
    pinVersion: integer(row.pin_version),
    passwordVersion: optionalInteger(row.password_version),
    epoch: integer(row.epoch),
    // Only this server writes them.
    emergencyCodeIds: JSON.parse(row.emergency_code_ids) as string[],
    state: oneOf(row.state, packageStates),
    silentAtMs: optionalInteger(row.silent_at_ms),
    createdAtMs: integer(row.created_at_ms),
    version: integer(row.version),
  };
}

export function retrievalHandleOf(row: HandleRow): RetrievalHandle {
  return {
    id: row.id,
    agentId: row.agent_id,
    userId: row.user_id,
    authenticatorId: row.authenticator_id,
    applicationId: row.application_id,
    assignmentVersion: integer(row.assignment_version),
    pinVersion: integer(row.pin_version),
    passwordVersion: optionalInteger(row.password_version),
    epoch: integer(row.epoch),
    expiresAtMs: integer(row.expires_at_ms),
    version: integer(row.version),
  };
}

export function offlineEventOf(row: EventRow): OfflineEvent {
  const index = optionalInteger(row.entry_index);
  return {
    id: row.id,
    agentId: row.agent_id,
    n: integer(row.n),
    packageId: row.package_id,
    applicationId: row.application_id,
    kind: row.kind,
    index: index === null ? null : BigInt(index),
    atMs: integer(row.at_ms),
    reportId: row.report_id,
    isDuplicate: flag(row.is_duplicate),
    head: row.head,
    version: integer(row.version),
  };
}

export function offlineReportOf(row: ReportRow): OfflineReport {
  return {
    id: row.id,
    agentId: row.agent_id,
    digest: row.digest,
    through: integer(row.through),
    receivedAtMs: integer(row.received_at_ms),
    payload: row.payload,
    signature: row.signature,
    version: integer(row.version),
  };
}
