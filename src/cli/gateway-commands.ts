import { type Command, Option } from 'commander';
import { answersTo } from './ask.ts';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { type Cell, facts, table } from './table.ts';
import { readSecretFile } from '../config/index.ts';

type Options = Readonly<Record<string, unknown>>;

const whySecret = `
In --body and --header, {to}, {text} and {secret} stand for recipient, message and secret. The secret is
the password of --user-name, or what {secret} stands for; it is never an argument, which everybody on
the machine can see, and is never shown again. --secret-file - asks for it at a terminal, and elsewhere
reads one line from standard input.`;

const whatSetNeeds = `
Whoever changes where or how a secret is sent gives it again. --user-name '' logs on no more.`;

const createExamples = `
Examples:
  tallystick gateway create mail --channel email --smtp mail.example.com:587 --from otp@example.com \\
    --user-name otp --secret-file smtp.password
  tallystick gateway create sms --channel sms --url https://sms.example.com/v1/messages \\
    --header 'Authorization: Bearer {secret}' --secret-file -
  tallystick gateway create desk --channel sms --file messages.jsonl --position 9`;

/** `tallystick gateway ...`: by what one-time passwords leave. */
export function gatewayCommands(io: CliIo): Command {
  return group('gateway', 'by what one-time passwords leave: mail servers, web services, files', [
    clientCommand(io, 'list', 'all gateways, those of a channel as they are tried', listGateways),
    clientCommand(io, 'show <name>', 'one gateway', async (desk, [name = '']) => {
      showGateway(desk, (await desk.client({ method: 'GET', path: onePath(name) })).body);
    }),
    withSettings(
      clientCommand(io, 'create <name>', 'a new gateway', createGateway).addOption(
        new Option('--channel <channel>', 'how it reaches people')
          .choices(['email', 'sms', 'voice'])
          .makeOptionMandatory(),
      ),
    )
      .option('--disabled', 'not used until enabled')
      .addHelpText('after', whySecret + '\n' + createExamples),
    withSettings(clientCommand(io, 'set <name>', 'changes what is given', setGateway))
      .option('--no-headers', 'removes the headers')
      .addHelpText('after', whySecret + '\n' + whatSetNeeds),
    switching(io, 'enable <name>', 'uses it again', false),
    switching(io, 'disable <name>', 'passes it over until enabled', true),
    clientCommand(io, 'delete <name>', 'removes it and its secret', async (desk, [name = '']) => {
      await desk.client({ method: 'DELETE', path: onePath(name) });
      desk.show({ deleted: name }, `Gateway ${name} deleted.`);
    }),
    clientCommand(io, 'test <name>', 'sends a text without a one-time password', testGateway)
      .requiredOption('--to <recipient>', 'e-mail address, or number such as +491701234567')
      .addHelpText('after', '\nEnds with 1, and says why, if the gateway does not take it.'),
  ]);
}

function withSettings(command: Command): Command {
  return command
    .option(
      '--position <number>',
      'the lowest of a channel is tried first (1 to 1000); a new one is the last',
    )
    .option('--smtp <host:port>', 'kind smtp: a mail server, port 587 unless given')
    .addOption(
      new Option('--security <kind>', 'starttls (default), tls, or none to this machine').choices([
        'starttls',
        'tls',
        'none',
      ]),
    )
    .option('--from <address>', 'of mails, e.g. otp@example.com')
    .option('--subject <text>', 'of mails')
    .option('--user-name <name>', 'logs on to the mail server; needs a secret')
    .option('--url <url>', 'kind http: a web service that takes messages by POST')
    .addOption(
      new Option('--content <kind>', 'what the body is: json (default), form or text').choices([
        'json',
        'form',
        'text',
      ]),
    )
    .option('--body <template>', 'default {"to":"{to}","text":"{text}"} or to={to}&text={text}')
    .option(
      '--header <name: value>',
      'may be repeated; takes the place of all that were there',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    )
    .option('--file <name>', 'kind file: lines of JSON in the folder delivery.folder')
    .option('--secret-file <file>', 'the secret, mode 0600, or - to be asked');
}

function onePath(name: string): string {
  return pathOf('gateways', name);
}

async function listGateways(desk: Desk): Promise<void> {
  const items = await listAll(desk.client, pathOf('gateways'));
  const rows = items.map((item) => [
    String(item['name']),
    String(item['channel']),
    Number(item['position']),
    stateOf(item),
    settingsOf(item)['kind'] as Cell,
    targetOf(settingsOf(item)),
    item['hasSecret'] as boolean,
  ]);
  const heading = ['GATEWAY', 'CHANNEL', 'POSITION', 'STATE', 'KIND', 'TO', 'SECRET'];
  desk.show({ items }, table(heading, rows));
}

async function createGateway(
  desk: Desk,
  [name = '']: readonly string[],
  options: Options,
): Promise<void> {
  const body = given({
    name,
    channel: text(options, 'channel'),
    position: readPosition(options),
    settings: gatewaySettings(options, null),
    secret: await readSecret(desk.io, options),
    isDisabled: options['disabled'] === true ? true : undefined,
  });
  showGateway(desk, (await desk.client({ method: 'POST', path: pathOf('gateways'), body })).body);
}

async function setGateway(
  desk: Desk,
  [name = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = onePath(name);
  const position = readPosition(options);
  const { body: current, etag } = await desk.client({ method: 'GET', path });
  const settings = gatewaySettings(options, settingsOf(current));
  const secret = await readSecret(desk.io, options);
  const body = given({ position, settings, secret });
  if (Object.keys(body).length === 0) throw usageFailure('say what to set; see --help');
  // Nobody else's change may be lost between reading and writing.
  const headers = { 'If-Match': etag ?? '*' };
  showGateway(desk, (await desk.client({ method: 'PATCH', path, body, headers })).body);
}

function switching(
  io: CliIo,
  signature: string,
  description: string,
  isDisabled: boolean,
): Command {
  return clientCommand(io, signature, description, async (desk, [name = '']) => {
    const call = { method: 'PATCH', path: onePath(name), body: { isDisabled } } as const;
    showGateway(desk, (await desk.client(call)).body);
  });
}

async function testGateway(
  desk: Desk,
  [name = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('gateways', name, 'test');
  const { body } = await desk.client({
    method: 'POST',
    path,
    body: { to: text(options, 'to') },
  });
  if (body['outcome'] !== 'sent') {
    const reason = `${String(body['kind'])}: ${String(body['detail'])}`;
    throw new CliFailure(exitCodes.refused, `Not sent by ${name} (${reason}).`, body);
  }
  desk.show(body, `Gateway ${name} took the message.`);
}

function readPosition(options: Options): number | undefined {
  const typed = text(options, 'position');
  if (typed === undefined) return undefined;
  if (/^\d{1,6}$/.test(typed)) return Number(typed);
  throw usageFailure(`--position takes a whole number such as 2, not ${typed}`);
}

/** A file must be private; arguments never hold a secret. */
async function readSecret(io: CliIo, options: Options): Promise<string | undefined> {
  const file = text(options, 'secretFile');
  if (file === undefined) return undefined;
  if (file !== '-') return readSecretFile(file, 'the secret of the gateway');
  const { secret = '' } = await answersTo(io, { secret: { prompt: 'Secret', isSecret: true } });
  return secret;
}

function showGateway(desk: Desk, gateway: JsonRecord): void {
  const { headers = {}, ...plain } = settingsOf(gateway);
  const rows: (readonly [string, Cell])[] = [
    ['gateway', String(gateway['name'])],
    ['channel', String(gateway['channel'])],
    ['position', Number(gateway['position'])],
    ['state', stateOf(gateway)],
    ['secret', gateway['hasSecret'] === true ? 'set' : 'none'],
    ...Object.entries(plain).map(([name, value]): readonly [string, Cell] => [name, value as Cell]),
    ...Object.entries(headers as Readonly<Record<string, string>>).map(
      ([name, value]): readonly [string, Cell] => ['header', `${name}: ${value}`],
    ),
  ];
  desk.show(gateway, facts(rows));
}

function settingsOf(gateway: JsonRecord): JsonRecord {
  return gateway['settings'] as JsonRecord;
}

function targetOf(settings: JsonRecord): string {
  const { host, port, url, fileName } = settings as Readonly<Record<string, string | number>>;
  return host === undefined ? String(url ?? fileName) : `${host}:${String(port)}`;
}

function stateOf(gateway: JsonRecord): string {
  return gateway['isDisabled'] === true ? 'disabled' : 'active';
}
