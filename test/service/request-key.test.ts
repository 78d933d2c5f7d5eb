import { responseAlone } from '../../src/domain/credential.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/service/index.ts';
import { type Bench, hotp6, ocraTime, openBench } from '../support/builders.ts';
import { asking, codeOf, syncing, tally } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

const key = (requestKey: string): { requestKey: string } => ({ requestKey });

describe('a request key', () => {
  test('repeats the answer and nothing else: no MAC, no count, no advance', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const request = asking(userName, {
      response: device.response({ counter: 0 }),
      requestKey: 'key-1',
    });
    const first = await bench.service.authenticate(caller, request);
    expect(first.outcome).toBe('accepted');
    const macs = bench.module.status().macsComputed;
    expect(await bench.service.authenticate(caller, request)).toEqual(first);
    expect(bench.module.status().macsComputed).toBe(macs);
    expect(await codeOf(bench.service, caller, { ...request, requestKey: null })).toBe(
      'response-replayed',
    );
  });

  test('keeps refusals as well: a repeated wrong response counts once', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const request = asking(userName, { response: device.wrong(), requestKey: 'key-2' });
    const codes = [];
    for (let repeat = 0; repeat < 5; repeat += 1) {
      codes.push(await codeOf(bench.service, caller, request));
    }
    expect(tally(codes)).toEqual({ 'response-incorrect': 5 });
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view.lockCount).toBe(1);
  });

  test('for another body is refused', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const request = asking(userName, { response: device.wrong(), requestKey: 'key-3' });
    await codeOf(bench.service, caller, request);
    for (const other of [
      { ...request, credential: responseAlone(device.response({ counter: 0 })) },
      { ...request, credential: { format: 'combined', text: '123456' } as const },
      { ...request, applicationName: 'APP' },
      { ...request, domainName: 'master' },
    ]) {
      await expect(bench.service.authenticate(caller, other)).rejects.toMatchObject({
        code: 'request-key-reused',
      });
    }
    await expect(
      bench.service.synchronise(
        caller,
        syncing(userName, ['123456', '234567'], undefined, { requestKey: 'key-3' }),
      ),
    ).rejects.toMatchObject({ code: 'request-key-reused' });
  });

  test('answers nobody who may not ask: no deleted key, no stranger', async () => {
    const { administration } = bench.service;
    const caller = await bench.caller({ oneStepChallengeResponse: 'any-challenge' });
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const pair = [device.response({ counter: 5 }), device.response({ counter: 6 })] as const;
    const response = device.response({ counter: 0 });
    const challenge = { userName, domainName: null, serial: null, applicationName: null };
    const ways = [
      (as: Caller) => bench.service.authenticate(as, asking(userName, { response, ...key('a') })),
      (as: Caller) => bench.service.issueChallenge(as, { ...challenge, ...key('c') }),
      (as: Caller) => bench.service.synchronise(as, syncing(userName, pair, undefined, key('s'))),
    ];
    const first = [];
    for (const ask of ways) first.push(await ask(caller));
    const stranger = { ...caller, peerAddress: '192.0.2.1' };
    for (const [index, ask] of ways.entries()) {
      expect(await ask(caller)).toEqual(first[index]);
      expect(await ask(stranger)).toEqual({ outcome: 'refused', code: 'component-unknown' });
    }
    await administration.deleteApiKey(bench.admin, caller.keyName);
    for (const ask of ways) {
      await expect(ask(caller)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  test("belongs to the caller: another's key of the same text is another request", async () => {
    const [one, two] = [await bench.caller(), await bench.caller()];
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const response = device.response({ counter: 0 });
    const request = asking(userName, { response, requestKey: 'key-4' });
    expect(await codeOf(bench.service, one, request)).toBe('accepted');
    expect(await codeOf(bench.service, two, request)).toBe('response-replayed');
  });

  test('lives for 60 s', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const request = asking(userName, {
      response: device.response({ counter: 0 }),
      requestKey: 'key-5',
    });
    expect(await codeOf(bench.service, caller, request)).toBe('accepted');
    bench.clock.advance(61);
    expect(await codeOf(bench.service, caller, request)).toBe('response-replayed');
    bench.clock.advance(61);
    expect(await bench.service.purge()).toBeGreaterThan(0);
  });

  test('16 at once: one decides, all have its answer', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const request = asking(userName, {
      response: device.response({ counter: 0 }),
      requestKey: 'key-6',
    });
    const codes = await Promise.all(
      Array.from({ length: 16 }, () => codeOf(bench.service, caller, request)),
    );
    expect(tally(codes)).toEqual({ accepted: 16 });
    const view = await bench.service.administration.user(bench.admin, null, userName);
    expect(view.lockCount).toBe(0);
  });

  test.each(['', 'a b', 'ä', 'x'.repeat(129)])('of another form is refused: %j', async (key) => {
    const caller = await bench.caller();
    await expect(
      bench.service.authenticate(caller, asking('anybody', { requestKey: key })),
    ).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('repeats a challenge and a synchronisation, bigint included', async () => {
    const caller = await bench.caller({}, 'helpdesk');
    const userName = await bench.user();
    const { serial } = await bench.device(ocraTime, { userName });
    const challenge = {
      userName,
      domainName: null,
      serial,
      applicationName: null,
      requestKey: 'key-7',
    };
    const issued = await bench.service.issueChallenge(caller, challenge);
    expect(issued.outcome).toBe('challenge-issued');
    expect(await bench.service.issueChallenge(caller, challenge)).toEqual(issued);
    const events = await bench.device(hotp6, { userName });
    const pair = [events.response({ counter: 50 }), events.response({ counter: 51 })] as const;
    const request = syncing(userName, pair, undefined, {
      serial: events.serial,
      requestKey: 'key-8',
    });
    const synchronised = await bench.service.synchronise(caller, request);
    expect(synchronised).toMatchObject({ learned: { nextEventCounter: 52n, driftSeconds: null } });
    expect(await bench.service.synchronise(caller, request)).toEqual(synchronised);
  });

  test('nothing stored tells the response: neither the answer nor the fingerprint', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const device = await bench.device(hotp6, { userName });
    const response = device.response({ counter: 0 });
    const request = asking(userName, { response, requestKey: 'key-9' });
    await bench.service.authenticate(caller, request);
    const stored = await bench.store.findAnswer(caller.keyId ?? '', 'key-9', bench.clock.nowMs());
    expect(stored?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(stored)).not.toContain(response);
  });
});
