import type { Command } from 'commander';
import { type CliWorld, type CommonOptions, folderOf, readInput } from './context.ts';
import { parsePin } from './values.ts';
import { EmulatorError } from '../errors.ts';
import type { Secret } from '../device/secret.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';

export interface PinOptions {
  readonly pinFile?: string;
  readonly pinStdin?: true;
}

export interface NewPinOptions extends PinOptions {
  readonly newPinFile?: string;
  readonly newPinStdin?: true;
}

/** The PINs of one command. `confirmation` only where a person typed the new one twice. */
export interface EnteredPins {
  readonly devicePin?: Secret | undefined;
  readonly newPin: Secret;
  readonly confirmation?: Secret | undefined;
}

const pinBytesMax = 1024;

export function withDevicePin(command: Command): Command {
  return command
    .option('--pin-file <file>', 'file with the device PIN (default: asked for at a terminal)')
    .option('--pin-stdin', 'the same from the standard input');
}

/** The device PIN, if it was given or the token has one to ask for. The caller wipes it. */
export async function readDevicePin(
  world: CliWorld,
  options: CommonOptions & PinOptions,
  serial: string,
): Promise<Secret | undefined> {
  const given = await givenPin(world, options);
  if (given !== undefined || !world.isInteractive) return given;
  const isAsked = await askToken(world, options, serial, hasPin);
  return isAsked ? parsePin(await world.promptSecret('PIN: ')) : undefined;
}

/**
 * The present PIN, if there is one, and the new one. With both on the standard input the present
 * one is the first line. The caller wipes them.
 */
export async function readNewPin(
  world: CliWorld,
  options: CommonOptions & NewPinOptions,
  serial: string,
): Promise<EnteredPins> {
  const { pinStdin, newPinFile, newPinStdin } = options;
  exclude('--new-pin-file and --new-pin-stdin', newPinFile, newPinStdin);
  if (pinStdin === true && newPinStdin === true) {
    const bytes = await world.readStdin(pinBytesMax);
    const lineEnd = bytes.indexOf(0x0a);
    if (lineEnd < 0) throw invalid('the standard input must hold two lines: PIN and new PIN');
    const newPin = parsePin(Buffer.from(bytes.subarray(lineEnd + 1)));
    return { devicePin: parsePin(bytes.subarray(0, lineEnd)), newPin };
  }
  const path = newPinStdin === true ? '-' : newPinFile;
  if (path === undefined && !world.isInteractive) {
    throw invalid('say where the new PIN is: --new-pin-file FILE or --new-pin-stdin');
  }
  const devicePin = await readDevicePin(world, options, serial);
  if (path !== undefined) {
    return { devicePin, newPin: parsePin(await readInput(world, path, pinBytesMax)) };
  }
  const newPin = parsePin(await world.promptSecret('New PIN: '));
  const confirmation = parsePin(await world.promptSecret('New PIN again: '));
  return { devicePin, newPin, confirmation };
}

async function givenPin(world: CliWorld, options: PinOptions): Promise<Secret | undefined> {
  const { pinFile, pinStdin } = options;
  exclude('--pin-file and --pin-stdin', pinFile, pinStdin);
  const path = pinStdin === true ? '-' : pinFile;
  return path === undefined ? undefined : parsePin(await readInput(world, path, pinBytesMax));
}

/** A token that has a PIN and takes it: a locked one says so without asking. */
function hasPin({ state: { pin } }: VirtualToken): boolean {
  return pin !== null && pin.verifier !== null && pin.lock === null;
}

async function askToken<Answer>(
  world: CliWorld,
  options: CommonOptions,
  serial: string,
  question: (token: VirtualToken) => Answer,
): Promise<Answer> {
  const { token } = await folderOf(world, options).read(serial);
  const answer = question(token);
  wipeToken(token);
  return answer;
}

function exclude(names: string, first: string | undefined, second: true | undefined): void {
  if (first !== undefined && second === true) throw invalid(`${names} exclude each other`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
