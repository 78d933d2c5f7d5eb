import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HsmModule, initialiseModule, openModule } from '../../hsm/index.ts';
import { createApp, type Listener } from '../../src/http/index.ts';
import type { Acknowledgement } from '../../src/offline/report.ts';
import { createRestRouter } from '../../src/rest/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';
import { listening } from '../support/listening.ts';
import { fits, TestAgent } from '../support/offline-agent.ts';
import { freshSoftHsm, type SoftHsmToken } from '../support/softhsm.ts';

let hsm: SoftHsmToken;
let module: HsmModule;
let bench: Bench;
let listener: Listener;
let key = '';

beforeAll(async () => {
  hsm = await freshSoftHsm();
  await initialiseModule({ uri: hsm.uri });
  module = await openModule({ uri: hsm.uri, residency: 'resident' });
  bench = await openBench({ module });
  const app = createApp({
    routers: [createRestRouter({ service: bench.service, bodyBytesMax: 65_536 })],
    readiness: () => bench.service.readiness(),
    requestsInFlightMax: 100,
    hasTls: false,
    monotonicMs: () => performance.now(),
    onRequest: () => undefined,
    onUnexpectedError: (_id, error) => {
      throw error;
    },
  });
  listener = await listening(app);
  key = await clientKey();
});

afterAll(async () => {
  await listener.drain(1000);
  await bench.close();
  await module.close();
  await hsm.remove();
});

async function clientKey(): Promise<string> {
  const { administration } = bench.service;
  await administration.savePolicy(
    bench.admin,
    'desk',
    {
      parentName: 'Local Authentication',
      settings: { genericAnswers: false, offlineEnabled: true, offlinePinless: 'allowed' },
    },
    { expectedVersion: null },
  );
  await administration.createComponent(bench.admin, {
    componentType: 'desk',
    location: '127.0.0.0/8',
    access: 'api-key',
    policyName: 'desk',
  });
  const made = await administration.createApiKey(bench.admin, {
    name: 'desk',
    role: 'client',
    componentType: 'desk',
    domainName: null,
    expiresAtMs: null,
  });
  return made.key;
}

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly bytes: Buffer;
  readonly body: Readonly<Record<string, unknown>>;
}

async function post(
  path: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${listener.port}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', ...headers },
    body: new Uint8Array(body),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get('Content-Type');
  const isJson = type?.includes('json') === true;
  const parsed = isJson ? (JSON.parse(bytes.toString('utf8')) as Answer['body']) : {};
  return { status: response.status, type, bytes, body: parsed };
}

/** A request of an agent with its proof, which a test may spoil. */
async function ask(
  agent: TestAgent,
  path: string,
  given: object | Buffer,
  spoilt: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = Buffer.isBuffer(given) ? given : Buffer.from(JSON.stringify(given));
  const { nonce } = (await post('/v1/offline/nonces', Buffer.from('{}'))).body;
  const proof = agent.prove(String(nonce), path, body);
  return post(path, body, {
    ...(proof.agentId === null ? {} : { 'Tallystick-Agent': proof.agentId }),
    'Tallystick-Nonce': String(nonce),
    'Tallystick-Proof': Buffer.from(proof.signature ?? []).toString('base64url'),
    ...spoilt,
  });
}

/** What is sealed of the log's key. */
async function enrol(agent: TestAgent): Promise<string> {
  const enrolled = await ask(agent, '/v1/offline/agents', {
    name: 'pc-1',
    publicKey: agent.spki.toString('base64'),
    keyMode: 'hw',
    countsFailures: true,
  });
  expect(enrolled.status).toBe(201);
  const { agentId, signingKey, sealedLogKey } = enrolled.body;
  await agent.enrolled({
    agentId: String(agentId),
    signingKey: Buffer.from(String(signingKey), 'base64'),
    sealedLogKey: Buffer.from(String(sealedLogKey), 'base64'),
  });
  return String(sealedLogKey);
}

async function report(agent: TestAgent, nowMs: number): Promise<Acknowledgement> {
  const reportId = randomUUID();
  const { status, body } = await ask(agent, '/v1/offline/reports', agent.report(nowMs, reportId));
  expect(status).toBe(200);
  const [payload, signature] = [body['payload'], body['signature']].map((text) =>
    Buffer.from(String(text), 'base64url'),
  );
  const empty = Buffer.alloc(0);
  return agent.acknowledge({ payload: payload ?? empty, signature: signature ?? empty }, reportId);
}

it('takes a workstation from enrolment to its report, with the keys in the module', async () => {
  const { clock } = bench;
  const userName = await bench.user();
  const device = await bench.device(totp6, { userName });
  const agent = new TestAgent();
  const sealedLogKey = await enrol(agent);
  const wrong = { user: userName, response: '000000', purpose: 'logon' };
  expect(await ask(agent, '/v1/offline/logon', wrong)).toMatchObject({
    status: 403,
    body: { code: 'response-incorrect' },
  });
  const response = device.response({ nowMs: clock.nowMs() });
  const logon = { user: userName, response, purpose: 'logon' };
  const accepted = await ask(agent, '/v1/offline/logon', logon);
  expect(accepted).toMatchObject({
    status: 200,
    body: { outcome: 'accepted', user: userName, offline: { status: 'available' } },
  });
  const { handle } = accepted.body['offline'] as { handle: string };

  const fetched = await ask(agent, '/v1/offline/packages', { handle });
  expect(fetched).toMatchObject({ status: 200, type: 'application/octet-stream' });
  const opened = await agent.open(fetched.bytes);
  const { header } = opened;
  expect(header).toMatchObject({ count: 7 * 2880, tagBits: 64, kind: 'time' });
  for (let at = 0; at < header.count; at += 1) {
    const index = header.first + BigInt(at);
    const shown = device.response({ nowMs: Number(index) * 30_000 });
    if (!fits(opened, index, shown)) throw new Error(`entry ${at} is not what the device shows`);
  }

  clock.advance(60);
  const used = device.response({ nowMs: clock.nowMs() });
  const step = BigInt(Math.floor(clock.nowMs() / 30_000));
  agent.note('installed', { packageId: header.packageId, atMs: clock.nowMs() });
  agent.use(header.packageId, step, clock.nowMs());
  agent.held = [{ packageId: header.packageId, state: 'installed', eventsUsed: 1 }];
  const ack = await report(agent, clock.nowMs());
  expect(ack).toMatchObject({ agentState: 'active', through: 3, packageIds: [header.packageId] });
  const replay = { ...logon, response: used };
  expect(await ask(agent, '/v1/offline/logon', replay)).toMatchObject({
    status: 403,
    body: { code: 'response-replayed' },
  });

  const audit = (await bench.auditBodies()).join('\n');
  for (const secret of [response, used, handle, sealedLogKey]) {
    expect(audit).not.toContain(`"${secret}"`);
  }
});

it('makes nothing without a logon just before: refused, and in the audit', async () => {
  const userName = await bench.user();
  const device = await bench.device(totp6, { userName });
  const [one, other] = [new TestAgent(), new TestAgent()];
  await enrol(one);
  await enrol(other);
  const response = device.response({ nowMs: bench.clock.nowMs() });
  const accepted = await ask(one, '/v1/offline/logon', {
    user: userName,
    response,
    purpose: 'logon',
  });
  const { handle } = accepted.body['offline'] as { handle: string };
  const refused = async (agent: TestAgent, given: string): Promise<void> => {
    expect(await ask(agent, '/v1/offline/packages', { handle: given })).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'offline.package.issue',
      outcome: 'handle-unknown',
      subject: expect.stringContaining(agent.id) as string,
    });
  };
  // Of nobody; of another workstation; used before; ten minutes old.
  await refused(one, randomUUID());
  await refused(other, handle);
  expect(await ask(one, '/v1/offline/packages', { handle })).toMatchObject({ status: 200 });
  await refused(one, handle);
  bench.clock.advance(60);
  const next = device.response({ nowMs: bench.clock.nowMs() });
  const late = await ask(one, '/v1/offline/logon', {
    user: userName,
    response: next,
    purpose: 'logon',
  });
  bench.clock.advance(601);
  await refused(one, (late.body['offline'] as { handle: string }).handle);
});

it('says by a code of its own what is wrong with a proof', async () => {
  const agent = new TestAgent();
  agent.id = randomUUID();
  const refused = (code: string): object => ({ status: 401, body: { code } });
  expect(await post('/v1/offline/reports', Buffer.from('{}'))).toMatchObject(
    refused('agent-proof'),
  );
  expect(await ask(agent, '/v1/offline/shares', {})).toMatchObject(refused('agent-proof'));
  for (const nonce of ['x', 'A'.repeat(75)]) {
    const spoilt = { 'Tallystick-Nonce': nonce };
    expect(await ask(agent, '/v1/offline/shares', {}, spoilt)).toMatchObject(
      refused('agent-nonce'),
    );
  }
});
