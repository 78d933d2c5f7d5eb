import type { Command } from 'commander';
import {
  changeToken,
  type CliWorld,
  commonCommand,
  type CommonOptions,
  portsOf,
  print,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { type PinOptions, readDevicePin, withDevicePin } from './pin-input.ts';
import { parseDuration, parseHexBytes, parseRange } from './values.ts';
import { EmulatorError } from '../errors.ts';
import { displayAt } from '../device/operate-battery.ts';
import { type Operation, press, pressTimes, respond } from '../device/operate.ts';
import type { VirtualToken } from '../device/token.ts';

/** The most that a suite with S takes. */
const sessionBytesMax = 512;

export interface UseOptions extends CommonOptions, TimeOptions, PinOptions {
  readonly submitDelay?: string;
  readonly application?: string;
  readonly hostCode?: true;
}

interface PressOptions extends UseOptions {
  readonly times?: string;
  readonly pocket?: true;
  readonly submit: boolean;
}

interface RespondOptions extends UseOptions {
  readonly challenge: string;
  readonly session?: string;
}

const timesMax = 100_000;

/** What all ways to a response take. */
export function withUse(command: Command): Command {
  return withDevicePin(withTime(command))
    .argument('<serial>')
    .option('--application <name>', 'which application, if the token has several')
    .option(
      '--submit-delay <duration>',
      'submit the response so much later; the display must still be on',
    )
    .option('--host-code', 'print what the host has to show for the response in a second line');
}

/** `vtoken press` */
export function pressCommand(world: CliWorld): Command {
  return withUse(commonCommand('press', 'press the button and print the response'))
    .option('--times <n>', `make n responses and print the last (1 to ${timesMax})`)
    .option('--pocket', 'nobody looks: counters move, nothing is printed')
    .option('--no-submit', 'the same as --pocket')
    .addHelpText(
      'after',
      `
Examples:
  vtoken press VT00000001
  vtoken press VT00000006 --application TIME --pin-file pin.txt
  vtoken press VT00000001 --at +90d          what it would show in 90 days, drift included
  vtoken press VT00000002 --times 7 --pocket seven presses that nobody submits`,
    )
    .action((serial: string, options: PressOptions) => runPress(world, serial, options));
}

async function runPress(world: CliWorld, serial: string, options: PressOptions): Promise<void> {
  const isPocket = options.pocket === true || !options.submit;
  const trueMs = trueMsOf(world, options);
  const { application: applicationName, times } = options;
  const count = times === undefined ? undefined : parseRange('--times', times, 1, timesMax);
  const submitDelayMs = submitDelayOf(options);
  if (isPocket && options.submitDelay !== undefined) {
    throw new EmulatorError('input-invalid', '--submit-delay is for responses that are submitted');
  }
  const devicePin = await readDevicePin(world, options, serial);
  const how = { applicationName, devicePin, submitDelayMs, ports: portsOf(world) };
  // In a pocket the display has always gone off between two presses.
  const operation = (token: VirtualToken): Operation =>
    count === undefined && !isPocket
      ? press(token, trueMs, how)
      : pressTimes(token, trueMs, count ?? 1, how);
  try {
    await operate(world, serial, options, { trueMs, submitDelayMs, isPocket }, operation);
  } finally {
    devicePin?.wipe();
  }
}

/** `vtoken respond` */
export function respondCommand(world: CliWorld): Command {
  return withUse(commonCommand('respond', 'enter a challenge and print the response'))
    .requiredOption('--challenge <text>', 'the challenge, as the host shows it')
    .option('--session <hex>', 'session data, for suites with S')
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
    options.session === undefined
      ? undefined
      : parseHexBytes('--session', options.session, sessionBytesMax);
  const submitDelayMs = submitDelayOf(options);
  const devicePin = await readDevicePin(world, options, serial);
  const how = { applicationName, session, devicePin, submitDelayMs, ports: portsOf(world) };
  const operation = (token: VirtualToken): Operation => respond(token, trueMs, challenge, how);
  try {
    await operate(world, serial, options, { trueMs, submitDelayMs, isPocket: false }, operation);
  } finally {
    devicePin?.wipe();
  }
}

/** How long after the press the response is submitted. */
export function submitDelayOf({ submitDelay }: UseOptions): number {
  const delayMs = submitDelay === undefined ? 0 : parseDuration('--submit-delay', submitDelay);
  if (delayMs >= 0) return delayMs;
  throw new EmulatorError('input-invalid', '--submit-delay cannot be before the press');
}

export interface When {
  readonly trueMs: number;
  readonly submitDelayMs: number;
  readonly isPocket: boolean;
}

/** Changes the stored token, and only then shows what it made. */
export async function operate(
  world: CliWorld,
  serial: string,
  options: UseOptions,
  { trueMs, submitDelayMs, isPocket }: When,
  operation: (token: VirtualToken) => Operation,
): Promise<void> {
  const outcome = await changeToken(world, options, serial, operation);
  const { generated, deviceTimeMs, token: changed } = outcome;
  const made = generated ?? {
    applicationName: null,
    response: null,
    eventCounter: null,
    timeStep: null,
    hostCode: null,
  };
  const response = isPocket ? null : made.response;
  const hostCode = isPocket || options.hostCode !== true ? null : made.hostCode;
  const result = {
    serial,
    application: made.applicationName,
    response,
    hostCode,
    submitted: response !== null,
    submittedAtTrueMs: response === null ? null : trueMs + submitDelayMs,
    eventCounter: made.eventCounter,
    timeStep: made.timeStep,
    trueTimeMs: trueMs,
    deviceTimeMs,
  };
  print(
    world,
    options,
    result,
    [response ?? '', ...(hostCode === null ? [] : [hostCode])].join('\n'),
  );
  if (generated === null) world.err('the display is off now; press again for a response\n');
  if (!isPocket) remark(world, options, changed, trueMs, result);
}

/** What whoever reads the response should know as well. */
function remark(
  world: CliWorld,
  options: UseOptions,
  changed: VirtualToken,
  trueMs: number,
  { response, hostCode }: Pick<Record<string, unknown>, 'response' | 'hostCode'>,
): void {
  if (options.hostCode === true && response !== null && hostCode === null) {
    world.err('this application has no host code\n');
  }
  if (displayAt(changed, trueMs).isBatteryLow) world.err('LOW BATTERY\n');
}
