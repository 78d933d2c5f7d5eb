import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import {
  access,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What the emulator asks of the file system. Every method rejects with Node's system errors. */
export interface Files {
  /** Creates the folder and its parents if missing; only new folders get `mode`. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Names in a folder. */
  list(path: string): Promise<readonly string[]>;
  /** Whether there is anything of this name. */
  exists(path: string): Promise<boolean>;
  /** The whole file; rejects with EFBIG beyond `bytesMax`. */
  read(path: string, bytesMax: number): Promise<Buffer>;
  /** Creates a file that must not exist (EEXIST), writes it, and waits until it is on disk; whole, or not at all. */
  writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** The same with a content that comes in pieces; what there is of the file stays when they fail. */
  writeNewFrom(path: string, pieces: AsyncIterable<string>, mode: number): Promise<void>;
  /** Writes at the end of a file, created with `mode` if missing; not yet on disk afterwards. */
  append(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** The whole file, in pieces of some kilobytes; it may be larger than memory. */
  readPieces(path: string): AsyncIterable<Uint8Array>;
  /** Cuts a file off after so many bytes, on disk; false, and nothing done, for a shorter one. */
  truncate(path: string, bytes: number): Promise<boolean>;
  /** Waits until what was written to a file is on disk. */
  sync(path: string): Promise<void>;
  /** A text that is another one whenever the file has changed; null without the file. */
  version(path: string): Promise<string | null>;
  /** A second name for a file; EEXIST if the name is taken. Atomic. */
  link(path: string, name: string): Promise<void>;
  /** Atomic replacement. */
  rename(from: string, to: string): Promise<void>;
  /** No error if it is not there. */
  remove(path: string): Promise<void>;
  /** Waits until the folder's names are on disk. */
  syncFolder(path: string): Promise<void>;
}

/** Names one process so that a later one with the same number is not taken for it. */
export interface ProcessName {
  readonly host: string;
  readonly pid: number;
  /** Start time as the kernel counts it; empty where it cannot be read. */
  readonly startedAt: string;
}

/** Who else is running. */
export interface Processes {
  readonly self: ProcessName;
  /** Whether it runs still; null when this machine cannot tell. */
  isAlive(name: ProcessName): boolean | null;
}

/** Everything the emulator takes from the world around it. */
export interface DeviceEnv {
  /** Wall clock, Unix time in whole milliseconds. */
  nowMs(): number;
  /** Never falls; for waiting only. */
  monotonicMs(): number;
  /** Ends early, without an error, when `signal` is aborted. */
  sleepMs(durationMs: number, signal?: AbortSignal): Promise<void>;
  randomBytes(length: number): Uint8Array;
  /**
   * Runs a command of the user's with /bin/sh, in our environment and this one; what it prints goes to the
   * standard error. Ends its shell when `signal` is aborted; what that has started goes on, unless Ctrl-C reaches it too.
   *
   * @returns how it ended, for people; null for well
   */
  runShell(
    command: string,
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<string | null>;
  readonly files: Files;
  readonly processes: Processes;
}

/** The real world. */
export const nodeEnv: DeviceEnv = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleepMs: async (durationMs, signal) => {
    await delay(durationMs, undefined, signal === undefined ? {} : { signal }).catch(
      (error: unknown) => {
        if (signal?.aborted !== true) throw error;
      },
    );
  },
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  runShell,
  files: {
    makeFolder,
    list: (path) => readdir(path),
    exists: async (path) => {
      try {
        await access(path);
        return true;
      } catch (error) {
        if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return false;
        throw error;
      }
    },
    read: readBounded,
    writeNew: (path, bytes, mode) => writeDurably(path, [bytes], mode, { removesPart: true }),
    writeNewFrom: (path, pieces, mode) => writeDurably(path, inBlocks(pieces), mode),
    append: appendTo,
    readPieces: (path) => createReadStream(path),
    truncate: (path, bytes) =>
      withFile(path, 'r+', async (file) => {
        if ((await file.stat()).size < bytes) return false;
        await file.truncate(bytes);
        await file.sync();
        return true;
      }),
    sync: (path) => withFile(path, 'r+', (file) => file.sync()),
    version: versionOf,
    link: (path, name) => link(path, name),
    rename: (from, to) => rename(from, to),
    remove: async (path) => {
      await unlink(path).catch(ignoreMissing);
    },
    syncFolder,
  },
  processes: {
    self: { host: hostname(), pid: process.pid, startedAt: startTimeOf(process.pid) },
    isAlive,
  },
};

const blockCharacters = 64 * 1024;

/** Where tokens live when no folder is named: `VTOKEN_DIR`, else `.vtoken` in the home folder. */
export function defaultTokenFolder(): string {
  const named = process.env['VTOKEN_DIR'];
  return named === undefined || named === '' ? join(homedir(), '.vtoken') : named;
}

/** Node's code of a system error (ENOENT, ENOSPC, ...), or undefined for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function runShell(
  command: string,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', command], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 2, 2],
      signal,
    });
    child.on('error', ({ message }) => resolve(message));
    // Not `close`: what the command leaves running holds what it inherited.
    child.on('exit', (status, name) =>
      resolve(status === 0 ? null : (name ?? `exit status ${String(status)}`)),
    );
  });
}

/** Not mkdir's own `recursive`: where the kernel refuses with ENOENT (/proc) that never ends. */
async function makeFolder(path: string, mode: number): Promise<void> {
  const made = await mkdir(path, mode).then(() => 'made', systemErrorCode);
  if (made !== 'ENOENT') {
    // Whatever else is there already, opening it as a folder tells why it is none.
    await readdir(path);
    return;
  }
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, mode);
  await mkdir(path, mode).catch((error: unknown) => {
    // Two commands may start at once in a home folder without one.
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
}

async function readBounded(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    // One byte more than allowed, so that a pipe or a growing file is found out as well.
    const buffer = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > bytesMax) throw Object.assign(new Error('file too large'), { code: 'EFBIG' });
      if (bytesRead === 0) return buffer.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}

async function writeDurably(
  path: string,
  content: AsyncIterable<string | Uint8Array> | Iterable<Uint8Array>,
  mode: number,
  { removesPart = false } = {},
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    // Each goes where the one before it ended.
    for await (const block of content) await file.writeFile(block);
    await file.sync();
  } catch (error) {
    // Half a seed file is of use to nobody who may have it, and in the way of the next try.
    if (removesPart) await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Ten thousand small pieces would be as many writes. */
async function* inBlocks(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let block = '';
  for await (const piece of pieces) {
    block += piece;
    if (block.length < blockCharacters) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}

async function appendTo(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'a', mode);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

async function withFile<Result>(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, flags);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function versionOf(path: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs].join('-');
  } catch (error) {
    ignoreMissing(error);
    return null;
  }
}

async function syncFolder(path: string): Promise<void> {
  await withFile(path, 'r', (folder) => folder.sync());
}

function ignoreMissing(error: unknown): void {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
}

function isAlive(name: ProcessName): boolean | null {
  if (name.host !== hostname()) return null;
  try {
    process.kill(name.pid, 0);
  } catch (error) {
    // EPERM: somebody else's process, but a process.
    if (systemErrorCode(error) === 'ESRCH') return false;
  }
  const startedAt = startTimeOf(name.pid);
  return name.startedAt === '' || startedAt === '' || startedAt === name.startedAt;
}

/** Field 22 of /proc/PID/stat (proc(5)): clock ticks since boot. Linux only, else empty. */
function startTimeOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may itself hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
