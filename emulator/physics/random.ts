import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { EmulatorError } from '../errors.ts';
import { philox } from './philox.ts';

/**
 * Randomness with labels: everything that is drawn for a token follows from a seed, the token's
 * serial and what it is drawn for, and from nothing else. Adding a token, or drawing one more thing
 * for it, changes nobody else's draws; a run can be repeated from its seed. Not for secrets: who
 * knows the seed knows it all.
 */
export interface Randomness {
  /** The draws for one index, a day for instance; the same index always gives the same draws. */
  at(index: number): Draws;
}

/** One draw after the other; each method takes as many as it needs. */
export interface Draws {
  /** Evenly from 0 (included) to 1 (excluded), with 53 bits. */
  uniform(): number;
  /** Evenly from `min` to `max`. */
  between(min: number, max: number): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
  /** Normal with mean 0, drawn again until it is no further than `max` from 0. */
  normalWithin(deviation: number, max: number): number;
  exponential(mean: number): number;
  /** Gamma with mean `shape * scale`. */
  gamma(shape: number, scale: number): number;
  /** A Poisson count; its cost grows with the mean. */
  poisson(mean: number): number;
}

/** Text counts as its UTF-8 bytes. */
export type RandomSeed = string | Uint8Array;

const word = 2 ** 32;
/** Beyond this, exp(-mean) loses its digits. */
const poissonPieceMax = 30;
const poissonMeanMax = 100_000;

/**
 * The key of a label: HMAC-SHA256(seed, "fleet/SERIAL/LABEL"), 32 bytes.
 *
 * @param serial of the token; empty for what belongs to none
 * @throws EmulatorError input-invalid for an empty seed or a serial with a slash
 */
export function labelledKey(seed: RandomSeed, serial: string, label: string): Uint8Array {
  const bytes = typeof seed === 'string' ? utf8(seed) : seed;
  if (bytes.length === 0) throw invalid('the seed of randomness must not be empty');
  // A slash in the serial would let two labels meet.
  if (serial.includes('/')) throw invalid('a serial has no slash');
  return hmac(sha256, bytes, utf8(`fleet/${serial}/${label}`));
}

/** The randomness of a label. Errors as for `labelledKey`. */
export function labelledRandomness(seed: RandomSeed, serial: string, label: string): Randomness {
  return keyedRandomness(labelledKey(seed, serial, label));
}

/**
 * The randomness of a key. Its first 12 bytes tell labels apart: 8 are the key of Philox, 4 stand
 * in its counter.
 */
export function keyedRandomness(key: Uint8Array): Randomness {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const philoxKey = [view.getUint32(0), view.getUint32(4)] as const;
  const tail = view.getUint32(8);
  return {
    at(index: number): Draws {
      if (!Number.isSafeInteger(index) || index < 0) {
        throw invalid('an index of randomness is a whole number from 0 on');
      }
      const low = index % word;
      const high = Math.floor(index / word);
      let block = 0;
      let spare: number | null = null;
      return createDraws(() => {
        if (spare !== null) {
          const value = spare;
          spare = null;
          return value;
        }
        const words = philox([block, low, high, tail], philoxKey);
        block += 1;
        spare = fraction(words[2], words[3]);
        return fraction(words[0], words[1]);
      });
    },
  };
}

function fraction(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

function createDraws(uniform: () => number): Draws {
  // 1 - u is never 0, whose logarithm nobody wants.
  const exponential = (mean: number): number => -mean * Math.log(1 - uniform());
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    uniform,
    between: (min, max) => min + (max - min) * uniform(),
    normal,
    normalWithin(deviation, max) {
      // With a limit far below the deviation this would go on for long; nobody asks for that.
      if (!(max >= deviation / 4)) throw new RangeError('the limit is too close to 0');
      for (;;) {
        const value = deviation * normal();
        if (Math.abs(value) <= max) return value;
      }
    },
    exponential,
    gamma: (shape, scale) => scale * standardGamma(shape, uniform, normal),
    poisson: (mean) => poissonOf(mean, uniform),
  };
}

/** Marsaglia and Tsang, A Simple Method for Generating Gamma Variables, TOMS 26 (2000). */
function standardGamma(shape: number, uniform: () => number, normal: () => number): number {
  if (!(shape > 0)) throw new RangeError('a gamma needs a shape above 0');
  if (shape < 1) {
    // Section 6: a shape below 1 by one that is greater by 1.
    return standardGamma(shape + 1, uniform, normal) * (1 - uniform()) ** (1 / shape);
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Knuth's product of uniforms, in pieces: a sum of Poisson counts is one. */
function poissonOf(mean: number, uniform: () => number): number {
  if (!(mean >= 0 && mean <= poissonMeanMax)) {
    throw new RangeError(`a Poisson mean is from 0 to ${poissonMeanMax}`);
  }
  let count = 0;
  for (let left = mean; left > 0; left -= poissonPieceMax) {
    const limit = Math.exp(-Math.min(left, poissonPieceMax));
    for (let product = uniform(); product > limit; product *= uniform()) count += 1;
  }
  return count;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
