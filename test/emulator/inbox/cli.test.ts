import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv, openInboxFile } from '../../../emulator/index.ts';
import { post, sendMail, smtpCodeOf } from './support.ts';
import { type CliRun, freshFolder, quiet, vtoken } from '../support.ts';

const program = fileURLToPath(new URL('../../../emulator/cli/main.ts', import.meta.url));
const jane = 'jane@example.test';

interface Served {
  readonly child: ChildProcess;
  /** Complete lines of the standard output so far. */
  readonly lines: string[];
  readonly ports: { readonly smtpPort: number; readonly httpPort: number };
  readonly ended: () => Promise<readonly unknown[]>;
}

/** `vtoken inbox serve --json` in a process of its own, listening. */
async function serve(folder: string, ...options: string[]): Promise<Served> {
  const argv = ['inbox', 'serve', '--json', '--smtp-port', '0', '--http-port', '0', ...options];
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...argv], {
    env: { ...process.env, VTOKEN_DIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const closed = once(child, 'close');
  await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
  const ports = JSON.parse(lines[0]!) as Served['ports'];
  return { child, lines, ports, ended: () => closed };
}

/** A folder whose inbox has these messages, at 1000, 1001, and so on. */
async function inboxWith(
  ...messages: readonly { to: string; text: string; subject?: string }[]
): Promise<{ folder: string; run: (...argv: string[]) => Promise<CliRun> }> {
  const folder = freshFolder();
  const file = openInboxFile(join(folder, 'inbox.jsonl'), { ...nodeEnv, nowMs: () => 1000 });
  await file.append(messages.map((message) => ({ channel: 'email', ...message })));
  return { folder, run: (...argv) => vtoken(folder, ['inbox', ...argv]) };
}

describe('vtoken inbox serve', () => {
  it('takes, prints and keeps messages until SIGTERM', { timeout: 60_000 }, async () => {
    const folder = freshFolder();
    const path = join(folder, 'inbox.jsonl');
    const { child, lines, ports, ended } = await serve(folder);
    expect(JSON.parse(lines[0]!)).toEqual({ host: '127.0.0.1', ...ports, file: path });
    await sendMail(ports.smtpPort, { to: jane, text: 'Your code is 123456' });
    await post(ports.httpPort, { to: '+4917', text: 'Your code is 654321' });
    await expect.poll(() => lines.length).toBe(3);
    const kept = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.slice(1)).toEqual(kept);
    expect(JSON.parse(kept[0]!)).toMatchObject({ channel: 'email', to: jane, subject: 'Code' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await vtoken(folder, ['inbox', 'otp', '--to', jane])).toEqual(quiet('123456\n'));
    await vtoken(folder, ['inbox', 'clear']);
    expect(await vtoken(folder, ['inbox', 'list'])).toEqual(quiet(''));
    await post(ports.httpPort, { to: jane, text: 'Another: 777777' });
    expect(await vtoken(folder, ['inbox', 'otp'])).toEqual(quiet('777777\n'));
    child.kill('SIGTERM');
    expect(await ended()).toEqual([0, null]);
  });

  it(
    'leaves a readable file when it is killed, and starts again',
    { timeout: 60_000 },
    async () => {
      const folder = freshFolder();
      const first = await serve(folder);
      await post(first.ports.httpPort, { to: jane, text: '111111' });
      first.child.kill('SIGKILL');
      await first.ended();
      expect(await vtoken(folder, ['inbox', 'otp'])).toEqual(quiet('111111\n'));
      const second = await serve(folder);
      await post(second.ports.httpPort, { to: jane, text: '222222' });
      const { out } = await vtoken(folder, ['inbox', 'list', '--json']);
      expect(JSON.parse(out)).toMatchObject([{ text: '111111' }, { text: '222222' }]);
      second.child.kill('SIGINT');
      expect(await second.ended()).toEqual([0, null]);
    },
  );

  it('asks for the user, refuses and delays as told', { timeout: 60_000 }, async () => {
    const folder = freshFolder();
    const passwordFile = join(folder, 'password.txt');
    writeFileSync(passwordFile, 'secret\n');
    const user = ['--user', 'gateway', '--password-file', passwordFile];
    const { ports } = await serve(folder, ...user, '--refuse', '1', '--delay-ms', '200');
    const mail = { to: jane, text: '123456' };
    const send = (pass: string): Promise<number> =>
      smtpCodeOf(sendMail(ports.smtpPort, mail, { user: 'gateway', pass }));
    expect(await send('wrong')).toBe(535);
    expect(await send('secret')).toBe(550);
    expect(await vtoken(folder, ['inbox', 'list'])).toEqual(quiet(''));
    const startMs = performance.now();
    expect((await post(ports.httpPort, mail)).status).toBe(200);
    expect(performance.now() - startMs).toBeGreaterThan(190);
  });

  it('prints for people where it listens and what came, without moving their cursor', async () => {
    const folder = freshFolder();
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    // A port that was free a moment ago.
    const { smtpPort: smtp, httpPort: http } = await freePorts(folder);
    const argv = ['inbox', 'serve', '--smtp-port', String(smtp), '--http-port', String(http)];
    const running = vtoken(folder, argv, { stopped });
    const message = { to: jane, text: '\u001b[2J\u0007code\r\n123456' };
    await expect.poll(() => post(http, message).catch(() => null)).not.toBeNull();
    stop();
    const path = join(folder, 'inbox.jsonl');
    const place = `listening on 127.0.0.1: SMTP ${smtp}, HTTP ${http}; messages go to ${path}`;
    expect(await running).toEqual(
      quiet(`${place}\n2023-11-14T22:13:20.000Z  http   ${jane}  \ufffd[2J\ufffdcode 123456\n`),
    );
    expect((await vtoken(folder, ['inbox', 'show'])).out).toBe('\ufffd[2J\ufffdcode\n123456\n');
  });

  it.each([
    [['--smtp-port', '65536'], 2, '--smtp-port takes a whole number from 0 to 65535'],
    [['--smtp-port', '2600', '--http-port', '2600'], 2, 'must differ'],
    [['--user', 'x'], 2, '--user and --password-file belong together'],
    [['--delay-ms', '60001'], 2, '--delay-ms takes a whole number from 0 to 60000'],
    [['--file', '/proc/x/inbox'], 5, '/proc/x'],
  ])('%j is refused and explained', async (options, status, text) => {
    const run = await vtoken(freshFolder(), ['inbox', 'serve', ...options]);
    expect(run).toEqual({ status, out: '', err: expect.stringContaining(text) as string });
  });

  it('says which port is taken', { timeout: 60_000 }, async () => {
    const { ports } = await serve(freshFolder());
    const argv = ['inbox', 'serve', '--smtp-port', String(ports.smtpPort), '--http-port', '0'];
    const run = await vtoken(freshFolder(), [...argv, '--json']);
    expect([run.status, run.out]).toEqual([3, '']);
    expect(run.err).toContain(`port ${ports.smtpPort} is in use`);
  });
});

async function freePorts(folder: string): Promise<{ smtpPort: number; httpPort: number }> {
  const { out } = await vtoken(
    folder,
    ['inbox', 'serve', '--smtp-port', '0', '--http-port', '0', '--json'],
    { stopped: Promise.resolve() },
  );
  return JSON.parse(out) as { smtpPort: number; httpPort: number };
}

describe('vtoken inbox list, show and otp', () => {
  const pat = 'pat@example.test';
  const three = [
    { to: jane, subject: 'Log-on', text: 'code 111111' },
    { to: pat, text: 'code\n222222' },
    { to: jane, text: 'Dear Jane' },
  ];

  it('list the newest last, of anybody or one person', async () => {
    const { run } = await inboxWith(...three);
    expect((await run('list', '--limit', '2')).out).toBe(
      `1970-01-01T00:00:01.001Z  email  ${pat}  code 222222\n` +
        `1970-01-01T00:00:01.002Z  email  ${jane}  Dear Jane\n`,
    );
    const { out } = await run('list', '--to', 'JANE@EXAMPLE.TEST', '--json');
    expect(JSON.parse(out)).toMatchObject([{ atMs: 1000, subject: 'Log-on' }, { atMs: 1002 }]);
  });

  it('show the newest there is, or say that there is none', async () => {
    const { run } = await inboxWith(...three);
    expect(await run('show', '--to', pat)).toEqual(quiet('code\n222222\n'));
    expect(await run('otp', '--to', pat)).toEqual(quiet('222222\n'));
    const { out } = await run('otp', '--to', pat, '--json');
    expect(JSON.parse(out)).toEqual({ otp: '222222', atMs: 1001, channel: 'email', to: pat });
    const refused = (text: string): CliRun => ({ status: 1, out: '', err: `vtoken: ${text}\n` });
    const none = `no one-time password in the newest message to ${jane}`;
    expect(await run('otp', '--to', jane)).toEqual(refused(none));
    expect((await run('otp', '--to', pat, '--digits', '5')).status).toBe(1);
    expect((await run('otp', '--to', pat, '--digits', '3')).status).toBe(2);
    expect(await run('show', '--to', 'x')).toEqual(refused('no message to x'));
    expect(await run('show', '--after', '1002')).toEqual(refused('no message'));
    expect((await run('show', '--after', '1001')).out).toBe('Dear Jane\n');
    const json = await run('show', '--to', 'x', '--json');
    expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'message-unknown' } });
  });

  it('wait for one that is still to come, passing over those without a password', async () => {
    const { folder, run } = await inboxWith(...three);
    const file = openInboxFile(join(folder, 'inbox.jsonl'), nodeEnv);
    const waiting = run('otp', '--to', pat, '--wait', '20');
    const settled = { at: '' };
    void waiting.then(() => (settled.at = 'early'));
    const add = (to: string, text: string): Promise<unknown> =>
      file.append([{ channel: 'http', to, text }]);
    await nodeEnv.sleepMs(150);
    await add(jane, '333333');
    await add(pat, 'Welcome');
    await nodeEnv.sleepMs(150);
    expect(settled.at).toBe('');
    await add(pat, 'code 444444');
    expect(await waiting).toEqual(quiet('444444\n'));
  });

  it('do not wait for what came after a time that is given', async () => {
    const { run } = await inboxWith(...three);
    expect(await run('otp', '--after', '1000', '--to', pat, '--wait', '20')).toEqual(
      quiet('222222\n'),
    );
    const late = await run('otp', '--after', '1001', '--to', pat, '--wait', '1');
    expect(late.err).toBe(`vtoken: no message to ${pat} within 1 s\n`);
    const without = await run('otp', '--after', '1001', '--to', jane, '--wait', '1');
    expect(without.err).toContain('no one-time password in the newest message');
  });
});
