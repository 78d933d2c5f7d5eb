import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { SmtpSettings } from '../../src/service/ports.ts';
import {
  closedPort,
  keyPair,
  type ReceivedMail,
  refusal,
  smtpTo,
  startMailServer,
  startRawServer,
} from './mail-server.ts';
import { otpText, secret } from './sample.ts';
import { failureOf, send } from './support.ts';

/** Header lines before the first empty one, folded lines joined. */
function headersOf(mail: ReceivedMail): string[] {
  const [head = ''] = mail.source.split('\r\n\r\n');
  return head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
}

const bodyOf = (mail: ReceivedMail): string =>
  mail.source.slice(mail.source.indexOf('\r\n\r\n') + 4);

/** Not by `once`: that the server's next write fails is as it should be. */
async function closed(socket: Socket): Promise<string> {
  if (!socket.destroyed) await new Promise((resolve) => socket.on('close', resolve));
  return 'closed';
}

describe('a mail server', () => {
  it('gets one plain message for one recipient, with subject and sender of the settings', async () => {
    const server = await startMailServer();
    await send(smtpTo(server.port));
    expect(server.mails).toHaveLength(1);
    const mail = server.mails[0]!;
    expect(mail).toMatchObject({ from: 'otp@example.org', to: ['grace@example.org'], user: null });
    const headers = headersOf(mail);
    expect(headers).toContain('From: Codes <otp@example.org>');
    expect(headers).toContain('To: grace@example.org');
    expect(headers).toContain('Subject: Your code');
    expect(headers).toContain('Auto-Submitted: auto-generated');
    expect(headers.find((line) => /^Content-Type:/i.test(line))).toMatch(/text\/plain/);
    expect(headers.filter((line) => /^(x-mailer|cc|bcc):/i.test(line))).toEqual([]);
    expect(bodyOf(mail).trim()).toBe(otpText);
  });

  it('gets a text that looks like the end of a message as a text', async () => {
    const server = await startMailServer();
    await send(smtpTo(server.port), { message: { text: 'a\r\n.\r\nRCPT TO:<eve@example.org>' } });
    expect(server.mails.map(({ to }) => to)).toEqual([['grace@example.org']]);
    expect(bodyOf(server.mails[0]!).trim()).toBe('a\r\n.\r\nRCPT TO:<eve@example.org>');
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['LOCALHOST', 'LOCALHOST'],
  ])('is reached without TLS on %s', async (_name, host) => {
    const server = await startMailServer();
    await send(smtpTo(server.port, { host }));
    expect(server.mails).toHaveLength(1);
  });

  it('is not asked for TLS where the settings say none', async () => {
    const server = await startMailServer({ disabledCommands: [], ...keyPair() });
    await send(smtpTo(server.port));
    expect(server.mails.map(({ isSecure }) => isSecure)).toEqual([false]);
  });

  it('is left without an open connection', async () => {
    let closing: Promise<unknown> | undefined;
    const server = await startRawServer((socket) => {
      closing = once(socket, 'close');
      socket.write('554 confided by the server\r\n');
    });
    await failureOf(smtpTo(server.port));
    await closing;
    expect(server.sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});

describe('logging on to a mail server', () => {
  const withUser = { userName: 'otp' };
  const withAuth = { allowInsecureAuth: true, authOptional: false };

  it('uses the user name and the secret', async () => {
    const server = await startMailServer(withAuth);
    await send(smtpTo(server.port, withUser), { secret });
    expect(server.mails.map(({ user }) => user)).toEqual(['otp']);
  });

  it('is over before the caller overwrites the secret', async () => {
    const server = await startMailServer(withAuth);
    const fleeting = Uint8Array.from(secret);
    const sending = send(smtpTo(server.port, withUser), { secret: fleeting });
    fleeting.fill(0);
    await sending;
    expect(server.mails).toHaveLength(1);
  });

  it('is refused with a wrong secret', async () => {
    const server = await startMailServer(withAuth);
    const wrong = Buffer.from('wrong');
    expect(await failureOf(smtpTo(server.port, withUser), { secret: wrong })).toEqual({
      kind: 'refused',
      detail: 'the mail server answered 535 to AUTH',
    });
    expect(server.mails).toEqual([]);
  });

  it('is refused by a server that answers something else', async () => {
    const server = await startRawServer((socket) => {
      const answers = ['250-raw\r\n250 AUTH PLAIN\r\n', '354 confided by the server\r\n'];
      socket.on('data', () => socket.write(answers.shift() ?? '500 enough\r\n'));
      socket.write('220 raw\r\n');
    });
    expect(await failureOf(smtpTo(server.port, withUser), { secret })).toEqual({
      kind: 'refused',
      detail: 'logging on to the mail server by user name and secret failed',
    });
  });

  it('sends nothing to a server that does not let anybody log on', async () => {
    const server = await startMailServer({ disabledCommands: ['AUTH', 'STARTTLS'] });
    expect(await failureOf(smtpTo(server.port, withUser), { secret })).toMatchObject({
      kind: 'refused',
    });
    expect(server.mails).toEqual([]);
  });

  it.each([
    ['no secret', null, /both a user name and a secret/],
    ['an empty secret', new Uint8Array(0), /both a user name and a secret/],
    ['a secret that is not text', Uint8Array.of(0xff, 0xfe), /not UTF-8/],
  ])('needs more than a user name: %s', async (_name, given, detail) => {
    const server = await startRawServer(() => undefined);
    const failure = await failureOf(smtpTo(server.port, withUser), { secret: given });
    expect(failure).toEqual({ kind: 'contract', detail: expect.stringMatching(detail) as string });
    expect(server.sockets).toEqual([]);
  });
});

describe('a mail server that does not take a message', () => {
  it.each([
    ['RCPT', 550, { onRcptTo: (_to, _session, answer) => answer(refusal(550)) }],
    ['RCPT', 450, { onRcptTo: (_to, _session, answer) => answer(refusal(450)) }],
    ['MAIL', 552, { onMailFrom: (_from, _session, answer) => answer(refusal(552)) }],
    [
      'DATA',
      554,
      {
        onData: (stream, _session, answer) => {
          stream.resume();
          stream.on('end', () => answer(refusal(554)));
        },
      },
    ],
  ] as [string, number, Parameters<typeof startMailServer>[0]][])(
    'refuses at %s with %i',
    async (command, code, options) => {
      const server = await startMailServer(options);
      const { kind, detail } = await failureOf(smtpTo(server.port));
      expect(kind).toBe('refused');
      expect(detail).toMatch(new RegExp(`^the mail server answered ${String(code)} to ${command}`));
    },
  );

  it('refuses by its greeting', async () => {
    const server = await startRawServer((socket) => socket.end('421 confided by the server\r\n'));
    expect(await failureOf(smtpTo(server.port))).toEqual({
      kind: 'refused',
      detail: 'the mail server answered 421',
    });
  });

  it('is unreachable if it is no mail server, hangs up or is not there', async () => {
    const chatty = await startRawServer((socket) => socket.write('HTTP/1.1 200 confided\r\n'));
    expect(await failureOf(smtpTo(chatty.port))).toMatchObject({ kind: 'unreachable' });
    const closing = await startRawServer((socket) => socket.end());
    expect(await failureOf(smtpTo(closing.port))).toMatchObject({ kind: 'unreachable' });
    expect(await failureOf(smtpTo(await closedPort()))).toEqual({
      kind: 'unreachable',
      detail: 'no answer from the mail server: ECONNREFUSED',
    });
  });
});

describe('the deadline of a mail', () => {
  it.each([
    ['never greets', 'none', () => undefined],
    ['never greets by TLS', 'tls', () => undefined],
    [
      'keeps writing one more line',
      'none',
      (socket) => {
        socket.write('220-wait\r\n');
        const timer = setInterval(() => socket.write('220-wait\r\n'), 20);
        socket.on('close', () => clearInterval(timer));
      },
    ],
  ] as [string, SmtpSettings['security'], Parameters<typeof startRawServer>[0]][])(
    'ends the wait for a server that %s, and the connection',
    async (_name, security, greet) => {
      const server = await startRawServer(greet);
      const startedMs = performance.now();
      const failure = await failureOf(smtpTo(server.port, { security }), { deadlineMs: 200 });
      expect(failure).toMatchObject({ kind: 'timeout' });
      expect(performance.now() - startedMs).toBeLessThan(2000);
      const socket = server.sockets[0]!;
      await closed(socket);
      expect(socket.destroyed).toBe(true);
    },
  );

  it('closes both sides at once, even if the server leaves its own open', async () => {
    const server = await startRawServer((socket) => {
      const timer = setInterval(() => socket.write('220-wait\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    }, true);
    await failureOf(smtpTo(server.port), { deadlineMs: 100 });
    const socket = server.sockets[0]!;
    // The library alone would leave it half open for two seconds.
    const tooLate = new Promise((resolve) => setTimeout(resolve, 1800, 'too late'));
    expect(await Promise.race([closed(socket), tooLate])).toBe('closed');
  });

  it('opens nothing when it has passed already', async () => {
    const server = await startRawServer(() => undefined);
    const failure = await failureOf(smtpTo(server.port), { deadlineMs: 0 });
    expect(failure).toMatchObject({ kind: 'timeout' });
    expect(server.sockets).toEqual([]);
  });
});

describe('settings of a mail server that are not used', () => {
  const cases: readonly [string, Partial<SmtpSettings>, RegExp][] = [
    ['plain to elsewhere', { host: 'mail.example.org' }, /none is allowed only to/],
    ['plain to something like loopback', { host: '127.0.0.1.example.org' }, /only to/],
    ['plain to something like localhost', { host: 'localhost.example.org' }, /only to/],
    ['an empty host', { host: '' }, /host: must be/],
    ['port 0', { port: 0 }, /port: must be 1 to 65535/],
    ['port 65536', { port: 65_536 }, /port: must be/],
    ['a line break in the subject', { subject: 'a\r\nBcc: eve@example.org' }, /subject: must/],
    ['a line break in from', { from: 'a@example.org\r\nBcc: eve@example.org' }, /from: must/],
    ['a line break in the name of from', { from: 'A\nB <a@example.org>' }, /from: must/],
    ['two senders', { from: 'a@example.org, b@example.org' }, /from: must/],
    ['no sender', { from: 'Codes' }, /from: must/],
  ];
  it.each(cases)('%s', async (_name, more, detail) => {
    const server = await startRawServer(() => undefined);
    const failure = await failureOf(smtpTo(server.port, more), { deadlineMs: 500 });
    expect(failure).toEqual({ kind: 'contract', detail: expect.stringMatching(detail) as string });
    expect(server.sockets).toEqual([]);
  });

  it.each([
    ['a line break', 'grace@example.org\r\nBcc: eve@example.org'],
    ['a bare line feed', 'grace@example.org\nDATA'],
    ['a line separator', 'grace@example.org\u2028x'],
    ['two addresses', 'grace@example.org,eve@example.org'],
    ['two addresses with a blank', 'grace@example.org eve@example.org'],
    ['a bracket', 'grace@example.org>'],
    ['two at-signs', 'grace@example.org@example.net'],
    ['a telephone number', '+4930123456'],
  ])('a recipient with %s', async (_name, to) => {
    const server = await startRawServer(() => undefined);
    const failure = await failureOf(smtpTo(server.port), { message: { to }, deadlineMs: 500 });
    expect(failure.kind).toBe('contract');
    expect(server.sockets).toEqual([]);
  });
});
