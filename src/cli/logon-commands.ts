import type { Command } from 'commander';
import { answersTo } from './ask.ts';
import { clientCommand, type Desk, given, pathOf, text } from './commands.ts';
import { type CliIo, type Question, usageFailure } from './io.ts';
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
      .option('--pin', 'asks for the server PIN first')
      .option('--response <response>', 'what the authenticator shows')
      .option('--new-pin', 'asks for a new server PIN afterwards, twice')
      .option('--challenge <challenge>', 'the challenge that it answers')
      .option('--request-key <key>', 'repeats with the same key get the same answer')
      .addHelpText('after', `${whyInput} One per line: PIN, response, new PIN, new PIN again.`),
    narrowing(clientCommand(io, 'challenge <user>', 'asks for a challenge', issueChallenge)),
    clientCommand(io, 'sync <user>', 'brings an authenticator and the server together', synchronise)
      .option('--domain <name>', 'the domain, default master')
      .option('--serial <serial>', 'needed when the user has several authenticators')
      .option('--pin', 'asks for the server PIN first')
      .option('--first <response>', 'a response')
      .option('--first-challenge <challenge>', 'the challenge that it answers')
      .option('--second <response>', 'the next response')
      .option('--second-challenge <challenge>', 'the challenge that it answers')
      .addHelpText('after', `${whyInput} One per line: PIN, the earlier response, the next.`),
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
  const response = text(options, 'response');
  const answers = await answersTo(desk.io, {
    ...pinQuestion(options),
    ...(response === undefined ? { response: shown('Response') } : {}),
    ...(options['newPin'] === true
      ? { newPin: secret('New PIN'), newPinConfirmation: secret('New PIN again') }
      : {}),
  });
  const requestKey = text(options, 'requestKey');
  const call: Call = {
    method: 'POST',
    path: pathOf('authenticate'),
    body: given({
      user,
      domain: text(options, 'domain'),
      response,
      ...answers,
      challenge: text(options, 'challenge'),
      serial: text(options, 'serial'),
      application: text(options, 'application'),
    }),
    ...(requestKey === undefined ? {} : { headers: { 'Idempotency-Key': requestKey } }),
  };
  const { body } = await desk.client(call);
  const { serial, application, pinChanged } = body;
  const changed = pinChanged === true ? ' The new PIN is set.' : '';
  desk.show(body, `Accepted: ${user} by ${String(serial)}/${String(application)}.${changed}`);
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
  const typed = { first: text(options, 'first'), second: text(options, 'second') };
  if ((typed.first === undefined) !== (typed.second === undefined)) {
    throw usageFailure('give both --first and --second, or neither and use standard input');
  }
  const answers = await answersTo(desk.io, {
    ...pinQuestion(options),
    ...(typed.first === undefined
      ? { first: shown('First response'), second: shown('Second response') }
      : {}),
  });
  const { pin, first = typed.first, second = typed.second } = answers;
  const body = given({
    user,
    domain: text(options, 'domain'),
    serial: text(options, 'serial'),
    pin,
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

function pinQuestion(options: Options): { readonly pin?: Question } {
  return options['pin'] === true ? { pin: secret('PIN') } : {};
}

function shown(prompt: string): Question {
  return { prompt, isSecret: false };
}

function secret(prompt: string): Question {
  return { prompt, isSecret: true };
}
