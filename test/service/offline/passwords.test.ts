import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { BackEnd } from '../../../src/service/ports.ts';
import type { OfflineLogonAnswer } from '../../../src/service/api.ts';
import { hotp6, ocraBare, openBench, type TestDevice } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { givePassword } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import { asking, codeOf, interrupting } from '../support.ts';
import { lockCountOf } from '../two-step/support.ts';
import { type OfflineBench, openOfflineBench } from './support.ts';

const password = 'Sommer-2026';
const pin = '472193';
const known = 'From-The-Directory';
const required: PolicySettings = { offlineRequirePassword: true, userLockThreshold: 0 };
const backEnd: BackEnd = {
  verify: (_, given) => Promise.resolve(given === known ? 'right' : 'wrong'),
  changePassword: () => Promise.resolve('refused'),
};

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench(required, await openBench({ backEnd }));
});
afterAll(() => offline.bench.close());

interface Person {
  readonly userName: string;
  readonly device: TestDevice;
  readonly agent: TestAgent;
  /** The next response, with whatever stands in front of it. */
  readonly typing: (front: string) => Promise<OfflineLogonAnswer>;
}

async function person(
  kept: string | null = password,
  desk: OfflineBench = offline,
): Promise<Person> {
  const { userName, device } = await desk.owner(hotp6);
  await givePin(desk.bench, device.serial, pin);
  if (kept !== null) await givePassword(desk.bench, userName, kept);
  const agent = await desk.agent();
  let counter = 0;
  return {
    userName,
    device,
    agent,
    typing: (front) => {
      const text = `${front}${device.response({ counter })}`;
      counter += 1;
      const credential = { format: 'combined', text } as const;
      return desk.logon(agent, { ...asking(userName, {}), credential });
    },
  };
}

function statusOf(answer: OfflineLogonAnswer): unknown {
  return answer.outcome === 'accepted' ? answer.offline : answer;
}

async function handleOf({ typing }: Person, front = `${password}${pin}`): Promise<string> {
  const answer = await typing(front);
  if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
    throw new Error(JSON.stringify(answer));
  }
  return answer.offline.handle;
}

describe('where the static password is required at workstations', () => {
  it('it stands in front of PIN and response, and the package asks for it', async () => {
    const one = await person();
    const { header } = await offline.fetch(one.agent, await handleOf(one));
    expect(header).toMatchObject({ pinMode: 'server', isPasswordRequired: true });
    const stored = await offline.bench.store.offlinePackageById(header.packageId);
    expect(stored?.passwordVersion).toBeGreaterThan(0);
  });

  it('it may be digits, and stand in front of a response alone', async () => {
    const digits = await person('20262026');
    expect(await handleOf(digits, `20262026${pin}`)).toBeTypeOf('string');
    const bare = await person();
    await givePin(offline.bench, bare.device.serial, null, { isEnabled: false });
    const { header } = await offline.fetch(bare.agent, await handleOf(bare, password));
    expect(header).toMatchObject({ pinMode: 'none', isPasswordRequired: true });
  });

  it.each([
    ['missing', pin],
    ['wrong', `Winter-2026${pin}`],
    ['behind the PIN', `${pin}${password}`],
    ['there, but no PIN', password],
  ])('a logon is refused and counts when it is %s', async (_, front) => {
    const one = await person();
    const refused = { outcome: 'refused' };
    expect(await one.typing(front)).toMatchObject(refused);
    expect(await lockCountOf(offline.bench, one.userName)).toBe(1);
    expect(await offline.bench.lastAudit()).toMatchObject({ action: 'authenticate' });
    // Whatever else was right is not used up.
    expect(await handleOf(one)).toBeTypeOf('string');
  });

  it('parts may be told apart', async () => {
    const { userName, device, agent } = await person();
    const response = device.response({ counter: 0 });
    const credential = { format: 'separate', pin, response, newPin: null } as const;
    const shown = (staticPassword: string | null): Promise<OfflineLogonAnswer> =>
      offline.logon(agent, {
        ...asking(userName, {}),
        credential: { ...credential, staticPassword },
      });
    expect(await shown(null)).toMatchObject({ outcome: 'refused' });
    expect(await shown('Winter-2026')).toMatchObject({ outcome: 'refused' });
    expect(statusOf(await shown(password))).toMatchObject({ status: 'available' });
  });

  it('whoever has none logs on without it, and gets no package', async () => {
    const one = await person(null);
    const none = { status: 'not-permitted', reason: 'password-none' };
    expect(statusOf(await one.typing(pin))).toEqual(none);
  });

  it('one that only the back end knows makes no package', async () => {
    const asksToo = await openOfflineBench(
      { ...required, backEndAuthentication: 'if-needed' },
      offline.bench,
    );
    const none = { status: 'not-permitted', reason: 'password-none' };
    const kept = await person(password, asksToo);
    expect(statusOf(await kept.typing(`${known}${pin}`))).toEqual(none);
    expect(statusOf(await kept.typing(`${password}${pin}`))).toMatchObject({ status: 'available' });
  });

  it('every refusal looks at as many, whoever it is about', async () => {
    const [one, without] = [await person(), await person(null)];
    const hmac = vi.spyOn(offline.bench.module, 'hmac');
    const looked = async (text: string, userName: string): Promise<number> => {
      hmac.mockClear();
      const credential = { format: 'combined', text } as const;
      const answer = await offline.logon(one.agent, { ...asking(userName, {}), credential });
      expect(answer).toMatchObject({ outcome: 'refused' });
      return hmac.mock.calls.filter(([key]) => key === 'password-mac').length;
    };
    for (const text of [`Winter-2026${pin}000000`, `${pin}000000`, `${password}${pin}000000`]) {
      for (const userName of [one.userName, without.userName, 'nobody']) {
        expect(await looked(text, userName), `${userName} by ${text}`).toBe(2);
      }
    }
    hmac.mockRestore();
  });

  it('nobody else is asked for it', async () => {
    const { userName, device } = await person();
    const credential = { format: 'combined', text: `${pin}${device.response({ counter: 0 })}` };
    const request = { ...asking(userName, {}), credential } as Parameters<typeof codeOf>[2];
    expect(await codeOf(offline.bench.service, offline.caller, request)).toBe('accepted');
  });
});

describe('another password', () => {
  const change = async ({ userName }: Person): Promise<void> => {
    const { service, admin } = offline.bench;
    const given = { password: 'Herbst-2026', confirmation: 'Herbst-2026', policyName: null };
    await service.administration.setPassword(admin, null, userName, given);
  };

  it('ends a package at the next report', async () => {
    const one = await person();
    const { header } = await offline.fetch(one.agent, await handleOf(one));
    const { packageId } = header;
    one.agent.held = [{ packageId, state: 'installed', eventsUsed: 0 }];
    one.agent.note('installed', { packageId, atMs: offline.bench.clock.nowMs() });
    expect((await offline.report(one.agent)).packageIds).toEqual([packageId]);
    await change(one);
    expect((await offline.report(one.agent)).packageIds).toEqual([]);
  });

  it('ends the handle of a logon with the one before', async () => {
    const one = await person();
    const handle = await handleOf(one);
    await change(one);
    await expect(offline.fetch(one.agent, handle)).rejects.toMatchObject({ code: 'not-found' });
  });
});

it('another password while the answer is written refuses the logon', async () => {
  let userName = '';
  const hook = interrupting(() => givePassword(desk.bench, userName, 'Herbst-2026'));
  const desk = await openOfflineBench(required, await openBench({ store: hook.wrap }));
  const one = await person(password, desk);
  ({ userName } = one);
  hook.arm();
  expect(await one.typing(`${password}${pin}`)).toMatchObject({ outcome: 'refused' });
  expect(statusOf(await one.typing(`Herbst-2026${pin}`))).toMatchObject({ status: 'available' });
  await desk.bench.close();
});

it('makes no package where the PIN was shown with the request, and so not behind the password', async () => {
  const asked = { twoStepRequestMethod: 'keyword-pin', twoStepRequestKeyword: 'c' } as const;
  const desk = await openOfflineBench({ ...required, ...asked }, offline.bench);
  const { userName, device } = await desk.owner(ocraBare);
  await givePin(desk.bench, device.serial, pin);
  await givePassword(desk.bench, userName, password);
  const agent = await desk.agent();
  const answer = async (own: string | null): Promise<unknown> => {
    const credential = { format: 'combined', text: `c${pin}` } as const;
    const issued = await desk.logon(agent, { ...asking(userName, {}), credential });
    if (issued.outcome !== 'challenge-issued') throw new Error(JSON.stringify(issued));
    const { challenge, challengeKey } = issued;
    const response = device.response({ challenge: challenge ?? '' });
    const parts = { format: 'separate', staticPassword: password, newPin: null } as const;
    return statusOf(
      await desk.logon(agent, {
        ...asking(userName, {}),
        challengeKey,
        credential: { ...parts, pin: own, response },
      }),
    );
  };
  expect(await answer(null)).toEqual({ status: 'not-permitted', reason: 'password-none' });
  expect(await answer(pin)).toMatchObject({ status: 'available' });
});

it('makes no package by a logon from before the policy was another', async () => {
  const settings = {
    offlineEnabled: true,
    offlineKeyMode: 'sw',
    offlinePinless: 'allowed',
  } as const;
  const desk = await openOfflineBench({}, offline.bench);
  const { service, admin } = offline.bench;
  const save = (isRequired: boolean): Promise<unknown> =>
    service.administration.savePolicy(
      admin,
      desk.caller.componentType,
      {
        parentName: 'Local Authentication',
        settings: { ...settings, offlineRequirePassword: isRequired },
      },
      { expectedVersion: null },
    );
  const without = await person(password, desk);
  const old = await handleOf(without, pin);
  await save(true);
  await expect(desk.fetch(without.agent, old)).rejects.toMatchObject({
    fields: { reason: 'password-none' },
  });
  const withIt = await handleOf(without);
  await save(false);
  await expect(desk.fetch(without.agent, withIt)).rejects.toMatchObject({ code: 'not-found' });
});

it('asks the back end for nothing where the password that is kept is in front', async () => {
  const asksToo = await openOfflineBench(
    { ...required, backEndAuthentication: 'if-needed' },
    offline.bench,
  );
  const one = await person(password, asksToo);
  // Where the password ends by the first device is not where it ends by the second.
  const second = await offline.bench.device(hotp6, { userName: one.userName });
  await givePin(offline.bench, second.serial, '47219384');
  const verify = vi.spyOn(backEnd, 'verify');
  for (const [front, device] of [
    [`${password}47219384`, second],
    [`${password}${pin}`, one.device],
  ] as const) {
    const text = `${front}${device.response({ counter: 0 })}`;
    const credential = { format: 'combined', text } as const;
    const answer = await asksToo.logon(one.agent, { ...asking(one.userName, {}), credential });
    expect(statusOf(answer)).toMatchObject({ status: 'available' });
  }
  expect(verify).not.toHaveBeenCalled();
  verify.mockRestore();
});
