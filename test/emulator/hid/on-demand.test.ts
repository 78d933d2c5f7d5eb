import { expect, it, vi } from 'vitest';
import { freshFolder, vtoken } from '../support.ts';

const loads = vi.hoisted(() => ({ count: 0 }));

vi.mock('node-hid', () => {
  loads.count += 1;
  return { default: { devicesAsync: () => Promise.resolve([]) } };
});

it('node-hid, which is optional, is loaded for keys that are plugged in and for nothing else', async () => {
  const folder = freshFolder();
  const lines = [
    '--help',
    'new VT00000001 --profile one-button-time --drift typical',
    'new HK00000001 --profile otp-hid-key',
    'new VT00000002 --profile keypad-cr-time',
    'list',
    'show VT00000001',
    'show HK00000001',
    'press VT00000001',
    'respond VT00000002 --challenge 12345678',
    'drift show VT00000001',
    'drift plot VT00000001',
    'battery show VT00000001',
    'pair --request - --profile one-button-event',
    'export csv VT00000001 --out seeds.csv --plain --help',
    'inbox list',
    'fleet --help',
    'serve --help',
    'hid --help',
    'hid info --serial HK00000001',
    'hid respond --serial HK00000001 --slot 1 --challenge-text sample',
    'remove VT00000001',
  ];
  for (const line of lines) {
    expect(await vtoken(folder, line.split(' ')), line).toMatchObject({ status: 0 });
    expect(loads.count, line).toBe(0);
  }
  expect(await vtoken(folder, ['hid', 'list'])).toMatchObject({ status: 0 });
  expect(loads.count).toBe(1);
});
