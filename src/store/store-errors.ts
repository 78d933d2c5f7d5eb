import { type ErrorCode, TallystickError } from '../errors.ts';

/**
 * What the two drivers throw, in our words. The texts say nothing of connection strings, statements
 * or values; the driver's error stays inside as the cause.
 */

const texts = {
  'store-read-only': 'The database cannot be written: it is read-only.',
  'store-full': 'The database cannot be written: its disk or quota is full.',
  'store-unavailable': 'The database does not answer.',
  'store-contract': 'The database refused a statement: its schema or a value is not as expected.',
} as const satisfies Partial<Record<ErrorCode, string>>;

type StoreErrorCode = keyof typeof texts;

/** SQLite result codes and PostgreSQL SQLSTATEs (appendix A of its manual), exactly. */
const exact: Readonly<Record<string, StoreErrorCode>> = {
  SQLITE_FULL: 'store-full',
  // Beside a full disk, which is SQLITE_FULL, writing fails on a quota or a file size limit.
  SQLITE_IOERR_WRITE: 'store-full',
  SQLITE_IOERR_SHMSIZE: 'store-full',
  SQLITE_ERROR: 'store-contract',
  SQLITE_MISMATCH: 'store-contract',
  SQLITE_NOTADB: 'store-contract',
  SQLITE_RANGE: 'store-contract',
  SQLITE_SCHEMA: 'store-contract',
  SQLITE_TOOBIG: 'store-contract',
  ENOSPC: 'store-full',
  EDQUOT: 'store-full',
  EROFS: 'store-read-only',
  EACCES: 'store-read-only',
  '25006': 'store-read-only',
  '53100': 'store-full',
};

/** Families: the start of the code. */
const families: readonly (readonly [string, StoreErrorCode])[] = [
  ['SQLITE_READONLY', 'store-read-only'],
  ['SQLITE_CONSTRAINT', 'store-contract'],
  ['22', 'store-contract'],
  ['23', 'store-contract'],
  ['42', 'store-contract'],
];

const constraints: Readonly<Record<string, 'unique' | 'foreign-key'>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique',
  SQLITE_CONSTRAINT_ROWID: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign-key',
  '23505': 'unique',
  '23503': 'foreign-key',
};

/** The error of our taxonomy for anything that a driver or the file system threw. */
export function storeErrorOf(error: unknown): TallystickError {
  if (error instanceof TallystickError) return error;
  const driverCode = driverCodeOf(error);
  const code =
    exact[driverCode] ??
    families.find(([start]) => driverCode.startsWith(start))?.[1] ??
    'store-unavailable';
  return new TallystickError(code, texts[code], { cause: error });
}

/** Which constraint a statement violated, when that is what went wrong. */
export function constraintOf(error: unknown): 'unique' | 'foreign-key' | null {
  return constraints[driverCodeOf(error)] ?? null;
}

/** True for what concerns one statement or value, not the connection, the disk or the server. */
export function isStatementFault(error: unknown): boolean {
  return storeErrorOf(error).code === 'store-contract';
}

/** True when PostgreSQL ended a transaction only because of others: the same again may pass. */
export function mayRepeat(error: unknown): boolean {
  return ['40001', '40P01'].includes(driverCodeOf(error));
}

function driverCodeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
