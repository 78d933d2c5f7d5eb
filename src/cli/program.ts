import { Command, CommanderError } from 'commander';
import { auditCommands } from './audit-commands.ts';
import { explainCommand } from './explain-command.ts';
import { driftCommands } from './drift-commands.ts';
import { exitCodes } from './exit-codes.ts';
import { gatewayCommands } from './gateway-commands.ts';
import { initCommand } from './init.ts';
import type { CliIo } from './io.ts';
import { keyCommands } from './key-commands.ts';
import { localCommands } from './local-commands.ts';
import { logonCommands } from './logon-commands.ts';
import { offlineCommands } from './offline-commands.ts';
import { policyCommands } from './policy-commands.ts';
import { serveCommand } from './serve.ts';
import { tokenCommands } from './token-commands.ts';
import { userCommands } from './user-commands.ts';

const examples = `
Begin:
  tallystick init --var var                      everything a server needs, in var/
  tallystick serve --config var/tallystick.json

Use, with a server running:
  tallystick user create jane
  tallystick token issue --to-emulator request.json --out bundle.json --user jane
  vtoken press VT00000001 | tallystick authenticate jane

Exit codes: 0 done, 1 refused, 2 usage or configuration, 3 not initialised, 4 PIN refused,
5 instance in use, 6 address in use, 7 module unavailable, 8 database unavailable,
9 server unavailable, 10 to be answered first, 70 a mistake in this program, 130 interrupted.`;

/**
 * Runs one command line (without node and script) and sets the exit code.
 *
 * @param version shown by `--version`
 */
export async function runProgram(
  io: CliIo,
  args: readonly string[],
  version: string,
): Promise<void> {
  const program = new Command('tallystick')
    .description('Verifies one-time passwords; the seeds stay inside an HSM.')
    .version(version)
    .addHelpText('after', examples);
  const commands = [
    initCommand(io),
    serveCommand(io),
    ...logonCommands(io),
    ...userCommands(io),
    tokenCommands(io),
    driftCommands(io),
    ...policyCommands(io),
    gatewayCommands(io),
    keyCommands(io),
    offlineCommands(io),
    explainCommand(io),
    ...auditCommands(io),
    ...localCommands(io),
  ];
  for (const command of commands) program.addCommand(command);
  prepare(program, io);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with 0; everything else is wrong usage, and commander has said so.
    io.setExitCode(error.exitCode === 0 ? exitCodes.done : exitCodes.usage);
  }
}

/** Commander ends the process itself unless every command is told not to. */
function prepare(command: Command, io: CliIo): void {
  command.exitOverride().showSuggestionAfterError().showHelpAfterError('(see --help)');
  command.configureOutput({
    writeOut: (text) => io.print(text.replace(/\n$/, '')),
    writeErr: (text) => io.say(text.replace(/\n$/, '')),
  });
  for (const each of command.commands) prepare(each, io);
}
