import { choice, type PolicySetting, whole } from './policy-setting.ts';

/** Whether a one-time password may be sent in place of what a device shows (OAS: BVDP mode). */
export type BackupMode = 'no' | 'permitted' | 'required' | 'time-limited';

/** By which channels a message goes: one, or two at once. */
export type DeliveryMethod = 'email' | 'sms' | 'voice' | 'email-sms' | 'sms-voice' | 'email-voice';

/** Virtual mobile authenticators: one-time passwords that are generated here and sent. */
export interface VirtualSettings {
  readonly backupVirtual: BackupMode;
  readonly backupVirtualDays: number;
  readonly backupVirtualUses: number | null;
  readonly virtualDelivery: DeliveryMethod;
  readonly virtualDeliveryFallback: 'none' | 'email' | 'sms' | 'voice';
  readonly virtualOtpDigits: number;
  readonly virtualOtpLifetimeSeconds: number;
  readonly virtualChallengeText: string;
  readonly virtualMessage: string;
  readonly virtualSendsPerUserPerHour: number;
  readonly virtualSendsPerComponentPerHour: number;
}

/** Where a message has the one-time password. */
export const otpPlaceholder: string = '[OTP]';

export const backupModes: readonly BackupMode[] = ['no', 'permitted', 'required', 'time-limited'];

export const deliveryMethods: readonly DeliveryMethod[] = [
  'email',
  'sms',
  'voice',
  'email-sms',
  'sms-voice',
  'email-voice',
];

export const virtualSettings: {
  readonly [Name in keyof VirtualSettings]: PolicySetting<VirtualSettings[Name]>;
} = {
  backupVirtual: {
    unit: '',
    default: 'no',
    range: choice(...backupModes),
    oasField: 'POLICYFLD_BACKUP_VDP_ENABLED',
    description:
      'Whether users of devices may have one-time passwords sent: no; permitted; required, so that what the device shows is not accepted; for backupVirtualDays from the first one. An authenticator may have a setting of its own.',
  },
  backupVirtualDays: {
    unit: 'days',
    default: 3,
    range: whole(1, 364),
    oasField: 'POLICYFLD_BACKUP_VDP_MAX_DAYS',
    description: 'How long time-limited lasts.',
  },
  backupVirtualUses: {
    unit: 'messages',
    default: null,
    range: { type: 'whole-number', min: 1, max: 254, nullMeans: 'no limit' },
    oasField: 'POLICYFLD_BACKUP_VDP_MAX_USES',
    description: 'How often an authenticator may be stood in for, until somebody grants more.',
  },
  virtualDelivery: {
    unit: '',
    default: 'sms',
    range: choice(...deliveryMethods),
    oasField: 'POLICYFLD_VDP_DELIVERY_METHOD',
    description:
      'How one-time passwords are sent; of two ways both are gone, and one that succeeds is enough. A user may have a setting of his own.',
  },
  virtualDeliveryFallback: {
    unit: '',
    default: 'none',
    range: choice('none', 'email', 'sms', 'voice'),
    oasField: null,
    description: 'The way that is gone when all gateways of virtualDelivery have failed.',
  },
  virtualOtpDigits: {
    unit: 'digits',
    default: 6,
    range: whole(6, 10),
    oasField: null,
    description: 'Length of a one-time password that is sent.',
  },
  virtualOtpLifetimeSeconds: {
    unit: 'seconds',
    default: 300,
    range: whole(60, 900),
    oasField: null,
    description: 'How long it is good for.',
  },
  virtualChallengeText: {
    unit: '',
    default: 'Enter One-Time Password',
    range: { type: 'text', charactersMax: 255 },
    oasField: 'POLICYFLD_VDP_CHALLENGE_TEXT',
    description: 'What the user is asked for when a one-time password was sent.',
  },
  virtualMessage: {
    unit: '',
    default: `Your one-time password is ${otpPlaceholder}.`,
    range: { type: 'text', charactersMax: 255, mustHold: otpPlaceholder },
    oasField: null,
    description: `The message; ${otpPlaceholder} in it stands for the one-time password.`,
  },
  virtualSendsPerUserPerHour: {
    unit: 'messages',
    default: 10,
    range: whole(1, 1000),
    oasField: null,
    description: 'Messages that one user may have in an hour of the clock.',
  },
  virtualSendsPerComponentPerHour: {
    unit: 'messages',
    default: 1000,
    range: whole(1, 1_000_000),
    oasField: null,
    description: 'Messages that the programs of one type may cause in an hour of the clock.',
  },
};
