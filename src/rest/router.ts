import express from 'express';
import type { Call, Endpoint, Reply } from './endpoint.ts';
import { readBearer, readIfMatch, readQuery, readRequestKey } from './input.ts';
import { readProof } from './proof.ts';
import { refusalProblem } from './refusals.ts';
import { authenticationEndpoints } from './authentication.ts';
import { authenticatorEndpoints } from './authenticators.ts';
import { auditEndpoints } from './audit.ts';
import { configurationEndpoints } from './configuration.ts';
import { policyExplanationEndpoints } from './policy-explanation.ts';
import { emergencyEndpoints } from './emergency.ts';
import { explanationEndpoints } from './explanation.ts';
import { gatewayEndpoints } from './gateways.ts';
import { driftEndpoints } from './drift.ts';
import { offlineEndpoints } from './offline.ts';
import { offlineAdministrationEndpoints } from './offline-administration.ts';
import { type TestClock, testClockEndpoints } from './test-clock.ts';
import { pinEndpoints } from './pins.ts';
import { userEndpoints } from './users.ts';
import {
  contextOf,
  type JsonValue,
  onlyBy,
  parseStrictJson,
  plainAddress,
  readBody,
  sendJson,
  sendProblem,
} from '../http/index.ts';
import { TallystickError } from '../errors.ts';
import type { Caller, Service } from '../service/api.ts';

export interface RestOptions {
  readonly service: Service;
  readonly bodyBytesMax: number;
  /** Only of servers for tests. */
  readonly testClock?: TestClock | undefined;
}

const depthMax = 8;

const endpoints: readonly Endpoint[] = [
  ...authenticationEndpoints,
  ...userEndpoints,
  ...explanationEndpoints,
  ...authenticatorEndpoints,
  ...driftEndpoints,
  ...pinEndpoints,
  ...emergencyEndpoints,
  ...configurationEndpoints,
  ...policyExplanationEndpoints,
  ...gatewayEndpoints,
  ...offlineEndpoints,
  ...offlineAdministrationEndpoints,
  ...auditEndpoints,
];

/** The routes under `/v1`: JSON in and out, RFC 9457 problems, as docs/rest.md describes them. */
export function createRestRouter(options: RestOptions): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const byPath = new Map<string, Endpoint[]>();
  const { testClock } = options;
  const forTests = testClock === undefined ? [] : testClockEndpoints(testClock);
  for (const endpoint of [...endpoints, ...forTests]) {
    byPath.set(endpoint.path, [...(byPath.get(endpoint.path) ?? []), endpoint]);
  }
  for (const [path, group] of byPath) {
    for (const endpoint of group) {
      router[endpoint.method](path, (request, response) =>
        serve(options, endpoint, request, response),
      );
    }
    const methods = group.map(({ method }) => method.toUpperCase()).join(', ');
    router.all(path, onlyBy(path, methods));
  }
  return router;
}

async function serve(
  options: RestOptions,
  endpoint: Endpoint,
  request: express.Request,
  response: express.Response,
): Promise<void> {
  const context = contextOf(request);
  context.route = endpoint.path;
  // Before the body is read: strangers don't make us read.
  const caller = await identify(options.service, request, context.requestId);
  context.caller = caller;
  const query = readQuery(request.url, endpoint.query ?? []);
  const requestKey = readRequestKey(
    onlyWhere(endpoint.takesRequestKey, request, 'Idempotency-Key'),
  );
  const ifMatch = readIfMatch(onlyWhere(endpoint.takesIfMatch, request, 'If-Match'));
  const bytes = await readBytes(options, endpoint, request, response);
  try {
    const call: Call = {
      service: options.service,
      caller,
      path: request.params as Readonly<Record<string, string>>,
      query,
      requestKey,
      ifMatch,
      body: bytes === null || endpoint.body === 'bytes' ? undefined : parseBody(bytes),
      proof: readProof(request, bytes ?? new Uint8Array()),
    };
    // What is not proven needs the bytes no longer: they may hold a response.
    if (endpoint.isProven !== true) bytes?.fill(0);
    send(request, response, await run(endpoint, call));
  } finally {
    bytes?.fill(0);
  }
}

async function run(endpoint: Endpoint, call: Call): Promise<Reply> {
  try {
    return await endpoint.run(call);
  } catch (error) {
    throw inWireNames(error);
  }
}

const wireNames: Readonly<Record<string, string>> = {
  userName: 'user',
  domainName: 'domain',
  applicationName: 'application',
  policyName: 'policy',
  parentName: 'parent',
};

/** A use case names what was wrong by its own parameters; the client knows the members it sent. */
function inWireNames(error: unknown): unknown {
  if (!(error instanceof TallystickError) || error.code !== 'request-invalid') return error;
  const fields = Object.fromEntries(
    Object.entries(error.fields).map(([member, value]) => [wireNames[member] ?? member, value]),
  );
  const members = Object.keys(fields).join(', ');
  return new TallystickError('request-invalid', `The request is invalid: ${members}.`, { fields });
}

async function identify(
  service: Service,
  request: express.Request,
  requestId: string,
): Promise<Caller> {
  const keyText = readBearer(request.headers.authorization);
  const peer = request.socket.remoteAddress;
  const caller =
    keyText === null || peer === undefined
      ? null
      : await service.identify(keyText, plainAddress(peer), requestId);
  if (caller !== null) return caller;
  throw new TallystickError(
    'unauthenticated',
    'an Authorization header with a valid API key is needed: Bearer tsk_...',
  );
}

/** A header that an endpoint would not act on is refused: the client counts on it. */
function onlyWhere(
  isTaken: boolean | undefined,
  request: express.Request,
  name: string,
): string | undefined {
  const value = request.get(name);
  if (value === undefined || isTaken === true) return value;
  throw new TallystickError('request-invalid', `${name} has no meaning here.`, {
    fields: { [name]: 'must be left out here' },
  });
}

/** The body as it came, null without one; the caller overwrites it. */
async function readBytes(
  { bodyBytesMax }: RestOptions,
  endpoint: Endpoint,
  request: express.Request,
  response: express.Response,
): Promise<Buffer | null> {
  const { headers } = request;
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) {
    if (endpoint.body !== 'required' && endpoint.body !== 'bytes') return null;
    throw new TallystickError('request-malformed', 'a JSON body is needed');
  }
  if (endpoint.body === undefined) {
    throw new TallystickError('request-malformed', 'this request takes no body');
  }
  if (!/^application\/json *(?:; *charset=("?)utf-8\1 *)?$/i.test(headers['content-type'] ?? '')) {
    throw new TallystickError('media-type-unsupported', 'the body must be application/json');
  }
  return readBody(request, response, bodyBytesMax);
}

function parseBody(bytes: Uint8Array): JsonValue {
  return parseStrictJson(bytes, { depthMax });
}

function send(request: express.Request, response: express.Response, reply: Reply): void {
  if (reply.status === 403) {
    sendProblem(request, response, refusalProblem(reply.code, reply.rule));
    return;
  }
  contextOf(request).outcome = reply.outcome;
  if (reply.status === 204) {
    response.statusCode = 204;
    response.end();
    return;
  }
  if ('bytes' in reply) {
    sendBytes(response, reply.bytes);
    return;
  }
  if (reply.version !== undefined) response.setHeader('ETag', `"${reply.version}"`);
  if (reply.location !== undefined) response.setHeader('Location', reply.location);
  sendJson(response, reply.status, reply.body);
}

/** The whole body at once, so that its length is known. */
function sendBytes(response: express.Response, bytes: Uint8Array): void {
  response.statusCode = 200;
  response.setHeader('Content-Type', 'application/octet-stream');
  response.end(bytes);
}
