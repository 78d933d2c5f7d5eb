import type { IncomingMessage, ServerResponse } from 'node:http';
import { endUnread } from './body.ts';
import { contextOf } from './context.ts';
import { type ErrorCode, TallystickError } from '../errors.ts';

/** A problem document (RFC 9457 section 3). `code` is what programs switch on. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** The members that were wrong, and what is allowed. */
  readonly problems?: readonly { readonly member: string; readonly message: string }[];
}

interface Meaning {
  readonly status: number;
  readonly title: string;
}

/** Seconds after which a repeat is worth trying. */
const retryAfterSeconds = 1;

const brokenModule = { status: 503, title: 'The security module cannot do this now' };
const brokenStore = { status: 503, title: 'The database cannot do this now' };
const ourFault = { status: 500, title: 'Something went wrong inside the server' };

/**
 * The one table from broken contracts and failed dependencies to HTTP, total by its type. All that
 * is technical is 503: a client that tests only for success lets nobody in, and one that repeats is
 * right to.
 */
const meanings: Readonly<Record<ErrorCode, Meaning>> = {
  'request-malformed': { status: 400, title: 'The request cannot be read' },
  'request-invalid': { status: 422, title: 'The request is not acceptable' },
  'request-too-large': { status: 413, title: 'The request is too large' },
  'request-key-reused': { status: 422, title: 'The idempotency key belongs to another request' },
  'media-type-unsupported': { status: 415, title: 'The media type is not supported' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'The API key may not do this' },
  conflict: { status: 409, title: 'The request conflicts with what is stored' },
  'policy-refused': { status: 403, title: 'The policy does not allow this' },
  'module-unavailable': brokenModule,
  'module-denied': brokenModule,
  'module-capacity': brokenModule,
  'module-contract': brokenModule,
  'seed-damaged': brokenModule,
  'store-unavailable': brokenStore,
  'store-read-only': brokenStore,
  'store-full': brokenStore,
  'store-contract': brokenStore,
  'instance-in-use': brokenStore,
  'delivery-failed': { status: 503, title: 'The message could not be sent' },
  'back-end-unavailable': { status: 503, title: 'The back end cannot be asked now' },
  overloaded: { status: 503, title: 'The server has too much to do' },
  'shutting-down': { status: 503, title: 'The server is shutting down' },
  // Start-up failures end the process before it listens; here they are a mistake of ours.
  'config-invalid': ourFault,
  'address-in-use': ourFault,
  'not-initialised': ourFault,
  internal: ourFault,
};

/** The problem that an error is to the client. Only `TallystickError` texts are meant for clients. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof TallystickError)) {
    return { ...ourFault, code: 'internal', detail: internalDetail };
  }
  const { status, title } = meanings[error.code];
  const detail = status === 500 ? internalDetail : error.message;
  const reason = error.fields['reason'];
  // A failed precondition (RFC 9110 section 15.5.13): the record is not the one that was seen.
  if (error.code === 'conflict' && reason === 'version') {
    return { status: 412, title, code: error.code, detail };
  }
  // A refusal by role and one by address share an error code, as do a missing API key and a missing proof;
  // the reason tells them apart.
  const isTold = status === 401 || status === 403;
  const code = isTold && typeof reason === 'string' ? reason : error.code;
  const problem = { status, title, code, detail };
  if (error.code !== 'request-invalid') return problem;
  const problems = Object.entries(error.fields).map(([member, value]) => ({
    member,
    message: typeof value === 'object' ? value.join('; ') : String(value),
  }));
  return problems.length === 0 ? problem : { ...problem, problems };
}

const internalDetail = 'The operator finds the cause in the log under this request id.';

/** Answers with a problem document and notes its code as the request's outcome. */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
): void {
  const context = contextOf(request);
  context.outcome = problem.code;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = problem.status;
  response.setHeader('Content-Type', 'application/problem+json');
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (problem.status === 503) response.setHeader('Retry-After', retryAfterSeconds);
  const { status, code, title, detail, problems } = problem;
  const type = `urn:tallystick:problem:${code}`;
  const { requestId } = context;
  const document = { type, title, status, detail, code, requestId, problems };
  endUnread(request, response, JSON.stringify(document));
}
