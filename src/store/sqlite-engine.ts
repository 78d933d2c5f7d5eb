import type { Statement as PreparedStatement } from 'better-sqlite3';
import type { AuditChain } from '../service/ports.ts';
import type { AdministerResult, Decision } from '../service/store.ts';
import {
  outcomeOfNone,
  type PreparedChange,
  type PreparedChanges,
  Refusal,
  refusalOf,
} from './administer.ts';
import {
  chained,
  type ChainedEvent,
  type ChainTip,
  emptyChain,
  type UnchainedEvent,
} from './chain-tip.ts';
import type { DecisionOutcome, Engine, PreparedDecision } from './engine.ts';
import { auditInsert } from './hot-statements.ts';
import { bind, type SqlValue, type Statement, type Template } from './query-builder.ts';
import { isStatementFault, storeErrorOf } from './store-errors.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { conflictOf, type Program, SqlitePrograms } from './sqlite-programs.ts';
import { batchMax, stepsOf } from './sqlite-steps.ts';

const preparedMax = 512;
const committed: DecisionOutcome = { status: 'committed' };

/**
 * SQLite: one connection, every call synchronous, so no read ever sees a transaction half done.
 * Statements are prepared once and kept.
 */
export class SqliteEngine implements Engine {
  readonly batchMax: number = batchMax;
  readonly #connection: SqliteConnection;
  readonly #instance: string;
  readonly #chain: AuditChain;
  readonly #requireFile: () => void;
  readonly #release: () => void;
  readonly #prepared = new Map<string, PreparedStatement<SqlValue[]>>();
  readonly #programs: SqlitePrograms;
  /** Null after a failure: then what is durable is read again. */
  #tip: ChainTip | null = null;

  /**
   * `requireFile` throws when the path no longer names the file that is open: what is written to it then
   * is lost with the process. `release` gives the instance's lock back; it is called last.
   */
  constructor(
    connection: SqliteConnection,
    instance: string,
    chain: AuditChain,
    requireFile: () => void,
    release: () => void,
  ) {
    this.#connection = connection;
    this.#instance = instance;
    this.#chain = chain;
    this.#requireFile = requireFile;
    this.#release = release;
    this.#programs = new SqlitePrograms(connection);
  }

  claims(): readonly string[] {
    return [];
  }

  commitBatch(batch: readonly PreparedDecision[]): Promise<readonly DecisionOutcome[]> {
    return settled(() => {
      const prepared = batch.map(({ decision, event }, index) => {
        const program = this.#programs.of(stepsOf(decision, this.#instance, index));
        return { decision, event, program };
      });
      return this.#transaction(() => {
        let tip = this.#readTip();
        const result = prepared.map(({ decision, event, program }): DecisionOutcome => {
          const next = chained(this.#chain, this.#instance, tip, event);
          const outcome = this.#decide(decision, program, next);
          if (outcome === committed) tip = next;
          return outcome;
        });
        return { result, tip };
      });
    });
  }

  administer(
    changes: PreparedChanges,
    events: readonly UnchainedEvent[],
  ): Promise<AdministerResult> {
    return settled(() => {
      try {
        return this.#transaction(() => {
          for (const [index, step] of changes.steps.entries()) {
            const refusal = this.#change(step, index);
            if (refusal !== null) throw new Refusal(refusal);
          }
          for (const statement of changes.alongside) this.#run(statement);
          const result: AdministerResult = { status: 'committed' };
          const tip = events.reduce((last, event) => this.#append(last, event), this.#readTip());
          return { result, tip };
        });
      } catch (error) {
        if (error instanceof Refusal) return error.result;
        throw error;
      }
    });
  }

  write(statements: readonly Statement[]): Promise<number> {
    return settled(() =>
      this.#transaction(() => {
        const result = statements.reduce((sum, statement) => sum + this.#run(statement), 0);
        return { result, tip: this.#tip };
      }),
    );
  }

  arrays<Name extends string>(
    statement: Template<Name>,
    values: Readonly<Record<Name, SqlValue>>,
  ): Promise<readonly (readonly unknown[])[]> {
    return settled(() => {
      const prepared = this.#statement(statement.sql, (fresh) => fresh.raw());
      return prepared.all(...bind(statement, values)) as unknown[][];
    });
  }

  rows(statements: readonly Statement[]): Promise<readonly (readonly object[])[]> {
    const read = (): object[][] =>
      statements.map(({ sql, parameters }) => {
        return this.#statement(sql).all(...parameters) as object[];
      });
    return settled(() => (statements.length === 1 ? read() : this.#connection.transaction(read)()));
  }

  close(): Promise<void> {
    return settled(() => {
      this.#connection.close();
      this.#release();
    });
  }

  /** BEGIN IMMEDIATE takes the write lock now; whatever fails, nothing of `work` remains. */
  #transaction<Result>(work: () => { result: Result; tip: ChainTip | null }): Result {
    this.#requireFile();
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      const { result, tip } = work();
      this.#connection.exec('COMMIT');
      this.#tip = tip;
      return result;
    } catch (error) {
      this.#tip = null;
      // A full disk and some other faults have rolled back already.
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  /** A conflict or a fault of its own takes only this decision back; any other takes the batch. */
  #decide(decision: Decision, program: Program, event: ChainedEvent): DecisionOutcome {
    try {
      program(event);
      return committed;
    } catch (error) {
      if (!this.#connection.inTransaction || !isStatementFault(error)) throw error;
      const on = conflictOf(error, decision);
      return on === null ? storeErrorOf(error) : { status: 'conflict', on };
    }
  }

  #append(tip: ChainTip, event: UnchainedEvent): ChainTip {
    const next = chained(this.#chain, this.#instance, tip, event);
    this.#run({ sql: auditInsert.sql, parameters: bind(auditInsert, next) });
    return next;
  }

  #readTip(): ChainTip {
    if (this.#tip !== null) return this.#tip;
    const last = this.#connection
      .prepare<[string], ChainTip>(
        'select sequence, hash from audit_event where instance = ? order by sequence desc limit 1',
      )
      .get(this.#instance);
    return last ?? emptyChain;
  }

  #change(step: PreparedChange, index: number): AdministerResult | null {
    const { change, hold, write, probe } = step;
    try {
      if (hold !== null) this.#run(hold);
      if (this.#run(write) === 1) return null;
    } catch (error) {
      const refusal = refusalOf(change, index, error);
      if (refusal === null) throw error;
      return refusal;
    }
    const row = probe === null ? undefined : this.#statement(probe.sql).get(...probe.parameters);
    return outcomeOfNone(step, row !== undefined, index);
  }

  #run({ sql, parameters }: Statement): number {
    return this.#statement(sql).run(...parameters).changes;
  }

  #statement(
    sql: string,
    adjust: (fresh: PreparedStatement<SqlValue[]>) => PreparedStatement<SqlValue[]> = (s) => s,
  ): PreparedStatement<SqlValue[]> {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = adjust(this.#connection.prepare<SqlValue[]>(sql));
      if (this.#prepared.size >= preparedMax) this.#prepared.clear();
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}

/** The outcome of synchronous work as a promise, its faults in our words. */
function settled<Result>(work: () => Result): Promise<Result> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(storeErrorOf(error));
  }
}
