import type { Command } from 'commander';
import { clientCommand, pathOf, text } from './commands.ts';
import { explanationText } from './explanation-text.ts';
import type { CliIo } from './io.ts';
import type { UserExplanationJson } from '../rest/explanation.ts';

/** `tallystick explain`: why somebody could not log on. */
export function explainCommand(io: CliIo): Command {
  return clientCommand(
    io,
    'explain <user>',
    'why the last attempts on a user ended as they did',
    async (desk, [user = ''], options) => {
      const { body } = await desk.client({
        method: 'GET',
        path: pathOf('users', user, 'explanation'),
        query: {
          domain: text(options, 'domain'),
          limit: text(options, 'limit'),
          policy: text(options, 'policy'),
        },
      });
      desk.show(body, explanationText(body as unknown as UserExplanationJson));
    },
  )
    .option('--domain <name>', 'the domain, default master')
    .option('--limit <number>', 'so many attempts, 1 to 100, default 20')
    .option('--policy <name>', 'judge the account by this policy, not by that of the last attempt');
}
