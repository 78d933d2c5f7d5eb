import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { command, text } from './commands.ts';
import type { CliIo } from './io.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick init`: everything that a server needs, in one folder. */
export function initCommand(io: CliIo): Command {
  return command(
    io,
    'init',
    'makes what a server needs; run again it completes or does nothing',
    run,
  )
    .option('--var <folder>', 'where everything goes', 'var')
    .option('--database <sqlite|address>', 'sqlite, or postgres://user@host/name')
    .option('--database-file <file>', 'a file of mode 0600 with the PostgreSQL address')
    .option('--residency <kind>', 'new seeds are resident or wrapped')
    .option('--module <uri>', 'a pkcs11: address, instead of a SoftHSM made here; with --pin-file')
    .option('--test', 'marks a new database as one for tests, which may get a test clock')
    .option('--pin-file <file>', 'holds the PIN of the module named by --module')
    .addHelpText(
      'after',
      '\nEvery step is repeatable, so an interrupted run is completed by the next.',
    );

  async function run(_args: readonly string[], options: Options): Promise<void> {
    const folder = resolve(text(options, 'var') ?? 'var');
    const { initialise } = await import('./initialise.ts');
    const steps = await initialise(io, folder, options);
    const made = steps.filter((step) => step.made);
    if (options['json'] === true) {
      io.print(JSON.stringify({ folder, changed: made.length > 0, steps }));
      return;
    }
    if (made.length === 0) {
      io.print(`Nothing to do: ${folder} is initialised.`);
      return;
    }
    for (const { name, note } of made) io.print(`made  ${name}${note === '' ? '' : `: ${note}`}`);
    io.print(`Ready: tallystick serve --config ${join(folder, 'tallystick.json')}`);
  }
}
