import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, it } from 'vitest';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase } from '../support/postgres.ts';
import { freshSoftHsm } from '../support/softhsm.ts';

const run = promisify(execFile);

async function ask(connectionString: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const answer: pg.QueryResult<{ value: unknown }> = await client.query(sql);
    return answer.rows[0]?.value;
  } finally {
    await client.end();
  }
}

/** Whether some process of this machine was started with `text` among its arguments. */
async function isNamedByAProcess(text: string): Promise<boolean> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.some((command) => command.includes(text));
}

describeLayer('postgresql', 'the PostgreSQL of a test run', () => {
  it('gives each caller an empty database that drop removes', async () => {
    const one = await freshPostgresDatabase();
    const other = await freshPostgresDatabase();
    await ask(one.connectionString, 'CREATE TABLE mark (value int)');
    const seen = "SELECT to_regclass('mark')::text AS value";
    expect(await ask(one.connectionString, seen)).toBe('mark');
    expect(await ask(other.connectionString, seen)).toBeNull();
    await one.drop();
    await expect(ask(one.connectionString, seen)).rejects.toThrow(/does not exist/);
    await other.drop();
  });

  it('leaves neither server nor folder behind when its owner is killed', async () => {
    const script = `
      import { startPostgres } from './test/support/postgres.ts';
      process.stdout.write((await startPostgres()).connectionString);
      setInterval(() => {}, 1000);`;
    const owner = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [printed] = (await once(owner.stdout, 'data')) as [Buffer];
    const connectionString = printed.toString();
    const folder = new URL(connectionString).searchParams.get('host') ?? '';
    expect(await ask(connectionString, 'SELECT 1 AS value')).toBe(1);
    expect(await isNamedByAProcess(folder)).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => existsSync(folder), { timeout: 15_000 }).toBe(false);
    await expect.poll(() => isNamedByAProcess(folder), { timeout: 15_000 }).toBe(false);
  });
});

describeLayer('softhsm', 'the SoftHSM of a test', () => {
  it('holds one p11Token that opens with the PIN in its file, and nothing else', async () => {
    const token = await freshSoftHsm();
    try {
      const list = ['--module', token.modulePath, '--list-slots'];
      const { stdout } = await run('pkcs11-tool', list);
      expect(stdout.match(/token label/g)).toHaveLength(1);
      expect(stdout).toContain(token.tokenLabel);
      const pin = (await readFile(token.userPinFile, 'utf8')).trim();
      await run('pkcs11-tool', ['--module', token.modulePath, '--login', '--pin', pin, '-O']);
    } finally {
      await token.remove();
    }
    expect(existsSync(token.folder)).toBe(false);
  });
});
