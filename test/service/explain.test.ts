import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../src/domain/explanations.ts';
import type {
  Administration,
  ApplicationNow,
  Caller,
  ExplainedAttempt,
  UserExplanation,
} from '../../src/service/index.ts';
import { type Bench, hotp6, ocraBare, openBench, totp6 } from '../support/builders.ts';
import { asking, codeOf, membersRefused, syncCodeOf, syncing } from './support.ts';

let bench: Bench;
let administration: Administration;
let auditor: Caller;
const any = { expectedVersion: null };

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
  auditor = await bench.caller({}, 'auditor');
});

afterAll(async () => {
  await bench.close();
});

function explained(userName: string, limit = 20, policy?: string): Promise<UserExplanation> {
  return administration.explainUser(auditor, null, userName, limit, policy ?? null);
}

function textOf(explanation: UserExplanation): string {
  return JSON.stringify(explanation, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function attemptsOf({ events }: UserExplanation): readonly ExplainedAttempt[] {
  return events.filter((event) => event.kind === 'attempt');
}

async function applicationOf(userName: string): Promise<ApplicationNow> {
  return (await explained(userName)).authenticators[0]!.applications[0]!;
}

describe('attempts are explained', () => {
  test('newest first, with what was compared, why, and what helps', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const nowMs = bench.clock.nowMs();
    const response = device.response({ nowMs: nowMs + 60_000 });
    const logon = asking(userName, { response });
    for (const code of ['accepted', 'response-replayed']) {
      expect(await codeOf(bench.service, caller, logon)).toBe(code);
      bench.clock.advance(1);
    }
    const explanation = await explained(userName.toUpperCase());
    expect(explanation).toMatchObject({ userName, domainName: 'master', atMs: nowMs + 2000 });
    const [replayed, accepted] = attemptsOf(explanation);
    const step = BigInt(Math.floor((nowMs + 60_000) / 30_000));
    const stepsBeginAtMs = { timeStep: Number(step) * 30_000 };
    expect(replayed).toMatchObject({
      kind: 'attempt',
      atMs: nowMs + 1000,
      action: 'authenticate',
      outcome: 'response-replayed',
      actor: `${caller.keyName} (${caller.keyId})`,
      requestId: caller.requestId,
      component: caller.componentType,
      policyName: caller.componentType,
      facts: { candidates: 21, ofCandidates: 21, peerAddress: '127.0.0.1', timeStep: String(step) },
      stepsBeginAtMs,
      ...explain('response-replayed'),
    });
    expect(accepted).toMatchObject({
      atMs: nowMs,
      outcome: 'accepted',
      ending: 'success',
      serial: device.serial,
      applicationName: 'APP',
      facts: { driftSecondsBefore: 0 },
      stepsBeginAtMs,
    });
    expect(textOf(explanation)).not.toContain(response);
  });

  test('of every kind, and no further back than was asked for', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(ocraBare, { userName });
    await administration.lockUser(bench.admin, null, userName);
    await administration.unlockUser(bench.admin, null, userName);
    const challenge = { userName, domainName: null, serial: null, applicationName: null };
    const steps = [
      () => bench.service.issueChallenge(caller, { ...challenge, requestKey: null }),
      () => codeOf(bench.service, caller, asking(userName, { response: '1' })),
      () => administration.updateUser(bench.admin, null, userName, { isDisabled: false }, any),
      () => syncCodeOf(bench.service, caller, syncing(userName, ['123456', '234567'])),
    ];
    for (const work of steps) {
      bench.clock.advance(1);
      await work();
    }
    const outcomes = async (limit: number): Promise<string[]> => {
      const { events } = await explained(userName, limit);
      return events.map(({ action, outcome }) => `${action} ${outcome}`);
    };
    const last = [
      'synchronise sync-nothing',
      'user.update done',
      'authenticate response-malformed',
      'issue-challenge challenge-issued',
    ];
    expect(await outcomes(1)).toEqual(last.slice(0, 1));
    expect(await outcomes(2)).toEqual(last.slice(0, 3));
    expect((await outcomes(3)).slice(0, 4)).toEqual(last);
    expect(await outcomes(20)).toEqual([
      ...last,
      'user.unlock done',
      'user.lock done',
      'authenticator.assign done',
      'user.create done',
    ]);
    expect(device.serial).toBe((await explained(userName)).authenticators[0]?.serial);
  });

  test('that ended in a technical fault', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const { serial } = await bench.device(totp6, { userName });
    for (const [seedId, { owner }] of bench.module.memory.seeds) {
      if (owner.startsWith(serial)) bench.module.memory.seeds.delete(seedId);
    }
    const logon = codeOf(bench.service, caller, asking(userName, { response: '123456' }));
    await expect(logon).rejects.toMatchObject({ code: 'seed-damaged' });
    expect(attemptsOf(await explained(userName))[0]).toMatchObject({
      outcome: 'seed-damaged',
      ...explain('seed-damaged'),
    });
  });

  test('on a name that nobody has', async () => {
    const caller = await bench.caller();
    expect(await codeOf(bench.service, caller, asking('ghost', { response: '123456' }))).toBe(
      'user-unknown',
    );
    const explanation = await explained('Ghost');
    expect(explanation).toMatchObject({ userName: 'Ghost', account: null, authenticators: [] });
    expect(attemptsOf(explanation).map(({ outcome }) => outcome)).toEqual(['user-unknown']);
    await expect(explained('never-tried')).rejects.toMatchObject({ code: 'not-found' });
    const elsewhere = administration.explainUser(auditor, 'nowhere', 'ghost', 20, null);
    await expect(elsewhere).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('requests that cannot be', () => {
  test.each([0, 101, 1.5])('a limit of %s', async (limit) => {
    expect(await membersRefused(explained('jane', limit))).toEqual(['limit']);
  });

  test('a name too long, and a policy that does not exist', async () => {
    expect(await membersRefused(explained('x'.repeat(256)))).toEqual(['user']);
    const userName = await bench.user();
    await expect(explained(userName, 20, 'none')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the account now', () => {
  test('locked by the threshold: by which key, and when it may unlock itself', async () => {
    const caller = await bench.caller({
      userLockThreshold: 2,
      autoUnlockMaxTries: 1,
      autoUnlockMinDurationSeconds: 300,
    });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const wrong = asking(userName, { response: device.wrong({ nowMs: bench.clock.nowMs() }) });
    await codeOf(bench.service, caller, wrong);
    bench.clock.advance(5);
    const lockedAtMs = bench.clock.nowMs();
    await codeOf(bench.service, caller, wrong);
    const now = async (): Promise<UserExplanation['account']> =>
      (await explained(userName, 20, caller.componentType)).account;
    const locked = {
      state: 'user-locked',
      lockCount: 2,
      lockThreshold: 2,
      lockedAtMs,
      lockedBy: 'threshold',
      lockedByActor: `${caller.keyName} (${caller.keyId})`,
      unlocksItselfAtMs: lockedAtMs + 300_000,
    };
    expect(await now()).toMatchObject(locked);
    bench.clock.advance(300);
    expect(await now()).toMatchObject({ ...locked, state: 'auto-unlock' });
    const never = await bench.caller({ autoUnlockMaxTries: 0 });
    const { policyName, account } = await explained(userName, 20, never.componentType);
    expect(policyName).toBe(never.componentType);
    expect(account).toMatchObject({ state: 'user-locked', unlocksItselfAtMs: null });
  });

  test('locked by an administrator: by which, and never unlocking itself', async () => {
    const userName = await bench.user();
    await administration.lockUser(bench.admin, null, userName);
    const { account, policyName } = await explained(userName);
    expect(policyName).toBe(auditor.componentType);
    expect(account).toMatchObject({
      state: 'user-locked',
      lockedBy: 'administrator',
      lockedByActor: `${bench.admin.keyName} (${bench.admin.keyId})`,
      unlocksItselfAtMs: null,
    });
    await administration.unlockUser(bench.admin, null, userName);
    expect((await explained(userName)).account).toMatchObject({
      state: 'open',
      lockedBy: null,
      lockedByActor: null,
    });
  });
});

describe('an application now', () => {
  test('with a clock: steps with their instants, floor, drift', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const nowMs = bench.clock.nowMs();
    const expectedMs = nowMs - (nowMs % 30_000);
    expect(await applicationOf(userName)).toMatchObject({
      algorithm: 'TOTP-SHA1-6-30S',
      epoch: 1,
      nextEventCounter: null,
      last: null,
      expected: { step: BigInt(expectedMs / 30_000), beginsAtMs: expectedMs },
      lowest: { step: 0n, beginsAtMs: 0 },
      driftSeconds: 0,
      driftAtMs: null,
      driftRate: null,
    });
    const response = device.response({ nowMs: nowMs + 60_000 });
    await codeOf(bench.service, caller, asking(userName, { response }));
    const usedMs = expectedMs + 60_000;
    expect(await applicationOf(userName)).toMatchObject({
      last: { step: BigInt(usedMs / 30_000), beginsAtMs: usedMs },
      lowest: { beginsAtMs: usedMs + 30_000 },
      floorMs: usedMs + 30_000,
      driftAtMs: nowMs,
      lastUsedAtMs: nowMs,
      isDriftFrozen: false,
    });
    expect((await applicationOf(userName)).driftSeconds).toBeGreaterThan(0);
  });

  test('with a counter: none of a clock', async () => {
    const userName = await bench.user();
    await bench.device(hotp6, { userName, counter: 7n });
    expect(await applicationOf(userName)).toMatchObject({
      nextEventCounter: 7n,
      last: null,
      expected: null,
      lowest: null,
      floorMs: null,
      driftSeconds: null,
    });
  });

  test('with failures, a rate, and a remembered response whose place is not told', async () => {
    const userName = await bench.user();
    const { serial } = await bench.device(totp6, { userName });
    const found = (await bench.store.authenticatorBySerial(serial))!;
    const { id, version } = found.applications[0]!;
    // A day's samples of a clock that gains a second a day.
    const driftHistory = Array.from({ length: 40 }, (_, day) => `${day * 86_400}:${day}`).join();
    await bench.store.administer(
      [
        {
          change: 'update',
          kind: 'application',
          id,
          expectedVersion: version,
          set: {
            pendingSync: '{"step":"4711"}',
            failureCount: 3,
            isDriftFrozen: true,
            driftHistory,
          },
        },
      ],
      {
        atMs: bench.clock.nowMs(),
        action: 'test',
        outcome: 'done',
        actor: 'test',
        subject: 'test',
        requestId: 'test',
        details: {},
      },
    );
    const application = await applicationOf(userName);
    expect(application).toMatchObject({
      isResponseRemembered: true,
      failureCount: 3,
      isDriftFrozen: true,
    });
    expect(application.driftRate?.ratePpm).toBeCloseTo(1e6 / 86_400, 3);
    expect(textOf(await explained(userName))).not.toMatch(/4711|pendingSync|driftHistory/);
  });
});

describe('what was done to authenticators', () => {
  async function happened(userName: string): Promise<string[]> {
    const { events } = await explained(userName);
    return events
      .flatMap((event) => (event.kind === 'administration' ? [event] : []))
      .filter(({ subject }) => !subject.includes('/'))
      .map(({ action }) => action.replace('authenticator.', ''));
  }

  test('is told while they were the user’s', async () => {
    const [first, second] = [await bench.user(), await bench.user()];
    const { serial } = await bench.device(totp6);
    await administration.resetApplication(bench.admin, serial, null);
    await administration.assignAuthenticator(bench.admin, serial, null, first);
    await administration.resetApplication(bench.admin, serial, null);
    await administration.unassignAuthenticator(bench.admin, serial);
    await administration.assignAuthenticator(bench.admin, serial, null, second);
    await administration.resetApplication(bench.admin, serial, 'APP');
    expect(await happened(second)).toEqual(['reset', 'assign']);
    // Nothing of the first user names the serial any more.
    expect(await happened(first)).toEqual([]);
  });

  test('also when they no longer are, if attempts name them', async () => {
    const caller = await bench.caller();
    const [first, second] = [await bench.user(), await bench.user()];
    const device = await bench.device(totp6, { userName: first });
    const response = device.response({ nowMs: bench.clock.nowMs() });
    expect(await codeOf(bench.service, caller, asking(first, { response }))).toBe('accepted');
    await administration.unassignAuthenticator(bench.admin, device.serial);
    await administration.resetApplication(bench.admin, device.serial, null);
    await administration.assignAuthenticator(bench.admin, device.serial, null, second);
    expect(await happened(first)).toEqual(['unassign', 'assign']);
    expect(await happened(second)).toEqual(['assign']);
  });
});

describe('a key bound to a domain', () => {
  test('explains within its domain only', async () => {
    await administration.createDomain(bench.admin, 'island');
    const { key } = await administration.createApiKey(bench.admin, {
      name: 'island-auditor',
      role: 'auditor',
      componentType: 'rest-client',
      domainName: 'island',
      expiresAtMs: null,
    });
    const caller = (await bench.service.identify(key, '127.0.0.1', 'request-island'))!;
    const robin = { userName: 'robin', organisationalUnit: null, expiresAtMs: null };
    await administration.createUser(bench.admin, 'island', robin);
    const userName = await bench.user();
    const ask = (domain: string | null, name: string): Promise<UserExplanation> =>
      administration.explainUser(caller, domain, name, 20, null);
    expect(await ask(null, 'robin')).toMatchObject({ domainName: 'island' });
    await expect(ask('master', userName)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ask(null, userName)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('cannot be given names that the audit would confuse', async () => {
    const created = administration.createDomain(bench.admin, 'island/robin');
    expect(await membersRefused(created)).toEqual(['name']);
  });
});
