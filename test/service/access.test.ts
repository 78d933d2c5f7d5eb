import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Administration, Caller } from '../../src/service/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';
import { asking } from './support.ts';

let bench: Bench;
let administration: Administration;
let serial: string;

const page = { after: '', limit: 10 };
const anyVersion = { expectedVersion: null };

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
  await bench.user('eve');
  ({ serial } = await bench.device(totp6, { userName: 'eve' }));
});

afterAll(async () => {
  await bench.close();
});

async function isForbidden(work: () => Promise<unknown>): Promise<boolean> {
  return work().then(
    () => false,
    (error: unknown) => (error as { code?: string }).code === 'forbidden',
  );
}

/** Every method, once, in groups of those that stand or fall together. */
const groups: Record<string, ((caller: Caller) => Promise<unknown>)[]> = {
  authenticate: [
    (caller) => bench.service.authenticate(caller, asking('nobody', { response: '123456' })),
    (caller) =>
      bench.service.issueChallenge(caller, {
        userName: 'nobody',
        domainName: null,
        serial: null,
        applicationName: null,
        requestKey: null,
      }),
    (caller) =>
      bench.service.synchronise(caller, {
        userName: 'nobody',
        domainName: null,
        serial: null,
        pin: null,
        first: { response: '123456', challenge: null },
        second: { response: '234567', challenge: null },
        requestKey: null,
      }),
  ],
  readUsers: [
    (caller) => administration.domains(caller),
    (caller) => administration.users(caller, null, page),
    (caller) => administration.user(caller, null, 'eve'),
    (caller) => administration.organisationalUnits(caller, null),
  ],
  lockUsers: [
    (caller) => administration.lockUser(caller, null, 'eve'),
    (caller) => administration.unlockUser(caller, null, 'eve'),
  ],
  readAuthenticators: [
    (caller) => administration.authenticators(caller, page),
    (caller) => administration.authenticator(caller, serial),
    (caller) => administration.showDrift(caller, serial, null),
    (caller) => administration.driftReport(caller, { ...page, policyName: null, withinDays: 60 }),
  ],
  assign: [
    (caller) => administration.resetApplication(caller, serial, null),
    (caller) => administration.setDrift(caller, serial, null, { action: 'zero' }),
    (caller) => administration.editPin(caller, serial, null, { action: 'reset' }),
    (caller) => administration.editPin(caller, serial, null, { action: 'force' }),
    (caller) =>
      administration.editPin(caller, serial, null, {
        action: 'set',
        newPin: { pin: '', confirmation: '' },
        mustChange: false,
        policyName: null,
      }),
    (caller) => administration.unassignAuthenticator(caller, serial),
    (caller) => administration.assignAuthenticator(caller, serial, null, 'eve'),
  ],
  unlockDevices: [(caller) => administration.unlockCode(caller, serial, '1234', null)],
  readConfiguration: [
    (caller) => administration.policies(caller),
    (caller) => administration.policy(caller, 'Base Policy'),
    (caller) => administration.effectivePolicy(caller, 'Base Policy'),
    (caller) => administration.components(caller),
    (caller) => administration.explainPolicy(caller, 'rest-client', '::1'),
    (caller) => administration.apiKeys(caller),
    (caller) => administration.gateways(caller),
    (caller) => administration.status(caller),
  ],
  readAudit: [
    (caller) => administration.auditEvents(caller, null, 0, 10),
    (caller) => administration.explainUser(caller, null, 'eve', 20, null),
  ],
  write: [
    (caller) => administration.createDomain(caller, ''),
    (caller) => administration.deleteGateway(caller, 'nowhere'),
    (caller) => administration.deleteDomain(caller, 'nowhere'),
    (caller) => administration.createOrganisationalUnit(caller, null, '', null),
    (caller) =>
      administration.createUser(caller, null, {
        userName: '',
        organisationalUnit: null,
        expiresAtMs: null,
      }),
    (caller) => administration.updateUser(caller, null, 'eve', {}, anyVersion),
    (caller) => administration.deleteUser(caller, null, 'nobody'),
    (caller) =>
      administration.createAuthenticator(caller, {
        serial: '',
        model: '',
        expiresAtMs: null,
        applications: [],
      }),
    (caller) => administration.pairAuthenticator(caller, {}),
    (caller) => administration.updateAuthenticator(caller, serial, {}, anyVersion),
    (caller) => administration.deleteAuthenticator(caller, 'NONE'),
    (caller) =>
      administration.editPin(caller, serial, null, { action: 'enable', minimumLength: null }),
    (caller) => administration.editPin(caller, serial, null, { action: 'disable' }),
    (caller) =>
      administration.editPin(caller, serial, null, { action: 'minimum', minimumLength: 4 }),
    (caller) =>
      administration.savePolicy(caller, '', { parentName: null, settings: {} }, anyVersion),
    (caller) => administration.deletePolicy(caller, 'none'),
    (caller) =>
      administration.createComponent(caller, {
        componentType: '',
        location: '',
        access: 'api-key',
        policyName: '',
      }),
    (caller) => administration.updateComponent(caller, 'none', { policyName: '' }, anyVersion),
    (caller) => administration.deleteComponent(caller, 'none'),
    (caller) =>
      administration.createApiKey(caller, {
        name: '',
        role: 'client',
        componentType: '',
        domainName: null,
        expiresAtMs: null,
      }),
    (caller) => administration.deleteApiKey(caller, 'none'),
  ],
};

describe('what a role may do', () => {
  test.each([
    ['client', ['authenticate']],
    [
      'helpdesk',
      ['authenticate', 'readUsers', 'lockUsers', 'readAuthenticators', 'assign', 'unlockDevices'],
    ],
    ['auditor', ['readUsers', 'readAuthenticators', 'readConfiguration', 'readAudit']],
    ['admin', Object.keys(groups)],
  ] as const)('%s', async (role, allowed: readonly string[]) => {
    const caller = await bench.caller({}, role);
    for (const [name, methods] of Object.entries(groups)) {
      for (const [index, method] of methods.entries()) {
        expect([name, index, await isForbidden(() => method(caller))]).toEqual([
          name,
          index,
          !allowed.includes(name),
        ]);
      }
    }
  });

  test('without a component for its address a key may do nothing', async () => {
    const caller = { ...bench.admin, peerAddress: '192.0.2.1' };
    await expect(administration.domains(caller)).rejects.toMatchObject({
      code: 'forbidden',
      fields: { reason: 'component-unknown' },
    });
  });

  test('a role that the key does not have (any more) is not believed', async () => {
    const client = await bench.caller();
    await expect(administration.domains({ ...client, role: 'admin' })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});

describe('a key bound to a domain', () => {
  async function scoped(role: 'admin' | 'client'): Promise<Caller> {
    const name = `scoped-${role}`;
    const { key } = await administration.createApiKey(bench.admin, {
      name,
      role,
      componentType: 'rest-client',
      domainName: 'island',
      expiresAtMs: null,
    });
    const caller = await bench.service.identify(key, '::1', 'request-scoped');
    if (caller === null) throw new Error('unknown key');
    return caller;
  }

  test('sees and changes that domain only', async () => {
    await administration.createDomain(bench.admin, 'island');
    const caller = await scoped('admin');
    expect((await administration.domains(caller)).map(({ name }) => name)).toEqual(['island']);
    const user = { userName: 'robin', organisationalUnit: null, expiresAtMs: null };
    expect(await administration.createUser(caller, null, user)).toMatchObject({
      domainName: 'island',
    });
    for (const domainName of ['master', 'nowhere']) {
      await expect(administration.user(caller, domainName, 'eve')).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    await expect(administration.user(caller, null, 'eve')).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(administration.authenticator(caller, serial)).rejects.toMatchObject({
      code: 'not-found',
    });
    for (const work of [
      () => administration.updateAuthenticator(caller, serial, { isDisabled: true }, anyVersion),
      () => administration.showDrift(caller, serial, null),
      () => administration.setDrift(caller, serial, null, { action: 'freeze' }),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'not-found' });
    }
    const unlocking = administration.unlockCode(caller, serial, '1234', null);
    await expect(unlocking).rejects.toMatchObject({
      code: 'not-found',
      message: 'The authenticator does not exist.',
    });
    const free = await bench.device(totp6);
    const assigned = await administration.assignAuthenticator(caller, free.serial, null, 'robin');
    expect(assigned.userName).toBe('robin');
    for (const work of [
      () => administration.authenticators(caller, page),
      () => administration.driftReport(caller, { ...page, policyName: null, withinDays: 60 }),
      () => administration.createDomain(caller, 'mainland'),
      () => administration.deleteAuthenticator(caller, free.serial),
      () => administration.apiKeys(caller),
      () => administration.auditEvents(caller, null, 0, 10),
      () => administration.status(caller),
      () => administration.explainPolicy(caller, 'rest-client', '::1'),
      () => administration.savePolicy(caller, 'x', { parentName: null, settings: {} }, anyVersion),
    ]) {
      expect(await isForbidden(work)).toBe(true);
    }
  });

  test('authenticates users of that domain only, and without naming it', async () => {
    const caller = await scoped('client');
    await administration.createUser(bench.admin, 'island', {
      userName: 'friday',
      organisationalUnit: null,
      expiresAtMs: null,
    });
    const device = await bench.device(totp6);
    await administration.assignAuthenticator(bench.admin, device.serial, 'island', 'friday');
    const response = device.response({ nowMs: bench.clock.nowMs() });
    expect(await bench.service.authenticate(caller, asking('friday', { response }))).toMatchObject({
      outcome: 'accepted',
      domainName: 'island',
    });
    expect(
      await isForbidden(() =>
        bench.service.authenticate(caller, asking('eve', { response, domainName: 'master' })),
      ),
    ).toBe(true);
  });
});

describe('looking at the whole', () => {
  test('status and readiness', async () => {
    expect(await administration.status(bench.admin)).toMatchObject({
      instance: 'test',
      store: 'ok',
      module: { state: 'ready' },
    });
    expect(await bench.service.readiness()).toEqual({ ready: true, reasons: [] });
    bench.module.setState('needs-pin', 'no PIN yet');
    expect(await bench.service.readiness()).toEqual({
      ready: false,
      reasons: ['module needs-pin: no PIN yet'],
    });
    bench.module.setState('ready');
  });

  test('the audit tells who did what to whom', async () => {
    await administration.lockUser(bench.admin, null, 'eve');
    const [event] = (await administration.auditEvents(bench.admin, 'test', 0, 1000)).slice(-1);
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      action: 'user.lock',
      outcome: 'done',
      subject: 'master/eve',
      actor: `first-administrator (${bench.admin.keyId})`,
      requestId: 'request-admin',
    });
    const newest = await administration.auditEvents(bench.admin, null, null, 2);
    expect(newest).toHaveLength(2);
    expect(newest.at(-1)).toEqual(event);
    const all = await administration.auditEvents(bench.admin, null, 0, 1000);
    expect(await administration.auditEvents(bench.admin, null, null, 1000)).toEqual(all);
    expect(await administration.auditEvents(bench.admin, 'nowhere', null, 10)).toEqual([]);
    await expect(administration.auditEvents(bench.admin, null, 0, 0)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });
});
