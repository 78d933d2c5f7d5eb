import { describe, expect, test } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import {
  constraintOf,
  isStatementFault,
  mayRepeat,
  storeErrorOf,
} from '../../src/store/store-errors.ts';

describe("the drivers' errors", () => {
  const rows: readonly (readonly [string, string])[] = [
    ['SQLITE_FULL', 'store-full'],
    ['SQLITE_IOERR_WRITE', 'store-full'],
    ['ENOSPC', 'store-full'],
    ['53100', 'store-full'],
    ['SQLITE_READONLY', 'store-read-only'],
    ['SQLITE_READONLY_DIRECTORY', 'store-read-only'],
    ['EROFS', 'store-read-only'],
    ['25006', 'store-read-only'],
    ['SQLITE_BUSY', 'store-unavailable'],
    ['SQLITE_IOERR_READ', 'store-unavailable'],
    ['SQLITE_CORRUPT', 'store-unavailable'],
    ['ECONNREFUSED', 'store-unavailable'],
    ['57P01', 'store-unavailable'],
    ['28P01', 'store-unavailable'],
    ['53300', 'store-unavailable'],
    ['42P01', 'store-contract'],
    ['22021', 'store-contract'],
    ['23514', 'store-contract'],
    ['SQLITE_CONSTRAINT_CHECK', 'store-contract'],
    ['SQLITE_ERROR', 'store-contract'],
  ];
  test.each(rows)('%s is %s', (code, expected) => {
    const error = Object.assign(new Error('secret of the driver'), { code });
    const mapped = storeErrorOf(error);
    expect(mapped.code).toBe(expected);
    expect(mapped.message).not.toContain('secret');
    expect(mapped.cause).toBe(error);
    expect(isStatementFault(error)).toBe(expected === 'store-contract');
  });

  test('without a code are unavailability; ours stay as they are', () => {
    for (const error of [new Error('x'), null, 'text', { code: 7 }]) {
      expect(storeErrorOf(error).code).toBe('store-unavailable');
    }
    const ours = new TallystickError('overloaded', 'x');
    expect(storeErrorOf(ours)).toBe(ours);
  });

  test('tell constraints and repeatable faults from all else', () => {
    const kindsOf = ['SQLITE_CONSTRAINT_PRIMARYKEY', '23505', '23503', '23514', 'x'];
    expect(kindsOf.map((code) => constraintOf({ code }))).toEqual([
      'unique',
      'unique',
      'foreign-key',
      null,
      null,
    ]);
    expect(['40001', '40P01', '23505', 'SQLITE_BUSY'].map((code) => mayRepeat({ code }))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
