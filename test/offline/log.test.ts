import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advanceLogKey,
  appendRecord,
  emptyLog,
  type LogHead,
  type LogKind,
  type LogLine,
  type LogRecord,
  parseRecord,
  readRecord,
} from '../../src/offline/log.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import { errorOf, uuidOf } from './support.ts';

const firstKey = Buffer.alloc(32, 0x33);
const times = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const uuids = fc.integer().map(uuidOf);
const logKinds = fc.constantFrom<LogKind>(
  'installed',
  'attempted',
  'accepted',
  'refused',
  'emergency-accepted',
  'emergency-refused',
  'locked',
  'wiped',
  'removed',
  'released',
  'clock-back',
  'damaged',
  'rolled-back',
);
const records: fc.Arbitrary<Omit<LogRecord, 'n'>> = fc.record({
  kind: logKinds,
  packageId: fc.option(uuids),
  index: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  codeId: fc.option(uuids),
  atMs: times,
  bootMs: times,
  bootId: uuids,
});

function recordOf(atMs: number): Omit<LogRecord, 'n'> {
  const none = { packageId: null, index: null, codeId: null };
  return { kind: 'attempted', ...none, atMs, bootMs: 0, bootId: uuidOf(4) };
}

function written(
  given: readonly Omit<LogRecord, 'n'>[],
  log: LogHead = emptyLog(firstKey),
): { lines: LogLine[]; log: LogHead } {
  const lines: LogLine[] = [];
  for (const record of given) {
    const next = appendRecord(log, record);
    lines.push(next.line);
    log = next.log;
  }
  return { lines, log };
}

/** Reads lines until one is not the next. */
function read(
  lines: readonly LogLine[],
  log: LogHead = emptyLog(firstKey),
): { records: LogRecord[]; log: LogHead } {
  const found: LogRecord[] = [];
  for (const line of lines) {
    const next = readRecord(log, line);
    if (next === null) break;
    found.push(next.record);
    log = next.log;
  }
  return { records: found, log };
}

const { lines: eight, log: end } = written(Array.from({ length: 8 }, (_, at) => recordOf(at)));

describe('a log', () => {
  it(
    'is read as it was written',
    () => {
      const law = fc.property(fc.array(records, { maxLength: 12 }), (given) => {
        const { lines, log } = written(given);
        const found = read(lines);
        expect(found.records).toEqual(given.map((record, at) => ({ n: at + 1, ...record })));
        expect(found.log).toEqual(log);
      });
      fc.assert(law, proofRuns(100));
    },
    proofTimeoutMs,
  );

  it('begins with no lines and a head of zeros, and leaves the key as it is', () => {
    const log = emptyLog(firstKey);
    expect(log).toEqual({ n: 0, head: Buffer.alloc(32), key: firstKey });
    log.key.fill(0);
    expect(firstKey).toEqual(Buffer.alloc(32, 0x33));
  });

  it('does not depend on the order in which members were given', () => {
    const turned = Object.fromEntries(Object.entries(recordOf(1)).toReversed());
    const { line } = appendRecord(emptyLog(firstKey), turned as unknown as LogRecord);
    expect(line).toEqual(appendRecord(emptyLog(firstKey), recordOf(1)).line);
  });

  it('takes no record that nobody could read', () => {
    const refused = (changes: object): string =>
      errorOf(() => appendRecord(emptyLog(firstKey), { ...recordOf(1), ...changes })).code;
    expect(refused({ kind: 'toString' })).toBe('malformed');
    expect(refused({ index: 2n ** 64n })).toBe('malformed');
    expect(refused({ atMs: -1 })).toBe('malformed');
    expect(refused({ otp: '123456' })).toBe('malformed');
    expect(refused({ packageId: undefined })).toBe('malformed');
  });
});

describe('a changed log', () => {
  it.each(eight.map((_, at) => at))('without line %i breaks off there', (at) => {
    const { log } = read(eight.toSpliced(at, 1));
    expect(log.n).toBe(at);
    expect(log.head).not.toEqual(end.head);
  });

  it('breaks off where two lines changed places, or one came twice', () => {
    for (let at = 0; at < 8; at += 1) {
      expect(read(eight.toSpliced(at, 0, eight[at]!)).log.n).toBe(at + 1);
      for (let other = at + 1; other < 8; other += 1) {
        const changed = eight.with(at, eight[other]!).with(other, eight[at]!);
        expect(read(changed).log.n).toBe(at);
        expect(read(eight.toSpliced(at, 0, eight[other]!)).log.n).toBe(at);
      }
    }
  });

  it('breaks off at any byte that is another', () => {
    for (const [at, line] of eight.entries()) {
      for (const part of ['record', 'mac'] as const) {
        for (let byte = 0; byte < line[part].length; byte += 1) {
          const changed = Buffer.from(line[part]);
          changed[byte] = changed[byte]! ^ 1;
          const found = read(eight.with(at, { ...line, [part]: changed })).log.n;
          if (found !== at) expect.fail(`line ${at}, byte ${byte} of the ${part}`);
        }
        const cut = { ...line, [part]: line[part].subarray(0, -1) };
        expect(read(eight.with(at, cut)).log.n).toBe(at);
      }
    }
  });

  it('has another head, whatever was written instead', () => {
    const heads = new Set<string>();
    for (const atMs of [7, 8, 9]) {
      const { log } = written([recordOf(atMs)], read(eight.slice(0, 7)).log);
      heads.add(log.head.toString('hex'));
    }
    expect(heads.size).toBe(3);
    expect(heads.has(end.head.toString('hex'))).toBe(true);
  });

  it('breaks off at a number that is not the next, even under the right key', () => {
    const start = read(eight.slice(0, 3)).log;
    for (const n of [1, 4, 6]) {
      const { line } = appendRecord({ ...start, n }, recordOf(1));
      expect(readRecord(start, line)).toBe(null);
    }
  });

  it('is malformed where the right key signs what is no record', () => {
    const log = emptyLog(firstKey);
    const line = appendRecord(log, recordOf(1)).line;
    expect(errorOf(() => parseRecord(line.record.subarray(1))).code).toBe('malformed');
  });
});

describe('the key of a log', () => {
  it('is another after every line, and can be told from the first', () => {
    const keys = new Set([firstKey.toString('hex')]);
    let log = emptyLog(firstKey);
    for (let at = 0; at < 50; at += 1) {
      log = appendRecord(log, recordOf(at)).log;
      expect(log.key).toEqual(advanceLogKey(firstKey, at + 1));
      keys.add(log.key.toString('hex'));
    }
    expect(keys.size).toBe(51);
    expect(advanceLogKey(firstKey, 0)).toEqual(firstKey);
    expect(firstKey).toEqual(Buffer.alloc(32, 0x33));
  });

  it('of a later line writes no earlier one anew', () => {
    // Who takes the computer after line `taken` has its key, all lines and all heads.
    for (let taken = 1; taken <= 8; taken += 1) {
      const stolen = read(eight.slice(0, taken)).log.key;
      for (let at = 0; at < taken; at += 1) {
        const before = read(eight.slice(0, at)).log;
        let key = stolen;
        for (let hashed = 0; hashed < 10; hashed += 1) {
          const { line } = appendRecord({ ...before, key }, recordOf(99));
          expect(read([...eight.slice(0, at), line]).log.n).toBe(at);
          key = advanceLogKey(key, 1);
        }
      }
      const next = written([recordOf(99)], read(eight.slice(0, taken)).log);
      expect(read([...eight.slice(0, taken), ...next.lines]).log.n).toBe(taken + 1);
    }
  });
});
