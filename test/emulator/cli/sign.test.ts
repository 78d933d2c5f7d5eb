import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshFolder, vtoken } from '../support.ts';

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const nowMs = 1_700_000_000_000;

function desk() {
  const folder = freshFolder();
  const run = (...argv: string[]) => vtoken(folder, argv, { nowMs });
  const seed = join(folder, 'seed.txt');
  writeFileSync(seed, '3132333435363738393031323334353637383930\n');
  return { run, seeded: ['--seed-file', seed, '--seed-format', 'hex'] };
}

describe('vtoken sign', () => {
  it('prints the signature over fields by name or in their order', async () => {
    const { run, seeded } = desk();
    const suite = 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40/CODE 1:N6,CODE 2:N6';
    expect(await run('new', 'SIGN01', '--application', suite, ...seeded)).toMatchObject({
      status: 0,
    });
    const named = ['--field', 'CODE 2=654321', '--field', 'CODE 1=123456'];
    expect(await run('sign', 'SIGN01', ...named)).toMatchObject({ status: 0, out: '70948136\n' });
    const listed = ['--field', '123456', '--field', '654321'];
    expect(await run('sign', 'SIGN01', ...listed)).toMatchObject({ status: 0, out: '70948136\n' });
    expect((await run('show', 'SIGN01')).out).toContain('signs CODE 1:N6,CODE 2:N6');
  });

  it.each([
    [1, 'CODE 1, CODE 2', ['--field', '1']],
    [1, 'the digits 0 to 9 only', ['--field', '1a', '--field', '2']],
    [2, 'NAME=VALUE for all', ['--field', 'CODE 1=1', '--field', '2']],
    [2, 'once', ['--field', 'CODE 1=1', '--field', 'CODE 1=2']],
  ])('ends with %d and says %s', async (status, text, argv) => {
    const { run, seeded } = desk();
    const suite = 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40/CODE 1:N6,CODE 2:N6';
    await run('new', 'SIGN01', '--application', suite, ...seeded);
    const ended = await run('sign', 'SIGN01', ...argv);
    expect(ended).toMatchObject({ status, out: '' });
    expect(ended.err).toContain(text);
  });
});

describe('--host-code', () => {
  it('prints it in a second line, and says where there is none', async () => {
    const { run, seeded } = desk();
    const cr = ['new', 'CR01', '--profile', 'keypad-cr-time', '--with-host-code', 'CR', ...seeded];
    expect((await run(...cr)).status).toBe(0);
    const respond = ['respond', 'CR01', '--challenge', '12345678'];
    const shown = await run(...respond, '--host-code');
    expect(shown.out).toMatch(/^[0-9]{6}\n[0-9]{6}\n$/);
    expect((await run(...respond)).out).toBe(`${shown.out.slice(0, 6)}\n`);
    const { hostCode } = json((await run(...respond, '--host-code', '--json')).out);
    expect(hostCode).toBe(shown.out.slice(7, 13));
    const suite = 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40/AMOUNT:N12';
    await run('new', 'SIGN02', '--application', suite, '--with-host-code', 'SIGN', ...seeded);
    const signed = await run('sign', 'SIGN02', '--field', '125000', '--host-code');
    expect(signed.out).toMatch(/^[0-9]{8}\n[0-9]{8}\n$/);
    await run('new', 'TIME01', '--profile', 'one-button-time', ...seeded);
    const none = await run('press', 'TIME01', '--host-code');
    expect(none).toMatchObject({ status: 0, err: 'this application has no host code\n' });
  });
});

describe('vtoken info and program', () => {
  it('read the drift, and set seed and clock', async () => {
    const { run, seeded } = desk();
    const sealed = ['--battery', 'sealed', '--battery-life', '100d'];
    const button = ['--profile', 'one-button-info', '--offset', '-90s'];
    await run('new', 'INFO01', ...button, ...sealed, ...seeded);
    expect(json((await run('info', 'INFO01', '--json')).out)).toMatchObject({
      deviceTimeMs: nowMs - 90_000,
      clockErrorMs: -90_000,
      chargePercent: 100,
      shownSerial: 'INFO01',
    });
    const later = await run('info', 'INFO01', '--at', '+50d');
    expect(later.out).toMatch(/^time .*\nbattery 65 %\nserial  INFO01\n$/);
    expect((await run('program', 'INFO01', ...seeded)).status).toBe(1);
    await run('new', 'PROG01', '--profile', 'programmable-time', '--offset', '+90s');
    expect((await run('info', 'PROG01')).status).toBe(1);
    expect((await run('program', 'PROG01')).status).toBe(2);
    const programmed = await run('program', 'PROG01', ...seeded, '--set-clock', '--json');
    expect(json(programmed.out)).toMatchObject({ clockSet: true, clockErrorMs: 0 });
    await run('new', 'TIME01', '--profile', 'one-button-time', ...seeded);
    expect((await run('press', 'PROG01')).out).toBe((await run('press', 'TIME01')).out);
  });
});
