import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { BackEnd } from '../../../src/service/ports.ts';
import { hotp6 } from '../../support/builders.ts';
import { givePassword, setAuthenticator, setUser } from '../../support/people.ts';
import {
  issuedFor,
  lockCountOf,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
  virtualUser,
} from '../two-step/support.ts';

let stage: Stage;

/** A back end that knows one password, can be down, and says what it was asked. */
const directory = {
  knows: 'From-The-Directory',
  isDown: false,
  asked: [] as string[],
};
const backEnd: BackEnd = {
  verify: ({ userName, domainName }, password) => {
    directory.asked.push(`${domainName}/${userName}`);
    if (directory.isDown) return Promise.reject(new Error('no route'));
    return Promise.resolve(password === directory.knows ? 'right' : 'wrong');
  },
  changePassword: () => Promise.resolve('refused'),
};

beforeAll(async () => {
  stage = await openStage({ backEnd });
});

afterAll(() => stage.bench.close());

const dayMs = 86_400_000;
const password = 'Sommer-2026';
const either: PolicySettings = { ...silent, localAuthentication: 'authenticator-or-password' };
const inGrace: PolicySettings = { ...silent, localAuthentication: 'password-in-grace' };

describe('a static password', () => {
  test('is not itself with anything behind it, least of all NULs', async () => {
    const { bench } = stage;
    const caller = await bench.caller({ ...either, userLockThreshold: 0 });
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await givePassword(bench, userName, password);
    for (const behind of ['\0', '\0\0', ' ', '\u0001', '\u0001\0']) {
      const padded = typing(userName, `${password}${behind}`);
      expect(await outcomeOf(bench, caller, padded)).toBe('password-incorrect');
    }
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('accepted by password');
  });

  test.each<[string, PolicySettings, string]>([
    ['authenticator-or-password', either, 'accepted by password'],
    ['password-in-grace', { ...inGrace, gracePeriodDays: 1 }, 'accepted by password'],
    ['password-in-grace, past it', inGrace, 'password-not-permitted'],
    ['authenticator-only', silent, 'password-not-permitted'],
  ])('under %s', async (_, settings, expected) => {
    const { bench } = stage;
    const caller = await bench.caller(settings);
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await givePassword(bench, userName, password);
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe(expected);
    expect(await lockCountOf(bench, userName)).toBe(0);
    const isPermitted = expected !== 'password-not-permitted';
    const wrong = isPermitted ? 'password-incorrect' : 'password-not-permitted';
    expect(await outcomeOf(bench, caller, typing(userName, 'Winter-2026'))).toBe(wrong);
    expect(await lockCountOf(bench, userName)).toBe(isPermitted ? 1 : 0);
  });

  test('names no device, and clears the count', async () => {
    const { bench } = stage;
    const caller = await bench.caller(either);
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await givePassword(bench, userName, password);
    await outcomeOf(bench, caller, typing(userName, '000000'));
    expect(await lockCountOf(bench, userName)).toBe(1);
    const answer = await bench.service.authenticate(caller, typing(userName, password));
    expect(answer).toMatchObject({ by: 'password', serial: null, applicationName: null });
    expect(await lockCountOf(bench, userName)).toBe(0);
  });

  test('is good until the first response, or an end of its own', async () => {
    const { bench } = stage;
    const caller = await bench.caller({ ...inGrace, gracePeriodDays: 7 });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    await givePassword(bench, userName, password);
    const shown = (text: string): Promise<string> =>
      outcomeOf(bench, caller, typing(userName, text));
    expect(await shown(password)).toBe('accepted by password');
    await setAuthenticator(bench, device.serial, { graceEndsAtMs: bench.clock.nowMs() });
    expect(await shown(password)).toBe('password-not-permitted');
    await setAuthenticator(bench, device.serial, { graceEndsAtMs: null });
    expect(await shown(password)).toBe('accepted by password');
    expect(await shown(device.response({ counter: 0 }))).toBe('accepted by response');
    expect(await shown(password)).toBe('password-not-permitted');
  });

  test('of a user whose own setting says otherwise', async () => {
    const { bench } = stage;
    const caller = await bench.caller(silent);
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await givePassword(bench, userName, password);
    await setUser(bench, userName, { localAuthentication: 'authenticator-or-password' });
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('accepted by password');
    await setUser(bench, userName, { localAuthentication: 'none' });
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('nothing-verifies');
  });

  test('ages where it is always good', async () => {
    const { bench } = stage;
    const caller = await bench.caller({ ...either, passwordMaxAgeDays: 30 });
    const userName = await bench.user();
    const setAtMs = bench.clock.nowMs();
    await givePassword(bench, userName, password, setAtMs);
    const answer = await bench.service.authenticate(caller, typing(userName, password));
    expect(answer).toMatchObject({ passwordExpiresAtMs: setAtMs + 30 * dayMs });
    bench.clock.advance(30 * 86_400);
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('password-expired');
    expect(await outcomeOf(bench, caller, typing(userName, 'wrong'))).toBe('password-incorrect');
    bench.clock.advance(-30 * 86_400);
  });

  test("nobody has one: nothing counts; an empty one is nobody's", async () => {
    const { bench } = stage;
    const caller = await bench.caller(either);
    const userName = await bench.user();
    expect(await outcomeOf(bench, caller, typing(userName, password))).toBe('password-none');
    await givePassword(bench, userName, password);
    expect(await outcomeOf(bench, caller, typing(userName, ''))).not.toContain('accepted');
    expect(await lockCountOf(bench, userName)).toBe(0);
  });
});

describe('the back end', () => {
  const asked: PolicySettings = { ...either, backEndAuthentication: 'if-needed' };

  test('is asked where no password is kept, or another, and only if the policy says so', async () => {
    const { bench } = stage;
    const caller = await bench.caller(asked);
    const silentCaller = await bench.caller(either);
    const [without, other] = [await bench.user(), await bench.user()];
    await givePassword(bench, other, password);
    directory.asked.length = 0;
    expect(await outcomeOf(bench, caller, typing(other, password))).toBe('accepted by password');
    expect(directory.asked).toEqual([]);
    for (const userName of [without, other]) {
      expect(await outcomeOf(bench, caller, typing(userName, directory.knows))).toBe(
        'accepted by password',
      );
      expect(await outcomeOf(bench, caller, typing(userName, 'wrong'))).toBe('password-incorrect');
    }
    expect(directory.asked).toEqual(
      [without, without, other, other].map((userName) => `master/${userName}`),
    );
    expect(await outcomeOf(bench, silentCaller, typing(other, directory.knows))).toBe(
      'password-incorrect',
    );
    expect(await outcomeOf(bench, silentCaller, typing(without, directory.knows))).toBe(
      'password-none',
    );
    expect(directory.asked.length).toBe(4);
  });

  test('lets a request be one as well', async () => {
    const { bench } = stage;
    const requests = {
      ...silent,
      primaryVirtualRequestMethod: 'password',
      backEndAuthentication: 'if-needed',
    } as const;
    const caller = await bench.caller(requests);
    const userName = await virtualUser(stage);
    await issuedFor(bench, caller, typing(userName, directory.knows));
    const unasked = await bench.caller({ ...requests, backEndAuthentication: 'none' });
    expect(await outcomeOf(bench, unasked, typing(userName, directory.knows))).toBe(
      'response-incorrect',
    );
  });

  test('that is down lets nobody in; a wrong one counts where one was compared', async () => {
    const { bench } = stage;
    const caller = await bench.caller(asked);
    const [without, other] = [await bench.user(), await bench.user()];
    await givePassword(bench, other, password);
    directory.isDown = true;
    for (const [userName, count] of [
      [without, 0],
      [other, 1],
    ] as const) {
      await expect(
        bench.service.authenticate(caller, typing(userName, 'wrong')),
      ).rejects.toMatchObject({ code: 'back-end-unavailable' });
      expect(await lockCountOf(bench, userName)).toBe(count);
    }
    expect(await outcomeOf(bench, caller, typing(other, password))).toBe('accepted by password');
    directory.isDown = false;
  });
});
