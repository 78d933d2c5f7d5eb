import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/service/index.ts';
import { hotp6, ocraTime, type TestDevice } from '../../support/builders.ts';
import { giveContact, givePassword, setAuthenticator } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import {
  issuedFor,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
  virtualUser,
} from './support.ts';

/** What changes between a request and its answer ends what was asked for. */

let stage: Stage;
let byPassword: Caller;
let backup: Caller;
let backupByPin: Caller;
let challenge: Caller;

const password = 'Sommer-2026';

beforeAll(async () => {
  stage = await openStage();
  const { bench } = stage;
  byPassword = await bench.caller({ ...silent, primaryVirtualRequestMethod: 'password' });
  challenge = await bench.caller({ ...silent, twoStepRequestMethod: 'password' });
  const permitted = {
    ...silent,
    backupVirtual: 'permitted',
    backupVirtualRequestKeyword: 'otp',
  } as const;
  backup = await bench.caller({ ...permitted, backupVirtualRequestMethod: 'keyword-only' });
  backupByPin = await bench.caller({ ...permitted, backupVirtualRequestMethod: 'keyword-pin' });
});

afterAll(() => stage.bench.close());

async function backedUp(): Promise<{ userName: string; device: TestDevice }> {
  const { bench } = stage;
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  await giveContact(bench, userName);
  return { userName, device };
}

describe('what was sent is worth nothing any more', () => {
  test('after the password was set', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const { challengeKey } = await issuedFor(bench, byPassword, typing(userName, password));
    await givePassword(bench, userName, 'Herbst-2026');
    const answer = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, byPassword, answer)).toBe('challenge-superseded');
    await issuedFor(bench, byPassword, typing(userName, 'Herbst-2026'));
    const whole = typing(userName, delivery.otp());
    expect(await outcomeOf(bench, byPassword, whole)).not.toMatch(/^accepted/);
  });

  test('after its number was changed', async () => {
    const { bench, delivery } = stage;
    const userName = await virtualUser(stage);
    const { challengeKey } = await issuedFor(bench, byPassword, typing(userName, password));
    await giveContact(bench, userName, { mobile: '+4915199999999' });
    const answer = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, byPassword, answer)).toBe('challenge-superseded');
  });

  test('after the backup was forbidden, and permitted again', async () => {
    const { bench, delivery } = stage;
    const { userName, device } = await backedUp();
    const { challengeKey } = await issuedFor(bench, backup, typing(userName, 'otp'));
    await setAuthenticator(bench, device.serial, { backup: { mode: 'no' } });
    await setAuthenticator(bench, device.serial, { backup: { mode: 'permitted' } });
    const answer = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, backup, answer)).toBe('challenge-superseded');
  });

  test('where the request names another application', async () => {
    const { bench, delivery } = stage;
    const { userName } = await backedUp();
    await issuedFor(bench, backup, typing(userName, 'otp'));
    const answer = typing(userName, delivery.otp(), { applicationName: 'NOBODY' });
    expect(await outcomeOf(bench, backup, answer)).not.toMatch(/^accepted/);
    expect(await outcomeOf(bench, backup, typing(userName, delivery.otp()))).toMatch(/^accepted/);
  });
});

test('a challenge is worth nothing after the password was set', async () => {
  const { bench } = stage;
  const userName = await bench.user();
  const device = await bench.device(ocraTime, { userName });
  await givePassword(bench, userName, password);
  const issued = await issuedFor(bench, challenge, typing(userName, password));
  await givePassword(bench, userName, 'Herbst-2026');
  const nowMs = bench.clock.nowMs();
  const response = device.response({ nowMs, challenge: issued.challenge ?? '' });
  const answer = typing(userName, response, { challengeKey: issued.challengeKey });
  expect(await outcomeOf(bench, challenge, answer)).toBe('challenge-superseded');
});

describe('the PIN of the device that is stood in for', () => {
  test('was shown with the request: only who holds its key leaves it out', async () => {
    const { bench, delivery } = stage;
    const { userName, device } = await backedUp();
    await givePin(bench, device.serial, '4721');
    const { challengeKey } = await issuedFor(bench, backupByPin, typing(userName, 'otp4721'));
    const alone = typing(userName, delivery.otp());
    expect(await outcomeOf(bench, backupByPin, alone)).not.toMatch(/^accepted/);
    const byKey = typing(userName, delivery.otp(), { challengeKey });
    expect(await outcomeOf(bench, backupByPin, byKey)).toBe('accepted by virtual-otp');
  });

  test.each([
    ['has to be changed', '4721'],
    ['has to be set', null],
  ])('%s: what was sent is used up, and lets nobody in', async (_, pin) => {
    const { bench, delivery } = stage;
    const { userName, device } = await backedUp();
    await givePin(bench, device.serial, pin, { isChangeForced: true });
    await issuedFor(bench, backup, typing(userName, 'otp'));
    const answer = typing(userName, `${pin ?? ''}${delivery.otp()}`);
    expect(await outcomeOf(bench, backup, answer)).toBe('pin-change-required');
    expect(await outcomeOf(bench, backup, answer)).not.toMatch(/^accepted|change-required/);
  });
});
