import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pkcs11 from 'pkcs11js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createSoftHsmToken,
  initialiseModule,
  listObjects,
  listP11Tokens,
  openModule,
} from '../../hsm/index.ts';
import type { HsmModule, ModuleFailure, SoftHsmToken as Made } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import { freshSoftHsm } from '../support/softhsm.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import { OtherHand, rejection, soon } from './support.ts';

const names = [
  'storage',
  'blob-mac',
  'pin-mac',
  'password-mac',
  'virtual-otp-mac',
  'request-mac',
  'emergency-mac',
  'offline-mac',
  'decoy',
  'sensitive-data',
  'offline-sign',
  'audit-sign',
  'transport',
];

describeLayer('softhsm', 'the key catalogue', () => {
  let hsm: SoftHsmToken;
  let opened: HsmModule;
  let other: OtherHand;

  beforeAll(async () => {
    hsm = await freshSoftHsm();
    const first = await initialiseModule({ uri: hsm.uri });
    expect(first).toEqual({ created: names, present: [] });
    // Keeps the login, so that the other hand can work.
    opened = await openModule({ uri: hsm.uri, residency: 'resident' });
    other = new OtherHand(hsm);
  });
  afterAll(async () => {
    await opened.close();
    await hsm.remove();
  });

  const open = (): Promise<HsmModule> => openModule({ uri: hsm.uri, residency: 'resident' });
  const remove = (label: string): void => {
    for (const handle of other.labelled(label)) other.p11.C_DestroyObject(other.session, handle);
  };
  const repair = (): Promise<unknown> => initialiseModule({ uri: hsm.uri });

  function makeKey(label: string, id: Buffer, changes: Record<number, boolean> = {}): void {
    const flags: Record<number, boolean> = {
      [pkcs11.CKA_TOKEN]: true,
      [pkcs11.CKA_PRIVATE]: true,
      [pkcs11.CKA_SENSITIVE]: true,
      [pkcs11.CKA_EXTRACTABLE]: false,
      [pkcs11.CKA_ENCRYPT]: false,
      [pkcs11.CKA_DECRYPT]: false,
      [pkcs11.CKA_SIGN]: false,
      [pkcs11.CKA_VERIFY]: false,
      [pkcs11.CKA_WRAP]: true,
      [pkcs11.CKA_UNWRAP]: true,
      [pkcs11.CKA_DERIVE]: false,
      ...changes,
    };
    other.p11.C_GenerateKey(other.session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
      { type: pkcs11.CKA_VALUE_LEN, value: 32 },
      { type: pkcs11.CKA_LABEL, value: label },
      { type: pkcs11.CKA_ID, value: id },
      ...Object.entries(flags).map(([type, value]) => ({ type: Number(type), value })),
      { type: pkcs11.CKA_MODIFIABLE, value: changes[pkcs11.CKA_MODIFIABLE] ?? false },
    ]);
  }

  test('a second run changes nothing', async () => {
    const before = await listObjects({ uri: hsm.uri });
    expect(await initialiseModule({ uri: hsm.uri })).toEqual({ created: [], present: names });
    expect(await listObjects({ uri: hsm.uri })).toEqual(before);
  });

  test.each(['pin-mac', 'audit-sign', 'transport'])(
    'without "%s" nothing opens; the key is named, and init makes this one only',
    async (name) => {
      remove(`tallystick-${name}`);
      const failure = (await rejection(open())) as ModuleFailure;
      expect(failure.kind).toBe('contract');
      expect(failure.detail).toContain(`"tallystick-${name}"`);
      expect(failure.detail.match(/"tallystick-/g)).toHaveLength(1);
      expect(await repair()).toEqual({
        created: [name],
        present: names.filter((present) => present !== name),
      });
      const module = await open();
      expect(await module.random(1, soon)).toHaveLength(1);
      await module.close();
    },
  );

  test('two keys of one name are refused by open and by init', async () => {
    makeKey('tallystick-storage', randomBytes(16));
    for (const attempt of [open, repair]) {
      const failure = (await rejection(attempt())) as ModuleFailure;
      expect(failure.kind).toBe('contract');
      expect(failure.detail).toMatch(/2 objects labelled "tallystick-storage", exactly one/);
    }
    remove('tallystick-storage');
    await repair();
  });

  test.each<[string, Record<number, boolean>]>([
    ['CKA_EXTRACTABLE', { [pkcs11.CKA_EXTRACTABLE]: true }],
    ['CKA_DECRYPT', { [pkcs11.CKA_DECRYPT]: true }],
    ['CKA_MODIFIABLE', { [pkcs11.CKA_MODIFIABLE]: true }],
    ['CKA_WRAP', { [pkcs11.CKA_WRAP]: false }],
    ['CKA_SENSITIVE', { [pkcs11.CKA_SENSITIVE]: false, [pkcs11.CKA_EXTRACTABLE]: true }],
  ])('a storage key with a wrong %s is refused by name', async (flag, changes) => {
    remove('tallystick-storage');
    makeKey('tallystick-storage', randomBytes(16), changes);
    const failure = (await rejection(open())) as ModuleFailure;
    remove('tallystick-storage');
    await repair();
    expect(failure.kind).toBe('contract');
    expect(failure.detail).toContain('"tallystick-storage"');
    expect(failure.detail).toContain(flag);
  });

  test('listing shows protection and never a value', async () => {
    await opened.importSeed(
      { seedId: crypto.randomUUID(), hash: 'SHA1', owner: 'listed', profile: 'p' },
      Buffer.from('12345678901234567890'),
      soon,
    );
    const listed = await listObjects({ uri: hsm.uri });
    const seed = listed.find(({ label }) => label === 'tallystick-seed listed');
    expect(seed).toMatchObject({
      objectClass: 'secret key',
      keyType: 'generic secret',
      sensitive: true,
      extractable: false,
    });
    const text = JSON.stringify(listed);
    expect(text).not.toContain('12345678901234567890');
    expect(text).not.toContain(Buffer.from('12345678901234567890').toString('hex'));
    for (const { label, objectClass, sensitive } of listed) {
      expect(sensitive, label).toBe(objectClass === 'public key' ? undefined : true);
    }
  });
});

describeLayer('softhsm', 'a fresh p11Token', () => {
  let folder: string;
  let directory: string;
  const confTemplate = readFileSync(
    new URL('../../softhsm-config/softhsm2.conf', import.meta.url),
    'utf8',
  );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-init-'));
    directory = join(folder, 'var', 'module');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const create = (label = 'tally sticks'): Promise<Made> =>
    createSoftHsmToken({
      directory,
      label,
      confTemplate,
      setEnvironment: (name, value) => {
        process.env[name] = value;
      },
    });

  describe('is made', () => {
    test('with random PINs in private files, and opens by its URI', async () => {
      const made = await create();
      expect(made.created).toBe(true);
      for (const path of [made.confPath, made.userPinPath, made.soPinPath]) {
        expect(statSync(path).mode & 0o777, path).toBe(0o600);
      }
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      const pins = [made.userPinPath, made.soPinPath].map((path) => readFileSync(path, 'utf8'));
      expect(new Set(pins).size).toBe(2);
      expect(pins.every((pin) => /^[0-9a-f]{32}\n$/.test(pin))).toBe(true);
      await initialiseModule({ uri: made.uri });
      const module = await openModule({ uri: made.uri, residency: 'wrapped' });
      expect(module.status()).toMatchObject({ state: 'ready', p11TokenLabel: 'tally sticks' });
      await module.close();
    });

    test('once: a second run changes nothing', async () => {
      const first = await create();
      const before = [first.userPinPath, first.soPinPath].map((path) => readFileSync(path, 'utf8'));
      expect(await create()).toEqual({ ...first, created: false });
      const after = [first.userPinPath, first.soPinPath].map((path) => readFileSync(path, 'utf8'));
      expect(after).toEqual(before);
      expect(await listP11Tokens(first.modulePath)).toHaveLength(1);
    });

    test('to the end, if it was interrupted after the PINs were written', async () => {
      const made = await create();
      rmSync(join(directory, 'tokens'), { recursive: true });
      const again = await create();
      expect(again.created).toBe(true);
      expect(again.uri).toBe(made.uri);
      expect(await listObjects({ uri: again.uri })).toEqual([]);
    });

    test('to the end, if it was interrupted before the user PIN was set', async () => {
      const made = await create('half');
      const soPin = readFileSync(made.soPinPath, 'utf8').trim();
      const p11 = new pkcs11.PKCS11();
      p11.load(made.modulePath);
      p11.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK });
      const slot = p11.C_GetSlotList(true).find((each) => {
        return p11.C_GetTokenInfo(each).label.trimEnd() === 'half';
      });
      p11.C_InitToken(slot!, soPin, 'half'.padEnd(32));
      p11.C_Finalize();
      expect(await rejection(initialiseModule({ uri: made.uri }))).toMatchObject({
        kind: 'denied',
      });
      expect((await create('half')).created).toBe(true);
      expect(await listObjects({ uri: made.uri })).toEqual([]);
    });
  });

  test('is not made over a p11Token whose PIN file is lost', async () => {
    const made = await create();
    rmSync(made.userPinPath);
    const failure = (await rejection(create())) as ModuleFailure;
    expect(failure.kind).toBe('contract');
    expect(failure.detail).toContain(made.userPinPath);
    expect(existsSync(made.userPinPath)).toBe(false);
  });

  test('keeps a configuration that the operator changed', async () => {
    const made = await create();
    const changed = `${readFileSync(made.confPath, 'utf8')}# mine\n`;
    writeFileSync(made.confPath, changed);
    await create();
    expect(readFileSync(made.confPath, 'utf8')).toBe(changed);
  });

  test.each(['', 'x'.repeat(33), 'é'.repeat(17)])('label "%s" is refused', async (label) => {
    expect(await rejection(create(label))).toMatchObject({ kind: 'contract' });
    expect(existsSync(directory)).toBe(false);
  });
});
