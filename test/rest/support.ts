import { createApp } from '../../src/http/index.ts';
import { createRestRouter } from '../../src/rest/index.ts';
import type { Administration, Caller, Service } from '../../src/service/api.ts';
import { type RawAnswer, rawExchange, rawRequest } from '../support/raw-http.ts';
import { listening } from '../support/listening.ts';

export const keyText: string = `tsk_${'k'.repeat(43)}`;

/** One call that reached the service. */
export interface Reached {
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface RestWorld {
  readonly port: number;
  readonly reached: Reached[];
  readonly unexpected: unknown[];
  readonly failures: object[];
  readonly send: (method: string, path: string, options?: SendOptions) => Promise<RawAnswer>;
  readonly stop: () => Promise<boolean>;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** An object becomes JSON. */
  readonly body?: string | Buffer | object;
  /** Null: none. */
  readonly key?: string | null;
}

export type Answers = Partial<Record<keyof Service | keyof Administration, unknown>>;

/**
 * The REST edge over a scripted service: each method answers what the test says, a function is
 * called with the arguments, an Error is thrown.
 */
export async function startRest(answers: Answers): Promise<RestWorld> {
  const reached: Reached[] = [];
  const unexpected: unknown[] = [];
  const failures: object[] = [];
  const answer = async (method: string, args: readonly unknown[]): Promise<unknown> => {
    reached.push({ method, args });
    const scripted = answers[method as keyof Answers];
    if (scripted instanceof Error) throw scripted;
    return Promise.resolve(
      typeof scripted === 'function'
        ? (scripted as (...all: unknown[]) => unknown)(...args)
        : scripted,
    );
  };
  const methods = (own: Readonly<Record<string, unknown>>): unknown =>
    new Proxy(own, {
      get: (target, method) =>
        target[String(method)] ?? ((...args: unknown[]) => answer(String(method), args)),
    });
  const service = methods({
    administration: methods({}),
    identify: (text: string, peerAddress: string, requestId: string) =>
      Promise.resolve(text === keyText ? callerFrom(peerAddress, requestId) : null),
  }) as Service;
  const app = createApp({
    routers: [createRestRouter({ service, bodyBytesMax: 65_536 })],
    readiness: () => Promise.resolve({ ready: true, reasons: [] }),
    requestsInFlightMax: 100,
    hasTls: false,
    monotonicMs: () => performance.now(),
    onRequest: () => undefined,
    onUnexpectedError: (_requestId, error) => unexpected.push(error),
    onFailure: (error, line) => failures.push({ code: error.code, ...line }),
  });
  const listener = await listening(app);
  const { port } = listener;
  return {
    port,
    reached,
    unexpected,
    failures,
    send: (method, path, options = {}) => rawExchange(port, bytesOf(method, path, options)),
    stop: () => listener.drain(1000),
  };
}

function bytesOf(method: string, path: string, { headers, body, key }: SendOptions): Buffer {
  const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  return rawRequest(method, path, {
    headers: {
      ...(key === null ? {} : { Authorization: `Bearer ${key ?? keyText}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
  });
}

function callerFrom(peerAddress: string, requestId: string): Caller {
  return {
    keyId: 'k',
    keyName: 'test',
    role: 'admin',
    componentType: 'administration',
    domainId: null,
    peerAddress,
    requestId,
  };
}
