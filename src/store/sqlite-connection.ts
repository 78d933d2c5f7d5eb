import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { TallystickError } from '../errors.ts';
import { storeErrorOf } from './store-errors.ts';

export type SqliteConnection = Database.Database;

/** Waiting stops the whole process, so only as long as a backup's moment at the write lock. */
const busyWaitMs = 1_000;
const cacheKibibytes = 65_536;

/**
 * Opens an existing database file: WAL, every commit synced to the disk, foreign keys enforced.
 *
 * @throws TallystickError not-initialised without a file; store-read-only, store-unavailable
 */
export function openSqlite(path: string, options: { mayWrite: boolean }): SqliteConnection {
  if (!existsSync(path)) {
    throw new TallystickError('not-initialised', 'There is no database at the configured path.', {
      fields: { path },
    });
  }
  try {
    if (options.mayWrite) refuseReadOnly(path);
    const connection = new Database(path, { fileMustExist: true, timeout: busyWaitMs });
    try {
      configure(connection, options.mayWrite);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    throw storeErrorOf(error);
  }
}

/**
 * A check that the path still names the file that it names now. A file that was removed or replaced can
 * be written to as long as it is open, and is gone with the process.
 *
 * @returns a function that throws TallystickError store-unavailable when it does not
 */
export function sameFile(path: string): () => void {
  const { dev, ino } = statSync(path);
  return () => {
    const now = statSync(path, { throwIfNoEntry: false });
    if (now?.ino === ino && now.dev === dev) return;
    throw new TallystickError(
      'store-unavailable',
      'The database file was removed or replaced while it was open: stop the server, then put it back.',
    );
  };
}

/** Makes the database file, readable by its owner only; the files beside it inherit the mode. */
export function createSqliteFile(path: string): void {
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (error) {
    // Another process made it since we looked.
    if (existsSync(path)) return;
    throw storeErrorOf(error);
  }
}

/**
 * Takes the lock that one server at a time holds on a SQLite database.
 *
 * @returns the function that releases it
 * @throws TallystickError instance-in-use at once when another holds it
 */
export function lockSqlite(databasePath: string): () => void {
  return holdFile(
    `${realpathSync(databasePath)}.lock`,
    `Another process uses ${databasePath}: a SQLite database has one server at a time.`,
  );
}

/**
 * Holds a file, made empty if it is not there, for this process alone: an open exclusive transaction
 * on it. The kernel releases it when the process ends, however it ends.
 *
 * @param refusal what to say when another process holds it
 * @returns the function that releases it
 * @throws TallystickError instance-in-use at once when another holds it
 */
export function holdFile(path: string, refusal: string): () => void {
  // An existing file must not be opened and closed here: closing any descriptor of a file gives up
  // every lock this process has on it.
  createSqliteFile(path);
  let lock: SqliteConnection | undefined;
  try {
    lock = new Database(path, { fileMustExist: true, timeout: 0 });
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
    const held = lock;
    return () => held.close();
  } catch (error) {
    lock?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new TallystickError('instance-in-use', refusal);
    }
    throw storeErrorOf(error);
  }
}

function configure(connection: SqliteConnection, mayWrite: boolean): void {
  connection.pragma('foreign_keys = ON');
  connection.pragma('trusted_schema = OFF');
  connection.pragma(`cache_size = -${String(cacheKibibytes)}`);
  if (!mayWrite) {
    connection.pragma('query_only = ON');
    return;
  }
  const mode = connection.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal') {
    throw new TallystickError('store-contract', 'The file system does not support WAL.');
  }
  connection.pragma('synchronous = FULL');
  // A wrapped seed that was moved or deleted must not stay in the file as free space.
  connection.pragma('secure_delete = FAST');
}

/** SQLite opens what it cannot write as read-only and says so at the first write; we say so now. */
function refuseReadOnly(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
  accessSync(dirname(realpathSync(path)), constants.W_OK | constants.X_OK);
}
