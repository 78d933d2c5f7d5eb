import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { freshFolder, vtoken } from './support.ts';

const page = readFileSync(new URL('../../docs/emulator.md', import.meta.url), 'utf8');

/** `|| true` follows what is refused on purpose. */
async function runLine(folder: string, line: string): Promise<void> {
  const [command = '', refused] = line.split(' || ');
  const [program, ...argv] = command.split(' ');
  expect(program).toBe('vtoken');
  const run = await vtoken(folder, argv);
  if (refused !== undefined) {
    expect(run, line).toMatchObject({ status: 1, out: '' });
    return;
  }
  expect(run, line).toMatchObject({ status: 0 });
  // What was exported comes with a warning.
  expect(run.err, line).toMatch(line.includes(' export ') ? /holds seeds/ : /^$/);
  expect(run.out === '', line).toBe(line.includes('--pocket'));
}

it('every example of the page works, from top to bottom', async () => {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
  const lines = blocks.join('').trim().split('\n');
  expect(lines.length).toBeGreaterThan(10);
  const folder = freshFolder();
  const home = process.cwd();
  // The examples name their files without a folder.
  process.chdir(folder);
  onTestFinished(() => process.chdir(home));
  for (const line of lines) {
    const [, text, file] = /^echo (\d+) > (\S+)$/.exec(line) ?? [];
    if (file === undefined) await runLine(folder, line);
    else writeFileSync(file, `${String(text)}\n`);
  }
});

it('the page has the exit status of every error', async () => {
  const { out } = await vtoken('/nonexistent', ['--help']);
  const fromHelp = [...out.matchAll(/^ {2}(\d+) {2}/gm)].map(([, status]) => status);
  // Keys have a table of commands with numbers, too.
  const table = page.slice(page.indexOf('| Exit status |'));
  const fromPage = [...table.matchAll(/^\| (\d+) +\|/gm)].map(([, status]) => status);
  expect(fromHelp.length).toBe(7);
  expect(fromPage).toEqual(fromHelp);
});
