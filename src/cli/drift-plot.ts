import type { ApplicationDriftView } from '../service/index.ts';
import { dateText, signedText } from './table.ts';

/** What a plot shows of an application. */
export type Plotted = Pick<
  ApplicationDriftView,
  'samples' | 'window' | 'deviceSeconds' | 'uncertaintySeconds'
>;

const rows = 17;
const labelWidth = 10;
const columnsMin = 40;
const columnsMax = 120;

const legend = 'o response  + expected now  | uncertainty  - window  . its middle';

/**
 * Drift against time, from the first response to now, in plain characters. Empty before the
 * second response.
 *
 * @param columns of the terminal; from 40 to 120 are used
 */
export function driftPlot(plotted: Plotted, nowMs: number, columns: number): string {
  const { samples, window, deviceSeconds, uncertaintySeconds } = plotted;
  const [first, second] = samples;
  if (first === undefined || second === undefined) return '';
  if (deviceSeconds === null || uncertaintySeconds === null) return '';
  const width = Math.max(columnsMin, Math.min(columnsMax, columns)) - labelWidth - 2;
  const { centreSeconds, halfWidthSeconds } = window;
  const edges = [centreSeconds + halfWidthSeconds, centreSeconds - halfWidthSeconds];
  const range = [deviceSeconds + uncertaintySeconds, deviceSeconds - uncertaintySeconds];
  const all = [...samples.map(({ driftSeconds }) => driftSeconds), ...edges, ...range];
  const [highest, lowest] = [Math.max(...all), Math.min(...all)];
  const rowOf = (seconds: number): number =>
    Math.round(((highest - seconds) / (highest - lowest)) * (rows - 1));
  const spanMs = Math.max(1, nowMs - first.atMs);
  const columnOf = (atMs: number): number =>
    Math.min(width - 1, Math.round(((atMs - first.atMs) / spanMs) * (width - 1)));

  const cells = Array.from({ length: rows }, () => new Array<string>(width).fill(' '));
  const labels = new Map<number, string>();
  for (const [seconds, mark] of [
    [centreSeconds, '.'],
    ...edges.map((edge) => [edge, '-'] as const),
  ] as const) {
    cells[rowOf(seconds)]?.fill(mark);
    labels.set(rowOf(seconds), signedText(seconds));
  }
  const draw = (row: number, column: number, mark: string): void => {
    cells[row]?.splice(column, 1, mark);
  };
  for (const { atMs, driftSeconds } of samples) draw(rowOf(driftSeconds), columnOf(atMs), 'o');
  const [top = 0, bottom = 0] = range.map(rowOf);
  for (let row = top; row <= bottom; row += 1) draw(row, width - 1, '|');
  draw(rowOf(deviceSeconds), width - 1, '+');
  const lines = cells.map((line, row) => {
    return `${(labels.get(row) ?? '').padStart(labelWidth)} ${line.join('')}`.trimEnd();
  });
  const [from, to] = [dateText(first.atMs), dateText(nowMs)];
  const dates = `${' '.repeat(labelWidth + 1)}${from}${to.padStart(width - from.length)}`;
  return [...lines, dates, `${' '.repeat(labelWidth + 1)}${legend}`].join('\n');
}
