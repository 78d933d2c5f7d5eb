import type { Command } from 'commander';
import { command, group } from './commands.ts';
import type { CliIo } from './io.ts';
import { configFile, configPath, openConfig } from './local-config.ts';
import { facts, instantText, table } from './table.ts';
import { configJsonSchema, shownSettings } from '../config/index.ts';

type Options = Readonly<Record<string, unknown>>;

/** Commands that open module, database or configuration by themselves: no server is asked. */
export function localCommands(io: CliIo): readonly Command[] {
  const local = (
    signature: string,
    description: string,
    run: (options: Options, show: (document: object, text: string) => void) => Promise<void> | void,
  ): Command =>
    configFile(
      command(io, signature, description, (_args, options) =>
        run(options, (document, shown) =>
          io.print(options['json'] === true ? JSON.stringify(document) : shown),
        ),
      ),
    );
  return [
    group('hsm', 'the PKCS#11 module', hsmCommands(io, local)),
    group('db', 'the database', databaseCommands(io, local)),
    group('config', 'the configuration', configCommands(io, local)),
  ];
}

type Local = (
  signature: string,
  description: string,
  run: (options: Options, show: (document: object, text: string) => void) => Promise<void> | void,
) => Command;

function hsmCommands(io: CliIo, local: Local): readonly Command[] {
  return [
    local('init', 'makes the keys of the catalogue that are missing', async (options, show) => {
      const { config } = openConfig(io, options);
      const { fromModule, moduleAddress } = await import('../main.ts');
      const { initialiseModule } = await import('../../hsm/index.ts');
      const address = moduleAddress(config.module, io.environment);
      const { created, present } = await fromModule(initialiseModule(address));
      const text =
        created.length === 0
          ? `Nothing to do: all ${present.length} keys are there.`
          : `Created: ${created.join(', ')}. There already: ${present.join(', ') || 'none'}.`;
      show({ created, present }, text);
    }),
    local('status', 'logs in, runs the self-test and reports', async (options, show) => {
      const { config } = openConfig(io, options);
      const { openConfiguredModule } = await import('../main.ts');
      const module = await openConfiguredModule(config.module, io.environment);
      const status = module.status();
      await module.close();
      const shown = facts([
        ['state', status.state],
        ['p11Token', status.p11TokenLabel],
        ['serial', status.p11TokenSerial],
        ['model', `${status.manufacturer} ${status.model}`],
        ['residency of new seeds', status.residency],
        ['resident seeds', status.residentSeeds],
      ]);
      show(status, shown);
    }),
    local('list', 'keys and seeds in the module, never their values', async (options, show) => {
      const { config } = openConfig(io, options);
      const { fromModule, moduleAddress } = await import('../main.ts');
      const { listObjects } = await import('../../hsm/index.ts');
      const objects = await fromModule(listObjects(moduleAddress(config.module, io.environment)));
      const rows = objects.map((each) => [
        each.label,
        each.objectClass,
        each.keyType,
        each.sensitive,
        each.extractable,
        each.id,
      ]);
      const heading = ['LABEL', 'CLASS', 'TYPE', 'SENSITIVE', 'EXTRACTABLE', 'ID'];
      show({ objects }, table(heading, rows));
    }),
    local('reside', 'moves all seeds to one residency', async (options, show) => {
      const { resideSeeds } = await import('./reside-seeds.ts');
      await resideSeeds(io, options, show);
    })
      .requiredOption('--to <residency>', 'resident: in the module; wrapped: in the database')
      .option('--dry-run', 'only count what would be moved')
      .addHelpText(
        'after',
        '\nEvery seed serves throughout; after an interruption the same command goes on.',
      ),
  ];
}

function databaseCommands(io: CliIo, local: Local): readonly Command[] {
  return [
    local('migrate', 'brings the schema up to date', async (options, show) => {
      const { config } = openConfig(io, options);
      const { databaseLocation, systemClock } = await import('../main.ts');
      const { migrateDatabase } = await import('../store/index.ts');
      const database = databaseLocation(config.database);
      const report = await migrateDatabase({ database, clock: systemClock });
      const text =
        report.applied.length === 0
          ? `Nothing to do: schema version ${report.schemaVersion}.`
          : `Applied ${report.applied.join(', ')}: schema version ${report.schemaVersion}.`;
      show(report, text);
    }),
    local('status', 'which schema the database has', async (options, show) => {
      const { config } = openConfig(io, options);
      const { databaseLocation } = await import('../main.ts');
      const { databaseStatus } = await import('../store/index.ts');
      const status = await databaseStatus(databaseLocation(config.database));
      const shown = facts([
        ['kind', config.database.kind],
        ['schema version', status.schemaVersion],
        ['needed', status.schemaVersionNeeded],
        ['pending', status.pending.join(', ')],
        ['for tests', status.isTest],
        ['created', instantText(status.createdAtMs)],
      ]);
      show(status, shown);
    }),
  ];
}

function configCommands(io: CliIo, local: Local): readonly Command[] {
  return [
    local('check', 'says everything that is wrong, or that nothing is', (options, show) => {
      openConfig(io, options);
      const path = configPath(io, options);
      show({ ok: true, file: path }, `${path}: no problems.`);
    }),
    local('show', 'every setting and where it comes from; secrets masked', (options, show) => {
      const settings = shownSettings(openConfig(io, options));
      const rows = settings.map(({ name, value, from }) => [name, value, from]);
      show({ settings }, table(['SETTING', 'VALUE', 'FROM'], rows));
    }),
    local('schema', 'JSON Schema of the file', (_options, show) => {
      const schema = configJsonSchema();
      show(schema, JSON.stringify(schema, null, 2));
    }),
  ];
}
