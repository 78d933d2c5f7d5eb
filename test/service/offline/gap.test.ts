import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hotp6 } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { asking, codeOf } from '../support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

/** A server that was restored from a backup lacks what workstations have reported since. */

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench();
});
afterAll(() => offline.bench.close());

interface Lost {
  readonly agent: TestAgent;
  readonly online: (counter: number) => Promise<string>;
}

/** Lines 2 to 5 were acknowledged by a server that is no more, and two more have been written. */
async function lost(): Promise<Lost> {
  const { bench } = offline;
  const { userName, device } = await offline.owner(hotp6);
  const agent = await offline.agent();
  const { header } = await offline.install(agent, userName, device.response({ counter: 0 }));
  await offline.report(agent);
  agent.use(header.packageId, 1n, bench.clock.nowMs());
  agent.use(header.packageId, 2n, bench.clock.nowMs());
  agent.acknowledged = { n: agent.log.n, head: agent.log.head };
  agent.lines = [];
  agent.use(header.packageId, 3n, bench.clock.nowMs());
  return {
    agent,
    online: (counter) =>
      codeOf(
        bench.service,
        offline.caller,
        asking(userName, { response: device.response({ counter }) }),
      ),
  };
}

async function send(agent: TestAgent): Promise<unknown> {
  const body = agent.report(offline.bench.clock.nowMs(), randomUUID());
  const proof = agent.prove(await offline.nonce(), '/v1/offline/reports', body);
  return offline.bench.service.offline.report(offline.caller, proof);
}

function accept({ id }: TestAgent): Promise<unknown> {
  const { service, admin } = offline.bench;
  return service.administration.acceptOfflineGap(admin, id, 'restored from a backup');
}

const gap = { code: 'conflict', fields: { reason: 'report-gap' } };

it('goes on behind what is lost once an administrator has said so, and once only', async () => {
  const { agent, online } = await lost();
  await expect(send(agent)).rejects.toMatchObject(gap);
  expect(await accept(agent)).toMatchObject({ acknowledgedThrough: 1, isGapAccepted: true });
  expect(await offline.bench.lastAudit()).toMatchObject({
    action: 'offline.agent.accept-gap',
    details: { reason: 'restored from a backup', acknowledgedThrough: 1 },
  });
  // Whose answer gets lost: the same lines come again.
  await send(agent);
  expect(await offline.bench.lastAudit()).toMatchObject({
    action: 'offline.report',
    outcome: 'done',
    details: { lostFrom: 2, lostThrough: 5, through: 7, lines: 2, accepted: 1 },
  });
  expect(await offline.report(agent)).toMatchObject({ agentState: 'active', through: 7 });
  expect((await offline.bench.lastAudit()).details).not.toHaveProperty('lostFrom');
  expect(await online(3)).toBe('response-replayed');
  expect(await online(4)).toBe('accepted');
  agent.note('clock-back', { atMs: 1 });
  agent.acknowledged = { n: agent.log.n, head: agent.log.head };
  agent.lines = [];
  await expect(send(agent)).rejects.toMatchObject(gap);
});

it('takes a workstation that wrote nothing since', async () => {
  const { agent } = await lost();
  agent.acknowledged = { n: agent.log.n, head: agent.log.head };
  agent.lines = [];
  await accept(agent);
  expect(await offline.report(agent)).toMatchObject({ agentState: 'active', through: 7 });
  expect(await offline.bench.store.offlineAgentById(agent.id)).toMatchObject({
    isGapAccepted: false,
  });
});

it('takes no line whose MAC is wrong, and none that follows another', async () => {
  const { agent } = await lost();
  await accept(agent);
  const { head } = agent.acknowledged;
  agent.acknowledged = { n: agent.acknowledged.n, head: Buffer.alloc(32, 7) };
  await expect(send(agent)).rejects.toMatchObject({ code: 'request-invalid' });
  agent.acknowledged = { n: agent.acknowledged.n, head };
  agent.lines[0]?.mac.fill(7);
  await expect(send(agent)).rejects.toMatchObject({ code: 'request-invalid' });
  expect(await offline.bench.lastAudit()).toMatchObject({ outcome: 'report-forged' });
});

it('bridges no more than it can count, and no workstation that was revoked', async () => {
  const { agent } = await lost();
  await accept(agent);
  agent.acknowledged = { ...agent.acknowledged, n: 100_002 };
  agent.lines = [];
  await expect(send(agent)).rejects.toMatchObject(gap);
  const { service, admin } = offline.bench;
  const { administration } = service;
  for (const reason of ['', 'two\nlines']) {
    await expect(administration.acceptOfflineGap(admin, agent.id, reason)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  }
  await administration.revokeOfflineAgent(admin, agent.id, null);
  await expect(accept(agent)).rejects.toMatchObject({ fields: { reason: 'agent-revoked' } });
});

it('opens no reserved counter again that a lost line may have told of', async () => {
  const reserved = await openOfflineBench({ offlineEventMode: 'reserved' }, offline.bench);
  const { bench } = offline;
  const { userName, device } = await reserved.owner(hotp6);
  const agent = await reserved.agent();
  const { header } = await reserved.install(agent, userName, device.response({ counter: 0 }));
  const { packageId, first, count } = header;
  await reserved.report(agent);
  // Signed on here by the response of counter 1; the server that was told of it is no more.
  agent.use(packageId, 1n, bench.clock.nowMs());
  agent.acknowledged = { n: agent.log.n, head: agent.log.head };
  agent.lines = [];
  await accept(agent);
  await reserved.report(agent);
  agent.note('released', { packageId, atMs: bench.clock.nowMs() });
  agent.held = [];
  expect(await reserved.report(agent)).toMatchObject({ agentState: 'active', packageIds: [] });
  const online = (counter: bigint): Promise<string> =>
    codeOf(
      bench.service,
      reserved.caller,
      asking(userName, { response: device.response({ counter }) }),
    );
  expect(await online(1n)).not.toBe('accepted');
  expect(await online(first + BigInt(count))).toBe('accepted');
  // What is reserved from now on is given back as ever.
  bench.clock.advance(1);
  const later = await reserved.install(
    agent,
    userName,
    device.response({ counter: first + BigInt(count) + 1n }),
  );
  agent.note('released', { packageId: later.header.packageId, atMs: bench.clock.nowMs() });
  agent.held = [];
  await reserved.report(agent);
  expect(await online(later.header.first)).toBe('accepted');
});
