import type { Command } from 'commander';
import { type CliWorld, print, readInput } from './context.ts';
import {
  type InboxCommandOptions,
  inboxFileOf,
  inboxSubcommand,
  messageLine,
} from './inbox-file.ts';
import { parsePin, parseRange } from './values.ts';
import { EmulatorError } from '../errors.ts';
import { inboxLimits, type InboxMessage } from '../inbox/message.ts';
import type { InboxUser } from '../inbox/smtp.ts';
import { type Inbox, startInbox } from '../inbox/inbox.ts';
import { loopbackHost } from '../inbox/loopback.ts';

interface ServeOptions extends InboxCommandOptions {
  readonly smtpPort: string;
  readonly httpPort: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly refuse?: string;
  readonly delayMs?: string;
}

const smtpPortDefault = '2525';
const httpPortDefault = '2580';
const passwordBytesMax = 1024;
const refuseCountMax = 1_000_000;
const delayMsMax = 60_000;
const portMax = 65_535;

/** `vtoken inbox serve` */
export function serveCommand(world: CliWorld): Command {
  return inboxSubcommand('serve', 'take mails by SMTP and messages by HTTP, on this machine only')
    .option('--smtp-port <port>', 'port for mails, 0 for any', smtpPortDefault)
    .option('--http-port <port>', 'port for messages, 0 for any', httpPortDefault)
    .option('--user <name>', 'who may send mails; needs --password-file (default: anybody)')
    .option('--password-file <file>', 'file with the password of that user')
    .option('--refuse <n>', `refuse the next n messages: 550 or HTTP 503 (0 to ${refuseCountMax})`)
    .option('--delay-ms <n>', `answer so much later (0 to ${delayMsMax})`)
    .addHelpText(
      'after',
      `
Listens on ${loopbackHost} until SIGTERM or Ctrl-C: first prints where, then a line per message. Mails
come without TLS. Messages come by POST /messages, in one of these forms:
  application/json                   {"to": "+491701234567", "text": "Your code is 123456"}
  application/x-www-form-urlencoded  to=%2B491701234567&text=Your+code+is+123456
  text/plain                         the text alone, with ?to=%2B491701234567 in the address
The answer is 200 once the message is kept. A message has up to ${inboxLimits.messageBytesMax / 1024} KiB and ${inboxLimits.recipientsMax} recipients;
the newest ${inboxLimits.countMax} messages are kept, or as many of them as fit in ${inboxLimits.bytesMax / 2 ** 20} MiB.

Examples:
  vtoken inbox serve
  vtoken inbox serve --smtp-port 0 --http-port 0 --json
  vtoken inbox serve --user gateway --password-file password.txt --refuse 2`,
    )
    .action((options: ServeOptions) => runServe(world, options));
}

async function runServe(world: CliWorld, options: ServeOptions): Promise<void> {
  const smtpPort = parseRange('--smtp-port', options.smtpPort, 0, portMax);
  const httpPort = parseRange('--http-port', options.httpPort, 0, portMax);
  if (smtpPort === httpPort && smtpPort !== 0) {
    throw invalid('--smtp-port and --http-port must differ');
  }
  const refuseCount = parseRange('--refuse', options.refuse ?? '0', 0, refuseCountMax);
  const delayMs = parseRange('--delay-ms', options.delayMs ?? '0', 0, delayMsMax);
  const user = await readUser(world, options);
  const { path, file } = inboxFileOf(world, options);
  // Says now, not with the first message, when the file cannot be used.
  await file.append([]);
  // A signal may come as soon as somebody has read where the inbox listens.
  const stopped = world.untilStopped();
  // After the line that says where: HTTP begins last, and SMTP lets every client wait for 100 ms.
  const onMessage = (message: InboxMessage): void =>
    print(world, options, message, messageLine(message));
  const inbox = await startInbox(
    { smtpPort, httpPort, user, file, refuseCount, delayMs, onMessage },
    world.env,
  );
  printListening(world, options, inbox, path);
  await stopped;
  await inbox.close();
  user?.password.wipe();
}

function printListening(
  world: CliWorld,
  options: ServeOptions,
  { ports }: Inbox,
  path: string,
): void {
  const result = { host: loopbackHost, smtpPort: ports.smtp, httpPort: ports.http, file: path };
  const text = `listening on ${loopbackHost}: SMTP ${ports.smtp}, HTTP ${ports.http}; messages go to ${path}`;
  print(world, options, result, text);
}

async function readUser(
  world: CliWorld,
  { user: name, passwordFile }: ServeOptions,
): Promise<InboxUser | undefined> {
  if (name === undefined && passwordFile === undefined) return undefined;
  if (name === undefined || passwordFile === undefined) {
    throw invalid('--user and --password-file belong together');
  }
  if (name === '') throw invalid('--user takes a name, not an empty text');
  const password = parsePin(await readInput(world, passwordFile, passwordBytesMax));
  if (password.length === 0) throw invalid(`${passwordFile} is empty: it must hold the password`);
  return { name, password };
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
