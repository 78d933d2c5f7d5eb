import { choice, onOrOff, type PolicySetting, whole } from './policy-setting.ts';

/** What becomes of a device that is shown while an emergency code stands in for it. */
export type TokenReturn = 'deny-token' | 'allow-and-kill-code' | 'allow-after-expiry';

/** Codes that stand in for a device, or for device and PIN. */
export interface EmergencySettings {
  readonly emergencyTokencode: boolean;
  readonly emergencyPasscode: boolean;
  readonly emergencyOnlineAllowed: boolean;
  readonly emergencyOnlineCodes: boolean;
  readonly emergencyLifetimeDays: number;
  readonly emergencyUses: number;
  readonly emergencyRevealMode: 'sealed' | 'show-once';
  readonly emergencyRevealApprovals: number;
  readonly tokenReturnPolicy: TokenReturn;
}

export const emergencySettings: {
  readonly [Name in keyof EmergencySettings]: PolicySetting<EmergencySettings[Name]>;
} = {
  emergencyTokencode: {
    unit: '',
    default: true,
    range: onOrOff,
    oasField: null,
    description:
      'Whether packages for logons without a server hold a code that stands in for a device that is missing.',
  },
  emergencyPasscode: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether they hold a code for users who forgot their server PIN: it is good alone.',
  },
  emergencyOnlineAllowed: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether these codes are also good at the server, where an administrator allows it for the single code.',
  },
  emergencyOnlineCodes: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether there are codes for the server alone: a fixed one until it expires, or a set of one-time codes.',
  },
  emergencyLifetimeDays: {
    unit: 'days',
    default: 7,
    range: whole(1, 90),
    oasField: null,
    description:
      'How long an emergency code lasts at most; one that needs no PIN where there is one, 3 days at most.',
  },
  emergencyUses: {
    unit: '',
    default: 10,
    range: whole(1, 100),
    oasField: null,
    description:
      'How often a code of a package may be used; one that needs no PIN where there is one, 3 times at most.',
  },
  emergencyRevealMode: {
    unit: '',
    default: 'sealed',
    range: choice('sealed', 'show-once'),
    oasField: null,
    description:
      'Who sees codes of packages. With sealed they are made at logons, and the help desk reads one out when it is needed; with show-once an administrator issues each and sees it then, and nobody afterwards.',
  },
  emergencyRevealApprovals: {
    unit: '',
    default: 1,
    range: whole(1, 2),
    oasField: null,
    description:
      'How many administrators it takes to read a code out: with 2, another than who asks has to approve within an hour.',
  },
  tokenReturnPolicy: {
    unit: '',
    default: 'allow-and-kill-code',
    range: choice('deny-token', 'allow-and-kill-code', 'allow-after-expiry'),
    oasField: null,
    description:
      'What becomes of a device that is shown while a code that is good at the server stands in for it. It is refused until an administrator resets or revokes the code (deny-token), accepted, and the code ends (allow-and-kill-code), or refused until the code has ended, by its time or otherwise (allow-after-expiry).',
  },
};
