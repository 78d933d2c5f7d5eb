import { algorithmInputs, algorithmText } from '../../src/oath/index.ts';
import { challengeSpecOf, type DeviceApplication, signs } from '../device/application.ts';
import { type Hull, stepLeftOf } from '../device/hull.ts';
import { displayAt } from '../device/operate-battery.ts';
import { pinStatus } from '../device/operate-pin.ts';
import { formOfModel } from '../device/profiles.ts';
import { countdownAt, type DeviceState, stateAt } from '../device/screens.ts';
import type { VirtualToken } from '../device/token.ts';
import { batteryStatus } from '../physics/battery.ts';
import { createDeviceClock, ratePpmAt } from '../physics/clock.ts';
import { lcdOf } from './lcd.ts';
import type { BatteryView, Body, Extras, Make, TokenView } from './wire.ts';

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
    make: makeOf(token),
    isLocked: pinStatus(token, trueMs)?.lock?.kind === 'unlock',
    nextEventCounters: token.applications.map(({ algorithm }, index) =>
      algorithmInputs(algorithm).eventCounter ? String(state.eventCounters[index] ?? 0n) : null,
    ),
    lcd,
    extras: extrasOf(shown, state),
    signsNext: shown !== undefined && signs(shown) && state.screen.kind === 'challenge',
    displayOff: lcd.isOn ? displayOffOf(token.hull, state, deviceTimeMs) : null,
    timeStep: shown === undefined ? null : stepLeftOf(shown.algorithm, deviceTimeMs),
    countdown: lcd.isOn ? countdownAt(token, state, deviceTimeMs) : null,
    clock: {
      errorMs: deviceTimeMs - trueMs,
      ratePpm: ratePpmAt(token.clock, trueMs),
      deviceTimeMs,
      preset: token.clock.drawn?.preset ?? null,
    },
    battery: batteryView(token, trueMs),
  };
}

function makeOf({ model, hull, applications, battery, pairing }: VirtualToken): Make {
  return {
    model,
    body: bodyOf(hull),
    form: formOfModel(model),
    hasPin: hull.keys === 'keypad' && hull.pin !== null,
    hasHexKeys: applications.some(takesHex),
    hasSignKey: applications.some(({ mode }) => mode === 'multi-mode'),
    hasHostCodeKey: applications.some(({ hostCode }) => hostCode !== undefined),
    longPressMs: hull.infoMenu?.longPressMs ?? null,
    isProgrammable: hull.isProgrammable === true,
    hasBattery: battery !== null,
    isPaired: pairing.status !== 'requested',
    applications: applications.map(({ name, mode, algorithm }) => ({
      name,
      mode,
      algorithm: algorithmText(algorithm),
    })),
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

/** Whether hex digits are keyed in, as a challenge or as a data field. */
function takesHex(application: DeviceApplication): boolean {
  const { fields = [] } = application;
  return (
    challengeSpecOf(application)?.format === 'H' || fields.some(({ alphabet }) => alphabet === 'H')
  );
}

/** The one that the display is about; on a fob the only one, also while the display is off. */
function applicationOnDisplay(
  token: VirtualToken,
  { screen }: DeviceState,
): DeviceApplication | undefined {
  if ('application' in screen) return token.applications[screen.application];
  return token.applications.length === 1 ? token.applications[0] : undefined;
}

function extrasOf(application: DeviceApplication | undefined, { screen }: DeviceState): Extras {
  // Of data fields only the last one makes a response.
  const isBeforeLast =
    screen.kind === 'field' && screen.entered.length + 1 < (application?.fields?.length ?? 0);
  if (application === undefined || isBeforeLast) return { pin: false, session: false };
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

function batteryView({ battery }: VirtualToken, trueMs: number): BatteryView | null {
  if (battery === null) return null;
  return { ...batteryStatus(battery, trueMs), isReplaceable: battery.replacement !== null };
}
