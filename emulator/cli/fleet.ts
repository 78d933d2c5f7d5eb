import { join } from 'node:path';
import { Command } from 'commander';
import { writePskc, writeSerialSeedCsv, type KeyFileKey } from '../../src/formats/index.ts';
import { EmulatorError } from '../errors.ts';
import { writeKeyFile } from '../export/key-file.ts';
import { tokenKeys } from '../export/token-keys.ts';
import {
  type ColumnName,
  columnNames,
  type OutputFormat,
  outputFormats,
  usualColumns,
  isEachOnce,
} from '../fleet/columns.ts';
import { createFleet, type Fleet, readFleet } from '../fleet/fleet-folder.ts';
import { deviceOf, livesOf } from '../fleet/fleet.ts';
import { rowWriter } from '../fleet/row.ts';
import { blocksOf, runToFile } from '../fleet/run-file.ts';
import { type Counts, FleetRun } from '../fleet/run.ts';
import { scenarioJsonSchema } from '../fleet/scenario-schema.ts';
import { type CliWorld, type CommonOptions, print } from './context.ts';
import { fleetDriveCommand } from './fleet-drive.ts';
import { fleetExpectCommand, fleetReplayCommand } from './fleet-checks.ts';
import { fleetProgress } from './progress.ts';

interface CreateOptions extends CommonOptions {
  readonly out: string;
  readonly keys?: string;
}

interface FleetRunOptions extends CommonOptions {
  readonly out?: string;
  readonly format?: string;
  readonly columns?: string;
  readonly resume?: true;
}

const keyWriters = {
  csv: { name: 'keys.csv', write: writeSerialSeedCsv },
  pskc: {
    name: 'keys.xml',
    write: (keys: Iterable<KeyFileKey>) => writePskc(keys, { kind: 'plain' }),
  },
} as const;

/** `vtoken fleet` */
export function fleetCommand(world: CliWorld): Command {
  const create = new Command('create')
    .description('draw the tokens of a scenario and write them down')
    .argument('<scenario>', 'YAML or JSON; see: vtoken fleet schema')
    .requiredOption('--out <folder>', 'a new folder, of mode 0700')
    .option('--keys <format>', 'write the test keys as well, in the clear: csv or pskc')
    .option('--json', 'print the result as JSON')
    .action((path: string, options: CreateOptions) => runCreate(world, path, options));
  const run = new Command('run')
    .description('let the tokens of a fleet live through their scenario: one row per response')
    .argument('<fleet>', 'folder of vtoken fleet create, or a scenario')
    .option('--out <file>', 'a new file (default: the standard output)')
    .option('--format <format>', `${outputFormats.join(' or ')} (default: as the scenario says)`)
    .option('--columns <names>', `some of ${columnNames.join(',')}`)
    .option('--resume', 'go on with a file whose run was interrupted')
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Examples:
  vtoken fleet run scenario.yaml
  vtoken fleet create scenario.yaml --out fleet --keys csv
  vtoken fleet run fleet --out year.csv`,
    )
    .action((path: string, options: FleetRunOptions) => runRun(world, path, options));
  const schema = new Command('schema')
    .description('print the JSON Schema of scenarios')
    .action(() => world.out(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`));
  const command = new Command('fleet').description(
    'tokens by the thousand in virtual time, with what a verifier answers',
  );
  const checks = [fleetReplayCommand(world), fleetExpectCommand(world), fleetDriveCommand(world)];
  for (const one of [create, run, ...checks, schema]) command.addCommand(one);
  return command;
}

async function runCreate(world: CliWorld, path: string, options: CreateOptions): Promise<void> {
  const { out, keys } = options;
  if (keys !== undefined && keys !== 'csv' && keys !== 'pskc') {
    throw invalid('--keys is csv or pskc');
  }
  const fleet = await createFleet(world.env, path, out);
  const writer = keys === undefined ? null : keyWriters[keys];
  if (writer !== null) {
    const keyPath = join(out, writer.name);
    await writeKeyFile(world.env, keyPath, writer.write(keysOf(fleet)));
    world.err(`${keyPath} holds seeds in the clear: they are for tests alone\n`);
  }
  const tokens = fleet.tokens.length;
  print(world, options, { out, tokens, digest: fleet.digest }, `${out}: ${tokens} tokens`);
}

function* keysOf({ scenario, tokens }: Fleet): Generator<KeyFileKey, void> {
  for (const drawn of tokens) yield* tokenKeys(deviceOf(drawn), scenario.start);
}

async function runRun(world: CliWorld, path: string, options: FleetRunOptions): Promise<void> {
  const { out, resume } = options;
  if (resume === true && out === undefined) throw invalid('--resume needs --out');
  const fleet = await readFleet(world.env, path);
  const { scenario } = fleet;
  const format = formatOf(options.format) ?? scenario.output.format;
  const columns = columnsOf(options.columns) ?? scenario.output.columns ?? usualColumns;
  const progress = fleetProgress(world);
  const onProgress = (reachedMs: number, rows: number): void =>
    progress.show(reachedMs - scenario.start, scenario.for, rows);
  try {
    if (out === undefined) {
      runToOut(world, fleet, format, columns, onProgress);
      return;
    }
    const counts = await runToFile(world.env, out, fleet, {
      source: path,
      format,
      columns,
      resume: resume === true,
      onProgress,
    });
    progress.end();
    print(world, options, { out, tokens: fleet.tokens.length, ...counts }, summaryOf(out, counts));
  } finally {
    progress.end();
  }
}

function runToOut(
  world: CliWorld,
  { scenario, tokens }: Fleet,
  format: OutputFormat,
  columns: readonly ColumnName[],
  onProgress: (reachedMs: number, rows: number) => void,
): void {
  const run = new FleetRun(livesOf(scenario, tokens));
  const writer = rowWriter(format, columns);
  world.out(writer.header);
  for (const block of blocksOf(run, writer)) {
    world.out(block);
    onProgress(Math.min(run.nextAtMs, scenario.start + scenario.for), run.counts.rows);
  }
}

/** `year.csv: 1200 rows; accept 1100, reject 20` */
function summaryOf(out: string, { rows, expect }: Counts): string {
  const verdicts = Object.entries(expect).map(([verdict, count]) => `${verdict} ${count}`);
  return `${out}: ${rows} rows${verdicts.length === 0 ? '' : `; ${verdicts.join(', ')}`}`;
}

function formatOf(text: string | undefined): OutputFormat | undefined {
  if (text === undefined) return undefined;
  for (const format of outputFormats) if (format === text) return format;
  throw invalid(`--format is ${outputFormats.join(' or ')}`);
}

function columnsOf(text: string | undefined): readonly ColumnName[] | undefined {
  const columns = text?.split(',').map((given) => {
    for (const column of columnNames) if (column === given) return column;
    throw invalid(`--columns takes some of ${columnNames.join(', ')}, with commas between`);
  });
  if (columns === undefined || isEachOnce(columns)) return columns;
  throw invalid('--columns takes each column once');
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
