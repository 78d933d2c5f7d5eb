import { encodeHmacChallenge } from './hmac-challenge.ts';
import { decodeOtp, movingFactor } from './hotp.ts';
import { OathError } from './oath-error.ts';
import { decodeOcra, encodeQuestion, ocraMessage, type ResponseInputs } from './ocra-message.ts';
import {
  type OcraDigits,
  type OcraParseOptions,
  type OcraSuite,
  parseOcraSuite,
} from './ocra-suite.ts';
import { timeOriginSecondsMax, type TimeStepping } from './totp.ts';
import {
  digestBytes,
  type Digits,
  type DigitsWarning,
  type HashName,
  type Otp,
  otpOfBytes,
  parseDigits,
  parseHashName,
  warningsForDigits,
} from './types.ts';

/**
 * How one application of an authenticator makes its responses: HOTP, TOTP, OCRA, or the bare HMAC of
 * a challenge (`hmac-challenge`). `time-event` is OCRA with counter and clock whose question is fixed,
 * so that nobody has to type one.
 */
export type ResponseAlgorithm =
  | { readonly kind: 'event'; readonly hash: HashName; readonly digits: Digits }
  | ({ readonly kind: 'time'; readonly hash: HashName; readonly digits: Digits } & TimeStepping)
  | { readonly kind: 'time-event'; readonly suite: OcraSuite; readonly question: string }
  | { readonly kind: 'challenge-response'; readonly suite: OcraSuite }
  | { readonly kind: 'hmac-challenge'; readonly hash: 'SHA1' };

/** Those that take a challenge which somebody has to give them. */
export type ChallengeAlgorithm = Extract<
  ResponseAlgorithm,
  { kind: 'challenge-response' | 'hmac-challenge' }
>;

/** The JSON form of an algorithm; a suite is its text. */
export type ResponseAlgorithmJson =
  | Extract<ResponseAlgorithm, { kind: 'event' | 'time' | 'hmac-challenge' }>
  | { readonly kind: 'time-event'; readonly suite: string; readonly question: string }
  | { readonly kind: 'challenge-response'; readonly suite: string };

/** Which inputs an algorithm takes, in the names of `ResponseInputs`. */
export type AlgorithmInputs = {
  readonly eventCounter: boolean;
  readonly timeStep: boolean;
  readonly question: boolean;
  readonly pinHash: boolean;
  readonly session: boolean;
};

type Members = Readonly<Record<string, unknown>>;

const timeStepSecondsMax = 86_400;
const hmacChallengeText = 'HMAC-SHA1-CR';
const hmacChallenge = Object.freeze({ kind: 'hmac-challenge', hash: 'SHA1' } as const);
const inputNames = ['eventCounter', 'timeStep', 'question', 'pinHash', 'session'] as const;

/**
 * Parses the JSON form: `{kind:'event',hash,digits}`,
 * `{kind:'time',hash,digits,timeStepSeconds,timeOriginSeconds}`, `{kind:'time-event',suite,question}`,
 * `{kind:'challenge-response',suite}` or `{kind:'hmac-challenge',hash:'SHA1'}`. Every member is required and no other is allowed.
 *
 * @throws OathError ERR_OATH_ALGORITHM for the shape, ERR_OATH_VALUE or ERR_OCRA_SUITE for a value
 */
export function parseResponseAlgorithm(
  value: unknown,
  options: OcraParseOptions = {},
): ResponseAlgorithm {
  const members = membersOf(value);
  switch (members['kind']) {
    case 'event':
      refuseOtherMembers(members, ['kind', 'hash', 'digits']);
      return Object.freeze({ kind: 'event', ...hashAndDigits(members) });
    case 'time':
      refuseOtherMembers(members, [
        'kind',
        'hash',
        'digits',
        'timeStepSeconds',
        'timeOriginSeconds',
      ]);
      return Object.freeze({
        kind: 'time',
        ...hashAndDigits(members),
        timeStepSeconds: wholeMember(members, 'timeStepSeconds', 1, timeStepSecondsMax),
        timeOriginSeconds: wholeMember(members, 'timeOriginSeconds', 0, timeOriginSecondsMax),
      });
    case 'time-event':
      refuseOtherMembers(members, ['kind', 'suite', 'question']);
      return timeEvent(
        parseOcraSuite(textMember(members, 'suite')),
        textMember(members, 'question'),
      );
    case 'challenge-response':
      refuseOtherMembers(members, ['kind', 'suite']);
      return Object.freeze({
        kind: 'challenge-response',
        suite: parseOcraSuite(textMember(members, 'suite'), options),
      });
    case 'hmac-challenge':
      refuseOtherMembers(members, ['kind', 'hash']);
      if (members['hash'] === hmacChallenge.hash) return hmacChallenge;
      throw new OathError('ERR_OATH_VALUE', 'hash', hmacChallenge.hash);
    default:
      throw new OathError(
        'ERR_OATH_ALGORITHM',
        'kind',
        'event, time, time-event, challenge-response or hmac-challenge',
      );
  }
}

/** The JSON form; `parseResponseAlgorithm` reads it back to an equal algorithm. */
export function algorithmToJson(algorithm: ResponseAlgorithm): ResponseAlgorithmJson {
  switch (algorithm.kind) {
    case 'challenge-response':
      return { kind: algorithm.kind, suite: algorithm.suite.text };
    case 'time-event':
      return { ...algorithm, suite: algorithm.suite.text };
    case 'event':
    case 'time':
    case 'hmac-challenge':
      return { ...algorithm };
  }
}

/**
 * One line that names the algorithm and everything that shapes its responses: `HOTP-SHA1-6`,
 * `TOTP-SHA1-6-30S`, with `-T0=<seconds>` when the origin is not 0, the OCRA suite, with
 * `/<question>` when the question is fixed, or `HMAC-SHA1-CR`. `parseAlgorithmText` reads it back.
 */
export function algorithmText(algorithm: ResponseAlgorithm): string {
  switch (algorithm.kind) {
    case 'event':
      return `HOTP-${algorithm.hash}-${String(algorithm.digits)}`;
    case 'time': {
      const { hash, digits, timeStepSeconds, timeOriginSeconds } = algorithm;
      const origin = timeOriginSeconds === 0 ? '' : `-T0=${String(timeOriginSeconds)}`;
      return `TOTP-${hash}-${String(digits)}-${String(timeStepSeconds)}S${origin}`;
    }
    case 'time-event':
      return `${algorithm.suite.text}/${algorithm.question}`;
    case 'challenge-response':
      return algorithm.suite.text;
    case 'hmac-challenge':
      return hmacChallengeText;
  }
}

/**
 * Reads the one-line form that `algorithmText` writes.
 *
 * @throws OathError ERR_OATH_ALGORITHM for the shape, ERR_OATH_VALUE or ERR_OCRA_SUITE for a value
 */
export function parseAlgorithmText(text: string): ResponseAlgorithm {
  if (text === hmacChallengeText) return hmacChallenge;
  if (text.startsWith('OCRA-')) {
    const [suite = '', question] = text.split(/\/(.*)/s, 2);
    return question === undefined
      ? Object.freeze({ kind: 'challenge-response', suite: parseOcraSuite(suite) })
      : timeEvent(parseOcraSuite(suite), question);
  }
  const [, hash, digits] = /^HOTP-(SHA[0-9]{1,3})-([0-9]{1,2})$/.exec(text) ?? [];
  if (hash !== undefined) {
    return parseResponseAlgorithm({ kind: 'event', hash, digits: Number(digits) });
  }
  const time = /^TOTP-(SHA[0-9]{1,3})-([0-9]{1,2})-([0-9]{1,5})S(?:-T0=([0-9]{1,12}))?$/.exec(text);
  if (time === null) {
    throw new OathError(
      'ERR_OATH_ALGORITHM',
      'algorithm',
      'HOTP-SHA1-6, TOTP-SHA1-6-30S (SHA1, SHA256 or SHA512; 6 to 10 digits), HMAC-SHA1-CR or an OCRA suite',
    );
  }
  return parseResponseAlgorithm({
    kind: 'time',
    hash: time[1],
    digits: Number(time[2]),
    timeStepSeconds: Number(time[3]),
    timeOriginSeconds: Number(time[4] ?? 0),
  });
}

/** The hash under HMAC. */
export function algorithmHash(algorithm: ResponseAlgorithm): HashName {
  return 'suite' in algorithm ? algorithm.suite.hash : algorithm.hash;
}

/** Decimal digits of a response; 0 for the whole MAC in hex. */
export function algorithmDigits(algorithm: ResponseAlgorithm): Digits | OcraDigits {
  if (algorithm.kind === 'hmac-challenge') return 0;
  return 'suite' in algorithm ? algorithm.suite.digits : algorithm.digits;
}

/** Number of characters that a response has, without truncation as hex. */
export function responseCharacters(algorithm: ResponseAlgorithm): number {
  return algorithmDigits(algorithm) || 2 * digestBytes(algorithmHash(algorithm));
}

/** Remarks on choices that are legal but weaker than they look. */
export function algorithmWarnings(algorithm: ResponseAlgorithm): readonly DigitsWarning[] {
  return warningsForDigits(algorithmDigits(algorithm));
}

/** How the algorithm counts time, or undefined when it has no clock. OCRA counts from 1970. */
export function algorithmTimeStepping(algorithm: ResponseAlgorithm): TimeStepping | undefined {
  switch (algorithm.kind) {
    case 'event':
    case 'hmac-challenge':
      return undefined;
    case 'time': {
      const { timeStepSeconds, timeOriginSeconds } = algorithm;
      return { timeStepSeconds, timeOriginSeconds };
    }
    case 'time-event':
    case 'challenge-response': {
      const { timeStepSeconds } = algorithm.suite.dataInput;
      return timeStepSeconds === undefined ? undefined : { timeStepSeconds, timeOriginSeconds: 0 };
    }
  }
}

/** Which inputs `responseMessage` needs for this algorithm; it refuses all others. */
export function algorithmInputs(algorithm: ResponseAlgorithm): AlgorithmInputs {
  if (algorithm.kind !== 'challenge-response') {
    const takesChallenge = algorithm.kind === 'hmac-challenge';
    return {
      eventCounter: algorithm.kind !== 'time' && !takesChallenge,
      timeStep: algorithm.kind !== 'event' && !takesChallenge,
      question: takesChallenge,
      pinHash: false,
      session: false,
    };
  }
  const { dataInput } = algorithm.suite;
  return {
    eventCounter: dataInput.counter,
    timeStep: dataInput.timeStepSeconds !== undefined,
    question: dataInput.question !== undefined,
    pinHash: dataInput.pinHash !== undefined,
    session: dataInput.sessionBytes !== undefined,
  };
}

/**
 * The bytes to be MACed for one response: 8 bytes for HOTP (RFC 4226 section 5.2) and TOTP (RFC
 * 6238 section 4.2), the OCRA message for challenge/response, the challenge itself for the bare HMAC. With `readResponse` it is everything
 * that host and device must agree on; the HMAC belongs to whoever holds the seed.
 *
 * @throws OathError ERR_OATH_INPUT naming an input that is missing, superfluous or of a wrong size
 */
export function responseMessage(algorithm: ResponseAlgorithm, inputs: ResponseInputs): Uint8Array {
  switch (algorithm.kind) {
    case 'event':
      return movingFactor(onlyInput('eventCounter', inputs));
    case 'time':
      return movingFactor(onlyInput('timeStep', inputs));
    case 'time-event': {
      const { question } = algorithm;
      refuseOtherInputs(['eventCounter', 'timeStep'], inputs);
      return ocraMessage(algorithm.suite, { ...inputs, question });
    }
    case 'challenge-response':
      return ocraMessage(algorithm.suite, inputs);
    case 'hmac-challenge':
      return encodeHmacChallenge(onlyInput('question', inputs));
  }
}

/**
 * Reads the MAC of a `responseMessage` as the response that the device shows.
 *
 * @throws OathError ERR_OATH_MAC, part `mac`, when the length is not the hash's
 */
export function readResponse(algorithm: ResponseAlgorithm, mac: Uint8Array): Otp {
  if ('suite' in algorithm) return decodeOcra(mac, algorithm.suite);
  if (mac.length !== digestBytes(algorithm.hash)) {
    throw new OathError('ERR_OATH_MAC', 'mac', `as long as a ${algorithm.hash} digest`);
  }
  return algorithm.kind === 'hmac-challenge' ? otpOfBytes(mac) : decodeOtp(mac, algorithm.digits);
}

function onlyInput<Name extends 'eventCounter' | 'timeStep' | 'question'>(
  name: Name,
  inputs: ResponseInputs,
): NonNullable<ResponseInputs[Name]> {
  const value = inputs[name];
  if (value === undefined) {
    throw new OathError('ERR_OATH_INPUT', name, 'given: the algorithm uses it');
  }
  refuseOtherInputs([name], inputs);
  return value;
}

function refuseOtherInputs(
  used: readonly (typeof inputNames)[number][],
  inputs: ResponseInputs,
): void {
  for (const other of inputNames) {
    if (inputs[other] !== undefined && !used.includes(other)) {
      throw new OathError('ERR_OATH_INPUT', other, 'absent: the algorithm does not use it');
    }
  }
}

/** Both moving factors and nothing that a person would have to add; truncated, as buttons show it. */
function timeEvent(
  suite: OcraSuite,
  question: string,
): Extract<ResponseAlgorithm, { kind: 'time-event' }> {
  const { dataInput, digits } = suite;
  const asked = dataInput.question;
  const isFit =
    dataInput.counter &&
    dataInput.timeStepSeconds !== undefined &&
    dataInput.pinHash === undefined &&
    dataInput.sessionBytes === undefined &&
    digits > 0;
  if (!isFit || asked === undefined) {
    const allowed = 'a suite with C, Q and T, without P and S, and truncated';
    throw new OathError('ERR_OATH_ALGORITHM', 'suite', allowed);
  }
  encodeQuestion(asked, question);
  return Object.freeze({ kind: 'time-event', suite, question });
}

function membersOf(value: unknown): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Members;
  }
  throw new OathError('ERR_OATH_ALGORITHM', 'algorithm', 'an object');
}

function refuseOtherMembers(members: Members, known: readonly string[]): void {
  for (const name of Object.keys(members)) {
    if (!known.includes(name)) {
      const allowed = `without members other than ${known.join(', ')}`;
      throw new OathError('ERR_OATH_ALGORITHM', 'algorithm', allowed, name);
    }
  }
}

function hashAndDigits(members: Members): { hash: HashName; digits: Digits } {
  return { hash: parseHashName(members['hash']), digits: parseDigits(members['digits']).digits };
}

function wholeMember(members: Members, name: string, min: number, max: number): number {
  const value = members[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value;
  }
  const allowed = `a whole number from ${String(min)} to ${String(max)}`;
  throw new OathError('ERR_OATH_VALUE', name, allowed);
}

function textMember(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === 'string') return value;
  throw new OathError('ERR_OATH_ALGORITHM', name, 'text');
}
