import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import { type Edges, openEdges } from './edges.ts';
import { hotp6, type TestDevice } from '../../support/builders.ts';
import { attributeCommand, soapCall } from '../../support/soap-client.ts';

/** The states of an account, in the order in which they are examined, through both edges. */

let edges: Edges;

beforeAll(async () => {
  edges = await openEdges();
});

afterAll(() => edges.close());

const day = 86_400;

interface Account {
  readonly userName: string;
  readonly device: TestDevice;
  readonly program: { readonly type: string; readonly key: string };
}

async function accountWith(settings: PolicySettings): Promise<Account> {
  const { bench } = edges;
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  return { userName, device, program: await edges.component(settings) };
}

async function bySoap({ userName, program }: Account, response: string): Promise<string> {
  const answer = await soapCall(
    edges.url,
    attributeCommand('aut:authUser', {
      CREDFLD_COMPONENT_TYPE: program.type,
      CREDFLD_USERID: userName,
      CREDFLD_PASSWORD_FORMAT: '0',
      CREDFLD_PASSWORD: response,
    }),
  );
  return answer.statusCodeEnum;
}

async function byRest({ userName, program }: Account, response: string): Promise<string> {
  return (await edges.rest(program.key, '/v1/authenticate', { user: userName, response })).code;
}

const ways = [
  ['SOAP', bySoap],
  ['REST', byRest],
] as const;

const toldBy = {
  SOAP: {
    disabled: 'STAT_DISABLED',
    expired: 'STAT_USER_EXPIRED',
    inactive: 'STAT_USER_INACTIVE',
    locked: 'STAT_LOCKED',
    accepted: 'STAT_SUCCESS',
    wrong: 'STAT_OTP_INCORRECT',
  },
  REST: {
    disabled: 'user-disabled',
    expired: 'user-expired',
    inactive: 'user-inactive',
    locked: 'user-locked',
    accepted: 'accepted',
    wrong: 'response-incorrect',
  },
} as const;

describe.each(ways)('through %s', (name, attempt) => {
  const told = toldBy[name];

  it('what is wrong is found in its order, and each is mended alone', async () => {
    const account = await accountWith({ userMaxInactiveDays: 30 });
    const { userName, device } = account;
    const { administration } = edges.bench.service;
    const { admin, clock } = edges.bench;
    const change = (set: object): Promise<unknown> =>
      administration.updateUser(admin, null, userName, set, { expectedVersion: null });
    const right = (counter: number): string => device.response({ counter });
    // All at once: locked, inactive, expired and disabled.
    await administration.lockUser(admin, null, userName);
    clock.advance(31 * day);
    await change({ expiresAtMs: clock.nowMs() - 1, isDisabled: true });
    expect(await attempt(account, right(0))).toBe(told.disabled);
    await change({ isDisabled: false });
    expect(await attempt(account, right(0))).toBe(told.expired);
    await change({ expiresAtMs: null });
    expect(await attempt(account, right(0))).toBe(told.inactive);
    const { program } = account;
    await administration.savePolicy(
      admin,
      program.type,
      { parentName: 'Local Authentication', settings: { genericAnswers: false } },
      { expectedVersion: null },
    );
    expect(await attempt(account, right(0))).toBe(told.locked);
    await administration.unlockUser(admin, null, userName);
    // None of them used the response up.
    expect(await attempt(account, right(0))).toBe(told.accepted);
  });

  it('a lock opens itself: a wait, twice as long after each try that fails, and a last one', async () => {
    const account = await accountWith({
      userLockThreshold: 2,
      autoUnlockMaxTries: 2,
      autoUnlockMinDurationSeconds: 60,
      autoUnlockMultiplier: 2,
    });
    const { device } = account;
    const { clock } = edges.bench;
    const wrong = device.wrong();
    expect(await attempt(account, wrong)).toBe(told.wrong);
    expect(await attempt(account, wrong)).toBe(told.wrong);
    expect(await attempt(account, device.response({ counter: 0 }))).toBe(told.locked);
    clock.advance(59);
    // Too early, so the wait begins anew.
    expect(await attempt(account, device.response({ counter: 0 }))).toBe(told.locked);
    clock.advance(60);
    expect(await attempt(account, wrong)).toBe(told.wrong);
    clock.advance(60);
    expect(await attempt(account, device.response({ counter: 0 }))).toBe(told.locked);
    clock.advance(120);
    expect(await attempt(account, device.response({ counter: 0 }))).toBe(told.accepted);
    expect(await attempt(account, wrong)).toBe(told.wrong);
    expect(await attempt(account, wrong)).toBe(told.wrong);
    for (const waitSeconds of [60, 120]) {
      clock.advance(waitSeconds);
      expect(await attempt(account, wrong)).toBe(told.wrong);
    }
    clock.advance(day);
    // Both tries are spent: only an administrator opens it now.
    expect(await attempt(account, device.response({ counter: 1 }))).toBe(told.locked);
  });

  it('a lock by an administrator stays', async () => {
    const account = await accountWith({
      autoUnlockMaxTries: 5,
      autoUnlockMinDurationSeconds: 60,
    });
    const { bench } = edges;
    await bench.service.administration.lockUser(bench.admin, null, account.userName);
    bench.clock.advance(day);
    const response = account.device.response({ counter: 0 });
    expect(await attempt(account, response)).toBe(told.locked);
  });

  it('generic answers hide all of them, and whether there is such a user', async () => {
    const account = await accountWith({ genericAnswers: true });
    const generic = name === 'SOAP' ? 'STAT_INVCREDENTIALS' : 'refused';
    const { bench } = edges;
    expect(await attempt({ ...account, userName: 'nobody' }, '123456')).toBe(generic);
    expect(await attempt(account, account.device.wrong())).toBe(generic);
    const right = account.device.response({ counter: 0 });
    await bench.service.administration.lockUser(bench.admin, null, account.userName);
    expect(await attempt(account, right)).toBe(generic);
    await bench.service.administration.unlockUser(bench.admin, null, account.userName);
    expect(await attempt(account, right)).toBe(told.accepted);
    // Only whoever had it before learns that it was right once.
    expect(await attempt(account, right)).toBe(
      name === 'SOAP' ? 'STAT_OTP_ALREADY_USED' : 'response-replayed',
    );
  });
});
