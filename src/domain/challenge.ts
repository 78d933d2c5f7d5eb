import { TallystickError } from '../errors.ts';
import {
  appendLuhn,
  type ChallengeAlgorithm,
  encodeHmacChallenge,
  encodeQuestion,
  issuedChallengeBytes,
  OathError,
  survivesPadding,
} from '../oath/index.ts';
import { challengedBy } from './application.ts';
import { serves, takesChallengeOf } from './application-use.ts';
import type { AuthenticatorWithApplications, IssuedChallenge, User } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** A challenge of decimal digits; `length` doesn't count the check digit. */
export interface DigitForm {
  readonly length: number;
  readonly hasCheckDigit: boolean;
}

/** A challenge of bytes in hex, as programs hand it on. */
export interface HexForm {
  readonly bytes: number;
}

/** How an issued challenge looks. */
export type ChallengeForm = DigitForm | HexForm;

/** How many challenges of ours one decision may consume. */
export const challengesPerDecisionMax: number = 16;

const randomBytesPerDigit = 5;
/** So many bytes are tried for the last place; that all are unfit happens less than once in 10^30 challenges. */
const spareBytes = 16;
/** Bytes from here up are dropped: 250 is the largest multiple of ten in a byte. */
const unbiasedBelow = 250;

/**
 * What identifies a challenge for one algorithm. Bytes are themselves; of OCRA it is the encoded question in hex without trailing zeros.
 * Different texts may encode alike (`1`, `01` and `16` in decimal, `AB` and `AB00` in hex) and then
 * have the same response, so a used challenge is remembered in this form and not as text.
 *
 * @returns null when the algorithm does not take this text: not in its alphabet, too long, or of fewer
 *   bytes than are issued where nothing but the challenge makes a response one-time
 */
export function challengeKey(algorithm: ChallengeAlgorithm, challenge: string): string | null {
  try {
    if (algorithm.kind === 'hmac-challenge') return bytesKey(encodeHmacChallenge(challenge));
    const { question } = algorithm.suite.dataInput;
    if (question === undefined) return null;
    const encoded = encodeQuestion(question, challenge);
    const length = encoded.findLastIndex((byte) => byte !== 0) + 1;
    return hexOf(encoded.subarray(0, length)).replace(/0+$/, '');
  } catch (error) {
    if (error instanceof OathError) return null;
    throw error;
  }
}

/**
 * Issued digits are bytes in hex to a key as well, but so few that whoever has it for an hour can ask it
 * for most of them, and answer without it ever after.
 */
function bytesKey(challenge: Uint8Array): string | null {
  return challenge.length < issuedChallengeBytes ? null : hexOf(challenge);
}

/** The form of every issued challenge: the policy's alone, so that it tells nothing about the user. */
export function challengeForm(policy: EffectivePolicy): ChallengeForm {
  return policy.oneStepChallengeFormat === 'hex'
    ? { bytes: issuedChallengeBytes }
    : digitForm(policy);
}

/** The same for devices whose challenges are typed, whatever the policy's format. */
export function digitForm(policy: EffectivePolicy): DigitForm {
  return {
    length: policy.oneStepChallengeLength,
    hasCheckDigit: policy.oneStepChallengeCheckDigit,
  };
}

/**
 * Whether any of the applications takes a challenge of this form. Decimal digits suit every
 * question format, so only the length counts; but a key is given bytes, never digits.
 */
export function canAnswer(
  authenticators: readonly AuthenticatorWithApplications[],
  form: ChallengeForm,
): boolean {
  const isHex = 'bytes' in form;
  const length = isHex ? 2 * form.bytes : form.length + (form.hasCheckDigit ? 1 : 0);
  return authenticators
    .flatMap(({ applications }) => applications)
    .some(({ mode, algorithm }) => {
      if (!takesChallengeOf(mode, length)) return false;
      const challenged = serves(mode, 'logon') ? challengedBy(algorithm) : null;
      if (challenged?.kind !== 'challenge-response') return challenged !== null && isHex;
      const { question } = challenged.suite.dataInput;
      if (question === undefined || (isHex && question.format === 'N')) return false;
      return question.maxLength >= length;
    });
}

/** Random bytes that `newChallenge` should be given for this form. */
export function challengeRandomBytes(form: ChallengeForm): number {
  return 'bytes' in form ? form.bytes + spareBytes : form.length * randomBytesPerDigit;
}

/**
 * A challenge of uniformly random decimal digits, with its Luhn check digit if the form has one; or of
 * random bytes, the last of which is one that no client loses on the way to a key (`survivesPadding`).
 *
 * @param randomBytes `challengeRandomBytes(form)` of them
 * @throws TallystickError internal when the bytes don't hold enough of it: with a working
 *   generator that happens less than once in 10^18 challenges
 */
export function newChallenge(form: ChallengeForm, randomBytes: Uint8Array): string {
  return 'bytes' in form ? newHex(form, randomBytes) : newDigits(form, randomBytes);
}

function newHex({ bytes }: HexForm, randomBytes: Uint8Array): string {
  const challenge = randomBytes.slice(0, bytes);
  for (const byte of randomBytes.subarray(bytes)) {
    if (survivesPadding(challenge)) break;
    challenge[bytes - 1] = byte;
  }
  if (challenge.length < bytes || !survivesPadding(challenge)) throw tooFewBytes();
  return hexOf(challenge);
}

function newDigits(form: DigitForm, randomBytes: Uint8Array): string {
  let digits = '';
  for (const byte of randomBytes) {
    if (digits.length < form.length && byte < unbiasedBelow) digits += String(byte % 10);
  }
  if (digits.length < form.length) throw tooFewBytes();
  return form.hasCheckDigit ? appendLuhn(digits) : digits;
}

function tooFewBytes(): TallystickError {
  return new TallystickError('internal', 'The random generator gave too few usable bytes.');
}

function hexOf(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** Whether a challenge may come with its response. */
export function mayBringChallenge({ oneStepChallengeResponse }: EffectivePolicy): boolean {
  return oneStepChallengeResponse !== 'no';
}

/**
 * Whether what was asked for in the first of two steps lost its worth: its user was edited in between (a
 * password set, a name changed), so that who asked for it may not be who logs on.
 */
export function isOutlived(
  { userVersion }: Pick<IssuedChallenge, 'userVersion'>,
  { version }: Pick<User, 'version'>,
): boolean {
  return userVersion !== null && userVersion !== version;
}

/** The ids of the issued challenges that an attempt consumes, each once. */
export function challengeIds(issued: readonly (IssuedChallenge | null)[]): readonly string[] {
  return [...new Set(issued.flatMap((challenge) => (challenge === null ? [] : [challenge.id])))];
}

/** The challenges of ours that an attempt may be about. */
export interface IssuedChallenges {
  /** The newest of the given text that was issued to this user, or to anybody, at this component. */
  readonly given: IssuedChallenge | null;
  /** The newest open one of any text; looked up where the policy's check mode asks for it. */
  readonly newest: IssuedChallenge | null;
}

export const noIssuedChallenges: IssuedChallenges = { given: null, newest: null };

/** Whether a check mode depends on which challenge is the newest. */
export function asksForNewest({ challengeCheckMode }: EffectivePolicy): boolean {
  return challengeCheckMode === 1 || challengeCheckMode === 2;
}

/**
 * Why a challenge may not be answered now, or null when it may.
 *
 * @param challenge the text that came with the response
 * @param issued of that text, and the newest
 */
export function challengeRefusal(
  challenge: string,
  issued: IssuedChallenges,
  userId: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): ChallengeRefusal | null {
  const refusal = openRefusal(challenge, issued.given, userId, nowMs, policy);
  if (refusal !== null || !asksForNewest(policy)) return refusal;
  if (issued.given === null) return 'challenge-unknown';
  // A general challenge was issued to nobody, so it has no place in anybody's order.
  if (issued.given.userId === null) return null;
  return issued.newest?.id === issued.given.id ? null : 'challenge-superseded';
}

export type ChallengeRefusal =
  'challenge-not-permitted' | 'challenge-unknown' | 'challenge-expired' | 'challenge-superseded';

/** As `challengeRefusal`, but the order in which challenges were issued doesn't count. */
export function openRefusal(
  challenge: string,
  issued: IssuedChallenge | null,
  userId: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): Exclude<ChallengeRefusal, 'challenge-superseded'> | null {
  // A challenge that was asked for in a logon of two steps is permitted by its request.
  const isPermitted = mayBringChallenge(policy) || issued?.kind === '2-step';
  if (!isPermitted) return 'challenge-not-permitted';
  if (issued === null) {
    return policy.oneStepChallengeResponse === 'server-challenge' ? 'challenge-unknown' : null;
  }
  // A challenge of ours is single-use even where clients may bring their own.
  const isHis = issued.userId === userId || issued.userId === null;
  const isOpen = issued.text === challenge && isHis && issued.consumedAtMs === null;
  if (!isOpen) return 'challenge-unknown';
  return nowMs >= issued.expiresAtMs ? 'challenge-expired' : null;
}
