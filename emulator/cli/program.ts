import { Command, CommanderError } from 'commander';
import { type CliWorld, exitCodeHelp, exitCodeOf, exitCodes } from './context.ts';
import { batteryCommand } from './battery.ts';
import { driftCommand } from './drift.ts';
import { exportCommand } from './export.ts';
import { fleetCommand } from './fleet.ts';
import { hidCommand } from './hid.ts';
import { inboxCommand } from './inbox.ts';
import { infoCommand, programCommand } from './maintain.ts';
import { pairCommand } from './pair.ts';
import { pinCommand, unlockCommand } from './pin.ts';
import { signCommand } from './sign.ts';
import { listCommand, newCommand, removeCommand, showCommand } from './tokens.ts';
import { pressCommand, respondCommand } from './use.ts';
import { servePageCommand } from './serve.ts';
import { EmulatorError } from '../errors.ts';

/**
 * Runs one `vtoken` command: results to `out`, messages to `err`, never a stack trace.
 *
 * @param argv the arguments after the program's name
 * @returns the exit status, see `exitCodes`
 */
export async function runVtoken(argv: readonly string[], world: CliWorld): Promise<number> {
  try {
    await programOf(world).parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help that was asked for is a result; commander has printed its own message.
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    return report(world, argv.includes('--json'), error);
  }
}

function programOf(world: CliWorld): Command {
  const program = new Command('vtoken')
    .description(
      'Virtual one-time-password tokens: fobs and keypads in files, with clocks that drift.',
    )
    .addHelpText(
      'after',
      `
Start with:
  vtoken new VT00000001 --profile one-button-time
  vtoken press VT00000001

Every command explains itself: vtoken press --help
${exitCodeHelp}`,
    );
  const commands = [
    newCommand(world),
    pairCommand(world),
    listCommand(world),
    showCommand(world),
    pressCommand(world),
    respondCommand(world),
    signCommand(world),
    infoCommand(world),
    programCommand(world),
    pinCommand(world),
    unlockCommand(world),
    driftCommand(world),
    batteryCommand(world),
    exportCommand(world),
    inboxCommand(world),
    hidCommand(world),
    fleetCommand(world),
    servePageCommand(world),
    removeCommand(world),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands, ...commands.flatMap(({ commands: own }) => own)]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => world.out(text), writeErr: (text) => world.err(text) })
      .helpCommand(false)
      .showHelpAfterError(`(vtoken --help lists the commands and their options)`);
  }
  return program;
}

function report(world: CliWorld, asJson: boolean, error: unknown): number {
  const isOurs = error instanceof EmulatorError;
  const code = isOurs ? error.code : 'internal';
  const message = error instanceof Error ? error.message : 'unknown';
  const text = isOurs ? message : `internal error, please report it: ${message}`;
  world.err(
    asJson ? `${JSON.stringify({ error: { code, message: text } })}\n` : `vtoken: ${text}\n`,
  );
  return isOurs ? exitCodeOf(error.code) : exitCodes.bug;
}
