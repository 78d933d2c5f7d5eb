import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Edges, openEdges } from './edges.ts';
import { hotp6, nextSerial, type TestDevice } from '../../support/builders.ts';
import { applicationOf, givePin, isPinOf } from '../../support/pins.ts';
import { attributeCommand, soapCall } from '../../support/soap-client.ts';

/**
 * Every way of putting PIN, response, new PIN, static password and serial into one request, through
 * both edges. Nothing verifies static passwords yet, and nobody assigns an authenticator to himself:
 * what needs that is refused, as one failure.
 */

let edges: Edges;
let program: { readonly type: string; readonly key: string };

beforeAll(async () => {
  edges = await openEdges();
  program = await edges.component();
});

afterAll(() => edges.close());

type PinState = 'no PIN' | 'PIN to be set' | '4721';

interface World {
  readonly userName: string;
  readonly device: TestDevice;
  /** Assigned to nobody. */
  readonly spare: TestDevice;
}

async function worldWith(state: PinState): Promise<World> {
  const { bench } = edges;
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  const spare = await bench.device(hotp6);
  if (state === 'PIN to be set') {
    await givePin(bench, device.serial, null, { isChangeForced: true });
  } else if (state !== 'no PIN') {
    await givePin(bench, device.serial, state);
  }
  return { userName, device, spare };
}

interface Came {
  readonly code: string;
  readonly pin: string;
  readonly failures: number;
  readonly nextCounter: number;
}

/** What came of it, in the database and not in the answer. */
async function afterwards({ userName, device }: World, code: string): Promise<Came> {
  const { bench } = edges;
  const application = await applicationOf(bench, device.serial);
  const { lockCount } = await bench.service.administration.user(bench.admin, null, userName);
  const pin = (await isPinOf(bench, application, '9038'))
    ? '9038'
    : application.pin.verifier === null
      ? 'none'
      : 'as before';
  return { code, pin, failures: lockCount, nextCounter: Number(application.nextEventCounter) };
}

async function bySoap(world: World, fields: Readonly<Record<string, string>>): Promise<Came> {
  const answer = await soapCall(
    edges.url,
    attributeCommand('aut:authUser', {
      CREDFLD_COMPONENT_TYPE: program.type,
      CREDFLD_USERID: world.userName,
      ...fields,
    }),
  );
  expect(answer.httpStatus).toBe(200);
  const isSuccess = answer.returnCodeEnum === 'RET_SUCCESS';
  expect(answer.errors.length > 0).toBe(!isSuccess);
  expect(answer.attributes['CREDFLD_STATUS_MESSAGE'] !== undefined).toBe(!isSuccess);
  expect(answer.attributes['CREDFLD_SERIAL_NO']).toBe(isSuccess ? world.device.serial : undefined);
  return afterwards(world, answer.statusCodeEnum);
}

async function byRest(world: World, body: Readonly<Record<string, string>>): Promise<Came> {
  const { key } = program;
  const answer = await edges.rest(key, '/v1/authenticate', { user: world.userName, ...body });
  return afterwards(world, answer.code);
}

const accepted = { rest: 'accepted', soap: 'STAT_SUCCESS' };
const incorrect = { rest: 'response-incorrect', soap: 'STAT_OTP_INCORRECT' };
const malformed = { rest: 'response-malformed', soap: 'STAT_OTP_INCORRECT' };
const changeDue = { rest: 'pin-change-required', soap: 'STAT_PIN_CHANGE_REQUIRED' };

interface Expected {
  readonly told: { readonly rest: string; readonly soap: string };
  readonly came: Omit<Came, 'code'>;
}

const welcome = (pin: string): Expected => ({
  told: accepted,
  came: { pin, failures: 0, nextCounter: 1 },
});
const wrong = (pin: string, told: Expected['told'] = incorrect): Expected => ({
  told,
  came: { pin, failures: told === malformed ? 0 : 1, nextCounter: 0 },
});

describe('everything in one text (format 0)', () => {
  it.each<[string, PinState, (otp: string, world: World) => string, Expected]>([
    ['OTP', 'no PIN', (otp) => otp, welcome('none')],
    ['PIN OTP', '4721', (otp) => `4721${otp}`, welcome('as before')],
    ['OTP NEW NEW: first PIN', 'PIN to be set', (otp) => `${otp}90389038`, welcome('9038')],
    ['PIN OTP NEW NEW: change', '4721', (otp) => `4721${otp}90389038`, welcome('9038')],
    ['STATIC OTP', 'no PIN', (otp) => `secret${otp}`, wrong('none', malformed)],
    ['STATIC PIN OTP', '4721', (otp) => `secret4721${otp}`, wrong('as before')],
    ['STATIC OTP NEW NEW', 'PIN to be set', (otp) => `secret${otp}90389038`, wrong('none')],
    ['STATIC PIN OTP NEW NEW', '4721', (otp) => `secret4721${otp}90389038`, wrong('as before')],
    [
      'SERIAL SEP STATIC PIN OTP',
      '4721',
      (otp, { spare }) => `${spare.serial}|secret4721${otp}`,
      wrong('as before'),
    ],
    [
      'SERIAL SEP STATIC OTP NEW NEW',
      'PIN to be set',
      (otp, { spare }) => `${spare.serial}|secret${otp}90389038`,
      wrong('none'),
    ],
    ['STATIC alone', 'no PIN', () => 'secret', wrong('none', malformed)],
    ['STATIC alone where there is a PIN', '4721', () => 'secret', wrong('as before')],
    ['a keyword', 'no PIN', () => 'otp', wrong('none', malformed)],
    ['OTP without its PIN', '4721', (otp) => otp, wrong('as before')],
    ['PIN alone', '4721', () => '4721', wrong('as before')],
    ['OTP PIN: the wrong way round', '4721', (otp) => `${otp}4721`, wrong('as before')],
    [
      'OTP where a first PIN is due',
      'PIN to be set',
      (otp) => otp,
      { told: changeDue, came: { pin: 'none', failures: 0, nextCounter: 1 } },
    ],
    [
      'OTP NEW NEW where there is no PIN',
      'no PIN',
      (otp) => `${otp}90389038`,
      wrong('none', malformed),
    ],
  ])('%s, with %s', async (_, state, text, { told, came }) => {
    const soap = await worldWith(state);
    const credential = text(soap.device.response({ counter: 0 }), soap);
    const fields = { CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: credential };
    expect(await bySoap(soap, fields)).toEqual({ code: told.soap, ...came });
    const rest = await worldWith(state);
    const password = text(rest.device.response({ counter: 0 }), rest);
    expect(await byRest(rest, { password })).toEqual({ code: told.rest, ...came });
  });
});

interface PartsOf {
  readonly STATIC_PASSWORD?: string;
  readonly CURRENT_PIN?: string;
  readonly DP_RESPONSE?: string;
  readonly NEW_PIN?: string;
  readonly CONFIRM_NEW_PIN?: string;
  readonly SERIAL_NO?: string;
}

const restNames: Readonly<Record<keyof PartsOf, string | null>> = {
  // The REST interface has no member for what nothing verifies.
  STATIC_PASSWORD: null,
  CURRENT_PIN: 'pin',
  DP_RESPONSE: 'response',
  NEW_PIN: 'newPin',
  CONFIRM_NEW_PIN: 'newPinConfirmation',
  SERIAL_NO: 'serial',
};

describe('the key of a challenge', () => {
  const none = { rest: 'request-invalid', soap: 'STAT_INVDATA' };
  const unknown = { rest: 'challenge-expired', soap: 'STAT_EXP_CHALLENGE' };

  it.each([
    ['nine digits', '012345678', none],
    ['300 digits', '0'.repeat(300), none],
    ['letters', 'abcdefghij', none],
    ['ten digits that nobody issued', '0123456789', unknown],
  ])('%s', async (_, challengeKey, told) => {
    const came = { pin: 'none', failures: 0, nextCounter: 0 };
    const world = await worldWith('no PIN');
    const password = world.device.response({ counter: 0 });
    const fields = { CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: password };
    const soap = await bySoap(world, { ...fields, CREDFLD_CHALLENGE_KEY: challengeKey });
    expect(soap).toEqual({ code: told.soap, ...came });
    const rest = await byRest(world, { password, challengeKey });
    expect(rest).toEqual({ code: told.rest, ...came });
  });

  it('that is empty is none of one by REST, and none at all by SOAP', async () => {
    const world = await worldWith('no PIN');
    const password = world.device.response({ counter: 0 });
    expect((await byRest(world, { password, challengeKey: '' })).code).toBe('request-invalid');
    const fields = { CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: password };
    expect((await bySoap(world, { ...fields, CREDFLD_CHALLENGE_KEY: '' })).code).toBe(
      'STAT_SUCCESS',
    );
  });
});

describe('an empty credential', () => {
  it.each([
    ['left out in one text', { CREDFLD_PASSWORD_FORMAT: '0' }],
    ['empty in one text', { CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: '' }],
    ['left out in parts', { CREDFLD_PASSWORD_FORMAT: '4' }],
    ['empty in parts', { CREDFLD_PASSWORD_FORMAT: '4', CREDFLD_DP_RESPONSE: '' }],
  ])('%s is a wrong response', async (_, fields) => {
    const came = { pin: 'none', failures: 0, nextCounter: 0 };
    expect(await bySoap(await worldWith('no PIN'), fields)).toEqual({
      code: 'STAT_OTP_INCORRECT',
      ...came,
    });
  });
});

describe('everything in parts (format 4)', () => {
  const notAssigned = { rest: 'authenticator-not-assigned', soap: 'STAT_NOT_FOUND' };
  const changed = { NEW_PIN: '9038', CONFIRM_NEW_PIN: '9038' };

  it.each<[string, PinState, (otp: string, world: World) => PartsOf, Expected]>([
    [
      'normal, PIN',
      '4721',
      (otp) => ({ CURRENT_PIN: '4721', DP_RESPONSE: otp }),
      welcome('as before'),
    ],
    ['normal, no PIN', 'no PIN', (otp) => ({ DP_RESPONSE: otp }), welcome('none')],
    [
      'set first PIN',
      'PIN to be set',
      (otp) => ({ DP_RESPONSE: otp, ...changed }),
      welcome('9038'),
    ],
    [
      'change PIN',
      '4721',
      (otp) => ({ CURRENT_PIN: '4721', DP_RESPONSE: otp, ...changed }),
      welcome('9038'),
    ],
    [
      'with a static password, which nothing verifies',
      '4721',
      (otp) => ({ STATIC_PASSWORD: 'secret', CURRENT_PIN: '4721', DP_RESPONSE: otp }),
      welcome('as before'),
    ],
    [
      'change PIN, with a static password',
      '4721',
      (otp) => ({ STATIC_PASSWORD: 'secret', CURRENT_PIN: '4721', DP_RESPONSE: otp, ...changed }),
      welcome('9038'),
    ],
    [
      'his own serial',
      'no PIN',
      (otp, { device }) => ({ DP_RESPONSE: otp, SERIAL_NO: device.serial }),
      welcome('none'),
    ],
    [
      'self-assignment with PIN',
      '4721',
      (otp, { spare }) => ({
        STATIC_PASSWORD: 'secret',
        CURRENT_PIN: '4721',
        DP_RESPONSE: otp,
        SERIAL_NO: spare.serial,
      }),
      { told: notAssigned, came: { pin: 'as before', failures: 0, nextCounter: 0 } },
    ],
    [
      'self-assignment without PIN',
      'PIN to be set',
      (otp, { spare }) => ({
        STATIC_PASSWORD: 'secret',
        DP_RESPONSE: otp,
        SERIAL_NO: spare.serial,
        ...changed,
      }),
      { told: notAssigned, came: { pin: 'none', failures: 0, nextCounter: 0 } },
    ],
    [
      'a serial that there is not',
      'no PIN',
      (otp) => ({ DP_RESPONSE: otp, SERIAL_NO: nextSerial() }),
      { told: notAssigned, came: { pin: 'none', failures: 0, nextCounter: 0 } },
    ],
    ['no PIN where one is set', '4721', (otp) => ({ DP_RESPONSE: otp }), wrong('as before')],
    [
      'a PIN where there is none',
      'no PIN',
      (otp) => ({ CURRENT_PIN: '4721', DP_RESPONSE: otp }),
      wrong('none'),
    ],
    [
      'two new PINs that differ',
      '4721',
      (otp) => ({
        CURRENT_PIN: '4721',
        DP_RESPONSE: otp,
        NEW_PIN: '9038',
        CONFIRM_NEW_PIN: '9039',
      }),
      {
        told: { rest: 'pin-confirmation-mismatch', soap: 'STAT_DPERROR' },
        came: { pin: 'as before', failures: 0, nextCounter: 1 },
      },
    ],
  ])('%s', async (_, state, parts, { told, came }) => {
    const soap = await worldWith(state);
    const given = parts(soap.device.response({ counter: 0 }), soap);
    const fields = Object.entries(given).map(([name, value]) => [`CREDFLD_${name}`, String(value)]);
    expect(
      await bySoap(soap, {
        CREDFLD_PASSWORD_FORMAT: '4',
        ...(Object.fromEntries(fields) as Record<string, string>),
      }),
    ).toEqual({ code: told.soap, ...came });
    const rest = await worldWith(state);
    const members = Object.entries(parts(rest.device.response({ counter: 0 }), rest)).flatMap(
      ([name, value]) => {
        const member = restNames[name as keyof PartsOf];
        return member === null ? [] : [[member, String(value)]];
      },
    );
    const body = Object.fromEntries(members) as Record<string, string>;
    expect(await byRest(rest, body)).toEqual({ code: told.rest, ...came });
  });

  it('ignores what belongs to the other format', async () => {
    const separate = await worldWith('no PIN');
    const response = separate.device.response({ counter: 0 });
    expect(
      await bySoap(separate, {
        CREDFLD_PASSWORD_FORMAT: '4',
        CREDFLD_DP_RESPONSE: response,
        CREDFLD_PASSWORD: '000000',
      }),
    ).toMatchObject({ code: 'STAT_SUCCESS' });
    const combined = await worldWith('no PIN');
    expect(
      await bySoap(combined, {
        CREDFLD_PASSWORD_FORMAT: '0',
        CREDFLD_DP_RESPONSE: '000000',
        CREDFLD_CURRENT_PIN: '1234',
        CREDFLD_PASSWORD: combined.device.response({ counter: 0 }),
      }),
    ).toMatchObject({ code: 'STAT_SUCCESS' });
  });

  it.each([
    ['1', 'STAT_INVDATA'],
    ['3', 'STAT_INVDATA'],
    ['four', 'STAT_INVDATA'],
    ['', 'STAT_MISSINGFLD'],
  ])('knows no format "%s"', async (format, code) => {
    const world = await worldWith('no PIN');
    const password = world.device.response({ counter: 0 });
    const fields = { CREDFLD_PASSWORD_FORMAT: format, CREDFLD_PASSWORD: password };
    expect(await bySoap(world, fields)).toEqual({
      code,
      pin: 'none',
      failures: 0,
      nextCounter: 0,
    });
  });
});
