import { timingSafeEqual } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { wrapMechanisms } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';
import { attempt, fault, faultOf, ModuleFault } from './errors.ts';
import { computeHmac, openSealed, sealText, signMessage } from './mechanisms.ts';
import { digestBytes, hmacMechanisms, secretKeyTemplate } from './templates.ts';
import type { KeyMaker } from './templates.ts';
import type { HashName } from './types.ts';
import { destroyObject, wrapUnder } from './wrapped.ts';

export interface TestBench {
  readonly p11: pkcs11.PKCS11;
  readonly session: pkcs11.Handle;
  readonly maker: KeyMaker;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** RFC 2202 case 1 and RFC 4231 case 1; the key is 20 bytes, padded with zeros to the digest. */
const hmacMessage = Buffer.from('Hi There');
const hmacKey = Buffer.alloc(20, 0x0b);
const hmacAnswers: Readonly<Record<HashName, Buffer>> = {
  SHA1: hex('b617318655057264e28bc0b6fb378c8ef146be00'),
  SHA256: hex('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'),
  SHA512: hex(
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde' +
      'daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ),
};
const hashes = Object.keys(hmacAnswers) as HashName[];

interface UnwrapVector {
  readonly key: Buffer;
  readonly wrapped: Buffer;
  /** HMAC-SHA-1 of `hmacMessage` under what comes out. */
  readonly answer: Buffer;
}

/** RFC 5649 section 6, the 20-byte example. */
const paddedVector: UnwrapVector = {
  key: hex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8'),
  wrapped: hex('138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a'),
  answer: hex('6a3a2c93fdeedec46c2e6d81377fed03197ce258'),
};

/** RFC 3394 section 4.6. */
const plainVector: UnwrapVector = {
  key: hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'),
  wrapped: hex(
    '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43b' + 'fb988b9b7a02dd21',
  ),
  answer: hex('0b72c973b93389b37104a7bf241607a934c51fc3'),
};

/**
 * Computes a published HMAC for each hash, the key padded as short seeds are.
 *
 * @throws ModuleFault `unavailable` when an answer is wrong, or what the module says
 */
export function testHmacs(bench: TestBench, which: readonly HashName[] = hashes): void {
  for (const hash of which) {
    const value = Buffer.alloc(digestBytes[hash]);
    value.set(hmacKey);
    const key = importKey(bench, pkcs11.CKK_GENERIC_SECRET, value, ['sign'], hmacMechanisms[hash]);
    try {
      requireAnswer(bench, key, hash, hmacAnswers[hash], `HMAC-${hash}`);
    } finally {
      destroyObject(bench.p11, bench.session, key);
    }
  }
}

/**
 * The first wrap mechanism that the module offers and does right: known-answer by unwrapping,
 * because what a module pads before it wraps is its own affair.
 *
 * @returns undefined when there is none
 */
export function chooseWrapMechanism(
  bench: TestBench,
  offered: ReadonlySet<number>,
): number | undefined {
  return wrapMechanisms.find((mechanism) => {
    if (!offered.has(mechanism)) return false;
    try {
      testUnwrap(bench, mechanism);
      return true;
    } catch (error) {
      // Offered under this number, but something else (older modules pad otherwise): the next.
      if (error instanceof ModuleFault && error.recovery !== 'none') throw error;
      return false;
    }
  });
}

/**
 * Round trips through the catalogue's own keys.
 *
 * @throws ModuleFault when one does not come back as it went
 */
export function testCatalogue(
  bench: TestBench,
  catalogue: Catalogue,
  wrapMechanism: number | undefined,
): void {
  const { p11, session } = bench;
  if (wrapMechanism !== undefined) testWrapRoundTrip(bench, catalogue, wrapMechanism);
  const context = Buffer.from('tallystick self-test');
  const sealed = sealText(p11, session, catalogue['sensitive-data'].handle, context, hmacMessage);
  const opened = openSealed(p11, session, catalogue['sensitive-data'].handle, context, sealed);
  if (!hmacMessage.equals(opened)) throw wrong('AES-GCM');
  signMessage(p11, session, catalogue['audit-sign'].handle, hmacMessage);
  signMessage(p11, session, catalogue['offline-sign'].handle, hmacMessage);
}

function testUnwrap(bench: TestBench, mechanism: number): void {
  const isPadded = mechanism !== pkcs11.CKM_AES_KEY_WRAP;
  const vector = isPadded ? paddedVector : plainVector;
  const wrapping = importKey(bench, pkcs11.CKK_AES, vector.key, ['unwrap'], mechanism);
  try {
    const key = unwrapSecret(bench, mechanism, wrapping, vector.wrapped);
    try {
      requireAnswer(bench, key, 'SHA1', vector.answer, `unwrapping by mechanism ${mechanism}`);
    } finally {
      destroyObject(bench.p11, bench.session, key);
    }
  } finally {
    destroyObject(bench.p11, bench.session, wrapping);
  }
}

function testWrapRoundTrip(bench: TestBench, catalogue: Catalogue, mechanism: number): void {
  const { p11, session, maker } = bench;
  const shape = {
    isToken: false,
    uses: ['sign'],
    mechanisms: [hmacMechanisms.SHA1],
    isExtractable: true,
  } as const;
  const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape, { bytes: digestBytes.SHA1 });
  const key = maker.make('C_GenerateKey', [template], (wanted = []) =>
    p11.C_GenerateKey(session, { mechanism: pkcs11.CKM_GENERIC_SECRET_KEY_GEN }, wanted),
  );
  try {
    const answer = attempt('C_Sign', () => computeHmac(p11, session, 'SHA1', key, hmacMessage));
    const wrapped = wrapUnder(p11, session, mechanism, catalogue.storage.handle, key);
    const again = unwrapSecret(bench, mechanism, catalogue.storage.handle, wrapped);
    try {
      requireAnswer(bench, again, 'SHA1', answer, 'wrapping under the storage key');
    } finally {
      destroyObject(p11, session, again);
    }
  } finally {
    destroyObject(p11, session, key);
  }
}

function importKey(
  { p11, session, maker }: TestBench,
  keyType: number,
  value: Buffer,
  uses: readonly ('sign' | 'unwrap')[],
  mechanism: number,
): pkcs11.Handle {
  const shape = { isToken: false, uses, mechanisms: [mechanism] };
  const template = secretKeyTemplate(keyType, shape, { value });
  return maker.make('C_CreateObject', [template], (wanted = []) =>
    p11.C_CreateObject(session, wanted),
  );
}

function unwrapSecret(
  { p11, session, maker }: TestBench,
  mechanism: number,
  wrapping: pkcs11.Handle,
  wrapped: Buffer,
): pkcs11.Handle {
  const shape = {
    isToken: false,
    uses: ['sign'],
    mechanisms: [hmacMechanisms.SHA1],
  } as const;
  const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape);
  return maker.make('C_UnwrapKey', [template], (wanted = []) =>
    p11.C_UnwrapKey(session, { mechanism }, wrapping, wrapped, wanted),
  );
}

function requireAnswer(
  { p11, session }: TestBench,
  key: pkcs11.Handle,
  hash: HashName,
  answer: Uint8Array,
  what: string,
): void {
  let mac: Uint8Array;
  try {
    mac = computeHmac(p11, session, hash, key, hmacMessage);
  } catch (error) {
    throw faultOf(error, `self-test of ${what}`);
  }
  if (!timingSafeEqual(mac, answer)) throw wrong(what);
}

function wrong(what: string): ModuleFault {
  return fault('unavailable', `self-test: ${what} gives a wrong answer`);
}
