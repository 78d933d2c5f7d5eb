import { createHash } from 'node:crypto';
import { Client, type ClientConfig, type CustomTypesConfig, Pool, types } from 'pg';
import { TallystickError } from '../errors.ts';
import { storeErrorOf } from './store-errors.ts';

export type PostgresClient = Client;
export type PostgresPool = Pool;

const connectMsMax = 5_000;
const statementMsMax = 10_000;
/** Longer than the server's own limit: reached only when the server is gone without a word. */
const answerMsMax = 15_000;

/**
 * Everything the committer does goes by primary key, and its statements are the same all day. The
 * planner is told so: a plan made while the tables were empty would scan them once they are not,
 * and compiling a statement that runs for a millisecond takes a hundred.
 */
const sessionSettings = [
  'set session characteristics as transaction isolation level read committed',
  'set synchronous_commit = on',
  'set jit = off',
  'set plan_cache_mode = force_generic_plan',
  'set enable_seqscan = off',
  'set enable_hashjoin = off',
  'set enable_mergejoin = off',
].join('; ');

/** Integers arrive as numbers; `rows.ts` refuses those beyond 2^53-1. */
const typeParsers: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === types.builtins.INT8 ? Number : (types.getTypeParser(oid, format) as unknown),
};

function configurationOf(connectionString: string): ClientConfig {
  return {
    connectionString,
    types: typeParsers,
    application_name: 'tallystick',
    connectionTimeoutMillis: connectMsMax,
    statement_timeout: statementMsMax,
    query_timeout: answerMsMax,
    keepAlive: true,
  };
}

/** One connection with the settings of the committer. @throws TallystickError store-unavailable */
export async function connectPostgres(connectionString: string): Promise<PostgresClient> {
  let client: Client | undefined;
  try {
    client = new Client(configurationOf(connectionString));
    // Whoever uses the connection next gets the error; without a listener it would end the process.
    client.on('error', () => undefined);
    await client.connect();
    await client.query(sessionSettings);
    return client;
  } catch (error) {
    if (client !== undefined) abandon(client);
    throw storeErrorOf(error);
  }
}

/** Connections for reading, opened as they are needed. */
export function poolPostgres(connectionString: string, connectionsMax: number): PostgresPool {
  try {
    const pool = new Pool({ ...configurationOf(connectionString), max: connectionsMax });
    pool.on('error', () => undefined);
    return pool;
  } catch (error) {
    throw storeErrorOf(error);
  }
}

/** Ends a connection without waiting for it. */
function abandon(client: PostgresClient): void {
  client.end().catch(() => undefined);
}

/** Which advisory locks a session holds: PostgreSQL knows them by number. */
export const schemaLock: string = lockNumber('schema');

/** The lock of one instance's name. */
function instanceLock(instance: string): string {
  return lockNumber(`instance ${instance}`);
}

function lockNumber(what: string): string {
  const digest = createHash('sha256').update(`tallystick ${what}`).digest();
  return String(digest.readBigInt64BE());
}

/**
 * The committer's session. It holds the instance's lock on the very connection that commits: when
 * the connection is lost so is the lock, and nothing can be committed by a session that has lost it.
 * The next use connects again and takes the lock again, or fails.
 */
export class PostgresSession {
  readonly #connectionString: string;
  readonly #instance: string;
  readonly #verify: (client: PostgresClient) => Promise<void>;
  #client: PostgresClient | null = null;
  #wasOpen = false;

  /** `verify` looks at the schema of a fresh connection and throws when it does not fit. */
  constructor(
    connectionString: string,
    instance: string,
    verify: (client: PostgresClient) => Promise<void>,
  ) {
    this.#connectionString = connectionString;
    this.#instance = instance;
    this.#verify = verify;
  }

  /**
   * The connection, locked.
   *
   * @throws TallystickError instance-in-use when first opened and another holds the name;
   * store-unavailable when the connection or a lost lock cannot be had again
   */
  async ready(): Promise<PostgresClient> {
    if (this.#client !== null) return this.#client;
    const client = await connectPostgres(this.#connectionString);
    try {
      await this.#lock(client);
      await this.#verify(client);
    } catch (error) {
      abandon(client);
      throw storeErrorOf(error);
    }
    client.once('end', () => {
      if (this.#client === client) this.#client = null;
    });
    this.#client = client;
    this.#wasOpen = true;
    return client;
  }

  /** Rolls back; a connection that cannot even do that is given up, and the lock with it. */
  async rollBack(client: PostgresClient): Promise<void> {
    try {
      await client.query('ROLLBACK');
    } catch {
      this.#client = null;
      abandon(client);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  async #lock(client: PostgresClient): Promise<void> {
    const { rows } = await client.query<{ own: boolean; schema: boolean }>(
      'select pg_try_advisory_lock($1) as own, pg_try_advisory_lock_shared($2) as schema',
      [instanceLock(this.#instance), schemaLock],
    );
    if (rows[0]?.own === true && rows[0].schema) return;
    if (this.#wasOpen) {
      throw new TallystickError(
        'store-unavailable',
        'The lock of this instance was lost with the connection and is held elsewhere.',
      );
    }
    throw new TallystickError(
      'instance-in-use',
      rows[0]?.own === true
        ? 'The schema of the database is being changed.'
        : 'Another server uses this instance name: servers that share a database need different ones.',
      { fields: { instance: this.#instance } },
    );
  }
}
