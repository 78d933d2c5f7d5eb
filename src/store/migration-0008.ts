import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/** What logons at workstations have needed since they were there. */
export function offlineLater(kind: DatabaseKind): readonly string[] {
  const { integer } = columnWords(kind);
  return [
    // Beside the version, which is what edits and sent one-time passwords are judged by.
    ...['authenticator', 'offline_agent'].map(
      (table) => `alter table ${table} add column offline_turn ${integer} not null default 0
        check (offline_turn >= 0)`,
    ),
    `alter table offline_package add column silent_at_ms ${integer}`,
    `alter table offline_agent add column is_gap_accepted ${integer} not null default 0
      check (is_gap_accepted in (0, 1))`,
  ];
}
