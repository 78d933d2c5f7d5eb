import { createECDH, ECDH, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ByteReader, framed } from '../../src/offline/bytes.ts';
import { fingerprintOf, isSigned, readPublicKey } from '../../src/offline/keys.ts';
import { decrypt, encrypt, openSealed, sealTo } from '../../src/offline/seal.ts';
import { agent, codeOf, errorOf, newPair, signedBy } from './support.ts';

const message = Buffer.from('what is signed');
const context = Buffer.from('context');
const secret = Buffer.from('a secret of some length');
const point = agent.spki.subarray(-65);

/** The same key, its point written otherwise. */
function spelt(format: 'compressed' | 'hybrid'): Buffer {
  return ECDH.convertKey(point, 'prime256v1', undefined, undefined, format) as Buffer;
}

describe('a public key', () => {
  it('is read in its one form', () => {
    expect(readPublicKey(agent.spki).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(fingerprintOf(agent.spki)).toMatch(/^[0-9a-f]{64}$/);
  });

  const prefix = agent.spki.subarray(0, -65);
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    spelt('compressed'),
  ]);
  const offCurve = Buffer.from(agent.spki);
  offCurve[90] = offCurve[90]! ^ 1;
  const keyOn = (namedCurve: string): Buffer =>
    generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' });
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a compressed point', compressed],
    ['a compressed point with bytes behind it', Buffer.concat([compressed, Buffer.alloc(32, 7)])],
    ['a hybrid point', Buffer.concat([prefix, spelt('hybrid')])],
    ['a point off the curve', offCurve],
    ['another curve', keyOn('secp256k1')],
    ['another curve whose keys are as long', keyOn('SM2')],
    ['bytes behind it', Buffer.concat([agent.spki, Buffer.alloc(1)])],
    ['a byte missing', agent.spki.subarray(0, -1)],
    ['a byte in front', Buffer.concat([Buffer.alloc(1), agent.spki.subarray(0, -1)])],
  ])('is refused as %s', (_, spki) => {
    expect(errorOf(() => readPublicKey(spki)).code).toBe('malformed');
    expect(errorOf(() => sealTo(spki, context, secret)).code).toBe('malformed');
    expect(errorOf(() => isSigned(spki, message, Buffer.alloc(64))).code).toBe('malformed');
  });
});

describe('a signature', () => {
  const signature = signedBy(agent, message);

  it('fits its message and its key', () => {
    expect(isSigned(agent.spki, message, signature)).toBe(true);
    expect(isSigned(agent.spki, Buffer.from('another'), signature)).toBe(false);
    expect(isSigned(newPair().spki, message, signature)).toBe(false);
  });

  it('has 64 bytes, all of which count', () => {
    for (const wrong of [0, 63, 65, 70, 72]) {
      expect(isSigned(agent.spki, message, Buffer.alloc(wrong, 1))).toBe(false);
    }
    expect(isSigned(agent.spki, message, Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false);
    expect(isSigned(agent.spki, message, sign('sha256', message, agent.privateKey))).toBe(false);
    for (const fill of [0, 1, 255]) {
      expect(isSigned(agent.spki, message, Buffer.alloc(64, fill))).toBe(false);
    }
    for (let at = 0; at < 64; at += 1) {
      const changed = Buffer.from(signature);
      changed[at] = changed[at]! ^ 1;
      expect(isSigned(agent.spki, message, changed)).toBe(false);
    }
  });
});

describe('what is sealed', () => {
  const sealed = sealTo(agent.spki, context, secret);

  it('is opened by whom it is for, every time it is sealed anew', async () => {
    expect(sealTo(agent.spki, context, secret)).not.toEqual(sealed);
    const { spki, agree } = agent;
    expect(await openSealed(spki, agree, context, sealed)).toEqual(secret);
    const empty = sealTo(spki, context, Buffer.alloc(0));
    expect(await openSealed(spki, agree, context, empty)).toEqual(Buffer.alloc(0));
  });

  it('is opened by nobody else and in no other context', async () => {
    const { spki, agree } = newPair();
    expect(await codeOf(() => openSealed(spki, agree, context, sealed))).toBe('forged');
    expect(await codeOf(() => openSealed(agent.spki, agree, context, sealed))).toBe('forged');
    expect(await codeOf(() => openSealed(spki, agent.agree, context, sealed))).toBe('forged');
    const other = Buffer.from('contexT');
    expect(await codeOf(() => openSealed(agent.spki, agent.agree, other, sealed))).toBe('forged');
  });

  it('is opened with every byte as it was', async () => {
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = changed[at]! ^ 0x80;
      const code = await codeOf(() => openSealed(agent.spki, agent.agree, context, changed));
      // A changed byte of the point leaves the curve.
      expect(code, `byte ${at}`).toBe(at < 65 ? 'malformed' : 'forged');
    }
    for (let length = 0; length < sealed.length; length += 1) {
      const cut = sealed.subarray(0, length);
      const code = await codeOf(() => openSealed(agent.spki, agent.agree, context, cut));
      expect(code, `${length} bytes`).toBe(length < 65 + 12 ? 'malformed' : 'forged');
    }
  });

  it('never takes a point to the private key that is none', async () => {
    const asked: unknown[] = [];
    const agree = (given: Uint8Array): Buffer => {
      asked.push(given);
      return Buffer.alloc(32);
    };
    const hybrid = spelt('hybrid');
    for (const wrong of [Buffer.alloc(65), Buffer.alloc(65, 4), hybrid]) {
      const changed = Buffer.concat([wrong, sealed.subarray(65)]);
      expect(await codeOf(() => openSealed(agent.spki, agree, context, changed))).toBe('malformed');
    }
    expect(asked).toEqual([]);
  });

  it('leaves no agreed secret behind', async () => {
    const ecdh = createECDH('prime256v1');
    ecdh.generateKeys();
    const spki = Buffer.concat([agent.spki.subarray(0, -65), ecdh.getPublicKey()]);
    const agreed: Buffer[] = [];
    const agree = (given: Uint8Array): Buffer => {
      agreed.push(ecdh.computeSecret(given));
      return agreed[0]!;
    };
    await openSealed(spki, agree, context, sealTo(spki, context, secret));
    expect(agreed).toEqual([Buffer.alloc(32)]);
  });
});

describe('what is encrypted', () => {
  it('has a nonce of its own', () => {
    const key = Buffer.alloc(32, 3);
    const encrypted = encrypt(key, context, secret);
    expect(decrypt(key, context, encrypted)).toEqual(secret);
    expect(encrypted.subarray(0, 12)).not.toEqual(encrypt(key, context, secret).subarray(0, 12));
  });
});

describe('bytes', () => {
  it('are framed so that no two lists make the same', () => {
    expect(framed('a', 'bc')).not.toEqual(framed('ab', 'c'));
    expect(framed()).not.toEqual(framed(''));
  });

  it('are read to their end and no further', () => {
    const reader = new ByteReader(Buffer.from('00000102aabb', 'hex'), 'it');
    expect(reader.u32()).toBe(0x102);
    expect(errorOf(() => reader.take(3)).message).toBe('it must be whole: bytes are missing');
    expect(errorOf(() => reader.end()).message).toBe('it must be without trailing bytes');
    expect(reader.rest()).toEqual(Buffer.from('aabb', 'hex'));
    reader.end();
    expect(errorOf(() => reader.u32()).code).toBe('malformed');
  });

  it('are read from the part of a buffer that they are', () => {
    const part = new Uint8Array([9, 9, 1, 2, 9]).subarray(2, 4);
    expect(new ByteReader(part, 'it').rest()).toEqual(Buffer.from([1, 2]));
  });
});
