import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApplicationMode } from '../../src/domain/model.ts';
import { parseResponseAlgorithm } from '../../src/oath/index.ts';
import type { Caller, SignatureRequest } from '../../src/service/index.ts';
import { type Bench, openBench, type TestDevice } from '../support/builders.ts';
import {
  counted,
  digestOf,
  fields,
  signatureCodeOf,
  signedBy,
  signer as signerOn,
  type Signer,
  signing,
  timed,
} from './signing.ts';
import { asking, codeOf, membersRefused, tally } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

const signer = (
  algorithm?: { readonly kind: 'challenge-response'; readonly suite: string },
  mode?: ApplicationMode,
): Promise<Signer> => signerOn(bench, algorithm, mode);

const outcomeOf = (caller: Caller, request: SignatureRequest): Promise<string> =>
  signatureCodeOf(bench, caller, request);

const signed = (device: TestDevice, steps?: number, of?: readonly string[]): string =>
  signedBy(bench, device, steps, of);

describe('a signature', () => {
  test('is accepted once, and says by what', async () => {
    const caller = await bench.caller();
    const { userName, device } = await signer();
    const request = signing(userName, signed(device));
    expect(await bench.service.verifySignature(caller, request)).toEqual({
      outcome: 'signature-accepted',
      userName,
      domainName: 'master',
      organisationalUnit: null,
      serial: device.serial,
      applicationName: 'SIGN',
    });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'verify-signature',
      outcome: 'signature-accepted',
      details: { serial: device.serial, application: 'SIGN' },
    });
    expect(await outcomeOf(caller, request)).toBe('response-replayed');
    expect(await outcomeOf(caller, signing(userName, '00000000'))).toBe('response-incorrect');
  });

  test('is over capitals, in this order, and over nothing else', async () => {
    const caller = await bench.caller();
    const { userName, device } = await signer();
    const signature = signed(device);
    for (const other of [
      ['125000', '4711', 'abc'],
      ['4711', '125000'],
      ['4711125000', 'abc'],
      ['4711', '125000', 'abd'],
    ]) {
      const code = await outcomeOf(caller, signing(userName, signature, { fields: other }));
      expect(code).toBe('response-incorrect');
      await bench.service.administration.unlockUser(bench.admin, null, userName);
    }
    const capitals = signing(userName, signature, { fields: ['4711', '125000', 'ABC'] });
    expect(await outcomeOf(caller, capitals)).toBe('signature-accepted');
  });

  test('by counter is accepted once whatever was signed, also of 16 at once', async () => {
    const caller = await bench.caller();
    const { userName, device } = await signer(counted);
    const at = (counter: number, of = fields): string =>
      device.response({ counter, challenge: digestOf(of) });
    const request = signing(userName, at(0));
    const codes = await Promise.all(Array.from({ length: 16 }, () => outcomeOf(caller, request)));
    expect(tally(codes)['signature-accepted']).toBe(1);
    await bench.service.administration.unlockUser(bench.admin, null, userName);
    const behind = signing(userName, at(0, ['1']), { fields: ['1'] });
    expect(await outcomeOf(caller, behind)).toBe('response-replayed');
    expect(await outcomeOf(caller, signing(userName, at(5)))).toBe('signature-accepted');
    expect(await outcomeOf(caller, signing(userName, at(4)))).toBe('response-replayed');
  });

  test('reaches as far as its own window, and not as that of logons', async () => {
    const caller = await bench.caller({
      signatureTimeWindowSteps: 6,
      identificationTimeWindowSteps: 40,
      initialTimeWindowSeconds: 0,
    });
    for (const [steps, code] of [
      [3, 'signature-accepted'],
      [-3, 'signature-accepted'],
      [4, 'response-incorrect'],
      [-4, 'response-incorrect'],
    ] as const) {
      const { userName, device } = await signer();
      expect(await outcomeOf(caller, signing(userName, signed(device, steps)))).toBe(code);
    }
  });

  test('of one step may be several, over other fields; at level 2 one; never of an earlier step', async () => {
    const other = ['1'];
    for (const [level, second] of [
      [0, 'signature-accepted'],
      [1, 'signature-accepted'],
      [2, 'response-replayed'],
    ] as const) {
      const caller = await bench.caller({ onlineSignatureLevel: level });
      const { userName, device } = await signer();
      expect(await outcomeOf(caller, signing(userName, signed(device)))).toBe('signature-accepted');
      const again = signing(userName, signed(device, 0, other), { fields: other });
      expect(await outcomeOf(caller, again)).toBe(second);
      const before = signing(userName, signed(device, -1, ['2']), { fields: ['2'] });
      expect(await outcomeOf(caller, before)).toBe('response-replayed');
    }
  });

  test('counts when it is wrong: the user locks, or the application at its own threshold', async () => {
    const locking = await bench.caller({ userLockThreshold: 1 });
    const first = await signer();
    expect(await outcomeOf(locking, signing(first.userName, '00000000'))).toBe(
      'response-incorrect',
    );
    expect(await outcomeOf(locking, signing(first.userName, signed(first.device)))).toBe(
      'user-locked',
    );
    const caller = await bench.caller({ userLockThreshold: 0, signatureThreshold: 2 });
    const { userName, device } = await signer();
    const wrong = signing(userName, '00000000');
    expect(await outcomeOf(caller, wrong)).toBe('response-incorrect');
    expect(await outcomeOf(caller, wrong)).toBe('response-incorrect');
    expect(await outcomeOf(caller, signing(userName, signed(device)))).toBe('application-locked');
  });

  test('of nobody costs the module what one of somebody does', async () => {
    const caller = await bench.caller({ signatureTimeWindowSteps: 30, eventWindowSteps: 1 });
    const { userName } = await signer();
    const cost = async (name: string): Promise<number> => {
      const before = bench.module.status().macsComputed;
      await outcomeOf(caller, signing(name, '00000000'));
      return bench.module.status().macsComputed - before;
    };
    await cost(userName);
    const known = await cost(userName);
    expect(known).toBeGreaterThan(30);
    expect(await cost('nobody at all')).toBe(known);
  });

  test('under a request key is answered alike, and not for other fields', async () => {
    const caller = await bench.caller();
    const { userName, device } = await signer();
    const request = signing(userName, signed(device), { requestKey: `sign-${device.serial}` });
    expect(await outcomeOf(caller, request)).toBe('signature-accepted');
    expect(await outcomeOf(caller, request)).toBe('signature-accepted');
    await expect(outcomeOf(caller, { ...request, fields: ['1'] })).rejects.toMatchObject({
      code: 'request-key-reused',
    });
  });

  test.each([
    ['no fields', []],
    ['nine fields', Array<string>(9).fill('1')],
    ['a separator', ['1|2']],
    ['an empty field', ['']],
  ])('with %s is a broken request', async (_name, wrong) => {
    const caller = await bench.caller();
    const request = signing('anybody', '12345678', { fields: wrong });
    expect(await membersRefused(bench.service.verifySignature(caller, request))).toEqual([
      'fields',
    ]);
  });
});

describe('an application that signs', () => {
  test('lets nobody in, however the digest is given', async () => {
    const caller = await bench.caller({
      oneStepChallengeResponse: 'any-challenge',
      challengeCheckMode: 0,
    });
    const { userName, device } = await signer();
    const request = asking(userName, { challenge: digestOf(), response: signed(device) });
    expect(await codeOf(bench.service, caller, request)).toBe('authenticator-not-permitted');
  });

  test('in two modes answers challenges, which are never as long as a digest', async () => {
    const caller = await bench.caller({
      oneStepChallengeResponse: 'any-challenge',
      challengeCheckMode: 0,
    });
    const { userName, device } = await signer(timed, 'multi-mode');
    const answered = (challenge: string): Promise<string> =>
      codeOf(
        bench.service,
        caller,
        asking(userName, {
          challenge,
          response: device.response({ nowMs: bench.clock.nowMs(), challenge }),
        }),
      );
    expect(await answered(digestOf())).toBe('challenge-malformed');
    expect(await answered('12345678901234567')).toBe('challenge-malformed');
    expect(await answered('1234567890123456')).toBe('accepted');
    expect(await outcomeOf(caller, signing(userName, signed(device)))).toBe('signature-accepted');
  });

  test('is the only kind that verifies signatures', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(timed, { userName });
    expect(await outcomeOf(caller, signing(userName, signed(device)))).toBe(
      'authenticator-not-permitted',
    );
  });

  test('is one that the policy names', async () => {
    const { userName, device } = await signer();
    const others = await bench.caller({ applicationType: 'challenge-response' });
    expect(await outcomeOf(others, signing(userName, signed(device)))).toBe(
      'authenticator-not-permitted',
    );
    const caller = await bench.caller({ applicationType: 'signature' });
    expect(await outcomeOf(caller, signing(userName, signed(device)))).toBe('signature-accepted');
  });

  test.each([
    ['QN08', 'OCRA-1:HOTP-SHA1-8:QN08-T30S'],
    ['neither counter nor clock', 'OCRA-1:HOTP-SHA1-8:QH40'],
    ['a PIN', 'OCRA-1:HOTP-SHA1-8:QH40-PSHA1-T30S'],
  ])('cannot be made with %s', async (_name, suite) => {
    parseResponseAlgorithm({ kind: 'challenge-response', suite });
    const made = signer({ kind: 'challenge-response', suite });
    expect(await membersRefused(made)).toEqual(['applications[0].algorithm']);
  });
});
