import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Administration, AuthenticateRequest, Caller } from '../../src/service/index.ts';
import { type Bench, hotp6, openBench } from '../support/builders.ts';
import { asking, codeOf, membersRefused, syncing } from './support.ts';

let bench: Bench;
let administration: Administration;
let caller: Caller;

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
  caller = await bench.caller();
});

afterAll(async () => {
  await bench.close();
});

const unbounded = ['a\u0000b', 'line\nbreak', 'x'.repeat(4096)];

describe('text that nothing could be', () => {
  test.each(unbounded)('is refused in an attempt, member by member: case %#', async (text) => {
    const attempt = asking('nobody', { domainName: text, serial: text, applicationName: text });
    const names = ['domain', 'serial', 'application'];
    const { service } = bench;
    expect(await membersRefused(service.authenticate(caller, attempt))).toEqual(names);
    expect(await membersRefused(service.issueChallenge(caller, attempt))).toEqual(names);
    const challenge = asking('nobody', { challenge: text });
    expect(await membersRefused(service.authenticate(caller, challenge))).toEqual(['challenge']);
    const pair = syncing('nobody', ['1', '2'], [text, text], { domainName: text, serial: text });
    expect(await membersRefused(service.synchronise(caller, pair))).toEqual([
      'domain',
      'serial',
      'first.challenge',
      'second.challenge',
    ]);
  });

  test('is refused before anything is read, written or computed', async () => {
    const before = [(await bench.auditBodies()).length, bench.module.calls.get('hmac') ?? 0];
    const attempt = asking('nobody', { challenge: '1\u00002', requestKey: 'bad' });
    await membersRefused(bench.service.authenticate(caller, attempt));
    const after = [(await bench.auditBodies()).length, bench.module.calls.get('hmac') ?? 0];
    expect(after).toEqual(before);
  });

  test('is refused of a response only for its length: what is in it is just compared', async () => {
    const long = { response: '1'.repeat(4096) };
    const { service } = bench;
    expect(await membersRefused(service.authenticate(caller, asking('nobody', long)))).toEqual([
      'response',
    ]);
    const pair = syncing('nobody', [long.response, long.response]);
    expect(await membersRefused(service.synchronise(caller, pair))).toEqual([
      'first.response',
      'second.response',
    ]);
    const userName = await bench.user();
    await bench.device(hotp6, { userName });
    const odd = asking(userName, { response: '1\u00002' });
    expect(await codeOf(service, caller, odd)).toBe('response-malformed');
  });

  test.each(unbounded)('is refused in administration: case %#', async (text) => {
    const { admin } = bench;
    const calls: [string, () => Promise<unknown>][] = [
      ['user', () => administration.user(admin, null, text)],
      ['user', () => administration.deleteUser(admin, null, text)],
      ['domain', () => administration.user(admin, text, 'nobody')],
      ['after', () => administration.users(admin, null, { after: text, limit: 10 })],
      ['serial', () => administration.authenticator(admin, text)],
      ['serial', () => administration.resetApplication(admin, text, null)],
      ['after', () => administration.authenticators(admin, { after: text, limit: 10 })],
      ['instance', () => administration.auditEvents(admin, text, 0, 10)],
    ];
    for (const [member, call] of calls) expect(await membersRefused(call())).toEqual([member]);
  });
});

test('a request key takes a request of any length', async () => {
  const longest = (userName: string, requestKey: string): AuthenticateRequest =>
    asking(userName, {
      domainName: 'd'.repeat(255),
      serial: 's'.repeat(255),
      applicationName: '\u00e4'.repeat(255),
      response: '\ud83d\ude00'.repeat(512),
      challenge: '\u00e4'.repeat(1024),
      requestKey,
    });
  const request = longest('\u00e4'.repeat(255), 'long');
  expect(await codeOf(bench.service, caller, request)).toBe('user-unknown');
  expect(await codeOf(bench.service, caller, request)).toBe('user-unknown');
  await expect(codeOf(bench.service, caller, longest('another', 'long'))).rejects.toMatchObject({
    code: 'request-key-reused',
  });
});
