import { responseAlone } from '../../src/domain/credential.ts';
import { createDeviceClock, createResponder } from '../../emulator/index.ts';
import { decoyAuthenticator } from '../../src/domain/application.ts';
import { expectedDriftSeconds } from '../../src/domain/drift.ts';
import { estimateDrift, withSample } from '../../src/domain/drift-history.ts';
import { learnedDrift } from '../../src/domain/learning.ts';
import type { Application } from '../../src/domain/model.ts';
import { type EffectivePolicy, policyDefaults } from '../../src/domain/policy-catalogue.ts';
import { planVerification } from '../../src/domain/verification.ts';
import { timeWindowOf } from '../../src/domain/window.ts';
import { parseResponseAlgorithm, parseTimeStep, timeStepAt } from '../../src/oath/index.ts';
import type { Chart, Point } from './chart.ts';

/** The figures of docs/clocks-and-counters.md, computed by the code that they are about. */

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);
const stepping = { timeStepSeconds: 30, timeOriginSeconds: 0 };
const blue = '#0969da';
const green = '#1a7f37';
const amber = '#9a6700';
const red = '#cf222e';

const days = (from: number, to: number, every = 1): readonly number[] =>
  Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, index) => from + index * every);

function usualApplication(): Application {
  const [application] = decoyAuthenticator.applications;
  if (application === undefined) throw new Error('the decoy has an application');
  return application;
}

function policyWith(settings: Partial<EffectivePolicy>): EffectivePolicy {
  return { ...policyDefaults, initialTimeWindowSeconds: 0, ...settings };
}

interface Day {
  readonly day: number;
  readonly nowMs: number;
  readonly application: Application;
  /** What the device shows, ahead of the host. */
  readonly trueSeconds: number;
}

/** A fob that runs 8 ppm fast: used daily for 120 days, then left in a drawer. */
function drawerDays(): readonly Day[] {
  const clock = { manufacturedAtMs: startMs, offsetMs: 1500, ratePpm: 8, events: [] };
  const device = createDeviceClock(clock);
  const policy = policyWith({});
  let application = usualApplication();
  return days(0, 400).map((day) => {
    const nowMs = startMs + day * dayMs;
    const deviceTimeMs = device.deviceTimeMs(nowMs);
    if (day <= 120) {
      const step = parseTimeStep(timeStepAt(deviceTimeMs, stepping));
      const drift = learnedDrift(application, step, stepping, nowMs, policy);
      application = { ...application, ...drift };
    }
    return { day, nowMs, application, trueSeconds: (deviceTimeMs - nowMs) / 1000 };
  });
}

function windowBand(
  states: readonly Day[],
  settings: Partial<EffectivePolicy>,
): { readonly upper: readonly Point[]; readonly lower: readonly Point[] } {
  const policy = policyWith({ identificationTimeWindowSteps: 8, ...settings });
  const edge = (side: 1 | -1): Point[] =>
    states.map(({ day, nowMs, application }) => {
      const [{ halfWidthSteps }] = timeWindowOf(application, stepping, nowMs, policy).centres;
      const centre = expectedDriftSeconds(application, stepping, nowMs, policy);
      return [day, centre + side * (halfWidthSteps + 0.5) * stepping.timeStepSeconds];
    });
  return { upper: edge(1), lower: edge(-1) };
}

export function drawerFigure(): Chart {
  const states = drawerDays();
  const predicting = policyWith({ driftPrediction: true });
  const line = (of: (state: Day) => number): Point[] =>
    states.map((state) => [state.day, of(state)]);
  const predicted = line(({ application, nowMs }) =>
    expectedDriftSeconds(application, stepping, nowMs, predicting),
  );
  const dynamic = windowBand(states, { dynamicTimeWindow: true });
  const learned = line(({ application }) => application.driftSeconds);
  const real = line(({ trueSeconds }) => trueSeconds);
  return {
    title: 'A clock 8 ppm fast, used daily for 120 days, then idle',
    x: { label: 'days', min: 0, max: 400, every: 50 },
    y: { label: 'seconds ahead of the host', min: -400, max: 800, every: 200 },
    layers: [
      { kind: 'band', ...dynamic, colour: amber, label: 'dynamic window' },
      { kind: 'band', ...windowBand(states, {}), colour: blue, label: 'ordinary window' },
      { kind: 'line', points: learned, colour: blue, label: 'learned' },
      { kind: 'line', points: predicted, colour: green, isDashed: true, label: 'predicted' },
      { kind: 'line', points: real, colour: red, label: 'true' },
    ],
  };
}

/** How far each side of a window reaches by the days since the last use. */
export function idleFigure(): Chart {
  const halfAt = (steps: number, timeStepSeconds: number, day: number): number => {
    const nowMs = startMs + day * dayMs;
    const application = { ...usualApplication(), driftAtMs: startMs };
    const policy = policyWith({ identificationTimeWindowSteps: steps, dynamicTimeWindow: true });
    const window = timeWindowOf(
      application,
      { timeStepSeconds, timeOriginSeconds: 0 },
      nowMs,
      policy,
    );
    return (window.centres[0].halfWidthSteps * timeStepSeconds) / 60;
  };
  const line = (steps: number, timeStepSeconds: number): Point[] =>
    days(0, 1000, 2).map((day) => [day, halfAt(steps, timeStepSeconds, day)]);
  return {
    title: 'The dynamic window: each side, by days without use',
    x: { label: 'days since the last use', min: 0, max: 1000, every: 100 },
    y: { label: 'minutes to each side', min: 0, max: 80, every: 10 },
    layers: [
      { kind: 'line', points: line(20, 30), colour: blue, label: '20 steps of 30 s' },
      { kind: 'line', points: line(10, 36), colour: green, label: '10 steps of 36 s' },
      { kind: 'line', points: line(100, 30), colour: amber, label: '100 steps of 30 s' },
    ],
  };
}

/** In which order combinations of a step and a counter are compared. */
export function searchFigure(): Chart {
  const suite = 'OCRA-1:HOTP-SHA1-8:C-QN08-T30S';
  const algorithm = parseResponseAlgorithm({ kind: 'time-event', suite, question: '00000000' });
  const used = { nextEventCounter: 5n, driftAtMs: startMs - dayMs };
  const application: Application = { ...usualApplication(), algorithm, ...used };
  const device = { ...decoyAuthenticator, applications: [application] };
  const planning = planVerification(
    {
      candidatesFrom: [device],
      credential: responseAlone('00000000'),
      challenge: null,
      issued: { given: null, newest: null },
    },
    startMs,
    policyWith({}),
  );
  if (planning.kind !== 'plan') throw new Error(planning.refused.code);
  const { candidates } = planning.plan;
  const centre = timeStepAt(startMs, stepping);
  return {
    title: `Clock and counter together: ${candidates.length} candidates, nearest first (dark)`,
    x: { label: 'time steps from the expected one', min: -11, max: 11, every: 1 },
    y: { label: 'counters from the next one', min: -6, max: 20, every: 2 },
    layers: [
      {
        kind: 'cells',
        cells: candidates.map(({ position }, index) => ({
          at: [
            Number((position.timeStep ?? 0n) - centre),
            Number((position.eventCounter ?? 0n) - application.nextEventCounter),
          ],
          colour: shade(index / candidates.length),
        })),
      },
    ],
  };
}

function shade(part: number): string {
  const mix = (from: number, to: number): string =>
    Math.round(from + (to - from) * part)
      .toString(16)
      .padStart(2, '0');
  return `#${mix(9, 221)}${mix(60, 235)}${mix(140, 250)}`;
}

/** How the rate of a clock becomes certain with the days that it was watched. */
export function rateFigure(): Chart {
  const ratePpm = 5;
  // Where in its step a response falls is as good as random; a responder's digits will do for that.
  const algorithm = parseResponseAlgorithm({ kind: 'time', hash: 'SHA1', digits: 6, ...stepping });
  const noise = createResponder(algorithm, new TextEncoder().encode('where in its step'));
  let history = '';
  const estimates = days(0, 180).flatMap((day) => {
    const atMs = startMs + day * dayMs;
    const within = Number(noise.respond({ timeStep: parseTimeStep(BigInt(day)) })) / 1e6 - 0.5;
    const driftSeconds = (ratePpm * day * dayMs) / 1e9 + within * stepping.timeStepSeconds;
    history = withSample(history, { atMs, driftSeconds }, stepping.timeStepSeconds);
    const estimate = estimateDrift(history, stepping.timeStepSeconds);
    return estimate === null ? [] : [{ day, ...estimate }];
  });
  noise.wipe();
  const edge = (side: 1 | -1): Point[] =>
    estimates.map(({ day, ratePpm: rate, ratePpmError }) => [day, rate + side * ratePpmError]);
  return {
    title: 'The rate of a clock of 5 ppm, as logons once a day show it',
    x: { label: 'days', min: 0, max: 180, every: 20 },
    y: { label: 'ppm', min: -20, max: 30, every: 10 },
    layers: [
      { kind: 'band', upper: edge(1), lower: edge(-1), colour: blue, label: '95 % interval' },
      {
        kind: 'line',
        points: estimates.map(({ day, ratePpm: rate }) => [day, rate]),
        colour: blue,
        label: 'estimate',
      },
      {
        kind: 'line',
        points: [
          [0, ratePpm],
          [180, ratePpm],
        ],
        colour: red,
        isDashed: true,
        label: 'true',
      },
    ],
  };
}
