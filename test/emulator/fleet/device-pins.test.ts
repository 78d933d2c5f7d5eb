import { describe, expect, it } from 'vitest';
import { readTokenLine, tokenLine } from '../../../emulator/fleet/token-line.ts';
import { type Row, rowWriter } from '../../../emulator/fleet/row.ts';
import { csvOf, fleet, head, rowsOf, runOf } from './support.ts';

const profiles = ['keypad-pin', 'card-keypad', 'keypad-sign-2-fields', 'keypad-sign-3-fields'];

/** Ten owners who err in so many logons, for three months. */
function forgetful(pinErrors: number, more = '', profile = 'keypad-pin'): string {
  return head(`for: P90D
tokens: [{ serials: VT90000001..VT90000010, profile: ${profile}, behaviour: forgetful }]
behaviours: { forgetful: { logins: { perDay: 2, days: daily }, pinErrors: ${String(pinErrors)} } }
${more}`);
}

function rowsFor(text: string): readonly Row[] {
  return rowsOf(runOf(fleet(text)));
}

function eventsOf(rows: readonly Row[], serial: string): readonly string[] {
  return rows.filter((row) => row.serial === serial).map(({ event }) => event);
}

describe('tokens with a device PIN', () => {
  it.each(profiles)('take part: %s', (profile) => {
    const drawn = fleet(forgetful(0, '', profile));
    const rows = rowsOf(runOf(drawn));
    expect(rows.length).toBeGreaterThan(1000);
    const refused = rows.filter(({ otp, expect: verdict }) => otp === null || verdict === null);
    expect(refused).toEqual([]);
    // Each has a PIN of its own, of as many digits as the device wants.
    const pins = drawn.tokens.map(({ devicePin }) => devicePin!);
    expect(new Set(pins).size).toBe(10);
    expect(pins.every((pin) => /^\d{4,5}$/.test(pin))).toBe(true);
  });

  it('take wrong PINs and lock at the maximum of the device, until the help desk unlocks', () => {
    const rows = rowsFor(forgetful(0.4, 'events: [{ at: P60D, do: device-unlock }]'));
    const wrong = rows.filter(({ event }) => event === 'wrong-pin' || event === 'device-locked');
    expect(wrong.length).toBeGreaterThan(300);
    for (const { otp, expect: verdict, submittedAtMs } of wrong) {
      expect([otp, verdict, submittedAtMs]).toEqual([null, null, null]);
    }
    const serials = [...new Set(rows.map(({ serial }) => serial))];
    let locks = 0;
    for (const serial of serials) {
      const events = eventsOf(rows, serial);
      let failures = 0;
      let isLocked = false;
      for (const event of events) {
        if (event === 'wrong-pin') failures += 1;
        // The fifth wrong one in a row, and never more.
        if (event === 'device-locked') expect(failures).toBe(4);
        if (isLocked) expect(event).toBe('device-unlock');
        isLocked = event === 'device-locked';
        if (isLocked) locks += 1;
        if (event === 'login' || event === 'device-unlock') failures = 0;
      }
    }
    expect(locks).toBeGreaterThan(5);
    const unlocked = rows.filter(({ event }) => event === 'device-unlock');
    expect(unlocked.length).toBe(10);
    const reasons = new Set(unlocked.map(({ reason }) => reason));
    expect([...reasons].toSorted()).toEqual(['', 'device: not-locked']);
    // Who was unlocked logs on again.
    const back = unlocked.filter(
      ({ serial, trueMs, reason }) =>
        reason === '' &&
        rows.some((row) => row.serial === serial && row.trueMs > trueMs && row.otp !== null),
    );
    expect(back.length).toBeGreaterThan(3);
  });

  it('are locked for good where the device has no unlock', () => {
    const text = forgetful(1, '', 'keypad-sign-2-fields');
    const rows = rowsFor(text);
    expect(rows.length).toBe(50);
    expect(eventsOf(rows, 'VT90000001')).toEqual([
      ...Array.from({ length: 4 }, () => 'wrong-pin'),
      'device-locked',
    ]);
    expect(rows.at(-1)?.reason).toBe('device: locked-for-good');
    expect(() => fleet(`${text}events: [{ at: P10D, do: device-unlock }]\n`)).toThrow(
      /device-unlock where no token has a device PIN that can be unlocked/,
    );
  });

  it('change no other row by their errors', () => {
    const submitted = (rows: readonly Row[]): ReadonlySet<string> =>
      new Set(rows.flatMap(({ otp, serial }) => (otp === null ? [] : [`${serial} ${otp}`])));
    const careful = submitted(rowsFor(forgetful(0)));
    const few = rowsFor(forgetful(0.02));
    const known = few.filter(({ otp, serial }) => otp !== null && careful.has(`${serial} ${otp}`));
    // Seconds later is mostly the same time step.
    expect(known.length).toBeGreaterThan(few.length * 0.9);
  });

  it('are mistyped in a logon whatever was mistyped before', () => {
    const wrongLater = (more: string): readonly number[] =>
      rowsFor(forgetful(0.1, more))
        .filter(({ event, trueMs }) => event === 'wrong-pin' && trueMs > Date.UTC(2026, 1, 1))
        .map(({ trueMs }) => trueMs);
    const usual = wrongLater('');
    expect(usual.length).toBeGreaterThan(50);
    expect(wrongLater('events: [{ at: P1D, do: away, for: P20D }]')).toEqual(usual);
  });

  it('are not pressed in pockets', () => {
    const counter = `{ serials: VT90000001, profile: card-keypad, algorithm: HOTP-SHA1-6, presses: child-with-token }`;
    const rows = rowsFor(head(`for: P90D\ntokens: [${counter}]\n`));
    expect(rows.map(({ event }) => event)).not.toContain('unsent');
    const without = rowsFor(
      head(`for: P90D\ntokens: [${counter.replace('card-keypad', 'one-button-event')}]\n`),
    );
    expect(without.map(({ event }) => event)).toContain('unsent');
  });

  it('have the PIN that the behaviour gives, if the device takes it', () => {
    const given = forgetful(0, '').replace('pinErrors: 0', 'devicePin: "2580"');
    expect(fleet(given).tokens[0]?.devicePin).toBe('2580');
    expect(() => fleet(given.replace('"2580"', '"1234"'))).toThrow(
      /behaviours\.forgetful\.devicePin is none for tokens\[0\]: .*count upwards/,
    );
    expect(() => fleet(given.replace('"2580"', '2580'))).toThrow(/digits, in quotes/);
  });

  it('show their PIN to nobody who does not ask for it', () => {
    const drawn = fleet(forgetful(0.3));
    const rows = rowsOf(runOf(drawn));
    const own = rows.filter(({ serial }) => serial === 'VT90000003');
    const { devicePin } = drawn.tokens[2]!;
    const asked = rowWriter('csv', ['serial', 'devicePin']);
    expect(asked.write(own[0]!)).toBe(`VT90000003,${String(devicePin)}\n`);
    expect(csvOf(rows).split('\n')[0]).not.toContain('devicePin');
    const cells = csvOf(rows).split(/[,\n]/);
    for (const token of drawn.tokens) expect(cells).not.toContain(token.devicePin);
  });

  it('keep PIN and keys in their line, and want them there', () => {
    const [token] = fleet(forgetful(0)).tokens;
    const line = tokenLine(token!);
    expect(readTokenLine(line)).toEqual(token);
    expect(() => readTokenLine(line.replace(/,"devicePin":"\d+"/, ''))).toThrow(
      /devicePin is missing/,
    );
    expect(() => readTokenLine(line.replace(/"devicePin":"\d+"/, '"devicePin":"12"'))).toThrow(
      /devicePin: a PIN of this token has 4 to 8 digits/,
    );
  });

  it('go on from any row as if they had not stopped', () => {
    const drawn = fleet(forgetful(0.5, 'events: [{ at: P60D, do: device-unlock }]'));
    const rows = rowsOf(runOf(drawn));
    const locked = rows.findIndex(({ event }) => event === 'device-locked');
    const wrong = rows.findIndex(({ event }) => event === 'wrong-pin');
    for (const split of [wrong + 1, locked, locked + 1, rows.length - 40]) {
      const first = runOf(drawn);
      for (let index = 0; index < split; index += 1) first.next();
      const second = runOf(drawn);
      second.recall(JSON.parse(JSON.stringify(first.memory)) as typeof first.memory);
      expect(csvOf(rowsOf(second)), String(split)).toBe(csvOf(rows.slice(split)));
    }
  });
});
