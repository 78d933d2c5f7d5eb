import { describe, expect, it } from 'vitest';
import { type DeviceEnv, nodeEnv } from '../../../emulator/index.ts';
import { type CliRun, desk, freshFolder, quiet, rfcSeed, vtoken } from '../support.ts';

const seedHex = Buffer.from(rfcSeed).toString('hex');

describe('what vtoken refuses', () => {
  const cases: readonly [status: number, words: string, line: string][] = [
    [1, 'there is no token NONE01', 'press NONE01'],
    [1, 'token EVENT01 exists already', 'new EVENT01 --profile one-button-event'],
    [1, 'no such application on this token; it has EVENT', 'press EVENT01 --application X'],
    [1, 'name the application: TIME, EVENT', 'press MULTI01'],
    [1, 'name the application: CR, CR-COUNTER', 'respond MULTI01 --challenge 1'],
    [1, 'CR answers a challenge', 'press MULTI01 --application CR'],
    [1, 'EVENT takes no challenge', 'respond EVENT01 --challenge 1'],
    [1, 'the digits 0 to 9 only', 'respond MULTI01 --application CR --challenge 1234567A'],
    [1, '1 to 8 characters', 'respond MULTI01 --application CR --challenge 123456789'],
    [1, 'takes no session data', 'respond MULTI01 --application CR --challenge 1 --session 00'],
    [1, 'has seeds of its own', 'pair --request - --serial EVENT01'],
    [2, "unknown command 'code'", 'code EVENT01'],
    [2, "unknown option '--pin'", 'respond EVENT01 --challenge 1 --pin 1234'],
    [2, "missing required argument 'serial'", 'press'],
    [2, "required option '--challenge <text>'", 'respond EVENT01'],
    [2, 'a serial has 4 to 16', 'press event01'],
    [2, 'a serial has 4 to 16', 'new VT00000001-0 --profile one-button-time'],
    [2, 'say --profile', 'new VT00000001'],
    [2, 'the profiles are one-button-time', 'new VT00000001 --profile fob'],
    [2, 'NAME=ALGORITHM', 'new VT00000001 --application HOTP-SHA1-6'],
    [2, 'digits must be a whole number', 'new VT00000001 --application A=HOTP-SHA1-5'],
    [2, 'timestamp must be', 'new VT00000001 --application A=OCRA-1:HOTP-SHA1-6:QN08-T60S'],
    [
      2,
      'names must differ',
      'new VT00000001 --application A=HOTP-SHA1-6 --application A=HOTP-SHA1-8',
    ],
    [
      2,
      'exactly one Response-Only',
      'new VT00000001 --profile one-button-time --application A=OCRA-1:HOTP-SHA1-6:QN08',
    ],
    [2, 'is for one-button', 'new VT00000001 --profile keypad-multi --press-switches-off'],
    [2, '-1000 to +1000 ppm', 'new VT00000001 --profile one-button-time --ppm 1001'],
    [2, '--now takes a time', 'press TIME01 --now yesterday'],
    [2, '--now takes a time', 'press TIME01 --now 2023-02-29'],
    [2, '--now takes a time', 'press TIME01 --now 2026-11-23T16:00:00'],
    [2, '--at takes a duration', 'press TIME01 --at 3'],
    [2, 'within the years 1970 to 9999', 'press TIME01 --now 0 --at -1s'],
    [2, '--times takes a whole number from 1 to 100000', 'press EVENT01 --times 0'],
    [2, '--times takes a whole number from 1 to 100000', 'press EVENT01 --times 1e3'],
    [2, 'say what to change', 'drift set TIME01'],
    [2, '--ppm takes a number', 'drift set TIME01 --ppm fast'],
    [2, 'say either --request FILE or --accept FILE', 'pair'],
    [2, 'say either --request FILE or --accept FILE', 'pair --request a --accept b'],
    [
      2,
      'exclude each other',
      'new VT00000001 --profile one-button-time --seed-stdin --seed-file x',
    ],
    [2, 'is needed: 1, not 0', 'new VT00000001 --profile one-button-time --seed-stdin'],
    [2, 'is needed: 4, not 0', 'new VT00000001 --profile keypad-multi --seed-stdin'],
    [2, '/nonexistent/x does not exist', 'pair --accept /nonexistent/x'],
    [
      5,
      '/dev/null: it is not a folder',
      'new VT00000001 --profile one-button-time --dir /dev/null',
    ],
  ];

  it('says so, on the error stream only, and changes nothing', async () => {
    const run = await desk();
    const { out: before } = await run('list', '--json');
    for (const [status, words, line] of cases) {
      const refused = await vtokenLine(run, line);
      expect(refused, line).toEqual({
        status,
        out: '',
        err: expect.stringContaining(words) as string,
      });
      expect(refused.err, line).not.toMatch(/\n\s+at |internal error/);
    }
    expect((await run('list', '--json')).out).toBe(before);
  });

  function vtokenLine(run: (...argv: string[]) => Promise<CliRun>, line: string): Promise<CliRun> {
    return run(...line.split(' '));
  }

  it('never repeats a challenge, PIN or seed', async () => {
    const run = await desk();
    const secret = '87654321A';
    const refused = await run('respond', 'MULTI01', '--application', 'CR', '--challenge', secret);
    expect(refused.err).not.toContain('87654321');
    const folder = freshFolder();
    const make = ['new', 'VT00000001', '--profile', 'one-button-event', '--seed-stdin'];
    expect((await vtoken(folder, make, { stdin: 'secretseed!' })).err).not.toContain('secretseed');
  });

  it('speaks JSON to those who asked for it', async () => {
    const run = await desk();
    const refused = await run('press', 'NONE01', '--json');
    expect(refused.out).toBe('');
    expect(JSON.parse(refused.err)).toMatchObject({ error: { code: 'token-unknown' } });
  });

  it('gives a full disk its own status and shows no response', async () => {
    const folder = freshFolder();
    await vtoken(folder, ['new', 'FULL1', '--profile', 'one-button-event', '--seed-stdin'], {
      stdin: seedHex,
    });
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const env: DeviceEnv = {
      ...nodeEnv,
      files: { ...nodeEnv.files, writeNew: () => Promise.reject(full) },
    };
    const refused = await vtoken(folder, ['press', 'FULL1'], { env });
    expect(refused).toEqual({
      status: 5,
      out: '',
      err: expect.stringContaining('the disk is full') as string,
    });
    expect(await vtoken(folder, ['press', 'FULL1'])).toEqual(quiet('755224\n'));
  });

  it('calls an error of its own a bug, without a stack trace', async () => {
    const folder = freshFolder();
    const env: DeviceEnv = {
      ...nodeEnv,
      randomBytes: () => {
        throw new TypeError('broken');
      },
    };
    const run = await vtoken(folder, ['new', 'BUG1', '--profile', 'one-button-event'], { env });
    expect(run).toEqual({
      status: 70,
      out: '',
      err: 'vtoken: internal error, please report it: broken\n',
    });
  });
});
