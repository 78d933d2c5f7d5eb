import type { Command } from 'commander';
import {
  type ApplicationProgram,
  checkProgram,
  parseApplicationText,
  usualHostCode,
} from '../device/application.ts';
import { keyProfileName } from '../hid/key-pairing.ts';
import { parsePinDigits, parseRange } from './values.ts';
import { EmulatorError } from '../errors.ts';
import { pinFailuresMax, pinFailuresMin, type PinPolicy } from '../device/pin.ts';
import { type Profile, profileNamed, profileNames } from '../device/profiles.ts';
import type { Hull } from '../device/hull.ts';

export interface ProfileOptions {
  readonly profile?: string;
  readonly application?: readonly string[];
  readonly challengeCheckDigit?: readonly string[];
  readonly responseCheckDigit?: readonly string[];
  readonly withHostCode?: readonly string[];
  readonly pressSwitchesOff?: true;
  readonly pinDigits?: string;
  readonly pinFailures?: string;
  readonly pinLock?: string;
  /** False after --no-initial-pin. */
  readonly initialPin: boolean;
}

const pinOptions = '--pin-digits, --pin-failures, --pin-lock and --no-initial-pin';

/** The options that describe a new token. */
export function withProfile(command: Command): Command {
  return command
    .option('--profile <name>', `kind of device: ${[...profileNames, keyProfileName].join(', ')}`)
    .option(
      '--application <NAME=ALGORITHM>',
      "program this application instead of the profile's (NAME=unlock:SUITE to unlock, NAME=sign:SUITE/FIELD:N12,... to sign); may be repeated, up to 8",
      oneMore,
    )
    .option(
      '--challenge-check-digit <name>',
      'this application refuses a challenge whose last digit is not its Luhn digit; may be repeated',
      oneMore,
    )
    .option(
      '--response-check-digit <name>',
      'this application appends a Luhn digit to its responses; may be repeated',
      oneMore,
    )
    .option(
      '--with-host-code <name>',
      'this application shows what the host has to show for a response; may be repeated',
      oneMore,
    )
    .option('--press-switches-off', 'one button: a press while a response shows only switches off')
    .option('--pin-digits <min-max>', 'length of the device PIN, such as 4-8')
    .option(
      '--pin-failures <n>',
      `wrong PINs until it locks, ${pinFailuresMin} to ${pinFailuresMax}`,
    )
    .option('--pin-lock <kind>', 'what a lock means: unlock (by a code) or brick (for good)')
    .option('--no-initial-pin', 'the first user sets the PIN (keypad-pin comes with 00000)');
}

/** The profile that the options describe. */
export function profileOf(options: ProfileOptions): Profile {
  if (options.profile === undefined && options.application === undefined) {
    const names = profileNames.join(', ');
    throw invalid(`say --profile (${names}) or --application NAME=ALGORITHM`);
  }
  const base = profileNamed(options.profile ?? 'keypad-multi');
  const hull = hullOf(base, options);
  const isBrick = hull.keys === 'keypad' && hull.pin?.onLock === 'brick';
  const applications =
    options.application?.map(parseApplicationText) ??
    base.applications.filter(({ mode }) => !(isBrick && mode === 'unlock'));
  return {
    ...base,
    hull,
    applications: withOwnParts(applications, options),
    initialPin: options.initialPin ? base.initialPin : null,
  };
}

function hullOf({ hull }: Profile, options: ProfileOptions): Hull {
  if (hull.keys === 'keypad' && hull.pin !== null) {
    if (options.pressSwitchesOff === true) throw onlyOneButton();
    return { ...hull, pin: policyOf(hull.pin, options) };
  }
  const { pinDigits, pinFailures, pinLock, initialPin } = options;
  if ([pinDigits, pinFailures, pinLock].some((text) => text !== undefined) || !initialPin) {
    throw invalid(`${pinOptions} are for profiles with a device PIN (keypad-pin)`);
  }
  if (options.pressSwitchesOff !== true) return hull;
  if (hull.keys !== 'one-button') throw onlyOneButton();
  return { ...hull, pressWhileDisplayed: 'switch-off' };
}

function policyOf(policy: PinPolicy, options: ProfileOptions): PinPolicy {
  const { pinDigits, pinFailures, pinLock } = options;
  if (pinLock !== undefined && pinLock !== 'unlock' && pinLock !== 'brick') {
    throw invalid('--pin-lock is unlock or brick');
  }
  return {
    ...policy,
    ...(pinDigits === undefined ? {} : parsePinDigits('--pin-digits', pinDigits)),
    failuresMax:
      pinFailures === undefined
        ? policy.failuresMax
        : parseRange('--pin-failures', pinFailures, pinFailuresMin, pinFailuresMax),
    onLock: pinLock ?? policy.onLock,
  };
}

function withOwnParts(
  applications: readonly ApplicationProgram[],
  { challengeCheckDigit = [], responseCheckDigit = [], withHostCode = [] }: ProfileOptions,
): readonly ApplicationProgram[] {
  const names = applications.map(({ name }) => name);
  const unknown = [...challengeCheckDigit, ...responseCheckDigit, ...withHostCode].some(
    (name) => !names.includes(name),
  );
  if (unknown)
    throw invalid(`check digits and host codes are for applications: ${names.join(', ')}`);
  return applications.map((application) => {
    const { name, algorithm } = application;
    const program = {
      ...application,
      challengeCheckDigit: challengeCheckDigit.includes(name),
      responseCheckDigit: responseCheckDigit.includes(name),
      ...(withHostCode.includes(name) ? { hostCode: usualHostCode(algorithm) } : {}),
    };
    checkProgram(program);
    return program;
  });
}

/** For options that may be repeated. */
export function oneMore(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function onlyOneButton(): EmulatorError {
  return invalid('--press-switches-off is for one-button profiles');
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
