/**
 * The database: schema, migrations, SQLite and PostgreSQL behind the port `Store`, and the committer
 * that makes a decision durable before its promise resolves.
 */
export { databaseStatus, migrateDatabase } from './migrate.ts';
export { openStore } from './open-store.ts';
export type { DatabaseLocation, OpenStoreOptions } from './options.ts';
export { holdFile } from './sqlite-connection.ts';
