import { fileURLToPath } from 'node:url';
import { type Finished, runProgram } from '../support/cli.ts';

/**
 * Runs a script as a process of its own.
 *
 * @throws Error with what it said, unless it ends with 0
 */
export async function runChild(
  script: URL,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  nodeOptions: readonly string[] = [],
): Promise<Finished> {
  const path = fileURLToPath(script);
  const options = [...nodeOptions, '--import', 'tsx', path, ...args];
  const finished = await runProgram(process.execPath, options, { environment });
  if (finished.code === 0) return finished;
  throw new Error(`${path} ended with ${String(finished.code)}: ${finished.stderr}`);
}
