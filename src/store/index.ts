/**
 * The database: schema, migrations, SQLite and PostgreSQL behind the port `Store`, and the committer
 * that makes a decision durable before its promise resolves.
 */
export {
  databaseStatus,
  type DatabaseStatus,
  migrateDatabase,
  type MigrateOptions,
  type MigrationReport,
} from './migrate.ts';
export { openStore } from './open-store.ts';
export type { DatabaseKind, DatabaseLocation, OpenStoreOptions } from './options.ts';
