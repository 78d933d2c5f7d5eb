import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeClock,
  clockErrorMs,
  type ClockParameters,
  createDeviceClock,
  drawClock,
  driftBoundMs,
  type DriftPreset,
  driftPresets,
  labelledKey,
  ratePpmAt,
  withClockEvents,
} from '../../../emulator/index.ts';
import { summerTimeChanges } from '../../../emulator/physics/summer-time.ts';
import { errorOf } from '../support.ts';

const dayMs = 86_400_000;
const yearMs = 31_557_600_000;
const nowMs = Date.UTC(2026, 0, 1);

const preset = fc.constantFrom(...driftPresets);
const running = fc.constantFrom<DriftPreset>(
  'ideal',
  'calibrated',
  'typical',
  'cheap',
  'warehouse',
);
const seed = fc.string({ minLength: 1, maxLength: 20 });
const later = fc.nat({ max: 20 * yearMs });
const serialOf = (index: number): string => `VT${String(index).padStart(8, '0')}`;

describe('a drawn clock', () => {
  it('is the same for the same seed, and another for each serial', () => {
    fc.assert(
      fc.property(running, seed, (kind, text) => {
        expect(drawClock(kind, text, 'VT00000001', nowMs)).toEqual(
          drawClock(kind, text, 'VT00000001', nowMs),
        );
        if (kind === 'ideal') return;
        const { ratePpm } = drawClock(kind, text, 'VT00000002', nowMs);
        expect(drawClock(kind, text, 'VT00000001', nowMs).ratePpm).not.toBe(ratePpm);
      }),
    );
  });

  it('rises from instant to instant wherever nothing was declared to jump', () => {
    fc.assert(
      fc.property(
        running,
        seed,
        later,
        fc.integer({ min: 2, max: dayMs }),
        (kind, text, ms, by) => {
          const jittering = {
            sigmaPpm: 5,
            key: Buffer.from(labelledKey(text, '', 'j')).toString('hex'),
          };
          const drawn = drawClock(kind, text, 'VT00000001', nowMs);
          const crystal = drawn.crystal && { ...drawn.crystal, jitter: jittering };
          const clock = createDeviceClock(crystal === undefined ? drawn : { ...drawn, crystal });
          // Within one millisecond a slow clock may read the same; within two none does.
          expect(clock.deviceTimeMs(nowMs + ms + by)).toBeGreaterThan(
            clock.deviceTimeMs(nowMs + ms),
          );
          expect(clock.deviceTimeMs(nowMs + ms + 1)).toBeGreaterThanOrEqual(
            clock.deviceTimeMs(nowMs + ms),
          );
        },
      ),
    );
  });

  it('is never farther off than its kind may be', () => {
    fc.assert(
      fc.property(preset, seed, later, (kind, text, ms) => {
        const clock = drawClock(kind, text, 'VT00000001', nowMs);
        const errorMs = Math.abs(clockErrorMs(clock, nowMs + ms));
        expect(errorMs).toBeLessThanOrEqual(driftBoundMs(kind, nowMs, nowMs + ms));
      }),
      { numRuns: 400 },
    );
  });

  it('drifts the same in one go as in two, with its parameters saved in between', () => {
    fc.assert(
      fc.property(preset, seed, later, later, (kind, text, firstMs, secondMs) => {
        const clock = drawClock(kind, text, 'VT00000001', nowMs);
        const loaded = JSON.parse(JSON.stringify(clock)) as ClockParameters;
        createDeviceClock(loaded).deviceTimeMs(nowMs + firstMs);
        const [atMs, endMs] = [nowMs + firstMs, nowMs + firstMs + secondMs];
        expect(clockErrorMs(loaded, endMs)).toBe(clockErrorMs(clock, endMs));
        // An event that changes nothing cuts the stretch in two; the sum is the same.
        const split = withClockEvents(loaded, [{ kind: 'pause', atMs, untilMs: atMs }]);
        expect(Math.abs(clockErrorMs(split, endMs) - clockErrorMs(clock, endMs))).toBeLessThan(2);
      }),
    );
  });

  it.each(['', 'x'.repeat(129)])('takes no seed such as %j', async (text) => {
    const refused = await errorOf(() => drawClock('typical', text, 'VT00000001', nowMs));
    expect(refused.code).toBe('input-invalid');
  });
});

/** The errors of so many tokens after a year of use, in seconds, sorted by size. */
function afterAYear(kind: DriftPreset, tokens = 400): number[] {
  return Array.from({ length: tokens }, (_, index) => {
    const clock = drawClock(kind, 'qa', serialOf(index), nowMs);
    return Math.abs(clockErrorMs(clock, nowMs + yearMs)) / 1000;
  }).sort((left, right) => left - right);
}

describe('what the presets give', () => {
  it.each<[DriftPreset, number, number, number]>([
    // Median and what nine of ten stay below, in seconds a year.
    ['calibrated', 10, 40, 70],
    ['typical', 60, 180, 240],
    ['cheap', 240, 500, 900],
  ])('%s', (kind, medianMin, medianMax, ninthMax) => {
    const errors = afterAYear(kind);
    const [median, ninth] = [errors[200]!, errors[360]!];
    expect(median).toBeGreaterThan(medianMin);
    expect(median).toBeLessThan(medianMax);
    expect(ninth).toBeLessThan(ninthMax);
  });

  it('an ideal clock is right', () => {
    expect(Math.max(...afterAYear('ideal'))).toBe(0);
  });

  it('a warehouse token has drifted for three years when it is handed out', () => {
    const errors = Array.from({ length: 200 }, (_, index) =>
      Math.abs(clockErrorMs(drawClock('warehouse', 'qa', serialOf(index), nowMs), nowMs)),
    ).sort((left, right) => left - right);
    expect(errors[100]).toBeGreaterThan(120_000);
  });

  it('a stopped token stands still from some day of its first year on, for good', () => {
    for (let index = 0; index < 20; index += 1) {
      const clock = drawClock('stopped', 'qa', serialOf(index), nowMs);
      const typical = drawClock('typical', 'qa', serialOf(index), nowMs);
      expect(clockErrorMs(clock, nowMs + 30 * dayMs)).toBe(
        clockErrorMs(typical, nowMs + 30 * dayMs),
      );
      expect(ratePpmAt(clock, nowMs + yearMs)).toBe(-1_000_000);
      const device = createDeviceClock(clock);
      expect(device.deviceTimeMs(nowMs + 40 * yearMs)).toBe(device.deviceTimeMs(nowMs + yearMs));
    }
  });

  it('a reset token wakes up at the turn of the century', () => {
    const clock = drawClock('reset', 'qa', 'VT00000001', nowMs);
    const readMs = createDeviceClock(clock).deviceTimeMs(nowMs + yearMs);
    expect(readMs).toBeGreaterThan(Date.UTC(2000, 0, 1));
    expect(readMs).toBeLessThan(Date.UTC(2001, 0, 1));
  });

  it('a phone is right, or an hour off for some days', () => {
    const clock = drawClock('phone', 'qa', 'VT00000001', nowMs);
    const errors = Array.from({ length: 3 * 3650 }, (_, third) =>
      clockErrorMs(clock, nowMs + (third * dayMs) / 3),
    );
    expect(new Set(errors)).toEqual(new Set([0, 3_600_000, -3_600_000]));
    const wrongDays = errors.filter((errorMs) => errorMs !== 0).length / 3;
    expect(wrongDays).toBeGreaterThan(3);
    expect(wrongDays).toBeLessThan(60);
  });

  it('the mishaps that lie ahead do not keep anybody from changing the clock', () => {
    for (const kind of driftPresets) {
      const clock = drawClock(kind, 'qa', 'VT00000001', nowMs);
      const changed = changeClock(clock, nowMs + dayMs, { offsetMs: 90_000 });
      expect(clockErrorMs(changed, nowMs + dayMs)).toBe(90_000);
    }
  });

  it('a warehouse needs three years before the start', async () => {
    const refused = await errorOf(() => drawClock('warehouse', 'qa', 'VT00000001', 1000));
    expect(refused).toMatchObject({ code: 'input-invalid' });
  });
});

it('summer time changes on the last Sundays of March and October', () => {
  const changes = summerTimeChanges(Date.UTC(2023, 5, 1), Date.UTC(2027, 0, 1));
  expect(changes.map(({ atMs, hours }) => [new Date(atMs).toISOString(), hours])).toEqual([
    ['2023-10-29T01:00:00.000Z', -1],
    ['2024-03-31T01:00:00.000Z', 1],
    ['2024-10-27T01:00:00.000Z', -1],
    ['2025-03-30T01:00:00.000Z', 1],
    ['2025-10-26T01:00:00.000Z', -1],
    ['2026-03-29T01:00:00.000Z', 1],
    ['2026-10-25T01:00:00.000Z', -1],
  ]);
});
