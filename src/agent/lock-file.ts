import { z } from 'zod';
import { AgentError, setupError } from './agent-error.ts';
import type { AgentEnv, ProcessName } from './env.ts';

/**
 * One writer at a time, by a file that names its holder. The file appears with its content (link(2) of a
 * file written before), so nobody reads half a name. A holder that died is found out by process id and
 * start time, and its lock removed by exactly one of those who notice: removing lock X needs the lock
 * `X.<its nonce>`, taken by these same rules.
 */
export interface HeldLock {
  release(): Promise<void>;
}

interface Holder extends ProcessName {
  readonly nonce: string;
}

const holderShape: z.ZodType<Holder> = z.strictObject({
  host: z.string().max(256),
  pid: z.int().min(1),
  startedAt: z.string().max(32),
  nonce: z.string().regex(/^[0-9a-f]{16}$/),
});
const pollMs = 15;
const lockBytesMax = 4096;
/** Each level needs another process to die within microseconds. */
const takeoverDepthMax = 8;

/**
 * @param waitMs how long a living holder is waited for
 * @throws AgentError busy when a living process keeps it longer, or its holder cannot be judged from here
 */
export function takeLock(env: AgentEnv, path: string, waitMs: number): Promise<HeldLock> {
  return take(env, path, env.now().bootMs + waitMs, 0);
}

async function take(
  env: AgentEnv,
  path: string,
  deadlineBootMs: number,
  depth: number,
): Promise<HeldLock> {
  const nonce = env.randomBytes(8).toString('hex');
  const draft = draftOf(path, nonce);
  try {
    await env.files.writeNew(draft, Buffer.from(JSON.stringify({ ...env.self, nonce })));
    while (!(await isLinked(env, draft, path))) {
      const other = await holderOf(env, path);
      if (other !== null) await clearOrWait(env, path, other, deadlineBootMs, depth);
    }
  } finally {
    await env.files.remove(draft);
  }
  return {
    release: async () => {
      // Somebody may have removed the lock by hand, and a third process taken it since.
      if ((await holderOf(env, path))?.nonce === nonce) await env.files.remove(path);
    },
  };
}

async function clearOrWait(
  env: AgentEnv,
  path: string,
  other: Holder,
  deadlineBootMs: number,
  depth: number,
): Promise<void> {
  const isAlive = env.isAlive(other);
  if (isAlive === false && depth < takeoverDepthMax) {
    await removeDead(env, path, other.nonce, deadlineBootMs, depth);
    return;
  }
  if (isAlive === null) {
    throw setupError(
      'busy',
      `${path} is held by process ${other.pid} on ${other.host}; if it is gone, remove it`,
    );
  }
  if (env.now().bootMs >= deadlineBootMs) {
    throw new AgentError('busy', `process ${other.pid} holds ${path}`);
  }
  await env.sleepMs(pollMs);
}

async function removeDead(
  env: AgentEnv,
  path: string,
  deadNonce: string,
  deadlineBootMs: number,
  depth: number,
): Promise<void> {
  const right = await take(env, `${path}.${deadNonce}`, deadlineBootMs, depth + 1);
  try {
    if ((await holderOf(env, path))?.nonce === deadNonce) await env.files.remove(path);
    await env.files.remove(draftOf(path, deadNonce));
  } finally {
    await right.release();
  }
}

function draftOf(path: string, nonce: string): string {
  return `${path}.draft-${nonce}`;
}

async function isLinked(env: AgentEnv, draft: string, path: string): Promise<boolean> {
  try {
    await env.files.link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds the lock, or null if nobody does. */
async function holderOf(env: AgentEnv, path: string): Promise<Holder | null> {
  let text: string;
  try {
    text = (await env.files.read(path, lockBytesMax)).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return holderShape.parse(JSON.parse(text));
  } catch (error) {
    const remedy = 'if no other process uses the agent, remove it';
    throw setupError('busy', `${path} is no lock of ours; ${remedy}`, error);
  }
}
