import { unsettledStates } from '../domain/emergency.ts';
import {
  type Compilable,
  type QueryBuilder,
  type Statement,
  statementOf,
} from './query-builder.ts';

/** Longer than any window of counted messages. */
const sendCountKeptMs = 86_400_000;
/** As long as a workstation might ask again for the answer to a report. */
const reportKeptMs = 30 * 86_400_000;
/** As long as anybody might ask what became of a code; the audit knows for ever. */
const emergencyKeptMs = 30 * 86_400_000;

/** Deletes what is over at `nowMs`, the oldest first, at most `limit` rows of each table. */
export function purgeStatements(
  builder: QueryBuilder,
  nowMs: number,
  limit: number,
): readonly Statement[] {
  return [
    ...(['challenge', 'retrieval_handle'] as const).map((table) =>
      builder
        .deleteFrom(table)
        .where('id', 'in', (from) =>
          from
            .selectFrom(table)
            .select('id')
            .where('expires_at_ms', '<=', nowMs)
            .orderBy('expires_at_ms')
            .limit(limit),
        ),
    ),
    builder
      .deleteFrom('session')
      .where('id_sha256', 'in', (from) =>
        from
          .selectFrom('session')
          .select('id_sha256')
          .where('expires_at_ms', '<=', nowMs)
          .orderBy('expires_at_ms')
          .limit(limit),
      ),
    builder.deleteFrom('offline_report').where('id', 'in', (from) =>
      from
        .selectFrom('offline_report')
        .select('id')
        .where('received_at_ms', '<=', nowMs - reportKeptMs)
        .orderBy('received_at_ms')
        .limit(limit),
    ),
    endedEmergencyCodes(builder, nowMs, limit),
    expiredAnswers(builder, nowMs, limit),
    oldSendCounts(builder, nowMs, limit),
  ].map(statementOf);
}

/** Not those that nobody has looked after since: a device that comes back depends on them. */
function endedEmergencyCodes(builder: QueryBuilder, nowMs: number, limit: number): Compilable {
  return builder.deleteFrom('emergency_code').where('id', 'in', (from) =>
    from
      .selectFrom('emergency_code')
      .select('id')
      .where('not_after_ms', '<=', nowMs - emergencyKeptMs)
      .where('state', 'not in', [...unsettledStates])
      .orderBy('not_after_ms')
      .limit(limit),
  );
}

function expiredAnswers(builder: QueryBuilder, nowMs: number, limit: number): Compilable {
  return builder
    .deleteFrom('stored_answer')
    .where((at) =>
      at(
        at.refTuple('client_id', 'request_key'),
        'in',
        at
          .selectFrom('stored_answer')
          .select(['client_id', 'request_key'])
          .where('expires_at_ms', '<=', nowMs)
          .orderBy('expires_at_ms')
          .limit(limit)
          .$asTuple('client_id', 'request_key'),
      ),
    );
}

function oldSendCounts(builder: QueryBuilder, nowMs: number, limit: number): Compilable {
  return builder.deleteFrom('send_count').where((at) =>
    at(
      at.refTuple('scope', 'window_start_ms'),
      'in',
      at
        .selectFrom('send_count')
        .select(['scope', 'window_start_ms'])
        .where('window_start_ms', '<=', nowMs - sendCountKeptMs)
        .orderBy('window_start_ms')
        .limit(limit)
        .$asTuple('scope', 'window_start_ms'),
    ),
  );
}
