import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PairRequest } from '../../../emulator/index.ts';
import {
  bundleFor,
  type CliRun,
  desk,
  freshFolder,
  quiet,
  rfcResponses,
  rfcSeed,
  vtoken,
} from '../support.ts';

const seedHex = Buffer.from(rfcSeed).toString('hex');
const seedBase32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const nowMs = 1_700_000_000_000;

type Json = Record<string, unknown>;

describe('vtoken press', () => {
  it('prints the next response and nothing else', async () => {
    const run = await desk();
    expect(await run('press', 'EVENT01')).toEqual(quiet('755224\n'));
    expect(await run('press', 'EVENT01')).toEqual(quiet('287082\n'));
  });

  it('presses so many times and prints the last', async () => {
    const run = await desk();
    expect(await run('press', 'EVENT01', '--times', '3')).toEqual(quiet('359152\n'));
    expect(await run('press', 'EVENT01')).toEqual(quiet('969429\n'));
  });

  it.each(['--pocket', '--no-submit'])(
    '%s moves the counter and prints nothing',
    async (option) => {
      const run = await desk();
      expect(await run('press', 'EVENT01', '--times', '4', option)).toEqual(quiet(''));
      const { out } = await run('press', 'EVENT01', '--json', option);
      expect(JSON.parse(out)).toMatchObject({
        response: null,
        submitted: false,
        eventCounter: '4',
      });
      expect(await run('press', 'EVENT01')).toEqual(quiet(`${rfcResponses[5]!}\n`));
    },
  );

  it('takes the time from --now and --at, and leaves the clock as it is', async () => {
    const run = await desk();
    const before = (await run('drift', 'show', 'TIME01', '--json')).out;
    expect(await run('press', 'TIME01', '--now', '59000')).toEqual(quiet('287082\n'));
    expect(await run('press', 'TIME01', '--now', '1970-01-01T00:00:59Z')).toEqual(
      quiet('287082\n'),
    );
    expect(await run('press', 'TIME01', '--now', '0', '--at', '59s')).toEqual(quiet('287082\n'));
    expect(
      await run('press', 'TIME01', '--now', '1970-01-01T01:01:00+01:00', '--at', '-1s'),
    ).toEqual(quiet('287082\n'));
    expect((await run('drift', 'show', 'TIME01', '--json')).out).toBe(before);
  });

  it('tells JSON readers where the response was made', async () => {
    const run = await desk();
    const { out, err } = await run('press', 'TIME01', '--now', '59000', '--json');
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual({
      serial: 'TIME01',
      application: 'TIME',
      response: '287082',
      hostCode: null,
      submitted: true,
      submittedAtTrueMs: 59_000,
      eventCounter: null,
      timeStep: '1',
      trueTimeMs: 59_000,
      deviceTimeMs: 59_000,
    });
  });

  it('may only switch the display off, and says so', async () => {
    const folder = freshFolder();
    const make = ['new', 'FOB1', '--profile', 'one-button-event', '--press-switches-off'];
    await vtoken(folder, make, { nowMs: 0 });
    expect((await vtoken(folder, ['press', 'FOB1'], { nowMs: 0 })).out).toMatch(/^\d{6}\n$/);
    expect(await vtoken(folder, ['press', 'FOB1'], { nowMs: 1000 })).toEqual({
      status: 0,
      out: '',
      err: 'the display is off now; press again for a response\n',
    });
  });
});

describe('vtoken respond', () => {
  it('prints the response to a challenge', async () => {
    const run = await desk();
    const argv = ['respond', 'MULTI01', '--application', 'CR-COUNTER', '--challenge', '12345678'];
    // `C-QN08`, counter 0 and 1: no published rows at 6 digits and SHA-1, so only that they differ.
    const [first, second] = [await run(...argv), await run(...argv)];
    expect(first.out).toMatch(/^\d{6}\n$/);
    expect(second.out).not.toBe(first.out);
    const json = JSON.parse((await run(...argv, '--json')).out) as Json;
    expect(json).toMatchObject({ application: 'CR-COUNTER', eventCounter: '2', timeStep: null });
  });

  it('takes the PIN from a file or the standard input, without its line end', async () => {
    const folder = freshFolder();
    // RFC 6287 appendix C.1: QN08-PSHA1, PIN 1234, challenge 00000000.
    const application = 'CR=OCRA-1:HOTP-SHA256-8:QN08-PSHA1';
    const seed = '3132333435363738393031323334353637383930313233343536373839303132';
    const make = ['new', 'CARD1', '--application', application, '--seed-stdin'];
    await vtoken(folder, make, { stdin: seed });
    const pinFile = join(folder, 'pin');
    writeFileSync(pinFile, '1234\r\n');
    const ask = ['respond', 'CARD1', '--challenge', '00000000'];
    expect(await vtoken(folder, [...ask, '--pin-file', pinFile])).toEqual(quiet('83238735\n'));
    const typed = await vtoken(folder, [...ask, '--pin-stdin'], { stdin: '1234\n' });
    expect(typed).toEqual(quiet('83238735\n'));
  });
});

describe('vtoken new, list, show and remove', () => {
  it('reads seeds in hex and base32 alike', async () => {
    const folder = freshFolder();
    for (const [serial, seed] of [
      ['HEX1', seedHex.toUpperCase()],
      ['BASE32', seedBase32],
      ['PADDED', `${seedBase32.toLowerCase()}====`],
    ] as const) {
      const file = join(folder, serial);
      writeFileSync(file, `\n${seed}\r\n\n`);
      const make = ['new', serial, '--profile', 'one-button-event', '--seed-file', file];
      expect(await vtoken(folder, make)).toEqual(quiet(`${serial}\n`));
      expect(await vtoken(folder, ['press', serial])).toEqual(quiet('755224\n'));
    }
  });

  it('wants to be told how to read a seed that could be either', async () => {
    const folder = freshFolder();
    const make = ['new', 'EITHER', '--profile', 'one-button-event', '--seed-stdin'];
    const stdin = 'ABCDEF234567'.repeat(4);
    const refused = await vtoken(folder, make, { stdin });
    expect(refused.status).toBe(2);
    expect(refused.err).toContain('--seed-format');
    expect((await vtoken(folder, [...make, '--seed-format', 'base32'], { stdin })).status).toBe(0);
  });

  it('draws seeds of its own and writes them to a new file of mode 0600', async () => {
    const folder = freshFolder();
    const seedFile = join(folder, 'seeds.txt');
    const make = ['new', 'OWN1', '--profile', 'keypad-multi', '--seed-out', seedFile];
    expect(await vtoken(folder, make)).toEqual(quiet('OWN1\n'));
    expect(statSync(seedFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(seedFile, 'utf8')).toMatch(/^([A-Z2-7]{32}\n){4}$/);
    const copy = ['new', 'COPY', '--profile', 'keypad-multi', '--seed-file', seedFile];
    expect(await vtoken(folder, copy)).toEqual(quiet('COPY\n'));
    const press = (serial: string) => vtoken(folder, ['press', serial, '--application', 'EVENT']);
    expect(await press('COPY')).toEqual(await press('OWN1'));
    const again = await vtoken(folder, ['new', 'OWN2', ...make.slice(2)]);
    expect(again).toEqual({
      status: 2,
      out: '',
      err: `vtoken: ${seedFile} exists already: name a new file\n`,
    });
    expect((await vtoken(folder, ['show', 'OWN2'])).status).toBe(1);
  });

  it('shows everything but the secrets', async () => {
    const run = await desk();
    await run('press', 'EVENT01', '--times', '2');
    const { out } = await run('list');
    expect(out.split('\n').map((line) => line.split(/ +/).slice(0, 4))).toEqual([
      ['EVENT01', 'VTGO2', 'stand-alone', 'EVENT=HOTP-SHA1-6'],
      ['MULTI01', 'VTKP4', 'stand-alone', 'TIME=TOTP-SHA1-6-30S'],
      ['TIME01', 'VTGO1', 'stand-alone', 'TIME=TOTP-SHA1-6-30S'],
      [''],
    ]);
    const shown = await run('show', 'EVENT01');
    expect(shown.out).toContain('EVENT: HOTP-SHA1-6, next event counter 2');
    const json = await run('show', 'EVENT01', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ applications: [{ nextEventCounter: '2' }] });
    for (const text of [out, shown.out, json.out]) {
      expect(text).not.toContain(Buffer.from(rfcSeed).toString('base64').slice(0, 12));
      expect(text).not.toContain('287082');
    }
  });

  it('lists what is whole and names what is damaged', async () => {
    const folder = freshFolder();
    await vtoken(folder, ['new', 'GOOD', '--profile', 'one-button-event']);
    writeFileSync(join(folder, 'BAD1.json'), '{}');
    const run = await vtoken(folder, ['list']);
    expect(run.status).toBe(4);
    expect(run.out).toMatch(/^GOOD /);
    expect(run.err).toContain('BAD1.json is damaged');
    expect((await vtoken(folder, ['press', 'BAD1'])).status).toBe(4);
    expect(await vtoken(folder, ['remove', 'BAD1'])).toEqual(quiet(''));
    expect((await vtoken(folder, ['list'])).status).toBe(0);
  });
});

describe('vtoken drift', () => {
  it('sets the error, the rate and jumps, from now on', async () => {
    const run = await desk();
    const day = 86_400_000;
    const set = ['drift', 'set', 'TIME01', '--now', String(day)];
    const { out } = await run(...set, '--offset', '+90s', '--ppm', '12', '--json');
    expect(JSON.parse(out)).toMatchObject({ clockErrorMs: 90_000, ratePpm: 12 });
    const later = ['drift', 'show', 'TIME01', '--now', String(day), '--json', '--at'];
    // 12 ppm of 100 days are 103.68 s.
    expect(JSON.parse((await run(...later, '+100d')).out)).toMatchObject({ clockErrorMs: 193_680 });
    expect(JSON.parse((await run(...later, '-1ms')).out)).toMatchObject({ clockErrorMs: 0 });
    await run('drift', 'set', 'TIME01', '--now', String(day), '--at', '1h', '--jump', '-1h30m');
    const shown = await run('drift', 'show', 'TIME01', '--now', String(day), '--at', '1h');
    expect(shown.out).toBe(
      [
        'true time    1970-01-02T01:00:00.000Z',
        'device time  1970-01-01T23:31:30.043Z',
        'error        -5309.957 s',
        'rate         12 ppm',
        '',
      ].join('\n'),
    );
  });

  it('shows in the responses', async () => {
    const run = await desk();
    await run('drift', 'set', 'TIME01', '--now', '0', '--offset', '+59s');
    expect(await run('press', 'TIME01', '--now', '0')).toEqual(quiet('287082\n'));
  });
});

describe('vtoken pair', () => {
  it(
    'asks, is answered once, and then makes the responses of its seed',
    { timeout: 60_000 },
    async () => {
      const folder = freshFolder();
      const requestFile = join(folder, 'request.json');
      const bundleFile = join(folder, 'bundle.json');
      const ask = ['pair', '--request', requestFile, '--serial', 'PAIR01'];
      const asked = await vtoken(folder, [...ask, '--profile', 'one-button-event']);
      expect(asked.out).toBe('PAIR01\n');
      expect(asked.err).toContain(`tallystick token issue --to-emulator ${requestFile}`);
      const waiting = await vtoken(folder, ['press', 'PAIR01']);
      expect(waiting).toEqual({
        status: 1,
        out: '',
        err: 'vtoken: this token has no seed yet: finish the pairing first\n',
      });
      const text = readFileSync(requestFile, 'utf8');
      const repeated = await vtoken(folder, ['pair', '--request', '-', '--serial', 'PAIR01']);
      expect(repeated).toEqual(quiet(text));
      writeFileSync(
        bundleFile,
        JSON.stringify(bundleFor(JSON.parse(text) as PairRequest, [rfcSeed])),
      );
      const accept = ['pair', '--accept', bundleFile];
      expect(await vtoken(folder, accept)).toEqual({
        status: 0,
        out: 'PAIR01\n',
        err: 'paired: EVENT\n',
      });
      expect(await vtoken(folder, ['press', 'PAIR01'])).toEqual(quiet('755224\n'));
      const again = await vtoken(folder, accept);
      expect(again.status).toBe(1);
      expect(again.err).toContain('paired already');
      expect(await vtoken(folder, ['press', 'PAIR01'])).toEqual(quiet('287082\n'));
      expect(readFileSync(join(folder, 'PAIR01.json'), 'utf8')).not.toContain('privateKey');
    },
  );

  it('draws a serial when none is given', { timeout: 60_000 }, async () => {
    const folder = freshFolder();
    const file = join(folder, 'request.json');
    const { out } = await vtoken(folder, [
      'pair',
      '--request',
      file,
      '--profile',
      'keypad-cr-time',
      '--json',
    ]);
    const { serial } = JSON.parse(out) as { serial: string };
    expect(serial).toMatch(/^VT\d{8}$/);
    expect(existsSync(join(folder, `${serial}.json`))).toBe(true);
    const taken = await vtoken(folder, ['pair', '--request', file, '--profile', 'keypad-cr-time']);
    expect(taken.status).toBe(2);
    expect(taken.err).toContain('exists already');
  });

  it('takes the serial back when the request cannot be written', { timeout: 60_000 }, async () => {
    const folder = freshFolder();
    const file = join(folder, 'missing', 'request.json');
    const argv = ['pair', '--request', file, '--serial', 'LOST01', '--profile', 'one-button-time'];
    expect((await vtoken(folder, argv)).status).toBe(5);
    expect((await vtoken(folder, ['list'])).out).toBe('');
  });
});

describe('help', () => {
  it.each([
    '',
    'new',
    'pair',
    'list',
    'show',
    'press',
    'respond',
    'pin',
    'pin set',
    'pin status',
    'unlock',
    'drift',
    'drift set',
    'remove',
  ])('vtoken %s --help is a result', async (command) => {
    const argv = [...command.split(' ').filter((word) => word !== ''), '--help'];
    const run = await vtoken('/nonexistent', argv);
    expect(run.status).toBe(0);
    expect(run.err).toBe('');
    expect(run.out).toMatch(/^Usage: vtoken/);
  });
});

describe('the program itself', () => {
  const program = fileURLToPath(new URL('../../../emulator/cli/main.ts', import.meta.url));

  it(
    'reads VTOKEN_DIR and the standard input, and ends with the status',
    { timeout: 60_000 },
    async () => {
      const folder = join(freshFolder(), 'tokens');
      const start = async (argv: string[], stdin: string): Promise<CliRun> => {
        const child = spawn(process.execPath, ['--import', 'tsx', program, ...argv], {
          env: { ...process.env, VTOKEN_DIR: folder },
        });
        let out = '';
        let err = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
        child.stdin.end(stdin);
        const [status] = (await once(child, 'close')) as [number];
        return { status, out, err };
      };
      const make = ['new', 'REAL1', '--profile', 'one-button-event', '--seed-stdin'];
      expect(await start(make, seedHex)).toEqual(quiet('REAL1\n'));
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(await start(['press', 'REAL1'], '')).toEqual(quiet('755224\n'));
      const missing = await start(['press', 'NONE1'], '');
      expect(missing).toEqual({
        status: 1,
        out: '',
        err: `vtoken: there is no token NONE1 in ${folder}\n`,
      });
    },
  );
});

it('uses the wall clock when no time is given', async () => {
  const folder = freshFolder();
  await vtoken(folder, ['new', 'NOW1', '--profile', 'one-button-time'], { nowMs });
  const { out } = await vtoken(folder, ['press', 'NOW1', '--json'], { nowMs: nowMs + 5 });
  expect(JSON.parse(out)).toMatchObject({ trueTimeMs: nowMs + 5, deviceTimeMs: nowMs + 5 });
});
