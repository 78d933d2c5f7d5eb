import { TallystickError } from '../errors.ts';
import type { DatabaseLocation } from './options.ts';
import { connectPostgres, type PostgresClient, schemaLock } from './postgres-connection.ts';
import type { SqlValue } from './query-builder.ts';
import {
  createSqliteFile,
  lockSqlite,
  openSqlite,
  type SqliteConnection,
} from './sqlite-connection.ts';
import { storeErrorOf } from './store-errors.ts';

type Row = Readonly<Record<string, unknown>>;

/** As much of a connection as it takes to tell which schema is there. */
export interface SchemaReader {
  hasSchema(): Promise<boolean>;
  all(sql: string): Promise<readonly Row[]>;
}

/** One plain connection for creating, changing and describing a schema. */
export interface AdministrationLink extends SchemaReader {
  run(sql: string, parameters?: readonly SqlValue[]): Promise<void>;
  /** Keeps servers away until `close`. @throws TallystickError instance-in-use when one is there */
  lock(): Promise<void>;
  transaction(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** @throws TallystickError as opening the database does; not-initialised without a file */
export async function linkTo(
  database: DatabaseLocation,
  options: { readonly mayCreate: boolean },
): Promise<AdministrationLink> {
  return database.kind === 'sqlite'
    ? sqliteLink(database.path, options.mayCreate)
    : await postgresLink(database.connectionString);
}

export function sqliteReader(connection: SqliteConnection): SchemaReader {
  const table = `select 1 from sqlite_master where type = 'table' and name = 'database_info'`;
  return {
    hasSchema: () => attempt(() => connection.prepare(table).get() !== undefined),
    all: (sql) => attempt(() => connection.prepare<[], Row>(sql).all()),
  };
}

export function postgresReader(client: PostgresClient): SchemaReader {
  const all = async (sql: string): Promise<readonly Row[]> => {
    try {
      return (await client.query<Row>(sql)).rows;
    } catch (error) {
      throw storeErrorOf(error);
    }
  };
  return {
    hasSchema: async () => {
      const [row] = await all(`select to_regclass('database_info') is not null as found`);
      return row?.['found'] === true;
    },
    all,
  };
}

function sqliteLink(path: string, mayCreate: boolean): AdministrationLink {
  if (mayCreate) createSqliteFile(path);
  const connection = openSqlite(path, { mayWrite: mayCreate });
  let release: (() => void) | undefined;
  const run = (sql: string, parameters: readonly SqlValue[] = []): Promise<void> =>
    attempt(() => void connection.prepare(sql).run(...parameters));
  return {
    ...sqliteReader(connection),
    run,
    lock: () => attempt(() => void (release = lockSqlite(path))),
    transaction: (work) => inTransaction(run, work, 'BEGIN IMMEDIATE'),
    close: () =>
      attempt(() => {
        connection.close();
        release?.();
      }),
  };
}

async function postgresLink(connectionString: string): Promise<AdministrationLink> {
  const client = await connectPostgres(connectionString);
  const reader = postgresReader(client);
  const run = async (sql: string, parameters: readonly SqlValue[] = []): Promise<void> => {
    try {
      await client.query(sql, [...parameters]);
    } catch (error) {
      throw storeErrorOf(error);
    }
  };
  return {
    ...reader,
    run,
    lock: async () => {
      const [row] = await reader.all(`select pg_try_advisory_lock(${schemaLock}) as locked`);
      if (row?.['locked'] !== true) throw inUse();
    },
    transaction: (work) => inTransaction(run, work, 'BEGIN'),
    close: () => client.end(),
  };
}

async function inTransaction(
  run: (sql: string) => Promise<void>,
  work: () => Promise<void>,
  begin: string,
): Promise<void> {
  await run(begin);
  try {
    await work();
    await run('COMMIT');
  } catch (error) {
    // The first fault is the one to report, and a closed connection rolls back as well.
    await run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function inUse(): TallystickError {
  return new TallystickError(
    'instance-in-use',
    'Servers are using this database: stop them before its schema changes.',
  );
}

function attempt<Result>(work: () => Result): Promise<Result> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(storeErrorOf(error));
  }
}
