import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { patience } from '../../src/agent/http.ts';
import {
  freshInstallation,
  type Installation,
  runProgram,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { answersIn, patternOf, readPage, scriptOf, transcriptsIn } from '../support/transcripts.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const servedAt = '127.0.0.1:8888';

/** The page before the server goes, without it, and after it is back. */
function parts(): readonly string[] {
  const page = readPage('agent.md');
  const away = page.indexOf('## Without the server');
  const back = page.indexOf('## Back again');
  return [page.slice(0, away), page.slice(away, back), page.slice(back)];
}

describeLayer('softhsm', 'the transcripts of docs/agent.md', () => {
  let installation: Installation;
  let server: ServerProcess;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-agent-page-'));

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    symlinkSync(installation.folder, join(folder, 'var'));
    mkdirSync(join(folder, 'bin'));
    for (const name of ['tallystick', 'vtoken', 'tallystick-agent']) {
      const program = `#!/bin/sh\nexec ${join(root, 'scripts', name)} "$@"\n`;
      writeFileSync(join(folder, 'bin', name), program, { mode: 0o755 });
    }
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function play(part: string): Promise<void> {
    const { host } = new URL(server.url);
    const typed = transcriptsIn(part.replaceAll(servedAt, host));
    expect(typed.length).toBeGreaterThan(3);
    // Words of ours that an earlier part of the page has taught the shell.
    const words = 'typed() { printf %s 472193; vtoken press VT00000001; }\n';
    const ran = await runProgram('timeout', ['60', 'bash', '-c', words + scriptOf(typed)], {
      cwd: folder,
      environment: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
        TALLYSTICK_SERVER: server.url,
        TALLYSTICK_AGENT_STATE: join(folder, 'agent'),
        VTOKEN_DIR: join(folder, 'tokens'),
      },
    });
    const answers = answersIn(ran.stdout, typed);
    for (const [index, { command, answer }] of typed.entries()) {
      expect(answers[index], `${command}\n${ran.stderr}`).toMatch(patternOf(answer));
    }
  }

  it('run as they stand, with the server away in the middle', async () => {
    const [before = '', without = '', after = ''] = parts();
    await play(before);
    const { port } = server;
    await server.end('SIGTERM');
    await play(without);
    server = await startServer(installation.configFile, [`listen.port=${String(port)}`]);
    await play(after);
  });

  it('have every exit code', () => {
    const rows = [...readPage('agent.md').matchAll(/^\| (\d+) +\| `([a-z-]+)`/gm)];
    const table: unknown = Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]));
    expect(table).toEqual(exitCodes);
  });

  it('have how long a server is waited for', () => {
    const said = /no connection within (\d+) seconds or no answer within (\d+)/.exec(
      readPage('agent.md'),
    );
    const [connectMs, totalMs] = said?.slice(1).map((seconds) => 1000 * Number(seconds)) ?? [];
    expect({ connectMs, totalMs }).toEqual(patience);
  });
});
