import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';
import type { SmtpSettings } from '../../src/service/ports.ts';
import { selfSigned } from '../support/self-signed.ts';
import { secretWord } from './sample.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | null;
  /** As it crossed the net, dots unstuffed. */
  readonly source: string;
}

export interface MailServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
}

/** A certificate of its own for a server, which nobody trusts. */
export function keyPair(): { readonly cert: string; readonly key: string } {
  const { certificate, privateKey } = selfSigned();
  return { cert: certificate, key: privateKey };
}

/** An error that the server answers with its number; the text must reach nobody. */
export function refusal(responseCode: number): Error {
  return Object.assign(new Error('confided by the server'), { responseCode });
}

/** A mail server on loopback that knows the user `otp`, until the test is over. */
export async function startMailServer(
  options: SMTPServerOptions = {},
  address = '127.0.0.1',
): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth: ({ username, password }, _session, answer) => {
      if (username === 'otp' && password === secretWord) answer(null, { user: username });
      else answer(refusal(535));
    },
    onData: (stream, { envelope, secure, user }, answer) => {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        mails.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          isSecure: secure,
          user: typeof user === 'string' ? user : null,
          source: Buffer.concat(pieces).toString('utf8'),
        });
        answer();
      });
    },
    ...options,
  });
  // Clients that do not like the certificate hang up, which the server reports as its own error.
  server.on('error', () => undefined);
  server.listen(0, address);
  await once(server.server, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

export interface RawServer {
  readonly port: number;
  readonly sockets: readonly Socket[];
}

/** Takes connections on loopback and says what `greet` says, until the test is over. */
export async function startRawServer(
  greet: (socket: Socket) => void,
  allowHalfOpen = false,
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** A port of loopback where nobody listens: just now the system gave it to us, and we left. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Settings of a plain server on loopback, with what a test says otherwise. */
export function smtpTo(port: number, more: Partial<SmtpSettings> = {}): SmtpSettings {
  return {
    kind: 'smtp',
    host: '127.0.0.1',
    port,
    security: 'none',
    userName: null,
    from: 'Codes <otp@example.org>',
    subject: 'Your code',
    ...more,
  };
}
