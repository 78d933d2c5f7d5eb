import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  at,
  attributeEnvelope,
  attributesOf,
  codesOf,
  envelope,
  faultOf,
  type SoapWorld,
  startSoap,
  userAttributes,
} from './support.ts';

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({});
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
});

const changed = {
  outcome: 'password-changed',
  userName: 'Jane',
  domainName: 'master',
  organisationalUnit: null,
} as const;

describe('authUser that issues something', () => {
  it.each([
    ['a challenge', 'challenge', '12345678', 'A challenge was issued: answer it.'],
    [
      'a one-time password that was sent',
      'virtual-otp',
      null,
      'A one-time password was sent: answer with it.',
    ],
  ] as const)('tells %s as a failure with its message, and the key', async (...of) => {
    const [, kind, challenge, text] = of;
    world.answers.authenticate = {
      outcome: 'challenge-issued',
      kind,
      challenge,
      challengeKey: '0123456789',
      message: 'Enter it',
      expiresAtMs: 5,
    };
    const answer = await world.post(attributeEnvelope(userAttributes));
    expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_SUCCESS', '-1', '0']);
    expect(attributesOf(answer)).toEqual({
      CREDFLD_USERID: 'jane',
      ...(challenge === null ? {} : { CREDFLD_CHALLENGE: challenge }),
      CREDFLD_CHALLENGE_KEY: '0123456789',
      CREDFLD_CHALLENGE_MESSAGE: 'Enter it',
      CREDFLD_STATUS_MESSAGE: text,
    });
  });

  it('tells when a static password that was enough ends', async () => {
    world.answers.authenticate = {
      outcome: 'accepted',
      by: 'password',
      userName: 'Jane',
      domainName: 'master',
      organisationalUnit: null,
      serial: null,
      applicationName: null,
      pinChanged: false,
      passwordExpiresAtMs: Date.UTC(2026, 11, 24),
    };
    const answer = await world.post(attributeEnvelope(userAttributes));
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(attributesOf(answer)).toEqual({
      CREDFLD_USERID: 'Jane',
      CREDFLD_DOMAIN: 'master',
      CREDFLD_NOTIFY_PASSWORD_EXPIRE_DATE: '2026-12-24T00:00:00.000Z',
    });
  });
});

describe('updatePassword', () => {
  const update = (fields: Readonly<Record<string, string>>): string =>
    attributeEnvelope(
      { CREDFLD_USERID: 'jane', CREDFLD_COMPONENT_TYPE: 'c', ...fields },
      { operation: 'updatePassword' },
    );
  const asked = {
    userName: 'jane',
    domainName: null,
    password: 'old',
    newPassword: 'new',
    confirmation: 'again',
  };

  it.each([
    ['CREDFLD_STATIC_PASSWORD', 'CREDFLD_CONFIRM_STATIC_PASSWORD'],
    ['CREDFLD_STATIC_PASSWORD', 'CREDFLD_CONFIRM_NEW_STATIC_PASSWORD'],
    ['CREDFLD_PASSWORD', 'CREDFLD_CONFIRM_STATIC_PASSWORD'],
    ['CREDFLD_PASSWORD', 'CREDFLD_CONFIRM_NEW_STATIC_PASSWORD'],
  ])('takes %s and %s', async (password, confirmation) => {
    world.answers.changePassword = changed;
    const answer = await world.post(
      update({ [password]: 'old', CREDFLD_NEW_STATIC_PASSWORD: 'new', [confirmation]: 'again' }),
    );
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(attributesOf(answer)).toEqual({ CREDFLD_USERID: 'Jane', CREDFLD_DOMAIN: 'master' });
    expect(world.reached[0]).toMatchObject({ method: 'changePassword', args: [{}, asked] });
  });

  it.each([
    ['both spellings that differ', { CREDFLD_PASSWORD: 'other' }, 'STAT_INVDATA'],
    ['both spellings that agree', { CREDFLD_PASSWORD: 'old' }, 'STAT_SUCCESS'],
    [
      'two confirmations that differ',
      { CREDFLD_CONFIRM_NEW_STATIC_PASSWORD: 'other' },
      'STAT_INVDATA',
    ],
    ['no old one', { CREDFLD_STATIC_PASSWORD: '' }, 'STAT_MISSINGFLD'],
    ['no new one', { CREDFLD_NEW_STATIC_PASSWORD: '' }, 'STAT_MISSINGFLD'],
    ['no confirmation', { CREDFLD_CONFIRM_STATIC_PASSWORD: '' }, 'STAT_MISSINGFLD'],
  ])('%s', async (_, more, status) => {
    world.answers.changePassword = changed;
    const answer = await world.post(
      update({
        CREDFLD_STATIC_PASSWORD: 'old',
        CREDFLD_NEW_STATIC_PASSWORD: 'new',
        CREDFLD_CONFIRM_STATIC_PASSWORD: 'again',
        ...more,
      }),
    );
    expect(codesOf(answer)[1]).toBe(status);
    expect(world.reached.length).toBe(status === 'STAT_SUCCESS' ? 1 : 0);
    expect(answer.body).not.toMatch(/>(?:old|again|other)</);
  });
});

it.each([
  ['CREDFLD_PASSWORD', 'CREDFLD_STATIC_PASSWORD or CREDFLD_PASSWORD must be given.'],
  [
    'CREDFLD_CONFIRM_STATIC_PASSWORD',
    'CREDFLD_CONFIRM_STATIC_PASSWORD or CREDFLD_CONFIRM_NEW_STATIC_PASSWORD must be given.',
  ],
])('updatePassword without %s names both of its names', async (missing, text) => {
  const fields = {
    CREDFLD_USERID: 'jane',
    CREDFLD_COMPONENT_TYPE: 'c',
    CREDFLD_PASSWORD: 'old',
    CREDFLD_NEW_STATIC_PASSWORD: 'new',
    CREDFLD_CONFIRM_STATIC_PASSWORD: 'new',
    [missing]: '',
  };
  const answer = await world.post(attributeEnvelope(fields, { operation: 'updatePassword' }));
  expect(codesOf(answer)[1]).toBe('STAT_MISSINGFLD');
  expect(attributesOf(answer)['CREDFLD_STATUS_MESSAGE']).toBe(text);
});

it('updatePassword says by which rule a new one was refused', async () => {
  const fields = {
    CREDFLD_USERID: 'jane',
    CREDFLD_COMPONENT_TYPE: 'c',
    CREDFLD_PASSWORD: 'old',
    CREDFLD_NEW_STATIC_PASSWORD: 'new',
    CREDFLD_CONFIRM_STATIC_PASSWORD: 'new',
  };
  const rule = 'It must be long.';
  world.answers.changePassword = { outcome: 'refused', code: 'password-too-short', rule };
  const answer = await world.post(attributeEnvelope(fields, { operation: 'updatePassword' }));
  expect(codesOf(answer)[1]).toBe('STAT_PASSWORD_REFUSED');
  expect(attributesOf(answer)['CREDFLD_STATUS_MESSAGE']).toBe(
    'The new password is too short. It must be long.',
  );
});

describe('changeBackendPassword', () => {
  const inside = `<componentType>c</componentType>
    <user><userID>jane</userID><domain>sales</domain></user>
    <credential><staticPassword>old</staticPassword></credential>
    <newStaticPassword>new</newStaticPassword>`;
  const command = (content: string): string =>
    envelope(`<a:changeBackendPassword>${content}</a:changeBackendPassword>`);

  it('passes it on and answers with a status alone', async () => {
    world.answers.changeBackEndPassword = changed;
    const answer = await world.post(command(inside));
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(world.reached[0]).toMatchObject({
      method: 'changeBackEndPassword',
      args: [
        { componentType: 'c' },
        {
          userName: 'jane',
          domainName: 'sales',
          password: 'old',
          newPassword: 'new',
          confirmation: 'new',
        },
      ],
    });
  });

  it('tells that there is no back end, and what is missing', async () => {
    world.answers.changeBackEndPassword = { outcome: 'refused', code: 'back-end-none' };
    expect(codesOf(await world.post(command(inside)))[1]).toBe('STAT_LOCALAUTH');
    for (const part of ['<userID>jane</userID>', '<staticPassword>old</staticPassword>']) {
      const answer = await world.post(command(inside.replace(part, '')));
      expect(codesOf(answer)[1]).toBe('STAT_MISSINGFLD');
    }
    const twice = command(`${inside}<newStaticPassword>x</newStaticPassword>`);
    expect(faultOf(await world.post(twice))?.[0]).toBe('SOAP-ENV:Client');
  });
});

describe('cancelAuthUser', () => {
  const cancel = (serial: string, message: string): string =>
    envelope(`<a:cancelAuthUser><componentType>c</componentType>${serial}
      <challengeKeyMessage>${message}</challengeKeyMessage></a:cancelAuthUser>`);

  it.each([
    ['nothing to cancel', '<serialNumber>VT1</serialNumber>', 'STAT_NOT_FOUND'],
    ['no serial', '', 'STAT_MISSINGFLD'],
  ])('%s', async (_, serial, status) => {
    const answer = await world.post(cancel(serial, '00fF'));
    expect(codesOf(answer)[1]).toBe(status);
    expect(answer.body).toContain('<AUTH-TYPES:cancelAuthUserResponse>');
    expect(world.reached).toEqual([]);
  });

  it.each<[string, string, string, string]>([
    ['nothing', '', 'STAT_MISSINGFLD', 'challengeKeyMessage must be given.'],
    ...['0ff', 'key!', ' 00ff '].map((sent): [string, string, string, string] => [
      `"${sent}"`,
      sent,
      'STAT_INVDATA',
      'challengeKeyMessage must be hexadecimal: two digits a byte.',
    ]),
    [
      'a long one',
      '0'.repeat(1026),
      'STAT_INVDATA',
      'challengeKeyMessage must be at most 1024 characters.',
    ],
  ])('refuses a message that is none: %s', async (_, sent, status, text) => {
    const answer = await world.post(cancel('<serialNumber>VT1</serialNumber>', sent));
    expect(codesOf(answer)[1]).toBe(status);
    const said = at(answer.content, 'status', 'errorStack', 'errors', 'errorDesc')?.text;
    expect(said).toBe(text);
    expect(world.reached).toEqual([]);
  });
});
