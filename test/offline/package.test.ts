import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framed } from '../../src/offline/bytes.ts';
import { type PackageHeader, writeHeader } from '../../src/offline/header.ts';
import { bodyKey, fingerprintOf, sha256, tagKey } from '../../src/offline/keys.ts';
import { OfflineError } from '../../src/offline/offline-error.ts';
import {
  buildPackage,
  entryTag,
  newSalt,
  openPackage,
  type PackageSecrets,
  verifyPackage,
} from '../../src/offline/package.ts';
import { sealTo } from '../../src/offline/seal.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';
import {
  agent,
  agentId,
  codeOf,
  errorOf,
  headerOf,
  keyOfPackage,
  kinds,
  newPair,
  packageOf,
  parties,
  responseAt,
  server,
  signedBy,
  uuidOf,
} from './support.ts';

const nothing: PackageSecrets = { challenges: [], emergencyCodes: [] };
const code = { codeId: uuidOf(9), kind: 'passcode', isPinRequired: false } as const;
const terms = { ...code, notAfterMs: 1_780_000_000_000, usesMax: 3 };

/** A package with everything in it, and small. */
const secrets: PackageSecrets = {
  challenges: ['00000001', '98765432'],
  emergencyCodes: ['K7QF-0M2N-XXXX-YYYY'],
};
const fullHeader = headerOf({ algorithm: 'OCRA-1:HOTP-SHA1-8:C-QN08', emergency: [terms] });

/** Where the parts of a package begin, and their lengths are. */
function partsOf(bytes: Buffer): { at: number; part: Buffer }[] {
  const found = [];
  for (let at = 4; at < bytes.length - 64;) {
    const length = bytes.readUInt32BE(at);
    found.push({ at: at + 4, part: bytes.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return found;
}

/** A package of these parts with the server's signature: what only a faulty server makes. */
function signedParts(...parts: readonly Uint8Array[]): Buffer {
  const message = framed('ovp1/package', ...parts.map((part) => sha256(part)));
  return Buffer.concat([Buffer.from('OVP1'), framed(...parts), signedBy(server, message)]);
}

describe('a package', () => {
  it.each(Object.entries(kinds))('of %s is opened by its agent', async (kind, changes) => {
    const header = headerOf(changes);
    const challenges = kind === 'challenge' ? ['1', '22', '333', '4444'] : [];
    const opened = await openPackage(packageOf(header, { ...nothing, challenges }), parties);
    expect(opened.header).toEqual(header);
    expect(opened.challenges).toEqual(challenges);
    expect(opened.packageKey).toEqual(keyOfPackage);
    expect(opened.tags.length).toBe(64);
  });

  it(
    'gives back what went in',
    async () => {
      const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 64 });
      const law = fc.asyncProperty(
        fc.bigInt({ min: 0n, max: 10_000n }),
        fc.integer({ min: 1, max: 120 }),
        printable,
        fc.array(printable, { maxLength: 2 }),
        async (first, count, challenge, emergencyCodes) => {
          const header = headerOf({
            ...{ algorithm: 'OCRA-1:HOTP-SHA1-8:C-QA64', first, count },
            emergency: emergencyCodes.map(() => terms),
          });
          const blocks = Number((first + BigInt(count) - 1n) / 50n - first / 50n) + 1;
          const challenges = Array.from({ length: blocks }, () => challenge);
          const opened = await openPackage(
            packageOf(header, { challenges, emergencyCodes }),
            parties,
          );
          expect(opened).toMatchObject({ challenges, emergencyCodes });
          for (let entry = 0; entry < count; entry += 1) {
            const index = first + BigInt(entry);
            const key = tagKey(keyOfPackage, Number(index / 50n));
            const tag = entryTag(key, header.packageId, index, responseAt(index));
            expect(opened.tags.subarray(16 * entry, 16 * entry + 16)).toEqual(tag);
          }
        },
      );
      await fc.assert(law, proofRuns(30));
    },
    proofTimeoutMs,
  );

  it('tells its texts in no other way than they were given', async () => {
    const odd = ['\u00e9', 'x'.repeat(65), '', 'tab\t', '\u007f'];
    for (const text of odd) {
      const wrong = { ...secrets, emergencyCodes: [text] };
      expect(() => packageOf(fullHeader, wrong)).toThrow(RangeError);
    }
    const all = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');
    for (const emergencyCodes of [[all.slice(0, 64)], [all.slice(31)]]) {
      const opened = await openPackage(
        packageOf(fullHeader, { ...secrets, emergencyCodes }),
        parties,
      );
      expect(opened.emergencyCodes).toEqual(emergencyCodes);
    }
  });

  it('draws a salt of 16 bytes for each', () => {
    expect(newSalt().length).toBe(16);
    expect(newSalt()).not.toEqual(newSalt());
  });
});

describe('whoever builds a package', () => {
  const builderOf = (header: PackageHeader): ReturnType<typeof buildPackage> =>
    buildPackage(header, nothing, Buffer.from(keyOfPackage), agent.spki);

  it('adds as many entries as there are, then signs, then finishes', () => {
    const builder = builderOf(headerOf({ count: 2 }));
    expect(() => builder.finish(Buffer.alloc(64))).toThrow('toSign comes first');
    builder.add('11111111');
    expect(() => builder.toSign()).toThrow('1 entries are missing');
    builder.add('22222222');
    expect(() => builder.add('33333333')).toThrow('every entry was added');
    const message = builder.toSign();
    expect(builder.toSign()).toEqual(message);
    expect(() => builder.finish(Buffer.alloc(63))).toThrow('64 bytes');
    const bytes = builder.finish(signedBy(server, message));
    expect(verifyPackage(bytes, parties).header.count).toBe(2);
  });

  it('finds the package key overwritten once all is tagged', () => {
    const key = Buffer.from(keyOfPackage);
    const builder = buildPackage(headerOf({ count: 1 }), nothing, key, agent.spki);
    builder.add('11111111');
    expect(key).toEqual(keyOfPackage);
    builder.toSign();
    expect(key).toEqual(Buffer.alloc(32));
  });

  it('gives as many challenges and codes as go with the header', () => {
    for (const wrong of [
      { ...secrets, challenges: ['00000001'] },
      { ...secrets, challenges: [...secrets.challenges, '3'] },
      { ...secrets, emergencyCodes: [] },
    ]) {
      expect(() => packageOf(fullHeader, wrong)).toThrow(RangeError);
    }
    expect(() => packageOf(headerOf(), { ...nothing, challenges: ['1'] })).toThrow(RangeError);
  });

  it('names the agent’s own key', () => {
    const header = headerOf({ agentKeyId: fingerprintOf(server.spki) });
    expect(() => builderOf(header)).toThrow('fingerprint');
    const noKey = (): unknown => buildPackage(headerOf(), nothing, keyOfPackage, Buffer.alloc(91));
    expect(errorOf(noKey).code).toBe('malformed');
  });
});

describe('a package that was tampered with', () => {
  const bytes = packageOf(fullHeader, secrets);

  it('is never opened, whichever byte is another', async () => {
    expect(await codeOf(() => openPackage(bytes, parties))).toBe(null);
    const codes = new Set<unknown>();
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of [1, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ bit;
        const found = await codeOf(() => openPackage(changed, parties));
        if (found === null) expect.fail(`byte ${at} ^ ${bit} went unnoticed`);
        codes.add(found);
      }
    }
    expect(codes).toEqual(new Set(['malformed', 'forged']));
  });

  it('is never opened, wherever it ends', async () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const found = await codeOf(() => openPackage(bytes.subarray(0, length), parties));
      if (found !== 'malformed') expect.fail(`${length} bytes: ${String(found)}`);
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    expect(await codeOf(() => openPackage(longer, parties))).toBe('malformed');
  });

  it('is never opened with a part of another', async () => {
    const other = packageOf({ ...fullHeader, sequence: 2 }, secrets);
    const [ours, theirs] = [partsOf(bytes), partsOf(other)];
    for (let part = 0; part < 3; part += 1) {
      const mixed = Buffer.from(bytes);
      theirs[part]!.part.copy(mixed, ours[part]!.at);
      expect(await codeOf(() => openPackage(mixed, parties))).toBe('forged');
    }
  });

  it('claims no parts longer than any', () => {
    const long = Buffer.concat([Buffer.from('OVP1'), Buffer.from('00800001', 'hex')]);
    expect(errorOf(() => verifyPackage(long, parties)).message).toContain('8388608 bytes');
  });
});

describe('a package for others', () => {
  const bytes = packageOf(headerOf());
  const stranger = newPair();

  it('is not opened by an agent of another name or key', async () => {
    const renamed = { ...parties, agentId: uuidOf(77) };
    expect(await codeOf(() => openPackage(bytes, renamed))).toBe('foreign');
    const { spki: agentKey, agree } = stranger;
    expect(await codeOf(() => openPackage(bytes, { ...parties, agentKey, agree }))).toBe('foreign');
  });

  it('is not opened with another private key', async () => {
    const { agree } = stranger;
    expect(await codeOf(() => openPackage(bytes, { ...parties, agree }))).toBe('forged');
  });

  it('is not opened when another server made it', async () => {
    const elsewhere = { ...parties, serverKey: stranger.spki };
    expect(await codeOf(() => openPackage(bytes, elsewhere))).toBe('forged');
    const forged = packageOf(headerOf({ kid: fingerprintOf(stranger.spki) }), nothing, stranger);
    expect(await codeOf(() => openPackage(forged, parties))).toBe('forged');
    const mixed = packageOf(headerOf({ kid: fingerprintOf(stranger.spki) }));
    expect(await codeOf(() => openPackage(mixed, parties))).toBe('foreign');
    expect(await codeOf(() => openPackage(bytes, { ...parties, agentId }))).toBe(null);
  });
});

describe('a package of a faulty server', () => {
  const header = writeHeader(fullHeader);
  const context = sha256(header);
  const lengths = { challenges: framed('00000001', '98765432'), codes: framed('K7QF') };

  /** Encrypted with a nonce of zeros, which shows nothing here. */
  function bodyOf(plain: Uint8Array, key: Uint8Array = keyOfPackage): Buffer {
    const cipher = createCipheriv('aes-256-gcm', bodyKey(key), Buffer.alloc(12)).setAAD(context);
    const sealed = [cipher.update(plain), cipher.final()];
    return Buffer.concat([Buffer.alloc(12), ...sealed, cipher.getAuthTag()]);
  }
  const sealedKey = sealTo(agent.spki, context, keyOfPackage);
  const open = (body: Uint8Array, key: Uint8Array = sealedKey): Promise<unknown> =>
    openPackage(signedParts(header, key, body), parties);
  const plain = Buffer.concat([framed(lengths.challenges, lengths.codes), Buffer.alloc(64)]);

  it('is opened when it is well made', async () => {
    expect(await codeOf(() => open(bodyOf(plain)))).toBe(null);
  });

  it.each([
    ['a tag too few', Buffer.from(plain.subarray(0, plain.length - 16))],
    ['half a tag more', Buffer.concat([plain, Buffer.alloc(8)])],
    ['a challenge too few', Buffer.concat([framed(framed('1'), lengths.codes), Buffer.alloc(64)])],
    [
      'a challenge too many',
      Buffer.concat([framed(framed('1', '2', '3'), lengths.codes), Buffer.alloc(64)]),
    ],
    ['no code', Buffer.concat([framed(lengths.challenges, ''), Buffer.alloc(64)])],
    ['an empty code', Buffer.concat([framed(lengths.challenges, framed('')), Buffer.alloc(64)])],
    [
      'a code beyond ASCII',
      Buffer.concat([framed(lengths.challenges, framed('K7\u00e9')), Buffer.alloc(64)]),
    ],
    [
      'a code of 65 characters',
      Buffer.concat([framed(lengths.challenges, framed('x'.repeat(65))), Buffer.alloc(64)]),
    ],
    ['nothing', Buffer.alloc(0)],
  ])('is refused with %s', async (_, wrong) => {
    expect(await codeOf(() => open(bodyOf(wrong)))).toBe('malformed');
  });

  it('is refused with a package key of another length or another body', async () => {
    const short = sealTo(agent.spki, context, keyOfPackage.subarray(1));
    expect(await codeOf(() => open(bodyOf(plain), short))).toBe('malformed');
    expect(await codeOf(() => open(bodyOf(plain, Buffer.alloc(32))))).toBe('forged');
    expect(await codeOf(() => open(Buffer.alloc(20)))).toBe('forged');
    expect(await codeOf(() => open(Buffer.alloc(11)))).toBe('malformed');
  });

  it('says what is wrong, and nothing of what it holds', async () => {
    const secret = 'secret\u00e9';
    const body = Buffer.concat([framed(lengths.challenges, framed(secret)), Buffer.alloc(64)]);
    const refusal = await open(bodyOf(body)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OfflineError);
    expect(String(refusal)).toBe('OfflineError: codes must be texts of 1 to 64 ASCII characters');
  });
});
