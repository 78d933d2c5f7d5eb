import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { freshFolder, vtoken } from './support.ts';

const program = fileURLToPath(new URL('../../emulator/cli.ts', import.meta.url));

/** Runs vtoken at a terminal of its own (script(1)), answering each question as it comes. */
async function atTerminal(
  folder: string,
  argv: string,
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<{ status: number | null; shown: string }> {
  const command = `'${process.execPath}' --import tsx '${program}' ${argv}`;
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, VTOKEN_DIR: folder },
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

it(
  'a PIN typed at a terminal is taken, corrected, and never shown',
  { timeout: 60_000 },
  async () => {
    const folder = join(freshFolder(), 'tokens');
    await vtoken(folder, ['new', 'PIN01', '--profile', 'keypad-pin']);
    const set = await atTerminal(folder, 'pin set PIN01', [
      ['PIN: ', '00000\r'],
      ['New PIN: ', '28195\x7f46\r'],
      ['New PIN again: ', '281946\r'],
    ]);
    expect(set.shown).toContain('the PIN is set');
    expect(set.status).toBe(0);
    const wrong = await atTerminal(folder, 'press PIN01', [['PIN: ', '739155\r']]);
    expect(wrong.shown).toContain('FAIL 1');
    const given = await atTerminal(folder, 'press PIN01', [['PIN: ', '73\x03']]);
    expect(given.status).toBe(2);
    for (const { shown } of [set, wrong, given]) expect(shown).not.toMatch(/00000|2819|739?/);
    const { out } = await vtoken(folder, ['pin', 'status', 'PIN01']);
    expect(out).toContain('set; 1 wrong so far');
  },
);
