import { resolve } from 'node:path';
import type { DeviceEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { takeLock } from '../files/lock-file.ts';
import { storageError } from '../files/state-file.ts';
import { type Checkpoint, checkpointPath, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { ColumnName, OutputFormat } from './columns.ts';
import type { Fleet } from './fleet-folder.ts';
import { livesOf } from './fleet.ts';
import { type Counts, FleetRun } from './run.ts';
import { type RowWriter, rowWriter } from './row.ts';

export interface RunOptions {
  /** The fleet's folder or scenario, for the checkpoint. */
  readonly source: string;
  readonly format: OutputFormat;
  readonly columns: readonly ColumnName[];
  readonly resume: boolean;
  /** Called now and then with the true time that is reached. */
  readonly onProgress: (reachedMs: number, rows: number) => void;
  /** For tests: rows between two checkpoints. */
  readonly checkpointRows?: number | undefined;
  /** For tests: characters that are written at once. */
  readonly blockCharacters?: number | undefined;
}

const fileMode = 0o600;
const usualBlockCharacters = 256 * 1024;
const checkpointRowsMin = 50_000;
/** Writing down a life takes about as long as ten rows. */
const rowsPerLife = 20;
const lockWaitMs = 200;

/**
 * Writes the rows of a fleet to a file, in pieces. At any time the process may be killed: the file is
 * good up to the last checkpoint, and a run with `resume` goes on from there, to the same bytes.
 *
 * @throws EmulatorError input-invalid if the file exists, or is not to be resumed by this fleet;
 *   state-busy, state-damaged, storage-failed
 */
export async function runToFile(
  env: DeviceEnv,
  path: string,
  fleet: Fleet,
  options: RunOptions,
): Promise<Counts> {
  try {
    const lock = await takeLock(env, `${path}.run.lock`, { waitMs: lockWaitMs });
    try {
      return await new FileRun(env, path, fleet, options).run();
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw storageError(error, path);
  }
}

/** Pieces of a run's output, each of many rows. */
export function* blocksOf(
  run: FleetRun,
  writer: RowWriter,
  blockCharacters: number = usualBlockCharacters,
): Generator<string, void> {
  let block = '';
  for (let row = run.next(); row !== undefined; row = run.next()) {
    block += writer.write(row);
    if (block.length < blockCharacters) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}

class FileRun {
  readonly #env: DeviceEnv;
  readonly #path: string;
  readonly #fleet: Fleet;
  readonly #options: RunOptions;
  #bytes = 0;

  constructor(env: DeviceEnv, path: string, fleet: Fleet, options: RunOptions) {
    this.#env = env;
    this.#path = path;
    this.#fleet = fleet;
    this.#options = options;
  }

  async run(): Promise<Counts> {
    const { scenario, tokens } = this.#fleet;
    const { format, columns, resume, onProgress } = this.#options;
    const writer = rowWriter(format, columns);
    const found = resume ? await this.#found() : null;
    if (found?.isFinished === true && found.memory !== null) {
      await this.#cutOffAt(found.bytes);
      return found.memory.counts;
    }
    if (!resume) await this.#refuseToOverwrite();
    const run = new FleetRun(livesOf(scenario, tokens));
    await this.#begin(run, writer, found);
    const everyRows =
      this.#options.checkpointRows ?? Math.max(checkpointRowsMin, rowsPerLife * tokens.length);
    let noted = run.counts.rows;
    for (const block of blocksOf(run, writer, this.#options.blockCharacters)) {
      await this.#append(block);
      const { rows } = run.counts;
      onProgress(Math.min(run.nextAtMs, scenario.start + scenario.for), rows);
      if (rows - noted < everyRows) continue;
      noted = rows;
      await this.#note(run, false);
    }
    await this.#note(run, true);
    return run.counts;
  }

  async #found(): Promise<Checkpoint> {
    const found = await readCheckpoint(this.#env, this.#path);
    const path = this.#path;
    if (found === null) {
      throw invalid(`${checkpointPath(path)} is missing: there is nothing to resume`);
    }
    const { format, columns } = this.#options;
    if (found.digest !== this.#fleet.digest) {
      throw invalid(`${path} is the output of another fleet, or of this one before it was changed`);
    }
    if (found.format !== format || found.columns.join() !== columns.join()) {
      throw invalid(`${path} has other columns, or another format`);
    }
    return found;
  }

  async #refuseToOverwrite(): Promise<void> {
    for (const path of [this.#path, checkpointPath(this.#path)]) {
      if (await this.#env.files.exists(path)) {
        throw invalid(`${path} exists already: name a new file, or say --resume`);
      }
    }
  }

  /** The checkpoint comes first: whoever is killed before the first row can resume as well. */
  async #begin(run: FleetRun, { header }: RowWriter, found: Checkpoint | null): Promise<void> {
    if (found !== null && found.memory !== null) {
      run.recall(found.memory);
      await this.#cutOffAt(found.bytes);
      return;
    }
    await writeCheckpoint(this.#env, this.#path, { ...this.#head(), memory: null });
    await this.#env.files.remove(this.#path);
    await this.#env.files.writeNew(this.#path, Buffer.from(header), fileMode);
    this.#bytes = header.length;
  }

  /** What stands behind the checkpoint is written again, or was never ours. */
  async #cutOffAt(bytes: number): Promise<void> {
    this.#bytes = bytes;
    if (await this.#env.files.truncate(this.#path, this.#bytes)) return;
    throw new EmulatorError(
      'state-damaged',
      `${this.#path} is shorter than its checkpoint says: somebody has changed it`,
    );
  }

  async #append(block: string): Promise<void> {
    const bytes = Buffer.from(block, 'utf8');
    await this.#env.files.append(this.#path, bytes, fileMode);
    this.#bytes += bytes.length;
  }

  async #note(run: FleetRun, isFinished: boolean): Promise<void> {
    await this.#env.files.sync(this.#path);
    const { counts, memory } = run;
    const kept = isFinished ? { counts, lives: [] } : memory;
    await writeCheckpoint(this.#env, this.#path, {
      ...this.#head(),
      isFinished,
      memory: kept,
    });
  }

  #head(): Omit<Checkpoint, 'memory'> {
    const { source, format, columns } = this.#options;
    const { digest } = this.#fleet;
    const bytes = this.#bytes;
    return { source: resolve(source), digest, format, columns, bytes, isFinished: false };
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
