/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC 2011):
 * a random number generator without a state. The block for a counter and a key is computed from
 * these alone, so that day 9,000 of a token costs as much as its first, and nothing has to be kept.
 */

/** Four 32-bit numbers: the counter going in, random ones coming out. */
export type Words = readonly [number, number, number, number];

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;
const rounds = 10;

/** The random block of a counter. All numbers are unsigned 32-bit. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  // By index: taking arrays apart by pattern costs more than the ten rounds.
  let a = counter[0];
  let b = counter[1];
  let c = counter[2];
  let d = counter[3];
  let k0 = key[0];
  let k1 = key[1];
  for (let round = 0; round < rounds; round += 1) {
    const high0 = highProduct(multiplier0, a);
    const high1 = highProduct(multiplier1, c);
    const low0 = Math.imul(multiplier0, a);
    const low1 = Math.imul(multiplier1, c);
    a = (high1 ^ b ^ k0) >>> 0;
    b = low1 >>> 0;
    c = (high0 ^ d ^ k1) >>> 0;
    d = low0 >>> 0;
    k0 = (k0 + weyl0) >>> 0;
    k1 = (k1 + weyl1) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper half of a product of two 32-bit numbers, in halves that a double holds exactly. */
function highProduct(left: number, right: number): number {
  const leftHigh = left >>> 16;
  const leftLow = left & 0xffff;
  const rightHigh = right >>> 16;
  const rightLow = right & 0xffff;
  const first = leftHigh * rightLow + ((leftLow * rightLow) >>> 16);
  const second = leftLow * rightHigh + (first & 0xffff);
  return leftHigh * rightHigh + (first >>> 16) + (second >>> 16);
}
