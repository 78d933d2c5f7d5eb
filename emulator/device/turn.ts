import type { Generated } from './generate.ts';
import type { DevicePorts } from './ports.ts';
import type { Refusal } from './refusal.ts';
import type { Device, DeviceState, Screen } from './screens.ts';

/**
 * What a step did besides changing the display. `refused`: nothing changed, except that the display
 * stays on for its time again. `failed`: a wrong PIN or code, and it counts, or two new PINs that
 * differ, and the device asks again.
 */
export type DeviceEffect =
  | { readonly kind: 'generated'; readonly generated: Generated }
  | { readonly kind: 'refused' | 'failed'; readonly refusal: Refusal }
  | { readonly kind: 'pin-set' | 'unlocked' };

/** All that one step works with. */
export interface Turn {
  readonly device: Device;
  readonly state: DeviceState;
  readonly deviceTimeMs: number;
  readonly ports: DevicePorts;
}

export interface Change {
  readonly state: DeviceState;
  readonly effects: readonly DeviceEffect[];
}

/** A state with another screen, and nothing else. */
export function showing(state: DeviceState, screen: Screen): Change {
  return { state: { ...state, screen }, effects: [] };
}

/** Even a key that is refused is a key: the display stays on for its time again. */
export function refuse({ state, deviceTimeMs }: Turn, refusal: Refusal): Change {
  const { screen } = state;
  const isOn = screen.kind !== 'off';
  return {
    state: isOn ? { ...state, screen: { ...screen, sinceMs: deviceTimeMs } } : state,
    effects: [{ kind: 'refused', refusal }],
  };
}

export function withoutFunction(turn: Turn): Change {
  return refuse(turn, { code: 'key-without-function', screen: turn.state.screen.kind });
}
