import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  demandOf,
  isPassword,
  isTooYoung,
  passwordExpiresAtMs,
  type PasswordFlaw,
  passwordFlaw,
  passwordHistoryMax,
  passwordLengthMax,
  passwordMessage,
  type PasswordRule,
  type PasswordRules,
  unsetPassword,
} from '../../src/domain/static-password.ts';
import { passwordSettings } from '../../src/domain/password-settings.ts';
import { policyDefaults } from '../../src/domain/policy-catalogue.ts';
import { proofRuns } from '../support/proof.ts';
import { noonMs } from './support.ts';

const dayMs = 86_400_000;
const jane = { userName: 'jane' };

/** Rules that refuse nothing. */
const lax: PasswordRules = {
  passwordMinLength: 1,
  passwordMinLowerCase: 0,
  passwordMinUpperCase: 0,
  passwordMinDigits: 0,
  passwordMinSymbols: 0,
  passwordHistory: 0,
  passwordNotUserNameBased: false,
};

function flaw(
  password: string,
  rules: Partial<PasswordRules> = {},
  userName: string = jane.userName,
): PasswordFlaw | null {
  return passwordFlaw(password, password, { userName }, { ...lax, ...rules });
}

describe('what is kept of a password', () => {
  it('is made of other bytes for every other user and hash', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const parts = fc.tuple(fc.uuid(), hash);
    fc.assert(
      fc.property(parts, parts, (one, another) => {
        const hex = (of: typeof one) => Buffer.from(passwordMessage(...of)).toString('hex');
        const isSame = one[0] === another[0] && Buffer.from(one[1]).equals(another[1]);
        expect(hex(one) === hex(another)).toBe(isSame);
        expect(Buffer.from(passwordMessage(...one)).subarray(37)).toEqual(Buffer.from(one[1]));
      }),
    );
  });

  it('is told from anything else', () => {
    const verifier = { salt: '0'.repeat(32), mac: 'ab12' };
    expect(isPassword(verifier, 'ab12')).toBe(true);
    for (const mac of ['ab13', 'ab1', 'ab122', 'AB12', '']) {
      expect(isPassword(verifier, mac)).toBe(false);
    }
  });

  it('is nothing for a new user', () => {
    expect(unsetPassword).toEqual({ verifier: null, setAtMs: null, version: 1 });
  });

  it('is remembered as far back as any policy asks', () => {
    expect(passwordSettings.passwordHistory.range).toMatchObject({ max: passwordHistoryMax });
    expect(passwordSettings.passwordMinLength.range).toMatchObject({ max: passwordLengthMax });
  });
});

const composedJose = 'jos\u00e9';
const decomposedJose = 'jose\u0301';

describe('a password that is typed on another machine', () => {
  it.each([
    [decomposedJose, composedJose],
    [composedJose, composedJose],
    ['A\u030a', '\u00c5'],
    ['\u212b', '\u00c5'],
    ['a\u0323\u0302', '\u1ead'],
    ['a\u0302\u0323', '\u1ead'],
    ['\u1112\u1161\u11ab', '\ud55c'],
    // Alike to the eye, but other characters.
    ['\ufb01', '\ufb01'],
    ['\uff11', '\uff11'],
    ['q\u0301', 'q\u0301'],
    ['Secret 1!', 'Secret 1!'],
    ['lone \ud83d', 'lone \ud83d'],
    ['', ''],
  ])('%j is hashed as %j', (typed, hashed) => {
    expect(composed(typed)).toBe(hashed);
  });

  it('is hashed alike, and as it is already where it was', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(text, (password) => {
        expect(composed(password.normalize('NFD'))).toBe(composed(password));
        expect(composed(composed(password))).toBe(composed(password));
      }),
      proofRuns(500),
    );
  });

  it('is the same when it is typed again', () => {
    expect(passwordFlaw(composedJose, decomposedJose, jane, lax)).toBeNull();
    expect(passwordFlaw(decomposedJose, composedJose, jane, lax)).toBeNull();
    expect(passwordFlaw(composedJose, 'jose', jane, lax)).toBe('password-confirmation-mismatch');
  });

  it.each<[string, Partial<PasswordRules>, PasswordFlaw | null]>([
    ['e\u0301'.repeat(128), {}, null],
    ['e\u0301'.repeat(129), {}, 'password-too-long'],
    ['e\u0301'.repeat(4), { passwordMinLength: 5 }, 'password-too-short'],
    ['e\u0301'.repeat(4), { passwordMinLength: 4 }, null],
    ['e\u0301', { passwordMinSymbols: 1 }, 'password-too-simple'],
    ['e\u0301', { passwordMinLowerCase: 1 }, null],
  ])('is judged as it is hashed: %j under %o: %s', (password, rules, expected) => {
    expect(flaw(password, rules)).toBe(expected);
  });

  it('is judged alike', () => {
    const unit = fc.constantFrom('e', '\u0301', '\u00e9', 'j', 'o', 's', '1', '!');
    const text = fc.string({ unit, maxLength: 10 });
    const rules = { passwordMinLength: 4, passwordMinDigits: 1, passwordNotUserNameBased: true };
    fc.assert(
      fc.property(text, (password) => {
        expect(flaw(password.normalize('NFD'), rules, composedJose)).toBe(
          flaw(password.normalize('NFC'), rules, composedJose),
        );
      }),
      proofRuns(500),
    );
  });
});

describe('a text that is to be a password', () => {
  it.each<[string, Partial<PasswordRules>, PasswordFlaw | null]>([
    ['secret', {}, null],
    ['', {}, 'password-too-short'],
    ['1234567', { passwordMinLength: 8 }, 'password-too-short'],
    ['12345678', { passwordMinLength: 8 }, null],
    ['x'.repeat(128), {}, null],
    ['x'.repeat(129), {}, 'password-too-long'],
    ['\n'.repeat(129), {}, 'password-too-long'],
    ['with space', {}, null],
    ['tab\there', {}, 'password-malformed'],
    ['\u0000', { passwordMinLength: 8 }, 'password-malformed'],
    ['del\u007f', {}, 'password-malformed'],
    ['lone \ud83d', {}, 'password-malformed'],
    ['pair \u{1f511}', {}, null],
    ['ABC1!', { passwordMinLowerCase: 1 }, 'password-too-simple'],
    ['aBC1!', { passwordMinLowerCase: 1 }, null],
    ['aßC1!', { passwordMinLowerCase: 2 }, null],
    ['aBC1!', { passwordMinLowerCase: 2 }, 'password-too-simple'],
    ['abc1!', { passwordMinUpperCase: 1 }, 'password-too-simple'],
    ['abC1!', { passwordMinUpperCase: 1 }, null],
    ['abÄC1!', { passwordMinUpperCase: 2 }, null],
    ['abC!', { passwordMinDigits: 1 }, 'password-too-simple'],
    ['abC1!', { passwordMinDigits: 1 }, null],
    ['abC1!', { passwordMinDigits: 2 }, 'password-too-simple'],
    ['abC1', { passwordMinSymbols: 1 }, 'password-too-simple'],
    ['äßC1', { passwordMinSymbols: 1 }, 'password-too-simple'],
    ['ab C1', { passwordMinSymbols: 1 }, null],
    ['ab\u{1f511}', { passwordMinSymbols: 1 }, null],
    ['ab\u{1f511}', { passwordMinSymbols: 2 }, 'password-too-simple'],
  ])('%j under %o: %s', (password, rules, expected) => {
    expect(flaw(password, rules)).toBe(expected);
  });

  it('has to be typed twice alike, before anything else is said', () => {
    expect(passwordFlaw('secret', 'Secret', jane, lax)).toBe('password-confirmation-mismatch');
    expect(passwordFlaw('secret', '', jane, lax)).toBe('password-confirmation-mismatch');
    expect(passwordFlaw('', 'x', jane, lax)).toBe('password-confirmation-mismatch');
  });

  it.each<[string, string, boolean]>([
    ['jane', 'jane', true],
    ['1jane!', 'jane', true],
    ['1JaNe!', 'jane', true],
    ['1jane!', 'JANE', true],
    ['xenajx', 'jane', true],
    ['jan', 'jane', false],
    ['ja-ne', 'jane', false],
    ['mybobby', 'bob', true],
    ['jobs', 'jo', false],
    ['JO', 'jo', true],
    ['oj', 'jo', false],
    ['xx', 'x', false],
    ['a\u{1f511}bx', 'xb\u{1f511}a', true],
    [`x1${decomposedJose}!`, composedJose, true],
    [`x1${composedJose}!`, composedJose, true],
    ['x1\u00c9SOJ!', composedJose, true],
    ['x1E\u0301SOJ!', composedJose, true],
    ['x1jose!', composedJose, false],
  ])('%j is based on the user name %j: %s', (password, userName, isBased) => {
    const based = { passwordNotUserNameBased: true };
    expect(flaw(password, based, userName)).toBe(isBased ? 'password-user-name-based' : null);
    expect(flaw(password, {}, userName)).toBeNull();
  });

  it('is judged by its length, then by its characters, then by the name', () => {
    const all = { passwordMinLength: 5, passwordMinDigits: 1, passwordNotUserNameBased: true };
    expect(flaw('jane', all)).toBe('password-too-short');
    expect(flaw('janes', all)).toBe('password-too-simple');
    expect(flaw('jane1', all)).toBe('password-user-name-based');
  });
});

const least = fc.integer({ min: 0, max: 2 });
const anyRules: fc.Arbitrary<PasswordRules> = fc.record({
  passwordMinLength: fc.integer({ min: 1, max: 8 }),
  passwordMinLowerCase: least,
  passwordMinUpperCase: least,
  passwordMinDigits: least,
  passwordMinSymbols: least,
  passwordHistory: fc.nat(24),
  passwordNotUserNameBased: fc.boolean(),
});
const character = fc.constantFrom('j', 'a', 'n', 'e', 'J', 'Q', '1', '7', '!', '\u0007');
const anyPassword = fc.oneof(
  fc.string({ unit: character, maxLength: 12 }),
  fc.constantFrom('jane', 'Jane1!', 'x1enaj', 'Qq1!Qq1!'),
);

describe('under stricter rules', () => {
  const stricter = (rules: PasswordRules, more: PasswordRules): PasswordRules => ({
    passwordMinLength: rules.passwordMinLength + more.passwordMinLength,
    passwordMinLowerCase: rules.passwordMinLowerCase + more.passwordMinLowerCase,
    passwordMinUpperCase: rules.passwordMinUpperCase + more.passwordMinUpperCase,
    passwordMinDigits: rules.passwordMinDigits + more.passwordMinDigits,
    passwordMinSymbols: rules.passwordMinSymbols + more.passwordMinSymbols,
    passwordHistory: more.passwordHistory,
    passwordNotUserNameBased: rules.passwordNotUserNameBased || more.passwordNotUserNameBased,
  });

  it('nothing is accepted that was refused', () => {
    fc.assert(
      fc.property(anyPassword, anyRules, anyRules, (password, rules, more) => {
        if (flaw(password, rules) === null) return;
        expect(flaw(password, stricter(rules, more))).not.toBeNull();
      }),
      proofRuns(1000),
    );
  });

  it('what is accepted would have been under those of the parts', () => {
    fc.assert(
      fc.property(anyPassword, anyRules, (password, rules) => {
        if (flaw(password, rules) !== null) return;
        expect(password.length).toBeGreaterThanOrEqual(rules.passwordMinLength);
        expect(password.replace(/[^a-z]/g, '').length).toBeGreaterThanOrEqual(
          rules.passwordMinLowerCase,
        );
        expect(password.replace(/[^A-Z]/g, '').length).toBeGreaterThanOrEqual(
          rules.passwordMinUpperCase,
        );
        expect(password.replace(/[^0-9]/g, '').length).toBeGreaterThanOrEqual(
          rules.passwordMinDigits,
        );
        expect(password.replace(/[^!]/g, '').length).toBeGreaterThanOrEqual(
          rules.passwordMinSymbols,
        );
        expect(password).not.toContain('\u0007');
      }),
      proofRuns(1000),
    );
  });
});

describe('the age of a password', () => {
  const setAt = (setAtMs: number | null) => ({ ...unsetPassword, setAtMs });

  it.each<[number | null, number, boolean]>([
    [null, 1, false],
    [noonMs, 0, false],
    [noonMs, 1, true],
    [noonMs - dayMs + 1, 1, true],
    [noonMs - dayMs, 1, false],
    [noonMs - dayMs, 2, true],
  ])('set at %s and to be kept for %s days: too young %s', (setAtMs, days, isYoung) => {
    expect(isTooYoung(setAt(setAtMs), noonMs, { passwordMinAgeDays: days })).toBe(isYoung);
  });

  it('ends where it lets in at any time, and only there', () => {
    const policy = {
      localAuthentication: 'authenticator-or-password',
      passwordMaxAgeDays: 90,
    } as const;
    expect(passwordExpiresAtMs(setAt(noonMs), policy)).toBe(noonMs + 90 * dayMs);
    expect(passwordExpiresAtMs(setAt(null), policy)).toBeNull();
    expect(passwordExpiresAtMs(setAt(noonMs), { ...policy, passwordMaxAgeDays: 0 })).toBeNull();
    for (const localAuthentication of [
      'none',
      'authenticator-only',
      'password-in-grace',
    ] as const) {
      expect(passwordExpiresAtMs(setAt(noonMs), { ...policy, localAuthentication })).toBeNull();
    }
  });

  it('does not end where no policy says so', () => {
    expect(passwordExpiresAtMs(setAt(noonMs), policyDefaults)).toBeNull();
    expect(isTooYoung(setAt(noonMs), noonMs, policyDefaults)).toBe(false);
  });
});

describe('what a rule that was broken demands', () => {
  const rules = { ...lax, passwordMinAgeDays: 2, passwordMinLength: 8, passwordHistory: 4 };
  const demands: readonly (readonly [PasswordRule, string])[] = [
    ['password-too-long', `must have at most ${passwordLengthMax} characters`],
    ['password-malformed', 'must be without control characters and lone surrogates'],
    ['password-too-short', 'must have at least 8 characters'],
    ['password-user-name-based', 'must not hold the name of the user, forwards or backwards'],
    ['password-repeated', 'must differ from the last 4 of the user'],
    ['password-too-young', 'must stay for at least 2 days'],
  ];

  it.each(demands)('%s: %s', (rule, demand) => {
    expect(demandOf(rule, rules)).toBe(demand);
  });

  it('names the kinds of characters that are asked for, one or more of each', () => {
    const kinds = { passwordMinLowerCase: 1, passwordMinDigits: 2, passwordMinSymbols: 3 };
    const asked = demandOf('password-too-simple', { ...rules, ...kinds });
    expect(asked).toBe('must have at least 1 lower-case letter, 2 digits, 3 symbols');
  });
});
