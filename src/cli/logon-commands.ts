import type { Command } from 'commander';
import { clientCommand, type Desk, given, pathOf, text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import type { Call } from './rest-client.ts';
import { type Cell, facts, instantText } from './table.ts';

type Options = Readonly<Record<string, unknown>>;

const whyInput =
  '\nLeft out, it is read from standard input: arguments are visible to everybody on the machine\n' +
  'and stay in the history of the shell.';

/** `tallystick authenticate`, `challenge` and `sync`: what programs do for users. */
export function logonCommands(io: CliIo): readonly Command[] {
  return [
    narrowing(clientCommand(io, 'authenticate <user>', 'verifies a response', authenticate))
      .option('--response <response>', 'what the authenticator shows')
      .option('--challenge <challenge>', 'the challenge that it answers')
      .option('--request-key <key>', 'repeats with the same key get the same answer')
      .addHelpText('after', whyInput),
    narrowing(clientCommand(io, 'challenge <user>', 'asks for a challenge', issueChallenge)),
    clientCommand(io, 'sync <user>', 'brings an authenticator and the server together', synchronise)
      .option('--domain <name>', 'the domain, default master')
      .option('--serial <serial>', 'needed when the user has several authenticators')
      .option('--first <response>', 'a response')
      .option('--first-challenge <challenge>', 'the challenge that it answers')
      .option('--second <response>', 'the next response')
      .option('--second-challenge <challenge>', 'the challenge that it answers')
      .addHelpText('after', `${whyInput} One response per line, the earlier one first.`),
  ];
}

function narrowing(command: Command): Command {
  return command
    .option('--domain <name>', 'the domain, default master')
    .option('--serial <serial>', 'only this authenticator')
    .option('--application <name>', 'only this application');
}

async function authenticate(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const [response] = await responses(desk, options, ['response']);
  const requestKey = text(options, 'requestKey');
  const call: Call = {
    method: 'POST',
    path: pathOf('authenticate'),
    body: given({
      user,
      domain: text(options, 'domain'),
      response,
      challenge: text(options, 'challenge'),
      serial: text(options, 'serial'),
      application: text(options, 'application'),
    }),
    ...(requestKey === undefined ? {} : { headers: { 'Idempotency-Key': requestKey } }),
  };
  const { body } = await desk.client(call);
  const { serial, application } = body;
  desk.show(body, `Accepted: ${user} by ${String(serial)}/${String(application)}.`);
}

async function issueChallenge(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const body = given({
    user,
    domain: text(options, 'domain'),
    serial: text(options, 'serial'),
    application: text(options, 'application'),
  });
  const answer = await desk.client({ method: 'POST', path: pathOf('challenges'), body });
  const { challenge, expiresAtMs } = answer.body;
  if (!options['json']) desk.io.say(`Valid until ${instantText(expiresAtMs as number)}.`);
  desk.show(answer.body, String(challenge));
}

async function synchronise(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const [first, second] = await responses(desk, options, ['first', 'second']);
  const body = given({
    user,
    domain: text(options, 'domain'),
    serial: text(options, 'serial'),
    first: given({ response: first, challenge: text(options, 'firstChallenge') }),
    second: given({ response: second, challenge: text(options, 'secondChallenge') }),
  });
  const answer = (await desk.client({ method: 'POST', path: pathOf('sync'), body })).body;
  const { serial, application, learned } = answer;
  desk.show(
    answer,
    facts([
      ['synchronised', `${String(serial)}/${String(application)}`],
      ...learnedFacts(learned as Learned | null | undefined),
    ]),
  );
}

interface Learned {
  readonly driftSeconds: number | null;
  readonly nextEventCounter: string | null;
  readonly followers: readonly string[];
}

/** Nothing for a key of role client, which is not told. */
function learnedFacts(learned: Learned | null | undefined): readonly (readonly [string, Cell])[] {
  if (learned === null || learned === undefined) return [];
  return [
    ['learned drift, seconds', learned.driftSeconds],
    ['next event counter', learned.nextEventCounter],
    ['followed by', learned.followers.join(' ')],
  ];
}

/** Responses from options, or all of them from standard input, a line each. */
async function responses(
  desk: Desk,
  options: Options,
  names: readonly string[],
): Promise<readonly string[]> {
  const typed = names.map((name) => text(options, name));
  if (typed.every((each) => each !== undefined)) return typed;
  if (typed.some((each) => each !== undefined)) {
    throw usageFailure(`give all of --${names.join(', --')}, or none and use standard input`);
  }
  if (desk.io.isInteractive) {
    desk.io.say(names.length === 1 ? 'Response:' : 'Two responses, a line each, then Ctrl-D:');
  }
  const lines = (await desk.io.readInput()).split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === names.length) return lines;
  throw usageFailure(`standard input must hold ${names.length} line(s), one response each`);
}
