import { serves } from './application-use.ts';
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
      /** The static password, or what asks for something. */
      readonly staticPassword: string | null;
      readonly pin: string | null;
      /** Null: none was shown. */
      readonly response: string | null;
      readonly newPin: NewPin | null;
    };

/** A credential as it reads for one application. */
export interface CredentialReading {
  /** Null where the application has no PIN to ask for. */
  readonly pin: string | null;
  readonly response: Otp;
  readonly newPin: NewPin | null;
  /** The PIN was shown with the request that this answers. */
  readonly isPinProven: boolean;
}

/** A response and nothing else. */
export function responseAlone(response: string): PresentedCredential {
  return { format: 'separate', staticPassword: null, pin: null, response, newPin: null };
}

/**
 * What a credential says when it is meant for this application; null when it can't be. A combined
 * one is cut by lengths alone (the PIN's, the response's, the rest), so nothing but the application
 * decides where, and no character marks a border. A rest of odd length can't be a PIN and its
 * repetition: the two differ, which is found out after PIN and response.
 *
 * Whether a new PIN is acceptable is not judged here.
 *
 * @param isPinProven the PIN may be left out: it was shown before
 */
export function readCredential(
  credential: PresentedCredential,
  application: Application,
  isPinProven: boolean = false,
): CredentialReading | null {
  if (isPinProven && hasPin(application.pin)) {
    const response = responseOf(aloneIn(credential) ?? '');
    if (response !== null && hasLength(response, application)) {
      return { pin: null, response, newPin: null, isPinProven };
    }
  }
  return credential.format === 'combined'
    ? cut(credential.text, application)
    : put(credential, application);
}

/** The response of a credential that may be nothing else; null when it is more. */
function aloneIn(credential: PresentedCredential): string | null {
  if (credential.format === 'combined') return credential.text;
  const { pin, newPin, response } = credential;
  return pin === null && newPin === null ? response : null;
}

function hasLength(response: string, { algorithm }: Application): boolean {
  return response.length === responseCharacters(algorithm);
}

function cut(text: string, { pin, algorithm }: Application): CredentialReading | null {
  if (!pin.isEnabled) {
    const response = responseOf(text);
    return response === null ? null : { pin: null, response, newPin: null, isPinProven: false };
  }
  const pinEnd = pin.verifier?.length ?? 0;
  const responseEnd = pinEnd + responseCharacters(algorithm);
  const response = responseOf(text.slice(pinEnd, responseEnd));
  if (response === null || text.length < responseEnd) return null;
  return {
    pin: pinEnd === 0 ? null : text.slice(0, pinEnd),
    response,
    newPin: halved(text.slice(responseEnd)),
    isPinProven: false,
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
  const response = responseOf(text ?? '');
  // A PIN that is asked for has to come, and one that isn't is somebody's guess.
  if (response === null || (pin !== null) !== hasPin(application.pin)) return null;
  return { pin, response, newPin, isPinProven: false };
}

/**
 * Whether a text has exactly the form of what a device of these shows, with its PIN and the change of it
 * where it has one. Whether the device may serve, and the text is right, is another matter.
 */
export function hasResponseForm(
  credential: PresentedCredential,
  authenticators: readonly { readonly applications: readonly Application[] }[],
): boolean {
  return authenticators
    .flatMap(({ applications }) => applications)
    .filter(({ mode }) => serves(mode, 'logon'))
    .some((application) => {
      const reading = readCredential(credential, application);
      if (reading === null || !hasLength(reading.response, application)) return false;
      const { newPin } = reading;
      return newPin === null || newPin.pin === newPin.confirmation;
    });
}

/** Lengths of what may stand in front that are tried, and paid for by every refusal. */
export const passwordEndsMax: number = 2;

/**
 * Where a static password may end that stands in front of a PIN, if there is one, and a response. None
 * in a text of digits alone, which is most responses: what a refusal pays depends on the text.
 */
export function passwordEnds(
  text: string,
  authenticators: readonly { readonly applications: readonly Application[] }[],
): readonly number[] {
  if (/^[0-9]*$/.test(text)) return [];
  return endsIn(text, authenticators, (application) => [
    pinAndResponseCharacters(application),
    responseCharacters(application.algorithm),
  ]);
}

/**
 * Where a static password ends that has to stand in front of PIN and response, both of them: also in digits
 * alone, since passwords may be such.
 */
export function demandedPasswordEnds(
  text: string,
  authenticators: readonly { readonly applications: readonly Application[] }[],
): readonly number[] {
  return endsIn(text, authenticators, (application) => [pinAndResponseCharacters(application)]);
}

function pinAndResponseCharacters({ algorithm, pin }: Application): number {
  const pinLength = pin.isEnabled ? (pin.verifier?.length ?? 0) : 0;
  return responseCharacters(algorithm) + pinLength;
}

function endsIn(
  text: string,
  authenticators: readonly { readonly applications: readonly Application[] }[],
  lengthsBehind: (application: Application) => readonly number[],
): readonly number[] {
  const applications = authenticators.flatMap((one) => one.applications);
  const ends = applications.flatMap(lengthsBehind).map((length) => text.length - length);
  return [...new Set(ends.filter((end) => end > 0))].slice(0, passwordEndsMax);
}
