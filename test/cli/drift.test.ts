import { describe, expect, it } from 'vitest';
import { driftPlot } from '../../src/cli/drift-plot.ts';
import { driftSentences } from '../../src/cli/drift-text.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { TallystickError } from '../../src/errors.ts';
import type { ApplicationDriftView } from '../../src/service/index.ts';
import { openDesk, type Ran } from './support.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 23, 12);

const desk = openDesk();

function run(args: readonly string[], outputColumns: number | null = null): Promise<Ran> {
  return desk.run(args, { outputColumns });
}

const rate = {
  ratePpm: 3.11,
  ratePpmError: 0.72,
  sampleCount: 4,
  fromMs: nowMs - 100 * dayMs,
  toMs: nowMs - 7 * dayMs,
};

function drift(set: Partial<ApplicationDriftView> = {}): ApplicationDriftView {
  return {
    name: 'TIME',
    timeStepSeconds: 30,
    driftSeconds: 12,
    driftAtMs: nowMs - 7 * dayMs,
    isDriftFrozen: false,
    deviceSeconds: 13.9,
    uncertaintySeconds: 15.4,
    rate,
    window: { kind: 'ordinary', centreSeconds: 12, halfWidthSteps: 10, halfWidthSeconds: 315 },
    leaving: { expectedAtMs: nowMs + 900 * dayMs, earliestAtMs: nowMs + 700 * dayMs },
    samples: [
      { atMs: nowMs - 100 * dayMs, driftSeconds: -14 },
      { atMs: nowMs - 50 * dayMs, driftSeconds: 200 },
      { atMs: nowMs - 40 * dayMs, driftSeconds: -1 },
      { atMs: nowMs - 7 * dayMs, driftSeconds: 12 },
    ],
    ...set,
  };
}

describe('sentences about a clock', () => {
  it('say how it runs, where it is and when it leaves its window', () => {
    expect(driftSentences(drift(), nowMs)).toBe(
      [
        'TIME runs 3.1 ppm fast (± 0.7), 0.27 s a day, by 4 responses from 2026-08-15 to 2026-11-16.',
        '  Drift +12 s as of 2026-11-16; expected +14 s now (± 15 s); its window reaches from -303 s to +327 s.',
        '  Left unused, it leaves its window on 2029-05-11 (earliest 2028-10-23).',
      ].join('\n'),
    );
  });

  it.each<[string, Partial<ApplicationDriftView>, RegExp]>([
    [
      'slow',
      { rate: { ...rate, ratePpm: -11.6 } },
      /runs 11\.6 ppm slow \(± 0\.7\), 1\.00 s a day/,
    ],
    ['true', { rate: { ...rate, ratePpm: -0.04 } }, /runs true \(± 0\.7 ppm\), by 4 responses/],
    ['no rate', { rate: null }, /^TIME has not been used long enough to tell its rate\.\n/],
    [
      'frozen',
      { isDriftFrozen: true },
      /  Frozen at \+12 s as of .*\n  Left frozen, it leaves its window/,
    ],
    ['behind', { driftSeconds: -3, deviceSeconds: 0.2 }, /Drift -3 s as of .* expected 0 s now/],
    [
      'not at all',
      { leaving: { expectedAtMs: null, earliestAtMs: null } },
      /Left unused, it stays in its window for ten years\.$/,
    ],
    [
      'perhaps',
      { leaving: { expectedAtMs: null, earliestAtMs: nowMs + dayMs } },
      /Left unused, it may leave its window from 2026-11-24 on\.$/,
    ],
    [
      'perhaps already',
      { leaving: { expectedAtMs: null, earliestAtMs: nowMs - dayMs } },
      /It may have left its window on 2026-11-22 or since\.$/,
    ],
    [
      'already',
      { leaving: { expectedAtMs: nowMs - dayMs, earliestAtMs: nowMs - 9 * dayMs } },
      /It left its window on 2026-11-22 \(earliest 2026-11-14\)\.$/,
    ],
  ])('%s', (_name, set, sentence) => {
    expect(driftSentences(drift(set), nowMs)).toMatch(sentence);
  });

  it('say nothing of a clock that nobody has used', () => {
    const unused = { driftAtMs: null, deviceSeconds: null, uncertaintySeconds: null };
    expect(driftSentences(drift({ ...unused, isDriftFrozen: true }), nowMs)).toBe(
      'TIME was not used yet: nothing is known of its clock, and its window reaches from -303 s to +327 s. Its drift is frozen.',
    );
    expect(driftPlot(drift(unused), nowMs, 80)).toBe('');
  });
});

describe('the plot', () => {
  const lines = (set: Partial<ApplicationDriftView>, columns = 60): string[] =>
    driftPlot(drift(set), nowMs, columns).split('\n');

  it('has responses between the edges of the window, and where the device is expected now', () => {
    const shown = lines({});
    expect(shown).toHaveLength(19);
    expect(shown[0]).toBe(`    +327 s ${'-'.repeat(48)}`);
    expect(shown[16]).toBe(`    -303 s ${'-'.repeat(48)}`);
    expect(shown[8]).toMatch(/^ {5}\+12 s \.+o\.+o\.+\+$/);
    expect(shown[9]).toMatch(/^ {11}o$/);
    expect(shown[3]).toMatch(/^ {35}o$/);
    expect(shown[17]).toBe(`${' '.repeat(11)}2026-08-15${' '.repeat(28)}2026-11-23`);
  });

  it('reaches as far as what is uncertain', () => {
    const shown = lines({ deviceSeconds: 100, uncertaintySeconds: 500 });
    const last = shown.slice(0, 17).map((line) => line.padEnd(59).at(58));
    expect(last.join('')).toBe('||||||||+||||||||');
    expect(shown[0]).toBe(`${' '.repeat(58)}|`);
    expect(shown.filter((line) => line.includes('---'))).toHaveLength(2);
  });

  it('fits a terminal from 40 to 120 columns, whenever the responses came', () => {
    const widest = (columns: number): number =>
      Math.max(
        ...lines({}, columns)
          .slice(0, 18)
          .map(({ length }) => length),
      );
    expect([10, 40, 100, 300].map(widest)).toEqual([39, 39, 99, 119]);
    const later = { atMs: nowMs + 5 * dayMs, driftSeconds: 0 };
    expect(lines({ samples: [...drift().samples, later] })[8]).toMatch(/\.+\+$/);
    expect(driftPlot(drift({ samples: drift().samples.slice(0, 1) }), nowMs, 80)).toBe('');
  });
});

describe('tallystick token drift', () => {
  const view = {
    serial: 'VT00000001',
    policyName: 'Office',
    nowMs,
    applications: [drift(), drift({ name: 'SIGN', driftSeconds: 80, samples: [] })],
  };

  it('show: sentences, and a plot where there is a terminal or it is asked for', async () => {
    const world = await desk.serve({ showDrift: view });
    const show = ['token', 'drift', 'show', 'VT00000001', '--policy', 'Office'];
    const plain = await run(show);
    expect(plain).toMatchObject({ code: 0, said: '' });
    expect(plain.printed).toMatch(/^VT00000001 under the policy Office\n\nTIME runs .*\n\nSIGN /s);
    expect(plain.printed).not.toContain('---');
    expect(world.reached[0]!.args.slice(1)).toEqual(['VT00000001', 'Office']);
    expect((await run(show, 50)).printed).toMatch(/^ {4}\+327 s -{38}$/m);
    expect((await run([...show, '--plot'])).printed).toMatch(/^ {4}\+327 s -{68}$/m);
    expect((await run([...show, '--plot'])).printed).toMatch(/\n\n {2}There is no plot before .*$/);
    expect((await run(show, 50)).printed).not.toContain('There is no plot');
    const one = await run([...show, '--application', 'sign']);
    expect(one.printed).not.toContain('TIME');
    const json = JSON.parse((await run([...show, '--json'], 80)).printed) as typeof view;
    expect(json).toMatchObject({
      policy: 'Office',
      applications: [{ name: 'TIME' }, { name: 'SIGN' }],
    });
  });

  it('show: says where there is no clock', async () => {
    await desk.serve({ showDrift: { ...view, applications: [] } });
    const ran = await run(['token', 'drift', 'show', 'VT00000001']);
    expect(ran).toMatchObject({ code: exitCodes.usage, printed: '' });
    expect(ran.said).toBe('no application of VT00000001 has a clock, so nothing of it drifts');
    const named = await run(['token', 'drift', 'show', 'VT00000001', '--application', 'A']);
    expect(named.said).toBe('VT00000001 has no application A with a clock');
  });

  it('set, zero, freeze and thaw: one application or all', async () => {
    const applications = [
      { name: 'TIME', driftSeconds: -90, isDriftFrozen: true },
      { name: 'HOTP', driftSeconds: null, isDriftFrozen: false },
    ];
    const world = await desk.serve({
      setDrift: { serial: 'VT00000001', applications, version: 1 },
    });
    const token = ['token', 'drift'];
    const set = await run([
      ...token,
      'set',
      'VT00000001',
      '--seconds',
      '-90',
      '--application',
      'TIME',
    ]);
    expect(set).toEqual({
      code: 0,
      printed: 'APPLICATION  DRIFT S  FROZEN\nTIME         -90      yes',
      said: '',
    });
    for (const action of ['zero', 'freeze', 'thaw']) {
      expect((await run([...token, action, 'VT00000001'])).code).toBe(0);
    }
    expect((await run([...token, 'set', 'VT00000001', '--seconds', '99999999999'])).code).toBe(0);
    expect(world.reached.map(({ args }) => args.slice(2))).toEqual([
      ['TIME', { action: 'set', driftSeconds: -90 }],
      [null, { action: 'zero' }],
      [null, { action: 'freeze' }],
      [null, { action: 'thaw' }],
      // How much is too much is the server's to say, with what is allowed.
      [null, { action: 'set', driftSeconds: 99_999_999_999 }],
    ]);
  });

  it.each([
    [['set', 'VT1'], /required option '--seconds <number>' not specified/],
    [
      ['set', 'VT1', '--seconds', '1.5'],
      /^--seconds takes whole seconds such as 90 or -90, not 1\.5$/,
    ],
    [['zero', 'VT1', '--seconds', '1'], /unknown option '--seconds'/],
    [['zero'], /missing required argument 'serial'/],
    [['melt', 'VT1'], /unknown command 'melt'/],
  ])('%j is wrong usage', async (args, said) => {
    const world = await desk.serve({});
    const ran = await run(['token', 'drift', ...args]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it('passes on what the server says', async () => {
    const fields = { applicationName: ['must have a clock, which HOTP has not'] };
    await desk.serve({ setDrift: new TallystickError('request-invalid', 'x', { fields }) });
    const ran = await run(['token', 'drift', 'zero', 'VT1']);
    expect(ran.code).toBe(exitCodes.refused);
    expect(ran.said).toBe(
      'Refused: The request is invalid: application. [request-invalid]\n' +
        '  application: must have a clock, which HOTP has not',
    );
  });

  it('token show has what is frozen, failed and remembered', async () => {
    const application = { name: 'TIME', driftSeconds: 9, failureCount: 2 };
    const applications = [
      { ...application, isDriftFrozen: true, hasRememberedResponse: true },
      { ...application, isDriftFrozen: false, hasRememberedResponse: false },
    ];
    await desk.serve({ authenticator: { serial: 'VT1', applications } });
    const rows = (await run(['token', 'show', 'VT1'])).printed.split('\n').slice(-3);
    expect(rows[0]).toMatch(/ DRIFT S +FAILURES +REMEMBERED +LAST USED$/);
    expect(rows[1]).toMatch(/ 9 frozen +2 +yes +-$/);
    expect(rows[2]).toMatch(/ 9 +2 +no +-$/);
  });
});

describe('tallystick drift report', () => {
  const totals = {
    examined: 700,
    outOfUse: 10,
    withClock: 650,
    withRate: 300,
    frozen: 3,
    neverUsed: 40,
  };
  const item = (serial: string, earliestDays: number, expectedDays: number | null): object => ({
    serial,
    userName: 'jane',
    domainName: 'master',
    applicationName: 'TIME',
    driftSeconds: 9,
    driftAtMs: nowMs - 7 * dayMs,
    isDriftFrozen: expectedDays === null,
    rate: expectedDays === null ? null : rate,
    leaving: {
      expectedAtMs: expectedDays === null ? null : nowMs + expectedDays * dayMs,
      earliestAtMs: nowMs + earliestDays * dayMs,
    },
  });

  it('goes through every page and sorts by the earliest date', async () => {
    const pages = [
      { leaving: [item('VT3', 50, 88), item('VT1', 9, 20)], next: 'VT5' },
      { leaving: [item('VT2', -3, null)], next: null },
    ].map((page) => ({ ...page, policyName: 'Office', nowMs, totals }));
    const world = await desk.serve({ driftReport: () => pages.shift() });
    const ran = await run(['drift', 'report', '--policy', 'Office', '--within', '60d']);
    expect(ran).toMatchObject({ code: 0, said: '' });
    expect(ran.printed.split('\n')).toEqual([
      'SERIAL  USER         APPLICATION  DRIFT S   RATE PPM   AS OF       EARLIEST    EXPECTED',
      'VT2     master/jane  TIME         9 frozen  -          2026-11-16  2026-11-20  -',
      'VT1     master/jane  TIME         9         3.1 ± 0.7  2026-11-16  2026-12-02  2026-12-13',
      'VT3     master/jane  TIME         9         3.1 ± 0.7  2026-11-16  2027-01-12  2027-02-19',
      '',
      '3 of 1,400 authenticators may leave their window within 60 days, 1 by the expected date.',
      'In use with a clock: 1,300; rate known: 600; never used: 80; frozen: 6; out of use: 20.',
    ]);
    expect(world.reached.map(({ args }) => args[1])).toEqual([
      { policyName: 'Office', withinDays: 60, after: '', limit: 500 },
      { policyName: 'Office', withinDays: 60, after: 'VT5', limit: 500 },
    ]);
  });

  it('prints one document with --json, and has a default of 60 days', async () => {
    const page = { policyName: 'Local Authentication', nowMs, totals, leaving: [], next: null };
    await desk.serve({ driftReport: page });
    const ran = await run(['drift', 'report', '--json']);
    expect(JSON.parse(ran.printed)).toEqual({
      policy: 'Local Authentication',
      nowMs,
      withinDays: 60,
      totals,
      items: [],
    });
    expect((await run(['drift', 'report'])).printed).toMatch(/^\(none\)\n\n0 of 700 /);
  });

  it.each(['60', '0d', '3651d', '1.5d', 'soon'])('--within %s is wrong usage', async (within) => {
    await desk.serve({});
    const ran = await run(['drift', 'report', '--within', within]);
    expect(ran).toMatchObject({
      code: exitCodes.usage,
      said: '--within takes whole days from 1d to 3650d, e.g. 60d',
    });
  });
});
