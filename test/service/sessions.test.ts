import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { responseAlone } from '../../src/domain/credential.ts';
import type { AdministratorRole } from '../../src/domain/model.ts';
import type { Administration, Caller, LogonAnswer } from '../../src/service/index.ts';
import { sha256Hex } from '../../src/service/index.ts';
import type { Store } from '../../src/service/store.ts';
import { type Bench, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { asking, codeOf, replacing } from './support.ts';

let bench: Bench;
let administration: Administration;
let caller: Caller;
let touches = 0;
const instead: Partial<Store> = {};

const anyVersion = { expectedVersion: null };
const here = '127.0.0.1';
type SignedIn = Extract<LogonAnswer, { outcome: 'signed-in' }>;

interface Person {
  readonly userName: string;
  readonly device: TestDevice;
}

beforeAll(async () => {
  bench = await openBench({ store: replacing(() => instead) });
  instead.touchSession = (...given) => {
    touches += 1;
    return bench.store.touchSession(...given);
  };
  ({ administration } = bench.service);
});

afterAll(async () => {
  await bench.close();
});

beforeEach(async () => {
  caller = await bench.keylessCaller({ sessionIdleSeconds: 600, sessionLifetimeSeconds: 3600 });
  touches = 0;
});

async function person(administratorRole: AdministratorRole | null = 'admin'): Promise<Person> {
  const userName = await bench.user();
  const device = await bench.device(totp6, { userName });
  await setRole(userName, administratorRole);
  return { userName, device };
}

async function setRole(userName: string, administratorRole: AdministratorRole | null) {
  return administration.updateUser(bench.admin, null, userName, { administratorRole }, anyVersion);
}

/** One time step on, so that the response is a fresh one. */
function nextResponse({ device }: Person): string {
  bench.clock.advance(30);
  return device.response({ nowMs: bench.clock.nowMs() });
}

function logon({ userName }: Person, response: string, as: Caller = caller): Promise<LogonAnswer> {
  const credential = responseAlone(response);
  return bench.service.logon(as, { userName, domainName: null, credential });
}

async function signIn(who: Person): Promise<SignedIn> {
  const answer = await logon(who, nextResponse(who));
  if (answer.outcome === 'refused') throw new Error(answer.code);
  return answer;
}

function alive(sessionId: string, peerAddress: string = here) {
  return bench.service.sessionAlive(sessionId, peerAddress);
}

describe('an administrator who signs in', () => {
  it('gets a session for his role and address, and the audit has it', async () => {
    const who = await person('helpdesk');
    const answer = await signIn(who);
    expect(answer.sessionId).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const nowMs = bench.clock.nowMs();
    expect(answer.session).toEqual({
      userName: who.userName,
      domainName: 'master',
      role: 'helpdesk',
      peerAddress: here,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + 3_600_000,
    });
    expect(answer.lastLogonAtMs).toBeNull();
    expect(await alive(answer.sessionId)).toEqual(answer.session);
    expect(await bench.lastAudit()).toMatchObject({
      action: 'logon',
      outcome: 'signed-in',
      subject: `master/${who.userName}`,
    });
    expect((await signIn(who)).lastLogonAtMs).toBe(nowMs);
  });

  it('leaves the id nowhere but in the answer', async () => {
    const { sessionId } = await signIn(await person());
    expect(await bench.store.findSession(sha256Hex(sessionId))).not.toBeNull();
    expect(await bench.store.findSession(sessionId)).toBeNull();
    expect((await bench.auditBodies()).join('\n')).not.toContain(sessionId);
  });

  it('uses the response up, as any other use does', async () => {
    const who = await person();
    const response = nextResponse(who);
    expect((await logon(who, response)).outcome).toBe('signed-in');
    expect(await logon(who, response)).toMatchObject({ code: 'response-replayed' });
    expect(await codeOf(bench.service, caller, asking(who.userName, { response }))).toBe(
      'response-replayed',
    );
  });

  it('opens one session with one response, however often it is shown at once', async () => {
    const who = await person();
    const response = nextResponse(who);
    const answers = await Promise.all(Array.from({ length: 4 }, () => logon(who, response)));
    const outcomes = answers.map((one) => (one.outcome === 'refused' ? one.code : one.outcome));
    expect(outcomes.filter((outcome) => outcome === 'signed-in')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome !== 'signed-in')).toEqual(
      Array<string>(3).fill('response-replayed'),
    );
    const { id } = await administration.user(bench.admin, null, who.userName);
    expect(await bench.store.countSessions(id, bench.clock.nowMs(), 0)).toBe(1);
  });

  it('is among the attempts that are explained', async () => {
    const who = await person();
    await bench.service.logoff((await signIn(who)).sessionId, here, 'r');
    const { events } = await administration.explainUser(
      bench.admin,
      null,
      who.userName,
      5,
      'Local Authentication',
    );
    expect(events.slice(0, 2)).toMatchObject([
      { kind: 'administration', action: 'logoff' },
      { kind: 'attempt', action: 'logon', outcome: 'signed-in', ending: 'success' },
    ]);
  });

  it('is locked by wrong responses as anybody is', async () => {
    const who = await person();
    const wrong = who.device.wrong({ nowMs: bench.clock.nowMs() });
    for (const code of Array<string>(3).fill('response-incorrect')) {
      expect(await logon(who, wrong)).toEqual({ outcome: 'refused', code });
    }
    expect(await logon(who, nextResponse(who))).toMatchObject({ code: 'user-locked' });
    expect(await bench.lastAudit()).toMatchObject({ action: 'logon', outcome: 'user-locked' });
  });
});

describe('a user without a role', () => {
  it('is told so only after a right response, which is used up', async () => {
    const generic = await bench.caller({ genericAnswers: true });
    const who = await person(null);
    const wrong = who.device.wrong({ nowMs: bench.clock.nowMs() });
    expect(await logon(who, wrong, generic)).toEqual({ outcome: 'refused', code: 'refused' });
    const response = nextResponse(who);
    const told = { outcome: 'refused', code: 'administrator-none' };
    expect(await logon(who, response, generic)).toEqual(told);
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'administrator-none' });
    const view = await administration.user(bench.admin, null, who.userName);
    expect(view.lockCount).toBe(0);
    expect(await codeOf(bench.service, caller, asking(who.userName, { response }))).toBe(
      'response-replayed',
    );
  });
});

describe('a session', () => {
  it('is unknown by any other id, well-formed or not', async () => {
    const { sessionId } = await signIn(await person());
    const other = `${sessionId.startsWith('A') ? 'B' : 'A'}${sessionId.slice(1)}`;
    for (const id of ['', other, `${sessionId}=`, sessionId.slice(1), ` ${sessionId.slice(1)}`]) {
      expect(await alive(id)).toBeNull();
      expect(await bench.service.logoff(id, here, 'r')).toBeNull();
    }
    expect(await alive(sessionId)).not.toBeNull();
  });

  it('is good from its own address only, and stays open when another tries', async () => {
    const { sessionId } = await signIn(await person());
    const { componentType } = caller;
    // Both addresses are the component's.
    await administration.createComponent(bench.admin, {
      componentType,
      location: '127.0.0.0/8',
      access: 'address',
      policyName: componentType,
    });
    expect(await alive(sessionId, '127.0.0.2')).toBeNull();
    expect(await bench.service.logoff(sessionId, '127.0.0.2', 'r')).toBeNull();
    expect(await alive(sessionId)).not.toBeNull();
  });

  it('ends with logging off, once, and the audit says whose', async () => {
    const who = await person();
    const { sessionId, session } = await signIn(who);
    expect(await bench.service.logoff(sessionId, here, 'request-off')).toEqual(session);
    const subject = `master/${who.userName}`;
    expect(await bench.lastAudit()).toMatchObject({
      action: 'logoff',
      outcome: 'done',
      actor: subject,
      subject,
      requestId: 'request-off',
    });
    const count = (await bench.auditBodies()).length;
    expect(await alive(sessionId)).toBeNull();
    expect(await bench.service.logoff(sessionId, here, 'r')).toBeNull();
    expect((await bench.auditBodies()).length).toBe(count);
  });

  it('ends when it was idle for too long', async () => {
    const { sessionId } = await signIn(await person());
    for (let use = 0; use < 3; use += 1) {
      bench.clock.advance(600);
      expect(await alive(sessionId)).not.toBeNull();
    }
    bench.clock.advance(601);
    expect(await alive(sessionId)).toBeNull();
  });

  it('is written down as used every 30 s at most', async () => {
    const { sessionId } = await signIn(await person());
    for (const [seconds, expected] of [
      [29, 0],
      [1, 1],
      [29, 1],
      [1, 2],
    ] as const) {
      bench.clock.advance(seconds);
      expect(await alive(sessionId)).not.toBeNull();
      expect(touches).toBe(expected);
    }
  });

  it('ends with its lifetime however much it is used', async () => {
    const { sessionId } = await signIn(await person());
    for (let use = 0; use < 6; use += 1) {
      bench.clock.advance(599);
      expect(await alive(sessionId)).not.toBeNull();
    }
    bench.clock.advance(6);
    expect(await alive(sessionId)).toBeNull();
  });

  it('follows the policy as it is now', async () => {
    const { sessionId, session } = await signIn(await person());
    const save = (settings: object) =>
      administration.savePolicy(
        bench.admin,
        caller.componentType,
        { parentName: 'Local Authentication', settings },
        anyVersion,
      );
    await save({ sessionIdleSeconds: 60, sessionLifetimeSeconds: 300 });
    expect((await alive(sessionId))?.expiresAtMs).toBe(session.createdAtMs + 300_000);
    bench.clock.advance(61);
    expect(await alive(sessionId)).toBeNull();
    await save({});
    // A longer lifetime is for later ones.
    expect((await alive(sessionId))?.expiresAtMs).toBe(session.expiresAtMs);
    const { components } = await bench.store.loadConfiguration();
    const own = components.find((one) => one.componentType === caller.componentType);
    await administration.deleteComponent(bench.admin, own?.id ?? '');
    expect(await alive(sessionId)).toBeNull();
  });

  it.each([
    ['disabled', { isDisabled: true }, { isDisabled: false }],
    ['expired', { expiresAtMs: 0 }, null],
    ['without a role', { administratorRole: null }, { administratorRole: 'admin' }],
  ] as const)('is closed to an administrator who is %s', async (_state, change, undo) => {
    const who = await person();
    const { sessionId } = await signIn(who);
    expect(await alive(sessionId)).not.toBeNull();
    await update(who.userName, change);
    expect(await alive(sessionId)).toBeNull();
    expect(await bench.service.logoff(sessionId, here, 'r')).toBeNull();
    if (undo === null) return;
    await update(who.userName, undo);
    expect(await alive(sessionId)).toBeNull();
    expect(await alive((await signIn(who)).sessionId)).not.toBeNull();
  });

  it('ends with a lock by an administrator, and unlocking brings it not back', async () => {
    const who = await person();
    const { sessionId } = await signIn(who);
    await administration.lockUser(bench.admin, null, who.userName);
    expect(await alive(sessionId)).toBeNull();
    await administration.unlockUser(bench.admin, null, who.userName);
    expect(await alive(sessionId)).toBeNull();
  });

  it('is not open beside a change that another server has not finished', async () => {
    const who = await person();
    const { sessionId } = await signIn(who);
    instead.administer = (changes, audit) =>
      bench.store.administer(
        changes.map((change) =>
          change.change === 'update' && change.kind === 'user'
            ? { ...change, endsSessions: false }
            : change,
        ),
        audit,
      );
    try {
      for (const change of [{ isDisabled: true }, { administratorRole: null }]) {
        await update(who.userName, change);
        expect(await alive(sessionId)).toBeNull();
        await update(who.userName, { isDisabled: false, administratorRole: 'admin' });
        expect(await alive(sessionId)).not.toBeNull();
      }
      await administration.lockUser(bench.admin, null, who.userName);
      expect(await alive(sessionId)).toBeNull();
    } finally {
      delete instead.administer;
    }
  });

  function update(userName: string, set: Parameters<Administration['updateUser']>[3]) {
    return administration.updateUser(bench.admin, null, userName, set, anyVersion);
  }

  it('has the role that the administrator has now', async () => {
    const who = await person('admin');
    const { sessionId } = await signIn(who);
    await setRole(who.userName, 'auditor');
    expect((await alive(sessionId))?.role).toBe('auditor');
  });

  it('goes with its user', async () => {
    const who = await person();
    const { sessionId } = await signIn(who);
    await administration.unassignAuthenticator(bench.admin, who.device.serial);
    await administration.deleteUser(bench.admin, null, who.userName);
    expect(await alive(sessionId)).toBeNull();
  });

  it('outlives wrong responses of others, who could end it otherwise', async () => {
    const who = await person();
    const { sessionId } = await signIn(who);
    const wrong = who.device.wrong({ nowMs: bench.clock.nowMs() });
    for (let guess = 0; guess < 3; guess += 1) await logon(who, wrong);
    expect(await logon(who, nextResponse(who))).toMatchObject({ code: 'user-locked' });
    expect(await alive(sessionId)).not.toBeNull();
  });
});

describe('sessions at a time', () => {
  it('are ten, idle ones not counted; the response of one more is used up', async () => {
    caller = await bench.keylessCaller({
      sessionIdleSeconds: 3600,
      sessionLifetimeSeconds: 86_400,
    });
    const who = await person();
    const ids: string[] = [];
    for (let count = 0; count < 10; count += 1) ids.push((await signIn(who)).sessionId);
    const response = nextResponse(who);
    expect(await logon(who, response)).toEqual({ outcome: 'refused', code: 'sessions-too-many' });
    expect(await logon(who, response)).toMatchObject({ code: 'response-replayed' });
    await bench.service.logoff(ids[0] ?? '', here, 'r');
    await signIn(who);
    expect(await logon(who, nextResponse(who))).toMatchObject({ code: 'sessions-too-many' });
    bench.clock.advance(3601);
    await signIn(who);
  });
});
