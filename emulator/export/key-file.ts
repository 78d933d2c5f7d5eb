import { dirname } from 'node:path';
import { KeyFileError } from '../../src/formats/index.ts';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { storageError } from '../files/state-file.ts';

const fileMode = 0o600;
const nonceBytes = 8;
/** What file systems without hard links say (USB sticks). */
const noLinks: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Writes a new file of mode 0600, never over another: the whole of it and on disk, or none. A process
 * that is killed may leave a `*.draft-*` beside it, which may hold seeds.
 *
 * @throws EmulatorError input-invalid if the name is taken, storage-failed with the reason; and
 *   whatever `pieces` throws
 */
export async function writeKeyFile(
  env: DeviceEnv,
  path: string,
  pieces: AsyncIterable<string>,
): Promise<void> {
  const nonce = Buffer.from(env.randomBytes(nonceBytes)).toString('hex');
  const draftPath = `${path}.draft-${nonce}`;
  try {
    // Found out before thousands of tokens are read.
    if (await env.files.exists(path)) throw taken(path);
    try {
      await env.files.writeNewFrom(draftPath, pieces, fileMode);
      await linkOrRename(env, draftPath, path);
    } finally {
      await env.files.remove(draftPath);
    }
    await env.files.syncFolder(dirname(path));
  } catch (error) {
    // Its codes are not the system's.
    if (error instanceof KeyFileError) throw error;
    throw storageError(error, path);
  }
}

async function linkOrRename(env: DeviceEnv, draftPath: string, path: string): Promise<void> {
  try {
    await env.files.link(draftPath, path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') throw taken(path);
    if (!noLinks.includes(code)) throw error;
    if (await env.files.exists(path)) throw taken(path);
    await env.files.rename(draftPath, path);
  }
}

function taken(path: string): EmulatorError {
  return new EmulatorError('input-invalid', `${path} exists already: name a new file`);
}
