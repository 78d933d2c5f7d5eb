import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accepted,
  attributeEnvelope,
  envelope,
  faultOf,
  soapEnvelope,
  type SoapWorld,
  startSoap,
  userAttributes,
} from './support.ts';
import { readEnvelope } from '../../src/soap/envelope.ts';

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({ authenticate: accepted });
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
  world.unexpected.length = 0;
});

const good = attributeEnvelope(userAttributes);
const bomb =
  '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' +
  Array.from('bcdefghij')
    .map((name, at) => `<!ENTITY ${name} "${`&${'abcdefghi'[at]!};`.repeat(10)}">`)
    .join('') +
  ']>';
const attributes10k = Array.from({ length: 10_000 }, (_, at) => ` a${at}=""`).join('');
const deep = '<b>'.repeat(10_000) + '</b>'.repeat(10_000);
const duplicate =
  '<attributes><value>x</value><attributeID>CREDFLD_USERID</attributeID></attributes>';
const header = (inside: string): string =>
  good.replace('<soapenv:Header/>', `<soapenv:Header>${inside}</soapenv:Header>`);

/** Name, body, and the fault's code if it is not Client. */
const hostile: [string, string | Buffer, string?][] = [
  ['nothing', ''],
  ['no XML', 'user=jane'],
  ['JSON', '{"user":"jane"}'],
  ['an entity bomb', bomb + good.replace('jane', '&j;')],
  ['an external entity', `<!DOCTYPE x SYSTEM "file:///etc/passwd">${good}`],
  ['an undefined entity', good.replace('jane', '&nbsp;')],
  ['10,000 XML attributes', good.replace('<credentialAttributeSet', `$&${attributes10k}`)],
  ['elements 10,000 deep', good.replace('jane', deep)],
  [
    '10,000 elements',
    good.replace('<credentialAttributeSet>', `$&${'<attributes/>'.repeat(10_000)}`),
  ],
  ['a text of 10,000 characters', good.replace('jane', 'x'.repeat(10_000))],
  ['another namespace', good.replaceAll('Types/Authentication', 'Types/Other')],
  ['another interface', good.replaceAll('Types/Authentication', 'Types/Administration')],
  ['no namespace', good.replaceAll('a:authUser', 'authUser')],
  ['another operation', good.replaceAll('authUser', 'userExecute')],
  ['two operations', good.replace('</soapenv:Body>', '<a:authUser/></soapenv:Body>')],
  ['no operation', envelope('')],
  ['text in the body', envelope('authUser')],
  ['two bodies', good.replace('</soapenv:Body>', '$&<soapenv:Body/>')],
  ['something after the body', good.replace('</soapenv:Body>', '$&<a:x/>')],
  ['a header after the body', good.replace('</soapenv:Body>', '$&<soapenv:Header/>')],
  ['no envelope', '<Envelope/>'],
  ['another envelope', good.replaceAll(soapEnvelope, 'urn:envelope')],
  [
    'SOAP 1.2',
    good.replaceAll(soapEnvelope, 'http://www.w3.org/2003/05/soap-envelope'),
    'VersionMismatch',
  ],
  ['a header that insists', header('<a:x soapenv:mustUnderstand="1"/>'), 'MustUnderstand'],
  ['no set', envelope('<a:authUser/>')],
  ['two sets', good.replace('</a:authUser>', '<credentialAttributeSet/></a:authUser>')],
  ['the set of the other interface', good.replaceAll('credentialAttributeSet', 'attributeSet')],
  ['a duplicate attributeID', good.replace('<credentialAttributeSet>', `$&${duplicate}`)],
  ['half a request', good.slice(0, good.length / 2)],
  ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le')],
  ['Latin-1', Buffer.from(good.replace('jane', 'j\u00e4ne'), 'latin1')],
  ['another encoding', `<?xml version="1.0" encoding="UTF-16"?>${good}`],
  ['a NUL', good.replace('jane', 'ja\0ne')],
  ['a written NUL', good.replace('jane', 'ja&#0;ne')],
  ['a processing instruction', good.replace('<soapenv:Header/>', '<?php system("x") ?>')],
  ['10 MB', Buffer.alloc(10_000_000, 'a')],
];

describe('a hostile request', () => {
  it.each(hostile)('gets a fault: %s', async (...[, body, code = 'Client']) => {
    const answer = await world.post(body);
    expect(answer.status).toBe(500);
    expect(answer.headers['content-type']).toBe('text/xml; charset=utf-8');
    const [faultCode, text] = faultOf(answer)!;
    expect(faultCode).toBe(`SOAP-ENV:${code}`);
    expect(text).not.toMatch(/jane|123456|passwd|userExecute|\n/);
    expect(world.reached).toEqual([]);
    expect(world.unexpected).toEqual([]);
  });

  it('may not be compressed', async () => {
    const answer = await world.post(good, { 'Content-Encoding': 'gzip' });
    expect(faultOf(answer)?.[0]).toBe('SOAP-ENV:Client');
  });

  it('is one when a header insists, and none when it does not', async () => {
    for (const inside of ['<a:x/>', '<a:x soapenv:mustUnderstand="0"/>']) {
      expect((await world.post(header(inside))).status).toBe(200);
    }
  });

  it('costs not much more than a request does', () => {
    const cpuMicroseconds = (bytes: Buffer): number => {
      const before = process.cpuUsage();
      try {
        readEnvelope(bytes, 65_536);
      } catch {
        // Most are refused: what counts is what that costs.
      }
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const bytes = Buffer.from(good.replace('<credentialAttributeSet>', `$&${' '.repeat(8000)}`));
    for (let round = 0; round < 200; round += 1) cpuMicroseconds(bytes);
    const normal = Array.from({ length: 50 }, () => cpuMicroseconds(bytes));
    const one = Math.max(normal.reduce((sum, each) => sum + each) / normal.length, 50);
    for (const [name, body] of hostile) {
      const sent = Buffer.from(body as string);
      const least = Math.min(...Array.from({ length: 5 }, () => cpuMicroseconds(sent)));
      expect.soft(least / one, name).toBeLessThan(200);
    }
  });
});

describe('any change to a request', () => {
  const alphabet = [
    '<',
    '>',
    '/',
    '"',
    '&',
    ';',
    '\0',
    ' ',
    'x',
    '\u00e9',
    '-->',
    ']]>',
    '<a>',
    '<!--',
  ];
  const mutation = fc.record({
    kind: fc.constantFrom('delete', 'insert', 'repeat', 'swap'),
    at: fc.nat(good.length),
    length: fc.nat(60),
    text: fc.constantFrom(...alphabet),
  });

  it('gives a result or a fault of the client, never one of ours', async () => {
    const listening = world;
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const answer = await listening.post(mutations.reduce(mutate, good));
        const fault = faultOf(answer);
        if (fault === undefined) expect(answer.status).toBe(200);
        else expect(fault[0]).toMatch(/^SOAP-ENV:(Client|MustUnderstand|VersionMismatch)$/);
      }),
      { numRuns: 2_000, seed: 20_260_101 },
    );
    expect(world.unexpected).toEqual([]);
  });
});

function mutate(
  text: string,
  { kind, at, length, text: piece }: { kind: string; at: number; length: number; text: string },
): string {
  const [before, cut, after] = [
    text.slice(0, at),
    text.slice(at, at + length),
    text.slice(at + length),
  ];
  switch (kind) {
    case 'delete':
      return before + after;
    case 'insert':
      return before + piece + cut + after;
    case 'repeat':
      return before + cut + cut + after;
    default:
      return before + after.slice(0, length) + cut + after.slice(length);
  }
}
