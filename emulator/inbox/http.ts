import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type ArrivingMessage, inboxLimits, recipientOf } from './message.ts';
import { InboxRefusal, refusalOf } from './refusal.ts';
import { listenOnLoopback, type LoopbackServer } from './loopback.ts';

const connectionsMax = 64;
const requestMsMax = 10_000;
const idleMsMax = 5000;
const path = '/messages';

/** Takes messages by `POST /messages` and gives them to `accept`, one per recipient. */
export async function startHttp(
  port: number,
  accept: (arriving: readonly ArrivingMessage[]) => Promise<void>,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    // A client that broke off needs no answer.
    request.on('error', () => undefined);
    takeRequest(request)
      .then(async (arriving) => {
        await accept(arriving);
        answer(response, 200, { accepted: arriving.length });
      })
      .catch((error: unknown) => {
        const { httpStatus, message } = refusalOf(error);
        if (httpStatus === 405) response.setHeader('allow', 'POST');
        // Whatever of the body is still to come shall not be taken for the next request.
        if (!request.complete) response.setHeader('connection', 'close');
        answer(response, httpStatus, { error: message });
      });
  });
  server.maxConnections = connectionsMax;
  server.headersTimeout = requestMsMax;
  server.requestTimeout = requestMsMax;
  server.keepAliveTimeout = idleMsMax;
  return {
    port: await listenOnLoopback(server, port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // What was accepted has been answered; what is still arriving is not waited for.
        server.closeAllConnections();
      }),
  };
}

async function takeRequest(request: IncomingMessage): Promise<ArrivingMessage[]> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname !== path) throw new InboxRefusal(0, 404, `there is only ${path}`);
  if (request.method !== 'POST') throw new InboxRefusal(0, 405, `${path} takes POST only`);
  const body = await readBody(request);
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  const { to, text } = fieldsOf(type.trim().toLowerCase(), body, url.searchParams);
  const recipients = (Array.isArray(to) ? to : [to]).map(recipientOf);
  if (recipients.length === 0 || recipients.length > inboxLimits.recipientsMax) {
    throw bad(`to must be 1 to ${inboxLimits.recipientsMax} recipients`);
  }
  if (typeof text !== 'string' || text.trim() === '') throw bad('text must be text, not empty');
  return recipients.map((recipient) => {
    if (recipient !== null) return { channel: 'http', to: recipient, text: text.trimEnd() };
    throw bad(
      `to must be an address or a number of 1 to ${inboxLimits.addressCharactersMax} characters`,
    );
  });
}

function fieldsOf(
  type: string,
  body: string,
  query: URLSearchParams,
): { readonly to: unknown; readonly text: unknown } {
  switch (type) {
    case 'application/json':
      return jsonFields(body);
    case 'application/x-www-form-urlencoded': {
      const form = new URLSearchParams(body);
      return { to: form.getAll('to'), text: form.get('text') };
    }
    case 'text/plain':
      return { to: query.getAll('to'), text: body };
    default:
      throw new InboxRefusal(
        0,
        415,
        'the content must be application/json, application/x-www-form-urlencoded or text/plain',
      );
  }
}

/** Other members are passed over: gateways are sent senders, kinds and keys as well. */
function jsonFields(body: string): { readonly to: unknown; readonly text: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw bad('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw bad('the body must be a JSON object');
  const { to, text } = value as { readonly to?: unknown; readonly text?: unknown };
  return { to, text };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    // Not an iterator: leaving one early would end the connection before the answer is sent.
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= inboxLimits.messageBytesMax) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      const message = `a message has at most ${inboxLimits.messageBytesMax} bytes`;
      reject(new InboxRefusal(552, 413, message));
    });
    request.on('end', resolve);
    request.on('close', () => reject(bad('the request was broken off')));
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw bad('the body is not UTF-8');
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function bad(message: string): InboxRefusal {
  return new InboxRefusal(554, 400, message);
}
