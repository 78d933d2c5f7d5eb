import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type InboxFile, nodeEnv, openInboxFile, otpOf } from '../../../emulator/index.ts';
import { errorOf, freshFolder } from '../support.ts';

const loop = fileURLToPath(new URL('children/inbox-loop.ts', import.meta.url));

function freshFile(nowMs = 1000): { path: string; file: InboxFile; folder: string } {
  const folder = join(freshFolder(), 'tokens');
  const path = join(folder, 'inbox.jsonl');
  return { path, folder, file: openInboxFile(path, { ...nodeEnv, nowMs: () => nowMs }) };
}

const sms = (text: string) => ({ channel: 'http', to: '+4917', text });
const lineOf = (atMs: number, text: string): string =>
  `${JSON.stringify({ atMs, ...sms(text) })}\n`;

function startAdding(path: string, times: number, name: string): ChildProcess {
  const argv = ['--import', 'tsx', loop, path, String(times), name];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

describe('an inbox file', () => {
  it('has one JSON line per message, mode 0600, in a folder of mode 0700', async () => {
    const { path, file, folder } = freshFile();
    expect(await file.read()).toEqual([]);
    await Promise.all([file.append([sms('a'), sms('b')]), file.append([sms('c\n\u2028')])]);
    expect(readFileSync(path, 'utf8')).toBe(
      lineOf(1000, 'a') + lineOf(1001, 'b') + lineOf(1002, 'c\n\u2028'),
    );
    expect([statSync(path).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readdirSync(folder)).toEqual(['inbox.jsonl']);
    expect((await file.read()).map(({ text }) => text)).toEqual(['a', 'b', 'c\n\u2028']);
  });

  it('tolerates half a line at the end, and does not add to it', async () => {
    const { path, file } = freshFile();
    await file.append([sms('whole')]);
    appendFileSync(path, lineOf(2000, 'half').slice(0, 30));
    expect((await file.read()).map(({ text }) => text)).toEqual(['whole']);
    await file.append([sms('next')]);
    expect(readFileSync(path, 'utf8')).toBe(lineOf(1000, 'whole') + lineOf(1001, 'next'));
  });

  it('narrows a file that others could read', async () => {
    const { path, file, folder } = freshFile();
    mkdirSync(folder);
    writeFileSync(path, lineOf(5, 'old'));
    chmodSync(path, 0o644);
    await file.append([]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe(lineOf(5, 'old'));
  });

  it.each([
    ['no JSON', 'x'],
    ['no object', '[]'],
    ['no time', '{"channel":"http","to":"a","text":"b"}'],
    ['an address that is no text', '{"atMs":1,"channel":"http","to":1,"text":"b"}'],
  ])('with a line that is %s is reported, kept, and can be cleared', async (_what, line) => {
    const { path, file } = freshFile();
    await file.append([sms('a')]);
    appendFileSync(path, `${line}\n`);
    const damaged = readFileSync(path, 'utf8');
    for (const work of [() => file.read(), () => file.append([sms('b')])]) {
      const error = await errorOf(work);
      expect(error.code).toBe('state-damaged');
      expect(error.message).toMatch(/inbox\.jsonl is damaged: line 2: .*; vtoken inbox clear/);
    }
    expect(readFileSync(path, 'utf8')).toBe(damaged);
    await file.clear();
    await file.append([sms('c')]);
    // Later than what was there before, though it is gone.
    expect(readFileSync(path, 'utf8')).toBe(lineOf(1001, 'c'));
  });

  it('keeps the newest 10,000 messages and never much more', { timeout: 60_000 }, async () => {
    const { path, file } = freshFile();
    const batch = Array.from({ length: 1000 }, () => sms('x'));
    for (let count = 0; count < 11; count += 1) await file.append(batch);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(11_001);
    expect(await file.read()).toHaveLength(10_000);
    await file.append([sms('last')]);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(10_001);
    const kept = await file.read();
    expect([kept[0]!.atMs, kept.at(-1)!.text]).toEqual([2001, 'last']);
  });

  it('keeps no more than 16 MiB for long', { timeout: 60_000 }, async () => {
    const { path, file } = freshFile();
    const batch = Array.from({ length: 16 }, () => sms('x'.repeat(65_000)));
    for (let count = 0; count < 21; count += 1) await file.append(batch);
    expect(statSync(path).size).toBeLessThan(20 * 2 ** 20);
    const kept = await file.read();
    expect(kept.length).toBeGreaterThan(250);
    expect(kept.length).toBeLessThan(260);
  });

  it('takes messages of two processes, one after the other', { timeout: 60_000 }, async () => {
    const { path, file } = freshFile();
    const children = ['one', 'two'].map((name) => startAdding(path, 300, name));
    await Promise.all(children.map((child) => once(child, 'close')));
    const messages = await file.read();
    for (const name of ['one', 'two']) {
      const texts = messages.filter(({ to }) => to === name).map(({ text }) => text);
      expect(texts).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
    }
    const times = messages.map(({ atMs }) => atMs);
    expect(new Set(times).size).toBe(600);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('survives kill -9 of who writes to it', { timeout: 60_000 }, async () => {
    const { path, file } = freshFile();
    for (const name of ['first', 'second', 'third']) {
      const child = startAdding(path, 100_000, name);
      let lines = 0;
      child.stdout!.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        if (lines >= 5) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const texts = (await file.read()).filter(({ to }) => to === name).map(({ text }) => text);
      // Everything that was reported stored, and at most what was under way.
      expect(texts.length).toBeGreaterThanOrEqual(lines);
      expect(texts).toEqual(Array.from({ length: texts.length }, (_, index) => String(index)));
    }
    await file.append([sms('after')]);
    expect((await file.read()).at(-1)!.text).toBe('after');
  });
});

describe('the one-time password of a message', () => {
  it.each([
    ['Your code is 123456.', undefined, '123456'],
    ['123 then 4567', undefined, '4567'],
    ['no 12345678901 but 0123456789', undefined, '0123456789'],
    ['2026: your code is 123456', undefined, '2026'],
    ['2026: your code is 123456', 6, '123456'],
    ['1234567 is too long', 6, null],
    ['none', undefined, null],
  ])('of %j with %s digits is %j', (text, digits, otp) => {
    expect(otpOf({ text }, digits)).toBe(otp);
  });

  it('is in the subject only if the text has none', () => {
    expect(otpOf({ subject: 'Code 111111', text: 'see above' })).toBe('111111');
    expect(otpOf({ subject: 'Code 111111', text: '222222' })).toBe('222222');
  });
});
