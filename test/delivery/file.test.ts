import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDelivery } from '../../src/delivery/index.ts';
import { cutOff } from '../../src/delivery/file.ts';
import { messageWith } from './sample.ts';
import { failureOf, send, sentByProgram } from './support.ts';

const settings = { kind: 'file', fileName: 'codes.jsonl' } as const;
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-delivery-'));
  path = join(folder, settings.fileName);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Whether a small file system can be mounted where only one process sees it. */
const canMount = spawnSync('/usr/bin/unshare', ['-rm', 'true']).status === 0;

/** Whether a file can be told to keep what it has. */
const canKeep = ((): boolean => {
  const tried = mkdtempSync(join(tmpdir(), 'tallystick-delivery-'));
  const isKept = spawnSync('/usr/bin/chattr', ['+a', tried]).status === 0;
  if (isKept) spawnSync('/usr/bin/chattr', ['-a', tried]);
  rmSync(tried, { recursive: true });
  return isKept;
})();

const lastLine = (): unknown => JSON.parse(readFileSync(path, 'utf8').split('\n').at(-2) ?? '');

const lines = (): unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

describe('a file', () => {
  it('gets one line of JSON for each message and is for its owner alone', async () => {
    await send(settings, { folder });
    const message = { channel: 'sms', to: '+4930123456', text: 'one\n"two"' } as const;
    await send(settings, { folder, message });
    expect(lines()).toEqual([messageWith(), message]);
    expect(readFileSync(path, 'utf8')).toMatch(/^\{"channel":"email","to":.*\}\n\{.*\}\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('gets whole lines from many at once', async () => {
    const text = 'x'.repeat(20_000);
    const numbers = Array.from({ length: 40 }, (_, index) => `${String(index)} ${text}`);
    const sent = numbers.map((one) => send(settings, { folder, message: { text: one } }));
    await Promise.all(sent);
    const texts = lines().map((line) => (line as { text: string }).text);
    expect(texts.sort()).toEqual(numbers.sort());
  });

  it('gets a line of its own after half a line', async () => {
    writeFileSync(path, '{"channel":"em', { mode: 0o600 });
    await send(settings, { folder });
    const [half, whole] = readFileSync(path, 'utf8').split('\n');
    expect(half).toBe('{"channel":"em');
    expect(JSON.parse(whole ?? '')).toEqual(messageWith());
  });
});

it('leaves no file open', async () => {
  await send(settings, { folder });
  chmodSync(path, 0o640);
  await failureOf(settings, { folder });
  const open = readdirSync('/proc/self/fd').filter((descriptor) => {
    const link = join('/proc/self/fd', descriptor);
    // The descriptor of this very look is gone by now.
    return existsSync(link) && readlinkSync(link).startsWith(folder);
  });
  expect(open).toEqual([]);
});

describe('a file that is not written', () => {
  const nameText = /fileName: must be 1 to 64 letters/;
  it.each(['', '.', '..', '../codes', 'a/b', '/etc/codes', 'a b', 'a\0', 'a\n', 'x'.repeat(65)])(
    'has the name %j',
    async (fileName) => {
      const failure = await failureOf({ kind: 'file', fileName }, { folder });
      expect(failure).toEqual({
        kind: 'contract',
        detail: expect.stringMatching(nameText) as string,
      });
    },
  );

  it('has no folder in the configuration', async () => {
    expect(await failureOf(settings)).toEqual({
      kind: 'contract',
      detail: 'file gateways need a folder, and the configuration names none',
    });
    const allowed = (folderOrNone: string | null): string | null =>
      createDelivery({ folder: folderOrNone }).obstacleTo(settings);
    expect(allowed(null)).toMatch(/set delivery\.folder/);
    expect(allowed(folder)).toBeNull();
  });

  it('is a link, and what it names stays as it was', async () => {
    const target = join(folder, 'target');
    writeFileSync(target, '', { mode: 0o600 });
    symlinkSync(target, path);
    expect(await failureOf(settings, { folder })).toEqual({
      kind: 'contract',
      detail: 'fileName: symbolic links are not followed',
    });
    expect(readFileSync(target, 'utf8')).toBe('');
  });

  it.each([0o640, 0o604, 0o620])('may be used by others, mode %o', async (mode) => {
    writeFileSync(path, '');
    chmodSync(path, mode);
    const failure = await failureOf(settings, { folder });
    expect(failure).toEqual({ kind: 'contract', detail: expect.stringMatching(/0600/) as string });
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('is a pipe, and nobody waits for its other end', async () => {
    expect(spawnSync('/usr/bin/mkfifo', ['-m', '600', path]).status).toBe(0);
    const failure = await failureOf(settings, { folder, deadlineMs: 2000 });
    expect(failure.kind).toBe('contract');
  });

  it.each([
    ['a folder that is not there', (): void => rmSync(folder, { recursive: true }), 'ENOENT'],
    ['a folder', (): unknown => mkdirSync(path), 'EISDIR'],
  ])('would be in or is %s', async (_name, prepare, code) => {
    prepare();
    expect(await failureOf(settings, { folder })).toEqual({
      kind: 'unreachable',
      detail: `the file could not be written: ${code}`,
    });
    mkdirSync(folder, { recursive: true });
  });

  it.each([
    [1000, 'the file took only a part'],
    [1024, 'the file could not be written: EFBIG'],
  ])('may not grow any more, %i bytes of 1024', async (sizeBytes, detail) => {
    writeFileSync(path, `${'x'.repeat(sizeBytes - 1)}\n`, { mode: 0o600 });
    // A limit of the process stands for a disk that is full.
    const limited = { program: 'bash', args: ['-c', 'ulimit -f 1; exec "$@"', 'bash'] };
    const failure = await sentByProgram(settings, { folder, within: limited });
    expect(failure).toEqual({ kind: 'unreachable', detail });
    expect(statSync(path).size).toBe(sizeBytes);
    await send(settings, { folder });
    expect(lastLine()).toEqual(messageWith());
  });

  it.runIf(canMount)('is on a disk that is full, and nothing is left of the message', async () => {
    const full = join(folder, 'full');
    mkdirSync(full);
    // One page is the file's, with room for 16 bytes; the other file has the rest of them.
    const script = `mount -t tmpfs -o size=64k,mode=700 none "$FOLDER" || exit 1
      (umask 077; head -c 4079 /dev/zero | tr '\\0' x > "$FOLDER/$NAME"; echo >> "$FOLDER/$NAME")
      cat /dev/zero > "$FOLDER/other" 2> /dev/null
      "$@"; cp "$FOLDER/$NAME" "$COPY"`;
    const within = { program: '/usr/bin/unshare', args: ['-rm', 'bash', '-c', script, 'bash'] };
    const environment = { FOLDER: full, NAME: settings.fileName, COPY: path };
    const failure = await sentByProgram(settings, { folder: full, environment, within });
    expect(failure).toEqual({ kind: 'unreachable', detail: 'the file took only a part' });
    expect(readFileSync(path, 'latin1')).toBe(`${'x'.repeat(4079)}\n`);
  });

  it.runIf(canKeep)('can only grow: what is left of a message is no part of the next', async () => {
    writeFileSync(path, `${'x'.repeat(999)}\n`, { mode: 0o600 });
    expect(spawnSync('/usr/bin/chattr', ['+a', path]).status).toBe(0);
    try {
      const limited = { program: 'bash', args: ['-c', 'ulimit -f 1; exec "$@"', 'bash'] };
      const failure = await sentByProgram(settings, { folder, within: limited });
      expect(failure).toEqual({ kind: 'unreachable', detail: 'the file took only a part' });
      expect(statSync(path).size).toBe(1024);
      await send(settings, { folder });
      expect(lastLine()).toEqual(messageWith());
    } finally {
      spawnSync('/usr/bin/chattr', ['-a', path]);
    }
  });

  it('stays as it is where another program has written behind', async () => {
    const file = await open(path, 'a+');
    await file.write('old\nhalf');
    await cutOff(file, Buffer.from('half'));
    expect(readFileSync(path, 'utf8')).toBe('old\n');
    await file.write('halfother\n');
    for (const gone of ['half', 'longer than all of the file']) {
      await cutOff(file, Buffer.from(gone));
    }
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('old\nhalfother\n');
  });

  it('is asked for after the deadline', async () => {
    expect(await failureOf(settings, { folder, deadlineMs: 0 })).toMatchObject({ kind: 'timeout' });
    expect(() => statSync(path)).toThrow(/ENOENT/);
  });
});
