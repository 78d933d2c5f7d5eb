/** Plain tables for people: columns padded, two blanks apart, nothing that a terminal obeys. */

export type Cell = string | number | boolean | null | undefined;

const wrapColumns = 80;

/** Rows under a heading; `(none)` when there are no rows. */
export function table(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return '(none)';
  const texts = [heading, ...rows.map((row) => row.map(cellText))];
  const widths = heading.map((_, column) =>
    Math.max(...texts.map((row) => (row[column] ?? '').length)),
  );
  return texts.map((row) => line(row, widths)).join('\n');
}

/** Names and values below each other. */
export function facts(entries: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`).join('\n');
}

/** The last instant that a date can say. */
const instantMax = 8.64e15;

/** An instant as people read it, in UTC. */
export function instantText(atMs: number | null | undefined): string {
  if (atMs === null || atMs === undefined) return '-';
  return Math.abs(atMs) > instantMax ? `${atMs} ms` : new Date(atMs).toISOString();
}

/** The day of an instant, in UTC. */
export function dateText(atMs: number | null | undefined): string {
  return instantText(atMs).replace(/T.*/, '');
}

/** Whole seconds with their sign. */
export function signedText(seconds: number): string {
  const whole = Math.round(seconds);
  return `${whole > 0 ? '+' : ''}${whole} s`;
}

/** Whether the record's `expiresAtMs` has passed, by this machine's clock. */
export function isExpired({ expiresAtMs }: Readonly<Record<string, unknown>>): boolean {
  return typeof expiresAtMs === 'number' && expiresAtMs <= Date.now();
}

/** A value as people read it, on one line. */
export function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  // Names come from elsewhere; control characters could rewrite the screen.
  return String(cell).replace(/\p{Cc}/gu, '?');
}

/** Lines of at most 80 columns where words allow it, the first and the others with their indent. */
export function wrapped(text: string, indent: string, furtherIndent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of cellText(text).split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > wrapColumns) {
      lines.push(line);
      line = `${furtherIndent}${word}`;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, line];
}

function line(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - cell.length))
    .join('  ')
    .trimEnd();
}
