import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import type { TallystickError } from '../../src/errors.ts';
import type { Administration, Caller, UserView } from '../../src/service/index.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { asking, codeOf, interrupting, membersRefused } from './support.ts';

let bench: Bench;
let administration: Administration;
/** A program that lets people in by static password. */
let program: Caller;
let policies = 0;
let runBetween: () => Promise<unknown> = () => Promise.resolve();
const between = interrupting(() => runBetween());

beforeAll(async () => {
  bench = await openBench({ store: between.wrap });
  ({ administration } = bench.service);
  program = await bench.caller({ localAuthentication: 'authenticator-or-password' });
});

afterAll(async () => {
  await bench.close();
});

const first = 'correct horse';
const second = 'battery staple';

interface More {
  readonly confirmation?: string;
  readonly policyName?: string | null;
  readonly by?: Caller;
}

function setTo(userName: string, password: string, more: More = {}): Promise<UserView> {
  const { by = bench.admin, confirmation = password, policyName = null } = more;
  return administration.setPassword(by, null, userName, { password, confirmation, policyName });
}

function attempt(userName: string, text: string): Promise<string> {
  const credential = { format: 'combined', text } as const;
  return codeOf(bench.service, program, { ...asking(userName), credential });
}

async function policyWith(settings: PolicySettings): Promise<string> {
  policies += 1;
  const name = `Passwords ${policies}`;
  const parentName = 'Local Authentication';
  const anyVersion = { expectedVersion: null };
  await administration.savePolicy(bench.admin, name, { parentName, settings }, anyVersion);
  return name;
}

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (thrown: unknown) => {
      const { code, message, fields } = thrown as TallystickError;
      return { code, message, fields };
    },
  );
}

describe('an administrator', () => {
  it('sets a password that is good at once, and another in its place', async () => {
    const userName = await bench.user();
    const view = await setTo(userName, first);
    expect(view).toMatchObject({ hasPassword: true, passwordSetAtMs: bench.clock.nowMs() });
    expect(await attempt(userName, first)).toBe('accepted');
    await setTo(userName, second);
    expect(await attempt(userName, first)).not.toBe('accepted');
    expect(await attempt(userName, second)).toBe('accepted');
  });

  it('clears it, and nothing verifies any more', async () => {
    const userName = await bench.user();
    await setTo(userName, first);
    const { version } = (await userOf(userName)).password;
    const view = await administration.clearPassword(bench.admin, null, userName);
    expect(view).toMatchObject({ hasPassword: false, passwordSetAtMs: null });
    expect(await attempt(userName, first)).not.toBe('accepted');
    expect((await userOf(userName)).password).toEqual({
      verifier: null,
      setAtMs: null,
      version: version + 1,
    });
    await setTo(userName, first);
    expect(await attempt(userName, first)).toBe('accepted');
  });

  it('clears nothing where there is nothing', async () => {
    const userName = await bench.user();
    const { length } = await bench.auditBodies();
    expect(await administration.clearPassword(bench.admin, null, userName)).toMatchObject({
      hasPassword: false,
      version: 1,
    });
    expect(await bench.auditBodies()).toHaveLength(length);
  });

  it('need not wait as its user has to', async () => {
    const policyName = await policyWith({ passwordMinAgeDays: 1 });
    const userName = await bench.user();
    await setTo(userName, first, { policyName });
    expect(await setTo(userName, second, { policyName })).toMatchObject({ hasPassword: true });
  });

  it('may be of the help desk, but no program', async () => {
    const userName = await bench.user();
    const helpdesk = await bench.caller({}, 'helpdesk');
    expect(await setTo(userName, first, { by: helpdesk })).toMatchObject({ hasPassword: true });
    await administration.clearPassword(helpdesk, null, userName);
    for (const by of [await bench.caller({}, 'auditor'), program]) {
      await expect(setTo(userName, second, { by })).rejects.toMatchObject({ code: 'forbidden' });
      await expect(administration.clearPassword(by, null, userName)).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    expect((await userOf(userName)).password.verifier).toBeNull();
  });

  it('sets it beside an edit of the user, and judges again after another change', async () => {
    const userName = await bench.user();
    await setTo(userName, first);
    const { length } = between.commits;
    runBetween = () => setTo(userName, second);
    between.arm();
    await setTo(userName, 'third one of all');
    expect(between.commits.length - length).toBe(3);
    expect(await attempt(userName, 'third one of all')).toBe('accepted');
    const { id } = await userOf(userName);
    expect(await bench.store.passwordHistory(id, 24)).toHaveLength(2);
  });

  it('is told when somebody else is always faster', async () => {
    const userName = await bench.user();
    let left = 4;
    runBetween = async () => {
      left -= 1;
      const { id, password } = await userOf(userName);
      const changed = { ...password, version: password.version + 1 };
      await bench.store.administer(
        [
          {
            change: 'update',
            kind: 'user',
            id,
            expectedVersion: (await userOf(userName)).version,
            set: { password: changed },
          },
        ],
        { ...auditLine, atMs: bench.clock.nowMs() },
      );
      if (left > 0) between.arm();
    };
    between.arm();
    await expect(setTo(userName, first)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'version' },
    });
    expect(left).toBe(0);
  });
});

const auditLine = {
  action: 'test',
  outcome: 'done',
  actor: 'test',
  subject: 'test',
  requestId: 'test',
  details: {},
};

async function userOf(
  userName: string,
): Promise<NonNullable<Awaited<ReturnType<Bench['store']['userByName']>>>> {
  const { domains } = await bench.store.loadConfiguration();
  return (await bench.store.userByName(domains[0]!.id, userName))!;
}

describe('refused', () => {
  it.each<[string, string, RegExp, PolicySettings]>([
    ['password-too-short', 'seven77', /at least 8 characters/, {}],
    ['password-too-short', '', /at least 8 characters/, {}],
    [
      'password-too-simple',
      'all in lower case',
      /at least 1 upper-case letter, 2 digits\.$/,
      { passwordMinUpperCase: 1, passwordMinDigits: 2 },
    ],
    ['password-user-name-based', 'xx-eman-xx', /name of the user/, {}],
  ])('is what the policy does not take: %s', async (reason, password, message, settings) => {
    const policyName = await policyWith(settings);
    const userName = reason === 'password-user-name-based' ? 'name' : await bench.user();
    if (userName === 'name') await bench.user(userName);
    const refused = await refusalOf(setTo(userName, password, { policyName }));
    expect(refused).toMatchObject({
      code: 'policy-refused',
      message: expect.stringMatching(message) as string,
      fields: { reason },
    });
    if (password !== '') expect(JSON.stringify(refused)).not.toContain(password);
    expect((await userOf(userName)).password.verifier).toBeNull();
  });

  it.each<[string, string, string]>([
    ['confirmation', first, second],
    ['password', 'x'.repeat(129), 'x'.repeat(129)],
    ['password', 'with\u0007bell', 'with\u0007bell'],
  ])('is a wrong %s', async (member, password, confirmation) => {
    const userName = await bench.user();
    expect(await membersRefused(setTo(userName, password, { confirmation }))).toEqual([member]);
  });

  it('is one of the last, which is on record: it was a guess that is right', async () => {
    const policyName = await policyWith({ passwordHistory: 2 });
    const userName = await bench.user();
    await setTo(userName, first, { policyName });
    await setTo(userName, second, { policyName });
    for (const again of [first, second]) {
      expect(await refusalOf(setTo(userName, again, { policyName }))).toMatchObject({
        code: 'policy-refused',
        message: expect.stringMatching(/differ from the last 2/) as string,
        fields: { reason: 'password-repeated' },
      });
      expect(await bench.lastAudit()).toMatchObject({
        action: 'user.password-set',
        outcome: 'password-repeated',
      });
    }
    await setTo(userName, 'third one of all', { policyName });
    expect(await setTo(userName, first, { policyName })).toMatchObject({ hasPassword: true });
  });

  it('is what the own policy of the caller does not take, unless another is named', async () => {
    const userName = await bench.user();
    const by = await bench.caller({ passwordMinLength: 20 }, 'helpdesk');
    expect(await refusalOf(setTo(userName, first, { by }))).toMatchObject({
      message: expect.stringMatching(/at least 20/) as string,
    });
    const policyName = 'Local Authentication';
    expect(await setTo(userName, first, { by, policyName })).toMatchObject({ hasPassword: true });
    await expect(setTo(userName, second, { policyName: 'none' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('is a user that nobody is', async () => {
    for (const work of [
      setTo('nobody', first),
      administration.clearPassword(bench.admin, null, 'nobody'),
    ]) {
      await expect(work).rejects.toMatchObject({ code: 'not-found' });
    }
  });
});

describe('the audit', () => {
  it('has one event each, without the password and what is kept of it', async () => {
    const userName = await bench.user();
    const { length } = await bench.auditBodies();
    await setTo(userName, first);
    await administration.clearPassword(bench.admin, null, userName);
    const bodies = (await bench.auditBodies()).slice(length);
    const events = bodies.map((body) => JSON.parse(body) as Record<string, unknown>);
    const subject = `master/${userName}`;
    expect(events).toMatchObject([
      { action: 'user.password-set', outcome: 'done', subject, details: {} },
      { action: 'user.password-clear', outcome: 'done', subject, details: {} },
    ]);
    expect(bodies.join('')).not.toMatch(/correct horse|mac|salt/);
  });

  it('says of a session that it goes on when the password is cleared', async () => {
    const userName = await bench.user();
    await setTo(userName, first);
    const { id } = await userOf(userName);
    await bench.store.commit([
      {
        ...between.commits.at(-1)!,
        passwordChange: null,
        openSession: {
          idSha256: 'ab'.repeat(32),
          userId: id,
          componentType: 'x',
          peerAddress: '127.0.0.1',
          createdAtMs: bench.clock.nowMs(),
          lastUsedAtMs: bench.clock.nowMs(),
          expiresAtMs: bench.clock.nowMs() + 1000,
        },
      },
    ]);
    await administration.clearPassword(bench.admin, null, userName);
    expect(await bench.store.findSession('ab'.repeat(32))).not.toBeNull();
  });
});
