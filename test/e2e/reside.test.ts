import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditChain } from '../../src/audit/index.ts';
import { systemClock } from '../../src/main.ts';
import { openStore } from '../../src/store/index.ts';
import {
  type Finished,
  freshInstallation,
  type Installation,
  runProgram,
  runTallystick,
  type RunOptions,
  type ServerProcess,
  startServer,
  tallystickProgram,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase, type PostgresDatabase } from '../support/postgres.ts';
import { proofRounds, reportProof } from '../support/proof.ts';
import {
  administratorOf,
  type Answer,
  auditOf,
  clientOf,
  createClientKey,
  createHolder,
  type Holder,
  must,
  type Send,
} from './support.ts';

interface ListedSeed {
  readonly label: string;
  readonly id: string;
  readonly sensitive: boolean;
  readonly extractable: boolean;
}

const reside = (
  { configFile }: Installation,
  to: string,
  ...more: readonly string[]
): Promise<Finished> =>
  runTallystick(['hsm', 'reside', '--config', configFile, '--to', to, ...more]);

/** What `--json` printed. */
const resultOf = ({ stdout }: Finished): unknown => JSON.parse(stdout);

async function seedsInModule({ configFile }: Installation): Promise<readonly ListedSeed[]> {
  const { stdout } = await runTallystick(['hsm', 'list', '--json', '--config', configFile]);
  const { objects } = JSON.parse(stdout) as { objects: readonly ListedSeed[] };
  return objects.filter(({ label }) => label.startsWith('tallystick-seed '));
}

function query<Value>({ folder }: Installation, sql: string): Value[] {
  const database = new Database(join(folder, 'tallystick.db'), { readonly: true });
  try {
    return database.prepare(sql).pluck().all() as Value[];
  } finally {
    database.close();
  }
}

const residentRows = (installation: Installation): number =>
  query<number>(
    installation,
    "select count(*) from application where seed_residency = 'resident'",
  )[0]!;

/** Everything that SQLite keeps on the disk. */
const bytesOnDisk = ({ folder }: Installation): Buffer =>
  Buffer.concat(
    readdirSync(folder)
      .filter((name) => name.startsWith('tallystick.db'))
      .map((name) => readFileSync(join(folder, name))),
  );

const settings = { genericAnswers: false, userLockThreshold: 0 };

async function holdersOf(admin: Send, count: number): Promise<readonly Holder[]> {
  const made: Holder[] = [];
  for (let number = 0; number < count; number += 1) {
    made.push(await createHolder(admin, `reside${String(number)}`));
  }
  return made;
}

const outcomeOf = ({ body }: Answer): string => String(body['code'] ?? body['outcome']);

async function logOn(send: Send, holders: readonly Holder[], counter: number): Promise<string[]> {
  const outcomes: string[] = [];
  for (const { user, response } of holders) {
    const answer = await send('POST', '/v1/authenticate', { user, response: response(counter) });
    outcomes.push(outcomeOf(answer));
  }
  return outcomes;
}

const each = (holders: readonly unknown[], outcome: string): string[] => holders.map(() => outcome);

describeLayer('softhsm', 'wrapped seeds that move into the module', () => {
  let installation: Installation;
  let holders: readonly Holder[];
  let key: string;
  let blobs: readonly Buffer[];
  let vtokenFolder: string;

  beforeAll(async () => {
    installation = await freshInstallation(['--residency', 'wrapped']);
    vtokenFolder = join(installation.folder, 'vtoken');
    const server = await startServer(installation.configFile);
    const admin = administratorOf(server, installation);
    key = await createClientKey(admin, 'reside', settings);
    holders = await holdersOf(admin, 3);
    await issueVirtualToken(server);
    expect(await press(server)).toMatchObject({ code: 0 });
    expect(await logOn(clientOf(server, key), holders, 2)).toEqual(each(holders, 'accepted'));
    await server.end('SIGTERM');
    blobs = query<Buffer>(installation, 'select seed_blob from application');
  });
  afterAll(() => installation.remove());

  const vtoken = (...args: readonly string[]): Promise<Finished> =>
    runProgram(process.execPath, [join(tallystickProgram, '../../../emulator/cli.js'), ...args], {
      environment: { VTOKEN_DIR: vtokenFolder },
    });

  const asAdministrator = (server: ServerProcess, input?: string): RunOptions => ({
    environment: {
      TALLYSTICK_SERVER: server.url,
      TALLYSTICK_KEY_FILE: installation.adminKeyFile,
    },
    ...(input === undefined ? {} : { input }),
  });

  async function issueVirtualToken(server: ServerProcess): Promise<void> {
    const request = join(installation.folder, 'request.json');
    const bundle = join(installation.folder, 'bundle.json');
    const tallystick = (...args: readonly string[]): Promise<Finished> =>
      runTallystick(args, asAdministrator(server));
    const profile = ['--serial', 'VT00000001', '--profile', 'one-button-event'];
    const steps = [
      () => tallystick('user', 'create', 'jane'),
      () => vtoken('pair', '--request', request, ...profile),
      () =>
        tallystick('token', 'issue', '--to-emulator', request, '--out', bundle, '--user', 'jane'),
      () => vtoken('pair', '--accept', bundle),
    ];
    for (const step of steps) expect(await step()).toMatchObject({ code: 0 });
  }

  /** Presses the button of the virtual token and logs its owner on. */
  async function press(server: ServerProcess): Promise<Finished> {
    const { stdout } = await vtoken('press', 'VT00000001');
    return runTallystick(['authenticate', 'jane'], asAdministrator(server, stdout));
  }

  it('counts beside a server, and moves nothing while it holds the database', async () => {
    const server = await startServer(installation.configFile);
    const counted = await reside(installation, 'resident', '--dry-run', '--json');
    const refused = await reside(installation, 'resident');
    await server.end('SIGTERM');
    expect(resultOf(counted)).toEqual({ to: 'resident', dryRun: true, toMove: 4, already: 0 });
    expect(refused).toMatchObject({ code: 5, stdout: '' });
    expect(residentRows(installation)).toBe(0);
  });

  it('have the same counters there, and leave no blob behind', async () => {
    expect(blobs).toHaveLength(4);
    const before = bytesOnDisk(installation);
    expect(blobs.every((blob) => before.includes(blob))).toBe(true);

    const moved = await reside(installation, 'resident', '--json');
    expect(moved.code).toBe(0);
    expect(resultOf(moved)).toEqual({ to: 'resident', moved: 4, already: 0, stayed: [] });
    expect(moved.stderr).toMatch(/^New seeds are still wrapped: set module\.residency to resident/);
    expect(query(installation, 'select seed_blob from application')).toEqual(each(blobs, null!));
    const after = bytesOnDisk(installation);
    expect(blobs.filter((blob) => after.includes(blob))).toEqual([]);
    const objects = await seedsInModule(installation);
    expect(objects).toHaveLength(4);
    for (const object of objects) {
      expect(object).toMatchObject({ sensitive: true, extractable: false });
    }

    const server = await startServer(installation.configFile);
    const client = clientOf(server, key);
    expect(await logOn(client, holders, 2)).toEqual(each(holders, 'response-replayed'));
    expect(await logOn(client, holders, 3)).toEqual(each(holders, 'accepted'));
    expect(await press(server)).toMatchObject({ code: 0 });
    const events = await auditOf(administratorOf(server, installation), 'main');
    await server.end('SIGTERM');
    expect(
      events.filter(({ action }) => action === 'seed.reside').map(({ subject }) => subject),
    ).toEqual(['RESIDE0', 'RESIDE1', 'RESIDE2', 'VT00000001']);
    const chain = await runTallystick(['audit', 'verify', '--config', installation.configFile]);
    expect(chain.code).toBe(0);
  });

  it('are there already at the second time', async () => {
    const again = await reside(installation, 'resident', '--json');
    expect(again.code).toBe(0);
    expect(resultOf(again)).toEqual({ to: 'resident', moved: 0, already: 4, stayed: [] });
  });

  it('stay there: the module is asked, and each is named with its answer', async () => {
    const stays = await reside(installation, 'wrapped', '--json');
    expect(stays.code).toBe(1);
    const { stayed, ...counts } = resultOf(stays) as { stayed: readonly object[] };
    expect(counts).toEqual({ to: 'wrapped', moved: 0, already: 0 });
    expect(stayed).toHaveLength(4);
    expect(stayed[0]).toEqual({
      serial: 'RESIDE0',
      application: 'EVENT',
      reason: expect.stringMatching(/^C_WrapKey: CKR_KEY_UNEXTRACTABLE/) as string,
    });
    const words = await reside(installation, 'wrapped');
    expect(words.stdout).toMatch(/^VT00000001 .*CKR_KEY_UNEXTRACTABLE/m);
    expect(words.stderr).toMatch(
      /^4 seeds stay where they are\..*issue the authenticator anew\.$/m,
    );

    const server = await startServer(installation.configFile);
    expect(await logOn(clientOf(server, key), holders, 4)).toEqual(each(holders, 'accepted'));
    await server.end('SIGTERM');
  });

  it('are asked for one of two residencies', async () => {
    expect(await reside(installation, 'elsewhere')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--to must be resident or wrapped') as string,
    });
  });
});

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
