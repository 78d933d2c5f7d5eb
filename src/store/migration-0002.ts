import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/**
 * What governed clocks and counters need: drift with a history, failures and a remembered response
 * per application, and the audit searchable by whom an event was about. Policies that were saved
 * before keep doing what they did: what is new in the catalogue is written into them as it was.
 */
export function governedClocks(kind: DatabaseKind): readonly string[] {
  const { integer, text } = columnWords(kind);
  return [
    ...(kind === 'sqlite' ? applicationsSqlite() : applicationsPostgres()),
    `alter table application add column is_drift_frozen ${integer} not null default 0
      check (is_drift_frozen in (0, 1))`,
    `alter table application add column drift_history ${text} not null default ''`,
    `alter table application add column failure_count ${integer} not null default 0
      check (failure_count >= 0)`,
    `alter table application add column pending_sync ${text}`,
    `alter table application add column reset_at_ms ${integer}`,
    `alter table audit_event add column subject_key ${text}`,
    `create index audit_event_subject on audit_event (subject_key, at_ms)`,
    ...keptPolicies(kind),
  ];
}

const modes = `('response-only', 'challenge-response', 'unlock')`;

/** SQLite changes no check: the table is made anew. Nothing refers to its rows. */
function applicationsSqlite(): string[] {
  return [
    `create table application_anew (
      id text not null primary key,
      authenticator_id text not null references authenticator (id),
      name text not null,
      mode text not null check (mode in ${modes}),
      algorithm text not null,
      seed_id text not null unique,
      seed_residency text not null,
      seed_blob blob,
      seed_bytes integer not null check (seed_bytes > 0),
      seed_padded integer not null check (seed_padded in (0, 1)),
      seed_key_check_value text not null,
      seed_origin text not null check (seed_origin in ('generated', 'paired', 'imported')),
      is_disabled integer not null check (is_disabled in (0, 1)),
      epoch integer not null check (epoch between 0 and 9007199254740991),
      next_event_counter integer not null
        check (next_event_counter between 0 and 9007199254740991),
      last_step integer not null check (last_step between -1 and 9007199254740991),
      floor_ms integer not null check (floor_ms between -9007199254740991 and 9007199254740991),
      spent_challenges text not null,
      drift_seconds real not null,
      drift_at_ms integer,
      last_used_at_ms integer,
      created_at_ms integer not null check (created_at_ms between 0 and 9007199254740991),
      version integer not null check (version between 0 and 9007199254740991),
      unique (authenticator_id, name),
      check (seed_residency in ('resident', 'wrapped')
        and (seed_residency = 'wrapped') = (seed_blob is not null))
    ) strict, without rowid`,
    `insert into application_anew select id, authenticator_id, name, mode, algorithm, seed_id,
      seed_residency, seed_blob, seed_bytes, seed_padded, seed_key_check_value, seed_origin,
      is_disabled, epoch, next_event_counter, last_step, floor_ms, spent_challenges, drift_seconds,
      drift_at_ms, last_used_at_ms, created_at_ms, version from application`,
    `drop table application`,
    `alter table application_anew rename to application`,
    `create index application_key_check_value on application (seed_key_check_value)`,
  ];
}

function applicationsPostgres(): string[] {
  return [
    `alter table application drop constraint application_mode_check`,
    `alter table application add constraint application_mode_check check (mode in ${modes})`,
  ];
}

/** No first use was ever searched wider, and a challenge was good in whatever order it was issued. */
function keptPolicies(kind: DatabaseKind): string[] {
  const within = (name: string): string =>
    kind === 'sqlite' ? `json_extract(settings, '$.${name}')` : `(settings::jsonb ->> '${name}')`;
  const kept = (name: string, value: number): string =>
    kind === 'sqlite'
      ? `json_set(settings, '$.${name}', ${value})`
      : `(settings::jsonb || '{"${name}":${value}}')::text`;
  return [
    `update policy set settings = ${kept('initialTimeWindowSeconds', 0)} where parent_id is null`,
    `update policy set settings = ${kept('challengeCheckMode', 4)}
      where ${within('oneStepChallengeResponse')} in ('any-challenge', 'server-challenge')`,
  ];
}
