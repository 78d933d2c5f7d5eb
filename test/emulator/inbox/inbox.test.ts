import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type InboxFile,
  nodeEnv,
  openInboxFile,
  Secret,
  startInbox,
} from '../../../emulator/index.ts';
import { openInbox, post, sendMail, smtpCodeOf } from './support.ts';
import { errorOf, freshFolder } from '../support.ts';

const jane = 'jane@example.test';
const form = 'application/x-www-form-urlencoded';

describe('mails by SMTP', () => {
  it('are decoded and kept once per recipient, also of those in no header', async () => {
    const inbox = await openInbox();
    const text = 'Grüße!\n\nIhr Kennwort: 482915\n';
    const bcc = 'pat@example.test';
    await sendMail(inbox.ports.smtp, { to: jane, bcc, subject: 'Anmeldung für Sie', text });
    const expected = {
      channel: 'email',
      subject: 'Anmeldung für Sie',
      text: 'Grüße!\n\nIhr Kennwort: 482915',
    };
    expect(inbox.messages()).toMatchObject([
      { to: jane, ...expected },
      { to: 'pat@example.test', ...expected },
    ]);
    expect(inbox.messages('JANE@example.test ')).toHaveLength(1);
  });

  it('without a text part are read from their HTML, where colours are no passwords', async () => {
    const inbox = await openInbox();
    const html =
      '<style>p { color: #123456 }</style><p style="color: #654321">Code: <b>80</b>1234</p>';
    await sendMail(inbox.ports.smtp, { to: jane, html });
    expect(inbox.messages()[0]!.text).toBe('Code: 801234');
  });

  it('ask for the user that was set, and for no other', async () => {
    const user = { name: 'gateway', password: new Secret(Buffer.from('pässword')) };
    const { ports, messages } = await openInbox({ user });
    const send = (auth?: { user: string; pass: string }): Promise<number> =>
      smtpCodeOf(sendMail(ports.smtp, { to: jane, text: '1' }, auth));
    expect(await send()).toBe(530);
    expect(await send({ user: 'gateway', pass: 'password' })).toBe(535);
    expect(await send({ user: 'Gateway', pass: 'pässword' })).toBe(535);
    expect(messages()).toEqual([]);
    expect(await send({ user: 'gateway', pass: 'pässword' })).toBe(250);
    expect(messages()).toHaveLength(1);
  });

  it('have at most 64 KiB and 16 recipients', async () => {
    const { ports, messages } = await openInbox();
    const large = { to: jane, text: 'word '.repeat(14_000) };
    expect(await smtpCodeOf(sendMail(ports.smtp, large))).toBe(552);
    expect(messages()).toEqual([]);
    const to = Array.from({ length: 18 }, (_, index) => `user${index}@example.test`);
    const { accepted, rejected } = await sendMail(ports.smtp, { to, text: '1' });
    expect([accepted.length, rejected.length]).toEqual([16, 2]);
    expect(messages()).toHaveLength(16);
  });
});

describe('messages by HTTP', () => {
  it.each([
    ['application/json; charset=utf-8', '{"to":"+4917","text":"Code 123456","from":"x"}', ''],
    [form, 'to=%2B4917&text=Code+123456', ''],
    ['text/plain', 'Code 123456\n', '?to=%2B4917'],
  ])('come as %s', async (type, body, query) => {
    const { ports, messages } = await openInbox();
    const path = `/messages${query}`;
    expect(await post(ports.http, body, { type, path })).toEqual({
      status: 200,
      answer: { accepted: 1 },
    });
    expect(messages()).toMatchObject([{ channel: 'http', to: '+4917', text: 'Code 123456' }]);
  });

  const to17 = Array.from({ length: 17 }, (_, index) => String(index + 1000));
  it.each([
    ['no JSON', 400, '{"to":', {}],
    ['no recipient', 400, { text: 'x' }, {}],
    ['a recipient with a line end', 400, { to: 'a\nb', text: 'x' }, {}],
    ['an endless recipient', 400, { to: 'a'.repeat(255), text: 'x' }, {}],
    ['no text', 400, { to: 'a', text: ' ' }, {}],
    ['too many recipients', 400, { to: to17, text: 'x' }, {}],
    ['too much', 413, { to: 'a', text: 'x'.repeat(65_536) }, {}],
    ['another type', 415, '<to/>', { type: 'text/xml' }],
    ['another address', 404, { to: 'a', text: 'x' }, { path: '/' }],
  ])('with %s are refused and named', async (_what, status, body, how) => {
    const { ports, messages } = await openInbox({ refuseCount: 1 });
    const refused = await post(ports.http, body, how);
    expect(refused).toEqual({ status, answer: { error: expect.any(String) as string } });
    expect(messages()).toEqual([]);
    // What is no message uses up none of the refusals that were ordered.
    expect((await post(ports.http, { to: 'a', text: 'x' })).status).toBe(503);
  });

  it('have up to 16 recipients', async () => {
    const { ports, messages } = await openInbox();
    const { status } = await post(ports.http, { to: to17.slice(1), text: 'x' });
    expect(status).toBe(200);
    expect(messages().map(({ to }) => to)).toEqual(to17.slice(1));
  });

  it('are only taken, never given out', async () => {
    const { ports } = await openInbox();
    const response = await fetch(`http://127.0.0.1:${ports.http}/messages`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('an inbox', () => {
  it('keeps messages that come at once apart, each later than the one before', async () => {
    const inbox = await openInbox({}, { ...nodeEnv, nowMs: () => 5000 });
    await Promise.all([
      sendMail(inbox.ports.smtp, { to: jane, text: 'by mail 111111' }),
      post(inbox.ports.http, { to: jane, text: 'by phone 222222' }),
      post(inbox.ports.http, { to: '+4917', text: 'by phone 333333' }),
    ]);
    expect(inbox.messages().map(({ atMs }) => atMs)).toEqual([5000, 5001, 5002]);
    const texts = inbox.messages(jane).map(({ text }) => text);
    expect(texts.sort()).toEqual(['by mail 111111', 'by phone 222222']);
  });

  it('waits for a message that is new, and gives up in time', async () => {
    const inbox = await openInbox();
    await post(inbox.ports.http, { to: jane, text: 'old' });
    expect((await inbox.waitFor({ to: jane })).text).toBe('old');
    const sinceCount = inbox.count;
    const waiting = inbox.waitFor({ to: jane, sinceCount, timeoutMs: 600_000 });
    await post(inbox.ports.http, { to: 'pat', text: 'not for her' });
    await post(inbox.ports.http, { to: jane, text: 'new' });
    expect((await waiting).text).toBe('new');
    const late = { to: jane, sinceCount: inbox.count, timeoutMs: 20 };
    expect(await errorOf(() => inbox.waitFor(late))).toEqual({
      code: 'message-unknown',
      message: `no message for ${jane} within 20 ms`,
    });
  });

  it('refuses the next so many, of either kind, and none after', async () => {
    const inbox = await openInbox();
    inbox.refuseNext(2);
    const mail = { to: jane, text: '1' };
    expect(await smtpCodeOf(sendMail(inbox.ports.smtp, mail))).toBe(550);
    expect((await post(inbox.ports.http, mail)).status).toBe(503);
    expect(inbox.count).toBe(0);
    expect(await smtpCodeOf(sendMail(inbox.ports.smtp, mail))).toBe(250);
    expect((await post(inbox.ports.http, mail)).status).toBe(200);
  });

  it('answers late if told to, but not later than its end', { timeout: 20_000 }, async () => {
    const inbox = await startInbox({ delayMs: 300 });
    const startMs = performance.now();
    await post(inbox.ports.http, { to: jane, text: '1' });
    expect(performance.now() - startMs).toBeGreaterThan(290);
    inbox.delayMs = 60_000;
    const answers = Promise.all([
      post(inbox.ports.http, { to: jane, text: '2' }),
      smtpCodeOf(sendMail(inbox.ports.smtp, { to: jane, text: '3' })),
    ]);
    // Stored already, while both clients still wait for their answer.
    await expect.poll(() => inbox.count, { timeout: 5000 }).toBe(3);
    await inbox.close();
    expect(await answers).toMatchObject([{ status: 200 }, 250]);
  });

  it('answers what is still being stored before it ends', async () => {
    const started = { count: 0 };
    const append: InboxFile['append'] = async (arriving) => {
      started.count += 1;
      await nodeEnv.sleepMs(300);
      return arriving.map((message) => ({ atMs: 1, ...message }));
    };
    const file = { ...openInboxFile('none', nodeEnv), append };
    const { ports, close } = await startInbox({ file });
    const answers = Promise.all([
      post(ports.http, { to: jane, text: '1' }),
      smtpCodeOf(sendMail(ports.smtp, { to: jane, text: '2' })),
    ]);
    await expect.poll(() => started.count).toBe(2);
    await close();
    expect(await answers).toMatchObject([{ status: 200 }, 250]);
  });

  it('tells clients when a message could not be stored, and goes on', async () => {
    const folder = freshFolder();
    const path = join(folder, 'inbox.jsonl');
    const inbox = await openInbox({ file: openInboxFile(path, nodeEnv) });
    writeFileSync(path, 'x\n');
    const { status, answer } = await post(inbox.ports.http, { to: jane, text: '1' });
    expect([status, JSON.stringify(answer)]).toEqual([500, expect.stringContaining('is damaged')]);
    expect(await smtpCodeOf(sendMail(inbox.ports.smtp, { to: jane, text: '1' }))).toBe(451);
    expect(inbox.count).toBe(0);
    rmSync(path);
    expect((await post(inbox.ports.http, { to: jane, text: '1' })).status).toBe(200);
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    const { ports } = await openInbox();
    for (const port of [ports.smtp, ports.http]) {
      const socket = connect(port, '127.0.0.2');
      const outcome = await Promise.race([
        once(socket, 'connect').then(() => 'connected'),
        once(socket, 'error').then(() => 'refused'),
      ]).catch(() => 'refused');
      socket.destroy();
      expect(outcome).toBe('refused');
    }
  });

  it('ends although a client stays connected, and frees the ports', async () => {
    const { ports, close } = await startInbox();
    const sockets = [connect(ports.smtp, '127.0.0.1'), connect(ports.http, '127.0.0.1')];
    for (const socket of sockets) socket.on('error', () => undefined);
    await expect.poll(() => sockets.every(({ connecting }) => !connecting)).toBe(true);
    await close();
    const again = await openInbox({ smtpPort: ports.smtp, httpPort: ports.http });
    expect(again.ports).toEqual(ports);
    const busy = await errorOf(() => startInbox({ httpPort: ports.http }));
    expect(busy).toEqual({
      code: 'state-busy',
      message: `port ${ports.http} is in use: name another, or 0 for any`,
    });
  });

  it('keeps the newest 10,000 messages', { timeout: 60_000 }, async () => {
    const { ports, messages, waitFor } = await openInbox();
    const to = Array.from({ length: 16 }, (_, index) => `+49${index}`);
    for (let count = 0; count < 626; count += 1) {
      await post(ports.http, { to, text: `message ${count}` });
    }
    expect(messages()).toHaveLength(10_000);
    expect(messages()[0]).toMatchObject({ text: 'message 1', to: '+490' });
    const last = 626 * 16;
    expect((await waitFor({ sinceCount: last - 1 })).text).toBe('message 625');
    await expect(waitFor({ sinceCount: last, timeoutMs: 1 })).rejects.toThrow('no message');
  });
});
