import { describe, expect, it } from 'vitest';
import { isOutlived } from '../../src/domain/challenge.ts';

describe('what was asked for in the first of two steps', () => {
  it.each([
    ['goes with the user it was issued to', 3, 3, false],
    ['ends with the first edit of him', 3, 4, true],
    ['does not come back with an older row', 4, 3, true],
    ['knows no user where none asked: challenges of programs', null, 3, false],
  ])('%s', (_, userVersion, version, expected) => {
    expect(isOutlived({ userVersion }, { version })).toBe(expected);
  });
});
