import { Command } from 'commander';
import type { CliWorld } from './context.ts';
import { clearCommand, listCommand, otpCommand, showCommand } from './inbox-read.ts';
import { serveCommand } from './inbox-serve.ts';

/** `vtoken inbox` */
export function inboxCommand(world: CliWorld): Command {
  const inbox = new Command('inbox').description(
    'be the telephone and the mailbox of people who get one-time passwords sent',
  );
  const commands = [
    serveCommand(world),
    listCommand(world),
    showCommand(world),
    otpCommand(world),
    clearCommand(world),
  ];
  for (const command of commands) inbox.addCommand(command);
  return inbox.addHelpText(
    'after',
    `
Messages for anybody are taken and kept in one file. In one terminal, then in another:
  vtoken inbox serve
  vtoken inbox otp --to jane@example.test --wait 10`,
  );
}
