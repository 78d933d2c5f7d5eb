import { afterEach, describe, expect, test } from 'vitest';
import type { Administration } from '../../src/service/index.ts';
import { type Bench, hotp6, type TestDevice } from '../support/builders.ts';
import { givePassword, setAuthenticator, setUser } from '../support/people.ts';
import { asking, codeOf, interrupting } from './support.ts';
import {
  issuedFor,
  openStage,
  outcomeOf,
  silent,
  typing,
  virtualUser,
} from './two-step/support.ts';

/** What an administrator changes while an attempt is on its way to the database. */

let bench: Bench;

afterEach(() => bench.close());

type Edit = (administration: Administration, serial: string) => Promise<unknown>;

const any = { expectedVersion: null };
const longAgoMs = 1;
const edits: readonly (readonly [string, Edit, string])[] = [
  [
    'the user disabled',
    (desk) => desk.updateUser(bench.admin, null, 'alice', { isDisabled: true }, any),
    'user-disabled',
  ],
  ['the user expired', () => setUser(bench, 'alice', { expiresAtMs: longAgoMs }), 'user-expired'],
  [
    'the user left with nothing that verifies him',
    () => setUser(bench, 'alice', { localAuthentication: 'none' }),
    'nothing-verifies',
  ],
  [
    'the authenticator disabled',
    (desk, serial) => desk.updateAuthenticator(bench.admin, serial, { isDisabled: true }, any),
    'authenticator-disabled',
  ],
  [
    'the authenticator stood in for',
    (_, serial) => setAuthenticator(bench, serial, { backup: { mode: 'required' } }),
    'authenticator-not-permitted',
  ],
  [
    'the authenticator unassigned',
    (desk, serial) => desk.unassignAuthenticator(bench.admin, serial),
    'authenticator-none',
  ],
];

describe('a right response is judged again, by what holds when it is written', () => {
  async function interruptedBy(edit: () => Promise<unknown>) {
    const hook = interrupting(edit);
    ({ bench } = await openStage({ store: hook.wrap }));
    const caller = await bench.caller(silent);
    await bench.user('alice');
    const device = await bench.device(hotp6, { userName: 'alice' });
    return { hook, caller, device };
  }

  test.each(edits)('%s', async (_, edit, code) => {
    let device: TestDevice | null = null;
    const made = await interruptedBy(() =>
      edit(bench.service.administration, device?.serial ?? ''),
    );
    device = made.device;
    const request = asking('alice', { response: device.response({ counter: 0 }) });
    made.hook.arm();
    expect(await codeOf(bench.service, made.caller, request)).toBe(code);
    expect(made.hook.commits.length).toBe(2);
    const view = await bench.service.administration.authenticator(bench.admin, device.serial);
    expect(view.applications[0]?.nextEventCounter).toBe(0n);
  });

  test('an edit that changes nothing about it costs one more round', async () => {
    const { hook, caller, device } = await interruptedBy(() =>
      setUser(bench, 'alice', { expiresAtMs: bench.clock.nowMs() + 1000 }),
    );
    hook.arm();
    const request = asking('alice', { response: device.response({ counter: 0 }) });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    expect(hook.commits.length).toBe(2);
  });

  test('a wrong one counts at once', async () => {
    const { hook, caller, device } = await interruptedBy(() =>
      setUser(bench, 'alice', { expiresAtMs: bench.clock.nowMs() + 1000 }),
    );
    hook.arm();
    const request = asking('alice', { response: device.wrong() });
    expect(await codeOf(bench.service, caller, request)).toBe('response-incorrect');
    expect(hook.commits.length).toBe(1);
  });
});

describe('what was sent is worth nothing', () => {
  test.each([
    ['once the password was set', (userName: string) => givePassword(bench, userName, 'Herbst')],
    [
      'once the authenticator was edited',
      async (userName: string) => {
        const { domains } = await bench.store.loadConfiguration();
        const user = await bench.store.userByName(domains[0]!.id, userName);
        const [found] = await bench.store.authenticatorsOfUser(user!.id);
        const { serial } = found!.authenticator;
        await setAuthenticator(bench, serial, { graceEndsAtMs: longAgoMs });
      },
    ],
  ])('%s, be it while the answer is written', async (_, edit) => {
    let userName = '';
    const hook = interrupting(() => edit(userName));
    const stage = await openStage({ store: hook.wrap });
    bench = stage.bench;
    const caller = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
    userName = await virtualUser(stage);
    const { challengeKey } = await issuedFor(bench, caller, typing(userName, 'Sommer-2026'));
    hook.arm();
    const answer = typing(userName, stage.delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, caller, answer)).toBe('challenge-superseded');
  });
});

test('who expires while he changes his password keeps the old one', async () => {
  const hook = interrupting(() => setUser(bench, 'alice', { expiresAtMs: longAgoMs }));
  ({ bench } = await openStage({ store: hook.wrap }));
  const caller = await bench.caller({ localAuthentication: 'authenticator-or-password' });
  await bench.user('alice');
  await givePassword(bench, 'alice', 'Sommer-2026');
  hook.arm();
  const answer = await bench.service.changePassword(caller, {
    userName: 'alice',
    domainName: null,
    password: 'Sommer-2026',
    newPassword: 'Herbst-2026',
    confirmation: 'Herbst-2026',
  });
  expect(answer).toMatchObject({ outcome: 'refused', code: 'user-expired' });
});
