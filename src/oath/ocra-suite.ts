import { OathError } from './oath-error.ts';
import type { HashName } from './types.ts';

/** Decimal digits of an OCRA response; 0 means no truncation (RFC 6287 section 6.2). */
export type OcraDigits = 0 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** N: decimal digits, A: text, H: hex digits (RFC 6287 section 6.3). */
export type QuestionFormat = 'N' | 'A' | 'H';

/** The challenge a suite asks for; the length counts characters of one question. */
export type OcraQuestionSpec = {
  readonly format: QuestionFormat;
  readonly maxLength: number;
};

/** What goes into the message besides the suite (RFC 6287 sections 5.1 and 6.3). */
export type OcraDataInput = {
  readonly counter: boolean;
  /** Absent only in a suite parsed with `allowMissingQuestion`. */
  readonly question?: OcraQuestionSpec;
  readonly pinHash?: HashName;
  readonly sessionBytes?: number;
  readonly timeStepSeconds?: number;
};

/**
 * A parsed OCRASuite. `text` is the suite as it was written: it is part of the message, so two
 * spellings of one meaning (QN8 and QN08) give different responses and are never normalised.
 */
export type OcraSuite = {
  readonly text: string;
  readonly hash: HashName;
  readonly digits: OcraDigits;
  readonly dataInput: OcraDataInput;
};

/** A suite without its spelling. */
export type OcraSuiteParts = Omit<OcraSuite, 'text'>;

export type OcraParseOptions = {
  /** Accept a suite without Q, which the grammar forbids but fielded devices use. */
  readonly allowMissingQuestion?: boolean | undefined;
};

type Letter = 'C' | 'Q' | 'P' | 'S' | 'T';

const suiteCharactersMax = 64;
const letterOrder = 'CQPST';
const partOfLetter: Readonly<Record<Letter, string>> = {
  C: 'counter',
  Q: 'question',
  P: 'pinHash',
  S: 'session',
  T: 'timestamp',
};

/**
 * Parses `OCRA-1:HOTP-<hash>-<digits>:[C-]Q<format><length>[-P<hash>][-S<length>][-T<step>]`
 * (RFC 6287 section 6), upper case only, in that order only. Letters alone mean N08, PSHA1, S064
 * and T1M. A question length may be written with one digit (QH8), as published suites do.
 *
 * @throws OathError ERR_OCRA_SUITE; `part` is `suite`, `algorithm`, `cryptoFunction`, `hash`,
 *   `digits`, `dataInput`, `counter`, `question`, `pinHash`, `session` or `timestamp`
 */
export function parseOcraSuite(text: string, options: OcraParseOptions = {}): OcraSuite {
  if (text.length > suiteCharactersMax) {
    throw refusal('suite', `at most ${String(suiteCharactersMax)} characters long`, text);
  }
  const [algorithm, cryptoFunction, dataInput, ...rest] = text.split(':');
  if (cryptoFunction === undefined || dataInput === undefined || rest.length > 0) {
    throw refusal('suite', 'three parts separated by colons', text);
  }
  if (algorithm !== 'OCRA-1') throw refusal('algorithm', 'OCRA-1', algorithm);
  return Object.freeze({
    text,
    ...parseCryptoFunction(cryptoFunction),
    dataInput: parseDataInput(dataInput, options),
  });
}

/**
 * The suite with these parts in its usual spelling: two-digit question length, three-digit session
 * length, the largest unit that expresses the step.
 *
 * @throws OathError ERR_OCRA_SUITE for parts that no suite can express
 */
export function ocraSuiteOf(parts: OcraSuiteParts): OcraSuite {
  const { counter, question, pinHash, sessionBytes, timeStepSeconds } = parts.dataInput;
  const items: string[] = [];
  if (counter) items.push('C');
  if (question) items.push(`Q${question.format}${padded(question.maxLength, 2)}`);
  if (pinHash) items.push(`P${pinHash}`);
  if (sessionBytes !== undefined) items.push(`S${padded(sessionBytes, 3)}`);
  if (timeStepSeconds !== undefined) items.push(`T${timeStepText(timeStepSeconds)}`);
  const text = `OCRA-1:HOTP-${parts.hash}-${String(parts.digits)}:${items.join('-')}`;
  return parseOcraSuite(text, { allowMissingQuestion: question === undefined });
}

/**
 * Whether the suite may make plain signatures: RFC 6287 section 6.3 leaves session information out
 * of their DataInput.
 */
export function maySign(suite: OcraSuite): boolean {
  return suite.dataInput.sessionBytes === undefined && suite.dataInput.question !== undefined;
}

function refusal(part: string, allowed: string, found?: string): OathError {
  return new OathError('ERR_OCRA_SUITE', part, allowed, found);
}

function parseCryptoFunction(text: string): { hash: HashName; digits: OcraDigits } {
  const [family, hash, digits, ...rest] = text.split('-');
  if (family !== 'HOTP' || hash === undefined || digits === undefined || rest.length > 0) {
    throw refusal('cryptoFunction', 'HOTP-<hash>-<digits>', text);
  }
  return { hash: parseHash('hash', hash), digits: parseTruncation(digits) };
}

function parseHash(part: string, text: string): HashName {
  if (text === 'SHA1' || text === 'SHA256' || text === 'SHA512') return text;
  throw refusal(part, 'SHA1, SHA256 or SHA512', text);
}

function parseTruncation(text: string): OcraDigits {
  const digits = Number(/^(?:0|[4-9]|10)$/.test(text) ? text : Number.NaN);
  if (isOcraDigits(digits)) return digits;
  throw refusal('digits', '0 or 4 to 10', text);
}

function isOcraDigits(value: number): value is OcraDigits {
  return value === 0 || (value >= 4 && value <= 10);
}

function parseDataInput(text: string, options: OcraParseOptions): OcraDataInput {
  const items = itemsByLetter(text);
  const question = items.get('Q');
  if (question === undefined && options.allowMissingQuestion !== true) {
    throw refusal('question', 'present in the DataInput', text);
  }
  const counter = items.get('C');
  if (counter !== undefined && counter !== '') {
    throw refusal('counter', 'the letter C alone', `C${counter}`);
  }
  const pinHash = items.get('P');
  const session = items.get('S');
  const timestamp = items.get('T');
  return Object.freeze({
    counter: counter !== undefined,
    ...(question === undefined ? {} : { question: parseQuestionSpec(question) }),
    ...(pinHash === undefined ? {} : { pinHash: parseHash('pinHash', pinHash || 'SHA1') }),
    ...(session === undefined ? {} : { sessionBytes: parseSession(session) }),
    ...(timestamp === undefined ? {} : { timeStepSeconds: parseTimestamp(timestamp) }),
  });
}

/** Each item's letter with the text after it; order and uniqueness are checked here. */
function itemsByLetter(text: string): ReadonlyMap<Letter, string> {
  const items = new Map<Letter, string>();
  let lastRank = -1;
  for (const item of text.split('-')) {
    const letter = item.charAt(0);
    if (!isLetter(letter)) {
      throw refusal('dataInput', 'C, Q, P, S and T items in upper case, joined by "-"', text);
    }
    const part = partOfLetter[letter];
    if (items.has(letter)) throw refusal(part, 'given only once', text);
    const rank = letterOrder.indexOf(letter);
    if (rank < lastRank) throw refusal(part, 'in the order C, Q, P, S, T', text);
    lastRank = rank;
    items.set(letter, item.slice(1));
  }
  return items;
}

function isLetter(text: string): text is Letter {
  return text !== '' && letterOrder.includes(text);
}

function parseQuestionSpec(text: string): OcraQuestionSpec {
  const [, format, length] = /^([ANH])([0-9]{1,2})$/.exec(text || 'N08') ?? [];
  const maxLength = Number(length);
  // Number(undefined) is NaN, which fails both comparisons.
  if (!isQuestionFormat(format) || !(maxLength >= 4 && maxLength <= 64)) {
    throw refusal('question', 'QN, QA or QH with a length from 04 to 64', `Q${text}`);
  }
  return Object.freeze({ format, maxLength });
}

function isQuestionFormat(text: string | undefined): text is QuestionFormat {
  return text === 'A' || text === 'N' || text === 'H';
}

function parseSession(text: string): number {
  const bytes = Number(/^[0-9]{3}$/.test(text || '064') ? text || '064' : Number.NaN);
  if (bytes >= 1 && bytes <= 512) return bytes;
  throw refusal('session', 'S with a length from 001 to 512', `S${text}`);
}

function parseTimestamp(text: string): number {
  const [, count, unit] = /^([1-9][0-9]?)([SMH])$/.exec(text || '1M') ?? [];
  const steps = Number(count);
  const countMax = unit === 'H' ? 48 : 59;
  if (!(steps <= countMax)) {
    throw refusal('timestamp', 'T with 1-59 S, 1-59 M or 1-48 H', `T${text}`);
  }
  return steps * (unit === 'S' ? 1 : unit === 'M' ? 60 : 3600);
}

function timeStepText(seconds: number): string {
  if (seconds % 3600 === 0) return `${String(seconds / 3600)}H`;
  if (seconds % 60 === 0) return `${String(seconds / 60)}M`;
  return `${String(seconds)}S`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
