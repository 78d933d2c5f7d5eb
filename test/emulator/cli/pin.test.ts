import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unlockCode } from '../../../emulator/index.ts';
import { type CliRun, freshFolder, quiet, rfcSeed, vtoken } from '../support.ts';

const seedHex = Buffer.from(rfcSeed).toString('hex');
const minuteMs = 60_000;

interface Desk {
  readonly folder: string;
  readonly run: (argv: string, options?: Parameters<typeof vtoken>[2]) => Promise<CliRun>;
  /** A file with this PIN. */
  readonly file: (name: string, pin: string) => string;
}

/** A folder with a `keypad-pin` token, every seed the RFC's. */
async function deskWithPin(options = ''): Promise<Desk> {
  const folder = freshFolder();
  const desk: Desk = {
    folder,
    run: (argv, more) => vtoken(folder, argv.split(' '), { nowMs: 59_000, ...more }),
    file: (name, pin) => {
      const path = join(folder, name);
      writeFileSync(path, `${pin}\n`);
      return path;
    },
  };
  const lines = options.includes('brick') ? 2 : 3;
  const made = await desk.run(`new PIN01 --profile keypad-pin --seed-stdin${options}`, {
    stdin: `${seedHex}\n`.repeat(lines),
    nowMs: 0,
  });
  expect(made).toEqual(quiet('PIN01\n'));
  return desk;
}

/** The same with 281946 as PIN, in a file `pin`; 739155 is in `wrong`. */
async function readyDesk(options = ''): Promise<Desk> {
  const desk = await deskWithPin(options);
  const [initial, pin] = [desk.file('initial', '00000'), desk.file('pin', '281946')];
  desk.file('wrong', '739155');
  const set = `pin set PIN01 --pin-file ${initial} --new-pin-file ${pin}`;
  expect(await desk.run(set)).toEqual(quiet('the PIN is set\n'));
  return desk;
}

const wrongPress = ({ run, folder }: Desk, more?: Parameters<typeof vtoken>[2]): Promise<CliRun> =>
  run(`press PIN01 --pin-file ${join(folder, 'wrong')}`, more);

async function lockedDesk(options = ''): Promise<Desk> {
  const desk = await readyDesk(options);
  for (let count = 0; count < 5; count += 1) await wrongPress(desk);
  return desk;
}

const refused = (words: string): CliRun => ({
  status: 1,
  out: '',
  err: expect.stringContaining(words) as string,
});

describe('vtoken pin', () => {
  it('sets the first PIN and then opens the token', async () => {
    const { run, folder } = await readyDesk();
    const press = `press PIN01 --application TIME --pin-file ${join(folder, 'pin')}`;
    expect(await run(press)).toEqual(quiet('287082\n'));
    const stdin = '281946\r\n';
    expect(await run('press PIN01 --pin-stdin', { stdin })).toEqual(quiet('287082\n'));
    const respond = await run('respond PIN01 --challenge 12345678 --pin-stdin', { stdin });
    expect(respond.out).toMatch(/^\d{6}\n$/);
  });

  it('asks a person at a terminal, for the new PIN twice', async () => {
    const { run } = await deskWithPin();
    const typed = ['00000', '281946', '281946'];
    expect(await run('pin set PIN01', { typed })).toEqual(quiet('the PIN is set\n'));
    expect(await run('press PIN01', { typed: ['281946'] })).toEqual(quiet('287082\n'));
    expect(await run('press PIN01', { typed: ['281947'] })).toEqual(refused('FAIL 1'));
    const differs = await run('pin set PIN01', { typed: ['281946', '5071', '5072'] });
    expect(differs).toEqual(refused('was not the same twice'));
    expect((await run('press PIN01', { typed: ['281946'] })).status).toBe(0);
  });

  it('asks nobody for a PIN that the token does not have', async () => {
    const folder = freshFolder();
    await vtoken(folder, ['new', 'FOB1', '--profile', 'one-button-event']);
    const { out } = await vtoken(folder, ['press', 'FOB1'], { typed: ['unasked'] });
    expect(out).toMatch(/^\d{6}\n$/);
    const first = await deskWithPin(' --no-initial-pin');
    const set = await first.run('pin set PIN01', { typed: ['281946', '281946'] });
    expect(set).toEqual(quiet('the PIN is set\n'));
  });

  it('takes both PINs from the standard input', async () => {
    const { run } = await deskWithPin();
    const set = 'pin set PIN01 --pin-stdin --new-pin-stdin';
    expect(await run(set, { stdin: '00000\r\n281946\n' })).toEqual(quiet('the PIN is set\n'));
    const changed = await run(`${set} --json`, { stdin: '281946\n50718' });
    expect(JSON.parse(changed.out)).toEqual({ serial: 'PIN01', pin: 'set' });
    expect((await run('press PIN01 --pin-stdin', { stdin: '50718' })).status).toBe(0);
  });

  it('says how it stands', async () => {
    const desk = await deskWithPin();
    const status = async (more = ''): Promise<string> =>
      (await desk.run(`pin status PIN01${more}`)).out;
    expect(await status()).toBe(
      'initial: the token wants a new one; 0 wrong so far, 5 until it locks\n',
    );
    const ready = await readyDesk();
    await wrongPress(ready);
    expect((await ready.run('pin status PIN01')).out).toBe(
      'set; 1 wrong so far, 4 until it locks\n',
    );
    expect(JSON.parse((await ready.run('pin status PIN01 --json')).out)).toEqual({
      serial: 'PIN01',
      pin: { status: 'set', failures: 1, failuresLeft: 4, lock: null },
    });
  });

  it.each([
    ['5-5', '5 digits'],
    ['5-6', '5 to 6 digits'],
  ])('may have %s digits', async (range, text) => {
    const folder = freshFolder();
    const argv = ['VT00000001', '--profile', 'keypad-pin', '--no-initial-pin'];
    await vtoken(folder, ['new', ...argv, '--pin-digits', range]);
    const { out } = await vtoken(folder, ['show', 'VT00000001']);
    expect(out).toMatch(new RegExp(`^device PIN +${text}, `, 'm'));
  });

  it('is shown by vtoken show, with failures and lock', async () => {
    const desk = await lockedDesk();
    const challenge = (await desk.run('unlock PIN01')).out.trim();
    const { out } = await desk.run('show PIN01');
    expect(out).toContain('4 to 8 digits, 5 wrong ones, then locked until unlocked');
    expect(out).toContain(`locked; challenge ${challenge}, 3 codes until a lockout`);
    expect(out).toContain('UNLOCK: OCRA-1:HOTP-SHA1-8:QN08, for unlocking');
    const json = JSON.parse((await desk.run('show PIN01 --json')).out) as Record<string, unknown>;
    expect(json['pin']).toMatchObject({
      failures: 5,
      failuresLeft: 0,
      lock: { kind: 'unlock', challenge, codesLeft: 3, lockedOutForMs: 0 },
    });
    const file = readFileSync(join(desk.folder, 'PIN01.json'), 'utf8');
    const { hash } = (JSON.parse(file) as { initialPin: { hash: string } }).initialPin;
    for (const text of [out, JSON.stringify(json)]) expect(text).not.toContain(hash.slice(0, 12));
  });
});

describe('a wrong PIN', () => {
  it('is counted in the file, by every command that takes one', async () => {
    const desk = await readyDesk();
    const wrong = join(desk.folder, 'wrong');
    expect(await wrongPress(desk)).toEqual(
      refused('wrong PIN: FAIL 1, 4 more and the token locks'),
    );
    const later = { nowMs: 365 * 86_400_000 };
    expect(await wrongPress(desk, later)).toEqual(refused('FAIL 2, 3 more'));
    const respond = `respond PIN01 --challenge 12345678 --pin-file ${wrong}`;
    expect(await desk.run(respond)).toEqual(refused('FAIL 3, 2 more'));
    const set = `pin set PIN01 --pin-file ${wrong} --new-pin-file ${wrong}`;
    expect(await desk.run(set)).toEqual(refused('FAIL 4, 1 more'));
    const right = `press PIN01 --pin-file ${join(desk.folder, 'pin')}`;
    expect((await desk.run(right)).status).toBe(0);
    expect(await wrongPress(desk)).toEqual(refused('FAIL 1'));
    expect(statSync(join(desk.folder, 'PIN01.json')).mode & 0o777).toBe(0o600);
  });

  it('locks at last', async () => {
    const desk = await readyDesk(' --pin-failures 2');
    await wrongPress(desk);
    expect(await wrongPress(desk)).toEqual(refused('FAIL 2, the token is locked now'));
    expect(await wrongPress(desk)).toEqual(refused('see vtoken unlock --help'));
    const pin = join(desk.folder, 'pin');
    expect(await desk.run(`press PIN01 --pin-file ${pin}`)).toEqual(refused('waits for an unlock'));
  });

  it('bricks a token that cannot be unlocked', async () => {
    const desk = await lockedDesk(' --pin-lock brick');
    for (const command of [
      'unlock PIN01',
      'unlock PIN01 --code 12345678',
      `press PIN01 --pin-file ${join(desk.folder, 'pin')}`,
    ]) {
      expect(await desk.run(command)).toEqual(refused('locked for good'));
    }
    expect((await desk.run('pin status PIN01')).out).toBe('locked for good\n');
  });
});

describe('vtoken unlock', () => {
  const challengeOf = async ({ run }: Desk): Promise<string> =>
    (await run('unlock PIN01')).out.trim();

  it('prints the challenge, takes the code and wants a new PIN', async () => {
    const desk = await lockedDesk();
    const challenge = await challengeOf(desk);
    expect(challenge).toMatch(/^\d{8}$/);
    expect(JSON.parse((await desk.run('unlock PIN01 --json')).out)).toEqual({
      serial: 'PIN01',
      challenge,
    });
    const code = unlockCode(rfcSeed, challenge);
    const unlocked = await desk.run('unlock PIN01 --code-stdin', { stdin: `${code}\n` });
    expect(unlocked).toEqual(quiet('unlocked: set a new PIN with vtoken pin set\n'));
    expect(await desk.run(`unlock PIN01 --code ${code}`)).toEqual(refused('is not locked'));
    const pin = join(desk.folder, 'pin');
    const press = `press PIN01 --pin-file ${pin}`;
    expect(await desk.run(press)).toEqual(refused('wants a new PIN before anything else; see'));
    expect((await desk.run(`pin set PIN01 --new-pin-file ${pin}`)).status).toBe(0);
    expect((await desk.run(press)).status).toBe(0);
  });

  it('counts wrong codes and takes none for 30 minutes after the third', async () => {
    const desk = await lockedDesk();
    for (const words of ['2 more', '1 more', '30 minutes by its own clock']) {
      const challenge = await challengeOf(desk);
      const code = unlockCode(rfcSeed, challenge);
      const other = `${code.slice(0, 7)}${(Number(code[7]) + 1) % 10}`;
      expect(await desk.run(`unlock PIN01 --code-file ${desk.file('code', other)}`)).toEqual(
        refused(words),
      );
    }
    expect(await desk.run('unlock PIN01')).toEqual(refused('none for another 1800 s'));
    expect(await desk.run('unlock PIN01 --code 12345678')).toEqual(refused('another 1800 s'));
    expect((await desk.run('pin status PIN01')).out).toContain('another 1800 s');
    const at = { nowMs: 59_000 + 30 * minuteMs };
    const { out } = await desk.run('unlock PIN01', at);
    const code = unlockCode(rfcSeed, out.trim());
    expect((await desk.run(`unlock PIN01 --code ${code}`, at)).status).toBe(0);
  });

  it('has nothing to do on a token that is not locked, or has no PIN', async () => {
    const desk = await readyDesk();
    expect(await desk.run('unlock PIN01')).toEqual(refused('is not locked'));
    await desk.run('new FOB1 --profile one-button-event');
    for (const command of ['unlock FOB1', 'unlock FOB1 --code 1', 'pin status FOB1']) {
      expect(await desk.run(command)).toEqual(refused('has no device PIN'));
    }
  });
});

describe('what the PIN commands refuse', () => {
  it.each<[number, string, string]>([
    [1, 'the device PIN is needed; say --pin-file', 'press PIN01'],
    [1, 'the device PIN is needed; say --pin-file', 'respond PIN01 --challenge 1'],
    [1, 'a PIN of this token has 4 to 8 digits', 'press PIN01 --pin-file SHORT'],
    [1, 'all its digits are equal', 'pin set PIN01 --pin-file PIN --new-pin-file EQUAL'],
    [1, 'the device PIN is needed', 'pin set PIN01 --new-pin-file PIN'],
    [1, 'UNLOCK only takes unlock codes', 'press PIN01 --application UNLOCK --pin-file PIN'],
    [2, "unknown option '--pin'", 'press PIN01 --pin 281946'],
    [2, "unknown option '--new-pin'", 'pin set PIN01 --new-pin 281946'],
    [2, 'say where the new PIN is', 'pin set PIN01 --pin-file PIN'],
    [2, 'exclude each other', 'press PIN01 --pin-file PIN --pin-stdin'],
    [2, 'exclude each other', 'pin set PIN01 --new-pin-file PIN --new-pin-stdin'],
    [2, 'exclude each other', 'unlock PIN01 --code 1 --code-stdin'],
    [2, 'two lines: PIN and new PIN', 'pin set PIN01 --pin-stdin --new-pin-stdin'],
    [2, 'does not exist', 'press PIN01 --pin-file /nonexistent'],
    [2, 'is unlock or brick', 'new P2 --profile keypad-pin --pin-lock explode'],
    [2, 'whole number from 2 to 10', 'new PIN02 --profile keypad-pin --pin-failures 11'],
    [2, 'takes a length such as', 'new PIN02 --profile keypad-pin --pin-digits many'],
    [2, 'a PIN has 4 to 12 digits', 'new PIN02 --profile keypad-pin --pin-digits 3-8'],
    [2, 'initial PIN: a PIN of this', 'new PIN02 --profile keypad-pin --pin-digits 6-8'],
    [2, 'for profiles with a device PIN', 'new PIN02 --profile keypad-multi --pin-digits 4-8'],
    [2, 'for profiles with a device PIN', 'new PIN02 --profile keypad-multi --no-initial-pin'],
    [2, 'is for one-button profiles', 'new PIN02 --profile keypad-pin --press-switches-off'],
    [
      2,
      'needs an unlock application',
      'new PIN02 --profile keypad-pin --application A=HOTP-SHA1-6',
    ],
    [
      2,
      'only for tokens with a device PIN',
      'new PIN02 --application A=HOTP-SHA1-6 --application U=unlock:OCRA-1:HOTP-SHA1-8:QN08',
    ],
    [
      2,
      'an OCRA suite of QN08 or longer',
      'new PIN02 --profile keypad-pin --application U=unlock:HOTP-SHA1-8',
    ],
    [
      2,
      'check digits and host codes are for applications: TIME',
      'new PIN02 --profile one-button-time --challenge-check-digit CR',
    ],
  ])('status %i, %s: vtoken %s', async (status, words, line) => {
    const desk = await readyDesk();
    desk.file('short', '123');
    desk.file('equal', '4444');
    const before = readFileSync(join(desk.folder, 'PIN01.json'), 'utf8');
    const argv = line.replace(/\b(PIN|SHORT|EQUAL)(?= |$)/g, (name) =>
      join(desk.folder, name.toLowerCase()),
    );
    const run = await desk.run(argv);
    expect(run).toEqual({ status, out: '', err: expect.stringContaining(words) as string });
    expect(run.err).not.toMatch(/281946|4444\b|internal error/);
    const after = readFileSync(join(desk.folder, 'PIN01.json'), 'utf8');
    const pinOf = (text: string): unknown => (JSON.parse(text) as { pin: unknown }).pin;
    expect(pinOf(after)).toEqual(pinOf(before));
  });

  it('never repeats a PIN or a code', async () => {
    const desk = await readyDesk();
    for (const pin of ['739155', '73915x', '7391557391557391']) {
      const { err } = await desk.run('press PIN01 --pin-stdin', { stdin: pin });
      expect(err).not.toContain('73915');
    }
    const { err } = await (await lockedDesk()).run('unlock PIN01 --code 87654321');
    expect(err).not.toContain('87654321');
  });
});
