import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AppOptions,
  contextOf,
  createApp,
  isLoopback,
  listen,
  type Listener,
  type RequestLine,
  readBody,
  sendJson,
} from '../../src/http/index.ts';
import { TallystickError } from '../../src/errors.ts';
import { rawExchange, rawRequest } from '../support/raw-http.ts';

const running: Listener[] = [];
afterEach(async () => {
  for (const listener of running.splice(0)) await listener.drain(1000);
});

interface World {
  readonly port: number;
  readonly listener: Listener;
  readonly lines: RequestLine[];
  readonly unexpected: unknown[];
  readonly failures: object[];
}

async function start(
  routes: (router: express.Router) => void,
  over: Partial<AppOptions> & { headersTimeoutMs?: number } = {},
): Promise<World> {
  const lines: RequestLine[] = [];
  const unexpected: unknown[] = [];
  const failures: object[] = [];
  const router = express.Router();
  routes(router);
  const app = createApp({
    routers: [router],
    readiness: () => Promise.resolve({ ready: false, reasons: ['the module is gone'] }),
    requestsInFlightMax: 100,
    hasTls: false,
    monotonicMs: () => performance.now(),
    onRequest: (line) => lines.push(line),
    onUnexpectedError: (_requestId, error) => unexpected.push(error),
    onFailure: (error, line) => failures.push({ code: error.code, ...line }),
    ...over,
  });
  const listener = await listen({
    app,
    host: '127.0.0.1',
    port: 0,
    tls: null,
    headersTimeoutMs: over.headersTimeoutMs ?? 5000,
    requestTimeoutMs: 5000,
    keepAliveMs: 5000,
    connectionsMax: 100,
  });
  running.push(listener);
  return { port: listener.port, listener, lines, unexpected, failures };
}

const echo = (router: express.Router): void => {
  router.post('/echo', async (request, response) => {
    contextOf(request).route = '/echo';
    contextOf(request).outcome = 'done';
    const body = await readBody(request, response, 1024);
    sendJson(response, 200, { bytes: body.length });
  });
};

describe('what every answer has', () => {
  it('carries a request id and security headers, and says nothing of the software', async () => {
    const { port, lines } = await start(echo);
    const answer = await rawExchange(port, rawRequest('GET', '/healthz'));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ status: 'alive' });
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(lines).toMatchObject([
      { requestId: answer.headers['x-request-id'], route: '/healthz', status: 200 },
    ]);
  });

  it('tells readiness with its reasons to this machine', async () => {
    const { port } = await start(echo);
    const answer = await rawExchange(port, rawRequest('GET', '/readyz'));
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toEqual({
      status: 'not-ready',
      reasons: ['the module is gone'],
    });
    expect(isLoopback('127.8.0.1')).toBe(true);
    expect(isLoopback('::ffff:127.0.0.1')).toBe(true);
    expect(isLoopback('::1')).toBe(true);
    expect(isLoopback('10.0.0.1')).toBe(false);
    expect(isLoopback('127.evil.example')).toBe(false);
    expect(isLoopback(undefined)).toBe(false);
  });

  it('logs who asks where no component lets him in, and nobody else', async () => {
    const shown = { keyName: 'k', componentType: 'Intranet', peerAddress: '10.1.2.3' };
    const caller = { ...shown, role: 'client' };
    const { port, lines } = await start((router) => {
      router.get('/:outcome', (request, response) => {
        Object.assign(contextOf(request), { caller, outcome: request.params['outcome'] });
        sendJson(response, 200, {});
      });
    });
    for (const path of ['/refused', '/component-unknown']) {
      await rawExchange(port, rawRequest('GET', path));
    }
    expect(lines.map((line) => line.caller)).toEqual([undefined, shown]);
  });

  it('answers an unknown path with a problem and logs no path', async () => {
    const { port, lines } = await start(echo);
    const answer = await rawExchange(port, rawRequest('GET', '/v1/users/alice'));
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'urn:tallystick:problem:not-found',
      code: 'not-found',
      requestId: answer.headers['x-request-id'],
    });
    expect(JSON.stringify(lines)).not.toContain('alice');
  });

  it('shows nothing of an unexpected error', async () => {
    const { port, unexpected } = await start((router) => {
      router.get('/broken', () => {
        throw new Error('secret detail at /var/lib');
      });
    });
    const answer = await rawExchange(port, rawRequest('GET', '/broken'));
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/secret|\/var\/lib|at .*\.ts/);
    expect(unexpected).toHaveLength(1);
  });
});

describe('an edge with error answers of its own', () => {
  it('answers after the operator has heard of it', async () => {
    const { port, failures, unexpected } = await start((router) => {
      router.get('/own', (request) => {
        contextOf(request).answerError = (_request, response) => {
          response.statusCode = 200;
          response.end('own words');
        };
        throw new TallystickError('module-unavailable', 'x');
      });
      router.get('/own-mistake', (request) => {
        contextOf(request).answerError = (_request, response) => response.end('own words');
        throw new Error('x');
      });
    });
    const failed = await rawExchange(port, rawRequest('GET', '/own'));
    expect([failed.status, failed.body]).toEqual([200, 'own words']);
    expect(failures).toMatchObject([{ code: 'module-unavailable' }]);
    expect((await rawExchange(port, rawRequest('GET', '/own-mistake'))).body).toBe('own words');
    expect(unexpected).toHaveLength(1);
  });
});

describe('bodies', () => {
  it('reads up to the limit', async () => {
    const { port } = await start(echo);
    const exact = await rawExchange(port, rawRequest('POST', '/echo', { body: 'x'.repeat(1024) }));
    expect(JSON.parse(exact.body)).toEqual({ bytes: 1024 });
  });

  it('refuses a long body by its declared length, before it comes', async () => {
    const { port } = await start(echo);
    const head = rawRequest('POST', '/echo', { headers: { 'Content-Length': '1000000' } });
    const answer = await rawExchange(port, head);
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request-too-large' });
  });

  it('refuses a long body that does not say so, and gets the answer through', async () => {
    const { port, lines } = await start(echo);
    const headers = { 'Transfer-Encoding': 'chunked' };
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
    const answer = await rawExchange(port, [
      rawRequest('POST', '/echo', { headers }),
      ...Array.from({ length: 1024 }, () => chunk),
    ]);
    expect(answer.status).toBe(413);
    expect(answer.headers['connection']).toBe('close');
    await expect.poll(() => lines).toMatchObject([{ status: 413, outcome: 'request-too-large' }]);
  });

  it('asks for a body only when it wants it', async () => {
    const { port } = await start(echo);
    const expecting = { Expect: '100-continue', Connection: 'close' };
    const small = await rawExchange(
      port,
      rawRequest('POST', '/echo', { headers: expecting, body: 'abc' }),
    );
    expect(small.text).toMatch(/^HTTP\/1\.1 100 Continue/);
    expect(small.status).toBe(200);
    const large = await rawExchange(
      port,
      rawRequest('POST', '/echo', { headers: { ...expecting, 'Content-Length': '99999' } }),
    );
    expect(large.text).not.toMatch(/100 Continue/);
    expect(large.status).toBe(413);
  });

  it('refuses a compressed body', async () => {
    const { port } = await start(echo);
    const answer = await rawExchange(
      port,
      rawRequest('POST', '/echo', { headers: { 'Content-Encoding': 'gzip' }, body: 'abc' }),
    );
    expect(answer.status).toBe(415);
  });
});

describe('what is not HTTP', () => {
  it.each([
    ['noise', 'hello\r\n\r\n', 400],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    [
      'two lengths',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    [
      'length and chunks',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'large headers',
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
  ])('%s', async (_name, bytes, status) => {
    const { port } = await start(echo);
    const answer = await rawExchange(port, bytes, /\r\n\r\n/);
    expect(answer.status).toBe(status);
  });

  it('answers a path that is not percent-encoded with 400', async () => {
    const { port } = await start((router) => {
      router.get('/users/:user', (_request, response) => sendJson(response, 200, {}));
    });
    const answer = await rawExchange(port, rawRequest('GET', '/users/%ZZ'));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request-malformed' });
  });
});

describe('load and end', () => {
  const slow = (router: express.Router, waiting: (() => void)[]): void => {
    router.get('/slow', (request, response) => {
      contextOf(request).outcome = 'done';
      waiting.push(() => sendJson(response, 200, { done: true }));
    });
  };

  it('answers 503 with Retry-After above the in-flight limit, and recovers', async () => {
    const waiting: (() => void)[] = [];
    const { port } = await start((router) => slow(router, waiting), { requestsInFlightMax: 2 });
    const held = [1, 2].map(() => rawExchange(port, rawRequest('GET', '/slow')));
    await expect.poll(() => waiting.length).toBe(2);
    const refused = await rawExchange(port, rawRequest('GET', '/slow'));
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'overloaded' });
    for (const finish of waiting) finish();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await rawExchange(port, rawRequest('GET', '/healthz'))).status).toBe(200);
  });

  it('drains: in-flight requests finish, kept-alive connections end, new ones are refused', async () => {
    const waiting: (() => void)[] = [];
    const { port, listener } = await start((router) => slow(router, waiting));
    const held = rawExchange(port, rawRequest('GET', '/slow', { keepAlive: true }));
    await expect.poll(() => waiting.length).toBe(1);
    const drained = listener.drain(5000);
    await expect(rawExchange(port, rawRequest('GET', '/healthz'))).rejects.toThrow(/ECONNREFUSED/);
    waiting[0]!();
    expect((await held).status).toBe(200);
    expect(await drained).toBe(true);
  });

  it('does not wait for ever', async () => {
    const waiting: (() => void)[] = [];
    const { port, listener, lines } = await start((router) => slow(router, waiting));
    const held = rawExchange(port, rawRequest('GET', '/slow'));
    await expect.poll(() => waiting.length).toBe(1);
    expect(await listener.drain(50)).toBe(false);
    expect((await held).text).toBe('');
    await expect.poll(() => lines).toMatchObject([{ outcome: 'client-gone' }]);
  });

  it('says which port is taken', async () => {
    const { port } = await start(echo);
    const again = listen({
      app: express(),
      host: '127.0.0.1',
      port,
      tls: null,
      headersTimeoutMs: 1000,
      requestTimeoutMs: 1000,
      keepAliveMs: 1000,
      connectionsMax: 1,
    });
    await expect(again).rejects.toMatchObject({
      code: 'address-in-use',
      message: expect.stringContaining(String(port)) as string,
    });
  });
});
