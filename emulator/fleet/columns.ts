/** What a row says unless it is asked for something else. */
export const usualColumns = [
  'serial',
  'trueTime',
  'deviceTime',
  'step',
  'counter',
  'otp',
  'driftSeconds',
  'submittedAt',
  'event',
  'challenge',
  'expect',
  'reason',
] as const;

const columnsOnRequest = ['application', 'battery', 'devicePin'] as const;

/** What a row can say, in the order of the documentation: the last ones where they are asked for. */
export const columnNames: readonly [...typeof usualColumns, ...typeof columnsOnRequest] = [
  ...usualColumns,
  ...columnsOnRequest,
];

export type ColumnName = (typeof columnNames)[number];

/** A column that is there twice would be one of two members with one name in JSON Lines. */
export function isEachOnce(columns: readonly ColumnName[]): boolean {
  return new Set(columns).size === columns.length;
}

export const outputFormats = ['csv', 'jsonl'] as const;
export type OutputFormat = (typeof outputFormats)[number];
