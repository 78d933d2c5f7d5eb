import { TallystickError } from '../errors.ts';
import type { Clock } from '../service/ports.ts';
import { type AdministrationLink, linkTo, type SchemaReader } from './administration-link.ts';
import { type Migration, migrations } from './migrations.ts';
import type { DatabaseKind, DatabaseLocation } from './options.ts';

export interface MigrateOptions {
  readonly database: DatabaseLocation;
  readonly clock: Clock;
  /** Marks a database that is created now as one for tests: the unsafe clock is only for those. */
  readonly isTest?: boolean;
  /** All steps of the schema; only tests give others. */
  readonly steps?: readonly Migration[];
}

export interface MigrationReport {
  /** True when the database had no schema before. */
  readonly created: boolean;
  /** Names of the steps taken now, in order. */
  readonly applied: readonly string[];
  readonly schemaVersion: number;
  readonly isTest: boolean;
}

export interface DatabaseStatus {
  /** Null when the database has no schema; the other fields then describe nothing. */
  readonly schemaVersion: number | null;
  /** What this program needs. */
  readonly schemaVersionNeeded: number;
  readonly pending: readonly string[];
  readonly isTest: boolean;
  readonly createdAtMs: number | null;
}

export interface DatabaseInfo {
  readonly schemaVersion: number;
  readonly isTest: boolean;
  readonly createdAtMs: number;
}

/**
 * Creates the database's schema or brings it up to date, in one transaction: all steps are taken or
 * none. Does nothing, and takes no lock, when it is up to date. A SQLite file is created if missing.
 *
 * @throws TallystickError instance-in-use while a server uses a database that must change;
 * store-contract when the schema is newer than this program; store-* when it cannot be written
 */
export async function migrateDatabase(options: MigrateOptions): Promise<MigrationReport> {
  const { database, clock, isTest = false, steps = migrations } = options;
  const link = await linkTo(database, { mayCreate: true });
  try {
    const before = await readInfo(link);
    if (before !== null) refuseNewer(before.schemaVersion, steps.length);
    if (before?.schemaVersion === steps.length) return reportOf(before, before, steps);
    await link.lock();
    await link.transaction(() => advance(link, database.kind, steps, { clock, isTest }));
    const after = await readInfo(link);
    if (after === null) throw new TallystickError('internal', 'The schema was not created.');
    return reportOf(before, after, steps);
  } finally {
    await link.close();
  }
}

/** What a database is, without changing it. @throws TallystickError not-initialised without a file */
export async function databaseStatus(database: DatabaseLocation): Promise<DatabaseStatus> {
  const link = await linkTo(database, { mayCreate: false });
  try {
    const info = await readInfo(link);
    return {
      schemaVersion: info?.schemaVersion ?? null,
      schemaVersionNeeded: migrations.length,
      pending: migrations.slice(info?.schemaVersion ?? 0).map(({ name }) => name),
      isTest: info?.isTest ?? false,
      createdAtMs: info?.createdAtMs ?? null,
    };
  } finally {
    await link.close();
  }
}

/**
 * Refuses a database whose schema is not the one this program was written for.
 *
 * @throws TallystickError not-initialised; store-contract naming both versions
 */
export function refuseOtherSchema(info: { readonly schemaVersion: number } | null): void {
  if (info === null) {
    throw new TallystickError(
      'not-initialised',
      'The database has no schema yet: run "tallystick init".',
    );
  }
  refuseNewer(info.schemaVersion, migrations.length);
  if (info.schemaVersion < migrations.length) {
    throw versionError(info.schemaVersion, migrations.length, 'run "tallystick db migrate"');
  }
}

/** Reads the marker row; null when the database has no schema. */
export async function readInfo(link: SchemaReader): Promise<DatabaseInfo | null> {
  if (!(await link.hasSchema())) return null;
  const [row] = await link.all(
    'select schema_version, is_test, created_at_ms from database_info where id = 1',
  );
  if (row === undefined) return null;
  return {
    schemaVersion: Number(row['schema_version']),
    isTest: row['is_test'] === 1,
    createdAtMs: Number(row['created_at_ms']),
  };
}

async function advance(
  link: AdministrationLink,
  kind: DatabaseKind,
  steps: readonly Migration[],
  { clock, isTest }: { clock: Clock; isTest: boolean },
): Promise<void> {
  // Read again under the lock: two may have seen the same old version.
  const version = (await readInfo(link))?.schemaVersion ?? 0;
  for (const step of steps.slice(version)) {
    for (const statement of step.statements(kind)) await link.run(statement);
  }
  const place = (position: number): string => (kind === 'sqlite' ? '?' : `$${position}`);
  if (version === 0) {
    await link.run(
      `insert into database_info (id, schema_version, is_test, created_at_ms)
        values (1, ${place(1)}, ${place(2)}, ${place(3)})`,
      [steps.length, isTest ? 1 : 0, clock.nowMs()],
    );
  } else {
    await link.run(`update database_info set schema_version = ${place(1)}`, [steps.length]);
  }
}

function reportOf(
  before: DatabaseInfo | null,
  after: DatabaseInfo,
  steps: readonly Migration[],
): MigrationReport {
  return {
    created: before === null,
    applied: steps.slice(before?.schemaVersion ?? 0, after.schemaVersion).map(({ name }) => name),
    schemaVersion: after.schemaVersion,
    isTest: after.isTest,
  };
}

function refuseNewer(found: number, known: number): void {
  if (found > known) throw versionError(found, known, 'use the newer program');
}

function versionError(found: number, needed: number, remedy: string): TallystickError {
  return new TallystickError(
    'store-contract',
    `The database has schema version ${found}, this program needs ${needed}: ${remedy}.`,
    { fields: { found, needed } },
  );
}
