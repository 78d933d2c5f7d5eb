import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/**
 * Runs a TypeScript program at a terminal of its own (script(1)), answering each question as it
 * comes.
 */
export async function atTerminal(
  program: string,
  line: string,
  environment: Readonly<Record<string, string>>,
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<{ status: number | null; shown: string }> {
  const command = `'${process.execPath}' --import tsx '${program}' ${line}`;
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  let answered = 0;
  let from = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    const [question, answer] = answers[answered] ?? [];
    if (question === undefined || answer === undefined) return;
    const at = shown.indexOf(question, from);
    if (at < 0) return;
    answered += 1;
    from = at + question.length;
    child.stdin.write(answer);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, shown };
}
