import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Finished, runProgram } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { Desk, pin } from './desk-support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const service = `tallystick-test-${process.pid}`;
const serviceFile = `/etc/pam.d/${service}`;

describeLayer('pam', 'pam_exec runs the agent for whoever asks PAM', () => {
  let desk: Desk;

  beforeAll(async () => {
    desk = await Desk.open('offlineFailuresMax=2');
    writeService();
  }, 60_000);

  function writeService(option = ''): void {
    // pam_exec gives its program no PATH.
    const program = [process.execPath, join(root, 'dist/src/agent/main.js'), 'pam'];
    const runs = `${program.join(' ')} --state ${desk.state('agent')}`;
    const lines = [
      `auth required pam_exec.so ${option} expose_authtok quiet stdout ${runs}`,
      'account required pam_permit.so',
    ];
    writeFileSync(serviceFile, `${lines.join('\n')}\n`);
  }

  afterAll(async () => {
    rmSync(serviceFile, { force: true });
    await desk.close();
  });

  function signOn(typed: string, user = 'jane'): Promise<Finished> {
    return runProgram('timeout', ['60', 'pamtester', service, user, 'authenticate'], {
      input: `${typed}\n`,
    });
  }

  it('online, without the server, wrong, locked and by an emergency code', async () => {
    const first = `${pin}${await desk.press()}`;
    expect(await signOn(first)).toMatchObject({ code: 0 });
    expect(await signOn(first)).toMatchObject({ code: 1 });
    expect(await signOn(`${pin}${await desk.press()}`, 'kay')).toMatchObject({ code: 1 });
    const code = await revealedCode();

    let alone = '';
    await desk.whileAway(async () => {
      alone = `${pin}${await desk.press()}`;
      const offline = await signOn(alone);
      expect(offline).toMatchObject({ code: 0 });
      expect(offline.stdout).toContain('Signed in. Offline.');
      expect(await signOn(alone)).toMatchObject({ code: 1 });
      expect(await signOn(`000000${await desk.press()}`)).toMatchObject({ code: 1 });
      const locked = await signOn(`${pin}${await desk.press()}`);
      expect(locked).toMatchObject({ code: 1 });
      expect(locked.stdout + locked.stderr).toContain('Call the help desk');
      expect(await signOn(`${pin}${code}`)).toMatchObject({ code: 0 });
      expect(await signOn(`${pin}${await desk.press()}`)).toMatchObject({ code: 0 });
    });
    expect(await signOn(`${pin}${await desk.press()}`)).toMatchObject({ code: 0 });
    // What was used without the server is used.
    expect(await signOn(alone)).toMatchObject({ code: 1 });
  }, 120_000);

  it('with the static password in front, where it is required', async () => {
    const password = 'Sommer-2026';
    await desk.shell(`
      printf '${password}\\n${password}\\n' | tallystick user password set jane
      tallystick policy set Desks offlineRequirePassword=true
    `);
    expect(await signOn(`${pin}${await desk.press()}`)).toMatchObject({ code: 1 });
    expect(await signOn(`${password}${pin}${await desk.press()}`)).toMatchObject({ code: 0 });
    await desk.whileAway(async () => {
      const offline = await signOn(`${password}${pin}${await desk.press()}`);
      expect(offline).toMatchObject({ code: 0 });
      expect(offline.stdout).toContain('Signed in. Offline.');
      expect(await signOn(`${pin}${await desk.press()}`)).toMatchObject({ code: 1 });
    });
    await desk.shell('tallystick policy set Desks offlineRequirePassword=false');
  }, 120_000);

  it('set-uid programs need seteuid', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-suid-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = join(folder, 'ask');
    chmodSync(folder, 0o755);
    copyFileSync('/usr/bin/pamtester', program);
    chmodSync(program, 0o4755);
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const ask = async (): Promise<Finished> =>
      runProgram(
        'timeout',
        ['60', 'setpriv', ...nobody, program, service, 'jane', 'authenticate'],
        {
          input: `${pin}${await desk.press()}\n`,
        },
      );
    expect(await ask()).toMatchObject({ code: 1 });
    writeService('seteuid');
    expect(await ask()).toMatchObject({ code: 0 });
    writeService();
  });

  it('answers lines of type auth alone', async () => {
    const ran = await desk.shell(
      'PAM_USER=jane PAM_TYPE=account tallystick-agent pam < /dev/null 2>&1 || echo "exit $?"',
    );
    expect(ran).toContain('of type auth');
    expect(ran).toContain('exit 2');
  });

  async function revealedCode(): Promise<string> {
    return desk.shell(`
      id=$(tallystick token emergency list VT00000001 --json | grep -o '"id":"[^"]*"' | head -1)
      id=\${id#*:\\"}
      tallystick token emergency reveal VT00000001 "\${id%\\"}" --reason "left at home"
    `);
  }
});
