import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEpoch } from '../../src/domain/application.ts';
import type { Application } from '../../src/domain/model.ts';
import { algorithmTimeStepping, type ResponseAlgorithm } from '../../src/oath/index.ts';
import { parseResponseAlgorithm, stepInterval, timeStepAt } from '../../src/oath/index.ts';
import { accepted, afterwards, attempt } from '../domain/attempt.ts';
import {
  advanced,
  applicationWith,
  codeOf,
  hotp,
  noonMs,
  ocra,
  type Shown,
  stepAt,
  totp,
} from '../domain/support.ts';
import { proofRuns } from '../support/proof.ts';
import { runChild } from './support.ts';

/** Regressions of pure functions; docs/regressions.md lists them all. */

const minuteMs = 60_000;
const script = new URL('children/steps.ts', import.meta.url);

describe('3: nothing serves again after the drift moved by what is no multiple of the step', () => {
  const logons = fc.record({
    afterMs: fc.integer({ min: 0, max: 95_000 }),
    offset: fc.bigInt(-3n, 3n),
  });

  it('property: a step is accepted if none at or after it was, and never after that', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -9000, max: 9000 }).filter((tenths) => tenths % 300 !== 0),
        fc.array(logons, { minLength: 2, maxLength: 6 }),
        (driftTenths, script) => {
          let state = applicationWith(totp(), {
            driftSeconds: driftTenths / 10,
            driftAtMs: noonMs,
          });
          let nowMs = noonMs;
          let last = -1n;
          for (const { afterMs, offset } of script) {
            nowMs += afterMs;
            const step = BigInt(Math.floor((nowMs / 1000 + state.driftSeconds) / 30)) + offset;
            const outcome = attempt(state, { step }, {}, nowMs);
            expect(codeOf(outcome)).toBe(step > last ? 'accepted' : 'response-replayed');
            if (step > last) [state, last] = [afterwards(state, outcome), step];
          }
          for (const laterMs of [0, 29_999, 30_000, 20 * minuteMs]) {
            for (const step of [last, last - 1n]) {
              const outcome = attempt(state, { step }, { hostClockCentre: true }, nowMs + laterMs);
              expect(codeOf(outcome)).not.toBe('accepted');
            }
          }
        },
      ),
      proofRuns(60),
    );
  });
});

describe('10: counter 0 and step 0 are positions like any other', () => {
  const at = (shown: Shown): object => ({
    eventCounter: shown.counter ?? null,
    timeStep: shown.step ?? null,
  });

  it.each<[string, ResponseAlgorithm, (place: bigint) => Shown]>([
    ['counter', hotp, (counter) => ({ counter })],
    ['counter and challenge', ocra('C-QN08'), (counter) => ({ counter, challenge: '1' })],
    ['step', totp(30, noonMs / 1000 - 60), (step) => ({ step })],
  ])('%s', (_, algorithm, shownAt) => {
    const fresh = applicationWith(algorithm);
    const zero = accepted(attempt(fresh, shownAt(0n)));
    expect(zero.position).toEqual(at(shownAt(0n)));
    const after = afterwards(fresh, zero);
    expect(attempt(after, shownAt(0n))).toMatchObject({
      refused: { code: 'response-replayed' },
      nearest: { position: at(shownAt(0n)) },
    });
    const second = accepted(attempt(after, shownAt(2n)));
    expect(second.position).toEqual(at(shownAt(2n)));
    // In a window that reaches back to it, 0 is still itself and none of its neighbours.
    expect(attempt(afterwards(after, second), shownAt(0n))).toMatchObject({
      refused: { code: 'response-replayed' },
      nearest: { position: at(shownAt(0n)) },
    });
  });
});

describe('16: what was used stays used when step, digits or hash change', () => {
  const time = (hash: string, digits: number, timeStepSeconds: number): ResponseAlgorithm =>
    parseResponseAlgorithm({ kind: 'time', hash, digits, timeStepSeconds, timeOriginSeconds: 0 });
  const changed = (
    application: Application,
    algorithm: ResponseAlgorithm,
    nowMs: number,
  ): Application => ({ ...application, ...newEpoch(application, nowMs), algorithm });

  it.each([
    ['step, longer', time('SHA1', 6, 30), time('SHA1', 6, 60)],
    ['step, shorter', time('SHA1', 6, 60), time('SHA1', 6, 30)],
    ['step, not divisible', time('SHA1', 6, 30), time('SHA1', 6, 36)],
    ['digits', time('SHA1', 6, 30), time('SHA1', 8, 30)],
    ['hash', time('SHA1', 6, 30), time('SHA256', 6, 30)],
    ['all of them', time('SHA512', 8, 60), time('SHA1', 6, 30)],
    ['step, with a challenge', ocra('QN08-T30S'), ocra('QN08-T1M')],
  ])('%s', (_, before, after) => {
    const challenge = before.kind === 'time' ? {} : { challenge: '1' };
    const [was, is] = [algorithmTimeStepping(before)!, algorithmTimeStepping(after)!];
    for (const driftSeconds of [0, -47, 200]) {
      const deviceMs = noonMs + driftSeconds * 1000;
      const fresh = applicationWith(before, { driftSeconds, driftAtMs: noonMs });
      const step = timeStepAt(deviceMs, was);
      const acceptance = attempt(fresh, { step, ...challenge });
      const used = afterwards(fresh, acceptance);
      const now = changed(used, after, noonMs);
      // A decision from before the change changes no row after it.
      const late = accepted(attempt(used, { step: step + 1n, ...challenge }));
      expect(advanced(now, late.advance)).toBeNull();
      const usedUntilMs = stepInterval(step, was).endMs;
      const first = timeStepAt(usedUntilMs + is.timeStepSeconds * 1000 - 1, is);
      for (const [place, code] of [
        [first - 2n, 'response-replayed'],
        [first - 1n, 'response-replayed'],
        [first, 'accepted'],
      ] as const) {
        const outcome = attempt(now, { step: place, ...challenge }, {}, usedUntilMs);
        expect([driftSeconds, place - first, codeOf(outcome)]).toEqual([
          driftSeconds,
          place - first,
          code,
        ]);
      }
    }
  });

  it.each([
    ['digits', parseResponseAlgorithm({ kind: 'event', hash: 'SHA1', digits: 8 })],
    ['hash', parseResponseAlgorithm({ kind: 'event', hash: 'SHA256', digits: 6 })],
  ])('%s of a counter', (_, after) => {
    const fresh = applicationWith(hotp);
    const used = afterwards(fresh, attempt(fresh, { counter: 4n }));
    const now = changed(used, after, noonMs);
    const late = accepted(attempt(used, { counter: 5n }));
    expect(advanced(now, late.advance)).toBeNull();
    expect(codeOf(attempt(now, { counter: 4n }))).toBe('response-replayed');
    expect(codeOf(attempt(now, { counter: 5n }))).toBe('accepted');
  });
});

describe('17: no time zone moves a step', () => {
  // Whole, half and three-quarter hours, both hemispheres, a change of half an hour, a skipped day.
  const zones = ['Europe/Brussels', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'];
  const instants = [
    Date.UTC(2026, 2, 29, 0, 59, 59, 999),
    Date.UTC(2026, 2, 29, 1),
    Date.UTC(2026, 9, 25, 0, 30),
    Date.UTC(2026, 9, 25, 1, 30),
    Date.UTC(2026, 3, 4, 15, 15),
    Date.UTC(2011, 11, 30, 10),
    noonMs,
  ];

  it('in processes that were started in other zones', async () => {
    const stepsIn = async (zone: string): Promise<{ offset: number; steps: string[] }> => {
      const { stdout } = await runChild(script, [JSON.stringify(instants)], { TZ: zone });
      return JSON.parse(stdout) as { offset: number; steps: string[] };
    };
    const [home, ...others] = await Promise.all(['UTC', ...zones].map(stepsIn));
    expect(home?.offset).toBe(0);
    expect(home?.steps).toHaveLength(instants.length);
    expect(home?.steps[6]).toContain(String(stepAt()));
    expect(new Set(others.map(({ offset }) => offset)).size).toBe(zones.length);
    for (const { steps } of others) expect(steps).toEqual(home?.steps);
  });
});
