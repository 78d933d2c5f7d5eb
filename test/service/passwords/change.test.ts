import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { Caller, PasswordChangeRequest } from '../../../src/service/index.ts';
import type { BackEnd } from '../../../src/service/ports.ts';
import { givePassword } from '../../support/people.ts';
import { interrupting, tally } from '../support.ts';
import {
  lockCountOf,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
} from '../two-step/support.ts';

let stage: Stage;
let caller: Caller;

const password = 'Sommer-2026';
const changes: string[] = [];
let backEndSays: 'changed' | 'wrong' | 'refused' | 'down' = 'changed';
const backEnd: BackEnd = {
  verify: () => Promise.resolve('wrong'),
  changePassword: ({ userName }) => {
    changes.push(userName);
    return backEndSays === 'down'
      ? Promise.reject(new Error('no route'))
      : Promise.resolve(backEndSays);
  },
};

beforeAll(async () => {
  stage = await openStage({ backEnd });
  caller = await stage.bench.caller({
    ...silent,
    localAuthentication: 'authenticator-or-password',
  });
});

afterAll(() => stage.bench.close());

async function owner(): Promise<string> {
  const userName = await stage.bench.user();
  await givePassword(stage.bench, userName, password);
  return userName;
}

function changing(
  userName: string,
  newPassword: string,
  more: Partial<PasswordChangeRequest> = {},
): PasswordChangeRequest {
  return {
    userName,
    domainName: null,
    password,
    newPassword,
    confirmation: newPassword,
    ...more,
  };
}

async function changeOf(
  request: PasswordChangeRequest,
  by: Caller = caller,
  of: 'changePassword' | 'changeBackEndPassword' = 'changePassword',
): Promise<string> {
  const answer = await stage.bench.service[of](by, request);
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

describe('a user changes his password', () => {
  test('the new one lets him in and the old one does not', async () => {
    const { bench } = stage;
    const userName = await owner();
    expect(await changeOf(changing(userName, 'Herbst-2026'))).toBe('password-changed');
    expect(await outcomeOf(bench, caller, typing(userName, 'Herbst-2026'))).toBe(
      'accepted by password',
    );
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('password-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ action: 'authenticate' });
    for (const body of await bench.auditBodies()) expect(body).not.toMatch(/Sommer|Herbst/);
  });

  test('a wrong one counts and locks; a right one clears nothing', async () => {
    const { bench } = stage;
    const userName = await owner();
    const wrong = changing(userName, 'Herbst-2026', { password: 'wrong' });
    expect(await changeOf(wrong)).toBe('password-incorrect');
    expect(await changeOf(changing(userName, 'Herbst-2026'))).toBe('password-changed');
    expect(await lockCountOf(bench, userName)).toBe(1);
    await changeOf(wrong);
    await changeOf(wrong);
    const right = changing(userName, 'Winter-2026', { password: 'Herbst-2026' });
    expect(await changeOf(right)).toBe('user-locked');
  });

  test('nobody, and somebody without, are refused; nobody at the same cost', async () => {
    const { bench } = stage;
    const cost = async (userName: string): Promise<number> => {
      const before = bench.module.calls.get('hmac') ?? 0;
      await changeOf(changing(userName, 'Herbst-2026', { password: 'wrong' }));
      return (bench.module.calls.get('hmac') ?? 0) - before;
    };
    expect(await changeOf(changing('nobody-at-all', 'Herbst-2026'))).toBe('user-unknown');
    expect(await changeOf(changing(await bench.user(), 'Herbst-2026'))).toBe('password-none');
    expect(await cost(await owner())).toBe(await cost('nobody-at-all'));
  });

  test('16 at once: one is the first, the others had the old one', async () => {
    const { bench } = stage;
    const userName = await owner();
    const unlocked = await bench.caller({
      ...silent,
      localAuthentication: 'authenticator-or-password',
      userLockThreshold: 0,
    });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        changeOf(changing(userName, `Herbst-${2000 + index}`), unlocked),
      ),
    );
    expect(tally(answers)).toEqual({ 'password-changed': 1, 'password-incorrect': 15 });
  });
});

describe('a password that is replaced while it logs its user on', () => {
  test('is wrong by the time that counts', async () => {
    let replace = (): Promise<void> => Promise.resolve();
    const { wrap, arm } = interrupting(() => replace());
    const own = await openStage({ store: wrap });
    try {
      const { bench } = own;
      const by = await bench.caller({
        ...silent,
        localAuthentication: 'authenticator-or-password',
      });
      const userName = await bench.user();
      await givePassword(bench, userName, password);
      replace = () => givePassword(bench, userName, 'Herbst-2026');
      arm();
      expect(await outcomeOf(bench, by, typing(userName, password))).toBe('password-incorrect');
      expect(await outcomeOf(bench, by, typing(userName, 'Herbst-2026'))).toBe(
        'accepted by password',
      );
    } finally {
      await own.bench.close();
    }
  });
});

describe('rules of the policy', () => {
  const backwards = (text: string): string => Array.from(text).reverse().join('');

  test.each<[string, PolicySettings, (userName: string) => string, object]>([
    ['password-too-short', {}, () => 'Ab1!', {}],
    ['password-too-long', {}, () => 'x'.repeat(129), {}],
    ['password-malformed', {}, () => 'Sommer\u0007-2026', {}],
    ['password-confirmation-mismatch', {}, () => 'Herbst-2026', { confirmation: 'Herbst-2027' }],
    ['password-too-simple', { passwordMinLowerCase: 7 }, () => 'Herbst-2026', {}],
    ['password-too-simple', { passwordMinUpperCase: 2 }, () => 'Herbst-2026', {}],
    ['password-too-simple', { passwordMinDigits: 5 }, () => 'Herbst-2026', {}],
    ['password-too-simple', { passwordMinSymbols: 2 }, () => 'Herbst-2026', {}],
    ['password-user-name-based', {}, (name) => `x-${name.toUpperCase()}`, {}],
    ['password-user-name-based', {}, (name) => `x-${backwards(name)}`, {}],
    ['password-changed', { passwordNotUserNameBased: false }, (name) => `x-${name}`, {}],
    ['password-too-young', { passwordMinAgeDays: 1 }, () => 'Herbst-2026', {}],
    ['password-repeated', { passwordHistory: 1 }, () => password, {}],
    ['password-changed', {}, () => password, {}],
  ])('%s %o', async (code, settings, newPassword, more) => {
    const ruled = await stage.bench.caller({ ...silent, ...settings });
    const userName = await owner();
    expect(await changeOf(changing(userName, newPassword(userName), more), ruled)).toBe(code);
  });

  test.each<[string, PolicySettings, string, string]>([
    ['password-too-short', { passwordMinLength: 9 }, 'Ab1!', 'have at least 9 characters'],
    ['password-too-long', {}, 'x'.repeat(129), 'have at most 128 characters'],
    ['password-malformed', {}, 'Sommer\u0007-2026', 'be without control characters'],
    [
      'password-too-simple',
      { passwordMinDigits: 5, passwordMinSymbols: 2 },
      'Herbst-2026',
      'have at least 5 digits, 2 symbols',
    ],
    ['password-repeated', { passwordHistory: 3 }, password, 'differ from the last 3'],
    ['password-too-young', { passwordMinAgeDays: 2 }, 'Herbst-2026', 'stay for at least 2 days'],
  ])('%s is told with its rule, and to nobody else', async (code, settings, next, rule) => {
    const ruled = await stage.bench.caller({ ...silent, genericAnswers: true, ...settings });
    const userName = await owner();
    const { service } = stage.bench;
    const request = changing(userName, next);
    expect(await service.changePassword(ruled, request)).toEqual({
      outcome: 'refused',
      code,
      rule: expect.stringMatching(new RegExp(`^It must ${rule}[^.]*\\.$`)) as string,
    });
    for (const stranger of [
      { ...request, password: 'wrong' },
      { ...request, userName: 'nobody-at-all' },
    ]) {
      const told = await service.changePassword(ruled, stranger);
      expect(told).toEqual({ outcome: 'refused', code: 'refused' });
    }
  });

  test('so many of the last are remembered, and no more', async () => {
    const { bench } = stage;
    const ruled = await bench.caller({ ...silent, passwordHistory: 3 });
    const userName = await owner();
    const words = ['Anna-2026', 'Berta-2026', 'Cora-2026', 'Dora-2026'];
    let current = password;
    const to = async (next: string): Promise<string> => {
      const code = await changeOf(changing(userName, next, { password: current }), ruled);
      if (code === 'password-changed') current = next;
      return code;
    };
    for (const word of words) expect(await to(word)).toBe('password-changed');
    expect(await to('Dora-2026')).toBe('password-repeated');
    expect(await to('Cora-2026')).toBe('password-repeated');
    expect(await to('Berta-2026')).toBe('password-repeated');
    expect(await to('Anna-2026')).toBe('password-changed');
  });
});

describe('the password of the back end', () => {
  test.each([
    ['changed', 'password-changed', 0],
    ['wrong', 'password-incorrect', 1],
    ['refused', 'back-end-refused', 0],
  ] as const)('which says %s', async (says, code, count) => {
    const { bench } = stage;
    const asking = await bench.caller({ ...silent, backEndAuthentication: 'if-needed' });
    const userName = await owner();
    backEndSays = says;
    changes.length = 0;
    const request = changing(userName, 'Herbst-2026');
    expect(await changeOf(request, asking, 'changeBackEndPassword')).toBe(code);
    expect(changes).toEqual([userName]);
    expect(await lockCountOf(bench, userName)).toBe(count);
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('accepted by password');
  });

  test('is none where the policy asks none, and technical where it is down', async () => {
    const { bench } = stage;
    const asking = await bench.caller({ ...silent, backEndAuthentication: 'if-needed' });
    const userName = await owner();
    const request = changing(userName, 'Herbst-2026');
    expect(await changeOf(request, caller, 'changeBackEndPassword')).toBe('back-end-none');
    backEndSays = 'down';
    await expect(changeOf(request, asking, 'changeBackEndPassword')).rejects.toMatchObject({
      code: 'back-end-unavailable',
    });
    expect(await lockCountOf(bench, userName)).toBe(0);
  });
});
