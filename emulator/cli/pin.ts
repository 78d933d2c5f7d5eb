import { Command } from 'commander';
import {
  changeToken,
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  portsOf,
  print,
  readInput,
  refusedError,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { type NewPinOptions, readNewPin, withDevicePin } from './pin-input.ts';
import { EmulatorError } from '../errors.ts';
import { pinStatus, type PinStatus, setPin, unlock } from '../device/operate-pin.ts';
import { lockRefusal } from '../device/operate.ts';
import type { Refusal } from '../device/refusal.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';

interface SetOptions extends CommonOptions, TimeOptions, NewPinOptions {}

interface UnlockOptions extends CommonOptions, TimeOptions {
  readonly code?: string;
  readonly codeFile?: string;
  readonly codeStdin?: true;
}

const codeBytesMax = 256;

/** `vtoken pin` */
export function pinCommand(world: CliWorld): Command {
  const set = withDevicePin(
    withTime(commonCommand('set', 'set the first device PIN, or another')).argument('<serial>'),
  )
    .option('--new-pin-file <file>', 'file with the new PIN (default: asked for at a terminal)')
    .option('--new-pin-stdin', 'the same from the standard input')
    .addHelpText(
      'after',
      `
A token that has a PIN asks for it first, also for the initial one; a wrong one counts. With
--pin-stdin --new-pin-stdin the standard input holds both, a line each, the present PIN first.

Examples:
  vtoken pin set VT00000006
  vtoken pin set VT00000006 --pin-file old.txt --new-pin-file new.txt`,
    )
    .action((serial: string, options: SetOptions) => runSet(world, serial, options));
  const status = withTime(commonCommand('status', 'show whether the PIN is set, and the lock'))
    .argument('<serial>')
    .action((serial: string, options: CommonOptions & TimeOptions) =>
      runStatus(world, serial, options),
    );
  return new Command('pin')
    .description('set the device PIN, or show how it stands')
    .addCommand(set)
    .addCommand(status);
}

async function runSet(world: CliWorld, serial: string, options: SetOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { devicePin, newPin, confirmation } = await readNewPin(world, options, serial);
  const ports = portsOf(world);
  try {
    await changeToken(world, options, serial, (token) =>
      setPin(token, trueMs, newPin, { devicePin, confirmation, ports }),
    );
  } finally {
    for (const pin of [devicePin, newPin, confirmation]) pin?.wipe();
  }
  print(world, options, { serial, pin: 'set' }, 'the PIN is set');
}

async function runStatus(
  world: CliWorld,
  serial: string,
  options: CommonOptions & TimeOptions,
): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { token } = await folderOf(world, options).read(serial);
  const status = pinStatus(token, trueMs);
  wipeToken(token);
  if (status === null) throw refusedError({ code: 'pin-none' });
  print(world, options, { serial, pin: status }, pinStatusText(status));
}

/** One line for people. */
export function pinStatusText({ status, failures, failuresLeft, lock }: PinStatus): string {
  if (lock?.kind === 'brick') return 'locked for good';
  if (lock !== null && lock.lockedOutForMs > 0) {
    const seconds = Math.ceil(lock.lockedOutForMs / 1000);
    return `locked; takes no unlock code for another ${seconds} s`;
  }
  if (lock !== null) {
    return `locked; challenge ${lock.challenge}, ${lock.codesLeft} codes until a lockout`;
  }
  const texts = {
    none: 'none yet: the token wants a new one',
    initial: 'initial: the token wants a new one',
    set: 'set',
  } as const;
  return `${texts[status]}; ${failures} wrong so far, ${failuresLeft} until it locks`;
}

/** `vtoken unlock` */
export function unlockCommand(world: CliWorld): Command {
  return withTime(
    commonCommand('unlock', 'print the challenge of a locked token, or enter the unlock code'),
  )
    .argument('<serial>')
    .option('--code-file <file>', 'file with the unlock code that the host computed')
    .option('--code-stdin', 'the same from the standard input')
    .option('--code <code>', 'the same as an argument, for tests: others see arguments')
    .addHelpText(
      'after',
      `
A right code removes the old PIN: set a new one next. After a wrong one the challenge is another;
after three the token takes no code for 30 minutes by its own clock, switched on or off.

  vtoken unlock VT00000006
  tallystick token unlock-code VT00000006 --challenge CHALLENGE | vtoken unlock VT00000006 --code-stdin
  vtoken pin set VT00000006`,
    )
    .action((serial: string, options: UnlockOptions) => runUnlock(world, serial, options));
}

async function runUnlock(world: CliWorld, serial: string, options: UnlockOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const code = await codeOf(world, options);
  if (code === undefined) {
    const challenge = await challengeOf(world, options, serial, trueMs);
    print(world, options, { serial, challenge }, challenge);
    return;
  }
  const ports = portsOf(world);
  await changeToken(world, options, serial, (token) => unlock(token, trueMs, code, { ports }));
  print(world, options, { serial, unlocked: true }, 'unlocked: set a new PIN with vtoken pin set');
}

async function challengeOf(
  world: CliWorld,
  options: CommonOptions,
  serial: string,
  trueMs: number,
): Promise<string> {
  const { token } = await folderOf(world, options).read(serial);
  const lock = pinStatus(token, trueMs)?.lock;
  const refusal = shownRefusal(token, trueMs);
  wipeToken(token);
  if (refusal !== null || lock?.kind !== 'unlock') {
    throw refusedError(refusal ?? { code: 'not-locked' });
  }
  return lock.challenge;
}

/** Why the display of a token shows no unlock challenge. */
function shownRefusal(token: VirtualToken, trueMs: number): Refusal | null {
  if (token.state.pin === null) return { code: 'pin-none' };
  const refusal = lockRefusal(token, trueMs);
  return refusal?.code === 'locked' ? null : refusal;
}

async function codeOf(world: CliWorld, options: UnlockOptions): Promise<string | undefined> {
  const { code, codeFile, codeStdin } = options;
  const given = [code, codeFile, codeStdin].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new EmulatorError(
      'input-invalid',
      '--code, --code-file and --code-stdin exclude each other',
    );
  }
  const path = codeStdin === true ? '-' : codeFile;
  if (path === undefined) return code;
  return (await readInput(world, path, codeBytesMax)).toString('latin1').trim();
}
