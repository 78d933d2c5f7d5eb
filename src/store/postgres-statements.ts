import { passwordHistoryMax } from '../domain/static-password.ts';
import { otpAnswersMax } from '../domain/virtual-otp.ts';
import { emergencyHolds, emergencyWrites } from './emergency-statements.ts';

/**
 * The three statements of a batch on PostgreSQL, whatever its size: lock every row in a fixed order,
 * apply all decisions that hold, append their audit events. Between the first and the second no
 * other session can change what the conditions are about, and the second sees what was committed
 * before the locks were had (READ COMMITTED: a statement's snapshot is taken when it starts).
 */

/** $1 users, $2 authenticators, $3 applications, $4 challenges, $5 emergency codes, $6 sessions: ids. Tables and rows in this order. */
export const lockRows = `
with
u as materialized (select id from user_account where id = any ($1::text[]) order by id for no key update),
a as materialized (select id from authenticator where id = any ($2::text[]) order by id for no key update),
p as materialized (select id from application where id = any ($3::text[]) order by id for no key update),
c as materialized (select id from challenge where id = any ($4::text[]) order by id for no key update),
k as materialized (select id from emergency_code where id = any ($5::text[]) order by id for no key update),
e as materialized (select id_sha256 from session where id_sha256 = any ($6::text[]) order by id_sha256 for update)
select (select count(*) from u), (select count(*) from a),
  (select count(*) from p), (select count(*) from c), (select count(*) from k),
  (select count(*) from e)`;

const open = `u.is_disabled = 0 and u.locked_at_ms is null
        and (d.threshold = 0 or u.lock_count < d.threshold)`;
const lockedByThreshold = `u.is_disabled = 0 and u.locked_by = 'threshold'
        and u.unlock_tries = d.expected_tries`;
/** Without it the planner may read and hash a whole table to look one row up in it. */
const byIndex = 'offset 0';
/** Kinds that leave counts and locks as they are. */
const unchanging = `('touch', 'issue', 'unlock-issue', 'present')`;
/** A row is changed once per statement: what is consumed is not also superseded, or missed. */
const unspent = `not exists (
      select from s join good using (number) where s.challenge_id = c.id)`;
const reachesThreshold = `g.threshold > 0 and u.lock_count + 1 >= g.threshold`;

/**
 * $1 decisions, $2 followers, $3 consumed challenges, $4 notes as JSON arrays; $5 instance, $6 padding,
 * $7 the first slot of decoy notes.
 */
export const applyBatch: string = `
with
d as materialized (
  select * from json_to_recordset($1::json) as d (
    number integer, at_ms bigint,
    user_kind text, user_id text, threshold bigint, expected_tries bigint, user_read_version bigint,
    authenticator_id text, owner_id text, assignment_version bigint,
    authenticator_read_version bigint,
    application_id text, epoch bigint, counter_at_most bigint, step_below bigint, or_spent text,
    failures_below bigint, expected_pending text, pin_version bigint,
    application_read_version bigint,
    next_event_counter bigint, last_step bigint, floor_ms bigint, spent_challenges text,
    drift_seconds double precision, drift_at_ms bigint, drift_history text, is_forgiving boolean,
    pin_length bigint, pin_salt text, pin_mac text,
    password_version bigint, password_salt text, password_mac text, replaced_mac text,
    backup_id text, backup_owner_id text, backup_assignment_version bigint,
    backup_ends_before_ms bigint, backup_uses_before bigint, backup_ends_at_ms bigint,
    backup_uses_left bigint, missed json,
    emergency_id text, emergency_macs_before text, emergency_macs_after text, emergency_marks json,
    issue_id text, handle text, issue_user_id text, issue_authenticator_id text,
    component_type text, component_type_key text, challenge_kind text, challenge_method text,
    proven_pins text, challenge_text text, user_version bigint,
    authenticator_version bigint, otp_digits bigint, otp_mac text, issued_at_ms bigint,
    challenge_expires_at_ms bigint, consumed_at_ms bigint,
    session_id text, session_user_id text, session_component text, peer_address text,
    session_created_at_ms bigint, session_used_at_ms bigint, session_expires_at_ms bigint,
    end_session text,
    client_id text, request_key text, fingerprint text, answer text, answer_expires_at_ms bigint)
),
f as materialized (
  select * from json_to_recordset($2::json) as f (
    number integer, application_id text, epoch bigint, drift_seconds double precision,
    drift_at_ms bigint)
),
s as materialized (
  select * from json_to_recordset($3::json) as s (number integer, challenge_id text)
),
n as materialized (
  select * from json_to_recordset($4::json) as n (
    number integer, application_id text, epoch bigint, failures integer, failures_below bigint,
    pending_sync text)
),
checked as materialized (
  select d.number,
    (d.user_kind is null or d.user_kind = 'decoy' or exists (
      select from user_account u where u.id = d.user_id
        and (d.user_read_version is null or u.version = d.user_read_version)
        and case d.user_kind
        when 'touch' then true
        when 'present' then true
        when 'success' then ${open}
        when 'failure' then ${open}
        when 'issue' then ${open}
        else ${lockedByThreshold}
      end))
    and (d.password_version is null or exists (
      select from user_account u where u.id = d.user_id
        and u.password_version = d.password_version ${byIndex}))
    and (d.issue_user_id is null
      or exists (select from user_account u where u.id = d.issue_user_id ${byIndex}))
    and (d.session_user_id is null
      or exists (select from user_account u where u.id = d.session_user_id ${byIndex})) as user_holds,
    (d.authenticator_id is null or exists (
      select from authenticator a where a.id = d.authenticator_id and a.user_id = d.owner_id
        and a.assignment_version = d.assignment_version
        and (d.authenticator_read_version is null
          or a.version = d.authenticator_read_version) ${byIndex}))
    and (d.backup_id is null or exists (
      select from authenticator a where a.id = d.backup_id and a.user_id = d.backup_owner_id
        and a.assignment_version = d.backup_assignment_version
        and a.backup_ends_at_ms is not distinct from d.backup_ends_before_ms
        and a.backup_uses_left is not distinct from d.backup_uses_before ${byIndex}))
    and (d.issue_authenticator_id is null or exists (
      select from authenticator a where a.id = d.issue_authenticator_id ${byIndex})) as authenticator_holds,
    (d.application_id is null or exists (
      select from application p where p.id = d.application_id and p.epoch = d.epoch
        and p.next_event_counter <= d.counter_at_most
        and (p.last_step < d.step_below
          or (p.last_step = d.step_below and p.spent_challenges = d.or_spent))
        and p.pin_version = d.pin_version
        and (d.application_read_version is null or p.version = d.application_read_version)
        and (d.failures_below is null or p.failure_count < d.failures_below)
        and (d.expected_pending is null or p.pending_sync = d.expected_pending)))
    and not exists (
      select from n where n.number = d.number and n.application_id is not null and not exists (
        select from application p where p.id = n.application_id and p.epoch = n.epoch
          and (n.failures_below is null or p.failure_count < n.failures_below)))
    and not exists (
      select from f where f.number = d.number and not exists (
        select from application p where p.id = f.application_id and p.epoch = f.epoch)
      ) as application_holds,
    not exists (
      select from s where s.number = d.number and not exists (
        select from challenge c where c.id = s.challenge_id and c.consumed_at_ms is null
          and c.expires_at_ms > d.at_ms)) as challenge_holds,
    ${emergencyHolds} as emergency_holds,
    (d.end_session is null or exists (
      select from session e where e.id_sha256 = d.end_session ${byIndex})) as session_holds,
    (d.client_id is null or not exists (
      select from stored_answer r where r.client_id = d.client_id
        and r.request_key = d.request_key and r.expires_at_ms > d.at_ms)) as answer_holds
  from d
),
good as materialized (
  select d.* from d join checked using (number)
  where user_holds and authenticator_holds and application_holds and challenge_holds
    and emergency_holds and session_holds and answer_holds
),
changed_user as (
  update user_account u set
    lock_count = case
      when g.user_kind in ('success', 'unlock-success') then 0
      when g.user_kind in ${unchanging} then u.lock_count
      else u.lock_count + 1 end,
    unlock_tries = case
      when g.user_kind in ${unchanging} then u.unlock_tries
      when g.user_kind = 'unlock-failure' then u.unlock_tries + 1
      else 0 end,
    locked_at_ms = case
      when g.user_kind = 'unlock-success' then null
      when g.user_kind = 'failure' and ${reachesThreshold} then g.at_ms
      else u.locked_at_ms end,
    locked_by = case
      when g.user_kind = 'unlock-success' then null
      when g.user_kind = 'failure' and ${reachesThreshold} then 'threshold'
      else u.locked_by end,
    last_attempt_at_ms = case
      when g.user_kind in ('issue', 'unlock-issue', 'present') then u.last_attempt_at_ms
      else g.at_ms end,
    last_success_at_ms = case
      when g.user_kind in ('success', 'unlock-success') then g.at_ms
      else u.last_success_at_ms end,
    password_salt = coalesce(g.password_salt, u.password_salt),
    password_mac = coalesce(g.password_mac, u.password_mac),
    password_set_at_ms = case
      when g.password_mac is null then u.password_set_at_ms else g.at_ms end,
    password_version = u.password_version
      + case when g.password_mac is null then 0 else 1 end,
    version = u.version + case when g.password_mac is null then 0 else 1 end
  from good g where u.id = g.user_id
  returning 1
),
changed_decoy as (
  insert into decoy as y (instance, slot, lock_count, last_attempt_at_ms, padding)
  select $5, g.number, 1, g.at_ms, $6 from good g where g.user_kind = 'decoy'
  union all
  select $5, $7 + g.number, 1, g.at_ms, $6
    from good g join n using (number) where n.application_id is null
  on conflict (instance, slot) do update set
    lock_count = y.lock_count + 1, last_attempt_at_ms = excluded.last_attempt_at_ms
  returning 1
),
changed_authenticator as (
  update authenticator a set last_used_at_ms = g.at_ms,
    backup_ends_at_ms = case
      when a.id = g.backup_id then g.backup_ends_at_ms else a.backup_ends_at_ms end,
    backup_uses_left = case
      when a.id = g.backup_id then g.backup_uses_left else a.backup_uses_left end
  from good g where a.id = g.authenticator_id
  returning 1
),
remembered as (
  insert into password_history (user_id, password_version, mac)
  select user_id, password_version, replaced_mac from good where replaced_mac is not null
),
forgotten as (
  delete from password_history h using good g
  where h.user_id = g.user_id and g.replaced_mac is not null
    and h.password_version <= g.password_version - ${passwordHistoryMax}
),
backed as (
  update authenticator a set backup_ends_at_ms = g.backup_ends_at_ms,
    backup_uses_left = g.backup_uses_left, version = a.version + 1
  from good g where a.id = g.backup_id and g.backup_id is distinct from g.authenticator_id
  returning 1
),
changed_application as (
  update application p set
    next_event_counter = g.next_event_counter, last_step = g.last_step, floor_ms = g.floor_ms,
    spent_challenges = g.spent_challenges, drift_seconds = g.drift_seconds,
    drift_at_ms = g.drift_at_ms, drift_history = g.drift_history,
    failure_count = case when g.is_forgiving then 0 else p.failure_count end,
    pending_sync = null, last_used_at_ms = g.at_ms,
    pin_is_change_forced = case when g.pin_mac is null then p.pin_is_change_forced else 0 end,
    pin_length = coalesce(g.pin_length, p.pin_length),
    pin_salt = coalesce(g.pin_salt, p.pin_salt), pin_mac = coalesce(g.pin_mac, p.pin_mac),
    pin_version = p.pin_version + case when g.pin_mac is null then 0 else 1 end,
    version = p.version + case when g.pin_mac is null then 0 else 1 end
  from good g where p.id = g.application_id
  returning 1
),
changed_follower as (
  update application p set drift_seconds = f.drift_seconds, drift_at_ms = f.drift_at_ms,
    pending_sync = null
  from good g join f using (number) where p.id = f.application_id
  returning 1
),
noted as (
  update application p set failure_count = p.failure_count + n.failures,
    pending_sync = n.pending_sync
  from good g join n using (number) where p.id = n.application_id
  returning 1
),
changed_challenge as (
  update challenge c set consumed_at_ms = g.at_ms
  from good g join s using (number) where c.id = s.challenge_id
  returning 1
),
${emergencyWrites},
missed as (
  update challenge c set miss_count = c.miss_count + 1,
    consumed_at_ms = case when c.miss_count + 1 >= ${otpAnswersMax} then g.at_ms end
  from good g cross join lateral json_array_elements_text(g.missed) as m (otp_id)
  where c.id = m.otp_id and c.consumed_at_ms is null and ${unspent}
    and not exists (
      select from good o where o.otp_mac is not null and o.issue_user_id = c.user_id)
),
superseded as (
  update challenge c set consumed_at_ms = g.at_ms
  from good g cross join lateral (
    select id from challenge where user_id = g.issue_user_id and otp_mac is not null
      and consumed_at_ms is null offset 0) as o
  where g.otp_mac is not null and c.id = o.id and c.consumed_at_ms is null and ${unspent}
),
issued as (
  insert into challenge (id, handle, user_id, authenticator_id, component_type,
    component_type_key, kind, method, proven_pins, text, user_version,
    authenticator_version, otp_digits, otp_mac, miss_count,
    issued_at_ms, expires_at_ms, consumed_at_ms)
  select issue_id, handle, issue_user_id, issue_authenticator_id, component_type,
    component_type_key, challenge_kind, challenge_method, proven_pins, challenge_text, user_version,
    authenticator_version, otp_digits, otp_mac, 0, issued_at_ms, challenge_expires_at_ms, consumed_at_ms
  from good where issue_id is not null
  returning 1
),
opened as (
  insert into session (id_sha256, user_id, component_type, peer_address, created_at_ms,
    last_used_at_ms, expires_at_ms)
  select session_id, session_user_id, session_component, peer_address, session_created_at_ms,
    session_used_at_ms, session_expires_at_ms
  from good where session_id is not null
  returning 1
),
ended as (
  delete from session e using good g where e.id_sha256 = g.end_session
  returning 1
),
answered as (
  insert into stored_answer as r (client_id, request_key, fingerprint, answer, expires_at_ms)
  select client_id, request_key, fingerprint, answer, answer_expires_at_ms
  from good where client_id is not null
  on conflict (client_id, request_key) do update set
    fingerprint = excluded.fingerprint, answer = excluded.answer,
    expires_at_ms = excluded.expires_at_ms
    where r.expires_at_ms <= (
      select g.at_ms from good g
      where g.client_id = excluded.client_id and g.request_key = excluded.request_key)
  returning 1
)
select checked.*,
  (select count(*) from changed_user) + (select count(*) from changed_decoy)
    + (select count(*) from changed_authenticator) + (select count(*) from changed_application)
    + (select count(*) from changed_follower) + (select count(*) from changed_challenge)
    + (select count(*) from noted) + (select count(*) from issued) + (select count(*) from opened)
    + (select count(*) from backed) + (select count(*) from changed_emergency)
    + (select count(*) from ended) + (select count(*) from answered) as changed,
  (select count(user_kind) + count(authenticator_id)
    + count(nullif(backup_id, authenticator_id)) + count(application_id) + count(issue_id)
    + count(emergency_id) + count(session_id) + count(end_session) + count(client_id) from good)
    + (select count(*) from good join f using (number))
    + (select count(*) from good join n using (number))
    + (select count(*) from good join s using (number)) as expected
from checked`;

/**
 * $1 instance; $2 sequences, $3 times, $4 bodies, $5 previous hashes, $6 hashes, $7 subject keys:
 * arrays.
 */
export const appendEvents = `
insert into audit_event (instance, sequence, at_ms, body, previous_hash, hash, subject_key)
select $1, * from unnest(
  $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])`;

/** $1 instance. */
export const lastEvent =
  'select sequence, hash from audit_event where instance = $1 order by sequence desc limit 1';
