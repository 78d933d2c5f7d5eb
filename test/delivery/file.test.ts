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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
  });

  it('is asked for after the deadline', async () => {
    expect(await failureOf(settings, { folder, deadlineMs: 0 })).toMatchObject({ kind: 'timeout' });
    expect(() => statSync(path)).toThrow(/ENOENT/);
  });
});
