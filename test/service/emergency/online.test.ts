import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { dayMs } from '../../../src/domain/durations.ts';
import { emergencyMissesMax } from '../../../src/domain/emergency.ts';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { Caller } from '../../../src/service/index.ts';
import { createFakeModule } from '../../support/fake-module.ts';
import { type Bench, openBench } from '../../support/builders.ts';
import { givePin } from '../../support/pins.ts';
import { tally } from '../support.ts';
import { emergencyMacs } from '../../../src/service/emergency/codes.ts';
import { allCodes, contextOf, holder, issueCode, outcomeOf, readOut } from './support.ts';

let bench: Bench;
let desk: Caller;
let caller: Caller;

beforeAll(async () => {
  bench = await openBench();
  desk = await bench.caller(allCodes, 'helpdesk');
  caller = await bench.caller(allCodes);
});

afterAll(() => bench.close());

const shown = (userName: string, text: string, by: Caller = caller): Promise<string> =>
  outcomeOf(bench, by, userName, text);
const accepted = 'accepted by emergency';
const refused = 'response-incorrect';

describe('a fixed code', () => {
  it('is good again and again, as people type it, until it expires', async () => {
    const { userName, serial } = await holder(bench);
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const [code = ''] = codes;
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    expect(view.notAfterMs).toBe(bench.clock.nowMs() + 7 * dayMs);
    const typed = [
      code,
      code.toLowerCase(),
      code.replace('-', ''),
      code.replaceAll('0', 'o').replaceAll('1', 'l'),
      ` ${code.replace('-', ' ')}`,
    ];
    for (const text of typed) expect(await shown(userName, text)).toBe(accepted);
    expect((await bench.lastAudit()).details).toMatchObject({
      by: 'emergency',
      serial,
      emergency: 'used',
      emergencyCode: view.id,
      emergencyKind: 'fixed',
      emergencyUsesLeft: null,
    });
    bench.clock.set(view.notAfterMs);
    expect(await shown(userName, code)).toBe('response-malformed');
  });

  it('needs the PIN in front where there is one', async () => {
    const { userName, serial } = await holder(bench, '4711');
    const { codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const [code = ''] = codes;
    expect(await shown(userName, code)).toBe(refused);
    expect(await shown(userName, `4712${code}`)).toBe(refused);
    expect((await bench.lastAudit()).details).toMatchObject({ emergencyOutcome: 'pin-incorrect' });
    expect(await shown(userName, `4711${code}`)).toBe(accepted);
    await givePin(bench, serial, '4711', { isChangeForced: true });
    expect(await shown(userName, `4711${code}`)).toBe('pin-change-required');
  });

  it('is taken back by whoever gave it, and replaced by another', async () => {
    const { userName, serial } = await holder(bench);
    const first = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const second = await issueCode(bench, desk, serial, { kind: 'fixed' });
    expect(await shown(userName, first.codes[0]!)).toBe(refused);
    expect(await shown(userName, second.codes[0]!)).toBe(accepted);
    const { administration } = bench.service;
    await administration.revokeEmergencyCode(desk, serial, second.view.id);
    expect(await shown(userName, second.codes[0]!)).toBe('response-malformed');
  });

  it('is not good under a policy without such codes, nor for another user', async () => {
    const { userName, serial } = await holder(bench);
    const other = await holder(bench);
    const { codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const elsewhere = await bench.caller({ emergencyOnlineAllowed: true });
    expect(await shown(userName, codes[0]!, elsewhere)).toBe('response-malformed');
    expect(await shown(other.userName, codes[0]!)).toBe('response-malformed');
    await bench.service.administration.unassignAuthenticator(bench.admin, serial);
    await bench.service.administration.assignAuthenticator(bench.admin, serial, null, userName);
    expect(await shown(userName, codes[0]!)).toBe('response-malformed');
  });

  it('is locked by wrong tries of its own, and each is a failure of the user', async () => {
    const { userName, serial } = await holder(bench);
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    for (let tries = 1; tries < emergencyMissesMax; tries += 1) {
      expect(await shown(userName, '00000000')).toBe(refused);
    }
    expect((await bench.lastAudit()).details).toMatchObject({ emergency: 'missed' });
    const { administration } = bench.service;
    const { lockCount } = await administration.user(bench.admin, null, userName);
    expect(lockCount).toBe(emergencyMissesMax - 1);
    await shown(userName, '00000000');
    expect((await bench.lastAudit()).details).toMatchObject({
      emergency: 'locked',
      emergencyCodes: view.id,
    });
    expect(await shown(userName, codes[0]!)).not.toBe(accepted);
    const [listed] = await administration.emergencyCodes(desk, serial);
    expect(listed).toMatchObject({ state: 'locked', missCount: emergencyMissesMax });
  });
});

describe('a set of one-time codes', () => {
  it('is good for each once, in any order', async () => {
    const { userName, serial } = await holder(bench);
    const { codes, view } = await issueCode(bench, desk, serial, { kind: 'one-time', count: 3 });
    expect(new Set(codes).size).toBe(3);
    expect(view.usesLeft).toBe(3);
    const [first = '', second = '', third = ''] = codes;
    expect(await shown(userName, second)).toBe(accepted);
    expect(await shown(userName, second)).toBe(refused);
    expect(await shown(userName, first)).toBe(accepted);
    expect(await shown(userName, third)).toBe(accepted);
    expect(await shown(userName, third)).toBe('response-malformed');
    const [listed] = await bench.service.administration.emergencyCodes(desk, serial);
    expect(listed).toMatchObject({ state: 'used-up', useCount: 3, usesLeft: 0 });
  });

  test('64 at once: one is let in', async () => {
    const { userName, serial } = await holder(bench);
    const { codes } = await issueCode(bench, desk, serial, { kind: 'one-time' });
    const answers = await Promise.all(Array.from({ length: 64 }, () => shown(userName, codes[4]!)));
    const { [accepted]: in_, ...out } = tally(answers);
    expect(in_).toBe(1);
    // The ten tries that were wrong by then locked the set.
    expect(Object.values(out).reduce((sum, count) => sum + count, 0)).toBe(63);
    expect(Object.keys(out).sort()).toEqual(expect.arrayContaining([refused]));
  });
});

describe('a code of packages', () => {
  it('is refused at the server, until an administrator allows it', async () => {
    const { userName, serial } = await holder(bench, '4711');
    const { administration } = bench.service;
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'tokencode' });
    expect(codes).toEqual([]);
    const code = await readOut(bench, desk, serial, view.id);
    expect(code).toMatch(/^[0-9]{8}$/);
    expect(await shown(userName, `4711${code}`)).toBe(refused);
    await administration.allowEmergencyOnline(desk, serial, view.id, true);
    expect(await shown(userName, code)).toBe(refused);
    expect(await shown(userName, `4711${code}`)).toBe(accepted);
    await administration.allowEmergencyOnline(desk, serial, view.id, false);
    expect(await shown(userName, `4711${code}`)).toBe(refused);
  });

  it('is refused where the policy of the program does not allow it', async () => {
    const { userName, serial } = await holder(bench);
    const given = { kind: 'tokencode', isOnlineAllowed: true } as const;
    const { view } = await issueCode(bench, desk, serial, given);
    const code = await readOut(bench, desk, serial, view.id);
    expect(code).toMatch(/^(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}$/);
    const elsewhere = await bench.caller({ emergencyOnlineCodes: true, userLockThreshold: 0 });
    expect(await shown(userName, code, elsewhere)).toBe('response-malformed');
    expect(await shown(userName, code)).toBe(accepted);
  });

  test.each([
    ['tokencode', 10, '4711'],
    ['passcode', 3, ''],
  ] as const)('a %s is good %i times', async (kind, times, pin) => {
    const { userName, serial } = await holder(bench, '4711');
    const { view } = await issueCode(bench, desk, serial, { kind, isOnlineAllowed: true });
    const code = await readOut(bench, desk, serial, view.id);
    for (let use = 1; use <= times; use += 1) {
      expect(await shown(userName, `${pin}${code}`)).toBe(accepted);
    }
    expect(await shown(userName, `${pin}${code}`)).toBe(refused);
  });

  test.each(['reset', 'revoke'] as const)('is dead after %s', async (how) => {
    const { userName, serial } = await holder(bench);
    const given = { kind: 'tokencode', isOnlineAllowed: true } as const;
    const { view } = await issueCode(bench, desk, serial, given);
    const code = await readOut(bench, desk, serial, view.id);
    const { administration } = bench.service;
    const { id } = view;
    await (how === 'reset'
      ? administration.resetEmergencyCode(desk, serial, id)
      : administration.revokeEmergencyCode(desk, serial, id));
    expect(await shown(userName, code)).toBe('response-malformed');
    expect(await bench.store.emergencyCodeById(id)).toMatchObject({ macs: [], sealed: null });
  });
});

describe('the device is shown again', () => {
  const under = (settings: PolicySettings): Promise<Caller> =>
    bench.caller({ ...allCodes, ...settings });

  test.each([
    ['allow-and-kill-code', ['accepted by response', 'accepted by response'], 'returned'],
    ['allow-after-expiry', ['emergency-in-force', 'accepted by response'], 'expired'],
    ['deny-token', ['emergency-in-force', 'emergency-in-force'], 'expired'],
  ] as const)('%s', async (tokenReturnPolicy, [while_, after], state) => {
    const program = await under({ tokenReturnPolicy });
    const { userName, serial, device } = await holder(bench);
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const response = device.response({ counter: 0 });
    expect(await shown(userName, response, program)).toBe(while_);
    expect(await shown(userName, response, program)).toBe('response-replayed');
    const isKilled = tokenReturnPolicy === 'allow-and-kill-code';
    expect((await shown(userName, codes[0]!, program)) === accepted).toBe(!isKilled);
    bench.clock.set(view.notAfterMs);
    const later = device.response({ counter: 1 });
    expect(await shown(userName, later, program)).toBe(after);
    const { administration } = bench.service;
    expect((await administration.emergencyCodes(desk, serial))[0]).toMatchObject({ state });
    if (tokenReturnPolicy !== 'deny-token') return;
    await administration.revokeEmergencyCode(desk, serial, view.id);
    const last = device.response({ counter: 2 });
    expect(await shown(userName, last, program)).toBe('accepted by response');
  });
});

describe('what others can learn', () => {
  it('costs the same calls of the module for everybody', async () => {
    const withCode = await holder(bench, '4711');
    await issueCode(bench, desk, withCode.serial, { kind: 'fixed' });
    await issueCode(bench, desk, withCode.serial, { kind: 'one-time' });
    const without = await holder(bench, '4711');
    const costOf = async (userName: string, text: string): Promise<unknown> => {
      const calls = (): number => bench.module.calls.get('hmac') ?? 0;
      const before = calls();
      const macs = bench.module.status().macsComputed;
      await shown(userName, text);
      return { hmacs: calls() - before, macs: bench.module.status().macsComputed - macs };
    };
    const nobody = await costOf('nobody-at-all', '4711ABCD2345');
    expect(nobody).toMatchObject({ hmacs: 3 });
    for (const text of ['4711ABCD2345', '4712ABCD2345', '4711123456', '000000']) {
      expect(await costOf(withCode.userName, text)).toEqual(nobody);
      expect(await costOf(without.userName, text)).toEqual(nobody);
      expect(await costOf('nobody-at-all', text)).toEqual(nobody);
    }
  });

  it('is nothing, from the database alone: another module knows no code', async () => {
    const { userName, serial } = await holder(bench);
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    const row = (await bench.store.emergencyCodeById(view.id))!;
    const text = codes[0]!.replace('-', '');
    const macBy = (module = bench.module): Promise<readonly string[]> =>
      emergencyMacs(contextOf(bench, { module }), [{ of: row, serial, text }], {
        lane: 'logon',
        deadlineMs: 1000,
      });
    expect(await macBy()).toEqual(row.macs);
    expect(await macBy(createFakeModule())).not.toEqual(row.macs);
    expect(JSON.stringify(row)).not.toContain(text);
    await shown(userName, text);
    for (const body of await bench.auditBodies()) {
      expect(body).not.toContain(text);
      expect(body).not.toContain(codes[0]);
      for (const mac of row.macs) expect(body).not.toContain(mac);
    }
  });

  it('a failing module is no wrong try', async () => {
    const { userName, serial } = await holder(bench);
    const { view, codes } = await issueCode(bench, desk, serial, { kind: 'fixed' });
    bench.module.failNext('unavailable', { method: 'hmac' });
    await expect(shown(userName, codes[0]!)).rejects.toMatchObject({ code: 'module-unavailable' });
    expect(await bench.store.emergencyCodeById(view.id)).toMatchObject({ missCount: 0 });
  });
});
