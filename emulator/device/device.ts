import { hasLuhn } from '../../src/oath/index.ts';
import type { DeviceApplication } from './application.ts';
import { generate, takesPin, type UserInputs } from './generate.ts';
import { initialPinState, isPin } from './pin.ts';
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
import {
  type Change,
  type DeviceEffect,
  refuse,
  showing,
  type Turn,
  withoutFunction,
} from './turn.ts';

/**
 * One act of the person who holds the device. `press` is the one button, or the power key. `pin` is
 * all digits of a PIN and the key that ends them, so that no state ever holds half a PIN; `confirm`
 * takes it again only for a suite that hashes it into the response.
 */
export type DeviceInput =
  | { readonly kind: 'press' }
  | { readonly kind: 'pin'; readonly devicePin: Secret }
  | { readonly kind: 'change-pin' }
  | { readonly kind: 'select'; readonly applicationName: string }
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'clear' }
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
  switch (input.kind) {
    case 'wait':
      return { state: turn.state, effects: [] };
    case 'press':
      return press(turn);
    case 'pin': {
      const { isOpen, ...entered } = enterPin(turn, input.devicePin);
      return isOpen ? enter(turn, entered) : entered;
    }
    case 'change-pin':
      return changePin(turn);
    case 'select':
      return select(turn, input.applicationName);
    case 'type':
      return type(turn, input.text);
    case 'clear':
      return clear(turn);
    case 'confirm':
      return confirm(turn, input);
  }
}

function press(turn: Turn): Change {
  const { device, state } = turn;
  const isOn = state.screen.kind !== 'off';
  if (device.hull.keys === 'one-button') {
    const onlySwitchesOff = isOn && device.hull.pressWhileDisplayed === 'switch-off';
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

/** Enters an application: asks for the challenge, or shows a response at once. */
function open(turn: Turn, index: number): Change {
  if (challengeKeysOf(applicationAt(turn.device, index)) === null) return show(turn, index, {});
  const sinceMs = turn.deviceTimeMs;
  return showing(turn.state, { kind: 'challenge', application: index, typed: '', sinceMs });
}

function type(turn: Turn, text: string): Change {
  const { device, state, deviceTimeMs } = turn;
  const { screen } = state;
  if (screen.kind === 'locked') return typeUnlockCode(turn, screen, text);
  const keys =
    screen.kind === 'challenge' ? challengeKeysOf(applicationAt(device, screen.application)) : null;
  if (screen.kind !== 'challenge' || keys === null) return withoutFunction(turn);
  if (!keys.pattern.test(text)) {
    return refuse(turn, { code: 'challenge-character', allowed: keys.allowed });
  }
  const typed = screen.typed + text;
  if (typed.length > keys.charactersMax) {
    return refuse(turn, { code: 'challenge-length', charactersMax: keys.charactersMax });
  }
  return showing(state, { ...screen, typed, sinceMs: deviceTimeMs });
}

function clear(turn: Turn): Change {
  const { screen } = turn.state;
  if (screen.kind !== 'challenge' && screen.kind !== 'locked') return withoutFunction(turn);
  return showing(turn.state, { ...screen, typed: '', sinceMs: turn.deviceTimeMs });
}

function confirm(turn: Turn, input: Extract<DeviceInput, { kind: 'confirm' }>): Change {
  const { screen } = turn.state;
  if (screen.kind === 'locked') return confirmUnlockCode(turn, screen);
  if (screen.kind !== 'challenge') return withoutFunction(turn);
  const { devicePin, session } = input;
  return show(turn, screen.application, { challenge: screen.typed, devicePin, session });
}

/** Makes a response and displays it; the event counter moves with every response made. */
function show(turn: Turn, index: number, inputs: UserInputs): Change {
  const { device, state, deviceTimeMs } = turn;
  const application = applicationAt(device, index);
  const keys = challengeKeysOf(application);
  if (keys !== null && inputs.challenge === '') {
    return refuse(turn, { code: 'challenge-length', charactersMax: keys.charactersMax });
  }
  // Before everything else: a challenge that was mistyped is not worth a question, let alone a MAC.
  if (application.challengeCheckDigit && !hasLuhn(inputs.challenge ?? '')) {
    return refuse(turn, { code: 'challenge-check-digit' });
  }
  if (isOtherPin(turn, application, inputs.devicePin)) return refuse(turn, { code: 'pin-differs' });
  const eventCounter = state.eventCounters[index] ?? 0n;
  const generation = generate(application, eventCounter, deviceTimeMs, inputs);
  if (!generation.ok) return refuse(turn, generation.refusal);
  const { generated } = generation;
  const { response } = generated;
  const next = generated.eventCounter === null ? eventCounter : generated.eventCounter + 1n;
  return {
    state: {
      ...state,
      screen: { kind: 'response', application: index, response, sinceMs: deviceTimeMs },
      eventCounters: state.eventCounters.with(index, next),
    },
    effects: [{ kind: 'generated', generated }],
  };
}

/** One PIN opens the device and goes into the response: no other is taken for the second. */
function isOtherPin(
  { state, ports }: Turn,
  application: DeviceApplication,
  devicePin: Secret | undefined,
): boolean {
  const verifier = state.pin?.verifier ?? null;
  if (verifier === null || devicePin === undefined || !takesPin(application)) return false;
  return !isPin(verifier, devicePin, ports);
}

interface ChallengeKeys {
  readonly pattern: RegExp;
  readonly allowed: string;
  readonly charactersMax: number;
}

const challengeAlphabets = {
  N: { pattern: /^[0-9]*$/, allowed: 'the digits 0 to 9' },
  H: { pattern: /^[0-9A-Fa-f]*$/, allowed: 'the hex digits 0 to 9 and A to F' },
  A: { pattern: /^[0-9A-Za-z]*$/, allowed: 'letters A to Z and digits' },
} as const;

/** Which keys enter a challenge (RFC 6287 section 6.3: QF), or null for Response-Only. */
function challengeKeysOf({ algorithm }: DeviceApplication): ChallengeKeys | null {
  if (algorithm.kind !== 'challenge-response') return null;
  const { question } = algorithm.suite.dataInput;
  if (question === undefined) return null;
  return { ...challengeAlphabets[question.format], charactersMax: question.maxLength };
}
