import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TallystickError } from '../../src/errors.ts';
import type { Administration, UserChanges, UserView } from '../../src/service/index.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { membersRefused } from './support.ts';

let bench: Bench;
let administration: Administration;

const anyVersion = { expectedVersion: null };

beforeAll(async () => {
  bench = await openBench();
  ({ administration } = bench.service);
});

afterAll(async () => {
  await bench.close();
});

function set(userName: string, changes: UserChanges): Promise<UserView> {
  return administration.updateUser(bench.admin, null, userName, changes, anyVersion);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (thrown: unknown) => (thrown as TallystickError).code,
  );
}

/** What the last audit event has beside where its caller was. */
async function factsOfLast(): Promise<object> {
  const { component, peerAddress, ...facts } = (await bench.lastAudit()).details;
  expect([component, peerAddress]).toEqual(['administration', '127.0.0.1']);
  return facts;
}

const reached = {
  email: 'jane@example.org',
  mobile: '+49 170 123-4567',
  phone: '+49301234567',
  deliveryMethod: 'email-sms',
  localAuthentication: 'authenticator-or-password',
} as const;

describe('a user', () => {
  it('has nothing of it when nobody says', async () => {
    const userName = await bench.user();
    expect(await administration.user(bench.admin, null, userName)).toMatchObject({
      email: null,
      mobile: null,
      phone: null,
      deliveryMethod: null,
      localAuthentication: null,
      hasPassword: false,
      passwordSetAtMs: null,
    });
    expect(await factsOfLast()).toEqual({});
  });

  it('is created with a contact, which the audit does not repeat', async () => {
    const created = await administration.createUser(bench.admin, null, {
      userName: 'reached',
      organisationalUnit: null,
      expiresAtMs: null,
      ...reached,
    });
    expect(created).toMatchObject({ ...reached, mobile: '+491701234567' });
    expect((await administration.user(bench.admin, null, 'reached')).email).toBe(reached.email);
    expect(await factsOfLast()).toEqual({
      contact: 'email,mobile,phone,deliveryMethod',
      localAuthentication: 'authenticator-or-password',
    });
    expect((await bench.auditBodies()).join('')).not.toMatch(/example\.org|1701234567/);
  });

  it('keeps what an edit leaves out, and loses what it sets to null', async () => {
    const userName = await bench.user();
    await set(userName, reached);
    expect(await set(userName, { phone: null, isDisabled: true })).toMatchObject({
      ...reached,
      mobile: '+491701234567',
      phone: null,
      isDisabled: true,
    });
    expect(await factsOfLast()).toEqual({ contact: 'phone', isDisabled: true });
    expect(await set(userName, { localAuthentication: null })).toMatchObject({
      email: reached.email,
      localAuthentication: null,
    });
    expect(await factsOfLast()).toEqual({ localAuthentication: null });
  });

  it('is in the audit for the members that become others', async () => {
    const userName = await bench.user();
    await set(userName, reached);
    await set(userName, { ...reached, email: 'joe@example.net' });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'user.update',
      details: { contact: 'email', localAuthentication: 'authenticator-or-password' },
    });
    expect(JSON.stringify(await bench.lastAudit())).not.toContain('example.net');
  });

  it('is refused with all that is wrong at once', async () => {
    const wrong = { email: 'jane', mobile: '0170', phone: '+', expiresAtMs: -1 };
    const members = ['email', 'expiresAtMs', 'mobile', 'phone'];
    const userName = await bench.user();
    expect((await membersRefused(set(userName, wrong))).sort()).toEqual(members);
    const user = { userName: 'wrong', organisationalUnit: null, ...wrong };
    const created = administration.createUser(bench.admin, null, user);
    expect((await membersRefused(created)).sort()).toEqual(members);
    expect(await administration.user(bench.admin, null, userName)).toMatchObject({ email: null });
  });

  it('is edited by those who may edit users, not by the help desk', async () => {
    const userName = await bench.user();
    const helpdesk = await bench.caller({}, 'helpdesk');
    const edit = administration.updateUser(
      helpdesk,
      null,
      userName,
      { email: 'me@example.org' },
      anyVersion,
    );
    expect(await codeOf(edit)).toBe('forbidden');
    expect(await administration.user(helpdesk, null, userName)).toMatchObject({ email: null });
  });
});
