import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listP11Tokens, openModule, parsePkcs11Uri } from '../../hsm/index.ts';
import type { ModuleFailure } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import { freshSoftHsm } from '../support/softhsm.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import { initialisedSoftHsm, rejection } from './support.ts';

const run = promisify(execFile);

const refused = (text: string): string => {
  const parsed = parsePkcs11Uri(text);
  return parsed.ok ? 'accepted' : parsed.failure.detail;
};

describe('pkcs11: URIs', () => {
  test('the parts of RFC 7512 that select a p11Token', () => {
    const parsed = parsePkcs11Uri(
      'pkcs11:token=My%20Token;serial=0a1b;manufacturer=SoftHSM%20project;model=v2;slot-id=17' +
        '?module-path=/usr/lib/x.so&pin-source=file:/etc/pin%25',
    );
    expect(parsed).toEqual({
      ok: true,
      uri: {
        token: 'My Token',
        serial: '0a1b',
        manufacturer: 'SoftHSM project',
        model: 'v2',
        slotId: 17,
        modulePath: '/usr/lib/x.so',
        pinSourcePath: '/etc/pin%',
      },
    });
    for (const source of ['file:/a/pin', 'file:///a/pin', 'file://localhost/a/pin', '/a/pin']) {
      expect(parsePkcs11Uri(`pkcs11:?pin-source=${source}`)).toMatchObject({
        ok: true,
        uri: { pinSourcePath: '/a/pin' },
      });
    }
  });

  test('a PIN in the URI is refused, and not repeated', () => {
    expect(refused('pkcs11:token=a?pin-value=4711')).toMatch(
      /pin-value is refused.*pin-source=file/,
    );
    expect(refused('pkcs11:token=a?pin-value=4711')).not.toContain('4711');
  });

  test.each([
    ['https://example.org', /begins with "pkcs11:"/],
    ['pkcs11:object=key', /"object"/],
    ['pkcs11:token=a;token=b', /"token=..." once/],
    ['pkcs11:token', /"token=..." once/],
    ['pkcs11:token=%ZZ', /percent-encoded/],
    ['pkcs11:slot-id=x', /slot-id/],
    ['pkcs11:?pin-source=|cat pin', /may not be a command/],
    ['pkcs11:?pin-source=https://a/b', /is a file/],
    ['pkcs11:?pin-source=file:', /is a file/],
    ['pkcs11:a?b?c', /two question marks/],
    [`pkcs11:token=${'a'.repeat(5000)}`, /too long/],
  ])('%s is refused with its reason', (text, reason) => {
    expect(refused(text)).toMatch(reason);
  });
});

describe('the library', () => {
  test('a path where there is none is unavailable and named', async () => {
    const uri = 'pkcs11:token=a?module-path=/nowhere/libnone.so';
    const failure = await rejection(openModule({ uri, residency: 'resident' }));
    expect(failure).toMatchObject({ kind: 'unavailable', ckr: 0 });
    expect((failure as ModuleFailure).detail).toContain('/nowhere/libnone.so');
  });

  test('a file that is no library is unavailable and named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-nolib-'));
    const path = join(folder, 'lib.so');
    writeFileSync(path, 'text');
    try {
      const failure = await rejection(
        openModule({ uri: `pkcs11:token=a?module-path=${path}`, residency: 'resident' }),
      );
      expect(failure).toMatchObject({ kind: 'unavailable' });
      expect((failure as ModuleFailure).detail).toContain(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a URI without module-path says what it needs', async () => {
    const failure = await rejection(openModule({ uri: 'pkcs11:token=a', residency: 'resident' }));
    expect(failure).toMatchObject({ kind: 'contract' });
    expect((failure as ModuleFailure).detail).toContain('module-path');
  });
});

describeLayer('softhsm', 'exactly one p11Token', () => {
  let hsm: SoftHsmToken;
  const residency = 'resident';

  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
    for (const label of ['twin', 'twin']) {
      await run(
        'softhsm2-util',
        ['--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', '12345678'],
        { env: { ...process.env, SOFTHSM2_CONF: hsm.confFile } },
      );
    }
  });
  afterAll(() => hsm.remove());

  const at = (path: string): string =>
    `pkcs11:${path}?module-path=${hsm.modulePath}&pin-source=file:${hsm.userPinFile}`;

  test('by label, by serial number, by slot', async () => {
    const tokens = await listP11Tokens(hsm.modulePath);
    expect(tokens).toHaveLength(3);
    const mine = tokens.find(({ label }) => label === hsm.tokenLabel);
    for (const path of [
      `token=${hsm.tokenLabel}`,
      `serial=${mine?.serial ?? ''}`,
      `slot-id=${mine?.slotId ?? ''}`,
      `token=${hsm.tokenLabel};manufacturer=SoftHSM%20project;model=SoftHSM%20v2`,
    ]) {
      const module = await openModule({ uri: at(path), residency });
      expect(module.status()).toMatchObject({
        p11TokenLabel: hsm.tokenLabel,
        p11TokenSerial: mine?.serial,
        manufacturer: 'SoftHSM project',
      });
      await module.close();
    }
  });

  test('two matches are refused and listed with what tells them apart', async () => {
    const failure = (await rejection(
      openModule({ uri: at('token=twin'), residency }),
    )) as ModuleFailure;
    expect(failure.kind).toBe('contract');
    expect(failure.detail).toMatch(/2 p11Tokens .* exactly one must/);
    const twins = (await listP11Tokens(hsm.modulePath)).filter(({ label }) => label === 'twin');
    for (const { serial, slotId } of twins) {
      expect(failure.detail).toContain(`serial ${serial}`);
      expect(failure.detail).toContain(`slot-id ${slotId}`);
    }
    expect(failure.detail).not.toContain(hsm.tokenLabel);
  });

  test('no match is refused, and says what is there', async () => {
    const failure = (await rejection(
      openModule({ uri: at('token=other'), residency }),
    )) as ModuleFailure;
    expect(failure.kind).toBe('unavailable');
    expect(failure.detail).toContain(`"${hsm.tokenLabel}"`);
    expect(failure.detail).toContain('"twin"');
  });

  test('another p11Token has other keys: the missing ones are named', async () => {
    const twins = (await listP11Tokens(hsm.modulePath)).filter(({ label }) => label === 'twin');
    const failure = (await rejection(
      openModule({
        uri: at(`serial=${twins[0]!.serial}`),
        pinSource: { kind: 'env', name: 'PIN', value: '12345678' },
        residency,
      }),
    )) as ModuleFailure;
    expect(failure.kind).toBe('contract');
    expect(failure.detail).toContain('"tallystick-storage"');
    expect(failure.detail).toContain('"tallystick-transport"');
    expect(failure.detail).toContain('hsm init');
  });

  test('an empty module folder offers nothing', async () => {
    const empty = await freshSoftHsm();
    try {
      rmSync(join(empty.folder, 'tokens'), { recursive: true });
      mkdirSync(join(empty.folder, 'tokens'));
      expect(await listP11Tokens(empty.modulePath)).toEqual([]);
      const failure = await rejection(openModule({ uri: empty.uri, residency }));
      expect((failure as ModuleFailure).detail).toContain('there is none');
    } finally {
      await empty.remove();
      process.env['SOFTHSM2_CONF'] = hsm.confFile;
    }
  });
});
