import { beforeAll, expect, test } from 'vitest';
import type { AuthenticateRequest, Caller, Service } from '../../../src/service/index.ts';
import { ocraTime } from '../../support/builders.ts';
import { openTwoInstances, type TwoInstances } from '../../store/support/two-instances.ts';
import { describeLayer } from '../../support/layers.ts';
import {
  giveContact,
  giveGateway,
  givePassword,
  giveVirtual,
  scriptedDelivery,
} from '../../support/people.ts';
import { tally } from '../support.ts';
import { issuedFor, outcomeOf, silent, typing } from './support.ts';

describeLayer('postgresql', 'logons of two steps at two instances', () => {
  const delivery = scriptedDelivery();
  let instances: TwoInstances;
  let caller: Caller;

  beforeAll(async () => {
    instances = await openTwoInstances({ delivery });
    await giveGateway(placeOf());
    caller = await instances.make.caller({
      ...silent,
      twoStepRequestMethod: 'keyword-only',
      twoStepRequestKeyword: 'c',
      primaryVirtualRequestMethod: 'password',
      userLockThreshold: 0,
      virtualSendsPerUserPerHour: 3,
    });
    return () => instances.close();
  });

  function placeOf(): Parameters<typeof giveGateway>[0] {
    const { stores, module, clock } = instances;
    return { store: stores[0], module, clock };
  }

  const at = (service: Service, request: AuthenticateRequest): Promise<string> =>
    outcomeOf({ service }, caller, request);

  async function virtualUser(): Promise<string> {
    const userName = await instances.make.user();
    await giveVirtual(placeOf(), userName);
    await giveContact(placeOf(), userName);
    await givePassword(placeOf(), userName, 'Sommer-2026');
    return userName;
  }

  test('a challenge that one issued is answered once, at the other', async () => {
    const { one, two, make, clock } = instances;
    const userName = await make.user();
    const device = await make.device(ocraTime, { userName });
    const issued = await issuedFor({ service: one }, caller, typing(userName, 'c'));
    const { challenge, challengeKey } = issued;
    const text = device.response({ nowMs: clock.nowMs(), challenge: challenge ?? '' });
    const answer = typing(userName, text, { challengeKey });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => at(index % 2 === 0 ? one : two, answer)),
    );
    expect(tally(answers)['accepted by response']).toBe(1);
    expect(await at(two, answer)).not.toContain('accepted');
  });

  test('what one sent is shown at the other; what the other sent takes its place', async () => {
    const { one, two } = instances;
    const userName = await virtualUser();
    const first = await issuedFor({ service: one }, caller, typing(userName, 'Sommer-2026'));
    const firstOtp = delivery.otp();
    await issuedFor({ service: two }, caller, typing(userName, 'Sommer-2026'));
    const { challengeKey } = first;
    expect(await at(two, typing(userName, firstOtp, { challengeKey }))).toBe('response-replayed');
    const shown = typing(userName, `Sommer-2026${delivery.otp()}`);
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => at(index % 2 === 0 ? one : two, shown)),
    );
    expect(tally(answers)['accepted by virtual-otp']).toBe(1);
  });

  test('a limit of messages is one for both', async () => {
    const { one, two } = instances;
    const userName = await virtualUser();
    const before = delivery.sent.length;
    const outcomes: string[] = [];
    for (const service of [one, two, one, two, one]) {
      outcomes.push(await at(service, typing(userName, 'Sommer-2026')));
    }
    expect(outcomes.slice(0, 3)).toEqual(['issued', 'issued', 'issued']);
    expect(outcomes.slice(3)).toEqual(['virtual-send-limit', 'virtual-send-limit']);
    expect(delivery.sent.length).toBe(before + 3);
  });

  test('at both at once, one is live in the end', async () => {
    const { one, two, stores, clock } = instances;
    const userName = await virtualUser();
    await Promise.all([one, two].map((service) => at(service, typing(userName, 'Sommer-2026'))));
    const [user] = (
      await stores[0].users((await stores[0].loadConfiguration()).domains[0]!.id, {
        after: '',
        limit: 1000,
      })
    ).filter((each) => each.userName === userName);
    const open = await stores[1].openOtp(user!.id, caller.componentType, clock.nowMs());
    const otps = delivery.sent.slice(-2).map(({ text }) => /[0-9]{6}/.exec(text)?.[0] ?? '');
    const answers: string[] = [];
    for (const otp of otps) answers.push(await at(two, typing(userName, `Sommer-2026${otp}`)));
    expect(open).not.toBeNull();
    expect(answers.toSorted()).toEqual(['accepted by virtual-otp', 'response-incorrect']);
  });
});
