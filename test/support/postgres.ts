import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresProgramFolder } from './layers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Administrative connection string of the cluster of this run. */
    postgres: string;
  }
}

export interface PostgresServer {
  readonly connectionString: string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

export interface PostgresDatabase {
  readonly connectionString: string;
  drop(): Promise<void>;
}

const run = promisify(execFile);
const startLimitMs = 30_000;
/** A Unix socket's path has room for 107 bytes; the folder shares it with `/.s.PGSQL.5432`. */
const socketFolderLimit = 80;

/**
 * Starts a throw-away PostgreSQL cluster that listens on a Unix socket in its own folder and on no
 * network address. initdb refuses root, so root runs it as the user `postgres`.
 *
 * The server's parent is a shell which waits for the end of its standard input. The kernel closes
 * that pipe when this process dies, in whatever way, so neither server nor folder is left behind.
 *
 * @throws Error when PostgreSQL is not installed or does not start; the server's log is in the text
 */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresProgramFolder();
  if (programs === undefined) {
    throw new Error('PostgreSQL is not installed: install the package "postgresql"');
  }
  const base = tmpdir().length > socketFolderLimit ? '/tmp' : tmpdir();
  const folder = await mkdtemp(join(base, 'tallystick-pg-'));
  try {
    const become = await becomeDatabaseUser(folder);
    await runAs(become, [
      `${programs}/initdb`,
      ...['--pgdata', `${folder}/data`, '--username=postgres', '--auth=trust'],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ]);
    const server = superviseServer(become, programs, folder);
    return await whenReady(server, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function runAs(become: readonly string[], command: readonly string[]): Promise<void> {
  const [program = '', ...rest] = [...become, ...command];
  await run(program, rest, { cwd: '/' });
}

/** The command prefix under which the database runs; gives the folder to that user. */
async function becomeDatabaseUser(folder: string): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) {
    return [];
  }
  const { stdout } = await run('id', ['-u', 'postgres']);
  const { stdout: group } = await run('id', ['-g', 'postgres']);
  await chown(folder, Number(stdout), Number(group));
  return ['runuser', '-u', 'postgres', '--'];
}

function superviseServer(
  become: readonly string[],
  programs: string,
  folder: string,
): ChildProcess {
  const script = [
    '"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 \\',
    '  </dev/null >"$2/log" 2>&1 &',
    'server=$!',
    'read -r _',
    'kill -QUIT "$server"',
    'wait "$server"',
    'rm -rf "$2"',
  ].join('\n');
  const [program, ...rest] = [...become, 'sh', '-c', script, 'sh', programs, folder];
  // A group of its own: Ctrl-C must reach us, and the server only through us.
  return spawn(program, rest, { cwd: '/', stdio: ['pipe', 'ignore', 'ignore'], detached: true });
}

async function whenReady(supervisor: ChildProcess, folder: string): Promise<PostgresServer> {
  const connectionString = `postgresql://postgres@localhost/postgres?host=${folder}`;
  const hasEnded = once(supervisor, 'exit');
  const stop = async (): Promise<void> => {
    supervisor.stdin?.end();
    await hasEnded;
    // The folder itself may belong to root's temporary directory: what the shell could not remove.
    await rm(folder, { recursive: true, force: true });
  };
  const startedAtMs = performance.now();
  for (;;) {
    if (existsSync(`${folder}/.s.PGSQL.5432`)) {
      try {
        await query(connectionString, 'SELECT 1');
        return { connectionString, stop };
      } catch {
        // Not yet: it answers "the database system is starting up".
      }
    }
    if (supervisor.exitCode !== null || performance.now() - startedAtMs > startLimitMs) {
      await stop();
      throw new Error(`PostgreSQL did not start in ${folder}`);
    }
    await wait(20);
  }
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/**
 * An empty database of its own for one test file, in the cluster of this run (which the projects
 * `store` and `e2e` start). Call it from `beforeAll` and `drop` from `afterAll`; what is not
 * dropped goes with the cluster.
 */
export async function freshPostgresDatabase(): Promise<PostgresDatabase> {
  // Imported here because vitest refuses to be loaded outside a test, where startPostgres is used.
  const { inject } = await import('vitest');
  const administrative = inject('postgres');
  if (administrative === '') {
    throw new Error('PostgreSQL is not installed: install the package "postgresql"');
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  await query(administrative, `CREATE DATABASE ${name}`);
  return {
    connectionString: administrative.replace('/postgres?', `/${name}?`),
    drop: () => query(administrative, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
