import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  runProgram,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';

/**
 * The transcripts of docs/workflows.md, typed into one shell from the first to the last, against a real
 * server with a SoftHSM token and a mailbox on loopback. `...` in an answer stands for anything.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const servedAt = '127.0.0.1:8888';
/** Where the page has mailbox and telephone listen. */
const inboxPorts = ['2525', '2580'];
/** How the shell says that an answer is complete. */
const mark = '\u0001';

interface Typed {
  readonly command: string;
  readonly answer: string;
}

/** What is typed after each `$ ` and goes on after `> `, with what stands below it. */
function transcripts(): readonly Typed[] {
  const page = readFileSync(join(root, 'docs/workflows.md'), 'utf8');
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((one) => {
        const lines = one.trimEnd().split('\n');
        const more = lines.slice(1).findIndex((line) => !line.startsWith('> '));
        const end = more < 0 ? lines.length : more + 1;
        const command = lines.slice(0, end).map((line) => line.replace(/^> /, ''));
        return { command: command.join('\n'), answer: lines.slice(end).join('\n') };
      }),
  );
}

/** A shell script that types all of them and marks where each answer ends. */
function scriptOf(typed: readonly Typed[]): string {
  return typed
    .map(({ command }) => `{ ${command}\n} 2>&1; printf '${mark}%s${mark}' $?`)
    .join('\n');
}

async function freePort(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  return String(port);
}

function pattern(answer: string): RegExp {
  const escaped = answer.replaceAll(/[\\^$*+?.()|[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '[^]*?')}$`);
}

/** The lines of what could not be sent, in which no code and no recipient is. */
function failedDeliveries(log: string): readonly unknown[] {
  const lines = log.split('\n').filter((line) => line.includes('"errorCode":"delivery-failed"'));
  expect(lines.join()).not.toMatch(/stack|\.js:|\+49151/);
  return lines.map((line): unknown => JSON.parse(line));
}

describeLayer('softhsm', 'the transcripts of docs/workflows.md', () => {
  let installation: Installation;
  let server: ServerProcess;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-workflows-'));

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    symlinkSync(installation.folder, join(folder, 'var'));
    mkdirSync(join(folder, 'bin'));
    for (const name of ['tallystick', 'vtoken']) {
      const program = `#!/bin/sh\nexec ${join(root, 'scripts', name)} "$@"\n`;
      writeFileSync(join(folder, 'bin', name), program, { mode: 0o755 });
    }
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('run as they stand', { timeout: 120_000 }, async () => {
    const typed = transcripts();
    expect(typed.length).toBeGreaterThan(40);
    let script = scriptOf(typed).replaceAll(servedAt, new URL(server.url).host);
    for (const port of inboxPorts) script = script.replaceAll(port, await freePort());
    const ran = await runProgram(
      'timeout',
      ['100', 'bash', '-c', `trap 'kill $(jobs -p)' EXIT\n${script}`],
      {
        cwd: folder,
        environment: {
          PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
          TALLYSTICK_SERVER: server.url,
          VTOKEN_DIR: join(folder, 'tokens'),
        },
      },
    );
    const said = ran.stdout.split(mark);
    for (const [index, { command, answer }] of typed.entries()) {
      const came = (said[2 * index] ?? '').trim();
      const code = said[2 * index + 1] ?? 'none';
      const whole = code === '0' ? came : `${came}\n(exit ${code})`.trim();
      expect(whole, `${command}\n${ran.stderr}`).toMatch(pattern(answer));
    }
    expect(failedDeliveries(server.log())).toEqual([
      expect.objectContaining({
        level: 'warn',
        keyName: expect.any(String) as string,
        failures: [
          {
            channel: 'sms',
            gateway: 'sms',
            kind: 'unreachable',
            cause: 'no answer from the web service: ECONNREFUSED',
          },
        ],
      }),
    ]);
  });
});
