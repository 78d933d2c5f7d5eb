import { generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listObjects, openModule } from '../../hsm/index.ts';
import type { HsmModule, Residency } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import {
  freshSpec,
  initialisedSoftHsm,
  OtherHand,
  pkcs11Tool,
  referenceTo,
  soon,
} from './support.ts';

/**
 * The use that OpenSC must print, and no other. Of secret keys it prints all but signing, so what
 * it calls "none" is asked again.
 */
const catalogue: Record<string, { type: string; usage: string }> = {
  storage: { type: 'AES', usage: 'wrap, unwrap' },
  'blob-mac': { type: 'Generic secret', usage: 'none' },
  'pin-mac': { type: 'Generic secret', usage: 'none' },
  'password-mac': { type: 'Generic secret', usage: 'none' },
  'virtual-otp-mac': { type: 'Generic secret', usage: 'none' },
  'request-mac': { type: 'Generic secret', usage: 'none' },
  'emergency-mac': { type: 'Generic secret', usage: 'none' },
  'offline-mac': { type: 'Generic secret', usage: 'none' },
  decoy: { type: 'Generic secret', usage: 'none' },
  'sensitive-data': { type: 'AES', usage: 'encrypt, decrypt' },
  'offline-sign': { type: 'EC', usage: 'sign' },
  'audit-sign': { type: 'EC', usage: 'sign' },
  transport: { type: 'RSA', usage: 'unwrap' },
};

describeLayer('softhsm', 'what is inside the module', () => {
  let hsm: SoftHsmToken;
  let module: HsmModule;
  let other: OtherHand;

  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
    module = await openModule({ uri: hsm.uri, residency: 'resident' });
    other = new OtherHand(hsm);
  });
  afterAll(async () => {
    await module.close();
    await hsm.remove();
  });

  /** OpenSC prints an object as a heading and indented lines. */
  async function toolsView(label: string): Promise<string[]> {
    const listing = await pkcs11Tool(hsm, '--list-objects');
    return listing.split(/\n(?=\S)/).filter((object) => object.includes(`label:      ${label}\n`));
  }

  test.each(Object.entries(catalogue))(
    'pkcs11-tool: %s has one use and never leaves',
    async (name, { type, usage }) => {
      const objects = await toolsView(`tallystick-${name}`);
      const keys = objects.filter((object) => !object.startsWith('Public Key'));
      expect(keys).toHaveLength(1);
      const [key = ''] = keys;
      expect(key).toContain(type);
      expect(/Usage: +(.*?) *$/m.exec(key)?.[1]).toBe(usage);
      const signs = usage === 'none' || usage === 'sign';
      const found = other
        .labelled(`tallystick-${name}`)
        .filter((handle) => other.flag(handle, pkcs11.CKA_PRIVATE));
      expect(found).toHaveLength(1);
      expect(other.flag(found[0]!, pkcs11.CKA_SIGN)).toBe(signs);
      expect(/Access: +(.*?) *$/m.exec(key)?.[1]?.split(', ')).toEqual(
        expect.arrayContaining(['sensitive', 'always sensitive', 'never extractable', 'local']),
      );
    },
  );

  test('CKA_IDs are unique among keys that are no pair', async () => {
    const objects = await listObjects({ uri: hsm.uri });
    const keys = objects.filter(
      ({ label, objectClass }) => label.startsWith('tallystick-') && objectClass !== 'public key',
    );
    expect(keys).toHaveLength(Object.keys(catalogue).length);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(keys.length);
    expect(
      keys.every(({ sensitive, extractable }) => sensitive === true && extractable === false),
    ).toBe(true);
  });

  const makings = ['generateSeed', 'importSeed', 'generatePairedSeed'] as const;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const recipient = publicKey.export({ type: 'spki', format: 'der' });

  async function make(
    how: (typeof makings)[number],
    into: HsmModule,
    spec = freshSpec(),
  ): Promise<ReturnType<typeof freshSpec> & { readonly blob?: Uint8Array }> {
    const stored =
      how === 'generateSeed'
        ? await into.generateSeed(spec, soon)
        : how === 'importSeed'
          ? await into.importSeed(spec, randomBytes(20), soon)
          : await into.generatePairedSeed(spec, recipient, soon);
    return { ...spec, ...(stored.blob === undefined ? {} : { blob: stored.blob }) };
  }

  test.each(makings)('a resident seed by %s may only sign', async (how) => {
    const spec = await make(how, module);
    const [seed, ...more] = other.labelled(`tallystick-seed ${spec.owner}`);
    expect(more).toEqual([]);
    const expected: [keyof typeof pkcs11, boolean][] = [
      ['CKA_TOKEN', true],
      ['CKA_PRIVATE', true],
      ['CKA_SENSITIVE', true],
      ['CKA_EXTRACTABLE', false],
      ['CKA_MODIFIABLE', false],
      ['CKA_COPYABLE', false],
      ['CKA_SIGN', true],
      ['CKA_VERIFY', false],
      ['CKA_ENCRYPT', false],
      ['CKA_DECRYPT', false],
      ['CKA_WRAP', false],
      ['CKA_UNWRAP', false],
      ['CKA_DERIVE', false],
    ];
    for (const [name, value] of expected) {
      expect(other.flag(seed!, pkcs11[name] as number), name).toBe(value);
    }
    const id = other.p11.C_GetAttributeValue(other.session, seed!, [{ type: pkcs11.CKA_ID }]);
    expect(id[0]?.value.toString('hex')).toBe(spec.seedId.replaceAll('-', ''));
    const view = (await toolsView(`tallystick-seed ${spec.owner}`)).join('');
    expect(view).toContain('sensitive');
    expect(view).not.toMatch(/Access:.*(?<!never )extractable/);
  });

  test('neither its value nor a wrapping of it can be had, and its attributes stay', async () => {
    const spec = await make('generateSeed', module);
    const [seed] = other.labelled(`tallystick-seed ${spec.owner}`);
    const [storage] = other.labelled('tallystick-storage');
    const { p11, session } = other;
    expect(() => p11.C_GetAttributeValue(session, seed!, [{ type: pkcs11.CKA_VALUE }])).toThrow(
      /CKR_ATTRIBUTE_SENSITIVE/,
    );
    const mechanism = { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD };
    expect(() => p11.C_WrapKey(session, mechanism, storage!, seed!, Buffer.alloc(256))).toThrow(
      /CKR_KEY_UNEXTRACTABLE/,
    );
    for (const change of [
      { type: pkcs11.CKA_EXTRACTABLE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: false },
      { type: pkcs11.CKA_LABEL, value: 'tallystick-seed mine' },
    ]) {
      expect(() => p11.C_SetAttributeValue(session, seed!, [change])).toThrow(/CKR_/);
      expect(() => p11.C_CopyObject(session, seed!, [change])).toThrow(/CKR_/);
    }
  });

  test.each(['resident', 'wrapped'] as const)(
    'after making %s seeds nothing extractable is left anywhere',
    async (residency: Residency) => {
      const into = await openModule({ uri: hsm.uri, residency });
      const extractable = [{ type: pkcs11.CKA_EXTRACTABLE, value: true }];
      const before = other.find([]).length;
      try {
        for (const how of makings) await make(how, into);
        expect(other.find(extractable)).toEqual([]);
        // Resident: one object each. Wrapped: none, and the passing decoy was there before.
        expect(other.find([]).length - before).toBe(residency === 'resident' ? 3 : 0);
      } finally {
        await into.close();
      }
    },
  );

  test('an unwrapped seed is a session object that may only sign', async () => {
    const into = await openModule({ uri: hsm.uri, residency: 'wrapped' });
    try {
      const passing = [{ type: pkcs11.CKA_TOKEN, value: false }];
      const before = other.find(passing).map(String);
      const spec = await make('generateSeed', into);
      await into.mac([{ seed: spec, messages: [randomBytes(8)] }], soon);
      const fresh = other.find(passing).filter((handle) => !before.includes(String(handle)));
      expect(fresh).toHaveLength(1);
      for (const [type, value] of [
        [pkcs11.CKA_PRIVATE, true],
        [pkcs11.CKA_SENSITIVE, true],
        [pkcs11.CKA_EXTRACTABLE, false],
        [pkcs11.CKA_MODIFIABLE, false],
        [pkcs11.CKA_COPYABLE, false],
        [pkcs11.CKA_SIGN, true],
        [pkcs11.CKA_VERIFY, false],
        [pkcs11.CKA_WRAP, false],
      ] as const) {
        expect(other.flag(fresh[0]!, type), String(type)).toBe(value);
      }
    } finally {
      await into.close();
    }
  });

  test('the caller may overwrite what was imported', async () => {
    const seed = randomBytes(20);
    const copy = Buffer.from(seed);
    const spec = freshSpec();
    const stored = await module.importSeed(spec, seed, soon);
    expect(seed.equals(copy)).toBe(true);
    seed.fill(0);
    const reference = referenceTo(spec, stored);
    const [result] = await module.mac([{ seed: reference, messages: [randomBytes(8)] }], soon);
    expect(result?.ok).toBe(true);
  });

  test('the public half of a signing key verifies its signatures', async () => {
    const { createPublicKey, verify } = await import('node:crypto');
    const message = Buffer.from('statement');
    for (const name of ['audit-sign', 'offline-sign'] as const) {
      const der = Buffer.from(await module.publicKey(name, soon));
      const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
      const signature = await module.sign(name, message, soon);
      const options = { key, dsaEncoding: 'ieee-p1363' } as const;
      expect(verify('SHA256', message, options, signature)).toBe(true);
      expect(verify('SHA256', Buffer.from('another'), options, signature)).toBe(false);
    }
  });

  test('an envelope opens for nobody else', async () => {
    const spec = freshSpec();
    const { envelope } = await module.generatePairedSeed(spec, recipient, soon);
    const stranger = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    expect(privateDecrypt({ key: privateKey, oaepHash: 'sha1' }, envelope)).toHaveLength(20);
    expect(() => privateDecrypt({ key: stranger, oaepHash: 'sha1' }, envelope)).toThrow();
  });
});
