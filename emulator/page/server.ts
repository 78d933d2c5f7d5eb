import { createServer } from 'node:http';
import express from 'express';
import type { DevicePorts } from '../device/ports.ts';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError, type EmulatorErrorCode } from '../errors.ts';
import type { TokenFolder } from '../files/state-file.ts';
import type { InboxFile } from '../inbox/file.ts';
import { listenOnLoopback, loopbackHost } from '../inbox/loopback.ts';
import { deskRoutes } from './api.ts';
import { type Asset, readAssets } from './assets.ts';
import { openDesk } from './desk.ts';
import { createGate, type Gate, type GateRefusal } from './gate.ts';
import {
  type Bounds,
  boundServer,
  type Overload,
  overloadTexts,
  type PageLimits,
  serverOptions,
  usualLimits,
} from './limits.ts';
import { readSessionKey } from './requests.ts';
import type { ErrorView } from './wire.ts';

export interface PageOptions {
  /** 0: the system chooses. */
  readonly port: number;
  readonly folder: TokenFolder;
  readonly inbox: InboxFile;
  readonly env: DeviceEnv;
  readonly ports: DevicePorts;
  /** Called with what no contract names; the browser gets a bland sentence. */
  readonly onUnexpectedError: (error: unknown) => void;
  readonly limits?: PageLimits | undefined;
}

export interface Page {
  readonly port: number;
  /** With the key of this start in its fragment. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** No script, style, picture or connection but of this server; in nobody's frame. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/**
 * Serves the page of a folder of tokens on loopback.
 *
 * @throws EmulatorError state-busy if the port is taken, storage-failed if the page was not built
 */
export async function startPage(options: PageOptions): Promise<Page> {
  const { env, limits = usualLimits } = options;
  const assets = await builtAssets(env);
  const app = express();
  const server = createServer(serverOptions(limits), app);
  const bounds = boundServer(server, limits);
  const port = await listenOnLoopback(server, options.port);
  const gate = createGate(port, (length) => env.randomBytes(length));
  // The gate knows the port, so that the routes come after it is known; nobody was told it yet.
  addRoutes(app, guarded(gate, bounds), gate, assets, options);
  return {
    port,
    url: `http://${loopbackHost}:${port}/#${gate.key}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function addRoutes(
  app: express.Express,
  guard: express.RequestHandler,
  gate: Gate,
  assets: ReadonlyMap<string, Asset>,
  options: PageOptions,
): void {
  const { bodyBytesMax } = options.limits ?? usualLimits;
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use(guard);
  app.get(/^\/[a-z.-]*$/, (request, response, next) => {
    const asset = assets.get(request.path);
    if (asset === undefined) {
      next();
      return;
    }
    response.type(asset.type).send(asset.bytes);
  });
  const json = express.json({ limit: bodyBytesMax, strict: true });
  app.post('/api/session', json, (request, response) => {
    const cookie = gate.cookieFor(readSessionKey(request.body));
    if (cookie === null) {
      refuse(response, 'key-wrong');
      return;
    }
    response.setHeader('Set-Cookie', cookie);
    response.status(204).end();
  });
  app.use('/api', (request, response, next) => {
    const refusal = gate.sessionRefusalOf(request.headers);
    if (refusal === null) next();
    else refuse(response, refusal);
  });
  // Nothing is read of who may not be here.
  app.use('/api', json, deskRoutes(openDesk(options)));
  app.use((_request, response) => answer(response, 404, 'not-found', 'there is nothing here'));
  app.use(answerError(options));
}

function guarded(gate: Gate, bounds: Bounds): express.RequestHandler {
  return (request, response, next) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const overload = bounds.admit(request, response, () => turnAway(response, 'exchange-too-long'));
    if (overload !== null) {
      turnAway(response, overload);
      return;
    }
    const refusal = gate.refusalOf(request.method, request.headers);
    if (refusal === null) next();
    else refuse(response, refusal);
  };
}

function turnAway(response: express.Response, overload: Overload): void {
  // It is the connection that takes up a place: the next try comes with another.
  response.setHeader('Connection', 'close');
  answer(response, 503, overload, overloadTexts[overload]);
}

const gateAnswers: Readonly<Record<GateRefusal, { status: number; message: string }>> = {
  'host-foreign': { status: 421, message: 'this page is served under its own address only' },
  'origin-foreign': { status: 403, message: 'other pages may not use this one' },
  'session-missing': { status: 401, message: 'open the address that vtoken serve has printed' },
  'key-wrong': { status: 401, message: 'this is not the key of this start of vtoken serve' },
};

function refuse(response: express.Response, refusal: GateRefusal): void {
  const { status, message } = gateAnswers[refusal];
  answer(response, status, refusal, message);
}

function answerError({
  onUnexpectedError,
  limits = usualLimits,
}: PageOptions): express.ErrorRequestHandler {
  // Express tells error handlers apart by their four parameters.
  return (error: unknown, _request, response, _next) => {
    // It was answered that it took too long.
    if (response.headersSent) return;
    if (error instanceof EmulatorError) {
      answer(response, statusByError[error.code], error.code, error.message);
      return;
    }
    const status = statusOfClientError(error);
    if (status !== null) {
      const message =
        status === 413
          ? `the body of a request has at most ${limits.bodyBytesMax} bytes`
          : 'the request is malformed';
      answer(response, status, 'input-invalid', message);
      return;
    }
    onUnexpectedError(error);
    answer(response, 500, 'internal', 'internal error: vtoken serve has printed more about it');
  };
}

/** What Express and its reader of bodies say of requests that they do not take. */
function statusOfClientError(error: unknown): number | null {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status <= 499 ? status : null;
}

const statusByError: Readonly<Record<EmulatorErrorCode, number>> = {
  'input-invalid': 400,
  'token-unknown': 404,
  'message-unknown': 404,
  refused: 409,
  untouched: 409,
  'fleet-differs': 409,
  'token-exists': 409,
  'pairing-refused': 409,
  'state-conflict': 409,
  'state-damaged': 500,
  // Of commands that the page has not.
  'command-failed': 500,
  stopped: 500,
  'storage-failed': 500,
  'hid-unavailable': 500,
  'hid-failed': 500,
  'state-busy': 503,
};

function answer(response: express.Response, status: number, code: string, message: string): void {
  const view: ErrorView = { error: { code, message } };
  // What of a body was not read is not the next request.
  if (!response.req.complete) response.setHeader('Connection', 'close');
  response.status(status).json(view);
}

async function builtAssets(env: DeviceEnv): Promise<ReadonlyMap<string, Asset>> {
  try {
    return await readAssets(env.files);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    throw new EmulatorError('storage-failed', 'the page was not built: run npm run build', error);
  }
}
