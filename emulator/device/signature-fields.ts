import {
  hexFieldCharactersMax,
  signatureFieldsMax,
  textFieldCharactersMax,
} from '../../src/oath/index.ts';
import { EmulatorError } from '../errors.ts';

/** N: digits; H: hex digits; A: letters and digits. */
export type FieldAlphabet = 'N' | 'H' | 'A';

/** One data field that a signature covers, as the device asks for it. */
export interface SignatureField {
  readonly name: string;
  readonly alphabet: FieldAlphabet;
  /** At most 16, with letters beyond F at most 8. */
  readonly charactersMax: number;
  /** Whether the display shows letters as capitals; they are signed as capitals in either case. */
  readonly upperCase: boolean;
}

/** What a keypad enters, and how that is called. */
export const alphabets: Readonly<
  Record<FieldAlphabet, { readonly pattern: RegExp; readonly allowed: string }>
> = {
  N: { pattern: /^[0-9]*$/, allowed: 'the digits 0 to 9' },
  H: { pattern: /^[0-9A-Fa-f]*$/, allowed: 'the hex digits 0 to 9 and A to F' },
  A: { pattern: /^[0-9A-Za-z]*$/, allowed: 'letters A to Z and digits' },
};

/** What a device asks for whose fields nobody named. */
export const usualFields: readonly SignatureField[] = [
  { name: 'DATA', alphabet: 'N', charactersMax: hexFieldCharactersMax, upperCase: true },
];

/**
 * Reads `AMOUNT:N12,ACCOUNT:A8`: name, alphabet and length of each field; a small letter (`a8`) for
 * a display that shows letters as they were typed.
 *
 * @throws EmulatorError input-invalid
 */
export function parseFieldsText(text: string): readonly SignatureField[] {
  const fields = text.split(',').map((part) => {
    const [, name, letter, characters] = /^([^:]+):([NHAnha])([0-9]{1,2})$/.exec(part) ?? [];
    if (name === undefined || letter === undefined) {
      throw invalid('data fields are written NAME:N12,NAME:H16,NAME:A8');
    }
    const alphabet = letter.toUpperCase() as FieldAlphabet;
    const upperCase = letter === alphabet;
    return { name, alphabet, charactersMax: Number(characters), upperCase };
  });
  checkFields(fields);
  return fields;
}

/** The form that `parseFieldsText` reads. */
export function fieldsText(fields: readonly SignatureField[]): string {
  return fields
    .map(({ name, alphabet, charactersMax, upperCase }) => {
      return `${name}:${upperCase ? alphabet : alphabet.toLowerCase()}${charactersMax}`;
    })
    .join(',');
}

/** @throws EmulatorError input-invalid for fields that no signature can cover */
export function checkFields(fields: readonly SignatureField[]): void {
  if (fields.length < 1 || fields.length > signatureFieldsMax) {
    throw invalid(`a signature covers 1 to ${signatureFieldsMax} data fields`);
  }
  if (new Set(fields.map(({ name }) => name)).size !== fields.length) {
    throw invalid('the names of data fields must differ');
  }
  for (const { name, alphabet, charactersMax } of fields) {
    if (!/^[A-Z0-9][A-Z0-9 _-]{0,11}$/.test(name)) {
      throw invalid(
        'a data field has a name of 1 to 12 capital letters, digits, spaces, _ or -, which starts with a letter or digit',
      );
    }
    const most = alphabet === 'A' ? textFieldCharactersMax : hexFieldCharactersMax;
    if (!Number.isInteger(charactersMax) || charactersMax < 1 || charactersMax > most) {
      throw invalid(`data field ${name} has 1 to ${most} characters`);
    }
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
