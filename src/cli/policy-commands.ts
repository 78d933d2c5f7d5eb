import { type Command, Option } from 'commander';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { explainPolicyCommand, fromText } from './policy-explanation.ts';
import { effectiveSettings, setPolicyCommand } from './policy-set-command.ts';
import { type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, table } from './table.ts';

type Options = Readonly<Record<string, unknown>>;

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
      clientCommand(io, 'effective <name>', 'every setting in force', (desk, [name = '']) =>
        showEffective(desk, name),
      ),
      explainPolicyCommand(io),
      setPolicyCommand(io),
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

async function showEffective(desk: Desk, name: string): Promise<void> {
  const { body } = await desk.client({
    method: 'GET',
    path: pathOf('policies', name, 'effective'),
  });
  const rows = Object.entries(effectiveSettings(body)).map(([setting, { value, unit, from }]) => [
    setting,
    JSON.stringify(value),
    unit,
    fromText(from),
  ]);
  const cost = Object.entries(body['cost'] as Readonly<Record<string, number>>).map(
    ([what, value]) => [what, Number.isInteger(value) ? value : Number(value.toPrecision(3))],
  );
  desk.show(
    body,
    [
      `Policy ${String(body['name'])}`,
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
