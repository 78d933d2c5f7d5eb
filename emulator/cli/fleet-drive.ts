import { X509Certificate } from 'node:crypto';
import { Command } from 'commander';
import { EmulatorError } from '../errors.ts';
import { driveFleet, type Unexpected } from '../fleet/drive.ts';
import type { DriveServer } from '../fleet/drive-server.ts';
import { type ExchangeOptions, exchangeWith } from '../fleet/exchange.ts';
import { readFleet } from '../fleet/fleet-folder.ts';
import { isApiKey, RestServer } from '../fleet/rest-server.ts';
import { copiesByCommand, copyRefusal, type ServerCopies } from '../fleet/server-copies.ts';
import { withSoap } from '../fleet/soap-verifier.ts';
import { type CliWorld, type CommonOptions, print, readInput } from './context.ts';
import { fleetProgress } from './progress.ts';

interface DriveCommandOptions extends CommonOptions {
  readonly server: string;
  readonly keyFile: string;
  readonly ca?: string;
  readonly soap?: string | true;
  readonly enrolled?: true;
  readonly onBackup?: string;
  readonly onRestore?: string;
}

const keyBytesMax = 256;
const caBytesMax = 2 ** 20;
const shownMax = 50;

/** `vtoken fleet drive` */
export function fleetDriveCommand(world: CliWorld): Command {
  return new Command('drive')
    .description('play a fleet against a server for tests and compare every answer')
    .argument('<fleet>', 'folder or scenario')
    .requiredOption('--server <url>', 'where "tallystick serve --unsafe-test-clock" listens')
    .requiredOption('--key-file <file>', 'holds an API key of role admin')
    .option('--ca <file>', "authorities (PEM) that are trusted in place of the system's")
    .option('--soap [url]', 'send attempts and synchronisations by SOAP (default: to the server)')
    .option('--enrolled', 'users and tokens are there already, and were never used')
    .option('--on-backup <command>', 'copies the server to $VTOKEN_BACKUP, for restore-backup')
    .option('--on-restore <command>', 'puts that copy back, and starts the server')
    .option('--json', 'print differences and summary as JSON Lines')
    .addHelpText(
      'after',
      `
A policy and a component are made on the server, and users and tokens unless --enrolled says that they
are there: give each drive a fresh database. Commands are for /bin/sh; $VTOKEN_TIME is the virtual time.

Examples:
  vtoken fleet drive scenario.yaml --server http://127.0.0.1:8888 --key-file var/admin.key
  vtoken fleet drive scenario.yaml --server http://127.0.0.1:8888 --key-file var/admin.key --soap`,
    )
    .action((path: string, options: DriveCommandOptions) => runDrive(world, path, options));
}

async function runDrive(
  world: CliWorld,
  path: string,
  options: DriveCommandOptions,
): Promise<void> {
  // A person may think better of it while the fleet is read.
  const stopping = new AbortController();
  void world.untilStopped().then(() => stopping.abort());
  const fleet = await readFleet(world.env, path);
  const copies = copiesOf(world, options, stopping.signal);
  const refusal = copyRefusal(fleet.scenario, copies !== undefined);
  if (refusal !== null) throw invalid(refusal);
  const name = `vtoken-fleet-${fleet.digest.slice(0, 8)}`;
  const server = await serverOf(world, options, name, stopping.signal);
  const progress = fleetProgress(world);
  const { start } = fleet.scenario;
  let shown = 0;
  try {
    const result = await driveFleet(server, fleet, {
      areEnrolled: options.enrolled === true,
      copies,
      onDifference: (difference) => {
        shown += 1;
        if (shown <= shownMax) print(world, options, difference, lineOf(difference));
      },
      onProgress: (reachedMs, done) => progress.show(reachedMs - start, fleet.scenario.for, done),
    });
    progress.end();
    const { tokens, attempts, differences, answers } = result;
    const counted = Object.entries(answers).map(([code, count]) => `${code} ${count}`);
    const text = `${tokens} tokens, ${attempts} attempts, ${differences} differences; ${counted.join(', ')}`;
    print(world, options, result, text);
    if (differences === 0) return;
    throw new EmulatorError('fleet-differs', `${differences} answers were not the expected ones`);
  } finally {
    progress.end();
  }
}

async function serverOf(
  world: CliWorld,
  options: DriveCommandOptions,
  name: string,
  signal: AbortSignal,
): Promise<DriveServer> {
  const { server, keyFile, soap, ca } = options;
  const origin = originOf('--server', server);
  const soapOrigin = typeof soap === 'string' ? originOf('--soap', soap) : origin;
  refusePlain(origin);
  const adminKey = (await readInput(world, keyFile, keyBytesMax)).toString('utf8').trim();
  if (!isApiKey(adminKey)) throw invalid(`${keyFile} holds no API key`);
  const trusted = ca === undefined ? {} : { ca: await authoritiesOf(world, ca) };
  const how: ExchangeOptions = { ...trusted, signal };
  const exchange = exchangeWith(origin, how);
  const isOpenToPrograms = soap !== undefined;
  const rest = new RestServer({ exchange, adminKey, name, isOpenToPrograms, env: world.env });
  return isOpenToPrograms ? withSoap(rest, exchangeWith(soapOrigin, how), name) : rest;
}

function copiesOf(
  { env }: CliWorld,
  { onBackup, onRestore }: DriveCommandOptions,
  signal: AbortSignal,
): ServerCopies | undefined {
  if (onBackup === undefined && onRestore === undefined) return undefined;
  if ([onBackup, onRestore].some((command) => command?.trim() === '')) {
    throw invalid('--on-backup and --on-restore take a command, not an empty text');
  }
  if (onBackup !== undefined && onRestore !== undefined) {
    return copiesByCommand(env, { onBackup, onRestore }, signal);
  }
  throw invalid('--on-backup and --on-restore go together');
}

/** Node takes anything for authorities, and trusts nobody then. */
async function authoritiesOf(world: CliWorld, path: string): Promise<Buffer> {
  const ca = await readInput(world, path, caBytesMax);
  if (!isPem(ca)) throw invalid(`${path} holds no certificate in PEM`);
  return ca;
}

function isPem(bytes: Buffer): boolean {
  try {
    new X509Certificate(bytes);
    return bytes.includes('-----BEGIN ');
  } catch {
    return false;
  }
}

function refusePlain(origin: string): void {
  const { protocol, hostname } = new URL(origin);
  if (protocol === 'https:' || /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname)) return;
  throw invalid(
    `--server ${origin} is neither https nor this machine: the API key would cross the net in clear; use https`,
  );
}

function lineOf({ serial, submittedAt, event, expected, got }: Unexpected): string {
  return `${serial}  ${submittedAt}  ${event}: expected ${expected}, got ${got}`;
}

function originOf(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
  // A path, a password or a query would be left out without a word.
  if (isWeb && [`${url.origin}/`, url.origin].includes(url.href)) return url.origin;
  throw invalid(
    `${option} takes an address such as http://127.0.0.1:8888, and nothing behind the port`,
  );
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
