import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { dayMs } from '../../../src/domain/durations.ts';
import type { Administration, Caller } from '../../../src/service/index.ts';
import { type Bench, openBench } from '../../support/builders.ts';
import { giveVirtual, setUser } from '../../support/people.ts';
import { membersRefused } from '../support.ts';
import { allCodes, holder, issueCode, readOut } from './support.ts';

let bench: Bench;
let administration: Administration;
let desk: Caller;
let other: Caller;

beforeAll(async () => {
  bench = await openBench();
  ({ administration } = bench.service);
  desk = await bench.caller({ ...allCodes, emergencyRevealApprovals: 2 }, 'helpdesk');
  other = await bench.caller({ ...allCodes, emergencyRevealApprovals: 2 }, 'admin');
});

afterAll(() => bench.close());

describe('issuing', () => {
  test.each(['client', 'auditor'] as const)('is not for a %s', async (role) => {
    const { serial } = await holder(bench);
    const caller = await bench.caller(allCodes, role);
    await expect(issueCode(bench, caller, serial, { kind: 'fixed' })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('is audited, without the code', async () => {
    const { serial } = await holder(bench);
    const asked = { kind: 'one-time', count: 50, lifetimeDays: 2 } as const;
    const { view, codes } = await issueCode(bench, desk, serial, asked);
    expect(codes).toHaveLength(50);
    expect(view.notAfterMs).toBe(bench.clock.nowMs() + 2 * dayMs);
    const audit = await bench.lastAudit();
    expect(audit).toMatchObject({
      action: 'emergency.issue',
      subject: serial,
      details: { code: view.id, kind: 'one-time', count: 50 },
    });
    for (const code of codes) expect(JSON.stringify(audit)).not.toContain(code);
  });

  test.each([
    ['count', { kind: 'one-time', count: 0 }],
    ['count', { kind: 'one-time', count: 51 }],
    ['count', { kind: 'one-time', count: 1.5 }],
    ['count', { kind: 'fixed', count: 2 }],
    ['lifetimeDays', { kind: 'fixed', lifetimeDays: 8 }],
    ['lifetimeDays', { kind: 'fixed', lifetimeDays: 0 }],
    ['onlineAllowed', { kind: 'fixed', isOnlineAllowed: false }],
  ] as const)('refuses %s in %j', async (member, asked) => {
    const { serial } = await holder(bench);
    expect(await membersRefused(issueCode(bench, desk, serial, asked))).toEqual([member]);
  });

  test.each([
    ['fixed', 'emergencyOnlineCodes', {}],
    ['one-time', 'emergencyOnlineCodes', {}],
    ['tokencode', 'emergencyTokencode', {}],
    ['passcode', 'emergencyPasscode', {}],
    ['tokencode', 'emergencyOnlineAllowed', { isOnlineAllowed: true }],
  ] as const)('%s needs %s', async (kind, setting, more) => {
    const { serial } = await holder(bench, '4711');
    const caller = await bench.caller({ ...allCodes, [setting]: false }, 'admin');
    await expect(issueCode(bench, caller, serial, { kind, ...more })).rejects.toMatchObject({
      code: 'policy-refused',
      fields: { reason: 'emergency-not-permitted', setting },
    });
  });

  it('needs a device that somebody has, and a PIN to forget', async () => {
    const { serial, userName } = await holder(bench);
    await expect(issueCode(bench, desk, serial, { kind: 'passcode' })).rejects.toMatchObject({
      fields: { reason: 'no-pin' },
    });
    await administration.unassignAuthenticator(bench.admin, serial);
    await expect(issueCode(bench, desk, serial, { kind: 'fixed' })).rejects.toMatchObject({
      fields: { reason: 'not-assigned' },
    });
    const virtual = await giveVirtual(bench, userName);
    await expect(issueCode(bench, desk, virtual, { kind: 'fixed' })).rejects.toMatchObject({
      fields: { reason: 'no-applications' },
    });
  });

  it('lets no help desk sign in as an administrator', async () => {
    const { serial, userName } = await holder(bench);
    await setUser(bench, userName, { administratorRole: 'admin' });
    await expect(issueCode(bench, desk, serial, { kind: 'fixed' })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('the list', () => {
  it('shows auditors what there is, newest first, and no code', async () => {
    const { serial } = await holder(bench);
    const auditor = await bench.caller(allCodes, 'auditor');
    const first = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const second = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const listed = await administration.emergencyCodes(auditor, serial);
    expect(listed.map(({ id, state }) => [id, state]).sort()).toEqual(
      [
        [first.view.id, 'replaced'],
        [second.view.id, 'live'],
      ].sort(),
    );
    for (const view of listed) {
      expect(view).not.toHaveProperty('macs');
      expect(view).not.toHaveProperty('sealed');
    }
    bench.clock.set(second.view.notAfterMs);
    const later = await administration.emergencyCodes(auditor, serial);
    expect(later.find(({ id }) => id === second.view.id)).toMatchObject({ state: 'expired' });
  });
});

describe('ending a code', () => {
  it('is done once, by the serial of its device', async () => {
    const { serial } = await holder(bench);
    const stranger = await holder(bench);
    const { view } = await issueCode(bench, desk, serial, { kind: 'tokencode' });
    await expect(
      administration.resetEmergencyCode(desk, stranger.serial, view.id),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(await administration.resetEmergencyCode(desk, serial, view.id)).toMatchObject({
      state: 'reset',
    });
    expect(await bench.lastAudit()).toMatchObject({ action: 'emergency.reset', subject: serial });
    await expect(administration.revokeEmergencyCode(desk, serial, view.id)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'ended' },
    });
  });
});

describe('reading a code out', () => {
  const issued = async (): Promise<{ serial: string; id: string }> => {
    const { serial } = await holder(bench);
    const { view } = await issueCode(bench, desk, serial, { kind: 'tokencode' });
    return { serial, id: view.id };
  };

  it('takes the permission and a reason, and is audited before it is opened', async () => {
    const alone = await bench.caller(allCodes, 'helpdesk');
    const { serial, id } = await issued();
    for (const role of ['auditor', 'client'] as const) {
      const caller = await bench.caller(allCodes, role);
      await expect(readOut(bench, caller, serial, id)).rejects.toMatchObject({ code: 'forbidden' });
    }
    for (const reason of ['', '   ', 'x'.repeat(256), 'two\nlines']) {
      const asked = administration.revealEmergencyCode(alone, serial, id, reason);
      expect(await membersRefused(asked)).toEqual(['reason']);
    }
    expect(bench.module.calls.get('open') ?? 0).toBe(0);
    bench.module.failNext('unavailable', { method: 'open' });
    const asked = administration.revealEmergencyCode(alone, serial, id, ' stolen bag ');
    await expect(asked).rejects.toMatchObject({ code: 'module-unavailable' });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'emergency.reveal',
      subject: serial,
      details: { code: id, kind: 'tokencode', reason: 'stolen bag', approvedBy: null },
    });
    const answer = await administration.revealEmergencyCode(alone, serial, id, 'again');
    expect(answer).toMatchObject({ outcome: 'revealed' });
    if (answer.outcome !== 'revealed') return;
    expect(answer.view.revealedAtMs).toBe(bench.clock.nowMs());
    for (const body of await bench.auditBodies()) expect(body).not.toContain(answer.code);
  });

  it('takes another administrator where the policy wants two', async () => {
    const { serial, id } = await issued();
    const ask = (caller: Caller): Promise<string> =>
      administration.revealEmergencyCode(caller, serial, id, 'lost').then(({ outcome }) => outcome);
    const approve = (caller: Caller): Promise<unknown> =>
      administration.approveEmergencyReveal(caller, serial, id, null);
    await expect(approve(other)).rejects.toMatchObject({ fields: { reason: 'not-requested' } });
    expect(await ask(desk)).toBe('approval-needed');
    expect(await bench.lastAudit()).toMatchObject({ action: 'emergency.reveal-request' });
    await expect(approve(desk)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await ask(desk)).toBe('approval-needed');
    await approve(other);
    expect(await bench.lastAudit()).toMatchObject({ action: 'emergency.reveal-approve' });
    await expect(approve(other)).rejects.toMatchObject({ fields: { reason: 'not-requested' } });
    expect(await ask(desk)).toBe('revealed');
    const { details } = await bench.lastAudit();
    expect(details['approvedBy']).toContain(other.keyId);
    expect(await ask(desk)).toBe('approval-needed');
  });

  it('has the reason that was approved beside the one that is given then', async () => {
    const { serial, id } = await issued();
    await administration.revealEmergencyCode(desk, serial, id, 'left in a taxi');
    await administration.approveEmergencyReveal(other, serial, id, null);
    await administration.revealEmergencyCode(desk, serial, id, 'stolen bag');
    const { details } = await bench.lastAudit();
    expect(details).toMatchObject({ reason: 'stolen bag', approvedReason: 'left in a taxi' });
  });

  it('is not approved by who goes by the same name', async () => {
    const { serial, id } = await issued();
    await administration.revealEmergencyCode(desk, serial, id, 'lost');
    const session: Caller = {
      ...(await bench.keylessCaller({ ...allCodes, emergencyRevealApprovals: 2 })),
      role: 'helpdesk',
      keyName: desk.keyName.toUpperCase(),
    };
    for (const caller of [desk, session]) {
      await expect(
        administration.approveEmergencyReveal(caller, serial, id, null),
      ).rejects.toMatchObject({ code: 'forbidden', fields: { reason: 'same-person' } });
      expect(await bench.lastAudit()).toMatchObject({
        action: 'emergency.reveal-approve',
        outcome: 'same-person',
        subject: serial,
        details: { code: id },
      });
    }
  });

  it('is audited when it is refused', async () => {
    const alone = await bench.caller(allCodes, 'helpdesk');
    const { serial, id } = await issued();
    const refused = async (caller: Caller, code: string, reason: string): Promise<unknown> => {
      await administration.revealEmergencyCode(caller, serial, code, reason).catch(() => null);
      return bench.lastAudit();
    };
    const about = { action: 'emergency.reveal', subject: serial };
    const auditor = await bench.caller(allCodes, 'auditor');
    const shown = await refused(auditor, id, ' for a friend ');
    expect(shown).toMatchObject({
      ...about,
      outcome: 'forbidden',
      actor: `${auditor.keyName} (${auditor.keyId})`,
      details: { code: id, reason: 'for a friend' },
    });
    const unsaid = await refused(alone, id, 'two\nlines');
    expect(unsaid).toMatchObject({ ...about, outcome: 'request-invalid', details: { code: id } });
    expect(JSON.stringify(unsaid)).not.toContain('lines');
    // Somebody may have put the code itself into the path.
    const misplaced = await refused(alone, 'QQQQ-1111', 'lost');
    expect(misplaced).toMatchObject({ ...about, outcome: 'not-found', details: { code: null } });
    await administration.resetEmergencyCode(desk, serial, id);
    expect(await refused(alone, id, 'lost')).toMatchObject({ ...about, outcome: 'ended' });
  });

  it('is not audited of strangers, nor when something failed', async () => {
    const { serial, id } = await issued();
    const keyless = await bench.keylessCaller(allCodes);
    const gone = { ...(await bench.caller(allCodes, 'client')), keyId: id };
    const before = (await bench.auditBodies()).length;
    for (const caller of [keyless, gone]) {
      await expect(readOut(bench, caller, serial, id)).rejects.toMatchObject({ code: 'forbidden' });
    }
    expect((await bench.auditBodies()).length).toBe(before);
  });

  it('is what who asked may do, and nobody else, within the hour', async () => {
    const { serial, id } = await issued();
    const ask = (caller: Caller): Promise<string> =>
      administration.revealEmergencyCode(caller, serial, id, 'lost').then(({ outcome }) => outcome);
    await ask(desk);
    await administration.approveEmergencyReveal(other, serial, id, null);
    expect(await ask(other)).toBe('approval-needed');
    await administration.approveEmergencyReveal(desk, serial, id, null);
    bench.clock.advance(3600);
    expect(await ask(other)).toBe('approval-needed');
    bench.clock.advance(3600);
    await expect(
      administration.approveEmergencyReveal(desk, serial, id, null),
    ).rejects.toMatchObject({
      fields: { reason: 'not-requested' },
    });
  });

  it('is approved for whom the approver means, not for who has asked meanwhile', async () => {
    const { serial, id } = await issued();
    const ask = (caller: Caller): Promise<string> =>
      administration.revealEmergencyCode(caller, serial, id, 'lost').then(({ outcome }) => outcome);
    const approveFor = (by: string): Promise<unknown> =>
      administration.approveEmergencyReveal(other, serial, id, by);
    await ask(desk);
    const [view] = await administration.emergencyCodes(other, serial);
    const asked = view?.reveal?.by ?? '';
    const policy = { ...allCodes, emergencyRevealApprovals: 2 };
    const third = await bench.caller(policy, 'helpdesk');
    await ask(third);
    await expect(approveFor(asked)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'requested-by-another' },
    });
    expect(await ask(third)).toBe('approval-needed');
    await ask(desk);
    await approveFor(asked);
    expect(await ask(desk)).toBe('revealed');
  });

  it('is too late once it has ended, and never for codes that were shown', async () => {
    const alone = await bench.caller(allCodes, 'helpdesk');
    const { serial, id } = await issued();
    await administration.resetEmergencyCode(desk, serial, id);
    await expect(readOut(bench, alone, serial, id)).rejects.toMatchObject({
      fields: { reason: 'ended' },
    });
    const { view } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    await expect(readOut(bench, alone, serial, view.id)).rejects.toMatchObject({
      fields: { reason: 'not-revealable' },
    });
  });
});
