import type { DeviceEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { ShapeError } from '../files/shape.ts';
import {
  fileExists,
  isTaken,
  keyPath,
  lockedSerial,
  makeFolder,
  readStateFile,
  replaceFile,
  serialsOf,
  type TokenFolderOptions,
} from '../files/state-file.ts';
import { checkSerial, type Pairing } from '../device/token.ts';
import { type OtpKey, wipeKey } from './key.ts';
import { keyFromJson, keyToJson, type StoredKey } from './key-json.ts';

/**
 * The keys of a folder of tokens: one file of mode 0600 per key, beside those of the tokens and by the same rules.
 * Every method rejects with an EmulatorError, as those of `TokenFolder` do.
 */
export interface KeyFolder {
  /** Serials in order; the files are not opened. */
  serials(): Promise<readonly string[]>;
  /** Whether there is a key of this serial. */
  has(serial: string): Promise<boolean>;
  /** A key with its pairing. The caller wipes it (`wipeStoredKey`). */
  read(serial: string): Promise<StoredKey>;
  /** Stores a key of a serial that no token and no key has; it stands alone unless a pairing is given. */
  create(serial: string, key: OtpKey, pairing?: Pairing): Promise<void>;
  /**
   * Works with a key under its lock, and stores what it is afterwards, if that is another. Key and result's key
   * are wiped in the end: keep nothing of them.
   */
  use<Result>(
    serial: string,
    work: (key: OtpKey) => Promise<{ readonly key: OtpKey; readonly result: Result }>,
  ): Promise<Result>;
  /** The same with what it is stored with; it is another key if the members are others. */
  change(
    serial: string,
    change: (stored: StoredKey) => Promise<Pick<StoredKey, 'key' | 'pairing'>>,
  ): Promise<void>;
  /** Deletes a key, readable or damaged. */
  remove(serial: string): Promise<void>;
}

const lockWaitMsDefault = 5000;
const fileNamePattern = /^([A-Z0-9]{4,16}(?:-[1-9][0-9]?)?)\.hid\.json$/;

/** Opens the keys of a folder, which is created when the first is stored. */
export function openKeyFolder(
  path: string,
  env: DeviceEnv,
  options: TokenFolderOptions = {},
): KeyFolder {
  const lockWaitMs = options.lockWaitMs ?? lockWaitMsDefault;
  const has = (serial: string): Promise<boolean> =>
    fileExists(env, keyPath(path, checkSerial(serial)));

  async function present<Result>(serial: string, work: () => Promise<Result>): Promise<Result> {
    // Before the lock: it lives in the same folder, which may not be there at all.
    if (!(await has(serial))) throw new EmulatorError('token-unknown', missing(path, serial));
    return lockedSerial(env, path, serial, lockWaitMs, work);
  }

  const write = (stored: StoredKey): Promise<void> =>
    replaceFile(env, path, keyPath(path, stored.serial), keyToJson(stored));

  function working<Result>(
    serial: string,
    work: (stored: StoredKey) => Promise<Pick<StoredKey, 'key' | 'pairing'> & { result: Result }>,
  ): Promise<Result> {
    return present(serial, async () => {
      const before = await readKey(env, path, serial);
      try {
        const { key, pairing, result } = await work(before);
        if (key !== before.key || pairing !== before.pairing) {
          await write({ serial, key, pairing });
          wipeStoredKey({ key, pairing });
        }
        return result;
      } finally {
        wipeStoredKey(before);
      }
    });
  }

  return {
    serials: () => serialsOf(env, path, fileNamePattern),
    has,
    read: (serial) => readKey(env, path, checkSerial(serial)),
    create: async (serial, key, pairing = { status: 'stand-alone' }) => {
      checkSerial(serial);
      await makeFolder(env, path);
      await lockedSerial(env, path, serial, lockWaitMs, async () => {
        if (await isTaken(env, path, serial)) {
          throw new EmulatorError('token-exists', `token ${serial} exists already`);
        }
        await write({ serial, key, pairing });
      });
    },
    use: (serial, work) =>
      working(serial, async ({ key, pairing }) => ({ ...(await work(key)), pairing })),
    change: (serial, change) =>
      working(serial, async (stored) => ({ ...(await change(stored)), result: undefined })),
    remove: (serial) =>
      present(serial, async () => {
        await env.files.remove(keyPath(path, serial));
        await env.files.syncFolder(path);
      }),
  };
}

/** Overwrites the keys of the slots, and the private key of a pairing. */
export function wipeStoredKey({ key, pairing }: Pick<StoredKey, 'key' | 'pairing'>): void {
  wipeKey(key);
  if (pairing.status === 'requested') pairing.privateKey.wipe();
}

async function readKey(env: DeviceEnv, path: string, serial: string): Promise<StoredKey> {
  const filePath = keyPath(path, serial);
  const bytes = await readStateFile(env, filePath, missing(path, serial));
  try {
    const stored = keyFromJson(bytes.toString('utf8'));
    if (stored.serial === serial) return stored;
    wipeStoredKey(stored);
    throw new ShapeError('serial must be the one in the file name');
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new EmulatorError('state-damaged', `${filePath} is damaged: ${error.message}`);
  } finally {
    bytes.fill(0);
  }
}

function missing(path: string, serial: string): string {
  return `there is no key ${serial} in ${path}`;
}
