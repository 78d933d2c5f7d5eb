import { describe, expect, it } from 'vitest';
import {
  chunks,
  lookAhead,
  movingFactorMax,
  nearestFirst,
  parseEventCounter,
  windowStepsMax,
} from '../../src/oath/index.ts';
import { refusalOf } from './support.ts';

describe('lookAhead', () => {
  it('means next .. next+W-1', () => {
    expect(lookAhead(parseEventCounter(5), 3)).toEqual([5n, 6n, 7n]);
    expect(lookAhead(parseEventCounter(5), 0)).toEqual([]);
  });

  it('stops at the last counter', () => {
    const nearEnd = parseEventCounter(movingFactorMax - 1n);
    expect(lookAhead(nearEnd, 10)).toEqual([movingFactorMax - 1n, movingFactorMax]);
  });
});

describe('nearestFirst', () => {
  it('goes outwards, earlier before later', () => {
    expect(nearestFirst(10n, 2)).toEqual([10n, 9n, 11n, 8n, 12n]);
    expect(nearestFirst(10n, 0)).toEqual([10n]);
  });

  it('leaves out steps before 0 and after 2^64-1', () => {
    expect(nearestFirst(1n, 3)).toEqual([1n, 0n, 2n, 3n, 4n]);
    expect(nearestFirst(-2n, 3)).toEqual([0n, 1n]);
    expect(nearestFirst(movingFactorMax, 2)).toEqual([
      movingFactorMax,
      movingFactorMax - 1n,
      movingFactorMax - 2n,
    ]);
  });
});

describe('chunks', () => {
  const sizes = (count: number): number[] =>
    chunks(Array.from({ length: count }, (_, index) => index)).map((chunk) => chunk.length);

  it.each([
    [0, []],
    [1, [1]],
    [2, [1, 1]],
    [5, [1, 4]],
    [21, [1, 4, 16]],
    [101, [1, 4, 16, 64, 16]],
    [231, [1, 4, 16, 64, 64, 64, 18]],
  ])('cuts %i candidates', (count, expected) => expect(sizes(count)).toEqual(expected));

  it('keeps the order', () => {
    const candidates = lookAhead(parseEventCounter(0), 200);
    expect(chunks(candidates).flat()).toEqual(candidates);
  });
});

describe('bounds', () => {
  it.each([-1, 1.5, Number.NaN, Infinity, windowStepsMax + 1])('refuses %d steps', (steps) => {
    const code = 'ERR_OATH_WINDOW';
    expect(refusalOf(() => lookAhead(parseEventCounter(0), steps))).toEqual({
      code,
      part: 'windowSteps',
    });
    expect(refusalOf(() => nearestFirst(0n, steps))).toEqual({ code, part: 'halfWidthSteps' });
  });

  it('allows the greatest window', () => {
    expect(lookAhead(parseEventCounter(0), windowStepsMax)).toHaveLength(windowStepsMax);
  });
});
