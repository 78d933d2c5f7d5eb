import { type DeviceEnv, type ProcessName, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { parseJson, readHex, readMembers, readText, readWhole, ShapeError } from './shape.ts';

/**
 * One process at a time per token, by a file that names its holder. The file appears with its
 * content (link(2) of a file written before), so nobody ever reads half a name. A holder that died
 * is found out by process id and start time, and its lock removed by exactly one of those who
 * notice: removing lock X needs the lock `X.<its nonce>`, taken by these same rules, so a lock that
 * was renewed in between is never removed by a process that still looks at the dead one.
 */
export interface HeldLock {
  release(): Promise<void>;
}

export interface LockOptions {
  /** How long to wait for a living holder before giving up. */
  readonly waitMs: number;
}

interface Holder extends ProcessName {
  readonly nonce: string;
}

const pollMs = 15;
const lockBytesMax = 4096;
const nonceBytes = 8;
/** Each level needs another process to die within microseconds. */
const takeoverDepthMax = 8;

/**
 * Takes the lock at `path`, waiting for a living holder, taking over from a dead one.
 *
 * @throws EmulatorError state-busy when a living process keeps it beyond `waitMs`, or when its
 *   holder cannot be judged from here (another machine, unreadable content)
 */
export async function takeLock(
  env: DeviceEnv,
  path: string,
  options: LockOptions,
): Promise<HeldLock> {
  return take(env, path, env.monotonicMs() + options.waitMs, 0);
}

async function take(
  env: DeviceEnv,
  path: string,
  deadlineMs: number,
  depth: number,
): Promise<HeldLock> {
  const nonce = Buffer.from(env.randomBytes(nonceBytes)).toString('hex');
  const draft = draftOf(path, nonce);
  const holder: Holder = { ...env.processes.self, nonce };
  try {
    await env.files.writeNew(draft, Buffer.from(JSON.stringify(holder)), 0o600);
    while (!(await linked(env, draft, path))) {
      const other = await holderOf(env, path);
      if (other !== null) await clearOrWait(env, path, other, deadlineMs, depth);
    }
  } finally {
    await env.files.remove(draft);
  }
  return {
    release: async () => {
      // Somebody may have removed the lock by hand, and a third process taken it since.
      const present = await holderOf(env, path);
      if (present?.nonce === nonce) await env.files.remove(path);
    },
  };
}

async function clearOrWait(
  env: DeviceEnv,
  path: string,
  other: Holder,
  deadlineMs: number,
  depth: number,
): Promise<void> {
  const isAlive = env.processes.isAlive(other);
  if (isAlive === false && depth < takeoverDepthMax) {
    await removeDead(env, path, other.nonce, deadlineMs, depth);
    return;
  }
  if (isAlive === null) {
    throw busy(
      `${path} is held by process ${other.pid} on ${other.host}; if it is gone, remove it`,
    );
  }
  if (env.monotonicMs() >= deadlineMs) {
    throw busy(`another process (${other.pid}) holds ${path}: try again`);
  }
  await env.sleepMs(pollMs);
}

async function removeDead(
  env: DeviceEnv,
  path: string,
  deadNonce: string,
  deadlineMs: number,
  depth: number,
): Promise<void> {
  const right = await take(env, `${path}.${deadNonce}`, deadlineMs, depth + 1);
  try {
    const present = await holderOf(env, path);
    if (present?.nonce === deadNonce) await env.files.remove(path);
    await env.files.remove(draftOf(path, deadNonce));
  } finally {
    await right.release();
  }
}

function draftOf(path: string, nonce: string): string {
  return `${path}.draft-${nonce}`;
}

async function linked(env: DeviceEnv, draft: string, path: string): Promise<boolean> {
  try {
    await env.files.link(draft, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds the lock, or null if nobody does. */
async function holderOf(env: DeviceEnv, path: string): Promise<Holder | null> {
  let text: string;
  try {
    text = (await env.files.read(path, lockBytesMax)).toString('utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const members = readMembers(parseJson(text), 'the lock', ['host', 'pid', 'startedAt', 'nonce']);
    return {
      host: readText(members['host'], 'host', 256),
      pid: readWhole(members['pid'], 'pid', 1, 2 ** 31),
      startedAt: readText(members['startedAt'], 'startedAt', 32),
      nonce: readHex(members['nonce'], 'nonce', nonceBytes),
    };
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw busy(`${path} is no lock of ours; if no other process uses the token, remove it`);
  }
}

function busy(message: string): EmulatorError {
  return new EmulatorError('state-busy', message);
}
