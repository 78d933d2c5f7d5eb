import { join } from 'node:path';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { type HeldLock, takeLock } from './lock-file.ts';
import { type StoredToken, tokenFromJson, tokenToJson } from './token-json.ts';
import { checkSerial, type VirtualToken, wipeToken } from '../device/token.ts';

/**
 * A folder of virtual tokens: one file of mode 0600 per token, replaced as a whole, so that a crash
 * or a full disk leaves the old file or the new one. Changes to one token come one after another,
 * also from several processes.
 *
 * Every method rejects with an EmulatorError: token-unknown, token-exists, state-busy (the lock was
 * not free in time), state-damaged, state-conflict, or storage-failed with the reason.
 */
export interface TokenFolder {
  /** Serials in order; the files are not opened. */
  serials(): Promise<readonly string[]>;
  /** The token and its revision. The caller wipes it (`wipeToken`). */
  read(serial: string): Promise<StoredToken>;
  /** Stores a token of a new serial. */
  create(token: VirtualToken): Promise<void>;
  /**
   * Reads, changes and stores under the lock: two presses at once give two different counters. When
   * `change` throws, or returns the token that it was given, nothing is stored. The token is wiped afterwards; keep nothing of it.
   */
  update<Result>(
    serial: string,
    change: (token: VirtualToken) => { readonly token: VirtualToken; readonly result: Result },
  ): Promise<Result>;
  /** Stores a token read earlier, if its file is still at the revision it had then. */
  replace(token: VirtualToken, expectedRevision: number): Promise<void>;
  /** Deletes a token, readable or damaged, with its seeds. */
  remove(serial: string): Promise<void>;
}

export interface TokenFolderOptions {
  /** How long to wait for another process; default 5,000. */
  readonly lockWaitMs?: number;
}

const folderMode = 0o700;
const fileMode = 0o600;
/** Eight applications and all clock events need less than a tenth of it. */
const fileBytesMax = 256 * 1024;
const lockWaitMsDefault = 5000;
const fileNamePattern = /^([A-Z0-9]{4,16}(?:-[1-9][0-9]?)?)\.json$/;

/** Opens a folder of tokens; it is created, with mode 0700, when the first token is stored. */
export function openTokenFolder(
  path: string,
  env: DeviceEnv,
  options: TokenFolderOptions = {},
): TokenFolder {
  const lockWaitMs = options.lockWaitMs ?? lockWaitMsDefault;

  const locked = <Result>(serial: string, work: () => Promise<Result>): Promise<Result> =>
    lockedSerial(env, path, serial, lockWaitMs, work);

  return {
    serials: () => serialsIn(env, path),
    read: (serial) => readToken(env, path, serial),
    create: async (token) => {
      await makeFolder(env, path);
      await locked(token.serial, async () => {
        if (await isTaken(env, path, token.serial)) {
          throw new EmulatorError('token-exists', `token ${token.serial} exists already`);
        }
        await write(env, path, { token, revision: 1 });
      });
    },
    update: async (serial, change) => {
      // Before the lock: it lives in the same folder, which may not be there at all.
      await requireToken(env, path, serial);
      return locked(serial, async () => {
        const stored = await readToken(env, path, serial);
        try {
          const { token, result } = change(stored.token);
          if (token === stored.token) return result;
          await write(env, path, { token, revision: stored.revision + 1 });
          wipeToken(token);
          return result;
        } finally {
          wipeToken(stored.token);
        }
      });
    },
    replace: async (token, expectedRevision) => {
      await requireToken(env, path, token.serial);
      await locked(token.serial, async () => {
        const stored = await readToken(env, path, token.serial);
        wipeToken(stored.token);
        if (stored.revision !== expectedRevision) {
          throw new EmulatorError('state-conflict', `token ${token.serial} has changed meanwhile`);
        }
        await write(env, path, { token, revision: expectedRevision + 1 });
      });
    },
    remove: async (serial) => {
      await requireToken(env, path, serial);
      await locked(serial, async () => {
        await env.files.remove(tokenPath(path, serial));
        await env.files.syncFolder(path);
      });
    },
  };
}

/**
 * Works while no other process does anything with the serial.
 *
 * @param path of the folder, which must be there
 * @throws EmulatorError state-busy, or storage-failed with the reason
 */
export async function lockedSerial<Result>(
  env: DeviceEnv,
  path: string,
  serial: string,
  lockWaitMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const lockPath = join(path, `${checkSerial(serial)}.lock`);
  let lock: HeldLock | null = null;
  try {
    lock = await takeLock(env, lockPath, { waitMs: lockWaitMs });
    return await work();
  } catch (error) {
    throw storageError(error, path);
  } finally {
    await lock?.release();
  }
}

function serialsIn(env: DeviceEnv, path: string): Promise<readonly string[]> {
  return serialsOf(env, path, fileNamePattern);
}

/** The serials in the names of a folder's files, in order. */
export async function serialsOf(
  env: DeviceEnv,
  path: string,
  pattern: RegExp,
): Promise<readonly string[]> {
  try {
    const names = await env.files.list(path);
    return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw storageError(error, path);
  }
}

async function readToken(env: DeviceEnv, path: string, serial: string): Promise<StoredToken> {
  const filePath = tokenPath(path, checkSerial(serial));
  const bytes = await readFile(env, path, serial);
  try {
    const stored = tokenFromJson(bytes.toString('utf8'));
    if (stored.token.serial === serial) return stored;
    wipeToken(stored.token);
    throw new EmulatorError('state-damaged', 'serial must be the one in the file name');
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    throw new EmulatorError(error.code, `${filePath} is damaged: ${error.message}`);
  } finally {
    bytes.fill(0);
  }
}

async function readFile(env: DeviceEnv, path: string, serial: string): Promise<Buffer> {
  const missing = `there is no token ${serial} in ${path}`;
  try {
    return await readStateFile(env, tokenPath(path, serial), missing);
  } catch (error) {
    if (error instanceof EmulatorError && error.code === 'token-unknown') {
      await requireToken(env, path, serial);
    }
    throw error;
  }
}

/** The bytes of a state file; `missing` is the message of token-unknown. */
export async function readStateFile(
  env: DeviceEnv,
  filePath: string,
  missing: string,
): Promise<Buffer> {
  try {
    return await env.files.read(filePath, fileBytesMax);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new EmulatorError('token-unknown', missing);
    }
    if (code === 'EFBIG') {
      throw new EmulatorError('state-damaged', `${filePath} is damaged: it is too large`);
    }
    throw storageError(error, filePath);
  }
}

async function requireToken(env: DeviceEnv, path: string, serial: string): Promise<void> {
  if (await exists(env, path, checkSerial(serial))) return;
  const isKey = await fileExists(env, keyPath(path, serial));
  throw new EmulatorError(
    'token-unknown',
    isKey
      ? `${serial} is a key that speaks the OTP HID protocol, no token with a display: see vtoken hid --help`
      : `there is no token ${serial} in ${path}`,
  );
}

function exists(env: DeviceEnv, path: string, serial: string): Promise<boolean> {
  return fileExists(env, tokenPath(path, serial));
}

export async function fileExists(env: DeviceEnv, filePath: string): Promise<boolean> {
  try {
    return await env.files.exists(filePath);
  } catch (error) {
    throw storageError(error, filePath);
  }
}

/** Creates a folder of tokens, with mode 0700, if it is not there. */
export async function makeFolder(env: DeviceEnv, path: string): Promise<void> {
  try {
    await env.files.makeFolder(path, folderMode);
  } catch (error) {
    throw storageError(error, path);
  }
}

/** Only under the lock: the draft has one name, so that a crash leaves at most one behind. */
function write(env: DeviceEnv, path: string, stored: StoredToken): Promise<void> {
  return replaceFile(env, path, tokenPath(path, stored.token.serial), tokenToJson(stored));
}

/** Replaces a state file as a whole and waits until it is on disk; only under the lock. */
export async function replaceFile(
  env: DeviceEnv,
  path: string,
  filePath: string,
  text: string,
): Promise<void> {
  const draftPath = `${filePath}.draft`;
  const bytes = Buffer.from(text, 'utf8');
  try {
    await env.files.remove(draftPath);
    await env.files.writeNew(draftPath, bytes, fileMode);
    await env.files.rename(draftPath, filePath);
  } catch (error) {
    await env.files.remove(draftPath).catch(() => undefined);
    throw storageError(error, filePath);
  } finally {
    bytes.fill(0);
  }
  await env.files.syncFolder(path);
}

/** Whether a token or a key has the serial: one of the two at the most. */
export async function isTaken(env: DeviceEnv, path: string, serial: string): Promise<boolean> {
  return (await exists(env, path, serial)) || (await fileExists(env, keyPath(path, serial)));
}

function tokenPath(path: string, serial: string): string {
  return join(path, `${serial}.json`);
}

/** The file of a key that speaks the OTP HID protocol. */
export function keyPath(path: string, serial: string): string {
  return join(path, `${serial}.hid.json`);
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTDIR: 'it is not a folder',
  ENOENT: 'it does not exist',
  EISDIR: 'it is a folder',
  EEXIST: 'it exists already',
  EIO: 'input/output error',
};

/** Puts a system error into words; anything else passes unchanged. */
export function storageError(error: unknown, path: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof EmulatorError || code === undefined) return error;
  return new EmulatorError('storage-failed', `${path}: ${reasons[code] ?? code}`, error);
}
