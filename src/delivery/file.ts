import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSettings, Message } from '../service/ports.ts';
import { withinDeadline } from './deadline.ts';
import { DeliveryFault, errorCodeOf, fault } from './failure.ts';

const fileMode = 0o600;
const lineFeed = 0x0a;

/**
 * Without following a link, and without waiting for the other end of a pipe. Readable, because the
 * end of the file is looked at.
 */
const openFlags =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;

/**
 * Appends a message as one line of JSON, `channel`, `to` and `text`, to a file that nobody else may
 * read. Resolves once it is on the disk.
 *
 * @param folder where file gateways may write; null: nowhere
 * @throws DeliveryFault `contract` for a name or a file that is not allowed; `unreachable` with the
 *   code of the file system; `timeout`
 */
export async function sendToFile(
  folder: string | null,
  settings: FileSettings,
  message: Message,
  deadlineMs: number,
): Promise<void> {
  if (folder === null) {
    throw fault('contract', 'file gateways need a folder, and the configuration names none');
  }
  const { fileName } = settings;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(fileName) || fileName === '.' || fileName === '..') {
    throw fault(
      'contract',
      'fileName: must be 1 to 64 letters, digits, dots, hyphens and underscores, not "." or ".."',
    );
  }
  const { channel, to, text } = message;
  const line = Buffer.from(`${JSON.stringify({ channel, to, text })}\n`, 'utf8');
  await withinDeadline(deadlineMs, (signal) => append(join(folder, fileName), line, signal));
}

async function append(path: string, line: Buffer, signal: AbortSignal): Promise<void> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, openFlags, fileMode);
    const sizeBytes = await privateSizeBytes(file);
    const whole = (await endsInside(file, sizeBytes)) ? Buffer.concat([newLine, line]) : line;
    // The deadline was reported already: then the message is not to turn up afterwards.
    if (signal.aborted) return;
    const { bytesWritten } = await file.write(whole);
    if (bytesWritten < whole.length) throw fault('unreachable', 'the file took only a part');
    await file.sync();
  } catch (error) {
    throw fileFault(error);
  } finally {
    await file?.close();
  }
}

const newLine = Buffer.from([lineFeed]);

/** @throws DeliveryFault `contract` for what is no file, or one that others may use */
async function privateSizeBytes(file: FileHandle): Promise<number> {
  const status = await file.stat();
  if (!status.isFile()) throw fault('contract', 'fileName: names something that is not a file');
  if ((status.mode & 0o077) !== 0) {
    throw fault('contract', 'fileName: others may use this file; its mode must be 0600');
  }
  return status.size;
}

/** Whether a disk that was full left half a line, which must not swallow the next one. */
async function endsInside(file: FileHandle, sizeBytes: number): Promise<boolean> {
  if (sizeBytes === 0) return false;
  const last = Buffer.alloc(1);
  const { bytesRead } = await file.read(last, 0, 1, sizeBytes - 1);
  return bytesRead === 1 && last[0] !== lineFeed;
}

function fileFault(error: unknown): DeliveryFault {
  if (error instanceof DeliveryFault) return error;
  const code = errorCodeOf(error);
  if (code === 'ELOOP') return fault('contract', 'fileName: symbolic links are not followed');
  return fault('unreachable', `the file could not be written: ${code}`);
}
