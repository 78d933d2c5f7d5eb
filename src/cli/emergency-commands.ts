import type { Command } from 'commander';
import { clientCommand, type Desk, given, group, pathOf, text } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { type CliIo, usageFailure } from './io.ts';
import type { Call, JsonRecord } from './rest-client.ts';
import { type Cell, facts, instantText, table } from './table.ts';
import { readWhole } from './values.ts';
import type { RevealAnswer } from '../service/index.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick token emergency ...`: codes that stand in for a device that is missing. */
export function tokenEmergencyCommands(io: CliIo): Command {
  return group('emergency', 'codes for users whose device is missing, or who forgot the PIN', [
    clientCommand(io, 'issue <serial> <kind>', 'makes a code in place of the last', issue)
      .option('--count <number>', 'codes of a one-time set, 1 to 50, default 10')
      .option('--days <number>', 'how long it lasts, at most as the policy says')
      .option('--online', 'a tokencode or passcode is good at the server too')
      .addHelpText('after', kindsHelp),
    clientCommand(io, 'list <serial>', 'what there is and was, without the codes', list),
    ofOne(io, 'reset', 'ends it: the next logon at a workstation fetches another', {
      method: 'POST',
      verb: 'reset',
    }),
    clientCommand(
      io,
      'reveal <serial> <id>',
      'shows a code, to be read out',
      reveal,
    ).requiredOption('--reason <text>', 'why, for the audit: 1 to 255 characters'),
    clientCommand(
      io,
      'approve <serial> <id>',
      'lets another administrator have the code that he asked for',
      approve,
    ).option('--requested-by <key>', 'only for this one, as "list" shows who asked'),
    clientCommand(
      io,
      'allow-online <serial> <id>',
      'makes it good at the server',
      allowOnline,
    ).option('--off', 'for workstations alone, again'),
    ofOne(io, 'revoke', 'ends it, and admits the device again', { method: 'DELETE' }),
  ]);
}

const kindsHelp =
  '\nKinds: tokencode (device missing) and passcode (PIN forgotten) for workstations without a server;\n' +
  'fixed and one-time for logons at the server, shown here and nowhere else.';

const kinds = ['tokencode', 'passcode', 'fixed', 'one-time'];

async function issue(
  desk: Desk,
  [serial = '', kind = '']: readonly string[],
  options: Options,
): Promise<void> {
  if (!kinds.includes(kind)) throw usageFailure(`the kind must be one of ${kinds.join(', ')}`);
  const whole = (name: string, option: string): number | undefined => {
    const value = text(options, name);
    return value === undefined ? undefined : readWhole(option, value);
  };
  const body = given({
    kind,
    count: whole('count', '--count'),
    lifetimeDays: whole('days', '--days'),
    onlineAllowed: options['online'] === true ? true : undefined,
  });
  const path = pathOf('authenticators', serial, 'emergency');
  const answer = (await desk.client({ method: 'POST', path, body })).body;
  const codes = answer['codes'] as readonly string[];
  const shown = codes.length === 0 ? '' : `\n\n${codes.join('\n')}`;
  desk.show(answer, `${codeFacts(answer)}${shown}`);
}

async function list(desk: Desk, [serial = '']: readonly string[]): Promise<void> {
  const path = pathOf('authenticators', serial, 'emergency');
  const answer = (await desk.client({ method: 'GET', path })).body;
  const rows = (answer['items'] as readonly JsonRecord[]).map((code) => [
    String(code['id']),
    String(code['kind']),
    String(code['state']),
    instantText(code['notAfterMs'] as number),
    usesCell(code),
    Boolean(code['onlineAllowed']),
    revealCell(code),
  ]);
  const heading = ['ID', 'KIND', 'STATE', 'ENDS', 'USES LEFT', 'ONLINE', 'READ OUT'];
  desk.show(answer, table(heading, rows));
}

async function reveal(
  desk: Desk,
  [serial = '', id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'emergency', id, 'reveal');
  const body = { reason: text(options, 'reason') };
  const answer = (await desk.client({ method: 'POST', path, body })).body;
  if ((answer['outcome'] as RevealAnswer['outcome']) === 'revealed') {
    desk.show(answer, String(answer['code']));
    return;
  }
  const wait = 'Another administrator has to approve within the hour; then ask again.';
  desk.show(answer, wait);
  desk.io.setExitCode(exitCodes.unanswered);
}

async function approve(
  desk: Desk,
  [serial = '', id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'emergency', id, 'approve');
  const body = given({ requestedBy: text(options, 'requestedBy') });
  const answer = (await desk.client({ method: 'POST', path, body })).body;
  desk.show(answer, codeFacts(answer));
}

async function allowOnline(
  desk: Desk,
  [serial = '', id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'emergency', id);
  const body = { onlineAllowed: options['off'] !== true };
  const answer = (await desk.client({ method: 'PATCH', path, body })).body;
  desk.show(answer, codeFacts(answer));
}

function ofOne(
  io: CliIo,
  name: string,
  description: string,
  { method, verb }: { readonly method: Call['method']; readonly verb?: string },
): Command {
  return clientCommand(
    io,
    `${name} <serial> <id>`,
    description,
    async (desk, [serial = '', id = '']) => {
      const rest = verb === undefined ? [] : [verb];
      const path = pathOf('authenticators', serial, 'emergency', id, ...rest);
      const answer = (await desk.client({ method, path })).body;
      desk.show(answer, codeFacts(answer));
    },
  );
}

function codeFacts(code: JsonRecord): string {
  return facts([
    ['id', String(code['id'])],
    ['kind', String(code['kind'])],
    ['state', String(code['state'])],
    ['needs the PIN', Boolean(code['isPinRequired'])],
    ['good online', Boolean(code['onlineAllowed'])],
    ['ends', instantText(code['notAfterMs'] as number)],
    ['uses left', usesCell(code)],
    ['wrong tries', code['missCount'] as number],
    ['read out', revealCell(code)],
  ]);
}

function usesCell({ usesLeft }: JsonRecord): Cell {
  return usesLeft === null ? 'no limit' : (usesLeft as number);
}

/** When it was last, or who waits for it. */
function revealCell({ reveal: asked, revealedAtMs }: JsonRecord): Cell {
  const waiting = asked as { readonly by: string; readonly approvedBy: string | null } | null;
  if (waiting !== null) {
    return waiting.approvedBy === null
      ? `asked for by ${waiting.by}`
      : `approved for ${waiting.by}`;
  }
  return revealedAtMs === null ? null : instantText(revealedAtMs as number);
}
