import { type DeviceApplication, signs } from './application.ts';
import { createDeviceClock } from '../physics/clock.ts';
import { type DeviceInput, stepDevice } from './device.ts';
import { EmulatorError } from '../errors.ts';
import { type Generated, generate, takesPin, type UserInputs } from './generate.ts';
import { type DevicePorts, nodePorts, stretchingOnce } from './ports.ts';
import { afterPresses, powerRefusal } from './power.ts';
import type { Refusal } from './refusal.ts';
import {
  applicationAt,
  openApplications,
  stateAt,
  switchedOff,
  unlockApplication,
} from './screens.ts';
import type { Secret } from './secret.ts';
import type { VirtualToken } from './token.ts';
import { lockedOutForMs } from './unlock.ts';

/**
 * What became of an operation. `token` is the token afterwards in either case; keep it in place of
 * the one given, for a wrong PIN counts. `generated` is null when a press only switched the display
 * off.
 */
export type Operation =
  | {
      readonly ok: true;
      readonly token: VirtualToken;
      readonly generated: Generated | null;
      readonly deviceTimeMs: number;
    }
  | { readonly ok: false; readonly token: VirtualToken; readonly refusal: Refusal };

export interface PressOptions {
  /** May be left out when the token has one Response-Only application. */
  readonly applicationName?: string | undefined;
  /** On a keypad with a device PIN; the caller still owns and wipes it. */
  readonly devicePin?: Secret | undefined;
  /** How long after the press the response is to be submitted: the display must still be on. */
  readonly submitDelayMs?: number | undefined;
  readonly ports?: DevicePorts | undefined;
}

export interface RespondOptions extends Omit<PressOptions, 'applicationName'> {
  /** May be left out when the token has one challenge/response application. */
  readonly applicationName?: string | undefined;
  readonly session?: UserInputs['session'];
}

/**
 * One push of the button at a true time; on a keypad, the keys that lead to a Response-Only
 * application; without keys, a look at the display. On a model whose button first switches the
 * display off, `generated` may be null.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function press(token: VirtualToken, trueMs: number, options: PressOptions = {}): Operation {
  const chosen = chooseApplication(token, 'press', options.applicationName);
  if ('refusal' in chosen) return refusedAsIs(token, chosen.refusal);
  const refusal =
    powerRefusal(token, trueMs) ??
    submitRefusal(token, trueMs, options.submitDelayMs) ??
    pinRefusal(token, trueMs, options.devicePin, false);
  if (refusal !== null) return refusedAt(token, trueMs, refusal);
  if (token.hull.keys === 'none') return read(token, trueMs);
  const keys: readonly DeviceInput[] =
    token.hull.keys === 'one-button'
      ? [{ kind: 'press' }]
      : keysInto(token, chosen.name, trueMs, options.devicePin);
  return play(token, keys, trueMs, options.ports);
}

/**
 * Presses until `times` responses have been made, each displayed and left to go off: what a token
 * in a pocket does. Counters move by `times`; the result is the last response.
 *
 * @param times 1 or more
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function pressTimes(
  token: VirtualToken,
  trueMs: number,
  times: number,
  options: PressOptions = {},
): Operation {
  const each = { ...options, ports: stretchingOnce(options.ports ?? nodePorts) };
  let last: Operation = press(off(token), trueMs, each);
  for (let count = 1; count < times && last.ok; count += 1) {
    last = press(off(last.token), trueMs, each);
  }
  return last;
}

/**
 * Enters a challenge at a true time and reads the response.
 *
 * @param challenge as on the host's screen; the device refuses characters it has no key for
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function respond(
  token: VirtualToken,
  trueMs: number,
  challenge: string,
  options: RespondOptions = {},
): Operation {
  const chosen = chooseApplication(token, 'respond', options.applicationName);
  if ('refusal' in chosen) return refusedAsIs(token, chosen.refusal);
  const { devicePin, session } = options;
  const refusal =
    powerRefusal(token, trueMs) ??
    submitRefusal(token, trueMs, options.submitDelayMs) ??
    pinRefusal(token, trueMs, devicePin, true);
  if (refusal !== null) return refusedAt(token, trueMs, refusal);
  // Where the device itself has a PIN, the suite gets that one or none.
  const isForSuite = token.state.pin === null || takesPin(chosen);
  const inputs: DeviceInput[] = [
    ...keysInto(token, chosen.name, trueMs, devicePin),
    { kind: 'type', text: challenge },
    { kind: 'confirm', devicePin: isForSuite ? devicePin : undefined, session },
  ];
  return play(token, inputs, trueMs, stretchingOnce(options.ports ?? nodePorts));
}

/** What a display that is always on shows. */
function read(token: VirtualToken, trueMs: number): Operation {
  const played = play(token, [{ kind: 'wait' }], trueMs);
  if (!played.ok) return played;
  const generation = generate(applicationAt(token, 0), 0n, played.deviceTimeMs, {});
  return generation.ok
    ? { ...played, generated: generation.generated }
    : { ok: false, token: played.token, refusal: generation.refusal };
}

/**
 * Plays keys at one true time. Stops at the first one that is refused or that fails; what the keys
 * before it did stays done.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function play(
  token: VirtualToken,
  inputs: readonly DeviceInput[],
  trueMs: number,
  ports: DevicePorts = nodePorts,
): Operation {
  const withoutPower = powerRefusal(token, trueMs);
  if (withoutPower !== null) return refusedAsIs(token, withoutPower);
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  let { state } = token;
  let generated: Generated | null = null;
  let presses = 0;
  for (const input of inputs) {
    const step = stepDevice(token, state, input, deviceTimeMs, ports);
    state = step.state;
    for (const effect of step.effects) {
      if ('refusal' in effect) {
        const spent = afterPresses({ ...token, state }, presses);
        return { ok: false, token: spent, refusal: effect.refusal };
      }
      if (effect.kind !== 'generated') continue;
      generated = effect.generated;
      presses += 1;
    }
  }
  return { ok: true, token: afterPresses({ ...token, state }, presses), generated, deviceTimeMs };
}

/** The keys that switch a keypad on, whatever its display shows now. */
export function keysOn(token: VirtualToken, trueMs: number): DeviceInput[] {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const isOn = stateAt(token, token.state, deviceTimeMs).screen.kind !== 'off';
  return isOn ? [{ kind: 'press' }, { kind: 'press' }] : [{ kind: 'press' }];
}

/** Nothing was keyed in, so nothing changed. */
export function refusedAsIs(token: VirtualToken, refusal: Refusal): Operation {
  return { ok: false, token, refusal };
}

/** The same, except that the device has looked at its clock: a lockout ends, or begins anew. */
export function refusedAt(token: VirtualToken, trueMs: number, refusal: Refusal): Operation {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const state = stateAt(token, token.state, deviceTimeMs);
  return refusedAsIs(state === token.state ? token : { ...token, state }, refusal);
}

/** Why a device with a PIN is not open for use, whatever PIN is entered; or null. */
export function lockRefusal(token: VirtualToken, trueMs: number): Refusal | null {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const lock = stateAt(token, token.state, deviceTimeMs).pin?.lock ?? null;
  if (lock === null) return null;
  if (lock.kind === 'brick') return { code: 'locked-for-good' };
  const remainingMs = lockedOutForMs(lock, deviceTimeMs);
  return remainingMs === 0 ? { code: 'locked' } : { code: 'locked-out', remainingMs };
}

/** The keys that open an application on a keypad. */
export function keysInto(
  token: VirtualToken,
  name: string,
  trueMs: number,
  devicePin: Secret | undefined,
): DeviceInput[] {
  const keys = keysOn(token, trueMs);
  if (token.state.pin !== null && devicePin !== undefined) keys.push({ kind: 'pin', devicePin });
  if (openApplications(token).length > 1) keys.push({ kind: 'select', applicationName: name });
  return keys;
}

function off(token: VirtualToken): VirtualToken {
  return { ...token, state: switchedOff(token.state) };
}

/** Whether nobody could have read the response by the time it is to be submitted. */
export function submitRefusal(
  { hull, clock }: VirtualToken,
  trueMs: number,
  submitDelayMs = 0,
): Refusal | null {
  if (!Number.isSafeInteger(submitDelayMs) || submitDelayMs < 0) {
    throw new EmulatorError('input-invalid', 'a submit delay is a whole number from 0 on');
  }
  if (hull.keys === 'none') return null;
  const deviceClock = createDeviceClock(clock);
  // The device counts the time of its display by its own clock.
  const shownMs =
    deviceClock.deviceTimeMs(trueMs + submitDelayMs) - deviceClock.deviceTimeMs(trueMs);
  const isOn = shownMs >= 0 && shownMs < hull.autoOffMs;
  return isOn ? null : { code: 'display-off', autoOffMs: hull.autoOffMs };
}

export function pinRefusal(
  token: VirtualToken,
  trueMs: number,
  devicePin: Secret | undefined,
  mayBeForSuite: boolean,
): Refusal | null {
  const { pin } = token.state;
  if (pin === null) {
    return devicePin === undefined || mayBeForSuite ? null : { code: 'pin-none' };
  }
  const refusal = lockRefusal(token, trueMs);
  if (refusal !== null) return refusal;
  if (pin.verifier === null || pin.mustChange) return { code: 'pin-needs-setting' };
  return devicePin === undefined ? { code: 'pin-missing' } : null;
}

/** What is asked of an application: a response at a press, to a challenge, or over data fields. */
export type Use = 'press' | 'respond' | 'sign';

/** The application that is named, or the only one that can be used so. */
export function chooseApplication(
  token: VirtualToken,
  use: Use,
  applicationName: string | undefined,
): DeviceApplication | { readonly refusal: Refusal } {
  const open = openApplications(token).map(({ index }) => applicationAt(token, index));
  const fitting = open.filter((application) => canBeUsed(application, use));
  const [first] = fitting;
  if (applicationName === undefined && fitting.length > 1) {
    return { refusal: { code: 'application-ambiguous', names: fitting.map(({ name }) => name) } };
  }
  if (applicationName === undefined && first !== undefined) return first;
  if (applicationName !== undefined && applicationName === unlockApplication(token)?.name) {
    return { refusal: { code: 'application-unlocks', applicationName } };
  }
  const named = open.find(({ name }) => name === (applicationName ?? open[0]?.name));
  if (named === undefined) {
    return { refusal: { code: 'application-unknown', names: open.map(({ name }) => name) } };
  }
  if (canBeUsed(named, use)) return named;
  return { refusal: { code: misuseCode(named, use), applicationName: named.name } };
}

function canBeUsed(application: DeviceApplication, use: Use): boolean {
  const { mode } = application;
  switch (use) {
    case 'press':
      return mode === 'response-only';
    case 'respond':
      return mode === 'challenge-response' || mode === 'multi-mode';
    case 'sign':
      return signs(application);
  }
}

function misuseCode(
  { mode }: DeviceApplication,
  use: Use,
): 'challenge-needed' | 'challenge-superfluous' | 'fields-needed' | 'fields-superfluous' {
  if (use === 'sign') return 'fields-superfluous';
  if (mode === 'signature') return 'fields-needed';
  return use === 'press' ? 'challenge-needed' : 'challenge-superfluous';
}
