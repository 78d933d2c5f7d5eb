import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localAuthentications } from '../../src/domain/password-settings.ts';
import { policyDefaults } from '../../src/domain/policy-catalogue.ts';
import { parsePolicySettings, predefinedPolicies } from '../../src/domain/policy.ts';
import { requestMethods } from '../../src/domain/request-settings.ts';
import { requestReadings, sendsOtps } from '../../src/domain/requests.ts';
import { backupModes, deliveryMethods, otpPlaceholder } from '../../src/domain/virtual-settings.ts';
import { messageText } from '../../src/domain/virtual-otp.ts';

/** What is said of a setting that is refused; null when it is not. */
function problemOf(name: string, value: unknown): string | null {
  const parsed = parsePolicySettings({ [name]: value });
  if (parsed.ok) {
    expect(parsed.settings).toEqual({ [name]: value });
    return null;
  }
  expect(parsed.problems.map((problem) => problem.name)).toEqual([name]);
  return parsed.problems[0]?.message ?? '';
}

const unprintable = [
  'line\nbreak',
  'tab\t',
  '\u0000',
  '\u007f',
  '\u0085',
  'lone \ud83d',
  '\udd11 lone',
  'line\u2028separator',
  'paragraph\u2029separator',
];

describe('a text that a policy sets', () => {
  const name = 'backupVirtualRequestKeyword';

  it.each(['', 'otp', ' ', 'x'.repeat(16), 'Schlüssel', '\u{1f511}', '[OTP][OTP]'])(
    'may be %j',
    (text) => {
      expect(problemOf(name, text)).toBeNull();
    },
  );

  it.each([...unprintable, 'x'.repeat(17), `\u{1f511}${'x'.repeat(15)}`, 7, null, ['otp'], true])(
    'may not be %j',
    (value) => {
      expect(problemOf(name, value)).toBe(
        `${name} must be a text of at most 16 characters, without control characters.`,
      );
    },
  );

  it.each([
    ['twoStepRequestKeyword', 16],
    ['primaryVirtualRequestKeyword', 16],
    ['backupVirtualRequestKeyword', 16],
    ['twoStepChallengeText', 255],
    ['virtualChallengeText', 255],
  ])('is as long as its setting says: %s up to %s', (setting, charactersMax) => {
    expect(problemOf(setting, 'x'.repeat(charactersMax))).toBeNull();
    expect(problemOf(setting, 'x'.repeat(charactersMax + 1))).not.toBeNull();
  });
});

describe('a text that has to hold something', () => {
  const name = 'virtualMessage';

  it.each(['[OTP]', 'Code: [OTP].', '[[OTP]]', `[OTP]${'x'.repeat(250)}`, '[otp] [OTP]'])(
    'may be %j',
    (text) => {
      expect(problemOf(name, text)).toBeNull();
    },
  );

  it.each([
    '',
    'none',
    '[otp]',
    'OTP',
    '[OTP] or [OTP]',
    '[OTP][OTP]',
    `[OTP]${'x'.repeat(251)}`,
    '[OTP]\n',
    ...unprintable,
    7,
    null,
    ['[OTP]', 'x'],
  ])('may not be %j', (value) => {
    expect(problemOf(name, value)).toBe(
      `${name} must be a text of at most 255 characters that holds [OTP] once, without control characters.`,
    );
  });

  it('makes a message with the one-time password in it once', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '[', ']', '[OTP]', ' '), maxLength: 6 });
    fc.assert(
      fc.property(part, part, (before, behind) => {
        const text = before + behind;
        if (problemOf(name, text) !== null) return;
        expect(messageText(text, otpPlaceholder, '703557').split('703557')).toHaveLength(2);
      }),
    );
  });
});

describe('the settings of logons of two steps', () => {
  it.each([
    ['localAuthentication', localAuthentications],
    ['backEndAuthentication', ['none', 'if-needed']],
    ['twoStepRequestMethod', ['none', ...requestMethods]],
    ['primaryVirtualRequestMethod', ['none', ...requestMethods]],
    ['backupVirtualRequestMethod', ['none', ...requestMethods]],
    ['backupVirtual', backupModes],
    ['virtualDelivery', deliveryMethods],
    ['virtualDeliveryFallback', ['none', 'email', 'sms', 'voice']],
    ['passwordNotUserNameBased', [true, false]],
  ])('%s takes %j and nothing else', (name, values) => {
    for (const value of values) expect(problemOf(name, value)).toBeNull();
    for (const value of ['', 'other', null, 1]) expect(problemOf(name, value)).not.toBeNull();
  });

  it.each([
    ['gracePeriodDays', 0, 365],
    ['passwordMinLength', 1, 128],
    ['passwordMinLowerCase', 0, 32],
    ['passwordMinUpperCase', 0, 32],
    ['passwordMinDigits', 0, 32],
    ['passwordMinSymbols', 0, 32],
    ['passwordHistory', 0, 24],
    ['passwordMinAgeDays', 0, 9999],
    ['passwordMaxAgeDays', 0, 9999],
    ['backupVirtualDays', 1, 364],
    ['backupVirtualUses', 1, 254],
    ['virtualOtpDigits', 6, 10],
    ['virtualOtpLifetimeSeconds', 60, 900],
    ['virtualSendsPerUserPerHour', 1, 1000],
    ['virtualSendsPerComponentPerHour', 1, 1_000_000],
  ])('%s goes from %s to %s', (name, min, max) => {
    for (const value of [min, max]) expect(problemOf(name, value)).toBeNull();
    for (const value of [min - 1, max + 1]) expect(problemOf(name, value)).not.toBeNull();
  });

  it('have no limit of backups where null is set', () => {
    expect(problemOf('backupVirtualUses', null)).toBeNull();
    expect(problemOf('backupVirtualDays', null)).not.toBeNull();
  });

  it('are those of the Base Policy of OAS where no policy sets them', () => {
    expect(policyDefaults).toMatchObject({
      backEndAuthentication: 'none',
      gracePeriodDays: 0,
      twoStepRequestMethod: 'keyword',
      twoStepRequestKeyword: '',
      primaryVirtualRequestMethod: 'password',
      backupVirtualRequestMethod: 'keyword-password',
      backupVirtualRequestKeyword: 'otp',
      backupVirtual: 'no',
      backupVirtualUses: null,
      virtualMessage: 'Your one-time password is [OTP].',
    });
  });

  it('have nothing sent by what an installation begins with', () => {
    const sending = predefinedPolicies()
      .filter(({ settings }) => settings.localAuthentication !== undefined)
      .map(({ settings }) => ({ ...policyDefaults, ...settings }));
    expect(sending).toHaveLength(2);
    for (const policy of sending) {
      expect(sendsOtps(policy)).toBe(false);
      // A password there asks for nothing: only an empty text asks for a challenge.
      expect(requestReadings('secret', policy)).toEqual([]);
      expect(requestReadings('', policy).map(({ process }) => process)).toEqual(['two-step']);
    }
  });
});
