import { type ApplicationProgram, parseApplicationText, usualHostCode } from './application.ts';
import { EmulatorError } from '../errors.ts';
import type { PinPolicy } from './pin.ts';
import { type Hull, infoItems } from './hull.ts';
import { pinWeakRules } from './weak-pins.ts';

/** A kind of device: its body, its model code and what it is programmed with. */
export interface Profile {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly hull: Hull;
  readonly applications: readonly ApplicationProgram[];
  /** What every device of this kind comes with: no secret. Null: the first user sets a PIN. */
  readonly initialPin: string | null;
}

export const profileNames = [
  'one-button-time',
  'one-button-event',
  'one-button-time-event',
  'one-button-time-36s',
  'one-button-info',
  'time-event-8-digits',
  'continuous-60s',
  'programmable-time',
  'phone-time',
  'keypad-cr-time',
  'keypad-cr-counter',
  'keypad-multi',
  'keypad-pin',
  'keypad-cr-multi',
  'keypad-sign-2-fields',
  'keypad-sign-3-fields',
  'card-keypad',
] as const;

export type ProfileName = (typeof profileNames)[number];

/** What a device looks like besides its keys. */
export type Form = 'card' | 'phone';

/** Common among fobs; a code stays readable for one step of 30 s. */
const buttonHull: Hull = {
  keys: 'one-button',
  autoOffMs: 30_000,
  pressWhileDisplayed: 'next',
};
/** A press puts out what is displayed, and the next one makes a response. */
const switchingHull: Hull = {
  keys: 'one-button',
  autoOffMs: 32_000,
  pressWhileDisplayed: 'switch-off',
};
const keypadAutoOffMs = 40_000;
const keypadHull: Hull = { keys: 'keypad', autoOffMs: keypadAutoOffMs, pin: null };
const pinPolicy: PinPolicy = {
  digitsMin: 4,
  digitsMax: 8,
  mustChangeInitial: true,
  weakRules: pinWeakRules,
  failuresMax: 5,
  onLock: 'unlock',
};
const fivePin: PinPolicy = { ...pinPolicy, digitsMin: 5, digitsMax: 5 };
const usualInitialPin = '00000';
const unlockApplication = 'UNLOCK=unlock:OCRA-1:HOTP-SHA1-8:QN08';

/** A profile whose name is its key in the table. */
type Described = Omit<Profile, 'name'>;

function onButton(model: string, description: string, hull: Hull, application: string): Described {
  const applications = [parseApplicationText(application)];
  return { description, model, hull, applications, initialPin: null };
}

function onKeypad(
  model: string,
  description: string,
  applications: readonly string[],
  hull: Hull = keypadHull,
  initialPin: string | null = null,
): Described {
  const programs = applications.map(parseApplicationText);
  return { description, model, hull, applications: programs, initialPin };
}

function withPin(pin: PinPolicy): Hull {
  return { keys: 'keypad', autoOffMs: keypadAutoOffMs, pin };
}

function withHostCode(profile: Described, applicationName: string): Described {
  return {
    ...profile,
    applications: profile.applications.map((application) =>
      application.name === applicationName
        ? { ...application, hostCode: usualHostCode(application.algorithm) }
        : application,
    ),
  };
}

const withoutKeypad = {
  'one-button-time': onButton(
    'VTGO1',
    'fob with one button; TOTP, SHA-1, 6 digits, 30 s',
    buttonHull,
    'TIME=TOTP-SHA1-6-30S',
  ),
  'one-button-event': onButton(
    'VTGO2',
    'fob with one button; HOTP, SHA-1, 6 digits',
    buttonHull,
    'EVENT=HOTP-SHA1-6',
  ),
  'one-button-time-event': onButton(
    'VTGO3',
    'fob with one button; clock and counter together, OCRA C-QN08-T30S, 8 digits',
    buttonHull,
    'TIME-EVENT=OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000',
  ),
  'one-button-time-36s': onButton(
    'VTGO4',
    'fob whose button also switches off; TOTP, SHA-1, 6 digits, 36 s',
    switchingHull,
    'TIME=TOTP-SHA1-6-36S',
  ),
  'one-button-info': onButton(
    'VTGO5',
    'fob whose button, held for 6 s, shows time, battery and serial; TOTP, SHA-1, 6 digits, 36 s',
    { ...switchingHull, infoMenu: { longPressMs: 6000, items: infoItems } },
    'TIME=TOTP-SHA1-6-36S',
  ),
  'time-event-8-digits': onButton(
    'VTGO6',
    'fob whose button also switches off; clock and counter together, OCRA C-QN08-T1M, 8 digits',
    switchingHull,
    'TIME-EVENT=OCRA-1:HOTP-SHA1-8:C-QN08-T1M/00000000',
  ),
  'continuous-60s': onButton(
    'VTAO1',
    'no keys, a display that is always on, with six bars; TOTP, SHA-1, 6 digits, 60 s',
    { keys: 'none', countdown: 'bars' },
    'TIME=TOTP-SHA1-6-60S',
  ),
  'programmable-time': onButton(
    'VTPR1',
    'card whose owner writes the seed and with it sets the clock; TOTP, SHA-1, 6 digits, 30 s',
    { ...buttonHull, countdown: 'bar', isProgrammable: true },
    'TIME=TOTP-SHA1-6-30S',
  ),
  'phone-time': onButton(
    'VTPH1',
    'application on a telephone, shown for a minute; TOTP, SHA-1, 6 digits, 30 s',
    { ...buttonHull, autoOffMs: 60_000, countdown: 'bar', isProgrammable: true },
    'TIME=TOTP-SHA1-6-30S',
  ),
} as const satisfies Record<string, Described>;

const withKeypad = {
  'keypad-cr-time': onKeypad(
    'VTKP1',
    'keypad; challenge/response with clock, OCRA QN08-T30S, 6 digits',
    ['CR=OCRA-1:HOTP-SHA1-6:QN08-T30S'],
  ),
  'keypad-cr-counter': onKeypad(
    'VTKP2',
    'keypad; challenge/response with event counter, OCRA C-QN08, 6 digits',
    ['CR=OCRA-1:HOTP-SHA1-6:C-QN08'],
  ),
  'keypad-multi': onKeypad(
    'VTKP4',
    'keypad with four applications, each with its own seed and counter',
    [
      'TIME=TOTP-SHA1-6-30S',
      'EVENT=HOTP-SHA1-6',
      'CR=OCRA-1:HOTP-SHA1-6:QN08-T30S',
      'CR-COUNTER=OCRA-1:HOTP-SHA1-6:C-QN08',
    ],
  ),
  'keypad-pin': onKeypad(
    'VTKP5',
    'keypad with a device PIN of 4 to 8 digits; locks after 5 wrong ones, unlock code',
    ['TIME=TOTP-SHA1-6-30S', 'CR=OCRA-1:HOTP-SHA1-6:QN08-T30S', unlockApplication],
    withPin(pinPolicy),
    usualInitialPin,
  ),
  'keypad-cr-multi': withHostCode(
    withHostCode(
      onKeypad(
        'VTKP6',
        'keypad with PIN; response-only, and on one seed challenge/response with host code and signature',
        [
          'TIME=TOTP-SHA1-8-36S',
          'MULTI=multi:OCRA-1:HOTP-SHA1-8:QH40-T36S/FIELD 1:N16,FIELD 2:N16,FIELD 3:A8',
          unlockApplication,
        ],
        withPin(pinPolicy),
        usualInitialPin,
      ),
      'TIME',
    ),
    'MULTI',
  ),
  'keypad-sign-2-fields': onKeypad(
    'VTKP7',
    'keypad with PIN, locked for good after 5 wrong ones; response-only and signature over two codes',
    ['APPLI 1=TOTP-SHA1-8-36S', 'APPLI 2=sign:OCRA-1:HOTP-SHA1-8:QH40-T36S/CODE 1:N6,CODE 2:N6'],
    withPin({ ...pinPolicy, onLock: 'brick' }),
    usualInitialPin,
  ),
  'keypad-sign-3-fields': onKeypad(
    'VTKP8',
    'keypad with a PIN of 5 digits, locks after 3 wrong ones; response-only, signature over 3 fields',
    [
      'APPLI 1=TOTP-SHA1-6-36S',
      'APPLI 2=sign:OCRA-1:HOTP-SHA1-6:C-QH40/ACCOUNT:N12,AMOUNT:N12,REFERENCE:N12',
      unlockApplication,
    ],
    withPin({ ...fivePin, failuresMax: 3 }),
    usualInitialPin,
  ),
  'card-keypad': onKeypad(
    'VTCD1',
    'card with keypad and a PIN of 4 digits, display off after 20 s; challenge/response, 6 digits',
    ['CR=OCRA-1:HOTP-SHA1-6:QN08-T30S', unlockApplication],
    { keys: 'keypad', autoOffMs: 20_000, pin: { ...pinPolicy, digitsMin: 4, digitsMax: 4 } },
  ),
} as const satisfies Record<string, Described>;

const profiles: Readonly<Record<ProfileName, Described>> = { ...withoutKeypad, ...withKeypad };

const forms: Readonly<Record<string, Form>> = {
  [profiles['programmable-time'].model]: 'card',
  [profiles['card-keypad'].model]: 'card',
  [profiles['phone-time'].model]: 'phone',
};

/** What devices of a model look like; null for those that their keys describe. */
export function formOfModel(model: string): Form | null {
  return Object.hasOwn(forms, model) ? (forms[model] ?? null) : null;
}

/** @throws EmulatorError input-invalid listing the profiles there are */
export function profileNamed(name: string): Profile {
  for (const known of profileNames) if (known === name) return { name, ...profiles[known] };
  throw new EmulatorError(
    'input-invalid',
    `there is no such profile; the profiles are ${profileNames.join(', ')}`,
  );
}
