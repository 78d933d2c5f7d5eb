import { describe, expect, test } from 'vitest';
import type { BackEnd } from '../../../src/service/ports.ts';
import { TallystickError } from '../../../src/errors.ts';
import type { AuthenticateRequest, Caller } from '../../../src/service/index.ts';
import { type Bench, hotp6, ocraTime } from '../../support/builders.ts';
import { giveContact, givePassword } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import {
  issuedFor,
  lockCountOf,
  openStage,
  outcomeOf,
  silent,
  typing,
  virtualUser,
} from './support.ts';

/** Whatever fails around them, guesses count. */

const three = { ...silent, userLockThreshold: 3 } as const;

/** What a guess came to, failed or not. */
function tried(bench: Bench, caller: Caller, request: AuthenticateRequest): Promise<string> {
  return outcomeOf(bench, caller, request).catch((error: unknown) => {
    if (error instanceof TallystickError) return `failed: ${error.code}`;
    throw error;
  });
}

async function guess(
  bench: Bench,
  caller: Caller,
  userName: string,
  texts: readonly string[],
): Promise<readonly string[]> {
  const came: string[] = [];
  for (const text of texts) came.push(await tried(bench, caller, typing(userName, text)));
  return came;
}

function lose({ module }: Bench, serial: string): void {
  for (const [seedId, seed] of module.memory.seeds) {
    if (seed.owner.startsWith(`${serial}/`)) module.memory.seeds.delete(seedId);
  }
}

const wrongResponses = ['100000', '100001', '100002', '100003'];

describe('guesses count', () => {
  test('at responses, while passwords wait too long', async () => {
    const { bench } = await openStage({ hasSlowHash: true });
    const caller = await bench.caller({
      ...three,
      localAuthentication: 'authenticator-or-password',
    });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const flood = Array.from({ length: 400 }, (_, at) =>
      tried(bench, caller, typing(`nobody-${at}`, 'x')),
    );
    await guess(bench, caller, userName, wrongResponses);
    const right = typing(userName, device.response({ counter: 0 }));
    expect(await tried(bench, caller, right)).not.toMatch(/^accepted/);
    expect(await lockCountOf(bench, userName)).toBe(3);
    await Promise.all(flood);
    await bench.close();
  });

  test('at responses, while the back end is down', async () => {
    const down = () => Promise.reject(new Error('down'));
    const backEnd: BackEnd = { verify: down, changePassword: down };
    const { bench } = await openStage({ backEnd });
    const caller = await bench.caller({
      ...three,
      localAuthentication: 'authenticator-or-password',
      backEndAuthentication: 'if-needed',
    });
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    await guess(bench, caller, userName, wrongResponses);
    expect(await lockCountOf(bench, userName)).toBe(3);
    await bench.close();
  });

  test('at passwords, where a device lost its seed', async () => {
    const stage = await openStage();
    const { bench } = stage;
    const caller = await bench.caller({ ...three, primaryVirtualRequestMethod: 'password' });
    const userName = await virtualUser(stage, '739184');
    const { serial } = await bench.device(hotp6, { userName });
    lose(bench, serial);
    await guess(bench, caller, userName, ['739180', '739181', '739182', '739183']);
    expect(await lockCountOf(bench, userName)).toBe(3);
    expect(await tried(bench, caller, typing(userName, '739184'))).toBe('user-locked');
    await bench.close();
  });

  test('at what was sent, where a device lost its seed: three and it is gone', async () => {
    const stage = await openStage();
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...silent,
      userLockThreshold: 0,
      primaryVirtualRequestMethod: 'keyword-only',
      primaryVirtualRequestKeyword: 'otp',
    });
    const userName = await virtualUser(stage);
    const { serial } = await bench.device(hotp6, { userName });
    lose(bench, serial);
    await issuedFor(bench, caller, typing(userName, 'otp'));
    const wrong = delivery.otp() === '100000' ? '100001' : '100000';
    await guess(bench, caller, userName, [wrong, wrong, wrong]);
    expect(await tried(bench, caller, typing(userName, delivery.otp()))).not.toMatch(/^accepted/);
    await bench.close();
  });

  test.each([
    ['nothing else', ''],
    // Four characters for the PIN and eight digits: an answer, but there is no challenge.
    ['what a device shows as well', '0000000'],
  ])('at a PIN in a request, where the text is %s', async (_, behind) => {
    const { bench } = await openStage();
    const caller = await bench.caller({
      ...three,
      twoStepRequestMethod: 'keyword-pin',
      twoStepRequestKeyword: 'c',
    });
    const userName = await bench.user();
    const { serial } = await bench.device(ocraTime, { userName });
    await givePin(bench, serial, '4721');
    const texts = ['c1000', 'c1001', 'c1002', 'c1003'].map((text) => `${text}${behind}`);
    await guess(bench, caller, userName, texts);
    expect(await lockCountOf(bench, userName)).toBe(3);
    await bench.close();
  });
});

describe('while the back end is down, and passwords ask for something', () => {
  const down = () => Promise.reject(new Error('down'));
  const settings = {
    ...three,
    backEndAuthentication: 'if-needed',
    backupVirtual: 'permitted',
    backupVirtualRequestMethod: 'password',
  } as const;

  async function outage(pin: string | null = null) {
    const { bench } = await openStage({ backEnd: { verify: down, changePassword: down } });
    const caller = await bench.caller(settings);
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    if (pin !== null) await givePin(bench, device.serial, pin);
    return { bench, caller, userName, device };
  }

  test.each([null, '4721'])('a device lets its user in, its PIN being %s', async (pin) => {
    const { bench, caller, userName, device } = await outage(pin);
    const text = `${pin ?? ''}${device.response({ counter: 0 })}`;
    expect(await tried(bench, caller, typing(userName, text))).toBe('accepted by response');
    expect(await tried(bench, caller, typing(userName, text))).toBe('response-replayed');
    await bench.close();
  });

  test('a device lets its user in, also while something else is on its way', async () => {
    const { bench, userName } = await outage();
    const device = await bench.device({ kind: 'event', hash: 'SHA1', digits: 8 }, { userName });
    const caller = await bench.caller({
      ...settings,
      backupVirtualRequestMethod: 'keyword-only',
      backupVirtualRequestKeyword: 'otp',
    });
    await giveContact(bench, userName);
    await issuedFor(bench, caller, typing(userName, 'otp'));
    // Eight digits: a response, or a password of two before the six that were sent.
    const text = device.response({ counter: 0 });
    expect(await tried(bench, caller, typing(userName, text))).toBe('accepted by response');
    await bench.close();
  });

  test('wrong responses count, and are answered as those of nobody', async () => {
    const { bench, caller, userName, device } = await outage();
    const came = await guess(bench, caller, userName, wrongResponses.slice(0, 3));
    expect(came).toEqual(['response-incorrect', 'response-incorrect', 'response-incorrect']);
    expect(await lockCountOf(bench, userName)).toBe(3);
    const right = typing(userName, device.response({ counter: 0 }));
    expect(await tried(bench, caller, right)).toBe('user-locked');
    const generic = await bench.caller({ ...settings, genericAnswers: true });
    const other = await bench.user();
    await bench.device(hotp6, { userName: other });
    const answerTo = (name: string) => bench.service.authenticate(generic, typing(name, '100000'));
    expect(await answerTo(other)).toEqual(await answerTo('nobody-at-all'));
    await bench.close();
  });

  test('what no device shows is a technical fault, and counts for nobody', async () => {
    const { bench, caller, userName } = await outage();
    const texts = ['Sommer-2026', '1234567', '12345'];
    const came = await guess(bench, caller, userName, texts);
    expect(new Set(came)).toEqual(new Set(['failed: back-end-unavailable']));
    expect(await lockCountOf(bench, userName)).toBe(0);
    await bench.close();
  });

  test('so is what a device shows that may not serve', async () => {
    const { bench, userName, device } = await outage();
    const caller = await bench.caller({ ...settings, backupVirtual: 'required' });
    const text = device.response({ counter: 0 });
    expect(await tried(bench, caller, typing(userName, text))).toBe('failed: back-end-unavailable');
    expect(await lockCountOf(bench, userName)).toBe(0);
    await bench.close();
  });
});

test('nothing tells a user with a virtual device from one with none, where nothing is sent', async () => {
  const stage = await openStage();
  const { bench } = stage;
  const caller = await bench.caller(three);
  const virtual = await virtualUser(stage);
  const none = await bench.user();
  expect(await outcomeOf(bench, caller, typing(virtual, '100000'))).toBe('authenticator-none');
  expect(await outcomeOf(bench, caller, typing(none, '100000'))).toBe('authenticator-none');
  expect(await lockCountOf(bench, virtual)).toBe(await lockCountOf(bench, none));
  await bench.close();
});

test('password, PIN and response answer a challenge, whatever other devices there are', async () => {
  const { bench } = await openStage();
  const caller = await bench.caller({
    ...silent,
    twoStepRequestMethod: 'keyword-only',
    twoStepRequestKeyword: 'c',
  });
  const userName = await bench.user();
  await givePassword(bench, userName, 'Sommer-2026');
  const beside = await bench.device(hotp6, { userName });
  await givePin(bench, beside.serial, '4721');
  const device = await bench.device(ocraTime, { userName });
  await givePin(bench, device.serial, '4721');
  const issued = await issuedFor(bench, caller, typing(userName, 'c'));
  const nowMs = bench.clock.nowMs();
  const response = device.response({ nowMs, challenge: issued.challenge ?? '' });
  const answer = typing(userName, `Sommer-20264721${response}`, {
    challengeKey: issued.challengeKey,
  });
  expect(await outcomeOf(bench, caller, answer)).toBe('accepted by response');
  await bench.close();
});
