import { Command } from 'commander';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  isoTime,
  print,
  readInput,
  signedSeconds,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './cli-context.ts';
import { parseCount, parseDuration, parseHexBytes, parsePin, parsePpm } from './cli-values.ts';
import { changeClock, clockErrorMs, ratePpmAt } from './clock.ts';
import { EmulatorError } from './errors.ts';
import { type Operation, press, pressTimes, respond } from './operate.ts';
import { refusalText } from './refusal.ts';
import type { Secret } from './secret.ts';
import { type VirtualToken, wipeToken } from './token.ts';

interface PressOptions extends CommonOptions, TimeOptions {
  readonly application?: string;
  readonly times?: string;
  readonly pocket?: true;
  readonly submit: boolean;
}

interface RespondOptions extends CommonOptions, TimeOptions {
  readonly challenge: string;
  readonly application?: string;
  readonly session?: string;
  readonly pinFile?: string;
  readonly pinStdin?: true;
}

interface DriftOptions extends CommonOptions, TimeOptions {
  readonly offset?: string;
  readonly ppm?: string;
  readonly jump?: string;
}

const timesMax = 100_000;
const pinFileBytesMax = 1024;

/** `vtoken press` */
export function pressCommand(world: CliWorld): Command {
  return withTime(commonCommand('press', 'press the button and print the response'))
    .argument('<serial>')
    .option('--application <name>', 'which application, if the token has several')
    .option('--times <n>', `make n responses and print the last (1 to ${timesMax})`)
    .option('--pocket', 'nobody looks: counters move, nothing is printed')
    .option('--no-submit', 'the same as --pocket')
    .addHelpText(
      'after',
      `
Examples:
  vtoken press VT00000001
  vtoken press VT00000001 --at +90d          what it would show in 90 days, drift included
  vtoken press VT00000002 --times 7 --pocket seven presses that nobody submits`,
    )
    .action((serial: string, options: PressOptions) => runPress(world, serial, options));
}

async function runPress(world: CliWorld, serial: string, options: PressOptions): Promise<void> {
  const isPocket = options.pocket === true || !options.submit;
  const trueMs = trueMsOf(world, options);
  const { application: applicationName, times } = options;
  const count = times === undefined ? undefined : parseCount('--times', times, timesMax);
  // In a pocket the display has always gone off between two presses.
  const operation = (token: VirtualToken): Operation =>
    count === undefined && !isPocket
      ? press(token, trueMs, { applicationName })
      : pressTimes(token, trueMs, count ?? 1, { applicationName });
  await operate(world, serial, options, trueMs, operation, isPocket);
}

/** `vtoken respond` */
export function respondCommand(world: CliWorld): Command {
  return withTime(commonCommand('respond', 'enter a challenge and print the response'))
    .argument('<serial>')
    .requiredOption('--challenge <text>', 'the challenge, as the host shows it')
    .option('--application <name>', 'which application, if the token has several')
    .option('--session <hex>', 'session data, for suites with S')
    .option('--pin-file <file>', 'file with the device PIN, for suites with P')
    .option('--pin-stdin', 'the same from the standard input')
    .addHelpText(
      'after',
      `
Examples:
  vtoken respond VT00000003 --challenge 12345678
  vtoken respond VT00000003 --challenge 12345678 --application CR --json`,
    )
    .action((serial: string, options: RespondOptions) => runRespond(world, serial, options));
}

async function runRespond(world: CliWorld, serial: string, options: RespondOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { application: applicationName, challenge } = options;
  const session =
    options.session === undefined ? undefined : parseHexBytes('--session', options.session);
  const devicePin = await pinOf(world, options);
  const operation = (token: VirtualToken): Operation =>
    respond(token, trueMs, challenge, { applicationName, session, devicePin });
  try {
    await operate(world, serial, options, trueMs, operation, false);
  } finally {
    devicePin?.wipe();
  }
}

async function pinOf(world: CliWorld, options: RespondOptions): Promise<Secret | undefined> {
  const { pinFile, pinStdin } = options;
  if (pinFile !== undefined && pinStdin === true) {
    throw new EmulatorError('input-invalid', '--pin-file and --pin-stdin exclude each other');
  }
  const path = pinStdin === true ? '-' : pinFile;
  return path === undefined ? undefined : parsePin(await readInput(world, path, pinFileBytesMax));
}

/** Changes the stored token, and only then shows what it made. */
async function operate(
  world: CliWorld,
  serial: string,
  options: CommonOptions,
  trueMs: number,
  operation: (token: VirtualToken) => Operation,
  isPocket: boolean,
): Promise<void> {
  const { generated, deviceTimeMs } = await folderOf(world, options).update(serial, (token) => {
    const done = operation(token);
    if (!done.ok) throw new EmulatorError('refused', refusalText(done.refusal));
    return { token: done.token, result: done };
  });
  const response = isPocket ? null : (generated?.response ?? null);
  const result = {
    serial,
    application: generated?.applicationName ?? null,
    response,
    submitted: response !== null,
    eventCounter: generated?.eventCounter ?? null,
    timeStep: generated?.timeStep ?? null,
    trueTimeMs: trueMs,
    deviceTimeMs,
  };
  print(world, options, result, response ?? '');
  if (generated === null) world.err('the display is off now; press again for a response\n');
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
