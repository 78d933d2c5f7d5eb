import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditChain } from '../../src/audit/index.ts';
import { systemClock } from '../../src/main.ts';
import { openStore } from '../../src/store/index.ts';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
  tallystickProgram,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase, type PostgresDatabase } from '../support/postgres.ts';
import { proofRounds, reportProof } from '../support/proof.ts';
import {
  each,
  holdersOf,
  logOn,
  reside,
  residentRows,
  resultOf,
  seedsInModule,
  settings,
} from './reside-support.ts';
import { administratorOf, auditOf, clientOf, createClientKey, must, type Send } from './support.ts';

/** A move as a process of its own, to be ended from outside. */
function startMove({ configFile }: Installation): {
  readonly child: ChildProcess;
  readonly ended: Promise<[number | null]>;
} {
  const args = ['hsm', 'reside', '--to', 'resident', '--json', '--config', configFile];
  const child = spawn(process.execPath, [tallystickProgram, ...args], { stdio: 'ignore' });
  return { child, ended: once(child, 'close') as Promise<[number | null]> };
}

/** Ends a move by a signal once it has moved so many seeds. */
async function endAfter(
  installation: Installation,
  movedCount: number,
  signal: 'SIGKILL' | 'SIGINT',
): Promise<number | null> {
  const rows = residentRows(installation) + movedCount;
  const { child, ended } = startMove(installation);
  const until = { timeout: 60_000, interval: 5 };
  await expect.poll(() => residentRows(installation), until).toBeGreaterThanOrEqual(rows);
  child.kill(signal);
  const [code] = await ended;
  return code;
}

/** Authenticators that nobody logs on with, before and after the others in the order of serials. */
async function fillers(admin: Send, count: number): Promise<void> {
  const application = {
    name: 'EVENT',
    mode: 'response-only',
    algorithm: { kind: 'event', hash: 'SHA1', digits: 6 },
    seed: { source: 'generate' },
  };
  for (let number = 0; number < count; number += 1) {
    const serial = `${number % 2 === 0 ? 'A' : 'Z'}${String(number).padStart(4, '0')}`;
    const body = { serial, model: 'TEST', applications: [application] };
    await must(admin('POST', '/v1/authenticators', body));
  }
}

describeLayer('softhsm', 'a move of many seeds that is interrupted', () => {
  const userCount = 20;
  const count = 200;
  it.each(proofRounds(20))('is completed by the next, round %i', async (round) => {
    const installation = await freshInstallation(['--residency', 'wrapped']);
    const first = await startServer(installation.configFile);
    const admin = administratorOf(first, installation);
    const key = await createClientKey(admin, 'reside', settings);
    const holders = await holdersOf(admin, userCount);
    await fillers(admin, count - userCount);
    await first.end('SIGTERM');

    const killedAt: number[] = [];
    for (const movedCount of [round, 20, 20]) {
      expect(await endAfter(installation, movedCount, 'SIGKILL')).toBeNull();
      killedAt.push(residentRows(installation));
    }
    expect(await endAfter(installation, 1, 'SIGINT')).toBe(130);
    const already = residentRows(installation);
    expect(already).toBeLessThan(count);
    // Whatever was made is there to be found, and nothing twice.
    const objects = await seedsInModule(installation);
    expect(objects.length).toBeGreaterThanOrEqual(already);
    expect(new Set(objects.map(({ id }) => id)).size).toBe(objects.length);

    const half = await startServer(installation.configFile);
    expect(await logOn(clientOf(half, key), holders, 0)).toEqual(each(holders, 'accepted'));
    await half.end('SIGTERM');

    const rest = await reside(installation, 'resident', '--json');
    const moved = count - already;
    expect(resultOf(rest)).toEqual({ to: 'resident', moved, already, stayed: [] });
    const all = await seedsInModule(installation);
    expect(new Set(all.map(({ id }) => id)).size).toBe(count);
    expect(all).toHaveLength(count);
    const last = await startServer(installation.configFile);
    const client = clientOf(last, key);
    expect(await logOn(client, holders, 0)).toEqual(each(holders, 'response-replayed'));
    expect(await logOn(client, holders, 1)).toEqual(each(holders, 'accepted'));
    await last.end('SIGTERM');
    reportProof('reside', { round, killedAt: killedAt.join('/'), interruptedAt: already });
    installation.remove();
  });
});

describeLayer('postgresql', 'a move beside a running server', () => {
  let database: PostgresDatabase;
  let installation: Installation;
  let server: ServerProcess;
  beforeAll(async () => {
    database = await freshPostgresDatabase();
    const options = ['--residency', 'wrapped', '--database', database.connectionString];
    installation = await freshInstallation(options);
    server = await startServer(installation.configFile);
  });
  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    await database.drop();
  });

  it('refuses nobody', async () => {
    const admin = administratorOf(server, installation);
    const client = clientOf(server, await createClientKey(admin, 'reside', settings));
    // More than a server would search for in vain in one second.
    const holders = await holdersOf(admin, 60);
    const move = startMove(installation);
    let counter = 0;
    while (move.child.exitCode === null) {
      expect(await logOn(client, holders, counter)).toEqual(each(holders, 'accepted'));
      counter += 1;
    }
    expect(move.child.exitCode).toBe(0);
    expect(counter).toBeGreaterThan(0);
    expect(await logOn(client, holders, counter)).toEqual(each(holders, 'accepted'));
    expect(await seedsInModule(installation)).toHaveLength(holders.length);
    const events = await auditOf(admin, 'hsm-reside');
    expect(events.map(({ action }) => action)).toEqual(each(holders, 'seed.reside'));
    expect(resultOf(await reside(installation, 'resident', '--json'))).toMatchObject({
      moved: 0,
      already: holders.length,
    });
  });

  it('lets no second one move', async () => {
    const first = await openStore({
      database: {
        kind: 'postgres',
        connectionString: database.connectionString,
        maxConnections: 2,
      },
      instance: 'hsm-reside',
      chain: auditChain,
      clock: systemClock,
    });
    const second = await reside(installation, 'resident');
    await first.close();
    expect(second).toMatchObject({ code: 5, stdout: '' });
    expect(second.stderr).toMatch(/^tallystick: Another "tallystick hsm reside" works on this/);
  });
});
