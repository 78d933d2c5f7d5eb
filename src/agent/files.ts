import { access, link, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export interface Guards {
  readonly uid: number;
  readonly mode: number;
  readonly isLink: boolean;
}

/** What the agent asks of the file system. Every method rejects with Node's system errors. */
export interface Files {
  /** Creates the folder if missing, its parents too, with this mode. */
  makeFolder(path: string, mode: number): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Owner and permission bits, of a symbolic link its own. */
  guards(path: string): Promise<Guards>;
  /** The whole file; rejects with EFBIG beyond `bytesMax`. */
  read(path: string, bytesMax: number): Promise<Buffer>;
  /** Creates a file that must not exist (EEXIST), writes it, and waits until it is on disk. */
  writeNew(path: string, bytes: Uint8Array): Promise<void>;
  /** A second name for a file; EEXIST if the name is taken. Atomic. */
  link(path: string, name: string): Promise<void>;
  /** Atomic replacement. */
  rename(from: string, to: string): Promise<void>;
  /** Overwrites a file with zeros, waits until they are on disk, and removes it; no error without one. */
  wipe(path: string): Promise<void>;
  /** No error if it is not there. */
  remove(path: string): Promise<void>;
  /** Waits until the folder's names are on disk. */
  syncFolder(path: string): Promise<void>;
}

const fileMode = 0o600;

export const nodeFiles: Files = {
  makeFolder: async (path, mode) => {
    await mkdir(path, { recursive: true, mode });
  },
  list: (path) => readdir(path),
  exists: async (path) => {
    try {
      await access(path);
      return true;
    } catch (error) {
      ignoreMissing(error);
      return false;
    }
  },
  guards: async (path) => {
    // Without a slash at the end, behind which the system follows a link.
    const status = await lstat(resolve(path));
    const { uid, mode } = status;
    return { uid, mode: mode & 0o777, isLink: status.isSymbolicLink() };
  },
  read: readBounded,
  writeNew: async (path, bytes) => {
    const file = await open(path, 'wx', fileMode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  link: (path, name) => link(path, name),
  rename: (from, to) => rename(from, to),
  wipe: async (path) => {
    await zero(path).catch(ignoreMissing);
    await unlink(path).catch(ignoreMissing);
  },
  remove: (path) => unlink(path).catch(ignoreMissing),
  syncFolder: async (path) => {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

/**
 * Replaces a file as a whole, so that a crash leaves the old one or the new one. Only under the lock: the
 * draft has one name, so that a crash leaves at most one behind.
 */
export async function replaceFile(
  files: Files,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = join(folder, name);
  const draft = `${path}.draft`;
  await files.remove(draft);
  await files.writeNew(draft, bytes);
  await files.rename(draft, path);
  await files.syncFolder(folder);
}

/** Best effort: a disk that moves its blocks about may keep the old ones. */
async function zero(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readBounded(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > bytesMax) throw Object.assign(new Error('file too large'), { code: 'EFBIG' });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function ignoreMissing(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}

/**
 * Whether what was read is at fault, or gone, rather than the reading: a file that cannot be read now may
 * be whole, and must not be given up.
 */
export function isDamage(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined || code === 'ENOENT';
}
