import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { nodeEnv } from '../../../emulator/index.ts';
import { bundleFor, type CliRun, freshFolder, rfcSeed, vtoken } from '../support.ts';

const hex = Buffer.from(rfcSeed).toString('hex');
const base32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const base64 = Buffer.from(rfcSeed).toString('base64');
const day = '2026-11-23T00:00:00Z';

let folder: string;
let out: string;
let keyFile: string;

async function make(serial: string, profile: string, seeds = 1, ...more: string[]): Promise<void> {
  const argv = ['new', serial, '--profile', profile, '--seed-stdin', '--now', '0', ...more];
  const { status, err } = await vtoken(folder, argv, { stdin: `${hex}\n`.repeat(seeds) });
  if (status !== 0) throw new Error(err);
}

/** Runs an export to `out`. */
function exported(format: string, ...argv: string[]): Promise<CliRun> {
  return vtoken(folder, ['export', format, '--out', out, ...argv]);
}

function read(): string {
  return readFileSync(out, 'utf8');
}

function judged(program: string, argv: readonly string[]): string {
  return execFileSync(program, [...argv, out], { encoding: 'utf8', stdio: 'pipe' });
}

/** Nothing was written, not even in part. */
function expectNothingWritten(): void {
  expect(readdirSync(join(out, '..'))).toEqual(['transport.key']);
}

beforeEach(() => {
  folder = freshFolder();
  const outputs = freshFolder();
  out = join(outputs, 'keys.out');
  keyFile = join(outputs, 'transport.key');
  writeFileSync(keyFile, '12345678901234567890123456789012\n');
});

describe('vtoken export pskc', () => {
  it('writes every application of every token, for others to read', async () => {
    await make('EVENT01', 'one-button-event');
    await make('KEYPAD01', 'keypad-pin', 3, '--offset', '-61s');
    await vtoken(folder, ['press', 'EVENT01', '--times', '7', '--pocket']);
    const run = await exported('pskc', '--all', '--key-file', keyFile, '--now', day);
    expect(run).toEqual({
      status: 0,
      out: `${out}\n`,
      err: `${out} holds seeds, encrypted: whoever has it and the key has the tokens\n`,
    });
    expect(judged('pskctool', ['--validate'])).toContain('OK');
    const columns =
      'id,serial,manufacturer,secret,counter,time_interval,time_drift,policy.pin_min_length,policy.key_usage';
    const secret = '12345678901234567890123456789012';
    expect(judged('pskc2csv', ['-s', secret, '-c', columns]).trim().split('\r\n').slice(1)).toEqual(
      [
        `EVENT01/EVENT,EVENT01,Tallystick,${hex},7,,,,['OTP']`,
        `KEYPAD01/TIME,KEYPAD01,Tallystick,${hex},,30,-2,4,['OTP']`,
        `KEYPAD01/CR,KEYPAD01,Tallystick,${hex},,30,-2,4,['CR']`,
        `KEYPAD01/UNLOCK,KEYPAD01,Tallystick,${hex},,,,,['Unlock']`,
      ],
    );
    for (const form of [hex, base32, base64]) expect(read()).not.toContain(form);
  });

  it('writes seeds in the clear only if told to, and warns', async () => {
    await make('EVENT01', 'one-button-event');
    const refused = await exported('pskc', 'EVENT01');
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.err).toContain('--plain');
    expectNothingWritten();
    expect(await exported('pskc', 'EVENT01', '--plain', '--json')).toEqual({
      status: 0,
      out: `${JSON.stringify({ out, tokens: 1, keys: 1, encrypted: false })}\n`,
      err: `${out} holds seeds in the clear: whoever reads it has the tokens\n`,
    });
    expect(read()).toContain(base64);
  });

  it('wraps keys of a length that fits, with a key of 256 bits', async () => {
    await make('EVENT01', 'one-button-event');
    writeFileSync(keyFile, 'ab'.repeat(32));
    const refused = await exported('pskc', 'EVENT01', '--key-file', keyFile, '--key-wrap');
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(/EVENT01\/EVENT.*multiple of 8/);
    expectNothingWritten();
    const seed = '00112233445566778899aabbccddeeff';
    const argv = ['new', 'EVENT02', '--profile', 'one-button-event', '--seed-stdin'];
    await vtoken(folder, argv, { stdin: seed });
    await exported('pskc', 'EVENT02', '--key-file', keyFile, '--key-wrap');
    expect(judged('pskc2csv', ['-s', 'ab'.repeat(32), '-c', 'secret'])).toContain(seed);
  });

  it('names maker, issuer and users, whatever is in their names', async () => {
    await make('EVENT01', 'one-button-event');
    const name = `<"&'>=\u202Ejane`;
    const labels = ['--manufacturer', name, '--issuer', name, '--user', `EVENT01=${name}`];
    await exported('pskc', 'EVENT01', '--plain', ...labels);
    expect(judged('pskctool', ['--validate'])).toContain('OK');
    const columns = 'manufacturer,issuer,key_userid';
    const [, row = ''] = judged('pskc2csv', ['-c', columns]).split('\r\n');
    const cell = `"${name.replace('"', '""')}"`;
    expect(row).toBe([cell, cell, cell].join(','));
  });

  it.each([
    ['a key that is none', '1234567890'],
    ['a key of 192 bits', 'ab'.repeat(24)],
    ['no key', ''],
  ])('refuses %s without showing it', async (_name, text) => {
    await make('EVENT01', 'one-button-event');
    writeFileSync(keyFile, text);
    const { status, err } = await exported('pskc', 'EVENT01', '--key-file', keyFile);
    expect(status).toBe(2);
    expect(err).toContain('32 or 64 hex digits');
    if (text !== '') expect(err).not.toContain(text);
    expectNothingWritten();
  });
});

describe('the formats in the clear', () => {
  it.each([
    ['otpauth', `otpauth://totp/jane?secret=${base32}&algorithm=SHA1&digits=6&period=30\n`],
    [
      'entra-csv',
      `upn,serial number,secret key,time interval,manufacturer,model\r\njane,TIME01,${base32},30,Tallystick,VTGO1\r\n`,
    ],
    [
      'csv',
      `serial,seed,application,algorithm,event counter\r\nTIME01,${hex},TIME,TOTP-SHA1-6-30S,\r\n`,
    ],
  ])('are written by %s, only if told to', async (format, text) => {
    await make('TIME01', 'one-button-time');
    const argv = ['TIME01', '--user', 'TIME01=jane'];
    expect((await exported(format, ...argv)).err).toContain('--plain');
    expectNothingWritten();
    const run = await exported(format, ...argv, '--plain');
    expect(run.err).toBe(`${out} holds seeds in the clear: whoever reads it has the tokens\n`);
    expect(read()).toBe(text);
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  it('refuse what they have no place for, and take what is chosen', async () => {
    await make('MULTI01', 'keypad-multi', 4);
    const { status, err } = await exported('otpauth', '--all', '--plain');
    expect(status).toBe(2);
    expect(err).toMatch(/MULTI01\/CR: .*HOTP and TOTP/);
    expect(err).not.toContain(base32);
    expectNothingWritten();
    const run = await exported('otpauth', '--all', '--plain', '--application', 'EVENT', '--json');
    expect(JSON.parse(run.out)).toMatchObject({ tokens: 1, keys: 1 });
    expect(read()).toMatch(/^otpauth:\/\/hotp\/MULTI01%2FEVENT\?.*&counter=0\n$/);
  });
});

describe('vtoken export', () => {
  it('never overwrites a file, nor one that appears meanwhile', async () => {
    await make('EVENT01', 'one-button-event');
    writeFileSync(out, 'mine');
    const argv = ['export', 'csv', 'EVENT01', '--plain', '--out', out];
    expect((await vtoken(folder, argv)).err).toContain('exists already');
    const blind = { ...nodeEnv, files: { ...nodeEnv.files, exists: () => Promise.resolve(false) } };
    expect((await vtoken(folder, argv, { env: blind })).err).toContain('exists already');
    expect(read()).toBe('mine');
    expect(readdirSync(join(out, '..')).sort()).toEqual(['keys.out', 'transport.key']);
  });

  it('leaves nothing behind when the disk is full, and says so', async () => {
    await make('EVENT01', 'one-button-event');
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    const env = {
      ...nodeEnv,
      files: {
        ...nodeEnv.files,
        writeNewFrom: async (path: string) => {
          writeFileSync(path, 'half of');
          await Promise.reject(full);
        },
      },
    };
    const argv = ['export', 'csv', 'EVENT01', '--plain', '--out', out];
    const run = await vtoken(folder, argv, { env });
    expect(run).toMatchObject({ status: 5, out: '' });
    expect(run.err).toContain('the disk is full');
    expectNothingWritten();
  });

  it('works where there are no hard links', async () => {
    await make('EVENT01', 'one-button-event');
    const none = Object.assign(new Error('no links'), { code: 'EPERM' });
    const env = { ...nodeEnv, files: { ...nodeEnv.files, link: () => Promise.reject(none) } };
    const argv = ['export', 'csv', 'EVENT01', '--plain', '--out', out];
    expect((await vtoken(folder, argv, { env })).status).toBe(0);
    expect(read()).toContain(hex);
    const answers = [false, true];
    const late = { ...env.files, exists: () => Promise.resolve(answers.shift() ?? true) };
    const again = await vtoken(folder, argv, { env: { ...env, files: late } });
    expect(again.err).toContain('exists already');
    expect(readdirSync(join(out, '..')).length).toBe(2);
  });

  it('gives the seeds of a server to nobody, nor those that are not there yet', async () => {
    const request = join(freshFolder(), 'request.json');
    const pair = ['pair', '--request', request, '--serial', 'PAIR01', '--profile'];
    await vtoken(folder, [...pair, 'one-button-time']);
    const waiting = await exported('csv', 'PAIR01', '--plain');
    expect(waiting).toMatchObject({ status: 1, out: '' });
    expect(waiting.err).toContain('waits for its bundle');
    const parsed = JSON.parse(readFileSync(request, 'utf8')) as Parameters<typeof bundleFor>[0];
    const bundle = join(freshFolder(), 'bundle.json');
    writeFileSync(bundle, JSON.stringify(bundleFor(parsed, [new Uint8Array(rfcSeed)])));
    expect(await vtoken(folder, ['pair', '--accept', bundle])).toMatchObject({ status: 0 });
    const paired = await exported('csv', 'PAIR01', '--plain');
    expect(paired).toMatchObject({ status: 1, out: '' });
    expect(paired.err).toContain('was paired');
    expectNothingWritten();
  });

  it.each([
    [[], 'name the tokens'],
    [['EVENT01', '--all'], 'name the tokens'],
    [['EVENT01', 'EVENT01'], 'each token once'],
    [['EVENT01', '--user', 'jane'], 'SERIAL=NAME'],
    [['EVENT01', '--user', 'OTHER01=jane'], 'SERIAL=NAME'],
    [['EVENT01', '--user', 'EVENT01=a', '--user', 'EVENT01=b'], 'SERIAL=NAME'],
    [['EVENT01', '--application', 'NONE'], 'at least one key'],
  ])('with %o is refused: %s', async (argv, reason) => {
    await make('EVENT01', 'one-button-event');
    const { status, err } = await exported('csv', '--plain', ...argv);
    expect(status).toBe(2);
    expect(err).toContain(reason);
    expectNothingWritten();
  });

  it('knows when there is nothing to export', async () => {
    expect(await exported('csv', '--plain', '--all')).toMatchObject({ status: 1 });
    expect(await exported('csv', '--plain', 'EVENT09')).toMatchObject({ status: 1 });
    expect(existsSync(out)).toBe(false);
  });
});
