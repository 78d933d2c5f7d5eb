/** One serial or a range of them, as a scenario names them. */
export const serialsPattern: RegExp = /^[A-Z0-9]{4,16}(?:\.\.[A-Z0-9]{4,16})?$/;

/** Serials one after the other: `VT90000001..VT90000100`. */
export interface SerialRange {
  readonly prefix: string;
  readonly digits: number;
  readonly from: number;
  readonly to: number;
}

/** @returns what is wrong with it, for a text that fits `serialsPattern` and makes no range */
export function serialRange(text: string): SerialRange | string {
  const [first = '', last = first] = text.split('..');
  if (first === last) return { prefix: first, digits: 0, from: 0, to: 0 };
  const [one, other] = [first, last].map(partsOf);
  if (one === undefined || other === undefined) return notARange;
  const isLike = first.length === last.length && one.prefix === other.prefix;
  if (!isLike) return 'must be a range whose ends have the same letters and as many digits';
  if (!(one.number < other.number)) return 'must be a range that goes upwards';
  return { prefix: one.prefix, digits: one.digits, from: one.number, to: other.number };
}

/** Serials and ranges as a scenario names them: one, or a list. */
export function listOf(serials: string | readonly string[]): readonly string[] {
  return typeof serials === 'string' ? [serials] : serials;
}

export function rangeCount({ from, to }: SerialRange): number {
  return to - from + 1;
}

/** The serials of a range, in order. */
export function* serialsOf({ prefix, digits, from, to }: SerialRange): Generator<string, void> {
  for (let number = from; number <= to; number += 1) {
    yield digits === 0 ? prefix : `${prefix}${String(number).padStart(digits, '0')}`;
  }
}

const notARange = 'must be a range whose ends end in digits, such as VT90000001..VT90000100';
/** As many digits as a number holds exactly. */
const digitsMax = 15;

function partsOf(
  serial: string,
): { readonly prefix: string; readonly number: number; readonly digits: number } | undefined {
  const [digits] = new RegExp(`\\d{1,${digitsMax}}$`).exec(serial) ?? [];
  if (digits === undefined) return undefined;
  const prefix = serial.slice(0, serial.length - digits.length);
  return { prefix, number: Number(digits), digits: digits.length };
}
