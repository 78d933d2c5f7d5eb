import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import { makePrivateFolder, writePrivateFile } from './private-files.ts';
import { softHsmTemplate } from './soft-hsm-template.ts';
import { auditChain } from '../audit/index.ts';
import { type Config, loadConfig, readSecretFile } from '../config/index.ts';
import { TallystickError } from '../errors.ts';
import { databaseLocation, fromModule, moduleAddress, systemClock } from '../main.ts';
import {
  firstAdministratorKeyName,
  type Installation,
  installationRecords,
  newApiKeyText,
  sha256Hex,
} from '../service/index.ts';
import type { Store } from '../service/store.ts';
import {
  type DatabaseLocation,
  databaseStatus,
  holdFile,
  migrateDatabase,
  openStore,
} from '../store/index.ts';
import { createSoftHsmToken, initialiseModule, type ModuleAddress } from '../../hsm/index.ts';

type Options = Readonly<Record<string, unknown>>;

/** One thing that an installation has, and whether this run made it. */
export interface Step {
  readonly name: string;
  readonly made: boolean;
  readonly note: string;
}

const p11TokenLabel = 'tallystick';

/**
 * Makes what is missing of an installation, in an order that survives an interruption at any point:
 * each step looks first whether it was done. One run at a time works in a folder.
 *
 * @throws TallystickError or CliFailure for what prevents it
 */
export async function initialise(
  io: CliIo,
  folder: string,
  options: Options,
): Promise<readonly Step[]> {
  const choices = readChoices(options);
  const folderMade = makePrivateFolder(folder);
  const release = holdFile(
    join(folder, 'init.lock'),
    `another "tallystick init" is at work in ${folder}: wait until it is done`,
  );
  try {
    const steps: Step[] = [{ name: 'folder', made: folderMade, note: folder }];
    await makeMissing(io, folder, options, choices, (name, made, note = '') => {
      steps.push({ name, made, note });
    });
    return steps;
  } finally {
    release();
  }
}

async function makeMissing(
  io: CliIo,
  folder: string,
  options: Options,
  choices: Choices,
  step: NoteStep,
): Promise<void> {
  const configFile = join(folder, 'tallystick.json');
  const existed = existsSync(configFile);
  if (existed) refuseOtherChoices(configFile, options);
  else writeConfig(folder, configFile, await makeModule(io, folder, options, step), choices);
  step('configuration', !existed, configFile);
  const { config } = loadConfig(configFile, { environment: io.environment, flags: {} });
  if (existed) {
    // A newer version may need keys that an older one did not make.
    await makeKeys(moduleAddress(config.module, io.environment), step);
  }
  const database = databaseLocation(config.database);
  await refuseLostDatabase(folder, database);
  const isTest = options['test'] === true;
  const migrated = await migrateDatabase({ database, clock: systemClock, isTest });
  if (isTest && !(await databaseStatus(database)).isTest) {
    throw usageFailure('--test marks a new database: this one was made without it');
  }
  step('database', migrated.applied.length > 0, `schema version ${migrated.schemaVersion}`);
  await writeRecords(folder, config, database, step);
}

/**
 * The key's file is written after the schema: where it is and the database is not, the database was
 * lost, and an empty one in its place would hide that.
 */
async function refuseLostDatabase(folder: string, database: DatabaseLocation): Promise<void> {
  const keyFile = adminKeyFile(folder);
  if (!existsSync(keyFile) || (await hasSchema(database))) return;
  throw new TallystickError(
    'not-initialised',
    `the database of this installation is gone: restore it from a backup, or remove ${keyFile} ` +
      'to begin with an empty one',
  );
}

async function hasSchema(database: DatabaseLocation): Promise<boolean> {
  try {
    return (await databaseStatus(database)).schemaVersion !== null;
  } catch (error) {
    if (error instanceof TallystickError && error.code === 'not-initialised') return false;
    throw error;
  }
}

function adminKeyFile(folder: string): string {
  return join(folder, 'admin.key');
}

type NoteStep = (name: string, made: boolean, note?: string) => void;

/** What the configuration says of the module. */
interface ModuleSection {
  readonly uri: string;
  readonly pinFile: string;
  readonly softhsmConf?: string;
}

/** A SoftHSM p11Token of our own, unless the options name another module. */
async function makeModule(
  io: CliIo,
  folder: string,
  options: Options,
  step: NoteStep,
): Promise<ModuleSection> {
  const uri = text(options, 'module');
  const pinFile = text(options, 'pinFile');
  if ((uri === undefined) !== (pinFile === undefined)) {
    throw usageFailure('--module and --pin-file belong together');
  }
  if (uri !== undefined && pinFile !== undefined) {
    const path = resolve(pinFile);
    await makeKeys({ uri, pinSource: { kind: 'file', path } }, step);
    return { uri, pinFile: path };
  }
  return makeSoftHsm(io, folder, step);
}

async function makeKeys(address: ModuleAddress, step: NoteStep): Promise<void> {
  const { created } = await fromModule(initialiseModule(address));
  step('keys in the module', created.length > 0, created.join(', '));
}

async function makeSoftHsm(io: CliIo, folder: string, step: NoteStep): Promise<ModuleSection> {
  const unfinished = join(folder, 'p11token.unfinished');
  clearUnfinished(folder, unfinished);
  const made = await fromModule(
    createSoftHsmToken({
      directory: folder,
      label: p11TokenLabel,
      confTemplate: softHsmTemplate(),
      setEnvironment: (name, value) => {
        io.environment[name] = value;
      },
    }),
  );
  step('SoftHSM p11Token', made.created, p11TokenLabel);
  await makeKeys({ uri: made.uri }, step);
  rmSync(unfinished, { force: true });
  return {
    // The PIN's file stands in the configuration, where an operator looks for it.
    uri: made.uri.replace(/[?&]pin-source=[^&]*/, ''),
    pinFile: 'user.pin',
    softhsmConf: 'softhsm2.conf',
  };
}

/**
 * SoftHSM cannot open a p11Token whose making was killed in the middle, and may be left with half a
 * key pair. A marker says that p11Token and keys are being made: nothing hangs on them yet, so they
 * are made anew. Without the marker nothing is removed.
 */
function clearUnfinished(folder: string, marker: string): void {
  const tokenFolder = join(folder, 'tokens');
  if (existsSync(marker)) {
    rmSync(tokenFolder, { recursive: true, force: true });
    for (const name of ['so.pin', 'user.pin']) rmSync(join(folder, name), { force: true });
  }
  if (!existsSync(tokenFolder)) writePrivateFile(marker, '');
}

interface Choices {
  readonly residency: 'resident' | 'wrapped';
  /** Null: SQLite. */
  readonly postgresAddress: string | null;
}

/** What was chosen, checked before anything is made. */
function readChoices(options: Options): Choices {
  const residency = text(options, 'residency') ?? 'resident';
  if (residency !== 'resident' && residency !== 'wrapped') {
    throw usageFailure('--residency must be resident or wrapped');
  }
  const file = text(options, 'databaseFile');
  const address =
    file === undefined ? text(options, 'database') : readSecretFile(file, 'the address');
  if (address === undefined || address === 'sqlite') return { residency, postgresAddress: null };
  if (/^postgres(?:ql)?:\/\//.test(address)) return { residency, postgresAddress: address };
  throw usageFailure('--database must be sqlite or a postgres:// address');
}

function writeConfig(
  folder: string,
  configFile: string,
  module: ModuleSection,
  { residency, postgresAddress }: Choices,
): void {
  // The address may hold a password, and the configuration is made to be shown.
  const addressFile = 'database.address';
  if (postgresAddress !== null) {
    writePrivateFile(join(folder, addressFile), `${postgresAddress}\n`);
  }
  const database =
    postgresAddress === null
      ? { kind: 'sqlite', path: 'tallystick.db' }
      : { kind: 'postgres', connectionStringFile: addressFile };
  const config = { database, module: { ...module, residency } };
  writePrivateFile(configFile, `${JSON.stringify(config, null, 2)}\n`);
}

/** Choices are made once: a second run with others would seem to change what it does not. */
function refuseOtherChoices(configFile: string, options: Options): void {
  const given = ['database', 'databaseFile', 'residency', 'module', 'pinFile'].filter(
    (name) => options[name] !== undefined,
  );
  if (given.length === 0) return;
  const { config } = loadConfig(configFile, { environment: {}, flags: {} });
  const isSame =
    given.every((name) => name === 'database' || name === 'residency') &&
    (text(options, 'residency') ?? config.module.residency) === config.module.residency &&
    isSameDatabase(config, text(options, 'database'));
  if (isSame) return;
  throw usageFailure(
    `${configFile} exists and says otherwise: edit it, or choose another folder with --var`,
  );
}

function isSameDatabase(config: Config, chosen: string | undefined): boolean {
  if (chosen === undefined) return true;
  const location = databaseLocation(config.database);
  return location.kind === 'sqlite' ? chosen === 'sqlite' : location.connectionString === chosen;
}

/** Domain, policies, components and the first administrator's key. */
async function writeRecords(
  folder: string,
  config: Config,
  database: DatabaseLocation,
  step: NoteStep,
): Promise<void> {
  const open = (lock: boolean): Promise<Store> =>
    openStore({
      database,
      instance: config.instance.name,
      chain: auditChain,
      clock: systemClock,
      lock,
    });
  const keyFile = adminKeyFile(folder);
  // Looking takes no lock: a second run beside a running server must find nothing to do.
  const missing = await useStore(await open(false), (store) => missingRecords(store, null));
  const needsKey = missing.changes.some(({ kind }) => kind === 'apiKey');
  if (missing.changes.length > 0) {
    // The file first: a crash in between leaves a key that opens nothing, never one that is lost.
    if (needsKey && !existsSync(keyFile)) writePrivateFile(keyFile, `${newApiKeyText()}\n`);
    const key = needsKey ? readSecretFile(keyFile, "the first administrator's key") : null;
    await useStore(await open(true), async (store) => {
      const { changes, audit } = await missingRecords(store, key);
      if (changes.length === 0) return;
      const result = await store.administer(changes, audit);
      if (result.status !== 'committed') {
        throw new TallystickError('conflict', 'Another init works on this database: run it again.');
      }
    });
  }
  step('records', missing.changes.length > 0, 'domain master, policies, components for loopback');
  step('first administrator key', needsKey, keyFile);
}

async function missingRecords(store: Store, key: string | null): Promise<Installation> {
  return installationRecords(await store.loadConfiguration(), {
    nowMs: systemClock.nowMs(),
    // Without a key this only finds out whether one is needed.
    adminKeySha256: sha256Hex(key ?? firstAdministratorKeyName),
  });
}

async function useStore<Result>(
  store: Store,
  use: (store: Store) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
