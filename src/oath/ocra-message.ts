import { dynamicTruncate, movingFactor } from './hotp.ts';
import { OathError } from './oath-error.ts';
import type { OcraQuestionSpec, OcraSuite } from './ocra-suite.ts';
import {
  digestBytes,
  type EventCounter,
  type Otp,
  otpOfBytes,
  otpOfNumber,
  type TimeStep,
} from './types.ts';

/** One challenge, or two in the order in which they are MACed (see `mutualQuestions`). */
export type OcraQuestion = string | readonly [first: string, second: string];

/**
 * How two decimal questions become one, which RFC 6287 leaves open: `text` joins the digits and
 * converts the sum, `hex` converts each and joins the hex digits.
 */
export type NumericJoin = 'text' | 'hex';

/** What a response is computed from. An algorithm is given exactly the inputs that it uses. */
export type ResponseInputs = {
  readonly eventCounter?: EventCounter | undefined;
  /** Steps of the algorithm's own length since its origin, not seconds. */
  readonly timeStep?: TimeStep | undefined;
  readonly question?: OcraQuestion | undefined;
  /** The raw digest of the PIN's UTF-8 bytes under the suite's PIN hash; hashing is the caller's. */
  readonly pinHash?: Uint8Array | undefined;
  /** At most the suite's length; shorter data is padded with zeros on the left. */
  readonly session?: Uint8Array | undefined;
  /** Default `text`. */
  readonly numericJoin?: NumericJoin | undefined;
};

const questionBytes = 128;

/**
 * The order of the two questions of a mutual exchange, and of a signature with server
 * authentication (RFC 6287 sections 7.2 and 7.4): each side puts the other side's question first.
 *
 * @param computedBy whose response is computed
 */
export function mutualQuestions(
  computedBy: 'client' | 'server',
  questions: { readonly client: string; readonly server: string },
): readonly [string, string] {
  return computedBy === 'client'
    ? [questions.server, questions.client]
    : [questions.client, questions.server];
}

/**
 * The 128 bytes of Q, zero-padded on the right (RFC 6287 section 5.1). Decimal questions become a
 * number and then hex without leading zeros, so that 1 and 00000001 are the same question; an odd
 * number of hex digits leaves the last half byte zero, as in the RFC's reference code.
 *
 * @param spec the length limit holds for each question, 128 bytes for both together
 * @throws OathError ERR_OATH_INPUT, part `question`; the message never quotes the question
 */
export function encodeQuestion(
  spec: OcraQuestionSpec,
  question: OcraQuestion,
  numericJoin: NumericJoin = 'text',
): Uint8Array {
  const questions = typeof question === 'string' ? [question] : question;
  for (const one of questions) checkQuestion(spec, one);
  const bytes = unpaddedQuestion(spec, questions, numericJoin);
  if (bytes.length > questionBytes) {
    throw new OathError('ERR_OATH_INPUT', 'question', 'at most 128 bytes long in UTF-8');
  }
  const encoded = new Uint8Array(questionBytes);
  encoded.set(bytes);
  return encoded;
}

/**
 * The bytes to be MACed: suite, a zero byte, then C, Q, P, S and T as far as the suite has them
 * (RFC 6287 section 5.1). The result holds the PIN hash, if any: overwrite it after use.
 *
 * @throws OathError ERR_OATH_INPUT naming an input that is missing, superfluous or of a wrong size;
 *   a superfluous one is refused because dropping it would verify less than the caller asked
 */
export function ocraMessage(suite: OcraSuite, inputs: ResponseInputs): Uint8Array {
  const { dataInput } = suite;
  const segments: Uint8Array[] = [new TextEncoder().encode(`${suite.text}\0`)];
  const counter = used('eventCounter', dataInput.counter || undefined, inputs.eventCounter);
  if (counter) segments.push(movingFactor(counter.value));
  const question = used('question', dataInput.question, inputs.question);
  if (question) {
    segments.push(encodeQuestion(question.spec, question.value, inputs.numericJoin));
  }
  const pinHash = used('pinHash', dataInput.pinHash, inputs.pinHash);
  if (pinHash) segments.push(sized('pinHash', pinHash.value, digestBytes(pinHash.spec)));
  const session = used('session', dataInput.sessionBytes, inputs.session);
  if (session) segments.push(leftPadded(session.value, session.spec));
  const timeStep = used('timeStep', dataInput.timeStepSeconds, inputs.timeStep);
  if (timeStep) segments.push(movingFactor(timeStep.value));
  return concatenated(segments);
}

/**
 * Reads a MAC as the suite's response: truncated decimal digits, or the whole MAC as hex for a
 * suite without truncation (RFC 6287 section 5.2). The tenth digit is only ever 0, 1 or 2.
 *
 * @throws OathError ERR_OATH_MAC, part `mac`, when the length is not the suite's digest length
 */
export function decodeOcra(mac: Uint8Array, suite: OcraSuite): Otp {
  if (mac.length !== digestBytes(suite.hash)) {
    throw new OathError('ERR_OATH_MAC', 'mac', `as long as a ${suite.hash} digest`);
  }
  return suite.digits === 0 ? otpOfBytes(mac) : otpOfNumber(dynamicTruncate(mac), suite.digits);
}

function used<Spec, Value>(
  part: string,
  spec: Spec | undefined,
  value: Value | undefined,
): { spec: Spec; value: Value } | undefined {
  if (spec === undefined && value === undefined) return undefined;
  if (spec !== undefined && value !== undefined) return { spec, value };
  throw new OathError(
    'ERR_OATH_INPUT',
    part,
    spec === undefined ? 'absent: the suite does not use it' : 'given: the suite uses it',
  );
}

function checkQuestion(spec: OcraQuestionSpec, question: string): void {
  const { format, maxLength } = spec;
  // Bounded before anything walks over it: a question may come straight from a request.
  const characters = question.length > maxLength * 2 ? Infinity : Array.from(question).length;
  if (characters < 1 || characters > maxLength) {
    const allowed = `1 to ${String(maxLength)} characters long`;
    throw new OathError('ERR_OATH_INPUT', 'question', allowed);
  }
  if (format === 'N' && !/^[0-9]+$/.test(question)) {
    throw new OathError('ERR_OATH_INPUT', 'question', 'decimal digits only');
  }
  if (format === 'H' && !/^[0-9A-Fa-f]+$/.test(question)) {
    throw new OathError('ERR_OATH_INPUT', 'question', 'hex digits only');
  }
  // Half a surrogate pair has no UTF-8 form, and no keypad enters a control character.
  if (format === 'A' && /[\p{Cc}\p{Cs}]/u.test(question)) {
    throw new OathError('ERR_OATH_INPUT', 'question', 'text without control characters');
  }
}

function unpaddedQuestion(
  spec: OcraQuestionSpec,
  questions: readonly string[],
  numericJoin: NumericJoin,
): Uint8Array {
  const joined = questions.join('');
  switch (spec.format) {
    case 'A':
      return new TextEncoder().encode(joined);
    case 'H':
      return bytesOfHex(joined);
    case 'N':
      return bytesOfHex(
        numericJoin === 'text' ? hexOfDecimal(joined) : questions.map(hexOfDecimal).join(''),
      );
  }
}

function hexOfDecimal(text: string): string {
  return BigInt(text).toString(16);
}

function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(hex.length / 2));
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2).padEnd(2, '0'), 16);
  }
  return bytes;
}

function sized(part: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new OathError('ERR_OATH_INPUT', part, `exactly ${String(length)} bytes long`);
}

/** Session data is padded on the left: the RFC's reference code, against its prose. */
function leftPadded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length > length) {
    throw new OathError('ERR_OATH_INPUT', 'session', `at most ${String(length)} bytes long`);
  }
  const padded = new Uint8Array(length);
  padded.set(bytes, length - bytes.length);
  return padded;
}

function concatenated(segments: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const segment of segments) length += segment.length;
  const message = new Uint8Array(length);
  let offset = 0;
  for (const segment of segments) {
    message.set(segment, offset);
    offset += segment.length;
  }
  return message;
}
