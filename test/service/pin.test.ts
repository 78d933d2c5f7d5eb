import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PresentedCredential } from '../../src/domain/credential.ts';
import type { ServerPin } from '../../src/domain/model.ts';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import { type Caller, createService } from '../../src/service/index.ts';
import type { Store } from '../../src/service/store.ts';
import {
  type Bench,
  hotp6,
  ocraTime,
  openBench,
  type TestDevice,
  totp6,
} from '../support/builders.ts';
import { applicationOf, givePin, isPinOf } from '../support/pins.ts';
import { asking, codeOf, syncing } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

interface Held {
  readonly userName: string;
  readonly device: TestDevice;
  readonly caller: Caller;
}

async function holding(
  pin: string | null,
  set: Partial<ServerPin> = {},
  settings: PolicySettings = {},
): Promise<Held> {
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  await givePin(bench, device.serial, pin, set);
  return { userName, device, caller: await bench.caller(settings) };
}

async function tryWith(held: Held, credential: PresentedCredential): Promise<string> {
  const { caller, userName } = held;
  return codeOf(bench.service, caller, { ...asking(userName), credential });
}

async function standing({ userName, device }: Held): Promise<{
  lockCount: number;
  nextCounter: number;
  isPin: (pin: string) => Promise<boolean>;
  isForced: boolean;
}> {
  const view = await bench.service.administration.user(bench.admin, null, userName);
  const application = await applicationOf(bench, device.serial);
  return {
    lockCount: view.lockCount,
    nextCounter: Number(application.nextEventCounter),
    isForced: application.pin.isChangeForced,
    isPin: (pin) => isPinOf(bench, application, pin),
  };
}

/** Both ways of putting the same forward. */
const forms: readonly [
  string,
  (pin: string | null, response: string, changed?: [string, string]) => PresentedCredential,
][] = [
  [
    'combined',
    (pin, response, changed) => ({
      format: 'combined',
      text: `${pin ?? ''}${response}${changed?.join('') ?? ''}`,
    }),
  ],
  [
    'separate',
    (pin, response, changed) => ({
      format: 'separate',
      staticPassword: null,
      pin,
      response,
      newPin: changed === undefined ? null : { pin: changed[0], confirmation: changed[1] },
    }),
  ],
];

describe.each(forms)('in %s form', (_, put) => {
  it('PIN and response are verified, and what fails decides what persists', async () => {
    const held = await holding('4721');
    const { device } = held;
    const right = device.response({ counter: 0 });
    const wrong = device.wrong({ counter: 0 });
    // PIN first: a wrong one uses nothing up, and looks like a wrong response.
    expect(await tryWith(held, put('4722', right))).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'pin-incorrect' });
    expect(await standing(held)).toMatchObject({ lockCount: 1, nextCounter: 0 });
    expect(await tryWith(held, put('4721', wrong))).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'response-incorrect' });
    expect(await standing(held)).toMatchObject({ lockCount: 2, nextCounter: 0 });
    expect(await tryWith(held, put('4721', right))).toBe('accepted');
    expect(await standing(held)).toMatchObject({ lockCount: 0, nextCounter: 1 });
    // Nor does it say of a used response that it was one.
    expect(await tryWith(held, put('4722', right))).toBe('response-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'pin-incorrect' });
    expect(await tryWith(held, put('4721', right))).toBe('response-replayed');
  });

  it('the PIN is changed together with the response that permits it', async () => {
    const held = await holding('4721');
    const { device, caller, userName } = held;
    const credential = put('4721', device.response({ counter: 0 }), ['9038', '9038']);
    const answer = await bench.service.authenticate(caller, { ...asking(userName), credential });
    expect(answer).toMatchObject({ outcome: 'accepted', pinChanged: true });
    expect(await bench.lastAudit()).toMatchObject({ details: { pinChanged: true } });
    const after = await standing(held);
    expect(after).toMatchObject({ lockCount: 0, nextCounter: 1, isForced: false });
    expect(await after.isPin('9038')).toBe(true);
    const next = device.response({ counter: 1 });
    expect(await tryWith(held, put('4721', next))).toBe('response-incorrect');
    expect(await tryWith(held, put('9038', next))).toBe('accepted');
  });

  it('the first PIN is set with the response alone, and until then the response is not enough', async () => {
    const held = await holding(null, { isChangeForced: true });
    const { device } = held;
    expect(await tryWith(held, put(null, device.response({ counter: 0 })))).toBe(
      'pin-change-required',
    );
    expect(await standing(held)).toMatchObject({ lockCount: 0, nextCounter: 1 });
    const first = put(null, device.response({ counter: 1 }), ['9038', '9038']);
    expect(await tryWith(held, first)).toBe('accepted');
    expect(await standing(held)).toMatchObject({ isForced: false, nextCounter: 2 });
    expect(await tryWith(held, put(null, device.response({ counter: 2 })))).toBe(
      'response-incorrect',
    );
    expect(await tryWith(held, put('9038', device.response({ counter: 2 })))).toBe('accepted');
  });

  it('a change that is due is said only when PIN and response are right', async () => {
    const held = await holding('4721', { isChangeForced: true });
    const { device } = held;
    const [zero, one] = [0, 1].map((counter) => device.response({ counter }));
    expect(await tryWith(held, put('4722', zero!))).toBe('response-incorrect');
    expect(await tryWith(held, put('4721', device.wrong()))).toBe('response-incorrect');
    expect(await standing(held)).toMatchObject({ lockCount: 2 });
    expect(await tryWith(held, put('4721', zero!))).toBe('pin-change-required');
    // It counts as a success does, and the response is used up.
    expect(await standing(held)).toMatchObject({ lockCount: 0, nextCounter: 1, isForced: true });
    expect(await tryWith(held, put('4721', zero!))).toBe('response-replayed');
    expect(await tryWith(held, put('4721', one!, ['9038', '9038']))).toBe('accepted');
    expect(await standing(held)).toMatchObject({ isForced: false });
  });

  it('a cleared PIN leaves the response alone', async () => {
    const held = await holding(null);
    expect(await tryWith(held, put(null, held.device.response({ counter: 0 })))).toBe('accepted');
  });

  it.each<[string, [string, string], PolicySettings, string]>([
    ['differs from its confirmation', ['9038', '9039'], {}, 'pin-confirmation-mismatch'],
    ['is too short', ['903', '903'], {}, 'pin-too-short'],
    ['is too long', ['903817264', '903817264'], {}, 'pin-too-long'],
    ['has letters', ['90a8', '90a8'], {}, 'pin-malformed'],
    ['is weak', ['1234', '1234'], {}, 'pin-weak'],
    ['is not allowed', ['9038', '9038'], { pinChangeAllowed: false }, 'pin-change-not-allowed'],
  ])(
    'a new PIN that %s leaves the old one, and uses the response up',
    async (_name, changed, settings, code) => {
      const held = await holding('4721', {}, settings);
      const { device } = held;
      await tryWith(held, put('4722', device.response({ counter: 0 })));
      const credential = put('4721', device.response({ counter: 0 }), changed);
      // Only whoever has both is told, so generic answers need not hide it.
      expect(await tryWith(held, credential)).toBe(code);
      const after = await standing(held);
      expect(after).toMatchObject({ lockCount: 0, nextCounter: 1 });
      expect(await after.isPin('4721')).toBe(true);
      expect(await tryWith(held, credential)).toBe('response-replayed');
      // And before PIN and response, nothing is said of it.
      const guess = put('4722', device.response({ counter: 1 }), changed);
      expect(await tryWith(held, guess)).toBe('response-incorrect');
    },
  );

  it('looks alike outside with generic answers until both are right', async () => {
    const held = await holding('4721', { isChangeForced: true }, { genericAnswers: true });
    const right = held.device.response({ counter: 0 });
    expect(await tryWith(held, put('4722', right))).toBe('refused');
    expect(await tryWith(held, put('4721', held.device.wrong()))).toBe('refused');
    expect(await tryWith(held, put('4721', right))).toBe('pin-change-required');
  });
});

describe('an attempt', () => {
  const put = forms[0]![1];

  it('counts as one failure, however many applications could read it', async () => {
    const held = await holding('4721');
    for (const pin of ['9038', '1111', '2222']) {
      const device = await bench.device(totp6, { userName: held.userName });
      await givePin(bench, device.serial, pin);
    }
    expect(await tryWith(held, put('5555', '000000'))).toBe('response-incorrect');
    expect(await standing(held)).toMatchObject({ lockCount: 1 });
  });

  it('that is locked out does not find out whether PIN and response were right', async () => {
    const held = await holding('4721', { isChangeForced: true }, { userLockThreshold: 1 });
    await tryWith(held, put('4722', held.device.response({ counter: 0 })));
    expect(await tryWith(held, put('4721', held.device.response({ counter: 0 })))).toBe(
      'user-locked',
    );
    expect(await standing(held)).toMatchObject({ nextCounter: 0 });
  });

  it('commits nothing under a PIN that was reset meanwhile', async () => {
    const held = await holding('4721');
    const { device } = held;
    const credential = put('4721', device.response({ counter: 0 }));
    const reset = await racing(held, credential, () =>
      givePin(bench, device.serial, null, { isChangeForced: true }),
    );
    // Read again, the text no longer fits: with no PIN to cut off, it is something else.
    expect(reset).toBe('response-incorrect');
    expect(await standing(held)).toMatchObject({ nextCounter: 0, isForced: true });
  });

  it('of two changes at once, one is kept and both responses are used once', async () => {
    const held = await holding('4721');
    const { device } = held;
    const codes = await Promise.all(
      [0, 1].map((counter) =>
        tryWith(
          held,
          put('4721', device.response({ counter }), [`903${counter}`, `903${counter}`]),
        ),
      ),
    );
    const after = await standing(held);
    const kept = [await after.isPin('9030'), await after.isPin('9031')];
    expect(kept.filter(Boolean)).toHaveLength(1);
    expect(codes.filter((code) => code === 'accepted').length).toBeGreaterThanOrEqual(1);
  });

  it('costs a PIN more, also where there is none and for nobody', async () => {
    const held = await holding('4721');
    const plainUser = await bench.user();
    const plain = await bench.device(hotp6, { userName: plainUser });
    const costOf = async (userName: string, text: string): Promise<unknown> => {
      const before = bench.module.status().macsComputed;
      const hmacs = bench.module.calls.get('hmac') ?? 0;
      await codeOf(bench.service, held.caller, asking(userName, { response: text }));
      return {
        macs: bench.module.status().macsComputed - before,
        hmacs: (bench.module.calls.get('hmac') ?? 0) - hmacs,
      };
    };
    const nobody = await costOf('nobody-at-all', '000000');
    expect(nobody).toMatchObject({ hmacs: 1 });
    expect(await costOf(plainUser, plain.wrong())).toEqual(nobody);
    expect(await costOf(held.userName, '000000')).toEqual(nobody);
  });

  it('leaves no PIN in the audit or the answer store', async () => {
    const held = await holding('47218365');
    const { device, userName, caller } = held;
    const credential = put('47218365', device.response({ counter: 0 }), ['90381726', '90381726']);
    await bench.service.authenticate(caller, {
      ...asking(userName),
      credential,
      requestKey: 'pin-1',
    });
    const stored = await bench.store.findAnswer(caller.keyId ?? '', 'pin-1', bench.clock.nowMs());
    expect(stored).not.toBeNull();
    const written = [...(await bench.auditBodies()), JSON.stringify(stored)].join('\n');
    expect(written).not.toContain('47218365');
    expect(written).not.toContain('90381726');
  });
});

describe('an answer to a challenge, where there is a PIN', () => {
  it.each([
    ['of no length that could be one', '47'],
    ['of the right length', null],
  ])('that is wrong and %s spends the challenge, counts and is noted', async (_how, unreadable) => {
    const userName = await bench.user();
    const device = await bench.device(ocraTime, { userName });
    await givePin(bench, device.serial, '4721');
    const caller = await bench.caller({
      oneStepChallengeResponse: 'server-challenge',
      identificationThreshold: 5,
    });
    const before = await applicationOf(bench, device.serial);
    const issued = await bench.service.issueChallenge(caller, asking(userName));
    if (issued.outcome !== 'challenge-issued') throw new Error(issued.code);
    const { challenge } = issued;
    const answerWith = (given: string): Promise<string> => {
      const credential: PresentedCredential = { format: 'combined', text: given };
      return codeOf(bench.service, caller, { ...asking(userName, { challenge }), credential });
    };
    const nowMs = bench.clock.nowMs();
    const wrong = `4721${device.wrong({ challenge, nowMs })}`;
    expect(await answerWith(unreadable ?? wrong)).toBe('response-incorrect');
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view.lockCount).toBe(1);
    const after = await applicationOf(bench, device.serial);
    expect(after).toEqual({ ...before, failureCount: before.failureCount + 1 });
    const right = device.response({ challenge, nowMs });
    expect(await answerWith(`4721${right}`)).toBe('challenge-unknown');
  });
});

/** Lets something happen between the reading and the commit of an attempt. */
async function racing(
  { caller, userName }: Held,
  credential: PresentedCredential,
  meanwhile: () => Promise<void>,
): Promise<string> {
  const { store, module, clock } = bench;
  let isDone = false;
  const commit: Store['commit'] = async (decisions) => {
    if (!isDone) {
      isDone = true;
      await meanwhile();
    }
    return store.commit(decisions);
  };
  const slow = new Proxy(store, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const service = createService({ store: slow, module, clock, instance: 'test' });
  return codeOf(service, caller, { ...asking(userName), credential });
}

describe('a synchronisation', () => {
  it('asks for the PIN, and does not tell a wrong one from wrong responses', async () => {
    const held = await holding('4721');
    const { caller, userName, device } = held;
    const pair: [string, string] = [
      device.response({ counter: 50 }),
      device.response({ counter: 51 }),
    ];
    const codeWith = async (pin: string | null): Promise<string> => {
      const request = syncing(userName, pair, [null, null], { pin });
      const answer = await bench.service.synchronise(caller, request);
      return answer.outcome === 'refused' ? answer.code : answer.outcome;
    };
    expect(await codeWith('4722')).toBe('sync-incorrect');
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'pin-incorrect' });
    expect(await codeWith(null)).toBe('sync-incorrect');
    expect(await standing(held)).toMatchObject({ lockCount: 2, nextCounter: 0 });
    expect(await codeWith('4721')).toBe('synchronised');
    expect(await standing(held)).toMatchObject({ lockCount: 0, nextCounter: 52 });
  });
});
