import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  freshInstallation,
  type Installation,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshSoftHsm } from '../support/softhsm.ts';
import { administratorOf, must } from './support.ts';

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

function chownAll(folder: string, userId: number): void {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    chownSync(path, userId, userId);
  }
}

describeLayer('softhsm', 'what prevents serving has its own exit code and a plain text', () => {
  let installation: Installation;
  let config: string;
  beforeAll(async () => {
    installation = await freshInstallation();
    config = installation.configFile;
  });
  afterAll(() => installation.remove());

  const refused = async (
    code: number,
    text: RegExp,
    sets: readonly string[] = [],
    limits = {},
    file = config,
  ): Promise<void> => {
    const reason = await startServer(file, sets, limits).then(
      async (server) => {
        await server.end();
        return 'it serves';
      },
      (error: unknown) => (error as Error).message,
    );
    expect(reason).toMatch(new RegExp(`^serve ended with ${String(code)}: `));
    expect(reason).toMatch(text);
    expect(reason).not.toMatch(/node_modules|\.js:\d/);
  };

  it('a module that is absent', async () => {
    const uri = 'module.uri=pkcs11:token=tallystick?module-path=/nonexistent/module.so';
    await refused(7, /no PKCS#11 library at \/nonexistent\/module\.so/, [uri]);
  });

  it('a p11Token that is absent, with what was found instead', async () => {
    const { module } = JSON.parse(readFileSync(config, 'utf8')) as { module: { uri: string } };
    await refused(7, /tallystick/, [`module.uri=${module.uri.replace('=tallystick', '=other')}`]);
  });

  it('a wrong PIN, tried once, until its source changes', async () => {
    const pinFile = join(installation.folder, 'wrong.pin');
    const right = readFileSync(join(installation.folder, 'user.pin'));
    writeFileSync(pinFile, '00000000\n', { mode: 0o600 });
    const source = [`module.pinFile=${pinFile}`];
    await refused(4, /file [^:]*: CKR_PIN_INCORRECT \(0xa0\)"/, source);
    await refused(4, /not tried again|refused before|was refused/, source);
    writeFileSync(pinFile, right);
    const server = await startServer(config, source);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  it('a wrong PIN from the environment, tried once over all starts', async () => {
    const file = join(installation.folder, 'by-environment.json');
    const { module, ...rest } = JSON.parse(readFileSync(config, 'utf8')) as { module: object };
    const byEnvironment = { ...module, pinFile: undefined, pinEnvironment: 'OTP_MODULE_PIN' };
    writeFileSync(file, JSON.stringify({ ...rest, module: byEnvironment }));
    vi.stubEnv('OTP_MODULE_PIN', '00000000');
    await refused(4, /OTP_MODULE_PIN: CKR_PIN_INCORRECT \(0xa0\)"/, [], {}, file);
    await refused(4, /not tried again.*by-environment\.json\.pin-refused/, [], {}, file);
    const right = readFileSync(join(installation.folder, 'user.pin'), 'utf8').trim();
    vi.stubEnv('OTP_MODULE_PIN', right);
    const server = await startServer(file);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  it('a PIN that others may read', async () => {
    const pinFile = join(installation.folder, 'open.pin');
    copyFileSync(join(installation.folder, 'user.pin'), pinFile);
    chmodSync(pinFile, 0o644);
    await refused(2, /open\.pin.*chmod 600/, [`module.pinFile=${pinFile}`]);
  });

  it('a PIN whose refusal could not be remembered, until there is a place for it', async () => {
    const missing = join(installation.folder, 'missing', 'marker');
    const setting = `module.refusedPinMarkerPath=${missing}`;
    await refused(4, /not tried.*missing\/marker \(ENOENT\).*refusedPinMarkerPath/, [setting]);
  });

  it('a TLS key that others may read', async () => {
    const keyFile = join(installation.folder, 'open.key');
    writeFileSync(keyFile, '');
    chmodSync(keyFile, 0o640);
    const sets = [`listen.tls.certFile=${config}`, `listen.tls.keyFile=${keyFile}`];
    await refused(2, /open\.key.*chmod 600/, sets);
  });

  it('a folder of file gateways that is missing, none, or open to others', async () => {
    const at = (path: string): readonly string[] => [`delivery.folder=${path}`];
    await refused(2, /\/nope \(delivery\.folder, .*\) does not exist/, at('/nope'));
    await refused(2, /admin\.key \(.*\) is not a folder/, at('admin.key'));
    const folder = join(installation.folder, 'messages');
    mkdirSync(folder);
    chmodSync(folder, 0o1777);
    await refused(2, /messages \(.*\) may be written by others: chmod go-w/, at(folder));
    chmodSync(folder, 0o755);
    const server = await startServer(config, at(folder));
    expect(await server.end('SIGTERM')).toBe(0);
  });

  it.runIf(isRoot)('a folder of file gateways in which this server may not write', async () => {
    const own = await freshInstallation();
    chownAll(own.folder, nobody);
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-messages-'));
    chmodSync(folder, 0o755);
    const setting = `delivery.folder=${folder}`;
    const asNobody = { userId: nobody };
    await refused(2, /\(EACCES\)/, [setting], asNobody, own.configFile);
    chownSync(folder, nobody, nobody);
    const server = await startServer(own.configFile, [setting], asNobody);
    expect(await server.end('SIGTERM')).toBe(0);
    rmSync(folder, { recursive: true });
    own.remove();
  });

  it('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await refused(6, new RegExp(`port ${String(port)}`), [`listen.port=${String(port)}`]);
    other.close();
  });

  it('a second server on one SQLite file', async () => {
    const first = await startServer(config);
    await refused(5, /tallystick\.db: .*one server at a time/);
    // The lock of a server that was killed goes with it.
    await first.end('SIGKILL');
    const next = await startServer(config);
    expect(await next.end('SIGTERM')).toBe(0);
  });

  it('no database, and one that was never initialised', async () => {
    await refused(3, /no database/i, ['database.path=missing.db']);
    writeFileSync(join(installation.folder, 'empty.db'), '', { mode: 0o600 });
    await refused(3, /tallystick init/, ['database.path=empty.db']);
  });

  it('an older database and a key that is new, both at once', async () => {
    const old = join(installation.folder, 'old.db');
    copyFileSync(join(installation.folder, 'tallystick.db'), old);
    const database = new Database(old);
    database.exec('update database_info set schema_version = schema_version - 1');
    database.close();
    const sets = [`database.path=${old}`];
    await refused(8, /run ."tallystick db migrate."\."}$/m, sets);
    const hsm = await freshSoftHsm();
    const keyless = [
      `module.uri=pkcs11:token=${hsm.tokenLabel}?module-path=${hsm.modulePath}`,
      `module.softhsmConf=${hsm.confFile}`,
      `module.pinFile=${hsm.userPinFile}`,
    ];
    const both = /schema version .*tallystick db migrate.*no key .*tallystick hsm init/;
    await refused(8, both, [...sets, ...keyless]);
    await refused(7, /no key .*tallystick hsm init/, keyless);
    await hsm.remove();
  });

  it('a file that is no database', async () => {
    writeFileSync(join(installation.folder, 'text.db'), 'hello '.repeat(1000), { mode: 0o600 });
    await refused(8, /./, ['database.path=text.db']);
  });

  it.runIf(isRoot)('a database that cannot be written', async () => {
    chownAll(installation.folder, nobody);
    const database = join(installation.folder, 'tallystick.db');
    chmodSync(database, 0o400);
    await refused(8, /read-only/i, [], { userId: nobody });
    chmodSync(database, 0o600);
    chownAll(installation.folder, 0);
  });
});

describeLayer('softhsm', 'a log that nobody reads any more', () => {
  it.each(['in use', 'unused'])(
    'keeps a server neither from serving nor from stopping, %s',
    async (use) => {
      const installation = await freshInstallation();
      const server = await startServer(installation.configFile);
      server.child.stderr?.destroy();
      if (use === 'in use') {
        const send = administratorOf(server, installation);
        for (const user of ['jane', 'joan'])
          expect((await send('POST', '/v1/users', { user })).status).toBe(201);
      }
      expect(await server.end('SIGTERM')).toBe(0);
    },
  );
});

describeLayer('softhsm', 'a log that cannot be written', () => {
  it('does not keep a server from stopping', async () => {
    const installation = await freshInstallation();
    const server = await startServer(installation.configFile, [], { logPath: '/dev/full' });
    expect(await server.end('SIGTERM')).toBe(0);
  });
});

describeLayer('softhsm', 'a disk that is full', () => {
  it('refuses with its own code, half-writes nothing, and serves again when there is room', async () => {
    const installation = await freshInstallation();
    const size = readFileSync(join(installation.folder, 'tallystick.db')).length;
    // The write-ahead log grows to this and no further.
    const fileKibibytesMax = Math.ceil(size / 1024) + 64;
    const cramped: ServerProcess = await startServer(installation.configFile, [], {
      fileKibibytesMax,
    });
    const send = administratorOf(cramped, installation);
    const made: string[] = [];
    let refusal: { status: number; body: Readonly<Record<string, unknown>> } | undefined;
    for (let number = 0; refusal === undefined && number < 500; number += 1) {
      const user = `user${String(number)}`;
      const answer = await send('POST', '/v1/users', { user });
      if (answer.status === 201) made.push(user);
      else refusal = answer;
    }
    expect(refusal).toMatchObject({ status: 503, body: { code: 'store-full' } });
    expect(JSON.stringify(refusal)).not.toMatch(/SQLITE|\/tmp/);
    expect((await fetch(`${cramped.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${cramped.url}/readyz`)).status).toBe(503);
    const { log } = cramped;
    await expect.poll(log).toMatch(/"keyName":"[^"]+"[^\n]*"errorCode":"store-full"[^\n]*"SQLITE_/);
    await cramped.end('SIGKILL');

    const roomy = await startServer(installation.configFile);
    const admin = administratorOf(roomy, installation);
    const { items } = await must(admin('GET', '/v1/users?limit=1000'));
    expect((items as { user: string }[]).map(({ user }) => user).toSorted()).toEqual(
      made.toSorted(),
    );
    await must(admin('POST', '/v1/users', { user: 'afterwards' }));
    const chain = await runTallystick(['audit', 'verify', '--config', installation.configFile]);
    expect(chain.code).toBe(0);
    await roomy.end('SIGTERM');
    installation.remove();
  });
});
