import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProgress, progressLine } from '../../src/cli/progress.ts';

describe('the line', () => {
  it.each([
    // done, total, elapsedMs, columns, line
    [0, 10, 0, 0, '0 of 10'],
    [0, 10, 900, 0, '0 of 10'],
    [0, 0, 0, 0, '0 of 0'],
    [5, 10, 1000, 0, '5 of 10, 5.0/s, 1 s left'],
    [250, 1000, 500, 0, '250 of 1000, 500/s, 2 s left'],
    [995, 2000, 99_800, 0, '995 of 2000, 10/s, 1 min 41 s left'],
    [1, 1000, 10_000, 0, '1 of 1000, 0.1/s, 2 h 46 min left'],
    [10, 1000, 6500, 0, '10 of 1000, 1.5/s, 10 min 44 s left'],
    [59, 119, 59_000, 0, '59 of 119, 1.0/s, 1 min 0 s left'],
    [1000, 1000, 61_000, 0, '1000 of 1000, 16/s, 1 min 1 s in all'],
    [11, 10, 1000, 0, '11 of 10, 11/s, 1 s in all'],
    [0, 10, 0, 30, '[..................]  0 of 10'],
    [5, 10, 1000, 50, '[##########...........]  5 of 10, 5.0/s, 1 s left'],
    [9, 10, 9000, 100, `[${'#'.repeat(36)}....]  9 of 10, 1.0/s, 1 s left`],
    [10, 10, 1000, 80, `[${'#'.repeat(40)}]  10 of 10, 10/s, 1 s in all`],
    [0, 0, 0, 30, `[${'#'.repeat(19)}]  0 of 0`],
    // No room for a bar, and then none for all of the rest.
    [5, 10, 1000, 30, '5 of 10, 5.0/s, 1 s left'],
    [5, 10, 1000, 10, '5 of 10, '],
    [5, 10, 1000, 1, ''],
  ])('%i of %i after %i ms in %i columns: %s', (done, total, elapsedMs, columns, line) => {
    expect(progressLine({ done, total, elapsedMs, columns })).toBe(line);
  });

  it('never fills the line, whatever the numbers are', () => {
    const count = fc.nat({ max: 10_000_000 });
    fc.assert(
      fc.property(
        count,
        count,
        count,
        fc.integer({ min: 1, max: 300 }),
        (done, total, ms, columns) => {
          const line = progressLine({ done, total, elapsedMs: ms, columns });
          expect(line.length).toBeLessThan(columns);
          expect(line).not.toMatch(/NaN|Infinity/);
        },
      ),
    );
  });
});

describe('the display', () => {
  function display(columns: number | null): {
    said: string[];
    drawn: string[];
    at: (nowMs: number, done: number) => void;
    end: () => void;
  } {
    const said: string[] = [];
    const drawn: string[] = [];
    const write = (text: string): void => void drawn.push(text);
    let now = 1000;
    const progress = createProgress(
      {
        say: (text) => said.push(text),
        terminal: columns === null ? null : { write, columns: () => columns },
      },
      () => now,
    );
    const at = (nowMs: number, done: number): void => {
      now = 1000 + nowMs;
      progress.show(done, 100);
    };
    return { said, drawn, at, end: progress.end };
  }

  it('draws one line over on a terminal, ten times a second at most, and leaves the last', () => {
    const { said, drawn, at, end } = display(40);
    for (let ms = 0; ms < 1000; ms += 1) at(ms, ms / 10);
    expect(drawn).toHaveLength(10);
    at(1000, 99);
    at(1001, 100);
    end();
    expect(drawn.slice(-2)).toEqual(['\r100 of 100, 100/s, 2 s in all\u001b[K', '\n']);
    expect(drawn.slice(0, -1).every((text) => /^\r[^\r\n]*\u001b\[K$/.test(text))).toBe(true);
    expect(said).toEqual([]);
  });

  it('says a line every few seconds elsewhere, and none of what is done at once', () => {
    const { said, at, end } = display(null);
    for (let ms = 0; ms <= 12_000; ms += 100) at(ms, ms / 200);
    end();
    expect(said).toEqual(['25 of 100, 5.0/s, 15 s left', '50 of 100, 5.0/s, 10 s left']);
  });

  it('shows nothing of what never began', () => {
    const { drawn, end } = display(40);
    end();
    expect(drawn).toEqual([]);
  });
});
