import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { type ConfigProblem, type Layers, resolveLayers, type SourcedValue } from './layers.ts';
import { settingNamed } from './settings.ts';
import { TallystickError } from '../errors.ts';

/** The configuration of a server, complete and checked. Paths are absolute. */
export interface Config {
  readonly instance: { readonly name: string };
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  };
  readonly database:
    | { readonly kind: 'sqlite'; readonly path: string }
    | {
        readonly kind: 'postgres';
        readonly address: { readonly text: string } | { readonly file: string };
        readonly maxConnections: number;
      };
  readonly module: {
    readonly uri: string;
    /** Null: the URI names its own `pin-source`. */
    readonly pinSource: { readonly file: string } | { readonly environment: string } | null;
    /** Where a refused PIN is remembered across starts: the first that can be written. */
    readonly refusedPinMarkers: readonly string[];
    readonly residency: 'resident' | 'wrapped';
    readonly maxSessions: number;
    readonly lruHandles: number;
    readonly softhsmConf: string | null;
  };
  readonly soap: {
    readonly enabled: boolean;
    readonly challengeIssuedProfile: 'failure' | 'challenge';
  };
  readonly delivery: {
    /** Null: there are no gateways that write files. */
    readonly folder: string | null;
    readonly deadlineMs: number;
    readonly totalDeadlineMs: number;
    readonly sendsPerHourMax: number;
  };
  readonly limits: {
    readonly bodyBytesMax: number;
    readonly requestsInFlightMax: number;
    readonly connectionsMax: number;
    readonly headersTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly keepAliveMs: number;
    readonly drainMs: number;
  };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent' };
}

export interface ParsedConfig {
  readonly config: Config;
  /** Every setting that has a value, and where it comes from. */
  readonly values: ReadonlyMap<string, SourcedValue>;
}

/**
 * @param configFile names the file in messages; relative paths start at its folder
 * @throws TallystickError `config-invalid` with every problem, each naming what is allowed
 */
export function parseConfig(configFile: string, layers: Layers): ParsedConfig {
  const { values, problems } = resolveLayers(layers);
  const all = problems.length > 0 ? problems : crossProblems(values);
  if (all.length > 0) throw invalidConfig(configFile, all);
  return { config: assemble(createReader(values, configFile)), values };
}

/** `config-invalid` whose text lists every problem on its own line. */
export function invalidConfig(
  configFile: string,
  problems: readonly ConfigProblem[],
): TallystickError {
  const lines = problems.map(({ setting, message }) => `  ${setting}: ${message}`);
  return new TallystickError('config-invalid', `${configFile}:\n${lines.join('\n')}`);
}

interface Reader {
  readonly text: (name: string) => string;
  readonly number: (name: string) => number;
  readonly flag: (name: string) => boolean;
  readonly path: (name: string) => string;
  /** The configuration file's own path with this appended. */
  readonly beside: (suffix: string) => string;
  readonly has: (name: string) => boolean;
}

function createReader(values: ReadonlyMap<string, SourcedValue>, configFile: string): Reader {
  const folder = dirname(resolve(configFile));
  const raw = (name: string): SourcedValue['value'] => {
    const found = values.get(name);
    if (found === undefined) throw new Error(`the setting ${name} was not checked`);
    return found.value;
  };
  return {
    text: (name) => String(raw(name)),
    number: (name) => Number(raw(name)),
    flag: (name) => raw(name) === true,
    path: (name) => resolve(folder, String(raw(name))),
    beside: (suffix) => `${resolve(configFile)}${suffix}`,
    has: (name) => values.has(name),
  };
}

function assemble(reader: Reader): Config {
  const { text, number, flag, path, has } = reader;
  return Object.freeze({
    instance: { name: text('instance.name') },
    listen: {
      host: text('listen.host'),
      port: number('listen.port'),
      tls: has('listen.tls.certFile')
        ? { certFile: path('listen.tls.certFile'), keyFile: path('listen.tls.keyFile') }
        : null,
    },
    database: databaseOf(reader),
    module: {
      uri: text('module.uri'),
      pinSource: pinSource(reader),
      refusedPinMarkers: refusedPinMarkers(reader),
      residency: text('module.residency') as Config['module']['residency'],
      maxSessions: number('module.maxSessions'),
      lruHandles: number('module.lruHandles'),
      softhsmConf: has('module.softhsmConf') ? path('module.softhsmConf') : null,
    },
    soap: {
      enabled: flag('soap.enabled'),
      challengeIssuedProfile: text(
        'soap.challengeIssuedProfile',
      ) as Config['soap']['challengeIssuedProfile'],
    },
    delivery: {
      folder: has('delivery.folder') ? path('delivery.folder') : null,
      deadlineMs: number('delivery.deadlineMs'),
      totalDeadlineMs: number('delivery.totalDeadlineMs'),
      sendsPerHourMax: number('delivery.sendsPerHourMax'),
    },
    limits: {
      bodyBytesMax: number('limits.bodyBytesMax'),
      requestsInFlightMax: number('limits.requestsInFlightMax'),
      connectionsMax: number('limits.connectionsMax'),
      headersTimeoutMs: number('limits.headersTimeoutMs'),
      requestTimeoutMs: number('limits.requestTimeoutMs'),
      keepAliveMs: number('limits.keepAliveMs'),
      drainMs: number('limits.drainMs'),
    },
    log: { level: text('log.level') as Config['log']['level'] },
  });
}

function databaseOf({ text, number, path, has }: Reader): Config['database'] {
  if (text('database.kind') === 'sqlite') return { kind: 'sqlite', path: path('database.path') };
  return {
    kind: 'postgres',
    address: has('database.connectionString')
      ? { text: text('database.connectionString') }
      : { file: path('database.connectionStringFile') },
    maxConnections: number('database.maxConnections'),
  };
}

function pinSource({ text, path, has }: Reader): Config['module']['pinSource'] {
  if (has('module.pinFile')) return { file: path('module.pinFile') };
  return has('module.pinEnvironment') ? { environment: text('module.pinEnvironment') } : null;
}

/** PIN and configuration may be where nothing can be written; the database cannot. */
function refusedPinMarkers({ path, beside, has }: Reader): readonly string[] {
  if (has('module.refusedPinMarkerPath')) return [path('module.refusedPinMarkerPath')];
  const besidePin = has('module.pinFile') ? [`${path('module.pinFile')}.refused`] : [];
  const besideDatabase = has('database.path') ? [`${path('database.path')}.pin-refused`] : [];
  return [...besidePin, beside('.pin-refused'), ...besideDatabase];
}

/** What each setting admits alone was checked; here is what they must be to each other. */
function crossProblems(values: ReadonlyMap<string, SourcedValue>): ConfigProblem[] {
  const value = (name: string): SourcedValue['value'] | undefined => values.get(name)?.value;
  const isSet = (name: string): boolean => values.has(name);
  const problems: ConfigProblem[] = [];
  const need = (isMet: boolean, setting: string, message: string): void => {
    if (settingNamed(setting) === undefined) throw new Error(`no setting ${setting}`);
    if (!isMet) problems.push({ setting, message });
  };
  const hasTls = isSet('listen.tls.certFile');
  need(
    hasTls === isSet('listen.tls.keyFile'),
    'listen.tls.certFile',
    'must come together with listen.tls.keyFile',
  );
  need(
    hasTls || isLoopbackHost(String(value('listen.host'))) || value('listen.forcePlain') === true,
    'listen.host',
    'beyond loopback TLS is needed: set listen.tls.certFile and listen.tls.keyFile, or listen.forcePlain',
  );
  const addresses = ['database.connectionString', 'database.connectionStringFile'].filter(isSet);
  if (value('database.kind') === 'sqlite') {
    need(isSet('database.path'), 'database.path', 'must be set for sqlite');
    need(addresses.length === 0, 'database.connectionString', 'has no meaning for sqlite');
  } else {
    need(!isSet('database.path'), 'database.path', 'has no meaning for postgres');
    need(
      addresses.length === 1,
      'database.connectionStringFile',
      'either this or database.connectionString must be set for postgres',
    );
  }
  need(isSet('module.uri'), 'module.uri', 'must be set');
  const inUri = /[;?&]pin-source=/.test(String(value('module.uri') ?? '')) ? 1 : 0;
  const sources = ['module.pinFile', 'module.pinEnvironment'].filter(isSet).length + inUri;
  need(
    sources === 1,
    'module.pinFile',
    'exactly one of this, module.pinEnvironment and a pin-source in module.uri must be set',
  );
  need(
    Number(value('limits.requestTimeoutMs')) >= Number(value('limits.headersTimeoutMs')),
    'limits.requestTimeoutMs',
    'must be at least limits.headersTimeoutMs',
  );
  return problems;
}

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
