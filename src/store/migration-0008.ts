import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/** What logons at workstations have needed since they were there. */
export function offlineTurns(kind: DatabaseKind): readonly string[] {
  const { integer } = columnWords(kind);
  return ['authenticator', 'offline_agent'].map(
    // Beside the version, which is what edits and sent one-time passwords are judged by.
    (table) => `alter table ${table} add column offline_turn ${integer} not null default 0
      check (offline_turn >= 0)`,
  );
}
