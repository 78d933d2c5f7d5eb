import { keyedRandomness } from './random.ts';

/** The rate is a little different every day: normal, cut at four deviations. */
export interface Jitter {
  readonly sigmaPpm: number;
  /** `labelledKey(seed, serial, 'jitter')`, lower-case hex. */
  readonly key: string;
}

export interface JitterSums {
  /** The rate of the day. */
  ppm(ageSeconds: number): number;
  /** In ppm times seconds since manufacture. */
  sum(ageSeconds: number): number;
}

const secondsOfDay = 86_400;
const daysOfBlock = 1024;
const deviationsMax = 4;

/** The farthest that a day's rate can be from 0. */
export function jitterPpmMax({ sigmaPpm }: Jitter): number {
  return deviationsMax * sigmaPpm;
}

/**
 * Each day has a draw of its own, by its number since manufacture. Sums are kept for blocks of 1024
 * days, made when first asked for: a reading is a look-up and not a walk through the years.
 */
export function jitterSums(jitter: Jitter): JitterSums {
  const randomness = keyedRandomness(bytesOf(jitter.key));
  const blocks: Float64Array[] = [];
  const dayPpm = (day: number): number =>
    jitter.sigmaPpm === 0
      ? 0
      : randomness.at(day).normalWithin(jitter.sigmaPpm, jitterPpmMax(jitter));
  /** Entry n: the sum of all days before the block's n-th; the last is where the next block begins. */
  const blockAt = (index: number): Float64Array => {
    for (let next = blocks.length; next <= index; next += 1) {
      const sums = new Float64Array(daysOfBlock + 1);
      sums[0] = blocks.at(-1)?.[daysOfBlock] ?? 0;
      for (let day = 0; day < daysOfBlock; day += 1) {
        sums[day + 1] = (sums[day] ?? 0) + dayPpm(next * daysOfBlock + day);
      }
      blocks.push(sums);
    }
    return blocks[index] ?? new Float64Array(daysOfBlock + 1);
  };
  const at = (age: number): { readonly before: number; readonly ppm: number } => {
    const day = Math.floor(age / secondsOfDay);
    const block = blockAt(Math.floor(day / daysOfBlock));
    const before = block[day % daysOfBlock] ?? 0;
    return { before, ppm: (block[(day % daysOfBlock) + 1] ?? 0) - before };
  };
  return {
    ppm: (age) => at(age).ppm,
    sum(age) {
      const { before, ppm } = at(age);
      return before * secondsOfDay + ppm * (age % secondsOfDay);
    },
  };
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
