import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, describe, it } from 'vitest';
import {
  type DeviceEnv,
  type Files,
  nodeEnv,
  openTokenFolder,
  press,
  type TokenFolder,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { done, errorOf, freshFolder, profileOf, tokenWith } from '../support.ts';

const serial = 'VT00000001';
const eventFob = (): VirtualToken => tokenWith(profileOf('one-button-event'));

function withFiles(files: Partial<Files>): DeviceEnv {
  return { ...nodeEnv, files: { ...nodeEnv.files, ...files } };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function pressOnce(folder: TokenFolder): Promise<string | null> {
  return folder.update(serial, (token) => {
    const { token: next, response } = done(press(token, 0));
    return { token: next, result: response };
  });
}

async function folderWithToken(): Promise<{ path: string; folder: TokenFolder; file: string }> {
  const path = freshFolder();
  const folder = openTokenFolder(path, nodeEnv);
  await folder.create(eventFob());
  return { path, folder, file: join(path, `${serial}.json`) };
}

describe('a folder of tokens', () => {
  it('keeps files of mode 0600 in a folder of mode 0700, and nothing else', async () => {
    const path = join(freshFolder(), 'a', 'b');
    const folder = openTokenFolder(path, nodeEnv);
    await folder.create(eventFob());
    await pressOnce(folder);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, `${serial}.json`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(path)).toEqual([`${serial}.json`]);
  });

  it('narrows a file that somebody made readable', async () => {
    const { folder, file } = await folderWithToken();
    chmodSync(file, 0o644);
    await pressOnce(folder);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('reads back what it stored', async () => {
    const { folder } = await folderWithToken();
    await pressOnce(folder);
    const { token, revision } = await folder.read(serial);
    expect(revision).toBe(2);
    expect(token.state.eventCounters).toEqual([1n]);
    expect(await folder.serials()).toEqual([serial]);
  });

  it('stores nothing when the change fails', async () => {
    const { folder, file } = await folderWithToken();
    const before = readFileSync(file, 'utf8');
    const failing = folder.update(serial, () => {
      throw new RangeError('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(readFileSync(file, 'utf8')).toBe(before);
    // The lock is free again.
    expect(await pressOnce(folder)).toBe('755224');
  });

  it('refuses a second token of one serial, and tokens that are not there', async () => {
    const { folder } = await folderWithToken();
    expect((await errorOf(() => folder.create(eventFob()))).code).toBe('token-exists');
    expect((await errorOf(() => folder.read('VT99999999'))).code).toBe('token-unknown');
    expect((await errorOf(() => folder.remove('VT99999999'))).code).toBe('token-unknown');
    expect((await errorOf(() => folder.read('../../etc/x'))).code).toBe('input-invalid');
    await folder.remove(serial);
    expect(await folder.serials()).toEqual([]);
    expect((await errorOf(() => pressOnce(folder))).code).toBe('token-unknown');
  });

  it('refuses to replace a token that has changed since it was read', async () => {
    const { folder } = await folderWithToken();
    const { token, revision } = await folder.read(serial);
    await pressOnce(folder);
    expect((await errorOf(() => folder.replace(token, revision))).code).toBe('state-conflict');
    const again = await folder.read(serial);
    await folder.replace(done(press(again.token, 0)).token, again.revision);
    expect((await folder.read(serial)).token.state.eventCounters).toEqual([2n]);
  });
});

describe('a write that fails', () => {
  it.each([
    ['a full disk', 'ENOSPC', 'the disk is full'],
    ['a read-only file system', 'EROFS', 'the file system is read-only'],
  ])('on %s leaves the old file', async (_name, code, reason) => {
    const { path, file } = await folderWithToken();
    const before = readFileSync(file, 'utf8');
    const files: Partial<Files> = {
      writeNew: async (name, bytes, mode) => {
        // Half of it got through, as on a real full disk.
        const half = name.endsWith('.draft') ? bytes.subarray(0, bytes.length / 2) : bytes;
        await nodeEnv.files.writeNew(name, half, mode);
        if (half !== bytes) throw systemError(code);
      },
    };
    const refused = await errorOf(() => pressOnce(openTokenFolder(path, withFiles(files))));
    expect(refused).toEqual({ code: 'storage-failed', message: `${file}: ${reason}` });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(readdirSync(path)).toEqual([`${serial}.json`]);
  });

  it('leaves no part of a new file', async () => {
    const path = join(freshFolder(), 'seeds.txt');
    // Fails when the file is there already, as a disk does that gets full.
    const unwritable = 5 as unknown as Uint8Array;
    await expect(nodeEnv.files.writeNew(path, unwritable, 0o600)).rejects.toThrow(TypeError);
    expect(readdirSync(join(path, '..'))).toEqual([]);
    writeFileSync(path, 'mine');
    await expect(nodeEnv.files.writeNew(path, Buffer.of(1), 0o600)).rejects.toThrow('EEXIST');
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('before the lock is taken leaves nothing behind', async () => {
    const { path } = await folderWithToken();
    const full = withFiles({
      writeNew: async (name, _bytes, mode) => {
        await nodeEnv.files.writeNew(name, new Uint8Array(), mode);
        throw systemError('ENOSPC');
      },
    });
    const refused = await errorOf(() => pressOnce(openTokenFolder(path, full)));
    expect(refused).toEqual({ code: 'storage-failed', message: `${path}: the disk is full` });
    expect(readdirSync(path)).toEqual([`${serial}.json`]);
  });

  it('gets its draft out of the way next time, if it died with it', async () => {
    const { path, folder, file } = await folderWithToken();
    writeFileSync(`${file}.draft`, '{"format":"tallystick-vir');
    expect(await pressOnce(folder)).toBe('755224');
    expect(readdirSync(path)).toEqual([`${serial}.json`]);
  });

  it('waits for the disk before it answers: file first, then name, then folder', async () => {
    const { path } = await folderWithToken();
    const calls: string[] = [];
    const noted = withFiles({
      writeNew: async (name, bytes, mode) => {
        if (name.endsWith('.json.draft')) calls.push('written');
        await nodeEnv.files.writeNew(name, bytes, mode);
      },
      rename: async (from, to) => {
        calls.push('renamed');
        await nodeEnv.files.rename(from, to);
      },
      syncFolder: async (name) => {
        calls.push('synced');
        await nodeEnv.files.syncFolder(name);
      },
    });
    await pressOnce(openTokenFolder(path, noted));
    expect(calls).toEqual(['written', 'renamed', 'synced']);
  });
});

describe('the lock', () => {
  it('gives concurrent presses different counters', async () => {
    const { folder } = await folderWithToken();
    const shown = await Promise.all(Array.from({ length: 20 }, () => pressOnce(folder)));
    expect(new Set(shown).size).toBe(20);
    expect((await folder.read(serial)).token.state.eventCounters).toEqual([20n]);
  });

  // A number that was used again: this process lives, but began later than that.
  const holder = { ...nodeEnv.processes.self, startedAt: '1' };
  const nonce = '00112233aabbccdd';

  it('of a living process is respected', async () => {
    const { path } = await folderWithToken();
    const { self } = nodeEnv.processes;
    writeFileSync(join(path, `${serial}.lock`), JSON.stringify({ ...self, nonce }));
    const impatient = openTokenFolder(path, nodeEnv, { lockWaitMs: 50 });
    expect((await errorOf(() => pressOnce(impatient))).code).toBe('state-busy');
    expect(readdirSync(path).sort()).toEqual([`${serial}.json`, `${serial}.lock`]);
  });

  it('of a dead process is taken over by one at a time', async () => {
    const { path, folder } = await folderWithToken();
    writeFileSync(join(path, `${serial}.lock`), JSON.stringify({ ...holder, nonce }));
    const shown = await Promise.all(Array.from({ length: 20 }, () => pressOnce(folder)));
    expect(new Set(shown).size).toBe(20);
    expect(readdirSync(path)).toEqual([`${serial}.json`]);
  });

  it('is not removed by one who still looks at the dead holder', async () => {
    const { path } = await folderWithToken();
    const lock = join(path, `${serial}.lock`);
    const renewed = JSON.stringify({ ...nodeEnv.processes.self, nonce: 'ffffffffffffffff' });
    writeFileSync(lock, JSON.stringify({ ...holder, nonce }));
    // Between seeing the dead lock and removing it, another process has taken the token.
    const env: DeviceEnv = {
      ...nodeEnv,
      processes: {
        ...nodeEnv.processes,
        isAlive: (name) => {
          const isAlive = nodeEnv.processes.isAlive(name);
          if (isAlive === false) writeFileSync(lock, renewed);
          return isAlive;
        },
      },
    };
    const folder = openTokenFolder(path, env, { lockWaitMs: 50 });
    expect((await errorOf(() => pressOnce(folder))).code).toBe('state-busy');
    expect(readFileSync(lock, 'utf8')).toBe(renewed);
  });

  it.each([
    ['of another machine', JSON.stringify({ ...holder, host: 'elsewhere.invalid', nonce })],
    ['that is no lock of ours', 'hello'],
  ])('%s is left alone and explained', async (_name, content) => {
    const { path, folder } = await folderWithToken();
    writeFileSync(join(path, `${serial}.lock`), content);
    const refused = await errorOf(() => pressOnce(folder));
    expect(refused.code).toBe('state-busy');
    expect(refused.message).toContain('remove it');
  });
});

type Json = Record<string, unknown>;

describe('a damaged state file', () => {
  const good = async (): Promise<{ folder: TokenFolder; file: string; json: Json }> => {
    const { folder, file } = await folderWithToken();
    return { folder, file, json: JSON.parse(readFileSync(file, 'utf8')) as Json };
  };

  it.each<[string, (json: Json) => unknown]>([
    ['an unknown member', (json) => ({ ...json, extra: 1 })],
    ['a missing member', ({ clock: _, ...rest }) => rest],
    ['another format', (json) => ({ ...json, format: 'tallystick-pair-bundle' })],
    ['a newer version', (json) => ({ ...json, version: 4 })],
    ['another serial', (json) => ({ ...json, serial: 'VT00000002' })],
    ['a revision of 0', (json) => ({ ...json, revision: 0 })],
    ['no applications', (json) => ({ ...json, applications: [] })],
    ['a counter as number', (json) => withApplication(json, { eventCounter: 1 })],
    [
      'a counter of 2^64 + 1',
      (json) => withApplication(json, { eventCounter: '18446744073709551617' }),
    ],
    ['a negative counter', (json) => withApplication(json, { eventCounter: '-1' })],
    ['a seed that is no base64', (json) => withApplication(json, { seed: '****' })],
    ['a seed of 8 bytes', (json) => withApplication(json, { seed: 'AAAAAAAAAAA=' })],
    ['no seed without pairing', (json) => withApplication(json, { seed: null })],
    ['an unknown algorithm', (json) => withApplication(json, { algorithm: { kind: 'sms' } })],
    [
      'a rate beyond reason',
      (json) => ({ ...json, clock: { ...(json['clock'] as Json), ratePpm: 1e9 } }),
    ],
    [
      'a screen of another application',
      (json) => ({
        ...json,
        screen: { kind: 'response', application: 3, response: '123456', sinceMs: 0 },
      }),
    ],
    ['a menu on a fob', (json) => ({ ...json, screen: { kind: 'menu', sinceMs: 0 } })],
    ['a list', () => []],
    ['null', () => null],
  ])('with %s is refused and left as it is', async (_name, spoil) => {
    const { folder, file, json } = await good();
    const text = JSON.stringify(spoil(json));
    writeFileSync(file, text);
    for (const work of [() => folder.read(serial), () => pressOnce(folder)]) {
      const refused = await errorOf(work);
      expect(refused.code).toBe('state-damaged');
      expect(refused.message).toContain(file);
      expect(refused.message).not.toContain('MTIzNDU2Nzg5');
    }
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['of zeros', (text: string) => '\0'.repeat(text.length)],
    ['of 300 KiB', (text: string) => text + ' '.repeat(300 * 1024)],
  ])('%s is refused without showing what is in it', async (_name, spoil) => {
    const { folder, file } = await good();
    writeFileSync(file, spoil(readFileSync(file, 'utf8')));
    const refused = await errorOf(() => folder.read(serial));
    expect(refused.code).toBe('state-damaged');
    expect(refused.message).not.toContain('MTIzNDU2Nzg5');
  });

  it('can be removed', async () => {
    const { folder, file } = await good();
    writeFileSync(file, 'broken');
    await folder.remove(serial);
    expect(await folder.serials()).toEqual([]);
  });

  it('that is a folder is a storage error', async () => {
    const path = freshFolder();
    mkdirSync(join(path, `${serial}.json`));
    const refused = await errorOf(() => openTokenFolder(path, nodeEnv).read(serial));
    expect(refused.code).toBe('storage-failed');
  });
});

function withApplication(json: Json, members: Json): Json {
  const [application] = json['applications'] as Json[];
  return { ...json, applications: [{ ...application, ...members }] };
}
