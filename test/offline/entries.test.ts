import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  entryKeyMessage,
  eraseEntries,
  findEntry,
  keepEntries,
} from '../../src/offline/entries.ts';
import { blocksOf, type PackageHeader } from '../../src/offline/header.ts';
import { hmacSha256, tagKey } from '../../src/offline/keys.ts';
import { entryTag } from '../../src/offline/package.ts';
import { proofRuns, proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { headerOf, keyOfPackage, kinds, responseAt } from './support.ts';

const entryKey = Buffer.alloc(32, 0x11);

/** The tags of a package, as the agent has them for a moment. */
function tagsOf(header: PackageHeader, shownAt: (index: bigint) => string = responseAt): Buffer {
  const blockOf = blocksOf(header);
  return Buffer.concat(
    Array.from({ length: header.count }, (_, entry) => {
      const index = header.first + BigInt(entry);
      const key = tagKey(keyOfPackage, blockOf(index));
      return entryTag(key, header.packageId, index, shownAt(index));
    }),
  );
}

/** The tag keys, derived once, without those of some blocks. */
function keysBut(...gone: number[]): (block: number) => Buffer | null {
  const known = new Map<number, Buffer>();
  return (block) => {
    if (gone.includes(block)) return null;
    const key = known.get(block) ?? tagKey(keyOfPackage, block);
    known.set(block, key);
    return key;
  };
}

const cases = fc.record({
  kind: fc.constantFrom(...Object.values(kinds)),
  origin: fc.constantFrom('', '-T0=1000000000'),
  first: fc.bigInt({ min: 0n, max: 2n ** 31n }),
  count: fc.integer({ min: 1, max: 130 }),
  tagBits: fc.integer({ min: 48, max: 64 }),
  at: fc.integer({ min: -3, max: 132 }),
  back: fc.bigInt({ min: -2n, max: 12n }),
  forward: fc.bigInt({ min: -2n, max: 12n }),
  erasedThrough: fc.option(fc.integer({ min: -2, max: 140 }), { nil: -2 }),
  isBlockGone: fc.boolean(),
});

describe('an entry', () => {
  it(
    'is found at its index, in the window, unless it is erased or its key is gone',
    () => {
      const law = fc.property(cases, ({ kind, origin, ...drawn }) => {
        const algorithm = kind.kind === 'time' ? `TOTP-SHA1-8-30S${origin}` : kind.algorithm!;
        const { first, count, tagBits } = drawn;
        const header = headerOf({ ...kind, algorithm, first, count, tagBits });
        const kept = keepEntries(header, entryKey, tagsOf(header));
        const index = first + BigInt(drawn.at);
        const erasedThrough = first + BigInt(drawn.erasedThrough);
        eraseEntries(header, kept, erasedThrough);
        const keys = drawn.isBlockGone ? keysBut(blocksOf(header)(index)) : keysBut();
        const shown = {
          response: responseAt(index < 0n ? 0n : index),
          from: index - drawn.back,
          to: index + drawn.forward,
        };
        const isThere = index >= first && index < first + BigInt(count) && index > erasedThrough;
        const isInWindow = drawn.back >= 0n && drawn.forward >= 0n;
        expect(findEntry(header, kept, entryKey, keys, shown)).toBe(
          isThere && isInWindow && !drawn.isBlockGone ? index : null,
        );
      });
      fc.assert(law, proofRuns(300));
    },
    proofTimeoutMs,
  );

  const header = headerOf({ first: 148n, count: 4, tagBits: 64 });
  const kept = keepEntries(header, entryKey, tagsOf(header));
  const find = (response: string, from: bigint, to: bigint): bigint | null =>
    findEntry(header, kept, entryKey, keysBut(), { response, from, to });

  it('is found at both edges of the window and not beside them', () => {
    for (const index of [148n, 149n, 150n, 151n]) {
      const response = responseAt(index);
      expect(find(response, index, index)).toBe(index);
      expect(find(response, index - 1n, index)).toBe(index);
      expect(find(response, index, index + 1n)).toBe(index);
      expect(find(response, index + 1n, index + 3n)).toBe(null);
      expect(find(response, index - 3n, index - 1n)).toBe(null);
    }
  });

  it('is looked for only where there are entries, however wide the window', () => {
    expect(find(responseAt(151n), 0n, 2n ** 64n)).toBe(151n);
    expect(find(responseAt(148n), -(2n ** 64n), 2n ** 64n)).toBe(148n);
    expect(find(responseAt(147n), 0n, 2n ** 64n)).toBe(null);
    expect(find(responseAt(152n), 0n, 2n ** 64n)).toBe(null);
  });

  it('is the first that fits', () => {
    const same = keepEntries(
      header,
      entryKey,
      tagsOf(header, () => '12345678'),
    );
    const shown = { response: '12345678', from: 149n, to: 151n };
    expect(findEntry(header, same, entryKey, keysBut(), shown)).toBe(149n);
  });

  it('asks for the key of every block in the window, whatever was found', () => {
    const asked: number[] = [];
    const keyOf = (block: number): Buffer => {
      asked.push(block);
      return tagKey(keyOfPackage, block);
    };
    const shown = { response: responseAt(148n), from: 148n, to: 151n };
    expect(findEntry(header, kept, entryKey, keyOf, shown)).toBe(148n);
    expect(asked).toEqual([2, 2, 3, 3]);
  });

  it('is not found with another entry key, package or response', () => {
    const shown = { response: responseAt(149n), from: 148n, to: 151n };
    const other = headerOf({ ...header, packageId: headerOf().userId });
    expect(findEntry(header, kept, Buffer.alloc(32), keysBut(), shown)).toBe(null);
    expect(findEntry(other, kept, entryKey, keysBut(), shown)).toBe(null);
    expect(find(`${responseAt(149n)} `, 148n, 151n)).toBe(null);
  });

  it('that is cut off is not found', () => {
    const shown = { response: responseAt(151n), from: 148n, to: 151n };
    const cut = kept.subarray(0, kept.length - 1);
    expect(findEntry(header, cut, entryKey, keysBut(), shown)).toBe(null);
  });

  it('is kept in as few bytes as hold its bits, with nothing in the others', () => {
    const tags = tagsOf(header);
    const whole = keepEntries({ count: 4, tagBits: 64 }, entryKey, tags);
    for (let tagBits = 16; tagBits <= 64; tagBits += 1) {
      const each = Math.ceil(tagBits / 8);
      const some = keepEntries({ count: 4, tagBits }, entryKey, tags);
      expect(some.length).toBe(4 * each);
      for (let entry = 0; entry < 4; entry += 1) {
        const bits = (bytes: Buffer): string =>
          [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
        const all = bits(whole.subarray(8 * entry, 8 * entry + 8));
        const expected = all.slice(0, tagBits).padEnd(8 * each, '0');
        expect(bits(some.subarray(each * entry, each * (entry + 1)))).toBe(expected);
      }
    }
  });
});

describe('erasing', () => {
  it('takes away what is up to an index and leaves the rest', () => {
    const header = headerOf({ first: 148n, count: 4, tagBits: 18 });
    const kept = keepEntries(header, entryKey, tagsOf(header));
    for (const [through, gone] of [
      [-5n, 0],
      [147n, 0],
      [148n, 1],
      [150n, 3],
      [151n, 4],
      [2n ** 63n, 4],
    ] as const) {
      const left = Buffer.from(kept);
      eraseEntries(header, left, through);
      const expected = Buffer.concat([Buffer.alloc(3 * gone), kept.subarray(3 * gone)]);
      expect(left).toEqual(expected);
    }
  });

  it('leaves an entry that no response fits, were its bits all zeros', () => {
    const header = headerOf({ ...kinds.challenge, count: 1, tagBits: 16 });
    const shownAt = (at: number): string => String(at).padStart(8, '0');
    const zeros = Array.from({ length: 400_000 }, (_, at) => at).find((at) => {
      const key = keysBut()(0)!;
      const tag = entryTag(key, header.packageId, 0n, shownAt(at));
      return hmacSha256(entryKey, tag).readUInt16BE() === 0;
    })!;
    const kept = keepEntries(
      header,
      entryKey,
      tagsOf(header, () => shownAt(zeros)),
    );
    expect(kept).toEqual(Buffer.alloc(2));
    const shown = { response: shownAt(zeros), from: 0n, to: 0n };
    expect(findEntry(header, kept, entryKey, keysBut(), shown)).toBe(null);
  });
});

/**
 * What a copied disk tells: a scaled model with PINs of 2 digits, responses of 4 digits and 6 bits of
 * each tag. Whoever has it tries every PIN with every response.
 */
describe('few bits of a tag', () => {
  const header = headerOf({ ...kinds.challenge, count: 2, tagBits: 6 });
  const pins = Array.from({ length: 100 }, (_, pin) => String(pin).padStart(2, '0'));
  /** All of them in the long form, every fifth in the short one. */
  const responses = Array.from({ length: proofSize(2000, 10_000) }, (_, at) =>
    String(at * proofSize(5, 1)).padStart(4, '0'),
  );
  const deviceSecret = Buffer.alloc(32, 0x22);
  /** The PIN is not made slow here, which is not what this is about. */
  const keyOf = (pin: string): Buffer =>
    hmacSha256(deviceSecret, entryKeyMessage(header.packageId, Buffer.from(pin)));
  const truth = { pin: '42', responses: ['1234', '9876'] };
  const tagAt = (index: bigint, response: string): Buffer =>
    entryTag(tagKey(keyOfPackage, Number(index)), header.packageId, index, response);
  const tags = Buffer.concat(truth.responses.map((shown, at) => tagAt(BigInt(at), shown)));
  const kept = keepEntries(header, keyOf(truth.pin), tags);

  it(
    'leave every PIN possible, each with as many responses as theory has',
    () => {
      const tried = responses.map((response) => tagAt(0n, response));
      const fitting = pins.map((pin) => {
        const key = keyOf(pin);
        const one = { count: 1, tagBits: 6 };
        return tried.filter((tag) => keepEntries(one, key, tag)[0] === kept[0]).length;
      });
      const mean = fitting.reduce((sum, each) => sum + each, 0) / pins.length;
      reportProof('few bits', { mean, least: Math.min(...fitting) });
      // Of 10,000 responses 156.25; a PIN strays by 12.4, the mean of 100 PINs by 1.24.
      const theory = responses.length / 2 ** 6;
      const straying = Math.sqrt(theory);
      expect(Math.abs(mean - theory)).toBeLessThan((4 * straying) / 10);
      expect(Math.min(...fitting)).toBeGreaterThan(Math.max(0, theory - 5 * straying));
      expect(Math.max(...fitting)).toBeLessThan(theory + 5 * straying);
    },
    proofTimeoutMs,
  );

  it('betray the PIN to whoever knows a response that is still there, and not once it is erased', () => {
    const shown = { response: truth.responses[0]!, from: 0n, to: 0n };
    const survivors = (stored: Buffer): string[] =>
      pins.filter((pin) => findEntry(header, stored, keyOf(pin), keysBut(), shown) !== null);
    expect(survivors(kept)).toContain(truth.pin);
    expect(survivors(kept).length).toBeLessThan(8);
    const erased = Buffer.from(kept);
    eraseEntries(header, erased, 0n);
    expect(survivors(erased)).toEqual([]);
  });

  it(
    'take wrong responses for right as seldom as theory has, with the fewest bits allowed',
    () => {
      const real = headerOf({ ...kinds.challenge, count: 1, tagBits: 16 });
      const stored = keepEntries(real, entryKey, tagsOf(real));
      const tries = proofSize(2 ** 17, 10_000_000);
      const keys = keysBut();
      let taken = 0;
      for (let response = 0; response < tries; response += 1) {
        const shown = { response: String(response).padStart(8, '0'), from: 0n, to: 0n };
        if (findEntry(real, stored, entryKey, keys, shown) !== null) taken += 1;
      }
      reportProof('16 bits', { tries, taken });
      const expected = tries / 2 ** 16;
      expect(taken).toBeGreaterThan(0);
      expect(Math.abs(taken - expected)).toBeLessThan(5 * Math.sqrt(expected));
    },
    proofTimeoutMs,
  );
});
