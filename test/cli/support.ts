import { runProgram } from '../../src/cli/program.ts';
import type { CliIo } from '../../src/cli/io.ts';

export interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly said: string;
}

/** Runs one command line in this process. */
export async function runHere(
  args: readonly string[],
  {
    environment = {},
    input = '',
    outputColumns = null,
  }: {
    environment?: Record<string, string>;
    input?: string;
    outputColumns?: number | null;
  } = {},
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
