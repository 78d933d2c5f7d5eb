import {
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  type ResponseAlgorithm,
  stepInterval,
  timeStepAt,
} from '../../src/oath/index.ts';
import { type DeviceApplication, questionFormatOf } from '../device/application.ts';
import { displayAt } from '../device/operate-battery.ts';
import { pinStatus } from '../device/operate-pin.ts';
import type { Hull } from '../device/hull.ts';
import { type DeviceState, stateAt } from '../device/screens.ts';
import type { VirtualToken } from '../device/token.ts';
import { batteryStatus } from '../physics/battery.ts';
import { createDeviceClock, ratePpmAt } from '../physics/clock.ts';
import { lcdOf } from './lcd.ts';
import type { ApplicationView, BatteryView, Body, Extras, TokenView } from './wire.ts';

/**
 * What may be known of a token by who looks at it, at a true time: display, keys and status. Never
 * a seed, and nothing that tells a PIN.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function tokenView(token: VirtualToken, trueMs: number): TokenView {
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const state = stateAt(token, token.state, deviceTimeMs);
  const lcd = lcdOf(displayAt(token, trueMs), deviceTimeMs);
  const shown = applicationOnDisplay(token, state);
  return {
    serial: token.serial,
    model: token.model,
    body: bodyOf(token.hull),
    hasPin: state.pin !== null,
    hasHexKeys: token.applications.some(({ algorithm }) => questionFormatOf(algorithm) === 'H'),
    isLocked: pinStatus(token, trueMs)?.lock?.kind === 'unlock',
    isPaired: token.pairing.status !== 'requested',
    applications: token.applications.map((application, index) =>
      applicationView(application, state.eventCounters[index] ?? 0n),
    ),
    lcd,
    extras: extrasOf(shown),
    displayOff: lcd.isOn ? displayOffOf(token.hull, state, deviceTimeMs) : null,
    timeStep: shown === undefined ? null : timeStepOf(shown.algorithm, deviceTimeMs),
    clock: {
      errorMs: deviceTimeMs - trueMs,
      ratePpm: ratePpmAt(token.clock, trueMs),
      deviceTimeMs,
      preset: token.clock.drawn?.preset ?? null,
    },
    battery: batteryView(token, trueMs),
  };
}

function bodyOf({ keys }: Hull): Body {
  switch (keys) {
    case 'one-button':
      return 'fob';
    case 'keypad':
      return 'keypad';
    case 'none':
      return 'continuous';
  }
}

/** The one that the display is about; on a fob the only one, also while the display is off. */
function applicationOnDisplay(
  token: VirtualToken,
  { screen }: DeviceState,
): DeviceApplication | undefined {
  if ('application' in screen) return token.applications[screen.application];
  return token.applications.length === 1 ? token.applications[0] : undefined;
}

function applicationView(
  { name, mode, algorithm }: DeviceApplication,
  eventCounter: bigint,
): ApplicationView {
  return {
    name,
    mode,
    algorithm: algorithmText(algorithm),
    nextEventCounter: algorithmInputs(algorithm).eventCounter ? String(eventCounter) : null,
  };
}

function extrasOf(application: DeviceApplication | undefined): Extras {
  if (application === undefined) return { pin: false, session: false };
  const { pinHash, session } = algorithmInputs(application.algorithm);
  return { pin: pinHash, session };
}

function displayOffOf(
  hull: Hull,
  { screen }: DeviceState,
  deviceTimeMs: number,
): TokenView['displayOff'] {
  if (screen.kind === 'off' || hull.keys === 'none') return null;
  const { autoOffMs } = hull;
  return { remainingMs: screen.sinceMs + autoOffMs - deviceTimeMs, ofMs: autoOffMs };
}

function timeStepOf(algorithm: ResponseAlgorithm, deviceTimeMs: number): TokenView['timeStep'] {
  const stepping = algorithmTimeStepping(algorithm);
  if (stepping === undefined) return null;
  const { startMs, endMs } = stepInterval(timeStepAt(deviceTimeMs, stepping), stepping);
  return { stepMs: endMs - startMs, elapsedMs: deviceTimeMs - startMs };
}

function batteryView({ battery }: VirtualToken, trueMs: number): BatteryView | null {
  if (battery === null) return null;
  return { ...batteryStatus(battery, trueMs), isReplaceable: battery.replacement !== null };
}
