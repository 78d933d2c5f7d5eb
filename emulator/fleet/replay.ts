import type { DeviceEnv } from '../env.ts';
import type { ColumnName, OutputFormat } from './columns.ts';
import type { Fleet } from './fleet-folder.ts';
import { livesOf } from './fleet.ts';
import { rowWriter } from './row.ts';
import { blocksOf } from './run-file.ts';
import { FleetRun } from './run.ts';

/** The first place at which a file is not what its fleet makes. */
export interface Difference {
  /** From 1 on. */
  readonly line: number;
  /** What each has there; null where it has ended. Both hold responses. */
  readonly inFile: string | null;
  readonly fromFleet: string | null;
}

export interface Replayed {
  readonly lines: number;
  readonly difference: Difference | null;
}

/** Runs a fleet again and compares every byte with a file. Rejects with the system's errors. */
export async function replayFile(
  env: DeviceEnv,
  path: string,
  { scenario, tokens }: Fleet,
  format: OutputFormat,
  columns: readonly ColumnName[],
): Promise<Replayed> {
  const writer = rowWriter(format, columns);
  const blocks = blocksOf(new FleetRun(livesOf(scenario, tokens)), writer);
  const fresh = new Fresh(writer.header, blocks);
  let line = 1;
  let rest = Buffer.alloc(0);
  for await (const piece of env.files.readPieces(path)) {
    const bytes = Buffer.concat([rest, piece]);
    const wholeEnd = bytes.lastIndexOf(newline) + 1;
    const whole = bytes.subarray(0, wholeEnd);
    rest = bytes.subarray(wholeEnd);
    const expected = fresh.take(whole.length);
    if (!whole.equals(expected)) return differenceIn(line, whole, expected, fresh);
    line += countLines(whole);
  }
  const expected = fresh.take(rest.length + 1);
  if (rest.length === 0 && expected.length === 0) return { lines: line - 1, difference: null };
  return differenceIn(line, rest, expected, fresh);
}

const newline = 0x0a;

/** The fleet's bytes, taken as they are needed. */
class Fresh {
  readonly #blocks: Iterator<string, void>;
  #ready: Buffer;

  constructor(header: string, blocks: Iterator<string, void>) {
    this.#ready = Buffer.from(header);
    this.#blocks = blocks;
  }

  /** So many bytes, or as many as there are. */
  take(count: number): Buffer {
    while (this.#ready.length < count) {
      const { value } = this.#blocks.next();
      if (typeof value !== 'string') break;
      this.#ready = Buffer.concat([this.#ready, Buffer.from(value)]);
    }
    const taken = this.#ready.subarray(0, count);
    this.#ready = this.#ready.subarray(count);
    return taken;
  }
}

/** Longest line that is looked for. */
const lineBytesMax = 4096;

function differenceIn(firstLine: number, inFile: Buffer, expected: Buffer, fresh: Fresh): Replayed {
  // The line that differs may end in what has not been taken yet.
  const both = [inFile, Buffer.concat([expected, fresh.take(lineBytesMax)])] as const;
  const [found, wanted] = both.map((bytes) => bytes.toString('utf8').split('\n'));
  const index = (found ?? []).findIndex((text, at) => text !== wanted?.[at]);
  const at = Math.max(0, index);
  const line = firstLine + at;
  const textOf = (lines: readonly string[] | undefined): string | null => {
    const text = lines?.[at];
    const isEnd = text === '' && at === (lines?.length ?? 0) - 1;
    return text === undefined || isEnd ? null : text;
  };
  return {
    lines: line - 1,
    difference: { line, inFile: textOf(found), fromFleet: textOf(wanted) },
  };
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count += 1;
  return count;
}
