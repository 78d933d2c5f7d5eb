import { afterEach, describe, expect, it } from 'vitest';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld | undefined;
afterEach(async () => {
  await world?.stop();
});

const issued = {
  outcome: 'challenge-issued',
  kind: 'virtual-otp',
  challenge: null,
  challengeKey: '0123456789',
  message: 'Enter One-Time Password',
  expiresAtMs: 5,
};

describe('a logon that issues something', () => {
  it('is 202, which is not success', async () => {
    world = await startRest({ authenticate: issued });
    const body = { user: 'alice', staticPassword: 'otp' };
    const answer = await world.send('POST', '/v1/authenticate', { body });
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.body)).toEqual(issued);
    expect(world.reached[0]).toMatchObject({
      args: [{}, { credential: { format: 'separate', staticPassword: 'otp', response: null } }],
    });
  });

  it.each([
    [{}, ['response']],
    [{ password: 'x', staticPassword: 'y' }, ['staticPassword']],
  ])('%j is no credential', async (credential, members) => {
    world = await startRest({ authenticate: issued });
    const body = { user: 'alice', ...credential };
    const answer = await world.send('POST', '/v1/authenticate', { body });
    expect(answer.status).toBe(422);
    const { problems } = JSON.parse(answer.body) as { problems: { member: string }[] };
    expect(problems.map(({ member }) => member)).toEqual(members);
    expect(world.reached).toEqual([]);
  });
});

describe('POST /v1/password', () => {
  const change = {
    user: 'alice',
    password: 'old',
    newPassword: 'new',
    newPasswordConfirmation: 'again',
  };
  const answered = {
    outcome: 'password-changed',
    userName: 'Alice',
    domainName: 'master',
    organisationalUnit: null,
  };

  it.each([
    [undefined, 'changePassword'],
    ['server', 'changePassword'],
    ['back-end', 'changeBackEndPassword'],
  ])('of %s', async (of, method) => {
    world = await startRest({ [method]: answered });
    const body = of === undefined ? change : { ...change, of };
    const answer = await world.send('POST', '/v1/password', { body });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      outcome: 'password-changed',
      user: 'Alice',
      domain: 'master',
      organisationalUnit: null,
    });
    expect(world.reached).toMatchObject([
      {
        method,
        args: [
          {},
          {
            userName: 'alice',
            domainName: null,
            password: 'old',
            newPassword: 'new',
            confirmation: 'again',
          },
        ],
      },
    ]);
  });

  it('refused is 403 with its code; a member too many or too few is 422', async () => {
    const tooShort = { outcome: 'refused', code: 'password-too-short', rule: 'It must be long.' };
    world = await startRest({ changePassword: tooShort });
    const refused = await world.send('POST', '/v1/password', { body: change });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toMatchObject({
      code: 'password-too-short',
      detail: 'The new password is too short. It must be long.',
    });
    for (const body of [{ ...change, more: 1 }, { user: 'alice' }, { ...change, of: 'ldap' }]) {
      expect((await world.send('POST', '/v1/password', { body })).status).toBe(422);
    }
  });
});
