/** A row as a hot statement gives it. */
export type RowArray = readonly unknown[];

/**
 * Makes rows that read their columns out of an array: copying them would cost more than a record
 * that is made of them.
 */
export function cutter<Row>(
  columns: readonly (keyof Row)[],
): (values: RowArray, start?: number) => Row {
  class CutRow {
    readonly values: RowArray;
    readonly start: number;
    constructor(values: RowArray, start: number) {
      this.values = values;
      this.start = start;
    }
  }
  for (const [index, column] of columns.entries()) {
    Object.defineProperty(CutRow.prototype, column, {
      get(this: CutRow) {
        return this.values[this.start + index];
      },
    });
  }
  return (values, start = 0) => new CutRow(values, start) as unknown as Row;
}
