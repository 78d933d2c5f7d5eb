import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
import {
  bytesOnDisk,
  each,
  holdersOf,
  logOn,
  query,
  reside,
  residentRows,
  resultOf,
  seedsInModule,
  settings,
} from './reside-support.ts';
import { administratorOf, auditOf, clientOf, createClientKey, type Holder } from './support.ts';

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
    runProgram(
      process.execPath,
      [join(tallystickProgram, '../../../emulator/cli/main.js'), ...args],
      {
        environment: { VTOKEN_DIR: vtokenFolder },
      },
    );

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

  /** Stands in for the system's `sync` and notes how many rows name an object by then. */
  function noteFlushes(): { environment: Record<string, string>; rowsAtEach: () => number[] } {
    const { folder } = installation;
    const noted = join(folder, 'flushes');
    const quoted = [import.meta.resolve('better-sqlite3'), join(folder, 'tallystick.db'), noted];
    const [library, database, file] = quoted.map((text) => JSON.stringify(text));
    const script = [
      `#!${process.execPath}`,
      `import(${library!}).then(({ default: Database }) => {`,
      `  const database = new Database(${database!}, { readonly: true });`,
      `  const rows = "select count(*) from application where seed_residency = 'resident'";`,
      `  const count = database.prepare(rows).pluck().get();`,
      `  require('node:fs').appendFileSync(${file!}, count + '\\n');`,
      `});`,
    ];
    writeFileSync(join(folder, 'sync'), script.join('\n'), { mode: 0o700 });
    return {
      environment: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      rowsAtEach: () => readFileSync(noted, 'utf8').trim().split('\n').map(Number),
    };
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

    const flushes = noteFlushes();
    const { configFile } = installation;
    const args = ['hsm', 'reside', '--to', 'resident', '--json', '--config', configFile];
    const moved = await runTallystick(args, { environment: flushes.environment });
    expect(moved.code).toBe(0);
    // The module's files were sent to the disk before both openings, and no row was ahead of them.
    expect(flushes.rowsAtEach()).toEqual([0, 0]);
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
