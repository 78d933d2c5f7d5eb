import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DeviceEnv, nodeEnv } from '../../../emulator/index.ts';
import { usualColumns } from '../../../emulator/fleet/columns.ts';
import { type RunOptions, runToFile } from '../../../emulator/fleet/run-file.ts';
import { errorOf, freshFolder, vtoken } from '../support.ts';
import { csvOf, fleet, mixedScenario, rowsOf, runOf } from './support.ts';

const text = mixedScenario.replace('secondOtpSync: true, ', '').replace('P60D', 'P45D');
const mixed = fleet(text);
const whole = csvOf(rowsOf(runOf(mixed)));

const options: RunOptions = {
  source: 'scenario.yaml',
  format: 'csv',
  columns: usualColumns,
  resume: false,
  onProgress: () => undefined,
  checkpointRows: 100,
  blockCharacters: 6000,
};

/** A folder with the scenario, and `vtoken fleet` in it. */
function desk(): {
  path: (name: string) => string;
  run: (...argv: string[]) => ReturnType<typeof vtoken>;
} {
  const folder = freshFolder();
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('scenario.yaml'), text);
  return { path, run: (...argv) => vtoken(folder, ['fleet', ...argv]) };
}

/** A world that ends at the n-th change of a file. */
function dyingEnv(after: number): DeviceEnv {
  let changes = 0;
  const dying =
    <Args extends readonly unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> => {
      changes += 1;
      return changes > after ? Promise.reject(new Error('killed')) : work(...args);
    };
  const { files } = nodeEnv;
  return {
    ...nodeEnv,
    files: {
      ...files,
      writeNew: dying((...args: Parameters<typeof files.writeNew>) => files.writeNew(...args)),
      append: dying((...args: Parameters<typeof files.append>) => files.append(...args)),
      rename: dying((...args: Parameters<typeof files.rename>) => files.rename(...args)),
      sync: dying((path: string) => files.sync(path)),
    },
  };
}

describe('a run into a file', () => {
  it('makes the same file, wherever it is interrupted and taken up again', async () => {
    const { path } = desk();
    let deaths = 0;
    for (let after = 0; after < 40; after += 3) {
      const out = path(`out${String(after)}.csv`);
      const died = await runToFile(dyingEnv(after), out, mixed, options).then(
        () => false,
        (error: unknown) => (error as Error).message === 'killed',
      );
      if (died) deaths += 1;
      // What was written after the checkpoint is not to be trusted.
      if (died && after % 2 === 1) writeFileSync(out, 'torn', { flag: 'a' });
      const known = await runToFile(nodeEnv, out, mixed, { ...options, resume: died }).catch(
        (error: unknown) => (error as Error).message,
      );
      if (typeof known === 'string') {
        expect(known).toMatch(died ? /run\.json is missing/ : /exists already/);
        continue;
      }
      expect(readFileSync(out, 'utf8') === whole, String(after)).toBe(true);
    }
    expect(deaths).toBeGreaterThan(8);
  });

  it('is only for its owner, and never writes over another file', async () => {
    const { path, run } = desk();
    const out = path('out.csv');
    expect((await run('run', path('scenario.yaml'), '--out', out)).status).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const again = await run('run', path('scenario.yaml'), '--out', out);
    expect(again).toMatchObject({ status: 2, out: '' });
    expect(again.err).toMatch(/exists already/);
    expect(readFileSync(out, 'utf8')).toBe(whole);
  });

  it('is resumed by its own fleet alone', async () => {
    const { path } = desk();
    const out = path('out.csv');
    await expect(runToFile(dyingEnv(12), out, mixed, options)).rejects.toThrow('killed');
    const other = fleet(text.replace('mixed', 'other'));
    const resume = { ...options, resume: true };
    expect((await errorOf(() => runToFile(nodeEnv, out, other, resume))).message).toMatch(
      /another fleet/,
    );
    const fewer = { ...resume, columns: ['serial'] as const };
    expect((await errorOf(() => runToFile(nodeEnv, out, mixed, fewer))).message).toMatch(/columns/);
    writeFileSync(out, '');
    expect(await errorOf(() => runToFile(nodeEnv, out, mixed, resume))).toMatchObject({
      code: 'state-damaged',
    });
    const state = readFileSync(`${out}.run.json`, 'utf8');
    writeFileSync(`${out}.run.json`, state.replace('"busyUntilMs":', '"busyUntilMs":1'));
    expect((await errorOf(() => runToFile(nodeEnv, out, mixed, resume))).message).toMatch(
      /the second line is not the one that was written/,
    );
  });

  it('is made by one process at a time', async () => {
    const { path } = desk();
    const out = path('out.csv');
    let second: Awaited<ReturnType<typeof errorOf>> | null = null;
    const onAppend: typeof nodeEnv.files.append = async (...args) => {
      second ??= await errorOf(() => runToFile(nodeEnv, out, mixed, options));
      await nodeEnv.files.append(...args);
    };
    const slow = { ...nodeEnv, files: { ...nodeEnv.files, append: onAppend } };
    await runToFile(slow, out, mixed, options);
    expect(second).toMatchObject({
      code: 'state-busy',
      message: `another process (${process.pid}) holds ${out}.run.lock: try again`,
    });
    expect(readFileSync(out, 'utf8')).toBe(whole);
  });

  it('is finished only as long as it is all there', async () => {
    const { path } = desk();
    const out = path('out.csv');
    await runToFile(nodeEnv, out, mixed, options);
    const resume = { ...options, resume: true };
    writeFileSync(out, `${whole}foreign\n`);
    await runToFile(nodeEnv, out, mixed, resume);
    expect(readFileSync(out, 'utf8')).toBe(whole);
    writeFileSync(out, whole.slice(0, -1));
    expect(await errorOf(() => runToFile(nodeEnv, out, mixed, resume))).toMatchObject({
      code: 'state-damaged',
    });
    rmSync(out);
    expect((await errorOf(() => runToFile(nodeEnv, out, mixed, resume))).message).toMatch(
      /out\.csv: it does not exist/,
    );
  });
});

describe('vtoken fleet', () => {
  it('runs a folder of drawn tokens as it runs the scenario', async () => {
    const { path, run } = desk();
    const made = await run(
      'create',
      path('scenario.yaml'),
      '--out',
      path('fleet'),
      '--keys',
      'pskc',
    );
    expect(made).toMatchObject({ status: 0, out: `${path('fleet')}: 11 tokens\n` });
    expect(made.err).toMatch(/keys\.xml holds seeds/);
    expect(readFileSync(path('fleet/keys.xml'), 'utf8')).toContain('VT90000031');
    expect((await run('run', path('fleet'))).out).toBe(whole);
    const clock = /"offsetMs":(-?\d+)/;
    const tokens = readFileSync(path('fleet/tokens.jsonl'), 'utf8');
    writeFileSync(path('fleet/tokens.jsonl'), tokens.replace(clock, '"offsetMs":3600000'));
    const changed = await run('run', path('fleet'), '--columns', 'serial,driftSeconds');
    expect(changed.out).toMatch(/VT90000001,3[56]\d\d\./);
    writeFileSync(path('fleet/tokens.jsonl'), tokens.replace(clock, '"offsetMs":"x"'));
    expect(await run('run', path('fleet'))).toMatchObject({
      status: 4,
      err: `vtoken: ${path('fleet/tokens.jsonl')}:1: clock.offsetMs must be a number\n`,
    });
    const again = ['create', path('scenario.yaml'), '--out', path('fleet')];
    expect((await run(...again)).err).toMatch(/is not empty/);
    for (const name of readdirSync(path('fleet'))) {
      if (!/^(scenario\.yaml|tokens\.jsonl)$/.test(name)) rmSync(path(`fleet/${name}`));
    }
    expect((await run(...again)).err).toMatch(/interrupted "fleet create" left behind: remove it/);
  });

  it.each([
    [
      'has nothing for its button',
      (line: string) => line.replace(/TIME=[^"]*/, 'UNLOCK=unlock:OCRA-1:HOTP-SHA1-8:QN08'),
      'a one-button token has exactly one Response-Only application',
    ],
    [
      'signs',
      (line: string) =>
        line
          .replace('one-button-time', 'keypad-multi')
          .replace(/TIME=[^"]*/, 'SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40-T1M/AMOUNT:N12'),
      'is not for fleets: a fleet takes no application that signs data fields',
    ],
  ])('names the line of a token that %s', async (_name, change, message) => {
    const { path, run } = desk();
    await run('create', path('scenario.yaml'), '--out', path('fleet'));
    const tokens = path('fleet/tokens.jsonl');
    writeFileSync(tokens, readFileSync(tokens, 'utf8').replace(/^.*$/m, change));
    expect(await run('run', path('fleet'))).toMatchObject({
      status: 4,
      err: `vtoken: ${tokens}:1: ${message}\n`,
    });
  });

  it('takes each column once', async () => {
    const { path, run } = desk();
    const refused = await run('run', path('scenario.yaml'), '--columns', 'otp,serial,otp');
    expect(refused).toMatchObject({ status: 2, err: 'vtoken: --columns takes each column once\n' });
  });

  it('replays a file, and names the first line and column that differ', async () => {
    const { path, run } = desk();
    const out = path('out.csv');
    await run('run', path('scenario.yaml'), '--out', out);
    expect(await run('replay', out, '--json')).toMatchObject({ status: 0, err: '' });
    const lines = whole.split('\n');
    const at = lines.findIndex((line) => line.includes(',accept,'));
    const changed = lines.with(at, lines[at]!.replace(',accept,', ',reject,'));
    writeFileSync(out, changed.join('\n'));
    expect(await run('replay', out)).toEqual({
      status: 1,
      out: '',
      err: `vtoken: ${out}:${String(at + 1)}: ${lines[at]!.slice(0, 10)} differs from the fleet in expect ("reject", not "accept")\n`,
    });
    writeFileSync(out, whole.slice(0, -1));
    expect((await run('replay', out)).status).toBe(1);
    writeFileSync(out, lines.slice(0, 7).join('\n') + '\n');
    expect((await run('replay', out)).err).toMatch(/:8: the file ends, and the fleet goes on/);
    writeFileSync(out, `${whole}more\n`);
    expect((await run('replay', out)).err).toMatch(/the file goes on, and the fleet has ended/);
  });

  it('never shows a response where a file differs', async () => {
    const { path, run } = desk();
    const out = path('out.csv');
    await run('run', path('scenario.yaml'), '--out', out);
    const [, , , , , otp = ''] = whole.split('\n')[1]!.split(',');
    const wrong = otp.startsWith('0') ? `1${otp.slice(1)}` : `0${otp.slice(1)}`;
    writeFileSync(out, whole.replace(otp, wrong));
    const { err } = await run('replay', out);
    expect(err).toMatch(/differs from the fleet in otp$/m);
    expect(err).not.toContain(otp);
    expect(err).not.toContain(wrong);
  });

  it('counts what any policy would answer', async () => {
    const { path, run } = desk();
    const count = async (...set: string[]): Promise<Record<string, number>> => {
      const argv = set.flatMap((setting) => ['--set', setting]);
      const { out, err } = await run('expect', path('scenario.yaml'), ...argv, '--json');
      expect(err).toBe('');
      return (JSON.parse(out) as { expect: Record<string, number> }).expect;
    };
    const usual = await count();
    const narrow = await count('identificationTimeWindowSteps=0', 'eventWindowSteps=1');
    expect(narrow['accept']!).toBeLessThan(usual['accept']!);
    expect(usual['locked']).toBeGreaterThan(0);
    expect((await count('userLockThreshold=0'))['locked']).toBeUndefined();
    for (const set of ['eventWindowSteps=0', 'nope=1', 'dynamicTimeWindow=2']) {
      expect((await run('expect', path('scenario.yaml'), '--set', set)).status, set).toBe(2);
    }
  });

  it('prints a schema, and each problem of a scenario on a line of its own', async () => {
    const { path, run } = desk();
    const { out } = await run('schema');
    expect(JSON.parse(out)).toMatchObject({ additionalProperties: false });
    writeFileSync(path('bad.yaml'), 'version: 3\nfoo: 1\n');
    const { status, err } = await run('run', path('bad.yaml'));
    expect(status).toBe(2);
    expect(err.split('\n').filter((line) => line.includes('bad.yaml:')).length).toBe(6);
  });
});
