import { type Otp, responseCharacters } from '../oath/index.ts';
import { responseOf } from './candidate.ts';
import type { Application } from './model.ts';
import { hasPin, type NewPin } from './server-pin.ts';

/** What a person put forward, in one text or in parts; each text as it came in. */
export type PresentedCredential =
  | {
      /** Everything behind one another: `[PIN] response [new PIN, new PIN again]`. */
      readonly format: 'combined';
      readonly text: string;
    }
  | {
      readonly format: 'separate';
      readonly pin: string | null;
      readonly response: string;
      readonly newPin: NewPin | null;
    };

/** A credential as it reads for one application. */
export interface CredentialReading {
  /** Null where the application has no PIN to ask for. */
  readonly pin: string | null;
  readonly response: Otp;
  readonly newPin: NewPin | null;
}

/** A response and nothing else. */
export function responseAlone(response: string): PresentedCredential {
  return { format: 'separate', pin: null, response, newPin: null };
}

/**
 * What a credential says when it is meant for this application; null when it can't be. A combined
 * one is cut by lengths alone (the PIN's, the response's, the rest), so nothing but the application
 * decides where, and no character marks a border. A rest of odd length can't be a PIN and its
 * repetition: the two differ, which is found out after PIN and response.
 *
 * Whether a new PIN is acceptable is not judged here.
 */
export function readCredential(
  credential: PresentedCredential,
  application: Application,
): CredentialReading | null {
  return credential.format === 'combined'
    ? cut(credential.text, application)
    : put(credential, application);
}

function cut(text: string, { pin, algorithm }: Application): CredentialReading | null {
  if (!pin.isEnabled) {
    const response = responseOf(text);
    return response === null ? null : { pin: null, response, newPin: null };
  }
  const pinEnd = pin.verifier?.length ?? 0;
  const responseEnd = pinEnd + responseCharacters(algorithm);
  const response = responseOf(text.slice(pinEnd, responseEnd));
  if (response === null || text.length < responseEnd) return null;
  return {
    pin: pinEnd === 0 ? null : text.slice(0, pinEnd),
    response,
    newPin: halved(text.slice(responseEnd)),
  };
}

function halved(text: string): NewPin | null {
  if (text === '') return null;
  const middle = Math.ceil(text.length / 2);
  return { pin: text.slice(0, middle), confirmation: text.slice(middle) };
}

function put(
  { pin, response: text, newPin }: Extract<PresentedCredential, { format: 'separate' }>,
  application: Application,
): CredentialReading | null {
  const response = responseOf(text);
  // A PIN that is asked for has to come, and one that isn't is somebody's guess.
  if (response === null || (pin !== null) !== hasPin(application.pin)) return null;
  return { pin, response, newPin };
}
