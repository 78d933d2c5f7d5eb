import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import express from 'express';
import {
  type AnswerError,
  beginContext,
  contextOf,
  type FailureLine,
  type RequestContext,
  type RequestLine,
} from './context.ts';
import { problemOf, sendProblem } from './problems.ts';
import { TallystickError } from '../errors.ts';

export interface AppOptions {
  readonly routers: readonly express.Router[];
  /** Ready to decide, or why not; asked by `/readyz`. */
  readonly readiness: () => Promise<{
    readonly ready: boolean;
    readonly reasons: readonly string[];
  }>;
  /** More requests than this at once are answered 503 `overloaded`. */
  readonly requestsInFlightMax: number;
  /** Adds Strict-Transport-Security. */
  readonly hasTls: boolean;
  readonly monotonicMs: () => number;
  /** One call per request, when its answer has gone or its client has. */
  readonly onRequest: (line: RequestLine) => void;
  /** An error that no contract names: logged with its cause, answered with a bland 500. */
  readonly onUnexpectedError: (requestId: string, error: unknown, line: FailureLine) => void;
  /**
   * A technical fault (503), or a caller who may not do what he asked for: the client gets a bland
   * text, the operator the cause. Not called for what load explains.
   */
  readonly onFailure?: (error: TallystickError, line: FailureLine) => void;
  /** How the edge that a request is for answers errors, if it does not speak problem documents. */
  readonly errorAnswers?: (request: express.Request) => AnswerError | undefined;
}

/**
 * The Express application: request ids, security headers, the in-flight limit, health, the routers,
 * and the last resort for errors. It never listens.
 */
export function createApp(options: AppOptions): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('trust proxy', false);
  app.use(begin(options));
  app.get('/healthz', (request, response) => {
    noteRoute(request, '/healthz', 'alive');
    sendJson(response, 200, { status: 'alive' });
  });
  app.get('/readyz', async (request, response) => {
    const { ready, reasons } = await options.readiness();
    noteRoute(request, '/readyz', ready ? 'ready' : 'not-ready');
    // What is broken is for the operator on this machine, not for whoever can reach the port.
    const shown = isLoopback(request.socket.remoteAddress) ? { reasons } : {};
    sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not-ready', ...shown });
  });
  for (const router of options.routers) app.use(router);
  app.use(() => {
    throw new TallystickError('not-found', 'there is nothing at this path');
  });
  app.use(answerError(options));
  return app;
}

/** Answers with JSON; the whole body at once, so that its length is known. */
export function sendJson(response: express.Response, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

/** Whether an address of a TCP peer is this machine's own: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string | undefined): boolean {
  const plain = plainAddress(address ?? '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** An IPv4 address in IPv6 notation (RFC 4291 section 2.5.5.2) as IPv4, everything else as it is. */
export function plainAddress(address: string): string {
  return /^::ffff:[0-9.]+$/i.test(address) ? address.slice(7) : address;
}

/**
 * For a path that is there, by other methods: 405 `method-not-allowed` with `Allow`.
 *
 * @param methods such as `GET, POST`
 * @param hint what else to say
 */
export function onlyBy(route: string, methods: string, hint = ''): express.RequestHandler {
  return (request, response) => {
    contextOf(request).route = route;
    response.setHeader('Allow', methods);
    throw new TallystickError('method-not-allowed', `this path understands ${methods}${hint}`);
  };
}

function noteRoute(request: express.Request, route: string, outcome: string): void {
  const context = contextOf(request);
  context.route = route;
  context.outcome = outcome;
}

function begin(options: AppOptions): express.RequestHandler {
  let inFlight = 0;
  return (request, response, next) => {
    const context: RequestContext = {
      requestId: randomUUID(),
      startedAtMonotonicMs: options.monotonicMs(),
      route: 'unknown',
      outcome: 'client-gone',
      answerError: options.errorAnswers?.(request),
    };
    beginContext(request, context);
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
      options.onRequest(requestLine(request, response, context, options.monotonicMs()));
    });
    response.setHeader('X-Request-Id', context.requestId);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    response.setHeader('Referrer-Policy', 'no-referrer');
    if (options.hasTls) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
    if (inFlight > options.requestsInFlightMax) {
      throw new TallystickError('overloaded', 'too many requests are in flight; try again');
    }
    next();
  };
}

function requestLine(
  request: express.Request,
  response: express.Response,
  context: RequestContext,
  nowMonotonicMs: number,
): RequestLine {
  const line: RequestLine = {
    requestId: context.requestId,
    method: request.method,
    route: context.route,
    status: response.statusCode,
    outcome: response.writableFinished ? context.outcome : 'client-gone',
    durationMs: Math.round((nowMonotonicMs - context.startedAtMonotonicMs) * 100) / 100,
  };
  if (context.outcome !== 'component-unknown' || context.caller === undefined) return line;
  const { keyName, componentType, peerAddress } = context.caller;
  return { ...line, caller: { keyName, componentType, peerAddress } };
}

function answerError(options: AppOptions): express.ErrorRequestHandler {
  // Express tells error handlers apart by their four parameters.
  return (error: unknown, request, response, _next) => {
    // The router throws it for a path such as /v1/users/%ZZ.
    const known =
      error instanceof URIError
        ? new TallystickError('request-malformed', 'the path is not properly percent-encoded')
        : error;
    const isExpected = known instanceof TallystickError && known.code !== 'internal';
    const problem = problemOf(known);
    const context = contextOf(request);
    const line = failureLine(context);
    if (!isExpected) options.onUnexpectedError(line.requestId, error, line);
    else if (isForTheOperator(known, problem.status)) options.onFailure?.(known, line);
    if (context.answerError === undefined) sendProblem(request, response, problem);
    else context.answerError(request, response, known);
  };
}

/** The request line says all there is to say of a server that has too much to do. */
function isForTheOperator({ code }: TallystickError, status: number): boolean {
  if (code === 'overloaded' || code === 'shutting-down') return false;
  return status >= 500 || code === 'forbidden';
}

function failureLine({ requestId, route, caller }: RequestContext): FailureLine {
  const { keyName = null, peerAddress = null } = caller ?? {};
  return { requestId, route, keyName, peerAddress };
}
