import type { EmergencyCode, RevealRequest } from '../domain/emergency.ts';
import type { emergencyCodeColumns } from './columns.ts';
import { flag, integer, oneOf, optionalInteger, type RowOf } from './rows.ts';

/** Rows of emergency codes become records, as in `rows.ts`. */

type CodeRow = RowOf<'emergency_code', typeof emergencyCodeColumns>;

const kinds = ['tokencode', 'passcode', 'fixed', 'one-time'] as const;
const states = [
  'live',
  'used-up',
  'expired',
  'locked',
  'replaced',
  'reset',
  'revoked',
  'returned',
] as const;

export function emergencyCodeOf(row: CodeRow): EmergencyCode {
  return {
    id: row.id,
    userId: row.user_id,
    authenticatorId: row.authenticator_id,
    assignmentVersion: integer(row.assignment_version),
    kind: oneOf(row.kind, kinds),
    // Only this server writes them.
    macs: JSON.parse(row.macs) as string[],
    sealed: row.sealed,
    isRevealable: flag(row.is_revealable),
    isPinRequired: flag(row.is_pin_required),
    isOnlineAllowed: flag(row.is_online_allowed),
    notAfterMs: integer(row.not_after_ms),
    usesMax: optionalInteger(row.uses_max),
    useCount: integer(row.use_count),
    missCount: integer(row.miss_count),
    state: oneOf(row.state, states),
    createdBy: row.created_by,
    createdAtMs: integer(row.created_at_ms),
    reveal: revealOf(row),
    revealedAtMs: optionalInteger(row.revealed_at_ms),
    version: integer(row.version),
  };
}

function revealOf(row: CodeRow): RevealRequest | null {
  const { reveal_by: by, reveal_reason: reason, reveal_approved_by: approvedBy } = row;
  const atMs = optionalInteger(row.reveal_at_ms);
  return by === null || reason === null || atMs === null ? null : { by, reason, atMs, approvedBy };
}
