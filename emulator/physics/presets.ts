import { EmulatorError } from '../errors.ts';
import {
  type ClockEvent,
  type ClockParameters,
  driftSeedCharactersMax,
  trueMsMax,
} from './clock-parameters.ts';
import type { Crystal, Temperature } from './crystal.ts';
import { summerTimeChanges } from './summer-time.ts';
import { type Draws, labelledRandomness } from './random.ts';

/**
 * Kinds of clocks. `ideal` is right; `calibrated`, `typical` and `cheap` are crystals of three
 * prices; `warehouse` is a typical one that lay unused for three years; `phone` is kept right by the
 * network, and an hour off after some changes of summer time; `stopped` and `reset` are typical ones
 * that fail between a month and a year after manufacture.
 */
export type DriftPreset = (typeof driftPresets)[number];

export const driftPresets = [
  'ideal',
  'calibrated',
  'typical',
  'cheap',
  'warehouse',
  'phone',
  'stopped',
  'reset',
] as const;

/** How far apart the tokens of one kind are. */
interface Spread {
  readonly offsetMs: number;
  /** Of the trim error, in ppm: normal within a limit, or even. */
  readonly trim:
    | { readonly deviation: number; readonly max: number }
    | { readonly deviation: null; readonly max: number };
  /** Ageing in the first year, in ppm: as much either way, or anything between. */
  readonly ageing: { readonly firstYearPpm: number; readonly isEven: boolean };
  readonly surroundings: Pick<Temperature, 'meanC' | 'dailyC' | 'yearlyC'>;
}

const dayMs = 86_400_000;
const yearMs = 31_557_600_000;
const hourMs = 3_600_000;
const unusedYears = 3;
const phoneYears = 15;
/** 2000-01-01: where clocks begin that have forgotten everything. */
export const factoryEpochMs = 946_684_800_000;
const ageingScaleDays = 30;
/** What ln(1 + t / 30 d) is after a year. */
const firstYearLog = Math.log1p(365.25 / ageingScaleDays);

const typical: Spread = {
  offsetMs: 2000,
  trim: { deviation: 3, max: 10 },
  ageing: { firstYearPpm: 3, isEven: false },
  surroundings: { meanC: 24, dailyC: 5, yearlyC: 3 },
};

const spreads = {
  calibrated: {
    offsetMs: 1000,
    trim: { deviation: 1, max: 2 },
    ageing: { firstYearPpm: 1, isEven: true },
    surroundings: { meanC: 22, dailyC: 3, yearlyC: 0 },
  },
  typical,
  cheap: {
    offsetMs: 5000,
    trim: { deviation: null, max: 20 },
    ageing: { firstYearPpm: 5, isEven: false },
    surroundings: { meanC: 20, dailyC: 10, yearlyC: 10 },
  },
  warehouse: { ...typical, surroundings: { ...typical.surroundings, meanC: 18 } },
  stopped: typical,
  reset: typical,
} satisfies Partial<Record<DriftPreset, Spread>>;

/** @throws EmulatorError input-invalid naming those that there are */
export function parseDriftPreset(text: string): DriftPreset {
  for (const preset of driftPresets) if (preset === text) return preset;
  throw new EmulatorError('input-invalid', `the presets are ${driftPresets.join(', ')}`);
}

/**
 * Draws a clock. Equal arguments draw equal clocks; what is drawn is kept with the token and never
 * drawn again.
 *
 * @param seed 1 to 128 characters
 * @param nowMs when the user gets the token; a warehouse's was made three years before
 * @throws EmulatorError input-invalid for a seed or a time out of range
 */
export function drawClock(
  preset: DriftPreset,
  seed: string,
  serial: string,
  nowMs: number,
): ClockParameters {
  if (seed.length > driftSeedCharactersMax) {
    throw new EmulatorError(
      'input-invalid',
      `a drift seed has 1 to ${driftSeedCharactersMax} characters`,
    );
  }
  const draws = labelledRandomness(seed, serial, 'drift').at(0);
  const manufacturedAtMs = nowMs - (preset === 'warehouse' ? unusedYears * yearMs : 0);
  if (manufacturedAtMs < 0) {
    throw new EmulatorError('input-invalid', 'a token of a warehouse starts after 1973');
  }
  const from = { manufacturedAtMs, events: [] };
  if (preset === 'ideal' || preset === 'phone') {
    const events = preset === 'phone' ? phoneMishaps(nowMs, draws) : [];
    return { ...from, offsetMs: 0, ratePpm: 0, drawn: { preset, seed, events } };
  }
  const spread = spreads[preset];
  const { trim, offsetMs } = spread;
  return {
    ...from,
    offsetMs: Math.round(draws.between(-offsetMs, offsetMs)),
    ratePpm:
      trim.deviation === null
        ? draws.between(-trim.max, trim.max)
        : draws.normalWithin(trim.deviation, trim.max),
    crystal: crystalOf(spread, draws),
    // Last, so that a stopped token drifts like the typical one of the same seed until then.
    drawn: { preset, seed, events: mishap(preset, nowMs, draws) },
  };
}

/**
 * The farthest that a clock of this kind can be from true time, in milliseconds. A token that is
 * used by people drifts less; none drifts more.
 */
export function driftBoundMs(preset: DriftPreset, nowMs: number, trueMs: number): number {
  if (preset === 'ideal') return 0;
  if (preset === 'phone') return hourMs;
  const spread = spreads[preset];
  const madeMs = nowMs - (preset === 'warehouse' ? unusedYears * yearMs : 0);
  const seconds = Math.max(0, trueMs - madeMs) / 1000;
  const tau = ageingScaleDays * 86_400;
  const slope = spread.ageing.firstYearPpm / firstYearLog;
  const aged = slope * ((seconds + tau) * Math.log1p(seconds / tau) - seconds);
  const { meanC, dailyC, yearlyC } = spread.surroundings;
  const d = Math.abs(meanC - 25);
  const warmth = (d ** 2 + (dailyC ** 2 + yearlyC ** 2) / 2) * seconds + swingOf(spread);
  const running = spread.offsetMs + (spread.trim.max * seconds + aged + 0.034 * warmth) / 1000 + 1;
  if (preset === 'stopped') return running + Math.max(0, trueMs - nowMs);
  if (preset === 'reset') return running + Math.abs(trueMs - factoryEpochMs);
  return running;
}

/** How far the waves can take the sum of squares from its line, at both ends. */
function swingOf({ surroundings }: Spread): number {
  const { meanC, dailyC, yearlyC } = surroundings;
  const d = Math.abs(meanC - 25);
  const [wd, wy] = [(2 * Math.PI) / 86_400, (2 * Math.PI) / 31_557_600];
  const one = (2 * d * dailyC + dailyC ** 2 / 4) / wd + (2 * d * yearlyC + yearlyC ** 2 / 4) / wy;
  return 2 * (one + (2 * dailyC * yearlyC) / (wd - wy));
}

function crystalOf({ ageing, surroundings }: Spread, draws: Draws): Crystal {
  const ppm = ageing.isEven
    ? draws.between(-ageing.firstYearPpm, ageing.firstYearPpm)
    : ageing.firstYearPpm * (draws.uniform() < 0.5 ? -1 : 1);
  const phase = (): number => draws.between(0, 2 * Math.PI);
  return {
    temperature: {
      curvaturePpm: -0.034,
      turnoverC: 25,
      ...surroundings,
      dailyPhase: phase(),
      yearlyPhase: phase(),
    },
    ageing: { slopePpm: ppm / firstYearLog, scaleDays: ageingScaleDays },
    jitter: null,
  };
}

function mishap(preset: DriftPreset, nowMs: number, draws: Draws): readonly ClockEvent[] {
  if (preset !== 'stopped' && preset !== 'reset') return [];
  const atMs = nowMs + Math.round(draws.between(30 * dayMs, 365 * dayMs));
  return preset === 'stopped'
    ? [{ kind: 'pause', atMs, untilMs: trueMsMax }]
    : [{ kind: 'reset', atMs, deviceEpochMs: factoryEpochMs }];
}

/**
 * At every second change of summer time, about, the phone is an hour off for up to three days,
 * until the network sets it right.
 */
function phoneMishaps(nowMs: number, draws: Draws): readonly ClockEvent[] {
  const changes = summerTimeChanges(nowMs, nowMs + phoneYears * yearMs);
  return changes.flatMap(({ atMs, hours }): ClockEvent[] => {
    const isMistaken = draws.uniform() < 0.5;
    const lastingMs = Math.round(draws.between(hourMs, 72 * hourMs));
    if (!isMistaken) return [];
    return [
      { kind: 'set', atMs, offsetMs: hours * hourMs },
      { kind: 'set', atMs: atMs + lastingMs, offsetMs: 0 },
    ];
  });
}
