import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError, type ErrorCode } from '../../src/errors.ts';
import { keyText, type RestWorld, type SendOptions, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const accepted = {
  outcome: 'accepted',
  userName: 'alice',
  domainName: 'master',
  organisationalUnit: null,
  serial: 'VT00000001',
  applicationName: 'TIME',
  pinChanged: false,
  by: 'response',
  passwordExpiresAtMs: null,
};
const logon = { user: 'alice', response: '123456' };

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe('the three use cases', () => {
  it('passes an authentication on and renders its answer', async () => {
    world = await startRest({ authenticate: accepted });
    const answer = await world.send('POST', '/v1/authenticate', {
      body: { ...logon, challenge: '12345678', application: 'TIME' },
      headers: { 'Idempotency-Key': 'abc-1' },
    });
    expect(answer.status).toBe(200);
    expect(json(answer.body)).toEqual({
      outcome: 'accepted',
      user: 'alice',
      domain: 'master',
      organisationalUnit: null,
      serial: 'VT00000001',
      application: 'TIME',
      pinChanged: false,
      by: 'response',
      passwordExpiresAtMs: null,
    });
    expect(world.reached).toEqual([
      {
        method: 'authenticate',
        args: [
          expect.objectContaining({ peerAddress: '127.0.0.1' }),
          {
            userName: 'alice',
            domainName: null,
            credential: {
              format: 'separate',
              staticPassword: null,
              pin: null,
              response: '123456',
              newPin: null,
            },
            challenge: '12345678',
            challengeKey: null,
            serial: null,
            applicationName: 'TIME',
            requestKey: 'abc-1',
          },
        ],
      },
    ]);
  });

  it('renders a refusal as 403 with its code', async () => {
    world = await startRest({ authenticate: { outcome: 'refused', code: 'response-replayed' } });
    const answer = await world.send('POST', '/v1/authenticate', { body: logon });
    expect(answer.status).toBe(403);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(json(answer.body)).toEqual({
      type: 'urn:tallystick:problem:response-replayed',
      title: 'Refused',
      status: 403,
      detail: 'The response was used already.',
      code: 'response-replayed',
      requestId: answer.headers['x-request-id'],
    });
  });

  it('issues a challenge with 202, which is not success', async () => {
    world = await startRest({
      issueChallenge: { outcome: 'challenge-issued', challenge: '87654321', expiresAtMs: 5 },
    });
    const answer = await world.send('POST', '/v1/challenges', { body: { user: 'alice' } });
    expect(answer.status).toBe(202);
    expect(json(answer.body)).toMatchObject({ challenge: '87654321', expiresAtMs: 5 });
  });

  it('renders what a synchronisation learned, counters as text', async () => {
    const learned = { driftSeconds: -90, nextEventCounter: 2n ** 60n, followers: ['CR'] };
    world = await startRest({ synchronise: { ...accepted, outcome: 'synchronised', learned } });
    const body = { user: 'alice', first: { response: '1' }, second: { response: '2' } };
    const answer = await world.send('POST', '/v1/sync', { body });
    expect(answer.status).toBe(200);
    expect(json(answer.body)).toMatchObject({
      outcome: 'synchronised',
      learned: { driftSeconds: -90, nextEventCounter: '1152921504606846976', followers: ['CR'] },
    });
  });

  it.each<[ErrorCode, number]>([
    ['module-unavailable', 503],
    ['module-denied', 503],
    ['seed-damaged', 503],
    ['store-read-only', 503],
    ['store-full', 503],
    ['store-unavailable', 503],
    ['overloaded', 503],
    ['shutting-down', 503],
    ['request-key-reused', 422],
    ['forbidden', 403],
    ['conflict', 409],
    ['not-found', 404],
    ['policy-refused', 403],
  ])('maps %s to %i', async (code, status) => {
    world = await startRest({ authenticate: new TallystickError(code, 'The text.') });
    const answer = await world.send('POST', '/v1/authenticate', { body: logon });
    expect(answer.status).toBe(status);
    expect(json(answer.body)).toMatchObject({ code, detail: 'The text.' });
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  });

  it('keeps the text of its own faults to itself', async () => {
    world = await startRest({
      authenticate: new TallystickError('internal', 'row 17 of user_account'),
    });
    const answer = await world.send('POST', '/v1/authenticate', { body: logon });
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('row 17');
    expect(world.unexpected).toHaveLength(1);
  });
});

describe('bad requests, none of which reaches the service', () => {
  const cases: readonly [string, string, string, SendOptions, number, string][] = [
    ['malformed JSON', 'POST', '/v1/authenticate', { body: '{"user":' }, 400, 'request-malformed'],
    ['no body', 'POST', '/v1/authenticate', {}, 400, 'request-malformed'],
    ['an array', 'POST', '/v1/authenticate', { body: [] }, 422, 'request-invalid'],
    ['a string', 'POST', '/v1/authenticate', { body: '"x"' }, 422, 'request-invalid'],
    [
      'a number as response',
      'POST',
      '/v1/authenticate',
      { body: { user: 'a', response: 123456 } },
      422,
      'request-invalid',
    ],
    ['no response', 'POST', '/v1/authenticate', { body: { user: 'a' } }, 422, 'request-invalid'],
    [
      'an unknown member',
      'POST',
      '/v1/authenticate',
      { body: { ...logon, pim: '1' } },
      422,
      'request-invalid',
    ],
    [
      'duplicate members',
      'POST',
      '/v1/authenticate',
      { body: '{"user":"a","user":"b","response":"1"}' },
      400,
      'request-malformed',
    ],
    [
      'deep nesting',
      'POST',
      '/v1/authenticate',
      { body: '['.repeat(1000) },
      400,
      'request-malformed',
    ],
    [
      'not UTF-8',
      'POST',
      '/v1/authenticate',
      { body: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      'request-malformed',
    ],
    [
      'a form',
      'POST',
      '/v1/authenticate',
      { body: 'user=a', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      415,
      'media-type-unsupported',
    ],
    [
      'no content type',
      'POST',
      '/v1/authenticate',
      { body: '{}', headers: { 'Content-Type': '' } },
      415,
      'media-type-unsupported',
    ],
    [
      'another charset',
      'POST',
      '/v1/authenticate',
      { body: '{}', headers: { 'Content-Type': 'application/json; charset=utf-16' } },
      415,
      'media-type-unsupported',
    ],
    [
      'a long body',
      'POST',
      '/v1/authenticate',
      { body: `"${'1'.repeat(65_536)}"` },
      413,
      'request-too-large',
    ],
    ['the wrong method', 'GET', '/v1/authenticate', {}, 405, 'method-not-allowed'],
    ['a trailing slash', 'GET', '/v1/users/', {}, 404, 'not-found'],
    ['another case', 'GET', '/V1/users', {}, 404, 'not-found'],
    ['an unknown parameter', 'GET', '/v1/users?doman=x', {}, 422, 'request-invalid'],
    ['a parameter twice', 'GET', '/v1/users?after=a&after=b', {}, 422, 'request-invalid'],
    ['a limit that is none', 'GET', '/v1/users?limit=many', {}, 422, 'request-invalid'],
    ['a limit too large', 'GET', '/v1/users?limit=1001', {}, 422, 'request-invalid'],
    ['a body on a GET', 'GET', '/v1/users', { body: {} }, 400, 'request-malformed'],
    [
      'an Idempotency-Key of blanks',
      'POST',
      '/v1/authenticate',
      { body: logon, headers: { 'Idempotency-Key': 'a b' } },
      422,
      'request-invalid',
    ],
    [
      'an Idempotency-Key too long',
      'POST',
      '/v1/authenticate',
      { body: logon, headers: { 'Idempotency-Key': 'a'.repeat(129) } },
      422,
      'request-invalid',
    ],
    [
      'an Idempotency-Key without meaning',
      'POST',
      '/v1/users',
      { body: { user: 'a' }, headers: { 'Idempotency-Key': 'a' } },
      422,
      'request-invalid',
    ],
    [
      'an If-Match that is no version',
      'PATCH',
      '/v1/users/a',
      { body: {}, headers: { 'If-Match': 'W/"1"' } },
      422,
      'request-invalid',
    ],
    [
      'an If-Match without meaning',
      'POST',
      '/v1/users',
      { body: { user: 'a' }, headers: { 'If-Match': '"1"' } },
      422,
      'request-invalid',
    ],
    [
      'a negative instant',
      'POST',
      '/v1/users',
      { body: { user: 'a', expiresAtMs: -1 } },
      422,
      'request-invalid',
    ],
  ];
  it.each(cases)('%s', async (_name, method, path, options, status, code) => {
    world = await startRest({});
    const answer = await world.send(method, path, options);
    expect(answer.status).toBe(status);
    expect(json(answer.body)).toMatchObject({ code });
    expect(world.reached).toEqual([]);
    expect(answer.text).not.toMatch(/node_modules|\.ts:/);
  });

  it('names each wrong member and what is allowed', async () => {
    world = await startRest({});
    const body = { user: 1, response: '123456', pim: '9876' };
    const answer = await world.send('POST', '/v1/authenticate', { body });
    const { problems } = json(answer.body);
    expect(problems).toEqual([
      { member: 'user', message: expect.stringContaining('string') as string },
      { member: 'pim', message: 'there is no such member here' },
    ]);
    expect(answer.body).not.toMatch(/9876|123456/);
  });

  it('says which methods a path has', async () => {
    world = await startRest({});
    const answer = await world.send('DELETE', '/v1/users');
    expect(answer.headers['allow']).toBe('GET, POST');
  });

  it('refuses a megabyte without reading all of it', async () => {
    world = await startRest({});
    const answer = await world.send('POST', '/v1/authenticate', { body: 'x'.repeat(1_048_576) });
    expect(answer.status).toBe(413);
  });
});

describe('API keys', () => {
  it.each([
    ['no key', null],
    ['an unknown key', `tsk_${'x'.repeat(43)}`],
    ['a malformed key', 'hello world'],
    ['a very long key', 'k'.repeat(300)],
  ])('refuses %s, alike, before reading the body', async (_name, key) => {
    world = await startRest({});
    const answer = await world.send('POST', '/v1/authenticate', { key, body: '{"user":' });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(json(answer.body)).toMatchObject({
      code: 'unauthenticated',
      detail: 'an Authorization header with a valid API key is needed: Bearer tsk_...',
    });
  });

  it('takes the scheme in any case, and no other scheme', async () => {
    world = await startRest({ domains: [] });
    const headers = { Authorization: `bearer ${keyText}` };
    expect((await world.send('GET', '/v1/domains', { key: null, headers })).status).toBe(200);
    const basic = { Authorization: `Basic ${keyText}` };
    expect((await world.send('GET', '/v1/domains', { key: null, headers: basic })).status).toBe(
      401,
    );
  });

  it('tells a missing component from a missing right', async () => {
    world = await startRest({
      domains: new TallystickError('forbidden', 'No component.', {
        fields: { reason: 'component-unknown' },
      }),
    });
    const answer = await world.send('GET', '/v1/domains');
    expect(answer.status).toBe(403);
    expect(json(answer.body)).toMatchObject({ code: 'component-unknown' });
  });
});

describe('what the operator is told beside the request line', () => {
  it.each([
    ['store-full', 1],
    ['seed-damaged', 1],
    ['forbidden', 1],
    ['overloaded', 0],
    ['conflict', 0],
    ['internal', 0],
  ] as const)('%s: %i failure, with the route, key and peer', async (code, count) => {
    world = await startRest({ authenticate: new TallystickError(code, 'About it.') });
    await world.send('POST', '/v1/authenticate', { body: logon });
    const expected = {
      code,
      requestId: expect.any(String) as string,
      route: '/v1/authenticate',
      keyName: 'test',
      peerAddress: '127.0.0.1',
    };
    expect(world.failures).toEqual(Array(count).fill(expected));
  });
});
