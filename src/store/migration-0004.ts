import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/**
 * What logons of two steps need: static passwords with their history, how people are reached, virtual
 * mobile authenticators, the gateways by which messages leave and how many have. Policies that were
 * saved before keep doing what they did: nothing but a response asks for anything. Challenges live
 * for minutes and are not carried over.
 */
export function requestsAndPasswords(kind: DatabaseKind): readonly string[] {
  const { integer, text } = columnWords(kind);
  return [
    ...[
      `email ${text}`,
      `mobile ${text}`,
      `phone ${text}`,
      `delivery_method ${text}`,
      `local_authentication ${text}`,
      `password_salt ${text}`,
      `password_mac ${text}`,
      `password_set_at_ms ${integer}`,
      `password_version ${integer} not null default 1 check (password_version >= 1)`,
    ].map((column) => `alter table user_account add column ${column}`),
    ...[
      `kind ${text} not null default 'device' check (kind in ('device', 'virtual-mobile'))`,
      `grace_ends_at_ms ${integer}`,
      `backup_mode ${text}`,
      `backup_ends_at_ms ${integer}`,
      `backup_uses_left ${integer} check (backup_uses_left >= 0)`,
    ].map((column) => `alter table authenticator add column ${column}`),
    ...tables(kind),
    ...keptPolicies(kind),
  ];
}

function tables(kind: DatabaseKind): string[] {
  const { integer, text, bytes, end } = columnWords(kind);
  return [
    `create table password_history (
      user_id ${text} not null references user_account (id) on delete cascade,
      password_version ${integer} not null,
      mac ${text} not null,
      primary key (user_id, password_version)
    )${end}`,
    `drop table challenge`,
    `create table challenge (
      id ${text} not null primary key,
      handle ${text} not null,
      user_id ${text} references user_account (id) on delete cascade,
      authenticator_id ${text} references authenticator (id) on delete cascade,
      component_type ${text} not null,
      component_type_key ${text} not null,
      kind ${text} not null,
      method ${text},
      proven_pins ${text} not null,
      text ${text},
      user_version ${integer},
      authenticator_version ${integer},
      otp_digits ${integer},
      otp_mac ${text},
      miss_count ${integer} not null,
      issued_at_ms ${integer} not null,
      expires_at_ms ${integer} not null,
      consumed_at_ms ${integer},
      check ((text is null) = (otp_mac is not null))
    )${end}`,
    `create index challenge_text on challenge (text, component_type_key)`,
    `create index challenge_handle on challenge (handle, component_type_key)`,
    `create index challenge_of_user on challenge (user_id, component_type_key)`,
    `create index challenge_of_authenticator on challenge (authenticator_id)`,
    `create index challenge_expiry on challenge (expires_at_ms)`,
    `create table gateway (
      id ${text} not null primary key,
      name ${text} not null,
      name_key ${text} not null unique,
      channel ${text} not null check (channel in ('email', 'sms', 'voice')),
      position ${integer} not null,
      settings ${text} not null,
      sealed_secret ${bytes},
      is_disabled ${integer} not null check (is_disabled in (0, 1)),
      version ${integer} not null check (version >= 0)
    )${end}`,
    `create table send_count (
      scope ${text} not null,
      window_start_ms ${integer} not null,
      message_count ${integer} not null check (message_count >= 0),
      primary key (scope, window_start_ms)
    )${end}`,
    `create index send_count_window on send_count (window_start_ms)`,
  ];
}

function keptPolicies(kind: DatabaseKind): string[] {
  const names = [
    'twoStepRequestMethod',
    'primaryVirtualRequestMethod',
    'backupVirtualRequestMethod',
  ];
  const kept =
    kind === 'sqlite'
      ? `json_set(settings, ${names.map((name) => `'$.${name}', 'none'`).join(', ')})`
      : `(settings::jsonb || '{${names.map((name) => `"${name}":"none"`).join()}}')::text`;
  return [`update policy set settings = ${kept} where parent_id is null`];
}
