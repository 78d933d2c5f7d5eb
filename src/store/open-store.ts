import { TallystickError } from '../errors.ts';
import type { Store } from '../service/store.ts';
import { postgresReader, sqliteReader } from './administration-link.ts';
import type { Engine } from './engine.ts';
import { readInfo, refuseOtherSchema } from './migrate.ts';
import type { DatabaseLocation, OpenStoreOptions } from './options.ts';
import {
  connectPostgres,
  type PostgresClient,
  poolPostgres,
  PostgresSession,
} from './postgres-connection.ts';
import { PostgresEngine } from './postgres-engine.ts';
import { queryBuilder, type Statement } from './query-builder.ts';
import { lockSqlite, openSqlite, sameFile } from './sqlite-connection.ts';
import { SqliteEngine } from './sqlite-engine.ts';
import { storeErrorOf } from './store-errors.ts';
import { SqlStore } from './store.ts';

const instancePattern = /^[A-Za-z0-9._-]{1,64}$/;
const connectionsMin = 2;
const connectionsMax = 200;

/**
 * Opens a database whose schema is up to date; it is never created or changed here.
 *
 * @throws TallystickError
 * - not-initialised: no file, or no schema in it
 * - store-contract: a schema of another version, both named
 * - instance-in-use: another process holds the SQLite database or the instance's name
 * - store-read-only, store-full, store-unavailable: it cannot be used
 * - config-invalid: an instance name or number of connections outside its limits
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { database, instance, chain, clock, lock: mayWrite = true } = options;
  if (!instancePattern.test(instance)) {
    throw new TallystickError(
      'config-invalid',
      'An instance is named by 1 to 64 letters, digits, dots, underscores and hyphens.',
    );
  }
  const engine =
    database.kind === 'sqlite'
      ? await openSqliteEngine(database.path, options, mayWrite)
      : await openPostgresEngine(database, options, mayWrite);
  try {
    if (mayWrite) await engine.write([registration(database, instance, clock.nowMs())]);
    return new SqlStore(engine, { kind: database.kind, instance, chain, mayWrite });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function openSqliteEngine(
  path: string,
  { instance, chain }: OpenStoreOptions,
  mayWrite: boolean,
): Promise<Engine> {
  const connection = openSqlite(path, { mayWrite });
  let release = (): void => undefined;
  try {
    if (mayWrite) release = lockSqlite(path);
    // Under the lock: a migration holds it as well.
    refuseOtherSchema(await readInfo(sqliteReader(connection)));
    return new SqliteEngine(connection, instance, chain, sameFile(path), release);
  } catch (error) {
    connection.close();
    release();
    throw storeErrorOf(error);
  }
}

async function openPostgresEngine(
  { connectionString, maxConnections }: Extract<DatabaseLocation, { kind: 'postgres' }>,
  { instance, chain }: OpenStoreOptions,
  mayWrite: boolean,
): Promise<Engine> {
  const isAllowed = Number.isSafeInteger(maxConnections) && maxConnections >= connectionsMin;
  if (!isAllowed || maxConnections > connectionsMax) {
    throw new TallystickError(
      'config-invalid',
      `A server uses ${connectionsMin} to ${connectionsMax} connections.`,
    );
  }
  const verify = async (client: PostgresClient): Promise<void> => {
    refuseOtherSchema(await readInfo(postgresReader(client)));
  };
  const session = new PostgresSession(connectionString, instance, verify);
  if (mayWrite) {
    await session.ready();
  } else {
    const client = await connectPostgres(connectionString);
    await verify(client).finally(() => client.end());
  }
  return new PostgresEngine(
    session,
    poolPostgres(connectionString, maxConnections - 1),
    instance,
    chain,
  );
}

function registration(database: DatabaseLocation, instance: string, nowMs: number): Statement {
  const { sql, parameters } = queryBuilder(database.kind)
    .insertInto('instance')
    .values({ name: instance, first_opened_at_ms: nowMs, ping_count: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .compile();
  return { sql, parameters: parameters as Statement['parameters'] };
}
