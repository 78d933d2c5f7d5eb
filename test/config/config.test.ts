import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  configJsonSchema,
  connectionStringOf,
  environmentName,
  loadConfig,
  parseConfig,
  type ParsedConfig,
  settings,
  settingsTable,
  shownSettings,
} from '../../src/config/index.ts';

const minimal = {
  database: { path: 'tallystick.db' },
  module: { uri: 'pkcs11:token=t?module-path=/m.so', pinFile: 'user.pin' },
};

interface Over {
  environment?: Record<string, string>;
  flags?: Record<string, string>;
}

function parse(file: unknown, { environment = {}, flags = {} }: Over = {}): ParsedConfig {
  return parseConfig('/srv/otp/tallystick.json', { file, environment, flags });
}

function problems(file: unknown, over?: Over): string {
  try {
    parse(file, over);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config-invalid' });
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('configuration', () => {
  it('fills in defaults and resolves paths from the folder of the file', () => {
    const { config } = parse(minimal);
    expect(config).toMatchObject({
      instance: { name: 'main' },
      listen: { host: '127.0.0.1', port: 8888, tls: null },
      database: { kind: 'sqlite', path: '/srv/otp/tallystick.db' },
      module: { pinSource: { file: '/srv/otp/user.pin' }, residency: 'resident' },
      limits: { bodyBytesMax: 65_536 },
      soap: { enabled: true, challengeIssuedProfile: 'failure' },
    });
  });

  it('turns SOAP off, or tells an issued challenge otherwise', () => {
    const soap = { enabled: false, challengeIssuedProfile: 'challenge' };
    expect(parse({ ...minimal, soap }).config.soap).toEqual(soap);
    const environment = { TALLYSTICK_SOAP__ENABLED: 'false' };
    expect(parse(minimal, { environment }).config.soap.enabled).toBe(false);
    expect(problems({ ...minimal, soap: { challengeIssuedProfile: 'success' } })).toContain(
      'soap.challengeIssuedProfile: must be failure, challenge',
    );
  });

  it('remembers a refused PIN beside PIN, configuration or database, or where it is told', () => {
    const markers = (file: unknown): readonly string[] =>
      parse(file).config.module.refusedPinMarkers;
    expect(markers(minimal)).toEqual([
      '/srv/otp/user.pin.refused',
      '/srv/otp/tallystick.json.pin-refused',
      '/srv/otp/tallystick.db.pin-refused',
    ]);
    const module = { ...minimal.module, refusedPinMarkerPath: 'var/refused' };
    expect(markers({ ...minimal, module })).toEqual(['/srv/otp/var/refused']);
  });

  it('lets a flag win over the environment, that over the file, that over the default', () => {
    const file = { ...minimal, listen: { port: 1 } };
    const environment = { TALLYSTICK_LISTEN__PORT: '2' };
    const flags = { 'listen.port': '3' };
    expect(parse(minimal).config.listen.port).toBe(8888);
    expect(parse(file).config.listen.port).toBe(1);
    expect(parse(file, { environment }).config.listen.port).toBe(2);
    const all = parse(file, { environment, flags });
    expect(all.config.listen.port).toBe(3);
    expect(all.values.get('listen.port')).toEqual({ value: 3, from: 'flag' });
  });

  it('names environment variables by section and field', () => {
    expect(environmentName('listen.tls.certFile')).toBe('TALLYSTICK_LISTEN__TLS__CERT_FILE');
    const names = settings.map(({ name }) => environmentName(name));
    expect(new Set(names).size).toBe(settings.length);
    const environment = Object.fromEntries(names.map((name) => [name, '\n']));
    for (const name of names) expect(problems(minimal, { environment })).toContain(name);
  });

  it('refuses names that nobody knows, wherever they come from', () => {
    expect(problems({ ...minimal, listne: { port: 1 } })).toContain(
      'listne.port: there is no such',
    );
    expect(problems({ ...minimal, listen: { tls: { cert: 'x' } } })).toContain('listen.tls.cert');
    const environment = { TALLYSTICK_LISTEN__PROT: '1' };
    expect(problems(minimal, { environment })).toContain('TALLYSTICK_LISTEN__PROT');
    expect(problems(minimal, { flags: { port: '1' } })).toContain('port: there is no such');
    const others = { TALLYSTICK_KEY_FILE: 'x', TALLYSTICK_PORT: 'tcp://10.0.0.1:8888' };
    expect(parse(minimal, { environment: others })).toBeDefined();
  });

  it('refuses a variable with one underscore between section and field', () => {
    expect(problems(minimal, { environment: { TALLYSTICK_LISTEN_PORT: '1' } })).toContain(
      'TALLYSTICK_LISTEN_PORT: there is no such setting: it is TALLYSTICK_LISTEN__PORT',
    );
  });

  it.each([
    ['a string for a number', { listen: { port: '8888' } }, /listen\.port: must be a whole number/],
    ['a fraction', { listen: { port: 1.5 } }, /listen\.port/],
    ['out of range', { limits: { bodyBytesMax: 10 } }, /from 1024 to 1048576/],
    ['an array', { listen: [] }, /listen: there is no such setting/],
    ['null', { log: { level: null } }, /log\.level: must be debug, info/],
    ['a wrong choice', { log: { level: 'loud' } }, /log\.level: must be debug, info/],
    ['no module', { module: {} }, /module\.uri: must be set/],
    ['two PIN sources', { module: { ...minimal.module, pinEnvironment: 'P' } }, /exactly one/],
    ['a certificate without key', { listen: { tls: { certFile: 'c' } } }, /together/],
    ['the world without TLS', { listen: { host: '0.0.0.0' } }, /beyond loopback TLS is needed/],
    ['the world by name', { listen: { host: 'otp.example' } }, /beyond loopback/],
    ['sqlite without path', { database: {} }, /database\.path: must be set/],
    ['postgres without address', { database: { kind: 'postgres' } }, /connectionStringFile/],
    ['sqlite with an address', { database: { path: 'x', connectionString: 'p' } }, /no meaning/],
    ['an impatient limit', { limits: { requestTimeoutMs: 100 } }, /at least limits/],
  ])('refuses %s', (_name, over, message) => {
    expect(problems({ ...minimal, ...over })).toMatch(message);
  });

  it('reports every problem at once', () => {
    const text = problems({ ...minimal, listen: { port: -1 }, log: { level: 'loud' }, x: 1 });
    expect(text.split('\n')).toHaveLength(4);
  });

  it('listens beyond loopback with TLS or when forced', () => {
    const tls = { certFile: 'c.pem', keyFile: '/k.pem' };
    expect(parse({ ...minimal, listen: { host: '0.0.0.0', tls } }).config.listen.tls).toEqual({
      certFile: '/srv/otp/c.pem',
      keyFile: '/k.pem',
    });
    expect(parse({ ...minimal, listen: { host: '::', forcePlain: true } }).config.listen.host).toBe(
      '::',
    );
  });
});

describe('configuration files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
    return join(folder, name);
  };
  const over = { environment: {}, flags: {} };

  it('says what is wrong with the file itself, without quoting it', () => {
    expect(() => loadConfig(join(folder, 'none.json'), over)).toThrow(
      /there is no configuration at .*tallystick init/,
    );
    const broken = write(
      'a.json',
      '{"database": {"connectionString": "postgres://u:hunter2@h" x}}',
    );
    expect(() => loadConfig(broken, over)).toThrow(/^(?!.*hunter2)[^]*is not JSON, see position/);
    expect(() => loadConfig(write('b.json', '[]'), over)).toThrow(/one JSON object/);
  });

  it('takes a PostgreSQL address only from a private file', () => {
    const file = write('address', 'postgres://u:hunter2@h/db\n');
    const address = { kind: 'postgres', address: { file }, maxConnections: 2 } as const;
    expect(connectionStringOf(address)).toBe('postgres://u:hunter2@h/db');
    chmodSync(file, 0o640);
    expect(() => connectionStringOf(address)).toThrow(/chmod 600/);
  });

  it('masks secrets where settings are shown', () => {
    const secret = 'postgres://u:hunter2@h/db';
    const database = { kind: 'postgres', connectionString: secret };
    const shown = shownSettings(parse({ ...minimal, database }));
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(shown.map(({ name }) => name)).toEqual(settings.map(({ name }) => name));
  });

  it('is described by its schema and its page, setting by setting', () => {
    const schema = JSON.stringify(configJsonSchema());
    for (const { name, meaning } of settings) {
      expect(schema).toContain(environmentName(name));
      expect(meaning).toMatch(/\.$/);
    }
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    // The formatter of the page pads the columns.
    const unpadded = page.replace(/ {2,}/g, ' ').replace(/-{4,}/g, '---');
    expect(unpadded).toContain(settingsTable().replace(/ {2,}/g, ' '));
  });
});
