import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { AgentError, setupError } from './agent-error.ts';

/** One request and its answer; rejects with an AgentError, and never redirects. */
export type Exchange = (sent: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}) => Promise<{ readonly status: number; readonly body: Buffer }>;

/** How long is waited, in milliseconds: until there is a connection, and in all. */
export interface Patience {
  readonly connectMs: number;
  readonly totalMs: number;
}

export const patience: Patience = { connectMs: 3000, totalMs: 10_000 };

const answerBytesMax = 9 * 2 ** 20;

/** There is nobody there. Whatever else goes wrong is an answer, or the attempt of one. */
const absences: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

/** @throws AgentError usage for an address that is neither https nor this computer */
function serverUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw setupError('usage', 'the server must be an address such as https://otp.example.org');
  }
  const url = new URL(text);
  const isWhole = url.pathname === '/' && url.search === '' && url.hash === '';
  if (!isWhole || url.username !== '' || url.password !== '') {
    const address = `${url.protocol}//${url.host}`;
    throw setupError(
      'usage',
      `the server is ${address} alone: no user before it, nothing behind it`,
    );
  }
  const isLoopback = /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw setupError('usage', `${url.origin} is neither https nor this computer: use https`);
  }
  return url;
}

/** @param ca PEM file of the authorities that are trusted in place of the system's */
export function exchangeWith(server: string, ca: string | null, wait: Patience): Exchange {
  const base = serverUrl(server);
  const trusted = ca === null ? {} : { ca: readAuthorities(ca) };
  return async ({ method, path, headers, body }) => {
    const length = { 'Content-Length': String(body.length) };
    const options = { method, headers: { ...headers, ...length }, ...trusted };
    try {
      return await exchange(new URL(path, base), options, body, wait);
    } catch (error) {
      throw failure(error, base);
    }
  };
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw setupError('usage', `the authorities in ${path} cannot be read: ${code ?? ''}`, error);
  }
}

function exchange(
  url: URL,
  options: RequestOptions,
  body: Buffer,
  wait: Patience,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const request = isTls ? requestHttps : requestHttp;
    const settle = (): void => {
      clearTimeout(connecting);
      clearTimeout(whole);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    // A connection of its own: one that was kept could be gone, and look like a server that is there.
    const sent = request(url, { ...options, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > answerBytesMax) sent.destroy(new Error('the answer is too long'));
        else pieces.push(piece);
      });
      response.on('error', fail);
      response.on('end', () => {
        settle();
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) });
      });
    });
    // Not before there is a request: what cannot be sent at all throws instead of making one.
    const timedOut = (): void => void sent.destroy(timeOut());
    const connecting = setTimeout(timedOut, wait.connectMs);
    const whole = setTimeout(timedOut, wait.totalMs);
    sent.on('socket', (socket) => {
      socket.once(isTls ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

function timeOut(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

/** The one place that decides whether the server is absent: only then is anything verified offline. */
function failure(error: unknown, { origin }: URL): AgentError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const detail = `${origin}: ${code} ${message}`;
  if (absences.has(code)) return new AgentError('unreachable', detail, { cause: error });
  const isTls = /CERT|SSL|TLS|SELF_SIGNED|EPROTO|ALTNAME|UNABLE_TO/.test(code);
  return new AgentError(isTls ? 'untrusted' : 'server-failed', detail, { cause: error });
}
