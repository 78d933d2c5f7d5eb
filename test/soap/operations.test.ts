import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TallystickError, type ErrorCode } from '../../src/errors.ts';
import {
  accepted,
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
  world.failures.length = 0;
  world.lines.length = 0;
  world.ignored.length = 0;
});

const request = (): Record<string, unknown> => world.reached[0]!.args[1] as never;

describe('authUser', () => {
  const separate = {
    CREDFLD_USERID: 'jane',
    CREDFLD_COMPONENT_TYPE: 'c',
    CREDFLD_PASSWORD_FORMAT: '4',
  };

  it('asks as the component type and the TCP peer, and answers who it was', async () => {
    world.answers.authenticate = { ...accepted, organisationalUnit: 'Sales' };
    const answer = await world.post(attributeEnvelope(userAttributes));
    expect(answer.status).toBe(200);
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(attributesOf(answer)).toEqual({
      CREDFLD_USERID: 'Jane',
      CREDFLD_DOMAIN: 'master',
      CREDFLD_ORGANIZATIONAL_UNIT: 'Sales',
      CREDFLD_SERIAL_NO: 'VT00000001',
    });
    expect(world.reached[0]).toMatchObject({
      method: 'authenticate',
      args: [
        { keyId: null, componentType: 'SOAP Auth Client', peerAddress: '127.0.0.1' },
        {
          userName: 'jane',
          domainName: null,
          credential: { format: 'combined', text: '123456' },
          challenge: null,
          challengeKey: null,
          serial: null,
          requestKey: null,
        },
      ],
    });
    expect(world.lines).toEqual([{ route: 'soap authUser', outcome: 'accepted' }]);
  });

  it.each([
    ['None', 'none'],
    ['optional', 'optional'],
    ['2', 'required'],
    [null, 'none'],
  ])('asks for a host code as %s, and answers it', async (sent, hostCode) => {
    world.answers.authenticate = { ...accepted, hostCode: '654321' };
    const wish = sent === null ? {} : { CREDFLD_REQUEST_HOST_CODE: sent };
    const answer = await world.post(attributeEnvelope({ ...userAttributes, ...wish }));
    expect(attributesOf(answer)).toMatchObject({ CREDFLD_HOST_CODE: '654321' });
    expect(request()['hostCode']).toBe(hostCode);
  });

  it('asks nobody for a host code in another way', async () => {
    const wrong = { ...userAttributes, CREDFLD_REQUEST_HOST_CODE: 'always' };
    expect(codesOf(await world.post(attributeEnvelope(wrong)))[1]).toBe('STAT_INVDATA');
    expect(world.reached).toEqual([]);
  });

  it('reads the parts of format 4 and ignores the fields of the other', async () => {
    world.answers.authenticate = accepted;
    await world.post(
      attributeEnvelope({
        ...separate,
        CREDFLD_PASSWORD: 'x'.repeat(2000),
        CREDFLD_STATIC_PASSWORD: 'ignored',
        CREDFLD_DP_RESPONSE: '123456',
        CREDFLD_CURRENT_PIN: '1111',
        CREDFLD_NEW_PIN: '2222',
        CREDFLD_CONFIRM_NEW_PIN: '3333',
        CREDFLD_SERIAL_NO: 'VT1',
        CREDFLD_CHALLENGE_KEY: '0123456789',
        CREDFLD_DOMAIN: 'd',
      }),
    );
    expect(request()).toMatchObject({
      domainName: 'd',
      serial: 'VT1',
      challenge: null,
      challengeKey: '0123456789',
      credential: {
        format: 'separate',
        staticPassword: 'ignored',
        pin: '1111',
        response: '123456',
        newPin: { pin: '2222', confirmation: '3333' },
      },
    });
  });

  it.each([
    ['neither new PIN nor confirmation', {}, null],
    ['a new PIN alone', { CREDFLD_NEW_PIN: '1' }, { pin: '1', confirmation: '' }],
    ['a confirmation alone', { CREDFLD_CONFIRM_NEW_PIN: '1' }, { pin: '', confirmation: '1' }],
  ])('reads %s', async (_name, more, newPin) => {
    world.answers.authenticate = accepted;
    await world.post(attributeEnvelope({ ...separate, ...more }));
    expect(request()['credential']).toEqual({
      format: 'separate',
      staticPassword: null,
      pin: null,
      response: null,
      newPin,
    });
  });

  it('tells a refusal with its message, and the user as he was received', async () => {
    world.answers.authenticate = { outcome: 'refused', code: 'user-locked' };
    const answer = await world.post(attributeEnvelope({ ...userAttributes, CREDFLD_DOMAIN: 'D' }));
    expect(answer.status).toBe(200);
    expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_LOCKED', '-1', '1007']);
    expect(attributesOf(answer)).toEqual({
      CREDFLD_USERID: 'jane',
      CREDFLD_DOMAIN: 'D',
      CREDFLD_STATUS_MESSAGE: 'The user is locked.',
    });
    const stack = at(answer.content, 'authUserResults', 'results', 'errorStack', 'errors')!;
    expect(stack.children.map(({ text }) => text)).toEqual(['1007', 'The user is locked.']);
    expect(world.lines).toEqual([{ route: 'soap authUser', outcome: 'user-locked' }]);
  });

  it.each([
    ['no user', { CREDFLD_USERID: '' }, 'STAT_MISSINGFLD'],
    ['no component type', { CREDFLD_COMPONENT_TYPE: '' }, 'STAT_MISSINGFLD'],
    ['no format', { CREDFLD_PASSWORD_FORMAT: '' }, 'STAT_MISSINGFLD'],
    ['format 1', { CREDFLD_PASSWORD_FORMAT: '1' }, 'STAT_INVDATA'],
    ['format 4.0', { CREDFLD_PASSWORD_FORMAT: '4.0' }, 'STAT_INVDATA'],
    ['format beyond 32 bits', { CREDFLD_PASSWORD_FORMAT: '4294967296' }, 'STAT_INVDATA'],
    ['a long user', { CREDFLD_USERID: 'x'.repeat(256) }, 'STAT_INVDATA'],
    ['a long component type', { CREDFLD_COMPONENT_TYPE: 'x'.repeat(61) }, 'STAT_INVDATA'],
    ['a line break in a name', { CREDFLD_COMPONENT_TYPE: 'a&#10;b' }, 'STAT_INVDATA'],
    [
      'challenge and its key',
      { CREDFLD_CHALLENGE: '1', CREDFLD_CHALLENGE_KEY: '0123456789' },
      'STAT_INVDATA',
    ],
    ['a challenge key of letters', { CREDFLD_CHALLENGE_KEY: 'abcdefghij' }, 'STAT_INVDATA'],
    ['a long challenge key', { CREDFLD_CHALLENGE_KEY: '0'.repeat(300) }, 'STAT_INVDATA'],
  ])('refuses %s before anybody is asked', async (_name, over, status) => {
    const answer = await world.post(attributeEnvelope({ ...userAttributes, ...over }));
    expect(answer.status).toBe(200);
    expect(codesOf(answer).slice(0, 2)).toEqual(['RET_FAILURE', status]);
    expect(world.reached).toEqual([]);
  });

  it('ignores attributes that nobody knows, and says so to whoever debugs', async () => {
    world.answers.authenticate = accepted;
    const answer = await world.post(
      attributeEnvelope({ ...userAttributes, CREDFLD_NONCE: 'n', 'not an id': 's3cret' }),
    );
    expect(codesOf(answer)[0]).toBe('RET_SUCCESS');
    expect(world.ignored).toEqual(['CREDFLD_NONCE']);
  });
});

describe('getChallenge', () => {
  it('hands out challenge and key as a success', async () => {
    world.answers.issueChallenge = {
      outcome: 'challenge-issued',
      challenge: '123456',
      challengeKey: '0123456789',
      expiresAtMs: 1,
    };
    const answer = await world.post(
      attributeEnvelope({ CREDFLD_COMPONENT_TYPE: 'c' }, { operation: 'getChallenge' }),
    );
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(attributesOf(answer)).toEqual({
      CREDFLD_CHALLENGE: '123456',
      CREDFLD_CHALLENGE_KEY: '0123456789',
    });
    expect(request()).toMatchObject({ userName: null, domainName: null, serial: null });
    expect(answer.content.children.map(({ local }) => local)).toEqual(['results']);
  });
});

describe('syncTokenAndHost', () => {
  const sync = (inside: string): string =>
    envelope(`<a:syncTokenAndHost>${inside}</a:syncTokenAndHost>`);
  const user = '<user><userID>jane</userID><domain>D</domain></user>';
  const good =
    `<componentType>c</componentType>${user}<credential><otp1><response>1</response></otp1>` +
    '<otp2><response>2</response><challenge>9</challenge></otp2>' +
    '<serialNumber>VT1</serialNumber><pin>1234</pin></credential>';
  const synchronised = {
    outcome: 'synchronised',
    userName: 'Jane',
    domainName: 'master',
    organisationalUnit: 'Sales',
    serial: 'VT00000001',
    applicationName: 'OTP',
    learned: null,
  };
  const shown = (answer: Awaited<ReturnType<SoapWorld['post']>>): (string | undefined)[] => [
    at(answer.content, 'result', 'user', 'userID')?.text,
    at(answer.content, 'result', 'user', 'domain')?.text,
    at(answer.content, 'result', 'user', 'orgUnit')?.text,
    at(answer.content, 'result', 'credentials', 'serialNumber')?.text,
  ];

  it('synchronises', async () => {
    world.answers.synchronise = synchronised;
    const answer = await world.post(sync(good));
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(shown(answer)).toEqual(['Jane', 'master', 'Sales', 'VT00000001']);
    expect(request()).toEqual({
      userName: 'jane',
      domainName: 'D',
      serial: 'VT1',
      pin: '1234',
      first: { response: '1', challenge: null },
      second: { response: '2', challenge: '9' },
      requestKey: null,
    });
  });

  it('takes the second spelling of both responses, and no mixture', async () => {
    world.answers.synchronise = synchronised;
    const respelt = good.replaceAll('otp', 'opt');
    expect(codesOf(await world.post(sync(respelt)))[0]).toBe('RET_SUCCESS');
    const both = good.replace('<otp1>', '<opt1><response>1</response></opt1><otp1>');
    for (const mixed of [both, good.replaceAll('otp1', 'opt1')]) {
      expect(faultOf(await world.post(sync(mixed)))?.[0]).toBe('SOAP-ENV:Client');
    }
    expect(world.reached).toHaveLength(1);
  });

  it('always has a result: on failure the user as he was received', async () => {
    world.answers.synchronise = { outcome: 'refused', code: 'sync-incorrect' };
    const answer = await world.post(sync(good));
    expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_OTP_INCORRECT', '-1', '1012']);
    expect(shown(answer)).toEqual(['jane', 'D', undefined, undefined]);
    expect(at(answer.content, 'result', 'credentials')).toBeDefined();
  });

  const key = '<challengeKey>k</challengeKey>';
  it.each([
    ['no component type', good.replace('<componentType>c', '<componentType>'), 'MISSINGFLD'],
    ['no user', good.replace(user, ''), 'MISSINGFLD'],
    ['no second response', good.replace('<response>2</response>', ''), 'MISSINGFLD'],
    ['a challenge key', good.replace('</otp1>', `${key}</otp1>`), 'INVDATA'],
    ['a challenge and its key', good.replace('</otp2>', `${key}</otp2>`), 'INVDATA'],
    ['a long user', good.replace('jane', 'x'.repeat(256)), 'INVDATA'],
  ])('refuses %s before anything counts', async (_name, inside, status) => {
    const answer = await world.post(sync(inside));
    expect(codesOf(answer)[1]).toBe(`STAT_${status}`);
    expect(at(answer.content, 'result', 'user', 'userID')).toBeDefined();
    expect(world.reached).toEqual([]);
  });

  it.each([
    ['otp1.response must be given.', good.replace('<response>1</response>', '')],
    [
      'opt1.response must be given.',
      good.replace('<response>1</response>', '').replaceAll('otp', 'opt'),
    ],
    [
      'opt2.response must be given.',
      good.replace('<response>2</response>', '').replaceAll('otp', 'opt'),
    ],
    ['otp1.response must be given.', good.replace(/<credential>.*<\/credential>/, '')],
  ])('says in the spelling that was sent: %s', async (text, inside) => {
    const answer = await world.post(sync(inside));
    const said = at(answer.content, 'status', 'errorStack', 'errors', 'errorDesc')?.text;
    expect(said).toBe(text);
  });

  it('refuses elements that it does not know', async () => {
    const answer = await world.post(sync(good.replace('<pin>', '<pun>x</pun><pin>')));
    expect(faultOf(answer)?.[0]).toBe('SOAP-ENV:Client');
  });
});

describe('technical failures', () => {
  it.each<[ErrorCode, string, string]>([
    ['module-unavailable', 'STAT_COMMS', '-10'],
    ['store-unavailable', 'STAT_COMMS', '-10'],
    ['seed-damaged', 'STAT_NOT_FOUND', '-13'],
  ])('%s is a result of its own, and the operator hears of it', async (code, status, number) => {
    world.answers.authenticate = new TallystickError(code, 'words for operators');
    const answer = await world.post(attributeEnvelope(userAttributes));
    expect(answer.status).toBe(200);
    expect(codesOf(answer)).toEqual(['RET_FAILURE', status, '-1', number]);
    expect(answer.text).not.toContain('words for operators');
    expect(world.failures).toEqual([{ code, route: 'soap authUser' }]);
    expect(world.lines).toEqual([{ route: 'soap authUser', outcome: code }]);
  });

  it('say that the server has too much to do without filling the log', async () => {
    world.answers.authenticate = new TallystickError('overloaded', 'x');
    expect(codesOf(await world.post(attributeEnvelope(userAttributes)))[1]).toBe('STAT_COMMS');
    expect(world.failures).toEqual([]);
  });

  it('take what the service finds invalid for invalid data, in the shape of the operation', async () => {
    world.answers.synchronise = new TallystickError('request-invalid', 'x');
    const body = '<componentType>c</componentType><user><userID>jane</userID></user><credential>';
    const otps = '<otp1><response>1</response></otp1><otp2><response>2</response></otp2>';
    const answer = await world.post(
      envelope(`<a:syncTokenAndHost>${body}${otps}</credential></a:syncTokenAndHost>`),
    );
    expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_INVDATA', '-1', '-15']);
    expect(at(answer.content, 'result', 'user', 'userID')?.text).toBe('jane');
  });

  it('of our own making are a bland fault, and the cause is in the log', async () => {
    const mistake = new Error('a secret of ours');
    world.answers.authenticate = mistake;
    const answer = await world.post(attributeEnvelope(userAttributes));
    expect(answer.status).toBe(500);
    expect(faultOf(answer)?.[0]).toBe('SOAP-ENV:Server');
    expect(answer.text).not.toContain('secret');
    expect(world.unexpected).toEqual([mistake]);
  });

  it('before the router are faults as well', async () => {
    const busy = await startSoap({}, { requestsInFlightMax: 0 });
    try {
      const answer = await busy.post(attributeEnvelope(userAttributes));
      expect([answer.status, faultOf(answer)?.[0]]).toEqual([500, 'SOAP-ENV:Server']);
      expect((await busy.get('/wsdl/authentication.wsdl')).status).toBe(503);
    } finally {
      await busy.stop();
    }
  });
});
