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

export const outputFormats = ['csv', 'jsonl'] as const;
export type OutputFormat = (typeof outputFormats)[number];
