import Database from 'better-sqlite3';
import type { CommitResult, Decision } from '../service/store.ts';
import type { ChainedEvent } from './chain-tip.ts';
import { auditInsert } from './hot-statements.ts';
import { argumentNames, spelled, type SqlValue, type Template } from './query-builder.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { constraintOf } from './store-errors.ts';

/**
 * A decision is a few writes, all of them or none. A statement for each and a savepoint around them
 * cost SQLite more than the writes, so they are the trigger of a view, both the connection's own:
 * inserting into the view runs them, and SQLite takes back what a failing one leaves behind.
 */

type Conflict = Extract<CommitResult, { status: 'conflict' }>['on'];

/** A statement that changes one row, and what it conflicts with when it changes none, if it may. */
export interface Write<Name extends string> {
  readonly statement: Template<Name>;
  readonly names: readonly Name[];
  readonly on: Conflict | null;
}

/** A write with its arguments. */
export interface Step {
  readonly write: Write<string>;
  readonly values: Readonly<Record<string, SqlValue>>;
}

/** Runs the writes and appends the event. @throws what SQLite throws: see `conflictOf` */
export type Program = (event: ChainedEvent) => void;

type Prepared = Database.Statement<SqlValue[]>;

/** Kinds of decisions are few, and no request makes one up. */
const preparedMax = 256;
const conflicts: readonly Conflict[] = [
  'user',
  'authenticator',
  'application',
  'challenge',
  'emergency',
  'session',
  'answer',
];

export function writeOf<Name extends string>(
  statement: Template<Name>,
  on: Conflict | null = null,
): Write<Name> {
  return { statement, names: argumentNames(statement), on };
}

/** `values` has every argument of the write. */
export function step<Name extends string>(
  write: Write<Name>,
  values: Readonly<Record<Name, SqlValue>>,
): Step {
  return { write, values };
}

const appending = writeOf(auditInsert);

/** The programs of a connection, each made when the first decision of its kind comes. */
export class SqlitePrograms {
  readonly #connection: SqliteConnection;
  readonly #numbers = new Map<Write<string>, number>();
  readonly #prepared = new Map<string, Prepared>();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** To be called outside of a transaction: what it makes must survive a rollback. */
  of(steps: readonly Step[]): Program {
    const prepared = this.#prepare(steps);
    return (event) => {
      const parameters: SqlValue[] = [];
      for (const { write, values } of steps) {
        for (const name of write.names) parameters.push(values[name] ?? null);
      }
      for (const name of appending.names) parameters.push(event[name]);
      prepared.run(...parameters);
    };
  }

  #prepare(steps: readonly Step[]): Prepared {
    let view = 'decide';
    for (const { write } of steps) view += `_${this.#numberOf(write)}`;
    let prepared = this.#prepared.get(view);
    if (prepared === undefined) {
      if (this.#prepared.size >= preparedMax) this.#forget();
      prepared = this.#create(view, [...steps.map(({ write }) => write), appending]);
      this.#prepared.set(view, prepared);
    }
    return prepared;
  }

  #numberOf(write: Write<string>): number {
    let number = this.#numbers.get(write);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(write, number);
    }
    return number;
  }

  #create(view: string, writes: readonly Write<string>[]): Prepared {
    const column = (at: number, name: string): string => `"${at} ${name}"`;
    const columns = writes.flatMap(({ names }, at) => names.map((name) => column(at, name)));
    const body = writes.flatMap(({ statement, on }, at) => [
      spelled(statement, (name) => `new.${column(at, name)}`),
      ...(on === null ? [] : [`select raise(abort, '${on}') where changes() = 0`]),
    ]);
    this.#connection.exec(`
      create temp view ${view} as select ${columns.map((name) => `null as ${name}`).join()};
      create temp trigger ${view}_run instead of insert on ${view} begin
        ${body.join(';\n')};
      end`);
    return this.#connection.prepare(
      `insert into ${view} values (${columns.map(() => '?').join()})`,
    );
  }

  #forget(): void {
    for (const view of this.#prepared.keys()) this.#connection.exec(`drop view ${view}`);
    this.#prepared.clear();
  }
}

/** What a decision conflicted with, or null when something else went wrong. */
export function conflictOf(error: unknown, decision: Decision): Conflict | null {
  const { issue, openSession } = decision;
  if (constraintOf(error) === 'foreign-key') {
    // Deleted since it was read; of a one-time password, the user's row was there a moment ago.
    if (issue !== null && 'otpMac' in issue) return 'authenticator';
    if (issue !== null || openSession !== null) return 'user';
  }
  const isRaised =
    error instanceof Database.SqliteError && error.code === 'SQLITE_CONSTRAINT_TRIGGER';
  return isRaised ? (conflicts.find((on) => on === error.message) ?? null) : null;
}
