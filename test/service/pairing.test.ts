import {
  constants,
  createHash,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Bench,
  hotp6,
  nextSerial,
  ocraBare,
  ocraCounter,
  ocraTime,
  openBench,
  TestDevice,
  totp6,
} from '../support/builders.ts';
import { TallystickError } from '../../src/errors.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;
let privateKey: KeyObject;
let publicKey: Buffer;

beforeAll(async () => {
  bench = await openBench();
  const pair = generateKeyPairSync('rsa', { modulusLength: 3072 });
  privateKey = pair.privateKey;
  publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });
});

afterAll(async () => {
  await bench.close();
});

function pairRequest(more: object = {}): Record<string, unknown> {
  return {
    format: 'tallystick-pair-request',
    version: 1,
    serial: nextSerial(),
    model: 'VTGO1',
    publicKey: publicKey.toString('base64'),
    applications: [{ name: 'TIME', mode: 'response-only', algorithm: totp6 }],
    ...more,
  };
}

function opened(envelope: string): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const key = { key: privateKey, padding, oaepHash: 'sha1' };
  return privateDecrypt(key, Buffer.from(envelope, 'base64'));
}

test('a device opens its bundle, and its responses verify', async () => {
  const { administration } = bench.service;
  const serial = `${nextSerial()}-2`;
  const bundle = await administration.pairAuthenticator(
    bench.admin,
    pairRequest({
      serial,
      applications: [
        { name: 'TIME', mode: 'response-only', algorithm: totp6 },
        { name: 'EVENT', mode: 'response-only', algorithm: hotp6 },
        { name: 'CRT', mode: 'challenge-response', algorithm: ocraTime },
        { name: 'CRC', mode: 'challenge-response', algorithm: ocraCounter },
      ],
    }),
  );
  expect(bundle).toMatchObject({
    format: 'tallystick-pair-bundle',
    version: 1,
    serial,
    publicKeySha256: createHash('sha256').update(publicKey).digest('hex'),
    issuedAtMs: bench.clock.nowMs(),
  });
  const userName = await bench.user();
  const caller = await bench.caller();
  await administration.assignAuthenticator(bench.admin, serial, null, userName);
  for (const application of bundle.applications) {
    const seed = opened(application.envelope);
    expect(seed).toHaveLength(application.seedBytes);
    const kcv = createHmac('sha1', seed).update('tallystick key check value v1').digest('hex');
    expect(kcv.slice(0, 8)).toBe(application.keyCheckValue);
    const { name, algorithm, mode, eventCounter } = application;
    const device = new TestDevice(serial, name, algorithm, seed);
    const challenge = mode === 'challenge-response' ? '24681357' : null;
    const response = device.response({
      nowMs: bench.clock.nowMs(),
      counter: BigInt(eventCounter),
      ...(challenge === null ? {} : { challenge }),
    });
    const request = asking(userName, { response, challenge, applicationName: name });
    expect([name, await codeOf(bench.service, caller, request)]).toEqual([name, 'accepted']);
  }
  expect(await administration.authenticator(bench.admin, serial)).toMatchObject({
    isVirtual: true,
    licenceSerial: serial.slice(0, -2),
    model: 'VTGO1',
    applications: bundle.applications.map(() => ({ seedOrigin: 'paired' })),
  });
  const bodies = (await bench.auditBodies()).join('\n');
  expect(bodies).toContain(bundle.publicKeySha256);
  for (const { envelope } of bundle.applications) expect(bodies).not.toContain(envelope);
});

test('a device with a PIN gets what unlocks it, and shows the code that the help desk says', async () => {
  const { administration } = bench.service;
  const request = pairRequest({
    applications: [
      { name: 'TIME', mode: 'response-only', algorithm: totp6 },
      { name: 'UNLOCK', mode: 'unlock', algorithm: ocraBare },
    ],
  });
  const { serial, applications } = await administration.pairAuthenticator(bench.admin, request);
  const [, unlock] = applications;
  expect(unlock).toMatchObject({ name: 'UNLOCK', mode: 'unlock', algorithm: ocraBare });
  const device = new TestDevice(serial, 'UNLOCK', ocraBare, opened(unlock!.envelope));
  const { code } = await administration.unlockCode(bench.admin, serial, '4711', null);
  expect(device.response({ challenge: '4711' })).toBe(code);
});

describe('pairing is refused', () => {
  test('where the policy of the component forbids virtual authenticators', async () => {
    const caller = await bench.caller({ virtualAuthenticators: 'forbidden' }, 'admin');
    await expect(
      bench.service.administration.pairAuthenticator(caller, pairRequest()),
    ).rejects.toMatchObject({ code: 'policy-refused' });
  });

  test('for a serial in use, and leaves no seed behind', async () => {
    const request = pairRequest();
    await bench.service.administration.pairAuthenticator(bench.admin, request);
    const seeds = bench.module.memory.seeds.size;
    await expect(
      bench.service.administration.pairAuthenticator(bench.admin, request),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(bench.module.memory.seeds.size).toBe(seeds);
  });

  test('when the database fails after the seeds were made, and leaves none behind', async () => {
    const other = await openBench({
      store: (store) =>
        new Proxy(store, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            const full = new TallystickError('store-full', 'disk full');
            if (name === 'administer') return () => Promise.reject(full);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
    });
    await expect(
      other.service.administration.pairAuthenticator(other.admin, pairRequest()),
    ).rejects.toThrow('disk full');
    expect(other.module.memory.seeds.size).toBe(0);
    await other.close();
  });

  const spki = (bits: number, publicExponent = 0x10001): string =>
    generateKeyPairSync('rsa', { modulusLength: bits, publicExponent })
      .publicKey.export({ format: 'der', type: 'spki' })
      .toString('base64');
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    .publicKey.export({ format: 'der', type: 'spki' })
    .toString('base64');

  test.each([
    ['2048 bits', () => spki(2048)],
    ['exponent 3', () => spki(3072, 3)],
    ['an elliptic curve', () => ec],
    ['bytes behind the key', () => Buffer.concat([publicKey, Buffer.alloc(3)]).toString('base64')],
    ['loose base64', () => `${publicKey.toString('base64')}\n`],
    ['not a key', () => 'AAAA'],
    ['not text', () => 7],
  ])('for a public key of %s', async (_name, key) => {
    await expect(
      bench.service.administration.pairAuthenticator(
        bench.admin,
        pairRequest({ publicKey: key() }),
      ),
    ).rejects.toMatchObject({
      code: 'request-invalid',
      fields: { publicKey: [expect.stringContaining('must be base64') as string] },
    });
  });

  test.each([
    [() => null, 'request'],
    [() => [], 'request'],
    [() => pairRequest({ format: 'other' }), 'format'],
    [() => pairRequest({ version: 2 }), 'version'],
    [() => pairRequest({ extra: 1 }), 'request.extra'],
    [() => pairRequest({ serial: 5 }), 'serial'],
    [() => pairRequest({ model: 'NINECHARS' }), 'model'],
    [() => pairRequest({ applications: {} }), 'applications'],
    [() => pairRequest({ applications: [] }), 'applications'],
    [() => pairRequest({ applications: ['A'] }), 'applications[0]'],
    [
      () =>
        pairRequest({
          applications: [{ name: 'A', mode: 'response-only', algorithm: hotp6, seed: 'x' }],
        }),
      'applications[0].seed',
    ],
    [
      () =>
        pairRequest({
          applications: Array.from({ length: 500 }, (_, index) => ({
            name: `A${String(index)}`,
            mode: 'response-only',
            algorithm: hotp6,
          })),
        }),
      'applications',
    ],
  ])('case %#: names the member', async (request, member) => {
    const error: unknown = await bench.service.administration
      .pairAuthenticator(bench.admin, request())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'request-invalid' });
    expect(Object.keys((error as { fields: object }).fields)).toEqual([member]);
  });
});
