import { hasLuhn } from '../../src/oath/index.ts';
import { challengeSpecOf, type DeviceApplication } from './application.ts';
import { generate, takesPin, type UserInputs } from './generate.ts';
import { isPin } from './pin.ts';
import { applicationAt, type Screen } from './screens.ts';
import type { Secret } from './secret.ts';
import { type Change, refuse, showing, type Turn, withoutFunction } from './turn.ts';

/** Makes a response and displays it; the event counter moves with every response made. */
export function show(turn: Turn, index: number, inputs: UserInputs): Change {
  const { device, state, deviceTimeMs } = turn;
  const application = applicationAt(device, index);
  const spec = challengeSpecOf(application);
  if (spec !== null && inputs.challenge === '') {
    return refuse(turn, { code: 'challenge-length', charactersMax: spec.charactersMax });
  }
  // Before everything else: a challenge that was mistyped is not worth a question, let alone a MAC.
  const isChecked = application.challengeCheckDigit && inputs.fields === undefined;
  if (isChecked && !hasLuhn(inputs.challenge ?? '')) {
    return refuse(turn, { code: 'challenge-check-digit' });
  }
  if (isOtherPin(turn, application, inputs.devicePin)) return refuse(turn, { code: 'pin-differs' });
  const eventCounter = state.eventCounters[index] ?? 0n;
  const generation = generate(application, eventCounter, deviceTimeMs, inputs);
  if (!generation.ok) return refuse(turn, generation.refusal);
  const { generated } = generation;
  const { response, hostCode } = generated;
  const next = generated.eventCounter === null ? eventCounter : generated.eventCounter + 1n;
  return {
    state: {
      ...state,
      screen: { kind: 'response', application: index, response, hostCode, sinceMs: deviceTimeMs },
      eventCounters: state.eventCounters.with(index, next),
    },
    effects: [{ kind: 'generated', generated }],
  };
}

/** The key that turns from the response to what the host has to show for it, and back. */
export function turnToHostCode(turn: Turn): Change {
  const { state, deviceTimeMs: sinceMs } = turn;
  const { screen } = state;
  if (screen.kind === 'host-code') return showing(state, { ...screen, kind: 'response', sinceMs });
  if (screen.kind !== 'response') return withoutFunction(turn);
  const { hostCode } = screen;
  if (hostCode === null) return refuse(turn, { code: 'host-code-none' });
  const { application, response } = screen;
  return showing(state, { kind: 'host-code', application, response, hostCode, sinceMs });
}

/** A long press, which shows the first of what the menu has; null where there is no such menu. */
export function openInfo({ device, state, deviceTimeMs }: Turn, heldMs: number): Change | null {
  const { infoMenu } = device.hull;
  const item = infoMenu?.items[0];
  if (infoMenu === undefined || item === undefined || heldMs < infoMenu.longPressMs) return null;
  return showing(state, { kind: 'info', item, sinceMs: deviceTimeMs });
}

/** The screen after a short press on one item: the next, or none. */
export function afterInfo(
  { device, deviceTimeMs }: Turn,
  { item }: Extract<Screen, { kind: 'info' }>,
): Screen {
  const items = device.hull.infoMenu?.items ?? [];
  const next = items[items.indexOf(item) + 1];
  if (next === undefined) return { kind: 'off' };
  return { kind: 'info', item: next, sinceMs: deviceTimeMs };
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
