import { Command } from 'commander';
import { type CliWorld, commonCommand, type CommonOptions, keysOf, print } from './context.ts';
import { parseHexBytes, parseRange } from './values.ts';
import { EmulatorError } from '../errors.ts';
import { type EmulatedKey, instantClock, openEmulatedKey } from '../hid/emulated-key.ts';
import { payloadBytes, type Slot, type SlotStatus } from '../hid/frame.ts';
import { createKeyHost, type KeyHost } from '../hid/host.ts';
import { listRealKeys, notPermitted, openRealKey, type RealKey } from '../hid/real-keys.ts';

/** Which key is meant: an emulated one by its serial, or one that is plugged in. */
interface KeyOptions extends CommonOptions {
  readonly serial?: string;
  readonly path?: string;
}

interface RespondOptions extends KeyOptions {
  readonly slot: string;
  readonly challenge?: string;
  readonly challengeText?: string;
  /** Undefined if nothing was said. */
  readonly touch?: boolean;
}

/** `vtoken hid`, which does nothing without a command below it. */
export function hidCommand(world: CliWorld): Command {
  const command = new Command('hid').description(
    'keys that speak the OTP HID protocol, plugged in or emulated',
  );
  for (const own of [listCommand(world), infoCommand(world), respondCommand(world)]) {
    command.addCommand(own);
  }
  return command;
}

function listCommand(world: CliWorld): Command {
  return commonCommand('list', 'list the keys that are plugged in, and those of the folder').action(
    (options: CommonOptions) => runList(world, options),
  );
}

async function runList(world: CliWorld, options: CommonOptions): Promise<void> {
  const emulated = await keysOf(world, options).serials();
  const { plugged, error } = await pluggedIn(world);
  const lines = [
    ...emulated.map((serial) => `${serial.padEnd(19)} emulated`),
    ...(plugged ?? []).map((key) => `${key.path.padEnd(19)} ${usbName(key)} ${key.product}`),
  ];
  print(world, options, { emulated, plugged }, lines.join('\n'));
  if (error !== null) throw error;
}

/** Null where it cannot be known. What is wrong is told after the list, which is of use all the same. */
async function pluggedIn(world: CliWorld): Promise<{
  readonly plugged: readonly RealKey[] | null;
  readonly error: EmulatorError | null;
}> {
  let plugged: readonly RealKey[];
  try {
    plugged = await listRealKeys(world.realKeys);
  } catch (error) {
    if (!(error instanceof EmulatorError) || error.code !== 'hid-unavailable') throw error;
    return { plugged: null, error };
  }
  const closed = plugged.find(({ isPermitted }) => !isPermitted);
  return { plugged, error: closed === undefined ? null : notPermitted(closed) };
}

function infoCommand(world: CliWorld): Command {
  return withKey(commonCommand('info', 'show firmware, number and slots of a key')).action(
    (options: KeyOptions) => withHost(world, options, (host) => runInfo(world, options, host)),
  );
}

async function runInfo(world: CliWorld, options: KeyOptions, host: KeyHost): Promise<void> {
  const { firmware, programmingSequence, slots } = await host.status();
  const serialNumber = await host.serialNumber();
  const slotText = ({ isProgrammed, needsTouch }: SlotStatus): string => {
    if (!isProgrammed) return 'empty';
    return needsTouch ? 'programmed, wants a touch' : 'programmed';
  };
  const rows = [
    ['firmware', firmware.join('.')],
    ['number', serialNumber ?? 'not told'],
    ['slot 1', slotText(slots[1])],
    ['slot 2', slotText(slots[2])],
    ['sequence', programmingSequence],
  ];
  print(
    world,
    options,
    {
      firmware: firmware.join('.'),
      serialNumber,
      programmingSequence,
      slots: { 1: slots[1], 2: slots[2] },
    },
    rows.map(([label, text]) => `${String(label).padEnd(12)} ${text}`).join('\n'),
  );
}

function respondCommand(world: CliWorld): Command {
  return withKey(commonCommand('respond', 'hand a challenge to a key and print its response'))
    .option('--slot <n>', '1 or 2', '2')
    .option('--challenge <hex>', `1 to ${payloadBytes} bytes in hex`)
    .option('--challenge-text <text>', 'the same as text, in UTF-8')
    .option('--touch', 'touch the emulated key when it waits for it')
    .option('--no-touch', 'let it wait in vain')
    .addHelpText(
      'after',
      `
Examples:
  vtoken hid respond --challenge 53616d706c65202332          the only key that is plugged in
  vtoken hid respond --serial HK00000001 --slot 1 --challenge-text "Sample #2"`,
    )
    .action((options: RespondOptions) => {
      const slot: Slot = parseRange('--slot', options.slot, 1, 2) === 1 ? 1 : 2;
      const challenge = challengeOf(options);
      return withHost(world, options, async (host, emulated) => {
        const mac = await host.challengeHmac(slot, challenge, () => {
          world.err('Touch the key...\n');
          if (options.touch === true) emulated?.touch();
        });
        const response = Buffer.from(mac).toString('hex');
        print(world, options, { slot, response }, response);
      });
    });
}

function challengeOf({ challenge, challengeText }: RespondOptions): Uint8Array {
  if ((challenge === undefined) === (challengeText === undefined)) {
    throw invalid('say --challenge HEX or --challenge-text TEXT');
  }
  return challenge === undefined
    ? new TextEncoder().encode(challengeText)
    : parseHexBytes('--challenge', challenge, payloadBytes);
}

function withKey(command: Command): Command {
  return command
    .option('--serial <serial>', 'an emulated key of the folder')
    .option('--path <path>', 'a key that is plugged in, as vtoken hid list shows it');
}

/** Works with the key that the options name; both kinds are talked to in the same way. */
async function withHost(
  world: CliWorld,
  options: KeyOptions & { readonly touch?: boolean },
  work: (host: KeyHost, emulated: EmulatedKey | null) => Promise<void>,
): Promise<void> {
  const { serial, path, touch } = options;
  if (serial !== undefined && path !== undefined) {
    throw invalid('--serial and --path exclude each other');
  }
  if (serial === undefined) {
    if (touch !== undefined) throw invalid('--touch and --no-touch are for emulated keys');
    await withRealKey(world, path ?? (await onlyKey(world)), work);
    return;
  }
  await keysOf(world, options).use(serial, async (key) => {
    const clock = instantClock();
    const device = openEmulatedKey(key, clock);
    try {
      await work(createKeyHost(device, clock), device);
    } catch (error) {
      throw touch === undefined ? withTouchHint(error) : error;
    }
    return { key: device.key, result: undefined };
  });
}

async function withRealKey(
  world: CliWorld,
  path: string,
  work: (host: KeyHost, emulated: null) => Promise<void>,
): Promise<void> {
  const device = await openRealKey(path, world.realKeys);
  try {
    await work(createKeyHost(device, world.env), null);
  } finally {
    await device.close();
  }
}

/** The path of the key that is plugged in, if it is the only one. */
async function onlyKey(world: CliWorld): Promise<string> {
  const emulated = '--serial SERIAL names an emulated one';
  const keys = await listRealKeys(world.realKeys).catch((error: unknown) => {
    if (!(error instanceof EmulatorError)) throw error;
    throw new EmulatorError(error.code, `${error.message}; ${emulated}`, error);
  });
  const [first] = keys;
  if (first === undefined) {
    throw new EmulatorError('token-unknown', `no key is plugged in; ${emulated}`);
  }
  if (keys.length === 1) return first.path;
  throw invalid(`say --path with one of ${keys.map((key) => key.path).join(', ')}`);
}

function withTouchHint(error: unknown): unknown {
  if (!(error instanceof EmulatorError) || error.code !== 'untouched') return error;
  return new EmulatorError('untouched', `${error.message}; say --touch to touch it`);
}

function usbName({ vendorId, productId }: RealKey): string {
  return [vendorId, productId].map((id) => id.toString(16).padStart(4, '0')).join(':');
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
