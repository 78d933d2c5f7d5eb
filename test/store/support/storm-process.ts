import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { DatabaseLocation } from '../../../src/store/index.ts';

export type StormProcess = ChildProcessByStdio<null, Readable, null>;

/** Starts `storm.ts` on a database; `fileKibibytesMax` limits the size of any file it writes. */
export function startStorm(
  location: DatabaseLocation,
  options: { fileKibibytesMax?: number; userId?: number } = {},
): StormProcess {
  const storm = fileURLToPath(new URL('storm.ts', import.meta.url));
  const limit = options.fileKibibytesMax;
  const script = limit === undefined ? 'exec "$@"' : `ulimit -f ${String(limit)}; exec "$@"`;
  const node = [process.execPath, '--import', 'tsx', storm, JSON.stringify(location), 'one'];
  return spawn('bash', ['-c', script, 'bash', ...node], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(options.userId === undefined ? {} : { uid: options.userId, gid: options.userId }),
  });
}

/** All whole lines that a process writes; `onLine` sees each when it arrives. */
export async function linesOf(
  child: StormProcess,
  onLine: (line: string, count: number) => void = () => undefined,
): Promise<readonly string[]> {
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) onLine(line, lines.push(line));
  });
  await once(child, 'close');
  return lines;
}
