import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
import { answersIn, patternOf, readPage, scriptOf, transcriptsIn } from '../support/transcripts.ts';

/**
 * The transcripts of docs/workflows.md, typed into one shell from the first to the last, against a real
 * server with a SoftHSM token and a mailbox on loopback. `...` in an answer stands for anything.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const servedAt = '127.0.0.1:8888';
/** Where the page has mailbox and telephone listen. */
const inboxPorts = ['2525', '2580'];
async function freePort(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  return String(port);
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
    const typed = transcriptsIn(readPage('workflows.md'));
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
    const answers = answersIn(ran.stdout, typed);
    for (const [index, { command, answer }] of typed.entries()) {
      expect(answers[index], `${command}\n${ran.stderr}`).toMatch(patternOf(answer));
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
