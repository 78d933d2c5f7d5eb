import { type ApplicationProgram, parseApplicationText } from './application.ts';
import { EmulatorError } from '../errors.ts';
import type { PinPolicy } from './pin.ts';
import type { Hull } from './screens.ts';
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
  'keypad-cr-time',
  'keypad-cr-counter',
  'keypad-multi',
  'keypad-pin',
] as const;

export type ProfileName = (typeof profileNames)[number];

/** Common among fobs; a code stays readable for one step of 30 s. */
const buttonHull: Hull = {
  keys: 'one-button',
  autoOffMs: 30_000,
  pressWhileDisplayed: 'next',
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

const profiles: Readonly<Record<ProfileName, Profile>> = {
  'one-button-time': {
    name: 'one-button-time',
    description: 'fob with one button; TOTP, SHA-1, 6 digits, 30 s',
    model: 'VTGO1',
    hull: buttonHull,
    applications: [parseApplicationText('TIME=TOTP-SHA1-6-30S')],
    initialPin: null,
  },
  'one-button-event': {
    name: 'one-button-event',
    description: 'fob with one button; HOTP, SHA-1, 6 digits',
    model: 'VTGO2',
    hull: buttonHull,
    applications: [parseApplicationText('EVENT=HOTP-SHA1-6')],
    initialPin: null,
  },
  'one-button-time-event': {
    name: 'one-button-time-event',
    description: 'fob with one button; clock and counter together, OCRA C-QN08-T30S, 8 digits',
    model: 'VTGO3',
    hull: buttonHull,
    applications: [parseApplicationText('TIME-EVENT=OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000')],
    initialPin: null,
  },
  'keypad-cr-time': {
    name: 'keypad-cr-time',
    description: 'keypad; challenge/response with clock, OCRA QN08-T30S, 6 digits',
    model: 'VTKP1',
    hull: keypadHull,
    applications: [parseApplicationText('CR=OCRA-1:HOTP-SHA1-6:QN08-T30S')],
    initialPin: null,
  },
  'keypad-cr-counter': {
    name: 'keypad-cr-counter',
    description: 'keypad; challenge/response with event counter, OCRA C-QN08, 6 digits',
    model: 'VTKP2',
    hull: keypadHull,
    applications: [parseApplicationText('CR=OCRA-1:HOTP-SHA1-6:C-QN08')],
    initialPin: null,
  },
  'keypad-multi': {
    name: 'keypad-multi',
    description: 'keypad with four applications, each with its own seed and counter',
    model: 'VTKP4',
    hull: keypadHull,
    applications: [
      parseApplicationText('TIME=TOTP-SHA1-6-30S'),
      parseApplicationText('EVENT=HOTP-SHA1-6'),
      parseApplicationText('CR=OCRA-1:HOTP-SHA1-6:QN08-T30S'),
      parseApplicationText('CR-COUNTER=OCRA-1:HOTP-SHA1-6:C-QN08'),
    ],
    initialPin: null,
  },
  'keypad-pin': {
    name: 'keypad-pin',
    description: 'keypad with a device PIN of 4 to 8 digits; locks after 5 wrong ones, unlock code',
    model: 'VTKP5',
    hull: { keys: 'keypad', autoOffMs: keypadAutoOffMs, pin: pinPolicy },
    applications: [
      parseApplicationText('TIME=TOTP-SHA1-6-30S'),
      parseApplicationText('CR=OCRA-1:HOTP-SHA1-6:QN08-T30S'),
      parseApplicationText('UNLOCK=unlock:OCRA-1:HOTP-SHA1-8:QN08'),
    ],
    initialPin: '00000',
  },
};

/** @throws EmulatorError input-invalid listing the profiles there are */
export function profileNamed(name: string): Profile {
  for (const known of profileNames) if (known === name) return profiles[known];
  throw new EmulatorError(
    'input-invalid',
    `there is no such profile; the profiles are ${profileNames.join(', ')}`,
  );
}
