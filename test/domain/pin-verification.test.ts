import { describe, expect, it } from 'vitest';
import type { PresentedCredential } from '../../src/domain/credential.ts';
import type { Application } from '../../src/domain/model.ts';
import { noIssuedChallenges } from '../../src/domain/challenge.ts';
import { pinOf } from './pins.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  ocra,
  partWith,
  planOf,
  policyWith,
  responseAt,
  stepAt,
  synchronise,
  totp,
  verify,
} from './support.ts';

const event = applicationWith(hotp, { pin: pinOf('application-1', '1234'), nextEventCounter: 10n });
const response = responseAt(event, { counter: 10n });
const used = responseAt(event, { counter: 9n });
const policy = policyWith();

const inputOf = (applications: readonly Application[], credential: PresentedCredential) => ({
  candidatesFrom: [authenticatorWith(applications)],
  credential,
  challenge: null,
  issued: noIssuedChallenges,
});
const combined = (text: string): PresentedCredential => ({ format: 'combined', text });
const separate = (pin: string | null, shown: string): PresentedCredential => ({
  format: 'separate',
  staticPassword: null,
  pin,
  response: shown,
  newPin: null,
});

describe('PIN first, then the response', () => {
  it.each<[string, PresentedCredential, string, boolean]>([
    ['both right, in one', combined(`1234${response}`), 'accepted', false],
    ['both right, in parts', separate('1234', response), 'accepted', false],
    ['both right, and a new PIN behind', combined(`1234${response}47214721`), 'accepted', false],
    ['PIN wrong', combined(`1235${response}`), 'pin-incorrect', true],
    ['PIN wrong, in parts', separate('1235', response), 'pin-incorrect', true],
    ['PIN wrong, response used', combined(`1235${used}`), 'pin-incorrect', true],
    ['PIN wrong, response wrong', combined('1235000000'), 'pin-incorrect', true],
    ['PIN of another length', separate('12345', response), 'pin-incorrect', true],
    ['PIN right, response wrong', combined('1234000000'), 'response-incorrect', true],
    ['PIN right, response used', combined(`1234${used}`), 'response-replayed', true],
    ['no PIN', combined(response), 'response-incorrect', true],
    ['no PIN, in parts', separate(null, response), 'response-incorrect', true],
    ['too short for both', combined('123'), 'response-incorrect', true],
    ['no digits at all', combined('password'), 'response-incorrect', true],
    ['nothing', combined(''), 'response-incorrect', true],
  ])('%s', (_, credential, code, counts) => {
    const outcome = verify(inputOf([event], credential), policy);
    expect(codeOf(outcome)).toBe(code);
    if (outcome.kind === 'refused') expect(outcome.refused.counts).toBe(counts);
  });

  it('says of a text that no device shows that it is none, where no PIN is asked for', () => {
    const plain = applicationWith(hotp);
    expect(codeOf(verify(inputOf([plain], combined('password')), policy))).toBe(
      'response-malformed',
    );
    // But a PIN that nobody asked for is somebody's guess.
    expect(codeOf(verify(inputOf([plain], separate('1234', response)), policy))).toBe(
      'response-incorrect',
    );
  });

  it('guards an acceptance by the version of the PIN', () => {
    const changed = { ...event, pin: { ...event.pin, version: 7 } };
    expect(verify(inputOf([changed], combined(`1234${response}`)), policy)).toMatchObject({
      kind: 'accepted',
      advance: { guard: { pinVersion: 7 } },
    });
  });
});

it('an application that can’t be meant does not make a wrong PIN a wrong response', () => {
  const challenged = applicationWith(ocra('QN08'), { id: 'challenged', name: 'CHALLENGED' });
  const outcome = verify(inputOf([event, challenged], combined('1235000000')), policy);
  expect(codeOf(outcome)).toBe('pin-incorrect');
});

it('a text that only an application can read which can’t be meant is read by none', () => {
  const challenged = applicationWith(ocra('QN08'), { id: 'challenged', name: 'CHALLENGED' });
  expect(codeOf(verify(inputOf([event, challenged], combined('123456')), policy))).toBe(
    'response-incorrect',
  );
});

it('nothing is compared with what belongs to no application of the plan', () => {
  const plan = planOf(inputOf([event], combined(`1234${response}`)), policy);
  expect(plan.responsesOf('application-1')).toEqual([response]);
  expect(plan.responsesOf('decoy')).toEqual([]);
});

describe('several applications', () => {
  const seven = applicationWith({ ...totp(), digits: 7 } as ReturnType<typeof totp>, {
    id: 'seven',
    name: 'SEVEN',
    pin: pinOf('seven', '981'),
  });
  const plain = applicationWith(hotp, { id: 'plain', name: 'PLAIN' });
  const sevenShown = responseAt(seven, { step: stepAt() });

  it('each read the same text in their own way, and the first that fits is taken', () => {
    // Ten characters: four and six for one, three and seven for the other.
    const both = [event, seven, plain];
    expect(verify(inputOf(both, combined(`1234${response}`)), policy)).toMatchObject({
      kind: 'accepted',
      applicationId: 'application-1',
    });
    const plainShown = responseAt(plain, { counter: 0n });
    expect(verify(inputOf(both, combined(plainShown)), policy)).toMatchObject({
      kind: 'accepted',
      applicationId: 'plain',
    });
  });

  it('a PIN that is wrong for one does not spoil the other', () => {
    const text = `981${sevenShown}`;
    expect(text).toHaveLength(10);
    const outcome = verify(inputOf([event, seven], combined(text)), policy);
    expect(outcome).toMatchObject({ kind: 'accepted', applicationId: 'seven' });
  });

  it('one right PIN makes it the response that is wrong', () => {
    expect(codeOf(verify(inputOf([event, seven], combined('1234000000')), policy))).toBe(
      'response-incorrect',
    );
    expect(codeOf(verify(inputOf([event, seven], combined('9820000000')), policy))).toBe(
      'pin-incorrect',
    );
  });
});

describe('a synchronisation', () => {
  const pair = {
    first: partWith(responseAt(event, { counter: 40n })),
    second: partWith(responseAt(event, { counter: 41n })),
  };
  const other = applicationWith(totp(), { id: 'clock', name: 'CLOCK' });

  it.each<[string, readonly Application[], string | null, string]>([
    ['with the PIN', [event], '1234', 'synchronised'],
    ['with a wrong one', [event], '1235', 'pin-incorrect'],
    ['with none', [event], null, 'pin-incorrect'],
    ['with none where another application has none', [event, other], null, 'sync-incorrect'],
    [
      'with one that nobody asks for',
      [applicationWith(hotp, { nextEventCounter: 10n })],
      '1234',
      'synchronised',
    ],
    [
      'before the first PIN is set',
      [{ ...event, pin: pinOf('application-1', null, { isChangeForced: true }) }],
      null,
      'synchronised',
    ],
  ])('%s', (_, applications, pin, code) => {
    const input = { authenticator: authenticatorWith(applications), ...pair, pin };
    const outcome = synchronise(input, policy);
    expect(codeOf(outcome)).toBe(code);
    if (outcome.kind === 'refused') expect(outcome.refused.counts).toBe(true);
  });
});
