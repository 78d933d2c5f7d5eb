import { type Command, Option } from 'commander';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { explainPolicyCommand } from './policy-explanation.ts';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, table } from './table.ts';
import { readPolicySetting } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

const basePolicy = 'Base Policy';
const componentHeading = ['ID', 'TYPE', 'LOCATION', 'ACCESS', 'POLICY'] as const;

/** `tallystick policy ...` and `component ...`: which rules hold for whom. */
export function policyCommands(io: CliIo): readonly Command[] {
  return [
    group('policy', 'rules: windows, locks, what may verify', [
      clientCommand(io, 'list', 'all policies', async (desk) => {
        const items = await listAll(desk.client, pathOf('policies'));
        const rows = items.map((item) => [
          String(item['name']),
          item['parent'] as string | null,
          Object.keys(item['settings'] as object).length,
        ]);
        desk.show({ items }, table(['POLICY', 'PARENT', 'SETTINGS'], rows));
      }),
      clientCommand(io, 'show <name>', 'what the policy itself sets', async (desk, [name = '']) => {
        const { body } = await desk.client({ method: 'GET', path: pathOf('policies', name) });
        const settings = Object.entries(body['settings'] as JsonRecord);
        const head = facts([
          ['policy', String(body['name'])],
          ['parent', body['parent'] as string | null],
        ]);
        const rows = settings.map(([setting, value]) => [setting, JSON.stringify(value)]);
        desk.show(body, `${head}\n\n${table(['SETTING', 'VALUE'], rows)}`);
      }),
      clientCommand(io, 'effective <name>', 'every setting in force', async (desk, [name = '']) => {
        const path = pathOf('policies', name, 'effective');
        showEffective(desk, (await desk.client({ method: 'GET', path })).body);
      }),
      explainPolicyCommand(io),
      clientCommand(io, 'set <name> [setting=value...]', 'creates or changes a policy', setPolicy)
        .option('--parent <name>', `inherit from this policy; for a new one default ${basePolicy}`)
        .addHelpText('after', '\nAn empty value inherits again: tallystick policy set Office x='),
      clientCommand(io, 'delete <name>', 'removes an unused policy', async (desk, [name = '']) => {
        await desk.client({ method: 'DELETE', path: pathOf('policies', name) });
        desk.show({ deleted: name }, `Policy ${name} deleted.`);
      }),
    ]),
    group('component', 'calling programs: where they call from and which policy rules them', [
      clientCommand(io, 'list', 'all components', async (desk) => {
        const items = await listAll(desk.client, pathOf('components'));
        const rows = items.map(componentRow);
        desk.show({ items }, table(componentHeading, rows));
      }),
      clientCommand(io, 'create', 'a new component', createComponent)
        .requiredOption('--type <type>', 'what keys of this component are bound to')
        .requiredOption('--location <cidr>', 'where it calls from, e.g. 10.1.0.0/16')
        .addOption(accessOption())
        .requiredOption('--policy <name>', 'the policy for its requests'),
      clientCommand(io, 'set <id>', 'changes policy or access of a component', setComponent)
        .addOption(accessOption())
        .option('--policy <name>', 'the policy for its requests'),
      clientCommand(io, 'delete <id>', 'removes a component', async (desk, [id = '']) => {
        await desk.client({ method: 'DELETE', path: pathOf('components', id) });
        desk.show({ deleted: id }, `Component ${id} deleted.`);
      }),
    ]),
  ];
}

function accessOption(): Option {
  const meaning = 'what a program must show: its key (default), or nothing beyond its address';
  return new Option('--access <kind>', meaning).choices(['api-key', 'address']);
}

async function setPolicy(
  desk: Desk,
  [name = '', ...typed]: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('policies', name);
  const current = await currentPolicy(desk, path);
  const settings: Record<string, unknown> = { ...current?.settings };
  for (const [setting, value] of typed.map(readPolicySetting)) {
    if (value === undefined) Reflect.deleteProperty(settings, setting);
    else settings[setting] = value;
  }
  const parent = text(options, 'parent') ?? (current === null ? basePolicy : current.parent);
  const { body } = await desk.client({
    method: 'PUT',
    path,
    body: { parent, settings },
    // Nobody else's change may be lost between reading and writing.
    ...(current?.etag === undefined ? {} : { headers: { 'If-Match': current.etag } }),
  });
  showEffective(desk, body, current === null ? `created below ${String(parent)}` : 'changed');
}

interface CurrentPolicy {
  readonly parent: string | null;
  readonly settings: JsonRecord;
  readonly etag: string;
}

async function currentPolicy(desk: Desk, path: string): Promise<CurrentPolicy | null> {
  try {
    const { body, etag } = await desk.client({ method: 'GET', path });
    const { parent, settings } = body as { parent: string | null; settings: JsonRecord };
    return { parent, settings, etag: etag ?? '*' };
  } catch (error) {
    const isMissing =
      error instanceof CliFailure &&
      (error.document as { code?: string } | undefined)?.code === 'not-found';
    if (isMissing) return null;
    throw error;
  }
}

function showEffective(desk: Desk, body: JsonRecord, what?: string): void {
  const settings = body['settings'] as Readonly<
    Record<string, { value: unknown; from: string; unit: string }>
  >;
  const rows = Object.entries(settings).map(([name, { value, from, unit }]) => [
    name,
    JSON.stringify(value),
    unit,
    from === '' ? 'default' : from,
  ]);
  const cost = Object.entries(body['cost'] as Readonly<Record<string, number>>).map(
    ([name, value]) => [name, Number.isInteger(value) ? value : Number(value.toPrecision(3))],
  );
  desk.show(
    body,
    [
      `Policy ${String(body['name'])}${what === undefined ? '' : ` ${what}`}`,
      table(['SETTING', 'VALUE', 'UNIT', 'FROM'], rows),
      table(['COST', 'VALUE'], cost),
    ].join('\n\n'),
  );
}

async function createComponent(desk: Desk, _args: unknown, options: Options): Promise<void> {
  const body = given({
    type: text(options, 'type'),
    location: text(options, 'location'),
    access: text(options, 'access'),
    policy: text(options, 'policy'),
  });
  showComponent(
    desk,
    (await desk.client({ method: 'POST', path: pathOf('components'), body })).body,
  );
}

async function setComponent(
  desk: Desk,
  [id = '']: readonly string[],
  options: Options,
): Promise<void> {
  const body = given({ policy: text(options, 'policy'), access: text(options, 'access') });
  if (Object.keys(body).length === 0) throw usageFailure('set takes --policy, --access or both');
  const path = pathOf('components', id);
  showComponent(desk, (await desk.client({ method: 'PATCH', path, body })).body);
}

function showComponent(desk: Desk, body: JsonRecord): void {
  desk.show(body, table(componentHeading, [componentRow(body)]));
}

function componentRow(item: JsonRecord): readonly string[] {
  return [item['id'], item['type'], item['location'], item['access'], item['policy']].map(String);
}
