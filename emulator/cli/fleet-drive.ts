import { Command } from 'commander';
import { EmulatorError } from '../errors.ts';
import { driveFleet, driveRefusal, type Unexpected } from '../fleet/drive.ts';
import { readFleet } from '../fleet/fleet-folder.ts';
import { restServer } from '../fleet/rest-server.ts';
import { type CliWorld, type CommonOptions, print, readInput } from './context.ts';
import { fleetProgress } from './progress.ts';

interface DriveCommandOptions extends CommonOptions {
  readonly server: string;
  readonly keyFile: string;
}

const keyBytesMax = 256;
const shownMax = 50;

/** `vtoken fleet drive` */
export function fleetDriveCommand(world: CliWorld): Command {
  return new Command('drive')
    .description('play a fleet against a server for tests and compare every answer')
    .argument('<fleet>', 'folder or scenario')
    .requiredOption('--server <url>', 'where "tallystick serve --unsafe-test-clock" listens')
    .requiredOption('--key-file <file>', 'holds an API key of role admin')
    .option('--json', 'print differences and summary as JSON Lines')
    .addHelpText(
      'after',
      `
Users, tokens, a policy and a component are made on the server: give it a fresh database.

Example:
  vtoken fleet drive scenario.yaml --server http://127.0.0.1:8888 --key-file var/admin.key`,
    )
    .action((path: string, options: DriveCommandOptions) => runDrive(world, path, options));
}

async function runDrive(
  world: CliWorld,
  path: string,
  options: DriveCommandOptions,
): Promise<void> {
  const fleet = await readFleet(world.env, path);
  const refusal = driveRefusal(fleet);
  if (refusal !== null) throw new EmulatorError('input-invalid', refusal);
  const key = (await readInput(world, options.keyFile, keyBytesMax)).toString('utf8').trim();
  const server = restServer(urlOf(options.server), key, `vtoken-fleet-${fleet.digest.slice(0, 8)}`);
  const progress = fleetProgress(world);
  const { start } = fleet.scenario;
  let shown = 0;
  try {
    const result = await driveFleet(server, fleet, {
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

function lineOf({ serial, submittedAt, event, expected, got }: Unexpected): string {
  return `${serial}  ${submittedAt}  ${event}: expected ${expected}, got ${got}`;
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url.origin;
  throw new EmulatorError(
    'input-invalid',
    '--server takes an address such as http://127.0.0.1:8888',
  );
}
