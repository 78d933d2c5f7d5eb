import type { Otp } from '../src/oath/index.ts';
import { type DeviceApplication, generate, type Generated, type UserInputs } from './generate.ts';
import type { Refusal } from './refusal.ts';
import type { Secret } from './secret.ts';

/**
 * The body of a device. A one-button device has one Response-Only application; pressing while a
 * response is displayed makes the next one, or on some models only switches the display off. A
 * keypad device has a power key, a menu when it holds several applications, and digits.
 */
export type Hull =
  | {
      readonly keys: 'one-button';
      readonly autoOffMs: number;
      readonly pressWhileDisplayed: 'next' | 'switch-off';
    }
  | { readonly keys: 'keypad'; readonly autoOffMs: number };

/** What never changes on a device: body, programs and keys. */
export interface Device {
  readonly hull: Hull;
  /** 1 to 8. */
  readonly applications: readonly DeviceApplication[];
}

/** What the display is doing. `application` is an index; `sinceMs` is device time. */
export type Screen =
  | { readonly kind: 'off' }
  | { readonly kind: 'menu'; readonly sinceMs: number }
  | {
      readonly kind: 'challenge';
      readonly application: number;
      readonly typed: string;
      readonly sinceMs: number;
    }
  | {
      readonly kind: 'response';
      readonly application: number;
      readonly response: Otp;
      readonly sinceMs: number;
    };

/** What changes: plain data, free of keys. */
export interface DeviceState {
  readonly screen: Screen;
  /** The next event counter of each application, 0 to 2^64 (exhausted). */
  readonly eventCounters: readonly bigint[];
}

/** One act of the person who holds the device. `press` is the one button, or the power key. */
export type DeviceInput =
  | { readonly kind: 'press' }
  | { readonly kind: 'select'; readonly applicationName: string }
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'clear' }
  | {
      readonly kind: 'confirm';
      readonly devicePin?: Secret | undefined;
      readonly session?: Uint8Array | undefined;
    }
  | { readonly kind: 'wait' };

/** What can be read off the device. */
export type Display =
  | { readonly kind: 'blank' }
  | { readonly kind: 'menu'; readonly applicationNames: readonly string[] }
  | { readonly kind: 'challenge'; readonly applicationName: string; readonly typed: string }
  | { readonly kind: 'response'; readonly applicationName: string; readonly response: Otp };

/** What a step did besides changing the display. A refusal changes nothing else. */
export type DeviceEffect =
  | { readonly kind: 'generated'; readonly generated: Generated }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface DeviceStep {
  readonly state: DeviceState;
  readonly display: Display;
  readonly effects: readonly DeviceEffect[];
}

export const applicationsMax = 8;

type Change = { readonly state: DeviceState; readonly effects: readonly DeviceEffect[] };

/** A device as it leaves the factory: switched off, counters at 0. */
export function initialState(device: Device): DeviceState {
  return { screen: { kind: 'off' }, eventCounters: device.applications.map(() => 0n) };
}

/**
 * One step of the device: a pure function of the device, its state, what its holder does and what
 * its own clock reads.
 *
 * @param deviceTimeMs Unix time in milliseconds, by the device's clock
 */
export function stepDevice(
  device: Device,
  state: DeviceState,
  input: DeviceInput,
  deviceTimeMs: number,
): DeviceStep {
  const awake = autoOff(device, state, deviceTimeMs);
  const { state: next, effects } = change(device, awake, input, deviceTimeMs);
  return { state: next, display: displayOf(device, next), effects };
}

/** The state once the display has had the chance to switch itself off. */
export function autoOff(device: Device, state: DeviceState, deviceTimeMs: number): DeviceState {
  const { screen } = state;
  if (screen.kind === 'off') return state;
  const shownMs = deviceTimeMs - screen.sinceMs;
  // A clock set back would otherwise keep an old response on display for as long as it was moved.
  const isOver = shownMs < 0 || shownMs >= device.hull.autoOffMs;
  return isOver ? off(state) : state;
}

/** What the display shows in a state. */
export function displayOf(device: Device, state: DeviceState): Display {
  const { screen } = state;
  switch (screen.kind) {
    case 'off':
      return { kind: 'blank' };
    case 'menu':
      return { kind: 'menu', applicationNames: device.applications.map(({ name }) => name) };
    case 'challenge': {
      const { name } = applicationAt(device, screen.application);
      return { kind: 'challenge', applicationName: name, typed: screen.typed };
    }
    case 'response': {
      const { name } = applicationAt(device, screen.application);
      return { kind: 'response', applicationName: name, response: screen.response };
    }
  }
}

function change(
  device: Device,
  state: DeviceState,
  input: DeviceInput,
  deviceTimeMs: number,
): Change {
  switch (input.kind) {
    case 'wait':
      return { state, effects: [] };
    case 'press':
      return press(device, state, deviceTimeMs);
    case 'select':
      return select(device, state, input.applicationName, deviceTimeMs);
    case 'type':
      return type(device, state, input.text, deviceTimeMs);
    case 'clear':
      if (state.screen.kind !== 'challenge') return withoutFunction(state);
      return unchangedBut(state, { ...state.screen, typed: '', sinceMs: deviceTimeMs });
    case 'confirm': {
      const { screen } = state;
      if (screen.kind !== 'challenge') return withoutFunction(state);
      const { devicePin, session } = input;
      const inputs = { challenge: screen.typed, devicePin, session };
      return show(device, state, screen.application, inputs, deviceTimeMs);
    }
  }
}

function press(device: Device, state: DeviceState, deviceTimeMs: number): Change {
  const isOn = state.screen.kind !== 'off';
  if (device.hull.keys === 'one-button') {
    const onlySwitchesOff = isOn && device.hull.pressWhileDisplayed === 'switch-off';
    return onlySwitchesOff
      ? { state: off(state), effects: [] }
      : show(device, state, 0, {}, deviceTimeMs);
  }
  if (isOn) return { state: off(state), effects: [] };
  if (device.applications.length === 1) return open(device, state, 0, deviceTimeMs);
  return unchangedBut(state, { kind: 'menu', sinceMs: deviceTimeMs });
}

function select(
  device: Device,
  state: DeviceState,
  applicationName: string,
  deviceTimeMs: number,
): Change {
  if (state.screen.kind !== 'menu') return withoutFunction(state);
  const index = device.applications.findIndex(({ name }) => name === applicationName);
  if (index >= 0) return open(device, state, index, deviceTimeMs);
  const names = device.applications.map(({ name }) => name);
  return refuse(state, { code: 'application-unknown', names });
}

/** Enters an application: asks for the challenge, or shows a response at once. */
function open(device: Device, state: DeviceState, index: number, deviceTimeMs: number): Change {
  if (challengeKeysOf(applicationAt(device, index)) === null) {
    return show(device, state, index, {}, deviceTimeMs);
  }
  const screen = {
    kind: 'challenge',
    application: index,
    typed: '',
    sinceMs: deviceTimeMs,
  } as const;
  return unchangedBut(state, screen);
}

function type(device: Device, state: DeviceState, text: string, deviceTimeMs: number): Change {
  const { screen } = state;
  const keys =
    screen.kind === 'challenge' ? challengeKeysOf(applicationAt(device, screen.application)) : null;
  if (screen.kind !== 'challenge' || keys === null) return withoutFunction(state);
  if (!keys.pattern.test(text)) {
    return refuse(state, { code: 'challenge-character', allowed: keys.allowed });
  }
  const typed = screen.typed + text;
  if (typed.length > keys.charactersMax) {
    return refuse(state, { code: 'challenge-length', charactersMax: keys.charactersMax });
  }
  return unchangedBut(state, { ...screen, typed, sinceMs: deviceTimeMs });
}

/** Makes a response and displays it; the event counter moves with every response made. */
function show(
  device: Device,
  state: DeviceState,
  index: number,
  inputs: UserInputs,
  deviceTimeMs: number,
): Change {
  const application = applicationAt(device, index);
  const keys = challengeKeysOf(application);
  if (keys !== null && inputs.challenge === '') {
    return refuse(state, { code: 'challenge-length', charactersMax: keys.charactersMax });
  }
  const eventCounter = state.eventCounters[index] ?? 0n;
  const generation = generate(application, eventCounter, deviceTimeMs, inputs);
  if (!generation.ok) return refuse(state, generation.refusal);
  const { generated } = generation;
  const { response } = generated;
  const next = generated.eventCounter === null ? eventCounter : generated.eventCounter + 1n;
  return {
    state: {
      screen: { kind: 'response', application: index, response, sinceMs: deviceTimeMs },
      eventCounters: state.eventCounters.with(index, next),
    },
    effects: [{ kind: 'generated', generated }],
  };
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

function applicationAt(device: Device, index: number): DeviceApplication {
  const application = device.applications[index];
  if (application === undefined) throw new RangeError('the state belongs to another device');
  return application;
}

function off(state: DeviceState): DeviceState {
  return { ...state, screen: { kind: 'off' } };
}

function unchangedBut(state: DeviceState, screen: Screen): Change {
  return { state: { ...state, screen }, effects: [] };
}

function refuse(state: DeviceState, refusal: Refusal): Change {
  return { state, effects: [{ kind: 'refused', refusal }] };
}

function withoutFunction(state: DeviceState): Change {
  return refuse(state, { code: 'key-without-function', screen: state.screen.kind });
}
