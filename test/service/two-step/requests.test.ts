import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hotp6, ocraTime } from '../../support/builders.ts';
import {
  giveContact,
  givePassword,
  giveVirtual,
  setAuthenticator,
  setUser,
} from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
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

beforeAll(async () => {
  stage = await openStage();
});

afterAll(() => stage.bench.close());

describe('which process a request is for', () => {
  test('a GO 7 with backup, both keywords otp: the backup, for there is no primary', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      primaryVirtualRequestMethod: 'keyword-only',
      primaryVirtualRequestKeyword: 'otp',
      backupVirtualRequestMethod: 'keyword-only',
      backupVirtualRequestKeyword: 'otp',
      backupVirtual: 'permitted',
    });
    const userName = await bench.user();
    await giveContact(bench, userName);
    const { serial } = await bench.device(hotp6, { userName });
    const { challenge, message } = await issuedFor(bench, caller, typing(userName, 'otp'));
    expect([challenge, message]).toEqual([null, 'Enter One-Time Password']);
    expect(await bench.lastAudit()).toMatchObject({
      outcome: 'otp-sent',
      details: { request: 'virtual-backup', method: 'keyword-only', serial },
    });
    const otp = delivery.otp();
    expect(await outcomeOf(bench, caller, typing(userName, otp))).toBe('accepted by virtual-otp');
    await giveVirtual(bench, userName);
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await bench.lastAudit()).toMatchObject({ details: { request: 'virtual-primary' } });
  });

  test('a challenge comes before what is sent, and both before nothing', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      twoStepRequestMethod: 'keyword-only',
      twoStepRequestKeyword: 'go',
      primaryVirtualRequestMethod: 'keyword-only',
      primaryVirtualRequestKeyword: 'go',
    });
    const userName = await virtualUser(stage);
    const before = delivery.sent.length;
    await issuedFor(bench, caller, typing(userName, 'go'));
    expect(delivery.sent.length).toBe(before + 1);
    const { serial } = await bench.device(ocraTime, { userName });
    const { kind, challenge } = await issuedFor(bench, caller, typing(userName, 'go'));
    expect([kind, challenge]).toEqual(['challenge', expect.stringMatching(/^[0-9]{8}$/)]);
    expect(delivery.sent.length).toBe(before + 1);
    await setAuthenticator(bench, serial, { isDisabled: true });
    expect((await issuedFor(bench, caller, typing(userName, 'go'))).kind).toBe('virtual-otp');
  });

  test('nobody capable: the text is an ordinary credential, and no password is looked at', async () => {
    const { bench } = stage;
    const caller = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await givePassword(bench, userName, 'Sommer-2026');
    const hmacs = bench.module.calls.get('hmac') ?? 0;
    expect(await outcomeOf(bench, caller, typing(userName, 'Winter-2026'))).toBe(
      'password-not-permitted',
    );
    expect(await lockCountOf(bench, userName)).toBe(0);
    // What was paid for is nobody's: the same for all.
    expect((bench.module.calls.get('hmac') ?? 0) - hmacs).toBeLessThanOrEqual(4);
  });
});

describe('guessing by request', () => {
  test('a wrong password or PIN counts and locks', async () => {
    const { bench } = stage;
    const byPassword = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
    const userName = await virtualUser(stage);
    expect(await outcomeOf(bench, byPassword, typing(userName, 'wrong'))).toBe(
      'response-incorrect',
    );
    expect(await lockCountOf(bench, userName)).toBe(1);
    const byPin = await bench.caller({
      ...silent,
      twoStepRequestMethod: 'keyword-pin',
      twoStepRequestKeyword: 'c',
    });
    const keypad = await bench.user();
    const { serial } = await bench.device(ocraTime, { userName: keypad });
    await givePin(bench, serial, '4721');
    for (const [tries, code] of [
      [1, 'response-incorrect'],
      [2, 'response-incorrect'],
      [3, 'response-incorrect'],
    ] as const) {
      expect(await outcomeOf(bench, byPin, typing(keypad, 'c9999'))).toBe(code);
      expect(await lockCountOf(bench, keypad)).toBe(tries);
    }
    expect(await outcomeOf(bench, byPin, typing(keypad, 'c4721'))).toBe('user-locked');
  });

  test('issuing resets no count, and a locked user gets nothing', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
    const userName = await virtualUser(stage);
    await outcomeOf(bench, caller, typing(userName, 'wrong'));
    await outcomeOf(bench, caller, typing(userName, 'wrong'));
    await issuedFor(bench, caller, typing(userName, 'Sommer-2026'));
    expect(await lockCountOf(bench, userName)).toBe(2);
    await outcomeOf(bench, caller, typing(userName, 'wrong'));
    const before = delivery.sent.length;
    expect(await outcomeOf(bench, caller, typing(userName, 'Sommer-2026'))).toBe('user-locked');
    expect(delivery.sent.length).toBe(before);
  });

  test('a lock that may unlock itself lets somebody ask and answer', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      primaryVirtualRequestMethod: 'password',
      autoUnlockMaxTries: 3,
      autoUnlockMinDurationSeconds: 60,
    });
    const userName = await virtualUser(stage);
    for (let tries = 0; tries < 3; tries += 1) {
      await outcomeOf(bench, caller, typing(userName, 'wrong'));
    }
    expect(await outcomeOf(bench, caller, typing(userName, 'Sommer-2026'))).toBe('user-locked');
    bench.clock.advance(61);
    const { challengeKey } = await issuedFor(bench, caller, typing(userName, 'Sommer-2026'));
    bench.clock.advance(10);
    const answer = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, caller, answer)).toBe('accepted by virtual-otp');
    expect(await lockCountOf(bench, userName)).toBe(0);
  });
});

describe('somebody and nobody', () => {
  test('look alike where no secret is asked for and answers are generic', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      twoStepRequestMethod: 'keyword-only',
      twoStepRequestKeyword: 'c',
      genericAnswers: true,
    });
    const keypad = await bench.user();
    await bench.device(ocraTime, { userName: keypad });
    const without = await bench.user();
    const locked = await bench.user();
    await bench.device(ocraTime, { userName: locked });
    await setUser(bench, locked, { lockedAtMs: 1, lockedBy: 'administrator' });
    const before = delivery.sent.length;
    for (const userName of [keypad, without, locked, 'nobody-at-all']) {
      const { kind, challenge, challengeKey, message } = await issuedFor(
        bench,
        caller,
        typing(userName, 'c'),
      );
      expect([kind, message]).toEqual(['challenge', 'Enter Response']);
      expect([challenge, challengeKey]).toEqual([
        expect.stringMatching(/^[0-9]{8}$/),
        expect.stringMatching(/^[0-9]{10}$/),
      ]);
      const answer = typing(userName, '12345678', { challengeKey });
      expect(await outcomeOf(bench, caller, answer)).toBe('refused');
    }
    expect(delivery.sent.length).toBe(before);
    const audited = (await bench.auditBodies()).slice(-8).map((body) => JSON.parse(body) as object);
    expect(audited.filter((_, index) => index % 2 === 0)).toMatchObject([
      { outcome: 'challenge-issued' },
      { outcome: 'authenticator-none' },
      { outcome: 'user-locked' },
      { outcome: 'user-unknown' },
    ]);
  });

  test('cost the module and the slow hash the same', async () => {
    const { bench } = stage;
    const caller = await bench.caller({
      ...silent,
      primaryVirtualRequestMethod: 'password',
      localAuthentication: 'authenticator-or-password',
    });
    const userName = await virtualUser(stage);
    const cost = async (name: string, text: string): Promise<number> => {
      const before = bench.module.calls.get('hmac') ?? 0;
      await outcomeOf(bench, caller, typing(name, text));
      return (bench.module.calls.get('hmac') ?? 0) - before;
    };
    for (const text of ['wrong', '123456', 'wrong123456']) {
      expect(await cost(userName, text)).toBe(await cost('nobody-at-all', text));
    }
  });
});
