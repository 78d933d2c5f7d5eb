import { algorithmTimeStepping, type ResponseAlgorithm } from '../../src/oath/index.ts';
import { EmulatorError } from '../errors.ts';
import type { ApplicationProgram } from './application.ts';
import type { PinPolicy } from './pin.ts';

/**
 * The body of a device. A one-button device has one Response-Only application; pressing while a
 * response is displayed makes the next one, or on some models only switches the display off. A
 * keypad device has a power key, a menu when it holds several applications, and digits, and may
 * ask for a PIN first. A device without keys has a display that is always on.
 */
export type Hull = (
  | {
      readonly keys: 'one-button';
      readonly autoOffMs: number;
      readonly pressWhileDisplayed: 'next' | 'switch-off';
    }
  | { readonly keys: 'keypad'; readonly autoOffMs: number; readonly pin: PinPolicy | null }
  | { readonly keys: 'none' }
) &
  HullParts;

export const hullKinds = ['one-button', 'keypad', 'none'] as const;

/** What a body of any kind may have. */
export interface HullParts {
  readonly infoMenu?: InfoMenu | undefined;
  /** How the display tells when the response goes: six bars, or one that shrinks. */
  readonly countdown?: 'bars' | 'bar' | undefined;
  /** Whether its owner may write the seed, and with it set the clock. */
  readonly isProgrammable?: boolean | undefined;
}

/** What a long press shows, and each short one after it the next of. */
export interface InfoMenu {
  readonly longPressMs: number;
  readonly items: readonly InfoItem[];
}

export const infoItems = ['time', 'battery', 'serial'] as const;
export type InfoItem = (typeof infoItems)[number];

const longPressMsMin = 500;
const longPressMsMax = 60_000;
const barsMax = 6;

/** How much of the present time step is left, by the device's clock. */
export interface StepLeft {
  readonly stepMs: number;
  /** 1 to `stepMs`. */
  readonly remainingMs: number;
}

/** How much of its time a response has left. */
export interface Countdown extends StepLeft {
  /** 1 to `barsMax` bars that are left; null where one shrinks. */
  readonly bars: number | null;
  readonly barsMax: number;
}

/** What is left of the time step of an algorithm, or null where it has none. */
export function stepLeftOf(algorithm: ResponseAlgorithm, deviceTimeMs: number): StepLeft | null {
  const stepping = algorithmTimeStepping(algorithm);
  if (stepping === undefined) return null;
  const stepMs = stepping.timeStepSeconds * 1000;
  const into = (deviceTimeMs - stepping.timeOriginSeconds * 1000) % stepMs;
  // The remainder of a negative number is negative: a clock before its origin.
  return { stepMs, remainingMs: stepMs - (into < 0 ? into + stepMs : into) };
}

/** What the countdown beside an application's response shows, or null where there is none. */
export function countdownOf(
  { countdown }: Pick<Hull, 'countdown'>,
  { algorithm }: Pick<ApplicationProgram, 'algorithm'>,
  deviceTimeMs: number,
): Countdown | null {
  const left = stepLeftOf(algorithm, deviceTimeMs);
  if (countdown === undefined || left === null) return null;
  const bars = countdown === 'bars' ? Math.ceil((left.remainingMs * barsMax) / left.stepMs) : null;
  return { ...left, bars, barsMax };
}

/**
 * What every body must satisfy with the applications in it.
 *
 * @throws EmulatorError input-invalid
 */
export function checkHull(hull: Hull, applications: readonly ApplicationProgram[]): void {
  const isResponseOnly = applications.every(({ mode }) => mode === 'response-only');
  if (hull.keys === 'one-button' && !(applications.length === 1 && isResponseOnly)) {
    throw invalid('a one-button token has exactly one Response-Only application');
  }
  const [only, ...others] = applications;
  if (hull.keys === 'none' && !(only?.algorithm.kind === 'time' && others.length === 0)) {
    throw invalid('a token without keys has exactly one application, with TOTP');
  }
  if (hull.keys !== 'keypad' && applications.some(({ hostCode }) => hostCode !== undefined)) {
    throw invalid('a host code needs a keypad');
  }
  if (hull.infoMenu !== undefined) checkInfoMenu(hull, hull.infoMenu);
}

function checkInfoMenu({ keys }: Hull, { longPressMs, items }: InfoMenu): void {
  if (keys === 'none') throw invalid('a token without keys has no menu behind a long press');
  const isLong = longPressMs >= longPressMsMin && longPressMs <= longPressMsMax;
  if (!Number.isSafeInteger(longPressMs) || !isLong) {
    throw invalid(`a long press has ${longPressMsMin} to ${longPressMsMax} ms`);
  }
  const isKnown = items.every((item) => infoItems.includes(item));
  if (items.length === 0 || !isKnown || new Set(items).size !== items.length) {
    throw invalid(`the menu behind a long press shows ${infoItems.join(', ')}, each once`);
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
