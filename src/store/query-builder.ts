import {
  type CompiledQuery,
  type Dialect,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { TallystickError } from '../errors.ts';
import type { DatabaseKind } from './options.ts';
import type { Schema } from './schema.ts';

/**
 * Kysely as a compiler only: it writes the SQL of both databases from one typed expression, and the
 * connections of this room run it. Statements of the hot path are compiled once, as templates.
 */

export type QueryBuilder = Kysely<Schema>;

/** A value as both drivers take and give it. */
export type SqlValue = string | number | Uint8Array | null;

/** A statement with its parameters, ready to run. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** A statement of Kysely's that is not compiled yet. */
export interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
}

/** A statement that is run once, its parameters within. */
export function statementOf(query: Compilable): Statement {
  const { sql, parameters } = query.compile();
  return { sql, parameters: parameters as readonly SqlValue[] };
}

/** A statement compiled once; `slots` says which argument goes where. */
export interface Template<Name extends string> {
  readonly sql: string;
  readonly slots: readonly (ArgumentSlot<Name> | SqlValue)[];
}

class ArgumentSlot<Name extends string> {
  readonly name: Name;
  constructor(name: Name) {
    this.name = name;
  }
}

/** Builds statements; running them through this object is impossible. */
export function queryBuilder(kind: DatabaseKind): QueryBuilder {
  return new Kysely<Schema>({ dialect: compileOnly(kind) });
}

/** Stands for an argument in a statement that becomes a template; `Value` is its column's type. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- taken from where it stands
export function argument<Value>(name: string): Value {
  return new ArgumentSlot(name) as Value;
}

/** The compiled statement with its arguments still open. `Name` is the union of their names. */
export function template<Name extends string>(statement: {
  compile(): CompiledQuery;
}): Template<Name> {
  const { sql, parameters } = statement.compile();
  return { sql, slots: parameters as readonly (ArgumentSlot<Name> | SqlValue)[] };
}

/** The parameters in the order in which the statement wants them. */
export function bind<Name extends string>(
  { slots }: Template<Name>,
  values: Readonly<Record<Name, SqlValue>>,
): SqlValue[] {
  return slots.map((slot) => (slot instanceof ArgumentSlot ? values[slot.name] : slot));
}

/** The names of the arguments, each once, in the order of their first use. */
export function argumentNames<Name extends string>({ slots }: Template<Name>): readonly Name[] {
  return [...new Set(slots.flatMap((slot) => (slot instanceof ArgumentSlot ? [slot.name] : [])))];
}

/** The statement as SQLite's text alone: constants as literals, arguments as `written` says. */
export function spelled<Name extends string>(
  { sql, slots }: Template<Name>,
  written: (name: Name) => string,
): string {
  let next = 0;
  return sql.replaceAll('?', () => {
    const slot = slots[next] ?? null;
    next += 1;
    return slot instanceof ArgumentSlot ? written(slot.name) : literal(slot);
  });
}

function literal(value: SqlValue): string {
  if (value === null || typeof value === 'number') return String(value);
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  throw new TallystickError('internal', 'A statement holds bytes as a constant.');
}

function compileOnly(kind: DatabaseKind): Dialect {
  const createDriver = (): DummyDriver => new DummyDriver();
  if (kind === 'sqlite') {
    return {
      createDriver,
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    };
  }
  return {
    createDriver,
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}
