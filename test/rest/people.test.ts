import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

/** Without the caller. */
const reached = (): unknown[] =>
  world.reached.map(({ method, args }) => [method, ...args.slice(1)]);

const user = { userName: 'jane', domainName: 'master', serials: [], version: 3 };
const person = {
  email: 'jane@example.org',
  mobile: '+491701234567',
  phone: null,
  deliveryMethod: 'email-sms',
  localAuthentication: 'password-in-grace',
};

describe('contacts', () => {
  it('come with a new user and with changes, and only what was sent', async () => {
    world = await startRest({ createUser: { ...user, ...person }, updateUser: user });
    const answer = await world.send('POST', '/v1/users', { body: { user: 'jane', ...person } });
    expect(json(answer.body)).toMatchObject({ user: 'jane', ...person });
    await world.send('POST', '/v1/users', { body: { user: 'joe' } });
    await world.send('PATCH', '/v1/users/jane', { body: { ...person, isDisabled: true } });
    await world.send('PATCH', '/v1/users/jane', { body: { email: null } });
    const empty = { organisationalUnit: null, expiresAtMs: null };
    const anyVersion = { expectedVersion: null };
    expect(reached()).toEqual([
      ['createUser', null, { userName: 'jane', ...empty, ...person }],
      ['createUser', null, { userName: 'joe', ...empty }],
      ['updateUser', null, 'jane', { ...person, isDisabled: true }, anyVersion],
      ['updateUser', null, 'jane', { email: null }, anyVersion],
    ]);
  });

  it.each([
    ['deliveryMethod', { deliveryMethod: 'pigeon' }, /"email-sms"/],
    ['localAuthentication', { localAuthentication: 'any' }, /"password-in-grace"/],
    ['email', { email: 7 }, /string/],
  ])('are refused with a wrong %s, saying what is allowed', async (member, body, message) => {
    world = await startRest({ updateUser: user });
    const answer = await world.send('PATCH', '/v1/users/jane', { body });
    expect(answer.status).toBe(422);
    expect(json(answer.body)['problems']).toEqual([
      { member, message: expect.stringMatching(message) as string },
    ]);
    expect(world.reached).toEqual([]);
  });
});

describe('static passwords', () => {
  const path = '/v1/users/jane/password';

  it('are set, confirmed or not, and cleared', async () => {
    world = await startRest({ setPassword: { ...user, hasPassword: true } });
    const body = { password: 'a', confirmation: 'b', policy: 'P' };
    const answer = await world.send('PUT', `${path}?domain=d`, { body });
    expect(answer.status).toBe(200);
    expect(answer.headers['etag']).toBe('"3"');
    expect(json(answer.body)).toMatchObject({ user: 'jane', hasPassword: true });
    await world.send('PUT', path, { body: { password: 'a' } });
    expect((await world.send('DELETE', `${path}?domain=d`)).status).toBe(204);
    expect(reached()).toEqual([
      ['setPassword', 'd', 'jane', { password: 'a', confirmation: 'b', policyName: 'P' }],
      ['setPassword', null, 'jane', { password: 'a', confirmation: 'a', policyName: null }],
      ['clearPassword', 'd', 'jane'],
    ]);
  });

  it.each([{}, { password: 7 }, { password: 'a', mustChange: true }])(
    'are not set by %j',
    async (body) => {
      world = await startRest({ setPassword: user });
      expect((await world.send('PUT', path, { body })).status).toBe(422);
      expect(world.reached).toEqual([]);
    },
  );

  it('that the policy does not take are refused by the code of the flaw', async () => {
    const setPassword = new TallystickError('policy-refused', 'It is too short.', {
      fields: { reason: 'password-too-short' },
    });
    world = await startRest({ setPassword });
    const answer = await world.send('PUT', path, { body: { password: 'a' } });
    expect(answer.status).toBe(403);
    expect(json(answer.body)).toMatchObject({
      code: 'password-too-short',
      detail: 'It is too short.',
    });
  });
});

describe('authenticators', () => {
  const view = { serial: 'S', kind: 'virtual-mobile', applications: [], version: 1 };
  const path = '/v1/authenticators';

  it('without a device are created by their kind', async () => {
    world = await startRest({ createVirtualMobile: view });
    const kind = 'virtual-mobile';
    const answer = await world.send('POST', path, { body: { kind, serial: 'S' } });
    expect(answer.status).toBe(201);
    expect(json(answer.body)).toMatchObject({ serial: 'S', kind, applications: [] });
    const more = { model: 'M', expiresAtMs: 5, applications: [] };
    await world.send('POST', path, { body: { kind, serial: 'S', ...more } });
    expect(reached()).toEqual([
      ['createVirtualMobile', { serial: 'S', model: null, expiresAtMs: null }],
      ['createVirtualMobile', { serial: 'S', model: 'M', expiresAtMs: 5 }],
    ]);
    const one = { name: 'A', mode: 'response-only', algorithm: {}, seed: { source: 'generate' } };
    const refused = await world.send('POST', path, {
      body: { kind, serial: 'S', applications: [one] },
    });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatch(/has no applications/);
  });

  it('with one are created as before, whether they say so or not', async () => {
    world = await startRest({ createAuthenticator: { ...view, kind: 'device' } });
    const application = { name: 'A', mode: 'response-only', algorithm: {} };
    const body = {
      serial: 'S',
      model: 'M',
      applications: [{ ...application, seed: { source: 'generate' } }],
    };
    expect((await world.send('POST', path, { body })).status).toBe(201);
    expect((await world.send('POST', path, { body: { ...body, kind: 'device' } })).status).toBe(
      201,
    );
    expect(world.reached.map(({ method }) => method)).toEqual([
      'createAuthenticator',
      'createAuthenticator',
    ]);
    const other = await world.send('POST', path, { body: { ...body, kind: 'other' } });
    expect(other.body).toMatch(/must be device, when left out, or virtual-mobile/);
    for (const bad of ['[]', 'null', '7']) {
      expect((await world.send('POST', path, { body: bad })).status).toBe(422);
    }
    expect(world.reached).toHaveLength(2);
  });

  it('take a grace period and a backup of their own, and only what was sent', async () => {
    world = await startRest({ updateAuthenticator: view, assignAuthenticator: view });
    const patch = (body: object): ReturnType<RestWorld['send']> =>
      world.send('PATCH', `${path}/S`, { body });
    const all = { graceEndsAtMs: 5, backup: { mode: 'time-limited', endsAtMs: 6, usesLeft: 7 } };
    const none = { graceEndsAtMs: null, backup: { mode: null, endsAtMs: null, usesLeft: null } };
    for (const body of [all, none, { backup: { usesLeft: 1 } }]) {
      expect((await patch(body)).status).toBe(200);
    }
    await world.send('POST', `${path}/S/assign`, { body: { user: 'jane', graceDays: 7 } });
    await world.send('POST', `${path}/S/assign`, { body: { user: 'jane', domain: 'd' } });
    const anyVersion = { expectedVersion: null };
    expect(reached()).toEqual([
      ['updateAuthenticator', 'S', all, anyVersion],
      ['updateAuthenticator', 'S', none, anyVersion],
      ['updateAuthenticator', 'S', { backup: { usesLeft: 1 } }, anyVersion],
      ['assignAuthenticator', 'S', null, 'jane', 7],
      ['assignAuthenticator', 'S', 'd', 'jane', null],
    ]);
    for (const backup of [null, { mode: 'sometimes' }, { uses: 1 }, { usesLeft: '1' }]) {
      expect((await patch({ backup })).status).toBe(422);
    }
  });
});
