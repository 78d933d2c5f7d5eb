import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/domain/explanations.ts';
import type { Caller } from '../../src/service/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';
import { givePin } from '../support/pins.ts';
import { drawChallenges } from '../../src/service/offline/entries.ts';
import { allCodes, contextOf, effectiveWith, issueCode } from './emergency/support.ts';
import { digestOf, signatureCodeOf, signedBy, signer, signing, timed } from './signing.ts';
import { asking, codeOf, tally } from './support.ts';

/** What somebody tries who has found a device that signs, or who reads along. */
let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(() => bench.close());

const accepted = 'signature-accepted';
const longest = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-8:QH64-T30S' } as const;
const anyChallenge = { oneStepChallengeResponse: 'any-challenge', challengeCheckMode: 0 } as const;

async function lockCountOf(userName: string): Promise<number> {
  const { lockCount } = await bench.service.administration.user(bench.admin, null, userName);
  return lockCount;
}

/** An accepted signature over other fields, at the same device and now. */
async function sign(caller: Caller, who: Awaited<ReturnType<typeof signer>>): Promise<string> {
  const of = [String(Math.trunc(bench.clock.nowMs() / 1000))];
  const signature = signedBy(bench, who.device, 0, of);
  return signatureCodeOf(bench, caller, signing(who.userName, signature, { fields: of }));
}

describe('a signature by the clock', () => {
  it('is accepted once of 16 at once, and so is each of several over other fields', async () => {
    const caller = await bench.caller({ userLockThreshold: 0 });
    const { userName, device } = await signer(bench);
    const lists = [['1'], ['2'], ['3']];
    const codes = await Promise.all(
      lists.flatMap((fields) => {
        const request = signing(userName, signedBy(bench, device, 0, fields), { fields });
        return Array.from({ length: 16 }, () => signatureCodeOf(bench, caller, request));
      }),
    );
    expect(tally(codes)).toEqual({ [accepted]: 3, 'response-replayed': 45 });
  });

  it('is spent for every program, whatever level its policy has', async () => {
    for (const [first, second] of [
      [2, 0],
      [0, 2],
    ] as const) {
      const one = await bench.caller({ onlineSignatureLevel: first });
      const other = await bench.caller({ onlineSignatureLevel: second });
      const { userName, device } = await signer(bench);
      const request = signing(userName, signedBy(bench, device));
      expect(await signatureCodeOf(bench, one, request)).toBe(accepted);
      expect(await signatureCodeOf(bench, other, request)).toBe('response-replayed');
    }
  });

  it('is forgotten by no step that is full', async () => {
    const caller = await bench.caller({ userLockThreshold: 0 });
    const { userName, device } = await signer(bench);
    const codeOver = (fields: readonly string[]): Promise<string> =>
      signatureCodeOf(
        bench,
        caller,
        signing(userName, signedBy(bench, device, 0, fields), { fields }),
      );
    for (let field = 1; field <= 16; field += 1) {
      expect(await codeOver([String(field)])).toBe(accepted);
    }
    expect(await codeOver(['17'])).toBe('response-replayed');
    expect(await codeOver(['1'])).toBe('response-replayed');
  });

  it('and a logon of one device in two modes use up their steps for each other', async () => {
    const caller = await bench.caller({ ...anyChallenge, challengeCheckMode: 3 });
    const { userName, device } = await signer(bench, timed, 'multi-mode');
    const challenge = '12345678';
    const response = device.response({ nowMs: bench.clock.nowMs(), challenge });
    const logon = asking(userName, { challenge, response });
    expect(await signatureCodeOf(bench, caller, signing(userName, signedBy(bench, device)))).toBe(
      accepted,
    );
    expect(await codeOf(bench.service, caller, logon)).toBe('response-replayed');
  });
});

describe('an accepted signature', () => {
  it('forgives no wrong guess at a server PIN, of the user or of the application', async () => {
    const caller = await bench.caller({
      ...anyChallenge,
      userLockThreshold: 4,
      identificationThreshold: 3,
    });
    const who = await signer(bench, timed, 'multi-mode');
    await givePin(bench, who.device.serial, '4711');
    const guess = (pin: string): Promise<string> => {
      const challenge = '12345678';
      const response = who.device.response({ nowMs: bench.clock.nowMs(), challenge });
      const credential = {
        format: 'separate',
        staticPassword: null,
        pin,
        response,
        newPin: null,
      } as const;
      return codeOf(bench.service, caller, asking(who.userName, { challenge, credential }));
    };
    for (const pin of ['0001', '0002', '0003']) {
      expect(await guess(pin)).toBe('response-incorrect');
      expect(await sign(caller, who)).toBe(accepted);
      bench.clock.advance(30);
    }
    expect(await lockCountOf(who.userName)).toBe(3);
    expect(await guess('4711')).toBe('application-locked');
  });

  it('forgives no wrong guess at the PIN of another device, nor at a password', async () => {
    const caller = await bench.caller({ userLockThreshold: 5 });
    const who = await signer(bench);
    const other = await bench.device(totp6, { userName: who.userName });
    await givePin(bench, other.serial, '4711');
    const wrong = asking(who.userName, { response: other.wrong({ nowMs: bench.clock.nowMs() }) });
    expect(await codeOf(bench.service, caller, wrong)).toBe('response-incorrect');
    expect(await sign(caller, who)).toBe(accepted);
    expect(await lockCountOf(who.userName)).toBe(1);
  });

  it('forgives as a logon does where nothing is asked for but a response', async () => {
    const caller = await bench.caller({ userLockThreshold: 3 });
    const who = await signer(bench);
    const wrong = signing(who.userName, '00000000');
    expect(await signatureCodeOf(bench, caller, wrong)).toBe('response-incorrect');
    expect(await lockCountOf(who.userName)).toBe(1);
    expect(await sign(caller, who)).toBe(accepted);
    expect(await lockCountOf(who.userName)).toBe(0);
  });

  it('keeps its user from being suspended where it forgives, and its application open in any case', async () => {
    const caller = await bench.caller({ userMaxInactiveDays: 30 });
    const closing = await bench.caller({ applicationMaxInactiveDays: 30 });
    const bare = await signer(bench);
    const guarded = await signer(bench);
    await givePin(bench, guarded.device.serial, '4711');
    const twentyDaysSeconds = 20 * 86_400;
    bench.clock.advance(twentyDaysSeconds);
    expect([await sign(caller, bare), await sign(caller, guarded)]).toEqual([accepted, accepted]);
    bench.clock.advance(twentyDaysSeconds);
    expect([await sign(caller, bare), await sign(caller, guarded)]).toEqual([
      accepted,
      'user-inactive',
    ]);
    expect(await sign(closing, guarded)).toBe(accepted);
    bench.clock.advance(2 * twentyDaysSeconds);
    expect(await sign(closing, guarded)).toBe('application-inactive');
  });
});

describe('wrong signatures and wrong responses of one application', () => {
  const challenge = '12345678';

  /** A device in two modes after two wrong responses and two wrong signatures. */
  async function afterWrong(caller: Caller): ReturnType<typeof signer> {
    const who = await signer(bench, timed, 'multi-mode');
    const wrong = asking(who.userName, { challenge, response: '00000000' });
    for (let time = 0; time < 2; time += 1) await codeOf(bench.service, caller, wrong);
    const signature = signing(who.userName, '00000000');
    for (let time = 0; time < 2; time += 1) await signatureCodeOf(bench, caller, signature);
    return who;
  }

  it.each([
    [0, 2, 'accepted', 'application-locked'],
    [0, 3, 'accepted', accepted],
    [2, 0, 'application-locked', accepted],
    [3, 0, 'accepted', accepted],
    [3, 3, 'application-locked', 'application-locked'],
    [5, 5, 'accepted', accepted],
  ])('count together where both thresholds count: %i, %i', async (responses, signatures, ...is) => {
    const caller = await bench.caller({
      ...anyChallenge,
      userLockThreshold: 0,
      identificationThreshold: responses,
      signatureThreshold: signatures,
    });
    const { userName, device } = await afterWrong(caller);
    const response = device.response({ nowMs: bench.clock.nowMs(), challenge });
    const right = asking(userName, { challenge, response });
    const logon = await codeOf(bench.service, caller, right);
    expect([logon, await sign(caller, await afterWrong(caller))]).toEqual(is);
  });

  it('are forgotten by whatever is accepted, also where nothing closes it', async () => {
    const settings = { ...anyChallenge, userLockThreshold: 0, identificationThreshold: 2 };
    const caller = await bench.caller(settings);
    const who = await afterWrong(caller);
    expect(await sign(caller, who)).toBe(accepted);
    const response = who.device.response({ nowMs: bench.clock.nowMs(), challenge });
    const right = asking(who.userName, { challenge, response });
    expect(await codeOf(bench.service, caller, right)).toBe('accepted');
  });
});

describe('a device that is missing', () => {
  it('signs no more than it lets anybody in while a code stands in for it', async () => {
    const desk = await bench.caller(allCodes, 'helpdesk');
    for (const [tokenReturnPolicy, code] of [
      ['deny-token', 'emergency-in-force'],
      ['allow-after-expiry', 'emergency-in-force'],
      ['allow-and-kill-code', accepted],
    ] as const) {
      const caller = await bench.caller({ ...allCodes, tokenReturnPolicy });
      const who = await signer(bench);
      const { serial } = who.device;
      await issueCode(bench, desk, serial, { kind: 'fixed' });
      const request = signing(who.userName, signedBy(bench, who.device));
      expect(await signatureCodeOf(bench, caller, request)).toBe(code);
      expect(await signatureCodeOf(bench, caller, request)).toBe('response-replayed');
      const [listed] = await bench.service.administration.emergencyCodes(desk, serial);
      expect(listed?.state).toBe(code === accepted ? 'returned' : 'live');
    }
  });

  it('does not sign while one-time passwords are to be sent in its place', async () => {
    const caller = await bench.caller({ backupVirtual: 'required' });
    const { userName, device } = await signer(bench);
    const request = signing(userName, signedBy(bench, device));
    expect(await signatureCodeOf(bench, caller, request)).toBe('authenticator-not-permitted');
  });
});

describe('explaining a user', () => {
  it('tells of signatures as of other attempts: what was tried, and why it was refused', async () => {
    const caller = await bench.caller();
    const who = await signer(bench);
    const request = signing(who.userName, signedBy(bench, who.device));
    for (const code of [accepted, 'response-replayed']) {
      expect(await signatureCodeOf(bench, caller, request)).toBe(code);
    }
    const auditor = await bench.caller({}, 'auditor');
    const { administration } = bench.service;
    const { events } = await administration.explainUser(auditor, null, who.userName, 9, null);
    const attempts = events.filter(({ kind }) => kind === 'attempt');
    expect(attempts).toMatchObject([
      { action: 'verify-signature', ...explain('response-replayed') },
      { action: 'verify-signature', ...explain(accepted) },
    ]);
    expect(explain(accepted)).not.toEqual(explain('unheard-of'));
  });
});

describe('what a device in two modes answers', () => {
  it('is no signature, however a challenge is chosen, and no signature answers one', async () => {
    const caller = await bench.caller({ ...anyChallenge, userLockThreshold: 0 });
    const { userName, device } = await signer(bench, timed, 'multi-mode');
    const nowMs = bench.clock.nowMs();
    const digest = digestOf();
    for (const challenge of [digest, digest.toUpperCase(), `${digest}00`, digest.slice(0, 17)]) {
      const logon = asking(userName, { challenge, response: signedBy(bench, device) });
      expect(await codeOf(bench.service, caller, logon)).toBe('challenge-malformed');
    }
    const response = device.response({ nowMs, challenge: digest.slice(0, 16) });
    expect(await signatureCodeOf(bench, caller, signing(userName, response))).toBe(
      'response-incorrect',
    );
  });

  it('is not asked for without a server either by challenges that it does not take', async () => {
    const { device } = await signer(bench, timed, 'multi-mode');
    const found = await bench.store.authenticatorBySerial(device.serial);
    const application = found!.applications[0]!;
    const policy = effectiveWith({ oneStepChallengeLength: 16, oneStepChallengeCheckDigit: true });
    const challenges = await drawChallenges(contextOf(bench), { application }, 3, policy);
    expect(challenges.map(({ length }) => length)).toEqual([16, 16, 16]);
  });

  it('is not asked for by challenges that it does not take', async () => {
    for (const settings of [
      { oneStepChallengeFormat: 'hex' },
      { oneStepChallengeLength: 16, oneStepChallengeCheckDigit: true },
    ] as const) {
      const caller = await bench.caller({
        oneStepChallengeResponse: 'server-challenge',
        ...settings,
      });
      const { userName } = await signer(bench, longest, 'multi-mode');
      const asked = { userName, domainName: null, serial: null, applicationName: null };
      await bench.service.issueChallenge(caller, { ...asked, requestKey: null });
      expect(await bench.lastAudit()).toMatchObject({ outcome: 'challenge-not-permitted' });
    }
  });
});

describe('data fields', () => {
  it.each([
    ['a sharp s', 'ß'],
    ['a dotless i', 'ı'],
    ['a long s', 'ſ'],
    ['digits of another script', '１２'],
    ['a letter with a mark behind it', 'a\u0301'],
    ['a null', '1\u0000'],
    ['a line end', '1\n'],
    ['a blank', ' 1'],
    ['nine letters', 'zzzzzzzzz'],
    ['seventeen digits', '12345678901234567'],
  ])('with %s are refused before anything is compared', async (_name, field) => {
    const caller = await bench.caller();
    const { userName } = await signer(bench);
    const before = bench.module.status().macsComputed;
    const request = signing(userName, '12345678', { fields: [field] });
    await expect(signatureCodeOf(bench, caller, request)).rejects.toMatchObject({
      code: 'request-invalid',
    });
    expect(bench.module.status().macsComputed).toBe(before);
    expect(await lockCountOf(userName)).toBe(0);
  });
});
