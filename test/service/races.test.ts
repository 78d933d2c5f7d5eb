import { afterEach, describe, expect, test } from 'vitest';
import type { Decision } from '../../src/service/store.ts';
import { type Bench, hotp6, ocraBare, ocraTime, openBench, totp6 } from '../support/builders.ts';
import { asking, codeOf, interrupting, syncing, syncCodeOf, tally } from './support.ts';

let bench: Bench;

afterEach(async () => {
  await bench.close();
});

describe('many attempts at once', () => {
  test('64 submissions of one response: one accepted', async () => {
    bench = await openBench();
    const caller = await bench.caller({ userLockThreshold: 0 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const codes = await Promise.all(
      Array.from({ length: 64 }, () =>
        codeOf(bench.service, caller, asking(userName, { response })),
      ),
    );
    expect(tally(codes)).toEqual({ accepted: 1, 'response-replayed': 63 });
  });

  test('65 wrong ones: as many count as lock, the others find the lock', async () => {
    bench = await openBench();
    const caller = await bench.caller({ userLockThreshold: 3, autoUnlockMaxTries: 0 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const response = device.wrong({ nowMs: bench.clock.nowMs() });
    const codes = await Promise.all(
      Array.from({ length: 65 }, () =>
        codeOf(bench.service, caller, asking(userName, { response })),
      ),
    );
    expect(tally(codes)).toEqual({ 'response-incorrect': 3, 'user-locked': 62 });
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view).toMatchObject({ lockCount: 3, lockedBy: 'threshold' });
    const right = device.response({ nowMs: bench.clock.nowMs() });
    expect(await codeOf(bench.service, caller, asking(userName, { response: right }))).toBe(
      'user-locked',
    );
  });

  test('below the threshold a wrong one never spoils a right one', async () => {
    bench = await openBench();
    const caller = await bench.caller({ userLockThreshold: 1000 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const wrong = asking(userName, { response: device.wrong() });
    const right = asking(userName, { response: device.response({ counter: 3 }) });
    const codes = await Promise.all(
      Array.from({ length: 65 }, (_, index) =>
        codeOf(bench.service, caller, index === 40 ? right : wrong),
      ),
    );
    expect(tally(codes)).toEqual({ accepted: 1, 'response-incorrect': 64 });
  });
});

describe('a conflict is decided again, with the MACs at hand', () => {
  test('locked between decision and commit: the right response is refused as locked', async () => {
    const hook = interrupting(() =>
      bench.service.administration.lockUser(bench.admin, null, 'alice'),
    );
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller();
    await bench.user('alice');
    const device = await bench.device(totp6, { userName: 'alice' });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    hook.arm();
    expect(await codeOf(bench.service, caller, asking('alice', { response }))).toBe('user-locked');
    expect((await bench.lastAudit()).outcome).toBe('user-locked');
  });

  test('unassigned between decision and commit: refused, and nothing moved', async () => {
    let serial = '';
    const hook = interrupting(() =>
      bench.service.administration.unassignAuthenticator(bench.admin, serial),
    );
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller();
    await bench.user('alice');
    const device = await bench.device(hotp6, { userName: 'alice' });
    serial = device.serial;
    hook.arm();
    const response = device.response({ counter: 0 });
    expect(await codeOf(bench.service, caller, asking('alice', { response }))).toBe(
      'authenticator-none',
    );
    const view = await bench.service.administration.authenticator(bench.admin, serial);
    expect(view.applications[0]?.nextEventCounter).toBe(0n);
  });

  test('reset between decision and commit: planned anew, so that right is not called wrong', async () => {
    let serial = '';
    const hook = interrupting(() =>
      bench.service.administration.resetApplication(bench.admin, serial, null),
    );
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller();
    await bench.user('alice');
    const device = await bench.device(totp6, { userName: 'alice' });
    serial = device.serial;
    hook.arm();
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const request = asking('alice', { response });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    expect(hook.commits.map(({ advance }) => advance?.epoch)).toEqual([1, 2]);
    expect(await codeOf(bench.service, caller, request)).toBe('response-replayed');
  });

  test('beaten by the same response: a replay, after the whole window and not a MAC twice', async () => {
    const hook = interrupting(() =>
      bench.service.authenticate(caller, asking('alice', { response })),
    );
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller();
    await bench.user('alice');
    const device = await bench.device(totp6, { userName: 'alice' });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    const before = bench.module.status().macsComputed;
    hook.arm();
    expect(await codeOf(bench.service, caller, asking('alice', { response }))).toBe(
      'response-replayed',
    );
    // One MAC accepted the other attempt, 25 refused this one.
    expect(bench.module.status().macsComputed - before).toBe(26);
  });

  test('assigned anew to the same user in between: only a decision under the new assignment', async () => {
    let serial = '';
    const hook = interrupting(async () => {
      const { administration } = bench.service;
      await administration.unassignAuthenticator(bench.admin, serial);
      await administration.assignAuthenticator(bench.admin, serial, null, 'alice');
    });
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller();
    await bench.user('alice');
    const device = await bench.device(hotp6, { userName: 'alice' });
    serial = device.serial;
    hook.arm();
    const response = device.response({ counter: 0 });
    expect(await codeOf(bench.service, caller, asking('alice', { response }))).toBe('accepted');
    const [before, after] = hook.commits.map(({ authenticator }) => authenticator);
    expect(after?.assignmentVersion).toBe((before?.assignmentVersion ?? 0) + 2);
  });

  test('its challenge answered in between: refused, after the whole window', async () => {
    let challenge = '';
    const hook = interrupting(() =>
      bench.service.authenticate(
        caller,
        asking('alice', {
          challenge,
          response: device.response({ challenge, nowMs: bench.clock.nowMs() }),
        }),
      ),
    );
    bench = await openBench({ store: hook.wrap });
    const caller = await bench.caller({ oneStepChallengeResponse: 'server-challenge' });
    await bench.user('alice');
    const device = await bench.device(ocraTime, { userName: 'alice' });
    const issued = await bench.service.issueChallenge(caller, {
      userName: 'alice',
      domainName: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    });
    challenge = issued.outcome === 'challenge-issued' ? issued.challenge : '';
    const response = device.response({ challenge, nowMs: bench.clock.nowMs() });
    const before = bench.module.status().macsComputed;
    hook.arm();
    expect(await codeOf(bench.service, caller, asking('alice', { challenge, response }))).toBe(
      'challenge-unknown',
    );
    expect(bench.module.status().macsComputed - before).toBe(26);
  });

  test('its challenge answered, then purged in between: the row made it one-time', async () => {
    const ask = (): ReturnType<typeof codeOf> => codeOf(bench.service, caller, request);
    const first: Promise<string>[] = [];
    const hook = interrupting(async () => {
      first.push(ask());
      await first[0];
    });
    bench = await openBench({
      store: (store) => {
        const wrapped = hook.wrap(store);
        return new Proxy(wrapped, {
          get(target, name) {
            if (name !== 'commit') return Reflect.get(target, name) as unknown;
            return async (decisions: readonly Decision[]) => {
              const results = await target.commit(decisions);
              if (results[0]?.status === 'conflict') {
                bench.clock.advance(2);
                expect(await bench.service.purge()).toBe(1);
              }
              return results;
            };
          },
        });
      },
    });
    const caller = await bench.caller({
      oneStepChallengeResponse: 'any-challenge',
      challengeLifetimeSeconds: 10,
    });
    await bench.user('alice');
    const device = await bench.device(ocraBare, { userName: 'alice' });
    const issued = await bench.service.issueChallenge(caller, {
      userName: 'alice',
      domainName: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    });
    const challenge = issued.outcome === 'challenge-issued' ? issued.challenge : '';
    const request = asking('alice', { challenge, response: device.response({ challenge }) });
    bench.clock.advance(9);
    hook.arm();
    expect(await ask()).toBe('challenge-unknown');
    expect(await first[0]).toBe('accepted');
  });

  test('the configuration changed in between: the load brings the new one', async () => {
    bench = await openBench();
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const wrong = asking(userName, { response: device.wrong({ nowMs: bench.clock.nowMs() }) });
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    // As through another instance: behind this service's back.
    const { policies } = await bench.store.loadConfiguration();
    const { id, version, settings } = policies.find(({ name }) => name === caller.componentType)!;
    await bench.store.administer(
      [
        {
          change: 'update',
          kind: 'policy',
          id,
          expectedVersion: version,
          set: { settings: { ...settings, localAuthentication: 'none' } },
        },
      ],
      {
        atMs: 0,
        action: 'test',
        outcome: 'done',
        actor: 'test',
        subject: 'test',
        requestId: '',
        details: {},
      },
    );
    expect(await codeOf(bench.service, caller, wrong)).toBe('nothing-verifies');
  });

  test('conflicts without end are given up as technical', async () => {
    bench = await openBench({
      store: (store) =>
        new Proxy(store, {
          get(target, name) {
            if (name === 'commit') {
              return () => Promise.resolve([{ status: 'conflict', on: 'application' }]);
            }
            const value: unknown = Reflect.get(target, name);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
    });
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    await expect(
      bench.service.authenticate(caller, asking(userName, { response })),
    ).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('two synchronisations by the same pair: one', async () => {
    bench = await openBench();
    const caller = await bench.caller({ userLockThreshold: 0 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const pair = [device.response({ counter: 100 }), device.response({ counter: 101 })] as const;
    const codes = await Promise.all(
      Array.from({ length: 8 }, () => syncCodeOf(bench.service, caller, syncing(userName, pair))),
    );
    expect(tally(codes)).toEqual({ synchronised: 1, 'sync-replayed': 7 });
  });
});
