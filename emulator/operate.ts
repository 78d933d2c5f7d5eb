import { createDeviceClock } from './clock.ts';
import { autoOff, type DeviceInput, stepDevice } from './device.ts';
import type { Generated, UserInputs } from './generate.ts';
import type { Refusal } from './refusal.ts';
import type { VirtualToken } from './token.ts';

/**
 * What became of an operation. `token` is the token afterwards; keep it in place of the one given.
 * `generated` is null when a press only switched the display off.
 */
export type Operation =
  | {
      readonly ok: true;
      readonly token: VirtualToken;
      readonly generated: Generated | null;
      readonly deviceTimeMs: number;
    }
  | { readonly ok: false; readonly refusal: Refusal };

export interface PressOptions {
  /** May be left out when the token has one Response-Only application. */
  readonly applicationName?: string | undefined;
}

export interface RespondOptions extends Omit<UserInputs, 'challenge'> {
  /** May be left out when the token has one challenge/response application. */
  readonly applicationName?: string | undefined;
}

/**
 * One push of the button at a true time; on a keypad, the keys that lead to a Response-Only
 * application. On a model whose button first switches the display off, `generated` may be null.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function press(token: VirtualToken, trueMs: number, options: PressOptions = {}): Operation {
  const chosen = chooseApplication(token, 'response-only', options.applicationName);
  if ('refusal' in chosen) return { ok: false, refusal: chosen.refusal };
  if (token.hull.keys === 'one-button') return play(token, [{ kind: 'press' }], trueMs);
  return play(token, keysInto(token, chosen.name, trueMs), trueMs);
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
  let last: Operation = press(switchedOff(token), trueMs, options);
  for (let count = 1; count < times && last.ok; count += 1) {
    last = press(switchedOff(last.token), trueMs, options);
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
  const chosen = chooseApplication(token, 'challenge-response', options.applicationName);
  if ('refusal' in chosen) return { ok: false, refusal: chosen.refusal };
  const { devicePin, session } = options;
  const inputs: DeviceInput[] = [
    ...keysInto(token, chosen.name, trueMs),
    { kind: 'type', text: challenge },
    { kind: 'confirm', devicePin, session },
  ];
  return play(token, inputs, trueMs);
}

/**
 * Plays keys at one true time. Stops at the first refusal, and then nothing has happened.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function play(
  token: VirtualToken,
  inputs: readonly DeviceInput[],
  trueMs: number,
): Operation {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  let { state } = token;
  let generated: Generated | null = null;
  for (const input of inputs) {
    const step = stepDevice(token, state, input, deviceTimeMs);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'refused') return { ok: false, refusal: effect.refusal };
      generated = effect.generated;
    }
  }
  return { ok: true, token: { ...token, state }, generated, deviceTimeMs };
}

/** The keys that open an application on a keypad, whatever its display shows now. */
function keysInto(token: VirtualToken, name: string, trueMs: number): DeviceInput[] {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const isOn = autoOff(token, token.state, deviceTimeMs).screen.kind !== 'off';
  const keys: DeviceInput[] = isOn ? [{ kind: 'press' }, { kind: 'press' }] : [{ kind: 'press' }];
  if (token.applications.length > 1) keys.push({ kind: 'select', applicationName: name });
  return keys;
}

function switchedOff(token: VirtualToken): VirtualToken {
  return { ...token, state: { ...token.state, screen: { kind: 'off' } } };
}

type Mode = 'response-only' | 'challenge-response';

function chooseApplication(
  token: VirtualToken,
  mode: Mode,
  applicationName: string | undefined,
): { readonly name: string } | { readonly refusal: Refusal } {
  const all = token.applications.map(({ name, algorithm }) => {
    const own: Mode = algorithm.kind === 'challenge-response' ? algorithm.kind : 'response-only';
    return { name, fits: own === mode };
  });
  const fitting = all.filter(({ fits }) => fits);
  const [first] = fitting;
  if (applicationName === undefined && fitting.length > 1) {
    return { refusal: { code: 'application-ambiguous', names: fitting.map(({ name }) => name) } };
  }
  if (applicationName === undefined && first !== undefined) return first;
  const named = all.find(({ name }) => name === (applicationName ?? all[0]?.name));
  if (named === undefined) {
    return { refusal: { code: 'application-unknown', names: all.map(({ name }) => name) } };
  }
  if (named.fits) return named;
  const code = mode === 'response-only' ? 'challenge-needed' : 'challenge-superfluous';
  return { refusal: { code, applicationName: named.name } };
}
