import type { Command } from 'commander';
import { type CliWorld, print } from './context.ts';
import {
  type InboxCommandOptions,
  inboxFileOf,
  inboxSubcommand,
  messageLine,
} from './inbox-file.ts';
import { parseInstant, parseRange } from './values.ts';
import { EmulatorError } from '../errors.ts';
import {
  inboxLimits,
  type InboxMessage,
  isFor,
  otpDigits,
  otpOf,
  printable,
} from '../inbox/message.ts';

interface ListOptions extends InboxCommandOptions {
  readonly to?: string;
  readonly limit: string;
}

interface NewestOptions extends InboxCommandOptions {
  readonly to?: string;
  readonly wait?: string;
  readonly after?: string;
}

interface OtpOptions extends NewestOptions {
  readonly digits?: string;
}

const limitDefault = '20';
const waitSecondsMax = 3600;
const pollMs = 50;

const toOption = ['--to <address>', 'only messages to this address or number'] as const;

/** `vtoken inbox list` */
export function listCommand(world: CliWorld): Command {
  return inboxSubcommand('list', 'list messages, a line each, the newest last')
    .option(...toOption)
    .option('--limit <n>', `the newest so many (1 to ${inboxLimits.countMax})`, limitDefault)
    .action(async (options: ListOptions) => {
      const limit = parseRange('--limit', options.limit, 1, inboxLimits.countMax);
      const all = await inboxFileOf(world, options).file.read();
      const messages = all.filter((message) => isFor(message, options.to)).slice(-limit);
      print(world, options, messages, messages.map(messageLine).join('\n'));
    });
}

/** `vtoken inbox show` */
export function showCommand(world: CliWorld): Command {
  return withNewest(inboxSubcommand('show', 'print the text of the newest message'))
    .addHelpText('after', waitHelp('show'))
    .action(async (options: NewestOptions) => {
      const message = await newest(world, options, () => true);
      print(world, options, message, printable(message.text));
    });
}

/** `vtoken inbox otp` */
export function otpCommand(world: CliWorld): Command {
  const { min, max } = otpDigits;
  return withNewest(inboxSubcommand('otp', 'print the one-time password of the newest message'))
    .option('--digits <n>', `how many digits it has (${min} to ${max}; default: any of these)`)
    .addHelpText(
      'after',
      `
The first run of ${min} to ${max} digits is it, in the text, else in the subject. With --wait a message
without one is passed over.
${waitHelp('otp')}`,
    )
    .action((options: OtpOptions) => runOtp(world, options));
}

async function runOtp(world: CliWorld, options: OtpOptions): Promise<void> {
  const { min, max } = otpDigits;
  const digits =
    options.digits === undefined ? undefined : parseRange('--digits', options.digits, min, max);
  const message = await newest(world, options, (candidate) => otpOf(candidate, digits) !== null);
  const otp = otpOf(message, digits) ?? '';
  const { atMs, channel, to } = message;
  print(world, options, { otp, atMs, channel, to }, otp);
}

/** `vtoken inbox clear` */
export function clearCommand(world: CliWorld): Command {
  return inboxSubcommand('clear', 'remove all messages, also while the inbox is served').action(
    async (options: InboxCommandOptions) => {
      const { path, file } = inboxFileOf(world, options);
      await file.clear();
      print(world, options, { file: path, cleared: true }, 'the inbox is empty');
    },
  );
}

function withNewest(command: Command): Command {
  return command
    .option(...toOption)
    .option('--wait <seconds>', `wait for a message that is still to come (1 to ${waitSecondsMax})`)
    .option('--after <time>', 'only messages after this time: ISO 8601 or Unix milliseconds');
}

function waitHelp(name: string): string {
  return `
Without --wait it is the newest message there is. With --wait it is one that comes after this call,
or after the time of --after: a script that makes something send a message notes the time before.

Examples:
  vtoken inbox ${name} --to jane@example.test
  vtoken inbox ${name} --to jane@example.test --wait 10
  before=$(date +%s%3N); ./log-on jane; vtoken inbox ${name} --after $before --wait 10`;
}

/** The newest message, which must have what is asked for, or one that has it within the wait. */
async function newest(
  world: CliWorld,
  options: NewestOptions,
  hasIt: (message: InboxMessage) => boolean,
): Promise<InboxMessage> {
  const { to } = options;
  const waitMs =
    options.wait === undefined ? 0 : 1000 * parseRange('--wait', options.wait, 1, waitSecondsMax);
  const after = options.after === undefined ? null : parseInstant('--after', options.after);
  const deadlineMs = world.env.monotonicMs() + waitMs;
  const { file } = inboxFileOf(world, options);
  let version = await file.version();
  let messages = await file.read();
  // Without a time: what is there now is old, whatever the clock says.
  const sinceMs = after ?? (waitMs === 0 ? -1 : (messages.at(-1)?.atMs ?? -1));
  for (;;) {
    const found = messages.findLast((message) => message.atMs > sinceMs && isFor(message, to));
    if (found !== undefined && hasIt(found)) return found;
    if (world.env.monotonicMs() >= deadlineMs) throw missing(to, waitMs, found !== undefined);
    await world.env.sleepMs(pollMs);
    const present = await file.version();
    if (present !== version) messages = await file.read();
    version = present;
  }
}

function missing(to: string | undefined, waitMs: number, isThere: boolean): EmulatorError {
  const whose = to === undefined ? '' : ` to ${printable(to)}`;
  const when = waitMs === 0 ? '' : ` within ${waitMs / 1000} s`;
  const text = isThere
    ? `no one-time password in the newest message${whose}${when}`
    : `no message${whose}${when}`;
  return new EmulatorError('message-unknown', text);
}
