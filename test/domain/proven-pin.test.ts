import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  challengeRefusal,
  type IssuedChallenges,
  noIssuedChallenges,
  openRefusal,
} from '../../src/domain/challenge.ts';
import {
  passwordEnds,
  passwordEndsMax,
  type PresentedCredential,
  readCredential,
} from '../../src/domain/credential.ts';
import type { Application, IssuedChallenge, ProvenPin, ServerPin } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { planPins, unusedPin, wrongPins } from '../../src/domain/server-pin.ts';
import { proofRuns } from '../support/proof.ts';
import { pinOf } from './pins.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  issuedWith,
  noonMs,
  ocra,
  planOf,
  policyWith,
  responseAt,
  totp,
  verify,
} from './support.ts';

const id = 'application-1';
const otp = '703557';
const four = pinOf(id, '1234');

type Parts = Extract<PresentedCredential, { format: 'separate' }>;

const combined = (text: string): PresentedCredential => ({ format: 'combined', text });
const separate = (set: Partial<Parts>): PresentedCredential => ({
  format: 'separate',
  staticPassword: null,
  pin: null,
  response: null,
  newPin: null,
  ...set,
});

describe('a credential whose PIN was shown before', () => {
  const newPin = { pin: '4321', confirmation: '4321' };
  const alone = { pin: null, response: otp, newPin: null, isPinProven: true };
  const shown = { pin: '1234', response: otp, newPin: null, isPinProven: false };

  it.each<[string, ServerPin, PresentedCredential, object | null]>([
    ['the response alone', four, combined(otp), alone],
    ['the response alone, in parts', four, separate({ response: otp }), alone],
    ['PIN and response all the same', four, combined(`1234${otp}`), shown],
    ['PIN and response in parts', four, separate({ response: otp, pin: '1234' }), shown],
    ['a new PIN behind', four, combined(`1234${otp}43214321`), { ...shown, newPin }],
    [
      'a new PIN behind the response alone: it is cut as if the old were there',
      four,
      combined('11112222224444'),
      {
        pin: '1111',
        response: '222222',
        newPin: { pin: '44', confirmation: '44' },
        isPinProven: false,
      },
    ],
    ['a new PIN without the old, in parts', four, separate({ response: otp, newPin }), null],
    ['another length', four, combined('7035571'), null],
    ['another length, in parts', four, separate({ response: '7035571' }), null],
    ['letters of the right length', four, combined('secret'), null],
    ['letters in parts', four, separate({ response: 'secret' }), null],
    ['nothing', four, combined(''), null],
    ['nothing in parts', four, separate({}), null],
    ['a PIN that is off', unusedPin, combined(otp), { ...alone, isPinProven: false }],
    ['a PIN that was cleared', pinOf(id, null), combined(otp), { ...alone, isPinProven: false }],
  ])('%s', (_, pin, credential, reading) => {
    expect(readCredential(credential, applicationWith(hotp, { pin }), true)).toEqual(reading);
  });

  it('is read as before where it was not', () => {
    const application = applicationWith(hotp, { pin: four });
    expect(readCredential(combined(otp), application, false)).toBeNull();
    expect(readCredential(separate({ response: otp }), application, false)).toBeNull();
  });

  it('that has its PIN is read alike either way', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{3,8}$/), fc.nat(999_999), (pin, number) => {
        const text = pin + String(number).padStart(6, '0');
        const application = applicationWith(hotp, { pin: pinOf(id, pin) });
        expect(readCredential(combined(text), application, true)).toEqual(
          readCredential(combined(text), application),
        );
      }),
    );
  });
});

describe('a PIN that was shown before', () => {
  const application = applicationWith(hotp, { pin: four });

  it('is neither looked at nor missed', () => {
    const plan = planPins([{ application, pin: null, isPinProven: true }]);
    expect(plan).toEqual({ checks: [], missing: [] });
    expect(wrongPins(plan, [])).toEqual(new Set());
  });

  it('is missed where it was not', () => {
    expect(planPins([{ application, pin: null, isPinProven: false }]).missing).toEqual([id]);
    expect(planPins([{ application, pin: null }]).missing).toEqual([id]);
  });

  it('counts for its application alone', () => {
    const other = applicationWith(hotp, { id: 'other', pin: pinOf('other', '99999') });
    const plan = planPins([
      { application, pin: null, isPinProven: true },
      { application: other, pin: '99999' },
    ]);
    expect(plan.checks.map(({ applicationId }) => applicationId)).toEqual(['other']);
    expect(wrongPins(plan, [''])).toEqual(new Set(['other']));
  });
});

describe('where a password may end that stands in front', () => {
  const device = (...applications: readonly Application[]) => authenticatorWith(applications);
  const six = applicationWith(hotp);
  const digits = (count: number): Application =>
    applicationWith({ ...totp(), digits: count } as ReturnType<typeof totp>);

  it.each<[string, string, readonly Application[], readonly number[]]>([
    ['before the response', `secret${otp}`, [six], [6]],
    ['before PIN and response, or response', `secret1234${otp}`, [{ ...six, pin: four }], [6, 10]],
    [
      'not before a PIN that is off',
      `secret${otp}`,
      [{ ...six, pin: { ...four, isEnabled: false } }],
      [6],
    ],
    ['not before a PIN that was cleared', `secret${otp}`, [{ ...six, pin: pinOf(id, null) }], [6]],
    ['once where two are alike', `secret${otp}`, [six, applicationWith(ocra('QN08'))], [6]],
    ['for each length', `secret12${otp}`, [six, digits(8)], [8, 6]],
    ['nowhere in a response alone', otp, [six], []],
    ['nowhere in less', '123', [six], []],
    ['behind one character', `s${otp}`, [six, { ...six, pin: four }], [1]],
    ['nowhere without an application', `secret${otp}`, [], []],
    ['in two places at most', 'x'.repeat(40), [6, 7, 8, 9, 10].map(digits), [34, 33]],
    [
      'in two places at most, of those that are there',
      `secret${otp}`,
      [{ ...six, pin: pinOf(id, '1'.repeat(8)) }, digits(8), digits(10)],
      [6, 4],
    ],
    ['in two places at most, different ones', 'x'.repeat(40), [six, six, digits(8)], [34, 32]],
    ['nowhere in digits alone', `12${otp}`, [six, digits(8)], []],
    ['nowhere in nothing', '', [six], []],
    ['before one letter among digits', `1x34${otp}`, [six], [4]],
    ['before digits of another script', `１２${otp}`, [six], [2]],
  ])('%s', (_, text, applications, ends) => {
    expect(passwordEnds(text, [device(...applications)])).toEqual(ends);
  });

  it('is looked for in all authenticators', () => {
    expect(passwordEnds('x'.repeat(20), [device(six), device(), device(digits(8))])).toEqual([
      14, 12,
    ]);
  });

  it('is where the rest is read as it was meant', () => {
    const secret = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12 }),
      fc.stringMatching(/^[0-9]{1,8}$/),
    );
    const pin = fc.option(fc.stringMatching(/^[0-9]{3,8}$/));
    fc.assert(
      fc.property(secret, pin, fc.nat(999_999), fc.boolean(), (password, own, number, isProven) => {
        const application = applicationWith(hotp, own === null ? {} : { pin: pinOf(id, own) });
        const rest = (isProven ? '' : (own ?? '')) + String(number).padStart(6, '0');
        const ends = passwordEnds(password + rest, [device(application)]);
        const isDigits = /^[0-9]*$/.test(password);
        expect(ends.includes(password.length)).toBe(!isDigits);
        if (isDigits) expect(ends).toEqual([]);
        expect(ends.length).toBeLessThanOrEqual(passwordEndsMax);
        expect(readCredential(combined(rest), application, isProven)).not.toBeNull();
      }),
      proofRuns(200),
    );
  });
});

const challenge = '12345678';
const pad = applicationWith(ocra('C-QN08'), { pin: { ...four, version: 3 } });
const shownByPad = responseAt(pad, { counter: 0n, challenge });
const proven: ProvenPin = { applicationId: id, pinVersion: 3 };
const asked = (set: Partial<IssuedChallenge> = {}): IssuedChallenge =>
  issuedWith({ kind: '2-step', method: 'keyword-pin', provenPins: [proven], ...set });

function inputOf(
  credential: PresentedCredential,
  given: IssuedChallenge | null,
  application: Application = pad,
) {
  const issued: IssuedChallenges = { given, newest: given };
  return { candidatesFrom: [authenticatorWith([application])], credential, challenge, issued };
}

function outcomeOf(
  credential: PresentedCredential,
  given: IssuedChallenge | null,
  settings: Partial<EffectivePolicy> = {},
  application: Application = pad,
): string {
  return codeOf(verify(inputOf(credential, given, application), policyWith(settings)));
}

describe('a response to a challenge that was asked for by PIN', () => {
  it.each<[string, PresentedCredential, readonly ProvenPin[], string]>([
    ['needs none', combined(shownByPad), [proven], 'accepted'],
    ['needs none, in parts', separate({ response: shownByPad }), [proven], 'accepted'],
    ['may have it', combined(`1234${shownByPad}`), [proven], 'accepted'],
    ['may not have a wrong one', combined(`1235${shownByPad}`), [proven], 'pin-incorrect'],
    [
      'may not have a wrong one, in parts',
      separate({ pin: '1235', response: shownByPad }),
      [proven],
      'pin-incorrect',
    ],
    ['has to be right', combined('000000'), [proven], 'response-incorrect'],
    ['needs it where it was not shown', combined(shownByPad), [], 'response-incorrect'],
    [
      'needs it where it was changed since',
      combined(shownByPad),
      [{ ...proven, pinVersion: 2 }],
      'response-incorrect',
    ],
    [
      'needs it where it was another’s',
      combined(shownByPad),
      [{ ...proven, applicationId: 'other' }],
      'response-incorrect',
    ],
    [
      'needs none where it was one of several',
      combined(shownByPad),
      [{ ...proven, applicationId: 'other' }, { ...proven, pinVersion: 2 }, proven],
      'accepted',
    ],
  ])('%s', (_, credential, provenPins, code) => {
    expect(outcomeOf(credential, asked({ provenPins }))).toBe(code);
  });

  it('has its PIN looked at where it is shown, and not where it isn’t', () => {
    const checks = (credential: PresentedCredential): number =>
      planOf(inputOf(credential, asked()), policyWith()).pins.checks.length;
    expect(checks(combined(shownByPad))).toBe(0);
    expect(checks(combined(`1234${shownByPad}`))).toBe(1);
  });

  it('is guarded by the version of the PIN that was shown', () => {
    const outcome = verify(inputOf(combined(shownByPad), asked()), policyWith());
    expect(outcome).toMatchObject({ kind: 'accepted', advance: { guard: { pinVersion: 3 } } });
  });

  it('proves nothing once the challenge is used, late or somebody else’s', () => {
    const late = asked({ expiresAtMs: noonMs });
    expect(outcomeOf(combined(shownByPad), asked({ consumedAtMs: 1 }))).toBe('challenge-unknown');
    expect(outcomeOf(combined(shownByPad), late)).toBe('challenge-expired');
    expect(outcomeOf(combined(shownByPad), asked({ userId: 'user-2' }))).toBe('challenge-unknown');
  });
});

describe('a challenge that was asked for in a logon of two steps', () => {
  const no = { oneStepChallengeResponse: 'no' } as const;
  const plain = applicationWith(ocra('QN08'));
  const shown = responseAt(plain, { challenge });
  const two = asked({ provenPins: [] });
  const one = issuedWith();

  it.each<[string, IssuedChallenge | null, Partial<EffectivePolicy>, string]>([
    ['its own', two, no, 'accepted'],
    ['its own, whatever else is permitted', two, {}, 'accepted'],
    ['a program’s', one, no, 'challenge-not-permitted'],
    ['a program’s where those are permitted', one, {}, 'accepted'],
    ['nobody’s', null, no, 'challenge-not-permitted'],
    ['its own, in check mode 1', two, { ...no, challengeCheckMode: 1 }, 'accepted'],
    ['its own, in check mode 2', two, { ...no, challengeCheckMode: 2 }, 'accepted'],
    [
      'a program’s, in check mode 2',
      one,
      { ...no, challengeCheckMode: 2 },
      'challenge-not-permitted',
    ],
    ['a used one', { ...two, consumedAtMs: 1 }, no, 'challenge-unknown'],
    ['a late one', { ...two, expiresAtMs: noonMs }, no, 'challenge-expired'],
  ])('%s', (_, given, settings, code) => {
    expect(outcomeOf(combined(shown), given, settings, plain)).toBe(code);
  });

  it('is permitted by its request, and no other is', () => {
    const refusal = (issued: IssuedChallenge | null, text: string = challenge): string | null =>
      openRefusal(text, issued, 'user-1', noonMs, policyWith(no));
    expect(refusal(two)).toBeNull();
    expect(refusal(two, '1')).toBe('challenge-unknown');
    expect(refusal({ ...two, userId: 'user-2' })).toBe('challenge-unknown');
    expect(refusal(one)).toBe('challenge-not-permitted');
    expect(refusal(null)).toBe('challenge-not-permitted');
  });

  it('has its place in the order of all', () => {
    const newer = asked({ id: 'newer' });
    const refusal = (issued: IssuedChallenges): string | null =>
      challengeRefusal(
        challenge,
        issued,
        'user-1',
        noonMs,
        policyWith({ ...no, challengeCheckMode: 1 }),
      );
    expect(refusal({ given: two, newest: two })).toBeNull();
    expect(refusal({ given: two, newest: newer })).toBe('challenge-superseded');
    expect(refusal(noIssuedChallenges)).toBe('challenge-not-permitted');
  });
});
