import {
  algorithmDigits,
  algorithmInputs,
  algorithmText,
  hostCodeSuite,
  multiModeChallengeCharactersMax,
  OathError,
  type OcraSuite,
  parseAlgorithmText as parseOathText,
  responseCharacters,
  type ResponseAlgorithm,
  signsFields,
} from '../../src/oath/index.ts';
import { EmulatorError } from '../errors.ts';
import type { Secret } from './secret.ts';
import {
  checkFields,
  parseFieldsText,
  type SignatureField,
  usualFields,
} from './signature-fields.ts';

/**
 * `signature` covers data fields, `multi-mode` answers challenges as well, under the same seed.
 * `unlock` answers the challenge of a locked device and makes no responses of its own.
 */
export const applicationModes = [
  'response-only',
  'challenge-response',
  'signature',
  'multi-mode',
  'unlock',
] as const;

export type ApplicationMode = (typeof applicationModes)[number];

/** By `emu-host-1`: what the host shows after a response, for the user to compare. */
export interface HostCode {
  readonly scheme: 'mutual';
  /** 4 to 10; a server makes as many as the response has. */
  readonly digits: 4 | 5 | 6 | 7 | 8 | 9 | 10;
}

/** A program for one application, before it has a seed. */
export interface ApplicationProgram {
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  /** The device refuses a challenge whose last digit is not its Luhn digit. */
  readonly challengeCheckDigit: boolean;
  /** The device shows the response with its Luhn digit appended. */
  readonly responseCheckDigit: boolean;
  /** What is signed, in order; for `signature` and `multi-mode`, and only for these. */
  readonly fields?: readonly SignatureField[] | undefined;
  readonly hostCode?: HostCode | undefined;
}

/** One secret and algorithm on a device. The seed is null until the device is paired. */
export interface DeviceApplication extends ApplicationProgram {
  readonly seed: Secret | null;
}

/** Length in digits of the challenge that a locked device shows. */
const unlockChallengeDigits = 8;
const unlockCodeDigitsMin = 6;
const hostCodeDigitsMin = 4;
/** A response with its check digit must still be one: at most ten digits. */
const checkedResponseDigitsMax = 9;
const prefixes = { signature: 'sign:', 'multi-mode': 'multi:', unlock: 'unlock:' } as const;
type PrefixedMode = keyof typeof prefixes;

/** How an application is used of which the algorithm is all that is known. */
export function modeOf(
  algorithm: ResponseAlgorithm,
): Extract<ApplicationMode, 'challenge-response' | 'response-only'> {
  const isAsked = algorithm.kind === 'challenge-response' || algorithm.kind === 'hmac-challenge';
  return isAsked ? 'challenge-response' : 'response-only';
}

/** Whether an algorithm can serve in a mode, as far as that says. */
export function fitsMode(algorithm: ResponseAlgorithm, mode: ApplicationMode): boolean {
  switch (mode) {
    case 'unlock':
      return makesUnlockCodes(algorithm);
    case 'signature':
    case 'multi-mode':
      return algorithm.kind === 'challenge-response' && signsFields(algorithm.suite);
    case 'response-only':
    case 'challenge-response':
      return mode === modeOf(algorithm);
  }
}

/** Whether the application asks for data fields. */
export function signs({ mode }: Pick<ApplicationProgram, 'mode'>): boolean {
  return mode === 'signature' || mode === 'multi-mode';
}

/** Which challenges an application takes, or null. */
export function challengeSpecOf({
  mode,
  algorithm,
}: Pick<ApplicationProgram, 'mode' | 'algorithm'>): {
  readonly format: 'N' | 'H' | 'A';
  readonly charactersMax: number;
} | null {
  if (mode === 'signature' || algorithm.kind !== 'challenge-response') return null;
  const { question } = algorithm.suite.dataInput;
  if (question === undefined) return null;
  const { format, maxLength } = question;
  const most = mode === 'multi-mode' ? multiModeChallengeCharactersMax : maxLength;
  return { format, charactersMax: most };
}

/** The suite of the application's host codes, or null where it has none. */
export function hostCodeSuiteOf({
  algorithm,
  hostCode,
}: Pick<ApplicationProgram, 'algorithm' | 'hostCode'>): OcraSuite | null {
  return hostCode === undefined ? null : hostCodeSuite(algorithm, hostCode.digits);
}

/** A host code of as many digits as a server makes of it. */
export function usualHostCode(algorithm: ResponseAlgorithm): HostCode {
  return { scheme: 'mutual', digits: algorithmDigits(algorithm) || 8 };
}

/**
 * A program without check digits and host code.
 *
 * @throws EmulatorError input-invalid for a name or an algorithm that does not fit
 */
function programOf(
  name: string,
  algorithm: ResponseAlgorithm,
  mode: ApplicationMode,
  fields?: readonly SignatureField[],
): ApplicationProgram {
  const program = {
    name,
    mode,
    algorithm,
    challengeCheckDigit: false,
    responseCheckDigit: false,
    ...(fields === undefined ? {} : { fields }),
  };
  checkProgram(program);
  return program;
}

/**
 * Reads `NAME=ALGORITHM`, `NAME=unlock:SUITE`, or `NAME=sign:SUITE` and `NAME=multi:SUITE` with
 * `/FIELD:N12,FIELD:A8` after it for other fields than one of 16 digits, as `--application` takes it.
 *
 * @throws EmulatorError input-invalid
 */
export function parseApplicationText(text: string): ApplicationProgram {
  const separator = text.indexOf('=');
  if (separator < 0) {
    throw invalid('an application is written NAME=ALGORITHM or NAME=unlock:SUITE, NAME=sign:SUITE');
  }
  const name = text.slice(0, separator);
  const rest = text.slice(separator + 1);
  for (const mode of Object.keys(prefixes) as PrefixedMode[]) {
    if (!rest.startsWith(prefixes[mode])) continue;
    const described = rest.slice(prefixes[mode].length);
    if (mode === 'unlock') return programOf(name, parseAlgorithmText(described), mode);
    const [suite = '', fields] = described.split(/\/(.*)/s, 2);
    const asked = fields === undefined ? usualFields : parseFieldsText(fields);
    return programOf(name, parseAlgorithmText(suite), mode, asked);
  }
  const algorithm = parseAlgorithmText(rest);
  return programOf(name, algorithm, modeOf(algorithm));
}

/**
 * The form that `parseApplicationText` reads; check digits, fields and host codes, which are the
 * device's alone, are not part of it.
 */
export function applicationText({
  name,
  mode,
  algorithm,
}: Pick<ApplicationProgram, 'name' | 'mode' | 'algorithm'>): string {
  const prefix = mode in prefixes ? prefixes[mode as PrefixedMode] : '';
  return `${name}=${prefix}${algorithmText(algorithm)}`;
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
  if (!fitsMode(algorithm, mode)) {
    throw invalid(
      signs(program)
        ? `a signature needs an OCRA suite of QH40 or longer without S, such as OCRA-1:HOTP-SHA1-8:QH40-T1M: ${name} has another`
        : `the mode of application ${name} must be ${modeOf(algorithm)} or unlock`,
    );
  }
  checkSigning(program);
  if (challengeCheckDigit && challengeSpecOf(program)?.format !== 'N') {
    throw invalid(`a challenge check digit needs a decimal challenge (QN): ${name} has none`);
  }
  if (responseCheckDigit && responseCharacters(algorithm) > checkedResponseDigitsMax) {
    throw invalid(
      `a response check digit needs a response of at most ${checkedResponseDigitsMax} digits: that of ${name} is longer`,
    );
  }
}

function checkSigning(program: ApplicationProgram): void {
  const { name, fields, hostCode } = program;
  if (signs(program)) checkFields(fields ?? []);
  else if (fields !== undefined) throw invalid(`application ${name} signs no data fields`);
  if (hostCode === undefined) return;
  const { digits } = hostCode;
  const isFit = Number.isInteger(digits) && digits >= hostCodeDigitsMin && digits <= 10;
  if (!isFit) throw invalid(`a host code has ${hostCodeDigitsMin} to 10 digits`);
  if (hostCodeSuiteOf(program) === null) {
    throw invalid(
      `application ${name} can have no host code: OCRA has no time step of that length, or the response is longer than 64 characters`,
    );
  }
}

function checkUnlock({
  algorithm,
  challengeCheckDigit,
  responseCheckDigit,
  fields,
  hostCode,
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
  if (fields !== undefined || hostCode !== undefined) {
    throw invalid('an unlock application has neither data fields nor a host code');
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

/** N, H or A: which keys enter a challenge (RFC 6287 section 6.3); undefined without challenge. */
function questionFormatOf(algorithm: ResponseAlgorithm): string | undefined {
  if (algorithm.kind !== 'challenge-response') return undefined;
  return algorithm.suite.dataInput.question?.format;
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
