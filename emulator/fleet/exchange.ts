import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { EmulatorError } from '../errors.ts';
import { quoted } from './server-words.ts';

/** One request; nothing is followed, and nothing sent twice. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface Got {
  readonly status: number;
  readonly body: Buffer;
}

/** Requests to one server, one after the other, over a connection that is kept. */
export interface Exchange {
  /** Rejects with an EmulatorError: `stopped`, `storage-failed` without an answer, `refused` for one too long. */
  ask(sent: Sent): Promise<Got>;
  /** Before the server is another process: its connections are not. */
  hangUp(): void;
}

export interface ExchangeOptions {
  /** Of the authorities that are trusted in place of the system's, in PEM. */
  readonly ca?: Buffer | undefined;
  /** Ends what waits for an answer. */
  readonly signal?: AbortSignal | undefined;
  /** For tests: how long a whole answer may take. */
  readonly answerMaxMs?: number | undefined;
}

const usualAnswerMaxMs = 30_000;
const answerBytesMax = 2 ** 20;

/** @param origin such as http://127.0.0.1:8888 */
export function exchangeWith(
  origin: string,
  { ca, signal, answerMaxMs = usualAnswerMaxMs }: ExchangeOptions = {},
): Exchange {
  const isTls = origin.startsWith('https:');
  const trusted = ca === undefined ? {} : { ca };
  const newAgent = (): PlainAgent =>
    isTls ? new TlsAgent({ keepAlive: true, ...trusted }) : new PlainAgent({ keepAlive: true });
  let agent = newAgent();
  return {
    ask: ({ method, path, headers, body = '' }) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error): void => {
          clearTimeout(deadline);
          reject(failureOf(error, signal));
        };
        const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
        const request = (isTls ? requestTls : requestPlain)(
          new URL(path, origin),
          { method, agent, headers: { ...headers, ...length }, signal },
          (response) => {
            const pieces: Buffer[] = [];
            let bytes = 0;
            response.on('data', (piece: Buffer) => {
              bytes += piece.length;
              if (bytes > answerBytesMax) request.destroy(tooLong());
              else pieces.push(piece);
            });
            response.on('error', fail);
            response.on('end', () => {
              clearTimeout(deadline);
              resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) });
            });
          },
        );
        // Of the whole answer: a byte now and then would keep us for ever.
        const deadline = setTimeout(
          () => request.destroy(new Error(`no whole answer within ${answerMaxMs / 1000} s`)),
          answerMaxMs,
        );
        request.on('error', fail);
        request.end(body);
      }),
    hangUp: () => {
      agent.destroy();
      agent = newAgent();
    },
  };
}

function tooLong(): EmulatorError {
  return new EmulatorError(
    'refused',
    `the server's answer is longer than the ${answerBytesMax} bytes allowed`,
  );
}

function failureOf(error: Error, signal: AbortSignal | undefined): EmulatorError {
  if (signal?.aborted === true) return new EmulatorError('stopped', 'stopped', error);
  if (error instanceof EmulatorError) return error;
  // Of several addresses that were tried, each has an error of its own.
  const { message } = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const what = quoted(message, []);
  const isTrust = /certificate|self-signed/i.test(message);
  return new EmulatorError(
    'storage-failed',
    isTrust
      ? `the server is not trusted: ${what} (--ca FILE names authorities of your own)`
      : `the server does not answer: ${what}`,
    error,
  );
}
