import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/service/index.ts';
import { hotp6 } from '../../support/builders.ts';
import { backupOf, giveContact, setAuthenticator } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import { tally } from '../support.ts';
import {
  issuedFor,
  lockCountOf,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
  virtualUser,
} from './support.ts';

let stage: Stage;
let byPassword: Caller;
let byKeyword: Caller;

const password = 'Sommer-2026';

beforeAll(async () => {
  stage = await openStage();
  const { bench } = stage;
  byPassword = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
  byKeyword = await bench.caller({
    ...silent,
    primaryVirtualRequestMethod: 'keyword-only',
    primaryVirtualRequestKeyword: 'otp',
  });
});

afterAll(() => stage.bench.close());

describe('the logon of two steps', () => {
  test('password, then what was sent, by its key', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const { challengeKey } = await issuedFor(bench, byPassword, typing(userName, password));
    expect(delivery.sent.at(-1)).toEqual({
      channel: 'sms',
      to: '+4915112345678',
      text: `Your one-time password is ${delivery.otp()}.`,
    });
    expect(delivery.otp()).toMatch(/^[0-9]{6}$/);
    const answer = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, byPassword, answer)).toBe('accepted by virtual-otp');
    expect(await outcomeOf(bench, byPassword, answer)).toBe('response-replayed');
    for (const body of await bench.auditBodies()) expect(body).not.toContain(delivery.otp());
  });

  test('lives for five minutes, and knows no other', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const first = await issuedFor(bench, byPassword, typing(userName, password));
    const firstOtp = delivery.otp();
    const second = await issuedFor(bench, byPassword, typing(userName, password));
    const byFirst = typing(userName, firstOtp, { challengeKey: first.challengeKey });
    expect(await outcomeOf(bench, byPassword, byFirst)).toBe('response-replayed');
    bench.clock.advance(300);
    const bySecond = typing(userName, delivery.otp(), { challengeKey: second.challengeKey });
    expect(await outcomeOf(bench, byPassword, bySecond)).toBe('challenge-expired');
  });

  test('64 equal answers: one is accepted; a wrong one three times and it is gone', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      primaryVirtualRequestMethod: 'password',
      userLockThreshold: 0,
    });
    const userName = await virtualUser(stage);
    const { challengeKey } = await issuedFor(bench, caller, typing(userName, password));
    const right = typing(userName, delivery.otp(), { challengeKey });
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => outcomeOf(bench, caller, right)),
    );
    expect(tally(answers)).toEqual({ 'accepted by virtual-otp': 1, 'response-replayed': 63 });
    const again = await issuedFor(bench, caller, typing(userName, password));
    const wrong = delivery.otp() === '000000' ? '111111' : '000000';
    const shown = (text: string): Promise<string> =>
      outcomeOf(bench, caller, typing(userName, text, { challengeKey: again.challengeKey }));
    expect([await shown(wrong), await shown(wrong), await shown(wrong)]).toEqual([
      'response-incorrect',
      'response-incorrect',
      'response-incorrect',
    ]);
    expect(await shown(delivery.otp())).toBe('response-replayed');
  });

  test("is no stranger's: neither another user nor another component uses it up", async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const other = await virtualUser(stage);
    const elsewhere = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
    const { challengeKey } = await issuedFor(bench, byPassword, typing(userName, password));
    const otp = delivery.otp();
    expect(await outcomeOf(bench, byPassword, typing(other, otp, { challengeKey }))).toBe(
      'challenge-expired',
    );
    expect(await outcomeOf(bench, elsewhere, typing(userName, otp, { challengeKey }))).toBe(
      'challenge-expired',
    );
    expect(await outcomeOf(bench, byPassword, typing(userName, otp, { challengeKey }))).toBe(
      'accepted by virtual-otp',
    );
  });
});

describe('two logons of one step', () => {
  test('asked for by password: password and one-time password together', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    await issuedFor(bench, byPassword, typing(userName, password));
    const otp = delivery.otp();
    expect(await outcomeOf(bench, byPassword, typing(userName, otp))).toBe('response-incorrect');
    expect(await outcomeOf(bench, byPassword, typing(userName, password + otp))).toBe(
      'accepted by virtual-otp',
    );
    const parts = { format: 'separate', newPin: null, pin: null } as const;
    await issuedFor(bench, byPassword, typing(userName, password));
    const answer = {
      ...typing(userName, ''),
      credential: { ...parts, staticPassword: password, response: delivery.otp() },
    };
    expect(await outcomeOf(bench, byPassword, answer)).toBe('accepted by virtual-otp');
  });

  test('asked for by a keyword: the one-time password alone; nothing open looks the same', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    expect(await outcomeOf(bench, byKeyword, typing(userName, '123456'))).toBe(
      'response-incorrect',
    );
    await issuedFor(bench, byKeyword, typing(userName, 'otp'));
    expect(await outcomeOf(bench, byKeyword, typing(userName, delivery.otp()))).toBe(
      'accepted by virtual-otp',
    );
    expect(await lockCountOf(bench, userName)).toBe(0);
  });

  test('a device and what was sent are told apart by themselves', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const device = await bench.device(hotp6, { userName });
    await issuedFor(bench, byKeyword, typing(userName, 'otp'));
    const response = device.response({ counter: 0 });
    expect(await outcomeOf(bench, byKeyword, typing(userName, response))).toBe(
      'accepted by response',
    );
    expect(await outcomeOf(bench, byKeyword, typing(userName, delivery.otp()))).toBe(
      'accepted by virtual-otp',
    );
  });
});

describe('a device that is stood in for', () => {
  const backup = {
    ...silent,
    backupVirtualRequestMethod: 'keyword-only',
    backupVirtualRequestKeyword: 'otp',
  } as const;

  async function owner(): Promise<{ userName: string; serial: string }> {
    const { bench } = stage;
    const userName = await bench.user();
    await giveContact(bench, userName);
    const { serial } = await bench.device(hotp6, { userName });
    return { userName, serial };
  }

  test('keeps its PIN, unless the request showed it', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...backup, backupVirtual: 'permitted' });
    const { userName, serial } = await owner();
    await givePin(bench, serial, '4721');
    const { challengeKey } = await issuedFor(bench, caller, typing(userName, 'otp'));
    const shown = (front: string): Promise<string> =>
      outcomeOf(bench, caller, typing(userName, front + delivery.otp(), { challengeKey }));
    expect(await shown('')).toBe('response-incorrect');
    expect(await shown('9999')).toBe('response-incorrect');
    expect(await shown('4721')).toBe('accepted by virtual-otp');
    const byPin = await bench.caller({
      ...backup,
      backupVirtual: 'permitted',
      backupVirtualRequestMethod: 'keyword-pin',
    });
    const again = await issuedFor(bench, byPin, typing(userName, 'otp4721'));
    const alone = typing(userName, delivery.otp(), { challengeKey: again.challengeKey });
    expect(await outcomeOf(bench, byPin, alone)).toBe('accepted by virtual-otp');
  });

  test('required: what the device shows is not accepted', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...backup, backupVirtual: 'permitted' });
    const userName = await bench.user();
    await giveContact(bench, userName);
    const device = await bench.device(hotp6, { userName });
    await setAuthenticator(bench, device.serial, { backup: { mode: 'required' } });
    const response = device.response({ counter: 0 });
    expect(await outcomeOf(bench, caller, typing(userName, response))).toBe(
      'authenticator-not-permitted',
    );
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await outcomeOf(bench, caller, typing(userName, delivery.otp()))).toBe(
      'accepted by virtual-otp',
    );
  });

  test('time-limited: from the first one, for so many days', async () => {
    const { bench } = stage;
    const caller = await bench.caller({
      ...backup,
      backupVirtual: 'time-limited',
      backupVirtualDays: 2,
    });
    const { userName, serial } = await owner();
    await issuedFor(bench, caller, typing(userName, 'otp'));
    const endsAtMs = bench.clock.nowMs() + 2 * 86_400_000;
    expect(await backupOf(bench, serial)).toEqual({ mode: null, endsAtMs, usesLeft: null });
    bench.clock.advance(2 * 86_400 - 1);
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await backupOf(bench, serial)).toMatchObject({ endsAtMs });
    bench.clock.advance(1);
    expect(await outcomeOf(bench, caller, typing(userName, 'otp'))).toBe('response-malformed');
  });

  test('so many times, each for what was sent and not for what was not', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...backup,
      backupVirtual: 'permitted',
      backupVirtualUses: 2,
    });
    const { userName, serial } = await owner();
    delivery.failures.push({ kind: 'refused', detail: 'status 500' });
    await expect(bench.service.authenticate(caller, typing(userName, 'otp'))).rejects.toMatchObject(
      { code: 'delivery-failed' },
    );
    expect(await backupOf(bench, serial)).toMatchObject({ usesLeft: null });
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await backupOf(bench, serial)).toMatchObject({ usesLeft: 1 });
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await outcomeOf(bench, caller, typing(userName, 'otp'))).toBe('response-malformed');
    await setAuthenticator(bench, serial, { backup: { usesLeft: 1 } });
    await issuedFor(bench, caller, typing(userName, 'otp'));
  });

  test('16 requests at once for the last use: one message, and no use less than none', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...backup,
      backupVirtual: 'permitted',
      backupVirtualUses: 1,
      virtualSendsPerUserPerHour: 100,
    });
    const { userName, serial } = await owner();
    const before = delivery.sent.length;
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () =>
        // Whoever comes while a message is on its way is told to try again.
        outcomeOf(bench, caller, typing(userName, 'otp')).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'overloaded' });
          return 'later';
        }),
      ),
    );
    expect(tally(outcomes)).toMatchObject({ issued: 1 });
    expect(delivery.sent.length).toBe(before + 1);
    expect(await backupOf(bench, serial)).toMatchObject({ usesLeft: 0 });
    expect(await outcomeOf(bench, caller, typing(userName, delivery.otp()))).toBe(
      'accepted by virtual-otp',
    );
  });
});
