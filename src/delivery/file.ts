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
 * read. Resolves once it is on the disk; what cannot be written whole is cut off again.
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
  const path = join(folder, fileName);
  await withinDeadline(deadlineMs, (signal) =>
    inTurn(path, async () => {
      if (!signal.aborted) await append(path, line, signal);
    }),
  );
}

/** What was begun last for each file; never rejects. */
const turns = new Map<string, Promise<unknown>>();

/** One message at a time for each file: none looks at the end of it while another is cut off there. */
function inTurn(path: string, work: () => Promise<void>): Promise<void> {
  const mine = (turns.get(path) ?? Promise.resolve()).then(work);
  const ended = mine
    .catch(() => undefined)
    .then(() => {
      if (turns.get(path) === ended) turns.delete(path);
    });
  turns.set(path, ended);
  return mine;
}

async function append(path: string, line: Buffer, signal: AbortSignal): Promise<void> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, openFlags, fileMode);
    const sizeBytes = await privateSizeBytes(file);
    const whole = (await endsInside(file, sizeBytes)) ? Buffer.concat([newLine, line]) : line;
    // The deadline was reported already: then the message is not to turn up afterwards.
    if (signal.aborted) return;
    await writeWhole(file, whole);
  } catch (error) {
    throw fileFault(error);
  } finally {
    await file?.close();
  }
}

/** Writes all of it, to the disk, or nothing: who is told that a message failed must not find it. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  try {
    ({ bytesWritten: written } = await file.write(bytes));
    if (written < bytes.length) throw fault('unreachable', 'the file took only a part');
    await file.sync();
  } catch (error) {
    await cutOff(file, bytes.subarray(0, written));
    throw error;
  }
}

/**
 * Cuts the file back to what it was before `written`, unless another program has written behind it. If
 * it has, or if that fails too, the next message begins a line of its own.
 */
export async function cutOff(file: FileHandle, written: Buffer): Promise<void> {
  if (written.length === 0) return;
  try {
    const { size } = await file.stat();
    const startByte = size - written.length;
    const end = Buffer.alloc(written.length);
    await file.read(end, 0, end.length, startByte);
    if (end.equals(written)) await file.truncate(startByte);
  } catch {
    // Why the message was not written is what is told; this is only what is left of it.
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

/** Whether somebody left half a line, which must not swallow the next one. */
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
