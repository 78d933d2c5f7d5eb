import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  demandedPasswordEnds,
  passwordEnds,
  type PresentedCredential,
} from '../../src/domain/credential.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { type RequestMethod, requestMethods } from '../../src/domain/request-settings.ts';
import { cutOtp, passwordsPaidFor, requestReadings, sendsOtps } from '../../src/domain/requests.ts';
import { proofRuns } from '../support/proof.ts';
import { applicationWith, authenticatorWith, hotp, policyWith, totp } from './support.ts';

const otp = '703557';

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

const noRequests = {
  twoStepRequestMethod: 'none',
  primaryVirtualRequestMethod: 'none',
  backupVirtualRequestMethod: 'none',
} as const;

/** Asked for by nothing that holds a password. */
const sending = {
  primaryVirtualRequestMethod: 'keyword-only',
  primaryVirtualRequestKeyword: 'otp',
} as const;

type How = Parameters<typeof passwordsPaidFor>[1];

const asking: How = { mayLogOn: false, isAnswer: false, isDemanded: false };
const loggingOn: How = { ...asking, mayLogOn: true };
const answering: How = { ...asking, isAnswer: true };
const both: How = { ...answering, mayLogOn: true };
const demanded: How = { ...asking, isDemanded: true };

function paid(
  credential: PresentedCredential,
  how: How,
  settings: Partial<EffectivePolicy> = {},
): number {
  return passwordsPaidFor(credential, how, policyWith({ ...noRequests, ...settings }));
}

describe('the passwords that a refusal pays for, where something may be asked for', () => {
  it.each<[string, PresentedCredential, How, Partial<EffectivePolicy>, number]>([
    ['none where nothing asks for one', combined('secret'), asking, {}, 0],
    ['all of it where passwords let in', combined('secret'), loggingOn, {}, 1],
    ['all of it in parts', separate({ staticPassword: 'sec', pin: 'ret' }), loggingOn, {}, 1],
    [
      'none in an empty text',
      combined(''),
      loggingOn,
      { primaryVirtualRequestMethod: 'password' },
      0,
    ],
    ['none in empty parts', separate({}), loggingOn, { twoStepRequestMethod: 'password' }, 0],
    [
      'each once',
      combined('secret'),
      loggingOn,
      { twoStepRequestMethod: 'password', primaryVirtualRequestMethod: 'password' },
      1,
    ],
    [
      'those on both sides of a keyword, and the text',
      combined('otp1otp'),
      loggingOn,
      { backupVirtualRequestMethod: 'keyword', backupVirtualRequestKeyword: 'otp' },
      3,
    ],
    [
      'those on both sides of a keyword',
      combined('otp1otp'),
      asking,
      { backupVirtualRequestMethod: 'keyword', backupVirtualRequestKeyword: 'otp' },
      2,
    ],
    [
      'those of each process',
      combined('aXb'),
      asking,
      {
        twoStepRequestMethod: 'keyword-password',
        twoStepRequestKeyword: 'a',
        backupVirtualRequestMethod: 'password-keyword',
        backupVirtualRequestKeyword: 'b',
      },
      2,
    ],
    ['no PIN', combined('1234'), asking, { twoStepRequestMethod: 'keyword-pin' }, 0],
    ['no keyword', combined('otp'), asking, { twoStepRequestMethod: 'keyword-only' }, 0],
    [
      'none beside the response of a device',
      separate({ staticPassword: 'secret', response: otp }),
      loggingOn,
      { twoStepRequestMethod: 'password' },
      0,
    ],
    [
      'none beside a response to a challenge that nobody named',
      combined(`secret${otp}`),
      asking,
      { twoStepRequestMethod: 'keyword', twoStepRequestKeyword: 'otp' },
      0,
    ],
  ])('%s', (_, credential, how, settings, count) => {
    expect(paid(credential, how, settings)).toBe(count);
  });
});

describe('the passwords that a refusal pays for, in front of a one-time password', () => {
  it.each<[string, PresentedCredential, Partial<EffectivePolicy>, number]>([
    ['what stands there, whatever asked for it', combined(`x${otp}`), sending, 1],
    [
      'what stands there, as the other’s stand-in',
      combined(`x${otp}`),
      { backupVirtualRequestMethod: 'keyword-pin' },
      1,
    ],
    ['none where none is sent', combined(`x${otp}`), { twoStepRequestMethod: 'keyword-only' }, 0],
    [
      'beside the text as a request',
      combined(`secret${otp}`),
      { primaryVirtualRequestMethod: 'password' },
      2,
    ],
    [
      'of as many digits as the policy says',
      combined('x12345678'),
      { ...sending, virtualOtpDigits: 8 },
      1,
    ],
    [
      'none in front of too few digits',
      combined(`x${otp}`),
      { ...sending, virtualOtpDigits: 8 },
      0,
    ],
    ['none where it is alone', combined(otp), sending, 0],
    ['none where there is no such thing', combined('secret'), sending, 0],
    ['what is beside it', separate({ staticPassword: 'x', response: otp }), sending, 1],
    [
      'what is beside it and a PIN',
      separate({ staticPassword: 'x', pin: '1234', response: otp }),
      sending,
      1,
    ],
    ['none where nothing is beside it', separate({ response: otp }), sending, 0],
    ['none where a PIN is beside it', separate({ pin: '1234', response: otp }), sending, 0],
    [
      'none beside what is no response',
      separate({ staticPassword: 'x', response: 'y' }),
      sending,
      0,
    ],
    [
      'none where a new PIN is set',
      separate({
        staticPassword: 'x',
        pin: '1234',
        response: otp,
        newPin: { pin: '4321', confirmation: '4321' },
      }),
      sending,
      0,
    ],
  ])('%s', (_, credential, settings, count) => {
    expect(paid(credential, asking, settings)).toBe(count);
  });

  it('are paid where something is named that is answered', () => {
    expect(paid(combined(`x${otp}`), answering, sending)).toBe(1);
    expect(paid(combined(`x${otp}`), both, sending)).toBe(2);
  });
});

describe('the passwords that a refusal pays for, in an answer to what was named', () => {
  const byKeyword = { twoStepRequestMethod: 'keyword', twoStepRequestKeyword: 'otp' } as const;
  const byKeywordOnly = { ...byKeyword, twoStepRequestMethod: 'keyword-only' } as const;

  it.each<[string, PresentedCredential, How, Partial<EffectivePolicy>, number]>([
    ['two in front of a response', combined(`x${otp}`), answering, byKeyword, 2],
    ['two of a keyword and nothing else', combined(`x${otp}`), answering, byKeywordOnly, 2],
    ['two in any text', combined('x'), answering, byKeyword, 2],
    ['none in digits alone', combined(`1234${otp}`), answering, byKeyword, 0],
    ['none in nothing', combined(''), answering, byKeyword, 0],
    ['two in digits of another script', combined('１２３'), answering, byKeyword, 2],
    ['none in parts', separate({ staticPassword: 'x', response: otp }), answering, byKeyword, 0],
    ['the text besides where passwords let in', combined(`x${otp}`), both, byKeyword, 3],
    ['the text alone where it is digits', combined(otp), both, byKeyword, 1],
    [
      'what stands in front of a one-time password besides',
      combined(`x${otp}`),
      answering,
      { ...byKeyword, ...sending },
      3,
    ],
    ['all of them', combined(`x${otp}`), both, { ...byKeyword, ...sending }, 4],
    [
      'none as a request',
      combined('otpsecret'),
      answering,
      { backupVirtualRequestMethod: 'keyword', backupVirtualRequestKeyword: 'otp' },
      0,
    ],
  ])('%s', (_, credential, how, settings, count) => {
    expect(paid(credential, how, settings)).toBe(count);
  });

  it.each<[RequestMethod, number]>([
    ['none', 0],
    ['keyword', 2],
    ['keyword-only', 2],
    ['password', 0],
    ['keyword-password', 0],
    ['password-keyword', 0],
    ['keyword-pin', 0],
  ])('where challenges are asked for by %s: %s', (twoStepRequestMethod, count) => {
    expect(paid(combined(`x${otp}`), answering, { twoStepRequestMethod })).toBe(count);
  });
});

const anyMethod = fc.constantFrom<RequestMethod>('none', ...requestMethods);
const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 2 });
const anyPolicy = fc
  .record({
    twoStepRequestMethod: anyMethod,
    twoStepRequestKeyword: letters,
    primaryVirtualRequestMethod: anyMethod,
    primaryVirtualRequestKeyword: letters,
    backupVirtualRequestMethod: anyMethod,
    backupVirtualRequestKeyword: letters,
    virtualOtpDigits: fc.constantFrom(6, 8),
  })
  .map(policyWith);
const tail = fc.constantFrom('', otp, '12345678');
const anyText = fc.tuple(letters, letters, letters, tail).map((parts) => parts.join(''));
const anyHow = fc.record({
  mayLogOn: fc.boolean(),
  isAnswer: fc.boolean(),
  isDemanded: fc.boolean(),
});

/** What may be hashed of a text, found one by one. */
function passwordsTried(text: string, how: How, policy: EffectivePolicy): ReadonlySet<string> {
  const asked = how.isAnswer ? [] : requestReadings(text, policy);
  const tried = new Set(asked.map(({ password }) => password ?? ''));
  if (how.mayLogOn) tried.add(text);
  if (sendsOtps(policy)) {
    tried.add(cutOtp(combined(text), policy.virtualOtpDigits, 0)?.password ?? '');
  }
  tried.delete('');
  return tried;
}

describe('whatever the text and the policy', () => {
  it('each different password is paid for once, and no other', () => {
    fc.assert(
      fc.property(anyText, anyHow, anyPolicy, (text, how, policy) => {
        const isBeside =
          how.isAnswer &&
          ['keyword', 'keyword-only'].includes(policy.twoStepRequestMethod) &&
          /[^0-9]/.test(text);
        expect(passwordsPaidFor(combined(text), how, policy)).toBe(
          passwordsTried(text, how, policy).size + (isBeside || how.isDemanded ? 2 : 0),
        );
      }),
      proofRuns(1000),
    );
  });

  it('they are a handful', () => {
    fc.assert(
      fc.property(anyText, anyHow, anyPolicy, (text, how, policy) => {
        // Two of each process, the text itself, and what stands before a one-time password.
        const most = how.isAnswer ? 4 : how.isDemanded ? 10 : 8;
        expect(passwordsPaidFor(combined(text), how, policy)).toBeLessThanOrEqual(most);
      }),
      proofRuns(500),
    );
  });

  it('as many are paid for as an answer may be tried with', () => {
    const eight = applicationWith({ ...totp(), digits: 8 } as ReturnType<typeof totp>);
    const devices = [authenticatorWith([applicationWith(hotp)]), authenticatorWith([eight])];
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        const byKeyword = { ...policy, twoStepRequestMethod: 'keyword' } as const;
        const fronts = passwordEnds(text, devices).map((end) => text.slice(0, end));
        const tried = new Set([...passwordsTried(text, both, byKeyword), ...fronts]);
        expect(passwordsPaidFor(combined(text), both, byKeyword)).toBeGreaterThanOrEqual(
          tried.size,
        );
      }),
      proofRuns(500),
    );
  });

  it('as many are paid for as may stand in front where one is demanded, in digits alone too', () => {
    const eight = applicationWith({ ...totp(), digits: 8 } as ReturnType<typeof totp>);
    const devices = [authenticatorWith([applicationWith(hotp)]), authenticatorWith([eight])];
    fc.assert(
      fc.property(
        fc.oneof(anyText, fc.stringMatching(/^[0-9]{0,20}$/)),
        anyPolicy,
        (text, policy) => {
          const fronts = demandedPasswordEnds(text, devices).map((end) => text.slice(0, end));
          expect(fronts).toHaveLength(Math.min(2, [6, 8].filter((n) => n < text.length).length));
          const tried = new Set([...passwordsTried(text, demanded, policy), ...fronts]);
          const count = passwordsPaidFor(combined(text), demanded, policy);
          expect(count).toBeGreaterThanOrEqual(tried.size);
        },
      ),
      proofRuns(500),
    );
  });

  it('nothing but requests and what is sent decides about them', () => {
    fc.assert(
      fc.property(anyText, anyHow, anyPolicy, fc.nat(9), (text, how, policy, userLockThreshold) => {
        const other = {
          ...policy,
          userLockThreshold,
          localAuthentication: 'authenticator-or-password',
          passwordMinLength: 100,
          backupVirtual: 'required',
        } as const;
        const own = passwordsPaidFor(combined(text), how, policy);
        expect(passwordsPaidFor(combined(text), how, other)).toBe(own);
      }),
      proofRuns(300),
    );
  });

  it('that passwords let in adds the text, where it is not among them anyway', () => {
    fc.assert(
      fc.property(anyText, anyHow, anyPolicy, (text, how, policy) => {
        const own = { ...how, mayLogOn: false };
        const isNew = text !== '' && !passwordsTried(text, own, policy).has(text);
        expect(passwordsPaidFor(combined(text), { ...how, mayLogOn: true }, policy)).toBe(
          passwordsPaidFor(combined(text), own, policy) + (isNew ? 1 : 0),
        );
      }),
      proofRuns(300),
    );
  });
});
