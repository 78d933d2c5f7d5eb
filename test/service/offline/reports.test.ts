import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hotp6, type TestDevice, totp6 } from '../../support/builders.ts';
import type { SignedAcknowledgement } from '../../../src/service/api.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { asking, codeOf } from '../support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench({
    offlineDays: 1,
    offlineWarnDays: 0,
    offlineEvents: 40,
    offlinePackagesPerDayMax: 9,
  });
});
afterAll(() => offline.bench.close());

interface Installed {
  readonly userName: string;
  readonly device: TestDevice;
  readonly agent: TestAgent;
  readonly packageId: string;
}

/** A workstation that has a package of event counters from 1 on, and has said so. */
async function installed(): Promise<Installed> {
  const { userName, device } = await offline.owner(hotp6);
  const agent = await offline.agent();
  const opened = await offline.install(agent, userName, device.response({ counter: 0 }));
  await offline.report(agent);
  return { userName, device, agent, packageId: opened.header.packageId };
}

function online({ userName, device }: Installed, counter: number): Promise<string> {
  const request = asking(userName, { response: device.response({ counter }) });
  return codeOf(offline.bench.service, offline.caller, request);
}

function now(): number {
  return offline.bench.clock.nowMs();
}

/** @param signer another workstation, whose key does not belong to the agent */
async function send(
  agent: TestAgent,
  body: Buffer,
  signer: TestAgent = agent,
): Promise<SignedAcknowledgement> {
  const nonce = await offline.nonce();
  const shown = { ...signer.prove(nonce, '/v1/offline/reports', body), agentId: agent.id };
  return offline.bench.service.offline.report(offline.caller, shown);
}

function textOf(answer: SignedAcknowledgement): readonly string[] {
  return [answer.payload, answer.signature].map((bytes) => Buffer.from(bytes).toString('hex'));
}

describe('a package that is handed out', () => {
  it('leaves logons online as they were: counters', async () => {
    const held = await installed();
    for (let counter = 1; counter <= 12; counter += 1) {
      expect(await online(held, counter)).toBe('accepted');
    }
  });

  it('leaves logons online as they were: steps', async () => {
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    await offline.install(agent, userName, device.response({ nowMs: now() }));
    for (let step = 1; step <= 3; step += 1) {
      offline.bench.clock.advance(30);
      const request = asking(userName, { response: device.response({ nowMs: now() }) });
      const { service } = offline.bench;
      expect(await codeOf(service, offline.caller, request)).toBe('accepted');
    }
  });
});

describe('what was used without a server', () => {
  it('is used up everywhere once it is reported: steps, and their clock', async () => {
    const { clock } = offline.bench;
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    const at = (nowMs: number): string => device.response({ nowMs });
    const opened = await offline.install(agent, userName, at(now()));
    clock.advance(60);
    agent.use(opened.header.packageId, BigInt(Math.floor(now() / 30_000)), now());
    const request = asking(userName, { response: at(now()) });
    const ack = await offline.report(agent);
    expect(ack.packageIds).toEqual([opened.header.packageId]);
    const { service } = offline.bench;
    expect(await codeOf(service, offline.caller, request)).toBe('response-replayed');
    clock.advance(30);
    expect(await codeOf(service, offline.caller, asking(userName, { response: at(now()) }))).toBe(
      'accepted',
    );
  });

  it('moves the counter on: after 30 logons the next one is good online, without a synchronisation', async () => {
    const held = await installed();
    for (let index = 1n; index <= 30n; index += 1n) held.agent.use(held.packageId, index, now());
    await offline.report(held.agent);
    expect(await online(held, 30)).toBe('response-replayed');
    expect(await online(held, 31)).toBe('accepted');
  });

  it('and was used online before, is taken over and told to the auditor', async () => {
    const held = await installed();
    expect(await online(held, 1)).toBe('accepted');
    held.agent.use(held.packageId, 1n, now());
    await offline.report(held.agent);
    expect(await offline.bench.lastAudit()).toMatchObject({
      action: 'offline.report',
      outcome: 'done',
      details: { accepted: 1, duplicates: 1, lines: 2 },
    });
  });

  it('and at two workstations, is a duplicate at the second', async () => {
    const one = await installed();
    const other = await offline.agent();
    const opened = await offline.install(other, one.userName, one.device.response({ counter: 1 }));
    one.agent.use(one.packageId, 7n, now());
    one.agent.use(one.packageId, 9n, now());
    other.use(opened.header.packageId, 7n, now());
    await offline.report(one.agent);
    await offline.report(other);
    expect(await offline.bench.lastAudit()).toMatchObject({ details: { duplicates: 1 } });
  });

  it('but was never given, or is yet to come, raises nothing', async () => {
    const held = await installed();
    held.agent.use(held.packageId, 5000n, now());
    await offline.report(held.agent);
    expect(await offline.bench.lastAudit()).toMatchObject({ details: { ignored: 1 } });
    expect(await online(held, 1)).toBe('accepted');
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    const opened = await offline.install(agent, userName, device.response({ nowMs: now() }));
    agent.use(opened.header.packageId, opened.header.first + 1000n, now());
    await offline.report(agent);
    offline.bench.clock.advance(60);
    const response = device.response({ nowMs: now() });
    expect(
      await codeOf(offline.bench.service, offline.caller, asking(userName, { response })),
    ).toBe('accepted');
  });

  it('counts wrong tries towards the lock, and never locks by itself', async () => {
    const held = await installed();
    for (let turn = 0; turn < 9; turn += 1) {
      held.agent.note('attempted', { packageId: held.packageId, atMs: now() });
    }
    await offline.report(held.agent);
    const domain = await offline.bench.store.loadConfiguration();
    const [{ id } = { id: '' }] = domain.domains;
    const user = await offline.bench.store.userByName(id, held.userName);
    expect(user).toMatchObject({ lockCount: 2, lockedAtMs: null });
    expect(await online(held, 999)).toBe('response-incorrect');
    expect(await online(held, 1)).toBe('user-locked');
  });

  it('counts up to the threshold of no other policy either', async () => {
    // Its own: policies of others would lower it for everybody.
    const lenient = await openOfflineBench({ userLockThreshold: 10 });
    const { bench } = lenient;
    const strict = await bench.caller({ userLockThreshold: 2, autoUnlockMaxTries: 0 });
    const { userName, device } = await lenient.owner(hotp6);
    const agent = await lenient.agent();
    const opened = await lenient.install(agent, userName, device.response({ counter: 0 }));
    for (let turn = 0; turn < 30; turn += 1) {
      agent.note('attempted', { packageId: opened.header.packageId, atMs: bench.clock.nowMs() });
    }
    await lenient.report(agent);
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view.lockCount).toBe(1);
    const request = asking(userName, { response: device.response({ counter: 1 }) });
    expect(await codeOf(bench.service, strict, request)).toBe('accepted');
    await bench.close();
  });

  it('teaches the drift of the device, not that of the computer', async () => {
    const { clock } = offline.bench;
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    const opened = await offline.install(agent, userName, device.response({ nowMs: now() }));
    // Sooner nothing is learned of a clock again.
    clock.advance(43_800);
    const deviceMs = now() + 40_000;
    // The computer is three minutes slow.
    const slow = now() - 180_000;
    const step = BigInt(Math.floor(deviceMs / 30_000));
    agent.note('attempted', { packageId: opened.header.packageId, atMs: slow, bootMs: now() });
    agent.note('accepted', {
      packageId: opened.header.packageId,
      index: step,
      atMs: slow,
      bootMs: now(),
    });
    await offline.report(agent, slow);
    expect(await offline.bench.store.authenticatorBySerial(device.serial)).toMatchObject({
      applications: [{ driftSeconds: 30, lastStep: step }],
    });
  });
});

it('is given back only from behind what was used at another workstation', async () => {
  const { userName, device } = await offline.owner(hotp6);
  const { bench } = offline;
  const reserving = await openOfflineBench(
    { offlineEvents: 40, offlineEventMode: 'reserved' },
    bench,
  );
  const [other, agent] = [await offline.agent(), await reserving.agent()];
  const shared = await offline.install(other, userName, device.response({ counter: 0 }));
  const { header } = await reserving.install(agent, userName, device.response({ counter: 1 }));
  other.use(shared.header.packageId, 7n, now());
  await offline.report(other);
  agent.use(header.packageId, 3n, now());
  await reserving.report(agent);
  agent.note('released', { packageId: header.packageId, atMs: now() });
  agent.held = [];
  await reserving.report(agent);
  expect(await bench.store.authenticatorBySerial(device.serial)).toMatchObject({
    applications: [{ nextEventCounter: 8n }],
  });
});

describe('a report', () => {
  it('is answered the same when it comes again, and takes nothing over twice', async () => {
    const held = await installed();
    held.agent.use(held.packageId, 1n, now());
    const reportId = randomUUID();
    const body = held.agent.report(now(), reportId);
    // Twice at once, as an agent does that gave up waiting.
    const [first] = await Promise.all([send(held.agent, body), send(held.agent, body)]);
    const events = (await offline.bench.auditBodies()).length;
    offline.bench.clock.advance(5);
    expect(textOf(await send(held.agent, body))).toEqual(textOf(first));
    expect((await offline.bench.auditBodies()).length).toBe(events);
    held.agent.note('attempted', { packageId: held.packageId, atMs: now() });
    await expect(send(held.agent, held.agent.report(now(), reportId))).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'report-id-reused' },
    });
    // Whose answer was lost: the same lines and more, under another id.
    expect((await offline.report(held.agent)).through).toBe(4);
  });

  it('of lines that another continued in another way is a fork, and ends the workstation', async () => {
    const held = await installed();
    const copy = held.agent.clone();
    held.agent.use(held.packageId, 1n, now());
    await offline.report(held.agent);
    copy.use(held.packageId, 2n, now());
    const ack = await offline.report(copy);
    expect(ack).toMatchObject({ agentState: 'revoked', packageIds: [], through: 3 });
    expect(await offline.bench.lastAudit()).toMatchObject({ outcome: 'fork' });
    await expect(offline.report(held.agent)).rejects.toMatchObject({
      code: 'forbidden',
      fields: { reason: 'agent-revoked' },
    });
    expect(await online(held, 2)).toBe('accepted');
    expect(await offline.bench.store.offlinePackageById(held.packageId)).toMatchObject({
      state: 'revoked',
    });
  });

  it('that ends before what was acknowledged is a roll-back', async () => {
    const held = await installed();
    const old = held.agent.clone();
    held.agent.use(held.packageId, 1n, now());
    await offline.report(held.agent);
    expect(await offline.report(old)).toMatchObject({ agentState: 'revoked', packageIds: [] });
    expect(await offline.bench.lastAudit()).toMatchObject({ outcome: 'roll-back' });
  });

  it('with a line that was changed is refused, and the auditor is told', async () => {
    const held = await installed();
    held.agent.use(held.packageId, 1n, now());
    const [line] = held.agent.lines;
    line?.mac.fill(7);
    await expect(send(held.agent, held.agent.report(now()))).rejects.toMatchObject({
      code: 'request-invalid',
      fields: { lines: ['must continue the log: a MAC does not fit'] },
    });
    expect(await offline.bench.lastAudit()).toMatchObject({ outcome: 'report-forged' });
  });

  it('behind lines that are missing here is no report', async () => {
    const held = await installed();
    held.agent.use(held.packageId, 1n, now());
    held.agent.acknowledged = { n: held.agent.log.n, head: held.agent.log.head };
    held.agent.lines = [];
    await expect(send(held.agent, held.agent.report(now()))).rejects.toMatchObject({
      fields: { reason: 'report-gap' },
    });
  });

  it('is of the workstation that shows its key', async () => {
    const held = await installed();
    const other = await offline.agent();
    const body = held.agent.report(now());
    await expect(send(other, body)).rejects.toMatchObject({ code: 'request-invalid' });
    await expect(send(held.agent, body, other)).rejects.toMatchObject({
      code: 'unauthenticated',
      fields: { reason: 'agent-proof' },
    });
  });
});

it('tells the auditor of each share of a secret that leaves', async () => {
  const agent = await offline.agent('ram');
  const proof = agent.prove(await offline.nonce(), '/v1/offline/shares');
  await offline.bench.service.offline.share(offline.caller, proof);
  const last = await offline.bench.lastAudit();
  expect(last).toMatchObject({
    action: 'offline.share',
    outcome: 'done',
    details: { agentId: agent.id, peerAddress: offline.caller.peerAddress },
  });
  expect(JSON.stringify(last)).toContain(`(${agent.id})`);
});

describe('a nonce', () => {
  it('is good for a minute, for the key that asked, and for what was signed', async () => {
    const { service, clock } = offline.bench;
    const agent = await offline.agent('ram');
    const path = '/v1/offline/shares';
    const share = (proof: ReturnType<TestAgent['prove']>): Promise<unknown> =>
      service.offline.share(offline.caller, proof);
    const proof = agent.prove(await offline.nonce(), path);
    expect(await share(proof)).toBeInstanceOf(Uint8Array);
    const refusedAs = (reason: string): object => ({ code: 'unauthenticated', fields: { reason } });
    await expect(share({ ...proof, body: Buffer.from('{ }') })).rejects.toMatchObject(
      refusedAs('agent-proof'),
    );
    await expect(share({ ...proof, nonce: null })).rejects.toMatchObject(refusedAs('agent-proof'));
    await expect(share({ ...proof, path: '/v1' })).rejects.toMatchObject(refusedAs('agent-proof'));
    const stranger = await openOfflineBench({}, offline.bench);
    await expect(share(agent.prove(await stranger.nonce(), path))).rejects.toMatchObject(
      refusedAs('agent-nonce'),
    );
    await expect(
      service.offline.share(stranger.caller, agent.prove(await stranger.nonce(), path)),
    ).rejects.toMatchObject(refusedAs('agent-proof'));
    clock.advance(61);
    await expect(share(proof)).rejects.toMatchObject(refusedAs('agent-nonce'));
  });
});
