import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeClock,
  clockErrorMs,
  type ClockEvent,
  type ClockParameters,
  createDeviceClock,
  idealClock,
} from '../../../emulator/index.ts';
import { errorOf } from '../support.ts';

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

const ppm = fc.double({ min: -1000, max: 1000, noNaN: true });
const moment = fc.integer({ min: 0, max: 100 * yearMs });

function clocks(eventKinds: readonly ('jump' | 'rate')[]): fc.Arbitrary<ClockParameters> {
  const event = fc.record({
    kind: fc.constantFrom(...eventKinds),
    afterMs: fc.integer({ min: 0, max: 10 * yearMs }),
    byMs: fc.integer({ min: -yearMs, max: yearMs }),
    ratePpm: ppm,
  });
  const events = fc.array(event, { maxLength: 8 });
  return fc
    .tuple(moment, fc.integer({ min: -yearMs, max: yearMs }), ppm, events)
    .map(([manufacturedAtMs, offsetMs, ratePpm, drawn]) => ({
      manufacturedAtMs,
      offsetMs,
      ratePpm,
      events: drawn
        .sort((a, b) => a.afterMs - b.afterMs)
        .map(({ kind, afterMs, byMs, ratePpm: newPpm }): ClockEvent => {
          const atMs = manufacturedAtMs + afterMs;
          return kind === 'jump' ? { kind, atMs, byMs } : { kind, atMs, ratePpm: newPpm };
        }),
    }));
}

describe('device clock', () => {
  it('never falls while true time rises, whatever its rates', () => {
    fc.assert(
      fc.property(clocks(['rate']), moment, fc.nat({ max: dayMs }), (parameters, fromMs, byMs) => {
        const clock = createDeviceClock(parameters);
        expect(clock.deviceTimeMs(fromMs + byMs)).toBeGreaterThanOrEqual(
          clock.deviceTimeMs(fromMs),
        );
      }),
    );
  });

  it('never falls from one millisecond to the next around a change of rate', () => {
    fc.assert(
      fc.property(clocks(['rate']), fc.integer({ min: -3, max: 3 }), (parameters, aroundMs) => {
        const clock = createDeviceClock(parameters);
        for (const { atMs } of parameters.events) {
          const earlierMs = Math.max(0, atMs + aroundMs);
          const earlier = clock.deviceTimeMs(earlierMs);
          expect(clock.deviceTimeMs(earlierMs + 1)).toBeGreaterThanOrEqual(earlier);
        }
      }),
    );
  });

  it('reads whole milliseconds and moves by the sum of its jumps, and by nothing else', () => {
    fc.assert(
      fc.property(clocks(['jump']), fc.nat({ max: 200 * yearMs }), (drawn, trueMs) => {
        const still = { ...drawn, ratePpm: 0 };
        const jumpedMs = still.events.reduce(
          (sum, event) => sum + (event.kind === 'jump' && event.atMs <= trueMs ? event.byMs : 0),
          still.offsetMs,
        );
        expect(clockErrorMs(still, trueMs)).toBe(jumpedMs);
      }),
    );
  });

  it('gains what its rate says, from its manufacture on', () => {
    const made = { ...idealClock(yearMs), offsetMs: 2000, ratePpm: 12 };
    expect(clockErrorMs(made, yearMs)).toBe(2000);
    expect(clockErrorMs(made, yearMs - dayMs)).toBe(2000);
    // 12 ppm of a day are 1.0368 s.
    expect(clockErrorMs(made, yearMs + dayMs)).toBe(2000 + 1037);
    expect(clockErrorMs({ ...made, ratePpm: -12 }, yearMs + dayMs)).toBe(2000 - 1037);
  });

  it('keeps its past when it is changed', () => {
    const change = fc.record({
      offsetMs: fc.option(fc.integer({ min: -yearMs, max: yearMs }), { nil: undefined }),
      ratePpm: fc.option(ppm, { nil: undefined }),
      jumpMs: fc.option(fc.integer({ min: -yearMs, max: yearMs }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        clocks(['jump', 'rate']),
        change,
        fc.nat({ max: yearMs }),
        (clock, wanted, ms) => {
          const nowMs = (clock.events.at(-1)?.atMs ?? clock.manufacturedAtMs) + ms + 1;
          const changed = changeClock(clock, nowMs, wanted);
          expect(clockErrorMs(changed, nowMs - 1)).toBe(clockErrorMs(clock, nowMs - 1));
          const baseMs = wanted.offsetMs ?? clockErrorMs(clock, nowMs);
          // A jump moves the unrounded error, so the reading may round the other way.
          const expectedMs = baseMs + (wanted.jumpMs ?? 0);
          expect(Math.abs(clockErrorMs(changed, nowMs) - expectedMs)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('takes the offset as the whole error, and a jump on top of it', () => {
    const clock = { ...idealClock(0), offsetMs: 700, ratePpm: 100 };
    const set = changeClock(clock, dayMs, { offsetMs: 90_000, jumpMs: -1000 });
    expect(clockErrorMs(set, dayMs)).toBe(89_000);
  });

  it.each([
    ['a rate beyond 1000 ppm', { ratePpm: 1000.5 }],
    ['a rate that is no number', { ratePpm: Number.NaN }],
    ['half a millisecond', { offsetMs: 0.5 }],
    ['an offset of 200 years', { offsetMs: 200 * yearMs }],
    ['an event before manufacture', { events: [{ kind: 'jump', atMs: 9, byMs: 1 }] as const }],
    [
      'events out of order',
      {
        events: [
          { kind: 'jump', atMs: 12, byMs: 1 },
          { kind: 'rate', atMs: 11, ratePpm: 1 },
        ] as const,
      },
    ],
    [
      'too many events',
      { events: new Array<ClockEvent>(257).fill({ kind: 'jump', atMs: 10, byMs: 1 }) },
    ],
  ])('refuses %s', async (_name, wrong) => {
    const parameters = { ...idealClock(10), ...wrong };
    expect((await errorOf(() => createDeviceClock(parameters))).code).toBe('input-invalid');
  });

  it.each([-1, 1.5, 253_402_300_800_000, Number.NaN])(
    'refuses the true time %s',
    async (trueMs) => {
      const clock = createDeviceClock(idealClock(0));
      expect((await errorOf(() => clock.deviceTimeMs(trueMs))).code).toBe('input-invalid');
    },
  );

  it('refuses a change before its last one', async () => {
    const clock = changeClock(idealClock(0), 1000, { jumpMs: 5 });
    const refused = await errorOf(() => changeClock(clock, 999, { jumpMs: 5 }));
    expect(refused.code).toBe('input-invalid');
    expect(refused.message).toContain('before its manufacture or its last change');
  });
});
