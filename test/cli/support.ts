import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { CliIo } from '../../src/cli/io.ts';
import { type Answers, keyText, type RestWorld, startRest } from '../rest/support.ts';

export interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly said: string;
}

interface RunOptions {
  readonly environment?: Record<string, string>;
  readonly input?: string;
  readonly outputColumns?: number | null;
}

/** Runs one command line in this process. */
export async function runHere(
  args: readonly string[],
  { environment = {}, input = '', outputColumns = null }: RunOptions = {},
): Promise<Ran> {
  const printed: string[] = [];
  const said: string[] = [];
  let code = 0;
  const io: CliIo = {
    environment: { ...environment },
    print: (text) => printed.push(text),
    say: (text) => said.push(text),
    readInput: () => Promise.resolve(input),
    ask: () => Promise.reject(new Error('nobody is there')),
    isInteractive: false,
    terminal: null,
    outputColumns,
    setExitCode: (given) => {
      code = given;
    },
  };
  await runProgram(io, args, '0.0.0');
  return { code, printed: printed.join('\n'), said: said.join('\n') };
}

/** Where the commands of a test run: a folder with a key, and the REST interface its test started. */
export interface Desk {
  readonly path: (name: string) => string;
  /** Starts the interface that the commands find; ended with the test, or by the next one. */
  readonly serve: (answers: Answers) => Promise<RestWorld>;
  readonly stop: () => Promise<void>;
  readonly environment: () => Record<string, string>;
  readonly run: (
    args: readonly string[],
    options?: Omit<RunOptions, 'environment'>,
  ) => Promise<Ran>;
}

/** A desk for every test of a file. */
export function openDesk(): Desk {
  let folder = '';
  let world: RestWorld | undefined;
  const stop = async (): Promise<void> => {
    await world?.stop();
    world = undefined;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-cli-'));
    writeFileSync(join(folder, 'key'), `${keyText}\n`, { mode: 0o600 });
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await stop();
  });
  const environment = (): Record<string, string> => ({
    TALLYSTICK_KEY_FILE: join(folder, 'key'),
    TALLYSTICK_SERVER: `http://127.0.0.1:${world?.port ?? 1}`,
  });
  return {
    path: (name) => join(folder, name),
    serve: async (answers) => {
      await stop();
      return (world = await startRest(answers));
    },
    stop,
    environment,
    run: (args, options) => runHere(args, { ...options, environment: environment() }),
  };
}
