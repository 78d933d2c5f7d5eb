import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { freshFolder, vtoken } from './support.ts';

const page = readFileSync(new URL('../../docs/emulator.md', import.meta.url), 'utf8');

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
    const [program, ...argv] = line.split(' ');
    expect(program).toBe('vtoken');
    const run = await vtoken(folder, argv);
    expect(run, line).toEqual({ status: 0, out: run.out, err: '' });
    expect(run.out === '', line).toBe(line.includes('--pocket'));
  }
});

it('the page has the exit status of every error', async () => {
  const { out } = await vtoken('/nonexistent', ['--help']);
  const fromHelp = [...out.matchAll(/^ {2}(\d) {2}/gm)].map(([, status]) => status);
  const fromPage = [...page.matchAll(/^\| (\d) +\|/gm)].map(([, status]) => status);
  expect(fromHelp.length).toBe(6);
  expect(fromPage).toEqual(fromHelp);
});
