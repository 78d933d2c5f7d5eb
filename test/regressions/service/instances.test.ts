import { beforeAll, expect, test } from 'vitest';
import type { Caller, Service } from '../../../src/service/index.ts';
import type { Store } from '../../../src/service/store.ts';
import { asking, codeOf, interrupting, syncing, syncCodeOf } from '../../service/support.ts';
import {
  type Bench,
  hotp6,
  ocraBare,
  type TestClock,
  type TestDevice,
  totp6,
} from '../../support/builders.ts';
import { openTwoInstances, type TwoInstances } from '../../store/support/two-instances.ts';
import { describeLayer } from '../../support/layers.ts';

/** Regressions of two servers over one database; docs/regressions.md lists them all. */

const lockless = { userLockThreshold: 0, autoUnlockMaxTries: 0 } as const;

describeLayer('postgresql', 'two instances over one database and one module', () => {
  let clock: TestClock;
  let stores: readonly [Store, Store];
  let one: Service;
  let two: Service;
  let make: TwoInstances['make'];
  let interrupt: () => Promise<unknown>;
  const hook = interrupting(() => interrupt());

  beforeAll(async () => {
    const instances = await openTwoInstances({ wrapSecond: hook.wrap });
    ({ one, two, stores, make, clock } = instances);
    return () => instances.close();
  });

  async function aUserWith(
    algorithm: Parameters<Bench['device']>[0],
  ): Promise<{ userName: string; device: TestDevice }> {
    const userName = await make.user();
    return { userName, device: await make.device(algorithm, { userName }) };
  }

  const shownAt = (device: TestDevice, seconds = 0): string =>
    device.response({ nowMs: clock.nowMs() + seconds * 1000 });
  const logon = (
    service: Service,
    caller: Caller,
    userName: string,
    response: string,
  ): Promise<string> => codeOf(service, caller, asking(userName, { response }));

  test('2: an attempt that was slow to commit on one puts no older position back', async () => {
    const caller = await make.caller(lockless);
    const { userName, device } = await aUserWith(totp6);
    const newer = shownAt(device, 60);
    interrupt = async () => {
      expect(await logon(one, caller, userName, newer)).toBe('accepted');
    };
    hook.arm();
    expect(await logon(two, caller, userName, shownAt(device))).toBe('response-replayed');
    expect(await logon(two, caller, userName, newer)).toBe('response-replayed');
  });

  test('15: what was used, counted and remembered on one is known to the other', async () => {
    const caller = await make.caller({ userLockThreshold: 3, secondOtpSync: true });
    const { userName, device } = await aUserWith(totp6);
    const response = shownAt(device);
    expect(await logon(one, caller, userName, response)).toBe('accepted');
    expect(await logon(two, caller, userName, response)).toBe('response-replayed');
    expect(await logon(one, caller, userName, shownAt(device, 1800))).toBe('response-incorrect');
    clock.advance(30);
    expect(await logon(two, caller, userName, shownAt(device, 1800))).toBe('accepted');
    for (const service of [one, two, one]) {
      expect(await logon(service, caller, userName, device.wrong())).toBe('response-incorrect');
    }
    clock.advance(30);
    expect(await logon(two, caller, userName, shownAt(device, 1800))).toBe('user-locked');
  });

  test('15: a challenge that one issued is answered once, on whichever', async () => {
    const caller = await make.caller({ oneStepChallengeResponse: 'server-challenge' });
    const { userName, device } = await aUserWith(ocraBare);
    const narrowed = { domainName: null, serial: null, applicationName: null, requestKey: null };
    const issued = await one.issueChallenge(caller, { userName, ...narrowed });
    const challenge = issued.outcome === 'challenge-issued' ? issued.challenge : '';
    const answer = asking(userName, { challenge, response: device.response({ challenge }) });
    expect(await codeOf(two, caller, answer)).toBe('accepted');
    expect(await codeOf(one, caller, answer)).toBe('challenge-unknown');
  });

  test('29: a write that changed no row is a replay', async () => {
    const caller = await make.caller(lockless);
    const { userName, device } = await aUserWith(hotp6);
    const response = device.response({ counter: 2 });
    interrupt = async () => {
      expect(await logon(one, caller, userName, response)).toBe('accepted');
    };
    hook.arm();
    expect(await logon(two, caller, userName, response)).toBe('response-replayed');
    const pair = [device.response({ counter: 40 }), device.response({ counter: 41 })] as const;
    interrupt = async () => {
      expect(await syncCodeOf(one, caller, syncing(userName, pair))).toBe('synchronised');
    };
    hook.arm();
    expect(await syncCodeOf(two, caller, syncing(userName, pair))).toBe('sync-replayed');
    const events = await stores[1].auditEvents('two', 0, 1000);
    const outcomes = events.map(({ body }) => (JSON.parse(body) as { outcome: string }).outcome);
    expect(outcomes.slice(-2)).toEqual(['response-replayed', 'sync-replayed']);
  });
});
