import { fileURLToPath } from 'node:url';
import { type Finished, runProgram } from '../support/cli.ts';

/**
 * Runs a file of `children/` as a process of its own.
 *
 * @throws Error with what it said, unless it ends with 0
 */
export async function runChild(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  nodeOptions: readonly string[] = [],
): Promise<Finished> {
  const script = fileURLToPath(new URL(`children/${file}`, import.meta.url));
  const options = [...nodeOptions, '--import', 'tsx', script, ...args];
  const finished = await runProgram(process.execPath, options, { environment });
  if (finished.code === 0) return finished;
  throw new Error(`${file} ended with ${String(finished.code)}: ${finished.stderr}`);
}
