import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

const integerMax = '9007199254740991';
const standing = `('issued', 'installed', 'locked')`;
const packageStates = `('issued', 'installed', 'locked', 'superseded', 'released', 'wiped', 'revoked', 'expired')`;

/**
 * What logons at workstations without a server need: the workstations, what each of them was given, by
 * what it fetches that, and what it has reported. A user or authenticator that is deleted takes its
 * packages and handles along: the workstation is told to destroy what has no row. A workstation with
 * packages stays, or nobody would know what is still out there. What was reported is evidence: it
 * refers to no row that could take it along, and is only ever appended.
 */
export function offline(kind: DatabaseKind): readonly string[] {
  return [...agents(kind), ...packages(kind), ...handles(kind), ...reports(kind), ...events(kind)];
}

function agents(kind: DatabaseKind): string[] {
  const { integer, text, bytes, end } = columnWords(kind);
  return [
    `create table offline_agent (
      id ${text} not null primary key,
      name ${text} not null,
      component_type ${text} not null,
      public_key ${bytes} not null,
      fingerprint ${text} not null unique check (length(fingerprint) = 64),
      key_mode ${text} not null check (key_mode in ('hw', 'ram', 'sw')),
      counts_failures ${integer} not null check (counts_failures in (0, 1)),
      state ${text} not null check (state in ('active', 'revoked')),
      revoked_for ${text},
      acknowledged_through ${integer} not null ${natural('acknowledged_through')},
      head ${text} not null,
      enrolled_at_ms ${integer} not null ${natural('enrolled_at_ms')},
      last_seen_at_ms ${integer} not null ${natural('last_seen_at_ms')},
      version ${integer} not null ${natural('version')},
      check ((state = 'revoked') = (revoked_for is not null))
    )${end}`,
  ];
}

function packages(kind: DatabaseKind): string[] {
  const { integer, text, end } = columnWords(kind);
  return [
    `create table offline_package (
      id ${text} not null primary key,
      agent_id ${text} not null references offline_agent (id),
      user_id ${text} not null references user_account (id) on delete cascade,
      authenticator_id ${text} not null references authenticator (id) on delete cascade,
      application_id ${text} not null references application (id) on delete cascade,
      sequence ${integer} not null ${natural('sequence')},
      kind ${text} not null check (kind in ('time', 'event', 'challenge')),
      event_mode ${text} check (event_mode in ('shared', 'reserved')),
      first_index ${integer} not null ${natural('first_index')},
      entry_count ${integer} not null ${natural('entry_count')},
      not_before_ms ${integer} not null ${natural('not_before_ms')},
      not_after_ms ${integer} not null ${natural('not_after_ms')},
      events_max ${integer} not null ${natural('events_max')},
      events_used ${integer} not null ${natural('events_used')},
      policy_hash ${text} not null,
      assignment_version ${integer} not null ${natural('assignment_version')},
      pin_version ${integer} not null ${natural('pin_version')},
      epoch ${integer} not null ${natural('epoch')},
      state ${text} not null check (state in ${packageStates}),
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')},
      unique (agent_id, application_id, sequence)
    )${end}`,
    `create index offline_package_of_agent on offline_package (agent_id, created_at_ms)`,
    `create index offline_package_of_user on offline_package (user_id, created_at_ms)`,
    `create index offline_package_of_authenticator on offline_package (authenticator_id)`,
    `create index offline_package_of_application on offline_package (application_id, created_at_ms)`,
    // Those that stand no more pile up, and are never looked for by their end.
    `create index offline_package_end on offline_package (not_after_ms) where state in ${standing}`,
  ];
}

/** Rows that go by themselves. */
function handles(kind: DatabaseKind): string[] {
  const { integer, text, end } = columnWords(kind);
  return [
    `create table retrieval_handle (
      id ${text} not null primary key check (length(id) = 64),
      agent_id ${text} not null references offline_agent (id) on delete cascade,
      user_id ${text} not null references user_account (id) on delete cascade,
      authenticator_id ${text} not null references authenticator (id) on delete cascade,
      application_id ${text} not null references application (id) on delete cascade,
      assignment_version ${integer} not null ${natural('assignment_version')},
      pin_version ${integer} not null ${natural('pin_version')},
      epoch ${integer} not null ${natural('epoch')},
      expires_at_ms ${integer} not null ${natural('expires_at_ms')},
      version ${integer} not null ${natural('version')}
    )${end}`,
    ...['agent', 'user', 'authenticator', 'application'].map(
      (owner) => `create index retrieval_handle_of_${owner} on retrieval_handle (${owner}_id)`,
    ),
    `create index retrieval_handle_expiry on retrieval_handle (expires_at_ms)`,
  ];
}

function reports(kind: DatabaseKind): string[] {
  const { integer, text, bytes, end } = columnWords(kind);
  return [
    `create table offline_report (
      id ${text} not null primary key,
      agent_id ${text} not null references offline_agent (id) on delete cascade,
      digest ${text} not null check (length(digest) = 64),
      through ${integer} not null ${natural('through')},
      received_at_ms ${integer} not null ${natural('received_at_ms')},
      payload ${bytes} not null,
      signature ${bytes} not null,
      version ${integer} not null ${natural('version')}
    )${end}`,
    `create index offline_report_of_agent on offline_report (agent_id)`,
    `create index offline_report_age on offline_report (received_at_ms)`,
  ];
}

function events(kind: DatabaseKind): string[] {
  const { integer, text, end } = columnWords(kind);
  return [
    `create table offline_event (
      id ${text} not null primary key,
      agent_id ${text} not null,
      n ${integer} not null check (n between 1 and ${integerMax}),
      package_id ${text},
      application_id ${text},
      kind ${text} not null,
      entry_index ${integer} ${natural('entry_index')},
      at_ms ${integer} not null,
      report_id ${text} not null,
      is_duplicate ${integer} not null check (is_duplicate in (0, 1)),
      head ${text} not null,
      version ${integer} not null ${natural('version')},
      unique (agent_id, n)
    )${end}`,
    `create index offline_event_at on offline_event (application_id, entry_index)
      where entry_index is not null`,
    ...(kind === 'sqlite' ? appendOnlySqlite() : appendOnlyPostgres()),
  ];
}

const appendOnly = 'reported events are only ever appended';

function appendOnlySqlite(): string[] {
  return ['update', 'delete'].map(
    (operation) => `create trigger offline_event_no_${operation} before ${operation}
      on offline_event begin select raise(abort, '${appendOnly}'); end`,
  );
}

function appendOnlyPostgres(): string[] {
  return [
    `create function refuse_offline_event_change() returns trigger language plpgsql as
      'begin raise exception ''${appendOnly}'' using errcode = ''restrict_violation''; end'`,
    `create trigger offline_event_no_change before update or delete on offline_event
      for each row execute function refuse_offline_event_change()`,
    `create trigger offline_event_no_truncate before truncate on offline_event
      for each statement execute function refuse_offline_event_change()`,
  ];
}

function natural(column: string): string {
  return `check (${column} between 0 and ${integerMax})`;
}
