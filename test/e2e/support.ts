import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Installation, runProgram, type ServerProcess } from '../support/cli.ts';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export type Send = (
  method: string,
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** A client of a running server with one key; it knows nothing of our own code. */
export function clientOf(server: ServerProcess, key: string): Send {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as Answer['body']);
    return { status: response.status, body: parsed };
  };
}

export function administratorOf(server: ServerProcess, installation: Installation): Send {
  return clientOf(server, readFileSync(installation.adminKeyFile, 'utf8').trim());
}

/**
 * A program that needs no more than its address and a key, under a policy of its own, a child of Local
 * Authentication: policy, component and key have one name.
 */
export async function clientUnder(
  server: ServerProcess,
  admin: Send,
  name: string,
  settings: object,
): Promise<Send> {
  await must(admin('PUT', `/v1/policies/${name}`, { parent: 'Local Authentication', settings }));
  const component = { location: '127.0.0.1', access: 'address', policy: name };
  await must(admin('POST', '/v1/components', { type: name, ...component }));
  const made = await must(admin('POST', '/v1/keys', { name, role: 'client', component: name }));
  return clientOf(server, String(made['key']));
}

/** The built command. */
export const vtokenProgram: string = fileURLToPath(
  new URL('../../dist/emulator/cli/main.js', import.meta.url),
);

/** The command over the tokens of one folder; it insists on success and gives what was printed. */
export function vtokenIn(folder: string): (...argv: readonly string[]) => Promise<string> {
  return async (...argv) => {
    const run = await runProgram(process.execPath, [vtokenProgram, ...argv, '--dir', folder]);
    if (run.code !== 0) throw new Error(run.stderr);
    return run.stdout.trim();
  };
}

/** Sends and insists on success. */
export async function must(sending: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await sending;
  if (status >= 200 && status <= 299) return body;
  throw new Error(`status ${status}: ${JSON.stringify(body)}`);
}

/** An event-based authenticator whose seed the test knows, with its owner. */
export interface Holder {
  readonly user: string;
  readonly serial: string;
  /** Six digits (RFC 4226 section 5.3). */
  readonly response: (counter: number) => string;
}

/** Creates user and authenticator; the seed goes in by import. */
export async function createHolder(admin: Send, name: string): Promise<Holder> {
  const seed = randomBytes(20);
  const serial = name.toUpperCase();
  await must(admin('POST', '/v1/users', { user: name }));
  await must(
    admin('POST', '/v1/authenticators', {
      serial,
      model: 'TEST',
      applications: [
        {
          name: 'EVENT',
          mode: 'response-only',
          algorithm: { kind: 'event', hash: 'SHA1', digits: 6 },
          seed: { source: 'import', encoding: 'hex', value: seed.toString('hex') },
        },
      ],
    }),
  );
  await must(admin('POST', `/v1/authenticators/${serial}/assign`, { user: name }));
  return { user: name, serial, response: (counter) => hotp(seed, counter) };
}

function hotp(seed: Buffer, counter: number): string {
  const movingFactor = Buffer.alloc(8);
  movingFactor.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac('sha1', seed).update(movingFactor).digest();
  const truncated = mac.readUInt32BE(mac[19]! & 0xf) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, '0');
}

/** A client key for a component of its own, under a policy with these settings. */
export async function createClientKey(
  admin: Send,
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<string> {
  await must(admin('PUT', `/v1/policies/${name}`, { parent: 'Local Authentication', settings }));
  const location = '127.0.0.0/8';
  await must(admin('POST', '/v1/components', { type: name, location, policy: name }));
  const { key } = await must(admin('POST', '/v1/keys', { name, role: 'client', component: name }));
  return String(key);
}

export interface AuditedEvent {
  readonly action: string;
  readonly outcome: string;
  readonly subject: string;
}

/** Every event of one instance's chain. */
export async function auditOf(admin: Send, instance: string): Promise<readonly AuditedEvent[]> {
  const events: AuditedEvent[] = [];
  let after = '0';
  for (;;) {
    const query = `instance=${instance}&after=${after}&limit=1000`;
    const { items, next } = await must(admin('GET', `/v1/audit?${query}`));
    for (const { body } of items as { body: string }[]) {
      events.push(JSON.parse(body) as AuditedEvent);
    }
    if (typeof next !== 'string') return events;
    after = next;
  }
}
