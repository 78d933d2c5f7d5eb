import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driftBoundMs, rowsOf as fleetRows, rulesOf } from '../../../emulator/index.ts';
import type { Row } from '../../../emulator/fleet/row.ts';
import { readTokenLine, tokenLine } from '../../../emulator/fleet/token-line.ts';
import { proofRuns } from '../../support/proof.ts';
import { csvOf, fleet, head as scenario, mixedScenario, rowsOf, runOf } from './support.ts';

const mixed = fleet(mixedScenario);
const rows = rowsOf(runOf(mixed));
const dayMs = 86_400_000;

function bySerial(all: readonly Row[], serial: string): readonly Row[] {
  return all.filter((row) => row.serial === serial);
}

function verdicts(all: readonly Row[]): readonly string[] {
  return [...new Set(all.flatMap(({ expect: verdict }) => verdict ?? []))].toSorted();
}

describe('a fleet', () => {
  it('makes the same bytes of the same seed, and others of another', () => {
    expect(csvOf(rowsOf(runOf(fleet(mixedScenario))))).toBe(csvOf(rows));
    const other = rowsOf(runOf(fleet(mixedScenario.replace('mixed', 'other'))));
    expect(other.map(({ otp }) => otp)).not.toEqual(rows.map(({ otp }) => otp));
  });

  it('has everything happen, in order of time', () => {
    expect(rows.map(({ trueMs }) => trueMs)).toEqual(
      rows.map(({ trueMs }) => trueMs).toSorted((one, other) => one - other),
    );
    expect([...new Set(rows.map(({ event }) => event))].toSorted()).toEqual([
      'away',
      'battery-swap',
      'clock-jump',
      'login',
      'mistyped',
      'press',
      'reseed',
      'restore-backup',
      'resync',
      'resync-first',
      'retry',
      'storage',
      'unlock',
      'unsent',
    ]);
    expect(verdicts(rows)).toEqual(['accept', 'accept-with-resync', 'locked', 'reject', 'replay']);
  });

  it('changes no other row when a token or an event is added', () => {
    const more = mixedScenario
      .replace('tokens:\n', 'tokens:\n  - { serials: AA000001, profile: one-button-event }\n')
      .replace('events:\n', 'events:\n  - { at: P4D, tokens: AA000001, do: press, times: 3 }\n');
    const added = rowsOf(runOf(fleet(more)));
    const everybodys = ['restore-backup', 'unlock'];
    expect(bySerial(added, 'AA000001').length).toBeGreaterThan(20);
    expect(csvOf(added.filter(({ serial }) => serial !== 'AA000001'))).toBe(csvOf(rows));
    expect(everybodys.every((event) => rows.some((row) => row.event === event))).toBe(true);
  });

  it('goes on from any row as if it had not stopped', () => {
    const whole = csvOf(rows);
    const goOn = (split: number): void => {
      const first = runOf(mixed);
      const before = Array.from({ length: split }, () => first.next()!);
      const memory = JSON.parse(JSON.stringify(first.memory)) as typeof first.memory;
      const second = runOf(mixed);
      second.recall(memory);
      expect(csvOf([...before, ...rowsOf(second)]), String(split)).toBe(whole);
      expect(second.counts).toEqual(runCounts);
    };
    // Between the two halves of what takes two steps, and anywhere.
    for (const event of ['retry', 'resync', 'restore-backup']) {
      goOn(rows.findIndex((row) => row.event === event));
    }
    fc.assert(fc.property(fc.integer({ min: 0, max: rows.length }), goOn), proofRuns(3));
  });

  it('has a key and a clock of its own for each token', () => {
    const { tokens } = mixed;
    const crystals = tokens.filter(({ clock }) => clock.crystal !== undefined);
    expect(new Set(tokens.map(({ key }) => key)).size).toBe(tokens.length);
    expect(new Set(crystals.map(({ clock }) => clock.ratePpm)).size).toBe(crystals.length);
    expect(crystals.length).toBeGreaterThan(7);
  });

  it('keeps what was drawn in one line for each token', () => {
    for (const token of mixed.tokens) expect(readTokenLine(tokenLine(token))).toEqual(token);
    const line = tokenLine(mixed.tokens[0]!);
    expect(() => readTokenLine(line.replace('"key"', '"kee"'))).toThrow(/key|kee/);
    expect(() => readTokenLine(line.replace('one-button-time', 'brick'))).toThrow(/profile/);
  });

  it('moves the counter once for each response of a device', () => {
    for (const serial of ['VT90000011', 'VT90000022', 'VT90000041']) {
      const counters = bySerial(rows, serial).flatMap(({ counter }) => counter ?? []);
      expect(counters).toEqual(counters.map((_, index) => index));
    }
  });

  it('rolls a counter back that was only in memory', () => {
    const own = bySerial(rows, 'VT90000013');
    const swap = own.findIndex(({ event }) => event === 'battery-swap');
    const before = own.slice(0, swap).findLast(({ counter }) => counter !== null)!.counter!;
    const after = own.slice(swap).find(({ counter }) => counter !== null)!.counter!;
    expect(after).toBe(before + 1 - ((before + 1) % 8));
    expect(after).toBeLessThanOrEqual(before);
  });

  it('presses nothing while its owner is away', () => {
    const start = mixed.scenario.start;
    const away = bySerial(rows, 'VT90000003').filter(
      ({ trueMs, event }) =>
        trueMs >= start + 31 * dayMs && trueMs < start + 41 * dayMs && event !== 'away',
    );
    expect(away.map(({ event }) => event)).toEqual(['unlock']);
  });

  it('logs on at the local hours of its owners, on their days', () => {
    const zoned = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      weekday: 'short',
      hour: '2-digit',
      hourCycle: 'h23',
    });
    const logins = bySerial(rows, 'VT90000002').filter(({ event }) => event === 'login');
    expect(logins.length).toBeGreaterThan(40);
    for (const { trueMs } of logins) {
      const [weekday = '', hour = ''] = zoned.format(trueMs).split(/[ ,]+/);
      expect(['Mon', 'Tue', 'Wed', 'Thu', 'Fri']).toContain(weekday);
      expect(Number(hour)).toBeGreaterThanOrEqual(7);
      expect(Number(hour)).toBeLessThan(19);
    }
    // The clocks went forward on 2026-03-29: seven in the morning is another hour of UTC.
    const hours = (from: number, to: number): number =>
      Math.min(
        ...logins
          .filter(({ trueMs }) => trueMs >= from && trueMs < to)
          .map(({ trueMs }) => (trueMs % dayMs) / 3_600_000),
      );
    const change = Date.UTC(2026, 2, 29);
    expect(hours(0, change)).toBeGreaterThanOrEqual(6);
    expect(hours(change, Infinity)).toBeLessThan(6);
  });

  it('ends with its scenario, whoever would try once more', () => {
    const late = `for: P1D
tokens: [{ serials: VT90000001..VT90000040, profile: one-button-time, drift: { offset: P1D }, behaviour: late }]
behaviours: { late: { logins: { perDay: 20, days: daily, hours: 23-24 }, retries: 10 } }
`;
    const all = rowsOf(runOf(fleet(scenario(late))));
    expect(all.filter(({ event }) => event === 'retry').length).toBeGreaterThan(10);
    expect(Math.max(...all.map(({ trueMs }) => trueMs))).toBeLessThan(Date.UTC(2026, 0, 2));
  });

  it('submits nothing that the display no longer shows', () => {
    const slow = `for: P30D
tokens: [{ serials: VT90000001..VT90000004, profile: one-button-event, behaviour: slow }]
behaviours: { slow: { submitDelay: { from: PT10S, to: PT5M } } }
`;
    const delays = (text: string): number[] =>
      rowsOf(runOf(fleet(scenario(text)))).flatMap(({ submittedAtMs, trueMs }) =>
        submittedAtMs === null ? [] : [submittedAtMs - trueMs],
      );
    expect(Math.max(...delays(slow))).toBe(29_999);
    expect(Math.max(...delays(slow.replace('slow: {', 'slow: { autoOff: false,')))).toBeGreaterThan(
      60_000,
    );
  });
});

const runCounts = ((run) => {
  rowsOf(run);
  return run.counts;
})(runOf(mixed));

describe('the expectations of a fleet', () => {
  const year = (windowSteps: number, drift: string): string =>
    scenario(`for: P365D
tokens: [{ serials: VT90000001..VT90000004, profile: one-button-time, drift: ${drift}, presses: none }]
policy: { identificationTimeWindowSteps: ${String(windowSteps)}, userLockThreshold: 0 }
`);

  it('are all yes with a window as wide as the skew', () => {
    const startMs = Date.UTC(2026, 0, 1);
    const worstMs = driftBoundMs('cheap', startMs, startMs + 365 * dayMs);
    // A step for the delay of the owner, and one for where in the step he presses.
    const half = Math.ceil(worstMs / 30_000) + 2;
    const all = rowsOf(runOf(fleet(year(2 * half, 'cheap'))));
    expect(all.length).toBeGreaterThan(800);
    const notYes = all.filter(({ expect: verdict }) => verdict !== 'accept');
    // Two logons within one step are one too many, whatever the window.
    expect(notYes.filter(({ expect: verdict }) => verdict !== 'replay')).toEqual([]);
    expect(notYes.length).toBeLessThan(5);
  });

  it.each([
    [{ eventWindowSteps: -1 }, 'eventWindowSteps'],
    [{ identificationTimeWindowSteps: Number.NaN }, 'identificationTimeWindowSteps'],
    [{ syncMaxGapSteps: 1.5 }, 'syncMaxGapSteps'],
    [{ eventWindowSteps: undefined as unknown as number }, 'eventWindowSteps'],
  ])('are not reckoned by %j', (rules, name) => {
    const given = { ...rulesOf(mixed.scenario), ...rules };
    expect(() => [...fleetRows(mixed, given)]).toThrow(`${name} is out of range, or missing`);
  });

  it('turn at the step at which the window ends', () => {
    const offBy = (steps: number, windowSteps: number): readonly string[] => {
      const text = year(windowSteps, `{ offset: PT${String(steps * 30)}S }`);
      const instant = text.replace(
        'presses: none }]',
        `presses: none, behaviour: prompt }]
behaviours: { prompt: { submitDelay: { from: PT0S, to: PT0S } } }`,
      );
      return verdicts(rowsOf(runOf(fleet(instant))).slice(0, 4));
    };
    expect(offBy(10, 20)).toEqual(['accept']);
    expect(offBy(10, 19)).toEqual(['reject']);
    expect(offBy(11, 20)).toEqual(['reject']);
  });

  it('lock at the threshold of the policy, until the help desk unlocks', () => {
    const text = scenario(`for: P60D
tokens: [{ serials: VT90000001, profile: one-button-event, presses: none }]
events:
  - { at: P10D, do: unsent, times: 40 }
  - { at: P30D, do: unlock }
  - { at: P30DT1S, do: resync }
policy: { autoUnlockMaxTries: 0 }
`);
    const all = rowsOf(runOf(fleet(text))).filter(({ expect: verdict }) => verdict !== null);
    const inTurn = all
      .map(({ expect: verdict }) => verdict)
      .filter((verdict, index, list) => index === 0 || verdict !== list[index - 1]);
    expect(inTurn).toEqual(['accept', 'reject', 'locked', 'accept-with-resync', 'accept']);
    expect(all.filter(({ expect: verdict }) => verdict === 'reject').length).toBe(3);
  });

  it('reach a server that was put back while they were typed', () => {
    const text = (restore: string): string =>
      scenario(`for: P20D
tokens: [{ serials: VT90000001, profile: one-button-event, presses: none, behaviour: slow }]
behaviours:
  slow: { logins: { perDay: 0 }, submitDelay: { from: PT20S, to: PT20S }, autoOff: false }
events:
  - { at: P5D, do: press }
  - { at: P10D, do: unsent, times: 2 }
  - { at: P10DT1M, do: press }
  - { at: P14D, do: unsent, times: 2 }
  - { at: P15D, do: press }
  ${restore}
  - { at: P16D, do: press }
policy: { eventWindowSteps: 3, userLockThreshold: 0 }
`);
    const told = (restore: string): string[] =>
      rowsOf(runOf(fleet(text(restore)))).flatMap(({ expect: verdict }) => verdict ?? []);
    const accepts = ['accept', 'accept', 'accept', 'accept'];
    expect(told('')).toEqual(accepts);
    // On its way to the server, which does not remember the one before any more.
    const late = '- { at: P15DT5S, do: restore-backup, of: P10D }';
    expect(told(late)).toEqual(['accept', 'accept', 'reject', 'reject']);
    // What was pressed before a copy was made and came after it is not in the copy, and stays when it is put back.
    const early = '- { at: P10DT1M30S, do: restore-backup, of: P10DT1M10S }';
    expect(told(early)).toEqual(['accept', 'accept', 'reject', 'reject']);
  });

  it('stay unlocked by who unlocks just when a copy is put back', () => {
    const text = scenario(`for: P20D
tokens: [{ serials: VT90000001, profile: one-button-event, presses: none }]
events:
  - { at: P10D, do: unsent, times: 40 }
  - { at: P15D, do: unlock }
  - { at: P15D, do: restore-backup, of: P14D }
policy: { autoUnlockMaxTries: 0 }
`);
    const all = rowsOf(runOf(fleet(text)));
    const unlock = all.findIndex(({ event }) => event === 'unlock');
    const verdictsOf = (some: readonly Row[]): (string | null)[] =>
      some.map(({ expect: verdict }) => verdict).filter((verdict) => verdict !== null);
    expect(verdictsOf(all.slice(0, unlock)).at(-1)).toBe('locked');
    expect(verdictsOf(all.slice(unlock))[0]).toBe('reject');
  });

  it.each(['reseed', 'restore-backup, of: P5D'])('fall behind by what is forgotten: %s', (what) => {
    const text = scenario(`for: P20D
tokens: [{ serials: VT90000001, profile: one-button-event, presses: none }]
events: [{ at: P15D, do: ${what} }]
policy: { eventWindowSteps: 3, userLockThreshold: 0 }
`);
    // The counter of the server is behind by all that was used since.
    const all = rowsOf(runOf(fleet(text)));
    const forgotten = all.findIndex(({ otp }) => otp === null);
    expect(verdicts(all.slice(0, forgotten))).toEqual(['accept']);
    expect(verdicts(all.slice(forgotten))).toEqual(['reject']);
  });
});
