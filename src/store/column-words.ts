import type { DatabaseKind } from './options.ts';

/** Column types and the end of a table definition, by database. */
export interface ColumnWords {
  /** SQLite's integer has 64 bits in every column; PostgreSQL's must be asked for. */
  readonly integer: string;
  /** Compared by bytes in both, so that pages have the same order. */
  readonly text: string;
  readonly bytes: string;
  readonly real: string;
  /** Rows live in the tree of their key, one descent for a row by id; types are enforced. */
  readonly end: string;
}

const words: Readonly<Record<DatabaseKind, ColumnWords>> = {
  sqlite: {
    integer: 'integer',
    text: 'text',
    bytes: 'blob',
    real: 'real',
    end: ' strict, without rowid',
  },
  postgres: {
    integer: 'bigint',
    text: 'text collate "C"',
    bytes: 'bytea',
    real: 'double precision',
    end: '',
  },
};

export function columnWords(kind: DatabaseKind): ColumnWords {
  return words[kind];
}

/** 0 or 1: SQLite has no other boolean, and one form serves both databases. */
export type Flag = number;
