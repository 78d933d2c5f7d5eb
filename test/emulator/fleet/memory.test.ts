import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { proofSize, proofTimeoutMs, reportProof } from '../../support/proof.ts';
import { freshFolder } from '../support.ts';

const program = fileURLToPath(new URL('../../../emulator/cli/main.ts', import.meta.url));
const tokens = proofSize(200, 10_000);
const days = proofSize(20, 365);

const scenario = `version: 1
seed: NOT-FOR-PRODUCTION memory
start: 2026-01-01T00:00:00Z
for: P${String(days)}D
tokens:
  - { serials: VT1000000..VT1${String(tokens / 2 - 1).padStart(6, '0')}, profile: one-button-time, behaviour: office }
  - { serials: VT2000000..VT2${String(tokens / 2 - 1).padStart(6, '0')}, profile: one-button-event, behaviour: office }
behaviours:
  office:
    logins: { perDay: 1.2, days: mon-fri, hours: 07-19, zone: Europe/Berlin }
    typingErrors: 0.01
    retries: 1
`;

interface Run {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  readonly mebibytesMax: number;
}

function start(argv: readonly string[]): ReturnType<typeof spawn> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, 'fleet', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** The most that a process ever had in memory, while it runs; 0 where /proc does not say. */
function mebibytesOf(pid: number | undefined): number {
  const path = `/proc/${String(pid)}/status`;
  if (!existsSync(path)) return 0;
  const [, kibibytes = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

async function finish(argv: readonly string[]): Promise<Run> {
  const startedAt = performance.now();
  const child = start(argv);
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  let mebibytesMax = 0;
  const closed = once(child, 'close');
  while (child.exitCode === null && child.signalCode === null) {
    mebibytesMax = Math.max(mebibytesMax, mebibytesOf(child.pid));
    await Promise.race([closed, delay(200)]);
  }
  const [code] = (await closed) as [number | null];
  expect(code).toBe(0);
  const seconds = (performance.now() - startedAt) / 1000;
  return { summary: JSON.parse(out) as Run['summary'], seconds, mebibytesMax };
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

it(
  'a run keeps to its memory, and one that is killed ends in the same file',
  async () => {
    const folder = freshFolder();
    const path = join(folder, 'scenario.yaml');
    writeFileSync(path, scenario);
    const whole = join(folder, 'whole.csv');
    const { summary, seconds, mebibytesMax } = await finish([
      'run',
      path,
      '--out',
      whole,
      '--json',
    ]);
    const rows = Number(summary['rows']);
    reportProof('fleet', { tokens, days, rows, bytes: sizeOf(whole) });
    reportProof('fleet', {
      seconds: Math.round(seconds),
      'rows a second': Math.round(rows / seconds),
      'MiB at most': Math.round(mebibytesMax),
    });
    expect(rows).toBeGreaterThan(tokens * days * 0.5);
    expect(mebibytesMax).toBeLessThan(proofSize(400, 1500));
    const torn = join(folder, 'torn.csv');
    const child = start(['run', path, '--out', torn]);
    const closed = once(child, 'close');
    // Somewhere in the second half.
    while (sizeOf(torn) < sizeOf(whole) * proofSize(0.3, 0.6) && child.exitCode === null) {
      await delay(5);
    }
    child.kill('SIGKILL');
    await closed;
    reportProof('fleet', { 'killed at byte': sizeOf(torn) });
    await finish(['run', path, '--out', torn, '--resume', '--json']);
    expect(readFileSync(torn).equals(readFileSync(whole))).toBe(true);
  },
  proofTimeoutMs,
);
