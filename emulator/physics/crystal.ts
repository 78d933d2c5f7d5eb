import { EmulatorError } from '../errors.ts';
import { type Jitter, jitterPpmMax, jitterSums } from './jitter.ts';

/**
 * What makes a quartz crystal run fast or slow beside the error it was trimmed with. Each part may
 * be absent. All of it has closed integrals, so that the error at any instant is one formula and not
 * a simulation.
 */
export interface Crystal {
  readonly temperature: Temperature | null;
  readonly ageing: Ageing | null;
  readonly jitter: Jitter | null;
}

/**
 * A tuning-fork crystal is right at its turnover temperature and slow at every other:
 * `curvaturePpm * (T - turnoverC)^2`, with T a mean and a daily and a yearly wave.
 */
export interface Temperature {
  /** Parts per million per square kelvin; about -0.034. */
  readonly curvaturePpm: number;
  readonly turnoverC: number;
  readonly meanC: number;
  /** Amplitudes, 0 or more. */
  readonly dailyC: number;
  readonly yearlyC: number;
  /** Radians, at manufacture. */
  readonly dailyPhase: number;
  readonly yearlyPhase: number;
}

/** The rate moves by `slopePpm * ln(1 + age / scaleDays)`. */
export interface Ageing {
  readonly slopePpm: number;
  readonly scaleDays: number;
}

/** A crystal as functions of its age in seconds; sums are in ppm times seconds since manufacture. */
export interface CrystalPhysics {
  /** Rate and sum of the temperature that the token lives at. */
  ambientPpm(ageSeconds: number): number;
  ambientSum(ageSeconds: number): number;
  /** Rate at a constant temperature, in an oven for instance. */
  heldPpm(temperatureC: number): number;
  /** Rate and sum of ageing and jitter. */
  agedPpm(ageSeconds: number): number;
  agedSum(ageSeconds: number): number;
}

const secondsOfDay = 86_400;
const secondsOfYear = 31_557_600;
const dailyOmega = (2 * Math.PI) / secondsOfDay;
const yearlyOmega = (2 * Math.PI) / secondsOfYear;

/** From -40 to +85 degrees: what such devices are made for, and ovens a little beyond. */
export const temperatureMinC = -60;
export const temperatureMaxC = 125;

/** Prepares a crystal; `checkCrystal` has been called. */
export function crystalPhysics(crystal: Crystal): CrystalPhysics {
  const ambient = ambientOf(crystal.temperature);
  const ageing = ageingOf(crystal.ageing);
  const jitter = crystal.jitter === null ? null : jitterSums(crystal.jitter);
  return {
    ...ambient,
    agedPpm: (age) => ageing.ppm(age) + (jitter?.ppm(age) ?? 0),
    agedSum: (age) => ageing.sum(age) + (jitter?.sum(age) ?? 0),
  };
}

/**
 * The largest rate, either way, that a crystal can add within an age.
 *
 * @param ageSeconds 0 or more
 */
export function crystalPpmMax(crystal: Crystal, ageSeconds: number): number {
  const { temperature, ageing, jitter } = crystal;
  const farthestC =
    temperature === null
      ? 0
      : Math.abs(temperature.meanC - temperature.turnoverC) +
        temperature.dailyC +
        temperature.yearlyC;
  const aged =
    ageing === null
      ? 0
      : ageing.slopePpm * Math.log1p(ageSeconds / (ageing.scaleDays * secondsOfDay));
  return (
    Math.abs(temperature?.curvaturePpm ?? 0) * farthestC ** 2 +
    Math.abs(aged) +
    (jitter === null ? 0 : jitterPpmMax(jitter))
  );
}

/** @throws EmulatorError input-invalid naming the value that is out of range */
export function checkCrystal({ temperature, ageing, jitter }: Crystal): void {
  if (temperature !== null) {
    check('curvaturePpm', temperature.curvaturePpm, -1, 1);
    check('turnoverC', temperature.turnoverC, 0, 50);
    check('meanC', temperature.meanC, temperatureMinC, temperatureMaxC);
    check('dailyC', temperature.dailyC, 0, 100);
    check('yearlyC', temperature.yearlyC, 0, 100);
    check('dailyPhase', temperature.dailyPhase, -2 * Math.PI, 2 * Math.PI);
    check('yearlyPhase', temperature.yearlyPhase, -2 * Math.PI, 2 * Math.PI);
  }
  if (ageing !== null) {
    check('slopePpm', ageing.slopePpm, -100, 100);
    check('scaleDays', ageing.scaleDays, 1, 36_525);
  }
  if (jitter !== null) {
    check('sigmaPpm', jitter.sigmaPpm, 0, 100);
    if (!/^[0-9a-f]{64}$/.test(jitter.key)) {
      throw invalid('the key of the jitter must be 64 lower-case hex digits');
    }
  }
}

function check(what: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw invalid(`${what} must be a number from ${round(min)} to ${round(max)}`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}

type Ambient = Pick<CrystalPhysics, 'ambientPpm' | 'ambientSum' | 'heldPpm'>;

function ambientOf(temperature: Temperature | null): Ambient {
  if (temperature === null) return { ambientPpm: () => 0, ambientSum: () => 0, heldPpm: () => 0 };
  const { curvaturePpm, turnoverC, meanC, dailyC, yearlyC, dailyPhase, yearlyPhase } = temperature;
  const d = meanC - turnoverC;
  const square = waveSquareSum(d, dailyC, yearlyC);
  const sumAt = (age: number): number =>
    square(age, dailyOmega * age + dailyPhase, yearlyOmega * age + yearlyPhase);
  const start = sumAt(0);
  return {
    ambientPpm(age) {
      const daily = dailyC * Math.sin(dailyOmega * age + dailyPhase);
      const yearly = yearlyC * Math.sin(yearlyOmega * age + yearlyPhase);
      return curvaturePpm * (d + daily + yearly) ** 2;
    },
    ambientSum: (age) => curvaturePpm * (sumAt(age) - start),
    heldPpm: (temperatureC) => curvaturePpm * (temperatureC - turnoverC) ** 2,
  };
}

/**
 * The integral of (d + Ad sin(wd t + p) + Ay sin(wy t + s))^2, up to a constant: the squares give a
 * line and waves of twice the frequency, the product of the waves their sum and their difference.
 */
function waveSquareSum(
  d: number,
  ad: number,
  ay: number,
): (age: number, daily: number, yearly: number) => number {
  const mean = d * d + (ad * ad + ay * ay) / 2;
  const [first, second] = [(2 * d * ad) / dailyOmega, (2 * d * ay) / yearlyOmega];
  // sin 2x = 2 sin x cos x, which saves two sines a reading.
  const [doubled, slowDoubled] = [(ad * ad) / (2 * dailyOmega), (ay * ay) / (2 * yearlyOmega)];
  const difference = (ad * ay) / (dailyOmega - yearlyOmega);
  const sum = (ad * ay) / (dailyOmega + yearlyOmega);
  return (age, daily, yearly) => {
    const [sd, cd, sy, cy] = [Math.sin(daily), Math.cos(daily), Math.sin(yearly), Math.cos(yearly)];
    return (
      mean * age -
      first * cd -
      doubled * sd * cd -
      second * cy -
      slowDoubled * sy * cy +
      difference * (sd * cy - cd * sy) -
      sum * (sd * cy + cd * sy)
    );
  };
}

interface Ageings {
  ppm(age: number): number;
  sum(age: number): number;
}

function ageingOf(ageing: Ageing | null): Ageings {
  if (ageing === null) return { ppm: () => 0, sum: () => 0 };
  const { slopePpm, scaleDays } = ageing;
  const tau = scaleDays * secondsOfDay;
  return {
    ppm: (age) => slopePpm * Math.log1p(age / tau),
    sum: (age) => slopePpm * ((age + tau) * Math.log1p(age / tau) - age),
  };
}
