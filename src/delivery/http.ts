import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import type { HttpSettings, Message } from '../service/ports.ts';
import { withinDeadline } from './deadline.ts';
import { type DeliveryFault, errorCodeOf, fault } from './failure.ts';
import { isLoopbackHost, lookupOf } from './loopback.ts';
import { secretText } from './secret.ts';
import { fillBody, fillHeader, type TemplateValues } from './template.ts';

interface Prepared {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const contentTypes: Record<HttpSettings['content'], string> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  text: 'text/plain; charset=utf-8',
};

/** These frame the request and are written by this server alone. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** How much of an answer is read, and for how long, after its status was seen. */
const drainedBytesMax = 65_536;
const drainMs = 2000;

/**
 * Posts a message to a web service. Resolves once it answered 2xx.
 *
 * @throws DeliveryFault `contract` for settings that cannot be used, before anything is sent;
 *   `refused` for any other status, redirects too; `unreachable`; `timeout`
 */
export async function sendByHttp(
  settings: HttpSettings,
  secret: Uint8Array | null,
  message: Message,
  deadlineMs: number,
): Promise<void> {
  const values = { to: message.to, text: message.text, secret: secretText(secret) };
  const prepared: Prepared = {
    url: allowedUrl(settings.url),
    headers: headersOf(settings, values),
    body: Buffer.from(fillBody(settings.body, settings.content, values), 'utf8'),
  };
  await withinDeadline(deadlineMs, (signal) => post(prepared, signal));
}

function allowedUrl(text: string): URL {
  if (!URL.canParse(text)) throw fault('contract', 'url: must be an absolute https URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw fault('contract', 'url: no user name or password; write {secret} into a header');
  }
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && isLoopbackHost(url.hostname)) return url;
  throw fault('contract', 'url: must be https, or http to 127.0.0.0/8, ::1 or localhost');
}

function headersOf(settings: HttpSettings, values: TemplateValues): Record<string, string> {
  const headers = new Map([['content-type', contentTypes[settings.content]]]);
  for (const [name, template] of Object.entries(settings.headers)) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
      throw fault('contract', 'headers: names are letters, digits and hyphens, such as X-Api-Key');
    }
    if (ownHeaders.has(name.toLowerCase())) {
      throw fault('contract', `header "${name}": is written by this server and cannot be set`);
    }
    headers.set(name.toLowerCase(), fillHeader(name, template, values));
  }
  return Object.fromEntries(headers);
}

function post({ url, headers, body }: Prepared, signal: AbortSignal): Promise<void> {
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-length': String(body.length) },
    // A connection of its own, closed afterwards: nothing stays open between messages.
    agent: false,
    signal,
    // Said aloud, or an environment variable could switch it off.
    rejectUnauthorized: true,
    ...lookupOf(url.hostname),
  };
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const outgoing = isTls ? tlsRequest(url, options) : plainRequest(url, options);
    outgoing.on('error', (error) => reject(unreachable(error)));
    outgoing.on('response', (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status <= 299) {
        drain(response);
        resolve();
      } else {
        response.destroy();
        reject(fault('refused', refusalText(status)));
      }
    });
    outgoing.end(body);
  });
}

function unreachable(error: unknown): DeliveryFault {
  return fault('unreachable', `no answer from the web service: ${errorCodeOf(error)}`);
}

function refusalText(status: number): string {
  const hint = status >= 300 && status <= 399 ? '; redirects are not followed' : '';
  return `the web service answered ${status}${hint}`;
}

/**
 * Lets the other side finish its answer, within bounds: some stop their work when the connection
 * closes under their hands. Keeps no process alive.
 */
function drain(response: IncomingMessage): void {
  let drainedBytes = 0;
  const timer = setTimeout(() => response.destroy(), drainMs).unref();
  response.socket.unref();
  // The status was the answer; what happens to the rest changes nothing.
  response.on('error', () => undefined);
  response.on('close', () => clearTimeout(timer));
  response.on('data', (chunk: Buffer) => {
    drainedBytes += chunk.length;
    if (drainedBytes > drainedBytesMax) response.destroy();
  });
}
