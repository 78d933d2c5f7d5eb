import { type Command, Option } from 'commander';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import { personFacts, personMembers, withPersonOptions } from './person-options.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, instantText, isExpired, table } from './table.ts';
import { userPasswordCommands } from './user-password-commands.ts';
import { expiresOption, readInstant } from './values.ts';

const administratorRoles = ['admin', 'helpdesk', 'auditor'] as const;
const domainOption = ['--domain <name>', 'the domain, default master'] as const;

/** `tallystick user ...`, `domain ...` and `unit ...`. */
export function userCommands(io: CliIo): readonly Command[] {
  return [
    group('user', 'people who log on', [
      clientCommand(io, 'list', 'all users of a domain', listUsers).option(...domainOption),
      clientCommand(io, 'show <user>', 'one user', async (desk, [user = ''], options) => {
        const query = { domain: text(options, 'domain') };
        const path = pathOf('users', user);
        showUser(desk, (await desk.client({ method: 'GET', path, query })).body);
      }).option(...domainOption),
      withPersonOptions(
        clientCommand(io, 'create <user>', 'a new user', createUser)
          .option(...domainOption)
          .option('--organisational-unit <name>', 'where the user belongs')
          .option(...expiresOption),
      ),
      withPersonOptions(
        clientCommand(io, 'set <user>', 'changes expiry, role, contact and what verifies', setUser)
          .option(...domainOption)
          .option(...expiresOption)
          .addOption(
            new Option(
              '--role <role>',
              'as administrator, after signing in; none takes it away',
            ).choices([...administratorRoles, 'none']),
          ),
      ),
      userPasswordCommands(io),
      clientCommand(io, 'delete <user>', 'removes a user', deleteUser).option(...domainOption),
      changing(io, 'lock <user>', 'locks until somebody unlocks', 'lock'),
      changing(io, 'unlock <user>', 'lifts a lock and clears the count', 'unlock'),
      changing(io, 'enable <user>', 'admits a disabled user again', { isDisabled: false }),
      changing(io, 'disable <user>', 'refuses a user until enabled', { isDisabled: true }),
    ]),
    group('domain', 'name spaces for users', [
      clientCommand(io, 'list', 'all domains', async (desk) => {
        const items = await listAll(desk.client, pathOf('domains'));
        desk.show(
          { items },
          table(
            ['DOMAIN'],
            items.map(({ name }) => [String(name)]),
          ),
        );
      }),
      clientCommand(io, 'create <name>', 'a new domain', async (desk, [name = '']) => {
        const { body } = await desk.client({
          method: 'POST',
          path: pathOf('domains'),
          body: { name },
        });
        desk.show(body, `Domain ${name} created.`);
      }),
      clientCommand(io, 'delete <name>', 'removes an empty domain', async (desk, [name = '']) => {
        await desk.client({ method: 'DELETE', path: pathOf('domains', name) });
        desk.show({ deleted: name }, `Domain ${name} deleted.`);
      }),
    ]),
    group('unit', 'organisational units of a domain', [
      clientCommand(io, 'list', 'all units', listUnits).option(...domainOption),
      clientCommand(io, 'create <name>', 'a new unit', createUnit)
        .option(...domainOption)
        .option('--parent <name>', 'the unit above'),
    ]),
  ];
}

type Run = Parameters<typeof clientCommand>[3];

async function listUsers(desk: Desk, _args: unknown, options: Parameters<Run>[2]): Promise<void> {
  const query = { domain: text(options, 'domain') };
  const items = await listAll(desk.client, pathOf('users'), query);
  const rows = items.map((item) => {
    const serials = (item['serials'] as readonly string[]).join(' ');
    return [String(item['user']), stateOf(item), serials, instantText(successOf(item))];
  });
  desk.show({ items }, table(['USER', 'STATE', 'AUTHENTICATORS', 'LAST SUCCESS'], rows));
}

async function createUser(
  desk: Desk,
  [user = '']: readonly string[],
  options: Parameters<Run>[2],
): Promise<void> {
  const expires = text(options, 'expires');
  const { body } = await desk.client({
    method: 'POST',
    path: pathOf('users'),
    body: given({
      user,
      domain: text(options, 'domain'),
      organisationalUnit: text(options, 'organisationalUnit'),
      expiresAtMs: expires === undefined ? undefined : readInstant('--expires', expires),
      ...personMembers(options),
    }),
  });
  desk.show(body, `User ${String(body['user'])} created in domain ${String(body['domain'])}.`);
}

async function setUser(
  desk: Desk,
  [user = '']: readonly string[],
  options: Parameters<Run>[2],
): Promise<void> {
  const role = text(options, 'role');
  const expires = text(options, 'expires');
  const body = given({
    administratorRole: role === 'none' ? null : role,
    expiresAtMs: expires === undefined ? undefined : readInstant('--expires', expires),
    ...personMembers(options),
  });
  if (Object.keys(body).length === 0) {
    throw usageFailure('say what to set, e.g. --expires or --email; --help lists all');
  }
  const query = { domain: text(options, 'domain') };
  const path = pathOf('users', user);
  showUser(desk, (await desk.client({ method: 'PATCH', path, query, body })).body);
}

async function deleteUser(
  desk: Desk,
  [user = '']: readonly string[],
  options: Parameters<Run>[2],
): Promise<void> {
  const query = { domain: text(options, 'domain') };
  await desk.client({ method: 'DELETE', path: pathOf('users', user), query });
  desk.show({ deleted: user }, `User ${user} deleted.`);
}

function changing(
  io: CliIo,
  signature: string,
  description: string,
  change: 'lock' | 'unlock' | { readonly isDisabled: boolean },
): Command {
  return clientCommand(io, signature, description, async (desk, [user = ''], options) => {
    const query = { domain: text(options, 'domain') };
    const call =
      typeof change === 'string'
        ? ({ method: 'POST', path: pathOf('users', user, change), query } as const)
        : ({ method: 'PATCH', path: pathOf('users', user), query, body: change } as const);
    showUser(desk, (await desk.client(call)).body);
  }).option(...domainOption);
}

function showUser(desk: Desk, user: JsonRecord): void {
  const { lockCount, organisationalUnit, administratorRole, expiresAtMs, lastAttemptAtMs } = user;
  desk.show(
    user,
    facts([
      ['user', String(user['user'])],
      ['domain', String(user['domain'])],
      ['unit', organisationalUnit as string | null],
      ['role', administratorRole as string | null],
      ['state', stateOf(user)],
      ['failures', Number(lockCount)],
      ['authenticators', (user['serials'] as readonly string[]).join(' ')],
      ['expires', instantText(expiresAtMs as number | null)],
      ['last attempt', instantText(lastAttemptAtMs as number | null)],
      ['last success', instantText(successOf(user))],
      ...personFacts(user),
    ]),
  );
}

function successOf(user: JsonRecord): number | null {
  return user['lastSuccessAtMs'] as number | null;
}

function stateOf(user: JsonRecord): string {
  if (user['isDisabled'] === true) return 'disabled';
  const { lockedBy } = user as { lockedBy?: string | null };
  if (isExpired(user)) return 'expired';
  return lockedBy === null || lockedBy === undefined ? 'active' : `locked (${lockedBy})`;
}

async function listUnits(desk: Desk, _args: unknown, options: Parameters<Run>[2]): Promise<void> {
  const path = pathOf('domains', text(options, 'domain') ?? 'master', 'organisational-units');
  const items = await listAll(desk.client, path);
  const rows = items.map(({ name, parent }) => [String(name), parent as string | null]);
  desk.show({ items }, table(['UNIT', 'PARENT'], rows));
}

async function createUnit(
  desk: Desk,
  [name = '']: readonly string[],
  options: Parameters<Run>[2],
): Promise<void> {
  const path = pathOf('domains', text(options, 'domain') ?? 'master', 'organisational-units');
  const body = given({ name, parent: text(options, 'parent') });
  const answer = await desk.client({ method: 'POST', path, body });
  desk.show(answer.body, `Unit ${name} created.`);
}
