import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/**
 * What programs need that speak SOAP, and the people behind them: server PINs, components that are
 * known by their address alone, administrators who sign in, challenges that go by a handle. Rows that
 * live for minutes are not carried over.
 */
export function serverPinsAndSessions(kind: DatabaseKind): readonly string[] {
  const { integer, text, end } = columnWords(kind);
  const flag = (column: string): string => `check (${column} in (0, 1))`;
  return [
    `alter table application add column pin_is_enabled ${integer} not null default 0
      ${flag('pin_is_enabled')}`,
    `alter table application add column pin_is_change_forced ${integer} not null default 0
      ${flag('pin_is_change_forced')}`,
    `alter table application add column pin_minimum_length ${integer} not null default 4
      check (pin_minimum_length between 3 and 8)`,
    `alter table application add column pin_length ${integer}
      check (pin_length between 3 and 8)`,
    `alter table application add column pin_salt ${text}`,
    `alter table application add column pin_mac ${text}`,
    `alter table application add column pin_version ${integer} not null default 1
      check (pin_version >= 1)`,
    `alter table component add column access ${text} not null default 'api-key'
      check (access in ('api-key', 'address'))`,
    `alter table user_account add column administrator_role ${text}
      check (administrator_role in ('admin', 'helpdesk', 'auditor'))`,
    `drop table challenge`,
    `create table challenge (
      id ${text} not null primary key,
      handle ${text} not null,
      user_id ${text} references user_account (id) on delete cascade,
      component_type ${text} not null,
      component_type_key ${text} not null,
      kind ${text} not null,
      text ${text} not null,
      issued_at_ms ${integer} not null,
      expires_at_ms ${integer} not null,
      consumed_at_ms ${integer}
    )${end}`,
    `create index challenge_text on challenge (text, component_type_key)`,
    `create index challenge_handle on challenge (handle, component_type_key)`,
    `create index challenge_of_user on challenge (user_id, component_type_key)`,
    `create index challenge_expiry on challenge (expires_at_ms)`,
    `drop table session`,
    `create table session (
      id_sha256 ${text} not null primary key check (length(id_sha256) = 64),
      user_id ${text} not null references user_account (id) on delete cascade,
      component_type ${text} not null,
      peer_address ${text} not null,
      created_at_ms ${integer} not null,
      last_used_at_ms ${integer} not null,
      expires_at_ms ${integer} not null
    )${end}`,
    `create index session_of_user on session (user_id)`,
    `create index session_expiry on session (expires_at_ms)`,
  ];
}
