import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../src/http/index.ts';

const parse = (text: string, depthMax = 8): unknown =>
  parseStrictJson(Buffer.from(text), { depthMax });

describe('strict JSON', () => {
  it('reads what JSON.parse writes, unless it is refused on purpose', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !/[\ud800-\udfff]/u.test(text));
        fc.pre(!/\\ud[89a-f]/i.test(text) && !hasUnsafeInteger(value));
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('accepts no text that JSON.parse refuses', () => {
    const pieces = fc.array(
      fc.constantFrom('{', '}', '[', ']', '"a"', ':', ',', '1', '-', '0', '.5', 'e9', 'true', ' '),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('');
        let ours: unknown;
        try {
          ours = parse(text);
        } catch {
          return;
        }
        expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(ours));
      }),
      { numRuns: 2000 },
    );
  });

  const refused: readonly [string, string | Buffer, RegExp][] = [
    ['an empty body', '', /a value/],
    ['an open object', '{"user":', /a value/],
    ['an open string', '"abc', /no control character/],
    ['a second value', '{} {}', /nothing after/],
    ['duplicate members', '{"a":1,"a":1}', /each member only once/],
    ['duplicate members, one escaped', '{"a":1,"\\u0061":2}', /each member only once/],
    ['__proto__', '{"__proto__":{}}', /__proto__/],
    ['a trailing comma', '{"a":1,}', /a member name/],
    ['a comment', '{/*x*/}', /a member name/],
    ['a leading zero', '[01]', /a comma or the end/],
    ['NaN', '[NaN]', /a value/],
    ['an infinite number', '1e999', /numbers up to/],
    ['an integer beyond 2^53-1', '9007199254740993', /numbers up to/],
    ['an unknown escape', '"\\x41"', /a known escape/],
    ['an escape named like a method', '"\\constructor"', /a known escape/],
    ['a short unicode escape', '"\\u12"', /four hex digits/],
    ['half a surrogate pair', '"\\ud800"', /surrogate/],
    ['a raw line break in a string', '"a\nb"', /no control character/],
    ['a byte order mark', '\ufeff{}', /a value/],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), /not UTF-8/],
  ];
  it.each(refused)('refuses %s', (_name, text, message) => {
    expect(() => parseStrictJson(Buffer.from(text), { depthMax: 8 })).toThrow(
      expect.objectContaining({
        code: 'request-malformed',
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  it('counts depth exactly and does not recurse further', () => {
    expect(parse('[[[]]]', 3)).toEqual([[[]]]);
    expect(() => parse('[[[]]]', 2)).toThrow(/less nesting/);
    expect(parse('[[],[],{"a":[]}]', 3)).toBeDefined();
    expect(() => parse('['.repeat(60_000))).toThrow(/less nesting/);
  });

  it('names the place and never quotes the text', () => {
    expect(() => parse('{"response":"123456" "x"}')).toThrow(/^(?!.*123456)/);
  });
});

function hasUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasUnsafeInteger);
}
