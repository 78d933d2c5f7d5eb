import { connect } from 'node:net';
import { createTransport, type SMTPTransportOptions, type Transporter } from 'nodemailer';
import type { Message, SmtpSettings } from '../service/ports.ts';
import { withinDeadline } from './deadline.ts';
import { type DeliveryFault, errorCodeOf, fault } from './failure.ts';
import { isLoopbackHost, lookupOf } from './loopback.ts';
import { hasControls, isAddress, type Mailbox, mailboxOf } from './mail-address.ts';
import { secretText } from './secret.ts';

type SocketProvider = NonNullable<SMTPTransportOptions['getSocket']>;

interface Prepared {
  readonly settings: SmtpSettings;
  readonly password: string | null;
  readonly from: Mailbox;
  readonly message: Message;
  readonly deadlineMs: number;
}

/** How long a server may take to close its side after the message was sent or refused. */
const closeMs = 2000;

/** The commands a detail may name: the library also puts words of the server there. */
const commandPattern = /^(?:EHLO|HELO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA)\b/;

/**
 * Hands a message to a mail server. Resolves once the server took it over.
 *
 * @throws DeliveryFault `contract` for settings or a recipient that cannot be used, before anything
 *   is sent; `refused` for answers of 4xx and 5xx, authentication too; `unreachable`, also for a
 *   certificate that is not trusted; `timeout`
 */
export async function sendBySmtp(
  settings: SmtpSettings,
  secret: Uint8Array | null,
  message: Message,
  deadlineMs: number,
): Promise<void> {
  requireServer(settings);
  if (hasControls(settings.subject)) {
    throw fault('contract', 'subject: must be one line without control characters');
  }
  if (!isAddress(message.to)) {
    throw fault('contract', 'the recipient is not one e-mail address, which a mail server needs');
  }
  const from = mailboxOf('from', settings.from);
  const password = settings.userName === null ? null : secretText(secret);
  if (settings.userName !== null && (settings.userName === '' || password === null)) {
    throw fault('contract', 'userName: to log on, both a user name and a secret are needed');
  }
  const prepared = { settings, password, from, message, deadlineMs };
  await withinDeadline(deadlineMs, (signal) => deliver(prepared, signal));
}

function requireServer({ host, port, security }: SmtpSettings): void {
  if (!/^[^\s\p{C}[\]/@]+$/u.test(host)) {
    throw fault('contract', 'host: must be a host name or an IP address');
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw fault('contract', 'port: must be 1 to 65535');
  }
  if (security === 'none' && !isLoopbackHost(host)) {
    throw fault(
      'contract',
      'security: none is allowed only to 127.0.0.0/8, ::1 or localhost; use tls or starttls',
    );
  }
}

async function deliver(prepared: Prepared, signal: AbortSignal): Promise<void> {
  const { from, message, settings } = prepared;
  // The library's own limits may be first: then nothing of it stays half open either.
  const failed = new AbortController();
  const transport = transportOf(prepared, AbortSignal.any([signal, failed.signal]));
  try {
    await transport.sendMail({
      from: { name: from.name, address: from.address },
      to: { name: '', address: message.to },
      // Named beside the headers, so that the only recipient is not what a parser makes of them.
      envelope: { from: from.address, to: [message.to] },
      subject: settings.subject,
      text: message.text,
      // RFC 3834: nobody's absence notice is to answer a one-time password.
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal,
    });
  } catch (error) {
    failed.abort();
    throw smtpFault(error);
  } finally {
    transport.close();
  }
}

function transportOf(
  { settings, password, deadlineMs }: Prepared,
  signal: AbortSignal,
): Transporter {
  const { host, port, security, userName } = settings;
  const login = userName !== null && password !== null;
  return createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    // Said aloud, or an environment variable could switch it off.
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    // Without forceAuth the message goes out unauthenticated if the server does not offer AUTH.
    ...(login ? { auth: { user: userName, pass: password }, forceAuth: true } : {}),
    getSocket: socketProvider(settings, signal),
    connectionTimeout: deadlineMs,
    greetingTimeout: deadlineMs,
    socketTimeout: deadlineMs,
    socketCloseTimeout: closeMs,
  });
}

/**
 * Opens the connection here and not in the library: that one asks name servers past the host table,
 * and a socket of our own is destroyed at the deadline whatever state the library is in.
 */
function socketProvider({ host, port }: SmtpSettings, signal: AbortSignal): SocketProvider {
  return (_options, callback) => {
    const socket = connect({ host, port, ...lookupOf(host) });
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const fail = (error: Error): void => callback(error);
    socket.once('error', fail);
    socket.once('connect', () => {
      // From here on the library listens.
      socket.removeListener('error', fail);
      callback(null, { connection: socket });
    });
  };
}

function smtpFault(error: unknown): DeliveryFault {
  const { code, responseCode, command } = factsOf(error);
  if (responseCode !== null) {
    const to = command === null ? '' : ` to ${command}`;
    return fault('refused', `the mail server answered ${responseCode}${to}`);
  }
  switch (code) {
    case 'ETIMEDOUT':
      return fault('timeout', 'no answer from the mail server within the deadline');
    case 'EAUTH':
      return fault('refused', 'logging on to the mail server by user name and secret failed');
    case 'EMESSAGE':
    case 'EENVELOPE':
      return fault('refused', 'the mail server does not take such a message');
    default:
      return fault('unreachable', `no answer from the mail server: ${errorCodeOf(error)}`);
  }
}

interface SmtpFacts {
  readonly code: unknown;
  /** 400 to 599; null where the server did not say no. */
  readonly responseCode: number | null;
  readonly command: string | null;
}

function factsOf(error: unknown): SmtpFacts {
  if (!(error instanceof Error)) return { code: null, responseCode: null, command: null };
  const [code, answered, during] = ['code', 'responseCode', 'command'].map((name): unknown =>
    Reflect.get(error, name),
  );
  const isNo = typeof answered === 'number' && answered >= 400 && answered <= 599;
  const named = typeof during === 'string' ? commandPattern.exec(during)?.[0] : undefined;
  return { code, responseCode: isNo ? answered : null, command: named ?? null };
}
