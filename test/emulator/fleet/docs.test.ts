import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { columnNames } from '../../../emulator/fleet/columns.ts';
import { freshFolder, vtoken } from '../support.ts';

const page = readFileSync(new URL('../../../docs/fleets.md', import.meta.url), 'utf8');

interface Block {
  readonly language: string;
  readonly text: string;
}

const library = new URL('../../../emulator/index.ts', import.meta.url).href;
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** What a program prints that takes the library from here. */
function printedBy(program: string, folder: string): string {
  const path = `${folder}/program.mts`;
  expect(program).toContain("'tallystick/emulator'");
  writeFileSync(path, program.replace('tallystick/emulator', library));
  return execFileSync(process.execPath, ['--import', loader, path], {
    cwd: folder,
    encoding: 'utf8',
  });
}

it('every scenario and program of the page runs, and every command prints what the page says', async () => {
  const folder = freshFolder();
  const home = process.cwd();
  // The examples name their files without a folder.
  process.chdir(folder);
  onTestFinished(() => process.chdir(home));
  const blocks = [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(
    ([, language = '', text = '']): Block => ({ language, text }),
  );
  let printed: string[] = [];
  let compared = 0;
  for (const { language, text } of blocks) {
    if (language === 'yaml') {
      const [, name = ''] = /^# (\S+\.yaml)\n/.exec(text) ?? [];
      expect(name).not.toBe('');
      writeFileSync(name, text);
    } else if (language === 'ts') {
      printed = [printedBy(text, folder)];
    } else if (language === 'sh') {
      printed = [];
      for (const line of text.trim().split('\n')) {
        const [program, ...argv] = line.split(' ');
        expect(program).toBe('vtoken');
        const run = await vtoken(folder, argv);
        expect(run, line).toMatchObject({ status: 0 });
        expect(run.err, line).toMatch(line.includes('--keys') ? /for tests alone/ : /^$/);
        printed.push(run.out);
      }
    } else if (printed.length > 0) {
      expect(text).toBe(printed.shift());
      compared += 1;
    }
  }
  expect(compared).toBe(12);
});

it('the page has every column, in order', () => {
  const [, table = ''] = /## Rows\n([\s\S]*?)\n## /.exec(page) ?? [];
  const names = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(names).toEqual(columnNames);
});
