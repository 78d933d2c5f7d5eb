import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  dynamicWindow,
  plateauDays,
  type WindowSetting,
} from '../../../emulator/cli/drift-window.ts';
import { createDeviceClock, drawClock } from '../../../emulator/index.ts';
import { expectedDriftSeconds } from '../../../src/domain/drift.ts';
import { learnedDrift } from '../../../src/domain/learning.ts';
import { centreOf, timeWindowOf } from '../../../src/domain/window.ts';
import { applicationWith, policyWith, totp } from '../../domain/support.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof.ts';

const dayMs = 86_400_000;
const nowMs = 1_700_000_000_000;

/** The product's own rules for the same clock, which the emulator may not import. */
function verifierOf(deviceMsAt: (atMs: number) => number, setting: WindowSetting) {
  const stepping = { timeStepSeconds: setting.stepSeconds, timeOriginSeconds: 0 };
  const policy = policyWith({
    ...{ identificationTimeWindowSteps: setting.steps, dynamicTimeWindow: true },
    ...{ initialTimeWindowSeconds: 2_592_000_000, driftPrediction: false },
  });
  const stepAt = (atMs: number): bigint =>
    BigInt(Math.floor(deviceMsAt(atMs) / (setting.stepSeconds * 1000)));
  let application = applicationWith(totp(), { driftSeconds: 0, driftAtMs: null, lastStep: -1n });
  const isAccepted = (atMs: number): boolean =>
    centreOf(timeWindowOf(application, stepping, atMs, policy), stepAt(atMs)) !== null;
  const succeed = (atMs: number): void => {
    const step = stepAt(atMs);
    const drift = learnedDrift(application, step, stepping, atMs, policy);
    application = { ...application, ...drift };
  };
  succeed(nowMs);
  return {
    isAccepted,
    logOn: (atMs: number): void => {
      if (isAccepted(atMs)) succeed(atMs);
    },
    driftAt: (atMs: number): number => expectedDriftSeconds(application, stepping, atMs, policy),
  };
}

it(
  'the window of a plot is what a verifier accepts, in the middle of its steps and for any clock',
  { timeout: proofTimeoutMs },
  () => {
    const settings = fc.record({
      stepSeconds: fc.constantFrom(30, 36, 60),
      steps: fc.nat(20),
      successEveryMs: fc.option(fc.integer({ min: 2 * dayMs, max: 60 * dayMs })),
    });
    const presets = fc.constantFrom('typical', 'cheap', 'phone', 'reset', 'warehouse');
    const outcomes = { in: 0, out: 0, plateau: 0, grown: 0 };
    fc.assert(
      fc.property(presets, fc.nat(), settings, fc.nat(399), (preset, seed, setting, day) => {
        const device = createDeviceClock(drawClock(preset, String(seed), 'VT00000001', nowMs));
        const deviceMsAt = (atMs: number): number => device.deviceTimeMs(atMs);
        const windowAt = dynamicWindow(deviceMsAt, nowMs, nowMs + 400 * dayMs, setting);
        const verifier = verifierOf(deviceMsAt, setting);
        const roughMs = nowMs + day * dayMs + 60_000;
        const everyMs = setting.successEveryMs ?? Infinity;
        for (let atMs = nowMs + everyMs; atMs < roughMs; atMs += everyMs) verifier.logOn(atMs);
        const stepMs = setting.stepSeconds * 1000;
        const expectedMs = roughMs + verifier.driftAt(roughMs) * 1000;
        const atMs = roughMs + (Math.floor(expectedMs / stepMs) + 0.5) * stepMs - expectedMs;
        const { lowSeconds, highSeconds } = windowAt(atMs);
        const seconds = (deviceMsAt(atMs) - atMs) / 1000;
        const isIn = seconds >= lowSeconds && seconds < highSeconds;
        outcomes[isIn ? 'in' : 'out'] += 1;
        const halfSteps = (highSeconds - lowSeconds) / setting.stepSeconds / 2 - 0.5;
        outcomes[halfSteps > Math.floor(setting.steps / 2) ? 'grown' : 'plateau'] += 1;
        expect(verifier.isAccepted(atMs)).toBe(isIn);
      }),
      proofRuns(300),
    );
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(5);
  },
);

it.each([
  [20, 30, 79],
  [4, 30, 19],
  [20, 60, 158],
  [0, 30, 4],
  [1000, 30, null],
])('a window of %s steps of %s s is wider after %s days', (steps, stepSeconds, days) => {
  expect(plateauDays({ steps, stepSeconds, successEveryMs: null })).toBe(days);
});
