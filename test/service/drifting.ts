import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import { randomFrom } from '../domain/drifting.ts';
import { type Bench, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

/** Noon, in the middle of a step. */
export const noon: number = Date.UTC(2026, 10, 1, 12, 0, 15);

/** A device whose crystal runs off: what its clock says at an instant. */
export interface Drifting {
  readonly device: TestDevice;
  readonly userName: string;
  readonly clockMs: (atMs: number) => number;
}

export async function drifting(
  bench: Bench,
  offsetSeconds: number,
  ppm: number,
): Promise<Drifting> {
  const userName = await bench.user();
  // The same every time: of many random seeds one shows, once in a while, what another step would.
  const seed = createHash('sha1').update(`${userName} ${offsetSeconds} ${ppm}`).digest();
  const device = await bench.device(totp6, { userName, seed });
  const clockMs = (atMs: number): number =>
    atMs + offsetSeconds * 1000 + ((atMs - noon) * ppm) / 1e6;
  return { device, userName, clockMs };
}

export function logOn(
  bench: Bench,
  caller: Caller,
  { device, userName, clockMs }: Drifting,
): Promise<string> {
  const response = device.response({ nowMs: clockMs(bench.clock.nowMs()) });
  return codeOf(bench.service, caller, asking(userName, { response }));
}

/** Once a day, an hour earlier or later. */
export async function logOnDaily(
  bench: Bench,
  caller: Caller,
  one: Drifting,
  days: number,
): Promise<void> {
  const random = randomFrom(days);
  for (let day = 0; day < days; day += 1) {
    bench.clock.advance(86_400 + Math.floor(7200 * (random() - 0.5)));
    expect(await logOn(bench, caller, one)).toBe('accepted');
  }
}

/** A bench at noon. */
export async function openAtNoon(options: Parameters<typeof openBench>[0] = {}): Promise<Bench> {
  const bench = await openBench(options);
  bench.clock.set(noon);
  return bench;
}
