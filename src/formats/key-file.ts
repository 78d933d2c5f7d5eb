import { algorithmInputs, type ResponseAlgorithm } from '../oath/index.ts';

/**
 * What files that carry keys from one installation to another say about a key. One model for all
 * formats; a format that has no place for something that shapes the responses refuses the key.
 */
export interface KeyFileKey {
  /** Names the key within the file: no two keys have the same. */
  readonly id: string;
  readonly device: KeyFileDevice;
  /** Which of the device's applications this is; for people. */
  readonly applicationName: string;
  readonly algorithm: ResponseAlgorithm;
  /** The seed. Read, never kept: its owner wipes it when the next key is asked for. */
  readonly secret: Uint8Array;
  readonly usages: readonly KeyUsage[];
  readonly issuer?: string | undefined;
  /** Who has the device; in some formats the name to log on with. */
  readonly userId?: string | undefined;
  /** The next one; of an algorithm without counter it is not looked at. */
  readonly eventCounter?: bigint | undefined;
  /** By how many time steps the device's clock is ahead (negative: behind). */
  readonly timeDriftSteps?: number | undefined;
  /** Luhn, at the end of the challenge: the device refuses a wrong one. */
  readonly challengeCheckDigit?: boolean | undefined;
  /** Luhn, appended to the response that is displayed. */
  readonly responseCheckDigit?: boolean | undefined;
  readonly pinPolicy?: KeyFilePinPolicy | undefined;
}

export interface KeyFileDevice {
  readonly serial: string;
  readonly manufacturer?: string | undefined;
  readonly model?: string | undefined;
}

/** In the words of RFC 6030 section 5: responses, responses to challenges, signatures, unlocking. */
export type KeyUsage = 'OTP' | 'CR' | 'Integrity' | 'Unlock';

/** RFC 6030 section 5, by the names of its schema. */
export interface KeyFilePinPolicy {
  readonly usageMode: 'Local' | 'Prepend' | 'Append' | 'Algorithmic';
  readonly maxFailedAttempts?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly encoding?: ValueFormat | undefined;
  /** The `id` of the key that is the PIN. */
  readonly pinKeyId?: string | undefined;
}

/** RFC 6030 section 11: ValueFormatType. */
export type ValueFormat = 'DECIMAL' | 'HEXADECIMAL' | 'ALPHANUMERIC' | 'BASE64' | 'BINARY';

/** Keys one after another, so that a file may have more of them than fit in memory. */
export type KeyFileKeys = Iterable<KeyFileKey> | AsyncIterable<KeyFileKey>;

/**
 * Why a format cannot carry a key. Codes are never renamed or recycled.
 *
 * - `algorithm`: a kind of algorithm, or a hash, that the format does not know.
 * - `digits`, `time-step`, `time-origin`: a value that the format has no place for.
 * - `check-digit`: readers would not know of the check digit.
 * - `counter`, `time-drift`: missing, or greater than the format's numbers.
 * - `secret-length`: a seed shorter or longer than the format, or the key wrap, takes.
 * - `text`: a name that the format cannot hold, or that a spreadsheet would run.
 */
export type KeyFileRefusalCode =
  | 'algorithm'
  | 'digits'
  | 'time-step'
  | 'time-origin'
  | 'check-digit'
  | 'counter'
  | 'time-drift'
  | 'secret-length'
  | 'text';

export interface KeyFileRefusal {
  readonly code: KeyFileRefusalCode;
  /** What is wrong and what is allowed; without the seed, and without texts from outside. */
  readonly message: string;
}

/** `no-keys`: a file without any. `protection`: a key to encrypt with that does not fit. */
export type KeyFileErrorCode = KeyFileRefusalCode | 'no-keys' | 'protection';

/** The only error this room throws on purpose. Seeds never appear in it. */
export class KeyFileError extends Error {
  override readonly name: string = 'KeyFileError';
  readonly code: KeyFileErrorCode;

  constructor(code: KeyFileErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** RFC 4226 requirement R6: a shared secret has at least 128 bits. */
const secretBytesMin = 16;

const shownCharactersMax = 64;

/**
 * Those keys, each looked at before it is passed on.
 *
 * @throws KeyFileError for the first key that is refused, naming it, and if there is none at all
 */
export async function* acceptedKeys(
  keys: KeyFileKeys,
  refusalOf: (key: KeyFileKey) => KeyFileRefusal | null,
): AsyncGenerator<KeyFileKey> {
  let isEmpty = true;
  for await (const key of keys) {
    const refusal = refusalOf(key);
    if (refusal !== null) {
      throw new KeyFileError(refusal.code, `${shown(key.id)}: ${refusal.message}`);
    }
    isEmpty = false;
    yield key;
  }
  if (isEmpty) throw new KeyFileError('no-keys', 'a key file has at least one key');
}

/** Of a key that every format would take for broken. */
export function brokenKeyRefusal({ secret }: KeyFileKey): KeyFileRefusal | null {
  if (secret.length >= secretBytesMin) return null;
  return { code: 'secret-length', message: `a seed has at least ${secretBytesMin} bytes` };
}

/** For a format that has no place for them. */
export function checkDigitRefusal(key: KeyFileKey): KeyFileRefusal | null {
  if (key.challengeCheckDigit !== true && key.responseCheckDigit !== true) return null;
  return { code: 'check-digit', message: 'this format says nothing of check digits; PSKC does' };
}

/** Of an algorithm that counts: the counter has to be there, and within what the format holds. */
export function counterRefusal(
  { algorithm, eventCounter = -1n }: KeyFileKey,
  counterMax: bigint,
): KeyFileRefusal | null {
  const isFit = eventCounter >= 0n && eventCounter <= counterMax;
  if (isFit || !algorithmInputs(algorithm).eventCounter) return null;
  return { code: 'counter', message: `the next event counter has to be from 0 to ${counterMax}` };
}

/** For a format that has no place for another one. */
export function timeOriginRefusal({ algorithm }: KeyFileKey): KeyFileRefusal | null {
  if (algorithm.kind !== 'time' || algorithm.timeOriginSeconds === 0) return null;
  return { code: 'time-origin', message: 'this format counts time steps from 1970 only' };
}

/** A name for a message: no control character of it reaches a terminal. */
function shown(id: string): string {
  const text = id.length > shownCharactersMax ? `${id.slice(0, shownCharactersMax)}...` : id;
  return text.replace(/[\p{C}\p{Z}]/gu, (character) => (character === ' ' ? ' ' : '?'));
}
