import { Command, CommanderError } from 'commander';
import { AgentError, exitCodes, texts } from './agent-error.ts';
import type { AgentWorld, Ended } from './cli-world.ts';
import {
  enrolCommand,
  removeCommand,
  reportCommand,
  resetCommand,
  runCommand,
} from './cli-administer.ts';
import { logonCommand, pamCommand, statusCommand, updateCommand } from './cli-use.ts';

/**
 * Runs one `tallystick-agent` command: results to `out`, everything else to `err`, never a stack.
 *
 * @param argv the arguments after the program's name
 * @returns the exit code
 */
export async function runAgentProgram(argv: readonly string[], world: AgentWorld): Promise<number> {
  const ended = { code: exitCodes.accepted };
  try {
    await programOf(world, ended).parseAsync([...argv], { from: 'user' });
    return ended.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help that was asked for is a result; commander has printed its own message.
      return error.exitCode === 0 ? exitCodes.accepted : exitCodes.usage;
    }
    return explain(world, error, argv);
  }
}

const exitCodeHelp = `
Exit codes:
${Object.entries(exitCodes)
  .map(
    ([code, number]) =>
      `  ${String(number).padStart(2)}  ${code.padEnd(16)}  ${texts[code as keyof typeof texts]}`,
  )
  .join('\n')}
`;

function programOf(world: AgentWorld, ended: Ended): Command {
  const program = new Command('tallystick-agent')
    .description('Signs users on at this computer, also while the server cannot be reached.')
    .addHelpText('after', exitCodeHelp);
  const commands = [
    enrolCommand(world),
    logonCommand(world, ended),
    updateCommand(world, ended),
    pamCommand(world, ended),
    statusCommand(world, ended),
    reportCommand(world),
    runCommand(world),
    removeCommand(world, ended),
    resetCommand(world),
  ];
  for (const command of commands) {
    command
      .option('--state <folder>', 'the folder of the agent', world.defaultFolder)
      .option('--verbose', 'say on standard error what exactly happened');
    program.addCommand(command);
  }
  for (const command of [program, ...commands]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => world.out(text), writeErr: (text) => world.err(text) })
      .helpCommand(false)
      .showHelpAfterError('(tallystick-agent --help lists the commands and their options)');
  }
  return program;
}

/** The user's words, and with `--verbose` the precise ones. */
function explain(world: AgentWorld, error: unknown, argv: readonly string[]): number {
  const failure = asFailure(error);
  const { code, message, shown } = failure;
  if (argv.includes('--verbose')) world.err(`${JSON.stringify({ code, detail: message })}\n`);
  if (argv.includes('--json')) world.out(`${JSON.stringify({ outcome: code })}\n`);
  else world.err(`tallystick-agent: ${shown ?? texts[code]}\n`);
  return exitCodes[code];
}

function asFailure(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const { code, syscall, message, path } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && typeof syscall === 'string') {
    const text = `${path ?? syscall}: ${code}`;
    return new AgentError('storage', message, { shown: `${texts.storage} (${text})` });
  }
  return new AgentError('internal', error instanceof Error ? message : 'no error object');
}
