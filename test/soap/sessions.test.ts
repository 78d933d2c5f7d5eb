import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Permission, requirePermission } from '../../src/service/administration/access.ts';
import type { Caller } from '../../src/service/api.ts';
import {
  administration,
  attributeEnvelope,
  attributesOf,
  codesOf,
  logonAttributes,
  session,
  type SoapWorld,
  startSoap,
} from './support.ts';

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({});
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
});

describe('sessions', () => {
  const sessionId = 's'.repeat(43);
  const send = (operation: string, attributes: Readonly<Record<string, string>>) =>
    world.post(attributeEnvelope(attributes, { namespace: administration, operation }));

  it('open for an administrator, as the administration program whatever else is said', async () => {
    const lastLogonAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    world.answers.logon = { outcome: 'signed-in', sessionId, session, lastLogonAtMs };
    const answer = await send('logon', logonAttributes);
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    const { CREDFLD_LOGICAL_ADMIN_PRIVILEGES: privileges = '', ...others } = attributesOf(answer);
    expect(others).toEqual({
      CREDFLD_USERID: 'Jane',
      CREDFLD_DOMAIN: 'master',
      CREDFLD_SESSION_ID: sessionId,
      CREDFLD_USER_LOCATION: '127.0.0.1',
      CREDFLD_LAST_LOGON_TIME: '2026-01-02T03:04:05.000Z',
      CREDFLD_PRODUCT_NAME: 'Tallystick',
      CREDFLD_PRODUCT_VERSION: '1.2.3',
      CREDFLD_CONTROLLER_TYPE: 'HSM',
    });
    expect(answer.body).toContain('<value xsi:type="xsd:dateTime">2026');
    const pairs = privileges.split(', ').map((one) => one.split(' '));
    for (const pair of pairs)
      expect(pair).toEqual([pair[0], expect.stringMatching(/^(true|false)$/)]);
    expect(Object.fromEntries(pairs)).toMatchObject({
      UNLOCK_USER: 'true',
      UPDATE_POLICY: 'false',
    });
    expect(world.reached[0]!.args[0]).toMatchObject({ componentType: 'Administration Program' });
    await send('logon', { ...logonAttributes, CREDFLD_COMPONENT_TYPE: 'Mine' });
    expect(world.reached[1]!.args[0]).toMatchObject({ componentType: 'Administration Program' });
  });

  it.each(['admin', 'helpdesk', 'auditor'] as const)('tell %s what he may do', async (role) => {
    const signedIn = { ...session, role };
    world.answers.logon = { outcome: 'signed-in', sessionId, session: signedIn, lastLogonAtMs: 0 };
    const shown = attributesOf(await send('logon', logonAttributes));
    const may = (permission: Permission): string => {
      try {
        requirePermission({ role } as Caller, permission);
        return 'true';
      } catch {
        return 'false';
      }
    };
    const pairs = shown['CREDFLD_LOGICAL_ADMIN_PRIVILEGES']!.split(', ').map((one) =>
      one.split(' '),
    );
    expect(Object.fromEntries(pairs)).toEqual({
      VIEW_USER: may('users.read'),
      CREATE_USER: may('users.write'),
      UPDATE_USER: may('users.write'),
      DELETE_USER: may('users.write'),
      UNLOCK_USER: may('users.lock'),
      VIEW_DIGIPASS: may('authenticators.read'),
      ASSIGN_DIGIPASS: may('authenticators.assign'),
      UNASSIGN_DIGIPASS: may('authenticators.assign'),
      IMPORT_DIGIPASS: may('authenticators.write'),
      UPDATE_DIGIPASS: may('authenticators.write'),
      DELETE_DIGIPASS: may('authenticators.write'),
      VIEW_POLICY: may('configuration.read'),
      UPDATE_POLICY: may('configuration.write'),
      VIEW_COMPONENT: may('configuration.read'),
      UPDATE_COMPONENT: may('configuration.write'),
      VIEW_AUDIT: may('audit.read'),
    });
  });

  it('leave out the last logon when there was none, and do not open for others', async () => {
    world.answers.logon = { outcome: 'signed-in', sessionId, session, lastLogonAtMs: null };
    expect(attributesOf(await send('logon', logonAttributes))).not.toHaveProperty(
      'CREDFLD_LAST_LOGON_TIME',
    );
    world.answers.logon = { outcome: 'refused', code: 'administrator-none' };
    const answer = await send('logon', logonAttributes);
    expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_PERMISSION', '-1', '1005']);
    expect(attributesOf(answer)).toHaveProperty('CREDFLD_STATUS_MESSAGE');
  });

  it.each([
    ['logoff', 'logoff'],
    ['sessionalive', 'sessionAlive'],
  ] as const)('are known to %s until they end', async (operation, method) => {
    const id = { CREDFLD_SESSION_ID: sessionId };
    world.answers[method] = session;
    expect(codesOf(await send(operation, id))[1]).toBe('STAT_SUCCESS');
    expect(world.reached[0]!.args.slice(0, 2)).toEqual([sessionId, '127.0.0.1']);
    world.answers[method] = null;
    expect(codesOf(await send(operation, id))).toEqual([
      'RET_FAILURE',
      'STAT_ADMIN_SESSION_STOPPED',
      '-1',
      '-140',
    ]);
    expect(codesOf(await send(operation, {}))[1]).toBe('STAT_MISSINGFLD');
  });
});
