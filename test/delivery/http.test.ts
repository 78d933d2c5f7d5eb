import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { HttpSettings } from '../../src/service/ports.ts';
import { closedPort, startRawServer } from './mail-server.ts';
import { otpText, secret, secretWord } from './sample.ts';
import { failureOf, send, type SendInput } from './support.ts';
import { httpTo, type ReceivedRequest, startWebService } from './web-service.ts';

/** The one request that a service got. */
async function received(
  more: Partial<HttpSettings>,
  input: SendInput = {},
): Promise<ReceivedRequest> {
  const service = await startWebService();
  await send(httpTo(service.port, more), input);
  expect(service.requests).toHaveLength(1);
  return service.requests[0]!;
}

const nasty = 'say "493827"\r\n\\ {secret}{to} $& $1 <é€😀> a=b&c=d%20+';

describe('a web service', () => {
  it('gets one POST with the template filled, at the path of the settings', async () => {
    const service = await startWebService();
    const url = `http://127.0.0.1:${String(service.port)}/v1/messages?mode=otp`;
    await send(httpTo(service.port, { url }));
    expect(service.requests).toMatchObject([
      {
        method: 'POST',
        path: '/v1/messages?mode=otp',
        body: JSON.stringify({ to: 'grace@example.org', text: otpText }),
      },
    ]);
    expect(service.requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(service.requests[0]?.body.length),
      connection: 'close',
    });
  });

  it('is reached without TLS on localhost', async () => {
    const service = await startWebService();
    await send(httpTo(service.port, { url: `http://localhost:${String(service.port)}/` }));
    expect(service.requests).toHaveLength(1);
  });

  it('gets the secret where the template has it, before the caller overwrites it', async () => {
    const service = await startWebService();
    const fleeting = Uint8Array.from(secret);
    const body = '{"key":"{secret}","to":"{to}"}';
    const sending = send(httpTo(service.port, { body }), { secret: fleeting });
    fleeting.fill(0);
    await sending;
    expect(JSON.parse(service.requests[0]!.body)).toEqual({
      key: secretWord,
      to: 'grace@example.org',
    });
  });
});

describe('a template', () => {
  const message = { to: 'a{text}@example.org', text: nasty };

  it('writes values into JSON as parts of strings, and expands none of them', async () => {
    const body = '{"to":"{to}","all":["<{text}>","{secret}","{unknown}"]}';
    const request = await received({ body }, { message, secret });
    expect(JSON.parse(request.body)).toEqual({
      to: 'a{text}@example.org',
      all: [`<${nasty}>`, secretWord, '{unknown}'],
    });
  });

  it('writes values into a form by percent-encoding', async () => {
    const more = { content: 'form', body: 'to={to}&text={text}&key={secret}&last=1' } as const;
    const request = await received(more, { message, secret });
    expect(request.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(request.body)]).toEqual([
      ['to', 'a{text}@example.org'],
      ['text', nasty],
      ['key', secretWord],
      ['last', '1'],
    ]);
    expect(request.body).not.toMatch(/[ +"\r\n{}]/);
  });

  it('writes values into a text as they are', async () => {
    const more = { content: 'text', body: '{to}: {text} {secret}' } as const;
    const request = await received(more, { message, secret });
    expect(request.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(request.body).toBe(`a{text}@example.org: ${nasty} ${secretWord}`);
  });

  it.each(['json', 'form', 'text'] as const)('writes half a character into %s', async (content) => {
    const body = content === 'json' ? '"{text}"' : '{text}';
    const request = await received({ content, body }, { message: { text: 'a\ud800b' } });
    expect(request.body).not.toBe('');
  });

  it('fills recipient and secret into headers, once', async () => {
    const headers = { 'X-To': '<{to}>', Authorization: 'Bearer {secret}' };
    const key = { secret: Buffer.from('{to}-key') };
    const request = await received({ headers }, key);
    expect(request.headers).toMatchObject({
      'x-to': '<grace@example.org>',
      authorization: 'Bearer {to}-key',
    });
  });

  it('leaves the type of the content to a header that names it', async () => {
    const headers = { 'CONTENT-TYPE': 'application/vnd.example+json' };
    const request = await received({ headers });
    expect(request.headers['content-type']).toBe('application/vnd.example+json');
  });
});

describe('a web service that does not take a message', () => {
  const answering =
    (status: number, headers: Record<string, string> = {}): RequestListener =>
    (_request, response) => {
      response.writeHead(status, headers).end('confided by the service');
    };

  it.each([400, 401, 404, 429, 500, 503])('refuses with %i', async (status) => {
    const service = await startWebService({ answer: answering(status) });
    expect(await failureOf(httpTo(service.port))).toEqual({
      kind: 'refused',
      detail: `the web service answered ${String(status)}`,
    });
  });

  it.each([301, 302, 303, 307, 308])('refuses with %i and is not followed', async (status) => {
    const target = await startWebService();
    const location = `http://127.0.0.1:${String(target.port)}/confided`;
    const service = await startWebService({ answer: answering(status, { location }) });
    expect(await failureOf(httpTo(service.port))).toEqual({
      kind: 'refused',
      detail: `the web service answered ${String(status)}; redirects are not followed`,
    });
    expect(service.requests).toHaveLength(1);
    expect(target.requests).toEqual([]);
  });

  it('is unreachable if it is no web service, hangs up or is not there', async () => {
    const chatty = await startRawServer((socket) => socket.write('220 confided\r\n'));
    expect(await failureOf(httpTo(chatty.port))).toMatchObject({ kind: 'unreachable' });
    const closing = await startRawServer((socket) => socket.destroy());
    expect(await failureOf(httpTo(closing.port))).toMatchObject({ kind: 'unreachable' });
    expect(await failureOf(httpTo(await closedPort()))).toEqual({
      kind: 'unreachable',
      detail: 'no answer from the web service: ECONNREFUSED',
    });
  });

  it('is given until the deadline, and then its connection is closed', async () => {
    const service = await startRawServer(() => undefined);
    const startedMs = performance.now();
    const failure = await failureOf(httpTo(service.port), { deadlineMs: 200 });
    expect(failure).toEqual({ kind: 'timeout', detail: 'no answer within 200 ms' });
    expect(performance.now() - startedMs).toBeLessThan(2000);
    const [socket] = service.sockets;
    if (socket?.destroyed === false) await once(socket, 'close');
    expect(socket?.destroyed).toBe(true);
  });
});

describe('the rest of an answer', () => {
  it('is read only up to a bound', async () => {
    let closed: Promise<unknown> | undefined;
    let writtenBytes = 0;
    const service = await startWebService({
      answer: (_request, response) => {
        closed = once(response, 'close');
        const chunk = Buffer.alloc(16_384, 'x');
        const pour = (): void => {
          if (response.destroyed) return;
          writtenBytes += chunk.length;
          response.write(chunk, () => setImmediate(pour));
        };
        pour();
      },
    });
    await send(httpTo(service.port));
    const startedMs = performance.now();
    await closed;
    // Well before the time alone would have closed it.
    expect(performance.now() - startedMs).toBeLessThan(1500);
    expect(writtenBytes).toBeGreaterThan(0);
  });

  it('is not waited for', async () => {
    let closed: Promise<unknown> | undefined;
    const service = await startWebService({
      answer: (_request, response) => {
        closed = once(response, 'close');
        response.writeHead(200).write('a');
      },
    });
    const startedMs = performance.now();
    await send(httpTo(service.port), { deadlineMs: 10_000 });
    expect(performance.now() - startedMs).toBeLessThan(1500);
    await closed;
    expect(performance.now() - startedMs).toBeLessThan(8000);
  });

  it('may come slowly, and the service is not cut off', async () => {
    let hasFinished: Promise<boolean> | undefined;
    const service = await startWebService({
      answer: (_request, response) => {
        response.writeHead(200).write('a');
        hasFinished = once(response, 'close').then(() => response.writableFinished);
        setTimeout(() => response.end('b'), 100);
      },
    });
    await send(httpTo(service.port));
    expect(await hasFinished).toBe(true);
  });
});

describe('settings of a web service that are not used', () => {
  const cases: readonly [string, Partial<HttpSettings>, RegExp][] = [
    ['http to elsewhere', { url: 'http://sms.example.org/' }, /must be https, or http to/],
    ['http to something like loopback', { url: 'http://127.0.0.1.example.org/' }, /must be https/],
    ['http with a loopback user', { url: 'http://127.0.0.1@example.org/' }, /no user name/],
    ['another scheme', { url: 'file:///etc/passwd' }, /must be https/],
    ['no URL', { url: 'sms' }, /absolute https URL/],
    ['a password in the URL', { url: 'https://u:p@127.0.0.1/' }, /no user name or password/],
    ['a body that is not JSON', { body: '{"to":' }, /body: must be JSON/],
    ['a placeholder outside of quotes', { body: '{"to":{to}}' }, /inside quoted strings/],
    ['a secret that is not there', { body: '{"key":"{secret}"}' }, /has no secret/],
    ['a secret for a header, not there', { headers: { 'X-Key': '{secret}' } }, /has no secret/],
    ['the message in a header', { headers: { 'X-Text': '{text}' } }, /\{text\} is for the body/],
    ['a line break in a header', { headers: { 'X-A': 'a\r\nX-B: b' } }, /printable ASCII/],
    ['a header name with a line break', { headers: { 'X-A\r\nX-B': 'a' } }, /names are letters/],
    ['a length of its own', { headers: { 'Content-Length': '1' } }, /written by this server/],
    ['an encoding of its own', { headers: { 'transfer-encoding': 'chunked' } }, /written by/],
  ];
  it.each(cases)('%s', async (_name, more, detail) => {
    const service = await startWebService();
    const failure = await failureOf(httpTo(service.port, more));
    expect(failure).toEqual({ kind: 'contract', detail: expect.stringMatching(detail) as string });
    expect(service.requests).toEqual([]);
  });

  it('a secret or a recipient that would end a header', async () => {
    const service = await startWebService();
    const headers = { 'X-Key': '{secret}', 'X-To': '{to}' };
    const settings = httpTo(service.port, { headers });
    const breaking = { secret: Buffer.from('a\r\nX-Evil: 1') };
    expect(await failureOf(settings, breaking)).toMatchObject({ kind: 'contract' });
    const message = { to: '+4930123456\r\nX-Evil: 1' };
    expect(await failureOf(settings, { message, secret })).toMatchObject({ kind: 'contract' });
    const text = httpTo(service.port, { content: 'text', body: '{to}' });
    expect(await failureOf(text, { message })).toMatchObject({ kind: 'contract' });
    expect(service.requests).toEqual([]);
  });
});
