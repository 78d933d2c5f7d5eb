import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  emptyKey,
  hmacSlotConfig,
  nodeEnv,
  openKeyFolder,
  openTokenFolder,
  type OtpKey,
} from '../../../emulator/index.ts';
import { keyFromJson, keyToJson } from '../../../emulator/hid/key-json.ts';
import { errorOf, freshFolder, profileOf, tokenWith } from '../support.ts';
import { accessCode, plugged, programmed, sampleKey, vectors } from './support.ts';

const serial = 'HK00000001';

async function stored(): Promise<{ folder: string; path: string; key: OtpKey }> {
  const folder = freshFolder();
  const { key } = (await programmed()).device;
  await openKeyFolder(folder, nodeEnv).create(serial, key);
  return { folder, path: join(folder, `${serial}.hid.json`), key };
}

describe('the file of a key', () => {
  it('is for its owner alone, and reads back to the same key', async () => {
    const { folder, path } = await stored();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([`${serial}.hid.json`]);
    const text = readFileSync(path, 'utf8');
    expect(keyToJson(keyFromJson(text))).toBe(text);
  });

  it('changes when a slot is programmed, and does not when it is asked', async () => {
    const { folder, path } = await stored();
    const keys = openKeyFolder(folder, nodeEnv);
    const before = readFileSync(path, 'utf8');
    const asked = await keys.use(serial, async (key) => {
      const { host, device } = plugged(key);
      return { key: device.key, result: await host.challengeHmac(1, Buffer.from('Sample #2')) };
    });
    expect(Buffer.from(asked).toString('hex')).toBe(vectors.hmacSha1);
    expect(readFileSync(path, 'utf8')).toBe(before);
    const isTaken = await keys.use(serial, async (key) => {
      const { host, device } = plugged(key);
      const config = hmacSlotConfig(sampleKey, { needsTouch: true, accessCode });
      return { result: await host.writeSlot(1, config), key: device.key };
    });
    expect(isTaken).toBe(true);
    const { key } = keyFromJson(readFileSync(path, 'utf8'));
    expect(key.programmingSequence).toBe(3);
    expect(await plugged(key).host.writeSlot(1, null)).toBe(false);
    expect(await plugged(key).host.writeSlot(1, null, accessCode)).toBe(true);
  });

  it.each([
    ['another kind', { kind: 'token' }, 'kind must be otp-hid-key'],
    ['a later version', { version: 3 }, 'version must be a whole number from 1 to 2'],
    ['a member too many', { more: 1 }, 'the file has an unknown member "more"'],
    ['another serial', { serial: 'HK00000002' }, 'serial must be the one in the file name'],
    ['no number', { serialNumber: 0 }, 'serialNumber must be a whole number from 1 to 4294967295'],
    ['a sequence of empty slots', { programmingSequence: 0 }, 'programmingSequence must be'],
    ['empty slots with a sequence', { slot1: null, slot2: null }, 'programmingSequence must be'],
    ['a wrong bit', { slot1: { config: 'A'.repeat(71) + '=', eventCounter: '0' } }, 'slot1.config'],
    [
      'a short slot',
      { slot1: { config: 'AAAA', eventCounter: '0' } },
      'slot1.config must be base64',
    ],
  ])('with %s is damaged', async (_, members, message) => {
    const { folder, path } = await stored();
    const json = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...json, ...members }));
    const keys = openKeyFolder(folder, nodeEnv);
    const used = await errorOf(() =>
      keys.use(serial, (key) => Promise.resolve({ key, result: 0 })),
    );
    expect(used.code).toBe('state-damaged');
    expect(used.message).toContain(`${path} is damaged: `);
    expect(used.message).toContain(message);
    await keys.remove(serial);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('with a counter where none is, is damaged', async () => {
    const { path } = await stored();
    const text = readFileSync(path, 'utf8').replace('"eventCounter": "0"', '"eventCounter": "1"');
    expect(() => keyFromJson(text)).toThrow(
      'slot1.eventCounter must be a whole number from 0 to 0',
    );
  });

  it('and that of a token never have one serial', async () => {
    const { folder, key } = await stored();
    const tokens = openTokenFolder(folder, nodeEnv);
    const keys = openKeyFolder(folder, nodeEnv);
    const token = { ...tokenWith(profileOf('one-button-event')), serial };
    expect(await errorOf(() => tokens.create(token))).toMatchObject({ code: 'token-exists' });
    expect(await errorOf(() => keys.create(serial, key))).toMatchObject({ code: 'token-exists' });
    await tokens.create({ ...tokenWith(profileOf('one-button-event')), serial: 'HK00000002' });
    expect(await errorOf(() => keys.create('HK00000002', emptyKey(2)))).toMatchObject({
      code: 'token-exists',
    });
    expect(await tokens.serials()).toEqual(['HK00000002']);
    expect(await keys.serials()).toEqual([serial]);
  });

  it('is missed by its serial, also in a folder that is not there', async () => {
    const folder = join(freshFolder(), 'none');
    const keys = openKeyFolder(folder, nodeEnv);
    expect(await keys.serials()).toEqual([]);
    expect(await errorOf(() => keys.remove(serial))).toEqual({
      code: 'token-unknown',
      message: `there is no key ${serial} in ${folder}`,
    });
    expect(await errorOf(() => keys.has('../x'))).toMatchObject({ code: 'input-invalid' });
  });
});
