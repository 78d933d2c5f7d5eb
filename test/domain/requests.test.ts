import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresentedCredential } from '../../src/domain/credential.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { type RequestMethod, requestMethods } from '../../src/domain/request-settings.ts';
import {
  holdsPassword,
  isByKeyword,
  type RequestReading,
  requestReadings,
  requestText,
  sendsOtps,
} from '../../src/domain/requests.ts';
import { proofRuns } from '../support/proof.ts';
import { policyWith } from './support.ts';

const noRequests = {
  twoStepRequestMethod: 'none',
  primaryVirtualRequestMethod: 'none',
  backupVirtualRequestMethod: 'none',
} as const;

/** A policy under which one process alone can be asked for. */
function twoStepBy(method: RequestMethod, keyword: string): EffectivePolicy {
  return policyWith({
    ...noRequests,
    twoStepRequestMethod: method,
    twoStepRequestKeyword: keyword,
  });
}

/** Method, password and PIN of each reading. */
function read(text: string, policy: EffectivePolicy): readonly string[] {
  return requestReadings(text, policy).map(
    ({ method, password, pin }) => `${method} ${String(password)} ${String(pin)}`,
  );
}

const anyMethod = fc.constantFrom<RequestMethod>('none', ...requestMethods);
/** Few characters, so that keywords are often found in texts. */
const shortText = fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 3 });
const anyText = fc.oneof(
  shortText,
  fc.tuple(shortText, shortText, shortText).map((parts) => parts.join('')),
  fc.string({ maxLength: 20 }),
);
const anyPolicy = fc
  .record({
    twoStepRequestMethod: anyMethod,
    twoStepRequestKeyword: shortText,
    primaryVirtualRequestMethod: anyMethod,
    primaryVirtualRequestKeyword: shortText,
    backupVirtualRequestMethod: anyMethod,
    backupVirtualRequestKeyword: shortText,
  })
  .map(policyWith);

function keywordOf({ process }: RequestReading, policy: EffectivePolicy): string {
  if (process === 'two-step') return policy.twoStepRequestKeyword;
  return process === 'virtual-primary'
    ? policy.primaryVirtualRequestKeyword
    : policy.backupVirtualRequestKeyword;
}

/** The text that somebody types who asks by this method. */
function typed({ method, password, pin }: RequestReading, keyword: string): string {
  switch (method) {
    case 'keyword':
    case 'keyword-only':
      return keyword;
    case 'password':
      return password ?? '';
    case 'keyword-password':
      return keyword + (password ?? '');
    case 'password-keyword':
      return (password ?? '') + keyword;
    case 'keyword-pin':
      return keyword + (pin ?? '');
  }
}

describe('the text by which something is asked for', () => {
  const parts = { staticPassword: null, pin: null, response: null, newPin: null };

  it.each<[string, PresentedCredential, string | null]>([
    ['all of one text', { format: 'combined', text: 'otp secret' }, 'otp secret'],
    ['an empty text', { format: 'combined', text: '' }, ''],
    ['a password', { format: 'separate', ...parts, staticPassword: 'secret' }, 'secret'],
    ['a PIN', { format: 'separate', ...parts, pin: '1234' }, '1234'],
    [
      'a keyword, then the PIN',
      { format: 'separate', ...parts, staticPassword: 'otp', pin: '1234' },
      'otp1234',
    ],
    ['nothing at all', { format: 'separate', ...parts }, ''],
    [
      'none beside a response',
      { format: 'separate', ...parts, staticPassword: 'otp', response: '703557' },
      null,
    ],
    ['none beside an empty response', { format: 'separate', ...parts, response: '' }, null],
    [
      'none beside a new PIN',
      { format: 'separate', ...parts, pin: '1234', newPin: { pin: '1', confirmation: '1' } },
      null,
    ],
  ])('is %s', (_, credential, text) => {
    expect(requestText(credential)).toBe(text);
  });
});

describe('one process, by each method', () => {
  it.each<[RequestMethod, string, string, readonly string[]]>([
    ['none', '', '', []],
    ['none', 'otp', 'otp', []],
    ['keyword-only', 'otp', 'otp', ['keyword-only null null']],
    ['keyword-only', 'otp', 'OTP', []],
    ['keyword-only', 'otp', 'otp1', []],
    ['keyword-only', 'otp', '', []],
    ['keyword-only', '', '', ['keyword-only null null']],
    ['keyword-only', '', 'secret', []],
    ['keyword', 'otp', 'otp', ['keyword null null']],
    ['keyword', 'otp', 'otpsecret', ['keyword-password secret null']],
    ['keyword', 'otp', 'secretotp', ['password-keyword secret null']],
    ['keyword', 'otp', 'otp1otp', ['keyword-password 1otp null', 'password-keyword otp1 null']],
    ['keyword', 'otp', 'secret', []],
    ['keyword', 'otp', '', []],
    ['keyword', '', '', ['keyword null null']],
    ['keyword', '', 'secret', []],
    ['password', '', 'secret', ['password secret null']],
    ['password', 'otp', 'otpsecret', ['password otpsecret null']],
    ['password', 'otp', '', []],
    ['keyword-password', 'otp', 'otpsecret', ['keyword-password secret null']],
    ['keyword-password', 'otp', 'secretotp', []],
    ['keyword-password', 'otp', 'otp', []],
    ['keyword-password', '', 'secret', ['keyword-password secret null']],
    ['keyword-password', '', '', []],
    ['password-keyword', 'otp', 'secretotp', ['password-keyword secret null']],
    ['password-keyword', 'otp', 'otpsecret', []],
    ['password-keyword', 'otp', 'otp', []],
    ['password-keyword', '', 'secret', ['password-keyword secret null']],
    ['password-keyword', '', '', []],
    ['keyword-pin', 'otp', 'otp1234', ['keyword-pin null 1234']],
    ['keyword-pin', 'otp', '1234otp', []],
    ['keyword-pin', 'otp', 'otp', []],
    ['keyword-pin', '', '1234', ['keyword-pin null 1234']],
    ['keyword-pin', '', '', []],
  ])('%s with the keyword %j reads %j as %j', (method, keyword, text, readings) => {
    expect(read(text, twoStepBy(method, keyword))).toEqual(readings);
  });
});

describe('the order in which requests are tried', () => {
  it('is that of the processes, each with its own method and keyword', () => {
    const policy = policyWith({
      twoStepRequestMethod: 'keyword-password',
      twoStepRequestKeyword: 'o',
      primaryVirtualRequestMethod: 'password',
      primaryVirtualRequestKeyword: 'never',
      backupVirtualRequestMethod: 'password-keyword',
      backupVirtualRequestKeyword: 'p',
    });
    expect(requestReadings('otp', policy)).toEqual([
      { process: 'two-step', method: 'keyword-password', password: 'tp', pin: null },
      { process: 'virtual-primary', method: 'password', password: 'otp', pin: null },
      { process: 'virtual-backup', method: 'password-keyword', password: 'ot', pin: null },
    ]);
  });

  it('has the keyword in front before the one behind', () => {
    const methods = requestReadings('aa', twoStepBy('keyword', 'a')).map(({ method }) => method);
    expect(methods).toEqual(['keyword-password', 'password-keyword']);
  });

  it('is not changed by what a later process asks for without a password', () => {
    const policy = policyWith({
      ...noRequests,
      primaryVirtualRequestMethod: 'password',
      backupVirtualRequestMethod: 'keyword',
      backupVirtualRequestKeyword: 'otp',
    });
    expect(read('otp', policy)).toEqual(['password otp null', 'keyword null null']);
  });

  it('is kept whatever the policy', () => {
    const order = ['two-step', 'virtual-primary', 'virtual-backup'];
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        const at = requestReadings(text, policy).map(({ process }) => order.indexOf(process));
        expect(at).toEqual([...at].sort());
        expect(at.filter((one) => one === 0).length).toBeLessThanOrEqual(2);
      }),
      proofRuns(500),
    );
  });
});

describe('whatever the text and the policy', () => {
  it('nobody is read with an empty password or an empty PIN', () => {
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        for (const { password, pin } of requestReadings(text, policy)) {
          expect(password).not.toBe('');
          expect(pin).not.toBe('');
        }
      }),
      proofRuns(500),
    );
  });

  it('a reading holds a password or a PIN exactly where its method says so', () => {
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        for (const { method, password, pin } of requestReadings(text, policy)) {
          expect(password !== null).toBe(holdsPassword(method));
          expect(pin !== null).toBe(method === 'keyword-pin');
        }
      }),
      proofRuns(500),
    );
  });

  it('what asks by a keyword alone asks for its process in no other way', () => {
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        const readings = requestReadings(text, policy);
        for (const { process, password } of readings) {
          if (password !== null) continue;
          expect(readings.filter((one) => one.process === process)).toHaveLength(1);
        }
      }),
      proofRuns(500),
    );
  });

  it('a reading can be put together again to the text', () => {
    fc.assert(
      fc.property(anyText, anyPolicy, (text, policy) => {
        for (const reading of requestReadings(text, policy)) {
          expect(typed(reading, keywordOf(reading, policy))).toBe(text);
        }
      }),
      proofRuns(500),
    );
  });

  it('what was typed for a method is read as that', () => {
    const secret = fc.string({ minLength: 1, maxLength: 8 });
    const asking = fc.tuple(fc.constantFrom(...requestMethods), shortText, secret);
    fc.assert(
      fc.property(asking, ([method, keyword, text]) => {
        const password = holdsPassword(method) ? text : null;
        const pin = method === 'keyword-pin' ? text : null;
        const meant: RequestReading = { process: 'two-step', method, password, pin };
        const readings = requestReadings(typed(meant, keyword), twoStepBy(method, keyword));
        expect(readings).toEqual([meant]);
      }),
      proofRuns(500),
    );
  });

  it('a blank keyword by itself is an empty text and no other', () => {
    const blank = fc.constantFrom<RequestMethod>('keyword', 'keyword-only');
    fc.assert(
      fc.property(anyText, blank, (text, method) => {
        const isAsking = requestReadings(text, twoStepBy(method, '')).length > 0;
        expect(isAsking).toBe(text === '');
      }),
      proofRuns(200),
    );
  });
});

describe('what a policy asks for', () => {
  it.each<[RequestMethod | null, boolean]>([
    [null, false],
    ['none', false],
    ['keyword', false],
    ['keyword-only', false],
    ['keyword-pin', false],
    ['password', true],
    ['keyword-password', true],
    ['password-keyword', true],
  ])('by %s holds the password: %s', (method, holds) => {
    expect(holdsPassword(method)).toBe(holds);
  });

  it.each<[RequestMethod, boolean]>([
    ['none', false],
    ['keyword', true],
    ['keyword-only', true],
    ['keyword-pin', false],
    ['password', false],
    ['keyword-password', false],
    ['password-keyword', false],
  ])('by %s is known by its keyword alone: %s', (method, isByIt) => {
    expect(isByKeyword(method)).toBe(isByIt);
  });

  it.each<[Partial<EffectivePolicy>, boolean]>([
    [{}, false],
    [{ twoStepRequestMethod: 'password' }, false],
    [{ primaryVirtualRequestMethod: 'keyword-only' }, true],
    [{ backupVirtualRequestMethod: 'keyword-pin' }, true],
  ])('by %o sends one-time passwords: %s', (settings, sends) => {
    expect(sendsOtps(policyWith({ ...noRequests, ...settings }))).toBe(sends);
  });
});
