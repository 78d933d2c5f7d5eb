import { type Command, Option } from 'commander';
import { answersTo } from './ask.ts';
import { clientCommand, type Desk, given, pathOf, text } from './commands.ts';
import { type CliIo, type Question, usageFailure } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import type { Call, JsonRecord } from './rest-client.ts';
import { type Cell, facts, instantText } from './table.ts';
import { keywordCharactersMax } from '../domain/request-settings.ts';

type Options = Readonly<Record<string, unknown>>;

const whyInput =
  '\nLeft out, it is read from standard input: arguments are visible to everybody on the machine\n' +
  'and stay in the history of the shell.';

/** `tallystick authenticate` and the like: what programs do for users. */
export function logonCommands(io: CliIo): readonly Command[] {
  return [
    narrowing(clientCommand(io, 'authenticate <user>', 'verifies a response', authenticate))
      .addOption(hostCodeOption())
      .option('--password', 'asks for the static password, and for nothing else')
      .option(
        '--keyword <word>',
        "asks for a challenge or a one-time password, by this word; '' is a blank one",
      )
      .option('--pin', 'asks for the server PIN first')
      .option('--response <response>', 'what the authenticator shows')
      .option('--new-pin', 'asks for a new server PIN afterwards, twice')
      .option('--challenge <challenge>', 'the challenge that it answers')
      .option('--challenge-key <key>', 'the key of what it answers, in its place')
      .option('--request-key <key>', 'repeats with the same key get the same answer')
      .addHelpText(
        'after',
        `${whyInput} One per line: PIN, response, new PIN, new PIN again. With --keyword there is no
response: what --password or --pin asks for is put behind the word. What is issued then is printed,
and the exit code is ${exitCodes.unanswered}: answer it with --challenge-key.`,
      ),
    narrowing(
      clientCommand(
        io,
        'verify-signature <user>',
        'verifies a signature over data fields',
        verifySignature,
      ),
    )
      .requiredOption(
        '--field <value>',
        'a data field; repeated for each, in the order in which the device asks for them',
        (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
      )
      .addOption(hostCodeOption())
      .option('--signature <signature>', 'what the authenticator shows')
      .option('--request-key <key>', 'repeats with the same key get the same answer')
      .addHelpText('after', whyInput),
    clientCommand(io, 'change-password <user>', 'sets another static password', changePassword)
      .option('--domain <name>', 'the domain, default master')
      .option('--back-end', 'the password that the back end knows')
      .addHelpText('after', `${whyInput} One per line: old, new, new again.`),
    narrowing(
      clientCommand(
        io,
        'challenge [user]',
        'asks for a challenge; without a user for whoever answers it',
        issueChallenge,
      ),
    ),
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

/** What the user compares with the display of his device before he goes on. */
function hostCodeOption(): Option {
  const what = 'whether the answer is to hold what the device shows as host code';
  return new Option('--host-code <wish>', what).choices(['none', 'optional', 'required']);
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
  const credential = await credentialFrom(desk, options);
  const call: Call = {
    method: 'POST',
    path: pathOf('authenticate'),
    body: given({
      user,
      domain: text(options, 'domain'),
      ...credential,
      challenge: text(options, 'challenge'),
      challengeKey: text(options, 'challengeKey'),
      serial: text(options, 'serial'),
      application: text(options, 'application'),
      hostCode: text(options, 'hostCode'),
    }),
    ...keyedBy(options),
  };
  const { body } = await desk.client(call);
  if (body['outcome'] === 'challenge-issued') {
    showIssued(desk, body, options['json'] === true);
    return;
  }
  const changed = body['pinChanged'] === true ? ' The new PIN is set.' : '';
  desk.show(body, `Accepted: ${user} by ${shownBy(body)}.${changed}${hostCodeText(body)}`);
}

async function verifySignature(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const typed = text(options, 'signature');
  const asked = typed === undefined ? { signature: shown('Signature') } : {};
  const { signature = typed } = await answersTo(desk.io, asked);
  const { body } = await desk.client({
    method: 'POST',
    path: pathOf('signatures'),
    body: given({
      user,
      domain: text(options, 'domain'),
      signature,
      fields: options['field'],
      serial: text(options, 'serial'),
      application: text(options, 'application'),
      hostCode: text(options, 'hostCode'),
    }),
    ...keyedBy(options),
  });
  const by = `${String(body['serial'])}/${String(body['application'])}`;
  desk.show(body, `Accepted: signed by ${by} of ${user}.${hostCodeText(body)}`);
}

function hostCodeText({ hostCode }: JsonRecord): string {
  return hostCode === undefined ? '' : ` Host code: ${hostCode as string}.`;
}

function keyedBy(options: Options): Pick<Call, 'headers'> {
  const requestKey = text(options, 'requestKey');
  return requestKey === undefined ? {} : { headers: { 'Idempotency-Key': requestKey } };
}

/** What let the person in, for people. */
function shownBy({ by, serial, application }: JsonRecord): string {
  if (by === 'password') return 'static password';
  if (by === 'virtual-otp') return `a one-time password that was sent (${String(serial)})`;
  if (by === 'emergency') return `an emergency code for ${String(serial)}`;
  return `${String(serial)}/${String(application)}`;
}

/** The challenge, if there is one, and the key to answer by; nobody is verified yet. */
function showIssued(desk: Desk, body: JsonRecord, asJson: boolean): void {
  const { challenge, challengeKey, message, expiresAtMs } = body;
  if (!asJson) {
    desk.io.say(`${String(message)}: valid until ${instantText(expiresAtMs as number)}.`);
  }
  const key = `key ${String(challengeKey)}`;
  desk.show(body, challenge === null ? key : `challenge ${challenge as string}\n${key}`);
  desk.io.setExitCode(exitCodes.unanswered);
}

async function credentialFrom(
  desk: Desk,
  options: Options,
): Promise<Readonly<Record<string, unknown>>> {
  const response = text(options, 'response');
  const keyword = keywordOf(options);
  const isPassword = options['password'] === true;
  if (isPassword || keyword !== undefined) {
    if (response !== undefined || options['newPin'] === true) {
      throw usageFailure('--password and --keyword take neither --response nor --new-pin');
    }
    const answers = await answersTo(desk.io, {
      ...(isPassword ? { password: secret('Password') } : {}),
      ...pinQuestion(options),
    });
    return { password: `${keyword ?? ''}${answers['password'] ?? ''}${answers['pin'] ?? ''}` };
  }
  const answers = await answersTo(desk.io, {
    ...pinQuestion(options),
    ...(response === undefined ? { response: shown('Response') } : {}),
    ...(options['newPin'] === true
      ? { newPin: secret('New PIN'), newPinConfirmation: secret('New PIN again') }
      : {}),
  });
  return given({ response, ...answers });
}

/** One that is longer than any policy's is no guess at this one's, so saying so tells nothing. */
function keywordOf(options: Options): string | undefined {
  const keyword = text(options, 'keyword');
  if (keyword === undefined || keyword.length <= keywordCharactersMax) return keyword;
  throw usageFailure(`--keyword takes a word of at most ${keywordCharactersMax} characters`);
}

async function changePassword(
  desk: Desk,
  [user = '']: readonly string[],
  options: Options,
): Promise<void> {
  const answers = await answersTo(desk.io, {
    password: secret('Old password'),
    newPassword: secret('New password'),
    newPasswordConfirmation: secret('New password again'),
  });
  const of = options['backEnd'] === true ? 'back-end' : undefined;
  const body = given({ user, domain: text(options, 'domain'), ...answers, of });
  const answer = await desk.client({ method: 'POST', path: pathOf('password'), body });
  desk.show(answer.body, `The password of ${user} is changed.`);
}

async function issueChallenge(
  desk: Desk,
  [user]: readonly string[],
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
