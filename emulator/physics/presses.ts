import { EmulatorError } from '../errors.ts';
import { type Randomness, type RandomSeed, labelledRandomness } from './random.ts';

/**
 * How often a button is pressed without anybody submitting the response: in a pocket, by a child, by
 * a cat. The days are independent: a gamma-Poisson count (most days nothing, some days several) and
 * now and then a burst. Nobody has published such counts; these are guesses that make windows of ten
 * fail now and then and windows of a hundred hardly ever.
 */
export interface PressModel {
  readonly meanPerDay: number;
  /** Of the gamma: the smaller, the more the days differ. */
  readonly shape: number;
  readonly burstsPerDay: number;
  /** A burst has 1 press and so many more on average, exponentially. */
  readonly burstMean: number;
  /** Once, for certain. */
  readonly oneOff: { readonly dayIndex: number; readonly presses: number } | null;
}

export const pressPresets = ['none', 'careful', 'typical', 'child-with-token'] as const;
export type PressPreset = (typeof pressPresets)[number];

const usual = { meanPerDay: 0.05, shape: 0.5, burstsPerDay: 0.002, burstMean: 8 };

const models: Readonly<Record<PressPreset, PressModel>> = {
  none: scaled(0),
  careful: scaled(1 / 5),
  typical: scaled(1),
  'child-with-token': scaled(10),
};

/** @throws EmulatorError input-invalid naming the presets that there are */
export function pressModel(preset: string): PressModel {
  for (const known of pressPresets) if (known === preset) return models[known];
  throw invalid(`the presets of presses are ${pressPresets.join(', ')}`);
}

/**
 * The model with so many presses on one day besides.
 *
 * @throws EmulatorError input-invalid
 */
export function withBurst(model: PressModel, dayIndex: number, presses: number): PressModel {
  const changed = { ...model, oneOff: { dayIndex, presses } };
  checkPressModel(changed);
  return changed;
}

/** @throws EmulatorError input-invalid naming the value that is out of range */
export function checkPressModel(model: PressModel): void {
  check('meanPerDay', model.meanPerDay, 0, 1000);
  check('shape', model.shape, 0.01, 1000);
  check('burstsPerDay', model.burstsPerDay, 0, 1);
  check('burstMean', model.burstMean, 0, 100_000);
  if (model.oneOff === null) return;
  const { dayIndex, presses } = model.oneOff;
  const areWhole = Number.isSafeInteger(dayIndex) && Number.isSafeInteger(presses);
  if (!areWhole) throw invalid('a burst has a whole day and a whole number of presses');
  check('the day of a burst', dayIndex, 0, Number.MAX_SAFE_INTEGER);
  check('a burst', presses, 0, 1_000_000);
}

/** The unsent presses of one token, day by day. */
export interface PressCounts {
  /** Those of a day; the same for ever, whatever else was asked for. */
  onDay(dayIndex: number): number;
  /** Those of all days before this one. Keeps one sum: cheap when asked for in order. */
  before(dayIndex: number): number;
}

/**
 * The presses that a model, a seed and a serial make.
 *
 * @throws EmulatorError input-invalid for a model or a seed out of range
 */
export function pressCounts(model: PressModel, seed: RandomSeed, serial: string): PressCounts {
  checkPressModel(model);
  const randomness = labelledRandomness(seed, serial, 'presses');
  const onDay = (dayIndex: number): number => drawDay(model, randomness, dayIndex);
  let [sumDay, sum] = [0, 0];
  return {
    onDay,
    before(dayIndex) {
      checkDay(dayIndex);
      if (dayIndex < sumDay) [sumDay, sum] = [0, 0];
      for (; sumDay < dayIndex; sumDay += 1) sum += onDay(sumDay);
      return sum;
    },
  };
}

/** The unsent presses of one day. Errors as for `pressCounts`. */
export function pressesOnDay(
  model: PressModel,
  seed: RandomSeed,
  serial: string,
  dayIndex: number,
): number {
  return pressCounts(model, seed, serial).onDay(dayIndex);
}

function drawDay(model: PressModel, randomness: Randomness, dayIndex: number): number {
  checkDay(dayIndex);
  const { meanPerDay, shape, burstsPerDay, burstMean, oneOff } = model;
  const certain = oneOff?.dayIndex === dayIndex ? oneOff.presses : 0;
  if (meanPerDay === 0 && burstsPerDay === 0) return certain;
  const draws = randomness.at(dayIndex);
  const isBurst = draws.uniform() < burstsPerDay;
  const usualOnes = gammaPoisson(meanPerDay, shape, draws.uniform());
  // Each part takes as many draws as in any other model: with another mean the bursts stay as they were.
  const burst = isBurst ? 1 + Math.round(draws.exponential(burstMean)) : 0;
  return certain + burst + usualOnes;
}

/**
 * A Poisson count whose mean is a gamma is negative binomial; its quantile, by adding up. One draw
 * for a day that mostly has nothing, where gamma and Poisson apart would take six.
 */
function gammaPoisson(mean: number, shape: number, uniform: number): number {
  const scale = mean / shape;
  let probability = (1 + scale) ** -shape;
  let left = uniform - probability;
  let count = 0;
  // Far out the probabilities end before the rounding of their sum does.
  for (; left >= 0 && probability > 0; left -= probability) {
    probability *= ((count + shape) / (count + 1)) * (scale / (1 + scale));
    count += 1;
  }
  return count;
}

function scaled(factor: number): PressModel {
  return {
    ...usual,
    meanPerDay: usual.meanPerDay * factor,
    burstsPerDay: usual.burstsPerDay * factor,
    oneOff: null,
  };
}

function checkDay(dayIndex: number): void {
  if (Number.isSafeInteger(dayIndex) && dayIndex >= 0) return;
  throw invalid('a day is a whole number from 0 on');
}

function check(what: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw invalid(`${what} must be a number from ${min} to ${max}`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
