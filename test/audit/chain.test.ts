import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  auditBody,
  auditChain,
  auditHash,
  chainStart,
  chainStartHash,
  verifyChain,
} from '../../src/audit/index.ts';
import type { AuditEntry, AuditEvent } from '../../src/service/store.ts';

const entry: AuditEntry = {
  atMs: 5,
  action: 'authenticate',
  outcome: 'accepted',
  actor: 'key 1',
  subject: 'main/ü "x"',
  requestId: 'r',
  details: { b: 1, a: null, '10': true, '9': 'x', __proto__x: false },
};

function chainOf(length: number, instance = 'one'): AuditEvent[] {
  const events: AuditEvent[] = [];
  let previousHash = chainStartHash;
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const body = auditBody({ ...entry, atMs: sequence });
    const hash = auditHash(instance, sequence, previousHash, body);
    events.push({ instance, sequence, atMs: sequence, body, previousHash, hash });
    previousHash = hash;
  }
  return events;
}

describe('the body of an event', () => {
  test('has its members sorted and no white space', () => {
    expect(auditBody(entry)).toBe(
      '{"action":"authenticate","actor":"key 1","atMs":5,' +
        '"details":{"10":true,"9":"x","__proto__x":false,"a":null,"b":1},' +
        '"outcome":"accepted","requestId":"r","subject":"main/ü \\"x\\""}',
    );
  });

  test('does not depend on the order in which members were given, and reads back', () => {
    const scalar = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.integer());
    const details = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), scalar), {
      selector: ([name]) => name,
      maxLength: 12,
    });
    fc.assert(
      fc.property(details, (members) => {
        const given = { ...entry, details: Object.fromEntries(members) };
        const body = auditBody(given);
        const turned = { ...entry, details: Object.fromEntries(members.toReversed()) };
        expect(auditBody(turned)).toBe(body);
        expect(JSON.parse(body)).toEqual(given);
      }),
    );
  });

  test('refuses numbers that JSON cannot write', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => auditBody({ ...entry, details: { value } })).toThrow(RangeError);
      expect(() => auditBody({ ...entry, atMs: value })).toThrow(RangeError);
    }
  });
});

describe('the hash of an event', () => {
  test('is SHA-256 over the length-prefixed fields of the documented layout', () => {
    const fields = ['tallystick audit event v1', 'one', '7', chainStartHash, '{"ü":1}'];
    const bytes = fields.map((field) => {
      const text = Buffer.from(field, 'utf8');
      const length = Buffer.from(text.length.toString(16).padStart(8, '0'), 'hex');
      return Buffer.concat([length, text]);
    });
    const expected = createHash('sha256').update(Buffer.concat(bytes)).digest('hex');
    expect(auditChain.hash('one', 7, chainStartHash, '{"ü":1}')).toBe(expected);
  });

  test('keeps apart events whose fields only run together', () => {
    expect(auditHash('one1', 2, chainStartHash, 'x')).not.toBe(
      auditHash('one', 12, chainStartHash, 'x'),
    );
  });
});

describe('a chain', () => {
  test('that is whole says where it stands, in one go and page by page', () => {
    const events = chainOf(9);
    const position = { sequence: 9, hash: events[8]!.hash };
    expect(verifyChain(events)).toEqual({ intact: true, position });
    const first = verifyChain(events.slice(0, 4));
    expect(first).toMatchObject({ intact: true });
    const after = first.intact ? first.position : chainStart;
    expect(verifyChain(events.slice(4), after)).toEqual({ intact: true, position });
    expect(verifyChain([])).toEqual({ intact: true, position: chainStart });
  });

  const meddle: readonly (readonly [string, (events: AuditEvent[]) => void, number, string])[] = [
    ['a changed body', (e) => e.splice(3, 1, { ...e[3]!, body: '{}' }), 4, 'hash'],
    ['a removed event', (e) => e.splice(3, 1), 4, 'sequence'],
    [
      'a time that is not the one in the body',
      (e) => e.splice(3, 1, { ...e[3]!, atMs: 9 }),
      4,
      'time',
    ],
    ['a missing beginning', (e) => e.splice(0, 2), 1, 'sequence'],
    ['a repeated event', (e) => e.splice(3, 0, e[2]!), 4, 'sequence'],
    ['exchanged events', (e) => e.splice(3, 2, e[4]!, e[3]!), 4, 'sequence'],
    ['an event of another chain', (e) => e.splice(3, 1, chainOf(4, 'two')[3]!), 4, 'instance'],
    [
      'a rewritten event, hash and all',
      (e) => {
        const body = '{"atMs":4}';
        const { instance, sequence, previousHash } = e[3]!;
        e.splice(3, 1, { ...e[3]!, body, hash: auditHash(instance, sequence, previousHash, body) });
      },
      5,
      'previous-hash',
    ],
  ];
  test.each(meddle)('with %s is broken there', (_, change, sequence, broken) => {
    const events = chainOf(9);
    change(events);
    expect(verifyChain(events)).toEqual({ intact: false, sequence, broken });
  });
});
