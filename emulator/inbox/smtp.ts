import { createHash, timingSafeEqual } from 'node:crypto';
import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions } from 'smtp-server';
import { type ArrivingMessage, inboxLimits, recipientOf, subjectOf } from './message.ts';
import { InboxRefusal, refusalOf } from './refusal.ts';
import { listenOnLoopback, type LoopbackServer } from './loopback.ts';
import type { Secret } from '../device/secret.ts';

/** Who may send mail. Without it anybody on this machine may. */
export interface InboxUser {
  readonly name: string;
  readonly password: Secret;
}

const connectionsMax = 32;
const idleMsMax = 30_000;
/** Also for a client that keeps sending a byte now and then. */
const connectionMsMax = 300_000;
/** For those that are still connected when the server ends: nothing of theirs is under way. */
const closeMsMax = 100;

/** Takes mails by SMTP in the clear (RFC 5321) and gives them to `accept`, one per recipient. */
export async function startSmtp(
  port: number,
  user: InboxUser | undefined,
  accept: (arriving: readonly ArrivingMessage[]) => Promise<void>,
): Promise<LoopbackServer> {
  const smtp = new SMTPServer({
    name: 'vtoken-inbox',
    banner: 'vtoken inbox',
    logger: false,
    size: inboxLimits.messageBytesMax,
    maxRecipients: inboxLimits.recipientsMax,
    maxClients: connectionsMax,
    socketTimeout: idleMsMax,
    closeTimeout: closeMsMax,
    disableReverseLookup: true,
    ...authenticationOf(user),
    onData: (stream, { envelope }, callback) => {
      const recipients = envelope.rcptTo.map(({ address }) => address);
      messagesOf(stream, recipients)
        .then(accept)
        .then(
          () => callback(null, 'OK: message stored'),
          (error: unknown) => {
            const refusal = refusalOf(error);
            callback(Object.assign(new Error(refusal.message), { responseCode: refusal.smtpCode }));
          },
        );
    },
  });
  // A client that broke off is its own affair; that the port is taken, `listenOnLoopback` says.
  smtp.on('error', () => undefined);
  smtp.server.maxConnections = 2 * connectionsMax;
  smtp.server.on('connection', (socket) => {
    const deadline = setTimeout(() => socket.destroy(), connectionMsMax);
    socket.once('close', () => clearTimeout(deadline));
  });
  return {
    port: await listenOnLoopback(smtp.server, port),
    close: () => new Promise((resolve) => smtp.close(resolve)),
  };
}

function authenticationOf(user: InboxUser | undefined): SMTPServerOptions {
  if (user === undefined) return { disabledCommands: ['AUTH', 'STARTTLS'], authOptional: true };
  return {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN'],
    onAuth: ({ username, password }, _session, callback) => {
      const isRight =
        isSame(username ?? '', Buffer.from(user.name, 'utf8')) &&
        isSame(password ?? '', user.password.exposeSecret());
      if (isRight) callback(null, { user: user.name });
      else callback(new Error('wrong user name or password'));
    },
  };
}

function isSame(given: string, expected: Uint8Array): boolean {
  const digest = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(Buffer.from(given, 'utf8')), digest(expected));
}

async function messagesOf(
  stream: SMTPServerDataStream,
  recipients: readonly string[],
): Promise<ArrivingMessage[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // To the end even if it is too much: only then does the client read an answer.
    if (!stream.sizeExceeded) chunks.push(chunk);
  }
  if (stream.sizeExceeded) throw new InboxRefusal(552, 413, 'the message is too large');
  const { subject, text } = await readMail(Buffer.concat(chunks));
  return recipients.map((address) => {
    const to = recipientOf(address);
    if (to === null) throw new InboxRefusal(553, 400, 'a recipient is no address');
    return { channel: 'email', to, ...(subject === undefined ? {} : { subject }), text };
  });
}

async function readMail(
  bytes: Buffer,
): Promise<{ readonly subject: string | undefined; readonly text: string }> {
  try {
    const { subject, text, html } = await PostalMime.parse(bytes);
    return {
      subject: subject === undefined ? undefined : subjectOf(subject),
      text: (text ?? textOfHtml(html ?? '')).slice(0, inboxLimits.messageBytesMax).trimEnd(),
    };
  } catch {
    throw new InboxRefusal(554, 400, 'the message cannot be read');
  }
}

/** Enough to find a one-time password in a mail without a text part: colours are no passwords. */
function textOfHtml(html: string): string {
  const withoutHidden = html.replace(/<(style|script)\b[^]*?<\/\1>/gi, ' ');
  const withoutTags = withoutHidden.replace(/<\/?(?:p|br|div|tr|li)\b[^<>]*>/gi, '\n');
  return withoutTags.replace(/<[^<>]*>/g, '').trim();
}
