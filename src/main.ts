import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { auditChain } from './audit/index.ts';
import {
  type Config,
  connectionStringOf,
  isLoopbackHost,
  packageVersion,
  readText,
  requireOwnFolder,
  requirePrivateFile,
} from './config/index.ts';
import { createDelivery } from './delivery/index.ts';
import { type ErrorCode, TallystickError } from './errors.ts';
import {
  type AppOptions,
  createApp,
  listen,
  type Listener,
  type RequestLine,
} from './http/index.ts';
import { createLogger, logFailure, type Logger } from './observe/index.ts';
import { offlineFormat } from './offline/format.ts';
import { createRestRouter, type TestClock } from './rest/index.ts';
import { createSoapRouter, soapErrorAnswers } from './soap/index.ts';
import { createService, type Service } from './service/index.ts';
import type { AuditChain, Clock, Delivery, OfflineFormat } from './service/ports.ts';
import type { ModuleFailure, ModuleFailureKind, SeedModule } from './service/seed-module.ts';
import type { Store } from './service/store.ts';
import { type DatabaseLocation, databaseStatus, openStore } from './store/index.ts';
import { type HsmModule, type ModuleAddress, openModule, parsePkcs11Uri } from '../hsm/index.ts';

/**
 * The server's composition root: the only place that knows all rooms, the clocks and the
 * environment. Everything else is handed what it needs.
 */

/** What the process gives us; the environment is written only for `SOFTHSM2_CONF`. */
export type Environment = Record<string, string | undefined>;

/** The real clocks. Whole milliseconds since 1970, and a clock that never runs backwards. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly logger: Logger;
  /**
   * Stops accepting, lets what is in flight finish (bounded by `limits.drainMs`), closes module and
   * database. Resolves to whether everything finished by itself; safe to call twice.
   */
  readonly stop: (reason: string) => Promise<boolean>;
}

/** What a start may ask for beyond the configuration. */
export interface StartOptions {
  /** The server's time is what `PUT /v1/test-clock` says; for databases marked as tests, on loopback. */
  readonly hasTestClock?: boolean;
}

/** The server's clocks; one that can be set stands still from its first setting on. */
type ServerClock = Clock & { readonly test?: TestClock };

const purgeEveryMs = 30_000;

/**
 * Opens database and module, and listens. Whatever was opened is closed again when a later step
 * fails.
 *
 * @throws TallystickError the first thing that prevents serving, in words for the operator
 */
export async function startServer(
  config: Config,
  environment: Environment,
  { hasTestClock = false }: StartOptions = {},
): Promise<RunningServer> {
  const clock = hasTestClock ? await openTestClock(config) : systemClock;
  const logger = createLogger({ level: config.log.level, target: { fileDescriptor: 2 } });
  // The database first: a second server is turned away before it touches the module.
  const store = await openStore({
    database: databaseLocation(config.database),
    instance: config.instance.name,
    chain: auditChain satisfies AuditChain,
    clock,
  }).catch(async (error: unknown) => {
    throw await withModuleFailure(error, config.module, environment);
  });
  try {
    const module = await openConfiguredModule(config.module, environment);
    try {
      return await serve(config, { store, module, logger, clock });
    } catch (error) {
      await module.close();
      throw error;
    }
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** After an upgrade the module may lack keys as well: whoever mends the database is told at once. */
async function withModuleFailure(
  error: unknown,
  config: Config['module'],
  environment: Environment,
): Promise<unknown> {
  if (!isOlderSchema(error)) return error;
  try {
    const module = await openConfiguredModule(config, environment);
    await module.close();
    return error;
  } catch (failure) {
    if (!(failure instanceof TallystickError)) return error;
    const message = `${error.message} Besides: ${failure.message.replace(/\.?$/, '.')}`;
    return new TallystickError(error.code, message, { fields: error.fields, cause: error });
  }
}

function isOlderSchema(error: unknown): error is TallystickError {
  if (!(error instanceof TallystickError) || error.code !== 'store-contract') return false;
  const { found, needed } = error.fields;
  return typeof found === 'number' && typeof needed === 'number' && found < needed;
}

interface Parts {
  readonly store: Store;
  readonly module: HsmModule;
  readonly logger: Logger;
  readonly clock: ServerClock;
}

/** @throws TallystickError `config-invalid` where real users could be fooled by a wrong time */
async function openTestClock({ database, listen: { host } }: Config): Promise<ServerClock> {
  if (!isLoopbackHost(host)) {
    throw new TallystickError(
      'config-invalid',
      'a test clock is for listen.host on loopback alone',
    );
  }
  if (!(await databaseStatus(databaseLocation(database))).isTest) {
    throw new TallystickError(
      'config-invalid',
      'a test clock needs a database that was made by "tallystick init --test"',
    );
  }
  let setMs: number | null = null;
  const nowMs = (): number => setMs ?? systemClock.nowMs();
  const test: TestClock = {
    nowMs,
    set: (ms) => {
      setMs = ms;
    },
  };
  return { nowMs, monotonicMs: () => systemClock.monotonicMs(), test };
}

async function serve(
  config: Config,
  { store, module, logger, clock }: Parts,
): Promise<RunningServer> {
  const { folder } = config.delivery;
  if (folder !== null) requireOwnFolder(folder, 'delivery.folder, where file gateways write');
  const service = createService({
    store,
    module: module satisfies SeedModule,
    clock,
    instance: config.instance.name,
    offline: offlineFormat satisfies OfflineFormat,
    delivery: createDelivery({ folder }) satisfies Delivery,
    onSilent: (silent) => logger.warn({ ...silent }, 'a workstation never came back'),
    limits: {
      inFlightMax: config.limits.requestsInFlightMax,
      deliveryDeadlineMs: config.delivery.deadlineMs,
      sendDeadlineMs: config.delivery.totalDeadlineMs,
      sendsPerHourMax: config.delivery.sendsPerHourMax,
    },
  });
  const listener = await listenFor(config, service, logger, clock.test);
  const purge = setInterval(() => {
    service.purge().catch((error: unknown) => logger.warn({ error }, 'purge failed'));
  }, purgeEveryMs);
  purge.unref();
  logger.info({ url: listener.url, instance: config.instance.name }, 'serving');
  if (clock.test !== undefined) logger.warn({}, 'the time is what clients say: for tests alone');
  const close = async (reason: string): Promise<boolean> => {
    logger.info({ reason }, 'draining');
    clearInterval(purge);
    const finished = await listener.drain(config.limits.drainMs);
    await service.drain();
    await module.close();
    await store.close();
    logger.info({ finished }, 'stopped');
    await logger.end();
    return finished;
  };
  let closing: Promise<boolean> | undefined;
  return {
    url: listener.url,
    port: listener.port,
    logger,
    stop: (reason) => (closing ??= close(reason)),
  };
}

function listenFor(
  config: Config,
  service: Service,
  logger: Logger,
  testClock: TestClock | undefined,
): Promise<Listener> {
  const { listen: address, limits } = config;
  const { tls } = address;
  if (tls !== null) requirePrivateFile(tls.keyFile, 'the TLS key');
  const app = createApp({
    ...edges(config, service, logger, testClock),
    readiness: () => service.readiness(),
    requestsInFlightMax: limits.requestsInFlightMax,
    hasTls: tls !== null,
    monotonicMs: () => systemClock.monotonicMs(),
    onRequest: (line) => logRequest(logger, line),
    onUnexpectedError: (_requestId, error, line) =>
      logger.error({ ...line, error }, 'unexpected error'),
    onFailure: (error, line) => logFailure(logger, error, line),
  });
  return listen({
    app,
    host: address.host,
    port: address.port,
    tls:
      tls === null
        ? null
        : {
            certificate: readText(tls.certFile, 'the TLS certificate'),
            privateKey: readText(tls.keyFile, 'the TLS key'),
          },
    headersTimeoutMs: limits.headersTimeoutMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    keepAliveMs: limits.keepAliveMs,
    connectionsMax: limits.connectionsMax,
  });
}

/** What is served, and how those answer errors that speak no problem documents. */
function edges(
  { listen: { tls }, limits: { bodyBytesMax }, soap }: Config,
  service: Service,
  logger: Logger,
  testClock: TestClock | undefined,
): Pick<AppOptions, 'routers' | 'errorAnswers'> {
  const rest = createRestRouter({ service, bodyBytesMax, testClock });
  if (!soap.enabled) return { routers: [rest] };
  const { challengeIssuedProfile } = soap;
  const soapRouter = createSoapRouter({
    service,
    bodyBytesMax,
    challengeIssuedProfile,
    productVersion: packageVersion(),
    hasTls: tls !== null,
    onIgnored: (line) => logger.debug({ ...line }, 'attributes that mean nothing here'),
  });
  return { routers: [rest, soapRouter], errorAnswers: soapErrorAnswers };
}

function logRequest(logger: Logger, line: RequestLine): void {
  if (line.status >= 500 || line.caller !== undefined) logger.warn({ ...line }, 'request');
  else logger.info({ ...line }, 'request');
}

/**
 * Where the database is, as the store's door takes it.
 *
 * @throws TallystickError `config-invalid` when the file with the address cannot be used
 */
export function databaseLocation(database: Config['database']): DatabaseLocation {
  if (database.kind === 'sqlite') return database;
  const { maxConnections } = database;
  return { kind: 'postgres', connectionString: connectionStringOf(database), maxConnections };
}

/**
 * The module's address for the door of `hsm`. Sets `SOFTHSM2_CONF` when the configuration says so:
 * the library reads it from the process when it is initialised.
 *
 * @throws TallystickError `config-invalid` when others may read the file with the PIN
 */
export function moduleAddress(
  { uri, pinSource, refusedPinMarkers, softhsmConf }: Config['module'],
  environment: Environment,
): ModuleAddress {
  if (softhsmConf !== null) environment['SOFTHSM2_CONF'] = softhsmConf;
  if (pinSource === null) {
    const parsed = parsePkcs11Uri(uri);
    const file = parsed.ok ? parsed.uri.pinSourcePath : undefined;
    const besidePin = file === undefined ? [] : [`${file}.refused`];
    return { uri, ...whereToRemember([...besidePin, ...refusedPinMarkers]) };
  }
  const remember = whereToRemember(refusedPinMarkers);
  if ('file' in pinSource) {
    requirePrivateFile(pinSource.file, 'the PIN of the module');
    return { uri, pinSource: { kind: 'file', path: pinSource.file }, ...remember };
  }
  const { environment: name } = pinSource;
  return { uri, pinSource: { kind: 'env', name, value: environment[name] }, ...remember };
}

/** The first file whose folder can be written, else the first: the module's refusal names it. */
function whereToRemember(files: readonly string[]): Pick<ModuleAddress, 'refusedPinMarkerPath'> {
  const chosen = files.find((file) => canWriteIn(dirname(file))) ?? files[0];
  return chosen === undefined ? {} : { refusedPinMarkerPath: chosen };
}

function canWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens the module as configured.
 *
 * @throws TallystickError for what the module rejects with
 */
export function openConfiguredModule(
  config: Config['module'],
  environment: Environment,
): Promise<HsmModule> {
  const { residency, maxSessions, lruHandles } = config;
  return fromModule(
    openModule({ ...moduleAddress(config, environment), residency, maxSessions, lruHandles }),
  );
}

const codeByKind: Readonly<Record<ModuleFailureKind, ErrorCode>> = {
  unavailable: 'module-unavailable',
  denied: 'module-denied',
  capacity: 'module-capacity',
  damaged: 'seed-damaged',
  contract: 'module-contract',
};

/**
 * Waits for the module; its failures become errors whose text is the module's own, for operators.
 * (Use cases, which speak to clients, have texts of their own.)
 *
 * @throws TallystickError
 */
export async function fromModule<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (failure) {
    if (failure instanceof Error || typeof failure !== 'object' || failure === null) throw failure;
    const { kind, detail } = failure as ModuleFailure;
    throw new TallystickError(codeByKind[kind], detail, { cause: failure });
  }
}
