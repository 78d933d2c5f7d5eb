import { choice, onOrOff, type PolicySetting, whole } from './policy-setting.ts';

/** What a person may log on with, beside or in place of what an authenticator shows. */
export interface PasswordSettings {
  readonly localAuthentication: LocalAuthentication;
  readonly backEndAuthentication: 'none' | 'if-needed';
  readonly gracePeriodDays: number;
  readonly passwordMinLength: number;
  readonly passwordMinLowerCase: number;
  readonly passwordMinUpperCase: number;
  readonly passwordMinDigits: number;
  readonly passwordMinSymbols: number;
  readonly passwordHistory: number;
  readonly passwordNotUserNameBased: boolean;
  readonly passwordMinAgeDays: number;
  readonly passwordMaxAgeDays: number;
}

export type LocalAuthentication =
  'none' | 'authenticator-only' | 'password-in-grace' | 'authenticator-or-password';

/** What a user's own setting may be, in place of his policy's. */
export const localAuthentications: readonly LocalAuthentication[] = [
  'none',
  'authenticator-only',
  'password-in-grace',
  'authenticator-or-password',
];

const leastOf = (what: string): PolicySetting<number> => ({
  unit: 'characters',
  default: 0,
  range: whole(0, 32),
  oasField: null,
  description: `${what} that a new static password has at least.`,
});

export const passwordSettings: {
  readonly [Name in keyof PasswordSettings]: PolicySetting<PasswordSettings[Name]>;
} = {
  localAuthentication: {
    unit: '',
    default: 'none',
    range: choice(...localAuthentications),
    oasField: 'POLICYFLD_LOCAL_AUTH',
    description:
      'What this server verifies itself: none, so that nobody is let in; responses of authenticators; also static passwords until the grace period ends; static passwords at any time.',
  },
  backEndAuthentication: {
    unit: '',
    default: 'none',
    range: choice('none', 'if-needed'),
    oasField: 'POLICYFLD_BACKEND_AUTH',
    description:
      'Whether a static password that this server does not know, or knows another for, is put before the back end, if one is connected.',
  },
  gracePeriodDays: {
    unit: 'days',
    default: 0,
    range: whole(0, 365),
    oasField: 'POLICYFLD_GRACE_PERIOD',
    description:
      'How long after an authenticator was assigned its user may still log on by static password, until its first response is accepted; 0 is not at all. An authenticator may have an end of its own.',
  },
  passwordMinLength: {
    unit: 'characters',
    default: 8,
    range: whole(1, 128),
    oasField: 'POLICYFLD_STATIC_PWD_MIN_LENGTH',
    description: 'Characters that a new static password has at least.',
  },
  passwordMinLowerCase: leastOf('Lower-case letters'),
  passwordMinUpperCase: leastOf('Upper-case letters'),
  passwordMinDigits: leastOf('Digits'),
  passwordMinSymbols: leastOf('Characters other than letters and digits'),
  passwordHistory: {
    unit: 'passwords',
    default: 0,
    range: whole(0, 24),
    oasField: 'POLICYFLD_PWD_DIFF_TO_PREV',
    description: 'How many of the last static passwords a new one must differ from.',
  },
  passwordNotUserNameBased: {
    unit: '',
    default: true,
    range: onOrOff,
    oasField: 'POLICYFLD_PWD_NOT_USERID_BASED',
    description:
      'Whether a new static password must not hold the name of its user, forwards or backwards.',
  },
  passwordMinAgeDays: {
    unit: 'days',
    default: 0,
    range: whole(0, 9999),
    oasField: null,
    description: 'Days before its user may change a static password again; 0 is at any time.',
  },
  passwordMaxAgeDays: {
    unit: 'days',
    default: 0,
    range: whole(0, 9999),
    oasField: 'POLICYFLD_STATIC_PWD_MAX_AGE',
    description:
      'Days after which a static password lets nobody in until it is changed, where localAuthentication is authenticator-or-password; 0 is never.',
  },
};
