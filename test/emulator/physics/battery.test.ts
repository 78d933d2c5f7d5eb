import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Battery,
  type BatteryPolicy,
  batteryStatus,
  changeBattery,
  changeClock,
  clockErrorMs,
  createToken,
  displayAt,
  freshBattery,
  idealClock,
  play,
  press,
  pressTimes,
  profileNamed,
  type ProfileName,
  readInfo,
  tokenFromJson,
  tokenToJson,
  usualBattery,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { done, errorOf, refusalOf, rfcResponses, rfcSeed } from '../support.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);
const { lifeMs } = usualBattery;

function tokenWith(
  battery: Partial<Battery> = {},
  profile: ProfileName = 'one-button-event',
): VirtualToken {
  return createToken(
    {
      serial: 'VT00000001',
      profile: profileNamed(profile),
      clock: idealClock(startMs),
      battery: { ...freshBattery(usualBattery, startMs), ...battery },
    },
    [new Uint8Array(rfcSeed)],
  );
}
const replaceable = (replacement: BatteryPolicy, more: Partial<Battery> = {}): VirtualToken =>
  tokenWith({ replacement, ...more });

describe('the charge of a battery', () => {
  const battery = freshBattery(usualBattery, startMs);

  it('lasts as long as it is rated for, with the presses it is rated for', () => {
    const days = lifeMs / dayMs;
    const used = { ...battery, presses: 10 * days };
    expect(batteryStatus(used, startMs + lifeMs - dayMs)).toMatchObject({ state: 'low' });
    expect(batteryStatus(used, startMs + lifeMs + 1000).state).toBe('dead');
    // Unused it lasts longer, by the part that the presses would have taken.
    const unusedMs = lifeMs / 0.7;
    expect(batteryStatus(battery, startMs + unusedMs - dayMs).state).toBe('low');
    expect(batteryStatus(battery, startMs + unusedMs + 1000).state).toBe('dead');
  });

  it('never grows with time or presses', () => {
    const moment = fc.nat({ max: 3 * lifeMs });
    fc.assert(
      fc.property(moment, moment, fc.nat(40_000), fc.nat(100), (ms, byMs, presses, more) => {
        const earlier = batteryStatus({ ...battery, presses }, startMs + ms);
        const later = batteryStatus({ ...battery, presses: presses + more }, startMs + ms + byMs);
        expect(later.charge).toBeLessThanOrEqual(earlier.charge);
        if (earlier.state === 'dead') expect(later.state).toBe('dead');
      }),
    );
  });

  it('warns for sixty days of the use it is rated for', () => {
    const used = { ...battery, presses: 10 * (lifeMs / dayMs - 61) };
    const status = batteryStatus(used, startMs + lifeMs - 61 * dayMs);
    expect(status.state).toBe('good');
    expect(status.endsAtMs! - (startMs + lifeMs)).toBeLessThan(1000);
    const tenDaysOn = { ...used, presses: used.presses + 100 };
    expect(batteryStatus(tenDaysOn, startMs + lifeMs - 51 * dayMs).state).toBe('low');
  });
});

describe('a token on a battery', () => {
  it('shows that it is low with what it shows, and nothing more at the end', () => {
    const token = tokenWith();
    const lowMs = Math.round(startMs + lifeMs / 0.7 - 20 * dayMs);
    const pressed = done(press(token, lowMs));
    expect(pressed.response).toBe(rfcResponses[0]);
    expect(displayAt(pressed.token, lowMs)).toMatchObject({ kind: 'response', isBatteryLow: true });
    expect(displayAt(pressed.token, lowMs + 60_000)).toEqual({
      kind: 'blank',
      isBatteryLow: false,
    });
    const deadMs = lowMs + 30 * dayMs;
    expect(refusalOf(press(pressed.token, deadMs))).toBe('battery-dead-sealed');
    expect(displayAt(pressed.token, deadMs)).toEqual({ kind: 'battery-dead', isBatteryLow: false });
  });

  it('tells its charge in the menu behind a long press, and its serial', () => {
    const token = tokenWith({ presses: 5 * (lifeMs / dayMs) }, 'one-button-info');
    const halfMs = startMs + lifeMs / 2;
    const battery = done(
      play(token, [{ kind: 'press', heldMs: 6000 }, { kind: 'press' }], halfMs),
    ).token;
    const shown = { kind: 'info', isBatteryLow: false };
    expect(displayAt(battery, halfMs)).toEqual({ ...shown, item: 'battery', chargePercent: 50 });
    const serial = done(play(battery, [{ kind: 'press' }], halfMs)).token;
    expect(displayAt(serial, halfMs)).toEqual({ ...shown, item: 'serial', serial: 'VT00000001' });
    expect(readInfo(token, halfMs).info?.chargePercent).toBe(50);
    expect(readInfo({ ...token, battery: null }, halfMs).info?.chargePercent).toBe(100);
  });

  it('is drained by its responses, also by those in a pocket', () => {
    const { token } = done(pressTimes(tokenWith(), startMs, 50));
    expect(token.battery?.presses).toBe(50);
    const tiny = tokenWith({ lifeMs: dayMs, pressesPerDay: 10, pressShare: 0.9, warnBeforeMs: 0 });
    const outcome = pressTimes(tiny, startMs, 100);
    expect(refusalOf(outcome)).toBe('battery-dead-sealed');
    // 0.9 of the charge is ten presses: eleven more than drain it, and the next has none.
    expect(outcome.token.state.eventCounters[0]).toBe(12n);
  });

  it('answers the dead battery before anything else', () => {
    const keypad = createToken(
      {
        serial: 'VT00000001',
        profile: profileNamed('keypad-pin'),
        clock: idealClock(startMs),
        battery: freshBattery({ ...usualBattery, replacement: { kind: 'pause' } }, startMs),
      },
      profileNamed('keypad-pin').applications.map(() => new Uint8Array(rfcSeed)),
    );
    expect(refusalOf(press(keypad, startMs + 2 * lifeMs))).toBe('battery-dead');
  });
});

describe('a change of battery', () => {
  const atMs = startMs + 100 * dayMs;
  const gapMs = 240_000;
  const inMs = atMs + gapMs;

  it.each<[BatteryPolicy, number]>([
    [{ kind: 'holdup', holdMs: 300_000 }, 0],
    [{ kind: 'holdup', holdMs: 60_000 }, -180_000],
    [{ kind: 'pause' }, -gapMs],
    [{ kind: 'settable', errorMs: 20_000 }, 12_000],
  ])('with %j leaves the clock %i ms off', (policy, errorMs) => {
    const how = { gapMs, settingErrorMs: 12_000 };
    const { token } = done(changeBattery(replaceable(policy), atMs, how));
    expect(clockErrorMs(token.clock, inMs)).toBe(errorMs);
    expect(clockErrorMs(token.clock, inMs + dayMs)).toBe(errorMs);
    expect(clockErrorMs(token.clock, atMs)).toBe(0);
    expect(token.battery).toMatchObject({ presses: 0, swaps: 1, fittedAtMs: inMs });
  });

  it('restarts the clock at its factory date', () => {
    const deviceEpochMs = Date.UTC(2010, 0, 1);
    const { token } = done(
      changeBattery(replaceable({ kind: 'reset', deviceEpochMs }), atMs, { gapMs }),
    );
    expect(inMs + clockErrorMs(token.clock, inMs)).toBe(deviceEpochMs);
  });

  it('leaves the keys without function until the new one is in', () => {
    const { token } = done(changeBattery(replaceable({ kind: 'pause' }), atMs, { gapMs }));
    expect(refusalOf(press(token, inMs - 1))).toBe('battery-out');
    expect(displayAt(token, inMs - 1).kind).toBe('battery-dead');
    expect(done(press(token, inMs)).response).toBe(rfcResponses[0]);
  });

  it('stands since the old battery died, and works again', () => {
    const deadMs = startMs + lifeMs / 0.7;
    const lateMs = Math.ceil(deadMs) + 10 * dayMs;
    const { token } = done(changeBattery(replaceable({ kind: 'pause' }), lateMs, { gapMs }));
    expect(clockErrorMs(token.clock, lateMs + gapMs)).toBeCloseTo(-10 * dayMs - gapMs, -2);
    expect(done(press(token, lateMs + gapMs)).response).toBe(rfcResponses[0]);
  });

  it('switches the display off', () => {
    const pressed = done(press(replaceable({ kind: 'holdup', holdMs: gapMs }), atMs)).token;
    expect(done(changeBattery(pressed, atMs, { gapMs: 1000 })).token.state.screen.kind).toBe('off');
  });

  it.each([
    [1, 7n],
    [4, 4n],
    [7, 7n],
    [10, 0n],
  ])('with a flush every %i events leaves the counter of seven at %s', (flushEvery, left) => {
    const { token } = done(pressTimes(replaceable({ kind: 'pause' }, { flushEvery }), atMs, 7));
    const changed = done(changeBattery(token, atMs, { gapMs })).token;
    expect(changed.state.eventCounters).toEqual([left]);
    expect(done(press(changed, inMs)).response).toBe(rfcResponses[Number(left)]);
  });

  it('keeps the counter where a capacitor carries the memory', () => {
    const held = replaceable({ kind: 'holdup', holdMs: gapMs }, { flushEvery: 10 });
    const { token } = done(pressTimes(held, atMs, 7));
    expect(done(changeBattery(token, atMs, { gapMs })).token.state.eventCounters).toEqual([7n]);
    expect(
      done(changeBattery(token, atMs, { gapMs: gapMs + 1 })).token.state.eventCounters,
    ).toEqual([0n]);
  });

  it('is refused where there is nothing to change', async () => {
    expect(refusalOf(changeBattery(tokenWith(), atMs, { gapMs }))).toBe('battery-sealed');
    const eternal = { ...tokenWith(), battery: null };
    expect(refusalOf(changeBattery(eternal, atMs, { gapMs }))).toBe('battery-none');
    const { token } = done(changeBattery(replaceable({ kind: 'pause' }), atMs, { gapMs }));
    const early = await errorOf(() => changeBattery(token, atMs, { gapMs }));
    expect(early.code).toBe('input-invalid');
    const busy = replaceable({ kind: 'holdup', holdMs: gapMs });
    const clock = changeClock(busy.clock, inMs, { offsetMs: 5 });
    const before = await errorOf(() => changeBattery({ ...busy, clock }, atMs, { gapMs: 1 }));
    expect(before.message).toContain('before its manufacture or its last change');
    const backwards = await errorOf(() => changeBattery(token, inMs, { gapMs: -1 }));
    expect(backwards.code).toBe('input-invalid');
  });
});

describe('a state file with a battery', () => {
  const changed = done(
    changeBattery(replaceable({ kind: 'holdup', holdMs: 1000 }), startMs + dayMs, { gapMs: 5000 }),
  ).token;
  it.each<[string, VirtualToken]>([
    ['sealed', tokenWith()],
    ['changed', changed],
    ['that is set', replaceable({ kind: 'settable', errorMs: 20_000 })],
    ['that restarts', replaceable({ kind: 'reset', deviceEpochMs: 0 })],
    ['that pauses', replaceable({ kind: 'pause' })],
  ])('%s is read back as it was', (_name, token) => {
    expect(tokenFromJson(tokenToJson({ token, revision: 1 })).token).toMatchObject({
      battery: token.battery,
      clock: token.clock,
    });
  });

  it.each<[string, object]>([
    ['no life', { lifeMs: 0 }],
    ['a share of presses beyond the charge', { pressShare: 1 }],
    ['half a press', { presses: 0.5 }],
    ['no flush', { flushEvery: 0 }],
    ['a gap before the first change', { outAtMs: startMs }],
    ['an unknown policy', { replacement: { kind: 'solar' } }],
    ['a pause with a value', { replacement: { kind: 'pause', holdMs: 1 } }],
    ['a negative hold-up', { replacement: { kind: 'holdup', holdMs: -1 } }],
    ['a member too many', { voltage: 3 }],
  ])('with %s is refused', async (_name, members) => {
    const json = JSON.parse(tokenToJson({ token: tokenWith(), revision: 1 })) as {
      battery: object;
    };
    const text = JSON.stringify({ ...json, battery: { ...json.battery, ...members } });
    expect((await errorOf(() => tokenFromJson(text))).code).toBe('state-damaged');
  });
});
