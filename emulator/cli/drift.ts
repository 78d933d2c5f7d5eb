import { Command } from 'commander';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  isoTime,
  print,
  signedSeconds,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { plotCommand } from './drift-plot.ts';
import { parameterRows, rateText } from './drift-text.ts';
import { parseDuration, parseInstant, parseNumber } from './values.ts';
import { changeClock, type ClockChange, clockErrorMs, ratePpmAt } from '../physics/clock.ts';
import { EmulatorError } from '../errors.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';

interface DriftOptions extends CommonOptions, TimeOptions {
  readonly offset?: string;
  readonly ppm?: string;
  readonly jump?: string;
  readonly pause?: string;
  readonly resume?: true;
  readonly resetTo?: string;
  readonly temperature?: string;
  readonly for?: string;
}

/** `vtoken drift` */
export function driftCommand(world: CliWorld): Command {
  const show = withTime(commonCommand('show', 'show how wrong the clock is'))
    .argument('<serial>')
    .action((serial: string, options: DriftOptions) => runDriftShow(world, serial, options));
  const set = withTime(
    commonCommand('set', 'change the clock from now on; the past stays as it was'),
  )
    .argument('<serial>')
    .option('--offset <duration>', 'be wrong by exactly this: +90s is ahead of true time')
    .option('--ppm <rate>', 'run fast (positive) or slow by so many parts per million')
    .option('--jump <duration>', 'jump by this, on top of the present error')
    .option('--pause <duration>', 'stand still for so long')
    .option('--resume', 'go on from where it stands: ends pauses, and what stopped a stopped clock')
    .option('--reset-to <time>', 'restart at this time, as a clock that forgot everything')
    .option('--temperature <celsius>', 'be kept at this temperature, in an oven or a freezer')
    .option('--for <duration>', 'for so long (with --temperature)')
    .addHelpText(
      'after',
      `
Examples:
  vtoken drift set VT00000001 --offset +90s --ppm 12
  vtoken drift set VT00000001 --jump -1h
  vtoken drift set VT00000001 --temperature 60 --for 10h
  vtoken drift set VT00000001 --resume --offset 0       a stopped clock is repaired and set
  vtoken drift show VT00000001 --at +365d`,
    )
    .action((serial: string, options: DriftOptions) => runDriftSet(world, serial, options));
  return new Command('drift')
    .description('show, plot or change how wrong the clock is')
    .addCommand(show)
    .addCommand(set)
    .addCommand(plotCommand(world));
}

async function runDriftShow(world: CliWorld, serial: string, options: DriftOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { token } = await folderOf(world, options).read(serial);
  wipeToken(token);
  printDrift(world, options, token, trueMs);
}

async function runDriftSet(world: CliWorld, serial: string, options: DriftOptions): Promise<void> {
  const change = changeOf(options);
  if (Object.values(change).every((part) => part === undefined)) {
    throw new EmulatorError(
      'input-invalid',
      'say what to change: --offset, --ppm, --jump, --pause, --resume, --reset-to or --temperature',
    );
  }
  const trueMs = trueMsOf(world, options);
  const changed = await folderOf(world, options).update(serial, (token) => {
    const next = { ...token, clock: changeClock(token.clock, trueMs, change) };
    return { token: next, result: next };
  });
  printDrift(world, options, changed, trueMs);
}

function changeOf(options: DriftOptions): ClockChange {
  const read = <Value>(
    text: string | undefined,
    parse: (text: string) => Value,
  ): Value | undefined => (text === undefined ? undefined : parse(text));
  const { temperature, for: duration } = options;
  if ((temperature === undefined) !== (duration === undefined)) {
    throw new EmulatorError('input-invalid', '--temperature and --for go together');
  }
  return {
    offsetMs: read(options.offset, (text) => parseDuration('--offset', text)),
    ratePpm: read(options.ppm, (text) => parseNumber('--ppm', text)),
    jumpMs: read(options.jump, (text) => parseDuration('--jump', text)),
    pauseMs: read(options.pause, (text) => {
      const pauseMs = parseDuration('--pause', text);
      if (pauseMs > 0) return pauseMs;
      throw new EmulatorError('input-invalid', '--pause must be longer than nothing');
    }),
    resumes: options.resume,
    resetToMs: read(options.resetTo, (text) => parseInstant('--reset-to', text)),
    excursion:
      temperature === undefined || duration === undefined
        ? undefined
        : {
            temperatureC: parseNumber('--temperature', temperature),
            forMs: parseDuration('--for', duration),
          },
  };
}

function printDrift(
  world: CliWorld,
  options: CommonOptions,
  { serial, clock }: Pick<VirtualToken, 'serial' | 'clock'>,
  trueMs: number,
): void {
  const errorMs = clockErrorMs(clock, trueMs);
  const ratePpm = ratePpmAt(clock, trueMs);
  const lines = [
    `true time    ${isoTime(trueMs)}`,
    `device time  ${isoTime(trueMs + errorMs)}`,
    `error        ${signedSeconds(errorMs)}`,
    `rate         ${rateText(clock, trueMs)}`,
    ...parameterRows(clock).map(([label, text]) => `${label.padEnd(12)} ${text}`),
  ];
  const json = {
    serial,
    trueTimeMs: trueMs,
    deviceTimeMs: trueMs + errorMs,
    clockErrorMs: errorMs,
    ratePpm,
    clock,
  };
  print(world, options, json, lines.join('\n'));
}
