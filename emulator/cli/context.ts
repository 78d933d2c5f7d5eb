import { Command } from 'commander';
import { trueMsMax } from '../physics/clock-parameters.ts';
import { parseDuration, parseInstant } from './values.ts';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError, type EmulatorErrorCode } from '../errors.ts';
import type { Operation } from '../device/operate.ts';
import { type DevicePorts, nodePorts } from '../device/ports.ts';
import { type Refusal, refusalText } from '../device/refusal.ts';
import { openTokenFolder, storageError, type TokenFolder } from '../files/state-file.ts';
import { type KeyFolder, openKeyFolder } from '../hid/key-files.ts';
import type { RealKeyPorts } from '../hid/real-keys.ts';
import type { VirtualToken } from '../device/token.ts';

/** Everything a command touches, so that tests can run one without a process. */
export interface CliWorld {
  readonly env: DeviceEnv;
  readonly defaultFolder: string;
  readStdin(bytesMax: number): Promise<Buffer>;
  /** Whether there is a person at a keyboard to ask. */
  readonly isInteractive: boolean;
  /** What that person types, without showing it. */
  promptSecret(question: string): Promise<Buffer>;
  /** Results, and nothing else. */
  out(text: string): void;
  /** Messages for people. */
  err(text: string): void;
  /** Room in a line of the terminal that messages go to; absent where they go elsewhere. */
  readonly terminalColumns?: (() => number) | undefined;
  /** Settles when the process is asked to end (SIGTERM, Ctrl-C); for commands that serve. */
  untilStopped(): Promise<void>;
  /** What reaches keys that are plugged in, if not node-hid. */
  readonly realKeys?: RealKeyPorts | undefined;
}

export interface CommonOptions {
  readonly json?: true;
  readonly dir?: string;
}

export interface TimeOptions {
  readonly now?: string;
  readonly at?: string;
}

/** What the exit status says; the numbers never change. */
export const exitCodes = {
  ok: 0,
  refused: 1,
  usage: 2,
  busy: 3,
  damaged: 4,
  storage: 5,
  bug: 70,
  stopped: 130,
} as const;

export const exitCodeHelp = `
Exit status:
  0  done
  1  refused: by the token, no such token, one too many, a bundle that does not fit, no message,
     or a fleet that does not agree with a file or a server
  2  wrong usage: an unknown command or option, or a value out of range
  3  busy: another process is using the token, the inbox or the port
  4  damaged: a state file that cannot be trusted, or that changed meanwhile
  5  storage: the operating system refused to read or write, a plugged-in key or a server cannot
     be reached, or a command that you named has failed
  130  stopped by Ctrl-C or SIGTERM before the end`;

/** Exit status of each error. */
export function exitCodeOf(code: EmulatorErrorCode): number {
  return exitCodeByError[code];
}

const exitCodeByError: Readonly<Record<EmulatorErrorCode, number>> = {
  'input-invalid': exitCodes.usage,
  refused: exitCodes.refused,
  untouched: exitCodes.refused,
  'token-unknown': exitCodes.refused,
  'token-exists': exitCodes.refused,
  'message-unknown': exitCodes.refused,
  'pairing-refused': exitCodes.refused,
  'fleet-differs': exitCodes.refused,
  'command-failed': exitCodes.storage,
  stopped: exitCodes.stopped,
  'state-busy': exitCodes.busy,
  'state-damaged': exitCodes.damaged,
  'state-conflict': exitCodes.damaged,
  'storage-failed': exitCodes.storage,
  'hid-unavailable': exitCodes.storage,
  'hid-failed': exitCodes.storage,
};

/** A command with the options that all have. */
export function commonCommand(usage: string, summary: string): Command {
  return new Command(usage)
    .description(summary)
    .option('--json', 'print the result as JSON')
    .option('--dir <folder>', 'folder of the tokens (default: $VTOKEN_DIR, else ~/.vtoken)');
}

export function withTime(command: Command): Command {
  return command
    .option('--now <time>', 'true time instead of the wall clock: ISO 8601 or Unix milliseconds')
    .option('--at <duration>', 'so much later (+3d) or earlier (-2h) than that');
}

export function folderOf(world: CliWorld, options: CommonOptions): TokenFolder {
  return openTokenFolder(options.dir ?? world.defaultFolder, world.env);
}

export function keysOf(world: CliWorld, options: CommonOptions): KeyFolder {
  return openKeyFolder(options.dir ?? world.defaultFolder, world.env);
}

/** The true time a command works at. */
export function trueMsOf(world: CliWorld, options: TimeOptions): number {
  const startMs =
    options.now === undefined ? world.env.nowMs() : parseInstant('--now', options.now);
  const trueMs = startMs + (options.at === undefined ? 0 : parseDuration('--at', options.at));
  if (trueMs >= 0 && trueMs <= trueMsMax) return trueMs;
  throw new EmulatorError(
    'input-invalid',
    '--now and --at must stay within the years 1970 to 9999',
  );
}

/** The device's ports, with the chance that the world has. */
export function portsOf({ env }: CliWorld): DevicePorts {
  return { ...nodePorts, randomBytes: (length) => env.randomBytes(length) };
}

/**
 * Changes the stored token. What a refused operation changed is stored as well: a wrong PIN counts.
 *
 * @throws EmulatorError refused
 */
export async function changeToken(
  world: CliWorld,
  options: CommonOptions,
  serial: string,
  operation: (token: VirtualToken) => Operation,
): Promise<Extract<Operation, { ok: true }>> {
  const outcome = await folderOf(world, options).update(serial, (token) => {
    const result = operation(token);
    return { token: result.token, result };
  });
  if (!outcome.ok) throw refusedError(outcome.refusal);
  return outcome;
}

const hints: Partial<Record<Refusal['code'], string>> = {
  'pin-missing': 'say --pin-file FILE or --pin-stdin',
  'pin-needs-setting': 'see vtoken pin set --help',
  'challenge-needed': 'see vtoken respond --help',
  'fields-needed': 'see vtoken sign --help',
  'field-names': 'say --field NAME=VALUE for each',
  locked: 'see vtoken unlock --help',
};

/** What the token refused, with the command that helps. */
export function refusedError(refusal: Refusal): EmulatorError {
  const hint = hints[refusal.code];
  const text = refusalText(refusal);
  return new EmulatorError('refused', hint === undefined ? text : `${text}; ${hint}`);
}

/** Reads a file that the user named; `-` is the standard input. */
export async function readInput(world: CliWorld, path: string, bytesMax: number): Promise<Buffer> {
  if (path === '-') return world.readStdin(bytesMax);
  try {
    return await world.env.files.read(path, bytesMax);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EFBIG') throw invalid(`${path} is larger than ${bytesMax} bytes`);
    if (code === 'ENOENT') throw invalid(`${path} does not exist`);
    throw storageError(error, path);
  }
}

/** Writes a new file that the user named, never over another. */
export async function writeOutput(
  world: CliWorld,
  path: string,
  text: string,
  mode: number,
): Promise<void> {
  try {
    await world.env.files.writeNew(path, Buffer.from(text, 'utf8'), mode);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') {
      throw invalid(`${path} exists already: name a new file`);
    }
    throw storageError(error, path);
  }
}

/** Prints a result: as JSON if asked for, else as text. Counters are strings in JSON. */
export function print(world: CliWorld, options: CommonOptions, json: unknown, text: string): void {
  const asText = (_name: string, value: unknown): unknown =>
    typeof value === 'bigint' ? String(value) : value;
  const line = options.json === true ? JSON.stringify(json, asText) : text;
  if (line !== '') world.out(`${line}\n`);
}

/** Unix milliseconds as ISO 8601 in UTC. */
export function isoTime(atMs: number): string {
  // A device's clock may stand where no calendar reaches.
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : `${atMs} ms`;
}

/** `+90.000 s`: a clock error for people. */
export function signedSeconds(durationMs: number): string {
  const seconds = (Math.abs(durationMs) / 1000).toFixed(3);
  return `${durationMs < 0 ? '-' : '+'}${seconds} s`;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
