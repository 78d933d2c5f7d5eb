import { algorithmMode } from '../domain/application.ts';
import { policyCatalogue } from '../domain/policy-catalogue.ts';
import {
  algorithmToJson,
  OathError,
  parseAlgorithmText,
  type ResponseAlgorithmJson,
} from '../oath/index.ts';
import { usageFailure } from './io.ts';

/** Readers of what people type; each throws a usage failure that says what is allowed. */

const daysMax = 3650;

/** The option that `readInstant` reads. */
export const expiresOption: readonly [string, string] = [
  '--expires <when>',
  'from then on refused: 2027-12-31 or never',
];

/** A point in time: ISO 8601 with a zone, a date, or null for the word that the option has for none. */
export function readInstant(
  option: string,
  text: string,
  none: 'never' | 'policy' = 'never',
): number | null {
  if (text === none) return null;
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const isInstant =
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  // A day that the month does not have would be taken for one of the next.
  const day = text.slice(0, 10);
  const dayMs = isDate || isInstant ? Date.parse(day) : Number.NaN;
  const isDay = !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(day);
  const atMs = isDay ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw usageFailure(`${option} takes 2027-12-31, 2027-12-31T12:00:00Z or ${none}`);
  }
  return atMs;
}

/** A number of seconds with its sign, e.g. `-90`; the server knows how many there may be. */
export function readSeconds(option: string, text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw usageFailure(`${option} takes whole seconds such as 90 or -90, not ${text}`);
}

/** How many characters something has; the server knows how many it may have. */
export function readCharacters(option: string, text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw usageFailure(`${option} takes a number of characters such as 4, not ${text}`);
}

/** A number of things; the server knows how many there may be. */
export function readWhole(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usageFailure(`${option} takes a whole number such as 7, not ${text}`);
}

/** A number of days, `60d`. */
export function readDays(option: string, text: string): number {
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1] ?? 0);
  if (days >= 1 && days <= daysMax) return days;
  throw usageFailure(`${option} takes whole days from 1d to ${daysMax}d, e.g. 60d`);
}

/** One application as typed: NAME=ALGORITHM. */
export interface TypedApplication {
  readonly name: string;
  readonly mode: 'response-only' | 'challenge-response' | PrefixedMode;
  readonly algorithm: ResponseAlgorithmJson;
}

/** Before the suite of an application that unlocks its device, or signs. */
export const modePrefixes = {
  unlock: 'unlock:',
  signature: 'sign:',
  'multi-mode': 'multi:',
} as const;
type PrefixedMode = keyof typeof modePrefixes;

const algorithmHelp =
  'HOTP-SHA1-6, TOTP-SHA1-6-30S, an OCRA suite such as OCRA-1:HOTP-SHA1-6:QN08-T30S, ' +
  'OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000 for clock and counter, HMAC-SHA1-CR for a key, ' +
  'or unlock:, sign: or multi: and a suite';

/** `TIME=TOTP-SHA1-6-30S`: an application's name and its algorithm; the server checks both. */
export function readApplication(text: string): TypedApplication {
  const split = text.indexOf('=');
  const name = text.slice(0, Math.max(split, 0));
  const typed = text.slice(split + 1);
  if (split < 1) throw usageFailure(`--application takes NAME=ALGORITHM, e.g. ${algorithmHelp}`);
  const modes = Object.keys(modePrefixes) as PrefixedMode[];
  const prefixed = modes.find((mode) => typed.startsWith(modePrefixes[mode]));
  const suite = prefixed === undefined ? typed : typed.slice(modePrefixes[prefixed].length);
  try {
    const algorithm = parseAlgorithmText(suite);
    const mode = prefixed ?? algorithmMode(algorithm);
    return { name, mode, algorithm: algorithmToJson(algorithm) };
  } catch (error) {
    if (!(error instanceof OathError)) throw error;
    throw usageFailure(`the algorithm of ${name} must be ${algorithmHelp} (${error.message})`);
  }
}

/**
 * `userLockThreshold=5`: a policy setting and its value. Lists are separated by commas; a value left
 * empty removes the setting, so that it is inherited again; a text that is empty is `""`.
 */
export function readPolicySetting(text: string): readonly [string, unknown] {
  const split = text.indexOf('=');
  if (split < 1) throw usageFailure(`a setting is NAME=VALUE, not ${text}`);
  const name = text.slice(0, split);
  const value = text.slice(split + 1);
  if (value === '') return [name, undefined];
  if (typeOf(name) === 'text') return [name, value === '""' ? '' : value];
  if (typeOf(name) === 'names') return [name, value === 'any' ? [] : value.split(',')];
  if (/^-?\d+$/.test(value)) return [name, Number(value)];
  if (value === 'true' || value === 'false') return [name, value === 'true'];
  return [name, value === 'null' ? null : value];
}

function typeOf(name: string): string | undefined {
  const catalogue = policyCatalogue as Readonly<Record<string, { range: { type: string } }>>;
  return Object.hasOwn(catalogue, name) ? catalogue[name]?.range.type : undefined;
}
