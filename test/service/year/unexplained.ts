import type { Position } from '../../../emulator/index.ts';

/** Members that differ: what was expected, and what was got. */
export type Differences = Readonly<Record<string, readonly [expected: unknown, got: unknown]>>;

/** Every member of either that is not the same in both; members that are lists are compared as text. */
export function differencesOf(expected: object, got: object): Differences {
  const [wanted, given] = [new Map(Object.entries(expected)), new Map(Object.entries(got))];
  const names = [...new Set([...wanted.keys(), ...given.keys()])];
  return Object.fromEntries(
    names
      .map((name) => [name, [wanted.get(name), given.get(name)]] as const)
      .filter(([, [one, other]]) => textOf(one) !== textOf(other)),
  );
}

/** One line for people; it never holds the response. */
export function describeAttempt(
  nowMs: number,
  shown: {
    readonly what: string;
    readonly deviceMs: number;
    readonly truth: Position | null;
  },
  differing: Differences,
): string {
  const { what, deviceMs, truth } = shown;
  const where =
    truth === null
      ? 'shown by no device'
      : `counter ${String(truth.counter)}, step ${String(truth.step)}`;
  const lines = Object.entries(differing).map(
    ([name, [expected, got]]) => `${name}: expected ${textOf(expected)}, got ${textOf(got)}`,
  );
  return (
    `at ${timeText(nowMs)}, ${what} (${where}, device time ${timeText(deviceMs)}): ` +
    lines.join('; ')
  );
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'bigint' ? String(member) : member,
  );
}
