import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { atTerminal } from '../../support/terminal.ts';
import { freshFolder, vtoken } from '../support.ts';

const program = fileURLToPath(new URL('../../../emulator/cli/main.ts', import.meta.url));

function typing(
  folder: string,
  argv: string,
  answers: readonly (readonly [question: string, answer: string])[],
): ReturnType<typeof atTerminal> {
  return atTerminal(program, argv, { VTOKEN_DIR: folder }, answers);
}

it(
  'a PIN typed at a terminal is taken, corrected, and never shown',
  { timeout: 60_000 },
  async () => {
    const folder = join(freshFolder(), 'tokens');
    await vtoken(folder, ['new', 'PIN01', '--profile', 'keypad-pin']);
    const set = await typing(folder, 'pin set PIN01', [
      ['PIN: ', '00000\r'],
      ['New PIN: ', '28195\x7f46\r'],
      ['New PIN again: ', '281946\r'],
    ]);
    expect(set.shown).toContain('the PIN is set');
    expect(set.status).toBe(0);
    const wrong = await typing(folder, 'press PIN01', [['PIN: ', '739155\r']]);
    expect(wrong.shown).toContain('FAIL 1');
    const given = await typing(folder, 'press PIN01', [['PIN: ', '73\x03']]);
    expect(given.status).toBe(2);
    for (const { shown } of [set, wrong, given]) expect(shown).not.toMatch(/00000|2819|739?/);
    const { out } = await vtoken(folder, ['pin', 'status', 'PIN01']);
    expect(out).toContain('set; 1 wrong so far');
  },
);
