import { rolledBack, swapBattery } from '../physics/battery.ts';
import { createDeviceClock } from '../physics/clock.ts';
import type { Operation } from './operate.ts';
import { chargePercent, powerOf } from './power.ts';
import { type Display, displayOf, stateAt, switchedOff } from './screens.ts';
import type { VirtualToken } from './token.ts';

/** A display with what the bare device does not know: it is the token's. */
type WholeDisplay =
  | Exclude<Display, { readonly item: 'battery' | 'serial' }>
  | { readonly kind: 'info'; readonly item: 'battery'; readonly chargePercent: number }
  | { readonly kind: 'info'; readonly item: 'serial'; readonly serial: string };

/** What can be read off a token, with the sign that its battery is at its end. */
export type PoweredDisplay = WholeDisplay & { readonly isBatteryLow: boolean };

/** What the display shows at a true time; nothing once the battery is dead or out. */
export function displayAt(token: VirtualToken, trueMs: number): PoweredDisplay {
  const state = powerOf(token, trueMs);
  if (state === 'dead' || state === 'out') return { kind: 'battery-dead', isBatteryLow: false };
  const deviceTimeMs = createDeviceClock(token.clock).deviceTimeMs(trueMs);
  const shown = displayOf(token, stateAt(token, token.state, deviceTimeMs));
  const display = wholeDisplay(token, shown, trueMs);
  // A display that is off shows no sign either.
  return { ...display, isBatteryLow: state === 'low' && display.kind !== 'blank' };
}

function wholeDisplay(token: VirtualToken, display: Display, trueMs: number): WholeDisplay {
  if (display.kind !== 'info' || display.item === 'time') return display;
  const { kind, item } = display;
  return item === 'battery'
    ? { kind, item, chargePercent: chargePercent(token, trueMs) }
    : { kind, item, serial: token.serial };
}

export interface SwapOptions {
  /** How long the device is without battery. */
  readonly gapMs: number;
  /** By how much the clock is then set wrong, on a device that is set. */
  readonly settingErrorMs?: number | undefined;
}

/**
 * Takes the battery out at a true time and puts a new one in after a while; until then no key does
 * anything. Event counters fall back to what was written down.
 *
 * @throws EmulatorError input-invalid for a time before the last change of clock or battery
 */
export function changeBattery(
  token: VirtualToken,
  trueMs: number,
  { gapMs, settingErrorMs = 0 }: SwapOptions,
): Operation {
  const { battery, clock, state } = token;
  if (battery === null) return { ok: false, token, refusal: { code: 'battery-none' } };
  if (battery.replacement === null)
    return { ok: false, token, refusal: { code: 'battery-sealed' } };
  const swap = { outAtMs: trueMs, inAtMs: trueMs + gapMs, settingErrorMs };
  const swapped = swapBattery(battery, clock, swap);
  const eventCounters = swapped.hasLostPower
    ? state.eventCounters.map((eventCounter) => rolledBack(battery, eventCounter))
    : state.eventCounters;
  return {
    ok: true,
    token: {
      ...token,
      battery: swapped.battery,
      clock: swapped.clock,
      state: { ...switchedOff(state), eventCounters },
    },
    generated: null,
    deviceTimeMs: createDeviceClock(swapped.clock).deviceTimeMs(swap.inAtMs),
  };
}
