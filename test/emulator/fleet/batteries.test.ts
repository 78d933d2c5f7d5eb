import { describe, expect, it } from 'vitest';
import {
  atTemperature,
  batteryStatus,
  emptyAtMs,
  usualBattery,
} from '../../../emulator/physics/battery.ts';
import { readTokenLine, tokenLine } from '../../../emulator/fleet/token-line.ts';
import { type Row, rowWriter } from '../../../emulator/fleet/row.ts';
import { csvOf, fleet, head, rowsOf, runOf } from './support.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);

function scenario(battery: string, more = '', profile = 'one-button-event'): string {
  return head(`for: P200D
tokens: [{ serials: VT90000001..VT90000005, profile: ${profile}, drift: ideal, presses: none, battery: ${battery}, behaviour: daily }]
behaviours: { daily: { logins: { perDay: 2, days: daily } } }
policy: { userLockThreshold: 0 }
${more}`);
}

function own(text: string, serial = 'VT90000001'): readonly Row[] {
  return rowsOf(runOf(fleet(text))).filter((row) => row.serial === serial);
}

function daysTo(row: Row | undefined): number {
  return row === undefined ? Number.NaN : (row.trueMs - startMs) / dayMs;
}

const plain = 'kind: sealed, life: P100D, spread: 0, warnBefore: P20D';

describe('batteries that end', () => {
  it('are shown to be low, and dead once, and then nothing is submitted any more', () => {
    const rows = own(scenario(`{ ${plain} }`));
    const at = (event: string): number => rows.findIndex((row) => row.event === event);
    expect(rows.filter(({ event }) => event === 'battery-low').length).toBe(1);
    expect(rows.at(-1)).toMatchObject({ event: 'battery-dead', otp: null, expect: null });
    expect(at('battery-dead')).toBe(rows.length - 1);
    // 70 % of the charge go by themselves, and two presses a day are less than the ten it is rated for.
    const perDay = (0.7 + (0.3 * 2) / 10) / 100;
    expect(daysTo(rows.at(-1))).toBeGreaterThan(1 / perDay - 5);
    expect(daysTo(rows.at(-1))).toBeLessThan(1 / perDay + 5);
    expect(daysTo(rows[at('battery-low')])).toBeLessThan(0.8 / perDay + 5);
    expect(daysTo(rows[at('battery-low')])).toBeGreaterThan(0.8 / perDay - 5);
    // The response comes with the sign.
    expect(rows[at('battery-low') + 1]).toMatchObject({
      event: 'login',
      trueMs: rows[at('battery-low')]?.trueMs,
    });
  });

  it('last as long as they are pressed little, and by lives of their own', () => {
    const busy = scenario(`{ ${plain} }`).replace('perDay: 2', 'perDay: 20');
    expect(daysTo(own(busy).at(-1))).toBeLessThan(
      daysTo(own(scenario(`{ ${plain} }`)).at(-1)) - 20,
    );
    const differing = fleet(scenario('{ kind: sealed, life: P100D, spread: 0.3 }')).tokens;
    const lives = differing.map(({ battery }) => battery!.lifeMs / dayMs);
    expect(new Set(lives).size).toBe(5);
    expect(lives.every((days) => days >= 70 && days <= 130)).toBe(true);
  });

  it('are changed where they can be, and the clock has stood since they died', () => {
    const text = scenario(
      '{ kind: replaceable, life: P60D, spread: 0, warnBefore: P5D }',
      'events: [{ at: P120D, tokens: VT90000001, do: battery-swap, gap: PT10M }]\n',
      'one-button-time',
    );
    const rows = own(text);
    const dead = rows.find(({ event }) => event === 'battery-dead');
    const swap = rows.findIndex(({ event }) => event === 'battery-swap');
    expect(rows[swap - 1]).toBe(dead);
    const after = rows[swap + 1]!;
    expect(after.event).toBe('login');
    const behindDays = (after.trueMs - after.deviceMs) / dayMs;
    // It died at the latest when its owner found it dead, and that was two logons a day.
    expect(behindDays).toBeGreaterThan(120 - daysTo(dead));
    expect(behindDays).toBeLessThan(120 - daysTo(dead) + 4);
    expect(after.expect).toBe('reject');
    const others = own(text, 'VT90000002');
    expect(others.at(-1)?.event).toBe('battery-dead');
  });

  it('leave a counter where it was', () => {
    const rows = own(
      scenario(
        '{ kind: replaceable, life: P60D, spread: 0, warnBefore: P5D }',
        'events: [{ at: P120D, do: battery-swap, gap: PT10M }]\n',
      ),
    );
    const counters = rows.flatMap(({ counter }) => counter ?? []);
    expect(counters).toEqual(counters.map((_, index) => index));
    expect(
      rows.filter(({ event }) => event === 'login').every((row) => row.expect === 'accept'),
    ).toBe(true);
  });

  it('cannot be changed where they are sealed in', () => {
    const text = scenario('sealed', 'events: [{ at: P10D, do: battery-swap, gap: PT1M }]\n');
    expect(() => fleet(text)).toThrow(
      /must not be battery-swap for tokens whose battery is sealed/,
    );
    expect(() => fleet(text.replace('sealed', 'replaceable'))).not.toThrow();
    expect(fleet(text.replace('sealed', 'none')).tokens[0]?.battery).toBeNull();
    expect(() => fleet(scenario('{ kind: sealed, age: P3000D }').replace('2026', '1974'))).toThrow(
      /battery\.age must not reach back before 1970/,
    );
  });

  it('do not last as long in the heat', () => {
    const lifeDays = (celsius: number): number =>
      atTemperature(usualBattery, celsius).lifeMs / dayMs;
    expect(lifeDays(20)).toBe(usualBattery.lifeMs / dayMs);
    expect(lifeDays(40)).toBeLessThan(lifeDays(30));
    expect(lifeDays(0)).toBeGreaterThan(lifeDays(20));
    // One part in a hundred a year at 20 degrees, and four of them at 40.
    const years = usualBattery.lifeMs / (365.25 * dayMs);
    expect(lifeDays(40)).toBeCloseTo((365.25 * 1) / (1 / years + 0.03), 0);
    // A press costs what it did.
    const perPress = ({ pressShare, lifeMs }: typeof usualBattery): number => pressShare / lifeMs;
    expect(perPress(atTemperature(usualBattery, 55))).toBeCloseTo(perPress(usualBattery), 18);
    const hot = fleet(scenario('{ kind: sealed, spread: 0, celsius: 45 }')).tokens[0]?.battery;
    expect(hot?.lifeMs).toBe(atTemperature(usualBattery, 45).lifeMs);
  });

  it('are as old as the scenario says when it begins', () => {
    const [token] = fleet(scenario('{ kind: sealed, life: P100D, spread: 0, age: P40D }')).tokens;
    const battery = token!.battery!;
    expect(battery.fittedAtMs).toBe(startMs - 40 * dayMs);
    // As much of it is gone as of its rated life.
    expect(batteryStatus(battery, startMs).charge).toBeCloseTo(0.6, 10);
    expect(batteryStatus(battery, emptyAtMs(battery)).state).toBe('dead');
    expect(batteryStatus(battery, emptyAtMs(battery) - dayMs).state).toBe('low');
  });

  it('stand in a line of the token, and in a column for who asks', () => {
    const drawn = fleet(scenario(`{ ${plain} }`));
    for (const token of drawn.tokens) expect(readTokenLine(tokenLine(token))).toEqual(token);
    const writer = rowWriter('csv', ['event', 'battery']);
    const rows = own(scenario(`{ ${plain} }`)).map((row) => writer.write(row));
    expect(rows[0]).toBe('login,good\n');
    expect(rows.at(-1)).toBe('battery-dead,dead\n');
    expect(rows).toContain('battery-low,low\n');
  });

  it('go on from any row as if they had not stopped', () => {
    const drawn = fleet(
      scenario(
        '{ kind: replaceable, life: P60D, spread: 0, warnBefore: P5D }',
        'events: [{ at: P120D, do: battery-swap, gap: PT10M }]\n',
        'one-button-time',
      ),
    );
    const rows = rowsOf(runOf(drawn));
    const marks = ['battery-low', 'battery-dead', 'battery-swap'].map((event) =>
      rows.findIndex((row) => row.event === event),
    );
    for (const split of [...marks, ...marks.map((mark) => mark + 1), rows.length - 20]) {
      const first = runOf(drawn);
      for (let index = 0; index < split; index += 1) first.next();
      const second = runOf(drawn);
      second.recall(JSON.parse(JSON.stringify(first.memory)) as typeof first.memory);
      expect(csvOf(rowsOf(second)), String(split)).toBe(csvOf(rows.slice(split)));
    }
  });
});
