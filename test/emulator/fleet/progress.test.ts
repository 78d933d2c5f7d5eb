import { expect, it } from 'vitest';
import { fleetLine, fleetProgress } from '../../../emulator/cli/progress.ts';
import type { CliWorld } from '../../../emulator/cli/context.ts';
import { nodeEnv } from '../../../emulator/index.ts';

const dayMs = 86_400_000;

it('says day, rate and remaining time in a line that fits', () => {
  const half = { rows: 1000, elapsedMs: 10_000, columns: 80 };
  expect(fleetLine(50 * dayMs, 100 * dayMs, half)).toBe(
    `[${'#'.repeat(19)}${'.'.repeat(20)}]  day 50 of 100, 100 rows/s, 10 s left`,
  );
  for (const columns of [10, 40, 200]) {
    expect(fleetLine(dayMs, 100 * dayMs, { ...half, columns }).length).toBeLessThan(columns);
  }
});

it('draws at most ten times a second, and nothing where there is no terminal', () => {
  let nowMs = 0;
  const said: string[] = [];
  const world = {
    env: { ...nodeEnv, monotonicMs: () => nowMs },
    err: (text: string) => said.push(text),
  } as unknown as CliWorld;
  fleetProgress(world).show(1, 2, 1);
  expect(said).toEqual([]);
  const progress = fleetProgress({ ...world, terminalColumns: () => 80 });
  for (; nowMs < 1000; nowMs += 10) progress.show(nowMs, 1000, nowMs);
  expect(said.length).toBe(10);
  progress.end();
  expect(said.at(-1)).toBe('\n');
});
