import { dirname } from 'node:path';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import {
  type ArrivingMessage,
  inboxLimits,
  type InboxMessage,
  messagesFromLines,
  messageToLine,
  newestMessages,
  stampMessages,
} from './message.ts';
import { takeLock } from '../files/lock-file.ts';
import { storageError } from '../files/state-file.ts';

/**
 * An inbox in a file of mode 0600, one JSON line per message. Whoever changes it takes a lock;
 * readers need none: they see whole lines, and leave half a line at the end alone. A message is in
 * the file when `append` settles, and survives the end of the process, though not a power cut.
 *
 * Every method rejects with an EmulatorError: state-busy, state-damaged or storage-failed.
 */
export interface InboxFile {
  /** Adds messages and says when they arrived. Without any it only makes the file fit for use. */
  append(arriving: readonly ArrivingMessage[]): Promise<readonly InboxMessage[]>;
  /** All messages, the newest last; none without the file. */
  read(): Promise<readonly InboxMessage[]>;
  /** A text that is another one whenever `read` may give something else. */
  version(): Promise<string | null>;
  /** Removes all messages, readable or damaged. */
  clear(): Promise<void>;
}

interface Job {
  readonly arriving: readonly ArrivingMessage[];
  readonly resolve: (messages: readonly InboxMessage[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** What the file was when this process last wrote to it. */
interface Known {
  readonly version: string | null;
  readonly count: number;
  readonly bytes: number;
  readonly lastAtMs: number;
}

const fileMode = 0o600;
const folderMode = 0o700;
const lockWaitMs = 5000;
/** So much more than the newest may gather before the file is written anew. */
const slackCount = 1000;
const slackBytes = 4 * 1024 * 1024;
/** One batch adds a third of it at most, also if JSON writes each character in six bytes. */
const fileBytesMax = 2 * (inboxLimits.bytesMax + slackBytes);
const batchCharactersMax = inboxLimits.recipientsMax * inboxLimits.messageBytesMax;

/** Opens an inbox file; it is created, with its folder, by the first `append`. */
export function openInboxFile(path: string, env: DeviceEnv): InboxFile {
  const waiting: Job[] = [];
  let isWriting = false;
  let known: Known | null = null;
  let lastAtMs = -1;

  async function writeWaiting(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      // What arrived while the lock was taken and the file written goes together.
      const jobs = waiting.splice(0, batchCountOf(waiting));
      try {
        const stored = await locked(env, path, () =>
          write(jobs.flatMap(({ arriving }) => arriving)),
        );
        let from = 0;
        for (const { arriving, resolve } of jobs) {
          resolve(stored.slice(from, from + arriving.length));
          from += arriving.length;
        }
      } catch (error) {
        known = null;
        for (const { reject } of jobs) reject(error);
      }
    }
    isWriting = false;
  }

  async function write(arriving: readonly ArrivingMessage[]): Promise<readonly InboxMessage[]> {
    if (known === null || known.version !== (await env.files.version(path))) {
      // Half a line at the end, or a file that others can read: written anew it is neither.
      known = await rewrite(env, path, await readMessages(env, path));
    }
    // After `clear` the file no longer says what was the last one.
    lastAtMs = Math.max(lastAtMs, known.lastAtMs);
    const stored = stampMessages(arriving, env.nowMs(), lastAtMs);
    if (stored.length === 0) return stored;
    const bytes = Buffer.from(stored.map(messageToLine).join(''), 'utf8');
    await env.files.append(path, bytes, fileMode);
    const count = known.count + stored.length;
    const sum = known.bytes + bytes.length;
    const { countMax, bytesMax } = inboxLimits;
    known =
      count > countMax + slackCount || sum > bytesMax + slackBytes
        ? await rewrite(env, path, await readMessages(env, path))
        : { version: await env.files.version(path), count, bytes: sum, lastAtMs };
    lastAtMs = Math.max(lastAtMs, stored.at(-1)?.atMs ?? -1);
    return stored;
  }

  return {
    append: (arriving) =>
      new Promise((resolve, reject) => {
        waiting.push({ arriving, resolve, reject });
        if (!isWriting) void writeWaiting();
      }),
    read: async () => newestMessages(await readMessages(env, path)),
    version: async () => {
      try {
        return await env.files.version(path);
      } catch (error) {
        throw storageError(error, path);
      }
    },
    clear: async () => {
      if (!(await env.files.exists(path))) return;
      await locked(env, path, () => env.files.remove(path));
    },
  };
}

/** How many of the waiting go together: at least one. */
function batchCountOf(waiting: readonly Job[]): number {
  let characters = 0;
  const end = waiting.findIndex(({ arriving }) => {
    for (const { text } of arriving) characters += text.length;
    return characters > batchCharactersMax;
  });
  return end < 0 ? waiting.length : Math.max(end, 1);
}

async function readMessages(env: DeviceEnv, path: string): Promise<InboxMessage[]> {
  try {
    const bytes = await env.files.read(path, fileBytesMax);
    return messagesFromLines(bytes.toString('utf8'));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return [];
    if (code === 'EFBIG') throw damaged(path, 'it is too large');
    if (error instanceof EmulatorError && error.code === 'state-damaged') {
      throw damaged(path, error.message);
    }
    throw storageError(error, path);
  }
}

/** Replaces the file as a whole: a reader sees the old one or the new one. */
async function rewrite(
  env: DeviceEnv,
  path: string,
  messages: readonly InboxMessage[],
): Promise<Known> {
  const kept = newestMessages(messages);
  const bytes = Buffer.from(kept.map(messageToLine).join(''), 'utf8');
  const draftPath = `${path}.draft`;
  await env.files.remove(draftPath);
  try {
    await env.files.writeNew(draftPath, bytes, fileMode);
    await env.files.rename(draftPath, path);
  } catch (error) {
    await env.files.remove(draftPath).catch(() => undefined);
    throw error;
  }
  return {
    version: await env.files.version(path),
    count: kept.length,
    bytes: bytes.length,
    lastAtMs: kept.at(-1)?.atMs ?? -1,
  };
}

async function locked<Result>(
  env: DeviceEnv,
  path: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await env.files.makeFolder(dirname(path), folderMode);
    const lock = await takeLock(env, `${path}.lock`, { waitMs: lockWaitMs });
    try {
      return await work();
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (error instanceof EmulatorError && error.code === 'state-busy') {
      throw new EmulatorError(
        'state-busy',
        `another process is using the inbox: try again; if none is, remove ${path}.lock`,
      );
    }
    throw storageError(error, path);
  }
}

function damaged(path: string, reason: string): EmulatorError {
  return new EmulatorError(
    'state-damaged',
    `${path} is damaged: ${reason}; vtoken inbox clear removes it`,
  );
}
