import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import { type Edges, openEdges } from './edges.ts';
import {
  bySoap,
  byRest,
  lockCountOf,
  signerWorld,
  type Asked,
  type Part,
  syncWorld,
  type SyncWorld,
} from './sync-support.ts';
import { hotp6, ocraBare, ocraTime, type TestDevice, totp6 } from '../../support/builders.ts';
import { givePin } from '../../support/pins.ts';
import { soapCall, typedCommand } from '../../support/soap-client.ts';

/** Every row of what a synchronisation answers, through both edges. */

let edges: Edges;

beforeAll(async () => {
  edges = await openEdges();
});

afterAll(() => edges.close());

type Row = [
  name: string,
  settings: PolicySettings,
  prepare: (world: SyncWorld) => Promise<Asked> | Asked,
  soap: string,
  rest: string | null,
  counted: number,
];

/** How many presses ahead of the server the devices are. */
const far = 60;

const rows: readonly Row[] = [
  ['two consecutive responses', {}, ({ pair }) => pair(far), 'STAT_SUCCESS', 'synchronised', 0],
  [
    'with the serial',
    {},
    ({ pair, device }) => ({ ...pair(far), serialNumber: device.serial }),
    'STAT_SUCCESS',
    'synchronised',
    0,
  ],
  [
    'no component type',
    {},
    ({ pair }) => ({ ...pair(far), componentType: '' }),
    'STAT_MISSINGFLD',
    null,
    0,
  ],
  ['no user', {}, ({ pair }) => ({ ...pair(far), userID: '' }), 'STAT_MISSINGFLD', null, 0],
  [
    'no first response',
    {},
    ({ pair }) => ({ otp2: pair(far).otp2 }),
    'STAT_MISSINGFLD',
    'request-invalid',
    0,
  ],
  [
    'no second response',
    {},
    ({ pair }) => ({ otp1: pair(far).otp1 }),
    'STAT_MISSINGFLD',
    'request-invalid',
    0,
  ],
  [
    'a challenge key',
    {},
    ({ pair }) => ({ ...pair(far), otp1: { ...pair(far).otp1, challengeKey: '0123456789' } }),
    'STAT_INVDATA',
    'request-invalid',
    0,
  ],
  [
    'a challenge and a challenge key',
    {},
    ({ pair }) => ({
      ...pair(far),
      otp2: { ...pair(far).otp2, challenge: '12345678', challengeKey: '0123456789' },
    }),
    'STAT_INVDATA',
    'request-invalid',
    0,
  ],
  [
    'a program that nobody knows',
    {},
    ({ pair }) => ({ ...pair(far), componentType: 'stranger' }),
    'STAT_NOT_FOUND',
    null,
    0,
  ],
  [
    'a user that nobody knows',
    {},
    ({ pair }) => ({ ...pair(far), userID: 'nobody' }),
    'STAT_USER_UNKNOWN',
    null,
    0,
  ],
  [
    'a disabled user',
    {},
    async ({ pair, userName }) => {
      await change(userName, { isDisabled: true });
      return pair(far);
    },
    'STAT_DISABLED',
    'user-disabled',
    0,
  ],
  [
    'an expired user',
    {},
    async ({ pair, userName }) => {
      await change(userName, { expiresAtMs: edges.bench.clock.nowMs() - 1 });
      return pair(far);
    },
    'STAT_USER_EXPIRED',
    'user-expired',
    0,
  ],
  [
    'an inactive user',
    { userMaxInactiveDays: 1 },
    ({ pair }) => {
      edges.bench.clock.advance(2 * 86_400);
      return pair(far);
    },
    'STAT_USER_INACTIVE',
    'user-inactive',
    0,
  ],
  [
    'a locked user, though a logon would unlock him by now',
    { userLockThreshold: 1, autoUnlockMaxTries: 5, autoUnlockMinDurationSeconds: 60 },
    async (world) => {
      await byRest(
        edges,
        world,
        { otp1: { response: '000000' }, otp2: { response: '111111' } },
        world.userName,
      );
      edges.bench.clock.advance(3600);
      return world.pair(far);
    },
    'STAT_LOCKED',
    'user-locked',
    1,
  ],
  [
    'a user with two authenticators, and no serial',
    {},
    async ({ pair, userName }) => {
      await edges.bench.device(hotp6, { userName });
      return pair(far);
    },
    'STAT_INVPARAM',
    'authenticator-ambiguous',
    0,
  ],
  [
    'a user without an authenticator',
    {},
    async ({ pair, device }) => {
      await edges.bench.service.administration.unassignAuthenticator(
        edges.bench.admin,
        device.serial,
      );
      return pair(far);
    },
    'STAT_INVPARAM',
    'authenticator-none',
    0,
  ],
  [
    'a serial of somebody else',
    {},
    async ({ pair }) => ({ ...pair(far), serialNumber: (await edges.bench.device(hotp6)).serial }),
    'STAT_NOT_FOUND',
    'authenticator-not-assigned',
    0,
  ],
  [
    'a type that is not permitted',
    { applicationType: 'challenge-response' },
    ({ pair }) => pair(far),
    'STAT_LOCALAUTH',
    'authenticator-not-permitted',
    0,
  ],
  [
    'an application that is not permitted',
    { applicationNames: ['OTHER'] },
    ({ pair }) => pair(far),
    'STAT_LOCALAUTH',
    'authenticator-not-permitted',
    0,
  ],
  [
    'a disabled authenticator',
    {},
    async ({ pair, device }) => {
      await changeDevice(device, { isDisabled: true });
      return pair(far);
    },
    'STAT_LOCALAUTH',
    'authenticator-disabled',
    0,
  ],
  [
    'an expired authenticator',
    {},
    async ({ pair, device }) => {
      await changeDevice(device, { expiresAtMs: edges.bench.clock.nowMs() - 1 });
      return pair(far);
    },
    'STAT_LOCALAUTH',
    'authenticator-expired',
    0,
  ],
  ['the PIN', {}, withPin('4721'), 'STAT_SUCCESS', 'synchronised', 0],
  ['a wrong PIN', {}, withPin('4722'), 'STAT_OTP_INCORRECT', 'sync-incorrect', 1],
  ['no PIN where one is set', {}, withPin(undefined), 'STAT_OTP_INCORRECT', 'sync-incorrect', 1],
  [
    'one response typed twice',
    {},
    ({ pair }) => ({ otp1: pair(far).otp1, otp2: pair(far).otp1 }),
    'STAT_OTP_INCORRECT',
    'sync-incorrect',
    1,
  ],
  [
    'the wrong order',
    {},
    ({ pair }) => ({ otp1: pair(far).otp2, otp2: pair(far).otp1 }),
    'STAT_OTP_INCORRECT',
    'sync-incorrect',
    1,
  ],
  [
    'no position at all',
    {},
    () => ({ otp1: { response: '000000' }, otp2: { response: '000001' } }),
    'STAT_OTP_INCORRECT',
    'sync-incorrect',
    1,
  ],
  [
    'out of reach',
    { syncEventWindowSteps: 50 },
    ({ pair }) => pair(far),
    'STAT_OTP_INCORRECT',
    'sync-incorrect',
    1,
  ],
  [
    'a position that was used',
    {},
    async (world) => {
      await byRest(edges, world, world.pair(far), world.userName);
      return world.pair(far);
    },
    'STAT_OTP_ALREADY_USED',
    'sync-replayed',
    1,
  ],
  [
    'a key that the module lost',
    {},
    async ({ pair, device }) => {
      const { bench } = edges;
      const stored = await bench.store.authenticatorBySerial(device.serial);
      const { seedId } = stored!.applications[0]!.seed;
      await bench.module.destroySeed(seedId, { lane: 'sync', deadlineMs: 1000 });
      return pair(far);
    },
    'STAT_NOT_FOUND',
    'seed-damaged',
    0,
  ],
];

async function change(userName: string, set: object): Promise<void> {
  const { bench } = edges;
  const expected = { expectedVersion: null };
  await bench.service.administration.updateUser(bench.admin, null, userName, set, expected);
}

async function changeDevice({ serial }: TestDevice, set: object): Promise<void> {
  const { bench } = edges;
  const expected = { expectedVersion: null };
  await bench.service.administration.updateAuthenticator(bench.admin, serial, set, expected);
}

function withPin(pin: string | undefined): Row[2] {
  return async ({ pair, device }) => {
    await givePin(edges.bench, device.serial, '4721');
    return { ...pair(far), ...(pin === undefined ? {} : { pin }) };
  };
}

describe('a synchronisation', () => {
  it.each(rows)('%s', async (_, settings, prepare, soap, rest, counted) => {
    const world = await syncWorld(edges, settings);
    expect(await bySoap(edges.url, world, await prepare(world), world.userName)).toBe(soap);
    expect(await lockCountOf(edges, world)).toBe(counted);
    if (rest === null) return;
    const again = await syncWorld(edges, settings);
    expect(await byRest(edges, again, await prepare(again), again.userName)).toBe(rest);
    expect(await lockCountOf(edges, again)).toBe(counted);
  });

  it('of an application that nothing moves is none', async () => {
    const world = await syncWorld(edges, {}, ocraBare);
    const [otp1, otp2] = ['12345678', '87654321'].map((challenge) => ({
      response: world.device.response({ challenge }),
      challenge,
    }));
    const asked = { otp1: otp1!, otp2: otp2! };
    expect(await bySoap(edges.url, world, asked, world.userName)).toBe('STAT_INVPARAM');
    expect(await byRest(edges, world, asked, world.userName)).toBe('sync-nothing');
    expect(await lockCountOf(edges, world)).toBe(0);
  });

  it('of an application that only signs is none', async () => {
    const world = await signerWorld(edges);
    expect(await bySoap(edges.url, world, world.pair(0), world.userName)).toBe('STAT_INVPARAM');
    expect(await byRest(edges, world, world.pair(0), world.userName)).toBe('sync-kind-unsupported');
    expect(await lockCountOf(edges, world)).toBe(0);
  });

  it('by time is two steps in a row, and the next response verifies', async () => {
    const world = await syncWorld(edges, {}, totp6);
    const { clock } = edges.bench;
    const at = (seconds: number): Part => ({
      response: world.device.response({ nowMs: clock.nowMs() + seconds * 1000 }),
    });
    expect(await bySoap(edges.url, world, { otp1: at(3600), otp2: at(3630) }, world.userName)).toBe(
      'STAT_SUCCESS',
    );
    clock.advance(30);
    const { key } = world.program;
    const next = { user: world.userName, response: at(3630).response };
    expect(await edges.rest(key, '/v1/authenticate', next)).toMatchObject({ code: 'accepted' });
  });

  it('takes the server’s challenges where it must, each from its user and once', async () => {
    const world = await syncWorld(
      edges,
      { oneStepChallengeResponse: 'server-challenge', challengeCheckMode: 0 },
      ocraTime,
    );
    const { bench } = edges;
    const issue = async (userName: string): Promise<string> => {
      const caller = bench.service.keylessCaller(world.program.type, '127.0.0.1', 'test');
      const named = { userName, domainName: null, serial: null, applicationName: null };
      const answer = await bench.service.issueChallenge(caller, { ...named, requestKey: null });
      if (answer.outcome !== 'challenge-issued') throw new Error(answer.code);
      return answer.challenge;
    };
    const nowMs = bench.clock.nowMs();
    const shown = (challenge: string, seconds: number): Part => ({
      response: world.device.response({ challenge, nowMs: nowMs + seconds * 1000 }),
      challenge,
    });
    const { userName } = world;
    const own = { otp1: shown('12345678', 3600), otp2: shown('23456789', 3630) };
    expect(await bySoap(edges.url, world, own, userName)).toBe('STAT_EXP_CHALLENGE');
    const [first, second] = [await issue(userName), await issue(userName)];
    const issued = { otp1: shown(first, 3600), otp2: shown(second, 3630) };
    expect(await bySoap(edges.url, world, issued, userName)).toBe('STAT_SUCCESS');
    const again = { otp1: shown(first, 7200), otp2: shown(second, 7230) };
    expect(await bySoap(edges.url, world, again, userName)).toBe('STAT_EXP_CHALLENGE');
  });

  it('takes the names opt1 and opt2 too', async () => {
    const world = await syncWorld(edges);
    const { otp1, otp2 } = world.pair(far);
    const answer = await soapCall(
      edges.url,
      typedCommand('aut:syncTokenAndHost', {
        componentType: world.program.type,
        user: { userID: world.userName, domain: 'Master' },
        credential: { opt1: otp1, opt2: otp2, serialNumber: world.device.serial },
      }),
    );
    expect(answer).toMatchObject({ statusCodeEnum: 'STAT_SUCCESS', fault: null });
    expect(answer.text).toContain(world.device.serial);
  });
});
