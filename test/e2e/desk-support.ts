import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freshInstallation,
  type Installation,
  runProgram,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Jane's server PIN. */
export const pin = '472193';

/** A real server, and Jane with an event-based device of 8 digits, who sits at workstations. */
export class Desk {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'tallystick-desk-'));
  readonly #installation: Installation;
  #server: ServerProcess;

  private constructor(installation: Installation, server: ServerProcess) {
    this.#installation = installation;
    this.#server = server;
  }

  /** @param settings of the policy of the workstations, as `policy set` takes them */
  static async open(...settings: readonly string[]): Promise<Desk> {
    const installation = await freshInstallation();
    const desk = new Desk(installation, await startServer(installation.configFile));
    mkdirSync(join(desk.folder, 'bin'));
    for (const name of ['tallystick', 'vtoken', 'tallystick-agent']) {
      const program = `#!/bin/sh\nexec ${join(root, 'scripts', name)} "$@"\n`;
      writeFileSync(join(desk.folder, 'bin', name), program, { mode: 0o755 });
    }
    await desk.shell(`
      tallystick policy set Desks --parent "Local Authentication" \
        offlineEnabled=true offlineKeyMode=sw ${settings.join(' ')}
      tallystick component create --type desk --location 127.0.0.0/8 --policy Desks
      tallystick key create desk --role client --component desk --out desk.key
      tallystick user create jane
      vtoken pair --request jane.request --serial VT00000001 --profile one-button-event \
        --application EVENT=HOTP-SHA1-8
      tallystick token issue --to-emulator jane.request --out jane.bundle --user jane
      vtoken pair --accept jane.bundle
      tallystick token pin enable VT00000001
      printf '${pin}\\n${pin}\\n' | tallystick token pin set VT00000001 --policy Desks
    `);
    await desk.enrol('agent');
    return desk;
  }

  /** Where the server is. */
  get url(): string {
    return this.#server.url;
  }

  /** Another workstation, of this name and folder. */
  enrol(name: string): Promise<string> {
    return this.shell(
      `tallystick-agent enrol --server ${this.#server.url} --key-file desk.key --name ${name} ` +
        `--mode sw --state ${this.state(name)}`,
    );
  }

  /** The folder of a workstation's agent. */
  state(name: string): string {
    return join(this.folder, name);
  }

  press(): Promise<string> {
    return this.shell('vtoken press VT00000001');
  }

  /** @returns what it printed, with `exit N` as the last line unless it ended well */
  signOn(workstation: string, typed: string): Promise<string> {
    return this.shell(
      `printf '%s\\n' '${typed}' | tallystick-agent logon jane --stdin ` +
        `--state ${this.state(workstation)} 2>&1 || echo "exit $?"`,
    );
  }

  /** @throws Error with what it printed when it fails */
  async shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram('bash', ['-euc', script], {
      cwd: this.folder,
      environment: {
        PATH: `${join(this.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
        TALLYSTICK_SERVER: this.#server.url,
        TALLYSTICK_KEY_FILE: this.#installation.adminKeyFile,
        VTOKEN_DIR: join(this.folder, 'tokens'),
      },
    });
    if (code !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
    return stdout.trim();
  }

  async whileAway(work: () => Promise<void>): Promise<void> {
    const { port } = this.#server;
    await this.#server.end('SIGTERM');
    await work();
    this.#server = await startServer(this.#installation.configFile, [`listen.port=${port}`]);
  }

  async close(): Promise<void> {
    await this.#server.end('SIGTERM');
    this.#installation.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
