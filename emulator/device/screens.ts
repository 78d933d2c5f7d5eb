import { algorithmTimeStepping, type Otp, stepInterval } from '../../src/oath/index.ts';
import type { ApplicationProgram, DeviceApplication } from './application.ts';
import { generate } from './generate.ts';
import { type Countdown, countdownOf, type Hull, type InfoItem } from './hull.ts';
import type { PinState, PinVerifier } from './pin.ts';
import { lockAt, lockoutMs, wrongCodesMax } from './unlock.ts';

/** What never changes on a device: body, programs and keys. */
export interface Device {
  readonly hull: Hull;
  /** 1 to 8, at most one of them for unlocking. */
  readonly applications: readonly DeviceApplication[];
  /** Of the PIN that the device came with, if it did. */
  readonly initialPin: PinVerifier | null;
}

/**
 * What the display is doing. `application` is an index; `sinceMs` is the device time of the last
 * key. A PIN is never part of it: of a new one that waits for its confirmation, the verifier is.
 */
export type Screen =
  | { readonly kind: 'off' }
  | { readonly kind: 'pin' | 'new-pin'; readonly sinceMs: number }
  | { readonly kind: 'confirm-pin'; readonly newPin: PinVerifier; readonly sinceMs: number }
  | { readonly kind: 'locked'; readonly typed: string; readonly sinceMs: number }
  | { readonly kind: 'menu'; readonly sinceMs: number }
  | {
      readonly kind: 'challenge';
      readonly application: number;
      readonly typed: string;
      readonly sinceMs: number;
    }
  | {
      readonly kind: 'field';
      readonly application: number;
      /** The data fields before this one. */
      readonly entered: readonly string[];
      readonly typed: string;
      readonly sinceMs: number;
    }
  | {
      readonly kind: 'response';
      readonly application: number;
      readonly response: Otp;
      /** Null where the application has none. */
      readonly hostCode: Otp | null;
      readonly sinceMs: number;
    }
  | {
      readonly kind: 'host-code';
      readonly application: number;
      readonly response: Otp;
      readonly hostCode: Otp;
      readonly sinceMs: number;
    }
  /** Of the menu behind a long press. */
  | { readonly kind: 'info'; readonly item: InfoItem; readonly sinceMs: number };

/** What changes: plain data, free of seeds. */
export interface DeviceState {
  readonly screen: Screen;
  /** The next event counter of each application, 0 to 2^64 (exhausted). */
  readonly eventCounters: readonly bigint[];
  /** Null on a device without PIN. */
  readonly pin: PinState | null;
}

/** What can be read off the device. */
export type Display =
  | { readonly kind: 'blank' }
  /** Nothing, and no key changes that: `displayAt` knows the battery, the bare device does not. */
  | { readonly kind: 'battery-dead' }
  /** `failures` wrong PINs so far: FAIL n. */
  | { readonly kind: 'pin'; readonly failures: number }
  | { readonly kind: 'new-pin' | 'confirm-pin' | 'locked-for-good' }
  | {
      readonly kind: 'locked';
      readonly challenge: string;
      readonly typed: string;
      readonly codesLeft: number;
    }
  | { readonly kind: 'locked-out'; readonly untilDeviceTimeMs: number }
  | { readonly kind: 'menu'; readonly applicationNames: readonly string[] }
  | { readonly kind: 'challenge'; readonly applicationName: string; readonly typed: string }
  | {
      readonly kind: 'field';
      readonly applicationName: string;
      readonly fieldName: string;
      /** Which of the fields it is, from 1 to `count`. */
      readonly number: number;
      readonly count: number;
      readonly typed: string;
    }
  | { readonly kind: 'response'; readonly applicationName: string; readonly response: Otp }
  | { readonly kind: 'host-code'; readonly applicationName: string; readonly hostCode: Otp }
  /** What the clock read when the item was called up. */
  | { readonly kind: 'info'; readonly item: 'time'; readonly deviceTimeMs: number }
  /** Serial number and battery are the token's, not its state's. */
  | { readonly kind: 'info'; readonly item: Exclude<InfoItem, 'time'> };

/** The applications that a person can choose, with their indices: all but the one for unlocking. */
export function openApplications(device: {
  readonly applications: readonly ApplicationProgram[];
}): readonly { readonly name: string; readonly index: number }[] {
  return device.applications.flatMap(({ name, mode }, index) =>
    mode === 'unlock' ? [] : [{ name, index }],
  );
}

/** The application that takes unlock codes, if the device has one. */
export function unlockApplication(
  device: Pick<Device, 'applications'>,
): DeviceApplication | undefined {
  return device.applications.find(({ mode }) => mode === 'unlock');
}

/** @throws RangeError when the index is not one of this device's */
export function applicationAt(device: Device, index: number): DeviceApplication {
  const application = device.applications[index];
  if (application === undefined) throw new RangeError('the state belongs to another device');
  return application;
}

/** The state once the display has had the chance to go off, and a lockout to end. */
export function stateAt(device: Device, state: DeviceState, deviceTimeMs: number): DeviceState {
  if (device.hull.keys === 'none') return alwaysOn(device, state, deviceTimeMs);
  const { pin, screen } = state;
  const lock = pin?.lock ?? null;
  const present = lock === null ? null : lockAt(lock, deviceTimeMs);
  const settled =
    pin === null || present === lock ? state : { ...state, pin: { ...pin, lock: present } };
  return isOver(device.hull.autoOffMs, screen, deviceTimeMs) ? switchedOff(settled) : settled;
}

/** What a display without a switch shows: the response of the step, as long as there is one. */
function alwaysOn(device: Device, state: DeviceState, deviceTimeMs: number): DeviceState {
  const application = applicationAt(device, 0);
  const stepping = algorithmTimeStepping(application.algorithm);
  const generation = generate(application, 0n, deviceTimeMs, {});
  if (!generation.ok || stepping === undefined) return switchedOff(state);
  const { response, hostCode, timeStep } = generation.generated;
  const sinceMs = timeStep === null ? deviceTimeMs : stepInterval(timeStep, stepping).startMs;
  return { ...state, screen: { kind: 'response', application: 0, response, hostCode, sinceMs } };
}

/** What is typed, or waits for a confirmation, is forgotten. */
export function switchedOff(state: DeviceState): DeviceState {
  return state.screen.kind === 'off' ? state : { ...state, screen: { kind: 'off' } };
}

function isOver(autoOffMs: number, screen: Screen, deviceTimeMs: number): boolean {
  if (screen.kind === 'off') return false;
  const shownMs = deviceTimeMs - screen.sinceMs;
  // A clock set back would otherwise keep an old response on display for as long as it was moved.
  return shownMs < 0 || shownMs >= autoOffMs;
}

/** The countdown beside the response on display; null once the time step of that response is over. */
export function countdownAt(
  device: Device,
  { screen }: DeviceState,
  deviceTimeMs: number,
): Countdown | null {
  if (screen.kind !== 'response') return null;
  const application = applicationAt(device, screen.application);
  const countdown = countdownOf(device.hull, application, deviceTimeMs);
  if (countdown === null) return null;
  const intoStepMs = countdown.stepMs - countdown.remainingMs;
  return deviceTimeMs - screen.sinceMs > intoStepMs ? null : countdown;
}

/** What the display shows in a state. */
export function displayOf(device: Device, state: DeviceState): Display {
  const { screen } = state;
  if ('application' in screen) {
    return openDisplay(applicationAt(device, screen.application), screen);
  }
  switch (screen.kind) {
    case 'off':
      return { kind: 'blank' };
    case 'pin':
      return { kind: 'pin', failures: state.pin?.failures ?? 0 };
    case 'new-pin':
    case 'confirm-pin':
      return { kind: screen.kind };
    case 'locked':
      return lockDisplay(state, screen.typed);
    case 'menu':
      return { kind: 'menu', applicationNames: openApplications(device).map(({ name }) => name) };
    case 'info':
      return screen.item === 'time'
        ? { kind: 'info', item: screen.item, deviceTimeMs: screen.sinceMs }
        : { kind: 'info', item: screen.item };
  }
}

type OpenScreen = Extract<Screen, { readonly application: number }>;

/** What an application in use shows. */
function openDisplay({ name, fields = [] }: DeviceApplication, screen: OpenScreen): Display {
  switch (screen.kind) {
    case 'challenge':
      return { kind: 'challenge', applicationName: name, typed: screen.typed };
    case 'field': {
      const { entered, typed } = screen;
      const fieldName = fields[entered.length]?.name ?? '';
      const number = entered.length + 1;
      const { length: count } = fields;
      return { kind: 'field', applicationName: name, fieldName, number, count, typed };
    }
    case 'response':
      return { kind: 'response', applicationName: name, response: screen.response };
    case 'host-code':
      return { kind: 'host-code', applicationName: name, hostCode: screen.hostCode };
  }
}

function lockDisplay({ pin }: DeviceState, typed: string): Display {
  const lock = pin?.lock;
  if (lock?.kind !== 'unlock') return { kind: 'locked-for-good' };
  const { challenge, lockedOutSinceMs, wrongCodes } = lock;
  return lockedOutSinceMs === null
    ? { kind: 'locked', challenge, typed, codesLeft: wrongCodesMax - wrongCodes }
    : { kind: 'locked-out', untilDeviceTimeMs: lockedOutSinceMs + lockoutMs };
}
