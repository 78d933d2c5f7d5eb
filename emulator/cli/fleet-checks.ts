import { Command } from 'commander';
import { systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { storageError } from '../files/state-file.ts';
import { rulesOf } from '../fleet/check.ts';
import { checkpointPath, readCheckpoint } from '../fleet/checkpoint.ts';
import { readFleet } from '../fleet/fleet-folder.ts';
import { livesOf } from '../fleet/fleet.ts';
import { type RuleLimit, ruleLimits, type Rules } from '../fleet/oracle/index.ts';
import { type Difference, replayFile } from '../fleet/replay.ts';
import { FleetRun } from '../fleet/run.ts';
import { type CliWorld, type CommonOptions, print } from './context.ts';
import { oneMore } from './profile.ts';
import { fleetProgress } from './progress.ts';

interface ReplayOptions extends CommonOptions {
  readonly fleet?: string;
}

interface ExpectOptions extends CommonOptions {
  readonly set?: readonly string[];
}

const progressRows = 1000;
/** What no message shows. */
const hiddenColumns: ReadonlySet<string> = new Set(['otp', 'challenge', 'devicePin']);

/** `vtoken fleet replay` */
export function fleetReplayCommand(world: CliWorld): Command {
  return new Command('replay')
    .description('run the fleet of a file again and compare every byte')
    .argument('<file>', 'output of vtoken fleet run --out')
    .option('--fleet <fleet>', 'folder or scenario (default: where the file comes from)')
    .option('--json', 'print the result as JSON')
    .action((path: string, options: ReplayOptions) => runReplay(world, path, options));
}

/** `vtoken fleet expect` */
export function fleetExpectCommand(world: CliWorld): Command {
  return new Command('expect')
    .description('count what a verifier answers to a fleet, under any policy')
    .argument('<fleet>', 'folder or scenario')
    .option('--set <NAME=VALUE>', 'a setting of the policy instead; may be repeated', oneMore)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  vtoken fleet expect scenario.yaml
  vtoken fleet expect scenario.yaml --set identificationTimeWindowSteps=2`,
    )
    .action((path: string, options: ExpectOptions) => runExpect(world, path, options));
}

async function runReplay(world: CliWorld, path: string, options: ReplayOptions): Promise<void> {
  const { env } = world;
  const found = await readCheckpoint(env, path).catch((error: unknown) => {
    throw storageError(error, checkpointPath(path));
  });
  if (found === null) {
    throw invalid(`${checkpointPath(path)} is missing: it says what ${path} was made from`);
  }
  if (!found.isFinished) throw invalid(`${path} is not finished: say vtoken fleet run --resume`);
  const fleet = await readFleet(env, options.fleet ?? found.source);
  const { format, columns } = found;
  const replayed = await replayFile(env, path, fleet, format, columns).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') throw invalid(`${path} does not exist`);
    throw storageError(error, path);
  });
  const { lines, difference } = replayed;
  if (difference !== null) throw differs(path, difference, format === 'csv' ? columns : null);
  print(
    world,
    options,
    { file: path, lines, identical: true },
    `${path}: ${lines} lines, identical`,
  );
}

/** Names the columns and shows no response. */
function differs(
  path: string,
  { line, inFile, fromFleet }: Difference,
  columns: readonly string[] | null,
): EmulatorError {
  const where = `${path}:${line}`;
  const error = (text: string): EmulatorError => new EmulatorError('fleet-differs', text);
  if (inFile === null) return error(`${where}: the file ends, and the fleet goes on`);
  if (fromFleet === null) return error(`${where}: the file goes on, and the fleet has ended`);
  if (columns === null) return error(`${where}: this line is not the one that the fleet makes`);
  const [found, wanted] = [inFile.split(','), fromFleet.split(',')];
  const differing = columns.filter((_, index) => found[index] !== wanted[index]);
  const shown = differing.map((column) => {
    const index = columns.indexOf(column);
    if (hiddenColumns.has(column)) return column;
    return `${column} (${JSON.stringify(found[index] ?? '')}, not ${JSON.stringify(wanted[index] ?? '')})`;
  });
  const serial = columns.indexOf('serial');
  const whose = serial < 0 ? '' : ` ${wanted[serial] ?? ''}`;
  const what = shown.length === 0 ? 'the number of columns' : shown.join(', ');
  return error(`${where}:${whose} differs from the fleet in ${what}`);
}

async function runExpect(world: CliWorld, path: string, options: ExpectOptions): Promise<void> {
  const { scenario, tokens } = await readFleet(world.env, path);
  const rules: Rules = { ...rulesOf(scenario), ...settingsOf(options.set ?? []) };
  const run = new FleetRun(livesOf(scenario, tokens, rules));
  const progress = fleetProgress(world);
  for (let rows = 1; run.next() !== undefined; rows += 1) {
    if (rows % progressRows !== 0) continue;
    progress.show(Math.min(run.nextAtMs - scenario.start, scenario.for), scenario.for, rows);
  }
  progress.end();
  const { counts } = run;
  const { attempts } = counts;
  const line = ([name, count]: readonly [string, number]): string =>
    `${name.padEnd(24)} ${String(count).padStart(9)}  ${percent(count, attempts)}`;
  const lines = [
    `${'attempts'.padEnd(24)} ${String(attempts).padStart(9)}`,
    ...Object.entries(counts.expect).map(line),
    ...(Object.keys(counts.reasons).length === 0 ? [] : ['because of']),
    ...Object.entries(counts.reasons).map(line),
  ];
  print(world, options, { tokens: tokens.length, ...counts, rules }, lines.join('\n'));
}

function percent(count: number, of: number): string {
  return `${((100 * count) / Math.max(1, of)).toFixed(2)} %`;
}

function settingsOf(texts: readonly string[]): Partial<Rules> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
      if (!Object.hasOwn(ruleLimits, name)) {
        throw invalid(`--set takes NAME=VALUE, of ${Object.keys(ruleLimits).join(', ')}`);
      }
      return [name, settingOf(name, value, ruleLimits[name as keyof Rules])];
    }),
  );
}

function settingOf(
  name: string,
  value: string,
  limit: RuleLimit,
): string | number | boolean | null {
  switch (limit.kind) {
    case 'boolean':
      if (value === 'true' || value === 'false') return value === 'true';
      throw invalid(`--set ${name} is true or false`);
    case 'word':
      if (limit.words.includes(value)) return value;
      throw invalid(`--set ${name} is ${limit.words.join(' or ')}`);
    case 'whole': {
      if (limit.isNullable && value === 'null') return null;
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= limit.min && number <= limit.max) return number;
      throw invalid(`--set ${name} is a whole number from ${limit.min} to ${limit.max}`);
    }
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
