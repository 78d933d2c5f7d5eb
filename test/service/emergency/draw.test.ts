import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { codeAlphabet, type CodeForm } from '../../../src/domain/emergency.ts';
import type { Context } from '../../../src/service/deps.ts';
import { drawCodes } from '../../../src/service/emergency/codes.ts';
import { proofSize } from '../../support/proof.ts';

const draws = proofSize(100_000, 1_000_000);
const codesAtOnce = 8;

/** A context whose module draws what a fixed seed says, so that the test says the same each time. */
function drawing(seed: string): Context {
  let block = 0;
  let left = Buffer.alloc(0);
  const random = (length: number): Promise<Uint8Array> => {
    while (left.length < length) {
      block += 1;
      const more = createHmac('sha256', seed).update(String(block)).digest();
      left = Buffer.concat([left, more]);
    }
    const taken = Uint8Array.from(left.subarray(0, length));
    left = left.subarray(length);
    return Promise.resolve(taken);
  };
  return { module: { random }, logon: {} } as unknown as Context;
}

/**
 * Beyond the 99.9999 % point of chi-square, by the approximation of Wilson and Hilferty: of the few
 * dozen values here, none is there by chance.
 */
function limitFor(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 4.7534 * Math.sqrt(spread)) ** 3;
}

test.each([
  ['digits', 8, '0123456789'],
  ['base-32', 8, codeAlphabet],
  ['base-32', 16, codeAlphabet],
] as const)('%s, %i of them: every character is as likely at every place', async (...of) => {
  const [characters, length, alphabet] = of;
  const form: CodeForm = { characters, length };
  const context = drawing(`${characters} ${length}`);
  const counts = Array.from({ length }, () => new Map<string, number>());
  for (let drawn = 0; drawn < draws; drawn += codesAtOnce) {
    for (const code of await drawCodes(context, form, codesAtOnce)) {
      if (code.length !== length) throw new Error(`a code of ${String(code.length)} characters`);
      for (const [place, character] of code.split('').entries()) {
        const count = counts[place]!;
        count.set(character, (count.get(character) ?? 0) + 1);
      }
    }
  }
  const expected = draws / alphabet.length;
  for (const count of counts) {
    expect([...count.keys()].sort().join('')).toBe(alphabet);
    const chiSquare = [...count.values()].reduce(
      (sum, seen) => sum + (seen - expected) ** 2 / expected,
      0,
    );
    expect(chiSquare).toBeLessThan(limitFor(alphabet.length - 1));
  }
});
