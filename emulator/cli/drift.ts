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
import { parseDuration, parsePpm } from './values.ts';
import { changeClock, clockErrorMs, ratePpmAt } from '../physics/clock.ts';
import { EmulatorError } from '../errors.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';

interface DriftOptions extends CommonOptions, TimeOptions {
  readonly offset?: string;
  readonly ppm?: string;
  readonly jump?: string;
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
    .addHelpText(
      'after',
      `
Examples:
  vtoken drift set VT00000001 --offset +90s --ppm 12
  vtoken drift set VT00000001 --jump -1h
  vtoken drift show VT00000001 --at +365d`,
    )
    .action((serial: string, options: DriftOptions) => runDriftSet(world, serial, options));
  return new Command('drift')
    .description('show or change how wrong the clock is')
    .addCommand(show)
    .addCommand(set);
}

async function runDriftShow(world: CliWorld, serial: string, options: DriftOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { token } = await folderOf(world, options).read(serial);
  wipeToken(token);
  printDrift(world, options, token, trueMs);
}

async function runDriftSet(world: CliWorld, serial: string, options: DriftOptions): Promise<void> {
  const { offset, ppm, jump } = options;
  if (offset === undefined && ppm === undefined && jump === undefined) {
    throw new EmulatorError('input-invalid', 'say what to change: --offset, --ppm or --jump');
  }
  const trueMs = trueMsOf(world, options);
  const change = {
    offsetMs: offset === undefined ? undefined : parseDuration('--offset', offset),
    ratePpm: ppm === undefined ? undefined : parsePpm('--ppm', ppm),
    jumpMs: jump === undefined ? undefined : parseDuration('--jump', jump),
  };
  const changed = await folderOf(world, options).update(serial, (token) => {
    const next = { ...token, clock: changeClock(token.clock, trueMs, change) };
    return { token: next, result: next };
  });
  printDrift(world, options, changed, trueMs);
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
    `rate         ${ratePpm} ppm`,
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
