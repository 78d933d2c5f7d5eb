/** What a row can say, in the order of the documentation. */
export const columnNames = [
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

export type ColumnName = (typeof columnNames)[number];

export const outputFormats = ['csv', 'jsonl'] as const;
export type OutputFormat = (typeof outputFormats)[number];
