import { afterAll, beforeAll, expect, it } from 'vitest';
import { fingerprintOf } from '../../../src/offline/keys.ts';
import type { Caller, EnrolledAgent, NewOfflineAgent } from '../../../src/service/api.ts';
import { hotp6 } from '../../support/builders.ts';
import { TestAgent } from '../../support/offline-agent.ts';
import { openOfflineBench, type OfflineBench } from './support.ts';

let offline: OfflineBench;
let other: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench();
  other = await openOfflineBench({}, offline.bench);
});
afterAll(() => offline.bench.close());

/** What one computer sends, as often as it likes. */
async function enrol(
  agent: TestAgent,
  changed: Partial<NewOfflineAgent> = {},
  { bench, caller, nonce }: OfflineBench = offline,
): Promise<EnrolledAgent> {
  const { id } = agent;
  agent.id = '';
  const proof = agent.prove(await nonce(), '/v1/offline/agents');
  agent.id = id;
  const given = { name: 'desk-1', publicKey: agent.spki, keyMode: 'hw', countsFailures: false };
  return bench.service.offline.enrol(caller, proof, { ...given, ...changed } as NewOfflineAgent);
}

async function agentsWith({ spki }: TestAgent): Promise<number> {
  const { administration } = offline.bench.service;
  const all = await administration.offlineAgents(admin(), { after: '', limit: 100 });
  const fingerprint = fingerprintOf(spki);
  return all.filter((each) => each.fingerprint === fingerprint).length;
}

function admin(): Caller {
  return offline.bench.admin;
}

it('the same again is the same workstation, with the same log', async () => {
  const agent = new TestAgent();
  const first = await enrol(agent);
  await agent.enrolled(first);
  const { key } = agent.log;
  offline.bench.clock.advance(86_400);
  const second = await enrol(agent);
  expect(second.agentId).toBe(first.agentId);
  await agent.enrolled(second);
  expect(agent.log.key).toEqual(key);
  expect(await agentsWith(agent)).toBe(1);
  expect(await offline.bench.lastAudit()).toMatchObject({
    action: 'offline.agent.enrol',
    details: { agentId: first.agentId, isRepeated: true },
  });
  // What it was told is good for what it is for.
  const { userName, device } = await offline.owner(hotp6);
  await offline.install(agent, userName, device.response({ counter: 0 }));
  expect((await offline.report(agent)).agentState).toBe('active');
});

it('so is the same at once', async () => {
  const agent = new TestAgent();
  const all = await Promise.all(Array.from({ length: 4 }, () => enrol(agent)));
  expect(new Set(all.map(({ agentId }) => agentId)).size).toBe(1);
  expect(await agentsWith(agent)).toBe(1);
});

it.each<[string, Partial<NewOfflineAgent>]>([
  ['name', { name: 'desk-2' }],
  ['key mode', { keyMode: 'ram' }],
  ['hardware', { countsFailures: true }],
])('another %s with the same key is refused, and the first stays good', async (_, changed) => {
  const agent = new TestAgent();
  const first = await enrol(agent);
  await expect(enrol(agent, changed)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('as desk-1, of key mode hw') as string,
  });
  expect((await enrol(agent)).agentId).toBe(first.agentId);
  expect(await agentsWith(agent)).toBe(1);
});

it('another component with the same key is refused, and learns no name', async () => {
  const agent = new TestAgent();
  await enrol(agent);
  const refused = enrol(agent, {}, other);
  await expect(refused).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('by another component') as string,
  });
  await expect(refused).rejects.not.toThrow(/desk-1/);
});

it('a workstation that was revoked is', async () => {
  const agent = new TestAgent();
  const { agentId } = await enrol(agent);
  await offline.bench.service.administration.revokeOfflineAgent(admin(), agentId, 'stolen');
  await expect(enrol(agent)).rejects.toMatchObject({
    code: 'forbidden',
    fields: { reason: 'agent-revoked' },
  });
});

it.each<[string, (agent: TestAgent) => Promise<unknown>]>([
  [
    'has a package',
    async (agent) => {
      const { userName, device } = await offline.owner(hotp6);
      const response = device.response({ counter: 0 });
      const status = await offline.status(agent, userName, response);
      if (status.status !== 'available') throw new Error(status.status);
      return offline.fetch(agent, status.handle);
    },
  ],
  ['has reported', (agent) => offline.report(agent)],
])('one that %s is told no first key of its log', async (_, use) => {
  const agent = new TestAgent();
  await agent.enrolled(await enrol(agent));
  await use(agent);
  await expect(enrol(agent)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('was used') as string,
  });
});

it('whoever has not the key is told nothing of it', async () => {
  const agent = new TestAgent();
  await enrol(agent);
  const thief = new TestAgent();
  await expect(enrol(thief, { publicKey: agent.spki })).rejects.toMatchObject({
    code: 'unauthenticated',
  });
});

it('is refused in words that say what the policy lacks', async () => {
  const words: string[] = [];
  for (const settings of [
    { offlineEnabled: false },
    { offlineEnabled: true, offlineKeyMode: 'hw' },
  ] as const) {
    const strict = await openOfflineBench(settings, offline.bench);
    const refused = enrol(new TestAgent(), { keyMode: 'sw' }, strict);
    await expect(refused).rejects.toMatchObject({ fields: { reason: 'offline-not-permitted' } });
    words.push(await refused.then(String, String));
  }
  expect(words[0]).toContain('an administrator may set offlineEnabled');
  expect(words[1]).toContain('at least in mode hw, not in mode sw: enrol in that mode');
});
