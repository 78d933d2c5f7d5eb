import type { PinWeakRule } from './weak-pins.ts';

/** Why a device shows no response. A real one beeps; this one says why. */
export type Refusal = PlainRefusal | DetailedRefusal;

type PlainRefusal = { readonly code: keyof typeof plainTexts };
type DetailedRefusal = {
  [Code in keyof Details]: { readonly code: Code } & Readonly<Details[Code]>;
}[keyof Details];

/** What a refusal tells besides its code. */
interface Details {
  'challenge-character': { allowed: string };
  'challenge-length': { charactersMax: number };
  'pin-length': { bytesMax: number };
  'pin-digits': { digitsMin: number; digitsMax: number };
  'pin-weak': { rule: PinWeakRule };
  'pin-wrong': { failures: number; failuresLeft: number };
  'unlock-code-length': { digits: number };
  'unlock-code-wrong': { codesLeft: number };
  'locked-out': { remainingMs: number };
  'display-off': { autoOffMs: number };
  'session-length': { bytesMax: number };
  'key-without-function': { screen: string };
  'application-unknown': { names: readonly string[] };
  'application-ambiguous': { names: readonly string[] };
  'application-unlocks': { applicationName: string };
  'challenge-needed': { applicationName: string };
  'challenge-superfluous': { applicationName: string };
  'fields-needed': { applicationName: string };
  'fields-superfluous': { applicationName: string };
  'field-names': { names: readonly string[] };
  'field-character': { fieldName: string; allowed: string };
  'field-length': { fieldName: string; charactersMax: number };
}

const plainTexts = {
  'not-paired': 'this token has no seed yet: finish the pairing first',
  'clock-before-origin': "the token's clock stands before the time origin of its algorithm",
  'event-counter-exhausted':
    'the event counter has reached 2^64: this application makes no more responses',
  'challenge-check-digit': 'the last digit of the challenge does not fit: enter it once more',
  'pin-missing': 'the device PIN is needed',
  'pin-superfluous': 'this algorithm takes no device PIN',
  'pin-none': 'this token has no device PIN',
  'pin-not-set': 'this token has no PIN yet: give the new one alone',
  'pin-needs-setting': 'this token wants a new PIN before anything else',
  'pin-character': 'a device PIN has digits 0 to 9 only',
  'pin-differs': 'the PIN of the response must be the one that the token was opened with',
  'pin-confirmation-differs': 'the new PIN was not the same twice: it is not set',
  'battery-dead': 'the battery is dead: nothing on this token works until it is changed',
  'battery-dead-sealed': 'the battery is dead and sealed in: clock and keys of this token are lost',
  'battery-out': 'there is no battery in this token just now',
  'battery-none': 'this token never needs a battery',
  'battery-sealed': 'the battery of this token is sealed in and cannot be changed',
  locked: 'the token is locked after too many wrong PINs: it waits for an unlock code',
  'locked-for-good': 'the token is locked for good after too many wrong PINs',
  'not-locked': 'the token is not locked',
  'unlock-code-character': 'an unlock code has digits 0 to 9 only',
  'host-code-none': 'this application has no host code',
  'info-none': 'this token has no menu behind a long press',
  'keys-none': 'this token has no keys: its display is always on',
  'not-programmable': 'the seed and the clock of this token are set in the factory, once',
  'pairing-open': 'this token waits for a bundle: finish the pairing first',
  'session-missing': 'this algorithm needs session data',
  'session-superfluous': 'this algorithm takes no session data',
} as const;

const weakTexts: Readonly<Record<PinWeakRule, string>> = {
  'all-equal': 'all its digits are equal',
  ascending: 'its digits count upwards',
  descending: 'its digits count downwards',
  'odd-even-run': 'its digits are a run of odd or even numbers',
  initial: 'it is the one that the token came with',
};

const detailedTexts: {
  readonly [Code in keyof Details]: (details: Readonly<Details[Code]>) => string;
} = {
  'challenge-character': ({ allowed }) => `the challenge may hold ${allowed} only`,
  'challenge-length': ({ charactersMax }) =>
    `the challenge must be 1 to ${charactersMax} characters long`,
  'pin-length': ({ bytesMax }) => `the device PIN must be 1 to ${bytesMax} bytes long`,
  'pin-digits': ({ digitsMin, digitsMax }) =>
    digitsMin === digitsMax
      ? `a PIN of this token has ${digitsMin} digits`
      : `a PIN of this token has ${digitsMin} to ${digitsMax} digits`,
  'pin-weak': ({ rule }) => `this new PIN is too easy to guess: ${weakTexts[rule]}`,
  'pin-wrong': ({ failures, failuresLeft }) =>
    failuresLeft === 0
      ? `wrong PIN: FAIL ${failures}, the token is locked now`
      : `wrong PIN: FAIL ${failures}, ${failuresLeft} more and the token locks`,
  'unlock-code-length': ({ digits }) => `an unlock code of this token has ${digits} digits`,
  'unlock-code-wrong': ({ codesLeft }) =>
    codesLeft === 0
      ? 'wrong unlock code: the token takes none for 30 minutes by its own clock'
      : `wrong unlock code: the challenge is another now, ${codesLeft} more and the token takes none for 30 minutes`,
  'locked-out': ({ remainingMs }) =>
    `too many wrong unlock codes: the token takes none for another ${Math.ceil(remainingMs / 1000)} s`,
  'display-off': ({ autoOffMs }) =>
    `the display goes off after ${autoOffMs / 1000} s: a response submitted later could not have been read`,
  'session-length': ({ bytesMax }) => `the session data must be at most ${bytesMax} bytes long`,
  'key-without-function': ({ screen }) =>
    `this key does nothing while the display shows: ${screen}`,
  'application-unknown': ({ names }) =>
    `no such application on this token; it has ${names.join(', ')}`,
  'application-ambiguous': ({ names }) => `name the application: ${names.join(', ')}`,
  'application-unlocks': ({ applicationName }) =>
    `application ${applicationName} only takes unlock codes, while the token is locked`,
  'challenge-needed': ({ applicationName }) =>
    `application ${applicationName} answers a challenge, not a press`,
  'challenge-superfluous': ({ applicationName }) =>
    `application ${applicationName} takes no challenge`,
  'fields-needed': ({ applicationName }) => `application ${applicationName} signs data fields`,
  'fields-superfluous': ({ applicationName }) =>
    `application ${applicationName} signs no data fields`,
  'field-names': ({ names }) => `give a value for each data field, once: ${names.join(', ')}`,
  'field-character': ({ fieldName, allowed }) => `${fieldName} may hold ${allowed} only`,
  'field-length': ({ fieldName, charactersMax }) =>
    `${fieldName} must be 1 to ${charactersMax} characters long`,
};

/** The sentence for people: what was wrong and what is allowed. Never quotes what was typed. */
export function refusalText(refusal: Refusal): string {
  if (isPlain(refusal)) return plainTexts[refusal.code];
  // Code and details come from one member of the union, which the table cannot express.
  const text = detailedTexts[refusal.code] as (details: DetailedRefusal) => string;
  return text(refusal);
}

function isPlain(refusal: Refusal): refusal is PlainRefusal {
  return Object.hasOwn(plainTexts, refusal.code);
}
