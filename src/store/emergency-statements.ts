import { sql } from 'kysely';
import { emergencyMissesMax } from '../domain/emergency.ts';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';

/** The statements by which an emergency code is used, tried in vain or ended; see `hot-statements.ts`. */

const sqlite = queryBuilder('sqlite');

/** What of a code goes with its end; the conditions are SQL of both databases. */
function ending(isEnd: string): { macs: string; sealed: string; version: string } {
  return {
    macs: `case when ${isEnd} then '[]' else macs end`,
    sealed: `case when ${isEnd} then null else sealed end`,
    version: `version + case when ${isEnd} then 1 else 0 end`,
  };
}

const isLastUse = 'use_count + 1 >= uses_max';
const isLastMiss = `miss_count + 1 >= ${emergencyMissesMax}`;
const onMiss = ending(isLastMiss);

/** Raises the version too: an edit of what the use changes must not bring the use back. */
export const emergencyUse: Template<'codeId' | 'macsBefore' | 'macsAfter' | 'atMs'> = template(
  sqlite
    .updateTable('emergency_code')
    .where('id', '=', argument<string>('codeId'))
    .where('state', '=', 'live')
    .where('macs', '=', argument<string>('macsBefore'))
    .where('not_after_ms', '>', argument<number>('atMs'))
    .set({
      macs: sql<string>`case when ${sql.raw(isLastUse)}
        then '[]' else ${argument<string>('macsAfter')} end`,
      sealed: sql<null>`case when ${sql.raw(isLastUse)} then null else sealed end`,
      state: sql<string>`case when ${sql.raw(isLastUse)} then 'used-up' else state end`,
      use_count: sql<number>`use_count + 1`,
      miss_count: 0,
      version: sql<number>`version + 1`,
    }),
);

export const emergencyMiss: Template<'codeId'> = template(
  sqlite
    .updateTable('emergency_code')
    .where('id', '=', argument<string>('codeId'))
    .where('state', '=', 'live')
    .set({
      macs: sql<string>`${sql.raw(onMiss.macs)}`,
      sealed: sql<null>`${sql.raw(onMiss.sealed)}`,
      state: sql<string>`case when ${sql.raw(isLastMiss)} then 'locked' else state end`,
      miss_count: sql<number>`miss_count + 1`,
      version: sql<number>`${sql.raw(onMiss.version)}`,
    }),
);

/** The device is back. */
export const emergencyReturn: Template<'codeId'> = template(
  sqlite
    .updateTable('emergency_code')
    .where('id', '=', argument<string>('codeId'))
    .where('state', '=', 'live')
    .set({ macs: '[]', sealed: null, state: 'returned', version: sql<number>`version + 1` }),
);

/**
 * The same on PostgreSQL: parts of `applyBatch`. `d` is a decision, `g` one that holds.
 */
export const emergencyHolds: string = `(d.emergency_id is null or exists (
      select from emergency_code k where k.id = d.emergency_id and k.state = 'live'
        and k.macs = d.emergency_macs_before and k.not_after_ms > d.at_ms offset 0))`;

export const emergencyWrites: string = `
changed_emergency as (
  update emergency_code k set
    macs = case when ${isLastUse} then '[]' else g.emergency_macs_after end,
    sealed = case when ${isLastUse} then null else sealed end,
    state = case when ${isLastUse} then 'used-up' else state end,
    use_count = use_count + 1, miss_count = 0, version = k.version + 1
  from good g where k.id = g.emergency_id
  returning 1
),
marked_emergency as (
  update emergency_code k set
    macs = case when ${isMarkEnd()} then '[]' else macs end,
    sealed = case when ${isMarkEnd()} then null else sealed end,
    state = case
      when m.mark = 'returned' then 'returned'
      when ${isLastMiss} then 'locked' else state end,
    miss_count = k.miss_count + case when m.mark = 'missed' then 1 else 0 end,
    version = k.version + case when ${isMarkEnd()} then 1 else 0 end
  from good g
    cross join lateral json_to_recordset(g.emergency_marks) as m (code_id text, mark text)
  where k.id = m.code_id and k.state = 'live'
)`;

function isMarkEnd(): string {
  return `m.mark = 'returned' or ${isLastMiss}`;
}
