import type { Command } from 'commander';
import { answersTo } from './ask.ts';
import { clientCommand, type Desk, given, group, pathOf, text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import { readText, requirePrivateFile } from '../config/index.ts';

type Options = Readonly<Record<string, unknown>>;

const domainOption = ['--domain <name>', 'the domain, default master'] as const;

const whyAsked =
  '\nNever an argument: those are visible to everybody on the machine. It is asked for twice at a\n' +
  'terminal; without one it is read from standard input, on two lines. With --password-file it is the\n' +
  'one line of a file that only its owner may read, or with - of standard input.';

/** `tallystick user password ...`: the static password of a user. */
export function userPasswordCommands(io: CliIo): Command {
  return group('password', 'the static password that this server keeps', [
    clientCommand(io, 'set <user>', 'gives him another one', setPassword)
      .option(...domainOption)
      .option('--password-file <file>', 'where it is, - for standard input')
      .option('--policy <name>', "whose rules it has to meet, default the key's own component's")
      .addHelpText('after', whyAsked),
    clientCommand(
      io,
      'clear <user>',
      'none verifies him until one is set',
      async (desk, [user = ''], options) => {
        const query = { domain: text(options, 'domain') };
        await desk.client({ method: 'DELETE', path: pathOf('users', user, 'password'), query });
        desk.show({ cleared: user }, `The password of ${user} is cleared.`);
      },
    ).option(...domainOption),
  ]);
}

async function setPassword(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const file = text(options, 'passwordFile');
  const password =
    file === undefined
      ? await askedTwice(desk.io)
      : { password: lineOf(await readAll(desk.io, file)) };
  const query = { domain: text(options, 'domain') };
  const body = given({ ...password, policy: text(options, 'policy') });
  const path = pathOf('users', user, 'password');
  const answer = (await desk.client({ method: 'PUT', path, query, body })).body;
  desk.show(answer, `The password of ${user} is set.`);
}

function askedTwice(io: CliIo): Promise<Readonly<Record<string, string>>> {
  return answersTo(io, {
    password: { prompt: 'Password', isSecret: true },
    confirmation: { prompt: 'Password again', isSecret: true },
  });
}

function readAll(io: CliIo, file: string): string | Promise<string> {
  if (file === '-') return io.readInput();
  requirePrivateFile(file, 'the password');
  return readText(file, 'the password');
}

/** Without the end of its line; blanks at its ends belong to it. */
function lineOf(read: string): string {
  const line = read.replace(/\r?\n$/, '');
  if (line !== '' && !/[\r\n]/.test(line)) return line;
  throw usageFailure('the password must be exactly one line');
}
