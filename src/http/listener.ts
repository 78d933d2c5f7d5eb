import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TallystickError } from '../errors.ts';

export interface ListenerOptions {
  readonly app: RequestListener;
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** PEM texts. */
  readonly tls: { readonly certificate: string; readonly privateKey: string } | null;
  /** For a request's line and headers, then for the whole request. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept for another request. */
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /**
   * Stops accepting, lets requests in flight finish for `boundMs` at most, then closes what is left.
   * Resolves to whether everything finished by itself.
   */
  readonly drain: (boundMs: number) => Promise<boolean>;
}

const headerBytesMax = 16_384;
const headersCountMax = 64;
const sweepMs = 20;

/**
 * Listens for HTTP, or for HTTPS (TLS 1.2 and later) when a certificate is given.
 *
 * @throws TallystickError `address-in-use`, `config-invalid` for an address that cannot be used or a
 *   certificate that does not fit its key
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const server = createHttpServer(options);
  server.headersTimeout = options.headersTimeoutMs;
  server.requestTimeout = options.requestTimeoutMs;
  server.keepAliveTimeout = options.keepAliveMs;
  server.maxConnections = options.connectionsMax;
  server.maxHeadersCount = headersCountMax;
  // The body reader sends "100 Continue" once it knows that it wants the body.
  server.on('checkContinue', options.app);
  server.on('clientError', answerClientError);
  await bind(server, options);
  const { port } = server.address() as AddressInfo;
  const scheme = options.tls === null ? 'http' : 'https';
  const shownHost = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    host: options.host,
    port,
    url: `${scheme}://${shownHost}:${port}`,
    drain: (boundMs) => drainServer(server, boundMs),
  };
}

function createHttpServer(options: ListenerOptions): Server {
  const common = { maxHeaderSize: headerBytesMax, requireHostHeader: true };
  if (options.tls === null) return createServer(common, options.app);
  const { certificate: cert, privateKey: key } = options.tls;
  try {
    return createTlsServer({ ...common, cert, key, minVersion: 'TLSv1.2' }, options.app);
  } catch (error) {
    throw new TallystickError(
      'config-invalid',
      'the TLS certificate and key cannot be used: both must be PEM and belong together',
      { cause: error },
    );
  }
}

function bind(server: Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(bindFailure(error, host, port));
    };
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function bindFailure(error: NodeJS.ErrnoException, host: string, port: number): TallystickError {
  if (error.code === 'EADDRINUSE') {
    return new TallystickError(
      'address-in-use',
      `another program listens on ${host} port ${port}: stop it or choose another listen.port`,
      { cause: error },
    );
  }
  return new TallystickError(
    'config-invalid',
    `cannot listen on ${host} port ${port} (${error.code ?? 'unknown'}): check listen.host and listen.port`,
    { cause: error },
  );
}

const clientErrorStatus: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is not even HTTP gets a status line and no explanation. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = clientErrorStatus[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function drainServer(server: Server, boundMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let finished = true;
    const bound = setTimeout(() => {
      finished = false;
      server.closeAllConnections();
    }, boundMs);
    // A connection that was busy becomes idle with its answer and would then be kept alive.
    let sweep = setTimeout(function again() {
      server.closeIdleConnections();
      sweep = setTimeout(again, sweepMs);
    }, sweepMs);
    server.close(() => {
      clearTimeout(bound);
      clearTimeout(sweep);
      resolve(finished);
    });
  });
}
