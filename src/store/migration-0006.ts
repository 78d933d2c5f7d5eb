import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

const kinds = `('tokencode', 'passcode', 'fixed', 'one-time')`;
const states = `('live', 'used-up', 'expired', 'locked', 'replaced', 'reset', 'revoked', 'returned')`;

/** Emergency codes: MACs and sealed copies, which say nothing without the module. */
export function emergencyCodes(kind: DatabaseKind): readonly string[] {
  const { integer, text, bytes, end } = columnWords(kind);
  const flag = (column: string): string => `check (${column} in (0, 1))`;
  const natural = (column: string): string => `check (${column} >= 0)`;
  return [
    `create table emergency_code (
      id ${text} not null primary key,
      user_id ${text} not null references user_account (id) on delete cascade,
      authenticator_id ${text} not null references authenticator (id) on delete cascade,
      assignment_version ${integer} not null ${natural('assignment_version')},
      kind ${text} not null check (kind in ${kinds}),
      macs ${text} not null,
      sealed ${bytes},
      is_revealable ${integer} not null ${flag('is_revealable')},
      is_pin_required ${integer} not null ${flag('is_pin_required')},
      is_online_allowed ${integer} not null ${flag('is_online_allowed')},
      not_after_ms ${integer} not null ${natural('not_after_ms')},
      uses_max ${integer} check (uses_max >= 1),
      use_count ${integer} not null ${natural('use_count')},
      miss_count ${integer} not null ${natural('miss_count')},
      state ${text} not null check (state in ${states}),
      created_by ${text} not null,
      created_at_ms ${integer} not null ${natural('created_at_ms')},
      reveal_by ${text},
      reveal_reason ${text},
      reveal_at_ms ${integer},
      reveal_approved_by ${text},
      revealed_at_ms ${integer},
      version ${integer} not null ${natural('version')},
      check (state = 'live' or (macs = '[]' and sealed is null))
    )${end}`,
    `create unique index emergency_code_live on emergency_code (authenticator_id, kind)
      where state = 'live'`,
    `create index emergency_code_of_authenticator on emergency_code
      (authenticator_id, created_at_ms)`,
    `create index emergency_code_of_user on emergency_code (user_id, created_at_ms)`,
    `create index emergency_code_end on emergency_code (not_after_ms)`,
    `alter table offline_package add column emergency_code_ids ${text} not null default '[]'`,
  ];
}
