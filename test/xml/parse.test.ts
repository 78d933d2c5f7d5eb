import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it, vi } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { parseXml, writeXml, xmlNode, type XmlElement, type XmlNode } from '../../src/xml.ts';

const LIMITS = {
  bytesMax: 100_000,
  depthMax: 8,
  elementsMax: 100,
  attributesMax: 10,
  textCharactersMax: 1000,
};
const parse = (document: string | Uint8Array, bytesMax: number = LIMITS.bytesMax): XmlElement =>
  parseXml(Buffer.from(document), { ...LIMITS, bytesMax });
const refusal = (document: string | Uint8Array, bytesMax?: number): string => {
  try {
    parse(document, bytesMax);
  } catch (error) {
    if (error instanceof TallystickError && error.code === 'request-malformed') {
      return error.message;
    }
    throw error;
  }
  return 'accepted';
};

describe('XML that is refused', () => {
  it.each([
    ['', 'no root'],
    ['<!-- c -->', 'no root'],
    ['<!DOCTYPE a><a/>', 'DOCTYPE'],
    ['<?xml version="1.0"?><!-- c --> <!DOCTYPE a [', 'DOCTYPE'],
    ['<?go now?><a/>', 'processing instruction'],
    ['<a><?go now?></a>', 'processing instruction'],
    ['<a/><?go now?>', 'processing instruction'],
    ['<?xml version="1.1"?><a/>', 'version'],
    ['<?xml version="1.0" encoding="UTF-16"?><a/>', 'encoding'],
    ['<?xml version="1.0" encoding="ISO-8859-1"?><a/>', 'encoding'],
    ['<?xml encoding="UTF-8"?><a/>', 'well-formed'],
    [' <?xml version="1.0"?><a/>', 'well-formed'],
    ['<a>&secret;</a>', 'predefined'],
    ['<a b="&secret;"/>', 'predefined'],
    ['<a>\0</a>', 'character'],
    ['<a>\ufffe</a>', 'character'],
    ['<a>&#0;</a>', 'reference'],
    ['<a>&#xD800;</a>', 'reference'],
    ['<a b="&#xFFFF;"/>', 'reference'],
    ['<a/><b/>', 'around the root'],
    ['<a/>secret', 'around the root'],
    ['secret<a/>', 'around the root'],
    ['<a/><![CDATA[x]]>', 'around the root'],
    ['<a>', 'not closed'],
    ['<secret></a>', 'not closed'],
    ['<secret:a/>', 'prefix'],
    ['<a secret:b="1"/>', 'prefix'],
    ['<a secret="1" secret="2"/>', 'twice'],
    ['<a xmlns:p="urn:x" xmlns:q="urn:x" p:secret="1" q:secret="2"/>', 'twice'],
    ['<p:1 xmlns:p="urn:x"/>', 'name'],
    ['<a xmlns=" urn:x"/>', 'white space'],
    ['<a xmlns:p=""/>', 'well-formed'],
    ['<a b=1/>', 'well-formed'],
    ['<a b="<"/>', 'character'],
    ['<a>]]></a>', 'well-formed'],
    ['\ufeff\ufeff<a/>', 'around the root'],
  ])('%j: %s', (document, word) => {
    expect(refusal(document)).toContain(word);
    expect(refusal(document)).not.toContain('secret');
  });

  it('is other than UTF-8', () => {
    expect(refusal(Buffer.from([0x3c, 0x61, 0xff, 0x2f, 0x3e]))).toContain('not UTF-8');
    expect(refusal(Buffer.from('\ufeff<a/>', 'utf16le'))).toContain('not UTF-8');
    expect(refusal(Buffer.from('<a/>', 'utf16le'))).toContain('character');
  });
});

describe('XML that is read', () => {
  it.each([
    ['\ufeff<?xml version="1.0" encoding="utf-8"?><a/>', ''],
    ['<?xml version="1.0" encoding="US-ASCII" standalone="yes"?><a/>', ''],
    ['<!-- c --><a> b<!-- c --><![CDATA[<&]]>&lt;&#65; </a><!-- c -->', ' b<&<A '],
  ])('%j', (document, text) => {
    expect(parse(document)).toEqual({
      namespace: '',
      local: 'a',
      attributes: [],
      children: [],
      text,
    });
  });

  it('resolves prefixes of names and leaves those of values alone', () => {
    expect(parse('<p:a xmlns:p="urn:x" xmlns="urn:d" p:b="z:1" c="2"><d>y:X</d></p:a>')).toEqual({
      namespace: 'urn:x',
      local: 'a',
      attributes: [
        { namespace: 'urn:x', local: 'b', value: 'z:1' },
        { namespace: '', local: 'c', value: '2' },
      ],
      children: [{ namespace: 'urn:d', local: 'd', attributes: [], children: [], text: 'y:X' }],
      text: '',
    });
  });
});

describe('limits of XML', () => {
  it.each([
    ['bytes', (n: number) => `<a>${' '.repeat(n - 7)}</a>`, { bytesMax: 50 }, 50],
    ['levels', (n: number) => '<a>'.repeat(n) + '</a>'.repeat(n), { depthMax: 5 }, 5],
    ['elements', (n: number) => `<a>${'<b/>'.repeat(n - 1)}</a>`, { elementsMax: 6 }, 6],
    [
      'attributes',
      (n: number) => `<a${Array.from({ length: n }, (_, i) => ` xmlns:b${i}="u"`).join('')}/>`,
      { attributesMax: 4 },
      4,
    ],
    ['characters', (n: number) => `<a>${'x'.repeat(n)}</a>`, { textCharactersMax: 9 }, 9],
    ['characters', (n: number) => `<a>${'x<b/>'.repeat(n)}</a>`, { textCharactersMax: 9 }, 9],
    ['characters', (n: number) => `<a b="${'x'.repeat(n)}"/>`, { textCharactersMax: 9 }, 9],
  ])('%s: the limit passes and one more does not', (word, document, limit, n) => {
    const limits = { ...LIMITS, ...limit };
    expect(parseXml(Buffer.from(document(n)), limits).local).toBe('a');
    expect(() => parseXml(Buffer.from(document(n + 1)), limits)).toThrow(word);
  });

  it.each(['<', '<a b="', '<a>', '<!--', '<a '])('hold for 10 MB after %j', (start) => {
    expect(refusal(start + 'x'.repeat(10_000_000))).toContain('bytes allowed');
  });

  it('stop the reading: what follows the violation is not looked at', () => {
    expect(refusal(`${'<a>'.repeat(10_000)}\0`)).toContain('levels allowed (line 1, column 27)');
    const attributes = Array.from({ length: 5000 }, (_, i) => ` a${i}="1"`).join('');
    expect(refusal(`<a${attributes}\0`)).toContain('attributes allowed');
  });
});

const name = fc.stringMatching(/^[a-z_][a-z0-9._-]{0,5}$/).filter((text) => !/^xml/.test(text));
const text = fc
  .string({ unit: 'binary', maxLength: 20 })
  .map((value) => value.replace(/[^\t\n\r\u{20}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '"&\t\r\n'));
const { tree } = fc.letrec<{ tree: XmlNode }>((tie) => ({
  tree: fc
    .tuple(
      name,
      fc.dictionary(name, text, { maxKeys: 3 }),
      fc.oneof({ maxDepth: 4 }, text, fc.array(tie('tree'), { maxLength: 3 })),
    )
    .map(([own, attributes, content]) => xmlNode(own, attributes, content)),
}));
const asRead = ({ name: local, attributes, content }: XmlNode): XmlElement => ({
  namespace: '',
  local,
  attributes: attributes.map(([key, value]) => ({ namespace: '', local: key, value })),
  children: typeof content === 'string' ? [] : content.map(asRead),
  text: typeof content === 'string' ? content : '',
});

describe('XML that is written', () => {
  it('is read as the same tree', () => {
    const wide = { ...LIMITS, elementsMax: 10_000, bytesMax: 10_000_000, depthMax: 20 };
    fc.assert(
      fc.property(tree, (node) => {
        expect(parseXml(Buffer.from(writeXml(node)), wide)).toEqual(asRead(node));
      }),
    );
  });

  it('escapes, replaces what XML cannot hold, and adds no white space', () => {
    const node = xmlNode('p:a', { 'xmlns:p': 'u\t\n' }, [xmlNode('b', {}, '<&>"\r\0\ud800\uffff')]);
    expect(writeXml(xmlNode('c', {}, [node, xmlNode('d', {})]))).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><c><p:a xmlns:p="u&#9;&#10;">' +
        '<b>&lt;&amp;&gt;&quot;&#13;\ufffd\ufffd\ufffd</b></p:a><d/></c>',
    );
  });

  it.each(['', 'a b', '1', 'a:', ':a', 'a:b:c', 'a>', 'a\n'])('has no name %j', (broken) => {
    expect(() => writeXml(xmlNode(broken, {}))).toThrow(TallystickError);
    expect(() => writeXml(xmlNode('a', { [broken]: '' }))).toThrow(TallystickError);
  });

  it('is read or refused as malformed after any mutation', () => {
    const whole = Buffer.from(
      '<?xml version="1.0" encoding="UTF-8"?><!-- c --><p:a xmlns:p="urn:x" p:b="1&amp;" c=\'é\'>' +
        '<d xmlns="urn:d">x&#65;<![CDATA[y]]></d>\r\n<e/></p:a>',
    );
    const at = fc.nat({ max: whole.length });
    const bytes = fc.uint8Array({ maxLength: 6 });
    fc.assert(
      fc.property(at, at, at, fc.option(bytes), (from, to, into, insert) => {
        const slice = insert ?? whole.subarray(Math.min(from, to), Math.max(from, to));
        const rest = whole.subarray(from % 2 === 0 ? into : Math.max(into, to));
        expect(refusal(Buffer.concat([whole.subarray(0, into), slice, rest]))).toBeTypeOf('string');
      }),
      { numRuns: 4000, seed: 6030 },
    );
  });
});

it.each<[string, (long: string) => string]>([
  ['text', (long) => `<a>${long}</a>`],
  ['value', (long) => `<a b="${long}"/>`],
  ['comment', (long) => `<a><!--${long}--></a>`],
  ['name', (long) => `<${long}/>`],
  ['CDATA section', (long) => `<a><![CDATA[${long}]]></a>`],
])('a %s without an end is given up long before its end', (_, put) => {
  const message = refusal(put('x'.repeat(2_000_000)), 3_000_000);
  const [, column] = /longer than .*column ([0-9]+)/.exec(message) ?? [];
  expect(Number(column)).toBeLessThan(40_000);
});

/** V8 makes a dictionary of an object with many properties of its own, which reads five times slower. */
it('the parser stays an object of fast properties', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isFast = runInNewContext('(object) => %HasFastProperties(object)') as (
    parser: unknown,
  ) => boolean;
  const close = vi.spyOn(SaxesParser.prototype, 'close');
  parse('<?xml version="1.0"?><a b="c">d<!-- e --><f/><![CDATA[g]]></a>');
  expect(close.mock.contexts.map(isFast)).toEqual([true]);
  close.mockRestore();
});
