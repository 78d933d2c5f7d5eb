import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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

const root = fileURLToPath(new URL('../..', import.meta.url));
const servedAt = 'http://127.0.0.1:8888';

/** The shell blocks of README.md, in order. */
function tour(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
}

describeLayer('softhsm', "README's tour", () => {
  let installation: Installation;
  let server: ServerProcess;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-tour-'));

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    symlinkSync(installation.folder, join(folder, 'var'));
    symlinkSync(join(root, 'scripts'), join(folder, 'scripts'));
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs as it stands', async () => {
    const commands = tour();
    expect(commands).toContain(servedAt);
    const ran = await runProgram(
      'bash',
      ['-euo', 'pipefail', '-c', commands.replaceAll(servedAt, server.url)],
      {
        cwd: folder,
        environment: { TALLYSTICK_SERVER: server.url, VTOKEN_DIR: join(folder, 'vtoken') },
      },
    );
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout.match(/^Accepted: jane/gm)).toHaveLength(2);
    expect(ran.stdout).toContain('"outcome":"accepted"');
    expect(ran.stdout.match(/^refused$/gm)).toHaveLength(1);
    expect(ran.stdout).toMatch(/^learned drift, seconds +9\d\d$/m);
  });
});
