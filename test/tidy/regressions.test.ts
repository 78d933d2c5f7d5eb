import { describe, expect, it } from 'vitest';
import { files, matching, read } from './files.ts';

interface Row {
  readonly number: number;
  readonly heldBy: string;
}

const rows: readonly Row[] = [
  ...read('docs/regressions.md').matchAll(/^\| (\d+) +\| .+ \| ([^|]+?) +\|$/gm),
].map(([, number, heldBy = '']) => ({ number: Number(number), heldBy }));

const codesIn = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

/** File and title of each test that a row names. */
function testsOf({ heldBy }: Row): readonly (readonly [string, string])[] {
  const codes = codesIn(heldBy);
  return codes.flatMap((file, at) => (at % 2 === 0 ? [[file, codes[at + 1] ?? ''] as const] : []));
}

const isWaiting = ({ heldBy }: Row): boolean => heldBy.startsWith('waits for ');

/** Whether a title stands in a source as it is written there, between quotes. */
function hasTitle(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => source.includes(quote + title + quote));
}

describe('the page of regressions', () => {
  it('has the numbers 1 to 29, each once and in order', () => {
    const numbers = rows.map(({ number }) => number);
    expect(numbers).toEqual(Array.from({ length: 29 }, (_, index) => index + 1));
  });

  it('names tests that are there', () => {
    for (const row of rows.filter((one) => !isWaiting(one))) {
      const tests = testsOf(row);
      expect.soft(tests.length, `row ${String(row.number)}`).toBeGreaterThan(0);
      for (const [file, title] of tests) {
        expect.soft(files, `row ${String(row.number)}`).toContain(file);
        if (!files.includes(file)) continue;
        const what = `row ${String(row.number)}: ${file} has the title "${title}"`;
        expect.soft(hasTitle(read(file), title), what).toBe(true);
      }
    }
  });

  it('names every test with a number, in the row of that number', () => {
    const numbered = matching(/^test\/regressions\/.*\.test\.ts$/).flatMap((file) =>
      [...read(file).matchAll(/['"`]((\d+): [^'"`]+)['"`]/g)].map(
        ([, title = '', number = '']) => [file, title, Number(number)] as const,
      ),
    );
    expect(numbered.length).toBeGreaterThan(15);
    for (const [file, title, number] of numbered) {
      const row = rows.find((one) => one.number === number);
      expect.soft(row === undefined ? [] : testsOf(row)).toContainEqual([file, title]);
    }
  });

  it('waits for no room that is there', () => {
    for (const row of rows.filter(isWaiting)) {
      for (const room of codesIn(row.heldBy)) {
        const there = files.filter((file) => file.startsWith(`${room}/`));
        expect.soft(there, `row ${String(row.number)} waits for ${room}`).toEqual([]);
      }
    }
  });
});
