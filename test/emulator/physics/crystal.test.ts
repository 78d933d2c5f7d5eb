import { describe, expect, it } from 'vitest';
import {
  changeClock,
  clockErrorMs,
  type ClockParameters,
  createDeviceClock,
  type Crystal,
  idealClock,
  labelledKey,
  ratePpmAt,
  type Temperature,
  withClockEvents,
} from '../../../emulator/index.ts';
import { errorOf } from '../support.ts';

const dayMs = 86_400_000;
const yearMs = 31_557_600_000;
const startMs = Date.UTC(2026, 0, 1);

const curve = {
  curvaturePpm: -0.034,
  turnoverC: 25,
  dailyC: 0,
  yearlyC: 0,
  dailyPhase: 0,
  yearlyPhase: 0,
} as const;
const at = (meanC: number, waves: Partial<Temperature> = {}): Temperature => ({
  ...curve,
  meanC,
  ...waves,
});
const clockWith = (crystal: Partial<Crystal>): ClockParameters => ({
  ...idealClock(startMs),
  crystal: { temperature: null, ageing: null, jitter: null, ...crystal },
});
/** 3 ppm after one year. */
const usualAgeing = { slopePpm: 1.164, scaleDays: 30 };
const key = Buffer.from(labelledKey('qa', 'VT00000001', 'jitter')).toString('hex');

describe('published figures of crystals', () => {
  // A maker's table: always slow, never fast.
  it.each([
    [-10, -42],
    [5, -14],
    [15, -3],
    [25, 0],
    [35, -3],
    [45, -14],
    [60, -42],
  ])('at %i degrees the rate is %i ppm', (meanC, ppm) => {
    const rate = ratePpmAt(clockWith({ temperature: at(meanC) }), startMs + dayMs);
    expect(Math.round(rate) + 0).toBe(ppm);
    const errorMs = clockErrorMs(clockWith({ temperature: at(meanC) }), startMs + yearMs);
    expect(errorMs / 31_557.6).toBeCloseTo(rate, 3);
  });

  it('ten hours at 60 degrees cost 1.5 s', () => {
    const clock = changeClock(clockWith({ temperature: at(25) }), startMs + dayMs, {
      excursion: { temperatureC: 60, forMs: 36_000_000 },
    });
    expect(clockErrorMs(clock, startMs + dayMs)).toBe(0);
    expect(clockErrorMs(clock, startMs + dayMs + 36_000_000)).toBe(-1499);
    expect(clockErrorMs(clock, startMs + yearMs)).toBe(-1499);
    expect(ratePpmAt(clock, startMs + dayMs + 1)).toBeCloseTo(-41.65, 10);
  });

  it.each([
    [1, 3.0, 66],
    [5, 4.8, 586],
  ])('ageing after %i years: %f ppm, %i s', (years, ppm, seconds) => {
    const clock = clockWith({ ageing: usualAgeing });
    expect(ratePpmAt(clock, startMs + years * yearMs)).toBeCloseTo(ppm, 1);
    expect(Math.round(clockErrorMs(clock, startMs + years * yearMs) / 1000)).toBe(seconds);
  });

  it('eight hours in a pocket of 31 degrees, sixteen on a desk of 22: -19 s a year', () => {
    const days = 20;
    const events = Array.from({ length: days }, (_, day) => ({
      kind: 'excursion' as const,
      atMs: startMs + day * dayMs,
      untilMs: startMs + day * dayMs + 8 * 3_600_000,
      temperatureC: 31,
    }));
    const clock = withClockEvents(clockWith({ temperature: at(22) }), events);
    const errorMs = clockErrorMs(clock, startMs + days * dayMs);
    expect(errorMs / (days * 86.4)).toBeCloseTo(-0.612, 3);
    expect(Math.round((errorMs / 1000) * (365.25 / days))).toBe(-19);
  });

  it('an unheated car, 20 degrees and 10 up and down: -2.55 ppm, -80 s a year', () => {
    const clock = clockWith({ temperature: at(20, { dailyC: 10 }) });
    expect(clockErrorMs(clock, startMs + yearMs) / 1000).toBeCloseTo(-80.5, 0);
  });
});

describe('the closed form', () => {
  const everything: Crystal = {
    temperature: at(21, { dailyC: 7, yearlyC: 9, dailyPhase: 1.1, yearlyPhase: 4.2 }),
    ageing: usualAgeing,
    jitter: { sigmaPpm: 2, key },
  };

  it.each<[string, Partial<Crystal>]>([
    ['temperature', { temperature: everything.temperature }],
    ['a yearly wave alone', { temperature: at(30, { yearlyC: 12, yearlyPhase: 2 }) }],
    ['ageing', { ageing: everything.ageing }],
    ['jitter', { jitter: everything.jitter }],
    ['all of them', everything],
  ])('of %s is the sum of the rates, over two years', (_name, crystal) => {
    const clock = { ...clockWith(crystal), ratePpm: 3.5 };
    const stepMs = 900_000;
    let sumMs = 0;
    for (let atMs = 0; atMs < 2 * yearMs; atMs += stepMs) {
      sumMs += (ratePpmAt(clock, startMs + atMs + stepMs / 2) * stepMs) / 1_000_000;
      if ((atMs + stepMs) % (50 * dayMs) !== 0) continue;
      // A reading has whole milliseconds.
      expect(Math.abs(clockErrorMs(clock, startMs + atMs + stepMs) - sumMs)).toBeLessThan(0.6);
    }
    expect(Math.abs(sumMs)).toBeGreaterThan(10_000);
  });

  it('keeps the sums of jitter over the edge of a block of 1024 days', () => {
    const clock = clockWith({ jitter: everything.jitter });
    const sum = Array.from({ length: 1100 }, (_, day) =>
      ratePpmAt(clock, startMs + day * dayMs),
    ).reduce((total, ppm) => total + ppm * 86.4, 0);
    expect(Math.abs(clockErrorMs(clock, startMs + 1100 * dayMs) - sum)).toBeLessThan(0.6);
    // The same when the far day is asked for first.
    const fresh = clockWith({ jitter: everything.jitter });
    expect(clockErrorMs(fresh, startMs + 1100 * dayMs)).toBe(
      clockErrorMs(clock, startMs + 1100 * dayMs),
    );
  });

  it('changes nothing before manufacture', () => {
    const clock = { ...clockWith(everything), offsetMs: 700 };
    expect(clockErrorMs(clock, startMs - yearMs)).toBe(700);
    expect(clockErrorMs(clock, startMs)).toBe(700);
  });
});

describe('what happens to a clock', () => {
  const clock = { ...idealClock(startMs), ratePpm: 100, offsetMs: 500 };
  const atMs = startMs + dayMs;

  it('a pause holds the reading, and costs its length', () => {
    const paused = changeClock(clock, atMs, { pauseMs: 240_000 });
    const device = createDeviceClock(paused);
    const held = device.deviceTimeMs(atMs);
    expect(held).toBe(atMs + 500 + 8640);
    for (const ms of [1, 1000, 239_999, 240_000]) expect(device.deviceTimeMs(atMs + ms)).toBe(held);
    expect(ratePpmAt(paused, atMs + 1)).toBe(-1_000_000);
    expect(device.deviceTimeMs(atMs + 250_000)).toBe(held + 10_001);
  });

  it('a pause of forty years moves a reading by nothing, where a sum would round the other way', () => {
    const slow = { ...idealClock(startMs), ratePpm: 0.499_999_999_9 };
    const device = createDeviceClock(
      changeClock(slow, startMs + 1_000_000, { pauseMs: 41 * yearMs }),
    );
    expect(device.deviceTimeMs(startMs + 40 * yearMs)).toBe(startMs + 1_000_000);
  });

  it('a reset makes it read another time, whatever it read', () => {
    const epochMs = Date.UTC(2000, 0, 1);
    const reset = changeClock(clock, atMs, { resetToMs: epochMs });
    expect(createDeviceClock(reset).deviceTimeMs(atMs)).toBe(epochMs);
    expect(createDeviceClock(reset).deviceTimeMs(atMs + dayMs)).toBe(epochMs + dayMs + 8640);
    expect(createDeviceClock(reset).deviceTimeMs(atMs - 1)).toBe(
      createDeviceClock(clock).deviceTimeMs(atMs - 1),
    );
  });

  it('set makes the whole error what it says', () => {
    const set = withClockEvents(clock, [{ kind: 'set', atMs, offsetMs: -7000 }]);
    expect(clockErrorMs(set, atMs)).toBe(-7000);
  });

  it('a jump within a pause moves the reading, and the pause goes on', () => {
    const paused = changeClock(clock, atMs, { pauseMs: 240_000 });
    const device = createDeviceClock(changeClock(paused, atMs + 60_000, { jumpMs: 3000 }));
    expect(device.deviceTimeMs(atMs + 61_000)).toBe(device.deviceTimeMs(atMs) + 3000);
    expect(device.deviceTimeMs(atMs + 240_000)).toBe(device.deviceTimeMs(atMs) + 3000);
  });

  it('of two temperatures the later one is felt, then the earlier one again', () => {
    const warm = clockWith({ temperature: at(25) });
    const oven = { kind: 'excursion', atMs, untilMs: atMs + 4000, temperatureC: 60 } as const;
    const ice = { ...oven, atMs: atMs + 1000, untilMs: atMs + 2000, temperatureC: 5 };
    const both = withClockEvents(warm, [oven, ice]);
    const rates = [-1, 0, 1000, 2000, 4000].map((ms) => ratePpmAt(both, atMs + ms));
    expect(rates.map((ppm) => Math.round(ppm * 100) / 100 + 0)).toEqual([
      0, -41.65, -13.6, -41.65, 0,
    ]);
  });
});

describe('a clock refuses', () => {
  const crystal: Crystal = { temperature: at(25), ageing: usualAgeing, jitter: null };
  const event = { atMs: startMs, untilMs: startMs + 1000 };
  it.each<[string, Partial<ClockParameters>, string]>([
    [
      'a temperature beyond any oven',
      { crystal, events: [{ kind: 'excursion', ...event, temperatureC: 300 }] },
      'a temperature is from -60 to 125',
    ],
    [
      'a temperature without a crystal that feels it',
      { events: [{ kind: 'excursion', ...event, temperatureC: 60 }] },
      'does not know temperature',
    ],
    [
      'a pause that ends before it begins',
      { events: [{ kind: 'pause', atMs: startMs + 2, untilMs: startMs + 1 }] },
      'end of a pause',
    ],
    [
      'a restart before 1970',
      { events: [{ kind: 'reset', atMs: startMs, deviceEpochMs: -1 }] },
      'time that the clock restarts at',
    ],
    ['all causes together beyond 1000 ppm', { crystal, ratePpm: 995 }, 'within 1000 ppm'],
    [
      'a later rate that takes them beyond it',
      { crystal, events: [{ kind: 'rate', atMs: startMs, ratePpm: -995 }] },
      'within 1000 ppm',
    ],
    [
      'a phase that is no angle',
      { crystal: { ...crystal, temperature: at(25, { dailyPhase: 7 }) } },
      'dailyPhase',
    ],
    [
      'a negative wave',
      { crystal: { ...crystal, temperature: at(25, { yearlyC: -1 }) } },
      'yearlyC',
    ],
    ['a NaN', { crystal: { ...crystal, temperature: at(Number.NaN) } }, 'meanC'],
    [
      'ageing within no time',
      { crystal: { ...crystal, ageing: { slopePpm: 1, scaleDays: 0 } } },
      'scaleDays',
    ],
    [
      'a short key',
      { crystal: { ...crystal, jitter: { sigmaPpm: 1, key: 'ab' } } },
      'key of the jitter',
    ],
  ])('%s', async (_name, wrong, message) => {
    const parameters = { ...idealClock(startMs), ...wrong };
    const refused = await errorOf(() => createDeviceClock(parameters));
    expect(refused.code).toBe('input-invalid');
    expect(refused.message).toContain(message);
  });

  it('an offset together with a restart', async () => {
    const refused = await errorOf(() =>
      changeClock(idealClock(0), 1000, { resetToMs: 0, jumpMs: 5 }),
    );
    expect(refused.code).toBe('input-invalid');
  });
});
