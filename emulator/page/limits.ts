import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorView } from './wire.ts';

/** How much of this machine whoever reaches the port can take. */
export interface PageLimits {
  readonly connectionsMax: number;
  readonly requestsMax: number;
  readonly headerBytesMax: number;
  readonly bodyBytesMax: number;
  /** For the line and headers of a request, and for all of it; also for a connection that is silent. */
  readonly requestMsMax: number;
  /** From a request to the end of its answer, however slowly that is read. */
  readonly exchangeMsMax: number;
  /** Between two requests on one connection. */
  readonly idleMsMax: number;
}

export const usualLimits: PageLimits = {
  connectionsMax: 64,
  requestsMax: 32,
  headerBytesMax: 8192,
  bodyBytesMax: 4096,
  requestMsMax: 10_000,
  exchangeMsMax: 20_000,
  idleMsMax: 5000,
};

/** Beyond the connections that are served: as many more are told why they are not. */
const refusedConnectionsMax = 32;
const sweepMs = 250;

/** Why a request is not answered as it wants to be. */
export type Overload = 'connections-too-many' | 'requests-too-many' | 'exchange-too-long';

export const overloadTexts: Readonly<Record<Overload, string>> = {
  'connections-too-many': 'too many connections at once: close other tabs and try again',
  'requests-too-many': 'too many requests at once: try again',
  'exchange-too-long': 'this took too long: try again',
};

/** Bounds what comes to a server. */
export interface Bounds {
  /**
   * Counts a request until its response is over.
   *
   * @param onTooLong called in time to answer at least that
   * @returns why it is not to be done, or null
   */
  admit(request: IncomingMessage, response: ServerResponse, onTooLong: () => void): Overload | null;
}

export function serverOptions({ headerBytesMax }: PageLimits): ServerOptions {
  return { maxHeaderSize: headerBytesMax, connectionsCheckingInterval: sweepMs };
}

/** Sets the limits of a server that was made with `serverOptions`. */
export function boundServer(server: Server, limits: PageLimits): Bounds {
  const { connectionsMax, requestsMax, requestMsMax, exchangeMsMax, idleMsMax } = limits;
  server.maxConnections = connectionsMax + refusedConnectionsMax;
  server.headersTimeout = requestMsMax;
  server.requestTimeout = requestMsMax;
  server.keepAliveTimeout = idleMsMax;
  server.on('clientError', (error, socket) => answerClientError(error, socket, limits));
  const served = new Set<Socket>();
  const releases = new WeakMap<Socket, Set<() => void>>();
  server.on('connection', (socket: Socket) => {
    const ofSocket = new Set<() => void>();
    releases.set(socket, ofSocket);
    // A response that waits behind another on its connection does not hear of the end of that.
    socket.once('close', () => ofSocket.forEach((release) => release()));
    if (served.size >= connectionsMax) return;
    served.add(socket);
    socket.once('close', () => served.delete(socket));
  });
  let inFlight = 0;
  return {
    admit: (request, response, onTooLong) => {
      const deadline = setTimeout(() => {
        // Who does not read an answer that has begun, is given no other.
        if (response.headersSent) request.socket.destroy();
        else onTooLong();
      }, exchangeMsMax);
      inFlight += 1;
      const { socket } = request;
      const ofSocket = releases.get(socket);
      const release = (): void => {
        inFlight -= 1;
        clearTimeout(deadline);
        response.off('close', release);
        ofSocket?.delete(release);
      };
      response.once('close', release);
      ofSocket?.add(release);
      if (!served.has(socket)) return 'connections-too-many';
      return inFlight > requestsMax ? 'requests-too-many' : null;
    },
  };
}

const clientErrors: Readonly<
  Record<string, { readonly status: string; readonly text: (limits: PageLimits) => string }>
> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    text: ({ headerBytesMax }) => `the headers of a request have at most ${headerBytesMax} bytes`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    text: ({ requestMsMax }) => `a request must be here within ${requestMsMax / 1000} s`,
  },
};
const notHttp = { status: '400 Bad Request', text: () => 'this is not a request of HTTP/1.1' };

/** What never becomes a request is told why, and the connection ends. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, limits: PageLimits): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, text } = clientErrors[error.code ?? ''] ?? notHttp;
  const view: ErrorView = { error: { code: 'input-invalid', message: text(limits) } };
  const body = JSON.stringify(view);
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
