import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayMs } from '../../src/domain/durations.ts';
import { unsetBackup } from '../../src/domain/virtual-otp.ts';
import type {
  Administration,
  AuthenticatorChanges,
  AuthenticatorView,
} from '../../src/service/index.ts';
import type { AuditEntry } from '../../src/service/store.ts';
import { type Bench, nextSerial, openBench, totp6 } from '../support/builders.ts';
import { membersRefused, replacing, syncCodeOf, syncing } from './support.ts';

let bench: Bench;
let administration: Administration;
let instead: Parameters<typeof replacing>[0] = () => ({});

const anyVersion = { expectedVersion: null };
const noApplications = { code: 'conflict', fields: { reason: 'no-applications' } };

beforeAll(async () => {
  bench = await openBench({ store: replacing(() => instead()) });
  ({ administration } = bench.service);
});

afterAll(async () => {
  await bench.close();
});

async function virtualMobile(userName: string | null = null): Promise<string> {
  const serial = nextSerial();
  const given = { serial, model: null, expiresAtMs: null };
  await administration.createVirtualMobile(bench.admin, given);
  if (userName !== null) {
    await administration.assignAuthenticator(bench.admin, serial, null, userName);
  }
  return serial;
}

function set(serial: string, changes: AuthenticatorChanges): Promise<AuthenticatorView> {
  return administration.updateAuthenticator(bench.admin, serial, changes, anyVersion);
}

function current(serial: string): Promise<AuthenticatorView> {
  return administration.authenticator(bench.admin, serial);
}

describe('a virtual mobile authenticator', () => {
  it('is created without applications and seeds', async () => {
    const serial = nextSerial();
    const given = { serial: serial.toLowerCase(), model: null, expiresAtMs: 5 };
    const view = await administration.createVirtualMobile(bench.admin, given);
    expect(view).toMatchObject({
      serial,
      kind: 'virtual-mobile',
      model: 'VIR10',
      isVirtual: false,
      expiresAtMs: 5,
      applications: [],
    });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.create',
      details: { model: 'VIR10', kind: 'virtual-mobile' },
    });
    await expect(administration.createVirtualMobile(bench.admin, given)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'exists' },
    });
    const other = { serial: nextSerial(), model: 'vdp1', expiresAtMs: null };
    expect(await administration.createVirtualMobile(bench.admin, other)).toMatchObject({
      model: 'VDP1',
    });
    const device = await bench.device(totp6);
    expect((await current(device.serial)).kind).toBe('device');
  });

  it('is refused with all that is wrong at once, and to the help desk', async () => {
    const wrong = { serial: 'x', model: 'much too long', expiresAtMs: -1 };
    const members = await membersRefused(administration.createVirtualMobile(bench.admin, wrong));
    expect(members.sort()).toEqual(['expiresAtMs', 'model', 'serial']);
    const helpdesk = await bench.caller({}, 'helpdesk');
    const given = { serial: nextSerial(), model: null, expiresAtMs: null };
    await expect(administration.createVirtualMobile(helpdesk, given)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('is assigned, disabled, given an end, taken away and deleted as a device is', async () => {
    const userName = await bench.user();
    const serial = await virtualMobile(userName);
    expect((await administration.user(bench.admin, null, userName)).serials).toEqual([serial]);
    expect(await set(serial, { isDisabled: true, expiresAtMs: 7 })).toMatchObject({
      userName,
      isDisabled: true,
      expiresAtMs: 7,
    });
    expect(await administration.unassignAuthenticator(bench.admin, serial)).toMatchObject({
      userName: null,
    });
    await administration.deleteAuthenticator(bench.admin, serial);
    await expect(current(serial)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each<[string, (serial: string) => Promise<unknown>]>([
    ['reset', (serial) => administration.resetApplication(bench.admin, serial, null)],
    ['reset', (serial) => administration.resetApplication(bench.admin, serial, 'TIME')],
    ['drift', (serial) => administration.setDrift(bench.admin, serial, null, { action: 'zero' })],
    [
      'PIN',
      (serial) =>
        administration.editPin(bench.admin, serial, null, {
          action: 'enable',
          minimumLength: null,
        }),
    ],
  ])('has no applications: there is no %s', async (_what, work) => {
    const serial = await virtualMobile();
    await expect(work(serial)).rejects.toMatchObject({
      ...noApplications,
      message: expect.stringMatching(/has no applications/) as string,
    });
  });

  it('shows nothing that could be synchronised', async () => {
    const userName = await bench.user();
    await virtualMobile(userName);
    const program = await bench.caller();
    const code = await syncCodeOf(bench.service, program, syncing(userName, ['111111', '222222']));
    expect(code).toBe('authenticator-none');
  });

  it('stands in for nothing and is stood in for by nothing', async () => {
    const serial = await virtualMobile();
    expect(await membersRefused(set(serial, { backup: { mode: 'permitted' } }))).toEqual([
      'backup',
    ]);
    expect(await set(serial, { backup: { mode: null } })).toMatchObject({ backup: unsetBackup });
  });
});

describe('grace period and backup', () => {
  it('are as the policy says until somebody says otherwise', async () => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6, { userName });
    expect(await current(serial)).toMatchObject({ graceEndsAtMs: null, backup: unsetBackup });
    const changes = {
      graceEndsAtMs: 8,
      backup: { mode: 'time-limited', endsAtMs: 9, usesLeft: 3 },
    } as const;
    expect(await set(serial, changes)).toMatchObject(changes);
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.update',
      details: {
        graceEndsAtMs: 8,
        backupMode: 'time-limited',
        backupEndsAtMs: 9,
        backupUsesLeft: 3,
      },
    });
    expect(await set(serial, { backup: { usesLeft: 0 }, isDisabled: true })).toMatchObject({
      ...changes,
      backup: { mode: 'time-limited', endsAtMs: 9, usesLeft: 0 },
    });
    expect((await bench.lastAudit()).details).not.toHaveProperty('backupMode');
    const none = { graceEndsAtMs: null, backup: { mode: null, endsAtMs: null, usesLeft: null } };
    expect(await set(serial, none)).toMatchObject(none);
  });

  it.each<[string, AuthenticatorChanges]>([
    ['expiresAtMs', { expiresAtMs: 1.5 }],
    ['graceEndsAtMs', { graceEndsAtMs: -1 }],
    ['backup.endsAtMs', { backup: { endsAtMs: 9e15 } }],
    ['backup.usesLeft', { backup: { usesLeft: 255 } }],
    ['backup.usesLeft', { backup: { usesLeft: -1 } }],
    ['backup.usesLeft', { backup: { usesLeft: 1.5 } }],
  ])('are refused where %s is wrong', async (member, changes) => {
    const { serial } = await bench.device(totp6);
    expect(await membersRefused(set(serial, changes))).toEqual([member]);
    expect(await current(serial)).toMatchObject({ version: 1 });
  });

  it('begin with the assignment, and end with it', async () => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6);
    const backup = { mode: 'permitted', endsAtMs: 9, usesLeft: 3 } as const;
    await set(serial, { backup });
    const graceEndsAtMs = bench.clock.nowMs() + 7 * dayMs;
    const assign = (days?: number): Promise<AuthenticatorView> =>
      administration.assignAuthenticator(bench.admin, serial, null, userName, days);
    expect(await assign(7)).toMatchObject({ userName, graceEndsAtMs, backup });
    expect((await bench.lastAudit()).details).toMatchObject({ graceEndsAtMs });
    await expect(assign(14)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'assigned' },
    });
    expect(await assign()).toMatchObject({ graceEndsAtMs });
    expect(await administration.unassignAuthenticator(bench.admin, serial)).toMatchObject({
      graceEndsAtMs: null,
      backup: { mode: 'permitted', endsAtMs: null, usesLeft: null },
    });
    expect(await assign(0)).toMatchObject({ graceEndsAtMs: bench.clock.nowMs() });
    await administration.unassignAuthenticator(bench.admin, serial);
    expect(await assign()).toMatchObject({ graceEndsAtMs: null });
  });

  it.each([-1, 366, 1.5])('are refused for %d days', async (days) => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6);
    const assigned = administration.assignAuthenticator(bench.admin, serial, null, userName, days);
    expect(await membersRefused(assigned)).toEqual(['graceDays']);
    expect(await current(serial)).toMatchObject({ userName: null });
  });

  it('are for somebody: what is assigned to nobody has no grace period', async () => {
    const { serial } = await bench.device(totp6);
    await expect(set(serial, { graceEndsAtMs: 8 })).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'not-assigned' },
    });
    expect(await set(serial, { graceEndsAtMs: null })).toMatchObject({ graceEndsAtMs: null });
  });

  it('do not come back by an edit beside a use', async () => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6, { userName });
    await set(serial, { backup: { usesLeft: 3 } });
    instead = () => ({
      administer: async (changes, audit) => {
        instead = () => ({});
        if ('action' in audit) await use(serial, audit);
        return bench.store.administer(changes, audit);
      },
    });
    expect(await set(serial, { backup: { mode: 'permitted' } })).toMatchObject({
      backup: { mode: 'permitted', usesLeft: 2 },
    });
  });
});

/** A one-time password was sent in place of what the device shows. */
async function use(serial: string, audit: AuditEntry): Promise<void> {
  const { authenticator } = (await bench.store.authenticatorBySerial(serial))!;
  const { id: authenticatorId, userId, assignmentVersion, backup } = authenticator;
  const nothing = { advance: null, pinChange: null, issue: null };
  const after = { ...backup, usesLeft: backup.usesLeft! - 1 };
  const [result] = await bench.store.commit([
    {
      ...nothing,
      passwordVersion: null,
      passwordChange: null,
      atMs: bench.clock.nowMs(),
      user: { kind: 'present', userId: userId! },
      readVersions: null,
      authenticator: null,
      followers: [],
      notes: [],
      challengeIds: [],
      missedOtpIds: [],
      backupUse: { authenticatorId, userId: userId!, assignmentVersion, before: backup, after },
      emergencyUse: null,
      emergencyMarks: [],
      openSession: null,
      endSession: null,
      storedAnswer: null,
      audit,
    },
  ]);
  expect(result).toEqual({ status: 'committed' });
}
