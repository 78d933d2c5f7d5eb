import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { nodeFiles } from '../../src/agent/files.ts';
import { dyingFiles } from './support/dying-files.ts';
import { equippedOffice, jane, logon, type Office } from './support/world.ts';

interface Crashed {
  readonly wasAccepted: boolean;
  readonly hasFinished: boolean;
}

/** Runs one logon on a disk that dies, then starts the computer again. */
async function crashedLogon(
  office: Office,
  typed: string,
  after: number | 'state',
): Promise<Crashed> {
  const dying = dyingFiles(after);
  office.computer.files = dying.files;
  const ran = await logon(office, typed);
  office.computer.files = nodeFiles;
  // The process that held it is dead; here it is this one.
  rmSync(join(office.state, 'lock'), { force: true });
  return {
    wasAccepted: ran.out !== '',
    hasFinished: after !== 'state' && dying.changes() <= after,
  };
}

it('accepts a response at most once, wherever it was interrupted, and counts every try', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const before = join(office.folder, 'before');
  cpSync(office.state, before, { recursive: true });
  const typed = `${jane.pin}${office.shown()}`;
  let points = 0;
  for (let after = 0; ; after += 1) {
    rmSync(office.state, { recursive: true });
    cpSync(before, office.state, { recursive: true });
    const crashed = await crashedLogon(office, typed, after);
    const { out } = await office.agent(['status', '--json']);
    const [its] = (JSON.parse(out) as { packages: { usesLeft: number; failures: number }[] })
      .packages;
    const again = await logon(office, typed);
    const times = (crashed.wasAccepted ? 1 : 0) + (again.status === 0 ? 1 : 0);
    expect(times, `after ${after} changes`).toBeLessThanOrEqual(1);
    // Whatever was told was used up; what was not told was at least counted.
    if (crashed.wasAccepted) expect(its?.usesLeft, `after ${after} changes`).toBe(29);
    if (again.status !== 0) expect(its?.usesLeft, `after ${after} changes`).toBe(29);
    if (crashed.hasFinished) break;
    points += 1;
  }
  expect(points).toBeGreaterThan(10);
});

it('counts a try whose end the computer did not live to see', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const failures = async (): Promise<number> => {
    const { out } = await office.agent(['status', '--json']);
    return (JSON.parse(out) as { packages: { failures: number }[] }).packages[0]!.failures;
  };
  for (const expected of [1, 2, 3]) {
    await crashedLogon(office, `${jane.pin}00000000`, 'state');
    expect(await failures()).toBe(expected);
  }
  const right = await logon(office, `${jane.pin}${office.shown()}`);
  expect(right).toMatchObject({ status: exitCodes.locked });
});

it('has the old package or the new one, wherever an update was interrupted', async () => {
  const office = await equippedOffice();
  const before = join(office.folder, 'before');
  cpSync(office.state, before, { recursive: true });
  const agents = [...office.server.agents.values()];
  const [served] = agents;
  const { log } = served!;
  for (let after = 0; ; after += 3) {
    rmSync(office.state, { recursive: true });
    cpSync(before, office.state, { recursive: true });
    served!.log = log;
    served!.isRevoked = false;
    const crashed = await crashedLogon(office, `${jane.pin}${office.shown()}`, after);
    await office.server.stop();
    office.computer.pass(60_000);
    const ran = await logon(office, `${jane.pin}${office.shown()}`);
    expect(ran, `after ${after} changes`).toMatchObject({ status: 0, err: '' });
    const names = await office.computer.files.list(office.state);
    expect(names.filter((name) => name.includes('.entries'))).toHaveLength(1);
    expect(await office.computer.files.list(join(office.state, 'keys'))).toHaveLength(3);
    await office.server.start();
    if (crashed.hasFinished) break;
  }
});

const child = fileURLToPath(new URL('support/logon-loop.ts', import.meta.url));

it('is whole after a real kill, and takes over the lock of the dead', async () => {
  const office = await equippedOffice({ ...jane, header: { failuresMax: 20 } });
  await office.server.stop();
  const lock = join(office.state, 'lock');
  let killed = 0;
  for (let round = 0; round < 4; round += 1) {
    const process_: ChildProcess = spawn(
      process.execPath,
      ['--import', 'tsx', child, office.state, String(office.computer.trueMs)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(process_.stdout!, 'data');
    await new Promise((resolve) => setTimeout(resolve, 100 + round * 17));
    while (!existsSync(lock)) await new Promise((resolve) => setImmediate(resolve));
    process_.kill('SIGKILL');
    await once(process_, 'exit');
    if (existsSync(lock)) killed += 1;
    const status = await office.agent(['status', '--json']);
    expect(status).toMatchObject({ status: 0, err: '' });
  }
  expect(killed).toBeGreaterThan(0);
  expect(statSync(join(office.state, 'state')).mode & 0o777).toBe(0o600);
});
