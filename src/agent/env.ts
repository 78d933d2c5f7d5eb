import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Files, nodeFiles } from './files.ts';

/** Names one process so that a later one with the same number is not taken for it. */
export interface ProcessName {
  readonly host: string;
  readonly pid: number;
  /** Start time as the kernel counts it; empty where it cannot be read. */
  readonly startedAt: string;
}

/** Where the computer is in time. */
export interface Instant {
  /** The computer's clock, Unix milliseconds: whoever administers it sets it as he likes. */
  readonly clockMs: number;
  /** Since the start that `bootId` names; goes on while the computer sleeps. */
  readonly bootMs: number;
  readonly bootId: string;
}

/** Everything the agent takes from the world around it. */
export interface AgentEnv {
  now(): Instant;
  /** Ends early, without an error, when `signal` is aborted. */
  sleepMs(durationMs: number, signal?: AbortSignal): Promise<void>;
  randomBytes(length: number): Buffer;
  randomUuid(): string;
  readonly files: Files;
  readonly self: ProcessName;
  /** As whom it opens files; null where users have no numbers. */
  readonly userId: number | null;
  /** Whether it runs still; null when this computer cannot tell. */
  isAlive(name: ProcessName): boolean | null;
}

/** Outside Linux every process is a start of its own: its clock is then never corrected. */
const ownStart = randomUUID();

/** The real world. */
export const nodeEnv: AgentEnv = {
  now: () => ({ clockMs: Date.now(), bootMs: uptimeMs(), bootId: bootId() }),
  sleepMs: async (durationMs, signal) => {
    await delay(durationMs, undefined, signal === undefined ? {} : { signal }).catch(
      (error: unknown) => {
        if (signal?.aborted !== true) throw error;
      },
    );
  },
  randomBytes: (length) => randomBytes(length),
  randomUuid: () => randomUUID(),
  files: nodeFiles,
  self: { host: hostname(), pid: process.pid, startedAt: startTimeOf(process.pid) },
  userId: process.geteuid?.() ?? null,
  isAlive,
};

/** CLOCK_BOOTTIME, which unlike `performance.now` counts the time asleep (proc(5)). */
function uptimeMs(): number {
  const seconds = /^[\d.]+/.exec(readText('/proc/uptime'))?.[0];
  return Math.round(seconds === undefined ? performance.now() : Number(seconds) * 1000);
}

function bootId(): string {
  const text = readText('/proc/sys/kernel/random/boot_id').trim();
  return text === '' ? ownStart : text;
}

function isAlive(name: ProcessName): boolean | null {
  if (name.host !== hostname()) return null;
  try {
    process.kill(name.pid, 0);
  } catch (error) {
    // EPERM: somebody else's process, but a process.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const startedAt = startTimeOf(name.pid);
  return name.startedAt === '' || startedAt === '' || startedAt === name.startedAt;
}

/** Field 22 of /proc/PID/stat (proc(5)); the second one may itself hold anything. */
function startTimeOf(pid: number): string {
  const text = readText(`/proc/${String(pid)}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
