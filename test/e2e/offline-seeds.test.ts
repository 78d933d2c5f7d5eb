import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { spelledIn, spelledInFolder, spelledInMemory, spellings } from '../support/memory-scan.ts';
import { type Owner, Site, type Workstation } from './offline-support.ts';

const agentProgram = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));

describeLayer('softhsm', 'the seed of a device that is used without a server', () => {
  // No two of these are in one text by chance.
  const seed = randomBytes(20);
  let site: Site;
  let owner: Owner;
  let made: Workstation;
  let running: ChildProcess;

  beforeAll(async () => {
    site = await Site.open();
    owner = await site.owner('jane', 'event', seed);
    const keyFile = await site.keyFile('memory', { offlineKeyMode: 'ram' });
    // The seed was typed into the process that ends here.
    await site.restart();
    made = await site.workstation(keyFile, 'ram');
    running = spawn(process.execPath, [agentProgram, 'run', '--state', made.state], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    await once(running.stderr!, 'data');
  });

  afterAll(async () => {
    running.kill('SIGKILL');
    await site.close();
  });

  async function logon(counter: number): Promise<string> {
    const args = [agentProgram, 'logon', owner.user, '--stdin', '--state', made.state];
    const { code, stdout, stderr } = await runProgram(process.execPath, args, {
      input: `${owner.shown(counter)}\n`,
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout;
  }

  it('is in no memory, no file and on no line, however it is spelled', async () => {
    expect(await logon(0)).toContain('renewed');
    await made.wire.cut();
    expect(await logon(1)).toContain('Offline');
    await made.wire.mend();
    made.requireDone(await made.run(['report']));
    const tokens = join(site.installation.folder, 'tokens');
    const [server, agent] = [site.server.child.pid ?? 0, running.pid ?? 0];

    expect(spelledInMemory(server, seed)).toEqual([]);
    expect(spelledInMemory(agent, seed)).toEqual([]);
    expect(spelledInFolder(site.installation.folder, seed, (path) => path === tokens)).toEqual([]);
    expect(spelledInFolder(made.state, seed)).toEqual([]);
    expect(spelledIn(made.wire.bytes, seed)).toEqual([]);
    expect(spelledIn(Buffer.from(site.server.log()), seed)).toEqual([]);

    // Who looks finds what is there.
    const serial = Buffer.from(owner.serial);
    expect(spelledInMemory(server, serial)).toContain('raw');
    expect(spelledInMemory(agent, serial)).toContain('raw');
    expect(spelledInFolder(site.installation.folder, serial)).not.toEqual([]);
    expect(spelledIn(made.wire.bytes, Buffer.from(owner.user))).toContain('raw');
    const names = Object.keys(spellings(seed));
    const all = Buffer.concat(Object.values(spellings(seed)));
    expect(spelledIn(all, seed)).toEqual(names);
  });
});
