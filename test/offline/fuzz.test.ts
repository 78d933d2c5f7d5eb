import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHeader, writeHeader } from '../../src/offline/header.ts';
import { fingerprintOf } from '../../src/offline/keys.ts';
import { appendRecord, emptyLog, parseRecord } from '../../src/offline/log.ts';
import { oneOf, readJson, type Shape, text, whole, writeJson } from '../../src/offline/members.ts';
import { OfflineError } from '../../src/offline/offline-error.ts';
import {
  acknowledgementMessage,
  readAcknowledgement,
  readReport,
  writeAcknowledgement,
  writeReport,
} from '../../src/offline/report.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import { agentId, errorOf, headerOf, kinds, server, signedBy, uuidOf } from './support.ts';

/** What is read, and what is written of it. */
interface Reader {
  readonly seeds: readonly Buffer[];
  /** @returns the bytes that the product writes for what it has read */
  readonly rewritten: (bytes: Buffer) => Buffer;
}

const code = { codeId: uuidOf(9), kind: 'passcode', isPinRequired: false } as const;
const emergency = [{ ...code, notAfterMs: 1_780_000_000_000, usesMax: 3 }];
const times = { atMs: 1_780_000_000_000, bootMs: 12, bootId: uuidOf(4) };
const event = {
  ...times,
  kind: 'accepted',
  packageId: uuidOf(2),
  index: 7n,
  codeId: null,
} as const;
const line = appendRecord(emptyLog(Buffer.alloc(32)), event).line;
const packages = [{ packageId: uuidOf(2), state: 'installed', eventsUsed: 1 }] as const;
const expected = { agentId, reportId: uuidOf(5) };
const head = '00'.repeat(32);

interface Small {
  readonly name: string;
  readonly kind: 'time' | 'event';
  readonly size: number;
}
const small: Shape<Small> = { name: text(8), kind: oneOf('time', 'event'), size: whole(-9, 9) };

const readers: Record<string, Reader> = {
  'a small document': {
    seeds: [Buffer.from('{"name":"Zo\u00eb","kind":"time","size":-9}')],
    rewritten: (bytes) => writeJson(readJson(bytes, small, 'it'), small, 'it'),
  },
  'a header': {
    seeds: Object.values(kinds).map((kind) => writeHeader(headerOf({ ...kind, emergency }))),
    rewritten: (bytes) => writeHeader(readHeader(bytes)),
  },
  'a report': {
    seeds: [
      writeReport({
        ...{ ...expected, from: 1, headBefore: head, lines: [line, line], packages },
        ...{ clockMs: 5, bootMs: 12, bootId: uuidOf(4) },
      }),
    ],
    rewritten: (bytes) => writeReport(readReport(bytes)),
  },
  'an answer': {
    seeds: [
      writeAcknowledgement({
        ...{ kid: fingerprintOf(server.spki), ...expected, agentState: 'active', through: 1, head },
        ...{ serverTimeMs: 5, packageIds: [uuidOf(2)] },
      }),
    ],
    // What the server itself has signed is read no less carefully.
    rewritten: (payload) => {
      const signature = signedBy(server, acknowledgementMessage(payload));
      return writeAcknowledgement(
        readAcknowledgement({ payload, signature }, server.spki, expected),
      );
    },
  },
  'a record': {
    seeds: [
      line.record,
      appendRecord(emptyLog(Buffer.alloc(32)), { ...event, index: null }).line.record,
    ],
    rewritten: (bytes) => {
      const { n, ...record } = parseRecord(bytes);
      return appendRecord({ ...emptyLog(Buffer.alloc(32)), n: n - 1 }, record).line.record;
    },
  },
};

const values = fc.constantFrom(
  ...['0', '-0', '1.0', '1e0', '1E2', '-1', '0.5', '1e400', '9007199254740993', '9'.repeat(400)],
  ...['null', 'true', 'false', '""', '"1"', '"01"', '[]', '{}', '[[]]', '{"__proto__":null}'],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\\u0041"', '"\ufeff"', '"constructor"', '"\\/"'],
  ...['NaN', 'Infinity', 'undefined', "'x'", '"18446744073709551616"', '"AA=="', '"AB"'],
  ...[`${'['.repeat(3000)}${']'.repeat(3000)}`, `${'{"a":'.repeat(900)}1${'}'.repeat(900)}`],
);
const names = fc.constantFrom(
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'v', 'n', 'x', '', '0', 'length'],
);
const bits = fc.constantFrom(
  ...['\ufeff', ' ', '\n', ',', '}', ']', '"', '\\', '\u0000', '{', '//'],
);

type Change = (text: string) => string;
const where = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** The spans of all that fits `pattern`. */
function spanAt(text: string, pattern: RegExp, at: number): RegExpExecArray | undefined {
  const found = [...text.matchAll(pattern)];
  return found[Math.floor(at * found.length)];
}

function replaced(text: string, span: RegExpExecArray | undefined, by: string): string {
  if (span === undefined) return text;
  return text.slice(0, span.index) + by + text.slice(span.index + span[0].length);
}

const member = /"[A-Za-z]+":(?:"[^"]*"|[^,[\]{}"]+)/g;
const changes: fc.Arbitrary<Change> = fc.oneof(
  // Another value of a member.
  fc.tuple(where, values).map(([at, value]): Change => (text) => {
    const span = spanAt(text, member, at);
    return replaced(text, span, `${span?.[0].slice(0, span[0].indexOf(':')) ?? ''}:${value}`);
  }),
  // A member twice, once with another value, or in another place.
  fc.tuple(where, where, values, fc.boolean()).map(([at, to, value, isOther]): Change => (text) => {
    const given = spanAt(text, member, at)?.[0] ?? '"v":1';
    const again = isOther ? `${given.slice(0, given.indexOf(':'))}:${value}` : given;
    const behind = spanAt(text, member, to);
    return replaced(text, behind, `${behind?.[0] ?? ''},${again}`);
  }),
  // A member that nobody knows, in front or behind.
  fc.tuple(where, names, values).map(([at, name, value]): Change => (text) => {
    const span = spanAt(text, /\{|\}/g, at);
    const added = `${JSON.stringify(name)}:${value}`;
    return replaced(text, span, span?.[0] === '{' ? `{${added},` : `,${added}}`);
  }),
  // Two members change places.
  fc.tuple(where, where).map(([one, other]): Change => (text) => {
    const [first, second] = [spanAt(text, member, one), spanAt(text, member, other)];
    if (first === undefined || second === undefined || first.index >= second.index) return text;
    return replaced(replaced(text, second, first[0]), first, second[0]);
  }),
  // A member less.
  where.map(
    (at): Change =>
      (text) =>
        replaced(text, spanAt(text, /"[A-Za-z]+":[^,{}[\]]+,/g, at), ''),
  ),
  // An escape for what needs none.
  where.map((at): Change => (text) => {
    const span = spanAt(text, /[a-z0-9]/gi, at);
    const unit = (span?.[0] ?? ' ').charCodeAt(0).toString(16).padStart(4, '0');
    return replaced(text, span, `\\u${unit}`);
  }),
  // A character more or less anywhere, and a text cut short.
  fc.tuple(where, bits).map(([at, bit]): Change => (text) => {
    const place = Math.floor(at * (text.length + 1));
    return text.slice(0, place) + bit + text.slice(place);
  }),
  where.map(
    (at): Change =>
      (text) =>
        text.slice(0, Math.floor(at * text.length)),
  ),
  fc.constantFrom<Change>(
    (text) => `\ufeff${text}`,
    (text) => `${text}\n`,
    (text) => `[${text}]`,
    (text) => text + text,
  ),
  fc.constant((text: string) => text),
);

describe('text', () => {
  it('is UTF-8, inside of members too', () => {
    const [before, after] = ['{"name":"', '","kind":"time","size":0}'].map((part) =>
      Buffer.from(part),
    );
    const read = (name: Buffer): Small =>
      readJson(Buffer.concat([before!, name, after!]), small, 'it');
    expect(read(Buffer.from('\u732b')).name).toBe('\u732b');
    for (const wrong of ['ff', 'c3', 'c080', 'eda080', 'f4908080', 'e78c']) {
      expect(errorOf(() => read(Buffer.from(wrong, 'hex'))).message).toBe(
        'it must be JSON in UTF-8',
      );
    }
  });
});

/** A document with one change of its text, and perhaps of a byte. */
const mutants = (seeds: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc
    .record({
      seed: fc.constantFrom(...seeds),
      change: changes,
      flip: fc.option(fc.tuple(where, fc.integer({ min: 1, max: 255 })), { freq: 2 }),
    })
    .map(({ seed, change, flip }) => {
      const bytes = Buffer.from(change(seed.toString('utf8')), 'utf8');
      if (flip === null || bytes.length === 0) return bytes;
      const at = Math.floor(flip[0] * bytes.length);
      bytes[at] = bytes[at]! ^ flip[1];
      return bytes;
    });

describe.each(Object.entries(readers))('%s', (_, { seeds, rewritten }) => {
  it('is taken as it was written', () => {
    for (const seed of seeds) expect(rewritten(seed)).toEqual(seed);
  });

  it(
    'is refused or taken as the one text of what it says, however it is changed',
    () => {
      const found = { taken: 0, refused: 0 };
      const law = fc.property(mutants(seeds), (bytes) => {
        try {
          expect(rewritten(bytes)).toEqual(bytes);
          found.taken += 1;
        } catch (error) {
          if (!(error instanceof OfflineError)) throw error;
          expect(['malformed', 'foreign']).toContain(error.code);
          expect(error.message.length).toBeLessThan(200);
          found.refused += 1;
        }
      });
      fc.assert(law, proofRuns(2000));
      expect(found.taken).toBeGreaterThan(50);
      expect(found.refused).toBeGreaterThan(500);
    },
    proofTimeoutMs,
  );

  it('has no member twice, unknown or in another place', () => {
    for (const seed of seeds) {
      const text = seed.toString('utf8');
      const [first = '', second = ''] = [...text.matchAll(member)].map(([found]) => found);
      for (const wrong of [
        text.replace(first, `${first},${first}`),
        text.replace('{', '{"__proto__":{},'),
        text.replace('{', '{"constructor":1,'),
        text.replace('{', '{"toString":null,'),
        text.replace(`${first},${second}`, `${second},${first}`),
        text.replace('{', '{ '),
        text.replace(`${first},`, ''),
        `\ufeff${text}`,
        `${text}\n`,
        'null',
        '[]',
        '7',
        '',
      ]) {
        expect(wrong).not.toBe(text);
        expect(errorOf(() => rewritten(Buffer.from(wrong))).code).toBe('malformed');
      }
      const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
      for (const wrong of [deep, text.replace(first, `"v":${deep}`)]) {
        expect(errorOf(() => rewritten(Buffer.from(wrong))).code).toBe('malformed');
      }
      for (const byte of [0xff, 0xc0, 0xed]) {
        const broken = Buffer.concat([Buffer.from([byte]), seed]);
        expect(errorOf(() => rewritten(broken)).code).toBe('malformed');
      }
    }
  });
});
