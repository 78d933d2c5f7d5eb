import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { framed } from '../../src/offline/bytes.ts';
import { entryKeyMessage, keepEntries } from '../../src/offline/entries.ts';
import { readHeader, writeHeader } from '../../src/offline/header.ts';
import {
  agreedKey,
  bodyKey,
  fingerprintOf,
  hmacSha256,
  isSigned,
  logKeyMessage,
  packageKeyMessage,
  shareMessage,
  tagKey,
} from '../../src/offline/keys.ts';
import {
  advanceLogKey,
  appendRecord,
  emptyLog,
  parseRecord,
  readRecord,
} from '../../src/offline/log.ts';
import { buildPackage, entryTag, openPackage } from '../../src/offline/package.ts';
import { isProven, proofMessage } from '../../src/offline/proof.ts';
import {
  acknowledgementMessage,
  readAcknowledgement,
  readReport,
  writeAcknowledgement,
  writeReport,
} from '../../src/offline/report.ts';
import { openSealed } from '../../src/offline/seal.ts';
import { pairOf, privateKeyOf, signedBy } from './support.ts';

interface Vectors {
  framed: { parts: string[]; bytes: string }[];
  parties: { serverKey: string; serverSec1: string; agentKey: string; agentPrivate: string };
  keys: {
    packageKey: string;
    packageKeyMessage: { about: Parameters<typeof packageKeyMessage>[0]; message: string };
    logKeyMessage: { agentId: string; message: string };
    shareMessage: { agentId: string; message: string };
    hmac: { key: string; mac: string };
    bodyKey: string;
    tagKeys: { block: number; key: string }[];
    agreedKey: { secret: string; context: string; salt: string; key: string };
    fingerprint: { spki: string; fingerprint: string };
  };
  entries: {
    packageId: string;
    entryKeyMessage: { stretchedPin: string; message: string };
    tags: { block: number; index: string; response: string; tag: string }[];
    entryKey: string;
    kept: { tagBits: number; kept: string }[];
  };
  log: { key: string; lines: { record: string; mac: string; head: string; key: string }[] };
  sealed: { context: string; secret: string; bytes: string };
  package: {
    header: string;
    challenges: string[];
    emergencyCodes: string[];
    responses: string[];
    tags: string;
    toSign: string;
    bytes: string;
  };
  report: string;
  answer: { payload: string; message: string; signature: string };
  proof: {
    agentId: string;
    method: string;
    path: string;
    nonce: string;
    body: string;
    message: string;
    signature: string;
  };
}

const file = new URL('../vectors/offline-ovp1.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const { keys, entries, log, sealed, parties } = vectors;
const whole = vectors.package;

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const packageKey = bytesOf(keys.packageKey);
const serverKey = bytesOf(parties.serverKey);
const agentKey = bytesOf(parties.agentKey);
const server = pairOf(privateKeyOf(bytesOf(parties.serverSec1)), serverKey);
const agent = pairOf(
  createPrivateKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: bytesOf(parties.agentPrivate).toString('base64url'),
      x: agentKey.subarray(-64, -32).toString('base64url'),
      y: agentKey.subarray(-32).toString('base64url'),
    },
    format: 'jwk',
  }),
  agentKey,
);

describe('keys of the vectors', () => {
  it.each(vectors.framed)('frame $parts', ({ parts, bytes }) => {
    expect(hexOf(framed(...parts))).toBe(bytes);
  });

  it('come from the same messages', () => {
    const { about, message } = keys.packageKeyMessage;
    expect(hexOf(packageKeyMessage(about))).toBe(message);
    expect(hexOf(logKeyMessage(keys.logKeyMessage.agentId))).toBe(keys.logKeyMessage.message);
    expect(hexOf(shareMessage(keys.shareMessage.agentId))).toBe(keys.shareMessage.message);
    const { stretchedPin, message: forEntries } = entries.entryKeyMessage;
    expect(hexOf(entryKeyMessage(entries.packageId, bytesOf(stretchedPin)))).toBe(forEntries);
    expect(hexOf(hmacSha256(bytesOf(keys.hmac.key), bytesOf(message)))).toBe(keys.hmac.mac);
  });

  it('are derived the same way', () => {
    expect(hexOf(bodyKey(packageKey))).toBe(keys.bodyKey);
    for (const { block, key } of keys.tagKeys) expect(hexOf(tagKey(packageKey, block))).toBe(key);
    const { secret, context, salt, key } = keys.agreedKey;
    expect(hexOf(agreedKey(bytesOf(secret), bytesOf(context), bytesOf(salt)))).toBe(key);
    const { spki, fingerprint } = keys.fingerprint;
    expect(fingerprintOf(bytesOf(spki))).toBe(fingerprint);
  });
});

describe('entries of the vectors', () => {
  it('have the same tags', () => {
    for (const { block, index, response, tag } of entries.tags) {
      const made = entryTag(tagKey(packageKey, block), entries.packageId, BigInt(index), response);
      expect(hexOf(made)).toBe(tag);
    }
  });

  it.each(entries.kept)('keep the same $tagBits bits', ({ tagBits, kept }) => {
    const tags = bytesOf(entries.tags.map(({ tag }) => tag).join(''));
    const header = { count: entries.tags.length, tagBits };
    expect(hexOf(keepEntries(header, bytesOf(entries.entryKey), tags))).toBe(kept);
  });
});

describe('the log of the vectors', () => {
  it('is written the same', () => {
    let chain = emptyLog(bytesOf(log.key));
    for (const { record, mac, head, key } of log.lines) {
      const { n, ...members } = parseRecord(Buffer.from(record));
      expect(n).toBe(chain.n + 1);
      const next = appendRecord(chain, members);
      expect(next.line.record.toString()).toBe(record);
      expect(hexOf(next.line.mac)).toBe(mac);
      expect([hexOf(next.log.head), hexOf(next.log.key)]).toEqual([head, key]);
      chain = next.log;
    }
  });

  it('is read, and a later key told from the first', () => {
    let chain = emptyLog(bytesOf(log.key));
    log.lines.forEach(({ record, mac, head, key }, at) => {
      const next = readRecord(chain, { record: Buffer.from(record), mac: bytesOf(mac) });
      expect(next?.record.n).toBe(at + 1);
      chain = next!.log;
      expect(hexOf(chain.head)).toBe(head);
      expect(hexOf(advanceLogKey(bytesOf(log.key), at + 1))).toBe(key);
    });
    expect(chain.n).toBe(5);
  });
});

describe('the package of the vectors', () => {
  it('is opened', async () => {
    const { header, ...opened } = await openPackage(bytesOf(whole.bytes), {
      serverKey,
      agentId: keys.logKeyMessage.agentId,
      agentKey,
      agree: agent.agree,
    });
    expect(writeHeader(header).toString()).toBe(whole.header);
    expect(opened.challenges).toEqual(whole.challenges);
    expect(opened.emergencyCodes).toEqual(whole.emergencyCodes);
    expect(hexOf(opened.packageKey)).toBe(keys.packageKey);
    expect(hexOf(opened.tags)).toBe(whole.tags);
  });

  it('is made the same but for what is drawn', () => {
    const header = readHeader(Buffer.from(whole.header));
    const builder = buildPackage(header, whole, Buffer.from(packageKey), agentKey);
    for (const response of whole.responses) builder.add(response);
    const made = builder.finish(signedBy(server, builder.toSign()));
    const headerEnd = 4 + 4 + Buffer.byteLength(whole.header);
    expect(made.length).toBe(whole.bytes.length / 2);
    expect(made.subarray(0, headerEnd)).toEqual(bytesOf(whole.bytes).subarray(0, headerEnd));
  });

  it('has the server’s signature over the digests of its parts', () => {
    const signature = bytesOf(whole.bytes).subarray(-64);
    expect(isSigned(serverKey, bytesOf(whole.toSign), signature)).toBe(true);
  });

  it('is sealed as any secret is', async () => {
    const context = bytesOf(sealed.context);
    const opened = await openSealed(agentKey, agent.agree, context, bytesOf(sealed.bytes));
    expect(hexOf(opened)).toBe(sealed.secret);
  });
});

describe('what is reported in the vectors', () => {
  it('is a report, word for word', () => {
    const report = readReport(Buffer.from(vectors.report));
    expect(writeReport(report).toString()).toBe(vectors.report);
    expect(report.lines.map(({ record }) => record.toString())).toEqual(
      log.lines.slice(0, 2).map(({ record }) => record),
    );
  });

  it('is answered, word for word', () => {
    const { payload, message, signature } = vectors.answer;
    const document = { payload: Buffer.from(payload), signature: bytesOf(signature) };
    expect(hexOf(acknowledgementMessage(document.payload))).toBe(message);
    const { agentId, reportId } = readReport(Buffer.from(vectors.report));
    const answer = readAcknowledgement(document, serverKey, { agentId, reportId });
    expect(writeAcknowledgement(answer).toString()).toBe(payload);
  });

  it('is shown to come from the agent', () => {
    const { message, signature, ...request } = vectors.proof;
    const proven = { ...request, body: Buffer.from(request.body) };
    expect(hexOf(proofMessage(proven))).toBe(message);
    expect(isProven(agentKey, proven, bytesOf(signature))).toBe(true);
    expect(isProven(agentKey, { ...proven, nonce: 'AbC-_8' }, bytesOf(signature))).toBe(false);
  });
});
