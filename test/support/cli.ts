import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** The compiled commands, run as processes of their own, and servers made from them. */

const root = fileURLToPath(new URL('../..', import.meta.url));
export const tallystickProgram: string = join(root, 'dist/src/cli/main.js');

export interface Finished {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** Runs a program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { environment = {}, input, cwd = root }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...environment } });
  const said = listen(child);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said() };
}

/** Runs `tallystick`; `ensureBuilt` first. */
export function runTallystick(args: readonly string[], options?: RunOptions): Promise<Finished> {
  return runProgram(process.execPath, [tallystickProgram, ...args], options);
}

let built: Promise<void> | undefined;

/** Compiles unless dist/ is of these sources; call it from `beforeAll`. */
export function ensureBuilt(): Promise<void> {
  return (built ??= build());
}

async function build(): Promise<void> {
  const script = '. scripts/lib/say.sh; . scripts/lib/build.sh; build_if_outdated';
  const { code, stdout, stderr } = await runProgram('bash', ['-euo', 'pipefail', '-c', script]);
  if (code !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
}

export interface Installation {
  readonly folder: string;
  readonly configFile: string;
  readonly adminKeyFile: string;
  readonly remove: () => void;
}

/** `tallystick init` in a throw-away folder. */
export async function freshInstallation(more: readonly string[] = []): Promise<Installation> {
  await ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-var-'));
  const { code, stdout, stderr } = await runTallystick(['init', '--var', folder, ...more]);
  if (code !== 0) throw new Error(`init failed:\n${stdout}${stderr}`);
  return {
    folder,
    configFile: join(folder, 'tallystick.json'),
    adminKeyFile: join(folder, 'admin.key'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** Ends it by a signal and waits; kill -9 unless told. */
  readonly end: (signal?: 'SIGKILL' | 'SIGTERM') => Promise<number | null>;
  readonly log: () => string;
}

/** A test that fails leaves no server behind. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ServerLimits {
  /** The size of any file it writes: a full disk. */
  readonly fileKibibytesMax?: number;
  /** Where its log goes instead of to `log`. */
  readonly logPath?: string;
  /** Permissions mean nothing to root; only root may set this. */
  readonly userId?: number;
  /** What its clock is ahead of the test's. */
  readonly clockAheadMs?: number;
  /** Further arguments of `serve`. */
  readonly flags?: readonly string[];
}

/**
 * `tallystick serve` on a port of the system's choice; resolves when it serves.
 *
 * @throws Error with exit code, reason and log when it ends instead
 */
export async function startServer(
  configFile: string,
  sets: readonly string[] = [],
  { fileKibibytesMax, logPath, userId, clockAheadMs = 0, flags = [] }: ServerLimits = {},
): Promise<ServerProcess> {
  const settings = ['listen.port=0', ...sets].flatMap((each) => ['--set', each]);
  const limit = fileKibibytesMax === undefined ? '' : `ulimit -f ${fileKibibytesMax}; `;
  const serve = [
    ...(clockAheadMs === 0 ? [] : ['--import', clockAhead(clockAheadMs)]),
    ...[tallystickProgram, 'serve', '--config', configFile, '--json', ...settings, ...flags],
  ];
  const redirect = logPath === undefined ? '' : ` 2>${logPath}`;
  const child = spawn(
    'bash',
    ['-c', `${limit}exec "$@"${redirect}`, 'bash', process.execPath, ...serve],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(userId === undefined ? {} : { uid: userId, gid: userId }),
    },
  );
  running.add(child);
  child.once('close', () => running.delete(child));
  const said = listen(child);
  const closed = once(child, 'close') as Promise<[number | null]>;
  await Promise.race([once(child.stdout, 'data'), closed]);
  const { url, port } = JSON.parse(said().stdout || '{}') as { url?: string; port?: number };
  if (url === undefined || port === undefined) {
    const [code] = await closed;
    throw new Error(`serve ended with ${String(code)}: ${said().stdout}${said().stderr}`);
  }
  return {
    url,
    port,
    child,
    log: () => said().stderr,
    end: async (signal = 'SIGKILL') => {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

function clockAhead(durationMs: number): string {
  const script = `const { now } = Date; Date.now = () => now() + ${durationMs};`;
  return `data:text/javascript,${encodeURIComponent(script)}`;
}

function listen(child: ChildProcess): () => { stdout: string; stderr: string } {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  return () => texts;
}
