import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdministratorRole } from '../../src/domain/model.ts';
import type { Administration, Caller, UserView } from '../../src/service/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';

let bench: Bench;
let administration: Administration;

const anyVersion = { expectedVersion: null };

beforeAll(async () => {
  bench = await openBench();
  ({ administration } = bench.service);
});

afterAll(async () => {
  await bench.close();
});

function setRole(userName: string, administratorRole: AdministratorRole): Promise<UserView> {
  return administration.updateUser(bench.admin, null, userName, { administratorRole }, anyVersion);
}

describe('roles of administrators', () => {
  const changes = (role: 'admin' | 'helpdesk') => ({ administratorRole: role });

  it('are shown, audited, and given through keys for the whole installation only', async () => {
    const userName = await bench.user();
    expect(await setRole(userName, 'auditor')).toMatchObject({ administratorRole: 'auditor' });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'user.update',
      details: { administratorRole: 'auditor' },
    });
    const scoped = await scopedAdministrator();
    const refusal = { code: 'forbidden' };
    await expect(
      administration.updateUser(scoped, null, userName, changes('admin'), anyVersion),
    ).rejects.toMatchObject(refusal);
    const helpdesk = await bench.caller({}, 'helpdesk');
    await expect(
      administration.updateUser(helpdesk, null, userName, changes('helpdesk'), anyVersion),
    ).rejects.toMatchObject(refusal);
    expect((await administration.user(bench.admin, null, userName)).administratorRole).toBe(
      'auditor',
    );
  });

  it('keep those who may not give them from handing an administrator a device or a PIN', async () => {
    const userName = await bench.user();
    await setRole(userName, 'auditor');
    const { serial } = await bench.device(totp6);
    for (const giver of [await scopedAdministrator(), await bench.caller({}, 'helpdesk')]) {
      await expect(
        administration.assignAuthenticator(giver, serial, null, userName),
      ).rejects.toMatchObject({ code: 'forbidden' });
    }
    await administration.assignAuthenticator(bench.admin, serial, null, userName);
    const edit = { action: 'enable', minimumLength: null } as const;
    await administration.editPin(bench.admin, serial, null, edit);
    for (const giver of [await scopedAdministrator(), await bench.caller({}, 'helpdesk')]) {
      await expect(
        administration.editPin(giver, serial, null, { action: 'reset' }),
      ).rejects.toMatchObject({ code: 'forbidden' });
    }
    await administration.editPin(bench.admin, serial, null, { action: 'reset' });
  });

  it('keep them from letting one in or shutting one out as well', async () => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6, { userName });
    const unlocks = bench.service.administration;
    const text = 'correct horse';
    const newPassword = { password: text, confirmation: text, policyName: null };
    const edits: Record<string, (by: Caller) => Promise<unknown>> = {
      lock: (by) => unlocks.lockUser(by, null, userName),
      unlock: (by) => unlocks.unlockUser(by, null, userName),
      disable: (by) => unlocks.updateUser(by, null, userName, { isDisabled: true }, anyVersion),
      contact: (by) => unlocks.updateUser(by, null, userName, { email: 'a@b.c' }, anyVersion),
      password: (by) => unlocks.setPassword(by, null, userName, newPassword),
      noPassword: (by) => unlocks.clearPassword(by, null, userName),
      delete: (by) => unlocks.deleteUser(by, null, userName),
      reset: (by) => unlocks.resetApplication(by, serial, null),
      drift: (by) => unlocks.setDrift(by, serial, null, { action: 'zero' }),
      update: (by) => unlocks.updateAuthenticator(by, serial, { isDisabled: true }, anyVersion),
      unassign: (by) => unlocks.unassignAuthenticator(by, serial),
      destroy: (by) => unlocks.deleteAuthenticator(by, serial),
    };
    await setRole(userName, 'auditor');
    const count = (await bench.auditBodies()).length;
    for (const by of [await scopedAdministrator(), await bench.caller({}, 'helpdesk')]) {
      for (const [name, edit] of Object.entries(edits)) {
        await expect(edit(by), name).rejects.toMatchObject({ code: 'forbidden' });
      }
    }
    expect(await administration.user(bench.admin, null, userName)).toMatchObject({
      lockedBy: null,
      isDisabled: false,
    });
    expect(await administration.authenticator(bench.admin, serial)).toMatchObject({
      userName,
      isDisabled: false,
    });
    expect((await bench.auditBodies()).slice(count).join()).not.toMatch(/"outcome":"done".*user\./);
    for (const name of ['unlock', 'password', 'reset', 'drift', 'unassign', 'delete']) {
      await edits[name]!(bench.admin);
    }
  });

  let made = 0;
  async function scopedAdministrator(): Promise<Caller> {
    made += 1;
    const { key } = await administration.createApiKey(bench.admin, {
      name: `scoped-${made}`,
      role: 'admin',
      componentType: 'rest-client',
      domainName: 'master',
      expiresAtMs: null,
    });
    const scoped = await bench.service.identify(key, '::1', 'request-scoped');
    if (scoped === null) throw new Error('unknown key');
    return scoped;
  }
});
