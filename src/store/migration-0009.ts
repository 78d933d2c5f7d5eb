import { columnWords } from './column-words.ts';
import type { DatabaseKind } from './options.ts';

/**
 * Applications that sign data fields. What they do beside logons has a column of its own: the check
 * on the modes there were would be a table made anew.
 */
export function signatures(kind: DatabaseKind): readonly string[] {
  const { text } = columnWords(kind);
  return [
    `alter table application add column signing ${text} not null default 'no'
      check (signing in ('no', 'only', 'also'))`,
  ];
}
