import { type ColumnName, type OutputFormat, usualColumns } from './columns.ts';
import { isoTime } from './iso-time.ts';

/** One thing that happened to one token. What does not apply is null. */
export interface Row {
  readonly serial: string;
  readonly trueMs: number;
  readonly deviceMs: number;
  /** Where the device stood when it showed the response. */
  readonly step: number | null;
  readonly counter: number | null;
  /** As it was typed, which is not always as it was shown. */
  readonly otp: string | null;
  readonly submittedAtMs: number | null;
  readonly event: string;
  readonly challenge: string | null;
  /** What a verifier answers; null where nobody asked one. */
  readonly expect: string | null;
  readonly reason: string;
  /** Which one showed the response. */
  readonly application: string | null;
  /** `good`, `low`, `dead` or `out`; null where it never ends. */
  readonly battery: string | null;
  /** Of a device that has one: that which its owner has set. */
  readonly devicePin: string | null;
}

type Value = string | number | null;

const values: Readonly<Record<ColumnName, (row: Row) => Value>> = {
  serial: ({ serial }) => serial,
  trueTime: ({ trueMs }) => isoTime(trueMs),
  deviceTime: ({ deviceMs }) => isoTime(deviceMs),
  step: ({ step }) => step,
  // Text: a counter of RFC 4226 may be beyond what numbers of JSON hold.
  counter: ({ counter }) => (counter === null ? null : String(counter)),
  otp: ({ otp }) => otp,
  driftSeconds: ({ trueMs, deviceMs }) => (deviceMs - trueMs) / 1000,
  submittedAt: ({ submittedAtMs }) => (submittedAtMs === null ? null : isoTime(submittedAtMs)),
  event: ({ event }) => event,
  challenge: ({ challenge }) => challenge,
  expect: ({ expect }) => expect,
  reason: ({ reason }) => (reason === '' ? null : reason),
  application: ({ application }) => application,
  battery: ({ battery }) => battery,
  devicePin: ({ devicePin }) => devicePin,
};

/** Writes rows, each with its line end. */
export interface RowWriter {
  /** What stands before the first row. */
  readonly header: string;
  write(row: Row): string;
}

/** A writer for these columns, or the usual ones. No value needs quotes. */
export function rowWriter(
  format: OutputFormat,
  columns: readonly ColumnName[] = usualColumns,
): RowWriter {
  const readers = columns.map((column) => [column, values[column]] as const);
  if (format === 'csv') {
    return {
      header: `${columns.join(',')}\n`,
      write: (row) => `${readers.map(([, read]) => read(row) ?? '').join(',')}\n`,
    };
  }
  return {
    header: '',
    write: (row) =>
      `${JSON.stringify(Object.fromEntries(readers.map(([column, read]) => [column, read(row)])))}\n`,
  };
}
