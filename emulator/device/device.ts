import { challengeSpecOf } from './application.ts';
import { askForFields, confirmField, firstField, typeField } from './field-keys.ts';
import { initialPinState } from './pin.ts';
import {
  changePin,
  confirmUnlockCode,
  enterPin,
  screenBeforeUse,
  typeUnlockCode,
} from './pin-keys.ts';
import { type DevicePorts, nodePorts } from './ports.ts';
import {
  applicationAt,
  type Device,
  type DeviceState,
  type Display,
  displayOf,
  openApplications,
  stateAt,
  switchedOff,
} from './screens.ts';
import type { Secret } from './secret.ts';
import { afterInfo, openInfo, show, turnToHostCode } from './show.ts';
import { alphabets } from './signature-fields.ts';
import {
  type Change,
  type DeviceEffect,
  refuse,
  showing,
  type Turn,
  withoutFunction,
} from './turn.ts';

/**
 * One act of the person who holds the device. `press` is the one button, or the power key; held for
 * long, it opens the menu of a device that has one. `pin` is all digits of a PIN and the key that
 * ends them, so that no state ever holds half a PIN; `confirm` takes it again only for a suite that
 * hashes it into the response. `sign` leads from the challenge of a multi-mode application to its
 * data fields, `host-code` from a response to the code that the host has to show, and back.
 */
export type DeviceInput =
  | { readonly kind: 'press'; readonly heldMs?: number | undefined }
  | { readonly kind: 'pin'; readonly devicePin: Secret }
  | { readonly kind: 'change-pin' | 'clear' | 'sign' | 'host-code' }
  | { readonly kind: 'select'; readonly applicationName: string }
  | { readonly kind: 'type'; readonly text: string }
  | {
      readonly kind: 'confirm';
      readonly devicePin?: Secret | undefined;
      readonly session?: Uint8Array | undefined;
    }
  | { readonly kind: 'wait' };

export interface DeviceStep {
  readonly state: DeviceState;
  readonly display: Display;
  readonly effects: readonly DeviceEffect[];
}

export const applicationsMax = 8;

/** A device as it leaves the factory: switched off, counters at 0, with its initial PIN if any. */
export function initialState(device: Device): DeviceState {
  const policy = device.hull.keys === 'keypad' ? device.hull.pin : null;
  return {
    screen: { kind: 'off' },
    eventCounters: device.applications.map(() => 0n),
    pin: policy === null ? null : initialPinState(policy, device.initialPin),
  };
}

/**
 * One step of the device: a pure function of the device, its state, what its holder does and what
 * its own clock reads. Only a new PIN's salt and an unlock challenge are drawn, from `ports`.
 *
 * @param deviceTimeMs Unix time in milliseconds, by the device's clock
 */
export function stepDevice(
  device: Device,
  state: DeviceState,
  input: DeviceInput,
  deviceTimeMs: number,
  ports: DevicePorts = nodePorts,
): DeviceStep {
  const present = stateAt(device, state, deviceTimeMs);
  const turn = { device, state: present, deviceTimeMs, ports };
  const { state: next, effects } = change(turn, input);
  return { state: next, display: displayOf(device, next), effects };
}

function change(turn: Turn, input: DeviceInput): Change {
  if (isFunctionKey(input)) return functionKeys[input.kind](turn);
  switch (input.kind) {
    case 'wait':
      return { state: turn.state, effects: [] };
    case 'press':
      return press(turn, input.heldMs ?? 0);
    case 'pin': {
      const { isOpen, ...entered } = enterPin(turn, input.devicePin);
      return isOpen ? enter(turn, entered) : entered;
    }
    case 'select':
      return select(turn, input.applicationName);
    case 'type':
      return type(turn, input.text);
    case 'confirm':
      return confirm(turn, input);
  }
}

function isFunctionKey(
  input: DeviceInput,
): input is Extract<DeviceInput, { readonly kind: keyof typeof functionKeys }> {
  return Object.hasOwn(functionKeys, input.kind);
}

/** Keys that need nothing but to be pressed. */
const functionKeys = {
  'change-pin': changePin,
  clear,
  sign: askForFields,
  'host-code': turnToHostCode,
} as const;

function press(turn: Turn, heldMs: number): Change {
  const { device, state } = turn;
  const { hull } = device;
  if (hull.keys === 'none') return refuse(turn, { code: 'keys-none' });
  const info = openInfo(turn, heldMs);
  if (info !== null) return info;
  if (state.screen.kind === 'info') return showing(state, afterInfo(turn, state.screen));
  const isOn = state.screen.kind !== 'off';
  if (hull.keys === 'one-button') {
    const onlySwitchesOff = isOn && hull.pressWhileDisplayed === 'switch-off';
    return onlySwitchesOff ? { state: switchedOff(state), effects: [] } : show(turn, 0, {});
  }
  if (isOn) return { state: switchedOff(state), effects: [] };
  const first = screenBeforeUse(turn);
  return first === null ? enter(turn, { state, effects: [] }) : showing(state, first);
}

/** To the menu, or into the only application. */
function enter(turn: Turn, { state, effects }: Change): Change {
  const [only, ...others] = openApplications(turn.device);
  const entered =
    only === undefined || others.length > 0
      ? showing(state, { kind: 'menu', sinceMs: turn.deviceTimeMs })
      : open({ ...turn, state }, only.index);
  return { state: entered.state, effects: [...effects, ...entered.effects] };
}

function select(turn: Turn, applicationName: string): Change {
  if (turn.state.screen.kind !== 'menu') return withoutFunction(turn);
  const all = openApplications(turn.device);
  const chosen = all.find(({ name }) => name === applicationName);
  if (chosen !== undefined) return open(turn, chosen.index);
  return refuse(turn, { code: 'application-unknown', names: all.map(({ name }) => name) });
}

/** Enters an application: asks for the challenge or the first data field, or shows a response at once. */
function open(turn: Turn, index: number): Change {
  const application = applicationAt(turn.device, index);
  const sinceMs = turn.deviceTimeMs;
  if (application.mode === 'signature') return showing(turn.state, firstField(index, sinceMs));
  if (challengeSpecOf(application) === null) return show(turn, index, {});
  return showing(turn.state, { kind: 'challenge', application: index, typed: '', sinceMs });
}

function type(turn: Turn, text: string): Change {
  const { device, state, deviceTimeMs } = turn;
  const { screen } = state;
  if (screen.kind === 'locked') return typeUnlockCode(turn, screen, text);
  if (screen.kind === 'field') return typeField(turn, screen, text);
  const spec =
    screen.kind === 'challenge' ? challengeSpecOf(applicationAt(device, screen.application)) : null;
  if (screen.kind !== 'challenge' || spec === null) return withoutFunction(turn);
  const { pattern, allowed } = alphabets[spec.format];
  if (!pattern.test(text)) return refuse(turn, { code: 'challenge-character', allowed });
  const typed = screen.typed + text;
  const { charactersMax } = spec;
  if (typed.length > charactersMax)
    return refuse(turn, { code: 'challenge-length', charactersMax });
  return showing(state, { ...screen, typed, sinceMs: deviceTimeMs });
}

function clear(turn: Turn): Change {
  const { screen } = turn.state;
  const isTyped =
    screen.kind === 'challenge' || screen.kind === 'field' || screen.kind === 'locked';
  if (!isTyped) return withoutFunction(turn);
  return showing(turn.state, { ...screen, typed: '', sinceMs: turn.deviceTimeMs });
}

function confirm(turn: Turn, input: Extract<DeviceInput, { kind: 'confirm' }>): Change {
  const { screen } = turn.state;
  const { devicePin, session } = input;
  if (screen.kind === 'locked') return confirmUnlockCode(turn, screen);
  if (screen.kind === 'field') return confirmField(turn, screen, { devicePin, session });
  if (screen.kind !== 'challenge') return withoutFunction(turn);
  return show(turn, screen.application, { challenge: screen.typed, devicePin, session });
}
