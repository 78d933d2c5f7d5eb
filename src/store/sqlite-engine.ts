import type { Statement as PreparedStatement } from 'better-sqlite3';
import type { ApplicationNote } from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import type { AuditChain } from '../service/ports.ts';
import type { AdministerResult, CommitResult, Decision, UserChange } from '../service/store.ts';
import { type PreparedChange, type PreparedChanges, Refusal, refusalOf } from './administer.ts';
import { chained, type ChainTip, emptyChain, type UnchainedEvent } from './chain-tip.ts';
import type { DecisionOutcome, Engine, PreparedDecision } from './engine.ts';
import * as hot from './hot-statements.ts';
import { bind, type SqlValue, type Statement, type Template } from './query-builder.ts';
import { constraintOf, isStatementFault, storeErrorOf } from './store-errors.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { storedInteger } from './writes.ts';

/** Applied in one breath: more would keep the event loop from everybody else for too long. */
const batchMax = 64;
const preparedMax = 512;

type Run<Name extends string> = (values: Readonly<Record<Name, SqlValue>>) => number;
type Conflict = Extract<CommitResult, { status: 'conflict' }>['on'];

/** Rolls one decision back to its savepoint. */
class DecisionConflict extends Error {
  readonly on: Conflict;
  constructor(on: Conflict) {
    super(`conflict on ${on}`);
    this.on = on;
  }
}

/**
 * SQLite: one connection, every call synchronous, so no read ever sees a transaction half done.
 * Hot statements are prepared once and kept.
 */
export class SqliteEngine implements Engine {
  readonly batchMax: number = batchMax;
  readonly #connection: SqliteConnection;
  readonly #instance: string;
  readonly #chain: AuditChain;
  readonly #release: () => void;
  readonly #prepared = new Map<string, PreparedStatement<SqlValue[]>>();
  readonly #hot: HotStatements;
  readonly #users: Readonly<Record<Exclude<UserChange['kind'], 'decoy'>, Run<hot.UserArgument>>>;
  /** Null after a failure: then what is durable is read again. */
  #tip: ChainTip | null = null;

  /** `release` gives the instance's lock back; it is called last. */
  constructor(
    connection: SqliteConnection,
    instance: string,
    chain: AuditChain,
    release: () => void,
  ) {
    this.#connection = connection;
    this.#instance = instance;
    this.#chain = chain;
    this.#release = release;
    this.#hot = prepareHot(connection);
    this.#users = {
      success: prepare(connection, hot.userSuccess),
      failure: prepare(connection, hot.userFailure),
      'unlock-success': prepare(connection, hot.userUnlockSuccess),
      'unlock-failure': prepare(connection, hot.userUnlockFailure),
      touch: prepare(connection, hot.userTouch),
    };
  }

  claims(): readonly string[] {
    return [];
  }

  commitBatch(batch: readonly PreparedDecision[]): Promise<readonly DecisionOutcome[]> {
    return settled(() =>
      this.#transaction(() => {
        let tip = this.#readTip();
        const outcomes = batch.map((prepared, index): DecisionOutcome => {
          const outcome = this.#apart(() => {
            this.#apply(prepared.decision, index);
            return this.#append(tip, prepared.event);
          });
          if ('sequence' in outcome) {
            tip = outcome;
            return { status: 'committed' };
          }
          return outcome;
        });
        return { result: outcomes, tip };
      }),
    );
  }

  administer(changes: PreparedChanges, event: UnchainedEvent): Promise<AdministerResult> {
    return settled(() => {
      try {
        return this.#transaction(() => {
          for (const [index, step] of changes.steps.entries()) {
            const refusal = this.#change(step, index);
            if (refusal !== null) throw new Refusal(refusal);
          }
          if (changes.raiseConfiguration !== null) this.#run(changes.raiseConfiguration);
          const result: AdministerResult = { status: 'committed' };
          return { result, tip: this.#append(this.#readTip(), event) };
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

  /** Runs one decision in a savepoint: a conflict or a fault of its own takes only its own back. */
  #apart<Result>(work: () => Result): Result | Exclude<DecisionOutcome, { status: 'committed' }> {
    this.#hot.savepoint();
    try {
      const result = work();
      this.#hot.release();
      return result;
    } catch (error) {
      const isConflict = error instanceof DecisionConflict;
      if (!this.#connection.inTransaction || !(isConflict || isStatementFault(error))) throw error;
      this.#hot.rollback();
      this.#hot.release();
      return isConflict ? { status: 'conflict', on: error.on } : storeErrorOf(error);
    }
  }

  #apply(decision: Decision, index: number): void {
    const { atMs, advance } = decision;
    if (decision.user !== null) this.#changeUser(decision.user, atMs, index);
    if (decision.authenticator !== null) {
      oneRow('authenticator', this.#hot.authenticatorUse({ ...decision.authenticator, atMs }));
    }
    if (advance !== null) {
      const { guard, set } = advance;
      const changed = this.#hot.applicationAdvance({
        applicationId: advance.applicationId,
        epoch: advance.epoch,
        nextEventCounterAtMost: storedInteger(guard.nextEventCounterAtMost),
        lastStepBelow: storedInteger(guard.lastStepBelow),
        orSpentChallenges:
          guard.orSpentChallenges === null ? null : JSON.stringify(guard.orSpentChallenges),
        nextEventCounter: storedInteger(set.nextEventCounter),
        lastStep: storedInteger(set.lastStep),
        floorMs: set.floorMs,
        spentChallenges: JSON.stringify(set.spentChallenges),
        failureCountBelow: guard.failureCountBelow,
        expectedPendingSync: guard.pendingSync,
        driftSeconds: set.driftSeconds,
        driftAtMs: set.driftAtMs,
        driftHistory: set.driftHistory,
        atMs,
      });
      oneRow('application', changed);
    }
    for (const note of decision.notes) this.#note(note, atMs, index);
    for (const follower of decision.followers) {
      oneRow('application', this.#hot.driftFollow({ ...follower }));
    }
    for (const challengeId of new Set(decision.challengeIds)) {
      oneRow('challenge', this.#hot.challengeConsume({ challengeId, atMs }));
    }
    this.#keep(decision);
  }

  #changeUser(change: UserChange, atMs: number, index: number): void {
    if (change.kind === 'decoy') {
      this.#hot.decoyFailure({ instance: this.#instance, slot: index, atMs });
      return;
    }
    const threshold = 'threshold' in change ? change.threshold : null;
    const expectedTries = 'expectedTries' in change ? change.expectedTries : null;
    const values = { userId: change.userId, atMs, threshold, expectedTries };
    oneRow('user', this.#users[change.kind](values));
  }

  #note(note: ApplicationNote, atMs: number, index: number): void {
    if (note.kind === 'application') oneRow('application', this.#hot.applicationNote({ ...note }));
    else this.#hot.decoyFailure({ instance: this.#instance, slot: batchMax + index, atMs });
  }

  #keep({ issueChallenge, storedAnswer, atMs }: Decision): void {
    if (issueChallenge !== null) {
      const componentTypeKey = nameKey(issueChallenge.componentType);
      try {
        this.#hot.challengeIssue({ ...issueChallenge, componentTypeKey });
      } catch (error) {
        // The user was deleted since it was read.
        throw constraintOf(error) === 'foreign-key' ? new DecisionConflict('user') : error;
      }
    }
    if (storedAnswer !== null) oneRow('answer', this.#hot.answerStore({ ...storedAnswer, atMs }));
  }

  #append(tip: ChainTip, event: UnchainedEvent): ChainTip {
    const next = chained(this.#chain, this.#instance, tip, event);
    this.#hot.auditInsert({ ...next });
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

  #change({ change, write, probe }: PreparedChange, index: number): AdministerResult | null {
    try {
      if (this.#run(write) === 1) return null;
    } catch (error) {
      const refusal = refusalOf(change, index, error);
      if (refusal === null) throw error;
      return refusal;
    }
    const isThere = probe !== null && this.#statement(probe.sql).get(...probe.parameters);
    return { status: isThere === undefined ? 'missing' : 'conflict', index };
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

type HotStatements = ReturnType<typeof prepareHot>;

function prepareHot(connection: SqliteConnection) {
  const plain = (sql: string): (() => void) => {
    const statement = connection.prepare(sql);
    return () => void statement.run();
  };
  return {
    savepoint: plain('SAVEPOINT decision'),
    release: plain('RELEASE decision'),
    rollback: plain('ROLLBACK TO decision'),
    decoyFailure: prepare(connection, hot.decoyFailure),
    authenticatorUse: prepare(connection, hot.authenticatorUse),
    applicationAdvance: prepare(connection, hot.applicationAdvance),
    applicationNote: prepare(connection, hot.applicationNote),
    driftFollow: prepare(connection, hot.driftFollow),
    challengeConsume: prepare(connection, hot.challengeConsume),
    challengeIssue: prepare(connection, hot.challengeIssue),
    answerStore: prepare(connection, hot.answerStore),
    auditInsert: prepare(connection, hot.auditInsert),
  };
}

function prepare<Name extends string>(
  connection: SqliteConnection,
  statement: Template<Name>,
): Run<Name> {
  const prepared = connection.prepare<SqlValue[]>(statement.sql);
  return (values) => prepared.run(...bind(statement, values)).changes;
}

function oneRow(on: Conflict, changed: number): void {
  if (changed !== 1) throw new DecisionConflict(on);
}

/** The outcome of synchronous work as a promise, its faults in our words. */
function settled<Result>(work: () => Result): Promise<Result> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(storeErrorOf(error));
  }
}
