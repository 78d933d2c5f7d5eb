import type { Command } from 'commander';
import { clientCommand, type Desk, group, listAll, pathOf, text } from './commands.ts';
import type { CliIo } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { type Cell, dateText, facts, instantText, table } from './table.ts';
import { readDays } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

const domainOption = ['--domain <name>', 'the domain, default master'] as const;

/** `tallystick offline ...`: workstations that verify users while no server can be reached. */
export function offlineCommands(io: CliIo): Command {
  return group('offline', 'workstations that verify users without a server', [
    clientCommand(io, 'agents', 'all workstations that were enrolled', listAgents),
    clientCommand(io, 'show-agent <id>', 'one workstation and what it was given', showAgent),
    clientCommand(io, 'revoke-agent <id>', 'takes it out; all it has is destroyed', revokeAgent)
      .option('--reason <text>', 'for the audit')
      .addHelpText('after', '\nA workstation that is revoked is enrolled anew or not at all.'),
    clientCommand(
      io,
      'accept-gap <id>',
      'lets its next report begin after what is lost here',
      acceptGap,
    )
      .requiredOption('--reason <text>', 'for the audit')
      .addHelpText(
        'after',
        '\nFor a server that was restored from a backup. What the workstation reported since is lost.',
      ),
    clientCommand(io, 'show <user>', 'what workstations have of a user', showUser).option(
      ...domainOption,
    ),
    clientCommand(io, 'delete <user>', 'what workstations have of a user is worth nothing', remove)
      .option(...domainOption)
      .option('--agent <id>', 'only at this workstation')
      .option('--serial <serial>', 'only of this authenticator')
      .addHelpText(
        'after',
        '\nA workstation learns it when it next reaches the server, and gets everything anew at the next\nlogon there.',
      ),
    clientCommand(io, 'expiring', 'what is over soon, the first first', listExpiring).option(
      '--within <days>',
      'default 2d',
    ),
    clientCommand(
      io,
      'silent',
      'what ended long ago at workstations that never came back',
      listSilent,
    ),
    clientCommand(io, 'signing-key', 'the key that workstations pin', showSigningKey),
  ]);
}

async function listAgents(desk: Desk): Promise<void> {
  const items = await listAll(desk.client, pathOf('offline', 'agents'));
  const heading = ['ID', 'NAME', 'COMPONENT', 'KEY', 'STATE', 'LAST SEEN'];
  desk.show({ items }, table(heading, items.map(agentCells)));
}

function agentCells(agent: JsonRecord): readonly Cell[] {
  return [
    String(agent['agentId']),
    String(agent['name']),
    String(agent['componentType']),
    String(agent['keyMode']),
    String(agent['state']),
    instantText(agent['lastSeenAtMs'] as number),
  ];
}

async function showAgent(desk: Desk, [id = '']: readonly string[]): Promise<void> {
  const { body } = await desk.client({ method: 'GET', path: pathOf('offline', 'agents', id) });
  const { packages, ...agent } = body as { readonly packages: readonly JsonRecord[] } & JsonRecord;
  const shown = facts([
    ['workstation', String(agent['name'])],
    ['id', String(agent['agentId'])],
    ['component', String(agent['componentType'])],
    ['key', String(agent['keyMode'])],
    ['counts failures', agent['countsFailures'] as boolean],
    ['fingerprint', String(agent['fingerprint'])],
    ['state', String(agent['state'])],
    ['revoked for', agent['revokedFor'] as string | null],
    ['enrolled', instantText(agent['enrolledAtMs'] as number)],
    ['last seen', instantText(agent['lastSeenAtMs'] as number)],
  ]);
  desk.show(body, `${shown}\n\n${packageTable(packages)}`);
}

async function revokeAgent(
  desk: Desk,
  [id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('offline', 'agents', id);
  await desk.client({ method: 'DELETE', path, query: { reason: text(options, 'reason') } });
  desk.show({ revoked: id }, `Workstation ${id} revoked.`);
}

async function acceptGap(
  desk: Desk,
  [id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = `${pathOf('offline', 'agents', id)}/accept-gap`;
  const { body } = await desk.client({
    method: 'POST',
    path,
    body: { reason: text(options, 'reason') },
  });
  desk.show(
    body,
    `The next report of workstation ${id} may begin after line ${String(body['acknowledgedThrough'])}.`,
  );
}

async function showUser(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('users', user, 'offline');
  const { body } = await desk.client({
    method: 'GET',
    path,
    query: { domain: text(options, 'domain') },
  });
  desk.show(body, packageTable(body['items'] as readonly JsonRecord[]));
}

async function remove(desk: Desk, [user = '']: readonly string[], options: Options): Promise<void> {
  const path = pathOf('users', user, 'offline');
  const { body } = await desk.client({
    method: 'DELETE',
    path,
    query: {
      domain: text(options, 'domain'),
      agentId: text(options, 'agent'),
      serial: text(options, 'serial'),
    },
  });
  desk.show(body, `Packages of ${user} revoked: ${String(body['revoked'])}.`);
}

async function listExpiring(desk: Desk, _args: readonly string[], options: Options): Promise<void> {
  const days = readDays('--within', text(options, 'within') ?? '2d');
  const { body } = await desk.client({
    method: 'GET',
    path: pathOf('offline', 'packages'),
    query: { endingWithinDays: String(days) },
  });
  desk.show(body, packageTable(body['items'] as readonly JsonRecord[]));
}

async function listSilent(desk: Desk): Promise<void> {
  const { body } = await desk.client({ method: 'GET', path: pathOf('offline', 'silent') });
  desk.show(body, packageTable(body['items'] as readonly JsonRecord[]));
}

async function showSigningKey(desk: Desk): Promise<void> {
  const { body } = await desk.client({ method: 'GET', path: pathOf('offline', 'signing-key') });
  desk.show(
    body,
    facts([
      ['fingerprint', String(body['fingerprint'])],
      ['key', String(body['signingKey'])],
    ]),
  );
}

function packageTable(items: readonly JsonRecord[]): string {
  const heading = ['USER', 'SERIAL', 'APPLICATION', 'WORKSTATION', 'STATE', 'USED', 'UNTIL'];
  return table(
    heading,
    items.map((item) => [
      `${String(item['domain'])}/${String(item['user'])}`,
      String(item['serial']),
      String(item['application']),
      String(item['agentName']),
      String(item['state']),
      `${String(item['eventsUsed'])}/${String(item['eventsMax'])}`,
      dateText(item['notAfterMs'] as number),
    ]),
  );
}
