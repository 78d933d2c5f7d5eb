import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import { readSecretFile } from '../config/index.ts';

/** Where a server is and which key opens it. */
export interface ClientOptions {
  readonly server?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly forcePlain?: boolean | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  /** Empty for answers without a body. */
  readonly body: JsonRecord;
  readonly etag: string | null;
}

export type JsonRecord = Readonly<Record<string, unknown>>;

export type Client = (call: Call) => Promise<Answered>;

const defaultServer = 'http://127.0.0.1:8888';
const defaultKeyFile = 'var/admin.key';
const timeoutMs = 30_000;
const answerBytesMax = 16_777_216;

/**
 * A client of the REST interface.
 *
 * @returns rejects with a `CliFailure`: refused, or the server cannot be reached
 * @throws CliFailure for an address or key file that cannot be used
 */
export function createClient(io: CliIo, options: ClientOptions): Client {
  const server = serverUrl(options, io.environment['TALLYSTICK_SERVER']);
  const keyFile = options.keyFile ?? io.environment['TALLYSTICK_KEY_FILE'] ?? defaultKeyFile;
  const key = readSecretFile(keyFile, 'the API key; name another with --key-file');
  return async ({ method, path, query, body, headers }) => {
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await reach(url, method, payload, {
      Authorization: `Bearer ${key}`,
      ...(payload === undefined
        ? {}
        : {
            'Content-Type': 'application/json',
            'Content-Length': String(Buffer.byteLength(payload)),
          }),
      ...headers,
    });
    const answer = readAnswer(response, url);
    if (response.status < 200 || response.status > 299) throw refusal(response.status, answer);
    return { body: answer, etag: response.etag };
  };
}

function serverUrl(options: ClientOptions, fromEnvironment: string | undefined): URL {
  const text = options.server ?? fromEnvironment ?? defaultServer;
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw usageFailure(`--server must be an address such as ${defaultServer}`);
  }
  const url = new URL(text);
  const isLoopback = /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback && options.forcePlain !== true) {
    throw usageFailure(
      `${url.origin} is neither https nor this machine: the API key would cross the net in clear. ` +
        'Use https, or --force-plain if you must.',
    );
  }
  return url;
}

interface RawResponse {
  readonly status: number;
  readonly etag: string | null;
  readonly text: string;
}

/** By node:http and not by `fetch`, which takes a tenth of a second to load. */
async function reach(
  url: URL,
  method: Call['method'],
  payload: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<RawResponse> {
  try {
    return await exchange(url, method, payload, headers);
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    const reason =
      name === 'AbortError' || name === 'TimeoutError'
        ? `no answer within ${timeoutMs / 1000} seconds`
        : (code ?? message);
    throw new CliFailure(
      exitCodes.serverUnavailable,
      `No server at ${url.origin} (${reason}). ` +
        'Is it running? ./scripts/start starts one; --server names another.',
      { code: 'server-unreachable', message: reason },
    );
  }
}

function exchange(
  url: URL,
  method: Call['method'],
  payload: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request(url, { method, headers, signal }, (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        pieces.push(piece);
        if (bytes > answerBytesMax) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          etag: response.headers.etag ?? null,
          text: Buffer.concat(pieces).toString('utf8'),
        });
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

function readAnswer({ status, text }: RawResponse, url: URL): JsonRecord {
  if (text === '') return {};
  try {
    return JSON.parse(text) as JsonRecord;
  } catch {
    throw new CliFailure(
      exitCodes.serverUnavailable,
      `${url.origin} does not answer as Tallystick does (status ${status}).`,
    );
  }
}

interface ProblemDocument {
  readonly code?: string;
  readonly detail?: string;
  readonly title?: string;
  readonly requestId?: string;
  readonly problems?: readonly { readonly member: string; readonly message: string }[];
}

function refusal(status: number, document: JsonRecord): CliFailure {
  const { code = 'unknown', detail, title, requestId, problems = [] } = document as ProblemDocument;
  const lines = [
    `Refused: ${detail ?? title ?? `status ${status}`} [${code}]`,
    ...problems.map(({ member, message }) => `  ${member}: ${message}`),
  ];
  if (status >= 500)
    lines.push(`  request id ${requestId ?? 'unknown'}; the server's log has more`);
  const exitCode = status >= 500 ? exitCodes.serverUnavailable : exitCodes.refused;
  return new CliFailure(exitCode, lines.join('\n'), document);
}
