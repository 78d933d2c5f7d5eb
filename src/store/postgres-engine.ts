import { setTimeout as wait } from 'node:timers/promises';
import type { QueryResult } from 'pg';
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
import { decoyPadding } from './hot-statements.ts';
import {
  applyArguments,
  claimsOf,
  eventArguments,
  lockArguments,
  outcomeOf,
} from './postgres-batch.ts';
import type { PostgresClient, PostgresPool, PostgresSession } from './postgres-connection.ts';
import type { CheckedRow } from './postgres-rows.ts';
import { appendEvents, applyBatch, lastEvent, lockRows } from './postgres-statements.ts';
import { bind, type SqlValue, type Statement, type Template } from './query-builder.ts';
import { isStatementFault, mayRepeat, storeErrorOf } from './store-errors.ts';

const batchMax = 256;
/** A transaction that others made fail is tried again this often, after a little longer each time. */
const attemptsMax = 8;
const repeatPauseMs = 5;

/** Another session came between the check and the change; the same again will see it. */
class Overtaken extends Error {}

/**
 * PostgreSQL: batches go over the session that holds the instance's lock, reads over a pool. A batch
 * costs five round trips whatever its size.
 */
export class PostgresEngine implements Engine {
  readonly batchMax: number = batchMax;
  readonly #session: PostgresSession;
  readonly #pool: PostgresPool;
  readonly #instance: string;
  readonly #chain: AuditChain;
  readonly #names = new Map<string, string>();
  /** Null after a failure: then what is durable is read again. */
  #tip: ChainTip | null = null;

  constructor(session: PostgresSession, pool: PostgresPool, instance: string, chain: AuditChain) {
    this.#session = session;
    this.#pool = pool;
    this.#instance = instance;
    this.#chain = chain;
  }

  claims(decision: Decision): readonly string[] {
    return claimsOf(decision);
  }

  async commitBatch(batch: readonly PreparedDecision[]): Promise<readonly DecisionOutcome[]> {
    try {
      return await this.#transaction((client) => this.#commit(client, batch));
    } catch (error) {
      if (!isStatementFault(error)) throw storeErrorOf(error);
      if (batch.length === 1) return [storeErrorOf(error)];
      // One decision holds what the database refuses; alone it fails alone.
      const outcomes: DecisionOutcome[] = [];
      for (const prepared of batch) outcomes.push(...(await this.commitBatch([prepared])));
      return outcomes;
    }
  }

  async administer(
    changes: PreparedChanges,
    events: readonly UnchainedEvent[],
  ): Promise<AdministerResult> {
    try {
      return await this.#transaction(async (client) => {
        for (const [index, step] of changes.steps.entries()) {
          const refusal = await change(client, step, index);
          if (refusal !== null) throw new Refusal(refusal);
        }
        for (const statement of changes.alongside) await run(client, statement);
        const tip = await this.#append(client, events);
        return { result: { status: 'committed' }, tip };
      });
    } catch (error) {
      if (error instanceof Refusal) return error.result;
      throw storeErrorOf(error);
    }
  }

  async write(statements: readonly Statement[]): Promise<number> {
    try {
      return await this.#transaction(async (client) => {
        let result = 0;
        for (const statement of statements) result += await run(client, statement);
        return { result, tip: this.#tip };
      });
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  async arrays<Name extends string>(
    statement: Template<Name>,
    values: Readonly<Record<Name, SqlValue>>,
  ): Promise<readonly (readonly unknown[])[]> {
    try {
      const { rows } = await this.#pool.query<unknown[]>({
        name: this.#nameOf(statement.sql),
        text: statement.sql,
        values: bind(statement, values),
        rowMode: 'array',
      });
      return rows;
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  async rows(statements: readonly Statement[]): Promise<readonly (readonly object[])[]> {
    try {
      const [single, ...others] = statements;
      if (single !== undefined && others.length === 0) {
        const { rows } = await this.#pool.query<object>(single.sql, [...single.parameters]);
        return [rows];
      }
      return await this.#snapshot(statements);
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.#pool.end();
  }

  async #snapshot(statements: readonly Statement[]): Promise<readonly (readonly object[])[]> {
    const client = await this.#pool.connect();
    try {
      const results: object[][] = [];
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      for (const { sql, parameters } of statements) {
        results.push((await client.query<object>(sql, [...parameters])).rows);
      }
      await client.query('COMMIT');
      client.release();
      return results;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** Runs `work` in a transaction, again when others made it fail; after an error nothing remains. */
  async #transaction<Result>(
    work: (client: PostgresClient) => Promise<{ result: Result; tip: ChainTip | null }>,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await this.#session.ready();
      try {
        await client.query('BEGIN');
        const { result, tip } = await work(client);
        const { command } = await client.query('COMMIT');
        // The answer to committing a transaction that had failed.
        if (command !== 'COMMIT') throw new Overtaken();
        this.#tip = tip;
        return result;
      } catch (error) {
        this.#tip = null;
        await this.#session.rollBack(client);
        const isLast = attempt === attemptsMax;
        if (isLast || !(mayRepeat(error) || error instanceof Overtaken)) throw error;
        await wait(attempt * repeatPauseMs);
      }
    }
  }

  async #commit(
    client: PostgresClient,
    batch: readonly PreparedDecision[],
  ): Promise<{ result: readonly DecisionOutcome[]; tip: ChainTip }> {
    await this.#named(client, lockRows, lockArguments(batch));
    const { rows } = await this.#named<CheckedRow>(client, applyBatch, [
      ...applyArguments(batch),
      this.#instance,
      decoyPadding,
      batchMax,
    ]);
    const [first] = rows;
    if (first === undefined || first.changed !== first.expected) throw new Overtaken();
    const result: DecisionOutcome[] = [];
    for (const checked of rows) result[checked.number] = outcomeOf(checked);
    const good = batch.filter((_, index) => {
      const outcome = result[index];
      return outcome !== undefined && 'status' in outcome && outcome.status === 'committed';
    });
    return {
      result,
      tip: await this.#append(
        client,
        good.map(({ event }) => event),
      ),
    };
  }

  async #append(client: PostgresClient, events: readonly UnchainedEvent[]): Promise<ChainTip> {
    let tip = await this.#readTip(client);
    if (events.length === 0) return tip;
    const next: ChainedEvent[] = [];
    for (const event of events) {
      const following = chained(this.#chain, this.#instance, tip, event);
      next.push(following);
      tip = following;
    }
    await this.#named(client, appendEvents, eventArguments(this.#instance, next));
    return tip;
  }

  async #readTip(client: PostgresClient): Promise<ChainTip> {
    if (this.#tip !== null) return this.#tip;
    const { rows } = await client.query<ChainTip>(lastEvent, [this.#instance]);
    return rows[0] ?? emptyChain;
  }

  /** Runs a statement that the connection keeps prepared. */
  #named<Row extends object>(
    client: PostgresClient,
    text: string,
    values: readonly unknown[],
  ): Promise<QueryResult<Row>> {
    return client.query<Row>({ name: this.#nameOf(text), text, values: [...values] });
  }

  #nameOf(sql: string): string {
    let name = this.#names.get(sql);
    if (name === undefined) {
      name = `hot-${String(this.#names.size)}`;
      this.#names.set(sql, name);
    }
    return name;
  }
}

async function run(client: PostgresClient, { sql, parameters }: Statement): Promise<number> {
  return (await client.query(sql, [...parameters])).rowCount ?? 0;
}

async function change(
  client: PostgresClient,
  step: PreparedChange,
  index: number,
): Promise<AdministerResult | null> {
  try {
    if (step.hold !== null) await run(client, step.hold);
    if ((await run(client, step.write)) === 1) return null;
  } catch (error) {
    const refusal = refusalOf(step.change, index, error);
    if (refusal === null) throw error;
    return refusal;
  }
  const isThere = step.probe !== null && (await run(client, step.probe)) === 1;
  return outcomeOfNone(step, isThere, index);
}
