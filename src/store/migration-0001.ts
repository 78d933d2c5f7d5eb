import { type ColumnWords, columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

const integerMax = '9007199254740991';

/** The first schema: see `schema.ts` for what the columns mean. */
export function initialSchema(kind: DatabaseKind): readonly string[] {
  const to = columnWords(kind);
  return [
    ...bookkeeping(to),
    ...people(to),
    ...authenticators(to),
    ...configuration(to),
    ...transients(to),
    ...audit(to),
    ...(kind === 'sqlite' ? appendOnlySqlite() : appendOnlyPostgres()),
  ];
}

function bookkeeping({ integer, text, end }: ColumnWords): string[] {
  return [
    `create table database_info (
      id ${integer} not null primary key check (id = 1),
      is_test ${integer} not null ${flag('is_test')},
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      schema_version ${integer} not null check (schema_version >= 1)
    )${end}`,
    `create table configuration_version (
      id ${integer} not null primary key check (id = 1),
      version ${integer} not null ${natural('version')}
    )${end}`,
    `insert into configuration_version (id, version) values (1, 1)`,
    `create table instance (
      name ${text} not null primary key,
      first_opened_at_ms ${integer} not null ${natural('first_opened_at_ms')},
      ping_count ${integer} not null ${natural('ping_count')}
    )${end}`,
  ];
}

function people({ integer, text, end }: ColumnWords): string[] {
  return [
    `create table domain (
      id ${text} not null primary key,
      name ${text} not null,
      name_key ${text} not null unique,
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')}
    )${end}`,
    `create table organisational_unit (
      id ${text} not null primary key,
      domain_id ${text} not null references domain (id),
      name ${text} not null,
      name_key ${text} not null,
      parent_id ${text} references organisational_unit (id),
      version ${integer} not null ${natural('version')},
      unique (domain_id, name_key)
    )${end}`,
    `create index organisational_unit_parent on organisational_unit (parent_id)`,
    `create table user_account (
      id ${text} not null primary key,
      domain_id ${text} not null references domain (id),
      organisational_unit_id ${text} references organisational_unit (id),
      user_name ${text} not null,
      user_name_key ${text} not null,
      is_disabled ${integer} not null ${flag('is_disabled')},
      expires_at_ms ${integer},
      lock_count ${integer} not null ${natural('lock_count')},
      locked_at_ms ${integer},
      locked_by ${text} check (locked_by in ('threshold', 'administrator')),
      unlock_tries ${integer} not null ${natural('unlock_tries')},
      last_attempt_at_ms ${integer},
      last_success_at_ms ${integer},
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')},
      unique (domain_id, user_name_key),
      check ((locked_at_ms is null) = (locked_by is null))
    )${end}`,
    `create index user_account_unit on user_account (organisational_unit_id)`,
    `create table decoy (
      instance ${text} not null references instance (name),
      slot ${integer} not null ${natural('slot')},
      lock_count ${integer} not null ${natural('lock_count')},
      last_attempt_at_ms ${integer} not null,
      padding ${text} not null,
      primary key (instance, slot)
    )${end}`,
  ];
}

function authenticators({ integer, text, bytes, real, end }: ColumnWords): string[] {
  return [
    `create table authenticator (
      id ${text} not null primary key,
      serial ${text} not null unique check (serial = upper(serial)),
      licence_serial ${text} not null,
      model ${text} not null,
      is_virtual ${integer} not null ${flag('is_virtual')},
      is_disabled ${integer} not null ${flag('is_disabled')},
      expires_at_ms ${integer},
      user_id ${text} references user_account (id),
      assigned_at_ms ${integer},
      assignment_version ${integer} not null ${natural('assignment_version')},
      last_used_at_ms ${integer},
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')}
    )${end}`,
    `create index authenticator_user on authenticator (user_id)`,
    `create table application (
      id ${text} not null primary key,
      authenticator_id ${text} not null references authenticator (id),
      name ${text} not null,
      mode ${text} not null check (mode in ('response-only', 'challenge-response')),
      algorithm ${text} not null,
      seed_id ${text} not null unique,
      seed_residency ${text} not null,
      seed_blob ${bytes},
      seed_bytes ${integer} not null check (seed_bytes > 0),
      seed_padded ${integer} not null ${flag('seed_padded')},
      seed_key_check_value ${text} not null,
      seed_origin ${text} not null check (seed_origin in ('generated', 'paired', 'imported')),
      is_disabled ${integer} not null ${flag('is_disabled')},
      epoch ${integer} not null ${natural('epoch')},
      next_event_counter ${integer} not null ${natural('next_event_counter')},
      last_step ${integer} not null check (last_step between -1 and ${integerMax}),
      floor_ms ${integer} not null check (floor_ms between -${integerMax} and ${integerMax}),
      spent_challenges ${text} not null,
      drift_seconds ${real} not null,
      drift_at_ms ${integer},
      last_used_at_ms ${integer},
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')},
      unique (authenticator_id, name),
      check (seed_residency in ('resident', 'wrapped')
        and (seed_residency = 'wrapped') = (seed_blob is not null))
    )${end}`,
    `create index application_key_check_value on application (seed_key_check_value)`,
  ];
}

function configuration({ integer, text, end }: ColumnWords): string[] {
  return [
    `create table policy (
      id ${text} not null primary key,
      name ${text} not null,
      name_key ${text} not null unique,
      parent_id ${text} references policy (id),
      settings ${text} not null,
      version ${integer} not null ${natural('version')}
    )${end}`,
    `create index policy_parent on policy (parent_id)`,
    `create table component (
      id ${text} not null primary key,
      component_type ${text} not null,
      component_type_key ${text} not null,
      location ${text} not null,
      policy_id ${text} not null references policy (id),
      version ${integer} not null ${natural('version')},
      unique (component_type_key, location)
    )${end}`,
    `create index component_policy on component (policy_id)`,
    `create table api_key (
      id ${text} not null primary key,
      name ${text} not null,
      key_sha256 ${text} not null unique check (length(key_sha256) = 64),
      role ${text} not null check (role in ('admin', 'helpdesk', 'auditor', 'client')),
      component_type ${text} not null,
      domain_id ${text} references domain (id),
      expires_at_ms ${integer},
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      version ${integer} not null ${natural('version')}
    )${end}`,
    `create index api_key_domain on api_key (domain_id)`,
  ];
}

/** Rows that go by themselves: they don't keep their user or key from being deleted. */
function transients({ integer, text, end }: ColumnWords): string[] {
  return [
    `create table challenge (
      id ${text} not null primary key,
      user_id ${text} not null references user_account (id) on delete cascade,
      component_type ${text} not null,
      component_type_key ${text} not null,
      kind ${text} not null check (kind in ('1-step')),
      text ${text} not null,
      issued_at_ms ${integer} not null,
      expires_at_ms ${integer} not null,
      consumed_at_ms ${integer}
    )${end}`,
    `create index challenge_text on challenge (user_id, component_type_key, text)`,
    `create index challenge_expiry on challenge (expires_at_ms)`,
    `create table stored_answer (
      client_id ${text} not null,
      request_key ${text} not null,
      fingerprint ${text} not null,
      answer ${text} not null,
      expires_at_ms ${integer} not null,
      primary key (client_id, request_key)
    )${end}`,
    `create index stored_answer_expiry on stored_answer (expires_at_ms)`,
    `create table session (
      id_sha256 ${text} not null primary key check (length(id_sha256) = 64),
      api_key_id ${text} references api_key (id) on delete cascade,
      user_id ${text} references user_account (id) on delete cascade,
      created_at_ms ${integer} not null,
      last_used_at_ms ${integer} not null,
      expires_at_ms ${integer} not null,
      check ((api_key_id is null) <> (user_id is null))
    )${end}`,
    `create index session_api_key on session (api_key_id)`,
    `create index session_of_user on session (user_id)`,
    `create index session_expiry on session (expires_at_ms)`,
  ];
}

function audit({ integer, text, end }: ColumnWords): string[] {
  return [
    `create table audit_event (
      instance ${text} not null,
      sequence ${integer} not null check (sequence between 1 and ${integerMax}),
      at_ms ${integer} not null,
      body ${text} not null,
      previous_hash ${text} not null check (length(previous_hash) = 64),
      hash ${text} not null check (length(hash) = 64),
      primary key (instance, sequence)
    )${end}`,
  ];
}

const appendOnly = 'audit events are only ever appended';

function appendOnlySqlite(): string[] {
  return ['update', 'delete'].map(
    (operation) => `create trigger audit_event_no_${operation} before ${operation} on audit_event
      begin select raise(abort, '${appendOnly}'); end`,
  );
}

function appendOnlyPostgres(): string[] {
  return [
    `create function refuse_audit_change() returns trigger language plpgsql as
      'begin raise exception ''${appendOnly}''; end'`,
    `create trigger audit_event_no_change before update or delete on audit_event
      for each row execute function refuse_audit_change()`,
    `create trigger audit_event_no_truncate before truncate on audit_event
      for each statement execute function refuse_audit_change()`,
  ];
}

function flag(column: string): string {
  return `check (${column} in (0, 1))`;
}

function natural(column: string): string {
  return `check (${column} between 0 and ${integerMax})`;
}
