import type { Command } from 'commander';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  keysOf,
  portsOf,
  print,
  readInput,
  type TimeOptions,
  trueMsOf,
  withTime,
  writeOutput,
} from './context.ts';
import { refuseTokenOptions, serialNumberOf } from './hid-new.ts';
import { batteryOf, clockOf, type PhysicsOptions, withPhysics } from './physics-options.ts';
import { type ProfileOptions, profileOf, withProfile } from './profile.ts';
import { warnOfDigits } from './tokens.ts';
import { EmulatorError } from '../errors.ts';
import {
  bundleBytesMax,
  type PairRequest,
  pairRequestToJson,
  parsePairBundle,
} from '../pairing/pairing-files.ts';
import { acceptBundle, beginPairing, pairRequestOf, requestPairing } from '../pairing/pairing.ts';
import { drawEightDigits } from '../device/ports.ts';
import { emptyKey } from '../hid/key.ts';
import { wipeStoredKey } from '../hid/key-files.ts';
import { acceptKeyBundle, keyProfileName, requesterOf } from '../hid/key-pairing.ts';
import { storageError } from '../files/state-file.ts';
import { checkSerial, wipeToken } from '../device/token.ts';

interface PairOptions extends CommonOptions, TimeOptions, ProfileOptions, PhysicsOptions {
  readonly request?: string;
  readonly accept?: string;
  readonly serial?: string;
}

/** `vtoken pair` */
export function pairCommand(world: CliWorld): Command {
  return withTime(
    withPhysics(
      withProfile(commonCommand('pair', 'get the seeds of a token or key from a server')),
    ),
  )
    .option('--request <file>', 'make a token and write its request to a new file (- prints it)')
    .option('--accept <file>', 'finish with the bundle that the server wrote (- reads it)')
    .option(
      '--serial <serial>',
      'with --request: serial of the token (default: VT, of a key HK, and 8 digits)',
    )
    .addHelpText(
      'after',
      `
The seeds are made by the server and travel under an RSA key that only this token has; the key is
deleted when a bundle is accepted.

  vtoken pair --request request.json --serial VT00000001 --profile one-button-time
  tallystick token issue --to-emulator request.json --out bundle.json
  vtoken pair --accept bundle.json
  vtoken press VT00000001

In one line, here for a key that speaks the OTP HID protocol:

  vtoken pair --request - --serial HK00000001 --profile ${keyProfileName} |
    tallystick token issue --to-emulator - --out - --user jane | vtoken pair --accept -
  vtoken hid respond --serial HK00000001 --slot 1 --challenge HEX

A request that got lost is written again by: vtoken pair --request FILE --serial SERIAL`,
    )
    .action((options: PairOptions) => runPair(world, options));
}

async function runPair(world: CliWorld, options: PairOptions): Promise<void> {
  const { request, accept } = options;
  if (request !== undefined && accept === undefined) {
    await runRequest(world, request, options);
  } else if (accept !== undefined && request === undefined) {
    await runAccept(world, accept, options);
  } else {
    throw new EmulatorError('input-invalid', 'say either --request FILE or --accept FILE');
  }
}

async function runRequest(world: CliWorld, path: string, options: PairOptions): Promise<void> {
  const isNew = options.profile !== undefined || options.application !== undefined;
  if (!isNew && options.serial !== undefined) {
    await writeRequest(world, path, await requestAgain(world, options, options.serial), options);
    return;
  }
  await refuseTaken(world, path);
  const isKey = options.profile === keyProfileName;
  const made = await (isKey ? requestForKey(world, options) : requestForToken(world, options));
  try {
    await writeRequest(world, path, made.request, options);
  } catch (error) {
    // Nobody has seen the request: without this the serial would stay taken for nothing.
    await made.folder.remove(made.request.serial);
    throw error;
  }
}

/** The request of what is stored, token or key. */
async function requestAgain(
  world: CliWorld,
  options: PairOptions,
  serial: string,
): Promise<PairRequest> {
  const keys = keysOf(world, options);
  if (await keys.has(serial)) {
    const stored = await keys.read(serial);
    const { pairing } = stored;
    const request = pairRequestOf(requesterOf(serial, pairing));
    wipeStoredKey(stored);
    return request;
  }
  const { token } = await folderOf(world, options).read(serial);
  const request = pairRequestOf(token);
  wipeToken(token);
  return request;
}

/** Something new that waits for its bundle, and where it is stored. */
interface Requested {
  readonly request: PairRequest;
  readonly folder: { remove(serial: string): Promise<void> };
}

async function requestForToken(world: CliWorld, options: PairOptions): Promise<Requested> {
  const folder = folderOf(world, options);
  const serial = checkSerial(options.serial ?? randomSerial(world, 'VT'));
  const profile = profileOf(options);
  const nowMs = trueMsOf(world, options);
  const clock = clockOf(world, options, serial, nowMs);
  const battery = batteryOf(options, nowMs);
  const spec = { serial, profile, clock, battery };
  const { token, request } = await requestPairing(spec, nowMs, portsOf(world));
  warnOfDigits(world, profile);
  await folder.create(token);
  wipeToken(token);
  return { request, folder };
}

async function requestForKey(world: CliWorld, options: PairOptions): Promise<Requested> {
  refuseTokenOptions(options);
  const folder = keysOf(world, options);
  const serial = checkSerial(options.serial ?? randomSerial(world, 'HK'));
  const pairing = await beginPairing(trueMsOf(world, options));
  const request = pairRequestOf(requesterOf(serial, pairing));
  await folder.create(serial, emptyKey(serialNumberOf(world, serial)), pairing);
  pairing.privateKey.wipe();
  return { request, folder };
}

/** Found out before three seconds are spent on an RSA key. */
async function refuseTaken(world: CliWorld, path: string): Promise<void> {
  let isTaken: boolean;
  try {
    isTaken = path !== '-' && (await world.env.files.exists(path));
  } catch (error) {
    throw storageError(error, path);
  }
  if (isTaken) {
    throw new EmulatorError('input-invalid', `${path} exists already: name a new file`);
  }
}

async function writeRequest(
  world: CliWorld,
  path: string,
  request: PairRequest,
  options: PairOptions,
): Promise<void> {
  const text = pairRequestToJson(request);
  if (path === '-') {
    world.out(text);
    return;
  }
  await writeOutput(world, path, text, 0o644);
  const { serial } = request;
  print(world, options, { serial, status: 'requested', request: path }, serial);
  if (options.json !== true) {
    world.err(`next: tallystick token issue --to-emulator ${path} --out BUNDLE\n`);
    world.err('then: vtoken pair --accept BUNDLE\n');
  }
}

async function runAccept(world: CliWorld, path: string, options: PairOptions): Promise<void> {
  if (options.profile !== undefined || options.application !== undefined) {
    throw new EmulatorError('input-invalid', '--accept takes no --profile and no --application');
  }
  const nowMs = trueMsOf(world, options);
  const bundle = parsePairBundle((await readInput(world, path, bundleBytesMax)).toString('utf8'));
  const serial = checkSerial(options.serial ?? bundle.serial);
  const keys = keysOf(world, options);
  if (await keys.has(serial)) {
    await keys.change(serial, (stored) => acceptKeyBundle(stored, bundle, nowMs));
  } else {
    await folderOf(world, options).update(serial, (token) => ({
      token: acceptBundle(token, bundle, nowMs),
      result: undefined,
    }));
  }
  // The bundle has what the device asked for, or it is refused.
  const names = bundle.applications.map(({ name }) => name);
  print(world, options, { serial, status: 'paired', applications: names }, serial);
  if (options.json !== true) world.err(`paired: ${names.join(', ')}\n`);
}

/** Two desks that never spoke rarely choose the same. */
function randomSerial({ env }: CliWorld, prefix: string): string {
  return `${prefix}${drawEightDigits((length) => env.randomBytes(length))}`;
}
