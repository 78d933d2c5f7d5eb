import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Finished,
  freshInstallation,
  type Installation,
  runProgram,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pin = '472193';
const service = `tallystick-test-${process.pid}`;
const serviceFile = `/etc/pam.d/${service}`;

describeLayer('pam', 'pam_exec runs the agent for whoever asks PAM', () => {
  let installation: Installation;
  let server: ServerProcess;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-pam-'));
  const state = join(folder, 'agent');

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    mkdirSync(join(folder, 'bin'));
    for (const name of ['tallystick', 'vtoken', 'tallystick-agent']) {
      const program = `#!/bin/sh\nexec ${join(root, 'scripts', name)} "$@"\n`;
      writeFileSync(join(folder, 'bin', name), program, { mode: 0o755 });
    }
    // pam_exec gives its program no PATH.
    const program = [process.execPath, join(root, 'dist/src/agent/main.js'), 'pam'];
    const lines = [
      `auth required pam_exec.so expose_authtok quiet stdout ${program.join(' ')} --state ${state}`,
      'account required pam_permit.so',
    ];
    writeFileSync(serviceFile, `${lines.join('\n')}\n`);
    await shell(`
      tallystick policy set Desks --parent "Local Authentication" \
        offlineEnabled=true offlineKeyMode=sw offlineFailuresMax=2
      tallystick component create --type desk --location 127.0.0.0/8 --policy Desks
      tallystick key create desk --role client --component desk --out desk.key
      tallystick user create jane
      vtoken pair --request jane.request --serial VT00000001 --profile one-button-event \
        --application EVENT=HOTP-SHA1-8
      tallystick token issue --to-emulator jane.request --out jane.bundle --user jane
      vtoken pair --accept jane.bundle
      tallystick token pin enable VT00000001
      printf '${pin}\\n${pin}\\n' | tallystick token pin set VT00000001 --policy Desks
      tallystick-agent enrol --server ${server.url} --key-file desk.key --name desk-1 --mode sw
    `);
  }, 60_000);

  afterAll(async () => {
    rmSync(serviceFile, { force: true });
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram('bash', ['-euc', script], {
      cwd: folder,
      environment: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
        TALLYSTICK_SERVER: server.url,
        TALLYSTICK_KEY_FILE: installation.adminKeyFile,
        TALLYSTICK_AGENT_STATE: state,
        VTOKEN_DIR: join(folder, 'tokens'),
      },
    });
    if (code !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
    return stdout.trim();
  }

  const press = (): Promise<string> => shell('vtoken press VT00000001');

  function signOn(typed: string, user = 'jane'): Promise<Finished> {
    return runProgram('timeout', ['60', 'pamtester', service, user, 'authenticate'], {
      input: `${typed}\n`,
    });
  }

  it('online, without the server, wrong, locked and by an emergency code', async () => {
    const first = `${pin}${await press()}`;
    expect(await signOn(first)).toMatchObject({ code: 0 });
    expect(await signOn(first)).toMatchObject({ code: 1 });
    expect(await signOn(`${pin}${await press()}`, 'kay')).toMatchObject({ code: 1 });
    const code = await revealedCode();

    const { port } = server;
    await server.end('SIGTERM');
    const alone = `${pin}${await press()}`;
    const offline = await signOn(alone);
    expect(offline).toMatchObject({ code: 0 });
    expect(offline.stdout).toContain('Signed in. Offline.');
    expect(await signOn(alone)).toMatchObject({ code: 1 });
    expect(await signOn(`000000${await press()}`)).toMatchObject({ code: 1 });
    const locked = await signOn(`${pin}${await press()}`);
    expect(locked).toMatchObject({ code: 1 });
    expect(locked.stdout + locked.stderr).toContain('Call the help desk');
    expect(await signOn(`${pin}${code}`)).toMatchObject({ code: 0 });
    expect(await signOn(`${pin}${await press()}`)).toMatchObject({ code: 0 });

    server = await startServer(installation.configFile, [`listen.port=${String(port)}`]);
    // What was used without the server is used.
    expect(await signOn(alone)).toMatchObject({ code: 1 });
    expect(await signOn(`${pin}${await press()}`)).toMatchObject({ code: 0 });
  }, 120_000);

  it('answers lines of type auth alone', async () => {
    const ran = await shell(
      'PAM_USER=jane PAM_TYPE=account tallystick-agent pam < /dev/null 2>&1 || echo "exit $?"',
    );
    expect(ran).toContain('of type auth');
    expect(ran).toContain('exit 2');
  });

  async function revealedCode(): Promise<string> {
    return shell(`
      id=$(tallystick token emergency list VT00000001 --json | grep -o '"id":"[^"]*"' | head -1)
      id=\${id#*:\\"}
      tallystick token emergency reveal VT00000001 "\${id%\\"}" --reason "left at home"
    `);
  }
});
