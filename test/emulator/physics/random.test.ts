import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { philox, type Words } from '../../../emulator/physics/philox.ts';
import { type Draws, labelledKey, labelledRandomness } from '../../../emulator/index.ts';
import { errorOf } from '../support.ts';

const words = (hex: string): number[] => hex.split(' ').map((word) => parseInt(word, 16));

describe('philox4x32-10', () => {
  // kat_vectors of Random123 1.14.
  it.each([
    ['0 0 0 0', '0 0', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      'ffffffff ffffffff ffffffff ffffffff',
      'ffffffff ffffffff',
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      '243f6a88 85a308d3 13198a2e 03707344',
      'a4093822 299f31d0',
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('of counter %s and key %s', (counter, key, expected) => {
    const block = philox(words(counter) as unknown as Words, words(key) as [number, number]);
    expect(block).toEqual(words(expected));
  });
});

/** The first draws of each index. */
function sample(draw: (draws: Draws) => number, count = 40_000): number[] {
  const randomness = labelledRandomness('qa', 'VT00000001', 'test');
  return Array.from({ length: count }, (_, index) => draw(randomness.at(index)));
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const varianceOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return meanOf(values.map((value) => (value - mean) ** 2));
};

describe('labelled randomness', () => {
  it('takes its key from seed, serial and label, as an outsider would compute it', () => {
    const expected = createHmac('sha256', 'qa').update('fleet/VT00000001/drift').digest();
    expect(Buffer.from(labelledKey('qa', 'VT00000001', 'drift'))).toEqual(expected);
    const bytes = new TextEncoder().encode('qa');
    expect(Buffer.from(labelledKey(bytes, 'VT00000001', 'drift'))).toEqual(expected);
  });

  it('gives the same draws for the same index, in whatever order', () => {
    const one = labelledRandomness('qa', 'VT00000001', 'presses');
    const other = labelledRandomness('qa', 'VT00000001', 'presses');
    const forwards = [0, 1, 2, 5000, 2 ** 40].map((index) => one.at(index).uniform());
    const backwards = [2 ** 40, 5000, 2, 1, 0].map((index) => other.at(index).uniform());
    expect(backwards.reverse()).toEqual(forwards);
    expect(new Set(forwards).size).toBe(5);
  });

  it.each([
    ['seed', labelledRandomness('qb', 'VT00000001', 'presses')],
    ['serial', labelledRandomness('qa', 'VT00000002', 'presses')],
    ['label', labelledRandomness('qa', 'VT00000001', 'press')],
  ])('gives other draws for another %s', (_what, other) => {
    const one = labelledRandomness('qa', 'VT00000001', 'presses');
    expect(other.at(0).uniform()).not.toBe(one.at(0).uniform());
  });

  it('draws two hundred times from one index without repeating itself', () => {
    const draws = labelledRandomness('qa', '', 'x').at(7);
    expect(new Set(Array.from({ length: 200 }, () => draws.uniform())).size).toBe(200);
  });

  // Five standard errors of each mean; the variances are given 10 %.
  it.each<[string, (draws: Draws) => number, number, number]>([
    ['uniform', (draws) => draws.uniform(), 1 / 2, 1 / 12],
    ['between -3 and 5', (draws) => draws.between(-3, 5), 1, 64 / 12],
    ['normal', (draws) => draws.normal(), 0, 1],
    ['normal within 1 deviation', (draws) => draws.normalWithin(2, 2), 0, 4 * 0.2911],
    ['exponential', (draws) => draws.exponential(8), 8, 64],
    ['gamma of shape 0.5', (draws) => draws.gamma(0.5, 0.1), 0.05, 0.005],
    ['gamma of shape 4', (draws) => draws.gamma(4, 2), 8, 16],
    ['Poisson of a small mean', (draws) => draws.poisson(0.05), 0.05, 0.05],
    ['Poisson of a mean beyond a piece', (draws) => draws.poisson(75), 75, 75],
  ])('%s has its mean and its variance', (_name, draw, mean, variance) => {
    const values = sample(draw, mean > 50 ? 4000 : undefined);
    const error = Math.sqrt(variance / values.length);
    expect(Math.abs(meanOf(values) - mean)).toBeLessThan(5 * error);
    expect(varianceOf(values) / variance).toBeGreaterThan(0.9);
    expect(varianceOf(values) / variance).toBeLessThan(1.1);
  });

  it('keeps within the limits it is given', () => {
    const values = sample((draws) => draws.normalWithin(3, 10));
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(10);
    const fractions = sample((draws) => draws.uniform());
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...fractions)).toBeLessThan(1);
  });

  it.each([
    ['an empty seed', () => labelledKey('', 'VT00000001', 'x')],
    ['a serial with a slash', () => labelledKey('qa', 'VT/1', 'x')],
    ['half an index', () => labelledRandomness('qa', '', 'x').at(0.5)],
    ['a negative index', () => labelledRandomness('qa', '', 'x').at(-1)],
  ])('refuses %s', async (_name, work) => {
    expect((await errorOf(work)).code).toBe('input-invalid');
  });
});
