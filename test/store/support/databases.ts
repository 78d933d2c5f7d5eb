import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { auditChain } from '../../../src/audit/index.ts';
import type { Clock } from '../../../src/service/ports.ts';
import type { Store } from '../../../src/service/store.ts';
import {
  type DatabaseLocation,
  migrateDatabase,
  openStore,
  type OpenStoreOptions,
} from '../../../src/store/index.ts';
import { freshPostgresDatabase } from '../../support/postgres.ts';

export type Row = Readonly<Record<string, unknown>>;

/** A real database for one test file, and a way around the store to look and meddle. */
export interface TestDatabase {
  readonly location: DatabaseLocation;
  /** Runs SQL beside the store, on a connection of its own. */
  query: (sql: string) => Promise<readonly Row[]>;
  remove: () => Promise<void>;
}

export interface Kind {
  readonly name: string;
  readonly layer: 'postgresql' | null;
  create: () => Promise<TestDatabase>;
}

export const frozenClock: Clock = { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 };

export const sqliteKind: Kind = {
  name: 'SQLite',
  layer: null,
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-store-'));
    const path = join(folder, 'tallystick.db');
    const query = (sql: string): Promise<readonly Row[]> =>
      Promise.resolve().then(() => {
        // Opened and closed here, in the process that holds locks on this file: that is SQLite's own
        // doing and it knows how.
        const connection = new Database(path);
        try {
          const statement = connection.prepare<[], Row>(sql);
          if (statement.reader) return statement.all();
          statement.run();
          return [];
        } finally {
          connection.close();
        }
      });
    return Promise.resolve({
      location: { kind: 'sqlite', path },
      query,
      remove: () => {
        rmSync(folder, { recursive: true });
        if (existsSync(folder)) throw new Error('not removed');
        return Promise.resolve();
      },
    });
  },
};

export const postgresKind: Kind = {
  name: 'PostgreSQL',
  layer: 'postgresql',
  create: async () => {
    const fresh = await freshPostgresDatabase();
    const { connectionString } = fresh;
    const client = new pg.Client({ connectionString });
    client.on('error', () => undefined);
    await client.connect();
    return {
      location: { kind: 'postgres', connectionString, maxConnections: 4 },
      query: async (sql) => (await client.query<Row>(sql)).rows,
      remove: async () => {
        await client.end();
        await fresh.drop();
      },
    };
  },
};

export const kinds: readonly Kind[] = [sqliteKind, postgresKind];

/** A database with its schema. */
export async function createMigrated(kind: Kind): Promise<TestDatabase> {
  const database = await kind.create();
  await migrateDatabase({ database: database.location, clock: frozenClock });
  return database;
}

export function openTestStore(
  location: DatabaseLocation,
  more: Partial<OpenStoreOptions> = {},
): Promise<Store> {
  return openStore({
    database: location,
    instance: 'one',
    chain: auditChain,
    clock: frozenClock,
    ...more,
  });
}
