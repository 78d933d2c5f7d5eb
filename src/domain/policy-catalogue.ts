import { type EmergencySettings, emergencySettings } from './emergency-settings.ts';
import { type OfflineSettings, offlineSettings } from './offline-settings.ts';
import { type PasswordSettings, passwordSettings } from './password-settings.ts';
import { type SignatureSettings, signatureSettings } from './signature-settings.ts';
import { choice, onOrOff, type PolicySetting, whole } from './policy-setting.ts';
import { type RequestSettings, requestSettings } from './request-settings.ts';
import { type VirtualSettings, virtualSettings } from './virtual-settings.ts';

/** All settings of a policy with every inheritance resolved. `policyCatalogue` explains each. */
export interface EffectivePolicy
  extends
    EmergencySettings,
    OfflineSettings,
    PasswordSettings,
    RequestSettings,
    SignatureSettings,
    VirtualSettings {
  readonly userLockThreshold: number;
  readonly autoUnlockMaxTries: number;
  readonly autoUnlockMinDurationSeconds: number;
  readonly autoUnlockMultiplier: number;
  readonly userMaxInactiveDays: number;
  readonly applicationNames: readonly string[];
  readonly applicationType:
    'no-restriction' | 'response-only' | 'challenge-response' | 'signature' | 'multi-mode';
  readonly authenticatorModels: readonly string[];
  readonly virtualAuthenticators: 'allowed' | 'forbidden';
  readonly pinChangeAllowed: boolean;
  readonly pinCharacters: 'digits' | 'alphanumeric';
  readonly weakPins: 'allowed' | 'refused';
  readonly oneStepChallengeResponse: 'no' | 'server-challenge' | 'any-challenge';
  readonly oneStepChallengeFormat: 'digits' | 'hex';
  readonly oneStepChallengeLength: number;
  readonly oneStepChallengeCheckDigit: boolean;
  readonly challengeLifetimeSeconds: number;
  readonly challengesOpenMax: number;
  readonly challengeCheckMode: ChallengeCheckMode;
  readonly identificationTimeWindowSteps: number;
  readonly initialTimeWindowSeconds: number;
  readonly dynamicTimeWindow: boolean;
  readonly discreteTimeWindowHours: number;
  readonly hostClockCentre: boolean;
  readonly driftPrediction: boolean;
  readonly eventWindowSteps: number;
  readonly timeAndEventApplications: 'allowed' | 'forbidden';
  readonly identificationThreshold: number;
  readonly applicationMaxInactiveDays: number;
  readonly syncTimeWindowSeconds: number;
  readonly syncEventWindowSteps: number;
  readonly syncMaxGapSteps: number;
  readonly syncBackwardMarginSeconds: number | null;
  readonly secondOtpSync: boolean;
  readonly secondOtpSyncLifetimeSeconds: number;
  readonly sessionIdleSeconds: number;
  readonly sessionLifetimeSeconds: number;
  readonly genericAnswers: boolean;
}

/**
 * How the challenge of a response is examined (OAS: CheckChallenge). 0: by nothing but who may have
 * made it; 1: it must be the newest that was issued; 2: the newest is used whatever came with the
 * response; 3: one response in a time step; 4: each challenge once in a time step, which 0 holds too.
 */
export type ChallengeCheckMode = 0 | 1 | 2 | 3 | 4;

export type PolicySettingName = keyof EffectivePolicy;

/** Set values only; absent means inherit. */
export type PolicySettings = Partial<EffectivePolicy>;

/**
 * Every setting that a policy may have: there is no behaviour without an entry here and no entry
 * without behaviour. Defaults are those of OAS's Base Policy where OAS has the setting.
 */
export const policyCatalogue: {
  readonly [Name in PolicySettingName]: PolicySetting<EffectivePolicy[Name]>;
} = {
  ...passwordSettings,
  ...requestSettings,
  ...virtualSettings,
  ...offlineSettings,
  ...emergencySettings,
  ...signatureSettings,
  userLockThreshold: {
    unit: 'attempts',
    default: 3,
    range: whole(0, 1000),
    oasField: 'POLICYFLD_USER_LOCK_THRESHOLD',
    description: 'Failed attempts in a row that lock the user; 0 never locks.',
  },
  autoUnlockMaxTries: {
    unit: 'attempts',
    default: 0,
    range: whole(0, 100),
    oasField: null,
    description: 'Attempts by which a user locked by the threshold may unlock himself; 0 is off.',
  },
  autoUnlockMinDurationSeconds: {
    unit: 'seconds',
    default: 900,
    range: whole(1, 604_800),
    oasField: null,
    description: 'Quiet time since the last attempt before the first attempt that may unlock.',
  },
  autoUnlockMultiplier: {
    unit: '',
    default: 2,
    range: whole(1, 10),
    oasField: null,
    description: 'Factor by which each failed attempt to unlock lengthens the quiet time.',
  },
  userMaxInactiveDays: {
    unit: 'days',
    default: 0,
    range: whole(0, 36_500),
    oasField: 'POLICYFLD_USER_DAYS_INACTIVE',
    description: 'Days since the last success after which a user is suspended; 0 is never.',
  },
  applicationNames: {
    unit: '',
    default: [],
    range: { type: 'names', of: 'application', maxEntries: 64 },
    oasField: 'POLICYFLD_APPL_NAMES',
    description: 'Applications that may serve, by name; an empty list means any.',
  },
  applicationType: {
    unit: '',
    default: 'no-restriction',
    range: choice(
      'no-restriction',
      'response-only',
      'challenge-response',
      'signature',
      'multi-mode',
    ),
    oasField: 'POLICYFLD_APPL_TYPE',
    description: 'Kind of application that may serve.',
  },
  authenticatorModels: {
    unit: '',
    default: [],
    range: { type: 'names', of: 'model', maxEntries: 64 },
    oasField: 'POLICYFLD_DP_TYPES',
    description: 'Models of authenticators that may serve; an empty list means any.',
  },
  virtualAuthenticators: {
    unit: '',
    default: 'allowed',
    range: choice('allowed', 'forbidden'),
    oasField: null,
    description: 'Whether software authenticators, whose seed was handed out once, may serve.',
  },
  pinChangeAllowed: {
    unit: '',
    default: true,
    range: onOrOff,
    oasField: 'POLICYFLD_PIN_CHANGE_ALLOWED',
    description:
      'Whether users may change their server PIN of their own accord; one that an administrator asks for they may always set.',
  },
  pinCharacters: {
    unit: '',
    default: 'digits',
    range: choice('digits', 'alphanumeric'),
    oasField: null,
    description:
      'What a new server PIN may be made of: digits, or also the letters A to Z and a to z.',
  },
  weakPins: {
    unit: '',
    default: 'allowed',
    range: choice('allowed', 'refused'),
    oasField: null,
    description:
      'Whether a new server PIN may be one that is easy to guess: one character repeated, an even run such as 1234 or 8642, a half said twice.',
  },
  oneStepChallengeResponse: {
    unit: '',
    default: 'no',
    range: choice('no', 'server-challenge', 'any-challenge'),
    oasField: 'POLICYFLD_ONE_STEP_CHAL_RESP',
    description: 'Whether a challenge may come with its response, and who may have made it.',
  },
  oneStepChallengeFormat: {
    unit: '',
    default: 'digits',
    range: choice('digits', 'hex'),
    oasField: null,
    description:
      'What issued challenges are made of: digits that a person types, or 32 bytes in hex for keys that a program asks (HMAC-SHA1-CR).',
  },
  oneStepChallengeLength: {
    unit: 'digits',
    default: 8,
    range: whole(4, 16),
    oasField: 'POLICYFLD_ONE_STEP_CHAL_LENGTH',
    description: 'Length of an issued challenge of digits without its check digit.',
  },
  oneStepChallengeCheckDigit: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: 'POLICYFLD_ONE_STEP_CHAL_CHECKDIGIT',
    description: 'Whether an issued challenge of digits ends with a Luhn check digit.',
  },
  challengeLifetimeSeconds: {
    unit: 'seconds',
    default: 300,
    range: whole(10, 3600),
    oasField: null,
    description: 'How long an issued challenge may be answered.',
  },
  challengesOpenMax: {
    unit: 'challenges',
    default: 5,
    range: whole(1, 100),
    oasField: null,
    description:
      'Open challenges that a user may have at one component at a time. One more takes the place of the oldest.',
  },
  challengeCheckMode: {
    unit: '',
    default: 1,
    range: whole(0, 4),
    oasField: 'POLICYFLD_CHECKCHALLENGE',
    description:
      'Challenge of a response: 0 any that is permitted, 1 the newest issued, 2 always the newest issued whatever was given, 3 one response in a time step, 4 each challenge once in a time step.',
  },
  identificationTimeWindowSteps: {
    unit: 'steps',
    default: 20,
    range: whole(0, 1000),
    oasField: 'POLICYFLD_ITIMEWINDOW',
    description: 'Time steps accepted around the expected one: half on each side, inclusive.',
  },
  initialTimeWindowSeconds: {
    unit: 'seconds',
    default: 21_600,
    range: whole(0, 2_592_000),
    oasField: 'POLICYFLD_SYNCWINDOW',
    description:
      'Time window at first use and after a reset, where it is the wider one: half on each side of the host clock; ends with the first accepted response.',
  },
  dynamicTimeWindow: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether the time window grows while an authenticator is idle: to one step and 8 s for each day, at most to syncTimeWindowSeconds.',
  },
  discreteTimeWindowHours: {
    unit: 'hours',
    default: 0,
    range: whole(0, 12),
    oasField: null,
    description:
      'Whole hours to each side at which the time window is searched as well: telephones that missed daylight saving; 0 is off.',
  },
  hostClockCentre: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether the time window is searched around the host clock as well as around the learned drift.',
  },
  driftPrediction: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether the centre of the time window moves on with the rate that an idle clock has shown, by at most 4 s a day.',
  },
  eventWindowSteps: {
    unit: 'events',
    default: 20,
    range: whole(1, 10_000),
    oasField: 'POLICYFLD_EVENTWINDOW',
    description: 'Event counters accepted: the next one and those that follow it.',
  },
  timeAndEventApplications: {
    unit: '',
    default: 'forbidden',
    range: choice('allowed', 'forbidden'),
    oasField: null,
    description:
      'Whether applications with both clock and counter may serve: every refusal then costs the product of the two windows.',
  },
  identificationThreshold: {
    unit: 'attempts',
    default: 0,
    range: whole(0, 1000),
    oasField: 'POLICYFLD_ITHRESHOLD',
    description:
      'Wrong responses in a row, with the signatures that signatureThreshold counts, from which an application accepts no response until it is reset; 0 is never, and counts none.',
  },
  applicationMaxInactiveDays: {
    unit: 'days',
    default: 0,
    range: whole(0, 36_500),
    oasField: null,
    description:
      'Days without use after which an application accepts nothing until it is reset; 0 is never.',
  },
  syncTimeWindowSeconds: {
    unit: 'seconds',
    default: 21_600,
    range: whole(0, 2_592_000),
    oasField: 'POLICYFLD_SYNCWINDOW',
    description: 'Reach of a synchronisation in time: half on each side of the expected time.',
  },
  syncEventWindowSteps: {
    unit: 'events',
    default: 1000,
    range: whole(1, 100_000),
    oasField: null,
    description: 'Reach of a synchronisation in event counters.',
  },
  syncMaxGapSteps: {
    unit: 'steps',
    default: 1,
    range: whole(1, 2),
    oasField: null,
    description: 'Time steps that the second response of a synchronisation may come later.',
  },
  syncBackwardMarginSeconds: {
    unit: 'seconds',
    default: null,
    range: { type: 'whole-number', min: 0, max: 2_592_000, nullMeans: 'no limit' },
    oasField: null,
    description: 'How far beyond what idle days explain a synchronisation may move a clock back.',
  },
  secondOtpSync: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether a response outside the window but within reach of a synchronisation is remembered, so that the consecutive next one synchronises and is accepted. Every refusal then costs a whole synchronisation.',
  },
  secondOtpSyncLifetimeSeconds: {
    unit: 'seconds',
    default: 300,
    range: whole(30, 3600),
    oasField: null,
    description: 'How long such a response is remembered.',
  },
  sessionIdleSeconds: {
    unit: 'seconds',
    default: 900,
    range: whole(60, 86_400),
    oasField: null,
    description: 'How long the session of an administrator who signed in may go unused.',
  },
  sessionLifetimeSeconds: {
    unit: 'seconds',
    default: 28_800,
    range: whole(300, 604_800),
    oasField: null,
    description: 'How long after signing in the session ends, however much it is used.',
  },
  genericAnswers: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether refusals look alike outside, but for a replay and what is only said once PIN and response were right; the audit always has the reason.',
  },
};

/** The names of all settings, in the order of the catalogue. */
export const policySettingNames: readonly PolicySettingName[] = Object.keys(
  policyCatalogue,
) as PolicySettingName[];

/** The value of every setting where no policy sets it. */
export const policyDefaults: EffectivePolicy = Object.freeze(
  Object.fromEntries(policySettingNames.map((name) => [name, policyCatalogue[name].default])),
) as unknown as EffectivePolicy;
