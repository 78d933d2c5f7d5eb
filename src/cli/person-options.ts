import { type Command, Option } from 'commander';
import { text } from './commands.ts';
import type { JsonRecord } from './rest-client.ts';
import { type Cell, instantText } from './table.ts';
import { localAuthentications } from '../domain/password-settings.ts';
import { deliveryMethods } from '../domain/virtual-settings.ts';

/** Options of `user create` and `user set` that say how a person is reached and what verifies him. */

type Options = Readonly<Record<string, unknown>>;

const asPolicySays = 'policy';
const noContact = 'none';

/** The command with these options. */
export function withPersonOptions(command: Command): Command {
  return command
    .option('--email <address>', 'where messages go; none takes it away')
    .option('--mobile <number>', 'likewise, with its country code: "+49 170 1234567"')
    .option('--phone <number>', 'likewise, for messages by voice')
    .addOption(
      new Option('--delivery <way>', "how messages go, in place of the policy's").choices([
        ...deliveryMethods,
        asPolicySays,
      ]),
    )
    .addOption(
      new Option(
        '--local-authentication <what>',
        "what verifies, in place of the policy's",
      ).choices([...localAuthentications, asPolicySays]),
    );
}

/** The members that the options are; what was not said is undefined. */
export function personMembers(options: Options): Readonly<Record<string, unknown>> {
  const unless = (taken: string, name: string): string | null | undefined => {
    const value = text(options, name);
    return value === taken ? null : value;
  };
  return {
    email: unless(noContact, 'email'),
    mobile: unless(noContact, 'mobile'),
    phone: unless(noContact, 'phone'),
    deliveryMethod: unless(asPolicySays, 'delivery'),
    localAuthentication: unless(asPolicySays, 'localAuthentication'),
  };
}

/** What `user show` says of them. */
export function personFacts(user: JsonRecord): readonly (readonly [string, Cell])[] {
  const { hasPassword, passwordSetAtMs } = user;
  const own = (member: string): Cell => (user[member] as string | null) ?? 'as the policy says';
  return [
    ['e-mail', user['email'] as string | null],
    ['mobile', user['mobile'] as string | null],
    ['phone', user['phone'] as string | null],
    ['delivery', own('deliveryMethod')],
    ['authentication', own('localAuthentication')],
    [
      'password',
      hasPassword === true ? `set ${instantText(passwordSetAtMs as number | null)}` : 'none',
    ],
  ];
}
