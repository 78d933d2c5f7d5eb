import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hotp6 } from '../../support/builders.ts';
import type { Message } from '../../../src/service/ports.ts';
import { giveContact, giveGateway, setAuthenticator, setUser } from '../../support/people.ts';
import { interrupting, tally } from '../support.ts';
import {
  issuedFor,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
  virtualUser,
} from './support.ts';

let stage: Stage;

const byKeyword = {
  ...silent,
  primaryVirtualRequestMethod: 'keyword-only',
  primaryVirtualRequestKeyword: 'otp',
} as const;
const down = { kind: 'unreachable', detail: 'ECONNREFUSED' } as const;

beforeAll(async () => {
  stage = await openStage();
  await giveGateway(stage.bench, 'sms', { name: 'second sms', position: 2 });
  await giveGateway(stage.bench, 'email');
  await giveGateway(stage.bench, 'voice');
});

afterAll(() => stage.bench.close());

const everywhere = {
  email: 'jane@example.test',
  mobile: '+4915112345678',
  phone: '+498912345678',
};

async function reachable(): Promise<string> {
  const userName = await virtualUser(stage);
  await giveContact(stage.bench, userName, everywhere);
  return userName;
}

const ways = (messages: readonly Message[]): string[] =>
  messages.map(({ channel, to }) => `${channel} ${to}`).sort();

describe('the ways that a message goes', () => {
  test.each([
    ['email', ['email jane@example.test']],
    ['sms', ['sms +4915112345678']],
    ['voice', ['voice +498912345678']],
    ['email-sms', ['email jane@example.test', 'sms +4915112345678']],
    ['sms-voice', ['sms +4915112345678', 'voice +498912345678']],
    ['email-voice', ['email jane@example.test', 'voice +498912345678']],
  ] as const)('%s', async (virtualDelivery, expected) => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...byKeyword, virtualDelivery });
    const userName = await reachable();
    delivery.sent.length = 0;
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(ways(delivery.sent)).toEqual(expected);
    expect(await outcomeOf(bench, caller, typing(userName, delivery.otp()))).toBe(
      'accepted by virtual-otp',
    );
  });

  test('a user has his own, and a message its own words', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({
      ...byKeyword,
      virtualMessage: 'Code [OTP] for the portal',
      virtualChallengeText: 'Code?',
      virtualOtpDigits: 8,
    });
    const userName = await reachable();
    await setUser(bench, userName, { contact: { ...everywhere, deliveryMethod: 'email' } });
    delivery.sent.length = 0;
    const { message } = await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(message).toBe('Code?');
    expect(delivery.sent).toEqual([
      {
        channel: 'email',
        to: 'jane@example.test',
        text: expect.stringMatching(/^Code [0-9]{8} for the portal$/) as string,
      },
    ]);
  });

  test('the next gateway when one fails, then the fallback, then nothing', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...byKeyword, virtualDeliveryFallback: 'email' });
    const userName = await reachable();
    const deliveries: unknown[] = [];
    for (const failures of [1, 2]) {
      delivery.sent.length = 0;
      for (let failed = 0; failed < failures; failed += 1) delivery.failures.push(down);
      await issuedFor(bench, caller, typing(userName, 'otp'));
      deliveries.push(ways(delivery.sent), (await bench.lastAudit()).details['delivery']);
    }
    expect(deliveries).toEqual([
      ['sms +4915112345678'],
      'sms: second sms (sms gateway unreachable: ECONNREFUSED)',
      ['email jane@example.test'],
      'sms: not sent (sms gateway unreachable: ECONNREFUSED, second sms unreachable: ECONNREFUSED); email: email gateway',
    ]);
    for (let failed = 0; failed < 3; failed += 1) delivery.failures.push(down);
    await expect(bench.service.authenticate(caller, typing(userName, 'otp'))).rejects.toMatchObject(
      {
        code: 'delivery-failed',
        failures: [
          { channel: 'sms', gateway: 'sms gateway', kind: 'unreachable', cause: 'ECONNREFUSED' },
          { channel: 'sms', gateway: 'second sms', kind: 'unreachable', cause: 'ECONNREFUSED' },
          {
            channel: 'email',
            gateway: 'email gateway',
            kind: 'unreachable',
            cause: 'ECONNREFUSED',
          },
        ],
      },
    );
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'delivery-failed' });
  });

  test('what did not go leaves an earlier one good, and counts for nothing', async () => {
    const { bench, delivery } = stage;
    const caller = await bench.caller({ ...byKeyword, virtualSendsPerUserPerHour: 2 });
    const userName = await reachable();
    await issuedFor(bench, caller, typing(userName, 'otp'));
    const otp = delivery.otp();
    for (let failed = 0; failed < 4; failed += 1) delivery.failures.push(down);
    for (let tries = 0; tries < 2; tries += 1) {
      await expect(
        bench.service.authenticate(caller, typing(userName, 'otp')),
      ).rejects.toMatchObject({ code: 'delivery-failed' });
    }
    expect(await outcomeOf(bench, caller, typing(userName, otp))).toBe('accepted by virtual-otp');
    await issuedFor(bench, caller, typing(userName, 'otp'));
    expect(await outcomeOf(bench, caller, typing(userName, 'otp'))).toBe('virtual-send-limit');
  });

  test('without an address or a gateway nothing goes', async () => {
    const { bench } = stage;
    const caller = await bench.caller(byKeyword);
    const userName = await virtualUser(stage);
    await giveContact(bench, userName, { mobile: null });
    const cause = 'no address of the user';
    await expect(bench.service.authenticate(caller, typing(userName, 'otp'))).rejects.toMatchObject(
      { failures: [{ channel: 'sms', gateway: null, kind: 'contract', cause }] },
    );
    const { details } = await bench.lastAudit();
    expect(details['delivery']).toBe('sms: not sent (no address of the user)');
  });
});

describe('time', () => {
  const slow = async (work: (own: Stage, gatewayMs: number[]) => Promise<void>): Promise<void> => {
    const gatewayMs: number[] = [];
    const own = await openStage({ limits: { sendDeadlineMs: 15_000 } });
    const send = own.delivery.send.bind(own.delivery);
    own.delivery.send = (...args) => {
      const [, , , { deadlineMs }] = args;
      gatewayMs.push(deadlineMs);
      own.bench.clock.advance(deadlineMs / 1000);
      return send(...args);
    };
    try {
      await work(own, gatewayMs);
    } finally {
      await own.bench.close();
    }
  };

  test('that is over leaves the other gateways untried, the fallback too', () =>
    slow(async (own, gatewayMs) => {
      const { bench, delivery } = own;
      await giveGateway(bench, 'sms', { name: 'second', position: 2 });
      await giveGateway(bench, 'sms', { name: 'third', position: 3 });
      await giveGateway(bench, 'email');
      const caller = await bench.caller({ ...byKeyword, virtualDeliveryFallback: 'email' });
      const userName = await virtualUser(own);
      await giveContact(bench, userName, everywhere);
      delivery.failures.push(down, down);
      const cause = 'not tried, the time for the whole message was over';
      await expect(
        bench.service.authenticate(caller, typing(userName, 'otp')),
      ).rejects.toMatchObject({
        code: 'delivery-failed',
        failures: [
          { gateway: 'sms gateway', kind: 'unreachable' },
          { gateway: 'second', kind: 'unreachable' },
          { channel: 'sms', gateway: 'third', kind: 'time', cause },
          { channel: 'email', gateway: 'email gateway', kind: 'time', cause },
        ],
      });
      expect(gatewayMs).toEqual([10_000, 5_000]);
      expect((await bench.lastAudit()).details['delivery']).toContain(`third time: ${cause}`);
      expect(delivery.sent).toEqual([]);
    }));

  test('to type what was sent begins when it has gone', () =>
    slow(async (own) => {
      const { bench, delivery } = own;
      const caller = await bench.caller({ ...byKeyword, virtualOtpLifetimeSeconds: 60 });
      const userName = await virtualUser(own);
      const { expiresAtMs } = await issuedFor(bench, caller, typing(userName, 'otp'));
      expect(expiresAtMs).toBe(bench.clock.nowMs() + 60_000);
      bench.clock.advance(59);
      expect(await outcomeOf(bench, caller, typing(userName, delivery.otp()))).toBe(
        'accepted by virtual-otp',
      );
      await issuedFor(bench, caller, typing(userName, 'otp'));
      bench.clock.advance(60);
      expect(await outcomeOf(bench, caller, typing(userName, delivery.otp()))).toBe(
        'response-incorrect',
      );
    }));
});

describe('limits', () => {
  const limited = async (
    settings: object,
    options: object,
    requests: number,
  ): Promise<Record<string, number>> => {
    const own = await openStage(options);
    try {
      const { bench } = own;
      const caller = await bench.caller({ ...byKeyword, ...settings });
      const userNames: string[] = [];
      for (let index = 0; index < requests; index += 1) userNames.push(await virtualUser(own));
      const ask = (userName: string): Promise<string> =>
        outcomeOf(bench, caller, typing(userName, 'otp'));
      const outcomes = tally(await Promise.all(userNames.map(ask)));
      expect(own.delivery.sent.length).toBe(outcomes['issued']);
      bench.clock.advance(3600);
      expect(await ask(userNames[0] ?? '')).toBe('issued');
      return outcomes;
    } finally {
      await own.bench.close();
    }
  };

  test('of a component hold for many at once, for an hour of the clock', async () => {
    const outcomes = await limited({ virtualSendsPerComponentPerHour: 3 }, {}, 8);
    expect(outcomes).toEqual({ issued: 3, 'virtual-send-limit': 5 });
  });

  test('of the installation as well', async () => {
    const outcomes = await limited({}, { limits: { sendsPerHourMax: 2 } }, 6);
    expect(outcomes).toEqual({ issued: 2, 'virtual-send-limit': 4 });
  });

  test('of a user: what he was refused costs the others nothing', async () => {
    const { bench } = stage;
    const caller = await bench.caller({
      ...byKeyword,
      virtualSendsPerUserPerHour: 1,
      virtualSendsPerComponentPerHour: 2,
    });
    const [one, other] = [await reachable(), await reachable()];
    const outcomes: string[] = [];
    for (const userName of [one, one, one, other]) {
      outcomes.push(await outcomeOf(bench, caller, typing(userName, 'otp')));
    }
    expect(outcomes).toEqual(['issued', 'virtual-send-limit', 'virtual-send-limit', 'issued']);
  });
});

describe('a conflict after the message went', () => {
  test('sends no other: the one that is on its way is issued', async () => {
    let conflict = (): Promise<void> => Promise.resolve();
    const { wrap, arm } = interrupting(() => conflict());
    const own = await openStage({ store: wrap });
    try {
      const { bench, delivery } = own;
      const caller = await bench.caller({
        ...byKeyword,
        primaryVirtualRequestKeyword: 'other',
        backupVirtualRequestMethod: 'keyword-only',
        backupVirtualRequestKeyword: 'otp',
        backupVirtual: 'permitted',
        backupVirtualUses: 5,
      });
      const userName = await virtualUser(own);
      const { serial } = await bench.device(hotp6, { userName });
      conflict = () => setAuthenticator(bench, serial, { backup: { usesLeft: 3 } });
      arm();
      const { challengeKey } = await issuedFor(bench, caller, typing(userName, 'otp'));
      expect(delivery.sent.length).toBe(1);
      const answer = typing(userName, delivery.otp(), { challengeKey });
      expect(await outcomeOf(bench, caller, answer)).toBe('accepted by virtual-otp');
    } finally {
      await own.bench.close();
    }
  });
});
