import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { nodeEnv, nodePorts, openTokenFolder } from '../../../emulator/index.ts';
import { pinToken } from '../device/pin-support.ts';
import { freshFolder, profileOf, tokenWith } from '../support.ts';

const serial = 'VT00000001';
const pressLoop = new URL('children/press-loop.ts', import.meta.url);
const wrongPinLoop = new URL('children/wrong-pin-loop.ts', import.meta.url);

interface Presser {
  readonly child: ChildProcess;
  readonly counters: bigint[];
  /** Settles once so many counters have been written. */
  reached(count: number): Promise<void>;
  ended(): Promise<void>;
}

function startPressing(folder: string, times: number): Presser {
  return start(pressLoop, folder, String(times));
}

function start(script: URL, folder: string, argument: string): Presser {
  const argv = ['--import', 'tsx', fileURLToPath(script), folder, serial, argument];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const counters: bigint[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    counters.push(...lines.map(BigInt));
    child.emit('counted');
  });
  const closed = once(child, 'close');
  return {
    child,
    counters,
    reached: async (count) => {
      while (counters.length < count) {
        await Promise.race([
          once(child, 'counted'),
          closed.then(() => Promise.reject(new Error('ended'))),
        ]);
      }
    },
    ended: async () => {
      await closed;
    },
  };
}

async function storedCounter(path: string): Promise<bigint> {
  const { token } = await openTokenFolder(path, nodeEnv).read(serial);
  return token.state.eventCounters[0]!;
}

it(
  'two processes that press at once never show the same counter',
  { timeout: 60_000 },
  async () => {
    const path = freshFolder();
    await openTokenFolder(path, nodeEnv).create(tokenWith(profileOf('one-button-event')));
    // Both begin with a lock whose holder is dead.
    const dead = {
      host: nodeEnv.processes.self.host,
      pid: 1,
      startedAt: '1',
      nonce: '0'.repeat(16),
    };
    writeFileSync(join(path, `${serial}.lock`), JSON.stringify(dead));
    const pressers = [startPressing(path, 60), startPressing(path, 60)];
    await Promise.all(pressers.map((presser) => presser.ended()));
    const all = pressers.flatMap(({ counters }) => counters).sort((a, b) => Number(a - b));
    expect(all).toEqual(Array.from({ length: 120 }, (_, index) => BigInt(index)));
    expect(await storedCounter(path)).toBe(120n);
  },
);

it(
  'kill -9 in the middle leaves a whole file and no counter twice',
  { timeout: 120_000 },
  async () => {
    const path = freshFolder();
    await openTokenFolder(path, nodeEnv).create(tokenWith(profileOf('one-button-event')));
    const shown: bigint[] = [];
    for (const pressesBeforeKill of [1, 8, 21]) {
      // The second process waits for the lock that the first one dies with.
      const pressers = [startPressing(path, 100_000), startPressing(path, 100_000)];
      await Promise.all(pressers.map((presser) => presser.reached(1)));
      await pressers[0]!.reached(pressesBeforeKill);
      pressers[0]!.child.kill('SIGKILL');
      await pressers[0]!.ended();
      await pressers[1]!.reached(pressers[1]!.counters.length + 2);
      pressers[1]!.child.kill('SIGKILL');
      await pressers[1]!.ended();
      shown.push(...pressers.flatMap(({ counters }) => counters));
      const highest = shown.reduce((a, b) => (a > b ? a : b));
      expect(await storedCounter(path)).toBeGreaterThan(highest);
    }
    expect(new Set(shown).size).toBe(shown.length);
    const names = readdirSync(path).filter((name) => name.endsWith('.json'));
    expect(names).toEqual([`${serial}.json`]);
  },
);

it('kill -9 after a wrong PIN does not give the attempt back', { timeout: 60_000 }, async () => {
  const path = freshFolder();
  const policy = { failuresMax: 6, mustChangeInitial: false };
  await openTokenFolder(path, nodeEnv).create(pinToken({ policy, ports: nodePorts }));
  let least = 0n;
  // The first attempt of every process comes after those that the others were told of.
  while (least < 6n) {
    const thief = start(wrongPinLoop, path, '73915');
    await thief.reached(1);
    expect(thief.counters[0]).toBeGreaterThan(least);
    thief.child.kill('SIGKILL');
    await thief.ended();
    least = thief.counters.at(-1)!;
    const { token } = await openTokenFolder(path, nodeEnv).read(serial);
    expect(token.state.pin!.failures).toBeGreaterThanOrEqual(Number(least));
    expect(token.state.pin!.lock !== null).toBe(token.state.pin!.failures === 6);
    if (token.state.pin!.lock !== null) break;
  }
});
