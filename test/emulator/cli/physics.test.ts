import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { driftFigure } from '../../../emulator/cli/drift-figure.ts';
import { clockErrorMs, drawClock, idealClock } from '../../../emulator/index.ts';
import { freshFolder, vtoken } from '../support.ts';

type Json = Record<string, unknown>;
type Run = (...argv: string[]) => Promise<{ status: number; out: string; err: string }>;

const nowMs = 1_700_000_000_000;
const dayMs = 86_400_000;

async function made(...argv: string[]): Promise<{ run: Run; folder: string }> {
  const folder = freshFolder();
  const run: Run = (...all) => vtoken(folder, all, { nowMs });
  const created = await run('new', 'VT00000001', '--profile', 'one-button-event', ...argv);
  expect(created).toEqual({ status: 0, out: 'VT00000001\n', err: '' });
  return { run, folder };
}
const jsonOf = async (run: Run, ...argv: string[]): Promise<Json> =>
  JSON.parse((await run(...argv, '--json')).out) as Json;

describe('vtoken new --drift', () => {
  it('draws the clock of preset, seed and serial, and never again', async () => {
    const { run } = await made('--drift', 'typical', '--drift-seed', 'qa');
    const expected = drawClock('typical', 'qa', 'VT00000001', nowMs);
    const shown = await jsonOf(run, 'drift', 'show', 'VT00000001', '--at', '365d');
    expect(shown['clock']).toEqual(expected);
    expect(shown['clockErrorMs']).toBe(clockErrorMs(expected, nowMs + 365 * dayMs));
    await run('press', 'VT00000001', '--at', '+90d');
    expect((await jsonOf(run, 'drift', 'show', 'VT00000001'))['clock']).toEqual(expected);
  });

  it('draws a seed where none is given, and shows it', async () => {
    const { run } = await made('--drift', 'cheap', '--jitter', '0.5');
    const { clock } = await jsonOf(run, 'drift', 'show', 'VT00000001');
    const { drawn } = clock as { drawn: { seed: string } };
    expect(drawn.seed).toMatch(/^[0-9a-f]{16}$/);
    const { out } = await run('drift', 'show', 'VT00000001');
    expect(out).toContain(`drawn from   cheap, seed ${drawn.seed}`);
    expect(out).toContain('temperature  20 C, daily +-10 C, yearly +-10 C');
    expect(out).toContain('jitter       0.5 ppm from day to day');
  });

  it('leaves a clock ideal that nobody asked to drift', async () => {
    const { run } = await made();
    const shown = await jsonOf(run, 'drift', 'show', 'VT00000001', '--at', '3650d');
    expect(shown['clockErrorMs']).toBe(0);
    expect(shown['clock']).toEqual(idealClock(nowMs));
  });

  it.each([
    [['--drift', 'perfect'], 'the presets are ideal, calibrated'],
    [['--drift', 'typical', '--ppm', '3'], 'leave --offset and --ppm away'],
    [['--drift-seed', 'qa'], 'say --drift PRESET'],
    [['--drift', 'typical', '--drift-seed', ''], 'seed'],
    [['--battery', 'solar'], '--battery is sealed, pause'],
    [['--battery', 'pause:4m'], '--battery is sealed, pause'],
    [['--battery-life', '5d'], 'say --battery'],
    [['--battery', 'pause', '--flush-every', '0'], '--flush-every takes a whole number'],
    [['--battery', 'pause', '--battery-life', '1s'], 'of a battery must be from 1 to 36525 days'],
    [['--battery', 'holdup:366d'], 'of a battery must be from 0 to 365 days'],
    [['--battery', 'settable:2d'], 'of a battery must be from 0 to 1 days'],
  ])('refuses %j', async (argv, message) => {
    const run = await vtoken(freshFolder(), [
      'new',
      'VT00000001',
      '--profile',
      'one-button-event',
      ...argv,
    ]);
    expect(run).toMatchObject({ status: 2, out: '' });
    expect(run.err).toContain(message);
  });
});

describe('vtoken drift set', () => {
  it('pauses, restarts and heats a clock', async () => {
    const { run } = await made('--drift', 'typical', '--drift-seed', 'qa');
    const change = ['drift', 'set', 'VT00000001'];
    const hot = await jsonOf(run, ...change, '--temperature', '60', '--for', '10h');
    expect((hot['clock'] as Json)['events']).toEqual([
      { kind: 'excursion', atMs: nowMs, untilMs: nowMs + 36_000_000, temperatureC: 60 },
    ]);
    expect((await run(...change, '--at', '1d', '--pause', '4m')).out).toContain('stands still');
    const reset = await jsonOf(run, ...change, '--at', '2d', '--reset-to', '2000-01-01');
    expect(reset['deviceTimeMs']).toBe(Date.UTC(2000, 0, 1));
    const { out } = await run('drift', 'show', 'VT00000001', '--at', '3d');
    for (const text of ['is kept at 60 C until', 'stands still until', 'restarts at 2000-01-01']) {
      expect(out).toContain(text);
    }
  });

  it.each([
    [['--temperature', '60'], 'go together'],
    [['--pause', '-4m'], '--pause must be longer than nothing'],
    [['--pause', '0s'], '--pause must be longer than nothing'],
    [['--temperature', '60', '--for', '1h'], 'does not know temperature'],
  ])('refuses %j on an ideal clock', async (argv, message) => {
    const { run } = await made();
    const refused = await run('drift', 'set', 'VT00000001', ...argv);
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.err).toContain(message);
  });
});

describe('vtoken battery', () => {
  it('shows a battery, and says that it is low with each response', async () => {
    const { run } = await made('--battery', 'sealed', '--battery-life', '70d');
    expect((await run('battery', 'show', 'VT00000001')).out).toContain('good, 100 % left');
    expect((await run('press', 'VT00000001')).err).toBe('');
    const pressed = await run('press', 'VT00000001', '--at', '95d');
    expect(pressed).toEqual({ status: 0, out: pressed.out, err: 'LOW BATTERY\n' });
    expect((await run('show', 'VT00000001', '--at', '95d')).out).toContain('LOW BATTERY');
    expect((await run('battery', 'show', 'VT00000001', '--at', '101d')).out).toContain('DEAD');
    const dead = await run('press', 'VT00000001', '--at', '101d');
    expect(dead).toMatchObject({ status: 1, out: '' });
    expect(dead.err).toContain('clock and keys of this token are lost');
    expect((await run('battery', 'swap', 'VT00000001')).err).toContain('sealed in');
  });

  it('changes one: the clock stands still, the counter falls back', async () => {
    const { run } = await made('--battery', 'pause', '--flush-every', '5');
    await run('press', 'VT00000001', '--times', '7');
    const swapped = await run('battery', 'swap', 'VT00000001', '--gap', '4m');
    expect(swapped).toMatchObject({ status: 0, err: '' });
    expect(swapped.out).toContain('clock -240.000 s');
    expect((await run('press', 'VT00000001', '--at', '1m')).err).toContain('no battery');
    const pressed = await jsonOf(run, 'press', 'VT00000001', '--at', '4m');
    expect(pressed['eventCounter']).toBe('5');
  });

  it('sets a clock again, a little wrong and each time otherwise', async () => {
    const { run } = await made('--battery', 'settable:20s');
    const errors: number[] = [];
    for (const day of [1, 2, 3]) {
      const json = await jsonOf(run, 'battery', 'swap', 'VT00000001', '--at', `${day}d`);
      errors.push(json['clockErrorMs'] as number);
    }
    expect(new Set(errors).size).toBe(3);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThanOrEqual(20_000);
    const said = ['battery', 'swap', 'VT00000001', '--at', '4d', '--setting-error', '-7s'];
    expect((await jsonOf(run, ...said))['clockErrorMs']).toBe(-7000);
  });

  it('has none unless asked for', async () => {
    const { run } = await made();
    expect((await run('battery', 'show', 'VT00000001')).out).toContain('needs none');
    expect((await run('battery', 'swap', 'VT00000001')).status).toBe(1);
  });
});

describe('vtoken drift set --resume', () => {
  it('ends what stopped a stopped clock, and what it showed before stays', async () => {
    const { run } = await made('--drift', 'stopped', '--drift-seed', 'qa');
    const { drawn } = drawClock('stopped', 'qa', 'VT00000001', nowMs);
    const stoppedAtMs = drawn!.events[0]!.atMs;
    const [before, after] = [stoppedAtMs + 10 * dayMs, stoppedAtMs + 30 * dayMs];
    const at = (atMs: number): string[] => ['VT00000001', '--now', String(atMs)];
    const stood = await jsonOf(run, 'drift', 'show', ...at(before));
    expect(stood['ratePpm']).toBe(-1_000_000);
    const shown = await run('drift', 'show', ...at(before));
    expect(shown.out).toMatch(/^drawn +20\S+Z stands still for good$/m);
    const early = await run('drift', 'set', ...at(stoppedAtMs - 1), '--resume');
    expect(early).toMatchObject({
      status: 2,
      err: 'vtoken: this clock does not stand still at that time\n',
    });
    const resumed = await jsonOf(run, 'drift', 'set', ...at(after), '--resume');
    // Thirty days behind, and running.
    expect(resumed['deviceTimeMs']).toBe(stood['deviceTimeMs']);
    expect(Math.abs(resumed['ratePpm'] as number)).toBeLessThan(100);
    const later = await jsonOf(run, 'drift', 'show', ...at(after + dayMs));
    const gained = (later['deviceTimeMs'] as number) - (resumed['deviceTimeMs'] as number);
    expect(Math.abs(gained - dayMs)).toBeLessThan(10_000);
    expect((await jsonOf(run, 'drift', 'show', ...at(before)))['deviceTimeMs']).toBe(
      stood['deviceTimeMs'],
    );
    const again = await run('drift', 'set', ...at(after + dayMs), '--resume');
    expect(again).toMatchObject({ status: 2 });
  });

  it('ends a pause and sets the clock right in the same moment', async () => {
    const { run } = await made();
    await run('drift', 'set', 'VT00000001', '--pause', '9d');
    const set = await jsonOf(
      run,
      ...['drift', 'set', 'VT00000001', '--at', '3d', '--resume', '--offset', '+2s'],
    );
    expect(set).toMatchObject({ clockErrorMs: 2000, ratePpm: 0 });
    const later = await jsonOf(run, 'drift', 'show', 'VT00000001', '--at', '20d');
    expect(later['clockErrorMs']).toBe(2000);
  });
});

describe('vtoken drift plot', () => {
  it('shows clock and windows, and when they are left', async () => {
    const { run, folder } = await made('--ppm', '20');
    const svg = join(folder, 'drift.svg');
    const { status, out } = await run('drift', 'plot', 'VT00000001', '--svg', svg);
    expect(status).toBe(0);
    // 20 ppm are 1.728 s a day: 315 s, ten and a half steps, after 182.3 days, and within 4 s a day for good.
    expect(out).toContain('static window   20 steps of 30 s, left on 2024-05-15');
    expect(out).toContain('dynamic window  wider than that after 79 days, never left');
    expect(out).toContain('at the end      630.7 s ahead');
    expect(out).toMatch(/\+315 s [-:]+/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    const document = readFileSync(svg, 'utf8');
    expect(document).toMatch(/^<svg [^>]*viewBox="0 0 760 400"/);
    expect(document).not.toMatch(/NaN|Infinity|undefined/);
    const again = await run('drift', 'plot', 'VT00000001', '--svg', svg);
    expect(again).toMatchObject({ status: 2, out: '' });
  });

  const clock = { ...idealClock(0), ratePpm: 100 };

  it('has a window that stands until 8 s a day make a wider one', () => {
    const windows = { stepSeconds: 30, steps: 4, successEveryMs: null };
    const { points } = driftFigure(clock, 0, 40 * dayMs, windows, 41);
    const widths = points.map(({ highSeconds, lowSeconds }) => highSeconds - lowSeconds);
    // Two steps to each side and the middle one; three from (2 * 3 * 30 - 30) / 8 = 18.75 days on, and so on.
    expect([0, 18, 19, 26, 27].map((day) => widths[day])).toEqual([150, 150, 210, 210, 270]);
    // Wherever in its step a clock is when it is seen, the window lies within half a step of it.
    expect(Math.abs(points[0]!.highSeconds - 75)).toBeLessThanOrEqual(15);
  });

  it('has a window of its own for each logon, and one that fails teaches nothing', () => {
    const every = (days: number) => {
      const windows = { stepSeconds: 30, steps: 4, successEveryMs: days * dayMs };
      return driftFigure(clock, 0, 40 * dayMs, windows, 41);
    };
    // 8.64 s a day are 26 s in three days, which one step of learning makes up for, and 173 s in twenty, too many.
    const often = every(3);
    expect(often.leavesDynamicAtMs).toBeNull();
    const centres = often.points.map(({ highSeconds, lowSeconds }) => highSeconds + lowSeconds);
    // The logon of this very moment was judged by what was believed before.
    expect(centres.slice(10, 13)).toEqual([centres[10], centres[10], centres[10]]);
    expect(centres[10]).toBeGreaterThan(centres[9]!);
    expect(centres[13]).toBeGreaterThan(centres[12]!);
    const seldom = every(20);
    expect(seldom.leavesDynamicAtMs).toBeLessThan(20 * dayMs);
    expect(seldom.points[25]!.highSeconds).toBeLessThan(150);
  });

  it.each([
    [['--over', '0'], '--over must be longer'],
    [['--over', '9000000d'], 'before the year 10000'],
    [['--window', '1001'], '--window takes a whole number from 0 to 1000'],
    [['--success-every', '1s'], 'more than 10000 logons'],
    [['--success-every', '-1d'], '--success-every must be longer'],
  ])('refuses %j', async (argv, message) => {
    const { run } = await made();
    const refused = await run('drift', 'plot', 'VT00000001', ...argv);
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.err).toContain(message);
  });
});
