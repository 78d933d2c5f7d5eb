import {
  OathError,
  parseAlgorithmText as parseOathText,
  type ResponseAlgorithm,
} from '../src/oath/index.ts';
import type { Hull } from './device.ts';
import { EmulatorError } from './errors.ts';

/** A program for one application, before it has a seed. */
export interface ApplicationProgram {
  readonly name: string;
  readonly algorithm: ResponseAlgorithm;
}

/** A kind of device: its body, its model code and what it is programmed with. */
export interface Profile {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly hull: Hull;
  readonly applications: readonly ApplicationProgram[];
}

export const profileNames = [
  'one-button-time',
  'one-button-event',
  'keypad-cr-time',
  'keypad-cr-counter',
  'keypad-multi',
] as const;

export type ProfileName = (typeof profileNames)[number];

/** Common among fobs; a code stays readable for one step of 30 s. */
const buttonHull: Hull = {
  keys: 'one-button',
  autoOffMs: 30_000,
  pressWhileDisplayed: 'next',
};
const keypadHull: Hull = { keys: 'keypad', autoOffMs: 40_000 };

const profiles: Readonly<Record<ProfileName, Profile>> = {
  'one-button-time': {
    name: 'one-button-time',
    description: 'fob with one button; TOTP, SHA-1, 6 digits, 30 s',
    model: 'VTGO1',
    hull: buttonHull,
    applications: [program('TIME', 'TOTP-SHA1-6-30S')],
  },
  'one-button-event': {
    name: 'one-button-event',
    description: 'fob with one button; HOTP, SHA-1, 6 digits',
    model: 'VTGO2',
    hull: buttonHull,
    applications: [program('EVENT', 'HOTP-SHA1-6')],
  },
  'keypad-cr-time': {
    name: 'keypad-cr-time',
    description: 'keypad; challenge/response with clock, OCRA QN08-T30S, 6 digits',
    model: 'VTKP1',
    hull: keypadHull,
    applications: [program('CR', 'OCRA-1:HOTP-SHA1-6:QN08-T30S')],
  },
  'keypad-cr-counter': {
    name: 'keypad-cr-counter',
    description: 'keypad; challenge/response with event counter, OCRA C-QN08, 6 digits',
    model: 'VTKP2',
    hull: keypadHull,
    applications: [program('CR', 'OCRA-1:HOTP-SHA1-6:C-QN08')],
  },
  'keypad-multi': {
    name: 'keypad-multi',
    description: 'keypad with four applications, each with its own seed and counter',
    model: 'VTKP4',
    hull: keypadHull,
    applications: [
      program('TIME', 'TOTP-SHA1-6-30S'),
      program('EVENT', 'HOTP-SHA1-6'),
      program('CR', 'OCRA-1:HOTP-SHA1-6:QN08-T30S'),
      program('CR-COUNTER', 'OCRA-1:HOTP-SHA1-6:C-QN08'),
    ],
  },
};

/** @throws EmulatorError input-invalid listing the profiles there are */
export function profileNamed(name: string): Profile {
  for (const known of profileNames) if (known === name) return profiles[known];
  throw invalid(`there is no such profile; the profiles are ${profileNames.join(', ')}`);
}

/**
 * Reads the one-line form of an algorithm: `HOTP-<hash>-<digits>`, `TOTP-<hash>-<digits>-<n>S` with
 * an optional `-T0=<seconds>`, or an OCRA suite, with `/<question>` for a fixed question.
 *
 * @throws EmulatorError input-invalid saying which part is not allowed
 */
export function parseAlgorithmText(text: string): ResponseAlgorithm {
  try {
    return parseOathText(text);
  } catch (error) {
    if (error instanceof OathError) throw invalid(`algorithm: ${error.message}`);
    throw error;
  }
}

/**
 * Reads `NAME=ALGORITHM`, as `--application` takes it.
 *
 * @throws EmulatorError input-invalid
 */
export function parseApplicationText(text: string): ApplicationProgram {
  const separator = text.indexOf('=');
  if (separator < 0) throw invalid('an application is written NAME=ALGORITHM');
  const name = checkApplicationName(text.slice(0, separator));
  return { name, algorithm: parseAlgorithmText(text.slice(separator + 1)) };
}

/** @throws EmulatorError input-invalid */
export function checkApplicationName(name: string): string {
  if (/^[A-Z0-9][A-Z0-9 _-]{0,11}$/.test(name)) return name;
  throw invalid(
    'an application name has 1 to 12 capital letters, digits, spaces, _ or -, and starts with a letter or digit',
  );
}

function program(name: string, algorithm: string): ApplicationProgram {
  return { name, algorithm: parseAlgorithmText(algorithm) };
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
