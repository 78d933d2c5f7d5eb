import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Administration, Caller } from '../../src/service/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';
import { membersRefused } from './support.ts';

let bench: Bench;
let administration: Administration;

const anyVersion = { expectedVersion: null };

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
});

afterAll(async () => {
  await bench.close();
});

describe('domains and organisational units', () => {
  test('are created, listed and deleted; a name is taken whatever its case', async () => {
    await administration.createDomain(bench.admin, 'Berlin');
    await expect(administration.createDomain(bench.admin, 'BERLIN')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'exists' },
    });
    await administration.createOrganisationalUnit(bench.admin, 'berlin', 'Sales', null);
    await administration.createOrganisationalUnit(bench.admin, 'berlin', 'Inside', 'sales');
    expect(await administration.organisationalUnits(bench.admin, 'berlin')).toEqual(
      expect.arrayContaining([
        { name: 'Sales', parentName: null },
        { name: 'Inside', parentName: 'Sales' },
      ]),
    );
    await expect(administration.deleteDomain(bench.admin, 'Berlin')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'referenced' },
    });
    await administration.createDomain(bench.admin, 'Paris');
    await administration.deleteDomain(bench.admin, 'paris');
    const names = (await administration.domains(bench.admin)).map(({ name }) => name);
    expect(names.sort()).toEqual(['Berlin', 'master']);
    await expect(administration.deleteDomain(bench.admin, 'Master')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'default-domain' },
    });
    await expect(
      administration.createOrganisationalUnit(bench.admin, 'berlin', 'X', 'nowhere'),
    ).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test.each(['', ' edge', 'a\nb', 'x'.repeat(61)])('refuse the name %j', async (name) => {
    await expect(administration.createDomain(bench.admin, name)).rejects.toMatchObject({
      code: 'request-invalid',
    });
  });
});

describe('users', () => {
  test('keep their unit, are edited under a version, and are deleted when nothing is theirs', async () => {
    await administration.createOrganisationalUnit(bench.admin, null, 'Desk', null);
    const created = await administration.createUser(bench.admin, null, {
      userName: 'Ada',
      organisationalUnit: 'desk',
      expiresAtMs: null,
    });
    expect(created).toMatchObject({ userName: 'Ada', organisationalUnit: 'Desk', serials: [] });
    const set = { isDisabled: true, expiresAtMs: 5 };
    const edited = await administration.updateUser(bench.admin, null, 'ADA', set, {
      expectedVersion: created.version,
    });
    expect(edited).toMatchObject({ isDisabled: true, expiresAtMs: 5 });
    await expect(
      administration.updateUser(bench.admin, null, 'ada', set, {
        expectedVersion: created.version,
      }),
    ).rejects.toMatchObject({ code: 'conflict', fields: { reason: 'version' } });
    const { serial } = await bench.device(totp6, { userName: 'ada' });
    expect((await administration.user(bench.admin, null, 'ada')).serials).toEqual([serial]);
    await expect(administration.deleteUser(bench.admin, null, 'ada')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'referenced' },
    });
    await administration.unassignAuthenticator(bench.admin, serial);
    await administration.deleteUser(bench.admin, null, 'ada');
    await expect(administration.user(bench.admin, null, 'ada')).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('are listed in pages', async () => {
    await administration.createDomain(bench.admin, 'pages');
    for (const userName of ['c', 'a', 'b']) {
      await administration.createUser(bench.admin, 'pages', {
        userName,
        organisationalUnit: null,
        expiresAtMs: null,
      });
    }
    const names = async (after: string): Promise<string[]> =>
      (await administration.users(bench.admin, 'pages', { after, limit: 2 })).map(
        ({ userName }) => userName,
      );
    expect(await names('')).toEqual(['a', 'b']);
    expect(await names('b')).toEqual(['c']);
    await expect(
      administration.users(bench.admin, 'pages', { after: '', limit: 1001 }),
    ).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('of which some exist already, or are badly formed, are refused', async () => {
    const user = { userName: 'twice', organisationalUnit: null, expiresAtMs: null };
    await administration.createUser(bench.admin, null, user);
    await expect(
      administration.createUser(bench.admin, null, { ...user, userName: 'TWICE' }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const bad = { userName: 'a\tb', organisationalUnit: null, expiresAtMs: -1 };
    const members = await membersRefused(administration.createUser(bench.admin, null, bad));
    expect(members.sort()).toEqual(['expiresAtMs', 'userName']);
  });
});

describe('policies', () => {
  test('inherit, show where a value is from and what the windows cost', async () => {
    await administration.savePolicy(
      bench.admin,
      'Narrow',
      { parentName: 'local authentication', settings: { identificationTimeWindowSteps: 2 } },
      anyVersion,
    );
    const view = await administration.effectivePolicy(bench.admin, 'narrow');
    expect(view.settings['identificationTimeWindowSteps']).toEqual({
      value: 2,
      from: 'Narrow',
      unit: 'steps',
    });
    expect(view.settings['localAuthentication']).toMatchObject({ from: 'Local Authentication' });
    expect(view.cost).toMatchObject({ timeCandidates: 3 });
  });

  test('refuse unknown settings, circles, unknown parents and windows above the limits', async () => {
    const save = (name: string, parentName: string | null, settings: unknown): Promise<unknown> =>
      administration.savePolicy(bench.admin, name, { parentName, settings }, anyVersion);
    expect(await membersRefused(save('p1', null, { nonsense: 1, userLockThreshold: -1 }))).toEqual([
      'settings.nonsense',
      'settings.userLockThreshold',
    ]);
    expect(await membersRefused(save('p1', 'nowhere', {}))).toEqual(['parent']);
    expect(await membersRefused(save('p1', null, { eventWindowSteps: 9999 }))).toEqual([
      'settings.eventWindowSteps',
    ]);
    await save('p1', null, {});
    await save('p2', 'p1', {});
    expect(await membersRefused(save('p1', 'p2', {}))).toEqual(['parent']);
    // Each alone is within the limit; what the child inherits is not.
    await save('p2', 'p1', { syncMaxGapSteps: 2 });
    const widest = { syncTimeWindowSeconds: 491_460 };
    expect(await membersRefused(save('p1', null, widest))).toEqual([
      'settings.syncTimeWindowSeconds',
    ]);
  });

  test('are replaced under a version, and deleted when nothing uses them', async () => {
    const save = (expectedVersion: number | null): Promise<unknown> =>
      administration.savePolicy(
        bench.admin,
        'p3',
        { parentName: null, settings: {} },
        { expectedVersion },
      );
    await save(null);
    const { version } = await administration.policy(bench.admin, 'P3');
    await save(version);
    await expect(save(version)).rejects.toMatchObject({ code: 'conflict' });
    await administration.deletePolicy(bench.admin, 'p3');
    await expect(administration.policy(bench.admin, 'p3')).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(administration.deletePolicy(bench.admin, 'Base Policy')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'referenced' },
    });
  });
});

describe('components and keys', () => {
  test('a component is normalised, unique, moved to another policy and deleted', async () => {
    const component = {
      componentType: 'radius',
      location: '2001:DB8:0:0::/64',
      access: 'api-key' as const,
      policyName: 'base policy',
    };
    const created = await administration.createComponent(bench.admin, component);
    expect(created).toMatchObject({
      location: '2001:db8::/64',
      access: 'api-key',
      policyName: 'Base Policy',
    });
    await expect(
      administration.createComponent(bench.admin, { ...component, location: '2001:db8::/64' }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const moved = await administration.updateComponent(
      bench.admin,
      created.id,
      { policyName: 'Local Authentication' },
      { expectedVersion: created.version },
    );
    expect(moved.policyName).toBe('Local Authentication');
    await administration.deleteComponent(bench.admin, created.id);
    await expect(administration.deleteComponent(bench.admin, created.id)).rejects.toMatchObject({
      code: 'not-found',
    });
    const bad = {
      componentType: '',
      location: '10.0.0.1/8',
      access: 'api-key' as const,
      policyName: 'none such',
    };
    const members = await membersRefused(administration.createComponent(bench.admin, bad));
    expect(members.sort()).toEqual(['location', 'policy', 'type']);
  });

  test('a key is shown once, known by its digest, and gone when deleted or expired', async () => {
    const { key, view } = await administration.createApiKey(bench.admin, {
      name: 'Shown',
      role: 'client',
      componentType: 'rest-client',
      domainName: 'master',
      expiresAtMs: bench.clock.nowMs() + 1000,
    });
    expect(key).toMatch(/^tsk_[A-Za-z0-9_-]{43}$/);
    expect(view).toMatchObject({ name: 'Shown', domainName: 'master' });
    const identify = (): Promise<Caller | null> => bench.service.identify(key, '127.0.0.1', 'r');
    expect(await identify()).toMatchObject({ keyName: 'Shown', role: 'client' });
    expect(JSON.stringify(await administration.apiKeys(bench.admin))).not.toContain(key);
    expect((await bench.auditBodies()).join()).not.toContain(key);
    bench.clock.advance(1);
    expect(await identify()).toBeNull();
    bench.clock.advance(-1);
    await expect(
      administration.createApiKey(bench.admin, {
        name: 'shown',
        role: 'client',
        componentType: 'rest-client',
        domainName: null,
        expiresAtMs: null,
      }),
    ).rejects.toMatchObject({ code: 'conflict' });
    await administration.deleteApiKey(bench.admin, 'SHOWN');
    expect(await identify()).toBeNull();
    expect(await bench.service.identify('tsk_short', '127.0.0.1', 'r')).toBeNull();
  });

  test('a component through which the request itself comes stays', async () => {
    const own = (await administration.components(bench.admin)).find(
      ({ componentType, location }) =>
        componentType === 'administration' && location === '127.0.0.0/8',
    );
    await expect(administration.deleteComponent(bench.admin, own?.id ?? '')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'in-use' },
    });
  });

  test('the last key that may administer everything stays', async () => {
    await expect(
      administration.deleteApiKey(bench.admin, 'first-administrator'),
    ).rejects.toMatchObject({ code: 'conflict', fields: { reason: 'last-administrator' } });
  });
});
