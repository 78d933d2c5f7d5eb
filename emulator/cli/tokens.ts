import type { Command } from 'commander';
import { type ApplicationProgram, applicationText } from '../device/application.ts';
import {
  algorithmInputs,
  algorithmText,
  algorithmWarnings,
  digestBytes,
  algorithmHash,
} from '../../src/oath/index.ts';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  isoTime,
  keysOf,
  portsOf,
  print,
  readInput,
  signedSeconds,
  type TimeOptions,
  trueMsOf,
  withTime,
  writeOutput,
} from './context.ts';
import { createKey, keySeedLengths, refuseTokenOptions } from './hid-new.ts';
import { keyProfileName } from '../hid/key-pairing.ts';
import { type KeySummary, showKey, summaryOfKey } from './hid-show.ts';
import { pinStatusText } from './pin.ts';
import { batteryRows } from './battery.ts';
import { batteryOf, clockOf, type PhysicsOptions, withPhysics } from './physics-options.ts';
import { type ProfileOptions, profileOf, withProfile } from './profile.ts';
import { formatSeeds, parseSeedFormat, parseSeeds } from './values.ts';
import { clockErrorMs } from '../physics/clock.ts';
import { rateText } from './drift-text.ts';
import { EmulatorError } from '../errors.ts';
import type { Hull } from '../device/hull.ts';
import { pinStatus } from '../device/operate-pin.ts';
import type { Profile } from '../device/profiles.ts';
import { fieldsText } from '../device/signature-fields.ts';
import { createToken, type VirtualToken, wipeToken } from '../device/token.ts';

interface NewOptions
  extends CommonOptions, TimeOptions, ProfileOptions, PhysicsOptions, SeedOptions {
  readonly seedOut?: string;
}

export interface SeedOptions {
  readonly seedFile?: string;
  readonly seedStdin?: true;
  readonly seedFormat?: string;
}

const seedFileBytesMax = 16 * 1024;

/** `vtoken new` */
export function newCommand(world: CliWorld): Command {
  const described = withTime(
    withPhysics(withProfile(commonCommand('new', 'make a stand-alone token'))),
  );
  return withSeeds(described, ' (default: random)')
    .argument('<serial>', '4 to 16 capital letters and digits, -1 to -99 after it for an instance')
    .option('--seed-out <file>', 'write the seeds, base32, to a new file of mode 0600')
    .addHelpText(
      'after',
      `
Examples:
  vtoken new VT00000001 --profile one-button-time --seed-out seed.txt
  vtoken new VT00000002 --profile one-button-event --seed-file seed.txt
  vtoken new VT00000003 --application CR=OCRA-1:HOTP-SHA256-8:QN08-T1M --offset +2s --ppm 3
  vtoken new VT00000004 --profile one-button-time --drift typical --drift-seed qa --battery sealed
  vtoken new VT00000005 --profile phone-time --drift phone
                                 as every clock, a telephone's is right unless --drift says otherwise;
                                 the preset phone has it miss changes of summer time
  vtoken new HK00000001 --profile ${keyProfileName}     a key, see: vtoken hid --help

To have the seeds made by a server instead, see: vtoken pair --help`,
    )
    .action((serial: string, options: NewOptions) => runNew(world, serial, options));
}

async function runNew(world: CliWorld, serial: string, options: NewOptions): Promise<void> {
  if (options.profile === keyProfileName) {
    refuseTokenOptions(options);
    await createKey(world, serial, options, await seedsFor(world, keySeedLengths, options));
    return;
  }
  const profile = profileOf(options);
  const nowMs = trueMsOf(world, options);
  const clock = clockOf(world, options, serial, nowMs);
  const battery = batteryOf(options, nowMs);
  const lengths = profile.applications.map(({ algorithm }) =>
    digestBytes(algorithmHash(algorithm)),
  );
  const seeds = await seedsFor(world, lengths, options);
  const token = createToken({ serial, profile, clock, battery }, seeds, portsOf(world));
  warnOfDigits(world, profile);
  const { seedOut } = options;
  if (seedOut !== undefined) await writeOutput(world, seedOut, formatSeeds(seeds), 0o600);
  try {
    await folderOf(world, options).create(token);
  } catch (error) {
    if (seedOut !== undefined) await world.env.files.remove(seedOut);
    throw error;
  }
  print(world, options, describeToken(token, nowMs), token.serial);
  wipeToken(token);
}

/** The seeds that the options give, or random ones of these lengths. */
async function seedsFor(
  world: CliWorld,
  lengths: readonly number[],
  options: NewOptions,
): Promise<readonly Uint8Array[]> {
  return (
    (await givenSeeds(world, options)) ?? lengths.map((length) => world.env.randomBytes(length))
  );
}

/** The options of every command that is given seeds. */
export function withSeeds(command: Command, whatElse: string): Command {
  return command
    .option('--seed-file <file>', `seeds, one line per application, hex or base32${whatElse}`)
    .option('--seed-stdin', 'the same from the standard input')
    .option('--seed-format <format>', 'hex or base32, where a seed could be either');
}

/** The seeds that the options name, or null. */
export async function givenSeeds(
  world: CliWorld,
  { seedFile, seedStdin, seedFormat }: SeedOptions,
): Promise<readonly Uint8Array[] | null> {
  if (seedFile !== undefined && seedStdin === true) {
    throw new EmulatorError('input-invalid', '--seed-file and --seed-stdin exclude each other');
  }
  const path = seedStdin === true ? '-' : seedFile;
  if (path === undefined) return null;
  const format =
    seedFormat === undefined ? undefined : parseSeedFormat('--seed-format', seedFormat);
  const bytes = await readInput(world, path, seedFileBytesMax);
  const seeds = parseSeeds(bytes, format);
  bytes.fill(0);
  return seeds;
}

/** Remarks on algorithms that are weaker than they look. */
export function warnOfDigits(world: CliWorld, profile: Profile): void {
  for (const { name, algorithm } of profile.applications) {
    for (const { message } of algorithmWarnings(algorithm)) world.err(`${name}: ${message}\n`);
  }
}

/** `vtoken list` */
export function listCommand(world: CliWorld): Command {
  return commonCommand('list', 'list the tokens and keys of the folder').action(
    (options: CommonOptions) => runList(world, options),
  );
}

async function runList(world: CliWorld, options: CommonOptions): Promise<void> {
  const folder = folderOf(world, options);
  const keys = keysOf(world, options);
  const entries: unknown[] = [];
  const lines: string[] = [];
  const damages: string[] = [];
  const add = async (serial: string, summary: () => Promise<KeySummary>): Promise<void> => {
    try {
      const { entry, line } = await summary();
      entries.push(entry);
      lines.push(line);
    } catch (error) {
      if (!(error instanceof EmulatorError) || error.code !== 'state-damaged') throw error;
      entries.push({ serial, status: 'damaged' });
      damages.push(error.message);
    }
  };
  for (const serial of await folder.serials()) {
    await add(serial, async () => {
      const { token } = await folder.read(serial);
      wipeToken(token);
      return { entry: summaryOf(token), line: summaryLine(token) };
    });
  }
  for (const serial of await keys.serials()) await add(serial, () => summaryOfKey(keys, serial));
  print(world, options, entries, lines.join('\n'));
  if (damages.length > 0) throw new EmulatorError('state-damaged', damages.join('\nvtoken: '));
}

function summaryLine(token: VirtualToken): string {
  const applications = token.applications.map(applicationText).join(' ');
  const { serial, model, pairing } = token;
  return `${serial.padEnd(19)} ${model.padEnd(8)} ${pairing.status.padEnd(11)} ${applications}`;
}

function summaryOf(token: VirtualToken): object {
  return {
    serial: token.serial,
    model: token.model,
    status: token.pairing.status,
    applications: token.applications.map((application, index) => ({
      name: application.name,
      mode: application.mode,
      algorithm: algorithmText(application.algorithm),
      challengeCheckDigit: application.challengeCheckDigit,
      responseCheckDigit: application.responseCheckDigit,
      fields: application.fields ?? null,
      hostCode: application.hostCode ?? null,
      nextEventCounter: algorithmInputs(application.algorithm).eventCounter
        ? (token.state.eventCounters[index] ?? 0n)
        : null,
    })),
  };
}

/** Everything about a token that is no secret. */
function describeToken(token: VirtualToken, trueMs: number): object {
  return {
    ...summaryOf(token),
    hull: token.hull,
    clock: token.clock,
    clockErrorMs: clockErrorMs(token.clock, trueMs),
    battery: token.battery,
    pin: pinStatus(token, trueMs),
    display: token.state.screen.kind,
  };
}

/** `vtoken show` */
export function showCommand(world: CliWorld): Command {
  return withTime(commonCommand('show', 'show a token or key, without its secrets'))
    .argument('<serial>')
    .action(async (serial: string, options: CommonOptions & TimeOptions) => {
      const trueMs = trueMsOf(world, options);
      if (await keysOf(world, options).has(serial)) {
        await showKey(world, options, serial);
        return;
      }
      const { token } = await folderOf(world, options).read(serial);
      print(world, options, describeToken(token, trueMs), tokenText(token, trueMs));
      wipeToken(token);
    });
}

function tokenText(token: VirtualToken, trueMs: number): string {
  const { hull, clock } = token;
  const rows: [string, string][] = [
    ['serial', token.serial],
    ['model', token.model],
    ['body', bodyText(hull)],
    ['seeds', token.pairing.status === 'requested' ? 'waiting for a bundle' : token.pairing.status],
    ['made', isoTime(clock.manufacturedAtMs)],
    ['clock', `${signedSeconds(clockErrorMs(clock, trueMs))}, ${rateText(clock, trueMs)}`],
    ...batteryRows(token, trueMs),
    ...pinRows(token, trueMs),
    ...token.applications.map((application, index): [string, string] => [
      'application',
      applicationRow(application, token.state.eventCounters[index] ?? 0n),
    ]),
  ];
  return rows.map(([label, text]) => `${label.padEnd(12)} ${text}`).join('\n');
}

function bodyText(hull: Hull): string {
  const { infoMenu, countdown, isProgrammable } = hull;
  const parts = [
    hull.keys === 'none'
      ? 'no keys, display always on'
      : `${hull.keys === 'keypad' ? 'keypad' : 'one button'}, display off after ${hull.autoOffMs / 1000} s`,
    ...(countdown === undefined ? [] : [countdown === 'bars' ? 'six bars' : 'countdown bar']),
    ...(infoMenu === undefined
      ? []
      : [`menu (${infoMenu.items.join(', ')}) after ${infoMenu.longPressMs / 1000} s`]),
    ...(isProgrammable === true ? ['programmable'] : []),
  ];
  return parts.join(', ');
}

function pinRows(token: VirtualToken, trueMs: number): [string, string][] {
  const { hull } = token;
  const status = pinStatus(token, trueMs);
  if (status === null || hull.keys !== 'keypad' || hull.pin === null) return [];
  const { digitsMin, digitsMax, failuresMax, onLock } = hull.pin;
  const digits = digitsMin === digitsMax ? `${digitsMin}` : `${digitsMin} to ${digitsMax}`;
  const after = onLock === 'brick' ? 'then locked for good' : 'then locked until unlocked';
  return [
    ['device PIN', `${digits} digits, ${failuresMax} wrong ones, ${after}`],
    ['PIN state', pinStatusText(status)],
  ];
}

function applicationRow(application: ApplicationProgram, eventCounter: bigint): string {
  const { name, mode, algorithm, challengeCheckDigit, responseCheckDigit } = application;
  const { fields, hostCode } = application;
  const remarks = [
    mode === 'unlock' ? 'for unlocking' : null,
    fields === undefined ? null : `signs ${fieldsText(fields)}`,
    mode === 'multi-mode' ? 'answers challenges' : null,
    hostCode === undefined ? null : `host code of ${hostCode.digits} digits`,
    algorithmInputs(algorithm).eventCounter ? `next event counter ${eventCounter}` : null,
    challengeCheckDigit ? 'challenge with check digit' : null,
    responseCheckDigit ? 'response with check digit' : null,
  ].filter((remark) => remark !== null);
  return `${name}: ${[algorithmText(algorithm), ...remarks].join(', ')}`;
}

/** `vtoken remove` */
export function removeCommand(world: CliWorld): Command {
  return commonCommand('remove', 'delete a token or key and its seeds for good')
    .argument('<serial>')
    .action(async (serial: string, options: CommonOptions) => {
      const keys = keysOf(world, options);
      await ((await keys.has(serial)) ? keys : folderOf(world, options)).remove(serial);
      print(world, options, { serial, removed: true }, '');
    });
}
