import { sql } from 'kysely';
import { TallystickError } from '../errors.ts';
import type { AdministerResult, Raise, RecordChange, RecordKind } from '../service/store.ts';
import type { DatabaseKind } from './options.ts';
import {
  argument,
  bind,
  type QueryBuilder,
  type SqlValue,
  type Statement,
  type Template,
  template,
} from './query-builder.ts';
import { Raises, type ShapedStatement } from './raises.ts';
import { constraintOf } from './store-errors.ts';
import { columnsOf, tableOf } from './writes.ts';

type AnyChange = RecordChange | Raise;

/** One change as statements: `write` changes one row, or `probe` tells why it did not. */
export interface PreparedChange {
  readonly change: AnyChange['change'];
  /** Goes before, in a statement of its own, and may find nothing. */
  readonly hold: Statement | null;
  readonly write: Statement;
  /** Finds the row whatever its version; null where that tells nothing. */
  readonly probe: Statement | null;
  /** What it means when neither finds a row. */
  readonly unmatched: 'missing' | 'conflict' | 'fine';
}

export interface PreparedChanges {
  readonly steps: readonly PreparedChange[];
  /** What goes with them, of however many rows: the snapshots' version rises, sessions end. */
  readonly alongside: readonly Statement[];
}

const changesMax = 20_000;

const inSnapshot: ReadonlySet<RecordKind> = new Set([
  'domain',
  'policy',
  'component',
  'apiKey',
  'gateway',
]);
const templatesMax = 512;
/** Raises that have a condition. */
const conflicting: ReadonlySet<AnyChange['change']> = new Set(['reserve', 'release', 'take-turn']);

/** Turns changes of records into statements; statements of the same shape are compiled once. */
export class ChangePreparer {
  readonly #builder: QueryBuilder;
  readonly #templates = new Map<string, Template<string>>();
  readonly #raises: Raises;

  constructor(builder: QueryBuilder, kind: DatabaseKind) {
    this.#builder = builder;
    this.#raises = new Raises(builder, kind);
  }

  /** @throws TallystickError store-contract for a change that no database could hold */
  prepare(changes: readonly AnyChange[]): PreparedChanges {
    if (changes.length > changesMax) {
      throw new TallystickError('store-contract', `At most ${changesMax} changes go together.`);
    }
    return {
      steps: changes.map((change) => ('kind' in change ? this.#step(change) : this.#raise(change))),
      alongside: this.#alongside(changes),
    };
  }

  #alongside(changes: readonly AnyChange[]): readonly Statement[] {
    const statements = changes.flatMap((change) =>
      change.change === 'update' && change.endsSessions === true
        ? [this.#statement('end sessions', () => this.#endSessions(), { '#id': change.id })]
        : [],
    );
    if (changes.some((change) => 'kind' in change && inSnapshot.has(change.kind))) {
      statements.push(this.#statement('snapshot', () => this.#newSnapshot(), {}));
    }
    return statements;
  }

  #endSessions(): Parameters<typeof template>[0] {
    return this.#builder.deleteFrom('session').where('user_id', '=', argument<string>('#id'));
  }

  #step(change: RecordChange): PreparedChange {
    const table = tableOf[change.kind];
    if (change.change === 'insert') {
      const columns = columnsOf(change.kind, change.record);
      const names = Object.keys(columns);
      const write = this.#statement(
        `insert ${table} ${names.join()}`,
        () =>
          this.#builder
            .insertInto(table)
            .values(Object.fromEntries(names.map((name) => [name, argument(name)])) as never),
        columns,
      );
      return { change: 'insert', hold: null, write, probe: null, unmatched: 'missing' };
    }
    const row = { '#id': change.id, '#version': change.expectedVersion };
    const write =
      change.change === 'update'
        ? this.#update(change, row)
        : this.#statement(
            `delete ${table}`,
            () =>
              this.#builder
                .deleteFrom(table)
                .where('id', '=', argument<string>('#id'))
                .where('version', '=', argument<number>('#version')),
            row,
          );
    const probe = this.#statement(
      `probe ${table}`,
      () =>
        this.#builder.selectFrom(table).select('version').where('id', '=', argument<string>('#id')),
      row,
    );
    return { change: change.change, hold: null, write, probe, unmatched: 'missing' };
  }

  #update(
    change: Extract<RecordChange, { change: 'update' }>,
    row: Readonly<Record<string, SqlValue>>,
  ): Statement {
    const columns = columnsOf(change.kind, change.set);
    const names = Object.keys(columns);
    if (names.includes('id') || names.includes('version')) {
      throw new TallystickError('store-contract', 'An update sets neither id nor version.');
    }
    return this.#statement(
      `update ${change.kind} ${names.join()}`,
      () =>
        this.#builder
          // Every record's table has these two columns; which table it is makes no difference.
          .updateTable(tableOf[change.kind] as 'domain')
          .set({
            ...Object.fromEntries(names.map((name) => [name, argument(name)])),
            version: sql`version + 1`,
          })
          .where('id', '=', argument<string>('#id'))
          .where('version', '=', argument<number>('#version')),
      { ...columns, ...row },
    );
  }

  #raise(raise: Raise): PreparedChange {
    const { hold, write } = this.#raises.statements(raise);
    const { change } = raise;
    return {
      change,
      hold: hold === null ? null : this.#shaped(hold),
      write: this.#shaped(write),
      probe: null,
      unmatched: conflicting.has(change) ? 'conflict' : 'fine',
    };
  }

  #shaped({ shape, build, values }: ShapedStatement): Statement {
    return this.#statement(shape, build, values);
  }

  #newSnapshot(): Parameters<typeof template>[0] {
    return this.#builder.updateTable('configuration_version').set({ version: sql`version + 1` });
  }

  #statement(
    shape: string,
    build: () => Parameters<typeof template>[0],
    values: Readonly<Record<string, SqlValue>>,
  ): Statement {
    let compiled = this.#templates.get(shape);
    if (compiled === undefined) {
      compiled = template(build());
      if (this.#templates.size >= templatesMax) this.#templates.clear();
      this.#templates.set(shape, compiled);
    }
    return { sql: compiled.sql, parameters: bind(compiled, values) };
  }
}

/** What it means that a change changed no row; null when nothing is wrong with that. */
export function outcomeOfNone(
  { unmatched }: PreparedChange,
  isThere: boolean,
  index: number,
): AdministerResult | null {
  if (unmatched === 'fine') return null;
  return { status: isThere ? 'conflict' : unmatched, index };
}

/** What a violated constraint means for a change; null when the error means something else. */
export function refusalOf(
  change: AnyChange['change'],
  index: number,
  error: unknown,
): AdministerResult | null {
  switch (constraintOf(error)) {
    case 'unique':
      return { status: 'exists', index };
    case 'foreign-key':
      return { status: change === 'delete' ? 'referenced' : 'missing', index };
    case null:
      return null;
  }
}

/** Ends an administration's transaction, so that nothing of it remains; carries what to answer. */
export class Refusal extends Error {
  readonly result: AdministerResult;
  constructor(result: AdministerResult) {
    super(result.status);
    this.result = result;
  }
}
