import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { HttpSettings } from '../../src/service/ports.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebService {
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
}

export interface WebServiceOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Answers once the request was read to its end. */
  readonly answer?: RequestListener;
}

const accept: RequestListener = (_request, response) => {
  response.statusCode = 202;
  response.end('taken');
};

/** A web service on loopback, until the test is over. */
export async function startWebService(options: WebServiceOptions = {}): Promise<WebService> {
  const { tls, answer = accept } = options;
  const requests: ReceivedRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const body = Buffer.concat(pieces).toString('utf8');
      requests.push({ method, path: url, headers, body });
      answer(request, response);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

/** Settings of a plain JSON service on loopback, with what a test says otherwise. */
export function httpTo(port: number, more: Partial<HttpSettings> = {}): HttpSettings {
  return {
    kind: 'http',
    url: `http://127.0.0.1:${String(port)}/messages`,
    content: 'json',
    body: '{"to":"{to}","text":"{text}"}',
    headers: {},
    ...more,
  };
}
