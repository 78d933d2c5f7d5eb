import {
  algorithmInputs,
  algorithmText,
  OathError,
  parseAlgorithmText as parseOathText,
  responseCharacters,
  type ResponseAlgorithm,
} from '../../src/oath/index.ts';
import { EmulatorError } from '../errors.ts';
import type { Secret } from './secret.ts';

/** `unlock` answers the challenge of a locked device and makes no responses of its own. */
export type ApplicationMode = 'response-only' | 'challenge-response' | 'unlock';

/** A program for one application, before it has a seed. */
export interface ApplicationProgram {
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  /** The device refuses a challenge whose last digit is not its Luhn digit. */
  readonly challengeCheckDigit: boolean;
  /** The device shows the response with its Luhn digit appended. */
  readonly responseCheckDigit: boolean;
}

/** One secret and algorithm on a device. The seed is null until the device is paired. */
export interface DeviceApplication extends ApplicationProgram {
  readonly seed: Secret | null;
}

/** Length in digits of the challenge that a locked device shows. */
const unlockChallengeDigits = 8;
const unlockCodeDigitsMin = 6;
/** A response with its check digit must still be one: at most ten digits. */
const checkedResponseDigitsMax = 9;
const unlockPrefix = 'unlock:';

/** How an application that does not unlock is used: that follows from the algorithm. */
export function modeOf(algorithm: ResponseAlgorithm): Exclude<ApplicationMode, 'unlock'> {
  return algorithm.kind === 'challenge-response' ? 'challenge-response' : 'response-only';
}

/**
 * A program without check digits.
 *
 * @throws EmulatorError input-invalid for a name or an algorithm that does not fit
 */
function programOf(
  name: string,
  algorithm: ResponseAlgorithm,
  mode: ApplicationMode = modeOf(algorithm),
): ApplicationProgram {
  const program = {
    name,
    mode,
    algorithm,
    challengeCheckDigit: false,
    responseCheckDigit: false,
  };
  checkProgram(program);
  return program;
}

/**
 * Reads `NAME=ALGORITHM` or `NAME=unlock:SUITE`, as `--application` takes it.
 *
 * @throws EmulatorError input-invalid
 */
export function parseApplicationText(text: string): ApplicationProgram {
  const separator = text.indexOf('=');
  if (separator < 0) {
    throw invalid('an application is written NAME=ALGORITHM or NAME=unlock:SUITE');
  }
  const name = text.slice(0, separator);
  const rest = text.slice(separator + 1);
  return rest.startsWith(unlockPrefix)
    ? programOf(name, parseAlgorithmText(rest.slice(unlockPrefix.length)), 'unlock')
    : programOf(name, parseAlgorithmText(rest));
}

/** The form that `parseApplicationText` reads; check digits are not part of it. */
export function applicationText({
  name,
  mode,
  algorithm,
}: Pick<ApplicationProgram, 'name' | 'mode' | 'algorithm'>): string {
  return `${name}=${mode === 'unlock' ? unlockPrefix : ''}${algorithmText(algorithm)}`;
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
 * What every program must satisfy, wherever it came from.
 *
 * @throws EmulatorError input-invalid
 */
export function checkProgram(program: ApplicationProgram): void {
  const { name, mode, algorithm, challengeCheckDigit, responseCheckDigit } = program;
  if (!/^[A-Z0-9][A-Z0-9 _-]{0,11}$/.test(name)) {
    throw invalid(
      'an application name has 1 to 12 capital letters, digits, spaces, _ or -, and starts with a letter or digit',
    );
  }
  if (algorithm.kind === 'hmac-challenge') {
    throw invalid(
      `${algorithmText(algorithm)} is what slots of a key do: see the profile otp-hid-key`,
    );
  }
  if (mode === 'unlock') {
    checkUnlock(program);
    return;
  }
  if (mode !== modeOf(algorithm)) {
    throw invalid(`the mode of application ${name} must be ${modeOf(algorithm)} or unlock`);
  }
  if (challengeCheckDigit && questionFormatOf(algorithm) !== 'N') {
    throw invalid(`a challenge check digit needs a decimal challenge (QN): ${name} has none`);
  }
  if (responseCheckDigit && responseCharacters(algorithm) > checkedResponseDigitsMax) {
    throw invalid(
      `a response check digit needs a response of at most ${checkedResponseDigitsMax} digits: that of ${name} is longer`,
    );
  }
}

function checkUnlock({
  algorithm,
  challengeCheckDigit,
  responseCheckDigit,
}: ApplicationProgram): void {
  if (!makesUnlockCodes(algorithm)) {
    const question = `QN${String(unlockChallengeDigits).padStart(2, '0')}`;
    throw invalid(
      `an unlock application has an OCRA suite of ${question} or longer alone and ${unlockCodeDigitsMin} to 10 digits, such as OCRA-1:HOTP-SHA1-8:QN08`,
    );
  }
  if (challengeCheckDigit || responseCheckDigit) {
    throw invalid('an unlock application has no check digits');
  }
}

/** The code must depend on the challenge alone: the host has seen neither clock nor counter. */
function makesUnlockCodes(algorithm: ResponseAlgorithm): boolean {
  if (questionFormatOf(algorithm) !== 'N' || algorithm.kind !== 'challenge-response') return false;
  const { dataInput, digits } = algorithm.suite;
  const { timeStep, eventCounter, pinHash, session } = algorithmInputs(algorithm);
  const isAlone = !timeStep && !eventCounter && !pinHash && !session;
  const charactersMax = dataInput.question?.maxLength ?? 0;
  return isAlone && charactersMax >= unlockChallengeDigits && digits >= unlockCodeDigitsMin;
}

function questionFormatOf(algorithm: ResponseAlgorithm): string | undefined {
  if (algorithm.kind !== 'challenge-response') return undefined;
  return algorithm.suite.dataInput.question?.format;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
