import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../src/offline/keys.ts';
import { isProven } from '../../src/offline/proof.ts';
import {
  type Acknowledgement,
  acknowledgementMessage,
  readAcknowledgement,
  readReport,
  type Report,
  reportLinesMax,
  type SignedDocument,
  writeAcknowledgement,
  writeReport,
} from '../../src/offline/report.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import { agent, agentId, codeOf, errorOf, newPair, server, signedBy, uuidOf } from './support.ts';

const reportId = uuidOf(5);
const times = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const uuids = fc.integer().map(uuidOf);
const hexes = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const buffers = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

const reports: fc.Arbitrary<Report> = fc.record({
  v: fc.constant(1),
  reportId: uuids,
  agentId: uuids,
  from: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  headBefore: hexes,
  lines: fc.array(fc.record({ record: buffers(1024), mac: buffers(32) }), { maxLength: 100 }),
  packages: fc.array(
    fc.record({
      packageId: uuids,
      state: fc.constantFrom('installed' as const, 'locked' as const, 'wiped' as const),
      eventsUsed: fc.integer({ min: 0, max: 10_000 }),
    }),
    { maxLength: 64 },
  ),
  clockMs: times,
  bootMs: times,
  bootId: uuids,
});

const acknowledgements: fc.Arbitrary<Acknowledgement> = fc.record({
  v: fc.constant(1),
  kid: fc.constant(fingerprintOf(server.spki)),
  agentId: fc.constant(agentId),
  reportId: fc.constant(reportId),
  agentState: fc.constantFrom('active' as const, 'revoked' as const),
  through: times,
  head: hexes,
  serverTimeMs: times,
  packageIds: fc.array(uuids, { maxLength: 64 }),
});

const turned = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).toReversed()) as Value;

const signed = (payload: Buffer, by = server): SignedDocument => ({
  payload,
  signature: signedBy(by, acknowledgementMessage(payload)),
});
const expected = { agentId, reportId };

function reportOf(changes: object = {}): Report {
  return {
    ...{ v: 1, reportId, agentId, from: 1, headBefore: '00'.repeat(32) },
    ...{ lines: [], packages: [], clockMs: 0, bootMs: 0, bootId: uuidOf(4) },
    ...changes,
  };
}

function answerOf(changes: Partial<Acknowledgement> = {}): Acknowledgement {
  return {
    ...{ v: 1, kid: fingerprintOf(server.spki), agentId, reportId, agentState: 'active' },
    ...{ through: 0, head: '00'.repeat(32), serverTimeMs: 0, packageIds: [] },
    ...changes,
  };
}

describe('a report', () => {
  it(
    'comes back as it was written, in whatever order its members were given',
    () => {
      const law = fc.property(reports, (report) => {
        const bytes = writeReport(report);
        expect(readReport(bytes)).toEqual(report);
        const { lines, packages, ...rest } = report;
        const inside = { lines: lines.map(turned), packages: packages.map(turned) };
        expect(writeReport(turned({ ...rest, ...inside }))).toEqual(bytes);
      });
      fc.assert(law, proofRuns(60));
    },
    proofTimeoutMs,
  );

  it.each([
    ['from', { from: 0 }],
    ['headBefore', { headBefore: '0' }],
    ['lines', { lines: Array.from({ length: reportLinesMax + 1 }, () => ({})) }],
    ['lines.record', { lines: [{ record: Buffer.alloc(1025), mac: Buffer.alloc(32) }] }],
    ['lines.mac', { lines: [{ record: Buffer.alloc(1), mac: Buffer.alloc(33) }] }],
    ['lines', { lines: [{ record: Buffer.alloc(1), mac: Buffer.alloc(32), pin: '1234' }] }],
    ['packages', { packages: Array.from({ length: 65 }, () => ({})) }],
    ['packages.state', { packages: [{ packageId: agentId, state: 'lost', eventsUsed: 0 }] }],
    ['packages.eventsUsed', { packages: [{ packageId: agentId, state: 'wiped', eventsUsed: -1 }] }],
    ['bootId', { bootId: null }],
  ])('without good %s is not written', (name, wrong) => {
    const { code, message } = errorOf(() => writeReport(reportOf(wrong)));
    expect(code).toBe('malformed');
    expect(message.slice(0, message.indexOf(' '))).toBe(`report.${name}`);
  });

  it('says nothing of a value that it refuses', () => {
    for (const wrong of ['bootId', 'lines', 'from', 'secret-name', 'headBefore']) {
      const { message } = errorOf(() => writeReport(reportOf({ [wrong]: 'secret-123456' })));
      expect(message).not.toContain('secret');
    }
  });
});

describe('an answer to a report', () => {
  it(
    'comes back as it was written, in whatever order its members were given',
    () => {
      const law = fc.property(acknowledgements, (answer) => {
        const payload = writeAcknowledgement(answer);
        expect(readAcknowledgement(signed(payload), server.spki, expected)).toEqual(answer);
        expect(writeAcknowledgement(turned(answer))).toEqual(payload);
      });
      fc.assert(law, proofRuns(60));
    },
    proofTimeoutMs,
  );

  it('is taken from the server alone, whole', async () => {
    const document = signed(writeAcknowledgement(answerOf()));
    const stranger = newPair();
    const code = (given: SignedDocument, key = server.spki): Promise<unknown> =>
      codeOf(() => readAcknowledgement(given, key, expected));
    expect(await code(document)).toBe(null);
    expect(await code(document, stranger.spki)).toBe('forged');
    expect(await code(signed(document.payload, stranger))).toBe('forged');
    for (const part of ['payload', 'signature'] as const) {
      for (let at = 0; at < document[part].length; at += 1) {
        const changed = Buffer.from(document[part]);
        changed[at] = changed[at]! ^ 1;
        expect(await code({ ...document, [part]: changed })).toBe('forged');
      }
      expect(await code({ ...document, [part]: document[part].subarray(1) })).toBe('forged');
    }
  });

  it('is taken by whom it is for, and for the report it answers', async () => {
    const code = (changes: Partial<Acknowledgement>): Promise<unknown> => {
      const document = signed(writeAcknowledgement(answerOf(changes)));
      return codeOf(() => readAcknowledgement(document, server.spki, expected));
    };
    expect(await code({ agentId: uuidOf(77) })).toBe('foreign');
    expect(await code({ reportId: uuidOf(77) })).toBe('foreign');
    expect(await code({ kid: 'ab'.repeat(32) })).toBe('foreign');
    expect(await code({ through: 8 })).toBe(null);
  });
});

describe('a proof of possession', () => {
  const request = {
    ...{ agentId, method: 'POST', path: '/v1/offline/reports', nonce: 'n1' },
    body: Buffer.from('{}'),
  };
  const proof = signedBy(agent, messageOf());

  function messageOf(): Buffer {
    // The layout, spelt out.
    const digest = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
    const texts = ['ovp1/proof', agentId, 'POST', '/v1/offline/reports', 'n1'];
    const parts = [...texts.map((part) => Buffer.from(part)), Buffer.from(digest, 'hex')];
    return Buffer.concat(
      parts.flatMap((part) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(part.length);
        return [length, part];
      }),
    );
  }

  it('is of one request and one agent', () => {
    expect(isProven(agent.spki, request, proof)).toBe(true);
    expect(isProven(newPair().spki, request, proof)).toBe(false);
    for (const changes of [
      { agentId: '' },
      { method: 'GET' },
      { path: '/v1/offline/report' },
      { path: '/v1/offline/reportsn', nonce: '1' },
      { nonce: 'n2' },
      { body: Buffer.from('{ }') },
    ]) {
      expect(isProven(agent.spki, { ...request, ...changes }, proof)).toBe(false);
    }
  });
});
