import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayMs } from '../../../src/domain/durations.ts';
import type { EmergencyCode } from '../../../src/domain/emergency.ts';
import type { EmergencyTerms } from '../../../src/offline/header.ts';
import type { OpenedPackage } from '../../../src/offline/package.ts';
import type { Caller, OfflineStatus } from '../../../src/service/api.ts';
import type { Store } from '../../../src/service/store.ts';
import { openBench, type TestDevice, totp6 } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { givePin } from '../../support/pins.ts';
import { outcomeOf, readOut } from '../emergency/support.ts';
import { asking, replacing } from '../support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

const settings = {
  offlineDays: 2,
  offlineWarnDays: 1,
  offlineEvents: 40,
  offlinePackagesPerDayMax: 9,
  emergencyPasscode: true,
  emergencyOnlineAllowed: true,
  emergencyUses: 2,
};

let offline: OfflineBench;
let desk: Caller;
let instead: Partial<Store> = {};
const lost = { status: 'missing', index: 0 } as const;

beforeAll(async () => {
  const bench = await openBench({ store: replacing(() => instead) });
  offline = await openOfflineBench(settings, bench);
  desk = await bench.caller(settings, 'helpdesk');
});
afterAll(() => offline.bench.close());

interface Held {
  readonly agent: TestAgent;
  readonly userName: string;
  readonly device: TestDevice;
  readonly opened: OpenedPackage;
  readonly terms: EmergencyTerms;
  readonly code: string;
}

const now = (): number => offline.bench.clock.nowMs();

/** What the next logon at the workstation is offered. */
function later({
  agent,
  userName,
  device,
}: Omit<Held, 'opened' | 'terms' | 'code'>): Promise<OfflineStatus> {
  offline.bench.clock.advance(60);
  return offline.status(agent, userName, device.response({ nowMs: now() }));
}

/** A workstation that has a package, and has said so. */
async function held(): Promise<Held> {
  offline.bench.clock.advance(60);
  const { userName, device } = await offline.owner(totp6);
  const agent = await offline.agent();
  const opened = await offline.install(agent, userName, device.response({ nowMs: now() }));
  await offline.report(agent);
  const { terms, code } = codeIn(opened);
  return { agent, userName, device, opened, terms, code };
}

function codeIn({ header, emergencyCodes }: OpenedPackage): Pick<Held, 'terms' | 'code'> {
  const [terms] = header.emergency;
  const [code] = emergencyCodes;
  if (terms === undefined || code === undefined) throw new Error('there is no code');
  return { terms, code };
}

async function renewed(of: Held): Promise<Pick<Held, 'terms' | 'code'>> {
  const offered = await later(of);
  if (offered.status !== 'available') throw new Error(JSON.stringify(offered));
  return codeIn(await offline.fetch(of.agent, offered.handle));
}

async function stored({ codeId }: EmergencyTerms): Promise<EmergencyCode | null> {
  return offline.bench.store.emergencyCodeById(codeId);
}

async function useAndReport({ agent, opened, terms }: Held, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    agent.useCode(opened.header.packageId, terms.codeId, now());
  }
  await offline.report(agent);
}

describe('a code of a package', () => {
  it('goes its whole way: read out, used without a server, and replaced', async () => {
    const of = await held();
    expect(of.terms).toMatchObject({ kind: 'tokencode', isPinRequired: false, usesMax: 2 });
    expect(await later(of)).toEqual({ status: 'current' });
    const spoken = await readOut(offline.bench, desk, of.device.serial, of.terms.codeId);
    expect(spoken.replaceAll('-', '')).toBe(of.code);
    await useAndReport(of);
    expect(await stored(of.terms)).toMatchObject({ state: 'live', useCount: 1 });
    const next = await renewed(of);
    expect(next.terms.codeId).not.toBe(of.terms.codeId);
    expect(next.code).not.toBe(of.code);
    expect(await stored(of.terms)).toMatchObject({ state: 'replaced', macs: [], sealed: null });
    const audit = (await offline.bench.auditBodies()).join('\n');
    for (const text of [of.code, spoken, next.code]) expect(audit).not.toContain(text);
  });

  it('is good at the server where an administrator allows it, until it is reset or over', async () => {
    const of = await held();
    const { serial } = of.device;
    const online = (code: string): Promise<string> =>
      outcomeOf(offline.bench, offline.caller, of.userName, code);
    expect(await online(of.code)).toBe('response-malformed');
    const { administration } = offline.bench.service;
    await administration.allowEmergencyOnline(desk, serial, of.terms.codeId, true);
    expect(await online(of.code)).toBe('accepted by emergency');
    await administration.resetEmergencyCode(desk, serial, of.terms.codeId);
    expect(await online(of.code)).toBe('response-malformed');
    const next = await renewed(of);
    await administration.allowEmergencyOnline(desk, serial, next.terms.codeId, true);
    offline.bench.clock.set(next.terms.notAfterMs + 7 * dayMs);
    expect(await online(next.code)).toBe('response-malformed');
  });

  it('ends with the package at the latest', async () => {
    const { terms, opened } = await held();
    expect(terms.notAfterMs).toBe(opened.header.notAfterMs);
    expect((await stored(terms))?.notAfterMs).toBeGreaterThan(terms.notAfterMs);
    const week = await openOfflineBench({ emergencyLifetimeDays: 1 }, offline.bench);
    const { userName, device } = await week.owner(totp6);
    const other = await week.install(
      await week.agent(),
      userName,
      device.response({ nowMs: now() }),
    );
    expect(codeIn(other).terms.notAfterMs).toBe(now() + dayMs);
  });

  it('asks for a PIN as the package does, and stands beside one for who forgot it', async () => {
    offline.bench.clock.advance(60);
    const { userName, device } = await offline.owner(totp6);
    await givePin(offline.bench, device.serial, '471147');
    const agent = await offline.agent();
    const text = `471147${device.response({ nowMs: now() })}`;
    const credential = { format: 'combined', text } as const;
    const answer = await offline.logon(agent, asking(userName, { credential }));
    if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
      throw new Error(JSON.stringify(answer));
    }
    const { header, emergencyCodes } = await offline.fetch(agent, answer.offline.handle);
    expect(header).toMatchObject({
      pinMode: 'server',
      emergency: [
        { kind: 'tokencode', isPinRequired: true },
        { kind: 'passcode', isPinRequired: false },
      ],
    });
    expect(emergencyCodes[0]).toMatch(/^\d{8}$/);
    expect(emergencyCodes[1]).toMatch(/^[0-9A-HJKMNP-TV-Z]{16}$/);
  });
});

describe('a package that is current but for its codes', () => {
  const causes: readonly (readonly [string, (of: Held) => Promise<unknown>])[] = [
    [
      'was read out',
      ({ device, terms }) => readOut(offline.bench, desk, device.serial, terms.codeId),
    ],
    [
      'was reset',
      ({ device, terms }) =>
        offline.bench.service.administration.resetEmergencyCode(desk, device.serial, terms.codeId),
    ],
    ['was used', (of) => useAndReport(of)],
    [
      'was replaced for another workstation',
      async ({ userName, device, terms }) => {
        await readOut(offline.bench, desk, device.serial, terms.codeId);
        offline.bench.clock.advance(60);
        const other = await offline.agent();
        await offline.install(other, userName, device.response({ nowMs: now() }));
      },
    ],
  ];
  it.each(causes)('is renewed once one %s', async (_what, cause) => {
    const of = await held();
    expect(await later(of)).toEqual({ status: 'current' });
    await cause(of);
    expect(await later(of)).toMatchObject({ status: 'available' });
  });

  it('stays where the policy has no more packages today', async () => {
    const strict = await openOfflineBench(
      { ...settings, offlinePackagesPerDayMax: 1 },
      offline.bench,
    );
    const { userName, device } = await strict.owner(totp6);
    const agent = await strict.agent();
    const opened = await strict.install(agent, userName, device.response({ nowMs: now() }));
    await strict.report(agent);
    await readOut(offline.bench, desk, device.serial, codeIn(opened).terms.codeId);
    offline.bench.clock.advance(60);
    const response = device.response({ nowMs: now() });
    expect(await strict.status(agent, userName, response)).toEqual({ status: 'current' });
  });
});

describe('a package that comes to nothing', () => {
  it('leaves its code to the next one', async () => {
    offline.bench.clock.advance(60);
    const { userName, device } = await offline.owner(totp6);
    const agent = await offline.agent();
    const offered = await offline.status(agent, userName, device.response({ nowMs: now() }));
    if (offered.status !== 'available') throw new Error(offered.status);
    const { store } = offline.bench;
    instead = {
      administer: (changes, audit) => {
        const isPackage = changes.some((each) => 'kind' in each && each.kind === 'offlinePackage');
        return isPackage ? Promise.resolve(lost) : store.administer(changes, audit);
      },
    };
    await expect(offline.fetch(agent, offered.handle)).rejects.toMatchObject({ code: 'not-found' });
    instead = {};
    const authenticator = await store.authenticatorBySerial(device.serial);
    const made = await store.emergencyCodesOfAuthenticator(authenticator!.authenticator.id, 9);
    expect(made).toMatchObject([{ state: 'live' }]);
    const { terms, code } = codeIn(await offline.fetch(agent, offered.handle));
    expect(terms.codeId).toBe(made[0]?.id);
    const spoken = await readOut(offline.bench, desk, device.serial, terms.codeId);
    expect(spoken.replaceAll('-', '')).toBe(code);
  });
});

describe('a report of emergency codes', () => {
  it('counts uses to the last, once each, and tells the auditor under the device', async () => {
    const of = await held();
    const { agent, opened, terms, device } = of;
    const { packageId } = opened.header;
    agent.useCode(packageId, terms.codeId, now());
    agent.note('attempted', { packageId, atMs: now() });
    agent.note('emergency-refused', { packageId, codeId: terms.codeId, atMs: now() });
    const reportId = randomUUID();
    const body = agent.report(now(), reportId);
    const send = async (): Promise<unknown> =>
      offline.bench.service.offline.report(
        offline.caller,
        agent.prove(await offline.nonce(), '/v1/offline/reports', body),
      );
    await send();
    const events = await offline.bench.auditBodies();
    const [report, use] = events.slice(-2).map((each) => JSON.parse(each) as object);
    expect(report).toMatchObject({
      action: 'offline.report',
      details: { emergencyUsed: 1, emergencyRefused: 1, emergencyIgnored: 0, failures: 1 },
    });
    expect(use).toMatchObject({
      action: 'emergency.use',
      subject: device.serial,
      details: { code: terms.codeId, kind: 'tokencode', where: 'workstation', packageId },
    });
    await send();
    expect(await offline.bench.auditBodies()).toHaveLength(events.length);
    expect(await stored(terms)).toMatchObject({ useCount: 1, state: 'live' });
    // Whose answer was lost: the same lines and more.
    await useAndReport(of, 3);
    expect(await stored(terms)).toMatchObject({
      useCount: 2,
      state: 'used-up',
      macs: [],
      sealed: null,
    });
  });

  it('raises nothing of a code that the package never held', async () => {
    const [of, other] = [await held(), await held()];
    const { agent, opened } = of;
    const { packageId } = opened.header;
    agent.useCode(packageId, other.terms.codeId, now());
    agent.useCode(packageId, randomUUID(), now());
    agent.useCode(other.opened.header.packageId, other.terms.codeId, now());
    agent.note('emergency-accepted', { packageId, atMs: now() });
    await offline.report(agent);
    expect(await offline.bench.lastAudit()).toMatchObject({
      action: 'offline.report',
      details: { emergencyUsed: 0, emergencyIgnored: 4 },
    });
    expect(await stored(other.terms)).toMatchObject({ useCount: 0, state: 'live' });
    // And of the same device, made since: the old workstation cannot have it.
    await readOut(offline.bench, desk, of.device.serial, of.terms.codeId);
    const next = await renewed(of);
    agent.useCode(packageId, next.terms.codeId, now());
    await offline.report(agent);
    expect(await stored(next.terms)).toMatchObject({ useCount: 0 });
  });

  it('counts a use of a code that has ended meanwhile, and leaves it ended', async () => {
    const of = await held();
    const { serial } = of.device;
    await offline.bench.service.administration.resetEmergencyCode(desk, serial, of.terms.codeId);
    await useAndReport(of, 3);
    expect(await stored(of.terms)).toMatchObject({ state: 'reset', useCount: 2 });
  });
});
