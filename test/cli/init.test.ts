import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ensureBuilt,
  freshInstallation,
  runTallystick,
  startServer,
  tallystickProgram,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';

let folder: string;
beforeAll(async () => {
  await ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'tallystick-init-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Every file's content and mode, but for token.object: SoftHSM rewrites its own flags in there at
 * every login.
 */
function fingerprint(of: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(of, { recursive: true, encoding: 'utf8' }).sort()) {
    const stat = statSync(join(of, name));
    hash.update(`${name} ${stat.mode} ${stat.isFile() ? stat.size : 0}\n`);
    if (stat.isFile() && !name.endsWith('token.object')) hash.update(readFileSync(join(of, name)));
  }
  return hash.digest('hex');
}

/** Leaves the p11Token as a kill in the middle of writing its first file does, if it is unfinished. */
function halve(target: string): void {
  if (!existsSync(join(target, 'p11token.unfinished'))) return;
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' });
  const file = files.find((name) => name.endsWith('token.object'));
  if (file !== undefined) truncateSync(join(target, file), 10);
}

/** Starts init and kills it as soon as the condition holds; its exit code, or null if it was killed. */
async function killedWhen(args: readonly string[], isTime: () => boolean): Promise<number | null> {
  const child = spawn(process.execPath, [tallystickProgram, ...args], { stdio: 'ignore' });
  const closed = once(child, 'close') as Promise<[number | null]>;
  while (child.exitCode === null && !isTime()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill('SIGKILL');
  const [code] = await closed;
  return code;
}

describeLayer('softhsm', 'tallystick init', () => {
  it('lets one of several at once do the work, and leaves an installation that is whole', async () => {
    const target = join(folder, 'crowded');
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => runTallystick(['init', '--var', target])),
    );
    expect(runs.filter(({ stdout }) => stdout.includes('Ready: '))).toHaveLength(1);
    for (const { code, stdout, stderr } of runs) {
      if (code === 5) expect(stderr).toContain('another "tallystick init" is at work');
      else expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    }
    expect(runs.some(({ code }) => code === 5)).toBe(true);
    const after = await runTallystick(['init', '--var', target]);
    expect(after.code, after.stderr).toBe(0);
    expect(after.stdout).toMatch(/^Nothing to do/);
    const server = await startServer(join(target, 'tallystick.json'));
    await server.end('SIGTERM');
  });

  it('does not put an empty database in the place of a lost one', async () => {
    const made = await freshInstallation();
    try {
      rmSync(join(made.folder, 'tallystick.db'));
      const refused = await runTallystick(['init', '--var', made.folder]);
      expect(refused).toMatchObject({ code: 3, stdout: '' });
      expect(refused.stderr).toContain(`restore it from a backup, or remove ${made.adminKeyFile}`);
      expect(existsSync(join(made.folder, 'tallystick.db'))).toBe(false);
      rmSync(made.adminKeyFile);
      const anew = await runTallystick(['init', '--var', made.folder]);
      expect(anew.code, anew.stderr).toBe(0);
      expect(anew.stdout).toContain('made  database');
    } finally {
      made.remove();
    }
  });

  it('makes private files, and changes nothing the second time, not even beside a server', async () => {
    const made = await freshInstallation();
    try {
      for (const name of readdirSync(made.folder, { recursive: true, encoding: 'utf8' })) {
        expect(statSync(join(made.folder, name)).mode & 0o077).toBe(0);
      }
      expect(readFileSync(made.adminKeyFile, 'utf8')).toMatch(/^tsk_[A-Za-z0-9_-]{43}\n$/);
      const before = fingerprint(made.folder);
      const again = await runTallystick(['init', '--var', made.folder]);
      expect(again).toMatchObject({
        code: 0,
        stdout: `Nothing to do: ${made.folder} is initialised.\n`,
      });
      expect(fingerprint(made.folder)).toBe(before);
      const server = await startServer(made.configFile);
      const beside = await runTallystick(['init', '--var', made.folder]);
      expect(beside.stdout).toMatch(/^Nothing to do/);
      const other = await runTallystick(['init', '--var', made.folder, '--residency', 'wrapped']);
      expect(other).toMatchObject({ code: 2, stdout: '' });
      expect(other.stderr).toMatch(/says otherwise/);
      expect(await server.end('SIGTERM')).toBe(0);
    } finally {
      made.remove();
    }
  });

  it('is completed by the next run, wherever it was killed', async () => {
    const target = join(folder, 'var');
    const has = (name: string) => (): boolean => existsSync(join(target, name));
    const tokenFiles = (): number => {
      try {
        return readdirSync(join(target, 'tokens'), { recursive: true }).length;
      } catch {
        // Not there yet, or just being made anew.
        return 0;
      }
    };
    // In the middle of the p11Token, of a key, and between the two halves of a key pair, too.
    const moments: readonly (() => boolean)[] = [
      has('softhsm2.conf'),
      has('so.pin'),
      ...[1, 2, 3, 6, 15, 25, 26, 29, 33].map((count) => () => tokenFiles() >= count),
      has('tallystick.json'),
      has('tallystick.db'),
      has('admin.key'),
    ];
    for (const moment of moments) {
      // What is not killed in time is no failure here, but what fails by itself is.
      const code = await killedWhen(['init', '--var', target], moment);
      expect(code === null || code === 0).toBe(true);
      halve(target);
    }
    const last = await runTallystick(['init', '--var', target]);
    expect(last).toMatchObject({ code: 0, stderr: '' });
    expect((await runTallystick(['init', '--var', target])).stdout).toMatch(/^Nothing to do/);
    const server = await startServer(join(target, 'tallystick.json'));
    const key = readFileSync(join(target, 'admin.key'), 'utf8').trim();
    const answer = await fetch(`${server.url}/v1/components`, {
      headers: { Authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { items: unknown[] }).items).toHaveLength(8);
    await server.end();
  });
});
