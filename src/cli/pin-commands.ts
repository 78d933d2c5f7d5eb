import type { Command } from 'commander';
import { answersTo } from './ask.ts';
import { clientCommand, type Desk, given, group, pathOf, text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { type Cell, table } from './table.ts';
import { readCharacters } from './values.ts';
import type { ApplicationView, PinEdit } from '../service/index.ts';

type Options = Readonly<Record<string, unknown>>;
type ApplicationPin = ApplicationView['pin'];

/** `tallystick token pin ...`: what an administrator does to the server PIN of an authenticator. */
export function tokenPinCommands(io: CliIo): Command {
  return group('pin', 'the server PIN: what its user has to know beside the response', [
    editing(io, 'enable', 'responses need one; its user sets the first', ({ minimumLength }) => ({
      minimumLength: minimumOf('--minimum-length', minimumLength),
    })).option('--minimum-length <number>', 'characters of the next one, 3 to 8'),
    editing(io, 'disable', 'the response alone verifies, and the PIN is forgotten'),
    clientCommand(io, 'set <serial>', 'gives it a PIN, which is asked for twice', setPin)
      .option(...applicationOption)
      .option('--must-change', 'its user has to replace it at the next logon')
      .option('--policy <name>', "whose rules it has to meet, default the key's own component's")
      .addHelpText('after', whyAsked),
    clientCommand(
      io,
      'clear <serial>',
      'none until its user sets one: the response alone verifies',
      (desk, [serial = ''], options) =>
        edit(desk, serial, options, { action: 'set', pin: '', confirmation: '' }),
    ).option(...applicationOption),
    editing(io, 'reset', 'forgets it: the next logon has to set one'),
    editing(io, 'force', 'the next logon has to change it'),
    editing(io, 'minimum', 'for the next one', ({ length }) => ({
      minimumLength: minimumOf('--length', length),
    })).requiredOption('--length <number>', 'its characters at least, 3 to 8'),
  ]);
}

const applicationOption = [
  '--application <name>',
  'only this application; without, all that verify',
] as const;

const whyAsked =
  '\nNever an argument: those are visible to everybody on the machine. Without a terminal it is read\n' +
  'from standard input, on two lines.';

function editing(
  io: CliIo,
  action: PinEdit['action'],
  description: string,
  members: (options: Options) => object = () => ({}),
): Command {
  return clientCommand(io, `${action} <serial>`, description, (desk, [serial = ''], options) =>
    edit(desk, serial, options, { action, ...members(options) }),
  ).option(...applicationOption);
}

function minimumOf(option: string, value: unknown): number | undefined {
  return typeof value === 'string' ? readCharacters(option, value) : undefined;
}

async function setPin(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  const twice = await answersTo(desk.io, {
    pin: { prompt: 'PIN', isSecret: true },
    confirmation: { prompt: 'PIN again', isSecret: true },
  });
  // An Enter too many must not leave the response alone to verify.
  if (twice['pin'] === '') throw usageFailure('the PIN is empty; to do without: token pin clear');
  const mustChange = options['mustChange'] === true ? true : undefined;
  const policy = text(options, 'policy');
  await edit(desk, serial, options, { action: 'set', ...twice, mustChange, policy });
}

async function edit(
  desk: Desk,
  serial: string,
  options: Options,
  members: Readonly<Record<string, unknown>>,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'pin');
  const body = given({ ...members, application: text(options, 'application') });
  const answer = (await desk.client({ method: 'POST', path, body })).body;
  const rows = (answer['applications'] as readonly JsonRecord[]).map((application) => [
    String(application['name']),
    pinCell(application),
  ]);
  desk.show(answer, table(['APPLICATION', 'PIN'], rows));
}

const states: Readonly<Record<ApplicationPin['state'], string>> = {
  off: 'off',
  'to-be-set': 'to be set',
  set: 'set',
  'change-required': 'set, change required',
  'none-needed': 'none needed',
};

/** How the server PIN of an application stands, in words. */
export function pinStateText(state: ApplicationPin['state']): string {
  return states[state];
}

/** How the server PIN of an application stands, and how many characters the next one needs. */
export function pinCell(application: JsonRecord): Cell {
  const { pin } = application as { readonly pin?: ApplicationPin };
  if (pin === undefined) return null;
  return pin.state === 'off' ? states.off : `${states[pin.state]} (${pin.minimumLength}+)`;
}
