import { type DriftFigure, shownRange } from './drift-figure.ts';
import { isoTime } from './context.ts';

const rows = 17;
const labelWidth = 10;
const columnsMin = 40;
const columnsMax = 120;
const legend = 'o clock  - static window  . true time  : dynamic window';

/** How many columns are left for the plot itself, on a terminal of so many. */
export function plotWidth(columns: number): number {
  return Math.max(columnsMin, Math.min(columnsMax, columns)) - labelWidth - 2;
}

/** The figure in plain characters, a column for each of its points. */
export function terminalPlot(figure: DriftFigure): string {
  const { points, halfSeconds } = figure;
  const { lowest, highest } = shownRange(figure);
  const rowOf = (seconds: number): number =>
    Math.round(((highest - seconds) / (highest - lowest)) * (rows - 1));
  const cells = Array.from({ length: rows }, () => new Array<string>(points.length).fill(' '));
  const draw = (row: number, column: number, mark: string): void => {
    cells[row]?.splice(column, 1, mark);
  };
  points.forEach(({ lowSeconds, highSeconds }, column) => {
    const bottom = Math.min(rows - 1, rowOf(lowSeconds));
    for (let row = Math.max(0, rowOf(highSeconds)); row <= bottom; row += 1) draw(row, column, ':');
  });
  const labels = new Map<number, string>();
  for (const [seconds, mark] of [
    [0, '.'],
    [halfSeconds, '-'],
    [-halfSeconds, '-'],
  ] as const) {
    points.forEach((_, column) => {
      // Beside the dynamic window a line shows as a line, within it every other mark.
      if (cells[rowOf(seconds)]?.[column] !== ':' || column % 2 === 0) {
        draw(rowOf(seconds), column, mark);
      }
    });
    labels.set(rowOf(seconds), signedText(seconds));
  }
  const last = points.at(-1)?.seconds ?? 0;
  if (!labels.has(rowOf(last))) labels.set(rowOf(last), signedText(last));
  points.forEach(({ seconds }, column) => draw(rowOf(seconds), column, 'o'));
  const lines = cells.map((line, row) =>
    `${(labels.get(row) ?? '').padStart(labelWidth)} ${line.join('')}`.trimEnd(),
  );
  const indent = ' '.repeat(labelWidth + 1);
  const from = dateText(points[0]?.atMs ?? 0);
  const to = dateText(points.at(-1)?.atMs ?? 0);
  const dates = `${indent}${from}${to.padStart(points.length - from.length)}`;
  return [...lines, dates, `${indent}${legend}`].join('\n');
}

/** The day, in UTC. */
export function dateText(atMs: number): string {
  return isoTime(atMs).slice(0, 10);
}

function signedText(seconds: number): string {
  const whole = Math.round(seconds);
  return `${whole > 0 ? '+' : ''}${whole} s`;
}
