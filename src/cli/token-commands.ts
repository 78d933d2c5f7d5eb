import type { Command } from 'commander';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { tokenDriftCommands } from './drift-commands.ts';
import { tokenEmergencyCommands } from './emergency-commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import { issueToken } from './issue-token.ts';
import { pinCell, tokenPinCommands } from './pin-commands.ts';
import type { JsonRecord } from './rest-client.ts';
import { readSeedText, seedSources } from './seed-input.ts';
import { type Cell, facts, instantText, isExpired, table } from './table.ts';
import {
  isVirtualMobile,
  settingFacts,
  tokenSettings,
  withSettingOptions,
} from './token-settings.ts';
import { expiresOption, readApplication, readInstant, readWhole, modePrefixes } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick token ...`: authenticators, their seeds and their owners. */
export function tokenCommands(io: CliIo): Command {
  const domainOption = ['--domain <name>', "the user's domain, default master"] as const;
  return group('token', 'authenticators: hardware tokens and virtual ones', [
    clientCommand(io, 'list', 'all authenticators', listTokens),
    clientCommand(io, 'show <serial>', 'one authenticator', async (desk, [serial = '']) => {
      const path = pathOf('authenticators', serial);
      showToken(desk, (await desk.client({ method: 'GET', path })).body);
    }),
    createCommand(io),
    clientCommand(io, 'issue', 'pairs a virtual authenticator: its seeds leave once', issueToken)
      .requiredOption('--to-emulator <file>', 'the request of "vtoken pair --request" (- reads it)')
      .requiredOption(
        '--out <file>',
        'where the bundle for "vtoken pair --accept" goes (- prints it)',
      )
      .option('--user <user>', 'assign it to this user at once')
      .option(...domainOption),
    clientCommand(io, 'assign <serial> <user>', 'gives it to a user', assignToken)
      .option(...domainOption)
      .option('--grace-days <number>', "that he may still do without it, in place of the policy's"),
    posting(io, 'unassign <serial>', 'takes it from its user', 'unassign'),
    clientCommand(io, 'reset <serial>', 'forgets drift; counters never go back', resetToken).option(
      '--application <name>',
      'only this application',
    ),
    clientCommand(io, 'unlock-code <serial>', 'for a device that shows a challenge', unlockCode)
      .requiredOption('--challenge <challenge>', 'what the locked device shows')
      .option('--reason <text>', 'why, for the audit'),
    tokenDriftCommands(io),
    tokenPinCommands(io),
    tokenEmergencyCommands(io),
    withSettingOptions(
      clientCommand(io, 'set <serial>', 'changes expiry, grace period and backup', setToken),
    ),
    changing(io, 'enable <serial>', 'admits a disabled one again', { isDisabled: false }),
    changing(io, 'disable <serial>', 'refuses it until enabled', { isDisabled: true }),
    clientCommand(
      io,
      'delete <serial>',
      'removes it and its seeds',
      async (desk, [serial = '']) => {
        await desk.client({ method: 'DELETE', path: pathOf('authenticators', serial) });
        desk.show({ deleted: serial }, `Authenticator ${serial} deleted; its seeds are destroyed.`);
      },
    ),
  ]);
}

function createCommand(io: CliIo): Command {
  return clientCommand(io, 'create <serial>', 'a new authenticator', createToken)
    .option(
      '--application <name=algorithm>',
      'e.g. TIME=TOTP-SHA1-6-30S; may be repeated',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    )
    .option('--virtual-mobile', 'the right to have one-time passwords sent: no device, no seeds')
    .option('--model <model>', 'the model, default GENERIC, or VIR10 of a virtual mobile one')
    .option('--generate', 'seeds are made in the module and never leave it')
    .option('--import-hex-file <file>', 'the seed in hex, from a file or - for standard input')
    .option('--import-base32-file <file>', 'the seed in base32, likewise')
    .option('--event-counter <number>', 'the next counter that is accepted, default 0')
    .option(...expiresOption);
}

async function listTokens(desk: Desk): Promise<void> {
  const items = await listAll(desk.client, pathOf('authenticators'));
  const rows = items.map((item) => [
    String(item['serial']),
    String(item['model']),
    kindOf(item),
    stateOf(item),
    ownerOf(item),
    (item['applications'] as readonly JsonRecord[]).map(({ name }) => String(name)).join(' '),
  ]);
  desk.show({ items }, table(['SERIAL', 'MODEL', 'KIND', 'STATE', 'USER', 'APPLICATIONS'], rows));
}

async function createToken(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  if (options['virtualMobile'] === true) return createVirtualMobile(desk, serial, options);
  const typed = options['application'] as readonly string[] | undefined;
  if (typed === undefined) throw usageFailure('give --application, or --virtual-mobile');
  const applications = typed.map(readApplication);
  const chosen = seedSources(options);
  if (chosen !== 'generate' && applications.length !== 1) {
    throw usageFailure('an imported seed belongs to one application: give --application once');
  }
  const seed =
    chosen === 'generate'
      ? { source: 'generate' }
      : {
          source: 'import',
          encoding: chosen.encoding,
          value: await readSeedText(desk.io, chosen),
        };
  const eventCounter = text(options, 'eventCounter') ?? '0';
  const { body } = await desk.client({
    method: 'POST',
    path: pathOf('authenticators'),
    body: given({
      serial,
      model: text(options, 'model') ?? 'GENERIC',
      expiresAtMs: expiresOf(options),
      applications: applications.map((each) => ({ ...each, seed, eventCounter })),
    }),
  });
  showToken(desk, body);
}

const deviceOptions = [
  'application',
  'generate',
  'importHexFile',
  'importBase32File',
  'eventCounter',
];

async function createVirtualMobile(desk: Desk, serial: string, options: Options): Promise<void> {
  if (deviceOptions.some((name) => options[name] !== undefined)) {
    throw usageFailure(
      'a virtual mobile authenticator has no applications and no seeds: give --model and --expires only',
    );
  }
  const body = given({
    kind: 'virtual-mobile',
    serial,
    model: text(options, 'model'),
    expiresAtMs: expiresOf(options),
  });
  showToken(
    desk,
    (await desk.client({ method: 'POST', path: pathOf('authenticators'), body })).body,
  );
}

function expiresOf(options: Options): number | null | undefined {
  const expires = text(options, 'expires');
  return expires === undefined ? undefined : readInstant('--expires', expires);
}

async function assignToken(
  desk: Desk,
  [serial = '', user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'assign');
  const days = text(options, 'graceDays');
  const graceDays = days === undefined ? undefined : readWhole('--grace-days', days);
  const body = given({ user, domain: text(options, 'domain'), graceDays });
  showToken(desk, (await desk.client({ method: 'POST', path, body })).body);
}

async function resetToken(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'reset');
  const body = given({ application: text(options, 'application') });
  showToken(desk, (await desk.client({ method: 'POST', path, body })).body);
}

async function unlockCode(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'unlock-code');
  const body = given({ challenge: text(options, 'challenge'), reason: text(options, 'reason') });
  const answer = (await desk.client({ method: 'POST', path, body })).body;
  if (options['json'] !== true) {
    const left = answer['codesLeft'] as number;
    desk.io.say(`Unlock codes left for this authenticator within the hour: ${left}.`);
  }
  desk.show(answer, String(answer['code']));
}

function posting(io: CliIo, signature: string, description: string, verb: string): Command {
  return clientCommand(io, signature, description, async (desk, [serial = '']) => {
    const path = pathOf('authenticators', serial, verb);
    showToken(desk, (await desk.client({ method: 'POST', path })).body);
  });
}

function changing(
  io: CliIo,
  signature: string,
  description: string,
  body: { readonly isDisabled: boolean },
): Command {
  return clientCommand(io, signature, description, async (desk, [serial = '']) => {
    const path = pathOf('authenticators', serial);
    showToken(desk, (await desk.client({ method: 'PATCH', path, body })).body);
  });
}

async function setToken(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  const body = tokenSettings(options);
  const path = pathOf('authenticators', serial);
  showToken(desk, (await desk.client({ method: 'PATCH', path, body })).body);
}

function showToken(desk: Desk, token: JsonRecord): void {
  const applications = token['applications'] as readonly JsonRecord[];
  const head = facts([
    ['serial', String(token['serial'])],
    ['model', String(token['model'])],
    ['kind', kindOf(token)],
    ['state', stateOf(token)],
    ['expires', instantText(token['expiresAtMs'] as number | null)],
    ['user', ownerOf(token)],
    ['last used', instantText(token['lastUsedAtMs'] as number | null)],
    ...settingFacts(token),
  ]);
  if (isVirtualMobile(token)) {
    desk.show(token, head);
    return;
  }
  const rows = applications.map((application) => [
    String(application['name']),
    algorithmOf(application),
    `${String(application['seedOrigin'])}, ${String(application['residency'])}`,
    String(application['keyCheckValue']),
    pinCell(application),
    application['nextEventCounter'] as string | null,
    driftCell(application),
    application['failureCount'] as number | null,
    application['hasRememberedResponse'] as boolean | null,
    instantText(application['lastUsedAtMs'] as number | null),
  ]);
  const heading = [
    'APPLICATION',
    'ALGORITHM',
    'SEED',
    'CHECK',
    'PIN',
    'NEXT COUNTER',
    'DRIFT S',
    'FAILURES',
    'REMEMBERED',
    'LAST USED',
  ];
  desk.show(token, `${head}\n\n${table(heading, rows)}`);
}

function driftCell(application: JsonRecord): Cell {
  const driftSeconds = application['driftSeconds'] as number | null;
  return application['isDriftFrozen'] === true ? `${driftSeconds ?? '-'} frozen` : driftSeconds;
}

function stateOf(token: JsonRecord): string {
  if (token['isDisabled'] === true) return 'disabled';
  return isExpired(token) ? 'expired' : 'active';
}

function kindOf(token: JsonRecord): string {
  if (isVirtualMobile(token)) return 'virtual mobile';
  return token['isVirtual'] === true ? 'virtual' : 'hardware';
}

function ownerOf(token: JsonRecord): string | null {
  const { user, domain } = token as { user?: string | null; domain?: string | null };
  return user === null || user === undefined ? null : `${domain ?? ''}/${user}`;
}

/** As `--application` takes it. */
function algorithmOf({ mode, algorithm }: JsonRecord): string {
  const prefix = Object.entries(modePrefixes).find(([prefixed]) => prefixed === mode)?.[1];
  return `${prefix ?? ''}${String(algorithm)}`;
}
