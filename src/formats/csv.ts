import type { KeyFileRefusal } from './key-file.ts';

/**
 * A row of RFC 4180, with its line end. A cell with a comma, a quote or a line end is quoted. What a
 * spreadsheet would run is not changed here: `cellRefusal` refuses it, for a changed name is another.
 */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return /[",;\t\r\n]|^ | $/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A cell begins a formula with one of these signs, also in full width; a spreadsheet of a region with
 * semicolons or tabs sees cells that begin in the middle of ours.
 */
const formula = /(?:^|[,;\t\r\n])[\s"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/u;
/** Besides tab and line end no control character has anything to do in a name, nor half a pair. */
const control = /[^\P{Cc}\t\r\n]|\p{Cs}/u;

/** Why these texts of people do not go into a CSV file, or null. */
export function cellRefusal(cells: readonly string[]): KeyFileRefusal | null {
  if (cells.some((cell) => formula.test(cell))) {
    return {
      code: 'text',
      message: 'a name begins as a formula does (= + - @): spreadsheets would run it',
    };
  }
  if (!cells.some((cell) => control.test(cell))) return null;
  return { code: 'text', message: 'names in CSV files hold no control characters' };
}
