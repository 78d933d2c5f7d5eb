import { algorithmDigits, algorithmHash, movingFactorMax } from '../oath/index.ts';
import { encodeBase32 } from './base32.ts';
import {
  acceptedKeys,
  brokenKeyRefusal,
  checkDigitRefusal,
  counterRefusal,
  type KeyFileKey,
  type KeyFileKeys,
  type KeyFileRefusal,
  timeOriginRefusal,
} from './key-file.ts';

/**
 * One line per key: `otpauth://totp/ISSUER:ACCOUNT?secret=...`, as authenticator apps read it from
 * QR codes. The account is the user, or without one the key's id. The seed is in the clear.
 *
 * @throws KeyFileError for the first key that `otpauthRefusal` refuses, and for none at all
 */
export async function* writeOtpauth(keys: KeyFileKeys): AsyncGenerator<string> {
  for await (const key of acceptedKeys(keys, otpauthRefusal)) yield `${uriOf(key)}\n`;
}

/** Why an otpauth URI cannot carry this key, or null. */
export function otpauthRefusal(key: KeyFileKey): KeyFileRefusal | null {
  if (kindOf(key) === null) {
    return { code: 'algorithm', message: 'an otpauth URI is for HOTP and TOTP alone; see PSKC' };
  }
  return (
    brokenKeyRefusal(key) ??
    counterRefusal(key, movingFactorMax) ??
    timeOriginRefusal(key) ??
    checkDigitRefusal(key) ??
    labelRefusal(key)
  );
}

interface UriKind {
  readonly type: 'hotp' | 'totp';
  readonly movingName: 'counter' | 'period';
  readonly moving: bigint | number | undefined;
}

function kindOf({ algorithm, eventCounter }: KeyFileKey): UriKind | null {
  switch (algorithm.kind) {
    case 'event':
      return { type: 'hotp', movingName: 'counter', moving: eventCounter };
    case 'time':
      return { type: 'totp', movingName: 'period', moving: algorithm.timeStepSeconds };
    case 'time-event':
    case 'challenge-response':
    case 'hmac-challenge':
      return null;
  }
}

/** The colon parts them; half a surrogate pair has no UTF-8 form. */
function labelRefusal(key: KeyFileKey): KeyFileRefusal | null {
  if (!labelOf(key).some((part) => /[:\p{Cs}]/u.test(part))) return null;
  return { code: 'text', message: 'issuer and account of an otpauth URI hold no colon' };
}

function labelOf({ issuer, userId, id }: KeyFileKey): readonly string[] {
  return [...(issuer === undefined ? [] : [issuer]), userId ?? id];
}

function uriOf(key: KeyFileKey): string {
  const { algorithm, issuer, secret } = key;
  const kind = kindOf(key);
  if (kind === null) throw new TypeError('such a key is refused before');
  const parameters = [
    ['secret', encodeBase32(secret)],
    ...(issuer === undefined ? [] : [['issuer', issuer]]),
    ['algorithm', algorithmHash(algorithm)],
    ['digits', String(algorithmDigits(algorithm))],
    [kind.movingName, String(kind.moving)],
  ];
  // Not URLSearchParams, whose + apps show as it is.
  const query = parameters.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  return `otpauth://${kind.type}/${labelOf(key).map(encodeURIComponent).join(':')}?${query}`;
}
