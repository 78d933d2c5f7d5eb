import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/** The version of the static password that packages, and the logons before them, were made with. */
export function offlinePasswords(kind: DatabaseKind): readonly string[] {
  const { integer } = columnWords(kind);
  return ['offline_package', 'retrieval_handle'].map(
    (table) =>
      `alter table ${table} add column password_version ${integer} check (password_version >= 1)`,
  );
}
