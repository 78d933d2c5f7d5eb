import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { openAgent } from '../../src/agent/enrol.ts';
import { logon as signOn } from '../../src/agent/logon.ts';
import { apiOf, run } from '../../src/agent/run.ts';
import { enrol, equippedOffice, jane, logon, openOffice, type Office } from './support/world.ts';

/** The agent runs in this process until the test ends. */
async function running(office: Office): Promise<{ stop: () => Promise<void>; sleeps: number[] }> {
  const controller = new AbortController();
  const sleeps: number[] = [];
  let isUp = (): void => undefined;
  const up = new Promise<void>((resolve) => (isUp = resolve));
  const ended = run({
    env: {
      ...office.computer.env,
      sleepMs: (durationMs, signal) => {
        // While another has the lock.
        if (durationMs < 1000) return new Promise((resolve) => setTimeout(resolve, durationMs));
        sleeps.push(durationMs);
        return new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve());
          if (signal?.aborted === true || sleeps.length < 4) resolve();
        });
      },
    },
    folder: office.state,
    patience: { connectMs: 2000, totalMs: 10_000 },
    log: () => undefined,
    say: () => isUp(),
    signal: controller.signal,
  });
  const stop = async (): Promise<void> => {
    controller.abort();
    await ended.catch(() => undefined);
  };
  onTestFinished(stop);
  await Promise.race([up, ended]);
  return { stop, sleeps };
}

it('has the share of the server in memory only: who is not running signs nobody on', async () => {
  const office = await openOffice();
  await enrol(office, ['--mode', 'ram']);
  const typed = (): string => `${jane.pin}${office.shown()}`;
  const { 'not-running': notRunning } = exitCodes;
  expect(await logon(office, typed())).toMatchObject({ status: notRunning, out: '' });
  const agent = await running(office);
  expect(statSync(join(office.state, 'agent.sock')).mode & 0o777).toBe(0o600);
  expect((await logon(office, typed())).out).toContain('is renewed');
  office.computer.pass(60_000);
  await office.server.stop();
  expect(await logon(office, typed())).toMatchObject({ status: 0, err: '' });
  office.computer.pass(60_000);
  expect(await logon(office, `${jane.pin}00000000`)).toMatchObject({ status: exitCodes.refused });
  await agent.stop();
  expect(await logon(office, typed())).toMatchObject({ status: notRunning, out: '' });
  // A start while disconnected ends offline service, until the server is back.
  await office.server.start();
  await running(office);
  await office.server.stop();
  office.computer.pass(60_000);
  expect(await logon(office, typed())).toMatchObject({ status: 0, err: '' });
});

it('verifies nothing by a program that has no share', async () => {
  const office = await openOffice();
  await enrol(office, ['--mode', 'ram']);
  await running(office);
  await logon(office, `${jane.pin}${office.shown()}`);
  office.computer.pass(60_000);
  await office.server.stop();
  const agent = await openAgent(office.computer.env, office.state, () => undefined);
  const api = await apiOf(agent, { connectMs: 2000, totalMs: 10_000 });
  const request = { user: 'jane', domain: null, purpose: 'logon' } as const;
  const typed = `${jane.pin}${office.shown()}`;
  const outcome = await signOn(agent, api, request, () => Promise.resolve(typed));
  expect(outcome).toMatchObject({ code: 'not-running', by: null });
});

it('reports by itself, and backs off with jitter while the server is away', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  await logon(office, `${jane.pin}${office.shown()}`);
  const agent = await running(office);
  await expect.poll(() => agent.sleeps.length).toBe(4);
  const limits = [5000, 10_000, 20_000, 40_000];
  agent.sleeps.forEach((sleep, at) => {
    expect(sleep).toBeGreaterThanOrEqual(limits[at]! / 2);
    expect(sleep).toBeLessThanOrEqual(limits[at]!);
  });
  await agent.stop();
  await office.server.start();
  await running(office);
  await expect.poll(() => office.server.records.map(({ kind }) => kind)).toContain('accepted');
});

it('reports again within a quarter of an hour, and not all at one moment', async () => {
  const office = await equippedOffice();
  const { sleeps } = await running(office);
  await expect.poll(() => sleeps.length).toBe(4);
  const quarterMs = 15 * 60_000;
  for (const sleptMs of sleeps) {
    expect(sleptMs).toBeGreaterThanOrEqual(quarterMs / 2);
    expect(sleptMs).toBeLessThanOrEqual(quarterMs);
  }
  expect(new Set(sleeps).size).toBeGreaterThan(1);
  expect(office.server.requests.filter((path) => path.endsWith('/reports')).length).toBeGreaterThan(
    3,
  );
});

it('lets only one run at a time', async () => {
  const office = await equippedOffice();
  await running(office);
  await expect(running(office)).rejects.toMatchObject({ code: 'busy' });
});
